package hammer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/harness/site"
	"feedmill/internal/partner"
)

// sight is which prices an offer shows of those in the model.
type sight int

const (
	plain     sight = iota // the catalog's, less the discount of the light feed
	converted              // the catalog's by the merchant's rate
	listed                 // in light those of the price list, where it has one
)

// prices gives what an offer that looks at the model so may show for a product,
// in hundredths; nil is anything. key is of the light feed that shows it, "" in full.
func (s sight) prices(p *site.Product, at *moment, key string) []int64 {
	catalog := int64(p.Price) * 100
	var list []int64
	switch {
	case s == converted:
		for _, rate := range at.rates {
			list = append(list, int64(p.Price)*rate)
		}
	case s == listed && key != "":
		for _, price := range at.listed[p.ID] {
			if price == 0 {
				price = catalog
			}
			list = append(list, price)
		}
		if list == nil {
			list = append(list, catalog) // it was never priced
		}
	case s == plain && key != "":
		tenths, known := at.discounts[key]
		if !known {
			return nil
		}
		list = append(list, (catalog*(1000-tenths)+500)/1000)
	default:
		list = append(list, catalog)
	}
	return list
}

// rateRuns is how many runs come to their end between two changes of the rate, for
// all of which everything may have changed and no hint is followed: on a crowded
// machine there would be no others.
const rateRuns = 5

// reprice changes the merchant's rate and the prices of his list.
func (h *hammer) reprice(r *rand.Rand) error {
	for seen := int64(0); h.ctx.Err() == nil; {
		h.pause(r, 400*time.Millisecond)
		if h.ctx.Err() != nil {
			return nil
		}
		if runs := h.runs.Load(); r.IntN(4) == 0 && runs >= seen+rateRuns {
			seen = runs
			if err := h.setRate(20 + r.Int64N(60)); err != nil {
				return fmt.Errorf("set a rate: %w", err)
			}
			h.count("rates changed", 1)
			continue
		}
		prices := map[feed.ProductID]int64{}
		for range 1 + r.IntN(4) {
			id, price := site.ID(1+r.IntN(2*h.Products)), int64(0)
			if r.IntN(3) > 0 {
				price = 500 + r.Int64N(50_000)
			}
			prices[id] = price
		}
		if err := h.setPrices(prices); err != nil {
			return fmt.Errorf("change a price list: %w", err)
		}
		h.count("list prices changed", int64(len(prices)))
	}
	return nil
}

// setRate sets how many hundredths of the second currency a unit of the first costs.
func (h *hammer) setRate(hundredths int64) error {
	rate, err := feed.ParseRate(fmt.Sprintf("0.%02d", hundredths))
	if err != nil {
		return err
	}
	return h.noted("a rate", func(ctx context.Context) error {
		set, err := h.Site.Records.SetRate(ctx, site.Actor, partner.Rate{Merchant: h.Site.Merchant.ID, From: pln, To: eur, Rate: rate, Version: h.rate})
		h.rate = set.Version
		return err
	}, func(event int64) { h.model.setRate(event, hundredths) })
}

// setPrices sets prices of the list, in hundredths; 0 takes one away.
func (h *hammer) setPrices(prices map[feed.ProductID]int64) error {
	var edit partner.PriceEdit
	for id, price := range prices {
		key := partner.PriceKey{Product: id}
		if price == 0 {
			edit.Remove = append(edit.Remove, key)
			continue
		}
		amount, err := feed.AmountOf(price)
		if err != nil {
			return err
		}
		edit.Put = append(edit.Put, partner.ListPrice{PriceKey: key, Amount: amount})
	}
	return h.noted("a price list", func(ctx context.Context) error {
		_, _, err := h.Site.Records.PutListPrices(ctx, site.Actor, h.Site.Merchant.ID, h.list, edit, 0)
		return err
	}, func(event int64) {
		for id, price := range prices {
			h.model.setListed(event, id, price)
		}
	})
}

// noted makes a change and notes it in the model under its number.
func (h *hammer) noted(what string, change func(context.Context) error, note func(event int64)) error {
	h.model.RLock()
	defer h.model.RUnlock()
	// A write is not given up half-way: whether it happened must be known.
	whole := context.WithoutCancel(h.ctx)
	ctx, receipt := partner.WithReceipt(whole)
	if err := change(ctx); err != nil {
		return err
	}
	if receipt.Queue == 0 {
		return nil // it has changed nothing
	}
	event, ok, err := h.Site.Records.EventNumber(whole, h.Site.Merchant.ID, receipt.Queue, 30*time.Second)
	if err != nil {
		return err
	}
	if !ok {
		h.violate("I6", "a change of %s has no number after 30 s", what)
		return nil
	}
	note(event)
	return nil
}

// pricesAtRest changes the rate, and then one price of the list, while nothing
// else happens: the files must say so, and no others.
func (h *hammer) pricesAtRest(ctx context.Context) error {
	now := h.model.since(latest)
	there := int64(0)
	var one *site.Product
	for _, list := range now.products {
		if p := list[0]; p != nil {
			there++
			if one == nil || p.ID < one.ID {
				one = p
			}
		}
	}
	if one == nil {
		return errors.New("the catalog is empty")
	}
	converting, listing := h.offers[3].Offer.Offer.Profile, h.offers[4].Offer.Offer.Profile
	for _, c := range []struct {
		what string
		do   func() error
		// changed are the products that the feeds with these keys show otherwise.
		changed map[string]int64
	}{
		{"a rate", func() error { return h.setRate(19) }, map[string]int64{converting.FullKey(): there, converting.LightKey(): there}},
		{"a price of a list", func() error { return h.setPrices(map[feed.ProductID]int64{one.ID: 77_777}) }, map[string]int64{listing.LightKey(): 1}},
	} {
		if err := c.do(); err != nil {
			return fmt.Errorf("change %s: %w", c.what, err)
		}
		h.Clock.Leap(time.Minute)
		report, err := h.Site.Publish(ctx, site.Run{})
		if err != nil {
			return fmt.Errorf("publish %s: %w", c.what, err)
		}
		seen := 0
		for i := range report.Feeds {
			f := &report.Feeds[i]
			want := c.changed[f.Feed.Key]
			if f.Added+f.Removed > 0 || f.Changed != want || f.Published != (want > 0) {
				h.violate("I4, I6, I15", "%s that changes at rest alters %d products of %v feed %s, adds %d, removes %d (published: %v), want %d altered",
					c.what, f.Changed, f.Feed.Kind, f.Feed.Key, f.Added, f.Removed, f.Published, want)
			}
			if want == 0 {
				continue
			}
			seen++
			if f.Feed.Kind == feed.KindFull && !slices.ContainsFunc(f.Generation.Files, func(x publish.File) bool {
				return x.Kind == feed.KindFullChange && x.Generation == f.Generation.Number && x.Products == want
			}) {
				h.violate("I4, I6", "%s that changes at rest makes no change file with its %d products in feed %s", c.what, want, f.Feed.Key)
			}
		}
		if seen != len(c.changed) {
			h.violate("I6", "%s that changes at rest: %d feeds were looked at, want %d", c.what, seen, len(c.changed))
		}
		h.count("prices followed at rest", 1)
	}
	return nil
}
