package iof_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"feedmill/feed"
	"feedmill/feed/iof"
	"feedmill/schema/xmltok"
)

// readAll reads an offer and gives deep enough copies of its products, what was
// reported and what was removed.
func readAll(src io.Reader, opt iof.ReadOptions) (products []feed.Product, reports []string, removed []feed.ProductID, err error) {
	opt.Report = func(line int, product, field, message string, level iof.Level) {
		reports = append(reports, fmt.Sprintf("%d %s %s %s: %s", line, level, product, field, message))
	}
	opt.Removed = func(id feed.ProductID) { removed = append(removed, id) }
	for p, e := range iof.NewReader(src, opt).Products(context.Background()) {
		if e != nil {
			return products, reports, removed, e
		}
		c := *p
		c.Sizes = append([]feed.Size(nil), p.Sizes...)
		for i := range c.Sizes {
			c.Sizes[i].Stock = append([]feed.Stock(nil), c.Sizes[i].Stock...)
		}
		c.Parameters = append([]feed.Parameter(nil), p.Parameters...)
		for i := range c.Parameters {
			c.Parameters[i].Names = append(feed.Texts(nil), c.Parameters[i].Names...)
			c.Parameters[i].Values = append([]feed.ParameterValue(nil), c.Parameters[i].Values...)
		}
		c.Names, c.LongDescs, c.ShortDescs = append(feed.Texts(nil), p.Names...), append(feed.Texts(nil), p.LongDescs...), append(feed.Texts(nil), p.ShortDescs...)
		c.Meta, c.Images = append([]feed.MetaText(nil), p.Meta...), append([]feed.Image(nil), p.Images...)
		c.Attrs, c.Extensions = append([]feed.Attr(nil), p.Attrs...), append([]feed.Extension(nil), p.Extensions...)
		c.Attachments = append([]feed.Attachment(nil), p.Attachments...)
		products = append(products, c)
	}
	return products, reports, removed, nil
}

const offerStart = `<offer xmlns:iaiext="http://www.iai-shop.com/developers/iof/extensions.phtml" file_format="IOF" version="3.0"><products language="pol" currency="PLN">`

// offer wraps products.
func offer(products string) io.Reader {
	return strings.NewReader(offerStart + products + "</products></offer>")
}

// minor writes a price as gross/net minor units.
func minor(p feed.Price) string { return fmt.Sprintf("%d/%d", p.Gross.Minor(), p.Net.Minor()) }

