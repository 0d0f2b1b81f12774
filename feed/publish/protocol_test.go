package publish_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"

	"pgregory.net/rapid"
)

// handClock is a monotonic clock that tests move.
type handClock struct {
	at    time.Duration
	ticks chan time.Time
}

func (c *handClock) Elapsed() time.Duration               { return c.at }
func (c *handClock) After(time.Duration) <-chan time.Time { return c.ticks }

func filled(t *testing.T, n int) *shop {
	s := newShop(t.TempDir())
	for id := range n {
		s.set(feed.ProductID(id+1), 1000, 1, "x")
	}
	s.mustRun(t)
	s.now = s.now.Add(time.Minute)
	return s
}

// numbers gives the current number of each feed.
func (s *shop) numbers() map[publish.FeedRef]int64 {
	out := map[publish.FeedRef]int64{}
	for ref, g := range s.current {
		out[ref] = g.Number
	}
	return out
}

// What fails at any call leaves every feed as it was, and the next run makes up
// for it; so does what fails although it was done.
func TestFailureAtEveryCall(t *testing.T) {
	t.Parallel()
	calls := []string{"current", "begin", "known", "held", "attempt", "commit"}
	for _, op := range calls {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			s := filled(t, 5)
			before := s.numbers()
			s.set(3, 2000, 1, "y")
			broken := errors.New("the line is dead")
			s.before = func(call string) error {
				if call == op {
					return broken
				}
				return nil
			}
			if _, err := s.run(); !errors.Is(err, broken) {
				t.Fatalf("run gives %v, want %v", err, broken)
			}
			if !maps.Equal(s.numbers(), before) {
				t.Fatalf("pointers have moved: %v, before %v", s.numbers(), before)
			}
			if left, err := os.ReadDir(s.spool); err != nil || len(left) > 0 {
				t.Fatalf("the spool folder holds %v, %v", left, err)
			}
			s.before = nil
			for _, f := range s.mustRun(t).Feeds {
				if !f.Published {
					t.Errorf("%v is not published by the next run", f.Feed.Kind)
				}
			}
		})
	}
}

func TestBusy(t *testing.T) {
	t.Parallel()
	s := filled(t, 3)
	s.owner, s.ttl = "another", 7*time.Second
	var busy *publish.BusyError
	if _, err := s.run(); !errors.As(err, &busy) || busy.Until != 7*time.Second {
		t.Fatalf("a run beside another gives %v", err)
	}
}

// A run whose lease was taken publishes nothing, whenever it was taken.
func TestLeaseLost(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"held", "attempt", "commit"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			s := filled(t, 5)
			before := s.numbers()
			s.set(3, 2000, 1, "y")
			s.before = func(op string) error {
				if op == at && s.owner == fmt.Sprintf("run-%d", s.runsMade) {
					s.lease++
					s.owner = "another"
				}
				return nil
			}
			if _, err := s.run(); !errors.Is(err, publish.ErrLost) {
				t.Fatalf("run gives %v, want %v", err, publish.ErrLost)
			}
			if !maps.Equal(s.numbers(), before) || s.owner != "another" {
				t.Fatalf("pointers %v, before %v; the lease is %q's", s.numbers(), before, s.owner)
			}
		})
	}
}

// A run that outlives its lease renews it before it commits, and commits
// nothing when it cannot.
func TestLeaseIsRenewed(t *testing.T) {
	t.Parallel()
	for _, fails := range []bool{false, true} {
		s := filled(t, 5)
		before := s.numbers()
		s.ttl = 15 * time.Second
		clock := &handClock{at: time.Hour}
		s.clock = clock
		s.set(3, 2000, 1, "y")
		dead := errors.New("the records do not answer")
		renewed := 0
		s.before = func(op string) error {
			switch op {
			case "attempt":
				clock.at += 11 * time.Second // less than five seconds are left
			case "renew":
				renewed++
				if fails {
					return dead
				}
			}
			return nil
		}
		_, err := s.run()
		if moved := !maps.Equal(s.numbers(), before); renewed == 0 || fails && (!errors.Is(err, dead) || moved) || !fails && (err != nil || !moved) {
			t.Errorf("renewing fails: %v; run gives %v, renewed %d times, pointers moved: %v", fails, err, renewed, moved)
		}
	}
}

