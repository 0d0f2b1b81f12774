package dbtest

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

func testMerchants(t *testing.T, e *env) {
	a, b := e.merchant(t), e.merchant(t)
	if a.Version != 1 {
		t.Errorf("version of a new merchant = %d, want 1", a.Version)
	}
	if got := must[partner.Merchant](t, "merchant")(e.Merchant(e.ctx, a.ID)); !reflect.DeepEqual(got, a) {
		t.Errorf("got %+v, want %+v", got, a)
	}
	list := must[[]partner.Merchant](t, "merchants")(e.Merchants(e.ctx))
	if len(list) != 2 || list[0].ID >= list[1].ID {
		t.Errorf("got %d merchants, want 2 in order", len(list))
	}
	_, err := e.Merchant(e.ctx, partner.NewMerchantID())
	wantKind(t, "unknown merchant", err, feed.KindNotFound)
	_, err = e.CreateMerchant(e.ctx, actor, b)
	wantKind(t, "merchant twice", err, feed.KindConflict)
	_, err = e.CreateMerchant(e.ctx, actor, partner.Merchant{ID: partner.NewMerchantID()})
	wantKind(t, "merchant without a name", err, feed.KindInvalid)

	c := must[partner.Merchant](t, "no rate")(e.CreateMerchant(e.ctx, actor, partner.Merchant{ID: partner.NewMerchantID(), Name: "Unsaid"}))
	for _, said := range []bool{false, true, false} {
		c.SayVAT(feed.Percent{}, said)
		c = must[partner.Merchant](t, "rate")(e.UpdateMerchant(e.ctx, actor, c))
		read := must[partner.Merchant](t, "merchant")(e.Merchant(e.ctx, c.ID))
		if rate, got := read.RateVAT(); got != said || !rate.IsZero() || !reflect.DeepEqual(read, c) {
			t.Errorf("a VAT of 0, said %v: read %+v", said, read)
		}
	}
	a.Name, a.SharingEnabled, a.ZoneOffset, a.BaseURL = "New", false, -90*time.Minute, ""
	got := must[partner.Merchant](t, "update")(e.UpdateMerchant(e.ctx, actor, a))
	if got.Name != "New" || !got.SharingEnabled || got.ZoneOffset != -90*time.Minute || got.Version != 2 {
		t.Errorf("after an update: %+v", got)
	}
	got = must[partner.Merchant](t, "sharing")(e.SetSharing(e.ctx, actor, a.ID, false, 2))
	if read := must[partner.Merchant](t, "merchant")(e.Merchant(e.ctx, a.ID)); got.SharingEnabled || !reflect.DeepEqual(got, read) {
		t.Errorf("after switching off: %+v, read %+v", got, read)
	}
}

func testShops(t *testing.T, e *env) {
	m, o := e.account(t)
	second := partner.Shop{ID: partner.NewShopID(), Merchant: m.ID, Number: 7, Name: "Second"}
	ok(t, "shop", e.CreateShop(e.ctx, actor, second))
	second.Version = 1
	shops := must[[]partner.Shop](t, "shops")(e.Shops(e.ctx, m.ID))
	if len(shops) != 2 || shops[1] != second || shops[0].ID != o.Shop {
		t.Errorf("shops = %+v", shops)
	}
	third := second
	third.ID = partner.NewShopID()
	wantKind(t, "shop number twice", e.CreateShop(e.ctx, actor, third), feed.KindConflict)
	wantKind(t, "shop of an offer", e.DeleteShop(e.ctx, actor, m.ID, o.Shop), feed.KindConflict)
	ok(t, "delete", e.DeleteShop(e.ctx, actor, m.ID, second.ID))
	wantKind(t, "shop deleted twice", e.DeleteShop(e.ctx, actor, m.ID, second.ID), feed.KindNotFound)
	third.Merchant = partner.NewMerchantID()
	if err := e.CreateShop(e.ctx, actor, third); err == nil {
		t.Error("a shop of a merchant that does not exist was created")
	}
}