// TestReadOldFile reads a file of version 2.6 as old programs write them.
func TestReadOldFile(t *testing.T) {
	t.Parallel()
	f, err := os.Open(filepath.Join("testdata", "read", "old.xml"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	products, reports, removed, err := readAll(f, iof.ReadOptions{Language: feed.MustLanguage("ger")})
	if err != nil {
		t.Fatal(err)
	}
	if len(products) != 1 || len(removed) != 1 || removed[0] != 7002 {
		t.Fatalf("%d products, removed %v, want 1 and 7002", len(products), removed)
	}
	p := &products[0]
	s := &p.Sizes[0]
	for _, c := range []struct{ what, got, want string }{
		{"currency", p.Currency.String(), "EUR"},
		{"site", fmt.Sprint(p.Site.Get()), "3 true"},
		{"attrs", fmt.Sprint(p.Attrs), "[{available yes} {product_free n} {site 3}]"},
		{"category", p.Category.ID + " " + flat(p.Category.Names), "31 ger:Garten/Grills|eng:Garden/Grills|fre:Jardin/Grils"},
		{"unit", p.Unit.ID + " " + flat(p.Unit.Names), "0 ger:Stk.|eng:pcs"},
		{"warranty", fmt.Sprint(p.Warranty.Kind, " ", p.Warranty.Months.Or(0), " ", flat(p.Warranty.Names)), "producer 24 ger:Herstellergarantie"},
		{"mobile address", p.MobileURL, "https://m.laden.example.com/7001.html"},
		{"names", flat(p.Names), `ger:Holzkohlegrill <Alpen>|eng:Charcoal grill "Alps"`},
		{"descriptions", flat(p.LongDescs), "ger:<p>Rost 50&nbsp;cm</p>|eng:<p>Grate <b>50</b> cm &amp; lid</p>"},
		{"meta", fmt.Sprint(p.Meta), "[{meta_title {72}  Grill}]"},
		// 118.999 is rounded to 119.00; 119.00 / 1.19 = 100.00
		{"price", minor(p.Prices.List), "11900/10000"},
		{"srp", minor(p.Prices.SRP), "0/0"},
		{"strikethrough", minor(p.Prices.StrikethroughRetail), "14280/12000"},
		{"wholesale price of the product's shop", minor(p.Prices.Wholesale), "9044/7600"},
		{"minimal", minor(p.Prices.Minimal), "8330/7000"}, // 70 * 1.19
		{"size group", p.SizeGroup.ID, feed.OneSizeGroup},
		{"size", fmt.Sprint(s.ID, " ", s.PanelName, " ", s.Code, " ", s.ProducerCode, " ", s.ExternalCode), "uniw uni 7001-0 4006381333931 ALP-50"},
		{"weight", fmt.Sprint(s.Weight, " ", s.WeightNet.Known()), "12500 false"},
		{"stock", fmt.Sprint(s.Stock[0].Warehouse, " ", s.Stock[0].Quantity, " ", s.Stock[1].Quantity, " ", s.Stock[1].LocationID), "1 7 1.5 B7"},
		{"image", p.Images[0].URL + " " + p.Images[0].Changed, "https://laden.example.com/7001.jpg 2016-08-01 10:00:00"},
		{"icon", p.AuctionIcon.URL + " " + p.AuctionIcon.Hash, "https://laden.example.com/7001a.jpg abc"},
		{"file", fmt.Sprint(p.Attachments[0].Enable, " ", p.Attachments[0].FileType, " ", p.Attachments[0].DownloadLog), "all doc y"},
		{"parameters", fmt.Sprint(len(p.Parameters), " ", p.Parameters[0].Section, " ", flat(p.Parameters[0].Names), " ", flat(p.Parameters[1].Names)), "2 true ger:Maße|eng:Dimensions ger:Breite|eng:Width"},
		{"value", fmt.Sprint(len(p.Parameters[1].Values), " ", p.Parameters[1].Context, " ", p.Parameters[1].Distinction, " ", flat(p.Parameters[1].Values[0].Names)), "1 CONTEXT_STD_UNIT_WIDTH_CM y ger:50|eng:50 "},
		{"responsible", fmt.Sprint(*p.Responsible), "{{1 KS Kessel & Sohn GmbH DE     hilfe@example.com } [{ P1 Anna Beispiel       }]}"},
		{"extensions", fmt.Sprint(p.Extensions), `[{sell_by <iaiext:sell_by><iaiext:retail quantity="1"/><iaiext:wholesale quantity="6"/></iaiext:sell_by>} {category_translation <iaiext:category_translation xml:lang="fre" value="Jardin/Grils"/>}]`},
	} {
		if c.what == "meta" {
			c.want = fmt.Sprintf("[{meta_title %v  Grill}]", feed.MustLanguage("ger"))
		}
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.what, c.got, c.want)
		}
	}
	if len(reports) != 1 || !strings.Contains(reports[0], "21 warning 7001 price/@gross: 118.999 has more decimals than EUR: rounded to 119.00") {
		t.Errorf("reports %q, want one of the rounded price", reports)
	}
}

