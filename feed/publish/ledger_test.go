package publish_test

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
)

// ledger keeps generations in memory, and refuses what a ledger must.
type ledger struct {
	mu        sync.Mutex
	last      int64
	current   map[publish.FeedRef]publish.Generation
	epochs    map[publish.FeedRef]int64
	times     map[publish.FeedRef]time.Time
	published map[int64]time.Time // number -> moment of the commit
	held      map[publish.FeedRef]publish.Held
	runs      map[string]bool
	tried     map[string]bool
	files     map[string]string // address -> key
	lease     int64
	owner     string
	ttl       time.Duration
	time      func() time.Time
	// before, when set, is called at the start of each call, and fails it.
	before func(op string) error
	stored func(key string) bool
	stolen atomic.Int64 // for tests that take the lease away
}

func newLedger() *ledger {
	return &ledger{current: map[publish.FeedRef]publish.Generation{}, epochs: map[publish.FeedRef]int64{}, times: map[publish.FeedRef]time.Time{},
		published: map[int64]time.Time{}, held: map[publish.FeedRef]publish.Held{}, runs: map[string]bool{}, tried: map[string]bool{}, files: map[string]string{}}
}

// copy gives the ledger as it is now, for restoring it later.
func (l *ledger) copy() *ledger {
	c := newLedger()
	c.last, c.lease, c.ttl, c.time, c.stored = l.last, l.lease, l.ttl, l.time, l.stored
	c.current, c.epochs, c.times, c.held = maps.Clone(l.current), maps.Clone(l.epochs), maps.Clone(l.times), maps.Clone(l.held)
	c.runs, c.tried, c.files, c.published = maps.Clone(l.runs), maps.Clone(l.tried), maps.Clone(l.files), maps.Clone(l.published)
	return c
}