// A run that lasts renews its lease all the time, and stops when it is lost.
func TestLeaseIsKept(t *testing.T) {
	t.Parallel()
	s := filled(t, 5)
	s.ttl = 15 * time.Second
	clock := &handClock{ticks: make(chan time.Time)}
	s.clock = clock
	s.set(3, 2000, 1, "y")
	renewed := make(chan struct{}, 8)
	s.before = func(op string) error {
		switch op {
		case "attempt":
			for range 2 {
				clock.ticks <- time.Time{}
				<-renewed
			}
			clock.ticks <- time.Time{} // the third finds the lease taken
			<-renewed
		case "renew":
			renewed <- struct{}{}
			if s.stolen.Add(1) == 3 {
				return publish.ErrLost
			}
		}
		return nil
	}
	if _, err := s.run(); !errors.Is(err, publish.ErrLost) {
		t.Fatalf("run gives %v, want %v", err, publish.ErrLost)
	}
}

// A snapshot that is older than what is published does not bring back the past.
func TestOldSnapshotLoses(t *testing.T) {
	t.Parallel()
	s := filled(t, 5)
	s.set(3, 2000, 1, "y")
	s.mustRun(t)
	s.events = s.events[:len(s.events)-1]
	s.set(3, 1000, 1, "x")
	s.events = s.events[:len(s.events)-1]
	if _, err := s.run(); !errors.Is(err, publish.ErrLost) {
		t.Fatalf("run from an old snapshot gives %v, want %v", err, publish.ErrLost)
	}
}

// A ledger that was restored from an older copy, with the files of later
// generations still there, starts new epochs above all that was seen.
func TestRestoredLedgerStartsNewEpoch(t *testing.T) {
	t.Parallel()
	s := filled(t, 5)
	old := s.ledger.copy()
	var numbers []int64
	addresses := map[string]bool{}
	note := func() {
		for _, g := range s.current {
			numbers = append(numbers, g.Number)
			for i := range g.Files {
				addresses[g.Files[i].Address()] = true
			}
		}
	}
	for i := range 3 {
		s.set(2, int64(2000+i), 1, "y")
		s.now = s.now.Add(time.Minute)
		s.mustRun(t)
		note()
	}
	lastTime := s.generation(feed.KindFull).Time
	for _, empty := range []bool{false, true} {
		lost := s.ledger
		s.ledger = old.copy()
		if empty {
			s.ledger = newLedger()
			s.ledger.time, s.ledger.stored = old.time, old.stored
		}
		s.now = s.now.Add(-time.Hour) // clocks may be wrong too
		r := s.mustRun(t)
		if !r.Restored {
			t.Fatalf("empty %v: nothing was noticed", empty)
		}
		for _, f := range r.Feeds {
			g := f.Generation
			if !f.Published || g.Epoch <= 1 || g.Number <= slices.Max(numbers) || !g.Time.After(lastTime) || g.File(feed.KindFullChange) != nil {
				t.Errorf("empty %v, %v: published %v, epoch %d, number %d after %d, time %v after %v", empty, g.Feed.Kind, f.Published, g.Epoch, g.Number, slices.Max(numbers), g.Time, lastTime)
			}
			for i := range g.Files {
				if file := &g.Files[i]; file.Generation == g.Number && addresses[file.Address()] {
					t.Errorf("%s was used before", file.Address())
				}
			}
		}
		lastTime = s.generation(feed.KindFull).Time
		note()
		if r := s.mustRun(t); r.Restored || r.Feeds[0].Published {
			t.Errorf("empty %v: the next run is not as usual: %+v", empty, r)
		}
		// A feed that was not in the first run after the loss starts anew as well.
		other := s.profiles[0]
		other.Languages = []feed.Language{feed.MustLanguage("pol"), feed.MustLanguage("eng")}
		s.profiles = append(s.profiles, other)
		for _, f := range s.mustRun(t).Feeds {
			if f.Generation.Epoch <= 1 {
				t.Errorf("%v, new after the loss, has epoch %d", f.Feed.Kind, f.Generation.Epoch)
			}
		}
		s.profiles = s.profiles[:1]
		old = lost.copy()
	}
}

// A clock of the year 2099 publishes nothing; one that stands in the past does.
func TestClockOfTheFuture(t *testing.T) {
	t.Parallel()
	s := filled(t, 5)
	right := s.now
	s.ledger.time = func() time.Time { return right }
	s.set(3, 2000, 1, "y")
	s.now = right.Add(48 * time.Hour)
	if _, err := s.run(); feed.KindOf(err) != feed.KindUnavailable || !strings.Contains(err.Error(), "clock") {
		t.Fatalf("two days ahead of the records: %v", err)
	}
	s.ledger.time = func() time.Time { return s.now }
	s.mustRun(t)
	last := s.generation(feed.KindFull)
	s.now = right.Add(-100 * time.Hour)
	s.set(3, 3000, 1, "y")
	r := s.mustRun(t)
	if g := s.generation(feed.KindFull); g.Number == last.Number || !g.Time.After(last.Time) || r.Behind < 100*time.Hour {
		t.Fatalf("days behind: generation %d after %d, time %v after %v, behind %v", g.Number, last.Number, g.Time, last.Time, r.Behind)
	}
}

