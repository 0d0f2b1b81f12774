package rules

import (
	"feedmill/schema"
)

func plantedReferences() []planted {
	return []planted{
		{code: codeRefCategory, edits: one(full, `<category id="2" xml:lang="pol" name="Kuchnia/Deski"/>`, `<category id="99" xml:lang="pol" name="Kuchnia/Deski"/>`), where: `category "99" is not in categories.xml`},
		{code: codeRefProducer, edits: one(change, `<producer id="11"`, `<producer id="99"`), where: change},
		{code: codeRefUnit, edits: one(full, `<unit id="5"`, `<unit id="99"`)},
		{code: codeRefSeries, edits: one(full, `<series id="31"`, `<series id="99"`)},
		{code: codeRefWarranty, edits: one(full, `<warranty id="41"`, `<warranty id="99"`)},
		{code: codeRefSizeGroup, edits: one(full, `iaiext:group_id="7"`, `iaiext:group_id="99"`)},
		{code: codeRefSizeGroup, edits: one("sizes.xml", `<group id="-1"`, `<group id="1"`)},
		{code: codeRefSize, edits: both(one("sizes.xml", `<size id="M"`, `<size id="L"`))},
		{code: codeSizeOtherGroup, edits: one(full, `iaiext:group_id="7"`, `iaiext:group_id="8"`), where: `size "S" is in another group`},
		{code: codeSizeOtherGroup, edits: both(one(full, ` iaiext:group_id="7"`, ""), one("sizes.xml", `<size id="98" name="98">`, `<size id="M" name="M">`), one("sizes.xml", `<size id="M" name="M">`, `<size id="L" name="L">`), one(change, ` iaiext:group_id="7"`, "")),
			also: []string{codeSizeGroup}, where: "no group of sizes.xml holds all"},
		{code: codeSizeGroup, edits: one(full, ` iaiext:group_id="7"`, "")},
		{code: codeRefStock, edits: one(light, `<stock id="1"`, `<stock id="3"`)},
		{code: codeRefSection, edits: one(full, `type="section" id="60"`, `type="section" id="99"`)},
		{code: codeRefParameter, edits: one(full, `type="parameter" id="61"`, `type="parameter" id="99"`)},
		{code: codeRefValue, edits: one(full, `<value id="62"`, `<value id="99"`)},
		{code: codeRefGroup, edits: one(full, `first_product_id="101"`, `first_product_id="999"`), where: `product[1]/group`},
		{code: codeRefGroup, edits: one(full, `<group id="101" first_product_id="101">`, `<group id="999">`)},
		{code: codeRefComponent, edits: bundle("999"), also: []string{codeBundleNested}, where: "/offer/products/product[1]/bundled/product[1]"},
		{code: codeDictDuplicate, edits: one("categories.xml", `<category id="4"`, `<category id="1"`), also: []string{codeRefCategory, codeCategoryPath}},
		{code: codeDictDuplicate, edits: one("sizes.xml", `<size id="M" name="M">`, `<size id="S" name="M">`), also: []string{codeRefSize}},
		{code: codeDictDuplicate, edits: one("parameters.xml", `<value id="63"`, `<value id="62"`), also: []string{codeRefValue}},
		{code: codeDictID, edits: one("stocks.xml", `name="Magazyn północny"`, `name=""`)},
		{code: codeDictID, edits: one("stocks.xml", ` id="2"`, ``)},
		{code: codeCategoryLoop, edits: one("categories.xml", `<category id="3" name="Fartuchy">`, `<category id="3" name="Fartuchy"><category id="1" name="Kuchnia"/>`)},
		{code: codeCategoryLoop, edits: one("series.xml", `<series id="31" name="Las">`, `<series id="31" name="Las"><series id="31" name="Las"/>`)},
		{code: codeCategoryPath, edits: one(full, `name="Kuchnia/Deski"`, `name="Deski"`)},
		{code: codeCategorySeparator, edits: one(full, `name="Kuchnia/Deski"`, `name="Kuchnia\Deski"`), also: []string{codeCategoryPath}},
	}
}

// bundle makes product 101 a set with one component.
func bundle(component string) []edit {
	return both(one(full, head101, `<product id="101" currency="PLN" code_on_card="WS-101" producer_code_standard="GTIN13" type="bundle" vat="23.0" site="1">`),
		one(full, "      <parameters>\n", `      <bundled type="specified"><product id="`+component+`" quantity="1" type="client_chooses_size"/></bundled>`+"\n      <parameters>\n"))
}

