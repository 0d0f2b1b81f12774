package manage

import (
	"context"
	"slices"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// PriceChange is a change of exchange rates, of one price list, or of both, as
// [Service.PreviewPrices] is asked about it. The zero value changes nothing.
type PriceChange struct {
	// Rates are set, whatever their versions; Dropped are removed.
	Rates, Dropped []partner.Rate
	// List is the price list whose prices Edit changes, "" for none.
	List feed.PriceListID
	Edit partner.PriceEdit
	// Lead, when set, is the side that the list's amounts are to be.
	Lead *feed.PriceLead

	changes partner.PriceChanges
}

// terms gives what the terms become; a nil change leaves them.
func (c *PriceChange) terms(before *feed.Terms) *feed.Terms {
	if c == nil {
		return before
	}
	after := &feed.Terms{Lists: slices.Clone(before.Lists)}
	touched := func(r feed.CurrencyRate) bool { return c.touches(r.From, r.To) }
	after.Rates = append(slices.DeleteFunc(slices.Clone(before.Rates), touched), partner.RatesOf(c.Rates)...)
	for i := range after.Lists {
		if after.Lists[i].ID == c.List && c.Lead != nil {
			after.Lists[i].Lead = *c.Lead
		}
	}
	return after
}

// touches says whether the rate between two currencies is set or removed.
func (c *PriceChange) touches(from, to feed.Currency) bool {
	for _, r := range slices.Concat(c.Rates, c.Dropped) {
		if r.From == from && r.To == to {
			return true
		}
	}
	return false
}

// concerns says whether a profile takes anything from what changes.
func (c *PriceChange) concerns(p *feed.Profile) bool {
	if c.List != "" && p.PriceList == c.List {
		return true
	}
	for _, r := range slices.Concat(c.Rates, c.Dropped) {
		if r.To == p.Currency && !slices.ContainsFunc(p.Rates, func(own feed.ExchangeRate) bool { return own.From == r.From }) {
			return true
		}
	}
	return false
}

// PreviewPrices says what a change of rates and price lists would do to what
// partners receive, now: offers that may be read and would show another price,
// more or fewer products. Unseen counts those that take something from what
// changes and would show no difference. It changes nothing.
func (s *Service) PreviewPrices(ctx context.Context, who Identity, change PriceChange) (p Preview, err error) {
	for _, do := range []Action{ReadAccounts, ReadProducts, ReadPrices} {
		if err := allow(who, do); err != nil {
			return p, err
		}
	}
	for i := range change.Rates {
		if err := change.Rates[i].Validate(); err != nil {
			return p, err
		}
	}
	p.At = s.now()
	if change.List != "" {
		if err := s.prepare(ctx, who, &change); err != nil {
			return p, err
		}
	}
	m, err := s.db.Merchant(ctx, who.Merchant)
	if err != nil {
		return p, err
	}
	partners, err := s.db.Partners(ctx, who.Merchant)
	if err != nil {
		return p, err
	}
	offers, err := s.db.Offers(ctx, who.Merchant, "")
	if err != nil {
		return p, err
	}
	var moves []*move
	for i := range offers {
		o := &offers[i]
		at := slices.IndexFunc(partners, func(p partner.Partner) bool { return p.ID == o.Partner })
		if at < 0 || !change.concerns(&o.Profile) || !partner.Readable(&m, &partners[at], o, p.At) {
			continue
		}
		moves = append(moves, &move{OfferPreview: OfferPreview{Offer: o.ID, OfferName: o.Name, Partner: o.Partner, PartnerName: partners[at].Name,
			ReadBefore: true, ReadAfter: true}, before: &o.Profile, after: &o.Profile})
	}
	if err := s.compare(ctx, who, moves, &change, &p); err != nil {
		return p, err
	}
	for _, v := range moves {
		if v.Gained+v.Lost+v.Dearer+v.Cheaper+v.Repriced+v.Restocked == 0 {
			p.Unseen++
			continue
		}
		p.Offers = append(p.Offers, v.OfferPreview)
	}
	p.sort()
	return p, nil
}

// CountPrices counts what an edit of a price list would do to it now, without
// doing it.
func (s *Service) CountPrices(ctx context.Context, who Identity, id feed.PriceListID, edit partner.PriceEdit) (partner.PricePut, error) {
	if err := allow(who, ReadPrices); err != nil {
		return partner.PricePut{}, err
	}
	change := PriceChange{List: id, Edit: edit}
	err := s.prepare(ctx, who, &change)
	return change.changes.PricePut, err
}

// prepare finds out what the edit of a list changes of it.
func (s *Service) prepare(ctx context.Context, who Identity, c *PriceChange) error {
	if _, err := s.db.PriceList(ctx, who.Merchant, c.List); err != nil {
		return err
	}
	if err := c.Edit.Normalize(); err != nil {
		return err
	}
	var stands []partner.ListPrice
	var after partner.PriceKey
	for {
		some, err := s.db.ListPrices(ctx, who.Merchant, c.List, after, maxPage)
		if err != nil {
			return err
		}
		if stands = append(stands, some...); len(some) < maxPage {
			break
		}
		after = some[len(some)-1].PriceKey
	}
	c.changes = c.Edit.Against(stands)
	return nil
}
