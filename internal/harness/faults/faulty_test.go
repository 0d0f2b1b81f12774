package faults_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"feedmill/feed/publish"
	"feedmill/storage"
	"feedmill/storage/sqlite"
	"feedmill/storage/storagetest"
)

// fault is something that goes wrong in a call of a ledger, or in any call.
type fault string

const (
	// errorBefore fails and does nothing; errorAfter does what was asked, and
	// whoever asked never hears of it.
	errorBefore fault = "error before"
	errorAfter  fault = "error after"
	// slow takes longer than the lease lives, while the rest of the process goes
	// on; paused stops the whole process for that long, and overtaken lets
	// another process make a run meanwhile.
	slow      fault = "slow"
	paused    fault = "paused"
	overtaken fault = "overtaken"
	// diesBefore and diesAfter end the process: nothing that it does afterwards
	// has an effect.
	diesBefore fault = "dies before"
	diesAfter  fault = "dies after"
)

// everywhere lists the faults that can strike any call.
var everywhere = []fault{errorBefore, errorAfter, slow, paused, overtaken, diesBefore, diesAfter}

var (
	errFault = errors.New("injected fault")
	errDead  = errors.New("the process is dead")
)

// place is one call of a run: the n-th of a method, counted from 1.
type place struct {
	method string
	n      int
}

func (p place) String() string { return fmt.Sprintf("%s %d", p.method, p.n) }

// strike is one fault at one place.
type strike struct {
	place
	fault fault
}

// trial counts the calls of a run and strikes one of them. The first Put fails
// besides where it is the end of a failed run that is struck.
type trial struct {
	w *world
	strike

	mu    sync.Mutex
	calls map[string]int
	fired bool
	dead  bool
}

func newTrial(w *world, s strike) *trial { return &trial{w: w, strike: s, calls: map[string]int{}} }

// call makes one call with whatever goes wrong in it.
func (t *trial) call(method string, do func() error) error {
	t.mu.Lock()
	t.calls[method]++
	struck := t.method == method && t.n == t.calls[method] && t.fault != ""
	t.fired = t.fired || struck
	ends := t.method == "Release" && method == "Put" && t.calls[method] == 1
	dead := t.dead
	t.dead = t.dead || struck && t.fault == diesBefore
	t.mu.Unlock()
	switch {
	case dead:
		return errDead
	case ends:
		return fmt.Errorf("the first Put: %w", errFault)
	case !struck:
		return do()
	}
	switch t.fault {
	case errorBefore:
		return fmt.Errorf("%s: %w", t.place, errFault)
	case errorAfter:
		if err := do(); err != nil {
			return err
		}
		return fmt.Errorf("%s, done: %w", t.place, errFault)
	case slow, paused:
		t.w.clock.advance(ttl+5*time.Second, t.fault == paused)
		return do()
	case overtaken:
		t.w.clock.advance(ttl+5*time.Second, true)
		if _, err := t.w.publish(context.Background(), t.w.db, t.w.store, publish.Settings{}); err != nil {
			return fmt.Errorf("the other process: %w", err)
		}
		return do()
	case diesBefore:
		return errDead
	case diesAfter:
		err := do()
		t.mu.Lock()
		t.dead = true
		t.mu.Unlock()
		return errors.Join(err, errDead)
	}
	panic("unknown fault " + t.fault)
}

// ledger is the records with a fault in one call.
type ledger struct {
	*trial
	db *sqlite.DB
}

var (
	_ publish.Ledger   = ledger{}
	_ publish.Leases   = ledger{}
	_ publish.Attempts = ledger{}
	_ publish.Holds    = ledger{}
	_ publish.Floors   = ledger{}
	_ publish.Clock    = ledger{}
)

func (l ledger) Current(ctx context.Context, f publish.FeedRef) (g publish.Generation, ok bool, err error) {
	err = l.call("Current", func() (err error) { g, ok, err = l.db.Current(ctx, f); return err })
	return g, ok, err
}

func (l ledger) Begin(ctx context.Context, merchant, runID string, n int) (run publish.Run, err error) {
	err = l.call("Begin", func() (err error) { run, err = l.db.Begin(ctx, merchant, runID, n); return err })
	return run, err
}

