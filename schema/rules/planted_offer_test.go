package rules

import (
	"strings"

	"feedmill/schema"
)

func plantedPrices() []planted {
	return []planted{
		{code: codePriceVAT, edits: every(full, `gross="67.65" net="55.00"`, `gross="67.68" net="55.00"`), where: "makes 67.65"},
		{code: codePriceVAT, edits: one(light, `gross="88.56" net="72.00"`, `gross="88.56" net="70.00"`)},
		{code: codePriceVAT, edits: both(one(light, `<product id="102" vat="23.0">`, `<product id="102">`), one(light, `gross="88.56" net="72.00"`, `gross="88.56" net="70.00"`)), where: "light.xml"},
		{code: codePriceIncomplete, edits: one(light, `gross="88.56" net="72.00"`, `gross="88.56"`)},
		{code: codePriceNegative, edits: one(light, `gross="88.56" net="72.00"`, `gross="-88.56" net="-72.00"`)},
		{code: codePriceDigits, edits: one(full, `gross="61.50" net="50.00"`, `gross="61.5" net="50"`)},
		{code: codeCurrency, edits: one(full, `currency="PLN" code_on_card="WS-105"`, `currency="EUR" code_on_card="WS-105"`)},
		{code: codeCurrency, edits: one(light, `currency="PLN"`, `currency="EUR"`)},
		{code: codeCurrency, edits: every(change, `currency="PLN"`, `currency="EUR"`), where: `the currency is "EUR", and that of full is "PLN"`},
		// Where products is silent, a product speaks for the file.
		{code: codeCurrency, edits: both(one(full, `<products currency="PLN"`, `<products`), one(full, `currency="PLN" code_on_card="WS-105"`, `currency="EUR" code_on_card="WS-105"`)), where: `that of a product before it is "PLN"`},
		{code: codeCurrency, edits: both(one(full, `<products currency="PLN"`, `<products`), one(light, `currency="PLN"`, `currency="EUR"`)), where: "light.xml"},
		{code: codeCurrencyMissing, edits: both(every(change, ` currency="PLN"`, "")), where: "neither products nor 1 of 1 products in it name a currency"},
		{code: codeCurrencyMissing, edits: every(full, ` currency="PLN"`, ""), where: "full.xml:3:3  /offer/products  IOF-CURRENCY-MISSING  neither products nor 5 of 5 products", once: true},
	}
}

func plantedStock() []planted {
	const three = `quantity="21" available_stock_quantity="21" stock_quantity="21"`
	return []planted{
		{code: codeQuantityFraction, edits: one(full, three, `quantity="21.000" available_stock_quantity="21" stock_quantity="21"`)},
		{code: codeQuantityFraction, edits: one(full, three, `quantity="21" available_stock_quantity="21" stock_quantity="21.000"`)},
		{code: codeQuantityFraction, edits: one(light, `quantity="2.500"`, `quantity="2.5001"`)},
		{code: codeQuantityFraction, edits: one(light, `quantity="21"`, `quantity="21.5"`), where: "light.xml"},
		{code: codeQuantityUnlimited, edits: one(light, `quantity="21"`, `quantity="-1"`)},
		{code: codeQuantityMissing, edits: one(light, ` quantity="21"`, ``)},
		{code: codeQuantityThree, edits: one(full, three, `quantity="21" available_stock_quantity="20" stock_quantity="21"`)},
		{code: codeStockSeveral, edits: one(light, `<stock id="1" quantity="21"/>`, `<stock id="1" quantity="20"/><stock id="2" quantity="1"/>`)},
		{code: codeStockDuplicate, edits: one(light, `<stock id="1" quantity="21"/>`, `<stock id="1" quantity="20"/><stock id="1" quantity="1"/>`), also: []string{codeStockSeveral}},
		{code: codeWeight, edits: one(light, `weight="420"`, `weight="0.42"`)},
	}
}

