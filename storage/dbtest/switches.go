package dbtest

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// lastAudit gives the newest lines of a merchant's audit.
func (e *env) lastAudit(t *testing.T, m partner.MerchantID, n int) []partner.AuditEntry {
	t.Helper()
	list := must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, m, 0, 1000))
	return list[max(len(list)-n, 0):]
}

// testSchedules lets times pass over the switches of a partner and an offer.
func testSchedules(t *testing.T, e *env) {
	m, o := e.account(t)
	start := e.clock.Now()
	s, err := partner.NewSchedule(partner.SwitchPoint{At: start.Add(3 * time.Hour), On: true}, partner.SwitchPoint{At: start.Add(time.Hour)})
	ok(t, "schedule", err)
	p := must[partner.Partner](t, "set")(e.SetPartnerSchedule(e.ctx, actor, m.ID, o.Partner, s, 1))
	if read := must[partner.Partner](t, "read")(e.Partner(e.ctx, m.ID, o.Partner)); !reflect.DeepEqual(read, p) || !reflect.DeepEqual(p.Schedule, s) {
		t.Fatalf("set %+v, read %+v", p, read)
	}
	must[partner.Offer](t, "set")(e.SetOfferSchedule(e.ctx, actor, m.ID, o.ID, partner.Schedule{{At: start.Add(2 * time.Hour), On: false}}, 1))
	if n := must[int](t, "apply")(e.ApplySchedules(e.ctx, m.ID)); n != 0 {
		t.Errorf("%d records changed before their time", n)
	}
	version := must[partner.Version](t, "version")(e.AccessVersion(e.ctx))
	e.clock.advance(2*time.Hour + time.Minute)
	if n := must[int](t, "apply")(e.ApplySchedules(e.ctx, m.ID)); n != 2 {
		t.Errorf("%d records changed, want 2", n)
	}
	if after := must[partner.Version](t, "version")(e.AccessVersion(e.ctx)); after.Accounts <= version.Accounts {
		t.Error("file servers are not told of what a schedule has done")
	}
	p = must[partner.Partner](t, "read")(e.Partner(e.ctx, m.ID, o.Partner))
	if p.FeedEnabled || len(p.Schedule) != 1 || p.Version != 3 {
		t.Errorf("after the first point: %+v", p)
	}
	got := must[partner.Offer](t, "read")(e.Offer(e.ctx, m.ID, o.ID))
	if got.FeedEnabled || got.Schedule != nil {
		t.Errorf("after its point: %+v", got)
	}
	for _, line := range e.lastAudit(t, m.ID, 2) {
		if line.Actor != partner.ScheduleActor() || line.Action != "partner.feed.off" && line.Action != "offer.feed.off" {
			t.Errorf("the audit tells of a schedule as %+v", line)
		}
	}
	if n := must[int](t, "apply")(e.ApplySchedules(e.ctx, m.ID)); n != 0 {
		t.Errorf("%d records changed a second time", n)
	}
	e.clock.advance(time.Hour)
	must[int](t, "apply")(e.ApplySchedules(e.ctx, m.ID))
	if p = must[partner.Partner](t, "read")(e.Partner(e.ctx, m.ID, o.Partner)); !p.FeedEnabled || p.Schedule != nil {
		t.Errorf("after the last point: %+v", p)
	}
	_, err = e.SetPartnerSchedule(e.ctx, actor, m.ID, o.Partner, partner.Schedule{{At: start}, {At: start}}, p.Version)
	wantKind(t, "two points at one time", err, feed.KindInvalid)
	_, err = e.SetPartnerSchedule(e.ctx, actor, m.ID, o.Partner, nil, 1)
	wantKind(t, "schedule from a stale version", err, feed.KindConflict)
}

// testScheduleByHand moves a switch by hand after a point has passed that nobody
// has written down.
func testScheduleByHand(t *testing.T, e *env) {
	m, o := e.account(t)
	start := e.clock.Now()
	p := must[partner.Partner](t, "set")(e.SetPartnerSchedule(e.ctx, actor, m.ID, o.Partner,
		partner.Schedule{{At: start.Add(time.Hour)}, {At: start.Add(5 * time.Hour)}}, 1))
	e.clock.advance(2 * time.Hour)
	p = must[partner.Partner](t, "on")(e.SetPartnerFeed(e.ctx, actor, m.ID, p.ID, true, p.Version))
	if !p.FeedEnabled || len(p.Schedule) != 1 || !p.FeedOn(e.clock.Now()) || p.FeedOn(start.Add(6*time.Hour)) {
		t.Errorf("on by hand after a point that switched off: %+v", p)
	}
	lines := e.lastAudit(t, m.ID, 2)
	if lines[0].Action != "partner.feed.off" || lines[0].Actor != partner.ScheduleActor() || lines[1].Action != "partner.feed.on" || lines[1].Actor != actor {
		t.Errorf("the audit tells %+v", lines)
	}
	// Other settings keep what the schedule has done.
	e.clock.advance(4 * time.Hour)
	p.Name = "Renamed"
	p = must[partner.Partner](t, "rename")(e.UpdatePartner(e.ctx, actor, p))
	if p.FeedEnabled || p.Schedule != nil || p.Name != "Renamed" {
		t.Errorf("renamed after a point: %+v", p)
	}
}

