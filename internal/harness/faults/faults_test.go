package faults_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"feedmill/feed/publish"
	"feedmill/storage/storagetest"
)

// reference is what a run without faults does.
type reference struct {
	calls    map[string]int
	old, new seen
	full     seen // after everything was made anew
}

// A run that fails, hangs or dies at any of its calls leaves each reader with
// the old offer or the new one, whole; the next run publishes what is right,
// and everything that is kept can be proved.
func TestEveryFaultAtEveryCall(t *testing.T) {
	t.Parallel()
	ref := refer(t)
	for _, method := range []string{"Current", "Begin", "Attempt", "Commit", "Known", "Put", "Open", "List", "Delete"} {
		if ref.calls[method] == 0 {
			t.Errorf("a run makes no call of %s: this test misses what it is for", method)
		}
	}
	var all []strike
	for method, n := range ref.calls {
		for i := 1; i <= n; i++ {
			for _, f := range everywhere {
				all = append(all, strike{place{method, i}, f})
			}
			for _, d := range damages[method] {
				all = append(all, strike{place{method, i}, fault(d.String())})
			}
		}
	}
	// A run that fails gives its lease back.
	for _, f := range everywhere {
		all = append(all, strike{place{"Release", 1}, f})
	}
	slices.SortFunc(all, func(a, b strike) int {
		return cmp.Or(cmp.Compare(a.method, b.method), cmp.Compare(a.n, b.n), cmp.Compare(a.fault, b.fault))
	})
	if testing.Short() {
		some := all[:0]
		for i := 0; i < len(all); i += 41 {
			some = append(some, all[i])
		}
		all = some
	}
	var fired, old, failed atomic.Int64
	t.Run("strikes", func(t *testing.T) {
		for _, s := range all {
			t.Run(s.method+"/"+fmt.Sprint(s.n)+"/"+string(s.fault), func(t *testing.T) {
				t.Parallel()
				was, failure := try(t, ref, s)
				fired.Add(1)
				if was {
					old.Add(1)
				}
				if failure {
					failed.Add(1)
				}
			})
		}
	})
	t.Logf("%d faults fired at the calls %v of a run; %d runs failed, %d left the old offer", fired.Load(), ref.calls, failed.Load(), old.Load())
	if !t.Failed() && fired.Load() != int64(len(all)) || old.Load() == 0 || failed.Load() == 0 || old.Load() == fired.Load() {
		t.Errorf("of %d faults %d fired, %d runs failed, %d left the old offer", len(all), fired.Load(), failed.Load(), old.Load())
	}
}

// refer makes the run that faults are compared with, and proves that the test
// itself can tell old from new.
func refer(t *testing.T) reference {
	t.Helper()
	w := newWorld(t)
	r := reference{old: w.look(t)}
	trial := newTrial(w, strike{})
	report, err := w.publish(t.Context(), ledger{trial, w.db}, store{trial, w.store}, publish.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Feeds {
		if !f.Published || f.Whole != "" {
			t.Errorf("%v: published %v, compared as a whole because %q", f.Feed, f.Published, f.Whole)
		}
	}
	r.calls = trial.calls
	r.new = w.look(t)
	for i := range r.old.gateways {
		if r.old.gateways[i] == r.new.gateways[i] || r.old.lights[i] == r.new.lights[i] {
			t.Fatalf("offer %d is the same before and after", i)
		}
	}
	r.full = w.anew(t)
	if !slices.Equal(r.full.lights, r.new.lights) {
		t.Error("light files made anew differ")
	}
	w.prove(t)
	return r
}

// anew compares everything with the catalog, makes every file anew and proves
// that the files that are there lead to the same.
func (w *world) anew(t *testing.T) seen {
	t.Helper()
	w.clock.advance(2*ttl, false)
	report, err := w.publish(t.Context(), w.db, w.store, publish.Settings{CompareEvery: -1})
	if err != nil {
		t.Fatalf("compare everything: %v", err)
	}
	for _, f := range report.Feeds {
		if f.Published || f.Missed != 0 {
			t.Errorf("%v: a comparison of everything finds %d differences more, published %v", f.Feed, f.Missed, f.Published)
		}
	}
	w.clock.advance(2*ttl, false)
	if _, err := w.publish(t.Context(), w.db, w.store, publish.Settings{Force: true}); err != nil {
		t.Fatalf("make everything anew: %v", err)
	}
	return w.look(t)
}

// try strikes one run. It says whether the reader saw the old offer after it,
// and whether the run failed.
func try(t *testing.T, ref reference, s strike) (old, failed bool) {
	w := newWorld(t)
	trial, damage := newTrial(w, s), storagetest.None
	for _, d := range damages[s.method] {
		if fault(d.String()) == s.fault {
			damage, trial.fault = d, ""
		}
	}
	faulty := storagetest.NewFaulty(w.store, storagetest.Script(storagetest.Step{Op: ops[s.method], N: s.n, Fault: damage}), nil)
	_, err := w.publish(t.Context(), ledger{trial, w.db}, store{trial, faulty}, publish.Settings{})
	if !trial.fired && faulty.Total() == 0 {
		t.Fatalf("the fault did not fire; calls %v", trial.calls)
	}
	if err != nil && !errors.Is(err, errFault) && !errors.Is(err, errDead) && !errors.Is(err, storagetest.ErrInjected) && !errors.Is(err, publish.ErrLost) && damage == storagetest.None &&
		s.fault != slow && s.fault != paused {
		t.Errorf("the run fails for another reason: %v", err)
	}
	after := w.look(t)
	old = slices.Equal(after.gateways, ref.old.gateways)
	if !old && !slices.Equal(after.lights, ref.new.lights) {
		t.Errorf("a reader sees neither the old nor the new offer after the fault (the run: %v)", err)
	}
	if old && err == nil {
		t.Error("the run succeeded and nothing is published")
	}

	// The next run needs no help: the lease of the one before ends by itself.
	w.clock.advance(2*ttl, false)
	if _, err := w.publish(t.Context(), w.db, w.store, publish.Settings{}); err != nil {
		t.Fatalf("the next run: %v", err)
	}
	if next := w.look(t); !slices.Equal(next.lights, ref.new.lights) {
		t.Error("the next run does not publish what is right")
	}
	if full := w.anew(t); !slices.Equal(full.lights, ref.full.lights) {
		t.Error("everything made anew is something else")
	}
	w.prove(t)
	return old, err != nil
}