func plantedProducts() []planted {
	withoutSizes := both(one(full, `<product id="105"`, `<product id="106" currency="PLN" vat="23.0">
      <category id="1" xml:lang="pol" name="Kuchnia"/><unit id="0" name="szt."/><card url="https://shop.example.com/106.html"/>
      <description><name xml:lang="pol"><![CDATA[Łyżka]]></name></description><price gross="1.23" net="1.00"/></product>
    <product id="105"`), one(light, `<product id="105"`, `<product id="106" vat="23.0"><price gross="1.23" net="1.00"/><sizes><size id="uniw" code="106-uniw" weight="5"><price gross="1.23" net="1.00"/><stock id="1" quantity="0"/></size></sizes></product>
    <product id="105"`))
	const sizes103 = `<sizes iaiext:group_name="Jeden rozmiar" iaiext:group_id="-1">
        <size id="uniw" name="uniwersalny" panel_name="uniwersalny" code="103-uniw" code_producer="5900000010304" iaiext:code_external="WS-103-uniw" weight="420">
          <price gross="67.65" net="55.00"/>
          <stock id="1" quantity="0" available_stock_quantity="0" stock_quantity="0"/>
        </size>
      </sizes>`
	return []planted{
		{code: codeProductDuplicate, edits: both(one(full, head104, `<product id="105" currency="PLN" producer_code_standard="GTIN13" vat="23.0">`)), also: []string{codeChangeUnknown}},
		{code: codeProductDuplicate, edits: one(light, `<product id="103"`, `<product id="101"`), also: []string{codeLightMissing, codeLightCode, codeLightSRP}},
		{code: codeProductID, edits: both(one(full, head104, `<product id="M4" currency="PLN" vat="23.0" producer_code_standard="GTIN13">`), one(tomb, `id="104"`, `id="M4"`)), where: `the id is "M4"`},
		{code: codeChildTwice, edits: one(full, "<card ", `<card url="https://shop.example.com/p/1.html"/><card `)},
		{code: codeChildTwice, edits: one(full, `<category id="2"`, `<category id="1" xml:lang="pol" name="Kuchnia"/><category id="2"`)},
		{code: codeChildTwice, edits: one(light, `<price gross="55.35" net="45.00"/>`, `<price gross="55.35" net="45.00"/><price gross="55.35" net="45.00"/>`)},
		{code: codeChildTwice, edits: one(full, `<category id="4" xml:lang="pol" name="Oleje"/>`, `<category id="4" xml:lang="pol" name="Oleje"/><category id="4" xml:lang="pol" name="Oleje"/>`), where: "category stands there twice in pol"},
		{code: codeWarrantyTwo, edits: one(full, "<card ", `<warranty id="42" type="seller" period="12" xml:lang="pol" name="Rok"/><card `)},
		{code: codeProductName, edits: both(one(full, name101, ""), one(full, `<name xml:lang="eng"><![CDATA[Oak board]]></name>`, ""))},
		{code: codeProductCategory, edits: one(full, `<category id="4" xml:lang="pol" name="Oleje"/>`, "")},
		{code: codeProductUnit, edits: one(full, `<unit id="0" xml:lang="pol" name="szt."/>`, "")},
		{code: codeProductCard, edits: one(full, `<card url="https://shop.example.com/p/103.html"/>`, "")},
		{code: codeProductVAT, edits: one(full, ` vat="23.0" site="1"`, ` site="1"`)},
		{code: codeProductSize, edits: withoutSizes},
		{code: codeProductSize, edits: one(full, sizes103, "<sizes iaiext:group_id=\"-1\"/>"), also: []string{schema.RuleMissing}},
		{code: codeProductPrice, edits: one(full, `<price gross="67.65" net="55.00"/>`, "")},
		{code: codeProductPrice, edits: one(light, `<price gross="60.89" net="49.50"/>`, "")},
		{code: codeSizePrice, edits: one(full, price101+"\n          ", "")},
		{code: codeSizeStock, edits: one(light, `<stock id="1" quantity="21"/>`, "")},
		{code: codeFullEmpty, add: map[string]string{full: emptyOffer}, only: []string{full}},
		{code: codeRemoved, edits: one(full, head104, head104[:len(head104)-1]+` removed="yes">`)},
		{code: codeBundleType, edits: one(full, `type="regular"`, `type="bundle"`)},
		{code: codeBundleType, edits: one(full, "      <parameters>\n", `      <bundled type="specified"><product id="102" quantity="1" type="client_chooses_size"/></bundled>`+"\n      <parameters>\n"), also: []string{codeBundleNested}},
		{code: codeBundleSelf, edits: bundle("101"), also: []string{codeBundleNested}},
		{code: codeBundleNested, edits: bundle("105")},
		{code: codeBundlePrice, edits: both(bundle("105"), one(full, `type="client_chooses_size"/>`, `type="client_chooses_size"><price gross="1.23" net="1.00"/></product>`)), also: []string{codeBundleNested, schema.RuleNotAllowed}},
		{code: codeBundlePrice, edits: both(bundle("105"), one(full, `type="client_chooses_size"/>`, `type="client_chooses_size"><stock id="1" quantity="1"/></product>`)), also: []string{codeBundleNested, schema.RuleNotAllowed}},
		{code: codeWarrantyPeriod, edits: one(full, `period="24"`, `period="730"`)},
		{code: codeWarrantyPeriod, edits: one("warranties.xml", `period_number="24"`, `period_number="730"`)},
		{code: codeWarrantyTerms, edits: one("warranties.xml", ` type="producer" period_number="24"`, ``), where: "terms has no type and period_number"},
		{code: codeWarrantyTerms, edits: one("warranties.xml", ` period_unit="month"`, ``), where: "terms has no period_unit"},
		{code: codeWarrantyTerms, edits: one("warranties.xml", `type="producer"`, `type="maker"`), where: `the type is "maker"`},
		{code: codeWarrantyTerms, edits: one("warranties.xml", `period_unit="month"`, `period_unit="year"`), where: `the unit is "year"`},
		{code: codeWarrantyTerms, edits: one("warranties.xml", `period_number="24"`, `period_number="1.5"`), where: `the period is "1.5"`},
		{code: codeUnitName, edits: one(full, `name="szt."`, `name="100 szt."`)},
	}
}

