package manage

import (
	"context"
	"errors"
	"strconv"

	"feedmill/feed"
	"feedmill/feed/pricing"
	"feedmill/internal/partner"
)

// unmatchedLookups is how many codes and ids [Service.Unmatched] looks up one by one.
const unmatchedLookups = 500

// Names tells of what offers name. Offers in which all is right are in neither map.
type Names struct {
	// Missing is what the catalog does not have.
	Missing map[partner.OfferID][]pricing.Unmatched
	// Unsure is what the part of the catalog that was read does not have, where
	// nothing but all of it can tell: tags, languages, and codes when there are many.
	Unsure map[partner.OfferID][]pricing.Unmatched
}

// Unmatched tells what offers name that the catalog does not have, as it stands
// now. It reads at most most products, 0 for all of them.
func (s *Service) Unmatched(ctx context.Context, who Identity, offers []partner.Offer, most int) (found Names, err error) {
	for _, do := range []Action{ReadAccounts, ReadProducts} {
		if err := allow(who, do); err != nil {
			return found, err
		}
	}
	var profiles []feed.Profile
	for i := range offers {
		profiles = append(profiles, offers[i].Profile)
	}
	// Most profiles name nothing, and then nothing is read.
	if !pricing.NewWatch(profiles, feed.NewIndex(&feed.Dictionaries{})).Left() {
		return found, nil
	}
	m, err := s.db.Merchant(ctx, who.Merchant)
	if err != nil {
		return found, err
	}
	index, err := dictionaryIndex(ctx, merchantDictionaries{s, who.Merchant})
	if err != nil {
		return found, err
	}
	watch := pricing.NewWatch(profiles, index, m.Language)
	looked, err := s.lookUpNames(ctx, who, watch)
	if err != nil {
		return found, err
	}
	all := true
	if watch.Left() {
		if all, err = s.lookThrough(ctx, who, watch, most); err != nil {
			return found, err
		}
	}
	found.Missing, found.Unsure = map[partner.OfferID][]pricing.Unmatched{}, map[partner.OfferID][]pricing.Unmatched{}
	for i := range offers {
		for _, u := range watch.Unmatched(&offers[i].Profile) {
			to := found.Missing
			if !all && (u.Kind == pricing.NameTag || u.Kind == pricing.NameLanguage || u.Kind == pricing.NameProduct && !looked[u.Name]) {
				to = found.Unsure
			}
			to[offers[i].ID] = append(to[offers[i].ID], u)
		}
	}
	return found, nil
}

// lookUpNames shows the watch the products that it may be waiting for: those of
// the codes and ids that profiles name. looked are those that it has looked up.
func (s *Service) lookUpNames(ctx context.Context, who Identity, watch *pricing.Watch) (looked map[string]bool, err error) {
	looked = map[string]bool{}
	for name := range watch.Names(pricing.NameProduct) {
		if looked[name] = true; len(looked) == unmatchedLookups {
			break
		}
	}
	for name := range looked {
		ids, err := s.db.ProductsByCode(ctx, who.Merchant, name)
		if err != nil {
			return nil, err
		}
		ids = ids[:min(len(ids), 2)] // one that has the code is enough
		if n, err := strconv.ParseInt(name, 10, 64); err == nil && n > 0 && n <= feed.MaxProductID {
			ids = append(ids, feed.ProductID(n))
		}
		for _, id := range ids {
			p, err := s.product(ctx, who, id)
			if feed.KindOf(err) == feed.KindNotFound {
				continue
			}
			if err != nil {
				return nil, err
			}
			watch.Look(p)
		}
	}
	return looked, nil
}

// lookThrough shows the watch the catalog for as long as it misses something, at
// most most products, 0 for all; all says that it has seen enough to be sure.
func (s *Service) lookThrough(ctx context.Context, who Identity, watch *pricing.Watch, most int) (all bool, err error) {
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
		if n++; most > 0 && n > most {
			return false, nil
		}
		if watch.Look(p); !watch.Left() {
			return true, nil
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