func testPartners(t *testing.T, e *env) {
	m := e.merchant(t)
	p := e.partner(t, m.ID)
	plain := must[partner.Partner](t, "plain")(e.CreatePartner(e.ctx, actor, partner.Partner{ID: partner.NewID(), Merchant: m.ID, Name: "Plain"}))
	for _, want := range []partner.Partner{p, plain} {
		if got := must[partner.Partner](t, "partner")(e.Partner(e.ctx, m.ID, want.ID)); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	p.Name, p.State, p.Tags, p.FeedEnabled = "Renamed", partner.StateBlocked, nil, false
	got := must[partner.Partner](t, "update")(e.UpdatePartner(e.ctx, actor, p))
	if got.Name != "Renamed" || got.State != partner.StateBlocked || got.Tags != nil || !got.FeedEnabled || got.Version != 2 {
		t.Errorf("after an update: %+v", got)
	}
	if list := must[[]partner.Partner](t, "partners")(e.Partners(e.ctx, m.ID)); len(list) != 2 || list[0].ID >= list[1].ID {
		t.Errorf("got %d partners, want 2 in order", len(list))
	}
	got = must[partner.Partner](t, "orders")(e.SetPartnerOrders(e.ctx, actor, m.ID, p.ID, true, 2))
	if !got.OrdersEnabled || !got.FeedEnabled {
		t.Errorf("after switching orders on: %+v", got)
	}
	ok(t, "delete", e.DeletePartner(e.ctx, actor, m.ID, plain.ID, 1))
	_, err := e.Partner(e.ctx, m.ID, plain.ID)
	wantKind(t, "deleted partner", err, feed.KindNotFound)
	o := e.offer(t, m.ID, p.ID, e.shop(t, m.ID).ID, profileOf("PLN"))
	inUse := e.DeletePartner(e.ctx, actor, m.ID, p.ID, 3)
	wantKind(t, "partner with offers", inUse, feed.KindConflict)
	if inUse != nil && (!strings.Contains(inUse.Error(), "still has offers: "+string(o.ID)) || feed.HintOf(inUse) == "") {
		t.Errorf("the refusal to delete a partner with offers says %v", inUse)
	}
	ok(t, "delete offer", e.DeleteOffer(e.ctx, actor, m.ID, o.ID, 1))
	ok(t, "delete partner", e.DeletePartner(e.ctx, actor, m.ID, p.ID, 3))
}

func testOffers(t *testing.T, e *env) {
	m, o := e.account(t)
	if got := must[partner.Offer](t, "offer")(e.Offer(e.ctx, m.ID, o.ID)); !reflect.DeepEqual(got, o) {
		t.Errorf("got %+v, want %+v", got, o)
	}
	other := e.partner(t, m.ID)
	o2 := e.offer(t, m.ID, other.ID, o.Shop, profileOf("EUR"))
	if list := must[[]partner.Offer](t, "offers")(e.Offers(e.ctx, m.ID, "")); len(list) != 2 {
		t.Errorf("got %d offers, want 2", len(list))
	}
	if list := must[[]partner.Offer](t, "offers of one")(e.Offers(e.ctx, m.ID, other.ID)); len(list) != 1 || list[0].ID != o2.ID {
		t.Errorf("offers of one partner: %+v", list)
	}
	o.Name, o.Partner, o.FeedEnabled, o.Files = "Other name", other.ID, false, 0
	o.Profile.Assortment.InStockOnly = true
	got := must[partner.Offer](t, "update")(e.UpdateOffer(e.ctx, actor, o))
	if got.Name != "Other name" || got.Partner == other.ID || !got.FeedEnabled || got.Files != 0 || !got.Profile.Assortment.InStockOnly || got.Version != 2 {
		t.Errorf("after an update: %+v", got)
	}
	got = must[partner.Offer](t, "orders")(e.SetOfferOrders(e.ctx, actor, m.ID, o.ID, true, 2))
	if !got.OrdersEnabled || got.Version != 3 {
		t.Errorf("after switching orders on: %+v", got)
	}
	o.Version, o.Shop = 3, partner.NewShopID()
	_, err := e.UpdateOffer(e.ctx, actor, o)
	wantKind(t, "offer for an unknown shop", err, feed.KindConflict)
	o.Shop = o2.Shop
	o.Profile.Languages = []feed.Language{feed.MustLanguage("pol"), feed.MustLanguage("pol")}
	_, err = e.UpdateOffer(e.ctx, actor, o)
	wantKind(t, "offer with a bad profile", err, feed.KindInvalid)
	ok(t, "delete", e.DeleteOffer(e.ctx, actor, m.ID, o.ID, 3))
	_, err = e.Offer(e.ctx, m.ID, o.ID)
	wantKind(t, "deleted offer", err, feed.KindNotFound)
	if n := must[int](t, "refresh")(e.RefreshKeys(e.ctx)); n != 0 {
		t.Errorf("%d offers have other keys than the same program has just written", n)
	}
}

// testVersions changes everything that has a version from a stale one.
func testVersions(t *testing.T, e *env) {
	m, o := e.account(t)
	p := must[partner.Partner](t, "partner")(e.Partner(e.ctx, m.ID, o.Partner))
	must[partner.Partner](t, "feed off")(e.SetPartnerFeed(e.ctx, actor, m.ID, p.ID, false, 1))
	must[partner.Offer](t, "feed off")(e.SetOfferFeed(e.ctx, actor, m.ID, o.ID, false, 1))
	must[partner.Merchant](t, "sharing off")(e.SetSharing(e.ctx, actor, m.ID, false, 1))
	before := must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, m.ID, 0, 100))
	version := must[partner.Version](t, "version")(e.AccessVersion(e.ctx))
	for _, c := range []struct {
		name string
		err  func(version int64) error
	}{
		{"merchant", func(v int64) error { x := m; x.Version = v; _, err := e.UpdateMerchant(e.ctx, actor, x); return err }},
		{"sharing", func(v int64) error { _, err := e.SetSharing(e.ctx, actor, m.ID, true, v); return err }},
		{"partner", func(v int64) error { x := p; x.Version = v; _, err := e.UpdatePartner(e.ctx, actor, x); return err }},
		{"partner feed", func(v int64) error { _, err := e.SetPartnerFeed(e.ctx, actor, m.ID, p.ID, true, v); return err }},
		{"partner orders", func(v int64) error { _, err := e.SetPartnerOrders(e.ctx, actor, m.ID, p.ID, true, v); return err }},
		{"offer", func(v int64) error { x := o; x.Version = v; _, err := e.UpdateOffer(e.ctx, actor, x); return err }},
		{"offer feed", func(v int64) error { _, err := e.SetOfferFeed(e.ctx, actor, m.ID, o.ID, true, v); return err }},
		{"offer orders", func(v int64) error { _, err := e.SetOfferOrders(e.ctx, actor, m.ID, o.ID, true, v); return err }},
		{"delete offer", func(v int64) error { return e.DeleteOffer(e.ctx, actor, m.ID, o.ID, v) }},
		{"delete partner", func(v int64) error { return e.DeletePartner(e.ctx, actor, m.ID, p.ID, v) }},
	} {
		for _, v := range []int64{0, 1, 3} {
			wantKind(t, c.name, c.err(v), feed.KindConflict)
		}
	}
	if got := must[partner.Version](t, "version")(e.AccessVersion(e.ctx)); got != version {
		t.Errorf("refused changes moved the version from %v to %v", version, got)
	}
	if after := must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, m.ID, 0, 100)); len(after) != len(before) {
		t.Errorf("refused changes wrote %d lines into the audit", len(after)-len(before))
	}
}

