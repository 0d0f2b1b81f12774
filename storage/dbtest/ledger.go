package dbtest

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// blobOf makes a blob's record; the bytes are its name.
func blobOf(format string, args ...any) publish.Blob {
	b := fmt.Appendf(nil, format, args...)
	return publish.Blob{Key: "m/test/b/" + string(b), Size: int64(len(b)), MD5: md5.Sum(b), SHA256: sha256.Sum256(b)}
}

// begin takes the lease with n numbers; one that lives is outlived first.
func (e *env) begin(t *testing.T, m partner.MerchantID, n int) publish.Run {
	t.Helper()
	id := e.runID()
	run, err := e.Begin(e.ctx, string(m), id, n)
	var busy *publish.BusyError
	if errors.As(err, &busy) {
		e.clock.advance(busy.Until + time.Second)
		run, err = e.Begin(e.ctx, string(m), id, n)
	}
	ok(t, "begin", err)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.runs == nil {
		e.runs = map[numberRef]publish.Run{}
	}
	for i := range int64(n) {
		e.runs[numberRef{string(m), run.First + i}] = run
	}
	return run
}

// runID gives the name of a run that nobody has.
func (e *env) runID() string { return strings.TrimPrefix(string(partner.NewImportID()), "i-") }

// commit publishes generations of one run.
func (e *env) commit(gens ...publish.Generation) error {
	e.mu.Lock()
	run := e.runs[numberRef{gens[0].Feed.Merchant, gens[0].Number}]
	e.mu.Unlock()
	return e.Commit(e.ctx, run, gens, nil)
}

// next makes the generation after base (nil for the first) with a file of its
// own kind, and for a full feed one change file more than base has. Its run has
// the lease.
func (e *env) next(t *testing.T, m partner.MerchantID, key string, kind feed.Kind, base *publish.Generation) publish.Generation {
	t.Helper()
	return e.numbered(e.begin(t, m, 1).First, m, key, kind, base)
}

// numbered is next with a number that was taken already.
func (e *env) numbered(number int64, m partner.MerchantID, key string, kind feed.Kind, base *publish.Generation) publish.Generation {
	g := publish.Generation{
		Feed:   publish.FeedRef{Merchant: string(m), Kind: kind, Key: key},
		Number: number, Products: 3, Currency: feed.MustCurrency("PLN"),
		Languages: []feed.Language{feed.MustLanguage("pol"), feed.MustLanguage("eng")},
		Time:      e.clock.Now().Truncate(time.Second),
		State:     blobOf("state-%s-%d", key, number),
	}
	if base != nil {
		g.Base, g.Time = base.Number, feed.NextTime(base.Time, g.Time)
	}
	g.Told, g.Expires = g.Time.Add(2*time.Hour), g.Time.Add(7*24*time.Hour)
	g.Files = []publish.File{{
		Kind: kind, Generation: number, Changed: g.Time, Told: g.Told, Products: 3,
		Plain: blobOf("%s-%s-%d", kind, key, number), Gzip: blobOf("%s-%s-%d.gz", kind, key, number),
	}}
	if kind == feed.KindFull && base != nil {
		g.Files = append(g.Files, publish.File{
			Kind: feed.KindFullChange, Label: feed.Label(g.Told), Generation: number, Changed: g.Time, Told: g.Told, Products: 1,
			Base: base.Number, Target: number, Plain: blobOf("change-%s-%d", key, number),
		})
		for _, f := range base.Files {
			if f.Kind == feed.KindFullChange {
				g.Files = append(g.Files, f)
			}
		}
	}
	return g
}

func (e *env) publish(t *testing.T, m partner.MerchantID, key string, kind feed.Kind, base *publish.Generation) publish.Generation {
	t.Helper()
	g := e.next(t, m, key, kind, base)
	ok(t, "commit", e.commit(g))
	return g
}

