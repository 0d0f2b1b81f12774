package pricing_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/pricing"

	"pgregory.net/rapid"
)

// unmatched looks at products for a profile.
func unmatched(profile *feed.Profile, languages []feed.Language, products ...*feed.Product) []pricing.Unmatched {
	w := pricing.NewWatch([]feed.Profile{*profile}, feed.NewIndex(dictionaries()), languages...)
	for p, err := range w.Over(func(yield func(*feed.Product, error) bool) {
		for _, p := range products {
			if !yield(p, nil) {
				return
			}
		}
	}) {
		_, _ = p, err
	}
	return w.Unmatched(profile)
}

func TestUnmatched(t *testing.T) {
	t.Parallel()
	ten := percent(t, "10")
	discount := func(keys ...string) (rules []feed.DiscountRule) {
		for _, k := range keys {
			rules = append(rules, feed.DiscountRule{Key: k, Percent: ten})
		}
		return rules
	}
	goods := []*feed.Product{
		{ID: 101, Names: texts("Kubek", "Mug"), Category: feed.Reference{ID: "11"}, Producer: feed.Ref{ID: "p1"}, Tags: []string{"outlet"},
			Sizes: []feed.Size{{Code: "101-S", ProducerCode: "5901234123457", ExternalCode: "OLD", Stock: []feed.Stock{{Warehouse: 1}, {Warehouse: 3}}}, {Code: "101-M"}}},
		{ID: 102, Names: texts("Czapka"), Category: feed.Reference{ID: "77", Names: texts("Zima/Czapki")}, Producer: feed.Ref{ID: "p7", Name: "Bergsport"}, Sizes: []feed.Size{{Code: "102"}}},
	}
	for name, c := range map[string]struct {
		profile feed.Profile
		want    []string
	}{
		"nothing":                {feed.Profile{}, nil},
		"everything right":       {feed.Profile{Languages: []feed.Language{eng, pol}, Discounts: feed.Discounts{Categories: discount("111", "Sport/Tents", "Zima", "Zima/Czapki", "77"), Producers: discount("p1", "Granit", "Bergsport", "p7"), Products: discount("101", "101-M", "102")}, Assortment: feed.Assortment{Include: []feed.Rule{rule(feed.RuleTag, "outlet")}}, Stock: feed.StockPolicy{Warehouses: []feed.WarehouseID{1, 3}}}, nil},
		"a language":             {feed.Profile{Languages: []feed.Language{feed.MustLanguage("ger"), pol}}, []string{`languages[0]: no product has a text in ger`}},
		"one of three languages": {feed.Profile{Languages: []feed.Language{eng, feed.MustLanguage("ger"), pol}}, []string{`languages[1]: no product has a text in ger`}},
		"some warehouses":        {feed.Profile{Stock: feed.StockPolicy{Warehouses: []feed.WarehouseID{1, 4}}}, []string{`stock.warehouses[1]: the catalog has no warehouse 4: it adds nothing to the stock; it has 1, 3`}},
		"no warehouse":           {feed.Profile{Stock: feed.StockPolicy{Warehouses: []feed.WarehouseID{4, 5}}}, []string{`stock.warehouses: the catalog has none of these warehouses (4, 5): EVERY product is told to be sold out, with stock 0; it has 1, 3`}},
		"a category":             {feed.Profile{Discounts: feed.Discounts{Categories: discount("Sport/Tens", "czapki")}}, []string{`discount.category."Sport/Tens": the catalog has no category "Sport/Tens": nothing gets this discount; did you mean "Sport/Tents"?`, `discount.category."czapki": the catalog has no category "czapki": nothing gets this discount; did you mean "Zima/Czapki"?`}},
		"a producer":             {feed.Profile{Discounts: feed.Discounts{Producers: discount("Bergsprt")}}, []string{`discount.producer."Bergsprt": the catalog has no producer "Bergsprt": nothing gets this discount; did you mean "Bergsport"?`}},
		"products":               {feed.Profile{Discounts: feed.Discounts{Products: discount("103", "101-s", "101S", "0101", "5901234123457")}}, []string{`discount.product."103": the catalog has no product "103": nothing gets this discount; did you mean "102"?`, `discount.product."101-s": the catalog has no product "101-s": nothing gets this discount; did you mean "101-S"?`, `discount.product."101S": the catalog has no product "101S": nothing gets this discount; did you mean "101-S"?`, `discount.product."0101": the catalog has no product "0101": nothing gets this discount`, `discount.product."5901234123457": the catalog has no product "5901234123457": nothing gets this discount; did you mean "101-S"?`}},
		"codes by a slip":        {feed.Profile{Discounts: feed.Discounts{Products: discount("110-S", "1101-S", "11-S", "112-S", "121-S", "1O1-M")}}, []string{`discount.product."110-S": the catalog has no product "110-S": nothing gets this discount; did you mean "101-S"?`, `discount.product."1101-S": the catalog has no product "1101-S": nothing gets this discount; did you mean "101-S"?`, `discount.product."11-S": the catalog has no product "11-S": nothing gets this discount; did you mean "101-S"?`, `discount.product."112-S": the catalog has no product "112-S": nothing gets this discount`, `discount.product."121-S": the catalog has no product "121-S": nothing gets this discount; did you mean "101-S"?`, `discount.product."1O1-M": the catalog has no product "1O1-M": nothing gets this discount; did you mean "101-M"?`}},
		"one of two rules":       {feed.Profile{Assortment: feed.Assortment{Include: []feed.Rule{rule(feed.RuleTag, "oulet"), rule(feed.RuleTag, "outlet")}}}, []string{`assortment.include[0].tag: the catalog has no tag "oulet": the rule lets nothing in; did you mean "outlet"?`}},
		"all include rules":      {feed.Profile{Assortment: feed.Assortment{Include: []feed.Rule{rule(feed.RuleProducer, "Grant"), rule(feed.RuleProduct, "x")}}}, []string{`assortment.include[0].producer: the catalog has no producer "Grant", and nothing that another include rule names: NO product is in the offer; did you mean "Granit"?`, `assortment.include[1].product: the catalog has no product "x", and nothing that another include rule names: NO product is in the offer`}},
		"an exclude rule":        {feed.Profile{Assortment: feed.Assortment{Exclude: []feed.Rule{rule(feed.RuleCategory, "Homes")}}}, []string{`assortment.exclude[0].category: the catalog has no category "Homes": the rule leaves nothing out; did you mean "Home"?`}},
	} {
		var got []string
		for _, u := range unmatched(&c.profile, []feed.Language{pol}, goods...) {
			got = append(got, u.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, c.want)
		}
	}
	// Where nobody knows what language texts are in, none is missed.
	german := &feed.Profile{Languages: []feed.Language{feed.MustLanguage("ger")}}
	nameless := &feed.Product{ID: 1, Names: feed.Texts{{Value: "Becher"}}}
	if got := unmatched(german, nil, nameless); got != nil {
		t.Errorf("texts without a language: got %v", got)
	}
	if got := unmatched(german, []feed.Language{pol}, nameless); len(got) != 1 {
		t.Errorf("texts in the catalog's language: got %v", got)
	}
}

