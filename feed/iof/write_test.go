package iof_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/iof"

	"pgregory.net/rapid"
)

func TestFoldName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Zażółć gęślą jaźń": "Zazolc gesla jazn", "ŁÓDŹ": "LODZ", "Müller & Söhne Straße": "Mueller Soehne Strasse", "ÄPFEL": "AEPFEL", "Äpfel": "Aepfel",
		"Příliš žluťoučký kůň": "Prilis zlutoucky kun", "Čebela Šport": "Cebela Sport", "Αθήνα Ουρανός": "Athina Ouranos", "ΧΑΡΤΙ": "CHARTI", "Щука и ёж": "Shchuka i ezh", "ЖУК": "ZHUK", "Объект": "Obekt",
		"Київ": "Kiiv", "Њуш": "Njush", "Sp. z o.o.": "Sp z oo", "L’Oréal": "LOreal", "a — b": "a - b", "  a \t b ": "a b", "漢字": "supplier", "": "supplier", "漢 A1_-": "A1_-", "e\u0301": "e", "İstanbul": "Istanbul", "K2®": "K2",
	} {
		if got := iof.FoldName(in); got != want {
			t.Errorf("FoldName(%q) = %q, want %q", in, got, want)
		}
	}
	if got, want := iof.FoldShortName(" Knit & Co "), "Knit_Co"; got != want {
		t.Errorf("FoldShortName = %q, want %q", got, want)
	}
	long, short := regexp.MustCompile(`^[a-zA-Z0-9_ \-]+$`), regexp.MustCompile(`^[a-zA-Z0-9_\-]+$`)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), nasty()).Draw(t, "name")
		if f := iof.FoldName(s); !long.MatchString(f) || strings.TrimSpace(f) != f {
			t.Fatalf("FoldName(%q) = %q", s, f)
		}
		if f := iof.FoldShortName(s); !short.MatchString(f) {
			t.Fatalf("FoldShortName(%q) = %q", s, f)
		}
	})
}

// TestDeepTrees gives hostile depth: the document stays shallow, and no entry
// is lost.
func TestDeepTrees(t *testing.T) {
	t.Parallel()
	const n = 20_000
	d := &feed.Dictionaries{}
	for i := range n {
		parent := ""
		if i > 0 {
			parent = strconv.Itoa(i - 1)
		}
		d.Categories = append(d.Categories, feed.Category{ID: strconv.Itoa(i), Parent: parent, Names: texts("pol", "a")})
		d.Series = append(d.Series, feed.SeriesEntry{ID: strconv.Itoa(i), Parent: parent})
	}
	// A parent that stands behind, and oneself, make a root.
	d.Categories = append(d.Categories, feed.Category{ID: "x", Parent: "y"}, feed.Category{ID: "y", Parent: "y"})
	w := iof.NewWriter(&feed.Profile{}, nil, iof.Options{DefaultLanguage: pol})
	for name, doc := range map[string][]byte{"categories": w.AppendCategories(nil, d, generated, expires), "series": w.AppendSeries(nil, d, generated, expires)} {
		dec := xml.NewDecoder(strings.NewReader(string(doc)))
		depth, deepest, ids := 0, 0, map[string]int{}
		for {
			token, err := dec.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			switch token := token.(type) {
			case xml.StartElement:
				depth++
				deepest = max(deepest, depth)
				for _, a := range token.Attr {
					if a.Name.Local == "id" {
						ids[a.Value]++
					}
				}
			case xml.EndElement:
				depth--
			}
		}
		if deepest > 64 {
			t.Errorf("%s is %d deep, want at most 64", name, deepest)
		}
		for i := range n {
			if ids[strconv.Itoa(i)] != 1 {
				t.Fatalf("%s: entry %d stands %d times, want once", name, i, ids[strconv.Itoa(i)])
			}
		}
	}
}

// TestNumbersAgree checks that a number that full and light both show has one
// text, whatever the product.
func TestNumbersAgree(t *testing.T) {
	t.Parallel()
	number := regexp.MustCompile(`<(price|srp|strikethrough_[a-z_]+) [^>]*/>|(weight|iaiext:weight_net|iaiext:min_weight|iaiext:max_weight|vat)="[^"]*"|<stock id="\d+" quantity="[^"]*"`)
	rapid.Check(t, func(t *rapid.T) {
		_, r := setup(t)
		r.p.Dialect.FullWithoutStock = false
		w := iof.NewWriter(r.p, nil, iof.Options{})
		it := items().Draw(t, "item")
		it.Product.Promotion = nil
		it.Light = it.Full
		for i := range it.Sizes {
			it.Sizes[i].Light = it.Sizes[i].Full
		}
		full := number.FindAllString(string(w.AppendFull(nil, it)), -1)
		light := number.FindAllString(string(w.AppendLight(nil, it)), -1)
		if strings.Join(full, "\n") != strings.Join(light, "\n") {
			t.Fatalf("full\n%q\nlight\n%q", full, light)
		}
	})
}

