package iof_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/iof"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldens renders every kind of file, and the offer once in each dialect.
func goldens(t *testing.T) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	full := func(w *iof.Writer, items []*feed.Item) []byte {
		b := w.AppendFullHeader(nil, generated, expires, pln)
		for _, it := range items {
			b = w.AppendFull(b, it)
		}
		return w.AppendFullFooter(b)
	}
	light := func(w *iof.Writer) []byte {
		b := w.AppendLightHeader(nil, generated, expires, pln)
		for _, it := range sampleItems(t) {
			b = w.AppendLight(b, it)
		}
		return w.AppendLightFooter(b)
	}
	w := sampleWriter(feed.Dialect{}, pol, eng)
	d := sampleDictionaries()
	files["full.xml"] = full(w, sampleItems(t))
	files["light.xml"] = light(w)
	change := w.AppendChangeHeader(nil, generated, expires, pln)
	change = w.AppendFull(change, sampleItems(t)[2])
	change = w.AppendRemoved(change, 102)
	files["full_change2026-03-02T01-10-00.xml"] = w.AppendChangeFooter(change)
	files["gateway.xml"] = w.AppendGateway(nil, sampleGateway())
	files["categories.xml"] = w.AppendCategories(nil, d, generated, expires)
	files["sizes.xml"] = w.AppendSizes(nil, d, generated)
	files["producers.xml"] = w.AppendProducers(nil, d, generated, expires)
	files["units.xml"] = w.AppendUnits(nil, d, generated, expires)
	files["parameters.xml"] = w.AppendParameters(nil, d, generated, expires)
	files["stocks.xml"] = w.AppendStocks(nil, d, generated, expires)
	files["series.xml"] = w.AppendSeries(nil, d, generated, expires)
	files["warranties.xml"] = w.AppendWarranties(nil, d, generated, expires)
	files["preset.xml"] = w.AppendPreset(nil, samplePreset())

	empty := iof.NewWriter(&feed.Profile{}, nil, iof.Options{})
	files["full-empty.xml"] = full(empty, nil)
	files["sizes-empty.xml"] = empty.AppendSizes(nil, &feed.Dictionaries{}, generated)
	files["parameters-empty.xml"] = empty.AppendParameters(nil, &feed.Dictionaries{}, generated, expires)

	all := sampleWriter(feed.Dialect{})
	files["full-all-languages.xml"] = full(all, sampleItems(t))
	files["warranties-all-languages.xml"] = all.AppendWarranties(nil, d, generated, expires)
	files["full-default-namespace.xml"] = full(sampleWriter(feed.Dialect{DefaultNamespace: true}, pol), sampleItems(t))
	files["full-escaped-text.xml"] = full(sampleWriter(feed.Dialect{EscapedText: true}, pol, eng), sampleItems(t))
	files["full-single-language.xml"] = full(sampleWriter(feed.Dialect{SingleLanguage: true}, eng, pol), sampleItems(t))
	files["full-one-size-zero.xml"] = full(sampleWriter(feed.Dialect{OneSizeZero: true}, pol), sampleItems(t))
	files["light-one-size-zero.xml"] = light(sampleWriter(feed.Dialect{OneSizeZero: true}, pol))
	files["sizes-one-size-zero.xml"] = sampleWriter(feed.Dialect{OneSizeZero: true}, pol).AppendSizes(nil, d, generated)
	files["full-swap-codes.xml"] = full(sampleWriter(feed.Dialect{SwapCodes: true}, pol), sampleItems(t))
	files["light-swap-codes.xml"] = light(sampleWriter(feed.Dialect{SwapCodes: true}, pol))
	files["full-no-bundles.xml"] = full(sampleWriter(feed.Dialect{NoBundles: true}, pol), sampleItems(t))
	files["full-without-stock.xml"] = full(sampleWriter(feed.Dialect{FullWithoutStock: true}, pol), sampleItems(t))
	files["full-all-extensions.xml"] = full(sampleWriter(feed.Dialect{AllExtensions: true}, pol), sampleItems(t))

	responsible := sampleItems(t)[2]
	responsible.Product.Responsible = &feed.ResponsibleEntity{
		Producer: feed.Contact{ID: "1", Code: "GRA", Name: "Granit & Skała", Country: "PL", Street: "Przykładowa", Number: "1", City: "Łódź", Zipcode: "90-001", Mail: "gpsr@shop.example.com", Phone: "+48 00 000 00 00"},
		Persons:  []feed.Contact{{}, {Code: "GRA-EU", Name: "Anna Przykład"}},
	}
	files["full-responsible-entity.xml"] = full(w, []*feed.Item{responsible})
	return files
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, got := range goldens(t) {
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
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	files, err := os.ReadDir(filepath.Join("testdata", "golden"))
	if err != nil {
		t.Fatal(err)
	}
	want := goldens(t)
	for _, f := range files {
		if _, ok := want[f.Name()]; !ok {
			t.Errorf("golden file %s belongs to no test", f.Name())
		}
	}
}

// officialCheck finds the published schemas, which cannot be part of the
// project (their licence forbids it) and lie beside its folder on machines
// that have them.
func officialCheck(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("the module's root was not found above the test")
		}
	}
	check := filepath.Join(filepath.Dir(dir), "shared", "iof", "official", "check")
	if _, err := os.Stat(check); err != nil {
		t.Skip("the published schemas are not there")
	}
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("xmllint is not installed")
	}
	return check
}

func TestPublishedSchemas(t *testing.T) {
	t.Parallel()
	files := goldens(t)
	t.Run("valid", func(t *testing.T) {
		t.Parallel()
		check := officialCheck(t)
		dir := t.TempDir()
		var paths []string
		for name, b := range files {
			switch name {
			case "full-default-namespace.xml", "full-all-extensions.xml":
				continue // refused by design: see the next subtest
			case "full-responsible-entity.xml":
				// The schema is older than the block; everything else must fit.
				from, to := bytes.Index(b, []byte("<iaiext:responsible_entity>")), bytes.Index(b, []byte("</product>"))
				b = append(b[:from:from], b[to:]...)
			}
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
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		check := officialCheck(t)
		for _, name := range []string{"full-default-namespace.xml", "full-all-extensions.xml", "full-responsible-entity.xml"} {
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, files[name], 0o644); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.CommandContext(t.Context(), check, path).CombinedOutput(); err == nil {
				t.Errorf("%s passes the published schema, so docs/format.md is wrong to say that it does not\n%s", name, out)
			}
		}
	})
}