// TestReadTolerance holds single oddities of real feeds.
func TestReadTolerance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, xml string
		show      func(p *feed.Product) string
		want      string
		warns     string // "" for no report at all
	}{
		{"price by net alone", `<price net="100"/>`, func(p *feed.Product) string { return minor(p.Prices.List) }, "12300/10000", ""},
		{"price by gross alone", `<price gross="123.00"/>`, func(p *feed.Product) string { return minor(p.Prices.List) }, "12300/10000", ""},
		{"gross beside a zero net", `<price gross="123.00" net="0"/>`, func(p *feed.Product) string { return minor(p.Prices.List) }, "12300/10000", ""},
		{"sides that disagree are kept", `<price gross="1563.6" net="1271.22"/>`, func(p *feed.Product) string { return minor(p.Prices.List) }, "156360/127122", ""},
		{"surplus decimals", `<price gross="10.005" net="8.13"/>`, func(p *feed.Product) string { return minor(p.Prices.List) }, "1001/813", "rounded to 10.01"},
		{"no price", ``, func(p *feed.Product) string { return minor(p.Prices.List) }, "0/0", ""},
		{"size price", `<sizes><size id="2" code="b"><price net="1" gross="1.23"/></size></sizes>`, func(p *feed.Product) string {
			return minor(p.Prices.List) + " " + minor(p.Sizes[len(p.Sizes)-1].Prices.List)
		}, "0/0 123/100", ""},
		{"own currency with three decimals", `<price net="1" gross="1.2345"/>`, func(p *feed.Product) string { return minor(p.Prices.List) }, "1235/1000", "more decimals than KWD"},
		{"unlimited", `<sizes><size id="2" code="b"><stock id="1" quantity="-1.000"/></size></sizes>`, func(p *feed.Product) string { return p.Sizes[1].Stock[0].Quantity.String() }, "-1", ""},
		{"below zero", `<sizes><size id="2" code="b"><stock id="1" quantity="-5"/></size></sizes>`, func(p *feed.Product) string { return p.Sizes[1].Stock[0].Quantity.String() }, "0", "below 0"},
		{"a comma", `<sizes><size id="2" code="b"><stock id="1" quantity="7,5"/></size></sizes>`, func(p *feed.Product) string { return p.Sizes[1].Stock[0].Quantity.String() }, "7.5", ""},
		{"no number", `<sizes><size id="2" code="b"><stock id="1" quantity="many"/></size></sizes>`, func(p *feed.Product) string { return fmt.Sprint(p.Sizes[1].Stock[0].Quantity.Known()) }, "false", "quantity \"many\""},
		{"stock without a warehouse", `<sizes><size id="2" code="b"><stock quantity="3"/></size></sizes>`, func(p *feed.Product) string {
			return fmt.Sprint(p.Sizes[1].Stock[0].Warehouse, p.Sizes[1].Stock[0].Quantity)
		}, "1 3", ""},
		{"weight of words", `<sizes><size id="2" code="b" weight="1 kg"/></sizes>`, func(p *feed.Product) string { return fmt.Sprint(p.Sizes[1].Weight.Known()) }, "false", "weight \"1 kg\""},
		{"weight with a comma", `<sizes><size id="2" code="b" weight="12,5"/></sizes>`, func(p *feed.Product) string { return p.Sizes[1].Weight.String() }, "12.5", ""},
		{"no code", `<sizes><size id="2"/></sizes>`, func(p *feed.Product) string { return p.Sizes[1].Code }, "1-2", "has no code"},
		{"extension twin loses", `<group id="1" first_product_id="2" iaiext:first_product_id="3"><group_by_parameter name="Kolor"><product_value name="zielony"/></group_by_parameter></group>`, func(p *feed.Product) string {
			return p.Group.First + " " + flat(p.Group.Parameter.Names) + " " + flat(p.Group.Value.Names)
		}, "2 pol:Kolor pol:zielony", ""},
		{"extension twin stands in", `<group id="1" iaiext:first_product_id="3"/>`, func(p *feed.Product) string { return p.Group.First }, "3", ""},
		{"trailing blank in an enumeration", `<bundled type="specified "><product id="9 " quantity="1.000" type="client_chooses_variant "/></bundled>`, func(p *feed.Product) string {
			return fmt.Sprint(p.Bundled.Specified, p.Bundled.Components)
		}, fmt.Sprint(true, []feed.Component{{ID: "9", Quantity: feed.Pieces(1), Choice: feed.ChooseVariant}}), ""},
		{"unknown context", `<parameters><parameter id="1" name="x" context_id="CONTEXT_MOOD"/></parameters>`, func(p *feed.Product) string { return p.Parameters[0].Context }, "", "CONTEXT_MOOD"},
		{"unprefixed context of old", `<parameters><parameter id="1" name="x" context_id="HEEL_HEIGHT"/></parameters>`, func(p *feed.Product) string { return p.Parameters[0].Context }, "HEEL_HEIGHT", ""},
		{"two values of one id and language", `<parameters><parameter id="1" name="x"><value id="2" name="a"/><value id="2" name="b"/></parameter></parameters>`, func(p *feed.Product) string { return fmt.Sprint(len(p.Parameters[0].Values)) }, "2", ""},
		{"untagged text", `<description><name>Nazwa</name></description>`, func(p *feed.Product) string { return flat(p.Names) }, "pol:Nazwa", ""},
		{"second text in a language", `<description><name xml:lang="pol">a</name><name>b</name></description>`, func(p *feed.Product) string { return flat(p.Names) }, "pol:a", "second text"},
		{"foreign language code", `<description><name xml:lang="klingon">a</name></description>`, func(p *feed.Product) string { return flat(p.Names) }, ":a", "klingon"},
		{"carriage return by reference", `<description><name>a&#13;b</name></description>`, func(p *feed.Product) string { return flat(p.Names) }, "pol:a\nb", ""},
		{"markup after text", `<description><long_desc>1 &lt; 2 <b>x &amp; y</b> &amp; z</long_desc></description>`, func(p *feed.Product) string { return flat(p.LongDescs) }, "pol:1 &lt; 2 <b>x &amp; y</b> &amp; z", ""},
		{"text around sections", "<description><long_desc>\n <![CDATA[<p>]]> x <![CDATA[</p>]]>\n</long_desc></description>", func(p *feed.Product) string { return flat(p.LongDescs) }, "pol:<p> x </p>", ""},
		{"empty text", `<description><short_desc/></description>`, func(p *feed.Product) string { return fmt.Sprint(len(p.ShortDescs)) }, "0", ""},
		{"picture without address", `<images><large><image hash="x"/></large></images>`, func(p *feed.Product) string { return fmt.Sprint(len(p.Images)) }, "0", "without an address"},
		{"unknown element", `<hologram a="1"><b/></hologram><hologram/>`, func(p *feed.Product) string { return fmt.Sprint(len(p.Extensions)) }, "0", "product/hologram"},
		{"unknown extension", `<iaiext:hologram a="&lt;"><b c='"'>x &amp; y<!-- z --><![CDATA[<]]></b></iaiext:hologram>`, func(p *feed.Product) string { return fmt.Sprint(p.Extensions) }, `[{hologram <iaiext:hologram a="&lt;"><b c="&quot;">x &amp; y<!-- z --><![CDATA[<]]></b></iaiext:hologram>}]`, ""},
		{"extension under another prefix", `<e:note xmlns:e="http://www.iai-shop.com/developers/iof/extensions.phtml"><e:a e:b="c"/></e:note>`, func(p *feed.Product) string { return fmt.Sprint(p.Extensions) }, `[{note <iaiext:note><iaiext:a iaiext:b="c"/></iaiext:note>}]`, ""},
		{"extension with a foreign namespace", `<iaiext:note xmlns:f="urn:f"><f:a/></iaiext:note>`, func(p *feed.Product) string { return fmt.Sprint(len(p.Extensions)) }, "0", "namespace"},
		{"promotion", `<promotion name="Lato" start_date="2026-06-01"><price gross="61.5" net="50"><normal_retail_price net="100" gross="123"/></price><shown_in_the_zone promotion="Y" bestseller="no"/></promotion>`, func(p *feed.Product) string {
			m := p.Promotion
			return fmt.Sprint(m.Name, " ", m.Start, " ", minor(m.Price), " ", minor(m.NormalRetail), " ", m.Zones.Promotion, m.Zones.Bestseller, m.Zones.New)
		}, "Lato 2026-06-01 6150/5000 12300/10000 y n ", ""},
		{"floor of one size", `<sizes><size id="2" code="b"/></sizes><iaiext:price_minimal><site id="1" size_id="2" net="5" gross="6.15"/><site id="1" net="4" gross="4.92"/></iaiext:price_minimal>`, func(p *feed.Product) string {
			return minor(p.Prices.Minimal) + " " + minor(p.Sizes[0].Prices.Minimal) + " " + minor(p.Sizes[1].Prices.Minimal)
		}, "492/400 0/0 615/500", ""},
		{"floor of a size that is not there", `<iaiext:price_minimal><site id="1" size_id="77" net="5" gross="6.15"/></iaiext:price_minimal>`, func(p *feed.Product) string { return minor(p.Prices.Minimal) }, "0/0", "no size \"77\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			currency := "PLN"
			if strings.Contains(c.name, "three decimals") {
				currency = "kwd"
			}
			products, reports, _, err := readAll(offer(`<product id="1" vat="23.0" currency="`+currency+`" type="regular"><sizes><size id="1" code="a"/></sizes>`+c.xml+`</product>`), iof.ReadOptions{})
			if err != nil || len(products) != 1 {
				t.Fatalf("%d products, %v, %q", len(products), err, reports)
			}
			if got := c.show(&products[0]); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			switch {
			case c.warns == "" && len(reports) > 0:
				t.Errorf("reports %q, want none", reports)
			case c.warns != "" && (len(reports) != 1 || !strings.Contains(reports[0], c.warns)):
				t.Errorf("reports %q, want one with %q", reports, c.warns)
			}
		})
	}
}

