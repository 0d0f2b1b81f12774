package dbtest

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// testLedgerFacts keeps what a generation knows beside its files, and moves
// cursors with and without generations.
func testLedgerFacts(t *testing.T, e *env) {
	m := e.merchant(t)
	compared := e.clock.Now().Truncate(time.Second)
	run := e.begin(t, m.ID, 1)
	g := e.numbered(run.First, m.ID, "k", feed.KindLight, nil)
	g.PriceSum, g.PriceCount, g.Cursor, g.Compared = 123_456_789_012, 3, 7, compared
	ok(t, "commit", e.Commit(e.ctx, run, []publish.Generation{g}, nil))
	if got := e.current(t, g.Feed); !reflect.DeepEqual(got, g) {
		t.Errorf("got %+v, want %+v", got, g)
	}
	if at, err := e.Published(e.ctx, g.Feed, g.Number); err != nil || at.Before(compared) || at.After(e.clock.Now()) {
		t.Errorf("published at %v, %v, want the moment of the commit after %v", at, err, compared)
	}
	if at, err := e.Published(e.ctx, g.Feed, g.Number+1); err != nil || !at.IsZero() {
		t.Errorf("a generation that nobody made was published at %v, %v", at, err)
	}
	move := func(c publish.Cursor, want publish.Cursor) {
		t.Helper()
		ok(t, "move", e.Commit(e.ctx, e.begin(t, m.ID, 0), nil, map[publish.FeedRef]publish.Cursor{g.Feed: c, {Merchant: string(m.ID), Kind: feed.KindFull, Key: "new"}: c}))
		if got := e.current(t, g.Feed); got.Cursor != want.Event || !got.Compared.Equal(want.Compared) || got.Number != g.Number {
			t.Errorf("after moving to %+v: generation %d with cursor %d and %s, want %+v", c, got.Number, got.Cursor, got.Compared, want)
		}
	}
	later := compared.Add(time.Hour)
	move(publish.Cursor{Event: 9}, publish.Cursor{Event: 9, Compared: compared})
	move(publish.Cursor{Event: 8, Compared: later}, publish.Cursor{Event: 9, Compared: later})
	move(publish.Cursor{Event: 10, Compared: compared}, publish.Cursor{Event: 10, Compared: later})
	// A generation's own cursor stands where none is given for its feed.
	next := e.next(t, m.ID, "k", feed.KindLight, &g)
	next.Cursor = 11
	ok(t, "commit", e.commit(next))
	if got := e.current(t, g.Feed); got.Cursor != 11 || !got.Compared.Equal(later) {
		t.Errorf("cursor %d of %s, want 11 of %s", got.Cursor, got.Compared, later)
	}
	if _, found, err := e.Current(e.ctx, publish.FeedRef{Merchant: string(m.ID), Kind: feed.KindFull, Key: "new"}); found || err != nil {
		t.Errorf("a cursor made a generation: %v, %v", found, err)
	}
	other := e.merchant(t)
	wantKind(t, "another merchant's cursor", e.Commit(e.ctx, e.begin(t, other.ID, 0), nil, map[publish.FeedRef]publish.Cursor{g.Feed: {Event: 99}}), feed.KindInvalid)
}

// testLayers lets layers of a state come, stay, change places and go.
func testLayers(t *testing.T, e *env) {
	m := e.merchant(t)
	state := blobOf("base")
	layer := func(name string) publish.Blob { return blobOf("layer-%s", name) }
	var base *publish.Generation
	for _, layers := range [][]publish.Blob{
		nil, {layer("a")}, {layer("a"), layer("b")}, {layer("a"), layer("b"), layer("c")}, {layer("a"), layer("d")}, {layer("d"), layer("a")}, nil, {layer("e")},
	} {
		g := e.next(t, m.ID, "k", feed.KindFull, base)
		g.State, g.Layers = state, layers
		ok(t, "commit", e.commit(g))
		if got := e.current(t, g.Feed); !reflect.DeepEqual(got, g) {
			t.Fatalf("got %+v, want %+v", got, g)
		}
		base = &g
	}
	// What the current generation stands on stays, what only older ones did goes.
	for range 2 {
		e.clock.advance(73 * time.Hour)
		ok(t, "observe", e.ObserveCondemned(e.ctx, m.ID))
		must[int64](t, "condemn")(e.CondemnBlobs(e.ctx, m.ID, 1000))
	}
	dead := must[[]publish.Blob](t, "deleting")(e.DeletingBlobs(e.ctx, m.ID, 24*time.Hour, 1000))
	for _, b := range []publish.Blob{state, layer("e")} {
		if slices.Contains(dead, b) {
			t.Errorf("%s is being deleted, and needed", b.Key)
		}
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		if !slices.Contains(dead, layer(name)) {
			t.Errorf("layer %s is of no use and not deleted", name)
		}
	}
	for _, b := range dead {
		ok(t, "forget", e.ForgetBlob(e.ctx, m.ID, b.Key))
	}
	if n := must[int64](t, "prune")(e.PruneHistory(e.ctx, m.ID)); n == 0 {
		t.Error("no generation was removed")
	}
	if got := e.current(t, base.Feed); !reflect.DeepEqual(got, *base) {
		t.Errorf("after the sweep: got %+v, want %+v", got, *base)
	}
}

