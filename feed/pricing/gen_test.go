package pricing_test

import (
	"testing"

	"feedmill/feed"
	"feedmill/feed/feedtest"

	"pgregory.net/rapid"
)

func percent(t testing.TB, s string) feed.Percent { return feedtest.Parsed(t, feed.ParsePercent, s) }

func rate(t testing.TB, s string) feed.Rate { return feedtest.Parsed(t, feed.ParseRate, s) }

func amount(minor int64) feed.Amount {
	a, err := feed.AmountOf(minor)
	if err != nil {
		panic(err)
	}
	return a
}

func price(net, gross int64) feed.Price { return feed.Price{Net: amount(net), Gross: amount(gross)} }

func quantity(thousandths int64) feed.Quantity {
	q, err := feed.QuantityOf(thousandths)
	if err != nil {
		panic(err)
	}
	return q
}

var (
	pln = feed.MustCurrency("PLN")
	eur = feed.MustCurrency("EUR")
	jpy = feed.MustCurrency("JPY")
	kwd = feed.MustCurrency("KWD")
	pol = feed.MustLanguage("pol")
	eng = feed.MustLanguage("eng")
)

var vats = []string{"0", "5", "8", "19", "20", "23", "25.5"}

func drawCurrency() *rapid.Generator[feed.Currency] {
	return rapid.SampledFrom([]feed.Currency{pln, eur, jpy, kwd})
}

func drawPercent(most int64) *rapid.Generator[feed.Percent] {
	return rapid.Custom(func(t *rapid.T) feed.Percent {
		v := rapid.OneOf(rapid.Int64Range(0, most*10_000), rapid.Just[int64](0), rapid.Just(most*10_000)).Draw(t, "percent")
		p, err := feed.ParsePercent(decimalText(v/10_000, v%10_000, 4))
		if err != nil {
			t.Fatal(err)
		}
		return p
	})
}

func decimalText(whole, frac int64, places int) string {
	b := make([]byte, 0, 24)
	b = appendInt(b, whole)
	b = append(b, '.')
	f := appendInt(nil, frac)
	for range places - len(f) {
		b = append(b, '0')
	}
	return string(append(b, f...))
}

func appendInt(b []byte, v int64) []byte {
	if v >= 10 {
		b = appendInt(b, v/10)
	}
	return append(b, byte('0'+v%10))
}

func drawRate() *rapid.Generator[feed.Rate] {
	return rapid.Custom(func(t *rapid.T) feed.Rate {
		v := rapid.OneOf(rapid.Int64Range(1_000_000, 1_000_000_000), rapid.Int64Range(1, 100_000_000_000_000), rapid.Just[int64](100_000_000)).Draw(t, "rate")
		r, err := feed.ParseRate(decimalText(v/100_000_000, v%100_000_000, 8))
		if err != nil {
			t.Fatal(err)
		}
		return r
	})
}

// drawPrice draws a price whose sides may disagree a little, may be one-sided,
// may be none, and is seldom enormous.
func drawPrice(t *rapid.T, vat feed.Percent, label string) feed.Price {
	switch rapid.IntRange(0, 9).Draw(t, label) {
	case 0:
		return feed.Price{}
	case 1:
		return price(rapid.Int64Range(0, 1_000_000_000_000_000).Draw(t, label+" net"), rapid.Int64Range(0, 1_000_000_000_000_000).Draw(t, label+" gross"))
	case 2:
		return price(rapid.Int64Range(0, 3).Draw(t, label+" net"), rapid.Int64Range(0, 3).Draw(t, label+" gross"))
	}
	p, err := feed.PriceFromNet(amount(rapid.Int64Range(1, 1_000_000).Draw(t, label+" net")), vat)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func drawPrices(t *rapid.T, vat feed.Percent, label string) feed.Prices {
	return feed.Prices{
		List: drawPrice(t, vat, label+" list"), Wholesale: drawPrice(t, vat, label+" wholesale"),
		Minimal: drawPrice(t, vat, label+" minimal"), SRP: drawPrice(t, vat, label+" srp"),
		StrikethroughRetail:    drawPrice(t, vat, label+" was"),
		StrikethroughWholesale: drawPrice(t, vat, label+" was wholesale"),
	}
}

func drawQuantity() *rapid.Generator[feed.Quantity] {
	return rapid.Custom(func(t *rapid.T) feed.Quantity {
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			return feed.Quantity{}
		case 1:
			return feed.Unlimited()
		case 2:
			return quantity(rapid.Int64Range(0, 1_000_000_000_000).Draw(t, "thousandths"))
		}
		return feed.Pieces(rapid.Int64Range(0, 100).Draw(t, "pieces"))
	})
}