func plantedTexts() []planted {
	text := func(new string) []edit { return one(full, name101, new) }
	picture := `url="https://shop.example.com/gfx/101_1.jpg"`
	return []planted{
		{code: codeTextMixed, edits: text(`<name xml:lang="pol">Deska <![CDATA[dębowa]]></name>`)},
		{code: codeTextMixed, edits: text(`<name xml:lang="pol"><![CDATA[Deska ]]><![CDATA[dębowa]]></name>`)},
		{code: codeTextMixed, edits: one("units.xml", "<![CDATA[szt.]]>", "<![CDATA[szt.]]>.")},
		{code: codeTextMixed, edits: one(gateway, "<![CDATA[wierzbowa]]>", "<![CDATA[wierz]]>bowa")},
		{code: codeTextMixed, edits: one(full, `<iaiext:meta_title xml:lang="pol">`, `<iaiext:meta_title xml:lang="pol">Oto `)},
		{code: codeTextEscaped, edits: text(`<name xml:lang="pol">Deska dębowa</name>`)},
		{code: codeTextLink, edits: one(full, `<img src="https://shop.example.com/gfx/d.jpg">`, `<img src="/gfx/d.jpg">`), where: `"/gfx/d.jpg"`},
		{code: codeTextLink, edits: one(full, `<a href="https://shop.example.com/porady">`, `<a class="x" HREF = porady.html>`), where: `"porady.html"`},
		{code: codeLangMissing, edits: one(full, `<name xml:lang="pol"><![CDATA[Karta]]></name>`, `<name><![CDATA[Karta]]></name>`)},
		{code: codeLangMissing, edits: one("units.xml", ` xml:lang="pol"`, ``)},
		{code: codeLangFirst, edits: both(text(``), one(full, `<name xml:lang="eng"><![CDATA[Oak board]]></name>`, `<name xml:lang="eng"><![CDATA[Oak board]]></name>`+name101))},
		{code: codeLangCode, edits: one(full, `<name xml:lang="eng">`, `<name xml:lang="en">`), where: `"en" instead of eng`},
		{code: codeLangCode, edits: one(full, `<name xml:lang="eng">`, `<name xml:lang="deu">`), where: `"deu" instead of ger`},
		{code: codeLangCode, edits: one("units.xml", `<name xml:lang="eng">`, `<name xml:lang="ENG">`), where: `instead of eng`},
		{code: codeLangTwice, edits: text(name101 + name101)},
		{code: codeImagePriority, edits: one(full, `iaiext:priority="2"`, `iaiext:priority="3"`)},
		{code: codeImagePriority, edits: one(full, `iaiext:priority="2" `, ``)},
		{code: codeImageURL, edits: one(full, picture, `url="/gfx/101_1.jpg"`)},
		{code: codeImageURL, edits: one(full, "https://shop.example.com/gfx/101_i.jpg", "http://shop.example.com/gfx/101_i.jpg")},
		{code: codeImageAmpersand, edits: one(full, picture, `url="https://shop.example.com/gfx?p=101&amp;n=1"`)},
		{code: codeImageHash, edits: both(one(full, ` changed="2026-01-20 20:50:21"/>`, `/>`), one(full, ` hash="7f975a56c761db6506eca0b37ce6ec87"`, ``))},
		{code: codeLinkURL, edits: one(full, `<card url="https://shop.example.com/p/101.html"/>`, `<card url="/p/101.html"/>`)},
		{code: codeLinkURL, edits: one(full, `url="https://shop.example.com/f/101.pdf"`, `url="f/101.pdf"`)},
	}
}

// light103 is the whole of product 103 in light.
const light103 = `    <product id="103" vat="23.0">
      <price gross="60.89" net="49.50"/>
      <sizes>
        <size id="uniw" name="uniwersalny" panel_name="uniwersalny" code="103-uniw" code_producer="5900000010304" iaiext:code_external="WS-103-uniw" weight="420">
          <price gross="60.89" net="49.50"/>
          <stock id="1" quantity="0"/>
        </size>
      </sizes>
    </product>
`

// emptyOffer is an offer without products.
const emptyOffer = `<?xml version="1.0" encoding="UTF-8"?>
<offer file_format="IOF" version="3.0" extensions="yes" generated="2026-03-02 09:05:00"><products currency="PLN" language="pol"/></offer>`

