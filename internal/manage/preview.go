package manage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"feedmill/feed"
	"feedmill/feed/pricing"
	"feedmill/feed/record"
	"feedmill/internal/partner"
)

// Preview is what a changeset would do to what partners receive.
type Preview struct {
	// At is the moment that it is told for: schedules are read as they stand then.
	At time.Time
	// Products counts the catalog.
	Products int64
	// Offers are those whose recipient would see a difference, by partner and
	// name; Unseen counts those that would be changed without one.
	Offers []OfferPreview
	Unseen int
}

// OfferPreview is what one offer's recipient gains and loses. An offer that may
// not be read has no products.
type OfferPreview struct {
	Offer       partner.OfferID
	OfferName   string
	Partner     partner.ID
	PartnerName string
	// ReadBefore and ReadAfter say whether switches let the offer be read.
	ReadBefore, ReadAfter bool
	// Before and After count its products.
	Before, After int64
	// Gained and Lost count products; of those that stay, Dearer and Cheaper
	// count by the partner's price, Repriced those whose price is in another
	// currency, Restocked those of which another stock is shown.
	Gained, Lost, Dearer, Cheaper, Repriced, Restocked int64
	// The examples are the first few of each sort.
	GainedExamples, LostExamples, PriceExamples []PreviewExample
	// Settings says that something else changes that the files show, such as
	// languages, dialect or which files there are.
	Settings bool
	// Schedule is what the feed switch will do by itself after the change.
	Schedule partner.Schedule
	// Unmatched is what the profile names, after the change, that the catalog does
	// not have.
	Unmatched []pricing.Unmatched
}

// PreviewExample is one product of a preview. Prices are the partner's net
// prices of the product with their currency, "" where he does not see it.
type PreviewExample struct {
	Product       feed.ProductID
	Name          string
	Before, After string
}

// previewExamples is how many products of each sort a preview names.
const previewExamples = 5

// Preview says what [Service.Change] with the same changeset would do to what
// partners receive, now. It prices the catalog once for every different pair of
// profiles and changes nothing.
func (s *Service) Preview(ctx context.Context, who Identity, set partner.Changeset) (p Preview, err error) {
	if err := allow(who, ReadAccounts); err != nil {
		return p, err
	}
	if err := allow(who, ReadProducts); err != nil {
		return p, err
	}
	p.At = s.now()
	m, err := s.db.Merchant(ctx, who.Merchant)
	if err != nil {
		return p, err
	}
	moves, unseen, err := s.moves(ctx, who, &m, set, p.At)
	if err != nil {
		return p, err
	}
	p.Unseen = unseen
	if err := s.compare(ctx, who, moves, nil, &p); err != nil {
		return p, err
	}
	for _, v := range moves {
		p.Offers = append(p.Offers, v.OfferPreview)
	}
	p.sort()
	return p, nil
}

func (p *Preview) sort() {
	slices.SortFunc(p.Offers, func(a, b OfferPreview) int {
		return cmp.Or(cmp.Compare(a.PartnerName, b.PartnerName), cmp.Compare(a.OfferName, b.OfferName), cmp.Compare(a.Offer, b.Offer))
	})
}

// move is an offer whose recipient would see a difference.
type move struct {
	OfferPreview
	before, after *feed.Profile // nil where nothing may be read
}