// TestReadLeavesOut holds products that must not be yielded, between two good ones.
func TestReadLeavesOut(t *testing.T) {
	t.Parallel()
	const good = `<product id="%d"><sizes><size id="1" code="a%[1]d"/></sizes></product>`
	for _, c := range []struct{ name, xml, says string }{
		{"no id", `<product/>`, "not a product id"},
		{"id of letters", `<product id="A7"/>`, "not a product id"},
		{"id of zero", `<product id="0"/>`, "not a product id"},
		{"id too large", `<product id="9007199254740993"/>`, "not a product id"},
		{"price of words", `<product id="5" vat="23"><price net="ask us"/></product>`, "price/@net: the amount"},
		{"negative price", `<product id="5" vat="23"><price gross="-1" net="-1"/></product>`, "the amount \"-1\""},
		{"price too large", `<product id="5" vat="23"><price gross="99999999999999999999"/></product>`, "out of range"},
		{"price of a size", `<product id="5" vat="23"><sizes><size id="1"><price net="1.2.3"/></size></sizes></product>`, "the amount"},
		{"one side without VAT", `<product id="5"><price net="10"/></product>`, "no VAT rate"},
		{"VAT of words", `<product id="5" vat="reduced"/>`, "VAT rate"},
		{"unknown currency", `<product id="5" currency="ZZZ"/>`, "currency code"},
	} {
		products, reports, _, err := readAll(offer(fmt.Sprintf(good, 1)+c.xml+fmt.Sprintf(good, 9)), iof.ReadOptions{})
		if err != nil || len(products) != 2 || products[0].ID != 1 || products[1].ID != 9 {
			t.Errorf("%s: %d products, %v", c.name, len(products), err)
		}
		if !strings.Contains(strings.Join(reports, "\n"), c.says) || !strings.Contains(strings.Join(reports, "\n"), "1 error ") {
			t.Errorf("%s: reports %q, want an error with %q", c.name, reports, c.says)
		}
	}
}