func testSwitchesKeepEverything(t *testing.T, e *env) {
	m, o := e.account(t)
	link, _ := partner.NewLink(m.ID, o.ID, "shop software", e.clock.Now(), time.Time{})
	ok(t, "link", e.CreateLink(e.ctx, actor, link))
	p := must[partner.Partner](t, "partner")(e.Partner(e.ctx, m.ID, o.Partner))
	links := must[[]partner.Link](t, "links")(e.Links(e.ctx, m.ID, o.ID))

	must[partner.Partner](t, "off")(e.SetPartnerFeed(e.ctx, actor, m.ID, p.ID, false, 1))
	must[partner.Offer](t, "off")(e.SetOfferFeed(e.ctx, actor, m.ID, o.ID, false, 1))
	must[partner.Merchant](t, "off")(e.SetSharing(e.ctx, actor, m.ID, false, 1))
	must[partner.Merchant](t, "on")(e.SetSharing(e.ctx, actor, m.ID, true, 2))
	o2 := must[partner.Offer](t, "on")(e.SetOfferFeed(e.ctx, actor, m.ID, o.ID, true, 2))
	p2 := must[partner.Partner](t, "on")(e.SetPartnerFeed(e.ctx, actor, m.ID, p.ID, true, 2))

	o2.Version, p2.Version = o.Version, p.Version
	if !reflect.DeepEqual(p, p2) || !reflect.DeepEqual(o, o2) {
		t.Errorf("off and on again changed more than the version: %+v, %+v", p2, o2)
	}
	if after := must[[]partner.Link](t, "links")(e.Links(e.ctx, m.ID, o.ID)); !reflect.DeepEqual(links, after) {
		t.Errorf("off and on again changed links from %+v to %+v", links, after)
	}
}

