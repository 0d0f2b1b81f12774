package catalog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/catalog"
)

// offer gives the paths of the sample offer's files.
func offer(names ...string) (files []string) {
	for _, n := range names {
		files = append(files, filepath.Join("testdata", "offer-"+n+".xml"))
	}
	return files
}

func TestOffer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := read(t, catalog.Options{TempDir: dir}, offer("light", "full", "categories")...)
	if out.err != nil || out.format != catalog.FormatIOF {
		t.Errorf("got %v %v, format %v", out.err, out.problems, out.format)
	}
	golden(t, "offer.golden", out.text())
	if len(out.head.Categories) != 2 || out.defaults.Language != feed.MustLanguage("pol") || out.defaults.Currency != feed.MustCurrency("PLN") {
		t.Errorf("head: got %v and %+v", out.head.Categories, out.defaults)
	}
	empty(t, dir)
}

func TestFullAlone(t *testing.T) {
	t.Parallel()
	out := read(t, catalog.Options{DefaultUnit: "szt."}, offer("full")...)
	if out.err != nil || len(out.lines) != 3 || !strings.Contains(out.lines[0], `"price":{"net":"10.00","gross":"12.30"}`) ||
		!strings.Contains(out.lines[1], `"name":{"pol":"szt."}`) || !strings.Contains(out.lines[1], `"code":"8-uniw"`) {
		t.Errorf("got %v, %v", out.lines, out.problems)
	}
}

func TestLeavingAnOfferEarlyCleansUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := catalog.Open(offer("full", "light"), catalog.Options{TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for range s.Products(t.Context()) {
		break
	}
	empty(t, dir)
}

func TestChangeFile(t *testing.T) {
	t.Parallel()
	full, err := os.ReadFile("testdata/offer-full.xml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(full), "</products>", `<product id="55" removed="yes"/></products>`, 1)
	out := readText(t, catalog.Options{}, "full_change2026-03-02T10-00-00.xml", text)
	if out.err != nil || len(out.lines) != 3 || len(out.removed) != 1 || out.removed[0] != 55 {
		t.Errorf("got %d products, removed %v, %v %v", len(out.lines), out.removed, out.err, out.problems)
	}
}

func TestBadOffers(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/offer-full.xml")
	if err != nil {
		t.Fatal(err)
	}
	full := string(data)
	light, err := os.ReadFile("testdata/offer-light.xml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, content string
		want          string // in the error or in the only problem
	}{
		{"cut.xml", full[:len(full)/2], "cut.xml: read offer: line "},
		{"doctype.xml", strings.Replace(full, "<offer", "<!DOCTYPE offer>\n<offer", 1), "doctype.xml: read offer: line 2, column 1: "},
		{"other.xml", "<rss/>", "other.xml: read offer: the root element is <rss>"},
		{"html.xml", "<!DOCTYPE html><html></html>", "html.xml: is a web page"},
		{"latin.xml", `<?xml version="1.0" encoding="ISO-8859-2"?><offer/>`, "latin.xml: read offer: line 1, column"},
		{"gateway.xml", "<provider_description/>", "gateway.xml: is a gateway, which holds no products"},
		{"preset.xml", "<preset/>", "preset.xml: is a preset, which holds no products"},
		{"light.xml", string(light), "no full file among the files"},
		{"code.xml", strings.Replace(full, `code="7-4"`, `code="7 4"`, 1), `code.xml:4: product 7: sizes/size[2]/@code: "7 4" is not a code (codes hold letters, digits and . - _ : without blanks)`},
		{"twice.xml", strings.Replace(full, `code="7-4"`, `code="7-3"`, 1), `twice.xml:4: product 7: sizes/size[2]/@code: "7-3" occurs twice (each size has its own code)`},
		{"name.xml", strings.Replace(full, `<name xml:lang="pol"><![CDATA[Kubek bez kodu]]></name>`, "", 1), "name.xml:15: product 8: description/name: is missing (a product has a name in at least one language)"},
		{"category.xml", strings.Replace(full, `<category id="21" xml:lang="pol" name="Dom/Kubki"/>`, "", 1), `category.xml:4: product 7: category: is missing (give an id or a path such as "Kitchen/Mugs", or a category for all such products (--category))`},
		{"currency.xml", strings.NewReplacer(`currency="PLN" language`, "language", ` currency="PLN"`, "").Replace(full), "currency"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out := readText(t, catalog.Options{}, c.name, c.content)
			if out.err == nil || feed.KindOf(out.err) != feed.KindInvalid {
				t.Fatalf("got %v, kind %d, want an invalid input", out.err, feed.KindOf(out.err))
			}
			if text := out.err.Error() + "\n" + strings.Join(out.problems, "\n"); !strings.Contains(text, c.want) {
				t.Errorf("got %s, want %s", text, c.want)
			}
		})
	}
	for _, files := range [][]string{offer("full", "full"), offer("full", "light", "light")} {
		if _, err := catalog.Open(files, catalog.Options{}); err == nil || !strings.Contains(err.Error(), " are both ") {
			t.Errorf("%v: got %v, want a refusal", files, err)
		}
	}
}

func TestSharedOffers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dir      string
		products int
	}{{"examples", 5}, {"official", 8}} {
		dir := shared(t, "iof", c.dir)
		var files []string
		for _, k := range append(feed.DictionaryKinds(), feed.KindFull, feed.KindLight) {
			path := filepath.Join(dir, k.FileName(""))
			if _, err := os.Stat(path); err == nil && k != feed.KindPreset {
				files = append(files, path)
			}
		}
		out := read(t, catalog.Options{}, files...)
		if out.err != nil || len(out.lines) != c.products {
			t.Errorf("%s: got %d products, %v %v, want %d", c.dir, len(out.lines), out.err, out.problems, c.products)
		}
		// What was read can be exported and read again.
		again := readText(t, catalog.Options{}, "c.jsonl", string(catalog.AppendDictionaries(nil, out.dict))+strings.Join(out.lines, "\n"))
		if again.err != nil || strings.Join(again.lines, "\n") != strings.Join(out.lines, "\n") {
			t.Errorf("%s: the export reads differently: %v %v", c.dir, again.err, again.problems)
		}
	}
}