func testLease(t *testing.T, e *env) {
	m, other := e.merchant(t), e.merchant(t)
	first := must[publish.Run](t, "begin")(e.Begin(e.ctx, string(m.ID), "run-1", 2))
	if first.Merchant != string(m.ID) || first.ID != "run-1" || first.First != 1 || first.N != 2 || first.Lease < 1 || first.Until <= 0 {
		t.Fatalf("run = %+v", first)
	}
	var busy *publish.BusyError
	if _, err := e.Begin(e.ctx, string(m.ID), "run-2", 1); !errors.As(err, &busy) || busy.Until <= 0 || busy.Until > first.Until {
		t.Errorf("while another run has the lease: %v", err)
	}
	must[publish.Run](t, "another merchant's")(e.Begin(e.ctx, string(other.ID), "run-2", 1))
	// The answer was lost: the same run asks again.
	again := must[publish.Run](t, "begin again")(e.Begin(e.ctx, string(m.ID), "run-1", 2))
	if again != first {
		t.Errorf("begun again: %+v, want %+v", again, first)
	}
	// A lease that is renewed lives on.
	for range 5 {
		e.clock.advance(first.Until * 2 / 3)
		first = must[publish.Run](t, "renew")(e.Renew(e.ctx, first))
	}
	if _, err := e.Begin(e.ctx, string(m.ID), "run-2", 1); !errors.As(err, &busy) {
		t.Errorf("while the lease is renewed: %v", err)
	}
	// One that is not may be taken, and then the first has lost it.
	e.clock.advance(first.Until + time.Second)
	second := must[publish.Run](t, "begin")(e.Begin(e.ctx, string(m.ID), "run-2", 1))
	if second.Lease <= first.Lease || second.First != 3 {
		t.Errorf("run %+v follows %+v", second, first)
	}
	if _, err := e.Renew(e.ctx, first); !errors.Is(err, publish.ErrLost) {
		t.Errorf("renewing a lost lease: %v", err)
	}
	ok(t, "release a lost lease", e.Release(e.ctx, first))
	if _, err := e.Begin(e.ctx, string(m.ID), "run-3", 1); !errors.As(err, &busy) {
		t.Errorf("the lost lease's owner has released another's: %v", err)
	}
	// One that is given back may be taken at once, and not renewed.
	ok(t, "release", e.Release(e.ctx, second))
	ok(t, "release twice", e.Release(e.ctx, second))
	if _, err := e.Renew(e.ctx, second); !errors.Is(err, publish.ErrLost) {
		t.Errorf("renewing a lease that was given back: %v", err)
	}
	third := must[publish.Run](t, "begin")(e.Begin(e.ctx, string(m.ID), "run-3", 1))
	if third.Lease <= second.Lease {
		t.Errorf("run %+v follows %+v", third, second)
	}
	// A clock that goes back makes no lease immortal.
	e.clock.advance(-365 * 24 * time.Hour)
	fourth := must[publish.Run](t, "begin after the clock went back")(e.Begin(e.ctx, string(m.ID), "run-4", 1))
	if fourth.Lease <= third.Lease {
		t.Errorf("run %+v follows %+v", fourth, third)
	}
	for id, want := range map[string]bool{"run-1": true, "run-2": true, "run-4": true, "run-9": false} {
		if known := must[bool](t, "known")(e.Known(e.ctx, string(m.ID), id)); known != want {
			t.Errorf("run %s is known: %v, want %v", id, known, want)
		}
	}
	if must[bool](t, "known")(e.Known(e.ctx, string(other.ID), "run-1")) {
		t.Error("a run is known to another merchant")
	}
}

