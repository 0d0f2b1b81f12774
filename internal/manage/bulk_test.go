package manage_test

import (
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// A profile without currency and languages means for an offer that is there what
// it means for a new one: the partner's, else the merchant's.
func TestProfileOfAnOfferIsFilled(t *testing.T) {
	t.Parallel()
	w := setup(t)
	percent, err := feed.ParsePercent("50")
	check(t, err)
	half := feed.Profile{Discounts: feed.Discounts{Overall: percent}}
	eng, eur := feed.MustLanguage("eng"), feed.MustCurrency("EUR")
	for name, p := range map[string]partner.Partner{"Nord": {}, "Sud": {Language: eng, Currency: eur}} {
		_, fresh := w.partner(name, p, half)
		other := fresh
		other.Name, other.Profile = "Other", feed.Profile{Currency: feed.MustCurrency("CZK"), Languages: []feed.Language{feed.MustLanguage("ces")}}
		other, err := w.CreateOffer(w.ctx, w.owner, other)
		check(t, err)
		set, err := w.PlanOffers(w.ctx, w.owner, []partner.OfferID{other.ID}, manage.Selection{}, manage.OfferChange{Profile: &half})
		check(t, err)
		set, err = w.Change(w.ctx, w.owner, set)
		check(t, err)
		if got := set.Offers[0].Profile; got.LightKey() != fresh.Profile.LightKey() || got.FullKey() != fresh.Profile.FullKey() {
			t.Errorf("%s: changed offer has %+v, new one %+v", name, got, fresh.Profile)
		}
		// Languages may be taken away alone: none are all.
		o := set.Offers[0]
		o.Profile.Currency, o.Profile.Languages = feed.Currency{}, nil
		given := []partner.Offer{o}
		set, err = w.Change(w.ctx, w.owner, partner.Changeset{Offers: given})
		check(t, err)
		if got := set.Offers[0].Profile; got.Currency != fresh.Profile.Currency || got.Languages != nil {
			t.Errorf("%s: without currency and languages: %+v", name, got)
		}
		if !given[0].Profile.Currency.IsZero() {
			t.Errorf("%s: the caller's offer was changed", name)
		}
	}
}

// Blanks around names are nobody's: without them two names are one, and are
// refused where one must be enough.
func TestNamesAreTrimmed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p, o := w.partner(" Nord\u00a0", partner.Partner{}, feed.Profile{})
	if p.Name != "Nord" {
		t.Errorf("the partner is %q", p.Name)
	}
	if _, err := w.CreatePartner(w.ctx, w.owner, partner.Partner{Name: "nord "}); feed.KindOf(err) != feed.KindConflict {
		t.Errorf("a second partner of this name: %v", err)
	}
	name := "\tSud "
	set, err := w.PlanPartners(w.ctx, w.owner, manage.Selection{Partners: []partner.ID{p.ID}}, manage.PartnerChange{Name: &name})
	check(t, err)
	set.Partners[0].Name = name // as from elsewhere
	set, err = w.Change(w.ctx, w.owner, set)
	check(t, err)
	o.Name = " Second "
	other, err := w.CreateOffer(w.ctx, w.owner, o)
	check(t, err)
	shop, err := w.CreateShop(w.ctx, w.owner, partner.Shop{Number: 2, Name: " Outlet "})
	check(t, err)
	shop.Name = " Outlet 2 "
	shop, err = w.UpdateShop(w.ctx, w.owner, shop)
	check(t, err)
	link, _, err := w.CreateLink(w.ctx, w.owner, o.ID, manage.NewLink{Name: " till "})
	check(t, err)
	key, _, err := w.CreateKey(w.ctx, w.owner, " ERP ", partner.ScopeProductsRead, time.Time{})
	check(t, err)
	list, err := w.CreatePriceList(w.ctx, w.owner, partner.PriceList{Name: " B2B "})
	check(t, err)
	if _, err := w.CreatePriceList(w.ctx, w.owner, partner.PriceList{Name: "B2B  "}); feed.KindOf(err) != feed.KindConflict {
		t.Errorf("a second list of this name: %v", err)
	}
	m := w.merchant
	m.Name, m.BaseURL, m.Supplier.Website, m.Supplier.LogoURL = " Shop & Co ", " HTTPS://feeds.example.com", "Http://shop.example ", "https://shop.example/L.PNG"
	m, err = w.UpdateMerchant(w.ctx, w.owner, m)
	check(t, err)
	for _, c := range []struct{ got, want string }{{set.Partners[0].Name, "Sud"}, {other.Name, "Second"}, {shop.Name, "Outlet 2"}, {link.Name, "till"}, {key.Name, "ERP"}, {list.Name, "B2B"},
		{m.Name, "Shop & Co"}, {m.BaseURL, "https://feeds.example.com"}, {m.Supplier.Website, "http://shop.example"}, {m.Supplier.LogoURL, "https://shop.example/L.PNG"}} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	// The records take nothing else, whoever calls them.
	p.Name = "Ost "
	p.ID = partner.NewID()
	if _, err := w.db.CreatePartner(w.ctx, partner.Actor{Name: "x"}, p); feed.KindOf(err) != feed.KindInvalid {
		t.Errorf("the records took %q: %v", p.Name, err)
	}
}