func plantedLight() []planted {
	sizes103 := light103[len("    <product id=\"103\" vat=\"23.0\">\n      <price gross=\"60.89\" net=\"49.50\"/>\n") : len(light103)-len("    </product>\n")]
	price103 := `<price gross="60.89" net="49.50"/>`
	sizeM := `        <size id="M" name="M" panel_name="m" code="102-M"`
	return []planted{
		{code: codeLightMissing, edits: one(light, light103, ""), where: "product 103 is not in light"},
		{code: codeLightUnknown, edits: one(light, `<product id="105" vat="23.0">`, `<product id="777" vat="23.0">`), also: []string{codeLightMissing}},
		{code: codeLightRemoved, edits: one(light, `code="104-uniw" code_producer="5900000010403" iaiext:code_external="WS-104-uniw" weight="420">
          <price gross="33.21" net="27.00"/>
          <stock id="1" quantity="0"/>`, `code="104-uniw" weight="420">
          <price gross="33.21" net="27.00"/>
          <stock id="1" quantity="6"/>`), where: "was removed and has stock"},
		{code: codeLightEmpty, add: map[string]string{light: emptyOffer}, only: []string{light}},
		{code: codeLightForeign, edits: one(light, "      <sizes>\n", "      <description/>\n      <sizes>\n"), also: []string{schema.RuleNotAllowed, codeEmpty}},
		{code: codeLightForeign, edits: one(light, "      <sizes>\n", "      <iaiext:meta_title/>\n      <sizes>\n"), also: []string{schema.RuleNotAllowed}},
		{code: codeLightNoSize, edits: one(light, sizes103, "")},
		{code: codeLightNoSize, edits: one(light, sizes103, "<sizes/>"), also: []string{schema.RuleMissing}},
		{code: codeLightNoPrice, edits: both(one(light, sizes103, "<sizes/>"), one(light, `<price gross="60.89" net="49.50"/>`, "")), also: []string{schema.RuleMissing, codeLightNoSize}},
		{code: codeLightNoPrice, edits: every(light, `<price gross="60.89" net="49.50"/>`, ""), also: []string{codeSizePrice}},
		{code: codeLightSizeUnknown, edits: one(light, `<size id="uniw"`, `<size id="0"`), also: []string{codeRefSize}},
		// The newest change file of a product says which sizes it has.
		{code: codeLightSizeUnknown, edits: []edit{{file: change, old: `        <size id="M"`, new: `        <!--<size id="M"`}, {file: change, old: `stock_quantity="9"/>
        </size>`, new: `stock_quantity="9"/>
        </size>-->`}}, where: `size "M" has stock, and a change file took it from product "102"`},
		{code: codeLightSizeMissing, edits: []edit{{file: light, old: sizeM, new: "        <!--" + sizeM}, {file: light, old: `<stock id="1" quantity="9"/>
        </size>`, new: `<stock id="1" quantity="9"/>
        </size>-->`}}},
		{code: codeLightCode, edits: one(light, `code="101-uniw"`, `code="101-0"`)},
		{code: codeLightVAT, edits: one(light, `<product id="102" vat="23.0">`, `<product id="102" vat="8.0">`), also: []string{codePriceVAT}},
		{code: codeLightFree, edits: one(light, light103, strings.NewReplacer(`"60.89"`, `"0.00"`, `"49.50"`, `"0.00"`, `quantity="0"`, `quantity="5"`).Replace(light103)), where: `light.xml:27:5  /offer/products/product[3]  IOF-LIGHT-FREE  product "103" has stock at a price of 0`},
		{code: codeLightFree, edits: one(light, light103, strings.NewReplacer("          "+price103+"\n", "", `"60.89"`, `"0"`, `"49.50"`, `"0"`, `quantity="0"`, `quantity="-1"`).Replace(light103)), also: []string{codeSizePrice, codeQuantityUnlimited}},
		{code: codeLightAbove, edits: every(light, `gross="88.56" net="72.00"`, `gross="123.00" net="100.00"`)},
		{code: codeLightSRP, edits: one(light, `<srp gross="79.95" net="65.00"/>`, ``)},
		{code: codeSRPDiffers, edits: one(light, `gross="79.95" net="65.00"`, `gross="86.10" net="70.00"`)},
		{code: codeStockOdds, edits: both(one(light, `generated="2026-03-02 09:05:00"`, `generated="2026-03-02 09:00:00"`), one(light, `quantity="21"`, `quantity="20"`))},
	}
}

