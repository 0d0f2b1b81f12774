package records

import (
	"context"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// Snapshot is what one state of a database tells of a merchant's records.
type Snapshot struct {
	merchant partner.MerchantID
	use      func(ctx context.Context, what string, fn func(ctx context.Context, t *Tx) error) error
}

// NewSnapshot gives what is told by the transaction that use lends for as long
// as fn runs.
func NewSnapshot(merchant partner.MerchantID, use func(ctx context.Context, what string, fn func(ctx context.Context, t *Tx) error) error) *Snapshot {
	return &Snapshot{merchant, use}
}

// Dictionaries gives the document of the merchant's dictionaries.
func (s *Snapshot) Dictionaries(ctx context.Context) (doc partner.Document, err error) {
	err = s.use(ctx, "read dictionaries", func(ctx context.Context, t *Tx) error {
		doc, err = t.dictionaries(ctx, sqlDictionary, s.merchant)
		return err
	})
	return doc, err
}

// Partners gives the merchant's partners.
func (s *Snapshot) Partners(ctx context.Context) (list []partner.Partner, err error) {
	err = s.use(ctx, "list partners", func(ctx context.Context, t *Tx) error {
		list, err = t.partners(ctx, sqlPartners, s.merchant)
		return err
	})
	return list, err
}

// Offers gives the merchant's offers.
func (s *Snapshot) Offers(ctx context.Context) (list []partner.Offer, err error) {
	err = s.use(ctx, "list offers", func(ctx context.Context, t *Tx) error {
		list, err = t.offers(ctx, sqlOffers, s.merchant)
		return err
	})
	return list, err
}

// ListedBetween gives what price lists say of the products of a stretch of ids,
// both ends included, in no order.
func (s *Snapshot) ListedBetween(ctx context.Context, lists []feed.PriceListID, from, to feed.ProductID) (list []partner.ListedAt, err error) {
	err = s.use(ctx, "read listed prices", func(ctx context.Context, t *Tx) error {
		list, err = t.listed(ctx, sqlListedBetween, s.merchant, t.list(lists), from, to)
		return err
	})
	return list, err
}

// ListedOf gives what price lists say of some products, in no order.
func (s *Snapshot) ListedOf(ctx context.Context, lists []feed.PriceListID, products []feed.ProductID) (list []partner.ListedAt, err error) {
	err = s.use(ctx, "read listed prices", func(ctx context.Context, t *Tx) error {
		list, err = t.listedOf(ctx, s.merchant, lists, products)
		return err
	})
	return list, err
}

// Terms gives the merchant's exchange rates and the heads of his price lists.
func (s *Snapshot) Terms(ctx context.Context) (terms feed.Terms, err error) {
	err = s.use(ctx, "read rates and price lists", func(ctx context.Context, t *Tx) error {
		rates, err := t.rates(ctx, s.merchant)
		if err != nil {
			return err
		}
		lists, err := t.priceLists(ctx, sqlPriceLists, s.merchant)
		terms = feed.Terms{Rates: partner.RatesOf(rates), Lists: partner.HeadsOf(lists)}
		return err
	})
	return terms, err
}
