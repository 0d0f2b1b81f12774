package catalog_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/feed/feedtest"
	"feedmill/feed/record"

	"pgregory.net/rapid"
)

func TestSample(t *testing.T) {
	t.Parallel()
	out := read(t, catalog.Options{}, "testdata/sample.jsonl")
	if out.err != nil {
		t.Errorf("got %v, want no error", out.err)
	}
	golden(t, "sample.golden", out.text())
	if got, want := out.removed, []feed.ProductID{catalog.DeriveID("OLD/77")}; len(got) != 1 || got[0] != want[0] {
		t.Errorf("removed: got %v, want %v", got, want)
	}
	if out.format != catalog.FormatJSONL {
		t.Errorf("format: got %v, want jsonl", out.format)
	}
	st := out.stats
	if st.Products != 3 || st.Removed != 1 || st.Warnings != 0 || len(st.Languages) != 2 || st.Languages[0] != feed.MustLanguage("pol") || len(st.Currencies) != 2 {
		t.Errorf("stats: got %+v", st)
	}
	if out.defaults.Currency != feed.MustCurrency("PLN") || !out.defaults.HasVAT || out.defaults.Language != feed.MustLanguage("pol") {
		t.Errorf("defaults: got %+v", out.defaults)
	}
	if len(out.head.Categories) != 2 || len(out.dict.Categories) != 4 || len(out.head.Values) != 0 || len(out.dict.Values) != 2 {
		t.Errorf("head has %d categories and %d values, all %d and %d, want 2, 0, 4, 2",
			len(out.head.Categories), len(out.head.Values), len(out.dict.Categories), len(out.dict.Values))
	}
}

// tame changes what the generator makes and an import refuses: products without
// a category, and the 29th of February of any year.
func tame(p *feed.Product) {
	if p.Category.ID == "" {
		p.Category = feed.Reference{ID: "1", Names: feed.Texts{{Lang: feed.MustLanguage("pol"), Value: "Other"}}}
	}
	day := func(s *string) { *s = strings.Replace(*s, "-02-29", "-02-28", 1) }
	for i := range p.Images {
		day(&p.Images[i].Changed)
	}
	day(&p.Icon.Changed)
	day(&p.AuctionIcon.Changed)
	day(&p.GroupIcon.Changed)
	if p.Promotion != nil {
		day(&p.Promotion.Start)
		day(&p.Promotion.End)
	}
	for _, m := range []*feed.Image{&p.Icon, &p.AuctionIcon, &p.GroupIcon} {
		if m.URL == "" {
			*m = feed.Image{}
		}
	}
}

func decodeOne(t testing.TB, lines []byte) (p *feed.Product, problems []catalog.Problem) {
	t.Helper()
	s, err := catalog.Open([]string{"-"}, catalog.Options{Stdin: bytes.NewReader(lines), Format: catalog.FormatJSONL})
	if err != nil {
		return nil, []catalog.Problem{{Message: err.Error()}}
	}
	for got, err := range s.Products(t.Context()) {
		if err != nil {
			return nil, append(s.Problems(), catalog.Problem{Message: err.Error()})
		}
		p = new(feed.Product)
		if err := record.Decode(record.Append(nil, got), p); err != nil {
			t.Fatal(err)
		}
	}
	return p, s.Problems()
}

func TestProductsComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		want := feedtest.Product().Draw(rt, "product")
		tame(want)
		line := catalog.AppendJSON(nil, want)
		if !json.Valid(line) || bytes.Count(line, []byte("\n")) != 1 {
			rt.Fatalf("not one line of JSON: %s", line)
		}
		got, problems := decodeOne(t, line)
		for _, p := range problems {
			if p.Level == catalog.LevelError {
				rt.Fatalf("%s\n%s", p, line)
			}
		}
		if d := feedtest.Diff(got, want); d != "" {
			rt.Fatalf("%s\n%s", d, line)
		}
	})
}

func TestDictionariesComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		want := feedtest.Dictionaries().Draw(rt, "dictionaries")
		// The collector makes sure of a main warehouse, and puts it first.
		want = catalog.NewCollector(want).Dictionaries()
		lines := catalog.AppendDictionaries(nil, want)
		s, err := catalog.Open([]string{"-"}, catalog.Options{Stdin: bytes.NewReader(append(lines, "{\"id\":1,\"removed\":true}\n"...))})
		if err != nil {
			rt.Fatal(err)
		}
		if p := s.Problems(); len(p) > 0 {
			rt.Fatalf("%v\n%s", p, lines)
		}
		if d := feedtest.Diff(s.Head(), want); d != "" {
			rt.Fatalf("%s\n%s", d, lines)
		}
	})
}

// line is a valid product to which tests add members.
func line(members string) string {
	s := `{"id":7,"name":"Kubek","category":"Kuchnia","price":12.30`
	if members != "" {
		s += "," + members
	}
	return s + "}\n"
}

