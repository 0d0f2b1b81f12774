package manage

import (
	"context"

	"feedmill/feed"
	"feedmill/feed/pricing"
	"feedmill/internal/partner"
)

// Shown is what the recipient of one offer sees of a product as the catalog
// stands now.
type Shown struct {
	Offer   partner.Offer
	Partner string
	// ClosedBy are the switches that keep him from reading the offer now.
	ClosedBy []partner.Refusal
	// Included says whether the product is in, and Reason what keeps it out.
	Included bool
	Reason   pricing.Reason
	Currency feed.Currency
	// List is what full files show, Price what light ones do; zero when it is out.
	List, Price feed.Price
	// Stock is the sum that is shown over sizes and warehouses.
	Stock feed.Quantity
}

// ShownTo says what the recipients of some offers see of a product: up to limit
// after the first from, in the order of the partners' names; total counts all.
// Of partners only those are taken in whose names named is found (see [Sought]).
func (s *Service) ShownTo(ctx context.Context, who Identity, id feed.ProductID, named string, from, limit int) (list []Shown, total int, err error) {
	for _, do := range []Action{ReadAccounts, ReadProducts} {
		if err := allow(who, do); err != nil {
			return nil, 0, err
		}
	}
	p, err := s.product(ctx, who, id)
	if err != nil {
		return nil, 0, err
	}
	m, err := s.db.Merchant(ctx, who.Merchant)
	if err != nil {
		return nil, 0, err
	}
	partners, err := s.db.Partners(ctx, who.Merchant)
	if err != nil {
		return nil, 0, err
	}
	offers, err := s.db.Offers(ctx, who.Merchant, "")
	if err != nil {
		return nil, 0, err
	}
	index, err := dictionaryIndex(ctx, merchantDictionaries{s, who.Merchant})
	if err != nil {
		return nil, 0, err
	}
	terms, err := s.terms(ctx, who.Merchant)
	if err != nil {
		return nil, 0, err
	}
	profiles := make([]feed.Profile, len(offers))
	for i := range offers {
		profiles[i] = offers[i].Profile
	}
	if err := s.join(ctx, who.Merchant, p, partner.ListsOf(profiles)); err != nil {
		return nil, 0, err
	}
	SortByName(partners, func(p *partner.Partner) string { return p.Name })
	wanted := NewSought(named)
	of := map[partner.ID][]int{}
	for i := range offers {
		of[offers[i].Partner] = append(of[offers[i].Partner], i)
	}
	rules := map[string]*pricing.Rules{}
	limit = page(limit)
	for i := range partners {
		if !wanted.In(partners[i].Name) {
			continue
		}
		for _, n := range of[partners[i].ID] {
			if total++; total <= from || len(list) == limit {
				continue
			}
			one, err := shownTo(&m, &partners[i], &offers[n], p, index, &terms, rules)
			if err != nil {
				return nil, 0, err
			}
			one.ClosedBy = partner.ClosedBy(&m, &partners[i], &offers[n], s.now())
			list = append(list, one)
		}
	}
	return list, total, nil
}

func shownTo(m *partner.Merchant, to *partner.Partner, o *partner.Offer, p *feed.Product, index *feed.Index, terms *feed.Terms, rules map[string]*pricing.Rules) (Shown, error) {
	shown := Shown{Offer: *o, Partner: to.Name, Currency: o.Profile.Currency}
	if shown.Currency.IsZero() {
		shown.Currency = p.Currency
	}
	key := o.Profile.LightKey()
	if rules[key] == nil {
		r, err := pricing.Compile(&o.Profile, index, terms)
		if err != nil {
			return shown, err
		}
		rules[key] = r
	}
	var item feed.Item
	v := rules[key].Apply(&item, p)
	if shown.Included, shown.Reason = v.Included, v.Reason; !v.Included {
		return shown, nil
	}
	shown.List, shown.Price = item.Full.Price, item.Light.Price
	var stocks []feed.Quantity
	for i := range item.Sizes {
		for j := range item.Sizes[i].Stock {
			stocks = append(stocks, item.Sizes[i].Stock[j].Quantity)
		}
	}
	shown.Stock = sumOf(stocks)
	return shown, nil
}

// sumOf adds quantities; one without limit makes the sum so.
func sumOf(list []feed.Quantity) feed.Quantity {
	var sum int64
	for _, q := range list {
		if q.Unlimited() {
			return q
		}
		sum += max(q.Thousandths(), 0)
	}
	q, err := feed.QuantityOf(sum)
	if err != nil {
		return feed.Unlimited() // more than can be written
	}
	return q
}
