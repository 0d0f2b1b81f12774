package manage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// Merchant gives the caller's merchant.
func (s *Service) Merchant(ctx context.Context, who Identity) (partner.Merchant, error) {
	if err := allow(who, ReadAccounts); err != nil {
		return partner.Merchant{}, err
	}
	return s.db.Merchant(ctx, who.Merchant)
}

// UpdateMerchant changes everything of the caller's merchant but the switch of
// all sharing. m.ID is taken from the caller.
func (s *Service) UpdateMerchant(ctx context.Context, who Identity, m partner.Merchant) (partner.Merchant, error) {
	if err := allow(who, WriteMerchant); err != nil {
		return partner.Merchant{}, err
	}
	m.ID = who.Merchant
	trim(&m.Name)
	for _, address := range []*string{&m.BaseURL, &m.Supplier.Website, &m.Supplier.LogoURL} {
		trim(address)
		*address = feed.LowerScheme(*address)
	}
	m.BaseURL = feed.LowerAddress(m.BaseURL)
	return s.db.UpdateMerchant(ctx, who.Actor, m)
}

// trim takes the blanks around a name or an address away: nobody sees them, and
// they would make another name of it.
func trim(s *string) { *s = strings.TrimSpace(*s) }

// SetSharing moves the switch of all sharing.
func (s *Service) SetSharing(ctx context.Context, who Identity, on bool, version int64) (partner.Merchant, error) {
	if err := allow(who, WriteMerchant); err != nil {
		return partner.Merchant{}, err
	}
	return s.db.SetSharing(ctx, who.Actor, who.Merchant, on, version)
}

// Shops gives the shops, in the order of their numbers.
func (s *Service) Shops(ctx context.Context, who Identity) ([]partner.Shop, error) {
	if err := allow(who, ReadAccounts); err != nil {
		return nil, err
	}
	return s.db.Shops(ctx, who.Merchant)
}

// CreateShop adds a shop; ID and Version are given to it.
func (s *Service) CreateShop(ctx context.Context, who Identity, shop partner.Shop) (partner.Shop, error) {
	if err := allow(who, WriteMerchant); err != nil {
		return partner.Shop{}, err
	}
	trim(&shop.Name)
	shop.ID, shop.Merchant, shop.Version = partner.NewShopID(), who.Merchant, 1
	if err := s.shopNumberIsFree(ctx, &shop, true); err != nil {
		return partner.Shop{}, err
	}
	return shop, s.db.CreateShop(ctx, who.Actor, shop)
}

// UpdateShop changes a shop's name and number.
func (s *Service) UpdateShop(ctx context.Context, who Identity, shop partner.Shop) (partner.Shop, error) {
	if err := allow(who, WriteMerchant); err != nil {
		return partner.Shop{}, err
	}
	trim(&shop.Name)
	shop.Merchant = who.Merchant
	if err := s.shopNumberIsFree(ctx, &shop, false); err != nil {
		return partner.Shop{}, err
	}
	return s.db.UpdateShop(ctx, who.Actor, shop)
}

// shopNumberIsFree names the shop that has the number already.
func (s *Service) shopNumberIsFree(ctx context.Context, shop *partner.Shop, fresh bool) error {
	list, err := s.db.Shops(ctx, shop.Merchant)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(l partner.Shop) bool { return l.Number == shop.Number })
	if i < 0 || list[i].ID == shop.ID || !fresh && !slices.ContainsFunc(list, func(l partner.Shop) bool { return l.ID == shop.ID }) {
		return nil // one that is not there is refused for that
	}
	return partner.Taken(feed.Errorf(feed.KindConflict, "there is a shop with the number %d already: %q", shop.Number, list[i].Name))
}

// DeleteShop removes a shop that no offer is for.
func (s *Service) DeleteShop(ctx context.Context, who Identity, id partner.ShopID) error {
	if err := allow(who, WriteMerchant); err != nil {
		return err
	}
	offers, err := s.db.Offers(ctx, who.Merchant, "")
	if err != nil {
		return err
	}
	for i := range offers {
		if offers[i].Shop == id {
			return &feed.Error{Kind: feed.KindConflict, Message: fmt.Sprintf("offer %s (%.80q) is for the shop", offers[i].ID, offers[i].Name), Hint: "delete the shop's offers first, or give them to another shop"}
		}
	}
	return s.db.DeleteShop(ctx, who.Actor, who.Merchant, id)
}