func (l *ledger) call(op string) (unlock func(), err error) {
	if l.before != nil {
		if err := l.before(op); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	return l.mu.Unlock, nil
}

func (l *ledger) Current(_ context.Context, f publish.FeedRef) (publish.Generation, bool, error) {
	unlock, err := l.call("current")
	if err != nil {
		return publish.Generation{}, false, err
	}
	defer unlock()
	g, ok := l.current[f]
	return g, ok, nil
}

func (l *ledger) Begin(_ context.Context, merchant, runID string, n int) (publish.Run, error) {
	unlock, err := l.call("begin")
	if err != nil {
		return publish.Run{}, err
	}
	defer unlock()
	if l.owner != "" {
		return publish.Run{}, &publish.BusyError{Until: l.ttl}
	}
	if l.runs[runID] {
		return publish.Run{}, fmt.Errorf("run %s begins twice", runID)
	}
	l.runs[runID] = true
	l.owner = runID
	l.lease++
	r := publish.Run{ID: runID, Merchant: merchant, First: l.last + 1, N: n, Lease: l.lease, Until: l.ttl}
	l.last += int64(n)
	return r, nil
}

// expire lets the lease of whoever has it end.
func (l *ledger) expire() { l.mu.Lock(); l.owner = ""; l.mu.Unlock() }

func (l *ledger) Renew(_ context.Context, run publish.Run) (publish.Run, error) {
	unlock, err := l.call("renew")
	if err != nil {
		return run, err
	}
	defer unlock()
	if l.lease != run.Lease {
		return run, publish.ErrLost
	}
	run.Until = l.ttl
	return run, nil
}

func (l *ledger) Release(_ context.Context, run publish.Run) error {
	unlock, err := l.call("release")
	if err != nil {
		return err
	}
	defer unlock()
	if l.lease == run.Lease {
		l.owner = ""
	}
	return nil
}

func (l *ledger) Attempt(_ context.Context, _ publish.Run, keys []string) error {
	unlock, err := l.call("attempt")
	if err != nil {
		return err
	}
	defer unlock()
	for _, k := range keys {
		if l.tried != nil && l.tried[k] {
			return fmt.Errorf("key %s is used twice", k)
		}
		if l.tried != nil {
			l.tried[k] = true
		}
	}
	return nil
}

func (l *ledger) Known(_ context.Context, _, runID string) (bool, error) {
	unlock, err := l.call("known")
	if err != nil {
		return false, err
	}
	defer unlock()
	return l.runs[runID], nil
}

func (l *ledger) NewEpoch(_ context.Context, f publish.FeedRef, epoch, number int64, at time.Time) error {
	unlock, err := l.call("epoch")
	if err != nil {
		return err
	}
	defer unlock()
	l.last, l.epochs[f] = max(l.last, number), max(l.epochs[f], epoch)
	if l.times[f].Before(at) {
		l.times[f] = at
	}
	return nil
}

func (l *ledger) HeldGeneration(_ context.Context, f publish.FeedRef) (publish.Held, bool, error) {
	unlock, err := l.call("held")
	if err != nil {
		return publish.Held{}, false, err
	}
	defer unlock()
	h, ok := l.held[f]
	return h, ok, nil
}

func (l *ledger) Time(context.Context) (time.Time, error) { return l.time(), nil }

func (l *ledger) Published(_ context.Context, _ publish.FeedRef, number int64) (time.Time, error) {
	unlock, err := l.call("published")
	if err != nil {
		return time.Time{}, err
	}
	defer unlock()
	return l.published[number], nil
}

func (l *ledger) Commit(_ context.Context, run publish.Run, gens []publish.Generation, cursors map[publish.FeedRef]publish.Cursor) error {
	unlock, err := l.call("commit")
	if err != nil {
		return err
	}
	defer unlock()
	if l.lease != run.Lease {
		return publish.ErrLost
	}
	for _, g := range gens {
		if l.current[g.Feed].Number != g.Base {
			return publish.ErrLost
		}
		if err := l.check(&g); err != nil {
			return fmt.Errorf("generation %d of %v: %w", g.Number, g.Feed.Kind, err)
		}
	}
	for _, g := range gens {
		l.current[g.Feed], l.times[g.Feed], l.epochs[g.Feed], l.published[g.Number] = g, g.Time, g.Epoch, l.time()
		delete(l.held, g.Feed)
	}
	for f, c := range cursors {
		delete(l.held, f)
		g := l.current[f]
		g.Cursor = max(g.Cursor, c.Event)
		if !c.Compared.IsZero() {
			g.Compared = c.Compared
		}
		l.current[f] = g
	}
	l.owner = ""
	return nil
}

// check refuses what would break a promise.
func (l *ledger) check(g *publish.Generation) error {
	switch {
	case g.Number <= g.Base || g.Number > l.last:
		return fmt.Errorf("number %d after %d of %d", g.Number, g.Base, l.last)
	case !g.Time.After(l.times[g.Feed]):
		return fmt.Errorf("time %v is not after %v", g.Time, l.times[g.Feed])
	case g.Epoch < l.epochs[g.Feed]:
		return fmt.Errorf("epoch %d before %d", g.Epoch, l.epochs[g.Feed])
	case len(g.Layers) > 16:
		return fmt.Errorf("%d layers", len(g.Layers))
	}
	for b := range g.Blobs() {
		if l.tried != nil && !l.tried[b.Key] {
			return fmt.Errorf("the upload of %s was not announced", b.Key)
		}
		if l.stored != nil && !l.stored(b.Key) {
			return fmt.Errorf("%s is not stored", b.Key)
		}
	}
	for i := range g.Files {
		f := &g.Files[i]
		if had, ok := l.files[f.Address()]; ok && had != f.Plain.Key {
			return fmt.Errorf("%s comes to denote other bytes", f.Address())
		}
		l.files[f.Address()] = f.Plain.Key
	}
	return nil
}

func (l *ledger) Hold(_ context.Context, run publish.Run, held []publish.Held) error {
	unlock, err := l.call("hold")
	if err != nil {
		return err
	}
	defer unlock()
	if l.lease != run.Lease {
		return publish.ErrLost
	}
	for _, h := range held {
		for b := range h.Generation.Blobs() {
			if l.stored != nil && !l.stored(b.Key) {
				return fmt.Errorf("%s is not stored", b.Key)
			}
		}
		l.held[h.Generation.Feed] = h
	}
	l.owner = ""
	return nil
}

// of gives the current generation of the one feed of a kind.
func (l *ledger) of(k feed.Kind) publish.Generation {
	for ref, g := range l.current {
		if ref.Kind == k {
			return g
		}
	}
	return publish.Generation{}
}

var (
	_ publish.Ledger   = (*ledger)(nil)
	_ publish.Leases   = (*ledger)(nil)
	_ publish.Attempts = (*ledger)(nil)
	_ publish.Holds    = (*ledger)(nil)
	_ publish.Clock    = (*ledger)(nil)
)