func testAudit(t *testing.T, e *env) {
	m, o := e.account(t)
	link, secret := partner.NewLink(m.ID, o.ID, "shop software", e.clock.Now(), time.Time{})
	ok(t, "link", e.CreateLink(e.ctx, actor, link))
	must[partner.Partner](t, "off")(e.SetPartnerFeed(e.ctx, actor, m.ID, o.Partner, false, 1))
	ok(t, "revoke", e.RevokeLink(e.ctx, actor, m.ID, link.ID))

	list := must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, m.ID, 0, 100))
	var actions []string
	for i, a := range list {
		actions = append(actions, a.Action)
		if a.Merchant != m.ID || a.Actor != actor || a.Time.IsZero() || i > 0 && a.Number <= list[i-1].Number {
			t.Errorf("line %d: %+v", i, a)
		}
		text := a.Before + a.After
		hash := secret.Hash()
		if strings.Contains(text, secret.Reveal()) || strings.Contains(text, string(hash[:])) || strings.Contains(text, "secret") {
			t.Errorf("line %d tells the secret: %s", i, text)
		}
	}
	want := []string{"merchant.create", "partner.create", "shop.create", "offer.create", "link.create", "partner.feed.off", "link.revoke"}
	slices.Sort(actions[:4])
	slices.Sort(want[:4])
	if !slices.Equal(actions, want) {
		t.Errorf("actions = %v, want %v", actions, want)
	}
	if off := list[5]; off.Before != `{"feed":true}` || off.After != `{"feed":false}` || off.Object != string(o.Partner) {
		t.Errorf("the switch's line is %+v", off)
	}
	if page := must[[]partner.AuditEntry](t, "page")(e.Audit(e.ctx, m.ID, list[4].Number, 1)); len(page) != 1 || page[0] != list[5] {
		t.Errorf("page = %+v, want the line after the fifth", page)
	}
}

func testLinks(t *testing.T, e *env) {
	m, o := e.account(t)
	now := e.clock.Now()
	a, _ := partner.NewLink(m.ID, o.ID, "first", now, time.Time{})
	b, _ := partner.NewLink(m.ID, o.ID, "second", now.Add(time.Second), now.Add(time.Hour))
	ok(t, "link", e.CreateLink(e.ctx, actor, a))
	ok(t, "link", e.CreateLink(e.ctx, actor, b))
	wantKind(t, "link twice", e.CreateLink(e.ctx, actor, a), feed.KindConflict)
	got := must[[]partner.Link](t, "links")(e.Links(e.ctx, m.ID, o.ID))
	if !reflect.DeepEqual(got, []partner.Link{a, b}) {
		t.Fatalf("links = %+v, want %+v", got, []partner.Link{a, b})
	}
	ok(t, "revoke", e.RevokeLink(e.ctx, actor, m.ID, a.ID))
	first := must[[]partner.Link](t, "links")(e.Links(e.ctx, m.ID, o.ID))[0].RevokedAt
	if first.IsZero() {
		t.Error("a revoked link has no time of revocation")
	}
	ok(t, "revoke twice", e.RevokeLink(e.ctx, actor, m.ID, a.ID))
	if again := must[[]partner.Link](t, "links")(e.Links(e.ctx, m.ID, o.ID))[0].RevokedAt; !again.Equal(first) {
		t.Errorf("revoking twice moved the time from %v to %v", first, again)
	}
	wantKind(t, "unknown link", e.RevokeLink(e.ctx, actor, m.ID, partner.NewLinkID()), feed.KindNotFound)
	c, _ := partner.NewLink(m.ID, partner.NewOfferID(), "of nothing", now, time.Time{})
	wantKind(t, "link of no offer", e.CreateLink(e.ctx, actor, c), feed.KindConflict)

	wantKind(t, "offer with a live link", e.DeleteOffer(e.ctx, actor, m.ID, o.ID, 1), feed.KindConflict)
	ok(t, "revoke", e.RevokeLink(e.ctx, actor, m.ID, b.ID))
	ok(t, "delete offer", e.DeleteOffer(e.ctx, actor, m.ID, o.ID, 1))
	if left := must[[]partner.Link](t, "links")(e.Links(e.ctx, m.ID, o.ID)); len(left) != 0 {
		t.Errorf("%d links of a deleted offer are left", len(left))
	}
}