func plantedChanges() []planted {
	return []planted{
		{code: codeChangePartial, edits: both(one(change, `<price gross="98.40" net="80.00"/>
      <sizes`, `<sizes`)), where: "the product has no price"},
		{code: codeChangePartial, edits: one(tomb, `<product id="104" removed="yes"/>`, `<product id="105" vat="23.0"><category id="4" xml:lang="pol" name="Oleje"/><unit id="5" name="litr"/><card url="https://shop.example.com/p/105.html"/></product>`), also: []string{}, where: "description/name, price and sizes"},
		{code: codeChangeEmpty, edits: one(tomb, `<product id="104" removed="yes"/>`, ``)},
		{code: codeChangeUnknown, edits: one(tomb, `id="104"`, `id="999"`)},
	}
}

func plantedTimes() []planted {
	return []planted{
		{code: codeDateForm, edits: one(light, `generated="2026-03-02 09:05:00"`, `generated="2026-03-02T09:05:00Z"`)},
		{code: codeDateForm, edits: one(full, `changed="2026-01-20 20:50:21"`, `changed="2026-01-20"`)},
		{code: codeDateForm, edits: one(full, `changed="2026-01-20 20:50:21"`, `changed="20 January"`)},
		{code: codeDateInvalid, edits: one(full, `changed="2026-01-20 20:50:21"`, `changed="2026-02-30 20:50:21"`)},
		{code: codeDateInvalid, edits: one("units.xml", `generated="2026-03-02 01:00:00"`, `generated="2026-03-02 25:00:00"`)},
		{code: codeGenerated, edits: one("units.xml", ` generated="2026-03-02 01:00:00"`, ``)},
		{code: codeExpired, edits: both(one("units.xml", `generated="2026-03-02 01:00:00" expires="2026-03-03 01:00:00"`, `generated="2026-02-02 01:00:00" expires="2026-02-03 01:00:00"`))},
		{code: codeExpired, edits: both(one(gateway, `created="2026-03-02 09:05:00"`, `created="2026-02-02 09:05:00"`), one(gateway, `expires="2026-03-09 09:05:00"`, `expires="2026-02-09 09:05:00"`))},
		{code: codeExpiresOrder, edits: one("units.xml", `expires="2026-03-03 01:00:00"`, `expires="2026-03-02 01:00:00"`)},
		{code: codeExpiresOrder, edits: one(gateway, `expires="2026-03-09 09:05:00"`, `expires="2026-03-02 09:00:00"`)},
		{code: codeVolatile, edits: one(full, `code_on_card="WS-101"`, `code_on_card="2026-03-02 01:00:00"`)},
		{code: codeVolatile, edits: one(full, `<value id="62" xml:lang="pol" name="dąb"/>`, `<value id="62" xml:lang="pol" name="2026-03-02T01:00:00"/>`)},
		{code: codeVolatile, edits: one(full, `<![CDATA[Deska do krojenia]]>`, `<![CDATA[2026-03-02 01:00:00]]>`)},
	}
}

