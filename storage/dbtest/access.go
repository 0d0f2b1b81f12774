package dbtest

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

func testAccess(t *testing.T, e *env) {
	a, offer := e.account(t)
	b, other := e.account(t)
	now := e.clock.Now()
	live, _ := partner.NewLink(a.ID, offer.ID, "live", now, now.Add(time.Hour))
	revoked, _ := partner.NewLink(a.ID, offer.ID, "revoked", now, time.Time{})
	expired, _ := partner.NewLink(b.ID, other.ID, "expired", now, now.Add(time.Second))
	for _, l := range []partner.Link{live, revoked, expired} {
		ok(t, "link", e.CreateLink(e.ctx, actor, l))
	}
	ok(t, "revoke", e.RevokeLink(e.ctx, actor, a.ID, revoked.ID))
	e.clock.advance(time.Minute)

	got := must[partner.Accounts](t, "accounts")(e.Accounts(e.ctx))
	if len(got.Merchants) != 2 || len(got.Shops) != 2 || len(got.Partners) != 2 || len(got.Offers) != 2 {
		t.Errorf("accounts = %+v", got)
	}
	if i := slices.IndexFunc(got.Offers, func(o partner.Offer) bool { return o.ID == offer.ID }); i < 0 || !reflect.DeepEqual(got.Offers[i], offer) {
		t.Errorf("offers = %+v", got.Offers)
	}
	if len(got.Links) != 1 || !reflect.DeepEqual(got.Links[0], live) {
		t.Errorf("links = %+v, want the live one alone", got.Links)
	}
	if got.Version != must[partner.Version](t, "version")(e.AccessVersion(e.ctx)) {
		t.Errorf("version = %v", got.Version)
	}
	var keys []string
	for _, at := range got.Attachments {
		if at.Offer == offer.ID && at.Until.IsZero() {
			keys = append(keys, at.Kind.String()+" "+at.Key)
		}
	}
	slices.Sort(keys)
	if want := []string{"full " + offer.Profile.FullKey(), "light " + offer.Profile.LightKey()}; !slices.Equal(keys, want) {
		t.Errorf("attachments = %v, want %v", keys, want)
	}

	full := e.publish(t, a.ID, offer.Profile.FullKey(), feed.KindFull, nil)
	light := e.publish(t, a.ID, offer.Profile.LightKey(), feed.KindLight, nil)
	e.publish(t, a.ID, "nobody's", feed.KindFull, nil)
	list := must[[]publish.Generation](t, "generations")(e.CurrentGenerations(e.ctx, nil))
	slices.SortFunc(list, func(a, b publish.Generation) int { return int(a.Number - b.Number) })
	if !reflect.DeepEqual(list, []publish.Generation{full, light}) {
		t.Errorf("generations = %+v", list)
	}
	next := e.publish(t, a.ID, offer.Profile.LightKey(), feed.KindLight, &light)
	list = must[[]publish.Generation](t, "generations")(e.CurrentGenerations(e.ctx, map[publish.FeedRef]int64{full.Feed: full.Number, light.Feed: light.Number}))
	if !reflect.DeepEqual(list, []publish.Generation{next}) {
		t.Errorf("generations that moved = %+v", list)
	}
}

