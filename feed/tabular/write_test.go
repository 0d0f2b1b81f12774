package tabular_test

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/feedtest"
	"feedmill/feed/tabular"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	pol, eng = feed.MustLanguage("pol"), feed.MustLanguage("eng")
	pln      = feed.MustCurrency("PLN")
)

func texts(pairs ...string) feed.Texts { return feedtest.TextsOf(pairs...) }

func price(t testing.TB, gross, net int64) feed.Price { return feedtest.PriceOf(t, net, gross) }

func sampleDictionaries() *feed.Dictionaries {
	return &feed.Dictionaries{
		Producers:  []feed.Ref{{ID: "501", Name: "Granit, Skała"}},
		Categories: []feed.Category{{ID: "20", Names: texts("pol", "Turystyka", "eng", "Outdoor")}, {ID: "21", Parent: "20", Names: texts("pol", "Plecaki", "eng", "Backpacks")}},
		Units:      []feed.Unit{{ID: "7", Names: texts("pol", "m. bieżący"), Precision: 2}},
		Warranties: []feed.Warranty{{ID: "2", Kind: feed.WarrantyProducer, Months: feed.IntOf(24), Names: texts("pol", "24 mies.")}},
		Series:     []feed.SeriesEntry{{ID: "9", Names: texts("pol", "Szlak")}},
		Sections:   []feed.ParameterEntry{{ID: "60", Names: texts("pol", "Wygląd")}},
		Parameters: []feed.ParameterEntry{{ID: "61", Names: texts("pol", "Kolor", "eng", "Colour")}},
		Values:     []feed.ParameterEntry{{ID: "71", Names: texts("pol", "niebieski", "eng", "blue")}},
	}
}