// TestDialects checks each switch by what it must and must not do, beside the
// golden files.
func TestDialects(t *testing.T) {
	t.Parallel()
	render := func(d feed.Dialect, langs ...feed.Language) string {
		w := sampleWriter(d, langs...)
		b := w.AppendFullHeader(nil, generated, expires, pln)
		for _, it := range sampleItems(t) {
			b = w.AppendFull(b, it)
		}
		b = w.AppendFullFooter(b)
		for _, it := range sampleItems(t) {
			b = w.AppendLight(b, it)
		}
		return string(b)
	}
	for _, c := range []struct {
		name    string
		d       feed.Dialect
		has, no []string
	}{
		{"default", feed.Dialect{}, []string{`id="uniw"`, "<![CDATA[", "<bundled", "available_stock_quantity", `code_producer="5900000000015" iaiext:code_external="GR28BL"`, "iaiext:delivery_time"},
			[]string{` xmlns="`, "price_wholesale", "iaiext:note", `id="0" name="one`, "iaiext:available", "taxcode"}},
		{"1", feed.Dialect{DefaultNamespace: true}, []string{`<offer xmlns="http://www.iai-shop.com/developers/iof.phtml" xmlns:iof="http://www.iai-shop.com/developers/iof.phtml" xmlns:iaiext="`}, nil},
		{"7", feed.Dialect{EscapedText: true}, []string{"&lt;p&gt;Pojemność 28&amp;nbsp;l &amp;amp; pokrowiec.&lt;/p&gt;\n"}, []string{"<![CDATA["}},
		{"8", feed.Dialect{SingleLanguage: true}, []string{`xml:lang="pol"`, `<name xml:lang="ger"><![CDATA[Kabel]]></name>`}, []string{`xml:lang="eng"`}},
		{"9", feed.Dialect{OneSizeZero: true}, []string{`<size id="0" name="one size"`, `<size id="0"/>`}, []string{"uniw"}},
		{"10", feed.Dialect{SwapCodes: true}, []string{`iaiext:code_external="5900000000015" code_producer="GR28BL"`, `producer_code_standard="OTHER"`, `iaiext:code_external="5900000000121" iaiext:code_producer="KNIT-T-M"`, `iaiext:first_product_code_external="5900000000015"`}, []string{"GTIN13"}},
		{"12", feed.Dialect{NoBundles: true}, []string{`type="bundle"`}, []string{"<bundled"}},
		{"stock", feed.Dialect{FullWithoutStock: true}, []string{`<stock id="1" quantity="12"/>`}, []string{"available_stock_quantity"}},
		{"extensions", feed.Dialect{AllExtensions: true}, []string{"<iaiext:price_wholesale>", "<iaiext:note>bought cheaply</iaiext:note>", `iaiext:available="in_stock"`}, []string{"taxcode"}},
	} {
		got := render(c.d, pol, eng)
		for _, s := range c.has {
			if !strings.Contains(got, s) {
				t.Errorf("dialect %s lacks %q", c.name, s)
			}
		}
		for _, s := range c.no {
			if strings.Contains(got, s) {
				t.Errorf("dialect %s holds %q", c.name, s)
			}
		}
	}
}

func TestLanguagesOfAProfileWithoutAny(t *testing.T) {
	t.Parallel()
	it := &feed.Item{Product: &feed.Product{ID: 1, Names: texts("ger", "c", "rum", "d", "", "a", "pol", "again", "eng", "b")}, Currency: pln}
	w := iof.NewWriter(&feed.Profile{}, nil, iof.Options{DefaultLanguage: pol, Languages: []feed.Language{eng, pol}})
	got := string(w.AppendFull(nil, it))
	want := `<description><name xml:lang="pol"><![CDATA[a]]></name><name xml:lang="eng"><![CDATA[b]]></name><name xml:lang="ger"><![CDATA[c]]></name><name xml:lang="rum"><![CDATA[d]]></name></description>`
	if !strings.Contains(got, want) {
		t.Errorf("got %s\nwant in it %s", got, want)
	}
	if head := string(w.AppendFullHeader(nil, generated, time.Time{}, feed.Currency{})); !strings.Contains(head, `<products language="pol">`) || strings.Contains(head, "expires") {
		t.Errorf("header: got %s", head)
	}
}

