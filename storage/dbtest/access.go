package dbtest

import (
	"maps"
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
	// Those that have ended are told of for as long as the ledger keeps their use.
	known := func(a partner.Accounts) map[string]partner.Link {
		links := map[string]partner.Link{}
		for _, l := range a.Links {
			links[l.Name] = l
		}
		return links
	}
	if links := known(got); len(got.Links) != 3 || !reflect.DeepEqual(links["live"], live) || links["revoked"].RevokedAt.IsZero() || !reflect.DeepEqual(links["expired"], expired) {
		t.Errorf("links = %+v, want all three", got.Links)
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
	gone := publish.FeedRef{Merchant: string(a.ID), Kind: feed.KindFull, Key: "nobody's"}
	before := map[publish.FeedRef]int64{full.Feed: full.Number, light.Feed: light.Number, gone: 1}
	list = must[[]publish.Generation](t, "generations")(e.CurrentGenerations(e.ctx, before))
	if !reflect.DeepEqual(list, []publish.Generation{next}) {
		t.Errorf("generations that moved = %+v", list)
	}
	if want := map[publish.FeedRef]int64{full.Feed: full.Number, light.Feed: light.Number}; !maps.Equal(before, want) {
		t.Errorf("known are %v, want %v: nobody uses the third", before, want)
	}
	lasting, _ := partner.NewLink(a.ID, offer.ID, "lasting", now, time.Time{})
	ok(t, "link", e.CreateLink(e.ctx, actor, lasting))
	e.clock.advance(partner.LedgerAge)
	if links := known(must[partner.Accounts](t, "accounts")(e.Accounts(e.ctx))); len(links) != 2 || links["live"].ID != live.ID || links["lasting"].ID != lasting.ID {
		t.Errorf("links a month later = %+v, want one that has lately expired and one that lives", links)
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
		{2*time.Minute + partner.EdgeBehind, true, true, false},
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
	e.clock.advance(partner.EdgeBehind)
	late := e.offer(t, m.ID, e.partner(t, m.ID).ID, o.Shop, o.Profile)
	if e.served(t, late, full3.Files[0]) || !e.served(t, late, full4.Files[0]) || !e.served(t, o, full3.Files[0]) {
		t.Error("a new offer is served what was replaced before it was made, or not what is current")
	}
	if n := len(must[[]publish.Generation](t, "generations")(e.CurrentGenerations(e.ctx, nil))); n != 2 {
		t.Errorf("%d feeds, want the two that offers are read from", n)
	}
}

// testAddressesAfterTheClockWasSetBack replaces files, and moves their offer, at
// times before those at which they were published.
func testAddressesAfterTheClockWasSetBack(t *testing.T, e *env) {
	m, o := e.account(t)
	full := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, nil)
	light := e.publish(t, m.ID, o.Profile.LightKey(), feed.KindLight, nil)
	e.clock.advance(-400 * 24 * time.Hour)
	full2 := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, &full)
	e.publish(t, m.ID, o.Profile.LightKey(), feed.KindLight, &light)
	want := func(when string, wantFull, wantLight bool) {
		t.Helper()
		if gotFull, gotLight := e.served(t, o, full.Files[0]), e.served(t, o, light.Files[0]); gotFull != wantFull || gotLight != wantLight {
			t.Errorf("%s: the old full is served %v, the old light %v; want %v, %v", when, gotFull, gotLight, wantFull, wantLight)
		}
	}
	want("just replaced", true, true)
	e.clock.advance(71 * time.Hour)
	want("71 hours later", true, false)
	e.clock.advance(2 * time.Hour)
	want("73 hours later", false, false)
	eur := profileOf("EUR")
	e.offer(t, m.ID, e.partner(t, m.ID).ID, o.Shop, eur)
	e.clock.advance(time.Hour)
	e.publish(t, m.ID, eur.FullKey(), feed.KindFull, nil)
	e.publish(t, m.ID, eur.LightKey(), feed.KindLight, nil)
	e.clock.advance(-4 * 24 * time.Hour)
	moved := o
	moved.Profile = eur
	must[partner.Offer](t, "move")(e.UpdateOffer(e.ctx, actor, moved))
	e.clock.advance(2 * partner.EdgeBehind)
	if !e.served(t, o, full2.Files[0]) {
		t.Error("after a move before its time the file that was left is not served")
	}
}