// testAccessVersion asks that every change of the accounts and every
// publication counts, and that the subscriber is told before the method returns.
func testAccessVersion(t *testing.T, e *env) {
	told := 0
	cancel := e.Subscribe(func() { told++ })
	m, o := e.account(t)
	link, _ := partner.NewLink(m.ID, o.ID, "a", e.clock.Now(), time.Time{})
	next, _ := partner.NewLink(m.ID, o.ID, "b", e.clock.Now(), time.Time{})
	spare := partner.Shop{ID: partner.NewShopID(), Merchant: m.ID, Number: 9, Name: "Spare"}
	var full publish.Generation
	ignore := func(_ any, err error) error { return err }
	for _, c := range []struct {
		name     string
		pointers bool
		do       func() error
	}{
		{"create link", false, func() error { return e.CreateLink(e.ctx, actor, link) }},
		{"rotate link", false, func() error { return e.RotateLink(e.ctx, actor, link.ID, next, time.Hour) }},
		{"revoke link", false, func() error { return e.RevokeLink(e.ctx, actor, m.ID, link.ID) }},
		{"partner off", false, func() error { return ignore(e.SetPartnerFeed(e.ctx, actor, m.ID, o.Partner, false, 1)) }},
		{"offer off", false, func() error { return ignore(e.SetOfferFeed(e.ctx, actor, m.ID, o.ID, false, 1)) }},
		{"sharing off", false, func() error { return ignore(e.SetSharing(e.ctx, actor, m.ID, false, 1)) }},
		{"merchant", false, func() error { x := m; x.Version = 2; return ignore(e.UpdateMerchant(e.ctx, actor, x)) }},
		{"partner", false, func() error {
			return ignore(e.UpdatePartner(e.ctx, actor, partner.Partner{ID: o.Partner, Merchant: m.ID, Name: "N", Version: 2}))
		}},
		{"offer", false, func() error {
			x := o
			x.Version, x.Profile = 2, profileOf("USD")
			return ignore(e.UpdateOffer(e.ctx, actor, x))
		}},
		{"create shop", false, func() error { return e.CreateShop(e.ctx, actor, spare) }},
		{"delete shop", false, func() error { return e.DeleteShop(e.ctx, actor, m.ID, spare.ID) }},
		{"publish", true, func() error {
			full = e.next(t, m.ID, "some", feed.KindFull, nil)
			return e.commit(full)
		}},
		{"revoke the other link", false, func() error { return e.RevokeLink(e.ctx, actor, m.ID, next.ID) }},
		{"delete offer", false, func() error { return e.DeleteOffer(e.ctx, actor, m.ID, o.ID, 3) }},
	} {
		before, n := must[partner.Version](t, "version")(e.AccessVersion(e.ctx)), told
		ok(t, c.name, c.do())
		after := must[partner.Version](t, "version")(e.AccessVersion(e.ctx))
		if c.pointers && (after.Pointers <= before.Pointers || after.Accounts != before.Accounts) || !c.pointers && (after.Accounts <= before.Accounts || after.Pointers != before.Pointers) {
			t.Errorf("%s: version %v follows %v", c.name, after, before)
		}
		if told != n+1 {
			t.Errorf("%s: the subscriber was told %d times, want once", c.name, told-n)
		}
	}
	n := told
	e.load(t, m.ID, partner.MergeUpsert, products(1, 2, "a"))
	if told != n {
		t.Error("an import told the file servers, who see none of it")
	}
	cancel()
	must[partner.Merchant](t, "on")(e.SetSharing(e.ctx, actor, m.ID, true, 3))
	if told != n {
		t.Error("a subscriber was told after its cancel")
	}
}

// served asks for a file's address.
func (e *env) served(t *testing.T, o partner.Offer, f publish.File) bool {
	t.Helper()
	got, found, err := e.FileByAddress(e.ctx, o.Merchant, o.ID, f.Generation, f.Kind, f.Label)
	ok(t, "file by address", err)
	if found && !reflect.DeepEqual(got, f) {
		t.Errorf("got %+v, want %+v", got, f)
	}
	return found
}

// testAddresses follows the files of a full and a light feed through their time.
func testAddresses(t *testing.T, e *env) {
	m, o := e.account(t)
	_, foreign := e.account(t)
	same := e.offer(t, m.ID, e.partner(t, m.ID).ID, o.Shop, o.Profile)
	full := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, nil)
	light := e.publish(t, m.ID, o.Profile.LightKey(), feed.KindLight, nil)
	hidden := e.publish(t, m.ID, "another's", feed.KindFull, nil)
	if !e.served(t, o, full.Files[0]) || !e.served(t, o, light.Files[0]) || !e.served(t, same, full.Files[0]) {
		t.Error("current files are not served")
	}
	if e.served(t, foreign, full.Files[0]) || e.served(t, o, hidden.Files[0]) {
		t.Error("files of another's feed are served")
	}
	for _, c := range []struct {
		generation int64
		kind       feed.Kind
		label      string
	}{{full.Number + 100, feed.KindFull, ""}, {full.Number, feed.KindLight, ""}, {full.Number, feed.KindFull, "x"}, {0, feed.KindFull, ""}} {
		if _, found, err := e.FileByAddress(e.ctx, m.ID, o.ID, c.generation, c.kind, c.label); found || err != nil {
			t.Errorf("address %v: %v, %v", c, found, err)
		}
	}
	if _, found, _ := e.FileByAddress(e.ctx, foreign.Merchant, o.ID, full.Number, feed.KindFull, ""); found {
		t.Error("an address is served in another merchant's name")
	}

	full2 := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, &full)
	light2 := e.publish(t, m.ID, o.Profile.LightKey(), feed.KindLight, &light)
	full3 := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, &full2)
	for _, step := range []struct {
		advance          time.Duration
		oldFull, oldDiff bool
		oldLight         bool
	}{
		{119 * time.Minute, true, true, true},
		{2 * time.Minute, true, true, false},
		{69 * time.Hour, true, true, false},
		{2 * time.Hour, false, true, false}, // the change file is listed still
	} {
		e.clock.advance(step.advance)
		if got := e.served(t, o, full.Files[0]); got != step.oldFull {
			t.Errorf("%v on: old full served %v, want %v", step.advance, got, step.oldFull)
		}
		if got := e.served(t, o, full2.Files[1]); got != step.oldDiff {
			t.Errorf("%v on: old change served %v, want %v", step.advance, got, step.oldDiff)
		}
		if got := e.served(t, o, light.Files[0]); got != step.oldLight {
			t.Errorf("%v on: old light served %v, want %v", step.advance, got, step.oldLight)
		}
		for _, f := range append(slices.Clone(full3.Files), light2.Files...) {
			if !e.served(t, o, f) {
				t.Errorf("%v on: current %s of %d is not served", step.advance, f.Kind, f.Generation)
			}
		}
	}
	// Who comes later is not shown what was replaced before.
	full4 := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, &full3)
	late := e.offer(t, m.ID, e.partner(t, m.ID).ID, o.Shop, o.Profile)
	if e.served(t, late, full3.Files[0]) || !e.served(t, late, full4.Files[0]) || !e.served(t, o, full3.Files[0]) {
		t.Error("a new offer is served what was replaced before it was made, or not what is current")
	}
	if n := len(must[[]publish.Generation](t, "generations")(e.CurrentGenerations(e.ctx, nil))); n != 2 {
		t.Errorf("%d feeds, want the two that offers are read from", n)
	}
}