func TestPresetValidate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s  []iof.Setting
		ok bool
	}{
		{nil, true}, {[]iof.Setting{{Name: "update_price", Value: "1"}, {Name: "selected", Value: "false"}, {Name: "offerCreated", Value: "2026-03-02T01:10:00"}, {Name: "currency", Value: "x"}}, true},
		{[]iof.Setting{{Name: "update_price", Value: "yes"}}, false}, {[]iof.Setting{{Name: "selected", Value: "1"}}, false}, {[]iof.Setting{{Name: "offerCreated", Value: "2026-03-02 01:10:00"}}, false},
		{[]iof.Setting{{Name: "?selected", Value: "true"}}, false}, {[]iof.Setting{{Name: "", Value: ""}}, false}, {[]iof.Setting{{Name: "url", Value: "a"}, {Name: "url", Value: "b"}}, false},
	} {
		p := iof.Preset{Settings: c.s}
		err := p.Validate()
		if (err == nil) != c.ok {
			t.Errorf("Validate(%v) = %v, want ok %v", c.s, err, c.ok)
		}
		if err != nil && feed.KindOf(err) != feed.KindInvalid {
			t.Errorf("Validate(%v): kind %v, want invalid", c.s, feed.KindOf(err))
		}
	}
}

// TestNamesFitPublishedSchema writes unit names, size codes and series ids of
// any characters and lets the published schema judge.
func TestNamesFitPublishedSchema(t *testing.T) {
	t.Parallel()
	t.Run("schema", func(t *testing.T) {
		t.Parallel()
		check := officialCheck(t)
		w := iof.NewWriter(&feed.Profile{}, nil, iof.Options{DefaultLanguage: pol})
		d := &feed.Dictionaries{}
		full := w.AppendFullHeader(nil, generated, expires, pln)
		one := func(s string) {
			id := feed.ProductID(len(d.Units) + 1)
			full = w.AppendFull(full, &feed.Item{Currency: pln, Product: &feed.Product{ID: id, Unit: feed.Reference{ID: "1", Names: texts("", s)}, Series: feed.Reference{ID: s, Names: texts("", "a")},
				Promotion: &feed.Promotion{Start: s}, Sizes: []feed.Size{{Code: s}}}, Promotion: feed.PromotionPrices{Price: price(t, 1, 1)}})
			d.Units = append(d.Units, feed.Unit{ID: strconv.Itoa(int(id)), Names: texts("", s)})
			d.Series = append(d.Series, feed.SeriesEntry{ID: s, Names: texts("", "a")})
		}
		for r := rune(0); r < 0x3000; r++ {
			one(string(r))
			one("a" + string(r))
		}
		for _, s := range fragments {
			one(s)
			one(s + "漢字한" + s)
		}
		dir := t.TempDir()
		var paths []string
		for name, b := range map[string][]byte{"full.xml": w.AppendFullFooter(full), "units.xml": w.AppendUnits(nil, d, generated, expires), "series.xml": w.AppendSeries(nil, d, generated, expires)} {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
			paths = append(paths, path)
		}
		if out, err := exec.CommandContext(t.Context(), check, paths...).CombinedOutput(); err != nil {
			t.Errorf("published schemas: %v\n%s", err, out)
		}
	})
}

func ExampleWriter_AppendFull() {
	w := iof.NewWriter(&feed.Profile{}, nil, iof.Options{DefaultLanguage: feed.MustLanguage("pol")})
	p := &feed.Product{ID: 7, Names: feed.Texts{{Value: "Plecak <mały>"}}, SizeGroup: feed.Ref{ID: feed.OneSizeGroup}, Sizes: []feed.Size{{Code: "7-1"}}}
	it := &feed.Item{Product: p, Currency: feed.MustCurrency("PLN"), Sizes: []feed.ItemSize{{Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(3)}}}}}
	fmt.Print(string(w.AppendFull(nil, it)))
	// Output:
	// <product id="7" currency="PLN" producer_code_standard="AUTO" type="regular" vat="0.0"><description><name xml:lang="pol"><![CDATA[Plecak <mały>]]></name></description><price gross="0.00" net="0.00"/><sizes iaiext:group_name="One size" iaiext:group_id="-1"><size id="uniw" name="one size" panel_name="one size" code="7-1" weight="0"><price gross="0.00" net="0.00"/><stock id="1" quantity="3" available_stock_quantity="3" stock_quantity="3"/></size></sizes></product>
}

