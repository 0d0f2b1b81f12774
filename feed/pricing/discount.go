package pricing

import "feedmill/feed"

// DiscountSource is the kind of rule that a discount came from.
type DiscountSource uint8

// The sources, the most specific first.
const (
	ByNothing DiscountSource = iota
	ByProduct
	ByCategory
	ByProducer
	ByOverall
)

// discounts finds the one discount of a product or size.
type discounts struct {
	overall                      uint64
	rules                        feed.Discounts
	products                     map[feed.ProductID]int
	codes, categories, producers map[string]int
}

func newDiscounts(d *feed.Discounts) *discounts {
	x := &discounts{
		overall: uint64(d.Overall.Millionths()),
		rules: feed.Discounts{
			Overall:    d.Overall,
			Categories: append([]feed.DiscountRule(nil), d.Categories...),
			Producers:  append([]feed.DiscountRule(nil), d.Producers...),
			Products:   append([]feed.DiscountRule(nil), d.Products...),
		},
		products:   map[feed.ProductID]int{},
		codes:      map[string]int{},
		categories: keys(d.Categories),
		producers:  keys(d.Producers),
	}
	for i, r := range d.Products {
		putFirst(x.codes, r.Key, i)
		if id, ok := productID(r.Key); ok {
			putFirst(x.products, id, i)
		}
	}
	return x
}

func keys(rules []feed.DiscountRule) map[string]int {
	m := make(map[string]int, len(rules))
	for i, r := range rules {
		putFirst(m, r.Key, i)
	}
	return m
}

// choice is a discount with where it came from.
type choice struct {
	source DiscountSource
	rule   int // position in the source's list, none for ByOverall and ByNothing
}

// percent gives the discount in millionths.
func (d *discounts) percent(c choice) uint64 {
	switch c.source {
	case ByProduct:
		return uint64(d.rules.Products[c.rule].Percent.Millionths())
	case ByCategory:
		return uint64(d.rules.Categories[c.rule].Percent.Millionths())
	case ByProducer:
		return uint64(d.rules.Producers[c.rule].Percent.Millionths())
	case ByOverall:
		return d.overall
	}
	return 0
}

// keep gives what a discount leaves, in millionths.
func (d *discounts) keep(c choice) uint64 { return whole - d.percent(c) }

// ofProduct chooses the discount of the product as a whole. A product of one
// size is that size, so the size's code counts for it too.
func (d *discounts) ofProduct(p *feed.Product, category int, producerName string) choice {
	if len(p.Sizes) == 1 {
		if c, ok := d.ofCode(p.Sizes[0].Code); ok {
			return c
		}
	}
	if len(d.products) > 0 {
		if i, ok := d.products[p.ID]; ok {
			return choice{ByProduct, i}
		}
	}
	if category != none {
		return choice{ByCategory, category}
	}
	if i := lookup(d.producers, p.Producer.ID, none); i != none {
		return choice{ByProducer, i}
	}
	if i := lookup(d.producers, producerName, none); i != none {
		return choice{ByProducer, i}
	}
	if d.overall != 0 {
		return choice{ByOverall, none}
	}
	return choice{ByNothing, none}
}

// ofCode chooses the discount that names one size.
func (d *discounts) ofCode(code string) (choice, bool) {
	i := lookup(d.codes, code, none)
	return choice{ByProduct, i}, i != none
}

// describe names a discount.
func (d *discounts) describe(c choice) Note {
	of := func(code NoteCode, r feed.DiscountRule) Note { return note(code, Number(r.Percent.String()), r.Key) }
	switch c.source {
	case ByProduct:
		return of("less-product", d.rules.Products[c.rule])
	case ByCategory:
		return of("less-category", d.rules.Categories[c.rule])
	case ByProducer:
		return of("less-producer", d.rules.Producers[c.rule])
	case ByOverall:
		return note("less-all", Number(d.rules.Overall.String()))
	}
	return note("less-none")
}