func testChangeAll(t *testing.T, e *env) {
	m, a := e.account(t)
	b := e.offer(t, m.ID, a.Partner, a.Shop, profileOf("EUR"))
	other := e.offer(t, m.ID, e.partner(t, m.ID).ID, a.Shop, profileOf("EUR"))
	p := must[partner.Partner](t, "partner")(e.Partner(e.ctx, m.ID, a.Partner))
	p.FeedEnabled, p.OrdersEnabled = false, true
	a.Profile.Assortment.InStockOnly, b.Profile.Assortment.InStockOnly = true, true
	b.FeedEnabled = false
	set := partner.Changeset{Partners: []partner.Partner{p}, Offers: []partner.Offer{a, b}}
	told := 0
	defer e.Subscribe(func() { told++ })()
	before := len(must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, m.ID, 0, 1000)))
	done := must[partner.Changeset](t, "change")(e.ChangeAll(e.ctx, actor, m.ID, set))
	if told != 1 {
		t.Errorf("the subscriber was told %d times of one act", told)
	}
	if n := len(must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, m.ID, 0, 1000))); n != before+3 {
		t.Errorf("one act on three accounts made %d lines", n-before)
	}
	if got := must[partner.Partner](t, "read")(e.Partner(e.ctx, m.ID, p.ID)); !reflect.DeepEqual(got, done.Partners[0]) || got.FeedEnabled || !got.OrdersEnabled || got.Version != 2 {
		t.Errorf("partner: %+v", got)
	}
	for i, want := range []partner.Offer{a, b} {
		want.Version = 2
		if got := must[partner.Offer](t, "read")(e.Offer(e.ctx, m.ID, want.ID)); !reflect.DeepEqual(got, want) || !reflect.DeepEqual(done.Offers[i], want) {
			t.Errorf("offer %d: %+v, done %+v, want %+v", i, got, done.Offers[i], want)
		}
	}
	// One stale version, and nothing happens.
	p2, o2 := done.Partners[0], other
	p2.Name = "Never"
	o2.Version = 9
	_, err := e.ChangeAll(e.ctx, actor, m.ID, partner.Changeset{Partners: []partner.Partner{p2}, Offers: []partner.Offer{o2}})
	wantKind(t, "one stale account of two", err, feed.KindConflict)
	if got := must[partner.Partner](t, "read")(e.Partner(e.ctx, m.ID, p.ID)); got.Name == "Never" {
		t.Error("half of an act was done")
	}
	// One account alone, with the name of its own that a switch has.
	q := done.Partners[0]
	q.FeedEnabled = true
	must[partner.Changeset](t, "one")(e.ChangeAll(e.ctx, actor, m.ID, partner.Changeset{Partners: []partner.Partner{q}}))
	if line := e.lastAudit(t, m.ID, 1)[0]; line.Action != "partner.feed.on" {
		t.Errorf("a switch is audited as %q", line.Action)
	}
}

// testPartnerDiscounts changes the discounts of a partner under his offers.
func testPartnerDiscounts(t *testing.T, e *env) {
	m, own := e.account(t)
	five, err := feed.ParseDiscount("5")
	ok(t, "percent", err)
	ten, err := feed.ParseDiscount("10")
	ok(t, "percent", err)
	p := must[partner.Partner](t, "partner")(e.Partner(e.ctx, m.ID, own.Partner))
	p.Discounts = feed.Discounts{Overall: five, Producers: []feed.DiscountRule{{Key: "p1", Percent: ten}}}
	p = must[partner.Partner](t, "discounts")(e.UpdatePartner(e.ctx, actor, p))
	if read := must[partner.Partner](t, "read")(e.Partner(e.ctx, m.ID, p.ID)); !reflect.DeepEqual(read, p) {
		t.Errorf("wrote %+v, read %+v", p, read)
	}
	his := must[partner.Offer](t, "offer")(e.CreateOffer(e.ctx, actor, partner.Offer{ID: partner.NewOfferID(), Merchant: m.ID, Partner: p.ID, Shop: own.Shop,
		Name: "his", Profile: profileOf("PLN"), PartnerDiscounts: true, FeedEnabled: true}))
	if !reflect.DeepEqual(his.Profile.Discounts, p.Discounts) {
		t.Errorf("a new offer has the discounts %+v", his.Profile.Discounts)
	}
	key := his.Profile.LightKey()
	p.Discounts = feed.Discounts{Overall: ten}
	p = must[partner.Partner](t, "discounts")(e.UpdatePartner(e.ctx, actor, p))
	after := must[partner.Offer](t, "read")(e.Offer(e.ctx, m.ID, his.ID))
	if !reflect.DeepEqual(after.Profile.Discounts, p.Discounts) || after.Version != his.Version+1 || after.Profile.LightKey() == key {
		t.Errorf("after new discounts: %+v", after)
	}
	if got := must[partner.Offer](t, "read")(e.Offer(e.ctx, m.ID, own.ID)); !reflect.DeepEqual(got, own) {
		t.Errorf("an offer with discounts of its own became %+v", got)
	}
	moved := false
	for _, at := range must[partner.Accounts](t, "accounts")(e.Accounts(e.ctx)).Attachments {
		moved = moved || at.Offer == his.ID && at.Kind == feed.KindLight && at.Key == after.Profile.LightKey()
	}
	if !moved {
		t.Error("the offer is not attached to the feed of its new profile")
	}
	// Both at once: the offer takes the new ones, once.
	p.Discounts, after.Name = feed.Discounts{Overall: five}, "renamed"
	done := must[partner.Changeset](t, "both")(e.ChangeAll(e.ctx, actor, m.ID, partner.Changeset{Partners: []partner.Partner{p}, Offers: []partner.Offer{after}}))
	if o := done.Offers[0]; o.Profile.Discounts.Overall != five || o.Version != after.Version+1 {
		t.Errorf("changed together: %+v", o)
	}
	if got := must[partner.Offer](t, "read")(e.Offer(e.ctx, m.ID, his.ID)); !reflect.DeepEqual(got, done.Offers[0]) {
		t.Errorf("read %+v, want %+v", got, done.Offers[0])
	}
}