func ExampleWriter_AppendLight() {
	w := iof.NewWriter(&feed.Profile{}, nil, iof.Options{})
	p := &feed.Product{ID: 7, Sizes: []feed.Size{{ID: "3", Name: "S", Code: "7-3"}}}
	it := &feed.Item{Product: p, Currency: feed.MustCurrency("PLN"), Sizes: []feed.ItemSize{{Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(3)}}}}}
	fmt.Print(string(w.AppendLight(nil, it)))
	// Output:
	// <product id="7" vat="0.0"><price gross="0.00" net="0.00"/><sizes><size id="3" name="S" panel_name="S" code="7-3" weight="0"><price gross="0.00" net="0.00"/><stock id="1" quantity="3"/></size></sizes></product>
}

func ExampleWriter_AppendRemoved() {
	w := iof.NewWriter(&feed.Profile{}, nil, iof.Options{DefaultLanguage: feed.MustLanguage("eng")})
	b := w.AppendChangeHeader(nil, time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), time.Time{}, feed.MustCurrency("EUR"))
	b = w.AppendRemoved(b, 102)
	fmt.Print(string(w.AppendChangeFooter(b)))
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <offer xmlns:iof="http://www.iai-shop.com/developers/iof.phtml" xmlns:iaiext="http://www.iai-shop.com/developers/iof/extensions.phtml" file_format="IOF" version="3.0" extensions="yes" generated_by="feedmill" generated="2026-03-02 10:00:00">
	// <products currency="EUR" language="eng">
	// <product id="102" removed="yes"/>
	// </products></offer>
}

func ExampleWriter_AppendUnits() {
	w := iof.NewWriter(&feed.Profile{}, nil, iof.Options{DefaultLanguage: feed.MustLanguage("pol")})
	d := &feed.Dictionaries{Units: []feed.Unit{{ID: "7", Names: feed.Texts{{Value: "100 szt."}}}}}
	fmt.Print(string(w.AppendUnits(nil, d, time.Time{}, time.Time{})))
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <units file_format="IOF" version="3.0" generated_by="feedmill" language="pol">
	// <unit id="7" name="_100_szt." precision="0"><name xml:lang="pol"><![CDATA[100 szt.]]></name></unit>
	// </units>
}

func ExampleFoldName() {
	fmt.Println(iof.FoldName("Skład Łódź & Müller"))
	fmt.Println(iof.FoldShortName("Skład Łódź"))
	// Output:
	// Sklad Lodz Mueller
	// Sklad_Lodz
}

func ExampleWriter_AppendPreset() {
	w := iof.NewWriter(&feed.Profile{}, nil, iof.Options{})
	p := iof.Preset{Currency: feed.MustCurrency("PLN"), Settings: []iof.Setting{{Name: "update_price", Value: "1"}}}
	fmt.Print(string(w.AppendPreset(nil, p)))
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <preset file_format="IOF" version="3.0">
	// <currency>PLN</currency>
	// <update_price>1</update_price>
	// </preset>
}

func ExampleWriter_AppendGateway() {
	w := iof.NewWriter(&feed.Profile{}, nil, iof.Options{})
	at := time.Date(2026, 3, 2, 1, 10, 0, 0, time.UTC)
	file := func(kind string) iof.Pointer {
		return iof.Pointer{URL: "https://feeds.example.com/o/k/" + kind + ".xml", Hash: "d41d8cd98f00b204e9800998ecf8427e", Changed: at}
	}
	b := w.AppendGateway(nil, iof.Gateway{Supplier: feed.Supplier{Name: "Łódź"}, Generated: at, Created: at, Expires: at.AddDate(0, 0, 7),
		Full: file("full"), Light: file("light"), Categories: file("categories"), Sizes: file("sizes")})
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, "_name") || strings.Contains(line, "url=") {
			fmt.Print(line)
		}
	}
	// Output:
	// <long_name><![CDATA[Lodz]]></long_name>
	// <short_name><![CDATA[Lodz]]></short_name>
	// <full url="https://feeds.example.com/o/k/full.xml" hash="d41d8cd98f00b204e9800998ecf8427e" changed="2026-03-02 01:10:00"/>
	// <light url="https://feeds.example.com/o/k/light.xml" hash="d41d8cd98f00b204e9800998ecf8427e" changed="2026-03-02 01:10:00"/>
	// <categories url="https://feeds.example.com/o/k/categories.xml" hash="d41d8cd98f00b204e9800998ecf8427e" changed="2026-03-02 01:10:00"/>
	// <sizes url="https://feeds.example.com/o/k/sizes.xml" hash="d41d8cd98f00b204e9800998ecf8427e" changed="2026-03-02 01:10:00"/>
}

