package pricing

import (
	"fmt"
	"slices"

	"feedmill/feed"
)

// Rules are a profile made ready for many products. They hold no reference to
// the profile, never change, and are safe for concurrent use.
type Rules struct {
	index            *feed.Index
	currency         feed.Currency
	rates            map[feed.Currency]scale
	told             map[feed.Currency]Note // whose rate it is
	list             priceList
	own              scale // of a product that needs no conversion
	wholesale        bool
	lead             feed.PriceLead
	discounts        *discounts
	include, exclude *matcher
	inStockOnly      bool
	categories       map[string]categoryRules
	// anyCategory and anyProducer say whether a rule looks at these at all.
	anyCategory, anyProducer bool
	stock                    stockPolicy
}

// Compile makes the rules of profile p for products that refer to the
// dictionaries of x, under the merchant's terms. x and terms may be nil when
// there are none. It costs a pass over the categories. The error is that of
// [feed.Profile.Validate], or of kind not-found for a price list that the terms
// do not have.
func Compile(p *feed.Profile, x *feed.Index, terms *feed.Terms) (*Rules, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("compile price rules: %w", err)
	}
	if x == nil {
		x = feed.NewIndex(&feed.Dictionaries{})
	}
	r := &Rules{
		index:       x,
		currency:    p.Currency,
		rates:       make(map[feed.Currency]scale, len(p.Rates)),
		told:        make(map[feed.Currency]Note, len(p.Rates)),
		own:         scaleOf(feed.Rate{}, p.Currency, p.Currency),
		wholesale:   p.Base == feed.BaseWholesale,
		lead:        p.Lead,
		discounts:   newDiscounts(&p.Discounts),
		include:     newMatcher(p.Assortment.Include),
		exclude:     newMatcher(p.Assortment.Exclude),
		inStockOnly: p.Assortment.InStockOnly,
		stock:       newStockPolicy(&p.Stock),
	}
	if err := r.takeTerms(p, terms); err != nil {
		return nil, fmt.Errorf("compile price rules: %w", err)
	}
	r.anyProducer = len(r.include.producers)+len(r.exclude.producers)+len(r.discounts.producers) > 0
	r.anyCategory = len(r.include.categories)+len(r.exclude.categories)+len(r.discounts.categories) > 0
	if r.anyCategory {
		r.categories = categories(x, r.include.categories, r.exclude.categories, r.discounts.categories)
	}
	return r, nil
}

// scaleFor gives the conversion of p's currency, nil when there is no rate.
func (r *Rules) scaleFor(p *feed.Product, rate *scale) *scale {
	if r.currency.IsZero() || p.Currency == r.currency {
		return &r.own
	}
	s, ok := r.rates[p.Currency]
	if !ok || p.Currency.IsZero() {
		return nil
	}
	*rate = s
	return rate
}

// isFree says whether the merchant gives p away (iaiext:product_free, IOF 4.1).
func isFree(p *feed.Product) bool {
	i, ok := slices.BinarySearchFunc(p.Attrs, "product_free", func(a feed.Attr, name string) int {
		switch {
		case a.Name < name:
			return -1
		case a.Name > name:
			return 1
		}
		return 0
	})
	if !ok {
		return false
	}
	f, err := feed.ParseFlag(p.Attrs[i].Value)
	return err == nil && f == feed.FlagYes
}
