package manage_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

func ExampleAllow() {
	who := manage.Identity{Merchant: "m-a", Role: manage.RoleReadonly}
	fmt.Println(manage.Allow(who, manage.ReadProducts, "m-a"))
	fmt.Println(manage.Allow(who, manage.WriteProducts, "m-a"))
	fmt.Println(manage.Allow(who, manage.ReadProducts, "m-b"))
	// Output:
	// true
	// false
	// false
}

// TestAllowTable writes out who may do what.
func TestAllowTable(t *testing.T) {
	t.Parallel()
	const (
		none = iota
		reads
		most
		all
	)
	needs := map[manage.Action]int{
		manage.ReadAccounts: reads, manage.ReadProducts: reads, manage.ReadLedger: reads, manage.ReadAudit: reads,
		manage.ReadPrices: reads, manage.WritePrices: most,
		manage.WriteAccounts: most, manage.WriteLinks: most, manage.WriteProducts: most, manage.Publish: most,
		manage.WriteMerchant: all, manage.ManageKeys: all,
	}
	scopes := map[manage.Action]partner.Scope{
		manage.ReadAccounts: partner.ScopeAccountsRead, manage.ReadProducts: partner.ScopeProductsRead, manage.ReadLedger: partner.ScopeLedgerRead,
		manage.ReadAudit: partner.ScopeAuditRead, manage.WriteAccounts: partner.ScopeAccountsWrite, manage.WriteLinks: partner.ScopeLinksWrite,
		manage.WriteProducts: partner.ScopeProductsWrite, manage.Publish: partner.ScopePublish,
		manage.WriteMerchant: partner.ScopeMerchantWrite,
		// Prices of lists and rates are the catalog's as much as its own.
		manage.ReadPrices: partner.ScopeProductsRead, manage.WritePrices: partner.ScopeProductsWrite,
	}
	has := map[manage.Role]int{manage.RoleNone: none, manage.RoleKey: none, manage.RoleReadonly: reads, manage.RoleManager: most, manage.RoleOwner: all, 99: none}
	for action := manage.Action(0); action < 20; action++ {
		need, exists := needs[action]
		for role, level := range has {
			who := manage.Identity{Merchant: "m-a", Role: role, Scopes: partner.KeyScopes}
			want := exists && level >= need
			if role == manage.RoleKey {
				_, want = scopes[action]
			}
			if got := manage.Allow(who, action, "m-a"); got != want {
				t.Errorf("%v, action %d: got %v, want %v", role, action, got, want)
			}
			if manage.Allow(who, action, "m-b") || manage.Allow(manage.Identity{Role: role, Scopes: partner.KeyScopes}, action, "") {
				t.Errorf("%v may do action %d to somebody else's", role, action)
			}
		}
		// A key may do what its one scope says, and no more.
		for other := range needs {
			who := manage.Identity{Merchant: "m-a", Role: manage.RoleKey, Scopes: scopes[other]}
			if got, want := manage.Allow(who, action, "m-a"), exists && scopes[action] == scopes[other] && scopes[other] != 0; got != want {
				t.Errorf("a key for action %d, action %d: got %v, want %v", other, action, got, want)
			}
		}
	}
	for r := manage.RoleNone; r <= manage.RoleOwner; r++ {
		if back, err := manage.ParseRole(r.String()); back != r || err != nil {
			t.Errorf("role %v is read back as %v, %v", r, back, err)
		}
	}
}

// TestEveryMethodAsks calls every method that acts for somebody as nobody: each
// must refuse, before it looks at anything. A method that is added and does not
// ask fails here.
func TestEveryMethodAsks(t *testing.T) {
	t.Parallel()
	w := setup(t)
	service := reflect.ValueOf(w.Service)
	identity, ctxType := reflect.TypeFor[manage.Identity](), reflect.TypeFor[context.Context]()
	nobody := manage.Identity{Merchant: w.owner.Merchant, Role: manage.RoleNone, Scopes: partner.KeyScopes}
	asked := 0
	for i := range service.NumMethod() {
		name, method := service.Type().Method(i).Name, service.Method(i)
		kind := method.Type()
		if kind.NumIn() < 2 || kind.In(0) != ctxType || kind.In(1) != identity {
			if name != "Authenticate" && name != "AuthenticateFrom" {
				t.Errorf("%s is not told who acts", name)
			}
			continue
		}
		args := []reflect.Value{reflect.ValueOf(w.ctx), reflect.ValueOf(nobody)}
		for j := 2; j < kind.NumIn(); j++ {
			if kind.IsVariadic() && j == kind.NumIn()-1 {
				break
			}
			args = append(args, reflect.Zero(kind.In(j)))
		}
		out := method.Call(args)
		err, _ := out[len(out)-1].Interface().(error)
		if feed.KindOf(err) != feed.KindForbidden {
			t.Errorf("%s as nobody: got %v, want it forbidden", name, err)
		}
		asked++
	}
	if asked < 35 {
		t.Fatalf("only %d methods were asked: the search is broken", asked)
	}
}