// Labels ascend as text although the zone that they are written in changes.
func TestLabelsAscendOverZones(t *testing.T) {
	t.Parallel()
	s := filled(t, 30)
	last := ""
	for i, hours := range []int{2, 1, -11, 14, 0} {
		s.settings.Zone = time.FixedZone("", hours*3600)
		s.set(3, int64(2000+i), 1, "y")
		s.events = append(s.events, 0)
		s.now = s.now.Add(time.Second)
		s.mustRun(t)
		g := s.generation(feed.KindFull)
		if label := g.File(feed.KindFullChange).Label; label <= last {
			t.Errorf("label %s after %s", label, last)
		} else {
			last = label
		}
	}
}

// Several publishers that are stopped and resumed at any of their calls make
// one history, from which no change is lost.
func TestInterleavedRuns(t *testing.T) {
	t.Parallel()
	spool := spools(t)
	rapid.Check(t, func(t *rapid.T) {
		s := newShop(spool(t))
		s.settings = publish.Settings{MaxLoss: 100, MaxPriceMove: -1, Validity: long}
		for id := range 6 {
			s.set(feed.ProductID(id+1), 100, 1, "x")
		}
		s.mustRun(t)
		depth := 0
		s.before = func(op string) error {
			// Whoever waits here finds that others were faster.
			if depth < 2 && rapid.IntRange(0, 5).Draw(t, "stop at "+op) == 0 {
				depth++
				what := rapid.IntRange(0, 3).Draw(t, "meanwhile")
				if what == 0 {
					return errors.New("killed")
				}
				if what > 1 {
					s.expire()
				}
				s.set(feed.ProductID(rapid.IntRange(1, 6).Draw(t, "id")), rapid.Int64Range(100, 900).Draw(t, "price"), 1, "x")
				s.run()
				depth--
			}
			return nil
		}
		for range rapid.IntRange(1, 3).Draw(t, "runs") {
			s.set(feed.ProductID(rapid.IntRange(1, 6).Draw(t, "id")), rapid.Int64Range(100, 900).Draw(t, "price"), 1, "x")
			s.now = s.now.Add(time.Minute)
			if _, err := s.run(); err != nil {
				var busy *publish.BusyError
				if !errors.As(err, &busy) && !errors.Is(err, publish.ErrLost) && !strings.Contains(err.Error(), "killed") {
					t.Fatal(err)
				}
			}
		}
		s.before = nil
		s.expire()
		s.mustRun(t)
		g := s.generation(feed.KindFull)
		s.settings.CompareEvery = -1
		for _, f := range s.mustRun(t).Feeds {
			if f.Published || f.Missed > 0 {
				t.Fatalf("a change was lost: %+v", f)
			}
		}
		// The change files lead from the first full file to what is shown now.
		full, _ := nodes(s.bytes(g.File(feed.KindFull)))
		at := g.File(feed.KindFull).Generation
		for _, f := range slices.Backward(g.Files) {
			if f.Kind != feed.KindFullChange || f.Target <= at {
				continue
			}
			if f.Base > at {
				t.Fatalf("change %d-%d after %d: there is a gap", f.Base, f.Target, at)
			}
			at = f.Target
			full = apply(full, []string{s.bytes(&f)})
		}
		s.settings.Force = true
		s.mustRun(t)
		forced := s.generation(feed.KindFull)
		if want, _ := nodes(s.bytes(forced.File(feed.KindFull))); !maps.Equal(full, want) {
			t.Fatalf("full and changes give %q, want %q", full, want)
		}
	})
}

func ExampleDo() {
	spool, _ := os.MkdirTemp("", "spool-*")
	defer os.RemoveAll(spool)
	s := newShop(spool)
	s.set(1, 1999, 5, "Kubek")
	report, _ := publish.Do(context.Background(), s, s, publish.Request{Merchant: "m", Profiles: s.profiles, Now: s.now, Spool: spool, Catalog: s.catalog()})
	for _, f := range report.Feeds {
		fmt.Println(f.Feed.Kind, f.Generation.Number, f.Published, len(f.Generation.Files))
	}
	// Output:
	// full 1 true 10
	// light 2 true 1
}