func sampleItems(t testing.TB) []*feed.Item {
	t.Helper()
	full := &feed.Product{
		ID: 101, Site: feed.IntOf(1), DisplayCode: "=HYPERLINK(\"x\")", CodeStandard: feed.StandardGTIN13, Producer: feed.Ref{ID: "501"}, Category: feed.Reference{ID: "21"},
		Taxonomy: feed.Reference{ID: "5", Names: texts("pol", "Sport > Plecaki")}, Unit: feed.Reference{ID: "7"}, Series: feed.Reference{ID: "9"}, Warranty: feed.WarrantyRef{ID: "2"},
		URL: "https://shop.example.com/p/101", MobileURL: "https://m.shop.example.com/p/101", Names: texts("eng", "Backpack, \"blue\"", "pol", "Plecak"), Version: feed.Version{Name: "L", Names: texts("pol", "L")},
		ShortDescs: texts("pol", "+48 123"), LongDescs: texts("ger", "<p>a</p>\n<p>b</p>"),
		Promotion: &feed.Promotion{Name: "@spring", Start: "2026-03-01", End: "2026-03-15"},
		SizeGroup: feed.Ref{ID: "1", Name: "Odzież"},
		Sizes: []feed.Size{
			{ID: "3", Name: "S", PanelName: "s", Code: "101-3", ProducerCode: "590-0000000-01-5", ExternalCode: "GR-S", Weight: feed.Grams(870), WeightNet: feed.Grams(820)},
			{ID: "4", Name: "M\nL", Code: "101-4", ExternalCode: "GR-M"},
		},
		Images: []feed.Image{{URL: "https://shop.example.com/2.jpg", Priority: feed.IntOf(2)}, {URL: "https://shop.example.com/1.jpg", Priority: feed.IntOf(1), Hash: "2a40f8a080f51fac2b5e168f7c1d45e5", Changed: "2026-02-20 10:15:00"}},
		Icon:   feed.Image{URL: "https://shop.example.com/i.jpg"}, Attachments: []feed.Attachment{{URL: "https://shop.example.com/m.pdf", Names: texts("pol", "Instrukcja")}, {URL: "https://shop.example.com/n.pdf", Name: "n"}},
		Group: &feed.Group{ID: "101", First: "101", Parameter: feed.GroupName{ID: "a", Names: texts("pol", "Kolor")}, Value: feed.GroupName{ID: "b", Names: texts("pol", "niebieski")}},
		Parameters: []feed.Parameter{{ID: "60", Section: true, Priority: feed.IntOf(0)},
			{ID: "61", Priority: feed.IntOf(1), Distinction: feed.FlagYes, Context: "CONTEXT_COLOR", Values: []feed.ParameterValue{{ID: "71", Priority: feed.IntOf(0)}, {ID: "79", Names: texts("pol", "biały")}}}},
		Bundled:     &feed.Bundled{Components: []feed.Component{{ID: "5", Quantity: feed.Pieces(2), Choice: feed.ChooseDefinedSize, Sizes: []feed.ComponentSize{{Code: "5-1"}, {Code: "5-2"}}}}},
		Responsible: &feed.ResponsibleEntity{Producer: feed.Contact{ID: "1", Name: "Granit", Country: "PL", City: "Łódź", Mail: "gpsr@shop.example.com"}, Persons: []feed.Contact{{Name: "Anna"}, {Name: "Jan", Phone: "-1"}}},
	}
	bare := &feed.Product{ID: 120, Names: texts("ger", "Kabel"), SizeGroup: feed.Ref{ID: feed.OneSizeGroup}, Sizes: []feed.Size{{ID: "x", Code: "120"}}}
	q, err := feed.ParseQuantity("7.259")
	if err != nil {
		t.Fatal(err)
	}
	return []*feed.Item{
		{Product: full, Currency: pln, Full: feed.PricePoints{Price: price(t, 24600, 20000), SRP: price(t, 29900, 24309)}, Light: feed.PricePoints{Price: price(t, 22140, 18000)}, Promotion: feed.PromotionPrices{Price: price(t, 20000, 16260)},
			Sizes: []feed.ItemSize{
				{Full: feed.PricePoints{Price: price(t, 24600, 20000)}, Light: feed.PricePoints{Price: price(t, 22140, 18000)}, Stock: []feed.Stock{{Warehouse: 0, Quantity: feed.Unlimited()}, {Warehouse: 1, Quantity: q}}},
				{Full: feed.PricePoints{Price: price(t, 24600, 20000), StrikethroughRetail: price(t, 30000, 25000)}, Light: feed.PricePoints{Price: price(t, 22140, 18000)}, Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(3)}}},
			}},
		{Product: bare, Currency: pln},
	}
}

func sampleWriter(d feed.Dialect, langs ...feed.Language) *tabular.Writer {
	return tabular.NewWriter(&feed.Profile{Languages: langs, Dialect: d}, feed.NewIndex(sampleDictionaries()), tabular.Options{DefaultLanguage: pol, Languages: []feed.Language{pol, eng}})
}