var (
	categoryIDs = []string{"", "1", "11", "111", "12", "2", "99"}
	codes       = []string{"A", "B", "C", "7", "8"}
	tags        = []string{"new", "sale", "old"}
	producers   = []feed.Ref{{}, {ID: "p1", Name: "Lewis"}, {ID: "p2", Name: "Granit"}, {ID: "p9", Name: "Nobody"}}
	paths       = []string{"Sport", "Sport/Tents", "Sport/Tents/Small", "Sport/Shoes", "Home", "Odd/Things", "Odd"}
)

// texts makes a text in Polish and then in English.
func texts(values ...string) (ts feed.Texts) {
	for i, v := range values {
		ts = append(ts, feed.Text{Lang: []feed.Language{pol, eng}[i], Value: v})
	}
	return ts
}

func rule(f feed.RuleField, value string) feed.Rule { return feed.Rule{Field: f, Value: value} }

// dictionaries is a small tree; category 99 and producer p9 are not in it.
func dictionaries() *feed.Dictionaries {
	return &feed.Dictionaries{
		Producers: []feed.Ref{{ID: "p1", Name: "Lewis & Co"}, {ID: "p2", Name: "Granit"}},
		Categories: []feed.Category{
			{ID: "1", Names: texts("Sport", "Sports")},
			{ID: "11", Parent: "1", Names: texts("Tents", "Camping")},
			{ID: "111", Parent: "11", Names: texts("Small")},
			{ID: "12", Parent: "1", Names: texts("Shoes")},
			{ID: "2", Names: texts("Home")},
		},
	}
}

// drawProduct draws a product with everything that pricing looks at.
func drawProduct(t *rapid.T) *feed.Product {
	vat, err := feed.ParsePercent(rapid.SampledFrom(vats).Draw(t, "vat"))
	if err != nil {
		t.Fatal(err)
	}
	p := &feed.Product{
		ID:       feed.ProductID(rapid.Int64Range(1, 9).Draw(t, "id")),
		Currency: drawCurrency().Draw(t, "currency"),
		VAT:      vat,
		Producer: rapid.SampledFrom(producers).Draw(t, "producer"),
		Category: feed.Reference{ID: rapid.SampledFrom(categoryIDs).Draw(t, "category")},
		Prices:   drawPrices(t, vat, "product"),
		Tags:     rapid.SliceOfN(rapid.SampledFrom(tags), 0, 2).Draw(t, "tags"),
	}
	if rapid.Bool().Draw(t, "path") {
		p.Category.Names = texts(rapid.SampledFrom(paths).Draw(t, "path name"))
	}
	if rapid.IntRange(0, 5).Draw(t, "free") == 0 {
		p.Attrs = []feed.Attr{{Name: "product_free", Value: rapid.SampledFrom([]string{"y", "n", "?"}).Draw(t, "free value")}}
	}
	if rapid.Bool().Draw(t, "promotion") {
		p.Promotion = &feed.Promotion{Name: "summer", Price: drawPrice(t, vat, "promo"), NormalRetail: drawPrice(t, vat, "normal"), NormalWholesale: drawPrice(t, vat, "normal wholesale")}
	}
	for range rapid.IntRange(0, 3).Draw(t, "sizes") {
		s := feed.Size{ID: "1", Code: rapid.SampledFrom(codes).Draw(t, "code")}
		if rapid.Bool().Draw(t, "own prices") {
			s.Prices = drawPrices(t, vat, "size")
		}
		for range rapid.IntRange(0, 4).Draw(t, "stocks") {
			s.Stock = append(s.Stock, feed.Stock{
				Warehouse: feed.WarehouseID(rapid.IntRange(0, 4).Draw(t, "warehouse")),
				Quantity:  drawQuantity().Draw(t, "quantity"), Available: drawQuantity().Draw(t, "available"), Physical: drawQuantity().Draw(t, "physical"),
				Location: "A-1",
			})
		}
		p.Sizes = append(p.Sizes, s)
	}
	return p
}