func (e *env) current(t *testing.T, f publish.FeedRef) publish.Generation {
	t.Helper()
	g, _, err := e.Current(e.ctx, f)
	ok(t, "current", err)
	return g
}

func testLedger(t *testing.T, e *env) {
	m := e.merchant(t)
	ref := publish.FeedRef{Merchant: string(m.ID), Kind: feed.KindFull, Key: "k1"}
	if g, found, err := e.Current(e.ctx, ref); found || err != nil || g.Number != 0 {
		t.Errorf("current of a new feed = %+v, %v, %v", g, found, err)
	}
	var base *publish.Generation
	for range 4 {
		g := e.publish(t, m.ID, "k1", feed.KindFull, base)
		if got := e.current(t, ref); !reflect.DeepEqual(got, g) {
			t.Fatalf("got %+v, want %+v", got, g)
		}
		base = &g
	}
	// Feeds differ by kind, key and merchant.
	other := e.merchant(t)
	for _, f := range []publish.FeedRef{
		{Merchant: string(m.ID), Kind: feed.KindLight, Key: "k1"},
		{Merchant: string(m.ID), Kind: feed.KindFull, Key: "k2"},
		{Merchant: string(other.ID), Kind: feed.KindFull, Key: "k1"},
	} {
		if _, found, err := e.Current(e.ctx, f); found || err != nil {
			t.Errorf("current of %+v: %v, %v", f, found, err)
		}
	}
	// A generation without state, languages and compressed file, with the same
	// files as before: a heartbeat.
	beat := *base
	beat.Number = e.begin(t, m.ID, 1).First
	beat.Base, beat.Time, beat.Epoch = base.Number, base.Time.Add(time.Second), 1
	beat.State, beat.Languages, beat.Currency = publish.Blob{}, nil, feed.Currency{}
	ok(t, "heartbeat", e.commit(beat))
	if got := e.current(t, ref); !reflect.DeepEqual(got, beat) {
		t.Errorf("got %+v, want %+v", got, beat)
	}
}

// testLedgerFiles lets files leave a listing and come back.
func testLedgerFiles(t *testing.T, e *env) {
	m := e.merchant(t)
	g1 := e.publish(t, m.ID, "k", feed.KindFull, nil)
	g2 := e.publish(t, m.ID, "k", feed.KindFull, &g1)
	g3 := e.publish(t, m.ID, "k", feed.KindFull, &g2)
	if n := len(e.current(t, g3.Feed).Files); n != 3 {
		t.Fatalf("%d files, want full and two changes", n)
	}
	// Generation 4 goes back to the files of the first.
	g4 := e.next(t, m.ID, "k", feed.KindFull, &g3)
	g4.Files = slices.Clone(g1.Files)
	ok(t, "commit", e.commit(g4))
	if got := e.current(t, g4.Feed); !reflect.DeepEqual(got.Files, g1.Files) {
		t.Errorf("got %+v, want %+v", got.Files, g1.Files)
	}
	g5 := e.next(t, m.ID, "k", feed.KindFull, &g4)
	g5.Files = append(slices.Clone(g3.Files), publish.File{Kind: feed.KindCategories, Generation: g5.Number, Changed: g5.Time, Plain: blobOf("cat")})
	ok(t, "commit", e.commit(g5))
	if got := e.current(t, g5.Feed); !reflect.DeepEqual(got.Files, g5.Files) {
		t.Errorf("got %+v, want %+v", got.Files, g5.Files)
	}
}