// testLeaseFences lets a run go on that has lost its lease, at every step.
func testLeaseFences(t *testing.T, e *env) {
	m := e.merchant(t)
	base := e.publish(t, m.ID, "k", feed.KindFull, nil)
	slow := e.begin(t, m.ID, 1)
	late := e.numbered(slow.First, m.ID, "k", feed.KindFull, &base)
	taker := e.begin(t, m.ID, 1)
	for what, err := range map[string]error{
		"note uploads":      e.Attempt(e.ctx, slow, []string{"x"}),
		"commit":            e.Commit(e.ctx, slow, []publish.Generation{late}, nil),
		"move cursors":      e.Commit(e.ctx, slow, nil, map[publish.FeedRef]publish.Cursor{base.Feed: {Event: 5}}),
		"hold":              e.Hold(e.ctx, slow, []publish.Held{{Generation: late}}),
		"commit of nothing": e.Commit(e.ctx, slow, nil, nil),
		"a forged lease": e.Commit(e.ctx, publish.Run{ID: slow.ID, Merchant: slow.Merchant, First: slow.First, N: 1, Lease: taker.Lease},
			[]publish.Generation{late}, nil),
	} {
		if !errors.Is(err, publish.ErrLost) {
			t.Errorf("%s after the lease was taken: %v, want ErrLost", what, err)
		}
	}
	if got := e.current(t, base.Feed); !reflect.DeepEqual(got, base) {
		t.Errorf("a run without the lease has left %+v", got)
	}
	if held := must[[]publish.HeldRecord](t, "held")(e.HeldGenerations(e.ctx, m.ID)); len(held) != 0 {
		t.Errorf("a run without the lease holds %+v", held)
	}
	// The taker publishes; with the lease given back and nobody else come the same
	// run may still hold what it has to.
	next := e.numbered(taker.First, m.ID, "k", feed.KindFull, &base)
	ok(t, "commit", e.commit(next))
	ok(t, "hold after commit", e.Hold(e.ctx, taker, nil))
	e.begin(t, m.ID, 0)
	if err := e.Hold(e.ctx, taker, nil); !errors.Is(err, publish.ErrLost) {
		t.Errorf("hold after another run has begun: %v", err)
	}
}

func testNewEpoch(t *testing.T, e *env) {
	m := e.merchant(t)
	base := e.publish(t, m.ID, "k", feed.KindFull, nil)
	above := base.Time.Add(48 * time.Hour)
	lines := len(must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, m.ID, 0, 1000)))
	for range 2 { // it may be repeated
		ok(t, "new epoch", e.NewEpoch(e.ctx, base.Feed, 4, 1000, above))
	}
	ok(t, "an older one", e.NewEpoch(e.ctx, base.Feed, 2, 10, base.Time))
	fresh := publish.FeedRef{Merchant: string(m.ID), Kind: feed.KindLight, Key: "never published"}
	ok(t, "of a feed without generations", e.NewEpoch(e.ctx, fresh, 4, 1000, above))
	wantKind(t, "of nobody", e.NewEpoch(e.ctx, publish.FeedRef{Merchant: "m-none", Kind: feed.KindFull, Key: "k"}, 1, 1, above), feed.KindNotFound)
	if got := e.current(t, base.Feed); got.Number != base.Number {
		t.Errorf("current is %d, want %d as before", got.Number, base.Number)
	}
	g := e.next(t, m.ID, "k", feed.KindFull, &base)
	if g.Number <= 1000 {
		t.Errorf("number %d is not above 1000", g.Number)
	}
	wantKind(t, "old epoch", e.commit(g), feed.KindInvalid)
	g.Epoch = 4
	wantKind(t, "time before", e.commit(g), feed.KindInvalid)
	g.Time = above.Add(time.Second)
	ok(t, "commit", e.commit(g))
	list := must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, m.ID, 0, 1000))[lines:]
	if len(list) != 4 || list[0].Action != "feed.epoch" || !strings.Contains(list[0].After, `"4"`) {
		t.Errorf("the audit says %+v", list)
	}
}