// TestReadRefuses holds files that end the stream with an error.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100)
	for _, c := range []struct{ name, xml, says string }{
		{"empty", "", "no root"},
		{"no offer", "<html/>", "<html>"},
		{"dictionary", "<units/>", "units file"},
		{"cut off", offerStart + `<product id="1"/>`, "ends before"},
		{"cut off in a tag", offerStart + `<product id="1"`, "ends inside markup"},
		{"cut off behind products", offerStart + `</products>`, "ends before"},
		{"two roots", offerStart + "</products></offer><offer/>", "second root"},
		{"encoding", `<?xml version="1.0" encoding="ISO-8859-2"?>` + offerStart + "</products></offer>", "ISO-8859-2"},
		{"UTF-16", "\xff\xfe<\x00o\x00", "UTF-16"},
		{"not UTF-8", offerStart + "<product id=\"1\"><description><name>\xb3</name></description></product></products></offer>", "not UTF-8"},
		{"document type", `<!DOCTYPE offer [<!ENTITY a "b">]>` + offerStart + "</products></offer>", "DOCTYPE"},
		{"entity", offerStart + `<product id="1"><description><name>&nbsp;</name></description></product></products></offer>`, "nbsp"},
		{"mismatch", offerStart + `<product id="1"></products></product></offer>`, "products"},
		{"depth", offerStart + `<product id="1">` + deep + `</product></products></offer>`, "nested deeper"},
		{"elements", offerStart + `<product id="1"><sizes>` + strings.Repeat(`<size id="1"/>`, 2000) + `</sizes></product></products></offer>`, "more than 1000 elements"},
		{"bytes", offerStart + `<product id="1"><description>` + strings.Repeat(`<name>`+strings.Repeat("x", 2000)+`</name>`, 100) + `</description></product></products></offer>`, "longer than 100000 bytes"},
		{"bytes of one text", offerStart + `<product id="1"><description><name>` + strings.Repeat("<b/><![CDATA[x]]>", 9000) + `</name></description></product></products></offer>`, "more than 1000 elements"},
		{"bytes of an extension", offerStart + `<product id="1"><iaiext:a>` + strings.Repeat("<![CDATA[xxxxxxxxx]]>", 9000) + `</iaiext:a></product></products></offer>`, "longer than 100000 bytes"},
	} {
		_, _, _, err := readAll(strings.NewReader(c.xml), iof.ReadOptions{ProductElements: 1000, ProductBytes: 100_000})
		if err == nil || !strings.Contains(err.Error(), c.says) || feed.KindOf(err) != feed.KindInvalid {
			t.Errorf("%s: %v (kind %d), want an invalid file with %q", c.name, err, feed.KindOf(err), c.says)
		}
	}
	broken := errors.New("connection reset")
	_, _, _, err := readAll(io.MultiReader(strings.NewReader(offerStart), iotest.ErrReader(broken)), iof.ReadOptions{})
	if !errors.Is(err, broken) || feed.KindOf(err) == feed.KindInvalid {
		t.Errorf("a source that fails: %v, want %v", err, broken)
	}
}