// moves finds the offers that a changeset touches and puts aside those whose
// recipient would see no difference.
func (s *Service) moves(ctx context.Context, who Identity, m *partner.Merchant, set partner.Changeset, now time.Time) (list []*move, unseen int, err error) {
	partners, err := s.db.Partners(ctx, who.Merchant)
	if err != nil {
		return nil, 0, err
	}
	offers, err := s.db.Offers(ctx, who.Merchant, "")
	if err != nil {
		return nil, 0, err
	}
	for _, p := range set.Partners {
		if !slices.ContainsFunc(partners, func(o partner.Partner) bool { return o.ID == p.ID }) {
			return nil, 0, feed.Errorf(feed.KindNotFound, "there is no partner %.40q", string(p.ID))
		}
	}
	for _, o := range set.Offers {
		if !slices.ContainsFunc(offers, func(x partner.Offer) bool { return x.ID == o.ID }) {
			return nil, 0, feed.Errorf(feed.KindNotFound, "there is no offer %.40q", string(o.ID))
		}
	}
	for i := range offers {
		o := &offers[i]
		at := slices.IndexFunc(partners, func(p partner.Partner) bool { return p.ID == o.Partner })
		if at < 0 {
			continue
		}
		p := &partners[at]
		newP, newO := *p, *o
		touched := false
		if j := slices.IndexFunc(set.Partners, func(x partner.Partner) bool { return x.ID == p.ID }); j >= 0 {
			newP, touched = set.Partners[j], true
		}
		if j := slices.IndexFunc(set.Offers, func(x partner.Offer) bool { return x.ID == o.ID }); j >= 0 {
			newO, touched = set.Offers[j], true
		}
		if !touched {
			continue
		}
		if newO.PartnerDiscounts {
			newO.Profile.Discounts = newP.Discounts
		}
		v := &move{OfferPreview: OfferPreview{Offer: o.ID, OfferName: newO.Name, Partner: p.ID, PartnerName: newP.Name,
			ReadBefore: partner.Readable(m, p, o, now), ReadAfter: partner.Readable(m, &newP, &newO, now), Schedule: newO.Schedule}}
		if len(v.Schedule) == 0 {
			v.Schedule = newP.Schedule
		}
		if v.ReadBefore {
			v.before = &o.Profile
		}
		if v.ReadAfter {
			v.after = &newO.Profile
		}
		v.Settings = v.ReadBefore && v.ReadAfter && (settingsDiffer(o, &newO))
		timed := !reflect.DeepEqual(o.Schedule, newO.Schedule) || !reflect.DeepEqual(p.Schedule, newP.Schedule)
		if v.ReadBefore == v.ReadAfter && !timed && (!v.ReadBefore || reflect.DeepEqual(o.Profile, newO.Profile) && o.Files == newO.Files) {
			unseen++
			continue
		}
		list = append(list, v)
	}
	return list, unseen, nil
}

// settingsDiffer says whether the files differ by more than prices, assortment
// and stock, which are compared product by product.
func settingsDiffer(a, b *partner.Offer) bool {
	x, y := a.Profile, b.Profile
	for _, p := range []*feed.Profile{&x, &y} {
		p.Currency, p.Rates, p.Base, p.Discounts, p.Assortment, p.Stock = feed.Currency{}, nil, 0, feed.Discounts{}, feed.Assortment{}, feed.StockPolicy{}
		p.PriceList, p.OnlyListed = "", false
	}
	return a.Files != b.Files || a.Shop != b.Shop || !reflect.DeepEqual(x, y)
}

// pair is one pass's work: what two profiles show of a product.
type pair struct {
	before, after *pricing.Rules
	was, is       feed.Item
	moves         []*move
}

// compare prices the catalog for all moves at once; change, when set, is what
// the terms and price lists become.
func (s *Service) compare(ctx context.Context, who Identity, moves []*move, change *PriceChange, p *Preview) (err error) {
	if len(moves) == 0 {
		return nil
	}
	catalog, err := s.open(ctx, who.Merchant)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, catalog.Close()) }()
	index, err := dictionaryIndex(ctx, catalog)
	if err != nil {
		return err
	}
	before, err := catalog.Terms(ctx)
	if err != nil {
		return err
	}
	pairs, err := pairsOf(moves, index, &before, change.terms(&before))
	if err != nil {
		return err
	}
	watch, err := s.watchMoves(ctx, who, moves, index, change)
	if err != nil {
		return err
	}
	var after feed.Product // as the change leaves it
	for product, err := range watch.Over(partner.Priced(ctx, catalog.Products(ctx), listsOf(moves), catalog, true)) {
		if err != nil {
			return err
		}
		p.Products++
		then := product
		if change != nil && change.List != "" {
			after = *product
			after.Listed = change.changes.Apply(change.List, product.ID, product.Listed)
			then = &after
		}
		for _, w := range pairs {
			w.look(product, then)
		}
	}
	for _, v := range moves {
		if v.after != nil && change == nil {
			v.Unmatched = watch.Unmatched(v.after)
		}
	}
	return nil
}

// listsOf names the price lists that moves look at.
func listsOf(moves []*move) []feed.PriceListID {
	var profiles []feed.Profile
	for _, v := range moves {
		for _, p := range []*feed.Profile{v.before, v.after} {
			if p != nil {
				profiles = append(profiles, feed.Profile{PriceList: p.PriceList})
			}
		}
	}
	return partner.ListsOf(profiles)
}