// TestForeignIsUnknown asks for one merchant's things as another's owner: the
// answer is that of things that do not exist, word for word but for the name.
func TestForeignIsUnknown(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.catalog(2)
	p, o := w.partner("Nord", partner.Partner{}, pln())
	l, _, err := w.CreateLink(w.ctx, w.owner, o.ID, manage.NewLink{Name: "l"})
	check(t, err)
	k, _, err := w.CreateKey(w.ctx, w.owner, "k", partner.ScopePublish, time.Time{})
	check(t, err)
	_, other, otherShop := w.newMerchant("Other")
	nobodyP, nobodyO := p, o
	nobodyP.ID, nobodyO.ID = partner.NewID(), partner.NewOfferID()
	drop := func(_ any, err error) error { return err }
	for name, do := range map[string]func(p partner.Partner, o partner.Offer, l partner.LinkID, k partner.KeyID, shop partner.ShopID) error{
		"partner": func(p partner.Partner, _ partner.Offer, _ partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			return drop(w.Partner(w.ctx, other, string(p.ID)))
		},
		"update partner": func(p partner.Partner, _ partner.Offer, _ partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			return drop(w.UpdatePartner(w.ctx, other, p))
		},
		"delete partner": func(p partner.Partner, _ partner.Offer, _ partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			return w.DeletePartner(w.ctx, other, p.ID, 1)
		},
		"offer": func(_ partner.Partner, o partner.Offer, _ partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			return drop(w.Offer(w.ctx, other, "", string(o.ID)))
		},
		"update offer": func(_ partner.Partner, o partner.Offer, _ partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			return drop(w.UpdateOffer(w.ctx, other, o))
		},
		"delete offer": func(_ partner.Partner, o partner.Offer, _ partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			return w.DeleteOffer(w.ctx, other, o.ID, 1)
		},
		"offer for a partner": func(p partner.Partner, _ partner.Offer, _ partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			return drop(w.CreateOffer(w.ctx, other, partner.Offer{Partner: p.ID, Shop: otherShop.ID, Name: "x"}))
		},
		"link": func(_ partner.Partner, _ partner.Offer, l partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			return drop(w.Link(w.ctx, other, l))
		},
		"link of an offer": func(_ partner.Partner, o partner.Offer, _ partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			_, _, err := w.CreateLink(w.ctx, other, o.ID, manage.NewLink{Name: "x"})
			return err
		},
		"rotate": func(_ partner.Partner, _ partner.Offer, l partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			_, _, err := w.RotateLink(w.ctx, other, l, 0)
			return err
		},
		"bind": func(_ partner.Partner, _ partner.Offer, l partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			return drop(w.UpdateLink(w.ctx, other, l, partner.LinkSettings{Name: "x"}, 1))
		},
		"revoke": func(_ partner.Partner, _ partner.Offer, l partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			return w.RevokeLink(w.ctx, other, l)
		},
		"suspend": func(_ partner.Partner, _ partner.Offer, l partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			return w.SuspendLink(w.ctx, other, l)
		},
		"resume": func(_ partner.Partner, _ partner.Offer, l partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			return w.ResumeLink(w.ctx, other, l)
		},
		"revoke key": func(_ partner.Partner, _ partner.Offer, _ partner.LinkID, k partner.KeyID, _ partner.ShopID) error {
			return w.RevokeKey(w.ctx, other, k)
		},
		"delete shop": func(_ partner.Partner, _ partner.Offer, _ partner.LinkID, _ partner.KeyID, s partner.ShopID) error {
			return w.DeleteShop(w.ctx, other, s)
		},
		"why": func(_ partner.Partner, o partner.Offer, _ partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			return drop(w.Why(w.ctx, other, manage.Question{Offer: o.ID, Product: 1}))
		},
		"preview": func(p partner.Partner, _ partner.Offer, _ partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			return drop(w.Preview(w.ctx, other, partner.Changeset{Partners: []partner.Partner{p}}))
		},
		"preview of an offer": func(_ partner.Partner, o partner.Offer, _ partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			return drop(w.Preview(w.ctx, other, partner.Changeset{Offers: []partner.Offer{o}}))
		},
		"plan": func(p partner.Partner, _ partner.Offer, _ partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			return drop(w.PlanPartners(w.ctx, other, manage.Selection{Partners: []partner.ID{p.ID}}, manage.PartnerChange{}))
		},
		"plan of an offer": func(_ partner.Partner, o partner.Offer, _ partner.LinkID, _ partner.KeyID, _ partner.ShopID) error {
			return drop(w.PlanOffers(w.ctx, other, []partner.OfferID{o.ID}, manage.Selection{}, manage.OfferChange{}))
		},
	} {
		foreign, unknown := do(p, o, l.ID, k.ID, w.shop.ID), do(nobodyP, nobodyO, partner.NewLinkID(), partner.NewKeyID(), partner.NewShopID())
		if foreign == nil || unknown == nil || feed.KindOf(foreign) != feed.KindNotFound || feed.KindOf(unknown) != feed.KindNotFound ||
			len(foreign.Error()) != len(unknown.Error()) || feed.HintOf(foreign) != feed.HintOf(unknown) {
			t.Errorf("%s: foreign %v, unknown %v", name, foreign, unknown)
		}
	}
	if list, err := w.Links(w.ctx, other, o.ID); err != nil || len(list) != 0 {
		t.Errorf("foreign links: %v, %v", list, err)
	}
	if list, err := w.SearchProducts(w.ctx, other, "c1", 0, 0); err != nil || len(list.Products) != 0 {
		t.Errorf("foreign products: %v, %v", list, err)
	}
	if _, err := w.PatchProducts(w.ctx, other, []manage.ProductPatch{{Code: "c1"}}); feed.KindOf(err) != feed.KindNotFound {
		t.Errorf("foreign patch: %v", err)
	}
	// None of it has done anything.
	if got, err := w.Link(w.ctx, w.owner, l.ID); err != nil || got.State(w.Now()) != "live" || got.Version != 1 {
		t.Errorf("the link is %+v, %v", got, err)
	}
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	w := setup(t)
	k, secret, err := w.CreateKey(w.ctx, w.owner, "stock system", partner.ScopeProductsRead|partner.ScopeAccountsRead, w.Now().Add(time.Hour))
	check(t, err)
	who, err := w.Authenticate(w.ctx, secret.Reveal())
	check(t, err)
	if who.Merchant != w.merchant.ID || who.Role != manage.RoleKey || who.Scopes != k.Scopes || who.Actor.Name != string(k.ID) {
		t.Errorf("identity %+v", who)
	}
	if _, err := w.Partners(w.ctx, who); err != nil {
		t.Errorf("a key with the scope: %v", err)
	}
	_, err = w.Keys(w.ctx, who)
	wantKind(t, "a key that lists keys", err, feed.KindForbidden)
	_, err = w.DeleteProducts(w.ctx, who, []feed.ProductID{1})
	if wantKind(t, "a key without the scope", err, feed.KindForbidden); feed.HintOf(err) != "the key lacks the scope products:write" {
		t.Errorf("hint %q", feed.HintOf(err))
	}
	keys, err := w.Keys(w.ctx, w.owner)
	check(t, err)
	if keys[0].LastUsed.IsZero() {
		t.Error("the use of a key was not noted")
	}
	_, unknown := partner.NewKey(w.merchant.ID, "x", partner.ScopePublish, w.Now(), time.Time{})
	_, link := partner.NewLink(w.merchant.ID, partner.NewOfferID(), "l", w.Now(), time.Time{})
	var texts []string
	for _, text := range []string{"", "x", link.Reveal(), unknown.Reveal(), secret.Reveal() + "0", secret.Reveal()[:60]} {
		_, err := w.Authenticate(w.ctx, text)
		wantKind(t, "bad key", err, feed.KindForbidden)
		texts = append(texts, err.Error())
	}
	w.Pass(2 * time.Hour)
	_, err = w.Authenticate(w.ctx, secret.Reveal())
	wantKind(t, "expired key", err, feed.KindForbidden)
	texts = append(texts, err.Error())
	k2, s2, err := w.CreateKey(w.ctx, w.owner, "second", partner.ScopePublish, time.Time{})
	check(t, err)
	check(t, w.RevokeKey(w.ctx, w.owner, k2.ID))
	_, err = w.Authenticate(w.ctx, s2.Reveal())
	wantKind(t, "revoked key", err, feed.KindForbidden)
	texts = append(texts, err.Error())
	for _, text := range texts {
		if text != texts[0] {
			t.Errorf("refusals differ: %q and %q", text, texts[0])
		}
	}
}