func TestReadHeader(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, xml string
		opt       iof.ReadOptions
		kind      feed.Kind
		head      string
		reports   int
	}{
		{"full", `<offer version="3.0" generated_by="Shop" generated="2026-03-02 01:10:00" expires="2026-03-03 01:10:00"><products language="pol" currency="PLN"><product id="1" type="regular"/></products></offer>`, iof.ReadOptions{}, feed.KindFull, "3.0 Shop 2026-03-02T01:10:00Z 2026-03-03T01:10:00Z pol PLN", 1},
		{"light", `<offer version="3.0" generated="2026.03.02T01:10:00Z"><products currency="PLN"><product id="1" vat="23"/></products></offer>`, iof.ReadOptions{}, feed.KindLight, "3.0  2026-03-02T01:10:00Z 0001-01-01T00:00:00Z  PLN", 1},
		{"told", `<offer><products><product id="1" vat="23"/></products></offer>`, iof.ReadOptions{Kind: feed.KindFullChange, Currency: feed.MustCurrency("EUR")}, feed.KindFullChange, "  0001-01-01T00:00:00Z 0001-01-01T00:00:00Z  EUR", 1},
		{"empty", `<offer><products language="xx" currency="12"/></offer>`, iof.ReadOptions{}, feed.KindFull, "  0001-01-01T00:00:00Z 0001-01-01T00:00:00Z  ", 2},
		{"no products", `<offer generated="yesterday"><x/></offer>`, iof.ReadOptions{}, feed.KindFull, "  0001-01-01T00:00:00Z 0001-01-01T00:00:00Z  ", 3},
		{"gateway", `<provider_description/>`, iof.ReadOptions{}, feed.KindGateway, "  0001-01-01T00:00:00Z 0001-01-01T00:00:00Z  ", 0},
	} {
		reports := 0
		c.opt.Report = func(int, string, string, string, iof.Level) { reports++ }
		r := iof.NewReader(strings.NewReader(c.xml), c.opt)
		h, err := r.Header()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		kind, err := r.Kind()
		if err != nil || kind != c.kind {
			t.Errorf("%s: kind %v, %v, want %v", c.name, kind, err, c.kind)
		}
		if got := fmt.Sprint(h.Version, " ", h.GeneratedBy, " ", h.Generated.Format("2006-01-02T15:04:05Z07:00"), " ", h.Expires.Format("2006-01-02T15:04:05Z07:00"), " ", h.Language, " ", h.Currency); got != c.head {
			t.Errorf("%s: header %q, want %q", c.name, got, c.head)
		}
		for range r.Products(context.Background()) {
		}
		if reports != c.reports {
			t.Errorf("%s: %d reports, want %d", c.name, reports, c.reports)
		}
	}
}