func testLedgerRefusals(t *testing.T, e *env) {
	m := e.merchant(t)
	g1 := e.publish(t, m.ID, "k", feed.KindFull, nil)
	g2 := e.publish(t, m.ID, "k", feed.KindFull, &g1)
	light := e.publish(t, m.ID, "k", feed.KindLight, nil)
	before := e.current(t, g2.Feed)
	for _, c := range []struct {
		name   string
		change func(g *publish.Generation)
		lost   bool
		kind   feed.ErrorKind
	}{
		{"base of another run", func(g *publish.Generation) { g.Base = g1.Number }, true, 0},
		{"base of none", func(g *publish.Generation) { g.Base = 0 }, true, 0},
		{"number never taken", func(g *publish.Generation) { g.Number += 100; g.Files = nil }, false, feed.KindInvalid},
		{"number of the base", func(g *publish.Generation) { g.Number = g2.Number; g.Files = nil }, false, feed.KindInvalid},
		{"number of another run", func(g *publish.Generation) { g.Number = light.Number; g.Files = nil }, false, feed.KindInvalid},
		{"time of the base", func(g *publish.Generation) { g.Time = g2.Time }, false, feed.KindInvalid},
		{"epoch below the feed's", func(g *publish.Generation) { g.Epoch = -1 }, false, feed.KindInvalid},
		{"feed of another kind", func(g *publish.Generation) { g.Feed.Kind, g.Base = feed.KindSizes, 0 }, false, feed.KindInvalid},
		{"another merchant", func(g *publish.Generation) { g.Feed.Merchant, g.Base = "m-none", 0 }, false, feed.KindInvalid},
		{"file without bytes", func(g *publish.Generation) { g.Files[0].Plain = publish.Blob{} }, false, feed.KindInvalid},
		{"file of a later generation", func(g *publish.Generation) { g.Files[0].Generation++ }, false, feed.KindInvalid},
		{"address with other bytes", func(g *publish.Generation) { g.Files[0].Generation = g2.Number }, false, feed.KindConflict},
		{"address with another known blob", func(g *publish.Generation) {
			g.Files[0].Generation, g.Files[0].Plain, g.Files[0].Gzip = g2.Number, g1.Files[0].Plain, g1.Files[0].Gzip
		}, false, feed.KindConflict},
		{"older file that was never recorded", func(g *publish.Generation) {
			g.Files[0].Generation, g.Files[0].Label = g1.Number, "x"
		}, false, feed.KindConflict},
		{"blob with other facts", func(g *publish.Generation) { g.Files[0].Plain.Key = g1.Files[0].Plain.Key }, false, feed.KindConflict},
	} {
		run := e.begin(t, m.ID, 1)
		g := e.numbered(run.First, m.ID, "k", feed.KindFull, &g2)
		c.change(&g)
		err := e.Commit(e.ctx, run, []publish.Generation{g}, nil)
		if err == nil || errors.Is(err, publish.ErrLost) != c.lost || feed.KindOf(err) != c.kind {
			t.Errorf("%s: got %v of kind %d", c.name, err, feed.KindOf(err))
		}
		if got := e.current(t, g2.Feed); !reflect.DeepEqual(got, before) {
			t.Fatalf("%s: the refused generation is visible", c.name)
		}
	}
	twice := e.next(t, m.ID, "k", feed.KindFull, &g2)
	wantKind(t, "two of one feed", e.commit(twice, twice), feed.KindInvalid)
	_, err := e.Begin(e.ctx, string(m.ID), e.runID(), -1)
	wantKind(t, "fewer than no numbers", err, feed.KindInvalid)
	_, err = e.Begin(e.ctx, string(m.ID), "Not A Run", 1)
	wantKind(t, "run without a right id", err, feed.KindInvalid)
	_, err = e.Begin(e.ctx, "m-none", e.runID(), 1)
	wantKind(t, "numbers of nobody", err, feed.KindNotFound)
}

