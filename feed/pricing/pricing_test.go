package pricing_test

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/pricing"

	"pgregory.net/rapid"
)

// apply compiles and applies, for tests of one case.
func apply(t testing.TB, profile *feed.Profile, p *feed.Product) (*feed.Item, pricing.Verdict) {
	t.Helper()
	r, err := pricing.Compile(profile, feed.NewIndex(dictionaries()), nil)
	if err != nil {
		t.Fatal(err)
	}
	item := new(feed.Item)
	return item, r.Apply(item, p)
}

// TestPricesByHand compares whole computations with values worked out on paper.
func TestPricesByHand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		currency feed.Currency // of the product
		vat      string
		prices   feed.Prices
		profile  feed.Profile
		full     feed.Price
		light    feed.Price
	}{
		{
			"nothing changes, sides that disagree stay", pln, "23", feed.Prices{List: price(127122, 156399)},
			feed.Profile{}, price(127122, 156399), price(127122, 156399),
		}, {
			// 200.00 * 0.9 = 180.00; * 1.23 = 221.40
			"a discount in the same currency", pln, "23", feed.Prices{List: price(20000, 24600)},
			feed.Profile{Discounts: feed.Discounts{Overall: percent(t, "10")}}, price(20000, 24600), price(18000, 22140),
		}, {
			// 10.05 * 0.5 = 5.025 -> 5.03; gross 5.03 * 1.23 = 6.1869 -> 6.19
			"a tie is rounded up", pln, "23", feed.Prices{List: price(1005, 1236)},
			feed.Profile{Discounts: feed.Discounts{Overall: percent(t, "50")}}, price(1005, 1236), price(503, 619),
		}, {
			// gross 246.00 * 0.875 = 215.25; net 215.25 / 1.23 = 175
			"led by gross", pln, "23", feed.Prices{List: price(20000, 24600)},
			feed.Profile{Lead: feed.LeadGross, Discounts: feed.Discounts{Overall: percent(t, "12.5")}}, price(20000, 24600), price(17500, 21525),
		}, {
			// 200.00 PLN * 0.2345 = 46.90 EUR; gross 57.687 -> 57.69. Less 7 %: 43.617 -> 43.62; 53.6526 -> 53.65
			"a rate and then a discount, rounded once", pln, "23", feed.Prices{List: price(20000, 24600)},
			feed.Profile{Currency: eur, Rates: []feed.ExchangeRate{{From: pln, Rate: rate(t, "0.2345")}}, Discounts: feed.Discounts{Overall: percent(t, "7")}},
			price(4690, 5769), price(4362, 5365),
		}, {
			// 0.33 * 0.15 = 0.0495 -> 0.05; rounding twice would give the same, but
			// less 10 %: 0.04455 -> 0.04, and of the rounded 0.05 it would be 0.045 -> 0.05
			"rounding once is not rounding twice", pln, "0", feed.Prices{List: price(33, 33)},
			feed.Profile{Currency: eur, Rates: []feed.ExchangeRate{{From: pln, Rate: rate(t, "0.15")}}, Discounts: feed.Discounts{Overall: percent(t, "10")}},
			price(5, 5), price(4, 4),
		}, {
			// 19.99 EUR * 163.5 = 3268.365 -> 3268 JPY; * 1.1 would be 3594.8; VAT 10 % -> 3595
			"to a currency without decimals", eur, "10", feed.Prices{List: price(1999, 2199)},
			feed.Profile{Currency: jpy, Rates: []feed.ExchangeRate{{From: eur, Rate: rate(t, "163.5")}}}, price(3268, 3595), price(3268, 3595),
		}, {
			// 19.99 EUR * 0.33 = 6.5967 -> 6.597 KWD; less 1 %: 6.530733 -> 6.531
			"to a currency with three decimals", eur, "0", feed.Prices{List: price(1999, 1999)},
			feed.Profile{Currency: kwd, Rates: []feed.ExchangeRate{{From: eur, Rate: rate(t, "0.33")}}, Discounts: feed.Discounts{Overall: percent(t, "1")}},
			price(6597, 6597), price(6531, 6531),
		}, {
			// 1500 JPY * 0.0061 = 9.15 EUR; VAT 20 %: 10.98
			"from a currency without decimals", jpy, "20", feed.Prices{List: price(1500, 1800)},
			feed.Profile{Currency: eur, Rates: []feed.ExchangeRate{{From: jpy, Rate: rate(t, "0.0061")}}}, price(915, 1098), price(915, 1098),
		}, {
			// 200.00 - 40 % = 120.00, floor 150.00; 184.50
			"the floor holds", pln, "23", feed.Prices{List: price(20000, 24600), Minimal: price(15000, 18450)},
			feed.Profile{Discounts: feed.Discounts{Overall: percent(t, "40")}}, price(20000, 24600), price(15000, 18450),
		}, {
			// floor 150.00 * 0.2345 = 35.175 -> 35.18 (half up); gross 43.2714 -> 43.27
			"the floor is converted by the same rate", pln, "23", feed.Prices{List: price(20000, 24600), Minimal: price(15000, 18450)},
			feed.Profile{Currency: eur, Rates: []feed.ExchangeRate{{From: pln, Rate: rate(t, "0.2345")}}, Discounts: feed.Discounts{Overall: percent(t, "40")}},
			price(4690, 5769), price(3518, 4327),
		}, {
			"all of it hits the floor", pln, "23", feed.Prices{List: price(20000, 24600), Minimal: price(1, 1)},
			feed.Profile{Discounts: feed.Discounts{Overall: percent(t, "100")}}, price(20000, 24600), price(1, 1),
		}, {
			"all of it without a floor", pln, "23", feed.Prices{List: price(20000, 24600)},
			feed.Profile{Discounts: feed.Discounts{Overall: percent(t, "100")}}, price(20000, 24600), price(0, 0),
		}, {
			"a floor above the list price", pln, "23", feed.Prices{List: price(1000, 1230), Minimal: price(1200, 1476)},
			feed.Profile{}, price(1000, 1230), price(1200, 1476),
		}, {
			// floor given gross only: net 123.00/1.23 = 100.00
			"a floor with the other side only", pln, "23", feed.Prices{List: price(20000, 24600), Minimal: price(0, 12300)},
			feed.Profile{Discounts: feed.Discounts{Overall: percent(t, "90")}}, price(20000, 24600), price(10000, 12300),
		}, {
			// net is missing, so gross leads: 246.00 * 0.9 = 221.40, net 180.00
			"a price with the other side only", pln, "23", feed.Prices{List: price(0, 24600)},
			feed.Profile{Discounts: feed.Discounts{Overall: percent(t, "10")}}, price(0, 24600), price(18000, 22140),
		}, {
			// wholesale 160.00 - 10 % = 144.00; full keeps the list price
			"a wholesaler starts from the wholesale price", pln, "23", feed.Prices{List: price(20000, 24600), Wholesale: price(16000, 19680)},
			feed.Profile{Base: feed.BaseWholesale, Discounts: feed.Discounts{Overall: percent(t, "10")}}, price(20000, 24600), price(14400, 17712),
		}, {
			"a wholesaler without a wholesale price", pln, "23", feed.Prices{List: price(20000, 24600)},
			feed.Profile{Base: feed.BaseWholesale}, price(20000, 24600), price(20000, 24600),
		}, {
			"a wholesaler without a list price", pln, "23", feed.Prices{Wholesale: price(16000, 19680)},
			feed.Profile{Base: feed.BaseWholesale}, price(16000, 19680), price(16000, 19680),
		}, {
			"a retailer is not shown the wholesale price", pln, "23", feed.Prices{List: price(20000, 24600), Wholesale: price(16000, 19680)},
			feed.Profile{}, price(20000, 24600), price(20000, 24600),
		}, {
			// 98765.43 * 0.2345 = 23160.493335 -> 23160.49, 23160.49 * 1.23 = 28487.4027 -> 28487.40;
			// not one part in a million beside it, which a small price does not show
			"a large price", pln, "23", feed.Prices{List: price(9876543, 12148148)},
			feed.Profile{Currency: eur, Rates: []feed.ExchangeRate{{From: pln, Rate: rate(t, "0.2345")}}, Discounts: feed.Discounts{Overall: percent(t, "10")}},
			price(2316049, 2848740), price(2084444, 2563866),
		}, {
			"a floor at the list price, sides that disagree stay", pln, "23", feed.Prices{List: price(127122, 156399), Minimal: price(127122, 156399)},
			feed.Profile{}, price(127122, 156399), price(127122, 156399),
		}, {
			// 100000.00 - 0.0001 % = 99999.90, more than a floor of 99999.85
			"a floor just below what the discount leaves", pln, "0", feed.Prices{List: price(10_000_000, 10_000_000), Minimal: price(9_999_985, 9_999_985)},
			feed.Profile{Discounts: feed.Discounts{Overall: percent(t, "0.0001")}}, price(10_000_000, 10_000_000), price(9_999_990, 9_999_990),
		}, {
			"a floor just above what the discount leaves", pln, "0", feed.Prices{List: price(10_000_000, 10_000_000), Minimal: price(9_999_991, 9_999_991)},
			feed.Profile{Discounts: feed.Discounts{Overall: percent(t, "0.0001")}}, price(10_000_000, 10_000_000), price(9_999_991, 9_999_991),
		}, {
			// the floor is 400000000000000 * 1.23
			"an enormous price above an enormous floor", pln, "23", feed.Prices{List: price(500_000_000_000_000, 615_000_000_000_000), Minimal: price(400_000_000_000_000, 492_000_000_000_000)},
			feed.Profile{Discounts: feed.Discounts{Overall: percent(t, "10")}}, price(500_000_000_000_000, 615_000_000_000_000), price(450_000_000_000_000, 553_500_000_000_000),
		}, {
			"the largest price there is", pln, "0", feed.Prices{List: price(100_000_000_000_000, 100_000_000_000_000)},
			feed.Profile{Currency: eur, Rates: []feed.ExchangeRate{{From: pln, Rate: rate(t, "10")}}}, price(1_000_000_000_000_000, 1_000_000_000_000_000), price(1_000_000_000_000_000, 1_000_000_000_000_000),
		}, {
			// a rate of 1 between currencies with the same decimals changes nothing
			"a rate of one", pln, "23", feed.Prices{List: price(127122, 156399)},
			feed.Profile{Currency: eur, Rates: []feed.ExchangeRate{{From: pln, Rate: rate(t, "1")}}}, price(127122, 156399), price(127122, 156399),
		}, {
			// 12.50 -> 13 (half up) units without decimals
			"a rate of one into a coarser currency", pln, "0", feed.Prices{List: price(1250, 1250)},
			feed.Profile{Currency: jpy, Rates: []feed.ExchangeRate{{From: pln, Rate: rate(t, "1")}}}, price(13, 13), price(13, 13),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := &feed.Product{ID: 1, Currency: c.currency, VAT: percent(t, c.vat), Prices: c.prices, Sizes: []feed.Size{{Code: "1"}}}
			item, v := apply(t, &c.profile, p)
			if !v.Included {
				t.Fatalf("left out: %s", v.Reason)
			}
			if item.Full.Price != c.full || item.Light.Price != c.light {
				t.Errorf("full %v, light %v, want %v and %v", item.Full.Price, item.Light.Price, c.full, c.light)
			}
			want := c.profile.Currency
			if want.IsZero() {
				want = c.currency
			}
			if item.Currency != want {
				t.Errorf("currency %s, want %s", item.Currency, want)
			}
		})
	}
}