// testAddressesAfterProfileChange moves an offer to feeds that another offer
// shows: what the last gateway listed goes on for its time and not longer.
func testAddressesAfterProfileChange(t *testing.T, e *env) {
	m, o := e.account(t)
	eur := profileOf("EUR")
	e.offer(t, m.ID, e.partner(t, m.ID).ID, o.Shop, eur)
	before := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, nil)
	light := e.publish(t, m.ID, o.Profile.LightKey(), feed.KindLight, nil)
	after := e.publish(t, m.ID, eur.FullKey(), feed.KindFull, nil)
	e.publish(t, m.ID, eur.LightKey(), feed.KindLight, nil)
	if e.served(t, o, after.Files[0]) {
		t.Error("a feed is served before the offer is moved to it")
	}
	moved := o
	moved.Profile = eur
	moved = must[partner.Offer](t, "move")(e.UpdateOffer(e.ctx, actor, moved))
	if got, want := e.shown(t, o), []string{eur.FullKey(), eur.LightKey()}; !slices.Equal(got, want) {
		t.Errorf("the offer shows %v, want %v at once", got, want)
	}
	// An edge that has not heard of the move yet names what the run under way
	// publishes, and what it names is answered.
	e.clock.advance(partner.EdgeBehind / 2)
	race := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, &before)
	lightRace := e.publish(t, m.ID, o.Profile.LightKey(), feed.KindLight, &light)
	e.clock.advance(partner.EdgeBehind)
	before2 := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, &race)
	if !e.served(t, o, before.Files[0]) || !e.served(t, o, after.Files[0]) {
		t.Error("after the move the old or the new file is not served")
	}
	if !e.served(t, o, race.Files[0]) || !e.served(t, o, lightRace.Files[0]) {
		t.Error("what the old feed published while edges heard of the move is not served")
	}
	if e.served(t, o, before2.Files[0]) {
		t.Error("what the old feed published long after the move is served")
	}
	e.clock.advance(71 * time.Hour)
	if !e.served(t, o, before.Files[0]) || e.served(t, o, lightRace.Files[0]) {
		t.Error("the old file is not served for 72 hours, or light for more than 2")
	}
	e.clock.advance(2 * time.Hour)
	if e.served(t, o, before.Files[0]) || e.served(t, o, race.Files[0]) || !e.served(t, o, after.Files[0]) {
		t.Error("after 72 hours the old file is served, or the new one is not")
	}
	// And back: the old feed's present file, once a run has found it up to date.
	moved.Profile = o.Profile
	must[partner.Offer](t, "back")(e.UpdateOffer(e.ctx, actor, moved))
	ok(t, "look", e.look(t, m.ID, publish.Cursor{Event: 1}, before2.Feed, lightRace.Feed))
	if got, want := e.shown(t, o), []string{o.Profile.FullKey(), o.Profile.LightKey()}; !slices.Equal(got, want) || !e.served(t, o, before2.Files[0]) {
		t.Errorf("after the way back %v is shown, want %v, and its present file served", got, want)
	}
}

// shown gives the keys of the feeds that an offer shows, as file servers see it.
func (e *env) shown(t *testing.T, o partner.Offer) (keys []string) {
	t.Helper()
	at := map[feed.Kind]string{}
	for _, a := range must[partner.Accounts](t, "accounts")(e.Accounts(e.ctx)).Attachments {
		if a.Offer == o.ID && a.Until.IsZero() && !a.Pending {
			at[a.Kind] = a.Key // the oldest stands last
		}
	}
	for _, k := range []feed.Kind{feed.KindFull, feed.KindLight} {
		if at[k] != "" {
			keys = append(keys, at[k])
		}
	}
	return keys
}

// look makes a run that finds nothing to publish in some feeds.
func (e *env) look(t *testing.T, m partner.MerchantID, c publish.Cursor, feeds ...publish.FeedRef) error {
	t.Helper()
	cursors := map[publish.FeedRef]publish.Cursor{}
	for _, f := range feeds {
		cursors[f] = c
	}
	return e.Commit(e.ctx, e.begin(t, m, 1), nil, cursors)
}