// testAddressesAfterProfileChange moves an offer to a feed that is published
// already: what the last gateway listed goes on for its time and not longer.
func testAddressesAfterProfileChange(t *testing.T, e *env) {
	m, o := e.account(t)
	eur := profileOf("EUR")
	before := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, nil)
	after := e.publish(t, m.ID, eur.FullKey(), feed.KindFull, nil)
	if e.served(t, o, after.Files[0]) {
		t.Error("a feed is served before the offer is moved to it")
	}
	moved := o
	moved.Profile = eur
	moved = must[partner.Offer](t, "move")(e.UpdateOffer(e.ctx, actor, moved))
	before2 := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, &before)
	if !e.served(t, o, before.Files[0]) || !e.served(t, o, after.Files[0]) {
		t.Error("after the move the old or the new file is not served")
	}
	if e.served(t, o, before2.Files[0]) {
		t.Error("what the old feed published after the move is served")
	}
	e.clock.advance(71 * time.Hour)
	if !e.served(t, o, before.Files[0]) {
		t.Error("the old file is not served for 72 hours")
	}
	e.clock.advance(2 * time.Hour)
	if e.served(t, o, before.Files[0]) || !e.served(t, o, after.Files[0]) {
		t.Error("after 72 hours the old file is served, or the new one is not")
	}
	// And back: the old feed's present file, at once.
	moved.Profile = o.Profile
	must[partner.Offer](t, "back")(e.UpdateOffer(e.ctx, actor, moved))
	if !e.served(t, o, before2.Files[0]) {
		t.Error("after the way back the present file is not served")
	}
}

// testStaleRatherThanDown moves an offer to a feed that nobody has published
// yet: until it is, the old one goes on being the offer's.
func testStaleRatherThanDown(t *testing.T, e *env) {
	m, o := e.account(t)
	eur := profileOf("EUR")
	g1 := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, nil)
	moved := o
	moved.Profile = eur
	must[partner.Offer](t, "move")(e.UpdateOffer(e.ctx, actor, moved))
	open := func() (keys []string) {
		for _, at := range must[partner.Accounts](t, "accounts")(e.Accounts(e.ctx)).Attachments {
			if at.Kind == feed.KindFull && at.Until.IsZero() {
				keys = append(keys, at.Key)
			}
		}
		return keys
	}
	if got, want := open(), []string{eur.FullKey(), o.Profile.FullKey()}; !slices.Equal(got, want) {
		t.Errorf("attached to %v, want %v, the newest first", got, want)
	}
	g2 := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, &g1)
	if !e.served(t, o, g2.Files[0]) {
		t.Error("the old feed is cut off before the new one is there")
	}
	version := must[partner.Version](t, "version")(e.AccessVersion(e.ctx))
	first := e.publish(t, m.ID, eur.FullKey(), feed.KindFull, nil)
	if got, want := open(), []string{eur.FullKey()}; !slices.Equal(got, want) {
		t.Errorf("attached to %v, want %v", got, want)
	}
	if now := must[partner.Version](t, "version")(e.AccessVersion(e.ctx)); now.Accounts <= version.Accounts {
		t.Error("file servers are not told that the offer has left the old feed")
	}
	g3 := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, &g2)
	if !e.served(t, o, first.Files[0]) || !e.served(t, o, g2.Files[0]) || e.served(t, o, g3.Files[0]) {
		t.Error("after the first publication: the new file, the last old one, and nothing newer of the old feed")
	}
}