func testRotation(t *testing.T, e *env) {
	m, o := e.account(t)
	now := e.clock.Now()
	links := make([]partner.Link, 5)
	for i := range links {
		links[i], _ = partner.NewLink(m.ID, o.ID, "shop software", now.Add(time.Duration(i)*time.Second), time.Time{})
	}
	ok(t, "link", e.CreateLink(e.ctx, actor, links[0]))
	ok(t, "rotate", e.RotateLink(e.ctx, actor, links[0].ID, links[1], 24*time.Hour))
	ok(t, "rotate", e.RotateLink(e.ctx, actor, links[1].ID, links[2], 0))
	got := must[[]partner.Link](t, "links")(e.Links(e.ctx, m.ID, o.ID))
	if len(got) != 3 {
		t.Fatalf("got %d links, want 3", len(got))
	}
	if end := got[0].ExpiresAt.Sub(now); !got[0].RevokedAt.IsZero() || end < 24*time.Hour || end > 25*time.Hour {
		t.Errorf("rotated with an overlap: %+v", got[0])
	}
	if got[1].RevokedAt.IsZero() || got[1].Replaces != got[0].ID || got[2].Replaces != got[1].ID || !got[2].ExpiresAt.IsZero() {
		t.Errorf("rotated at once: %+v, new %+v", got[1], got[2])
	}
	// A third live link there never is.
	wantKind(t, "a third live link by rotation", e.RotateLink(e.ctx, actor, links[0].ID, links[3], 1000*time.Hour), feed.KindConflict)
	wantKind(t, "a third live link", e.CreateLink(e.ctx, actor, links[3]), feed.KindConflict)
	if again := must[[]partner.Link](t, "links")(e.Links(e.ctx, m.ID, o.ID)); !reflect.DeepEqual(again, got) {
		t.Errorf("a refused rotation changed links from %+v to %+v", got, again)
	}
	// A longer overlap does not lengthen the life of a link that ends sooner.
	ok(t, "revoke", e.RevokeLink(e.ctx, actor, m.ID, links[2].ID))
	ok(t, "rotate", e.RotateLink(e.ctx, actor, links[0].ID, links[3], 1000*time.Hour))
	if again := must[[]partner.Link](t, "links")(e.Links(e.ctx, m.ID, o.ID)); !again[0].ExpiresAt.Equal(got[0].ExpiresAt) {
		t.Errorf("a second rotation moved the end from %v to %v", got[0].ExpiresAt, again[0].ExpiresAt)
	}
	wantKind(t, "rotate a revoked link", e.RotateLink(e.ctx, actor, links[1].ID, links[4], 0), feed.KindConflict)
	_, foreign := e.account(t)
	stray, _ := partner.NewLink(m.ID, foreign.ID, "stray", now, time.Time{})
	if err := e.RotateLink(e.ctx, actor, links[2].ID, stray, 0); err == nil {
		t.Error("a link was rotated into one of another offer")
	}
}