// testStaleRatherThanDown moves an offer to a feed that nobody has published
// yet: until both of its feeds are, the old ones go on being the offer's.
func testStaleRatherThanDown(t *testing.T, e *env) {
	m, o := e.account(t)
	eur := profileOf("EUR")
	g1 := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, nil)
	l1 := e.publish(t, m.ID, o.Profile.LightKey(), feed.KindLight, nil)
	old, fresh := []string{o.Profile.FullKey(), o.Profile.LightKey()}, []string{eur.FullKey(), eur.LightKey()}
	moved := o
	moved.Profile = eur
	moved = must[partner.Offer](t, "move")(e.UpdateOffer(e.ctx, actor, moved))
	show := func(when string, want []string) {
		t.Helper()
		if got := e.shown(t, o); !slices.Equal(got, want) {
			t.Errorf("%s: the offer shows %v, want %v", when, got, want)
		}
	}
	show("nothing is there", old)
	g2 := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, &g1)
	if !e.served(t, o, g2.Files[0]) {
		t.Error("the old feed is cut off before the new one is there")
	}
	first := e.publish(t, m.ID, eur.FullKey(), feed.KindFull, nil)
	show("one of two is there", old)
	version := must[partner.Version](t, "version")(e.AccessVersion(e.ctx))
	e.clock.advance(partner.EdgeBehind)
	light := e.publish(t, m.ID, eur.LightKey(), feed.KindLight, nil)
	show("both are there", fresh)
	if now := must[partner.Version](t, "version")(e.AccessVersion(e.ctx)); now.Accounts <= version.Accounts {
		t.Error("file servers are not told that the offer has left the old feed")
	}
	e.clock.advance(partner.EdgeBehind)
	g3 := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, &g2)
	if !e.served(t, o, first.Files[0]) || !e.served(t, o, light.Files[0]) || !e.served(t, o, g2.Files[0]) || !e.served(t, o, l1.Files[0]) || e.served(t, o, g3.Files[0]) {
		t.Error("after the first publication: the new files, the last old ones, and nothing newer of the old feed")
	}

	// Back after days in which nobody kept the old feed up to date: what it has is
	// older than what the offer shows.
	e.clock.advance(5 * 24 * time.Hour)
	moved.Profile = o.Profile
	moved = must[partner.Offer](t, "back")(e.UpdateOffer(e.ctx, actor, moved))
	show("the old feed is of days ago", fresh)
	other := e.offer(t, m.ID, e.partner(t, m.ID).ID, o.Shop, o.Profile)
	if got := e.shown(t, other); got != nil {
		t.Errorf("a new offer shows %v, which nobody has kept up to date", got)
	}
	// Neither does it help that another offer waits for the same, nor that one is
	// still attached that nothing is published for.
	third := e.offer(t, m.ID, e.partner(t, m.ID).ID, o.Shop, eur)
	if got := e.shown(t, third); !slices.Equal(got, nil) {
		t.Errorf("a new offer shows %v, which is shown by an offer that leaves it", got)
	}
	moved.Profile = eur
	moved = must[partner.Offer](t, "to and fro")(e.UpdateOffer(e.ctx, actor, moved))
	show("to and fro", fresh)
	moved.Profile = o.Profile
	must[partner.Offer](t, "fro")(e.UpdateOffer(e.ctx, actor, moved))
	show("fro", fresh)
	// What is held is renewed with a longer life and no new file: it is as old.
	again := e.next(t, m.ID, o.Profile.FullKey(), feed.KindFull, &g3)
	again.Files, again.State = slices.Clone(g3.Files), g3.State
	ok(t, "renew", e.commit(again))
	show("the old feed is renewed", fresh)
	// A run that waits moves no cursor; one that finds nothing new does.
	ok(t, "wait", e.look(t, m.ID, publish.Cursor{}, g3.Feed, l1.Feed))
	show("a run that waits", fresh)
	ok(t, "look", e.look(t, m.ID, publish.Cursor{Event: 7}, g3.Feed))
	show("one of two is looked at", fresh)
	ok(t, "look", e.look(t, m.ID, publish.Cursor{Event: 7}, l1.Feed))
	show("both are up to date", old)
	if got := e.shown(t, other); !slices.Equal(got, old) {
		t.Errorf("the new offer shows %v, want %v", got, old)
	}
	if !e.served(t, o, again.Files[0]) || !e.served(t, o, first.Files[0]) || !e.served(t, o, light.Files[0]) {
		t.Error("what is shown now, or was shown until now, is not served")
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
	e.clock.advance(2*time.Minute + partner.EdgeBehind)
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
		ok(t, "foreign putting off", e.PutOffBlob(e.ctx, other.ID, b.Key))
	}
	ok(t, "put off what is live", e.PutOffBlob(e.ctx, m.ID, g3.Files[0].Plain.Key))
	if again := deleting(); !reflect.DeepEqual(again, dead) {
		t.Errorf("after another merchant's attempt: %+v, want %+v", again, dead)
	}
	// What was put off comes last, in turn, and others hold it up no more than it does them.
	for _, b := range dead[:4] {
		e.clock.advance(time.Minute)
		ok(t, "put off", e.PutOffBlob(e.ctx, m.ID, b.Key))
	}
	inTurn := []publish.Blob{dead[4], dead[5], dead[6], dead[3], dead[2], dead[1], dead[0]}
	if again := deleting(); !reflect.DeepEqual(again, inTurn) {
		t.Errorf("after four were put off: %+v, want %+v", again, inTurn)
	}
	if few := must[[]publish.Blob](t, "deleting")(e.DeletingBlobs(e.ctx, m.ID, 24*time.Hour, 4)); !reflect.DeepEqual(few, []publish.Blob{dead[4], dead[5], dead[1], dead[0]}) {
		t.Errorf("four of them: %+v, want half of each sort", few)
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
