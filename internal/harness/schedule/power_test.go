package schedule_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/durable"
	"feedmill/internal/durable/crashfs"
	"feedmill/internal/harness/memledger"
	"feedmill/storage/fsstore"
)

// without is a ledger that hears nothing more once the power is gone: what it
// had taken by then is durable, as a database's is.
type without struct {
	*memledger.Ledger
	gone *atomic.Bool
}

func (w without) dark() error {
	if w.gone.Load() {
		return crashfs.ErrCrashed
	}
	return nil
}

func (w without) Begin(ctx context.Context, merchant, runID string, n int) (publish.Run, error) {
	if err := w.dark(); err != nil {
		return publish.Run{}, err
	}
	return w.Ledger.Begin(ctx, merchant, runID, n)
}

func (w without) Attempt(ctx context.Context, run publish.Run, keys []string) error {
	return errors.Join(w.dark(), w.Ledger.Attempt(ctx, run, keys))
}

func (w without) Commit(ctx context.Context, run publish.Run, gens []publish.Generation, cursors map[publish.FeedRef]publish.Cursor) error {
	if err := w.dark(); err != nil {
		return err
	}
	return w.Ledger.Commit(ctx, run, gens, cursors)
}

func (w without) Release(ctx context.Context, run publish.Run) error {
	if err := w.dark(); err != nil {
		return err
	}
	return w.Ledger.Release(ctx, run)
}

// machine is a folder store on a file system that can lose power, and a ledger.
type machine struct {
	s      *shop
	fs     *crashfs.FS
	led    *memledger.Ledger
	now    time.Time
	gone   atomic.Bool
	before int
}

