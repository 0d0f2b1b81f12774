package catalog_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/catalog"
)

func dollars() catalog.Options {
	return catalog.Options{DefaultLanguage: feed.MustLanguage("eng"), DefaultCurrency: feed.MustCurrency("USD"), HasDefaultVAT: true, DefaultVAT: percent("10")}
}

func TestShopifySamples(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"shopify-old", "shopify-new"} {
		out := read(t, dollars(), "testdata/"+name+".csv")
		if out.err != nil || out.format != catalog.FormatShopify {
			t.Errorf("%s: got %v %v, format %v", name, out.err, out.problems, out.format)
		}
		golden(t, name+".golden", out.text())
	}
}

func TestShopifySharedSamples(t *testing.T) {
	t.Parallel()
	dir := shared(t, "catalogs", "shopify")
	for _, c := range []struct {
		name                       string
		products, producers, sizes int
	}{{"apparel", 20, 1, 22}, {"home-and-garden", 20, 3, 21}, {"jewelery", 20, 2, 23}} {
		out := read(t, dollars(), filepath.Join(dir, c.name+".csv"))
		sizes := strings.Count(strings.Join(out.lines, "\n"), `"stock":[`)
		if out.err != nil || len(out.lines) != c.products || len(out.dict.Producers) != c.producers || sizes != c.sizes {
			t.Errorf("%s: got %d products, %d producers, %d sizes, %v, want %+v", c.name, len(out.lines), len(out.dict.Producers), sizes, out.err, c)
		}
		golden(t, "shopify-shared-"+c.name+".golden", digest(t, out))
	}
}

func TestShopifyNeedsCurrencyAndVAT(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		opt        catalog.Options
		want, hint string
	}{
		{catalog.Options{HasDefaultVAT: true}, "the export does not say in which currency its prices are", "name it with --currency"},
		{catalog.Options{DefaultCurrency: feed.MustCurrency("USD")}, "the export does not say the VAT rate", "give it with --vat (0 where there is none)"},
	} {
		out := read(t, c.opt, "testdata/shopify-new.csv")
		if out.err == nil || out.err.Error() != "testdata/shopify-new.csv: header: "+c.want || feed.HintOf(out.err) != c.hint || feed.KindOf(out.err) != feed.KindInvalid {
			t.Errorf("got %v (%s), want %s (%s)", out.err, feed.HintOf(out.err), c.want, c.hint)
		}
	}
}

func TestShopifyStats(t *testing.T) {
	t.Parallel()
	out := read(t, dollars(), "testdata/shopify-old.csv")
	if out.stats.Products != 2 || out.stats.LeftOut != 2 {
		t.Errorf("got %+v, want 2 products and 2 left out", out.stats)
	}
}

// digest tells what matters of products whose texts are not ours to repeat.
func digest(t *testing.T, out outcome) string {
	t.Helper()
	var b strings.Builder
	for _, l := range out.lines {
		var p struct {
			ID       int64
			Tags     []string
			Images   []any
			Producer struct{ ID string }
			Category struct{ ID string }
			Price    struct{ Net, Gross string }
			Was      struct{ Gross string } `json:"strikethrough_retail"`
			Group    struct{ ID string }    `json:"size_group"`
			Sizes    []struct {
				ID, Code string
				Weight   int
				Price    struct{ Gross string }
				Stock    []struct{ Quantity int }
			}
		}
		if err := json.Unmarshal([]byte(l), &p); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%d: producer %s, category %s, %d tags, %d images, %s net, %s gross, was %q, size group %s\n",
			p.ID, p.Producer.ID, p.Category.ID, len(p.Tags), len(p.Images), p.Price.Net, p.Price.Gross, p.Was.Gross, p.Group.ID)
		for _, s := range p.Sizes {
			fmt.Fprintf(&b, "\t%s: code %s, %d g, %q, stock %v\n", s.ID, s.Code, s.Weight, s.Price.Gross, s.Stock)
		}
	}
	for _, p := range out.problems {
		b.WriteString(p + "\n")
	}
	return b.String()
}