func dictionaryIndex(ctx context.Context, catalog interface {
	Dictionaries(ctx context.Context) (partner.Document, error)
}) (*feed.Index, error) {
	doc, err := catalog.Dictionaries(ctx)
	if err != nil {
		return nil, err
	}
	dicts := &feed.Dictionaries{}
	if doc.Version > 0 {
		if err := record.DecodeDictionaries(doc.Doc, dicts); err != nil {
			return nil, fmt.Errorf("read dictionaries: %w", err)
		}
	}
	return feed.NewIndex(dicts), nil
}

// pairsOf puts moves together that need the same comparison.
func pairsOf(moves []*move, index *feed.Index, before, after *feed.Terms) ([]*pair, error) {
	type key struct{ before, after string }
	found := map[key]*pair{}
	var pairs []*pair
	for _, v := range moves {
		var k key
		for _, f := range []struct {
			profile *feed.Profile
			to      *string
		}{{v.before, &k.before}, {v.after, &k.after}} {
			if f.profile == nil {
				continue
			}
			b, err := partner.EncodeProfile(f.profile)
			if err != nil {
				return nil, err
			}
			*f.to = string(b)
		}
		w := found[k]
		if w == nil {
			w = &pair{}
			for _, f := range []struct {
				profile *feed.Profile
				terms   *feed.Terms
				to      **pricing.Rules
			}{{v.before, before, &w.before}, {v.after, after, &w.after}} {
				if f.profile == nil {
					continue
				}
				rules, err := pricing.Compile(f.profile, index, f.terms)
				if err != nil {
					return nil, err
				}
				*f.to = rules
			}
			found[k] = w
			pairs = append(pairs, w)
		}
		w.moves = append(w.moves, v)
	}
	return pairs, nil
}

// look compares what is shown of one product; then is the product as it will be.
func (w *pair) look(p, then *feed.Product) {
	was := w.before != nil && w.before.Apply(&w.was, p).Included
	is := w.after != nil && w.after.Apply(&w.is, then).Included
	for _, v := range w.moves {
		if was {
			v.Before++
		}
		if is {
			v.After++
		}
		switch {
		case was && !is:
			v.Lost++
			v.LostExamples = w.example(v.LostExamples, p, was, is)
		case is && !was:
			v.Gained++
			v.GainedExamples = w.example(v.GainedExamples, p, was, is)
		case is && was:
			if w.priceMoved(v) {
				v.PriceExamples = w.example(v.PriceExamples, p, was, is)
			}
			if !sameStock(&w.was, &w.is) {
				v.Restocked++
			}
		}
	}
}

// priceMoved counts a product whose partner's price, or that of one of its
// sizes, is another one. The product's own price decides the direction, else
// that of the first size that differs.
func (w *pair) priceMoved(v *move) bool {
	a, b := &w.was, &w.is
	if a.Currency != b.Currency {
		v.Repriced++
		return true
	}
	old, now := a.Light.Price, b.Light.Price
	for i := 0; old == now && i < len(a.Sizes) && i < len(b.Sizes); i++ {
		old, now = a.Sizes[i].Light.Price, b.Sizes[i].Light.Price
	}
	if old == now {
		return false
	}
	if cmp.Or(cmp.Compare(old.Net.Minor(), now.Net.Minor()), cmp.Compare(old.Gross.Minor(), now.Gross.Minor())) < 0 {
		v.Dearer++
	} else {
		v.Cheaper++
	}
	return true
}

func sameStock(a, b *feed.Item) bool {
	return slices.EqualFunc(a.Sizes, b.Sizes, func(x, y feed.ItemSize) bool { return slices.Equal(x.Stock, y.Stock) })
}

func (w *pair) example(list []PreviewExample, p *feed.Product, was, is bool) []PreviewExample {
	if len(list) == previewExamples {
		return list
	}
	e := PreviewExample{Product: p.ID, Name: clone(nameOf(p))}
	if was {
		e.Before = netText(&w.was)
	}
	if is {
		e.After = netText(&w.is)
	}
	return append(list, e)
}

func netText(it *feed.Item) string {
	return it.Light.Price.Net.Text(it.Currency) + " " + it.Currency.String()
}

// nameOf gives a name by which people know a product.
func nameOf(p *feed.Product) string {
	for _, t := range p.Names {
		if t.Value != "" {
			return t.Value
		}
	}
	if p.DisplayCode != "" {
		return p.DisplayCode
	}
	return strconv.FormatInt(int64(p.ID), 10)
}

// clone keeps a text whose memory the next product uses again.
func clone(s string) string { return string([]byte(s)) }
