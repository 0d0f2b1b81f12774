package faults_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"feedmill/feed/publish"
	"feedmill/storage"
	"feedmill/storage/storagetest"
)

// reference is what a run without faults does.
type reference struct {
	calls    map[string]int
	old, new seen
	full     seen // after everything was made anew
	// unaware is what a run publishes to which the store does not show the mark of
	// an operator.
	unaware seen
}

// A run that fails, hangs or dies at any of its calls leaves each reader with
// the old offer or the new one, whole; the next run publishes what is right,
// and everything that is kept can be proved.
func TestEveryFaultAtEveryCall(t *testing.T) {
	t.Parallel()
	for _, s := range []*scenario{aChange(), theFirst(), aHeld(), aNewEpoch()} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			everyFault(t, s)
		})
	}
}

func everyFault(t *testing.T, s *scenario) {
	ref := s.refer(t)
	for _, method := range s.calls {
		if ref.calls[method] == 0 {
			t.Errorf("a run makes no call of %s: this test misses what it is for", method)
		}
	}
	all := s.strikes(ref.calls)
	if testing.Short() {
		some := all[:0]
		for i := 0; i < len(all); i += 41 {
			some = append(some, all[i])
		}
		all = some
	}
	var fired, old, failed atomic.Int64
	t.Run("strikes", func(t *testing.T) {
		for _, at := range all {
			t.Run(at.method+"/"+fmt.Sprint(at.n)+"/"+string(at.fault), func(t *testing.T) {
				t.Parallel()
				was, failure := s.try(t, ref, at)
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
	if !t.Failed() && fired.Load() != int64(len(all)) || old.Load() == 0 || failed.Load() == 0 || (old.Load() == fired.Load()) != s.held {
		t.Errorf("of %d faults %d fired, %d runs failed, %d left the old offer", len(all), fired.Load(), failed.Load(), old.Load())
	}
}

// share is the part of the faults, one in so many, that strikes each call of the
// methods that are called often and do much the same each time.
const share = 8

var often = []string{"Put", "Open", "Current", "HeldGeneration"}

// strikes lists the faults at each call.
func (s *scenario) strikes(calls map[string]int) (all []strike) {
	for method, n := range calls {
		if method == "Release" {
			continue // below
		}
		faults := slices.Clone(everywhere)
		for _, d := range damages[method] {
			faults = append(faults, fault(d.String()))
		}
		for i := 1; i <= n; i++ {
			for j, f := range faults {
				if s.all || !slices.Contains(often, method) || (i+j)%share == 0 {
					all = append(all, strike{place{method, i}, f})
				}
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
	return all
}

// refer makes the run that faults are compared with, and proves that the test
// itself can tell old from new.
func (s *scenario) refer(t *testing.T) reference {
	t.Helper()
	w := newWorld(t, s)
	r := reference{old: w.look(t)}
	trial := newTrial(w, strike{})
	report, err := w.publish(t.Context(), ledger{trial, w.db}, store{trial, w.store}, publish.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	s.reported(t, report)
	r.calls = trial.calls
	w.decide(t, r.old)
	r.new = w.look(t)
	for i := range r.old.gateways {
		if r.old.gateways[i] == r.new.gateways[i] || r.old.lights[i] == r.new.lights[i] {
			t.Fatalf("offer %d is the same before and after", i)
		}
	}
	r.unaware = s.unaware(t)
	r.full = w.anew(t)
	if !slices.Equal(r.full.lights, r.new.lights) {
		t.Error("light files made anew differ")
	}
	w.prove(t)
	return r
}

// unaware publishes without the mark that an operator has left, where there is one.
func (s *scenario) unaware(t *testing.T) (got seen) {
	t.Helper()
	w := newWorld(t, s)
	marks := 0
	for key := range s.template.objects {
		if m, err := storage.ParseMarker(key); err != nil || m.Run != operator {
			continue
		}
		marks++
		if err := w.store.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	if marks == 0 {
		return got
	}
	report, err := w.publish(t.Context(), w.db, w.store, publish.Settings{})
	if err != nil || report.Restored {
		t.Fatalf("without the mark: %v, restored %v", err, report.Restored)
	}
	return w.look(t)
}

// decide lets through what is held, where a scenario's run is held: until then
// readers see what was there, and the records tell what it is.
func (w *world) decide(t *testing.T, old seen) {
	t.Helper()
	if !w.scenario.held {
		return
	}
	if got := w.look(t); !slices.Equal(got.gateways, old.gateways) {
		t.Error("what is held is seen by readers")
	}
	accounts, err := w.db.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range accounts.Attachments {
		ref := publish.FeedRef{Merchant: string(w.Merchant.ID), Kind: a.Kind, Key: a.Key}
		if h, ok, err := w.db.HeldGeneration(t.Context(), ref); err != nil || !ok || h.Reason.Because == "" {
			t.Errorf("%v: held %v because %q, %v", ref, ok, h.Reason.Because, err)
		}
	}
	w.clock.advance(2*ttl, false)
	if _, err := w.publish(t.Context(), w.db, w.store, publish.Settings{MaxLoss: 100, MaxPriceMove: -1}); err != nil {
		t.Fatalf("publish what was held: %v", err)
	}
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
func (s *scenario) try(t *testing.T, ref reference, at strike) (old, failed bool) {
	w := newWorld(t, s)
	trial, damage := newTrial(w, at), storagetest.None
	for _, d := range damages[at.method] {
		if fault(d.String()) == at.fault {
			damage, trial.fault = d, ""
		}
	}
	faulty := storagetest.NewFaulty(w.store, storagetest.Script(storagetest.Step{Op: ops[at.method], N: at.n, Fault: damage}), nil)
	_, err := w.publish(t.Context(), ledger{trial, w.db}, store{trial, faulty}, publish.Settings{})
	if !trial.fired && faulty.Total() == 0 {
		t.Fatalf("the fault did not fire; calls %v", trial.calls)
	}
	if err != nil && !errors.Is(err, errFault) && !errors.Is(err, errDead) && !errors.Is(err, storagetest.ErrInjected) && !errors.Is(err, publish.ErrLost) && damage == storagetest.None &&
		at.fault != slow && at.fault != paused {
		t.Errorf("the run fails for another reason: %v", err)
	}
	after := w.look(t)
	old = slices.Equal(after.gateways, ref.old.gateways)
	switch {
	case !old && damage == storagetest.Short && len(ref.unaware.lights) > 0 && slices.Equal(after.lights, ref.unaware.lights):
		// The store kept to itself what the operator has left there; the next run finds it.
	case !old && (s.held || !slices.Equal(after.lights, ref.new.lights)):
		t.Errorf("a reader sees neither the old nor the new offer after the fault (the run: %v)", err)
	case old && err == nil && !s.held:
		t.Error("the run succeeded and nothing is published")
	}

	// The next run needs no help: the lease of the one before ends by itself.
	w.clock.advance(2*ttl, false)
	if _, err := w.publish(t.Context(), w.db, w.store, publish.Settings{}); err != nil {
		t.Fatalf("the next run: %v", err)
	}
	w.decide(t, ref.old)
	if next := w.look(t); !slices.Equal(next.lights, ref.new.lights) {
		t.Error("the next run does not publish what is right")
	}
	if full := w.anew(t); !slices.Equal(full.lights, ref.full.lights) {
		t.Error("everything made anew is something else")
	}
	w.prove(t)
	return old, err != nil
}
