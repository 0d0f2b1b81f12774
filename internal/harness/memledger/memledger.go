// Package memledger keeps the ledger of one merchant in memory, by the rules of
// the databases, for tests that need thousands of them: its copies are cheap and
// each call is one step.
//
// It owns leases, numbers, pointers and what they fence; it refuses to know
// offers, changes and the sweep. Its test compares it with the embedded database,
// call by call.
package memledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/storage"
)

// Options are settings of a ledger.
type Options struct {
	// Now is the clock.
	Now func() time.Time
	// Lease is for how long a run may publish before it has to renew that.
	Lease time.Duration
	// NoLease takes the lease away: any number of runs are under way at once, and
	// nothing but the check of the pointers keeps them apart.
	NoLease bool
	// NoCheck takes that check away too. Tests of tests break things with it.
	NoCheck bool
}

// longestLease is the databases': a lease that seems to live longer was given
// before the clock went back.
const longestLease = 5 * time.Minute

// Ledger is a ledger in memory. It is safe for concurrent use.
type Ledger struct {
	opt Options
	mu  sync.Mutex
	s   state
}

type state struct {
	next       int64
	leaseEpoch int64
	leaseRun   string
	until      time.Time // zero: given back
	runs       map[string]publish.Run
	feeds      map[publish.FeedRef]row
	blobs      map[string]publish.Blob
	addresses  map[string]string
	attempts   map[string]string
	held       map[publish.FeedRef]publish.Held
	history    []publish.Generation
}

// row is a feed.
type row struct {
	epoch, current int64
	logical        time.Time
	cursor         publish.Cursor
	generation     publish.Generation
}

// New makes an empty ledger.
func New(opt Options) *Ledger {
	return &Ledger{opt: opt, s: state{next: 1, runs: map[string]publish.Run{}, feeds: map[publish.FeedRef]row{}, blobs: map[string]publish.Blob{},
		addresses: map[string]string{}, attempts: map[string]string{}, held: map[publish.FeedRef]publish.Held{}}}
}

// Copy gives a ledger of its own that holds the same.
func (l *Ledger) Copy(opt Options) *Ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.s
	s.runs, s.feeds, s.blobs = maps.Clone(s.runs), maps.Clone(s.feeds), maps.Clone(s.blobs)
	s.addresses, s.attempts, s.held, s.history = maps.Clone(s.addresses), maps.Clone(s.attempts), maps.Clone(s.held), slices.Clone(s.history)
	return &Ledger{opt: opt, s: s}
}

// History gives all generations that were ever committed, in their order.
func (l *Ledger) History() []publish.Generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.s.history)
}

// Attempts gives the keys under which runs were about to store files.
func (l *Ledger) Attempts() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.s.attempts))
}

// Current implements [publish.Ledger].
func (l *Ledger) Current(_ context.Context, f publish.FeedRef) (publish.Generation, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.s.feeds[f]
	if r.current == 0 {
		return publish.Generation{}, false, nil
	}
	g := r.generation
	g.Cursor, g.Compared = r.cursor.Event, r.cursor.Compared
	return g, true, nil
}