// Partners gives the partners by name. What their schedules have done by now is
// written down first.
func (s *Service) Partners(ctx context.Context, who Identity) ([]partner.Partner, error) {
	if err := allow(who, ReadAccounts); err != nil {
		return nil, err
	}
	if err := s.settle(ctx, who); err != nil {
		return nil, err
	}
	list, err := s.db.Partners(ctx, who.Merchant)
	SortByName(list, func(p *partner.Partner) string { return p.Name })
	return list, err
}

// settle writes down what schedules have done. Whoever only looks must be able
// to look also where nothing can be written.
func (s *Service) settle(ctx context.Context, who Identity) error {
	_, err := s.db.ApplySchedules(ctx, who.Merchant)
	if feed.KindOf(err) == feed.KindForbidden {
		return nil // decisions consider schedules themselves
	}
	return err
}

// Partner finds a partner by his id or by his name, in whatever case.
func (s *Service) Partner(ctx context.Context, who Identity, name string) (partner.Partner, error) {
	if err := allow(who, ReadAccounts); err != nil {
		return partner.Partner{}, err
	}
	if id := partner.ID(name); id.Valid() {
		return s.db.Partner(ctx, who.Merchant, id)
	}
	list, err := s.db.Partners(ctx, who.Merchant)
	if err != nil {
		return partner.Partner{}, err
	}
	return pick(list, "partner", name, func(p *partner.Partner) (string, string) { return string(p.ID), p.Name })
}

// pick finds the one thing of a list that has a name.
func pick[T any](list []T, what, name string, of func(*T) (id, name string)) (found T, err error) {
	n := 0
	for i := range list {
		id, called := of(&list[i])
		if id == name {
			return list[i], nil
		}
		if strings.EqualFold(called, name) {
			found, n = list[i], n+1
		}
	}
	switch n {
	case 1:
		return found, nil
	case 0:
		return found, &feed.Error{Kind: feed.KindNotFound, Message: fmt.Sprintf("there is no %s %.80q", what, name), Hint: "look at the list of them"}
	}
	return found, &feed.Error{Kind: feed.KindConflict, Message: fmt.Sprintf("%d %ss are called %.80q", n, what, name), Hint: "name one by its id"}
}

// CreatePartner adds a partner; ID and Version are given to him. Two partners of
// one name are refused: people could not tell them apart.
func (s *Service) CreatePartner(ctx context.Context, who Identity, p partner.Partner) (partner.Partner, error) {
	if err := allow(who, WriteAccounts); err != nil {
		return partner.Partner{}, err
	}
	trim(&p.Name)
	if err := s.nameIsFree(ctx, who, "", p.Name); err != nil {
		return partner.Partner{}, err
	}
	p.ID, p.Merchant = partner.NewID(), who.Merchant
	return s.db.CreatePartner(ctx, who.Actor, p)
}

func (s *Service) nameIsFree(ctx context.Context, who Identity, but partner.ID, name string) error {
	list, err := s.db.Partners(ctx, who.Merchant)
	if err != nil {
		return err
	}
	for _, o := range list {
		if o.ID != but && strings.EqualFold(o.Name, name) {
			return partner.Taken(feed.Errorf(feed.KindConflict, "there is a partner %q already", o.Name))
		}
	}
	return nil
}

// UpdatePartner stores a partner as he is to be, switches and schedule included,
// in one act; p.Version names what it was made from. Offers with the partner's
// discounts get them in the same act.
func (s *Service) UpdatePartner(ctx context.Context, who Identity, p partner.Partner) (partner.Partner, error) {
	if err := allow(who, WriteAccounts); err != nil {
		return partner.Partner{}, err
	}
	trim(&p.Name)
	if err := s.nameIsFree(ctx, who, p.ID, p.Name); err != nil {
		return partner.Partner{}, err
	}
	done, err := s.Change(ctx, who, partner.Changeset{Partners: []partner.Partner{p}})
	if err != nil {
		return partner.Partner{}, err
	}
	return done.Partners[0], nil
}

// DeletePartner removes a partner who has no offers.
func (s *Service) DeletePartner(ctx context.Context, who Identity, id partner.ID, version int64) error {
	if err := allow(who, WriteAccounts); err != nil {
		return err
	}
	return s.db.DeletePartner(ctx, who.Actor, who.Merchant, id, version)
}