// hold makes a run hold the next generation of a feed.
func (e *env) hold(t *testing.T, m partner.MerchantID, key string, kind feed.Kind, base *publish.Generation) publish.Held {
	t.Helper()
	run := e.begin(t, m, 1)
	h := publish.Held{Generation: e.numbered(run.First, m, key, kind, base)}
	h.Generation.Layers = []publish.Blob{blobOf("held-layer-%d", run.First)}
	h.Generation.Cursor, h.Generation.Compared = 3, h.Generation.Time
	h.Reason.Feed = h.Generation.Feed
	h.Reason.Before, h.Reason.Now, h.Reason.Removed = 100, 1, 99
	ok(t, "hold", e.Hold(e.ctx, run, []publish.Held{h}))
	return h
}

func testHold(t *testing.T, e *env) {
	m, other := e.merchant(t), e.merchant(t)
	base := e.publish(t, m.ID, "k", feed.KindFull, nil)
	first := e.hold(t, m.ID, "k", feed.KindFull, &base)
	second := e.hold(t, m.ID, "k", feed.KindFull, &base) // instead of the first
	light := e.hold(t, m.ID, "k", feed.KindLight, nil)
	list := must[[]publish.HeldRecord](t, "held")(e.HeldGenerations(e.ctx, m.ID))
	if len(list) != 2 || !reflect.DeepEqual(list[0].Held, second) || !reflect.DeepEqual(list[1].Held, light) || list[0].Since.IsZero() || list[0].Run == list[1].Run {
		t.Fatalf("held: %+v, want %+v and %+v", list, second, light)
	}
	if got, found, err := e.HeldGeneration(e.ctx, base.Feed); err != nil || !found || !reflect.DeepEqual(got, second) {
		t.Errorf("held of the feed: %+v, %v, %v", got, found, err)
	}
	if got := e.current(t, base.Feed); !reflect.DeepEqual(got, base) {
		t.Errorf("a held generation is current: %+v", got)
	}
	if foreign := must[[]publish.HeldRecord](t, "held")(e.HeldGenerations(e.ctx, other.ID)); len(foreign) != 0 {
		t.Errorf("another merchant's: %+v", foreign)
	}
	_, err := e.DiscardHeld(e.ctx, actor, other.ID, list[0].Run)
	wantKind(t, "another merchant discards", err, feed.KindNotFound)
	_, err = e.ReleaseHeld(e.ctx, actor, other.ID, list[0].Run)
	wantKind(t, "another merchant releases", err, feed.KindNotFound)

	gone := must[[]publish.HeldRecord](t, "discard")(e.DiscardHeld(e.ctx, actor, m.ID, list[1].Run))
	if len(gone) != 1 || !reflect.DeepEqual(gone[0].Held, light) {
		t.Errorf("discarded %+v", gone)
	}
	_, err = e.DiscardHeld(e.ctx, actor, m.ID, list[1].Run)
	wantKind(t, "discard twice", err, feed.KindNotFound)
	entries := must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, m.ID, 0, 1000))
	if last := entries[len(entries)-1]; last.Action != "feed.held.discard" || last.Actor != actor {
		t.Errorf("the audit's last line is %+v", last)
	}
	// What passes the guard later needs no decision any more: published, or the
	// same as what is current.
	ok(t, "move", e.Commit(e.ctx, e.begin(t, m.ID, 0), nil, map[publish.FeedRef]publish.Cursor{base.Feed: {Event: 9}}))
	if left := must[[]publish.HeldRecord](t, "held")(e.HeldGenerations(e.ctx, m.ID)); len(left) != 0 {
		t.Errorf("left after the feed's cursor has moved: %+v", left)
	}
	e.hold(t, m.ID, "k", feed.KindFull, &base)
	e.publish(t, m.ID, "k", feed.KindFull, &base)
	if left := must[[]publish.HeldRecord](t, "held")(e.HeldGenerations(e.ctx, m.ID)); len(left) != 0 {
		t.Errorf("left after a publication: %+v", left)
	}
	if first.Generation.Number >= second.Generation.Number {
		t.Errorf("number %d follows %d", second.Generation.Number, first.Generation.Number)
	}
}