func TestGolden(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{}
	for name, w := range map[string]*tabular.Writer{
		"": sampleWriter(feed.Dialect{}, pol, eng), "-catalog-languages": sampleWriter(feed.Dialect{}),
		"-dialect": sampleWriter(feed.Dialect{SingleLanguage: true, OneSizeZero: true, SwapCodes: true, NoBundles: true, FullWithoutStock: true}, pol, eng),
	} {
		full, light := w.AppendFullHeader(nil), w.AppendLightHeader(nil)
		for _, it := range sampleItems(t) {
			full, light = w.AppendFull(full, it), w.AppendLight(light, it)
		}
		files["full"+name+".csv"], files["light"+name+".csv"] = full, light
	}
	for name, got := range files {
		path := filepath.Join("testdata", "golden", name)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("read golden file: %v (go test -update writes it)", err)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\r\n"), strings.Split(string(got), "\r\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// records reads what was written with the standard library's reader.
func records(t rapid.TB, b []byte) [][]string {
	t.Helper()
	r := csv.NewReader(bytes.NewReader(b))
	list, err := r.ReadAll()
	if err != nil {
		t.Fatalf("read back: %v\n%q", err, b)
	}
	return list
}

// cells gives the cells of the only record by header.
func cells(t rapid.TB, b []byte) map[string]string {
	t.Helper()
	list := records(t, b)
	if len(list) != 2 {
		t.Fatalf("%d records, want a header and one product\n%q", len(list), b)
	}
	out := map[string]string{}
	for i, name := range list[0] {
		if _, dup := out[name]; dup {
			t.Fatalf("column %s stands twice", name)
		}
		out[name] = list[1][i]
	}
	return out
}

func TestCells(t *testing.T) {
	t.Parallel()
	w := sampleWriter(feed.Dialect{}, pol, eng)
	got := cells(t, w.AppendFull(w.AppendFullHeader(nil), sampleItems(t)[0]))
	for name, want := range map[string]string{
		"@id": "101", "@code_on_card": `'=HYPERLINK("x")`, "@vat": "0.0", "/producer@name": "Granit, Skała", "/category@name[pol]": "Turystyka/Plecaki", "/category@name[eng]": "Outdoor/Backpacks",
		"/description/name[pol]": "Plecak", "/description/name[eng]": `Backpack, "blue"`, "/description/short_desc[pol]": "'+48 123", "/description/short_desc[eng]": "",
		"/description/long_desc[pol]": "<p>a</p>\n<p>b</p>", "/promotion@name": "'@spring", "/sizes/size@id": "3\n4", "/sizes/size@name": "S\nM L", "/sizes/size@code_producer": "5900000000015\n",
		"/sizes/size/price@gross": "246.00\n246.00", "/sizes/size/strikethrough_retail_price@net": "\n250.00", "/sizes/size/srp@net": "", "/sizes/size/stock@size_id": "3\n3\n4", "/sizes/size/stock@stock_id": "0\n1\n1", "/sizes/size/stock@quantity": "-1\n7.25\n3.00",
		"/images/large/image@url": "https://shop.example.com/1.jpg\nhttps://shop.example.com/2.jpg", "/images/large/image@hash": "2a40f8a080f51fac2b5e168f7c1d45e5\n",
		"/attachments/file/name[pol]": "Instrukcja\nn", "/parameters/parameter@name[eng]": "\nColour", "/parameters/parameter@type": "section\nparameter", "/parameters/parameter/value@parameter_id": "61\n61",
		"/parameters/parameter/value@name[pol]": "niebieski\nbiały", "/parameters/parameter/value@name[eng]": "blue\n", "/bundled/product/sizes/size@code": "5-1 5-2", "/responsible_entity/persons/person/name": "Anna\nJan", "/responsible_entity/persons/person/phone": "\n-1",
		"/warranty@type": "producer", "/warranty@period": "24",
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s: got %q (there: %v), want %q", name, v, ok, want)
		}
	}
	got = cells(t, w.AppendLight(w.AppendLightHeader(nil), sampleItems(t)[1]))
	for name, want := range map[string]string{"@id": "120", "/price@gross": "0.00", "/sizes/size@id": "uniw", "/sizes/size@code": "120", "/sizes/size/stock@stock_id": "1", "/sizes/size/stock@quantity": "0", "/sizes/size/srp@gross": ""} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("light %s: got %q (there: %v), want %q", name, v, ok, want)
		}
	}
}

// plain says whether a cell holds nothing but numbers, line by line.
func plain(cell string) bool {
	for line := range strings.SplitSeq(cell, "\n") {
		if line != "" && !strings.ContainsAny(line, "0123456789") {
			return false
		}
		line = strings.TrimLeft(line[:min(len(line), 1)], "+-") + line[min(len(line), 1):]
		whole, part, point := strings.Cut(line, ".")
		if strings.Trim(whole+part, "0123456789") != "" || point && (whole == "" || part == "") {
			return false
		}
	}
	return true
}

