package pricing_test

import (
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/pricing"
)

// TestAssortmentByHand names one product in every way that a rule can, and in
// spellings that are none of it. Values drawn at random seldom meet.
func TestAssortmentByHand(t *testing.T) {
	t.Parallel()
	p := &feed.Product{ID: 7, Currency: pln, Prices: feed.Prices{List: price(100, 100)}, Tags: []string{"new", "sale"},
		Producer: feed.Ref{ID: "p9", Name: "Nobody"}, Category: feed.Reference{ID: "99", Names: texts("Odd/Things/Small", "Strange")},
		Sizes: []feed.Size{{Code: "7-S"}, {Code: "7-M"}, {Code: "7-L"}}}
	for _, c := range []struct {
		rule  feed.Rule
		match bool
	}{
		{rule(feed.RuleProduct, "7"), true},
		{rule(feed.RuleProduct, "07"), false},
		{rule(feed.RuleProduct, "+7"), false},
		{rule(feed.RuleProduct, "8"), false},
		{rule(feed.RuleProduct, "7-S"), true},
		{rule(feed.RuleProduct, "7-L"), true},
		{rule(feed.RuleProduct, "7-s"), false},
		{rule(feed.RuleTag, "sale"), true},
		{rule(feed.RuleTag, "sal"), false},
		{rule(feed.RuleProducer, "p9"), true},
		{rule(feed.RuleProducer, "Nobody"), true},
		{rule(feed.RuleProducer, "7"), false},
		{rule(feed.RuleCategory, "99"), true},
		{rule(feed.RuleCategory, "Odd"), true},
		{rule(feed.RuleCategory, "Odd/Things"), true},
		{rule(feed.RuleCategory, "Odd/Things/Small"), true},
		{rule(feed.RuleCategory, "Strange"), true},
		{rule(feed.RuleCategory, "Odd/Thing"), false},
		{rule(feed.RuleCategory, "Things"), false},
	} {
		// Without dictionaries too, where the product's own paths are all there is.
		for _, x := range []*feed.Index{feed.NewIndex(dictionaries()), nil} {
			for _, a := range []struct {
				name       string
				assortment feed.Assortment
				in         bool
			}{
				{"include", feed.Assortment{Include: []feed.Rule{c.rule}}, c.match},
				{"exclude", feed.Assortment{Exclude: []feed.Rule{c.rule}}, !c.match},
				{"exclude after another", feed.Assortment{Exclude: []feed.Rule{rule(feed.RuleProduct, "9"), rule(feed.RuleTag, "old"), c.rule}}, !c.match},
			} {
				r, err := pricing.Compile(&feed.Profile{Assortment: a.assortment}, x, nil)
				if err != nil {
					t.Fatal(err)
				}
				var item feed.Item
				v := r.Apply(&item, p)
				if v.Included != a.in {
					t.Errorf("%s %v %q: in %v, want %v", a.name, c.rule.Field, c.rule.Value, v.Included, a.in)
				}
				if v.Reason == pricing.ReasonExcluded && v.Rule != len(a.assortment.Exclude)-1 {
					t.Errorf("%s %v %q: out by rule %d", a.name, c.rule.Field, c.rule.Value, v.Rule)
				}
			}
		}
	}
}

// TestDiscountByPath says which discount holds for a product whose category is
// not in the dictionaries: by its id, else by the longest part of its path in
// any language.
func TestDiscountByPath(t *testing.T) {
	t.Parallel()
	p := &feed.Product{ID: 1, Currency: pln, Prices: feed.Prices{List: price(10_000, 10_000)}, Sizes: []feed.Size{{Code: "A"}},
		Category: feed.Reference{ID: "99", Names: texts("Odd/Things/Small", "Strange/Goods")}}
	for _, c := range []struct {
		name  string
		rules []string // key and percent
		want  int64
	}{
		{"the whole path", []string{"Odd", "10", "Odd/Things", "20", "Odd/Things/Small", "30"}, 7000},
		{"a part of it", []string{"Odd", "10", "Odd/Things", "20"}, 8000},
		{"its beginning alone", []string{"Odd", "10"}, 9000},
		{"nearer in another language", []string{"Odd", "10", "Strange", "20"}, 8000},
		{"as near in another language", []string{"Strange", "20", "Odd/Things", "10"}, 9000},
		{"its id, however near a path", []string{"Odd/Things/Small", "30", "99", "40"}, 6000},
		{"its id, the first rule of all", []string{"99", "40", "Odd/Things/Small", "30"}, 6000},
		{"a path that begins alike", []string{"Odd/Thing", "20"}, 10_000},
	} {
		var d feed.Discounts
		for i := 0; i < len(c.rules); i += 2 {
			d.Categories = append(d.Categories, feed.DiscountRule{Key: c.rules[i], Percent: percent(t, c.rules[i+1])})
		}
		item, _ := apply(t, &feed.Profile{Discounts: d}, p)
		if got := item.Light.Price.Net.Minor(); got != c.want || item.Sizes[0].Light.Price.Net.Minor() != c.want {
			t.Errorf("%s: product %d, size %d, want %d", c.name, got, item.Sizes[0].Light.Price.Net.Minor(), c.want)
		}
	}
}

