package manage

import (
	"cmp"
	"context"
	"slices"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// PublishedFeed is the current generation of a feed, and the offers that are
// made from it.
type PublishedFeed struct {
	publish.Generation
	Offers []partner.OfferID
}

// Generations gives the current generation of each feed that an offer is made
// from, by number. An offer of which nothing has been published has none.
func (s *Service) Generations(ctx context.Context, who Identity) ([]PublishedFeed, error) {
	if err := allow(who, ReadLedger); err != nil {
		return nil, err
	}
	offers, err := s.db.Offers(ctx, who.Merchant, "")
	if err != nil {
		return nil, err
	}
	var refs []publish.FeedRef
	of := map[publish.FeedRef][]partner.OfferID{}
	for i := range offers {
		o := &offers[i]
		for _, ref := range []publish.FeedRef{
			{Merchant: string(who.Merchant), Kind: feed.KindFull, Key: o.Profile.FullKey()},
			{Merchant: string(who.Merchant), Kind: feed.KindLight, Key: o.Profile.LightKey()},
		} {
			if of[ref] == nil {
				refs = append(refs, ref)
			}
			of[ref] = append(of[ref], o.ID)
		}
	}
	var list []PublishedFeed
	for _, ref := range refs {
		g, ok, err := s.db.Current(ctx, ref)
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, PublishedFeed{g, of[ref]})
		}
	}
	slices.SortFunc(list, func(a, b PublishedFeed) int { return cmp.Compare(a.Number, b.Number) })
	return list, nil
}
