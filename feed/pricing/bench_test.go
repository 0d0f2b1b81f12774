package pricing_test

import (
	"fmt"
	"testing"

	"feedmill/feed"
	"feedmill/feed/pricing"
)

// busy is a profile that uses every kind of rule, and a product that meets them.
func busy(t testing.TB) (*feed.Profile, *feed.Index, *feed.Product) {
	d := &feed.Dictionaries{}
	profile := &feed.Profile{
		Currency: eur, Rates: []feed.ExchangeRate{{From: pln, Rate: rate(t, "0.2345")}}, Base: feed.BaseWholesale,
		Stock: feed.StockPolicy{Warehouses: []feed.WarehouseID{1, 2}, PerWarehouse: true, Buffer: feed.Pieces(2), Cap: feed.Pieces(50)},
	}
	profile.Assortment.InStockOnly = true
	for i := range 500 {
		c := feed.Category{ID: fmt.Sprint(1000 + i), Names: texts(fmt.Sprint("Category ", i))}
		if i > 0 {
			c.Parent = fmt.Sprint(1000 + i/2)
		}
		d.Categories = append(d.Categories, c)
		if i%10 == 0 {
			profile.Discounts.Categories = append(profile.Discounts.Categories, feed.DiscountRule{Key: c.ID, Percent: percent(t, "7.5")})
		}
		profile.Assortment.Exclude = append(profile.Assortment.Exclude, rule(feed.RuleProduct, fmt.Sprint(5000+i)), rule(feed.RuleTag, fmt.Sprint("tag", i)))
		profile.Assortment.Include = append(profile.Assortment.Include, rule(feed.RuleCategory, c.ID), rule(feed.RuleProducer, fmt.Sprint("p", i)))
	}
	p := &feed.Product{ID: 1, Currency: pln, VAT: percent(t, "23"), Producer: feed.Ref{ID: "p9", Name: "Lewis"},
		Category: feed.Reference{ID: "1499"}, Tags: []string{"spring", "new"},
		Prices: feed.Prices{List: price(20000, 24600), Wholesale: price(16000, 19680), Minimal: price(15000, 18450), SRP: price(25000, 30750), StrikethroughRetail: price(27000, 33210)},
		Attrs:  []feed.Attr{{Name: "product_free", Value: "n"}, {Name: "site", Value: "1"}}}
	for i := range 6 {
		p.Sizes = append(p.Sizes, feed.Size{ID: fmt.Sprint(i), Code: fmt.Sprint("1-", i), Prices: feed.Prices{List: price(20000+int64(i), 24600)},
			Stock: []feed.Stock{{Warehouse: 2, Quantity: feed.Pieces(3)}, {Warehouse: 1, Quantity: feed.Pieces(12)}}})
	}
	return profile, feed.NewIndex(d), p
}

func TestApplyAllocatesNothing(t *testing.T) {
	profile, x, p := busy(t)
	simple, err := pricing.Compile(&feed.Profile{}, x, nil)
	if err != nil {
		t.Fatal(err)
	}
	full, err := pricing.Compile(profile, x, nil)
	if err != nil {
		t.Fatal(err)
	}
	stranger := *p
	stranger.Category = feed.Reference{ID: "none", Names: texts("Category 0/Category 1/Other")}
	var item feed.Item
	for name, r := range map[string]*pricing.Rules{"simple": simple, "busy": full} {
		for _, q := range []*feed.Product{p, &stranger} {
			if v := r.Apply(&item, q); !v.Included {
				t.Fatalf("%s: %+v, want it in", name, v)
			}
			if n := testing.AllocsPerRun(100, func() { r.Apply(&item, q) }); n != 0 {
				t.Errorf("%s: %v allocations on a warm item, want 0", name, n)
			}
		}
	}
}

func BenchmarkApply(b *testing.B) {
	profile, x, p := busy(b)
	for _, c := range []struct {
		name    string
		profile *feed.Profile
	}{{"simple", &feed.Profile{}}, {"busy", profile}} {
		b.Run(c.name, func(b *testing.B) {
			r, err := pricing.Compile(c.profile, x, nil)
			if err != nil {
				b.Fatal(err)
			}
			var item feed.Item
			b.ReportAllocs()
			for b.Loop() {
				if !r.Apply(&item, p).Included {
					b.Fatal("left out")
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	profile, x, _ := busy(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pricing.Compile(profile, x, nil); err != nil {
			b.Fatal(err)
		}
	}
}