func TestMembers(t *testing.T) {
	t.Parallel()
	const rest = `"category":{"id":"1735120955451430","name":{"pol":"Kuchnia"}},`
	for _, c := range []struct{ members, want string }{
		{`"vat":8`, `"vat":8.0,`},
		{`"vat":"5.5"`, `"vat":5.5,`},
		{`"currency":"KWD","srp":{"net":"100"}`, `"srp":{"net":"100.000","gross":"123.000"}`},
		{`"srp":{"net":"10.00","gross":12.31}`, `"srp":{"net":"10.00","gross":"12.31"}`},
		{`"srp":{"gross":"12.30","net":10}`, `"srp":{"net":"10.00","gross":"12.30"}`},
		{`"srp":12.3`, `"srp":{"net":"10.00","gross":"12.30"}`},
		{`"srp":{"net":0,"gross":0}`, `"price":{"net":"10.00","gross":"12.30"},"size_group"`},
		{`"stock":-1`, `"stock":[{"warehouse":1,"quantity":-1}]`},
		{`"stock":"unlimited"`, `"stock":[{"warehouse":1,"quantity":-1}]`},
		{`"stock":7.5`, `"quantity":7.5}`},
		{`"stock":[{"quantity":3,"physical":4},{"warehouse":0,"quantity":1}]`, `"stock":[{"warehouse":1,"quantity":3,"physical":4},{"warehouse":0,"quantity":1}]`},
		{`"gtin":5901234123457`, `"producer_code":"5901234123457"`},
		{`"gtin":"978-3-16-148410-0","code_standard":"ISBN13"`, `"code_standard":"ISBN13"`},
		{`"sizes":[{"name":"S","gtin":"5901234123457"},{"name":"M","gtin":"96385074"}]`, `"code_standard":"AUTO"`},
		{`"sizes":[{"name":"S","gtin":"5901234123457"},{"name":"M","producer_code":"XYZ"}]`, `"code_standard":"AUTO"`},
		{`"sizes":[{"name":"S"},{"name":"M"}]`, `"sizes":[{"id":"S","name":"S","code":"7-S"},{"id":"M","name":"M","code":"7-M"}]`},
		{`"sizes":[{"name":"XXL long"}],"display_code":"KUB-7"`, `"name":"XXL long","code":"KUB-7"`},
		{`"display_code":"KUB 7"`, `"code":"7"`},
		{`"producer":null,"url":null`, rest},
		{`"site":3,"type":"virtual"`, `"type":"virtual","site":3,`},
		{`"unit":{"id":"0","name":{"pol":"szt.","en":"pcs"}}`, `"unit":{"id":"0","name":{"pol":"szt.","eng":"pcs"}}`},
		{`"version":"czarny \\ L"`, `"version":{"name":"czarny \\ L"}`},
		{`"attrs":{"rebate":"7","product_free":"n"}`, `"attrs":{"product_free":"n","rebate":"7"}`},
		{`"extensions":["<iaiext:note>x</iaiext:note>"]`, `"extensions":["<iaiext:note>x</iaiext:note>"]`},
		{`"promotion":{"name":"A","price":9.99,"start":"2026-03-02","end":"2026-03-09T08:00:00","zones":{"new":true,"special":false}}`,
			`"promotion":{"name":"A","start":"2026-03-02","end":"2026-03-09T08:00:00","price":{"net":"8.12","gross":"9.99"},"zones":{"special":false,"new":true}}`},
		{`"long_desc":{"pol":"","eng":"x"}`, `"long_desc":{"eng":"x"}`},
	} {
		out := readText(t, polish(), "c.jsonl", line(c.members))
		if out.err != nil || len(out.lines) != 1 || !strings.Contains(out.lines[0], c.want) {
			t.Errorf("%s: got %v, %v %v, want %s", c.members, out.lines, out.err, out.problems, c.want)
		}
	}
}

func TestNetPrices(t *testing.T) {
	t.Parallel()
	out := readText(t, polish(), "c.jsonl", `{"record":"catalog","prices":"net","vat":"8"}`+"\n"+line(""))
	if out.err != nil || !strings.Contains(out.lines[0], `"price":{"net":"12.30","gross":"13.28"}`) {
		t.Errorf("got %v, %v, want the price to be net", out.lines, out.problems)
	}
	if !out.defaults.NetPrices {
		t.Error("the defaults do not say that prices are net")
	}
}