// guarded is what a reader gets of a text: the formula guard in front, and no
// character that a file may not hold.
func guarded(s string) string {
	s, _ = feed.Clean(s)
	if s != "" && strings.ContainsAny(s[:1], "=+-@\t\r") && !plain(s) {
		return "'" + s
	}
	return s
}

func nasty() *rapid.Generator[string] {
	pieces := []string{"", "a", "Żółć", "😀", ",", "\"", "'", "\n", "\r\n", "\r", "\t", " ", "=", "+", "-", "@", "1", "2.5", ".", "-1\n", "\x00", "\xff", "\ufffe", ";", "cmd|' /C calc'!A0"}
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 4).Draw(t, "pieces"), "")
	})
}

// item puts drawn strings into all kinds of places.
func item(a, b, c string) *feed.Item {
	return &feed.Item{Currency: pln, Product: &feed.Product{ID: 1, DisplayCode: a, Names: texts("pol", b, "eng", c), LongDescs: texts("", c), Producer: feed.Ref{ID: b, Name: a},
		Sizes:  []feed.Size{{ID: "1", Name: a, ExternalCode: b}, {ID: "2", Name: b, ExternalCode: c}},
		Images: []feed.Image{{URL: a}, {URL: c}}, Parameters: []feed.Parameter{{ID: a, Names: texts("pol", b), Values: []feed.ParameterValue{{ID: c, Names: texts("eng", a)}}}}},
		Sizes: []feed.ItemSize{{Stock: []feed.Stock{{Quantity: feed.Unlimited()}}}, {}}}
}

// lines joins values as a cell of several lines does.
func lines(values ...string) string {
	for i, v := range values {
		v, _ = feed.Clean(v)
		values[i] = strings.ReplaceAll(v, "\n", " ")
	}
	if s := strings.Join(values, "\n"); strings.Trim(s, "\n") != "" {
		return guarded(s)
	}
	return ""
}

func check(t rapid.TB, a, b, c string) {
	t.Helper()
	w := tabular.NewWriter(&feed.Profile{Languages: []feed.Language{pol, eng}}, nil, tabular.Options{DefaultLanguage: pol})
	full := w.AppendFull(w.AppendFullHeader(nil), item(a, b, c))
	got := cells(t, full)
	name := b
	if b == "" && c == "" {
		name = ""
	}
	for column, want := range map[string]string{
		"@code_on_card": guarded(a), "/producer@name": guarded(a), "/producer@id": guarded(b), "/description/name[pol]": guarded(name), "/description/name[eng]": guarded(c), "/description/long_desc[pol]": guarded(c), "/description/long_desc[eng]": "",
		"/sizes/size@name": lines(a, b), "/sizes/size@code_external": lines(b, c), "/images/large/image@url": lines(a, c), "/parameters/parameter@id": lines(a), "/parameters/parameter/value@value_id": lines(c),
		"/sizes/size/stock@quantity": "-1\n0",
	} {
		if got[column] != want {
			t.Errorf("%s of %q, %q, %q: got %q, want %q", column, a, b, c, got[column], want)
		}
	}
	for column, cell := range got {
		if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") && !plain(cell) {
			t.Errorf("%s starts a formula: %q", column, cell)
		}
	}
	if got := cells(t, w.AppendLight(w.AppendLightHeader(nil), item(a, b, c))); got["/sizes/size@code_external"] != lines(b, c) {
		t.Errorf("light: got %q, want %q", got["/sizes/size@code_external"], lines(b, c))
	}
}

func TestReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		check(t, nasty().Draw(t, "a"), nasty().Draw(t, "b"), nasty().Draw(t, "c"))
	})
}

func FuzzReadsBack(f *testing.F) {
	f.Add("=1+1", "a,b\"c", "x\r\ny")
	f.Add("-1", "+1.5", "@a\n-1")
	f.Add("\t=1", " lead", "trail ")
	f.Fuzz(func(t *testing.T, a, b, c string) { check(t, a, b, c) })
}