// testIsolation asks for one merchant's things in another's name.
func testIsolation(t *testing.T, e *env) {
	a, offer := e.account(t)
	b, other := e.account(t)
	link, _ := partner.NewLink(a.ID, offer.ID, "a's", e.clock.Now(), time.Time{})
	ok(t, "link", e.CreateLink(e.ctx, actor, link))
	e.load(t, a.ID, partner.MergeUpsert, products(1, 3, "a"))
	must[int64](t, "dictionaries")(e.SetDictionaries(e.ctx, actor, a.ID, []byte("a's"), 0))

	_, err := e.Partner(e.ctx, b.ID, offer.Partner)
	wantKind(t, "foreign partner", err, feed.KindNotFound)
	_, err = e.SetPartnerFeed(e.ctx, actor, b.ID, offer.Partner, false, 1)
	wantKind(t, "foreign switch", err, feed.KindNotFound)
	_, err = e.Offer(e.ctx, b.ID, offer.ID)
	wantKind(t, "foreign offer", err, feed.KindNotFound)
	_, err = e.SetOfferFeed(e.ctx, actor, b.ID, offer.ID, false, 1)
	wantKind(t, "foreign offer switch", err, feed.KindNotFound)
	wantKind(t, "foreign offer deletion", e.DeleteOffer(e.ctx, actor, b.ID, offer.ID, 1), feed.KindNotFound)
	wantKind(t, "foreign partner deletion", e.DeletePartner(e.ctx, actor, b.ID, offer.Partner, 1), feed.KindNotFound)
	wantKind(t, "foreign link", e.RevokeLink(e.ctx, actor, b.ID, link.ID), feed.KindNotFound)
	wantKind(t, "foreign shop", e.DeleteShop(e.ctx, actor, b.ID, offer.Shop), feed.KindNotFound)
	if list := must[[]partner.Link](t, "links")(e.Links(e.ctx, b.ID, offer.ID)); len(list) != 0 {
		t.Errorf("foreign links: %+v", list)
	}
	if list := must[[]partner.Offer](t, "offers")(e.Offers(e.ctx, b.ID, offer.Partner)); len(list) != 0 {
		t.Errorf("foreign offers: %+v", list)
	}
	stray := partner.Offer{ID: partner.NewOfferID(), Merchant: b.ID, Partner: offer.Partner, Shop: other.Shop, Name: "stray", Profile: profileOf("PLN")}
	_, err = e.CreateOffer(e.ctx, actor, stray)
	wantKind(t, "offer for a foreign partner", err, feed.KindConflict)
	strayLink, _ := partner.NewLink(b.ID, offer.ID, "stray", e.clock.Now(), time.Time{})
	wantKind(t, "link of a foreign offer", e.CreateLink(e.ctx, actor, strayLink), feed.KindConflict)

	if doc := must[partner.Document](t, "dictionaries")(e.Dictionaries(e.ctx, b.ID)); doc.Version != 0 || doc.Doc != nil {
		t.Errorf("foreign dictionaries: %+v", doc)
	}
	_, err = e.Product(e.ctx, b.ID, 1)
	wantKind(t, "foreign product", err, feed.KindNotFound)
	if ids := must[[]feed.ProductID](t, "codes")(e.ProductsByCode(e.ctx, b.ID, "code-1")); len(ids) != 0 {
		t.Errorf("foreign codes: %v", ids)
	}
	if got := e.catalog(t, b.ID); len(got) != 0 {
		t.Errorf("foreign catalog: %v", got)
	}
	if list := must[[]partner.Change](t, "changes")(e.Changes(e.ctx, a.ID, 100)); len(list) == 0 {
		t.Error("no changes of a's own")
	} else {
		must[int64](t, "sequence")(e.Sequence(e.ctx))
		if _, found, err := e.EventNumber(e.ctx, b.ID, list[0].Seq, 0); found || err != nil {
			t.Errorf("b looks up a's change: %v, %v", found, err)
		}
		for _, event := range must[[]partner.Event](t, "events")(e.Events(e.ctx, b.ID, 0, 100)) {
			for _, c := range list {
				if event.Seq == c.Seq {
					t.Errorf("b reads a's event %+v", event)
				}
			}
		}
	}
	staged := partner.NewImportID()
	must[int64](t, "stage")(e.StageProducts(e.ctx, a.ID, staged, seqOf(products(9, 1, "x"))))
	_, err = e.Merge(e.ctx, actor, b.ID, staged, partner.MergeUpsert, nil)
	wantKind(t, "foreign import", err, feed.KindNotFound)
	// Replacing b's catalog by nothing leaves a's alone.
	e.load(t, b.ID, partner.MergeReplace, nil)
	if got := e.catalog(t, a.ID); len(got) != 3 {
		t.Errorf("a's catalog has %d products, want 3", len(got))
	}
	for _, entry := range must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, b.ID, 0, 1000)) {
		if entry.Merchant != b.ID {
			t.Errorf("foreign audit line: %+v", entry)
		}
	}
}