// TestUnmatchedIsWhatMatchesNothing holds the watch against a slow reading of
// the rules: a rule is told of exactly when it matches no product and names
// nothing of the dictionaries.
func TestUnmatchedIsWhatMatchesNothing(t *testing.T) {
	t.Parallel()
	x := feed.NewIndex(dictionaries())
	rapid.Check(t, func(t *rapid.T) {
		var goods []*feed.Product
		for range rapid.IntRange(0, 4).Draw(t, "products") {
			goods = append(goods, drawProduct(t))
		}
		profile := drawProfile(t)
		told := map[string]bool{}
		for _, u := range unmatched(profile, []feed.Language{pol}, goods...) {
			told[u.Setting] = true
		}
		check := func(setting string, r feed.Rule) {
			want := !inDictionaries(r, x) && !slices.ContainsFunc(goods, func(p *feed.Product) bool { return slowMatch(r, p, x) })
			if told[setting] != want {
				t.Fatalf("%s: told %v, want %v", setting, told[setting], want)
			}
		}
		for i, r := range profile.Assortment.Include {
			check(fmt.Sprintf("assortment.include[%d].%s", i, fieldWord(r.Field)), r)
		}
		for i, r := range profile.Assortment.Exclude {
			check(fmt.Sprintf("assortment.exclude[%d].%s", i, fieldWord(r.Field)), r)
		}
		for field, rules := range map[feed.RuleField][]feed.DiscountRule{feed.RuleCategory: profile.Discounts.Categories, feed.RuleProducer: profile.Discounts.Producers, feed.RuleProduct: profile.Discounts.Products} {
			for _, d := range rules {
				check(fmt.Sprintf("discount.%s.%q", fieldWord(field), d.Key), rule(field, d.Key))
			}
		}
		missing := 0
		for _, w := range profile.Stock.Warehouses {
			if !slices.ContainsFunc(goods, func(p *feed.Product) bool {
				return slices.ContainsFunc(p.Sizes, func(s feed.Size) bool {
					return slices.ContainsFunc(s.Stock, func(k feed.Stock) bool { return k.Warehouse == w })
				})
			}) {
				missing++
			}
		}
		if all := missing > 0 && missing == len(profile.Stock.Warehouses); told["stock.warehouses"] != all {
			t.Fatalf("no warehouse: told %v, want %v", !all, all)
		}
	})
}