func TestSizePrices(t *testing.T) {
	t.Parallel()
	p := &feed.Product{
		ID: 1, Currency: pln, VAT: percent(t, "23"),
		Prices: feed.Prices{List: price(10000, 12300), Wholesale: price(8000, 9840), Minimal: price(7000, 8610), SRP: price(13000, 15990), StrikethroughRetail: price(15000, 18450), StrikethroughWholesale: price(9000, 11070)},
		Sizes: []feed.Size{
			{Code: "S"},
			{Code: "M", Prices: feed.Prices{List: price(11000, 13530), Minimal: price(6000, 7380), SRP: price(14000, 17220)}},
			{Code: "L", Prices: feed.Prices{Wholesale: price(9000, 11070)}},
		},
	}
	item, v := apply(t, &feed.Profile{Base: feed.BaseWholesale, Discounts: feed.Discounts{Overall: percent(t, "20")}}, p)
	if !v.Included {
		t.Fatalf("left out: %s", v.Reason)
	}
	for i, want := range []struct{ full, light, srp feed.Price }{
		{price(10000, 12300), price(7000, 8610), price(13000, 15990)}, // 80.00 - 20 % = 64.00, floor 70.00
		{price(11000, 13530), price(6400, 7872), price(14000, 17220)}, // 64.00, its own floor 60.00
		{price(10000, 12300), price(7200, 8856), price(13000, 15990)}, // 90.00 - 20 % = 72.00
	} {
		got := item.Sizes[i]
		if got.Full.Price != want.full || got.Light.Price != want.light || got.Light.SRP != want.srp || got.Full.StrikethroughWholesale != price(9000, 11070) || got.Full.StrikethroughRetail != price(15000, 18450) {
			t.Errorf("size %s: full %v, light %v, want %+v", p.Sizes[i].Code, got.Full, got.Light, want)
		}
	}
	if item.Light.Price != price(7000, 8610) || item.Light.StrikethroughRetail != price(15000, 18450) {
		t.Errorf("product: light %v, want 70.00 and the strikethrough price as it came", item.Light)
	}
	item, _ = apply(t, &feed.Profile{}, p)
	if item.Full.StrikethroughWholesale != (feed.Price{}) || item.Light.StrikethroughWholesale != (feed.Price{}) || item.Sizes[0].Full.StrikethroughWholesale != (feed.Price{}) {
		t.Error("a retail partner is shown the wholesale strikethrough price")
	}
}

