package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/feed/feedtest"

	"pgregory.net/rapid"
)

// Whatever a product refers to is in the dictionaries, parents before children.
func TestEverythingMentionedIsCollected(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := catalog.NewCollector(feedtest.Dictionaries().Draw(rt, "head"))
		products := feedtest.Products(6).Draw(rt, "products")
		for _, p := range products {
			c.Observe(p)
		}
		d := c.Dictionaries()
		x := feed.NewIndex(d)
		placed := map[string]bool{"": true}
		for _, g := range d.Categories {
			if !placed[g.Parent] || placed[g.ID] {
				rt.Fatalf("category %q stands before its parent %q, or twice", g.ID, g.Parent)
			}
			placed[g.ID] = true
		}
		warehouses := map[feed.WarehouseID]bool{}
		for _, w := range d.Warehouses {
			if warehouses[w.ID] {
				rt.Fatalf("warehouse %d twice", w.ID)
			}
			warehouses[w.ID] = true
		}
		if !warehouses[1] {
			rt.Fatal("no main warehouse")
		}
		for _, p := range products {
			check := func(what, id string, ok bool) {
				if id != "" && !ok {
					rt.Fatalf("%s %q of product %d is missing", what, id, p.ID)
				}
			}
			_, ok := x.Producer(p.Producer.ID)
			check("producer", p.Producer.ID, ok)
			_, ok = x.CategoryPath(p.Category.ID)
			check("category", p.Category.ID, ok)
			u, ok := x.Unit(p.Unit.ID)
			check("unit", p.Unit.ID, ok)
			_ = u
			_, ok = x.Series(p.Series.ID)
			check("series", p.Series.ID, ok)
			_, ok = x.Warranty(p.Warranty.ID)
			check("warranty", p.Warranty.ID, ok)
			for _, q := range p.Parameters {
				if q.Section {
					_, ok = x.Section(q.ID)
				} else {
					_, ok = x.Parameter(q.ID)
				}
				check("parameter", q.ID, ok)
				for _, v := range q.Values {
					_, ok = x.Value(v.ID)
					check("value", v.ID, ok)
				}
			}
			for _, s := range p.Sizes {
				check("size", s.ID, hasSize(d, p.SizeGroup.ID, s.ID))
				for _, k := range s.Stock {
					check("warehouse", fmt.Sprint(k.Warehouse), warehouses[k.Warehouse])
				}
			}
		}
	})
}

func hasSize(d *feed.Dictionaries, group, size string) bool {
	for _, g := range d.SizeGroups {
		if g.ID == group {
			for _, s := range g.Sizes {
				if s.ID == size || group == feed.OneSizeGroup {
					return true
				}
			}
		}
	}
	return false
}

func categoryLines(d *feed.Dictionaries) string {
	var b strings.Builder
	for _, c := range d.Categories {
		fmt.Fprintf(&b, "%s<%s %v\n", c.ID, c.Parent, c.Names)
	}
	return b.String()
}