func TestZeroLanguageTexts(t *testing.T) {
	t.Parallel()
	opt := polish()
	opt.DefaultLanguage = feed.Language{}
	out := readText(t, opt, "c.jsonl", line(`"short_desc":{"":"krótko","eng":"short"}`)+strings.Replace(line(""), "7", "8", 1))
	if out.err != nil || !strings.Contains(out.lines[0], `"name":"Kubek","short_desc":{"":"krótko","eng":"short"}`) {
		t.Errorf("got %v, %v", out.lines, out.problems)
	}
	if want := "c.jsonl:1: warning: product 7: name: names no language (name the language of the catalog (--language), or write texts by language)"; len(out.problems) != 1 || out.problems[0] != want {
		t.Errorf("got %q, want once %q", out.problems, want)
	}
}

func TestDirtyTextIsCleanedAndCounted(t *testing.T) {
	t.Parallel()
	out := readText(t, polish(), "c.jsonl", line(`"short_desc":"a\u0000b\r\nc\ud800\uffffd"`))
	if out.err != nil || !strings.Contains(out.lines[0], "\"short_desc\":{\"pol\":\"ab\\nc\ufffdd\"}") {
		t.Errorf("got %q, %v", out.lines, out.err)
	}
	if out.stats.Dropped != 3 || len(out.problems) != 1 || out.problems[0] != "c.jsonl:1: warning: product 7: 3 characters that XML forbids dropped" {
		t.Errorf("dropped %d: %q", out.stats.Dropped, out.problems)
	}
}

func TestSeveralFiles(t *testing.T) {
	t.Parallel()
	a := file(t, "a.jsonl", `{"record":"catalog","vat":8}`+"\n"+line(""))
	b := file(t, "b.jsonl", strings.Replace(line(""), "7", "8", 1))
	out := read(t, polish(), a, b)
	if out.err != nil || len(out.lines) != 2 || !strings.Contains(out.lines[0], `"vat":8.0`) || !strings.Contains(out.lines[1], `"vat":23.0`) {
		t.Errorf("got %v, %v, want defaults to hold in their own file", out.lines, out.problems)
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	const lines = 2000
	data := bigLines(lines)
	read := func(n int) float64 {
		return testing.AllocsPerRun(3, func() {
			s, err := catalog.Open([]string{"-"}, catalog.Options{Stdin: bytes.NewReader(data[:n])})
			if err != nil {
				t.Fatal(err)
			}
			for _, err := range s.Products(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Err(); err != nil {
				t.Fatal(err)
			}
		})
	}
	half, whole := read(bytes.IndexByte(data[len(data)/2:], '\n')+len(data)/2+1), read(len(data))
	// The dictionaries are the same in both halves, so only products differ.
	if per := (whole - half) / (lines / 2); per > 0.01 {
		t.Errorf("%.3f allocations a product, want none", per)
	}
}

func FuzzJSONL(f *testing.F) {
	f.Add([]byte(line(`"vat":23,"currency":"PLN","sizes":[{"name":"S","stock":[{"quantity":1}]}]`)))
	f.Add([]byte(`{"record":"category","id":"1","name":"x"}` + "\n" + `{"id":1,"removed":true}` + "\n"))
	f.Add([]byte(`{"record":"size_group","id":"1","name":"x","sizes":[{"id":"s","name":{"pol":"S"}}]}` + "\n" + `{"key":"a","name":{"pol":"x"},"category":{"id":"1"},"vat":0,"currency":"EUR","parameters":[{"name":"k","values":["v"]}]}`))
	f.Add([]byte("{\"id\":1,\"name\":\"\\u0000\",\"category\":\"a/b\",\"extensions\":[\"<iaiext:a/>\"],\"attrs\":{\"x\":\"y\"},\"vat\":1,\"currency\":\"USD\"}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := catalog.Open([]string{"-"}, catalog.Options{Stdin: bytes.NewReader(data), Format: catalog.FormatJSONL, MaxErrors: 1000,
			Limits: catalog.Limits{Line: 1 << 16, Field: 1 << 14, Sizes: 20, List: 20, Images: 20, Parameters: 20}})
		if err != nil {
			return
		}
		good := 0
		for p, err := range s.Products(t.Context()) {
			if err != nil {
				return
			}
			good++
			again := catalog.AppendJSON(nil, p)
			if !json.Valid(again) {
				t.Fatalf("wrote no JSON: %s", again)
			}
			back, problems := decodeOne(t, again)
			for _, p := range problems {
				if p.Level == catalog.LevelError {
					t.Fatalf("%s\n%s", p, again)
				}
			}
			if d := feedtest.Diff(back, p); d != "" {
				t.Fatalf("%s\n%s", d, again)
			}
		}
		// A file without any error consists of lines that are JSON.
		if s.Err() == nil {
			for l := range bytes.SplitSeq(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), []byte("\n")) {
				if l = bytes.TrimSpace(l); len(l) > 0 && !json.Valid(l) && data[0] != 0x1f {
					t.Fatalf("accepted %q", l)
				}
			}
		}
		_ = s.Dictionaries()
	})
}