// TestProductWithoutPrice checks where the product's price comes from when
// only its sizes have one, and who is left out for want of any.
func TestProductWithoutPrice(t *testing.T) {
	t.Parallel()
	own := feed.Prices{List: price(5000, 6150)}
	for _, c := range []struct {
		name  string
		sizes []feed.Size
		attrs []feed.Attr
		want  pricing.Verdict
		light feed.Price
	}{
		{"priced sizes", []feed.Size{{Code: "A", Prices: own}, {Code: "B", Prices: own}}, nil, pricing.Verdict{Included: true, Rule: -1, Size: -1}, price(4500, 5535)},
		{"a size without a price", []feed.Size{{Code: "A", Prices: own}, {Code: "B"}}, nil, pricing.Verdict{Reason: pricing.ReasonNoPrice, Rule: -1, Size: 1}, feed.Price{}},
		{"wholesale alone does not help a retailer", []feed.Size{{Code: "A", Prices: feed.Prices{Wholesale: price(1, 1)}}}, nil, pricing.Verdict{Reason: pricing.ReasonNoPrice, Rule: -1, Size: 0}, feed.Price{}},
		{"free", []feed.Size{{Code: "A"}, {Code: "B"}}, []feed.Attr{{Name: "a", Value: "1"}, {Name: "product_free", Value: "y"}, {Name: "site", Value: "1"}}, pricing.Verdict{Included: true, Rule: -1, Size: -1}, feed.Price{}},
		{"not free", []feed.Size{{Code: "A"}}, []feed.Attr{{Name: "product_free", Value: "n"}}, pricing.Verdict{Reason: pricing.ReasonNoPrice, Rule: -1, Size: 0}, feed.Price{}},
		{"free but with a price", []feed.Size{{Code: "A", Prices: own}}, []feed.Attr{{Name: "product_free", Value: "yes"}}, pricing.Verdict{Included: true, Rule: -1, Size: -1}, price(4500, 5535)},
		{"no sizes", nil, nil, pricing.Verdict{Reason: pricing.ReasonNoSizes, Rule: -1, Size: -1}, feed.Price{}},
	} {
		p := &feed.Product{ID: 1, Currency: pln, VAT: percent(t, "23"), Sizes: c.sizes, Attrs: c.attrs}
		item, v := apply(t, &feed.Profile{Discounts: feed.Discounts{Overall: percent(t, "10")}}, p)
		if v != c.want || item.Light.Price != c.light {
			t.Errorf("%s: %+v at %v, want %+v at %v", c.name, v, item.Light.Price, c.want, c.light)
		}
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	product := func(change func(*feed.Product)) *feed.Product {
		p := &feed.Product{ID: 5, Currency: pln, VAT: percent(t, "23"), Prices: feed.Prices{List: price(100, 123)}, Sizes: []feed.Size{{Code: "A"}}, Tags: []string{"old"}}
		change(p)
		return p
	}
	nothing := func(*feed.Product) {}
	toEUR := feed.Profile{Currency: eur, Rates: []feed.ExchangeRate{{From: pln, Rate: rate(t, "0.0049")}, {From: jpy, Rate: rate(t, "1000000")}}}
	for _, c := range []struct {
		name    string
		profile feed.Profile
		p       *feed.Product
		want    pricing.Verdict
		tells   string
	}{
		{"not included", feed.Profile{Assortment: feed.Assortment{Include: []feed.Rule{rule(feed.RuleTag, "new")}}}, product(nothing), pricing.Verdict{Reason: pricing.ReasonNotIncluded, Rule: -1, Size: -1}, "no include rule"},
		{"excluded", feed.Profile{Assortment: feed.Assortment{Exclude: []feed.Rule{rule(feed.RuleTag, "new"), rule(feed.RuleTag, "old")}}}, product(nothing), pricing.Verdict{Reason: pricing.ReasonExcluded, Rule: 1, Size: -1}, `tag "old"`},
		{"out of stock", feed.Profile{Assortment: feed.Assortment{InStockOnly: true}}, product(nothing), pricing.Verdict{Reason: pricing.ReasonOutOfStock, Rule: -1, Size: -1}, "nothing in stock"},
		{"no rate", feed.Profile{Currency: kwd}, product(nothing), pricing.Verdict{Reason: pricing.ReasonNoRate, Rule: -1, Size: -1}, "from PLN to KWD"},
		{"no currency", feed.Profile{Currency: kwd}, product(func(p *feed.Product) { p.Currency = feed.Currency{} }), pricing.Verdict{Reason: pricing.ReasonNoRate, Rule: -1, Size: -1}, "no currency"},
		// 1.00 PLN * 0.0049 = 0.49 cents
		{"vanishes", toEUR, product(nothing), pricing.Verdict{Reason: pricing.ReasonVanishes, Rule: -1, Size: 0}, "half a minor unit of EUR"},
		{"a wholesale price vanishes", feed.Profile{Base: feed.BaseWholesale, Currency: eur, Rates: toEUR.Rates}, product(func(p *feed.Product) { p.Prices = feed.Prices{List: price(10_000, 12_300), Wholesale: price(100, 123)} }), pricing.Verdict{Reason: pricing.ReasonVanishes, Rule: -1, Size: 0}, "half a minor unit of EUR"},
		{"overflow", toEUR, product(func(p *feed.Product) { p.Currency = jpy; p.Prices.List = price(900_000_000_000_000, 1) }), pricing.Verdict{Reason: pricing.ReasonOverflow, Rule: -1, Size: 0}, "too large"},
		{"overflow of the other side", feed.Profile{}, product(func(p *feed.Product) { p.Prices.List = price(900_000_000_000_000, 1) }), pricing.Verdict{Reason: pricing.ReasonOverflow, Rule: -1, Size: 0}, "too large"},
		{"overflow of a suggested price", toEUR, product(func(p *feed.Product) {
			p.Currency = jpy
			p.Prices.SRP = price(900_000_000_000_000, 1)
		}), pricing.Verdict{Reason: pricing.ReasonOverflow, Rule: -1, Size: 0}, "too large"},
		{"overflow of a floor no discount reaches", toEUR, product(func(p *feed.Product) {
			p.Currency = jpy
			p.Prices.Minimal = price(900_000_000_000_000, 1)
		}), pricing.Verdict{Reason: pricing.ReasonOverflow, Rule: -1, Size: 0}, "too large"},
		{"overflow of a promotion", toEUR, product(func(p *feed.Product) {
			p.Currency = jpy
			p.Promotion = &feed.Promotion{Price: price(900_000_000_000_000, 1)}
		}), pricing.Verdict{Reason: pricing.ReasonOverflow, Rule: -1, Size: -1}, "the product is too large"},
		{"overflow of a promotion's normal price", toEUR, product(func(p *feed.Product) {
			p.Currency = jpy
			p.Promotion = &feed.Promotion{Price: price(1, 1), NormalRetail: price(900_000_000_000_000, 1)}
		}), pricing.Verdict{Reason: pricing.ReasonOverflow, Rule: -1, Size: -1}, "the product is too large"},
		{"overflow of a floor that has the other side only", feed.Profile{Lead: feed.LeadGross}, product(func(p *feed.Product) {
			p.Prices.Minimal = price(900_000_000_000_000, 0)
		}), pricing.Verdict{Reason: pricing.ReasonOverflow, Rule: -1, Size: 0}, "too large"},
	} {
		r, err := pricing.Compile(&c.profile, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var item feed.Item
		v := r.Apply(&item, c.p)
		if v != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, v, c.want)
		}
		if got := r.Describe(c.p, v); !strings.Contains(got, c.tells) {
			t.Errorf("%s: described as %q, want %q in it", c.name, got, c.tells)
		}
	}
}

