package schedule_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"feedmill/feed/publish"
	"feedmill/internal/harness/memledger"
	"feedmill/storage"
)

// verdict is what becomes of a call.
type verdict string

const (
	goOn verdict = "goes on"
	// lost does what was asked, and the answer does not come; refused does nothing.
	lost    verdict = "loses its answer"
	refused verdict = "is refused"
	// Who dies makes no call any more that has an effect.
	diesBefore verdict = "dies before"
	diesAfter  verdict = "dies after"
)

var (
	errFault = errors.New("injected fault")
	errDead  = errors.New("the process is dead")
)

// call is somebody who waits for his turn.
type call struct {
	who        int
	name, what string
	turn       chan verdict
}

func compareCalls(a, b *call) int {
	return cmp.Or(cmp.Compare(a.who, b.who), strings.Compare(a.name, b.name), strings.Compare(a.what, b.what))
}

// desk is where calls wait.
type desk struct {
	mu      sync.Mutex
	waiting []*call
	dead    map[int]bool
	free    bool // nobody waits any more
}

func (d *desk) call(who int, name, what string, do func() error) error {
	d.mu.Lock()
	if d.dead[who] {
		d.mu.Unlock()
		return errDead
	}
	if d.free {
		d.mu.Unlock()
		return do()
	}
	c := &call{who, name, what, make(chan verdict, 1)}
	d.waiting = append(d.waiting, c)
	d.mu.Unlock()
	switch <-c.turn {
	case goOn:
		return do()
	case lost:
		if err := do(); err != nil {
			return err
		}
		return fmt.Errorf("%s, done: %w", name, errFault)
	case refused:
		return fmt.Errorf("%s: %w", name, errFault)
	case diesAfter:
		return errors.Join(do(), errDead)
	}
	return errDead
}

// move is one step of a schedule: whose call, which of those that he waits with,
// what becomes of it, and whether a lease's time passes before.
type move struct {
	who     int
	nth     int
	verdict verdict
	pause   bool
}

// chooser decides on a step. enabled are the calls that wait, in a fixed order.
type chooser interface {
	choose(step int, enabled []*call) move
}

// outcome is what was seen of one schedule.
type outcome struct {
	trace     []string
	enabled   [][]int // at each step, who could have gone on
	moved     []int   // and who did
	faults    int
	published int // generations
	lost      int // runs that were told so
	busy      int
}

func (o *outcome) hash() uint64 {
	h := fnv.New64a()
	for _, line := range o.trace {
		_, _ = io.WriteString(h, line+"\n") // a hash takes everything
	}
	return h.Sum64()
}

// ledger is a publisher's way to the ledger, store his way to the store.
type ledger struct {
	*memledger.Ledger
	d   *desk
	who int
}

func (l ledger) Current(ctx context.Context, f publish.FeedRef) (g publish.Generation, ok bool, err error) {
	err = l.d.call(l.who, "Current", f.Kind.String(), func() (err error) { g, ok, err = l.Ledger.Current(ctx, f); return err })
	return g, ok, err
}

func (l ledger) Begin(ctx context.Context, merchant, runID string, n int) (run publish.Run, err error) {
	err = l.d.call(l.who, "Begin", runID, func() (err error) { run, err = l.Ledger.Begin(ctx, merchant, runID, n); return err })
	return run, err
}

func (l ledger) Commit(ctx context.Context, run publish.Run, gens []publish.Generation, cursors map[publish.FeedRef]publish.Cursor) error {
	return l.d.call(l.who, "Commit", "", func() error { return l.Ledger.Commit(ctx, run, gens, cursors) })
}

func (l ledger) Hold(ctx context.Context, run publish.Run, held []publish.Held) error {
	return l.d.call(l.who, "Hold", "", func() error { return l.Ledger.Hold(ctx, run, held) })
}

func (l ledger) Renew(ctx context.Context, run publish.Run) (out publish.Run, err error) {
	err = l.d.call(l.who, "Renew", "", func() (err error) { out, err = l.Ledger.Renew(ctx, run); return err })
	return out, err
}

func (l ledger) Release(ctx context.Context, run publish.Run) error {
	return l.d.call(l.who, "Release", "", func() error { return l.Ledger.Release(ctx, run) })
}

func (l ledger) Attempt(ctx context.Context, run publish.Run, keys []string) error {
	return l.d.call(l.who, "Attempt", "", func() error { return l.Ledger.Attempt(ctx, run, keys) })
}

func (l ledger) Known(ctx context.Context, merchant, runID string) (known bool, err error) {
	err = l.d.call(l.who, "Known", "", func() (err error) { known, err = l.Ledger.Known(ctx, merchant, runID); return err })
	return known, err
}

type store struct {
	storage.Store
	d   *desk
	who int
}