func testGarbage(t *testing.T, e *env) {
	m, o := e.account(t)
	key := o.Profile.FullKey()
	g1 := e.publish(t, m.ID, key, feed.KindFull, nil)
	g2 := e.publish(t, m.ID, key, feed.KindFull, &g1)
	g3 := e.publish(t, m.ID, key, feed.KindFull, &g2)
	light := e.publish(t, m.ID, o.Profile.LightKey(), feed.KindLight, nil)
	e.publish(t, m.ID, o.Profile.LightKey(), feed.KindLight, &light)
	condemn := func(want int64) {
		t.Helper()
		if n := must[int64](t, "condemn")(e.CondemnBlobs(e.ctx, m.ID, 1000)); n != want {
			t.Errorf("%d blobs condemned, want %d", n, want)
		}
	}
	deleting := func() []publish.Blob {
		t.Helper()
		return must[[]publish.Blob](t, "deleting")(e.DeletingBlobs(e.ctx, m.ID, 24*time.Hour, 1000))
	}
	e.clock.advance(119 * time.Minute)
	condemn(0)
	e.clock.advance(2 * time.Minute)
	condemn(3) // the first light, its twin and its state
	e.clock.advance(69 * time.Hour)
	condemn(0)
	e.clock.advance(2 * time.Hour)
	condemn(6) // full, twin and state of the first two; the change of the second is listed
	if got := e.current(t, g3.Feed); !reflect.DeepEqual(got, g3) {
		t.Errorf("condemning changed the current generation: %+v", got)
	}
	// A publication revives what it lists.
	g4 := e.next(t, m.ID, key, feed.KindFull, &g3)
	g4.Files = append(slices.Clone(g1.Files), g4.Files[1:]...)
	ok(t, "commit", e.commit(g4))
	e.clock.advance(25 * time.Hour)
	if early := deleting(); len(early) != 0 {
		t.Errorf("deleting %+v that no sweep has found condemned yet", early)
	}
	ok(t, "observe", e.ObserveCondemned(e.ctx, m.ID))
	dead := deleting()
	if len(dead) != 7 || slices.Contains(dead, g1.Files[0].Plain) || !slices.Contains(dead, g2.Files[0].Plain) || !slices.Contains(dead, light.State) {
		t.Errorf("deleting %+v, want the seven that nothing lists", dead)
	}
	g5 := e.next(t, m.ID, key, feed.KindFull, &g4)
	g5.Files = slices.Clone(g2.Files)
	wantKind(t, "listing a blob that is being deleted", e.commit(g5), feed.KindConflict)
	if again := deleting(); !reflect.DeepEqual(again, dead) {
		t.Errorf("asked again: %+v, want the same", again)
	}
	other := e.merchant(t)
	for _, b := range dead {
		ok(t, "foreign forget", e.ForgetBlob(e.ctx, other.ID, b.Key))
	}
	if n := len(deleting()); n != 7 {
		t.Errorf("%d left after another merchant's attempt, want 7", n)
	}
	if n := must[int64](t, "prune")(e.PruneHistory(e.ctx, m.ID)); n != 0 {
		t.Errorf("%d generations removed while their blobs are there", n)
	}
	for _, b := range append(dead, g3.Files[0].Plain) { // the last is live and stays
		ok(t, "forget", e.ForgetBlob(e.ctx, m.ID, b.Key))
	}
	if n := len(deleting()); n != 0 {
		t.Errorf("%d left, want none", n)
	}
	wantKind(t, "listing a file that is gone", e.commit(g5), feed.KindConflict)
	// The first light is gone for good; the first full generation has a file that
	// is listed, the second one that is, the third is of today.
	if n := must[int64](t, "prune")(e.PruneHistory(e.ctx, m.ID)); n != 1 {
		t.Errorf("%d generations removed, want 1", n)
	}
	want := slices.Clone(g4.Files)
	if got := e.current(t, g4.Feed); !reflect.DeepEqual(got.Files, want) {
		t.Errorf("current lists %+v, want %+v", got.Files, want)
	}
	for _, f := range want {
		if !e.served(t, o, f) {
			t.Errorf("%s of generation %d is not served", f.Kind, f.Generation)
		}
	}
	g6 := e.publish(t, m.ID, key, feed.KindFull, &g4)
	if g6.Number <= g5.Number {
		t.Errorf("number %d follows %d", g6.Number, g5.Number)
	}
}