func TestPromotionPrices(t *testing.T) {
	t.Parallel()
	p := &feed.Product{ID: 5, Currency: pln, VAT: percent(t, "23"), Prices: feed.Prices{List: price(100, 123)}, Sizes: []feed.Size{{Code: "A"}},
		Promotion: &feed.Promotion{Price: price(80, 98), NormalRetail: price(100, 123), NormalWholesale: price(60, 74)}}
	to := feed.Profile{Currency: eur, Rates: []feed.ExchangeRate{{From: pln, Rate: rate(t, "0.5")}}, Discounts: feed.Discounts{Overall: percent(t, "50")}}
	item, _ := apply(t, &to, p)
	if want := (feed.PromotionPrices{Price: price(40, 49), NormalRetail: price(50, 62)}); item.Promotion != want {
		t.Errorf("retail: %+v, want %+v: converted, not discounted, nothing wholesale", item.Promotion, want)
	}
	to.Base = feed.BaseWholesale
	item, _ = apply(t, &to, p)
	if want := (feed.PromotionPrices{Price: price(40, 49), NormalRetail: price(50, 62), NormalWholesale: price(30, 37)}); item.Promotion != want {
		t.Errorf("wholesale: %+v, want %+v", item.Promotion, want)
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	_, err := pricing.Compile(&feed.Profile{Rates: []feed.ExchangeRate{{From: pln}}}, nil, nil)
	if feed.KindOf(err) != feed.KindInvalid {
		t.Errorf("Compile of rates without a currency: %v, want an invalid profile", err)
	}
}

// TestDiscountOrder checks the one discount against a slow reading of the rule:
// product or size, then the nearest category, then producer, then overall.
func TestDiscountOrder(t *testing.T) {
	t.Parallel()
	x := feed.NewIndex(dictionaries())
	rapid.Check(t, func(t *rapid.T) {
		p, profile := drawProduct(t), &feed.Profile{Discounts: drawProfile(t).Discounts}
		p.Prices = feed.Prices{List: price(1_000_000, 1_000_000)}
		p.VAT, p.Promotion = feed.Percent{}, nil
		for i := range p.Sizes {
			p.Sizes[i].Prices = feed.Prices{}
		}
		var item feed.Item
		if v := compile(t, profile).Apply(&item, p); !v.Included {
			return
		}
		d := &profile.Discounts
		for i, s := range item.Sizes {
			want := int64(1_000_000) - slowDiscount(d, p, p.Sizes[i].Code, x)
			if got := s.Light.Price.Net.Minor(); got != want {
				t.Fatalf("size %s of %+v costs %d, want %d", p.Sizes[i].Code, p, got, want)
			}
		}
		code := ""
		if len(p.Sizes) == 1 {
			code = p.Sizes[0].Code
		}
		if got, want := item.Light.Price.Net.Minor(), 1_000_000-slowDiscount(d, p, code, x); got != want {
			t.Fatalf("%+v costs %d, want %d", p, got, want)
		}
	})
}

func slowDiscount(d *feed.Discounts, p *feed.Product, code string, x *feed.Index) int64 {
	find := func(rules []feed.DiscountRule, key string) (int64, bool) {
		for _, r := range rules {
			if key != "" && r.Key == key {
				return r.Percent.Millionths(), true
			}
		}
		return 0, false
	}
	if v, ok := find(d.Products, code); ok {
		return v
	}
	if v, ok := find(d.Products, strconv.FormatInt(int64(p.ID), 10)); ok {
		return v
	}
	if _, known := x.CategoryParent(p.Category.ID); known {
		for id := p.Category.ID; id != ""; id, _ = x.CategoryParent(id) {
			if v, ok := find(d.Categories, id); ok {
				return v
			}
			paths, _ := x.CategoryPath(id)
			for i := range d.Categories {
				for _, path := range paths {
					if path.Value == d.Categories[i].Key {
						return d.Categories[i].Percent.Millionths()
					}
				}
			}
		}
	} else {
		if v, ok := find(d.Categories, p.Category.ID); ok {
			return v
		}
		if len(p.Category.Names) > 0 {
			parts := strings.Split(p.Category.Names[0].Value, "/")
			for n := len(parts); n > 0; n-- {
				if v, ok := find(d.Categories, strings.Join(parts[:n], "/")); ok {
					return v
				}
			}
		}
	}
	if v, ok := find(d.Producers, p.Producer.ID); ok {
		return v
	}
	name := p.Producer.Name
	if n, ok := x.Producer(p.Producer.ID); ok {
		name = n
	}
	if v, ok := find(d.Producers, name); ok {
		return v
	}
	return d.Overall.Millionths()
}

// TestAssortmentReference checks who is in against a slow reading of the rules.
func TestAssortmentReference(t *testing.T) {
	t.Parallel()
	x := feed.NewIndex(dictionaries())
	rapid.Check(t, func(t *rapid.T) {
		p := drawProduct(t)
		profile := &feed.Profile{Assortment: feed.Assortment{Include: drawRules(t, "include"), Exclude: drawRules(t, "exclude")}}
		var item feed.Item
		v := compile(t, profile).Apply(&item, p)
		matches := func(r feed.Rule) bool { return slowMatch(r, p, x) }
		switch i := slices.IndexFunc(profile.Assortment.Exclude, matches); {
		case len(profile.Assortment.Include) > 0 && !slices.ContainsFunc(profile.Assortment.Include, matches):
			if v.Reason != pricing.ReasonNotIncluded {
				t.Fatalf("%+v, want it not included", v)
			}
		case i >= 0:
			if v.Reason != pricing.ReasonExcluded || v.Rule != i {
				t.Fatalf("%+v, want it excluded by rule %d", v, i)
			}
		case v.Reason == pricing.ReasonNotIncluded || v.Reason == pricing.ReasonExcluded:
			t.Fatalf("%+v, want it in", v)
		}
	})
}

func slowMatch(r feed.Rule, p *feed.Product, x *feed.Index) bool {
	switch r.Field {
	case feed.RuleProduct:
		return r.Value == fmt.Sprint(int64(p.ID)) || slices.ContainsFunc(p.Sizes, func(s feed.Size) bool { return s.Code == r.Value })
	case feed.RuleTag:
		return slices.Contains(p.Tags, r.Value)
	case feed.RuleProducer:
		name := p.Producer.Name
		if n, ok := x.Producer(p.Producer.ID); ok {
			name = n
		}
		return r.Value == p.Producer.ID || r.Value == name
	}
	if _, known := x.CategoryParent(p.Category.ID); known {
		for id := p.Category.ID; id != ""; id, _ = x.CategoryParent(id) {
			paths, _ := x.CategoryPath(id)
			if id == r.Value || slices.ContainsFunc(paths, func(t feed.Text) bool { return t.Value == r.Value }) {
				return true
			}
		}
		return false
	}
	return p.Category.ID == r.Value || slices.ContainsFunc(p.Category.Names, func(t feed.Text) bool {
		return t.Value == r.Value || strings.HasPrefix(t.Value, r.Value+"/")
	})
}

// counted tells how many rows are of these warehouses, of any when there are none.
func counted(houses []feed.WarehouseID, rows []feed.Stock) (n int) {
	for _, r := range rows {
		if len(houses) == 0 || slices.Contains(houses, r.Warehouse) {
			n++
		}
	}
	return n
}

func TestStockByHand(t *testing.T) {
	t.Parallel()
	row := func(w feed.WarehouseID, q, available, physical string) feed.Stock {
		s := feed.Stock{Warehouse: w, Location: "shelf"}
		for _, f := range []struct {
			to   *feed.Quantity
			text string
		}{{&s.Quantity, q}, {&s.Available, available}, {&s.Physical, physical}} {
			if f.text != "" {
				v, err := feed.ParseQuantity(f.text)
				if err != nil {
					t.Fatal(err)
				}
				*f.to = v
			}
		}
		return s
	}
	for _, c := range []struct {
		name   string
		policy feed.StockPolicy
		rows   []feed.Stock
		want   string // warehouse:quantity/available/physical
	}{
		{"a sum", feed.StockPolicy{}, []feed.Stock{row(1, "12", "", ""), row(2, "3.5", "", ""), row(0, "1", "", "")}, "1:16.5/16.5/16.5"},
		{"available and physical", feed.StockPolicy{}, []feed.Stock{row(1, "12", "12", "14"), row(2, "3", "2", "7")}, "1:15/14/21"},
		{"free stock is not above the offered", feed.StockPolicy{}, []feed.Stock{row(1, "5", "9", "9")}, "1:5/5/9"},
		{"none", feed.StockPolicy{}, nil, "1:0/0/0"},
		{"nothing is told", feed.StockPolicy{}, []feed.Stock{row(1, "", "", "")}, "1:0/0/0"},
		{"nothing is free to sell", feed.StockPolicy{}, []feed.Stock{row(1, "5", "0", "9")}, "1:5/0/9"},
		{"a bundle has nothing physical", feed.StockPolicy{}, []feed.Stock{row(1, "4", "4", "0")}, "1:4/4/0"},
		{"quantity for want of another", feed.StockPolicy{}, []feed.Stock{row(1, "", "7", "9")}, "1:7/7/9"},
		{"warehouses that count", feed.StockPolicy{Warehouses: []feed.WarehouseID{2}}, []feed.Stock{row(1, "12", "", ""), row(2, "3", "", "")}, "1:3/3/3"},
		{"a buffer", feed.StockPolicy{Buffer: feed.Pieces(5)}, []feed.Stock{row(1, "4", "4", "9"), row(2, "3", "3", "3")}, "1:2/2/2"},
		{"a buffer above the stock", feed.StockPolicy{Buffer: feed.Pieces(5)}, []feed.Stock{row(1, "4", "4", "9")}, "1:0/0/0"},
		{"a cap", feed.StockPolicy{Cap: feed.Pieces(50)}, []feed.Stock{row(1, "400", "400", "999")}, "1:50/50/50"},
		{"a cap not reached", feed.StockPolicy{Cap: feed.Pieces(50)}, []feed.Stock{row(1, "40", "38", "99")}, "1:40/40/40"},
		{"a cap of nothing", feed.StockPolicy{Cap: feed.Pieces(0)}, []feed.Stock{row(1, "40", "", "")}, "1:0/0/0"},
		{"unlimited", feed.StockPolicy{}, []feed.Stock{row(1, "40", "", ""), row(2, "-1", "-1", "-1")}, "1:999/999/999"},
		{"unlimited in the format's own sign", feed.StockPolicy{Unlimited: feed.Unlimited()}, []feed.Stock{row(1, "-1", "5", "5")}, "1:-1/-1/5"},
		{"a bundle in the format's own sign", feed.StockPolicy{Unlimited: feed.Unlimited()}, []feed.Stock{row(1, "-1", "-1", "0")}, "1:-1/-1/0"},
		{"unlimited has no buffer", feed.StockPolicy{Buffer: feed.Pieces(1000)}, []feed.Stock{row(1, "-1", "", "")}, "1:999/999/999"},
		{"unlimited under a cap", feed.StockPolicy{Cap: feed.Pieces(50), Unlimited: feed.Unlimited()}, []feed.Stock{row(1, "-1", "", "")}, "1:50/50/50"},
		{"each warehouse", feed.StockPolicy{PerWarehouse: true}, []feed.Stock{row(3, "7", "", ""), row(0, "2", "", ""), row(1, "5", "5", "6"), row(3, "1", "", "")}, "1:5/5/6 0:2/2/2 3:8/8/8"},
		{"each warehouse with a buffer", feed.StockPolicy{PerWarehouse: true, Buffer: feed.Pieces(3)}, []feed.Stock{row(2, "7", "", ""), row(1, "2", "", "")}, "1:0/0/0 2:4/4/4"},
		{"each warehouse of none", feed.StockPolicy{PerWarehouse: true}, nil, "1:0/0/0"},
		{"each warehouse of none that counts", feed.StockPolicy{PerWarehouse: true, Warehouses: []feed.WarehouseID{4, 3}}, []feed.Stock{row(1, "2", "", "")}, "3:0/0/0"},
		{"a sum beyond all measure", feed.StockPolicy{}, []feed.Stock{row(1, "1000000000", "", ""), row(2, "1000000000", "", "")}, "1:1000000000/1000000000/1000000000"},
	} {
		p := &feed.Product{ID: 1, Currency: pln, Prices: feed.Prices{List: price(1, 1)}, Sizes: []feed.Size{{Code: "A", Stock: c.rows}}}
		item, v := apply(t, &feed.Profile{Stock: c.policy}, p)
		if !v.Included {
			t.Fatalf("%s: left out: %s", c.name, v.Reason)
		}
		var got []string
		for _, n := range item.Sizes[0].Stock {
			got = append(got, fmt.Sprintf("%d:%s/%s/%s", n.Warehouse, n.Quantity, n.Available, n.Physical))
			// One row has its place, a sum has none.
			houses, want := c.policy.Warehouses, ""
			if c.policy.PerWarehouse {
				houses = []feed.WarehouseID{n.Warehouse}
			}
			if counted(houses, c.rows) == 1 {
				want = "shelf"
			}
			if n.Location != want {
				t.Errorf("%s: warehouse %d lies at %q, want %q", c.name, n.Warehouse, n.Location, want)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %s, want %s", c.name, strings.Join(got, " "), c.want)
		}
	}
}

// TestRulesKeepNothingOfTheProfile changes a profile after it was compiled.
func TestRulesKeepNothingOfTheProfile(t *testing.T) {
	t.Parallel()
	profile := &feed.Profile{
		Discounts:  feed.Discounts{Products: []feed.DiscountRule{{Key: "1", Percent: percent(t, "10")}}},
		Assortment: feed.Assortment{Exclude: []feed.Rule{rule(feed.RuleTag, "old")}},
		Stock:      feed.StockPolicy{Warehouses: []feed.WarehouseID{1}},
	}
	r, err := pricing.Compile(profile, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &feed.Product{ID: 1, Currency: pln, Prices: feed.Prices{List: price(100, 100)}, Sizes: []feed.Size{{Code: "A", Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(3)}}}}}
	before := r.Explain(p)
	profile.Discounts.Products[0] = feed.DiscountRule{Key: "x"}
	profile.Assortment.Exclude[0] = rule(feed.RuleProduct, "1")
	profile.Stock.Warehouses[0] = 7
	if after := r.Explain(p); !reflect.DeepEqual(before, after) {
		t.Errorf("after a change of the profile:\n%s\nbefore:\n%s", after, before)
	}
}