// What is held of a feed that no offer wants any more leaves the list: its offer
// was given other rules, or is gone.
func testHeldOfNobody(t *testing.T, e *env) {
	m, o := e.account(t)
	other := e.offer(t, m.ID, o.Partner, o.Shop, profileOf("EUR"))
	e.hold(t, m.ID, o.Profile.FullKey(), feed.KindFull, nil)
	e.hold(t, m.ID, o.Profile.LightKey(), feed.KindLight, nil)
	e.hold(t, m.ID, other.Profile.LightKey(), feed.KindLight, nil)
	keys := func() (keys []string) {
		for _, h := range must[[]publish.HeldRecord](t, "held")(e.HeldGenerations(e.ctx, m.ID)) {
			keys = append(keys, h.Generation.Feed.Key)
		}
		return keys
	}
	if got := keys(); len(got) != 3 {
		t.Fatalf("held: %v", got)
	}
	o.Profile = profileOf("CZK")
	must[partner.Offer](t, "other rules")(e.UpdateOffer(e.ctx, actor, o))
	if got, want := keys(), []string{other.Profile.LightKey()}; !slices.Equal(got, want) {
		t.Errorf("after one has other rules: held %v, want %v", got, want)
	}
	ok(t, "delete", e.DeleteOffer(e.ctx, actor, m.ID, other.ID, other.Version))
	if got := keys(); len(got) != 0 {
		t.Errorf("after the other is gone: held %v", got)
	}
}

func testRelease(t *testing.T, e *env) {
	m := e.merchant(t)
	full := e.publish(t, m.ID, "k", feed.KindFull, nil)
	light := e.publish(t, m.ID, "k", feed.KindLight, nil)
	run := e.begin(t, m.ID, 2)
	held := []publish.Held{
		{Generation: e.numbered(run.First, m.ID, "k", feed.KindFull, &full), Reason: publish.HeldError{Feed: full.Feed, Before: 3}},
		{Generation: e.numbered(run.First+1, m.ID, "k", feed.KindLight, &light), Reason: publish.HeldError{Feed: light.Feed, Before: 3}},
	}
	held[0].Generation.Cursor, held[1].Generation.Cursor = 8, 8
	ok(t, "hold", e.Hold(e.ctx, run, held))
	released := must[[]publish.HeldRecord](t, "release")(e.ReleaseHeld(e.ctx, actor, m.ID, run.ID))
	if len(released) != 2 {
		t.Fatalf("released %+v", released)
	}
	for i := range held {
		g := held[i].Generation
		if got := e.current(t, g.Feed); !reflect.DeepEqual(got, g) {
			t.Errorf("after the release: %+v, want %+v", got, g)
		}
	}
	_, err := e.ReleaseHeld(e.ctx, actor, m.ID, run.ID)
	wantKind(t, "release twice", err, feed.KindNotFound)
	entries := must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, m.ID, 0, 1000))
	if last := entries[len(entries)-1]; last.Action != "feed.held.release" || last.Actor != actor {
		t.Errorf("the audit's last line is %+v", last)
	}
	// All or none: when one of the feeds has moved on the other stays too.
	run = e.begin(t, m.ID, 2)
	for i := range held {
		base := held[i].Generation
		held[i].Generation = e.numbered(run.First+int64(i), m.ID, "k", base.Feed.Kind, &base)
	}
	ok(t, "hold", e.Hold(e.ctx, run, held))
	before := e.current(t, full.Feed)
	ok(t, "new epoch", e.NewEpoch(e.ctx, light.Feed, 7, 0, time.Time{}))
	_, err = e.ReleaseHeld(e.ctx, actor, m.ID, run.ID)
	wantKind(t, "release after the light feed has moved on", err, feed.KindConflict)
	if feed.HintOf(err) == "" {
		t.Error("nothing says what to do")
	}
	if got := e.current(t, full.Feed); !reflect.DeepEqual(got, before) {
		t.Errorf("half of a release: %+v", got)
	}
	if list := must[[]publish.HeldRecord](t, "held")(e.HeldGenerations(e.ctx, m.ID)); len(list) != 2 {
		t.Errorf("held after a refused release: %+v", list)
	}
	// One that was valid until yesterday is of no use.
	third := e.hold(t, m.ID, "k", feed.KindFull, &before)
	e.clock.advance(8 * 24 * time.Hour)
	list := must[[]publish.HeldRecord](t, "held")(e.HeldGenerations(e.ctx, m.ID))
	i := slices.IndexFunc(list, func(h publish.HeldRecord) bool { return h.Generation.Number == third.Generation.Number })
	_, err = e.ReleaseHeld(e.ctx, actor, m.ID, list[i].Run)
	wantKind(t, "release of an expired one", err, feed.KindConflict)
}