func fieldWord(f feed.RuleField) string {
	return [...]string{feed.RuleCategory: "category", feed.RuleProducer: "producer", feed.RuleProduct: "product", feed.RuleTag: "tag"}[f]
}

func inDictionaries(r feed.Rule, x *feed.Index) bool {
	d := x.Dictionaries()
	switch r.Field {
	case feed.RuleProducer:
		return slices.ContainsFunc(d.Producers, func(p feed.Ref) bool { return p.ID == r.Value || p.Name == r.Value })
	case feed.RuleCategory:
		return slices.ContainsFunc(d.Categories, func(c feed.Category) bool {
			paths, _ := x.CategoryPath(c.ID)
			return c.ID == r.Value || slices.ContainsFunc(paths, func(t feed.Text) bool { return t.Value == r.Value })
		})
	}
	return false
}

// Looking costs nothing once everything is found, and no memory for each product
// while something is missing.
func TestWatchAllocatesNothing(t *testing.T) {
	profile := &feed.Profile{Assortment: feed.Assortment{Exclude: []feed.Rule{rule(feed.RuleTag, "nowhere"), rule(feed.RuleCategory, "nowhere"), rule(feed.RuleProducer, "nowhere"), rule(feed.RuleProduct, "nowhere")}},
		Stock: feed.StockPolicy{Warehouses: []feed.WarehouseID{9}}, Languages: []feed.Language{feed.MustLanguage("ger")}}
	w := pricing.NewWatch([]feed.Profile{*profile}, feed.NewIndex(dictionaries()), pol)
	p := &feed.Product{ID: 5, Names: texts("Kubek"), Category: feed.Reference{ID: "77", Names: texts("Zima/Czapki")}, Producer: feed.Ref{ID: "p7", Name: "Bergsport"}, Tags: []string{"outlet"},
		Sizes: []feed.Size{{Code: "5-S", Stock: []feed.Stock{{Warehouse: 1}}}}}
	w.Look(p)
	if n := testing.AllocsPerRun(100, func() { w.Look(p) }); n != 0 {
		t.Errorf("looking at a product allocates %v times, want 0", n)
	}
	if len(w.Unmatched(profile)) != 6 || !w.Left() {
		t.Errorf("got %v", w.Unmatched(profile))
	}
}

// A watch has names struck off that somebody else has found.
func TestWatchStrike(t *testing.T) {
	t.Parallel()
	profile := feed.Profile{Assortment: feed.Assortment{Include: []feed.Rule{rule(feed.RuleProduct, "101"), rule(feed.RuleProduct, "A")}}}
	w := pricing.NewWatch([]feed.Profile{profile}, feed.NewIndex(&feed.Dictionaries{}))
	names := slices.Sorted(w.Names(pricing.NameProduct))
	if strings.Join(names, " ") != "101 A" || slices.Collect(w.Names(pricing.NameWarehouse)) != nil {
		t.Errorf("got %q", names)
	}
	for _, name := range names {
		w.Strike(pricing.NameProduct, name)
	}
	w.Strike(pricing.NameWarehouse, "1")
	if w.Left() || w.Unmatched(&profile) != nil {
		t.Errorf("got %v", w.Unmatched(&profile))
	}
}

func BenchmarkWatch(b *testing.B) {
	profile := feed.Profile{Assortment: feed.Assortment{Exclude: []feed.Rule{rule(feed.RuleTag, "nowhere"), rule(feed.RuleCategory, "nowhere"), rule(feed.RuleProducer, "nowhere"), rule(feed.RuleProduct, "nowhere")}}}
	w := pricing.NewWatch([]feed.Profile{profile}, feed.NewIndex(dictionaries()), pol)
	p := &feed.Product{ID: 5, Category: feed.Reference{ID: "11"}, Producer: feed.Ref{ID: "p7", Name: "Bergsport"}, Tags: []string{"outlet"}, Sizes: []feed.Size{{Code: "5-S"}, {Code: "5-M"}}}
	for b.Loop() {
		w.Look(p)
	}
}

func ExampleWatch() {
	profile := feed.Profile{Stock: feed.StockPolicy{Warehouses: []feed.WarehouseID{7}}}
	w := pricing.NewWatch([]feed.Profile{profile}, feed.NewIndex(dictionaries()), pol)
	w.Look(exampleProduct())
	for _, u := range w.Unmatched(&profile) {
		fmt.Println(u)
	}
	// Output:
	// stock.warehouses: the catalog has none of these warehouses (7): EVERY product is told to be sold out, with stock 0; it has 1, 2
}
