package pricing

import "feedmill/feed"

// Apply fills item with what the profile shows of p, reusing the memory of
// item's slices, and says whether p is in. A product that is left out leaves
// item with its Product alone. The item refers to p and lives as long as p.
func (r *Rules) Apply(item *feed.Item, p *feed.Product) Verdict {
	sizes := item.Sizes
	*item = feed.Item{Product: p, Sizes: sizes[:0]}
	v := r.apply(item, p)
	if !v.Included {
		*item = feed.Item{Product: p, Sizes: item.Sizes[:0]}
	}
	return v
}

// assortment says whether the assortment rules let p in.
func (r *Rules) assortment(p *feed.Product, category categoryRules, producer string) Verdict {
	if len(r.include.rules) > 0 && r.include.match(p, category.include, producer) == none {
		return out(ReasonNotIncluded)
	}
	if len(r.exclude.rules) > 0 {
		if i := r.exclude.match(p, category.exclude, producer); i != none {
			v := out(ReasonExcluded)
			v.Rule = i
			return v
		}
	}
	return Verdict{Included: true, Rule: -1, Size: -1}
}

func (r *Rules) apply(item *feed.Item, p *feed.Product) Verdict {
	category, producer := r.category(p), r.producerName(p)
	if v := r.assortment(p, category, producer); !v.Included {
		return v
	}
	if len(p.Sizes) == 0 {
		return out(ReasonNoSizes)
	}
	var rate scale
	s := r.scaleFor(p, &rate)
	if s == nil {
		return out(ReasonNoRate)
	}
	item.Currency = r.currency
	if item.Currency.IsZero() {
		item.Currency = p.Currency
	}
	w := work{r: r, c: conversion{scale: s, lead: r.lead, vat: p.VAT}, free: isFree(p)}
	if !r.listed(&w, p) {
		return out(ReasonNoRate)
	}
	whole := r.discounts.ofProduct(p, category.discount, producer)

	if cap(item.Sizes) < len(p.Sizes) {
		item.Sizes = append(item.Sizes[:cap(item.Sizes)], make([]feed.ItemSize, len(p.Sizes)-cap(item.Sizes))...)
	}
	item.Sizes = item.Sizes[:len(p.Sizes)]
	inStock := false
	for i := range p.Sizes {
		size, shown := &p.Sizes[i], &item.Sizes[i]
		prices := w.effective(p, size)
		c := whole
		if own, ok := r.discounts.ofCode(size.Code); ok {
			c = own
		}
		if reason := w.points(&shown.Full, &shown.Light, &prices, w.rows.of(size.Code), r.discounts.keep(c)); reason != ReasonNone {
			v := out(reason)
			v.Size = i
			return v
		}
		var any bool
		shown.Stock, any = r.stock.apply(shown.Stock[:0], size.Stock)
		inStock = inStock || any
	}
	prices := p.Prices
	if row := w.rows.of(""); row == nil && len(w.rows) > 0 {
		// The list names some sizes alone, and what the first one costs is a price
		// somebody can pay.
		if reason := w.wholeOfSizes(item, &prices); reason != ReasonNone {
			return out(reason)
		}
	} else if row == nil && w.base(&prices).IsZero() {
		// Nothing is said of the product as a whole: what its first size costs
		// is a price somebody can pay.
		item.Full.Price, item.Light.Price = item.Sizes[0].Full.Price, item.Sizes[0].Light.Price
		if reason := w.informative(&item.Full, &item.Light, &prices); reason != ReasonNone {
			return out(reason)
		}
	} else if reason := w.points(&item.Full, &item.Light, &prices, row, r.discounts.keep(whole)); reason != ReasonNone {
		return out(reason)
	}
	if p.Promotion != nil {
		if !w.promotion(&item.Promotion, p.Promotion) {
			return out(ReasonOverflow)
		}
	}
	if r.inStockOnly && !inStock {
		return out(ReasonOutOfStock)
	}
	return Verdict{Included: true, Rule: -1, Size: -1}
}