// TestReadStops checks that the loop may end early, and that a canceled
// context ends the stream.
func TestReadStops(t *testing.T) {
	t.Parallel()
	const three = `<product id="1"/><product id="2"/><product id="3"/>`
	r := iof.NewReader(offer(three), iof.ReadOptions{})
	var got []feed.ProductID
	for p := range r.Products(context.Background()) {
		got = append(got, p.ID)
		break
	}
	for p := range r.Products(context.Background()) {
		got = append(got, p.ID)
	}
	if fmt.Sprint(got) != "[1 2 3]" {
		t.Errorf("products %v, want the stream to go on where it was left", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	var last error
	for _, err := range iof.NewReader(offer(three), iof.ReadOptions{}).Products(ctx) {
		n++
		last = err
		cancel()
	}
	if n != 2 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d rounds, last error %v, want 2 and a canceled context", n, last)
	}
}

// TestReadWarnsOnce checks that what every product repeats is told once.
func TestReadWarnsOnce(t *testing.T) {
	t.Parallel()
	_, reports, _, err := readAll(offer(strings.Repeat(`<product id="1" mood="x"><hologram/><sizes><size id="1" code="a"/></sizes></product>`, 50)), iof.ReadOptions{})
	if err != nil || len(reports) != 2 {
		t.Errorf("%d reports, %v, want 2: %q", len(reports), err, reports)
	}
}

// TestReadSmallReads feeds the document a byte at a time.
func TestReadSmallReads(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("testdata", "read", "old.xml"))
	if err != nil {
		t.Fatal(err)
	}
	want, _, _, err := readAll(strings.NewReader(string(b)), iof.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, _, _, err := readAll(iotest.OneByteReader(strings.NewReader(string(b))), iof.ReadOptions{})
	if err != nil || fmt.Sprintf("%+v", got[0].Sizes) != fmt.Sprintf("%+v", want[0].Sizes) || flat(got[0].LongDescs) != flat(want[0].LongDescs) {
		t.Errorf("a byte at a time: %v, %+v", err, got)
	}
}

func TestReadDictionaryRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, xml string
		kind      feed.Kind
		says      string
	}{
		{"another kind", "<units/>", feed.KindCategories, "<units>"},
		{"no dictionary", "<preset/>", feed.KindPreset, "no dictionary"},
		{"an offer", "<offer/>", feed.KindFull, "<offer>"},
		{"cut off", "<units><unit id='1'>", feed.KindUnits, "read units: line 1"},
		{"nothing", "", feed.KindUnits, "no root"},
	} {
		var d feed.Dictionaries
		if err := iof.ReadDictionary(strings.NewReader(c.xml), c.kind, &d); err == nil || !strings.Contains(err.Error(), c.says) || feed.KindOf(err) != feed.KindInvalid {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.says)
		}
	}
}

