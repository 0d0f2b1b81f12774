package manage

import (
	"context"
	"errors"

	"feedmill/feed"
	"feedmill/feed/pricing"
	"feedmill/internal/partner"
)

// Bounds of what [Service.Unmatched] reads: a page waits for it.
const (
	unmatchedLookups  = 500
	unmatchedProducts = 20_000
)

// Unmatched tells what offers name that the catalog does not have, as it stands
// now. Of a large catalog only a part is read, and then tags and languages are
// not told of; the next run over all of it tells of these too. Offers in which
// all is right are not in what it gives.
func (s *Service) Unmatched(ctx context.Context, who Identity, offers []partner.Offer) (found map[partner.OfferID][]pricing.Unmatched, err error) {
	for _, do := range []Action{ReadAccounts, ReadProducts} {
		if err := allow(who, do); err != nil {
			return nil, err
		}
	}
	var profiles []feed.Profile
	for i := range offers {
		profiles = append(profiles, offers[i].Profile)
	}
	// Most profiles name nothing, and then nothing is read.
	if !pricing.NewWatch(profiles, feed.NewIndex(&feed.Dictionaries{})).Left() {
		return nil, nil
	}
	m, err := s.db.Merchant(ctx, who.Merchant)
	if err != nil {
		return nil, err
	}
	index, err := dictionaryIndex(ctx, merchantDictionaries{s, who.Merchant})
	if err != nil {
		return nil, err
	}
	watch := pricing.NewWatch(profiles, index, m.Language)
	if err := s.lookUpNames(ctx, who, watch); err != nil {
		return nil, err
	}
	all := true
	if watch.Left() {
		if all, err = s.lookThrough(ctx, who, watch); err != nil {
			return nil, err
		}
	}
	found = map[partner.OfferID][]pricing.Unmatched{}
	for i := range offers {
		for _, u := range watch.Unmatched(&offers[i].Profile) {
			if all || u.Kind != pricing.NameTag && u.Kind != pricing.NameLanguage {
				found[offers[i].ID] = append(found[offers[i].ID], u)
			}
		}
	}
	return found, nil
}

// lookUpNames shows the watch the products that it may be waiting for: those of
// the codes and ids that profiles name.
func (s *Service) lookUpNames(ctx context.Context, who Identity, watch *pricing.Watch) error {
	var names []string
	for name := range watch.Names(pricing.NameProduct) {
		if names = append(names, name); len(names) == unmatchedLookups {
			break
		}
	}
	for _, name := range names {
		id, err := s.asked(ctx, who, Question{Code: name})
		if err == nil {
			var p *feed.Product
			if p, err = s.product(ctx, who, id); err == nil {
				watch.Look(p)
			}
		}
		// A code that several products have is theirs in the pass below.
		if kind := feed.KindOf(err); err != nil && kind != feed.KindNotFound && kind != feed.KindConflict && kind != feed.KindInvalid {
			return err
		}
	}
	return nil
}

// lookThrough shows the watch the catalog for as long as it misses something;
// all says that it has seen enough to be sure.
func (s *Service) lookThrough(ctx context.Context, who Identity, watch *pricing.Watch) (all bool, err error) {
	catalog, err := s.open(ctx, who.Merchant)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, catalog.Close()) }()
	n := 0
	for p, err := range partner.Priced(ctx, catalog.Products(ctx), nil, catalog, true) {
		if err != nil {
			return false, err
		}
		if watch.Look(p); !watch.Left() {
			return true, nil
		}
		if n++; n == unmatchedProducts {
			return false, nil
		}
	}
	return true, nil
}

// watchMoves makes a watch for what offers name after a change of theirs; a
// change of prices names nothing new.
func (s *Service) watchMoves(ctx context.Context, who Identity, moves []*move, index *feed.Index, change *PriceChange) (*pricing.Watch, error) {
	var profiles []feed.Profile
	if change == nil {
		for _, v := range moves {
			if v.after != nil {
				profiles = append(profiles, *v.after)
			}
		}
	}
	m, err := s.db.Merchant(ctx, who.Merchant)
	if err != nil {
		return nil, err
	}
	return pricing.NewWatch(profiles, index, m.Language), nil
}
