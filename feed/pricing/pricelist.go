package pricing

import (
	"sort"

	"feedmill/feed"
)

// priceList is the price list that a profile names; without one its head has no id.
type priceList struct {
	head feed.PriceList
	only bool
	// rate converts its amounts to the profile's currency, where that is another
	// one and there is a rate.
	rate    scale
	hasRate bool
}

// takeTerms takes in what a profile leaves to the merchant's records. The
// profile's own rates win.
func (r *Rules) takeTerms(p *feed.Profile, terms *feed.Terms) error {
	for _, rate := range p.Rates {
		r.rates[rate.From], r.told[rate.From] = scaleOf(rate.Rate, rate.From, p.Currency), note("rate-offer")
	}
	if terms != nil && !p.Currency.IsZero() {
		for _, rate := range terms.Rates {
			if _, own := r.rates[rate.From]; own || rate.To != p.Currency || rate.From == p.Currency {
				continue
			}
			r.rates[rate.From], r.told[rate.From] = scaleOf(rate.Rate, rate.From, p.Currency), note("rate-merchant")
			if !rate.Since.IsZero() {
				r.told[rate.From] = note("rate-since", rate.Since.UTC().Format("2006-01-02"))
			}
		}
	}
	if p.PriceList == "" {
		return nil
	}
	head, ok := terms.List(p.PriceList)
	if !ok {
		return feed.Errorf(feed.KindNotFound, "there is no price list %.80q", p.PriceList)
	}
	r.list = priceList{head: head, only: p.OnlyListed}
	r.list.rate, r.list.hasRate = r.rates[head.Currency]
	return nil
}

// listRows are the rows of one price list for one product, by code.
type listRows []feed.ListedPrice

// of gives the row that prices a code: its own, or that of the product as a
// whole; nil for none.
func (l listRows) of(code string) *feed.ListedPrice {
	if len(l) == 0 {
		return nil
	}
	i := sort.Search(len(l), func(i int) bool { return l[i].Code >= code })
	if i < len(l) && l[i].Code == code {
		return &l[i]
	}
	if l[0].Code == "" {
		return &l[0]
	}
	return nil
}

// listed finds what the price list says of p and the scale of its amounts; it
// is false when there is something and no rate for it.
func (r *Rules) listed(w *work, p *feed.Product) bool {
	if r.list.head.ID == "" {
		return true
	}
	id := r.list.head.ID
	from := sort.Search(len(p.Listed), func(i int) bool { return p.Listed[i].List >= id })
	to := from
	for to < len(p.Listed) && p.Listed[to].List == id {
		to++
	}
	w.rows = listRows(p.Listed[from:to])
	if len(w.rows) == 0 {
		return true
	}
	scale := r.listScale(p)
	w.lc = conversion{scale: scale, lead: r.lead, vat: p.VAT}
	return scale != nil
}

// listScale gives the conversion of the price list's currency to the one that p
// is shown in, nil when there is no rate.
func (r *Rules) listScale(p *feed.Product) *scale {
	target := r.currency
	if target.IsZero() {
		target = p.Currency
	}
	if r.list.head.Currency == target {
		return &r.own
	}
	if r.list.hasRate {
		return &r.list.rate
	}
	return nil
}

// listedPrice makes a price of what the list says.
func (w *work) listedPrice(row *feed.ListedPrice) (feed.Price, bool) {
	return complete(uint64(row.Amount.Minor()), w.r.list.head.Lead, w.c.vat)
}

// listedPoints is points for what the price list prices. A full file goes on
// showing the list price of the catalog, and the one of the price list only
// where there is no other: never a wholesale price.
func (w *work) listedPoints(full, light *feed.PricePoints, p *feed.Prices, row *feed.ListedPrice, keep uint64) Reason {
	base, ok := w.listedPrice(row)
	if !ok {
		return ReasonOverflow
	}
	if reason := w.lc.reason(base); reason != ReasonNone {
		return reason
	}
	if p.List.IsZero() {
		full.Price, ok = w.lc.plain(base)
	} else {
		if reason := w.c.reason(p.List); reason != ReasonNone {
			return reason
		}
		full.Price, ok = w.c.plain(p.List)
	}
	if !ok {
		return ReasonOverflow
	}
	if light.Price, ok = w.lc.discountedAcross(base, p.Minimal, &w.c, keep); !ok {
		return ReasonOverflow
	}
	return w.informative(full, light, p)
}

// wholeOfSizes fills the points of a product that the price list prices by
// sizes alone: the partner's price is that of the first size.
func (w *work) wholeOfSizes(item *feed.Item, p *feed.Prices) Reason {
	item.Full.Price, item.Light.Price = item.Sizes[0].Full.Price, item.Sizes[0].Light.Price
	if !p.List.IsZero() {
		if reason := w.c.reason(p.List); reason != ReasonNone {
			return reason
		}
		var ok bool
		if item.Full.Price, ok = w.c.plain(p.List); !ok {
			return ReasonOverflow
		}
	}
	return w.informative(&item.Full, &item.Light, p)
}

// discountedAcross is discounted for a base and a floor of different currencies.
// Rounding keeps order, so the greater of the two rounded amounts is the greater
// one rounded.
func (c *conversion) discountedAcross(base, floor feed.Price, of *conversion, keep uint64) (feed.Price, bool) {
	if *c.scale == *of.scale {
		return c.discounted(base, floor, keep)
	}
	lead := leadOf(base, c.lead)
	least, ok := of.floorOn(floor, lead)
	if !ok {
		return feed.Price{}, false
	}
	low, ok1 := of.scale.apply(least, whole)
	v, ok2 := c.scale.apply(side(base, lead), keep)
	switch {
	case !ok1 || !ok2:
		return feed.Price{}, false
	case v < low:
		v = low
	case keep == whole && c.scale.identity:
		return base, true
	}
	return complete(v, lead, c.vat)
}

// listNote names the price that the list says, for people.
func (r *Rules) listNote(row *feed.ListedPrice, code string) []Note {
	notes := []Note{note("price-list", r.list.head.Name)}
	if row.Code != code {
		notes = append(notes, note("for-product"))
	}
	return notes
}
