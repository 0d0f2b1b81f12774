package manage

import (
	"context"
	"slices"
	"strings"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// Selection says which partners an act is for: those named and those with the
// tag, all of them when All is set.
type Selection struct {
	Partners []partner.ID
	Tag      string
	All      bool
}

// PartnerChange is what an act does to each partner; nil leaves a thing as it is.
type PartnerChange struct {
	Feed, Orders *bool
	State        *partner.State
	// Schedule replaces what the feed switch will do by itself.
	Schedule           *partner.Schedule
	AddTags, DropTags  []string
	Discounts          *feed.Discounts
	Name, Email, Phone *string
	Notes              *string
	Language           *feed.Language
	Currency           *feed.Currency
	Wholesaler         *bool
}

// OfferChange is what an act does to each offer; nil leaves a thing as it is.
type OfferChange struct {
	Feed, Orders *bool
	Schedule     *partner.Schedule
	Name         *string
	Shop         *partner.ShopID
	Files        *partner.KindSet
	// PartnerDiscounts says whether the offer has the partner's discounts.
	PartnerDiscounts *bool
	// Profile replaces the profile as a whole; the others change one part of it.
	Profile    *feed.Profile
	Languages  *[]feed.Language
	Currency   *feed.Currency
	Rates      *[]feed.ExchangeRate
	Base       *feed.PriceBase
	Lead       *feed.PriceLead
	PriceList  *feed.PriceListID // "" for none, which also ends OnlyListed
	OnlyListed *bool
	Discounts  *feed.Discounts
	Assortment *feed.Assortment
	Stock      *feed.StockPolicy
	Dialect    *feed.Dialect
	CSV        *bool
	// InStockOnly changes that one rule of the assortment.
	InStockOnly *bool
}

// PlanPartners says what a change of the selected partners would store. Partners
// whom it would leave as they are stand not in it. Nothing is changed: give the
// result to [Service.Preview] and to [Service.Change].
func (s *Service) PlanPartners(ctx context.Context, who Identity, which Selection, do PartnerChange) (partner.Changeset, error) {
	var set partner.Changeset
	list, err := s.Partners(ctx, who)
	if err != nil {
		return set, err
	}
	chosen, err := choose(list, which)
	if err != nil {
		return set, err
	}
	for _, p := range chosen {
		before := p
		do.apply(&p, s)
		if !same(&before, &p) {
			set.Partners = append(set.Partners, p)
		}
	}
	return set, nil
}

// choose gives the selected partners of a list.
func choose(list []partner.Partner, which Selection) ([]partner.Partner, error) {
	var chosen []partner.Partner
	for _, p := range list {
		if which.All || slices.Contains(which.Partners, p.ID) || which.Tag != "" && slices.Contains(p.Tags, which.Tag) {
			chosen = append(chosen, p)
		}
	}
	for _, id := range which.Partners {
		if !slices.ContainsFunc(chosen, func(p partner.Partner) bool { return p.ID == id }) {
			return nil, feed.Errorf(feed.KindNotFound, "there is no partner %.40q", string(id))
		}
	}
	if len(chosen) == 0 && which.Tag != "" {
		return nil, feed.Errorf(feed.KindNotFound, "no partner has the tag %.60q", which.Tag)
	}
	return chosen, nil
}

func (do *PartnerChange) apply(p *partner.Partner, s *Service) {
	now := s.now()
	if do.Feed != nil && p.FeedOn(now) != *do.Feed {
		p.SwitchFeed(*do.Feed, now)
	}
	set(&p.OrdersEnabled, do.Orders)
	set(&p.State, do.State)
	set(&p.Schedule, do.Schedule)
	set(&p.Discounts, do.Discounts)
	set(&p.Name, do.Name)
	trim(&p.Name)
	set(&p.Email, do.Email)
	set(&p.Phone, do.Phone)
	set(&p.Notes, do.Notes)
	set(&p.Language, do.Language)
	set(&p.Currency, do.Currency)
	set(&p.Wholesaler, do.Wholesaler)
	if len(do.AddTags)+len(do.DropTags) > 0 {
		p.Tags = slices.Clone(p.Tags)
		for _, t := range do.AddTags {
			if !slices.Contains(p.Tags, t) {
				p.Tags = append(p.Tags, t)
			}
		}
		p.Tags = slices.DeleteFunc(p.Tags, func(t string) bool { return slices.Contains(do.DropTags, t) })
		if len(p.Tags) == 0 {
			p.Tags = nil
		}
	}
}

func set[T any](to *T, v *T) {
	if v != nil {
		*to = *v
	}
}

// same says whether the audit could tell no difference.
func same(a, b any) bool {
	before, _ := partner.Changed(partner.FactsOf(a), partner.FactsOf(b))
	return len(before) == 0
}

// PlanOffers says what a change of one offer, or of all offers of the selected
// partners, would store. Offers that it would leave as they are stand not in it.
func (s *Service) PlanOffers(ctx context.Context, who Identity, offers []partner.OfferID, which Selection, do OfferChange) (partner.Changeset, error) {
	var set partner.Changeset
	partners, err := s.Partners(ctx, who)
	if err != nil {
		return set, err
	}
	chosen, err := choose(partners, which)
	if err != nil {
		return set, err
	}
	all, err := s.db.Offers(ctx, who.Merchant, "")
	if err != nil {
		return set, err
	}
	for _, id := range offers {
		if !slices.ContainsFunc(all, func(o partner.Offer) bool { return o.ID == id }) {
			return set, feed.Errorf(feed.KindNotFound, "there is no offer %.40q", string(id))
		}
	}
	for _, o := range all {
		if !slices.Contains(offers, o.ID) && !slices.ContainsFunc(chosen, func(p partner.Partner) bool { return p.ID == o.Partner }) {
			continue
		}
		before := o
		do.apply(&o, s)
		// A whole profile means what it means for a new offer.
		if do.Profile != nil {
			if err := s.fill(ctx, who, &o.Profile, o.Partner); err != nil {
				return set, err
			}
		}
		if err := s.fillCurrency(ctx, who, &o); err != nil {
			return set, err
		}
		i := slices.IndexFunc(partners, func(p partner.Partner) bool { return p.ID == o.Partner })
		if o.PartnerDiscounts && i >= 0 {
			o.Profile.Discounts = partners[i].Discounts
		}
		if !same(&before, &o) {
			set.Offers = append(set.Offers, o)
		}
	}
	return set, nil
}

func (do *OfferChange) apply(o *partner.Offer, s *Service) {
	now := s.now()
	if do.Feed != nil && o.FeedOn(now) != *do.Feed {
		o.SwitchFeed(*do.Feed, now)
	}
	set(&o.OrdersEnabled, do.Orders)
	set(&o.Schedule, do.Schedule)
	set(&o.Name, do.Name)
	trim(&o.Name)
	set(&o.Shop, do.Shop)
	set(&o.Files, do.Files)
	p := &o.Profile
	set(p, do.Profile)
	set(&p.Languages, do.Languages)
	set(&p.Currency, do.Currency)
	set(&p.Rates, do.Rates)
	set(&p.Base, do.Base)
	set(&p.Lead, do.Lead)
	set(&p.PriceList, do.PriceList)
	set(&p.OnlyListed, do.OnlyListed)
	if do.PriceList != nil && *do.PriceList == "" && do.OnlyListed == nil {
		p.OnlyListed = false
	}
	set(&p.Assortment, do.Assortment)
	set(&p.Stock, do.Stock)
	set(&p.Dialect, do.Dialect)
	set(&p.CSV, do.CSV)
	set(&p.Assortment.InStockOnly, do.InStockOnly)
	if do.Discounts != nil {
		// Discounts of its own are what is asked for.
		p.Discounts, o.PartnerDiscounts = *do.Discounts, false
	}
	set(&o.PartnerDiscounts, do.PartnerDiscounts)
}

// Tags gives the words that partners are tagged with and how many each has, by word.
func (s *Service) Tags(ctx context.Context, who Identity) (map[string]int, error) {
	list, err := s.Partners(ctx, who)
	tags := map[string]int{}
	for _, p := range list {
		for _, t := range p.Tags {
			tags[strings.TrimSpace(t)]++
		}
	}
	return tags, err
}