// testLedgerIsAtomic publishes two feeds of which one has lost, and cuts
// publications at every point.
func testLedgerIsAtomic(t *testing.T, e *env) {
	m := e.merchant(t)
	full := e.publish(t, m.ID, "k", feed.KindFull, nil)
	light := e.publish(t, m.ID, "k", feed.KindLight, nil)
	run := e.begin(t, m.ID, 2)
	nextFull, nextLight := e.numbered(run.First, m.ID, "k", feed.KindFull, &full), e.numbered(run.First+1, m.ID, "k", feed.KindLight, &light)
	nextLight.Base = 0
	if err := e.commit(nextFull, nextLight); !errors.Is(err, publish.ErrLost) {
		t.Fatalf("got %v, want ErrLost", err)
	}
	if got := e.current(t, full.Feed); got.Number != full.Number {
		t.Errorf("half of a lost publication is visible: %d", got.Number)
	}
	nextLight.Base = light.Number
	for n := int64(1); ; n++ {
		ctx := expireAfter(e.ctx, n)
		err := e.Commit(ctx, run, []publish.Generation{nextFull, nextLight}, nil)
		ctx.cancel()
		a, b := e.current(t, full.Feed).Number, e.current(t, light.Feed).Number
		if err == nil {
			if a != nextFull.Number || b != nextLight.Number {
				t.Errorf("after a whole publication: %d and %d", a, b)
			}
			break
		}
		if !errors.Is(err, context.Canceled) || a != full.Number || b != light.Number {
			t.Fatalf("publication cut at %d: %v, current %d and %d", n, err, a, b)
		}
	}
}

// testLedgerRace takes the lease away as the reason: all racers have it.
func testLedgerRace(t *testing.T, e *env) {
	m := e.merchant(t)
	var base *publish.Generation
	for round := range 5 {
		const racers = 8
		gens := make([]publish.Generation, racers)
		run := e.begin(t, m.ID, racers)
		for i := range gens {
			gens[i] = e.numbered(run.First+int64(i), m.ID, "k", feed.KindFull, base)
		}
		errs := make([]error, racers)
		var wg sync.WaitGroup
		for i := range racers {
			wg.Go(func() { errs[i] = e.commit(gens[i]) })
		}
		wg.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner >= 0:
				t.Fatalf("round %d: both %d and %d won", round, winner, i)
			case err == nil:
				winner = i
			case !errors.Is(err, publish.ErrLost):
				t.Errorf("round %d: racer %d: %v, want ErrLost", round, i, err)
			}
		}
		if winner < 0 {
			t.Fatalf("round %d: nobody won", round)
		}
		if got := e.current(t, gens[0].Feed); !reflect.DeepEqual(got, gens[winner]) {
			t.Fatalf("round %d: current is %d, the winner %d", round, got.Number, gens[winner].Number)
		}
		base = &gens[winner]
	}
}

func testNumbersNeverReused(t *testing.T, e *env) {
	m, other := e.merchant(t), e.merchant(t)
	if run := e.begin(t, other.ID, 3); run.First != 1 || run.N != 3 {
		t.Errorf("the first run of a merchant takes %d numbers from %d, want 3 from 1", run.N, run.First)
	}
	var mu sync.Mutex
	seen := map[int64]bool{}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for taken := 0; taken < 5; {
				run, err := e.Begin(e.ctx, string(m.ID), e.runID(), i%3+1)
				var busy *publish.BusyError
				if errors.As(err, &busy) {
					continue // another's turn
				}
				if err != nil {
					t.Errorf("begin: %v", err)
					return
				}
				mu.Lock()
				for k := range int64(run.N) {
					if seen[run.First+k] {
						t.Errorf("number %d was given twice", run.First+k)
					}
					seen[run.First+k] = true
				}
				mu.Unlock()
				taken++
				if err := e.Release(e.ctx, run); err != nil {
					t.Errorf("release: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	last := e.begin(t, m.ID, 1).First
	for n := range seen {
		if n >= last {
			t.Errorf("number %d was given before %d", n, last)
		}
	}
	// A failed run does not give its number back.
	g := e.next(t, m.ID, "k", feed.KindFull, nil)
	g.Base = 1
	if err := e.commit(g); !errors.Is(err, publish.ErrLost) {
		t.Fatalf("got %v, want ErrLost", err)
	}
	if after := e.begin(t, m.ID, 1).First; after <= g.Number {
		t.Errorf("number %d follows the failed %d", after, g.Number)
	}
}