// Begin implements [publish.Ledger].
func (l *Ledger) Begin(_ context.Context, merchant, runID string, n int) (publish.Run, error) {
	if err := storage.CheckID(runID); err != nil || n < 0 {
		return publish.Run{}, feed.Errorf(feed.KindInvalid, "run %.80q asks for %d generation numbers: %v", runID, n, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.opt.Now()
	if l.s.leaseRun == runID && !l.s.until.IsZero() {
		run := l.s.runs[runID]
		l.s.until = now.Add(l.opt.Lease)
		return run, nil
	}
	if left := l.s.until.Sub(now); !l.s.until.IsZero() && left > 0 && left <= longestLease && !l.opt.NoLease {
		return publish.Run{}, &publish.BusyError{Until: left}
	}
	if _, known := l.s.runs[runID]; known {
		return publish.Run{}, feed.Errorf(feed.KindConflict, "run %s has begun before", runID)
	}
	l.s.leaseEpoch++
	l.s.leaseRun, l.s.until = runID, now.Add(l.opt.Lease)
	run := publish.Run{ID: runID, Merchant: merchant, First: l.s.next, N: n, Lease: l.s.leaseEpoch, Until: l.opt.Lease}
	l.s.next += int64(n)
	l.s.runs[runID] = run
	return run, nil
}

// fence fails when a later run has taken the lease.
func (l *Ledger) fence(run publish.Run) error {
	if l.opt.NoLease || l.s.leaseEpoch == run.Lease && l.s.leaseRun == run.ID {
		return nil
	}
	return fmt.Errorf("the lease is run %s's: %w", l.s.leaseRun, publish.ErrLost)
}

// release gives a lease back, if it is the run's.
func (l *Ledger) release(run publish.Run) {
	if l.s.leaseEpoch == run.Lease && l.s.leaseRun == run.ID {
		l.s.until = time.Time{}
	}
}

// Renew implements [publish.Leases].
func (l *Ledger) Renew(_ context.Context, run publish.Run) (publish.Run, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	run.Until = l.opt.Lease
	if l.opt.NoLease {
		return run, nil
	}
	if l.s.leaseEpoch != run.Lease || l.s.leaseRun != run.ID || l.s.until.IsZero() {
		return run, fmt.Errorf("the lease is not this run's any more: %w", publish.ErrLost)
	}
	l.s.until = l.opt.Now().Add(l.opt.Lease)
	return run, nil
}

// Release implements [publish.Leases].
func (l *Ledger) Release(_ context.Context, run publish.Run) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.release(run)
	return nil
}

// Attempt implements [publish.Attempts].
func (l *Ledger) Attempt(_ context.Context, run publish.Run, keys []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fence(run); err != nil {
		return err
	}
	for _, k := range keys {
		if _, ok := l.s.attempts[k]; !ok {
			l.s.attempts[k] = run.ID
		}
	}
	return nil
}

// Known implements [publish.Attempts].
func (l *Ledger) Known(_ context.Context, _, runID string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.s.runs[runID]
	return ok, nil
}

// NewEpoch implements [publish.Attempts].
func (l *Ledger) NewEpoch(_ context.Context, f publish.FeedRef, epoch, aboveNumber int64, aboveTime time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.s.next = max(l.s.next, aboveNumber+1)
	r := l.s.feeds[f]
	r.epoch = max(r.epoch, epoch)
	if aboveTime.After(r.logical) {
		r.logical = aboveTime
	}
	l.s.feeds[f] = r
	return nil
}

// HeldGeneration implements [publish.Holds].
func (l *Ledger) HeldGeneration(_ context.Context, f publish.FeedRef) (publish.Held, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, ok := l.s.held[f]
	return h, ok, nil
}

// Time implements [publish.Clock].
func (l *Ledger) Time(context.Context) (time.Time, error) { return l.opt.Now().UTC(), nil }

// Hold implements [publish.Ledger].
func (l *Ledger) Hold(_ context.Context, run publish.Run, held []publish.Held) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fence(run); err != nil {
		return err
	}
	for _, h := range held {
		l.s.held[h.Generation.Feed] = h
	}
	l.release(run)
	return nil
}