// work is the pricing of one product.
type work struct {
	r    *Rules
	c    conversion
	free bool
	// rows are what the profile's price list says of the product, and lc converts
	// them.
	rows listRows
	lc   conversion
}

// effective gives the prices of a size: its own, and its product's where it
// has none of a kind.
func (w *work) effective(p *feed.Product, size *feed.Size) feed.Prices {
	e := size.Prices
	inherit(&e.List, &p.Prices.List)
	inherit(&e.Wholesale, &p.Prices.Wholesale)
	inherit(&e.Minimal, &p.Prices.Minimal)
	inherit(&e.SRP, &p.Prices.SRP)
	inherit(&e.StrikethroughRetail, &p.Prices.StrikethroughRetail)
	inherit(&e.StrikethroughWholesale, &p.Prices.StrikethroughWholesale)
	return e
}

func inherit(own, above *feed.Price) {
	if own.IsZero() {
		*own = *above
	}
}

// base gives the price that discounts start from.
func (w *work) base(p *feed.Prices) feed.Price {
	if w.r.wholesale && !p.Wholesale.IsZero() {
		return p.Wholesale
	}
	return p.List
}

// list gives the price that full files show: the list price, and a wholesaler
// the wholesale price where there is no other.
func (w *work) list(p *feed.Prices) feed.Price {
	if w.r.wholesale && p.List.IsZero() {
		return p.Wholesale
	}
	return p.List
}

// points fills the price points of a product or size; row is what the price list
// says of it, nil for nothing.
func (w *work) points(full, light *feed.PricePoints, p *feed.Prices, row *feed.ListedPrice, keep uint64) Reason {
	*full, *light = feed.PricePoints{}, feed.PricePoints{}
	if row != nil {
		return w.listedPoints(full, light, p, row, keep)
	}
	if w.r.list.only {
		return ReasonNotListed
	}
	base, list := w.base(p), w.list(p)
	if base.IsZero() {
		if !w.free {
			return ReasonNoPrice
		}
		return w.informative(full, light, p)
	}
	if reason := w.c.reason(list); reason != ReasonNone {
		return reason
	}
	if base != list {
		if reason := w.c.reason(base); reason != ReasonNone {
			return reason
		}
	}
	var ok bool
	if full.Price, ok = w.c.plain(list); !ok {
		return ReasonOverflow
	}
	if light.Price, ok = w.c.discounted(base, p.Minimal, keep); !ok {
		return ReasonOverflow
	}
	return w.informative(full, light, p)
}

// informative fills the prices that are converted and never discounted.
func (w *work) informative(full, light *feed.PricePoints, p *feed.Prices) Reason {
	var ok1, ok2, ok3 bool
	full.SRP, ok1 = w.c.plain(p.SRP)
	full.StrikethroughRetail, ok2 = w.c.plain(p.StrikethroughRetail)
	ok3 = true
	if w.r.wholesale {
		full.StrikethroughWholesale, ok3 = w.c.plain(p.StrikethroughWholesale)
	}
	if !ok1 || !ok2 || !ok3 {
		return ReasonOverflow
	}
	light.SRP, light.StrikethroughRetail, light.StrikethroughWholesale = full.SRP, full.StrikethroughRetail, full.StrikethroughWholesale
	return ReasonNone
}

// promotion fills the prices of a campaign.
func (w *work) promotion(dst *feed.PromotionPrices, p *feed.Promotion) bool {
	var ok1, ok2 bool
	dst.Price, ok1 = w.c.plain(p.Price)
	dst.NormalRetail, ok2 = w.c.plain(p.NormalRetail)
	if !ok1 || !ok2 {
		return false
	}
	if w.r.wholesale {
		dst.NormalWholesale, ok1 = w.c.plain(p.NormalWholesale)
	}
	return ok1
}
