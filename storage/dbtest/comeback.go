package dbtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// testComingBack blocks partners, and switches all sharing off, for shorter and
// for longer. Whoever comes back is shown what he had at once, unless runs have
// gone on without it for a day: then the next run shows it.
func testComingBack(t *testing.T, e *env) {
	m, alone := e.account(t)
	eur := profileOf("EUR")
	shared := e.offer(t, m.ID, e.partner(t, m.ID).ID, alone.Shop, eur)
	e.offer(t, m.ID, e.partner(t, m.ID).ID, alone.Shop, eur)
	feeds := map[string][]publish.FeedRef{}
	for _, o := range []*partner.Offer{&alone, &shared} {
		full := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, nil)
		light := e.publish(t, m.ID, o.Profile.LightKey(), feed.KindLight, nil)
		feeds[o.Profile.FullKey()] = []publish.FeedRef{full.Feed, light.Feed}
	}
	head := int64(0)
	// run is one for some offers, after something has changed.
	run := func(of ...partner.Offer) {
		t.Helper()
		must[partner.PutResult](t, "change a product")(e.PutProducts(e.ctx, actor, m.ID, []partner.StagedProduct{staged(1, fmt.Sprint("revision ", head))}, nil))
		e.sequence(t)
		list := e.events(t, m.ID, head)
		head = list[len(list)-1].Number
		for _, o := range of {
			ok(t, "run", e.look(t, m.ID, publish.Cursor{Event: head}, feeds[o.Profile.FullKey()]...))
		}
		ok(t, "settle", e.SettleEvents(e.ctx, m.ID, head))
	}
	state := func(o partner.Offer, s partner.State) {
		t.Helper()
		p := must[partner.Partner](t, "partner")(e.Partner(e.ctx, m.ID, o.Partner))
		p.State = s
		must[partner.Partner](t, "change a partner")(e.UpdatePartner(e.ctx, actor, p))
	}
	sharing := func(on bool) {
		t.Helper()
		now := must[partner.Merchant](t, "merchant")(e.Merchant(e.ctx, m.ID))
		must[partner.Merchant](t, "switch sharing")(e.SetSharing(e.ctx, actor, m.ID, on, now.Version))
	}
	shows := func(when string, o partner.Offer, want bool) {
		t.Helper()
		keys := []string{o.Profile.FullKey(), o.Profile.LightKey()}
		if !want {
			keys = nil
		}
		if got := e.shown(t, o); !slices.Equal(got, keys) {
			t.Errorf("%s: the offer shows %v, want %v", when, got, keys)
		}
		for _, f := range must[[]partner.Freshness](t, "freshness")(e.Freshness(e.ctx, m.ID)) {
			if f.Offer == o.ID && f.Nothing == want {
				t.Errorf("%s: the merchant is told that the offer shows nothing: %v, want %v", when, f.Nothing, !want)
			}
		}
	}
	run(alone, shared)

	state(alone, partner.StateBlocked)
	run(shared)
	e.clock.advance(23 * time.Hour)
	state(alone, partner.StateActive)
	shows("blocked for less than a day", alone, true)
	run(alone, shared)

	state(alone, partner.StateBlocked)
	e.clock.advance(40 * 24 * time.Hour)
	state(alone, partner.StateActive)
	shows("blocked for long while nothing has changed", alone, true)
	run(alone, shared)

	state(alone, partner.StateBlocked)
	state(shared, partner.StateBlocked)
	run(shared)
	e.clock.advance(25 * time.Hour)
	run(shared)
	state(alone, partner.StateActive)
	state(shared, partner.StateActive)
	shows("blocked for a day in which runs went on", alone, false)
	shows("another partner kept the feed up to date", shared, true)
	run(alone, shared)
	shows("a run has looked at it", alone, true)

	// What nobody has published for days is no reason: others are shown it as well.
	must[partner.PutResult](t, "change a product")(e.PutProducts(e.ctx, actor, m.ID, []partner.StagedProduct{staged(1, "one that waits")}, nil))
	e.sequence(t)
	state(alone, partner.StateBlocked)
	e.clock.advance(48 * time.Hour)
	state(alone, partner.StateActive)
	shows("no run has been", alone, true)
	run(alone, shared)

	sharing(false)
	run()
	e.clock.advance(time.Hour)
	sharing(true)
	shows("sharing was off for an hour", alone, true)
	run(alone, shared)
	sharing(false)
	run()
	e.clock.advance(25 * time.Hour)
	sharing(true)
	shows("sharing was off for a day", alone, false)
	shows("sharing was off for a day", shared, false)
	run(alone, shared)
	shows("after a run", alone, true)
	shows("after a run", shared, true)

	// Events that were trimmed meanwhile were missed as well.
	state(alone, partner.StateBlocked)
	run(shared)
	for range 3 {
		e.clock.advance(20 * 24 * time.Hour)
		run(shared)
		must[int64](t, "trim")(e.TrimEvents(e.ctx, m.ID))
	}
	e.clock.advance(time.Hour)
	state(alone, partner.StateActive)
	shows("blocked for months", alone, false)

	// What the next run makes may be held. Whoever waits for it is shown it when
	// people release it, if it is not days old then.
	hold := func() (run string) {
		t.Helper()
		r := e.begin(t, m.ID, 2)
		var list []publish.Held
		for i, f := range feeds[alone.Profile.FullKey()] {
			base := e.current(t, f)
			h := publish.Held{Generation: e.numbered(r.First+int64(i), m.ID, f.Key, f.Kind, &base), Reason: publish.HeldError{Feed: f, Before: 3}}
			h.Generation.Cursor = head
			list = append(list, h)
		}
		ok(t, "hold", e.Hold(e.ctx, r, list))
		return r.ID
	}
	shows("held", alone, false)
	must[[]publish.HeldRecord](t, "release")(e.ReleaseHeld(e.ctx, actor, m.ID, hold()))
	shows("released", alone, true)

	state(alone, partner.StateBlocked)
	run(shared)
	e.clock.advance(25 * time.Hour)
	run(shared)
	state(alone, partner.StateActive)
	shows("blocked for a day in which runs went on", alone, false)
	old := hold()
	run(shared)
	e.clock.advance(25 * time.Hour)
	must[[]publish.HeldRecord](t, "release")(e.ReleaseHeld(e.ctx, actor, m.ID, old))
	shows("released when runs had gone on without it for a day", alone, false)
	run(alone, shared)
	shows("and a run has looked at it", alone, true)
}
