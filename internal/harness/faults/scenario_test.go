package faults_test

import (
	"sync"
	"testing"

	"feedmill/feed/publish"
)

// scenario is a run that is struck, and what was before it.
type scenario struct {
	name string
	// all says that every fault strikes every call. Otherwise methods that are called
	// often have a share of the faults at each call, and all of them at any few calls
	// in a row; the others have all.
	all bool
	// first says that nothing was published before; otherwise there is a history.
	first bool
	// held says that the guard stops what is new.
	held bool
	// ready brings in what the run is to publish.
	ready func(t testing.TB, w *world)
	// calls are methods that the run is known to call.
	calls []string
	// reported looks at the report of the run without faults.
	reported func(t testing.TB, r publish.Report)

	once     sync.Once
	template base
	judged   sync.Map // gateways that were found right
}

// each checks the report of every feed.
func each(what string, right func(f *publish.FeedReport) bool) func(testing.TB, publish.Report) {
	return func(t testing.TB, r publish.Report) {
		t.Helper()
		if len(r.Feeds) != 5 {
			t.Errorf("%d feeds, want 5", len(r.Feeds))
		}
		for i := range r.Feeds {
			if f := &r.Feeds[i]; !right(f) {
				t.Errorf("%s, but %v: published %v, compared as a whole because %q, held %v, epoch %d", what, f.Feed, f.Published, f.Whole, f.Held, f.Generation.Epoch)
			}
		}
	}
}

// aChange is what most runs publish: what has changed in a catalog since the last.
func aChange() *scenario {
	return &scenario{
		name: "a change", all: true,
		ready:    func(t testing.TB, w *world) { w.load(t, products(history+1)) },
		calls:    []string{"Current", "Begin", "Attempt", "Commit", "Known", "Put", "Open", "List", "Delete", "HeldGeneration"},
		reported: each("a change goes by the log", func(f *publish.FeedReport) bool { return f.Published && f.Whole == "" }),
	}
}

// theFirst is the first run of a merchant.
func theFirst() *scenario {
	return &scenario{
		name: "the first run", first: true,
		ready:    func(t testing.TB, w *world) { w.load(t, products(0)) },
		calls:    []string{"Current", "Begin", "Attempt", "Commit", "Put", "List", "Time"},
		reported: each("the first run makes everything", func(f *publish.FeedReport) bool { return f.Published && f.Generation.Base == 0 }),
	}
}

// aHeld is a run whose catalog has lost most of its products.
func aHeld() *scenario {
	return &scenario{
		name: "what is held", held: true,
		ready:    func(t testing.TB, w *world) { w.load(t, products(history + 1)[:8]) },
		calls:    []string{"Current", "Begin", "Attempt", "Hold", "HeldGeneration", "Put", "Open"},
		reported: each("what is lost is held", func(f *publish.FeedReport) bool { return !f.Published && f.Held != nil }),
	}
}

// operator names the mark that 'feedmill new-epoch' leaves.
const operator = "operator"

// aNewEpoch is the run after 'feedmill new-epoch': every feed begins anew.
func aNewEpoch() *scenario {
	return &scenario{
		name: "after new-epoch",
		ready: func(t testing.TB, w *world) {
			w.load(t, products(history+1))
			mark := publish.Mark{Run: operator, Epoch: 1, Number: 1000, Time: w.clock.Now()}
			if err := publish.NewStoreBin(w.store, mark.Run).Mark(t.Context(), string(w.Merchant.ID), mark); err != nil {
				t.Fatal(err)
			}
		},
		calls: []string{"Current", "Begin", "NewEpoch", "Attempt", "Commit", "Known", "Put", "Open", "List"},
		reported: each("everything begins anew", func(f *publish.FeedReport) bool {
			return f.Published && f.Generation.Epoch > 1 && f.Generation.Number > 1000
		}),
	}
}