func (l ledger) Commit(ctx context.Context, run publish.Run, gens []publish.Generation, cursors map[publish.FeedRef]publish.Cursor) error {
	return l.call("Commit", func() error { return l.db.Commit(ctx, run, gens, cursors) })
}

func (l ledger) Hold(ctx context.Context, run publish.Run, held []publish.Held) error {
	return l.call("Hold", func() error { return l.db.Hold(ctx, run, held) })
}

func (l ledger) Renew(ctx context.Context, run publish.Run) (out publish.Run, err error) {
	err = l.call("Renew", func() (err error) { out, err = l.db.Renew(ctx, run); return err })
	return out, err
}

func (l ledger) Release(ctx context.Context, run publish.Run) error {
	return l.call("Release", func() error { return l.db.Release(ctx, run) })
}

func (l ledger) Attempt(ctx context.Context, run publish.Run, keys []string) error {
	return l.call("Attempt", func() error { return l.db.Attempt(ctx, run, keys) })
}

func (l ledger) Known(ctx context.Context, merchant, runID string) (known bool, err error) {
	err = l.call("Known", func() (err error) { known, err = l.db.Known(ctx, merchant, runID); return err })
	return known, err
}

func (l ledger) NewEpoch(ctx context.Context, f publish.FeedRef, epoch, aboveNumber int64, aboveTime time.Time) error {
	return l.call("NewEpoch", func() error { return l.db.NewEpoch(ctx, f, epoch, aboveNumber, aboveTime) })
}

func (l ledger) HeldGeneration(ctx context.Context, f publish.FeedRef) (h publish.Held, ok bool, err error) {
	err = l.call("HeldGeneration", func() (err error) { h, ok, err = l.db.HeldGeneration(ctx, f); return err })
	return h, ok, err
}

func (l ledger) Floor(ctx context.Context, f publish.FeedRef) (epoch int64, after time.Time, err error) {
	err = l.call("Floor", func() (err error) { epoch, after, err = l.db.Floor(ctx, f); return err })
	return epoch, after, err
}

func (l ledger) Time(ctx context.Context) (at time.Time, err error) {
	err = l.call("Time", func() (err error) { at, err = l.db.Time(ctx); return err })
	return at, err
}

// store is the store with a fault in one call. What the store's own wrapper can
// do to bodies and listings lies beneath it.
type store struct {
	*trial
	inner storage.Store
}

func (s store) Put(ctx context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (info storage.Info, err error) {
	err = s.call("Put", func() (err error) { info, err = s.inner.Put(ctx, key, body, size, attrs); return err })
	return info, err
}

func (s store) Open(ctx context.Context, key string, r storage.Range) (body io.ReadCloser, info storage.Info, err error) {
	err = s.call("Open", func() (err error) { body, info, err = s.inner.Open(ctx, key, r); return err })
	if err != nil && body != nil {
		return nil, info, errors.Join(err, body.Close())
	}
	return body, info, err
}

func (s store) Stat(ctx context.Context, key string) (info storage.Info, err error) {
	err = s.call("Stat", func() (err error) { info, err = s.inner.Stat(ctx, key); return err })
	return info, err
}

func (s store) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		stopped := false
		err := s.call("List", func() error {
			for info, err := range s.inner.List(ctx, prefix) {
				if err != nil {
					return err
				}
				if !yield(info, nil) {
					stopped = true
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			yield(storage.Info{}, err)
		}
	}
}

func (s store) Delete(ctx context.Context, key string) error {
	return s.call("Delete", func() error { return s.inner.Delete(ctx, key) })
}

// damages lists what the store's wrapper can do beside, by method.
var damages = map[string][]storagetest.Fault{
	"Put":  {storagetest.Truncated, storagetest.Flipped},
	"Open": {storagetest.Truncated, storagetest.Flipped, storagetest.ErrorAfter, storagetest.Stale},
	"List": {storagetest.Short, storagetest.ErrorAfter},
}

var ops = map[string]storagetest.Op{"Put": storagetest.Put, "Open": storagetest.Open, "Stat": storagetest.Stat, "List": storagetest.List, "Delete": storagetest.Delete}