func plantedGateway() []planted {
	const at = "https://feeds.example.com/o/wierzbowa/12/"
	newer := at + "full_change2026-03-02T09-00-00.xml"
	older := at + "full_change2026-03-02T08-30-00.xml"
	stocks := digestOf("stocks.xml")
	return []planted{
		{code: codeLabelOrder, edits: both(one(gateway, newer, "NEWER"), one(gateway, older, newer), one(gateway, "NEWER", older),
			one(gateway, `changed="2026-03-02 09:00:00"`, `changed="NEWER"`), one(gateway, `changed="2026-03-02 08:30:00"`, `changed="2026-03-02 09:00:00"`), one(gateway, `changed="NEWER"`, `changed="2026-03-02 08:30:00"`)),
			also: []string{codeHash}},
		// Without changed the stamps of the addresses say the order.
		{code: codeLabelOrder, edits: both(one(gateway, newer, "NEWER"), one(gateway, older, newer), one(gateway, "NEWER", older),
			one(gateway, ` changed="2026-03-02 09:00:00"`, ""), one(gateway, ` changed="2026-03-02 08:30:00"`, "")),
			also: []string{codeHash, codeChangedMissing}, where: "2026-03-02 09:00:00 follows the older 2026-03-02 08:30:00"},
		{code: codeLabelDuplicate, edits: one(gateway, "    </changes>", `      <change url="`+newer+`" hash="`+digestOf(tomb)+`" changed="2026-03-02 08:00:00"/>`+"\n    </changes>"), also: []string{codeLabelName}, where: "change[3]"},
		{code: codeLabelDuplicate, edits: one(gateway, `changed="2026-03-02 08:30:00"`, `changed="2026-03-02 09:00:00"`), also: []string{codeLabelName}},
		{code: codeLabelName, edits: one(gateway, `changed="2026-03-02 08:30:00"`, `changed="2026-03-02 08:30:01"`), where: "the stamp of the address is 2026-03-02 08:30:00"},
		{code: codeLabelName, edits: one(gateway, older, at+"full_change-2.xml"), where: "has no stamp"},
		{code: codeLabelName, edits: one(change, `generated="2026-03-02 08:30:00"`, `generated="2026-03-02 08:29:58"`), where: "name of the file says"},
		{code: codeLabelFuture, edits: one(gateway, `generated="2026-03-02 09:05:00"`, `generated="2026-03-02 09:04:00"`)},
		{code: codeHash, edits: one(gateway, stocks, "00000000000000000000000000000000"), where: "gateway.xml:35:"},
		{code: codeFileKind, edits: both(one(gateway, at+"series.xml", at+"stocks.xml"), one(gateway, digestOf("series.xml"), stocks)), also: []string{codeURLWord, codeHash}, where: "series has the address of stocks"},
		{code: codeFileMissing, edits: one(gateway, at+"stocks.xml", ""), where: "stocks has an empty address"},
		{code: codeHashForm, edits: one(gateway, stocks, "12-1"), where: `"12-1"`},
		{code: codeHashLight, edits: one(gateway, ` hash="`+digestOf("light.xml")+`"`, "")},
		{code: codeChangedMissing, edits: one(gateway, `stocks.xml" hash="`+stocks+`" changed="2026-03-02 01:00:00"`, `stocks.xml" hash="`+stocks+`"`)},
		{code: codeURLWord, edits: one(gateway, at+"stocks.xml", at+"9.xml")},
		{code: codeURLAmpersand, edits: one(gateway, at+"stocks.xml", at+"?a=1&amp;type=stocks")},
		{code: codeURLRelative, edits: one(gateway, at+"stocks.xml", "stocks.xml")},
		{code: codeURLPlain, edits: one(gateway, "https://feeds.example.com/o/wierzbowa/12/stocks", "http://feeds.example.com/o/wierzbowa/12/stocks")},
		{code: codeMeta, edits: one(gateway, "<![CDATA[Zalesie]]>", ""), where: "nothing is said in city"},
		{code: codeMeta, edits: one(gateway, "<![CDATA[wierzbowa]]>", "<![CDATA[wierzbowa spizarnia]]>"), where: "blanks"},
		{code: codeURLWord, edits: one(gateway, at+"stocks.xml", "https://stocks.example.com/9.xml"), where: "does not contain \"stocks\" behind its host"},
		{code: codeVersion, edits: one(gateway, `version="3.0"`, `version="2.6"`), where: `gateway.xml:2:1  /provider_description  IOF-VERSION  version is "2.6"`},
		{code: codeVersion, edits: one(gateway, `file_format="IOF"`, `file_format="BMEcat"`), where: `file_format is "BMEcat"`},
		{code: codeMetaTime, edits: one(gateway, `<offer expires="2026-03-09 09:05:00"/>`, `<offer/>`)},
	}
}