func (s store) Put(ctx context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (info storage.Info, err error) {
	err = s.d.call(s.who, "Put", key, func() (err error) { info, err = s.Store.Put(ctx, key, body, size, attrs); return err })
	return info, err
}

func (s store) Open(ctx context.Context, key string, r storage.Range) (body io.ReadCloser, info storage.Info, err error) {
	err = s.d.call(s.who, "Open", fmt.Sprint(key, r), func() (err error) { body, info, err = s.Store.Open(ctx, key, r); return err })
	if err != nil && body != nil {
		return nil, info, errors.Join(err, body.Close())
	}
	return body, info, err
}

func (s store) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		var all []storage.Info
		err := s.d.call(s.who, "List", prefix, func() error {
			for info, err := range s.Store.List(ctx, prefix) {
				if err != nil {
					return err
				}
				all = append(all, info)
			}
			return nil
		})
		if err != nil {
			yield(storage.Info{}, err)
			return
		}
		for _, info := range all {
			if !yield(info, nil) {
				return
			}
		}
	}
}

func (s store) Delete(ctx context.Context, key string) error {
	return s.d.call(s.who, "Delete", key, func() error { return s.Store.Delete(ctx, key) })
}

// setting is what is explored.
type setting struct {
	publishers int
	edits      int // made while they run
	noLease    bool
	noCheck    bool
	tries      int // of a publisher whose run was lost
}

// explore runs one schedule and checks what it leaves.
func (s *shop) explore(t *testing.T, set setting, c chooser) (out *outcome, err error) {
	synctest.Test(t, func(t *testing.T) {
		out, err = s.schedule(t.Context(), set, c)
	})
	return out, err
}

func (s *shop) schedule(ctx context.Context, set setting, c chooser) (*outcome, error) {
	began := time.Now()
	base := s.base.History()
	// The bubble's clock begins in the year 2000.
	shift := base[len(base)-1].Time.Sub(began) + time.Minute
	now := func() time.Time { return time.Now().Add(shift).UTC() }
	led := s.base.Copy(memledger.Options{Now: now, Lease: ttl, NoLease: set.noLease, NoCheck: set.noCheck})
	st, err := s.store(ctx, now)
	if err != nil {
		return nil, err
	}
	d := &desk{dead: map[int]bool{}}
	out := &outcome{}
	head := 2         // one edit is not published yet
	var mu sync.Mutex // of head, out and done
	done := 0
	var group sync.WaitGroup
	finish := func() { mu.Lock(); done++; mu.Unlock() }
	var strange []error
	for who := range set.publishers {
		group.Go(func() {
			defer finish()
			for try := range set.tries {
				at := 0
				if d.call(who, "Snapshot", "", func() error { mu.Lock(); at = head; mu.Unlock(); return nil }) != nil {
					return
				}
				err := s.publish(ctx, ledger{led, d, who}, store{st, d, who}, fmt.Sprintf("p%d-%d", who, try), at, now(), publish.Settings{})
				var busy *publish.BusyError
				mu.Lock()
				switch {
				case errors.Is(err, publish.ErrLost):
					out.lost++
				case errors.As(err, &busy):
					out.busy++
				case err != nil && !errors.Is(err, errFault) && !errors.Is(err, errDead) && !strings.Contains(err.Error(), "lease has ended"):
					strange = append(strange, fmt.Errorf("publisher %d: %w", who, err))
				}
				mu.Unlock()
				if err == nil {
					return
				}
			}
		})
	}
	group.Go(func() {
		defer finish()
		for range set.edits {
			if d.call(set.publishers, "Edit", "", func() error { mu.Lock(); head++; mu.Unlock(); return nil }) != nil {
				return
			}
		}
	})
	for step := 0; ; step++ {
		synctest.Wait()
		mu.Lock()
		over := done == set.publishers+1
		mu.Unlock()
		d.mu.Lock()
		enabled := slices.Clone(d.waiting)
		d.mu.Unlock()
		if over && len(enabled) == 0 {
			break
		}
		if len(enabled) == 0 || step > 2000 {
			return out, fmt.Errorf("after %d steps nobody goes on", step)
		}
		slices.SortFunc(enabled, compareCalls)
		m := c.choose(step, enabled)
		var mine []*call
		var who []int
		for _, e := range enabled {
			if e.who == m.who {
				mine = append(mine, e)
			}
			if !slices.Contains(who, e.who) {
				who = append(who, e.who)
			}
		}
		out.enabled, out.moved = append(out.enabled, who), append(out.moved, m.who)
		next := mine[m.nth%len(mine)]
		if m.pause {
			// Everybody stands still; timers fire, and whom they wake waits for his turn.
			<-time.After(ttl + 5*time.Second)
			synctest.Wait()
		}
		d.mu.Lock()
		d.waiting = slices.DeleteFunc(d.waiting, func(c *call) bool { return c == next })
		if m.verdict == diesBefore || m.verdict == diesAfter {
			d.dead[m.who] = true
		}
		var others []*call
		if d.dead[m.who] {
			for _, c := range d.waiting {
				if c.who == m.who {
					others = append(others, c)
				}
			}
			d.waiting = slices.DeleteFunc(d.waiting, func(c *call) bool { return c.who == m.who })
		}
		d.mu.Unlock()
		if m.verdict != goOn {
			out.faults++
		}
		out.trace = append(out.trace, fmt.Sprintf("%d %s %s %s pause=%v", m.who, next.name, next.what, m.verdict, m.pause))
		next.turn <- m.verdict
		for _, c := range others {
			c.turn <- diesBefore
		}
	}
	group.Wait()
	d.mu.Lock()
	d.free, d.dead = true, map[int]bool{}
	d.mu.Unlock()
	out.published = len(led.History()) - len(base)
	if err := errors.Join(strange...); err != nil {
		return out, err
	}
	if err := s.check(ctx, led, st, len(base)); err != nil {
		return out, err
	}
	// Whoever comes next needs no help, and publishes what the catalog holds.
	<-time.After(2 * ttl)
	if err := s.publish(ctx, led, st, "last", head, now(), publish.Settings{}); err != nil {
		return out, fmt.Errorf("the next run: %w", err)
	}
	<-time.After(2 * ttl)
	report, err := s.report(ctx, led, st, "proof", head, now(), publish.Settings{CompareEvery: -1})
	if err != nil {
		return out, fmt.Errorf("compare everything: %w", err)
	}
	for i := range report.Feeds {
		f := &report.Feeds[i]
		if f.Missed != 0 || f.Published || f.Generation.Cursor != int64(head) {
			return out, fmt.Errorf("%v: a comparison of everything finds %d changes that were lost, published %v, stands at change %d of %d",
				f.Feed.Kind, f.Missed, f.Published, f.Generation.Cursor, head)
		}
	}
	return out, s.check(ctx, led, st, len(base))
}