func TestExtensions(t *testing.T) {
	t.Parallel()
	w := iof.NewWriter(&feed.Profile{}, nil, iof.Options{})
	for _, c := range []struct {
		xml     string
		written bool
	}{
		{`<iaiext:taxcode/>`, true}, {`<iaiext:taxcode a="1" iaiext:b='"' xml:lang="pol"  />`, true}, {"<iaiext:taxcode>\n<a>x &amp; &#x141;</a><iaiext:b/><!-- c --><![CDATA[<]]></iaiext:taxcode >", true},
		{"<iaiext:taxcode>" + strings.Repeat("<a>", 31) + strings.Repeat("</a>", 31) + "</iaiext:taxcode>", true},
		{"<iaiext:taxcode>" + strings.Repeat("<a>", 32) + strings.Repeat("</a>", 32) + "</iaiext:taxcode>", false},
		{"", false}, {"text", false}, {"<taxcode/>", false}, {"<iaiext:note/>", false}, {"<iaiext:taxcodes/>", false}, {"<iaiext:taxcode>", false}, {"<iaiext:taxcode/> ", false}, {"<iaiext:taxcode/><iaiext:taxcode/>", false},
		{"<iaiext:taxcode></iaiext:taxcode", false}, {"<iaiext:taxcode></iaiext:note>", false}, {"<iaiext:taxcode>&nbsp;</iaiext:taxcode>", false}, {"<iaiext:taxcode>&#11;</iaiext:taxcode>", false}, {"<iaiext:taxcode>&#xD800;</iaiext:taxcode>", false},
		{"<iaiext:taxcode>a & b</iaiext:taxcode>", false}, {"<iaiext:taxcode>]]></iaiext:taxcode>", false}, {`<iaiext:taxcode a="<"/>`, false}, {`<iaiext:taxcode a="1" a="2"/>`, false}, {`<iaiext:taxcode a="1"b="2"/>`, false},
		{`<iaiext:taxcode a=1/>`, false}, {`<iaiext:taxcode a/>`, false}, {`<iaiext:taxcode xmlns="x"/>`, false}, {`<iaiext:taxcode xmlns:y="x"/>`, false}, {`<iaiext:taxcode><y:a/></iaiext:taxcode>`, false}, {`<iaiext:taxcode><xml:a/></iaiext:taxcode>`, false},
		{"<iaiext:taxcode><!-- -- --></iaiext:taxcode>", false}, {"<iaiext:taxcode><?x?></iaiext:taxcode>", false}, {"<iaiext:taxcode><!DOCTYPE x></iaiext:taxcode>", false}, {"<iaiext:taxcode><![CDATA[ ]]</iaiext:taxcode>", false}, {"<iaiext:taxcode><1/></iaiext:taxcode>", false},
	} {
		it := &feed.Item{Product: &feed.Product{ID: 1, Extensions: []feed.Extension{{Name: "taxcode", XML: c.xml}}}}
		got := string(w.AppendFull(nil, it))
		if written := c.xml != "" && strings.Contains(got, c.xml+"</product>"); written != c.written {
			t.Errorf("extension %q: written %v, want %v: %s", c.xml, written, c.written, got)
		}
		if !c.written && strings.Contains(got, "iaiext:") {
			t.Errorf("extension %q: got %s, want nothing of it", c.xml, got)
		}
	}
	// Characters that XML forbids are dropped first, as everywhere.
	it := &feed.Item{Product: &feed.Product{ID: 1, Extensions: []feed.Extension{{Name: "taxcode", XML: "<iaiext:taxcode>a\x00b</iaiext:taxcode>"}}}}
	if got, want := string(w.AppendFull(nil, it)), "<iaiext:taxcode>ab</iaiext:taxcode>"; !strings.Contains(got, want) {
		t.Errorf("got %s, want in it %s", got, want)
	}
}