// testHeldBlobsStay sweeps while a generation is held, and after.
func testHeldBlobsStay(t *testing.T, e *env) {
	m := e.merchant(t)
	base := e.publish(t, m.ID, "k", feed.KindFull, nil)
	held := e.hold(t, m.ID, "k", feed.KindFull, &base)
	sweep := func() []publish.Blob {
		t.Helper()
		for range 2 {
			e.clock.advance(80 * time.Hour)
			ok(t, "observe", e.ObserveCondemned(e.ctx, m.ID))
			must[int64](t, "condemn")(e.CondemnBlobs(e.ctx, m.ID, 1000))
		}
		return must[[]publish.Blob](t, "deleting")(e.DeletingBlobs(e.ctx, m.ID, 24*time.Hour, 1000))
	}
	if dead := sweep(); len(dead) != 0 {
		t.Errorf("deleting %+v while a generation is held", dead)
	}
	list := must[[]publish.HeldRecord](t, "held")(e.HeldGenerations(e.ctx, m.ID))
	must[[]publish.HeldRecord](t, "discard")(e.DiscardHeld(e.ctx, actor, m.ID, list[0].Run))
	dead := sweep()
	for b := range held.Generation.Blobs() {
		if !slices.Contains(dead, *b) {
			t.Errorf("%s is of no use and not deleted", b.Key)
		}
	}
	for b := range base.Blobs() {
		if slices.Contains(dead, *b) {
			t.Errorf("%s is being deleted, and current", b.Key)
		}
	}
}

func testRuns(t *testing.T, e *env) {
	m, other := e.merchant(t), e.merchant(t)
	base := e.publish(t, m.ID, "k", feed.KindFull, nil)             // published
	ok(t, "commit", e.Commit(e.ctx, e.begin(t, m.ID, 0), nil, nil)) // unchanged
	e.hold(t, m.ID, "k", feed.KindFull, &base)                      // held
	failed := e.begin(t, m.ID, 3)                                   // failed
	long := strings.Repeat("ą", 400)                                // longer than is kept
	counts := json.RawMessage(`{"products": 3}`)
	ok(t, "finish", e.FinishRun(e.ctx, m.ID, failed.ID, publish.RunEnd{Error: long, Counts: counts}))
	next := e.begin(t, m.ID, 1) // lost: it dies
	e.clock.advance(time.Hour)
	last := e.begin(t, m.ID, 1) // under way
	ok(t, "finish another's", e.FinishRun(e.ctx, other.ID, last.ID, publish.RunEnd{Error: "x"}))
	ok(t, "finish one that never began", e.FinishRun(e.ctx, m.ID, "none", publish.RunEnd{}))
	list := must[[]publish.RunRecord](t, "runs")(e.Runs(e.ctx, m.ID, 0, 100))
	var outcomes []string
	for i, r := range list {
		outcomes = append(outcomes, r.Outcome)
		if r.Started.IsZero() || (r.Outcome == "") != r.Ended.IsZero() || i > 0 && r.Lease >= list[i-1].Lease {
			t.Errorf("run %+v", r)
		}
	}
	if want := []string{"", "lost", "failed", "held", "unchanged", "published"}; !slices.Equal(outcomes, want) {
		t.Fatalf("outcomes %q, want %q", outcomes, want)
	}
	if f := list[2]; len(f.Error) > 500 || !strings.HasPrefix(long, f.Error) || len(f.Error) < 490 || string(f.Counts) != string(counts) || f.N != 3 || f.ID != failed.ID {
		t.Errorf("failed run: %+v", f)
	}
	// Page by page they are the same.
	var paged []publish.RunRecord
	for before := int64(0); ; {
		page := must[[]publish.RunRecord](t, "runs")(e.Runs(e.ctx, m.ID, before, 4))
		if len(page) == 0 {
			break
		}
		paged, before = append(paged, page...), page[len(page)-1].Lease
	}
	if !reflect.DeepEqual(paged, list) {
		t.Errorf("page by page: %+v, want %+v", paged, list)
	}
	if list := must[[]publish.RunRecord](t, "runs")(e.Runs(e.ctx, other.ID, 0, 100)); len(list) != 0 {
		t.Errorf("another merchant's runs: %+v", list)
	}
	// What is said of a run after it was committed changes nothing about that.
	ok(t, "finish", e.FinishRun(e.ctx, m.ID, list[5].ID, publish.RunEnd{Error: "the report could not be written"}))
	if r := must[[]publish.RunRecord](t, "runs")(e.Runs(e.ctx, m.ID, 0, 100))[5]; r.Outcome != "published" || r.Error == "" {
		t.Errorf("after a late error: %+v", r)
	}
	// The run under way gives its lease back when it is finished.
	ok(t, "finish", e.FinishRun(e.ctx, m.ID, last.ID, publish.RunEnd{}))
	must[publish.Run](t, "begin")(e.Begin(e.ctx, string(m.ID), "after", 1))
	if next.Lease >= last.Lease {
		t.Errorf("lease %d follows %d", last.Lease, next.Lease)
	}
	// Long after, runs are forgotten, but for the last thousand.
	e.clock.advance(100 * 24 * time.Hour)
	ok(t, "prune", e.PruneRuns(e.ctx, m.ID))
	if n := len(must[[]publish.RunRecord](t, "runs")(e.Runs(e.ctx, m.ID, 0, 100))); n != 7 {
		t.Errorf("%d runs are left, want all 7", n)
	}
}