func plantedCodes() []planted {
	return []planted{
		{code: codeCodeDuplicate, edits: both(one(full, `code="103-uniw"`, `code="101-uniw"`), one(light, `code="103-uniw"`, `code="101-uniw"`))},
		{code: codeCodeMissing, edits: one(full, ` code="101-uniw"`, "")},
		{code: codeSizeDuplicate, edits: one(change, `<size id="M"`, `<size id="S"`), also: []string{codeLightCode, codeLightSizeUnknown}},
		{code: codeSizeDuplicate, edits: one(light, `<size id="M"`, `<size id="S"`), also: []string{codeLightCode, codeLightSizeMissing}},
		{code: codeSizeID, edits: one(light, `<size id="uniw" name="uniwersalny"`, `<size name="uniwersalny"`)},
		{code: codeGTINCheck, edits: one(full, ean101, `code_producer="5900000010107"`)},
		{code: codeGTINCheck, edits: both(isbn("ISBN10"), one(full, ean101, `code_producer="0306406153"`))},
		{code: codeGTINLength, edits: one(full, ean101, `code_producer="590000001010"`)},
		{code: codeGTINChars, edits: one(full, ean101, `code_producer="WS101"`)},
		{code: codeGTINHyphens, edits: both(isbn("ISBN13"), one(full, ean101, `code_producer="978-0-306-40615-7"`))},
		{code: codeGTINStandard, edits: one(full, ` producer_code_standard="GTIN13"`, "")},
		{code: codeGTINDoubtful, edits: both(one(full, `"GTIN13"`, `"AUTO"`), one(full, ean101, `code_producer="5900000010107"`))},
		{code: codeGTINSwapped, edits: both(one(full, `"GTIN13"`, `"OTHER"`), one(full, ean101, `code_producer="WS101"`), one(full, `iaiext:code_external="WS-101-uniw"`, `iaiext:code_external="5900000010106"`))},
	}
}

func isbn(standard string) []edit { return one(full, `"GTIN13"`, `"`+standard+`"`) }