func TestCategoryTree(t *testing.T) {
	t.Parallel()
	pol, eng := feed.MustLanguage("pol"), feed.MustLanguage("eng")
	c := catalog.NewCollector(&feed.Dictionaries{Categories: []feed.Category{
		{ID: "20", Names: feed.Texts{{Lang: pol, Value: "Dom"}, {Lang: eng, Value: "Home"}}},
		{ID: "21", Parent: "20", Names: feed.Texts{{Lang: pol, Value: "Kuchnia"}}},
	}})
	for _, p := range []feed.Product{
		// The child comes before the parent that another product names.
		{Category: feed.Reference{ID: "5", Names: feed.Texts{{Lang: pol, Value: "Sport/Góry"}, {Lang: eng, Value: "Sports/Mountains"}}}},
		{Category: feed.Reference{ID: "4", Names: feed.Texts{{Lang: pol, Value: "Sport"}}}},
		// A parent that nobody names is made, in every language of equal depth.
		{Category: feed.Reference{ID: "9", Names: feed.Texts{{Lang: pol, Value: "Auto/Opony/Zimowe"}, {Lang: eng, Value: "Cars/Tyres/Winter"}}}},
		{Category: feed.Reference{ID: "8", Names: feed.Texts{{Lang: pol, Value: "Dom/Kuchnia/Kubki"}}}},
		{Category: feed.Reference{ID: "7"}},
	} {
		c.Observe(&p)
	}
	cars := catalog.DeriveID("category\x00\x00Auto")
	tyres := catalog.DeriveID("category\x00\x00Auto/Opony")
	want := fmt.Sprintf(`20< [{pol Dom} {eng Home}]
21<20 [{pol Kuchnia}]
4< [{pol Sport}]
5<4 [{pol Góry} {eng Mountains}]
%d< [{pol Auto} {eng Cars}]
%d<%d [{pol Opony} {eng Tyres}]
9<%d [{pol Zimowe} {eng Winter}]
8<21 [{pol Kubki}]
7< [{ 7}]
`, cars, tyres, cars, tyres)
	if got := categoryLines(c.Dictionaries()); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestHostileCategoryPath(t *testing.T) {
	t.Parallel()
	c := catalog.NewCollector(nil)
	c.Observe(&feed.Product{Category: feed.Reference{ID: "1", Names: feed.Texts{{Value: strings.Repeat("a/", 100_000) + "b"}}}})
	if n := len(c.Dictionaries().Categories); n != 1 {
		t.Errorf("got %d categories, want the path to stay one", n)
	}
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	pol, eng := feed.MustLanguage("pol"), feed.MustLanguage("eng")
	var got []string
	c := catalog.NewCollector(nil)
	c.OnConflict = func(x catalog.Conflict) { got = append(got, fmt.Sprint(x)) }
	products := []feed.Product{
		{Producer: feed.Ref{ID: "1", Name: "A"}, Unit: feed.Reference{ID: "0", Names: feed.Texts{{Lang: pol, Value: "szt."}}},
			SizeGroup: feed.Ref{ID: "7", Name: "Size"}, Sizes: []feed.Size{{ID: "m", Name: "M"}}},
		{Producer: feed.Ref{ID: "1", Name: "B"}, Unit: feed.Reference{ID: "0", Names: feed.Texts{{Lang: eng, Value: "pcs."}}},
			SizeGroup: feed.Ref{ID: "7", Name: "Sizes"}, Sizes: []feed.Size{{ID: "m", Name: "Medium"}}},
		{Producer: feed.Ref{ID: "1", Name: "C"}, Unit: feed.Reference{ID: "0", Names: feed.Texts{{Lang: pol, Value: "para"}}}},
	}
	for range 2 {
		for i := range products {
			c.Observe(&products[i])
		}
	}
	want := "[{producer 1 A B} {size_group 7 Size Sizes} {size m M Medium} {unit 0 szt. para}]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
	d := c.Dictionaries()
	if d.Producers[0].Name != "A" || len(d.Units[0].Names) != 2 || d.SizeGroups[0].Name != "Size" || len(d.SizeGroups[0].Sizes) != 1 {
		t.Errorf("got %+v, want the first names and both languages of the unit", d)
	}
}

func TestUnitPrecisionFollowsQuantities(t *testing.T) {
	t.Parallel()
	quantity := func(s string) feed.Quantity {
		q, err := feed.ParseQuantity(s)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	c := catalog.NewCollector(&feed.Dictionaries{Units: []feed.Unit{{ID: "given", Precision: 1}}})
	for _, x := range []struct{ unit, quantity string }{{"kg", "7"}, {"kg", "7.25"}, {"kg", "7.5"}, {"given", "7.125"}, {"pcs", "-1"}, {"m", "0.001"}} {
		c.Observe(&feed.Product{Unit: feed.Reference{ID: x.unit}, Sizes: []feed.Size{{Stock: []feed.Stock{{Warehouse: 1, Quantity: quantity(x.quantity)}}}}})
	}
	var got []string
	for _, u := range c.Dictionaries().Units {
		got = append(got, fmt.Sprint(u.ID, u.Precision))
	}
	if want := "[given1 kg2 pcs0 m3]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// What was given out does not change when more is observed.
func TestDictionariesAreACopy(t *testing.T) {
	t.Parallel()
	pol, eng := feed.MustLanguage("pol"), feed.MustLanguage("eng")
	c := catalog.NewCollector(nil)
	c.Observe(&feed.Product{Unit: feed.Reference{ID: "0", Names: feed.Texts{{Lang: pol, Value: "szt."}}}, SizeGroup: feed.Ref{ID: "7"}, Sizes: []feed.Size{{ID: "m"}}})
	before := c.Dictionaries()
	text := string(catalog.AppendDictionaries(nil, before))
	c.Observe(&feed.Product{Unit: feed.Reference{ID: "0", Names: feed.Texts{{Lang: eng, Value: "pcs."}}}, SizeGroup: feed.Ref{ID: "7", Name: "Size"}, Sizes: []feed.Size{{ID: "m", Name: "M"}, {ID: "l"}}})
	if got := string(catalog.AppendDictionaries(nil, before)); got != text {
		t.Errorf("got\n%swant\n%s", got, text)
	}
	if got := string(catalog.AppendDictionaries(nil, c.Dictionaries())); got == text {
		t.Error("the later dictionaries are those of before")
	}
}

func TestDictionaryConflictsAreWarnings(t *testing.T) {
	t.Parallel()
	out := readText(t, polish(), "c.jsonl", `{"record":"producer","id":"5","name":"Granit"}`+"\n"+
		line(`"producer":{"id":"5","name":"Granat"}`)+line(`"producer":{"id":"5","name":"Granat"}`)+
		`{"record":"unit","id":"0","name":"szt."}`+"\n")
	want := []string{
		`c.jsonl:2: warning: product 7: producer 5: is called "Granat" here and "Granit" before (the first name is kept; give different entries different ids)`,
		`c.jsonl:4: warning: record: stands behind the first product (put dictionary lines before the products that use them)`,
	}
	if out.err != nil || fmt.Sprint(out.problems) != fmt.Sprint(want) {
		t.Errorf("got %v, %q, want %q", out.err, out.problems, want)
	}
	if len(out.dict.Units) != 1 || len(out.head.Units) != 0 {
		t.Errorf("the late unit: got %v and %v", out.dict.Units, out.head.Units)
	}
}

// A path may read in one language as that of a parent, or of another category,
// in another: no category is above itself for that.
func TestCategoriesAreNoCircle(t *testing.T) {
	t.Parallel()
	pol, eng := feed.MustLanguage("pol"), feed.MustLanguage("eng")
	texts := func(pairs ...any) (ts feed.Texts) {
		for i := 0; i < len(pairs); i += 2 {
			ts = append(ts, feed.Text{Lang: pairs[i].(feed.Language), Value: pairs[i+1].(string)})
		}
		return ts
	}
	for name, categories := range map[string][]feed.Reference{
		"itself":   {{ID: "2", Names: texts(pol, "Shop/Men/Shoes", eng, "Shop/Men")}},
		"each one": {{ID: "2", Names: texts(pol, "A/B", eng, "P")}, {ID: "3", Names: texts(eng, "P/Q", pol, "A")}},
		"derived":  {{ID: catalog.DeriveCategory("Shop"), Names: texts(pol, "Shop/Men", eng, "Shop")}},
	} {
		c := catalog.NewCollector(nil)
		for i, r := range categories {
			c.Observe(&feed.Product{ID: feed.ProductID(i + 1), Category: r})
		}
		placed := map[string]bool{"": true}
		d := c.Dictionaries()
		for _, g := range d.Categories {
			if !placed[g.Parent] || placed[g.ID] {
				t.Errorf("%s: category %q stands before its parent %q, or twice, in %v", name, g.ID, g.Parent, d.Categories)
			}
			placed[g.ID] = true
		}
		for _, r := range categories {
			if !placed[r.ID] {
				t.Errorf("%s: category %q is missing in %v", name, r.ID, d.Categories)
			}
		}
	}
}
