package manage

import (
	"context"
	"slices"
	"strings"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// Rates gives the merchant's exchange rates, by their currencies.
func (s *Service) Rates(ctx context.Context, who Identity) ([]partner.Rate, error) {
	if err := allow(who, ReadPrices); err != nil {
		return nil, err
	}
	return s.db.Rates(ctx, who.Merchant)
}

// Rate gives one exchange rate.
func (s *Service) Rate(ctx context.Context, who Identity, from, to feed.Currency) (partner.Rate, error) {
	list, err := s.Rates(ctx, who)
	if err != nil {
		return partner.Rate{}, err
	}
	for _, r := range list {
		if r.From == from && r.To == to {
			return r, nil
		}
	}
	return partner.Rate{}, &feed.Error{Kind: feed.KindNotFound, Message: "there is no rate from " + from.String() + " to " + to.String(), Hint: "look at the list of them"}
}

// SetRate sets what one unit of r.From costs in r.To; r.Version is 0 for a new
// rate, else names what the change was made from. Offers that have no rate of
// their own follow with the next run, in their change files.
func (s *Service) SetRate(ctx context.Context, who Identity, r partner.Rate) (partner.Rate, error) {
	if err := allow(who, WritePrices); err != nil {
		return partner.Rate{}, err
	}
	r.Merchant = who.Merchant
	return s.db.SetRate(ctx, who.Actor, r)
}

// DeleteRate removes a rate. Products that need it leave the offers: see
// [Service.PreviewPrices].
func (s *Service) DeleteRate(ctx context.Context, who Identity, from, to feed.Currency, version int64) error {
	if err := allow(who, WritePrices); err != nil {
		return err
	}
	return s.db.DeleteRate(ctx, who.Actor, who.Merchant, from, to, version)
}

// PriceLists gives the price lists by name.
func (s *Service) PriceLists(ctx context.Context, who Identity) ([]partner.PriceList, error) {
	if err := allow(who, ReadPrices); err != nil {
		return nil, err
	}
	list, err := s.db.PriceLists(ctx, who.Merchant)
	SortByName(list, func(l *partner.PriceList) string { return l.Name })
	return list, err
}

// PriceList finds a price list by its id or its name, in whatever case.
func (s *Service) PriceList(ctx context.Context, who Identity, name string) (partner.PriceList, error) {
	if err := allow(who, ReadPrices); err != nil {
		return partner.PriceList{}, err
	}
	if id := feed.PriceListID(name); partner.ValidPriceListID(id) {
		return s.db.PriceList(ctx, who.Merchant, id)
	}
	list, err := s.db.PriceLists(ctx, who.Merchant)
	if err != nil {
		return partner.PriceList{}, err
	}
	return pick(list, "price list", name, func(l *partner.PriceList) (string, string) { return string(l.ID), l.Name })
}

// CreatePriceList adds an empty price list; ID and Version are given to it. Its
// currency is the merchant's unless it has one.
func (s *Service) CreatePriceList(ctx context.Context, who Identity, l partner.PriceList) (partner.PriceList, error) {
	if err := allow(who, WritePrices); err != nil {
		return partner.PriceList{}, err
	}
	if l.Currency.IsZero() {
		m, err := s.db.Merchant(ctx, who.Merchant)
		if err != nil {
			return partner.PriceList{}, err
		}
		l.Currency = m.Currency
	}
	trim(&l.Name)
	if err := s.listNameIsFree(ctx, who, "", l.Name); err != nil {
		return partner.PriceList{}, err
	}
	l.ID, l.Merchant = partner.NewPriceListID(), who.Merchant
	return s.db.CreatePriceList(ctx, who.Actor, l)
}

// listNameIsFree refuses two lists that people could not tell apart.
func (s *Service) listNameIsFree(ctx context.Context, who Identity, but feed.PriceListID, name string) error {
	list, err := s.db.PriceLists(ctx, who.Merchant)
	if err != nil {
		return err
	}
	for _, l := range list {
		if l.ID != but && strings.EqualFold(l.Name, name) {
			return partner.Taken(feed.Errorf(feed.KindConflict, "there is a price list %q already", l.Name))
		}
	}
	return nil
}

// UpdatePriceList changes a price list's name and what its amounts are; l.Version
// names what the change was made from. The currency can be changed while the
// list has no prices.
func (s *Service) UpdatePriceList(ctx context.Context, who Identity, l partner.PriceList) (partner.PriceList, error) {
	if err := allow(who, WritePrices); err != nil {
		return partner.PriceList{}, err
	}
	trim(&l.Name)
	if err := s.listNameIsFree(ctx, who, l.ID, l.Name); err != nil {
		return partner.PriceList{}, err
	}
	l.Merchant = who.Merchant
	return s.db.UpdatePriceList(ctx, who.Actor, l)
}

// DeletePriceList removes a price list that no offer names, with its prices.
func (s *Service) DeletePriceList(ctx context.Context, who Identity, id feed.PriceListID, version int64) error {
	if err := allow(who, WritePrices); err != nil {
		return err
	}
	return s.db.DeletePriceList(ctx, who.Actor, who.Merchant, id, version)
}

// ListPrices gives prices of a list after a key, in the order of products and
// codes; the zero key begins.
func (s *Service) ListPrices(ctx context.Context, who Identity, id feed.PriceListID, after partner.PriceKey, limit int) ([]partner.ListPrice, error) {
	if err := allow(who, ReadPrices); err != nil {
		return nil, err
	}
	return s.db.ListPrices(ctx, who.Merchant, id, after, page(limit))
}

// terms are what the merchant's records say of prices now.
func (s *Service) terms(ctx context.Context, merchant partner.MerchantID) (feed.Terms, error) {
	rates, err := s.db.Rates(ctx, merchant)
	if err != nil {
		return feed.Terms{}, err
	}
	lists, err := s.db.PriceLists(ctx, merchant)
	return feed.Terms{Rates: partner.RatesOf(rates), Lists: partner.HeadsOf(lists)}, err
}

// join adds to a product what some price lists say of it.
func (s *Service) join(ctx context.Context, merchant partner.MerchantID, p *feed.Product, lists []feed.PriceListID) error {
	p.Listed = p.Listed[:0]
	if len(lists) == 0 {
		return nil
	}
	rows, err := s.db.ListedOf(ctx, merchant, lists, []feed.ProductID{p.ID})
	for _, r := range rows {
		p.Listed = append(p.Listed, r.ListedPrice)
	}
	slices.SortFunc(p.Listed, partner.CompareListed)
	return err
}