// testConflicts asks that a refused change tells what stands there and what was sent.
func testConflicts(t *testing.T, e *env) {
	m, o := e.account(t)
	p := must[partner.Partner](t, "partner")(e.Partner(e.ctx, m.ID, o.Partner))
	mine, yours := p, p
	mine.Phone = "1"
	must[partner.Partner](t, "first")(e.UpdatePartner(e.ctx, actor, mine))
	yours.Phone, yours.Email = "2", "other@example.com"
	_, err := e.UpdatePartner(e.ctx, actor, yours)
	wantKind(t, "second", err, feed.KindConflict)
	var c *partner.ConflictError
	if !errors.As(err, &c) {
		t.Fatalf("%v tells no difference", err)
	}
	want := []partner.Difference{{Name: "email", Stands: `"bike@example.com"`, Sent: `"other@example.com"`}, {Name: "phone", Stands: `"1"`, Sent: `"2"`}}
	if c.From != 1 || c.Now != 2 || !reflect.DeepEqual(c.Differences, want) {
		t.Errorf("got %+v, want %+v", c, want)
	}
	x := o
	x.Name = "x"
	must[partner.Offer](t, "first")(e.UpdateOffer(e.ctx, actor, x))
	_, err = e.SetOfferFeed(e.ctx, actor, m.ID, o.ID, false, 1)
	if !errors.As(err, &c) || len(c.Differences) != 1 || c.Differences[0] != (partner.Difference{Name: "feed", Stands: "true", Sent: "false"}) {
		t.Errorf("a switch from a stale version: %v", err)
	}
	n := m
	n.Name = "N"
	must[partner.Merchant](t, "first")(e.UpdateMerchant(e.ctx, actor, n))
	_, err = e.UpdateMerchant(e.ctx, actor, m)
	if !errors.As(err, &c) || len(c.Differences) != 1 || c.Differences[0].Name != "name" {
		t.Errorf("a merchant from a stale version: %v", err)
	}
}

func testShopUpdate(t *testing.T, e *env) {
	m, o := e.account(t)
	s := must[[]partner.Shop](t, "shops")(e.Shops(e.ctx, m.ID))[0]
	s.Name, s.Number = "Other", 12
	got := must[partner.Shop](t, "update")(e.UpdateShop(e.ctx, actor, s))
	if read := must[[]partner.Shop](t, "shops")(e.Shops(e.ctx, m.ID))[0]; read != got || got.Version != 2 || got.Number != 12 || got.ID != o.Shop {
		t.Errorf("got %+v, read %+v", got, read)
	}
	_, err := e.UpdateShop(e.ctx, actor, s)
	wantKind(t, "stale shop", err, feed.KindConflict)
	s.ID = partner.NewShopID()
	_, err = e.UpdateShop(e.ctx, actor, s)
	wantKind(t, "unknown shop", err, feed.KindNotFound)
	m2 := m
	m2.Alarm, m2.StaleAfter = partner.LinkAlarm{Addresses: 7, Suspend: true}, 90*time.Minute
	saved := must[partner.Merchant](t, "merchant")(e.UpdateMerchant(e.ctx, actor, m2))
	if read := must[partner.Merchant](t, "merchant")(e.Merchant(e.ctx, m.ID)); !reflect.DeepEqual(read, saved) || read.Alarm != m2.Alarm || read.StaleAfter != m2.StaleAfter {
		t.Errorf("merchant: %+v", read)
	}
}