// testLeftOver asks what becomes of uploads in every state that a run can end in.
func testLeftOver(t *testing.T, e *env) {
	m, other := e.merchant(t), e.merchant(t)
	const day = 24 * time.Hour
	judge := func(want publish.Judgement, keys ...string) {
		t.Helper()
		if got := must[publish.Judgement](t, "judge")(e.JudgeKeys(e.ctx, m.ID, keys, day, true)); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	run := e.begin(t, m.ID, 1)
	g := e.numbered(run.First, m.ID, "k", feed.KindFull, nil)
	used, unused := g.State.Key, "m/test/b/unused"
	ok(t, "attempt", e.Attempt(e.ctx, run, []string{used, unused, g.Files[0].Plain.Key}))
	ok(t, "attempt again", e.Attempt(e.ctx, run, []string{unused}))
	ok(t, "commit", e.commit(g))
	judge(publish.Judgement{Unknown: []string{"strange"}}, used, unused, "strange")
	// An upload of a run that lives for very long is not left over.
	slow := e.begin(t, m.ID, 1)
	ok(t, "attempt", e.Attempt(e.ctx, slow, []string{"slow"}))
	e.clock.advance(2 * day)
	slow.Until = 0
	taken := e.begin(t, m.ID, 0) // its lease is over
	ok(t, "attempt", e.Attempt(e.ctx, taken, []string{"living"}))
	e.clock.advance(2 * day)
	alive := must[publish.Run](t, "renew")(e.Renew(e.ctx, taken))
	judge(publish.Judgement{Fresh: []string{unused, "slow"}}, used, unused, "slow", "living")
	judge(publish.Judgement{Left: []string{unused, "slow"}}, unused, "slow", "living")
	if got := must[publish.Judgement](t, "judge")(e.JudgeKeys(e.ctx, other.ID, []string{used, unused}, day, true)); len(got.Unknown) != 2 {
		t.Errorf("another merchant's: %+v", got)
	}
	ok(t, "another merchant's", e.ForgetAttempt(e.ctx, other.ID, unused))
	ok(t, "forget", e.ForgetAttempt(e.ctx, m.ID, "slow"))
	judge(publish.Judgement{Left: []string{unused}, Unknown: []string{"slow"}}, unused, "slow")
	// To look without being counted changes nothing.
	ok(t, "release", e.Release(e.ctx, alive))
	for range 2 {
		if got := must[publish.Judgement](t, "judge")(e.JudgeKeys(e.ctx, m.ID, []string{"living"}, day, false)); !slices.Equal(got.Fresh, []string{"living"}) {
			t.Errorf("looking on: %+v", got)
		}
	}
	if n := must[int64](t, "count")(e.CountBlobs(e.ctx, m.ID)); n != 3 {
		t.Errorf("%d blobs, want 3", n)
	}
}