// straight lets everybody go on until he is through, but for a few preemptions.
type straight struct {
	first   int
	at      []preemption
	current int
	began   bool
}

type preemption struct {
	step, who int
	pause     bool
}

func (s *straight) choose(step int, enabled []*call) move {
	if !s.began {
		s.began, s.current = true, s.first
	}
	pause := false
	for _, p := range s.at {
		if p.step == step {
			s.current, pause = p.who, p.pause
		}
	}
	if !slices.ContainsFunc(enabled, func(c *call) bool { return c.who == s.current }) {
		s.current = enabled[0].who
	}
	return move{who: s.current, verdict: goOn, pause: pause}
}

// dice decides by chance; the same seed gives the same schedule.
type dice struct {
	r       *rand.Rand
	faulty  bool
	current int
	left    int // faults that may still happen
}

func newDice(seed uint64) *dice {
	r := rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15))
	return &dice{r: r, faulty: r.IntN(4) > 0, left: 1 + r.IntN(3)}
}

func (d *dice) choose(_ int, enabled []*call) move {
	if d.r.IntN(3) == 0 || !slices.ContainsFunc(enabled, func(c *call) bool { return c.who == d.current }) {
		d.current = enabled[d.r.IntN(len(enabled))].who
	}
	m := move{who: d.current, nth: d.r.IntN(8), verdict: goOn}
	if !d.faulty || d.left == 0 {
		return m
	}
	switch n := d.r.IntN(100); {
	case n < 3:
		m.verdict = diesBefore
	case n < 6:
		m.verdict = diesAfter
	case n < 8:
		m.verdict = refused
	case n < 10:
		m.verdict = lost
	case n < 16:
		m.pause = true
	}
	if m.verdict != goOn || m.pause {
		d.left--
	}
	return m
}

// tally counts what was explored.
type tally struct {
	mu                               sync.Mutex
	distinct                         map[uint64]bool
	runs, faults, lost, busy, double int
	deepest                          int
}

func (a *tally) add(o *outcome, set setting) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.distinct[o.hash()^uint64(set.publishers)<<1^uint64(set.edits)<<8^map[bool]uint64{true: 1 << 40}[set.noLease]] = true
	a.runs++
	a.faults += o.faults
	a.lost += o.lost
	a.busy += o.busy
	if o.published > 2 {
		a.double++
	}
	a.deepest = max(a.deepest, len(o.trace))
}

func (a *tally) String() string {
	return fmt.Sprintf("%d schedules, %d of them distinct, the longest of %d steps; %d faults; %d runs lost the race, %d met a lease; in %d schedules several runs published",
		a.runs, len(a.distinct), a.deepest, a.faults, a.lost, a.busy, a.double)
}

// seedVariable replays one random schedule: FEEDMILL_SEED=n.
const seedVariable = "FEEDMILL_SEED"

func seedOf(t *testing.T) (uint64, bool) {
	t.Helper()
	text := os.Getenv(seedVariable)
	if text == "" {
		return 0, false
	}
	var seed uint64
	if _, err := fmt.Sscan(text, &seed); err != nil {
		t.Fatalf("%s=%s: %v", seedVariable, text, err)
	}
	return seed, true
}
