package schedule_test

import (
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"feedmill/internal/harness/memledger"
)

// settings are what systematic schedules go through.
var settings = []setting{
	{publishers: 2, edits: 1, tries: 2},
	{publishers: 2, edits: 1, tries: 2, noLease: true},
	{publishers: 3, edits: 2, tries: 2, noLease: true},
}

// Two and three publishers are interleaved at every call of ledger and store.
// Systematically: everybody runs until he is through but for two preemptions at
// any step, with and without a lease's time passing there; once more with no lease
// at all, so that the check of the pointers alone keeps publishers apart. And by
// chance, with processes that die or lose answers.
func TestEverySchedule(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	if seed, ok := seedOf(t); ok {
		s.replay(t, seed)
		return
	}
	limit, random := 2000, 5000
	if testing.Short() {
		limit, random = 150, 300
	}
	all := &tally{distinct: map[uint64]bool{}}
	for i, set := range settings {
		n := s.systematic(t, set, limit, all)
		t.Logf("setting %d: %d systematic schedules", i, n)
	}
	t.Logf("systematic: %v", all)
	s.random(t, random, all)
	t.Logf("in all: %v", all)
	if t.Failed() {
		return
	}
	if want := 10_000; !testing.Short() && len(all.distinct) < want {
		t.Errorf("%d distinct schedules were explored, want %d", len(all.distinct), want)
	}
	if all.faults == 0 || all.lost == 0 || all.busy == 0 || all.double == 0 {
		t.Errorf("the schedules are too tame: %v", all)
	}
}

// task is one schedule to explore.
type task struct {
	set    setting
	choose chooser
	name   string
}

// all explores tasks on all processors, until one fails.
func (s *shop) all(t *testing.T, next func() (task, bool), a *tally, then func(task, *outcome)) {
	t.Helper()
	var mu sync.Mutex
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for {
				mu.Lock()
				job, ok := next()
				mu.Unlock()
				if !ok || t.Failed() {
					return
				}
				out, err := s.explore(t, job.set, job.choose)
				if err != nil {
					t.Errorf("%s: %v\n%s", job.name, err, strings.Join(out.trace, "\n"))
					return
				}
				a.add(out, job.set)
				if then != nil {
					mu.Lock()
					then(job, out)
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
}

// systematic explores schedules with up to two preemptions, all with one before
// those with two, and of these as many as the limit allows, spread evenly.
func (s *shop) systematic(t *testing.T, set setting, limit int, a *tally) (n int) {
	t.Helper()
	var single, double [][]preemption
	// What can be preempted is known from the schedule before the preemption.
	expand := func(at []preemption, out *outcome) (more [][]preemption) {
		from := -1
		if len(at) > 0 {
			from = at[len(at)-1].step
		}
		for step := from + 1; step < len(out.enabled); step++ {
			for _, who := range out.enabled[step] {
				p := preemption{step: step, who: who}
				if who != out.moved[step] {
					more = append(more, append(append([]preemption(nil), at...), p))
				}
				if !set.noLease {
					p.pause = true
					more = append(more, append(append([]preemption(nil), at...), p))
				}
			}
		}
		return more
	}
	run := func(list [][]preemption, then func(at []preemption, out *outcome)) {
		i := 0
		s.all(t, func() (task, bool) {
			if i >= len(list) {
				return task{}, false
			}
			at := list[i]
			i++
			return task{set: set, choose: &straight{at: at}, name: preempted(at)}, true
		}, a, func(job task, out *outcome) {
			n++
			if then != nil {
				then(job.choose.(*straight).at, out)
			}
		})
	}
	run([][]preemption{nil}, func(at []preemption, out *outcome) { single = expand(at, out) })
	run(thin(single, limit), func(at []preemption, out *outcome) { double = append(double, expand(at, out)...) })
	if n < limit {
		run(thin(double, limit-n), nil)
	}
	return n
}

// thin takes some of a list, evenly.
func thin(list [][]preemption, limit int) (out [][]preemption) {
	if len(list) <= limit {
		return list
	}
	for i := range limit {
		out = append(out, list[i*len(list)/limit])
	}
	return out
}

func preempted(at []preemption) string {
	var b strings.Builder
	b.WriteString("systematic")
	for _, p := range at {
		b.WriteString(" ")
		b.WriteString(strings.Join([]string{strconv.Itoa(p.step), strconv.Itoa(p.who)}, ">"))
		if p.pause {
			b.WriteString("p")
		}
	}
	return b.String()
}

// ofSeed gives what a seed explores.
func ofSeed(seed uint64) setting {
	return setting{publishers: 2 + int(seed%2), edits: int(seed/2) % (edits + 1), tries: 2, noLease: seed%5 == 0}
}

// random explores schedules of seeds.
func (s *shop) random(t *testing.T, n int, a *tally) {
	t.Helper()
	seed := uint64(0)
	s.all(t, func() (task, bool) {
		if seed++; seed > uint64(n) {
			return task{}, false
		}
		return task{set: ofSeed(seed), choose: newDice(seed), name: "seed " + strconv.Itoa(int(seed)) + " (replay it with " + seedVariable + "=" + strconv.Itoa(int(seed)) + ")"}, true
	}, a, nil)
}

func (s *shop) replay(t *testing.T, seed uint64) {
	t.Helper()
	out, err := s.explore(t, ofSeed(seed), newDice(seed))
	if out != nil {
		t.Logf("seed %d:\n%s", seed, strings.Join(out.trace, "\n"))
	}
	if err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
}

// The same seed gives the same schedule, or nothing could be replayed.
func TestSeedsReplay(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for seed := range uint64(20) {
		var first string
		for range 3 {
			out, err := s.explore(t, ofSeed(seed), newDice(seed))
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			trace := strings.Join(out.trace, "\n")
			if first == "" {
				first = trace
			}
			if trace != first {
				t.Fatalf("seed %d gives two schedules:\n%s\nand\n%s", seed, first, trace)
			}
		}
	}
}

// Without the check of the pointers two publishers tear the history, and the
// explorer finds it: it is not blind.
func TestExplorerFindsAMissingCheck(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	found := 0
	for seed := range uint64(60) {
		set := ofSeed(seed)
		set.noLease, set.noCheck, set.edits = true, true, 1
		if _, err := s.explore(t, set, newDice(seed)); err != nil {
			found++
		}
	}
	if found == 0 {
		t.Error("60 schedules without any check are all fine: the explorer is blind")
	}
	t.Logf("found in %d of 60 schedules", found)
}

// A lease that nobody checks is found missing where it should keep two runs from
// working at once.
func TestExplorerSeesLeases(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := memledger.New(memledger.Options{Now: time.Now, Lease: ttl})
		if _, err := l.Begin(t.Context(), merchant, "a", 1); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Begin(t.Context(), merchant, "b", 1); err == nil {
			t.Error("two runs hold the lease")
		}
	})
}