func (s *shop) machine(t *testing.T) *machine {
	t.Helper()
	h := s.base.History()
	m := &machine{s: s, fs: crashfs.New(), now: h[len(h)-1].Time.Add(time.Minute), before: len(h)}
	m.led = s.base.Copy(m.options())
	st := m.store(m.fs)
	for key, o := range s.objects {
		if _, err := st.Put(t.Context(), key, bytes.NewReader(o.data), int64(len(o.data)), o.attrs); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (m *machine) options() memledger.Options {
	return memledger.Options{Now: func() time.Time { return m.now }, Lease: ttl}
}

func (m *machine) store(fsys durable.FS) *fsstore.Store {
	return fsstore.On(fsys, fsstore.Options{Now: func() time.Time { return m.now }})
}

// head is how many edits the struck run publishes, one more than is published.
const head = 2

// publish makes the run that is struck.
func (m *machine) publish(ctx context.Context, fsys durable.FS) error {
	return m.s.publish(ctx, without{m.led, &m.gone}, m.store(fsys), "struck", head, m.now, publish.Settings{Gzip: true})
}

// recovered proves that a reader sees old or new, whole, on what is found on a
// disk, and that the next run publishes what is right.
func (m *machine) recovered(ctx context.Context, fsys durable.FS, done bool) error {
	led, st := m.led.Copy(m.options()), m.store(fsys)
	n := len(led.History())
	if done && n == m.before {
		return errors.New("the run says that it has published, and nothing is")
	}
	if err := m.s.check(ctx, led, st, 0); err != nil {
		return fmt.Errorf("a reader: %w", err)
	}
	if _, err := st.Sweep(ctx, 0); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	m.now = m.now.Add(2 * ttl)
	defer func(at time.Time) { m.now = at }(m.now.Add(-2 * ttl))
	if err := m.s.publish(ctx, led, st, "next", head, m.now, publish.Settings{Gzip: true}); err != nil {
		return fmt.Errorf("the next run: %w", err)
	}
	for _, g := range led.History()[m.before:] {
		if g.Cursor != head {
			return fmt.Errorf("the next run stands at change %d", g.Cursor)
		}
	}
	if n := len(led.History()) - m.before; n != 2 {
		return fmt.Errorf("%d generations are published, want those of full and light", n)
	}
	return m.s.check(ctx, led, st, 0)
}

// leaves are what a loss of power may leave on the disk.
var leaves = []struct {
	leave crashfs.Leave
	seeds uint64
}{{crashfs.Least, 1}, {crashfs.Everything, 1}, {crashfs.Names, 1}, {crashfs.Bytes, 1}, {crashfs.Some, 3}}

// cuts loses power after each operation of a run and after its end, and gives how many of the
// states that are then found are wrong; wrap may spoil the file system.
func (s *shop) cuts(t *testing.T, step int, wrap func(durable.FS) durable.FS) (operations, wrong, states int) {
	t.Helper()
	for n := 1; ; n += step {
		m := s.machine(t)
		m.fs.Inject(func(op crashfs.Operation) crashfs.Action {
			if op.N == n {
				m.gone.Store(true)
			}
			return crashfs.Action{Crash: op.N == n}
		})
		err := m.publish(t.Context(), wrap(m.fs))
		over := n > m.fs.Operations()
		if over && err != nil {
			t.Fatalf("without a loss of power: %v", err)
		}
		for _, l := range leaves {
			for seed := range l.seeds {
				states++
				if bad := m.recovered(t.Context(), m.fs.AfterCrash(l.leave, seed), err == nil); bad != nil {
					wrong++
					t.Logf("power lost after operation %d, leave %d, seed %d (the run: %v): %v", n, l.leave, seed, err, bad)
				}
			}
		}
		if over {
			return m.fs.Operations(), wrong, states // the last loss was after the run
		}
	}
}

// A run over the folder store loses power after each operation of the file
// system. Whatever is found on the disk then, the reader sees the old offer or
// the new one, whole, and the next run needs no help.
func TestPowerLossInARun(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	step := 1
	if testing.Short() {
		step = 6
	}
	operations, wrong, states := s.cuts(t, step, func(f durable.FS) durable.FS { return f })
	if wrong > 0 || operations < 50 {
		t.Errorf("%d operations, %d of %d states are wrong", operations, wrong, states)
	}
	t.Logf("%d operations, %d states", operations, states)
}

// lazy does not make names durable.
type lazy struct{ durable.FS }

func (lazy) SyncDir(string) error { return nil }

// The test above is not blind: without the sync of folders it fails.
func TestPowerLossFindsMissingSyncs(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	if _, wrong, _ := s.cuts(t, 9, func(f durable.FS) durable.FS { return lazy{f} }); wrong == 0 {
		t.Error("without sync of folders no state is wrong: the test is blind")
	}
}

// The disk is full at each operation that needs room, once or from then on: the
// run fails and says so, or has done without; readers see old or new, and once
// there is room the next run publishes.
func TestDiskFullInARun(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	step := 1
	if testing.Short() {
		step = 5
	}
	needs := []string{"create", "write", "mkdir", "link", "rename", "sync"}
	failed := 0
	for _, stays := range []bool{false, true} {
		for n := 1; ; n += step {
			m := s.machine(t)
			var struck atomic.Bool
			m.fs.Inject(func(op crashfs.Operation) crashfs.Action {
				if slices.Contains(needs, op.Name) && (op.N == n || stays && op.N > n) {
					struck.Store(true)
					return crashfs.Action{Err: syscall.ENOSPC}
				}
				return crashfs.Action{}
			})
			err := m.publish(t.Context(), m.fs)
			if n > m.fs.Operations() {
				break
			}
			if err != nil {
				failed++
				if !errors.Is(err, syscall.ENOSPC) || !struck.Load() {
					t.Errorf("operation %d: the run fails for another reason: %v", n, err)
				}
				if errors.Is(err, fs.ErrExist) || feed.KindOf(err) == feed.KindInvalid {
					t.Errorf("operation %d: the run says something else than that the disk is full: %v", n, err)
				}
			}
			m.fs.Inject(nil)
			if bad := m.recovered(t.Context(), m.fs, err == nil); bad != nil {
				t.Errorf("the disk is full at operation %d, stays so %v (the run: %v): %v", n, stays, err, bad)
			}
		}
	}
	if failed < 20/step {
		t.Errorf("%d runs failed: the test proves nothing", failed)
	}
}
