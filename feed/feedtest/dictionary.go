package feedtest

import (
	"strconv"

	"feedmill/feed"

	"pgregory.net/rapid"
)

// Dictionaries gives valid dictionaries of a few entries each, the trees with
// parents before their children.
func Dictionaries() *rapid.Generator[*feed.Dictionaries] {
	return rapid.Custom(func(t *rapid.T) *feed.Dictionaries {
		d := new(feed.Dictionaries)
		for _, id := range ids(t, "producer") {
			d.Producers = append(d.Producers, feed.Ref{ID: id, Name: Name().Draw(t, "producer name")})
		}
		for i, id := range ids(t, "category") {
			c := feed.Category{ID: id, Names: Texts(Name()).Draw(t, "category names")}
			if i > 0 && rapid.Bool().Draw(t, "child") {
				c.Parent = d.Categories[rapid.IntRange(0, i-1).Draw(t, "parent")].ID
			}
			d.Categories = append(d.Categories, c)
		}
		for _, id := range ids(t, "unit") {
			d.Units = append(d.Units, feed.Unit{ID: id, Names: Texts(Name()).Draw(t, "unit names"), Precision: rapid.Uint8Range(0, 3).Draw(t, "precision")})
		}
		for i, id := range ids(t, "series") {
			s := feed.SeriesEntry{ID: id, Names: Texts(Name()).Draw(t, "series names")}
			if i > 0 && rapid.Bool().Draw(t, "child series") {
				s.Parent = d.Series[rapid.IntRange(0, i-1).Draw(t, "parent series")].ID
			}
			d.Series = append(d.Series, s)
		}
		for _, id := range ids(t, "warranty") {
			d.Warranties = append(d.Warranties, feed.Warranty{ID: id, Kind: feed.WarrantyKind(rapid.IntRange(1, 3).Draw(t, "kind")),
				Months: small(0, 120).Draw(t, "months"), Names: Texts(Name()).Draw(t, "warranty names"), Descriptions: optional(t, Texts(String()), "warranty descriptions")})
		}
		for _, id := range rapid.SliceOfNDistinct(rapid.Int32Range(0, 9), 0, 3, rapid.ID).Draw(t, "warehouses") {
			d.Warehouses = append(d.Warehouses, feed.Warehouse{ID: feed.WarehouseID(id), Names: Texts(Name()).Draw(t, "warehouse names")})
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "size groups") {
			g := feed.SizeGroup{ID: strconv.Itoa(i + 1), Name: Name().Draw(t, "group name")}
			for _, id := range ids(t, "size") {
				g.Sizes = append(g.Sizes, feed.SizeEntry{ID: id, Names: Texts(Name()).Draw(t, "size names")})
			}
			d.SizeGroups = append(d.SizeGroups, g)
		}
		d.Sections, d.Parameters, d.Values = entries(t, "section"), entries(t, "parameter"), entries(t, "value")
		return d
	})
}

func ids(t *rapid.T, label string) []string {
	return rapid.SliceOfNDistinct(ID(), 0, 4, rapid.ID).Draw(t, label+" ids")
}

func entries(t *rapid.T, label string) (list []feed.ParameterEntry) {
	for _, id := range ids(t, label) {
		e := feed.ParameterEntry{ID: id, Names: Texts(Name()).Draw(t, label+" names"), Descriptions: optional(t, Texts(String()), label+" descriptions")}
		e.CardIcons = optional(t, Texts(url()), label+" card icons")
		e.ListIcons = optional(t, Texts(url()), label+" list icons")
		list = append(list, e)
	}
	return list
}