func TestReadDictionaryTolerance(t *testing.T) {
	t.Parallel()
	var d feed.Dictionaries
	read := func(kind feed.Kind, xml string) {
		t.Helper()
		if err := iof.ReadDictionary(strings.NewReader(xml), kind, &d); err != nil {
			t.Error(err)
		}
	}
	read(feed.KindCategories, `<categories xmlns="http://www.iai-shop.com/developers/iof.phtml" language="pol"><category id="1" name="A"><category id="2"><name xml:lang="eng">B</name><category name="lost"><category id="3"/></category></category><name xml:lang="eng">a</name></category><category id="1" name="again"/></categories>`)
	read(feed.KindWarranties, `<warranties language="pol"><warranty id="1" type="seller" period="6" name="x"/><warranty id="2"><terms type="producer" period_number="2" period_unit="year"/></warranty><warranty id="3"><terms type="producer" period_number="9" period_unit="week"/></warranty></warranties>`)
	read(feed.KindUnits, `<units><unit id="1" name="l" precision="9"/><unit name="nameless"/></units>`)
	read(feed.KindStocks, `<stocks><stock id="x" name="y"/><stock id="2" name="z"/></stocks>`)
	read(feed.KindSizes, `<sizes language="pol"><group id="1" name="g"><size id="a" name="A"/><size id="a"/></group><group id="2"><size id="a"/></group></sizes>`)
	read(feed.KindParameters, `<parameters language="pol"><values><value id="1" name="v"><icons><card url="https://a.example.com/i.png"/><list xml:lang="pol" url="https://a.example.com/l.png"/></icons></value></values></parameters>`)
	read(feed.KindProducers, `<producers><producer id="0" name="none"/></producers>`)
	read(feed.KindSeries, `<series language="ger"><series id="1" name="x"><name xml:lang="pol">x</name></series><series id="2" name="y"><name xml:lang="pol">x</name></series></series>`)
	for _, c := range []struct{ what, got, want string }{
		{"categories", strings.Join(dictionaryLines(feed.KindCategories, &d), ", "), ">1 map[eng:a pol:A], 1>2 map[eng:B], 2>3 map[]"},
		{"warranties", fmt.Sprint(d.Warranties[0].Kind, d.Warranties[0].Months.Or(-1), d.Warranties[1].Kind, d.Warranties[1].Months.Or(-1), d.Warranties[2].Months.Or(-1)), "seller 6 producer 24 -1"},
		{"a name that stands for want of one in the file's language", flat(d.Series[0].Names) + ", " + flat(d.Series[1].Names), "pol:x, ger:y|pol:x"},
		{"units", fmt.Sprint(len(d.Units), d.Units[0].Precision, flat(d.Units[0].Names)), "1 3:l"},
		{"stocks", fmt.Sprint(len(d.Warehouses), d.Warehouses[0].ID), "1 2"},
		{"sizes", fmt.Sprint(len(d.SizeGroups), len(d.SizeGroups[0].Sizes), len(d.SizeGroups[1].Sizes)), "2 1 1"},
		{"values", flat(d.Values[0].Names) + " " + flat(d.Values[0].CardIcons) + " " + flat(d.Values[0].ListIcons), "pol:v :https://a.example.com/i.png pol:https://a.example.com/l.png"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.what, c.got, c.want)
		}
	}
}

// TestReadLimits checks that limits of the XML are passed on.
func TestReadLimits(t *testing.T) {
	t.Parallel()
	_, _, _, err := readAll(offer(`<product id="1"/><product id="2"/>`), iof.ReadOptions{Limits: xmltok.Limits{Elements: 3}})
	if err == nil || !strings.Contains(err.Error(), "more than 3 elements") {
		t.Errorf("got %v, want the limit of elements", err)
	}
}