// Change stores accounts as they are to be, in one act or not at all.
func (s *Service) Change(ctx context.Context, who Identity, set partner.Changeset) (partner.Changeset, error) {
	if err := allow(who, WriteAccounts); err != nil {
		return partner.Changeset{}, err
	}
	if set.Empty() {
		return set, nil
	}
	set.Offers, set.Partners = slices.Clone(set.Offers), slices.Clone(set.Partners)
	for i := range set.Partners {
		trim(&set.Partners[i].Name)
	}
	for i := range set.Offers {
		trim(&set.Offers[i].Name)
		if err := s.fillCurrency(ctx, who, &set.Offers[i]); err != nil {
			return partner.Changeset{}, err
		}
	}
	return s.db.ChangeAll(ctx, who.Actor, who.Merchant, set)
}

// Offers gives the offers of a partner, of all partners when of is "".
func (s *Service) Offers(ctx context.Context, who Identity, of partner.ID) ([]partner.Offer, error) {
	if err := allow(who, ReadAccounts); err != nil {
		return nil, err
	}
	if err := s.settle(ctx, who); err != nil {
		return nil, err
	}
	return s.db.Offers(ctx, who.Merchant, of)
}

// Offer finds an offer by its id, or of a partner by its name; of may be "".
func (s *Service) Offer(ctx context.Context, who Identity, of partner.ID, name string) (partner.Offer, error) {
	if err := allow(who, ReadAccounts); err != nil {
		return partner.Offer{}, err
	}
	if id := partner.OfferID(name); id.Valid() {
		o, err := s.db.Offer(ctx, who.Merchant, id)
		if err == nil && of != "" && o.Partner != of {
			err = feed.Errorf(feed.KindNotFound, "there is no offer %.40q", name)
		}
		return o, err
	}
	list, err := s.db.Offers(ctx, who.Merchant, of)
	if err != nil {
		return partner.Offer{}, err
	}
	return pick(list, "offer", name, func(o *partner.Offer) (string, string) { return string(o.ID), o.Name })
}

// CreateOffer adds an offer; ID and Version are given to it. Where the profile
// says nothing of language and currency, the partner's count, and then the
// merchant's.
func (s *Service) CreateOffer(ctx context.Context, who Identity, o partner.Offer) (partner.Offer, error) {
	if err := allow(who, WriteAccounts); err != nil {
		return partner.Offer{}, err
	}
	if err := s.fill(ctx, who, &o.Profile, o.Partner); err != nil {
		return partner.Offer{}, err
	}
	trim(&o.Name)
	o.ID, o.Merchant = partner.NewOfferID(), who.Merchant
	return s.db.CreateOffer(ctx, who.Actor, o)
}

func fillProfile(profile *feed.Profile, m *partner.Merchant, p *partner.Partner) {
	if profile.Currency.IsZero() {
		profile.Currency = p.Currency
		if p.Currency.IsZero() {
			profile.Currency = m.Currency
		}
	}
	if len(profile.Languages) == 0 {
		l := p.Language
		if l.IsZero() {
			l = m.Language
		}
		if !l.IsZero() {
			profile.Languages = []feed.Language{l}
		}
	}
}

// fillCurrency gives an offer the currency that it would have been made with,
// where its profile names none: prices need one. No languages are all of the
// catalog's, which somebody may want.
func (s *Service) fillCurrency(ctx context.Context, who Identity, o *partner.Offer) error {
	if !o.Profile.Currency.IsZero() {
		return nil
	}
	filled := o.Profile
	if err := s.fill(ctx, who, &filled, o.Partner); err != nil {
		return err
	}
	o.Profile.Currency = filled.Currency
	return nil
}

// fill is fillProfile for a partner's id.
func (s *Service) fill(ctx context.Context, who Identity, profile *feed.Profile, id partner.ID) error {
	m, err := s.db.Merchant(ctx, who.Merchant)
	if err != nil {
		return err
	}
	p, err := s.db.Partner(ctx, who.Merchant, id)
	if err != nil {
		return err
	}
	fillProfile(profile, &m, &p)
	return nil
}

// UpdateOffer stores an offer as it is to be, switches and schedule included, in
// one act. A changed profile moves the offer to the feeds of the new one at once.
func (s *Service) UpdateOffer(ctx context.Context, who Identity, o partner.Offer) (partner.Offer, error) {
	done, err := s.Change(ctx, who, partner.Changeset{Offers: []partner.Offer{o}})
	if err != nil {
		return partner.Offer{}, err
	}
	return done.Offers[0], nil
}

// DeleteOffer removes an offer none of whose links is live.
func (s *Service) DeleteOffer(ctx context.Context, who Identity, id partner.OfferID, version int64) error {
	if err := allow(who, WriteAccounts); err != nil {
		return err
	}
	return s.db.DeleteOffer(ctx, who.Actor, who.Merchant, id, version)
}
