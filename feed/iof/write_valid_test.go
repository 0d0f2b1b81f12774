package iof_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/feedtest"
	"feedmill/feed/iof"
	"feedmill/feed/pricing"
	"feedmill/schema/schematest"

	"pgregory.net/rapid"
)

// What the writers make of any valid product is valid, in every dialect that
// keeps to the schemas.
func TestWrittenProductsAreValid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := feedtest.Product().Draw(t, "product")
		p.Extensions, p.Attrs = nil, nil // verbatim: as valid as they came
		flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
		profile := &feed.Profile{Currency: p.Currency, Languages: []feed.Language{pol, eng},
			Stock:   feed.StockPolicy{PerWarehouse: flag("warehouses")},
			Dialect: feed.Dialect{EscapedText: flag("escaped"), SingleLanguage: flag("single"), OneSizeZero: flag("zero"), SwapCodes: flag("swap"), NoBundles: flag("bundles"), FullWithoutStock: flag("stock")}}
		rules, err := pricing.Compile(profile, feed.NewIndex(&feed.Dictionaries{}), nil)
		if err != nil {
			t.Fatal(err)
		}
		var item feed.Item
		if v := rules.Apply(&item, p); !v.Included {
			t.Skip(v.Reason.String())
		}
		w := iof.NewWriter(profile, nil, iof.Options{DefaultLanguage: pol})
		full := w.AppendFullHeader(nil, generated, expires, p.Currency)
		full = w.AppendFullFooter(w.AppendFull(full, &item))
		schematest.Valid(t, "full.xml", full)
		change := w.AppendChangeHeader(nil, generated, expires, p.Currency)
		change = w.AppendRemoved(w.AppendFull(change, &item), p.ID+1)
		schematest.Valid(t, "full_change2026-03-02T01-10-00.xml", w.AppendChangeFooter(change))
		light := w.AppendLightHeader(nil, generated, expires, p.Currency)
		schematest.Valid(t, "light.xml", w.AppendLightFooter(w.AppendLight(light, &item)))
		if t.Failed() {
			t.Fatalf("%s", full)
		}
	})
}

func TestWrittenDictionariesAreValid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := feedtest.Dictionaries().Draw(t, "dictionaries")
		w := iof.NewWriter(&feed.Profile{Languages: []feed.Language{pol, eng}}, feed.NewIndex(d), iof.Options{DefaultLanguage: pol})
		schematest.Valid(t, "categories.xml", w.AppendCategories(nil, d, generated, expires))
		schematest.Valid(t, "sizes.xml", w.AppendSizes(nil, d, generated))
		schematest.Valid(t, "producers.xml", w.AppendProducers(nil, d, generated, expires))
		schematest.Valid(t, "units.xml", w.AppendUnits(nil, d, generated, expires))
		schematest.Valid(t, "parameters.xml", w.AppendParameters(nil, d, generated, expires))
		schematest.Valid(t, "stocks.xml", w.AppendStocks(nil, d, generated, expires))
		schematest.Valid(t, "series.xml", w.AppendSeries(nil, d, generated, expires))
		schematest.Valid(t, "warranties.xml", w.AppendWarranties(nil, d, generated, expires))
	})
}

// The golden files are valid; the 2.x dialect puts its elements where no
// schema looks for them.
func TestGoldenFilesAreValid(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*.xml"))
	if err != nil || len(files) < 25 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	for _, f := range files {
		if strings.Contains(f, "default-namespace") {
			continue
		}
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		schematest.Valid(t, filepath.Base(f), data)
	}
}