// Commit implements [publish.Ledger].
func (l *Ledger) Commit(_ context.Context, run publish.Run, gens []publish.Generation, cursors map[publish.FeedRef]publish.Cursor) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := map[publish.FeedRef]bool{}
	for i := range gens {
		g := &gens[i]
		if seen[g.Feed] {
			return feed.Errorf(feed.KindInvalid, "two generations of the feed %s %s", g.Feed.Kind, g.Feed.Key)
		}
		seen[g.Feed] = true
	}
	if err := l.fence(run); err != nil {
		return err
	}
	for i := range gens {
		if g := &gens[i]; g.Number < run.First || g.Number >= run.First+int64(run.N) {
			return feed.Errorf(feed.KindInvalid, "number %d is not one that the run has taken", g.Number)
		}
	}
	for i := range gens {
		if err := l.check(&gens[i]); err != nil {
			return fmt.Errorf("generation %d: %w", gens[i].Number, err)
		}
	}
	for i := range gens {
		g := gens[i]
		r := l.s.feeds[g.Feed]
		c, given := cursors[g.Feed]
		if !given {
			c.Event = g.Cursor
		}
		if c.Compared.IsZero() {
			c.Compared = g.Compared
		}
		if c.Compared.IsZero() {
			c.Compared = r.cursor.Compared
		}
		for b := range g.Blobs() {
			l.s.blobs[b.Key] = *b
			delete(l.s.attempts, b.Key)
		}
		for j := range g.Files {
			l.s.addresses[address(&g.Files[j])] = g.Files[j].Plain.Key + " " + g.Files[j].Gzip.Key
		}
		l.s.feeds[g.Feed] = row{epoch: g.Epoch, current: g.Number, logical: g.Time, cursor: c, generation: g}
		l.s.history = append(l.s.history, g)
		delete(l.s.held, g.Feed)
	}
	for f, c := range cursors {
		delete(l.s.held, f)
		r, ok := l.s.feeds[f]
		if seen[f] || !ok {
			continue
		}
		r.cursor.Event = max(r.cursor.Event, c.Event)
		if c.Compared.After(r.cursor.Compared) {
			r.cursor.Compared = c.Compared
		}
		l.s.feeds[f] = r
	}
	l.release(run)
	return nil
}

func address(f *publish.File) string { return fmt.Sprintf("%d/%s%s", f.Generation, f.Kind, f.Label) }

// check refuses what would break a promise.
func (l *Ledger) check(g *publish.Generation) error {
	r := l.s.feeds[g.Feed]
	switch {
	case r.current != g.Base && !l.opt.NoCheck:
		return fmt.Errorf("the current generation is %d, not %d: %w", r.current, g.Base, publish.ErrLost)
	case g.Number <= g.Base || g.Number >= l.s.next:
		return feed.Errorf(feed.KindInvalid, "the number was not taken, or does not increase")
	case g.Epoch < r.epoch:
		return feed.Errorf(feed.KindInvalid, "epoch %d is before %d", g.Epoch, r.epoch)
	case !g.Time.After(r.logical) && !l.opt.NoCheck:
		return feed.Errorf(feed.KindInvalid, "time %s is not after %s", g.Time, r.logical)
	}
	for b := range g.Blobs() {
		if have, ok := l.s.blobs[b.Key]; ok && have != *b {
			return feed.Errorf(feed.KindConflict, "blob %s is recorded with other bytes", b.Key)
		}
	}
	for i := range g.Files {
		f := &g.Files[i]
		if f.Plain.IsZero() || f.Generation > g.Number {
			return feed.Errorf(feed.KindInvalid, "file %s has no bytes, or no right to be listed", address(f))
		}
		if had, ok := l.s.addresses[address(f)]; ok && had != f.Plain.Key+" "+f.Gzip.Key {
			return feed.Errorf(feed.KindConflict, "the address %s denotes other bytes already", address(f))
		}
		if _, ok := l.s.blobs[f.Plain.Key]; !ok && f.Generation != g.Number {
			return feed.Errorf(feed.KindConflict, "blob %s of an older generation is gone", f.Plain.Key)
		}
	}
	return nil
}

var (
	_ publish.Ledger   = (*Ledger)(nil)
	_ publish.Leases   = (*Ledger)(nil)
	_ publish.Attempts = (*Ledger)(nil)
	_ publish.Holds    = (*Ledger)(nil)
	_ publish.Clock    = (*Ledger)(nil)
)