func drawDiscounts(t *rapid.T, keys []string, label string) []feed.DiscountRule {
	var rules []feed.DiscountRule
	for _, k := range keys {
		if rapid.IntRange(0, 3).Draw(t, label+" "+k) == 0 {
			rules = append(rules, feed.DiscountRule{Key: k, Percent: drawPercent(100).Draw(t, label+" percent")})
		}
	}
	return rules
}

func drawRules(t *rapid.T, label string) []feed.Rule {
	return rapid.SliceOfN(rapid.SampledFrom([]feed.Rule{
		rule(feed.RuleCategory, "1"), rule(feed.RuleCategory, "99"), rule(feed.RuleCategory, "Sport/Tents"), rule(feed.RuleCategory, "Sports"), rule(feed.RuleCategory, "Odd"),
		rule(feed.RuleProducer, "p1"), rule(feed.RuleProducer, "Granit"), rule(feed.RuleProducer, "Nobody"),
		rule(feed.RuleProduct, "7"), rule(feed.RuleProduct, "A"), rule(feed.RuleTag, "new"), rule(feed.RuleTag, "old"),
	}), 0, 3).Draw(t, label)
}

// drawProfile draws a valid profile.
func drawProfile(t *rapid.T) *feed.Profile {
	p := &feed.Profile{
		Base: feed.PriceBase(rapid.IntRange(0, 1).Draw(t, "base")),
		Lead: feed.PriceLead(rapid.IntRange(0, 1).Draw(t, "lead")),
	}
	if rapid.Bool().Draw(t, "converted") {
		p.Currency = drawCurrency().Draw(t, "target")
		for _, from := range []feed.Currency{pln, eur, jpy, kwd} {
			if from != p.Currency && rapid.IntRange(0, 3).Draw(t, "has rate") > 0 {
				p.Rates = append(p.Rates, feed.ExchangeRate{From: from, Rate: drawRate().Draw(t, "rate")})
			}
		}
	}
	if rapid.Bool().Draw(t, "overall") {
		p.Discounts.Overall = drawPercent(100).Draw(t, "overall percent")
	}
	p.Discounts.Categories = drawDiscounts(t, []string{"1", "11", "99", "Sport", "Sports/Camping", "Odd", "Odd/Things", "Home"}, "category")
	p.Discounts.Producers = drawDiscounts(t, []string{"p1", "Lewis & Co", "Granit", "Nobody", "Lewis"}, "producer")
	p.Discounts.Products = drawDiscounts(t, []string{"1", "7", "A", "B"}, "product")
	if rapid.Bool().Draw(t, "assortment") {
		p.Assortment.Include = drawRules(t, "include")
		p.Assortment.Exclude = drawRules(t, "exclude")
	}
	p.Assortment.InStockOnly = rapid.IntRange(0, 3).Draw(t, "in stock only") == 0
	p.Stock = drawStockPolicy(t)
	return p
}

func drawStockPolicy(t *rapid.T) feed.StockPolicy {
	var s feed.StockPolicy
	if rapid.Bool().Draw(t, "filter") {
		for _, w := range rapid.SliceOfN(rapid.IntRange(0, 4), 1, 3).Draw(t, "warehouses") {
			s.Warehouses = append(s.Warehouses, feed.WarehouseID(w))
		}
	}
	s.PerWarehouse = rapid.Bool().Draw(t, "per warehouse")
	if rapid.Bool().Draw(t, "buffer") {
		s.Buffer = quantity(rapid.Int64Range(0, 20_000).Draw(t, "buffer size"))
	}
	if rapid.Bool().Draw(t, "cap") {
		s.Cap = quantity(rapid.Int64Range(0, 60_000).Draw(t, "cap size"))
	}
	switch rapid.IntRange(0, 2).Draw(t, "unlimited") {
	case 0:
		s.Unlimited = feed.Unlimited()
	case 1:
		s.Unlimited = feed.Pieces(rapid.Int64Range(0, 2000).Draw(t, "unlimited as"))
	}
	return s
}