// TestCategoryWithoutParent gives a product of a category whose parent nobody
// knows: no rule for other categories may hold for it.
func TestCategoryWithoutParent(t *testing.T) {
	t.Parallel()
	x := feed.NewIndex(&feed.Dictionaries{Categories: []feed.Category{{ID: "1", Names: texts("Sport")}, {ID: "21", Parent: "20", Names: texts("Lamps")}}})
	r, err := pricing.Compile(&feed.Profile{
		Discounts:  feed.Discounts{Categories: []feed.DiscountRule{{Key: "1", Percent: percent(t, "50")}}},
		Assortment: feed.Assortment{Exclude: []feed.Rule{rule(feed.RuleCategory, "1")}},
	}, x, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &feed.Product{ID: 1, Currency: pln, Category: feed.Reference{ID: "21"}, Prices: feed.Prices{List: price(100, 100)}, Sizes: []feed.Size{{Code: "A"}}}
	var item feed.Item
	if v := r.Apply(&item, p); !v.Included || item.Light.Price != price(100, 100) {
		t.Errorf("%s, at %v", r.Describe(p, v), item.Light.Price)
	}
}

// TestExplainTells checks that people are told where a price comes from. The
// numbers are held against those of Apply elsewhere.
func TestExplainTells(t *testing.T) {
	t.Parallel()
	terms := &feed.Terms{Lists: []feed.PriceList{{ID: list, Name: "B2B", Currency: pln}, {ID: "far", Name: "Far", Currency: kwd}}}
	product := func(change func(*feed.Product)) *feed.Product {
		p := &feed.Product{ID: 7, Currency: pln, VAT: percent(t, "23"), Tags: []string{"old"}, Prices: feed.Prices{List: price(20_000, 24_600)},
			Sizes: []feed.Size{{Code: "7-S"}, {Code: "7-M"}}}
		if change != nil {
			change(p)
		}
		return p
	}
	row := func(code string, minor int64) feed.ListedPrice {
		return feed.ListedPrice{List: list, Code: code, Amount: amount(minor)}
	}
	for _, c := range []struct {
		name    string
		profile feed.Profile
		p       *feed.Product
		want    []string // lines, in this order
	}{
		{"the first rule leaves it out", feed.Profile{Assortment: feed.Assortment{Exclude: []feed.Rule{rule(feed.RuleTag, "old"), rule(feed.RuleTag, "new")}}}, product(nil), []string{
			`product 7: left out: exclude rule 1 matches (tag "old")`, `exclude rule 1 of 2 matches: tag "old"`}},
		{"rules that do not match", feed.Profile{Assortment: feed.Assortment{Include: []feed.Rule{rule(feed.RuleTag, "new"), rule(feed.RuleTag, "old")}, Exclude: []feed.Rule{rule(feed.RuleTag, "no")}}}, product(nil), []string{
			"include rule 2 of 2 matches: tag \"old\"", "none of 1 exclude rules matches"}},
		{"nothing to do", feed.Profile{}, product(nil), []string{
			"list price of the product", "base      200  list price, net", "rounding  200  nothing changed the price: both sides stay as they came",
			"partner's price of the product", "rounding  200  nothing changed the price",
			`list price of size "7-S"`, "base      200  list price of the product, net", "no stock is known", "shown in warehouse 1: 0"}},
		{"a discount of nothing", feed.Profile{Discounts: feed.Discounts{Products: []feed.DiscountRule{{Key: "7"}}}}, product(nil), []string{
			"partner's price of the product", `discount  200  less 0.0 % for product "7"`, "rounding  200  nothing changed the price"}},
		{"raised to the floor", feed.Profile{Discounts: feed.Discounts{Overall: percent(t, "40")}}, product(func(p *feed.Product) { p.Prices.Minimal = price(15_000, 18_450) }), []string{
			"discount  120  less 40.0 % on everything", "floor     150  raised to the minimal price", "rounding  150  half up to 2 decimals", "VAT       184.5  gross at 23.0 %"}},
		{"just at the floor", feed.Profile{Discounts: feed.Discounts{Overall: percent(t, "25")}}, product(func(p *feed.Product) { p.Prices.Minimal = price(15_000, 18_450) }), []string{
			"floor     150  not below the minimal price 150"}},
		{"a tie is rounded up", feed.Profile{Discounts: feed.Discounts{Overall: percent(t, "50")}}, product(func(p *feed.Product) { p.Prices.List = price(1005, 1236) }), []string{
			"discount  5.025  less 50.0 % on everything", "rounding  5.03  half up to 2 decimals", "VAT       6.19  gross at 23.0 %"}},
		{"free of charge", feed.Profile{}, product(func(p *feed.Product) {
			p.Prices = feed.Prices{}
			p.Attrs = []feed.Attr{{Name: "product_free", Value: "y"}}
		}), []string{"product 7: in the offer", "the product has no price of its own: that of its first size", `list price of size "7-S"`, "base      0  free of charge (product_free)", `partner's price of size "7-S"`, "base      0  free of charge"}},
		{"no price", feed.Profile{}, product(func(p *feed.Product) { p.Prices = feed.Prices{} }), []string{
			`list price of size "7-S"`, "base      0  no price", `partner's price of size "7-S"`, "base      0  no price"}},
		{"of its first size", feed.Profile{}, product(func(p *feed.Product) {
			p.Sizes[0].Prices, p.Sizes[1].Prices, p.Prices = p.Prices, p.Prices, feed.Prices{}
		}), []string{"list price of the product", `base      200  the product has no price of its own: that of its first size "7-S"`, "partner's price of the product", `base      200  the product has no price`,
			`list price of size "7-S"`, "base      200  list price, net"}},
		{"a wholesaler", feed.Profile{Base: feed.BaseWholesale}, product(func(p *feed.Product) { p.Prices.Wholesale = price(16_000, 19_680) }), []string{
			"list price of the product", "base      200  list price, net", "partner's price of the product", "base      160  wholesale price, net"}},
		{"a wholesaler without a list price", feed.Profile{Base: feed.BaseWholesale}, product(func(p *feed.Product) { p.Prices = feed.Prices{Wholesale: price(16_000, 19_680)} }), []string{
			"base      160  wholesale price, for want of a list price, net", "partner's price of the product", "base      160  wholesale price, net",
			`list price of size "7-S"`, "base      160  wholesale price, for want of a list price of the product, net"}},
		{"a wholesaler without a wholesale price", feed.Profile{Base: feed.BaseWholesale}, product(nil), []string{
			"partner's price of the product", "base      200  list price, for want of a wholesale price, net"}},
		{"a price list for the product", feed.Profile{Currency: pln, PriceList: list}, product(func(p *feed.Product) { p.Listed = []feed.ListedPrice{row("", 9000), row("7-M", 8000)} }), []string{
			"partner's price of the product", `base      90  price list "B2B", net`, `list price of size "7-S"`, "base      200  list price of the product, net",
			`partner's price of size "7-S"`, `base      90  price list "B2B", price of the product, net`, `partner's price of size "7-M"`, `base      80  price list "B2B", net`}},
		{"a price list for sizes", feed.Profile{Currency: pln, PriceList: list}, product(func(p *feed.Product) { p.Listed = []feed.ListedPrice{row("7-S", 9000)} }), []string{
			"list price of the product", "base      200  list price, net", "partner's price of the product", `base      90  price list "B2B", by sizes: that of the first one "7-S"`,
			`partner's price of size "7-M"`, `base      200  list price of the product, for want of one in price list "B2B", net`}},
		{"a price list instead of list prices", feed.Profile{Currency: pln, PriceList: list}, product(func(p *feed.Product) {
			p.Prices, p.Listed = feed.Prices{}, []feed.ListedPrice{row("7-M", 8000), row("7-S", 9000)}
		}), []string{
			"list price of the product", `base      90  price list "B2B", by sizes: that of the first one "7-S"`, `list price of size "7-S"`, `base      90  price list "B2B", for want of a list price, net`}},
		{"a price list without rate, in the product's currency", feed.Profile{PriceList: "far"}, product(func(p *feed.Product) { p.Listed = []feed.ListedPrice{{List: "far", Amount: amount(1)}} }), []string{
			`left out: no rate from KWD, the currency of price list "Far", to PLN`}},
		{"stock", feed.Profile{Stock: feed.StockPolicy{Warehouses: []feed.WarehouseID{1, 2}, Buffer: feed.Pieces(1), Cap: feed.Pieces(50)}}, product(func(p *feed.Product) {
			p.Sizes[0].Stock = []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(7)}, {Warehouse: 2, Quantity: feed.Unlimited()}, {Warehouse: 3, Quantity: feed.Pieces(4)}}
		}), []string{"warehouse 1: 7", "warehouse 2: unlimited", "warehouse 3: 4, not counted", "1 are kept back\n", "at most 50 are shown\n", "shown in warehouse 1: 50", `stock of size "7-M"`, "no stock is known"}},
		{"stock of each warehouse, none to be shown", feed.Profile{Stock: feed.StockPolicy{PerWarehouse: true, Buffer: quantity(1), Cap: feed.Pieces(0)}}, product(func(p *feed.Product) {
			p.Sizes[0].Stock = []feed.Stock{{Warehouse: 3, Quantity: feed.Pieces(7)}}
		}), []string{"warehouse 3: 7", "0.001 are kept back in each warehouse", "at most 0 are shown in each warehouse", "shown in warehouse 3: 0"}},
	} {
		r, err := pricing.Compile(&c.profile, nil, terms)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		text := r.Explain(c.p).String()
		rest := text
		for _, line := range c.want {
			_, after, ok := strings.Cut(rest, line)
			if !ok {
				t.Errorf("%s: no %q where it should stand in\n%s", c.name, line, text)
				break
			}
			rest = after
		}
	}
}
