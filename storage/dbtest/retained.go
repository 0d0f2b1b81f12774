package dbtest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// Retained is what a checker asks of a database about all that is kept.
type Retained interface {
	EachRetained(ctx context.Context, merchant partner.MerchantID, fn func(g publish.Generation, retired time.Time, current bool) error) error
	EachBlob(ctx context.Context, merchant partner.MerchantID, fn func(b publish.Blob, state string) error) error
}

// testRetained lists everything that is kept of a merchant, and nothing of
// another's: of one feed together, ascending, with the pointer and with what
// happens to blobs on their way out.
func testRetained(t *testing.T, e *env) {
	db, is := e.DB.(Retained)
	if !is {
		t.Fatal("the database cannot list what is kept")
	}
	m, o := e.account(t)
	other := e.merchant(t)
	e.publish(t, other.ID, "k", feed.KindFull, nil)
	full, light := o.Profile.FullKey(), o.Profile.LightKey()
	want := map[int64]publish.Generation{}
	var base *publish.Generation
	for range 3 {
		g := e.publish(t, m.ID, full, feed.KindFull, base)
		want[g.Number], base = g, &g
	}
	lastFull := base.Number
	base = nil
	for range 2 {
		g := e.publish(t, m.ID, light, feed.KindLight, base)
		want[g.Number], base = g, &g
	}
	list := func() (gens []publish.Generation) {
		t.Helper()
		ok(t, "list generations", db.EachRetained(e.ctx, m.ID, func(g publish.Generation, retired time.Time, current bool) error {
			if last := g.Number == lastFull || g.Number == base.Number; current != last || retired.IsZero() != last {
				t.Errorf("generation %d: current %v and retired %v, want the newest of its feed alone to be current", g.Number, current, retired)
			}
			gens = append(gens, g)
			return nil
		}))
		return gens
	}
	gens := list()
	if len(gens) != len(want) {
		t.Fatalf("got %d generations, want %d", len(gens), len(want))
	}
	for i, g := range gens {
		w := want[g.Number]
		if g.Feed != w.Feed || g.Base != w.Base || !g.Time.Equal(w.Time) || g.State != w.State || !slices.Equal(g.Files, w.Files) {
			t.Errorf("got %+v, want %+v", g, w)
		}
		if i > 0 && gens[i-1].Feed == g.Feed && gens[i-1].Number >= g.Number {
			t.Errorf("generation %d follows %d", g.Number, gens[i-1].Number)
		}
	}
	if gens[0].Feed == gens[1].Feed == (gens[1].Feed == gens[4].Feed) {
		t.Error("the generations of one feed do not stand together")
	}
	blobs := func() map[string]int {
		t.Helper()
		states := map[string]int{}
		last := ""
		ok(t, "list blobs", db.EachBlob(e.ctx, m.ID, func(b publish.Blob, state string) error {
			if b.Key <= last || b.Size != int64(len(b.Key)-len("m/test/b/")) || b.SHA256 == (publish.SHA256{}) {
				t.Errorf("got %+v after %s", b, last)
			}
			last = b.Key
			states[state]++
			return nil
		}))
		return states
	}
	// Plain and gzip of five, states of five, and two change files.
	if got := blobs(); len(got) != 1 || got["live"] != 17 {
		t.Errorf("got %v, want 17 live blobs", got)
	}
	e.clock.advance(3 * time.Hour)
	must[int64](t, "condemn")(e.CondemnBlobs(e.ctx, m.ID, 1000))
	if got := blobs(); got["condemned"] != 3 || got["live"] != 14 {
		t.Errorf("got %v, want the first light, its twin and its state condemned", got)
	}
	if n := len(list()); n != len(want) {
		t.Errorf("got %d generations after blobs were condemned, want %d", n, len(want))
	}
	// A listing longer than one step of reading.
	g := e.next(t, m.ID, "many", feed.KindFull, nil)
	g.Files = g.Files[:0]
	for i := range 1200 {
		g.Files = append(g.Files, publish.File{Kind: feed.KindFullChange, Label: feed.Label(g.Time.Add(time.Duration(i) * time.Second)),
			Generation: g.Number, Changed: g.Time, Base: 1, Target: g.Number, Plain: blobOf("many-%04d", i)})
	}
	ok(t, "commit", e.commit(g))
	n := 0
	for _, count := range blobs() {
		n += count
	}
	if n != 17+1201 {
		t.Errorf("got %d blobs, want %d", n, 17+1201)
	}
	stop := errors.New("stop")
	if err := db.EachBlob(e.ctx, m.ID, func(publish.Blob, string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want the error of the caller", err)
	}
	if err := db.EachRetained(e.ctx, m.ID, func(publish.Generation, time.Time, bool) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want the error of the caller", err)
	}
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	if err := db.EachRetained(ctx, m.ID, func(publish.Generation, time.Time, bool) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