func TestAllocations(t *testing.T) {
	items := sampleItems(t)
	buf := make([]byte, 0, 1<<20)
	for _, w := range []*tabular.Writer{sampleWriter(feed.Dialect{}, pol, eng), sampleWriter(feed.Dialect{SwapCodes: true})} {
		n := testing.AllocsPerRun(100, func() {
			b := buf[:0]
			for _, it := range items {
				b = w.AppendLight(w.AppendFull(b, it), it)
			}
		})
		if n != 0 {
			t.Errorf("got %v allocations for two products, want 0", n)
		}
	}
}

// TestDocumented keeps the list of columns in docs/format.md true.
func TestDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "format.md"))
	if err != nil {
		t.Fatal(err)
	}
	w := tabular.NewWriter(&feed.Profile{Languages: []feed.Language{pol}}, nil, tabular.Options{})
	for _, name := range slices.Concat(w.FullColumns(), w.LightColumns()) {
		if name = strings.Replace(name, "[pol]", "[lang]", 1); !bytes.Contains(doc, []byte("`"+name+"`")) {
			t.Errorf("docs/format.md does not list the column `%s`", name)
		}
	}
}

func BenchmarkAppendFull(b *testing.B) {
	w := sampleWriter(feed.Dialect{}, pol, eng)
	items := sampleItems(b)
	buf := w.AppendFull(w.AppendFull(nil, items[0]), items[1])
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = w.AppendFull(w.AppendFull(buf[:0], items[0]), items[1])
	}
}

func ExampleWriter_AppendLight() {
	w := tabular.NewWriter(&feed.Profile{}, nil, tabular.Options{})
	p := &feed.Product{ID: 7, Sizes: []feed.Size{{ID: "3", Code: "7-3"}, {ID: "4", Code: "7-4"}}}
	it := &feed.Item{Product: p, Currency: feed.MustCurrency("PLN"), Sizes: []feed.ItemSize{{Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(5)}}}, {}}}
	r := csv.NewReader(bytes.NewReader(w.AppendLight(w.AppendLightHeader(nil), it)))
	list, _ := r.ReadAll()
	for i, name := range list[0] {
		if list[1][i] != "" {
			fmt.Printf("%s: %q\n", name, list[1][i])
		}
	}
	// Output:
	// @id: "7"
	// @vat: "0.0"
	// @currency: "PLN"
	// /price@gross: "0.00"
	// /price@net: "0.00"
	// /sizes/size@id: "3\n4"
	// /sizes/size@code: "7-3\n7-4"
	// /sizes/size/price@gross: "0.00\n0.00"
	// /sizes/size/price@net: "0.00\n0.00"
	// /sizes/size/stock@size_id: "3\n4"
	// /sizes/size/stock@stock_id: "1\n1"
	// /sizes/size/stock@quantity: "5\n0"
}

func ExampleWriter_AppendFull() {
	w := tabular.NewWriter(&feed.Profile{Languages: []feed.Language{feed.MustLanguage("eng")}}, nil, tabular.Options{})
	it := &feed.Item{Product: &feed.Product{ID: 7, Names: feed.Texts{{Value: "=1+1, \"blue\""}}}, Currency: feed.MustCurrency("EUR")}
	record := string(w.AppendFull(nil, it))
	fmt.Println(record[strings.Index(record, `"'`) : strings.Index(record, `"",`)+2])
	// Output: "'=1+1, ""blue"""
}

func ExampleNewWriter() {
	p := &feed.Profile{Languages: []feed.Language{feed.MustLanguage("pol"), feed.MustLanguage("eng")}}
	w := tabular.NewWriter(p, nil, tabular.Options{})
	for _, name := range w.FullColumns() {
		if strings.HasPrefix(name, "/description/name") {
			fmt.Println(name)
		}
	}
	// Output:
	// /description/name[pol]
	// /description/name[eng]
}
