package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"feedmill/storage"
)

// RunFaults proves what must hold of a store when requests fail: every object
// is old or new, never torn; who compares hashes gets the right bytes or an
// error. It sends one workload through Faulty once for each kind of fault, and
// once with all of them mixed. open returns an empty store that nobody else
// uses.
func RunFaults(t *testing.T, open func(t testing.TB) storage.Store, opts ...Option) {
	h := newHarness(open, opts)
	kinds := [][]Fault{{ErrorBefore}, {ErrorAfter}, {Delayed}, {Truncated}, {Flipped}, {Short}, {Stale},
		{ErrorBefore, ErrorAfter, Delayed, Truncated, Flipped, Short, Stale}}
	for i, faults := range kinds {
		name := "Mixed"
		if len(faults) == 1 {
			name = faults[0].String()
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &workload{t: t, inner: h.open(t), states: map[string]*state{}}
			w.faulty = NewFaulty(w.inner, Random(uint64(i), 0.4, faults...), nil)
			w.run()
			w.settle()
			for _, f := range faults {
				fired := 0
				for op := Put; op <= Delete; op++ {
					fired += w.faulty.Fired(op, f)
				}
				if fired == 0 {
					t.Errorf("%v: got 0 faults fired, so nothing was proved", f)
				}
			}
		})
	}
	t.Run("DelayedPut", func(t *testing.T) {
		t.Parallel()
		testDelayedPut(t, h)
	})
	t.Run("LateDelete", func(t *testing.T) {
		t.Parallel()
		testLateDelete(t, h)
	})
}

// state is what may be found under a key: one of bodies, or nothing where
// absent. After a call that failed both old and new may be.
type state struct {
	bodies [][]byte
	absent bool
}

type workload struct {
	t      testing.TB
	inner  storage.Store
	faulty *Faulty
	states map[string]*state
}

func (w *workload) state(key string) *state {
	if w.states[key] == nil {
		w.states[key] = &state{absent: true}
	}
	return w.states[key]
}

func (w *workload) run() {
	for i := range 24 {
		once := fmt.Sprintf("faults/once/%02d", i)
		w.put(once, data(1000+i*7000, uint64(i)), true)
		w.read(once)
		w.put("faults/hot", data(500+i*5000, uint64(100+i)), false)
		w.read("faults/hot")
		w.stat(once)
		w.list()
		if i%3 == 0 {
			w.delete(once)
			w.read(once)
		}
	}
}

func (w *workload) put(key string, b []byte, immutable bool) {
	truncated, flipped := w.faulty.Fired(Put, Truncated), w.faulty.Fired(Put, Flipped)
	_, err := w.faulty.Put(context.Background(), key, bytes.NewReader(b), int64(len(b)),
		storage.Attrs{Immutable: immutable, SHA256: storage.Sum(b)})
	truncated, flipped = w.faulty.Fired(Put, Truncated)-truncated, w.faulty.Fired(Put, Flipped)-flipped
	st := w.state(key)
	switch {
	case truncated > 0 && !errors.Is(err, storage.ErrLength):
		w.t.Errorf("put of a truncated body: got error %v, want %v", err, storage.ErrLength)
	case flipped > 0 && !errors.Is(err, storage.ErrDigest):
		w.t.Errorf("put of a damaged body: got error %v, want %v", err, storage.ErrDigest)
	case err == nil:
		*st = state{bodies: [][]byte{b}}
	case errors.Is(err, storage.ErrLength), errors.Is(err, storage.ErrDigest):
		// Refused: nothing has changed.
	case errors.Is(err, ErrInjected):
		st.bodies = append(st.bodies, b)
	default:
		w.t.Errorf("put %q: got error %v, want none but injected ones", key, err)
	}
}

// read checks that a verifying reader who knows what he wants gets it or an
// error. Which of several possible bodies is stored he asks Stat of the store
// itself, as the database would know it.
func (w *workload) read(key string) {
	st := w.state(key)
	info, err := w.inner.Stat(context.Background(), key)
	if errors.Is(err, storage.ErrNotExist) {
		if !st.absent {
			w.t.Errorf("stat %q: got error %v, want the object", key, err)
		}
		return
	}
	if err != nil {
		w.t.Errorf("stat %q: %v", key, err)
		return
	}
	at := slices.IndexFunc(st.bodies, func(b []byte) bool { return storage.Sum(b) == info.SHA256 })
	if at < 0 {
		w.t.Errorf("stat %q: got %+v, which nobody has put", key, info)
		return
	}
	want := st.bodies[at]
	damaged := func() int { return w.faulty.Fired(Open, Truncated) + w.faulty.Fired(Open, Flipped) }
	before := damaged()
	body, _, err := storage.OpenVerified(context.Background(), w.faulty, key, int64(len(want)), info.SHA256)
	if err != nil {
		if !errors.Is(err, ErrInjected) && !errors.Is(err, storage.ErrNotExist) {
			w.t.Errorf("open %q: got error %v, want none but injected ones", key, err)
		}
		return
	}
	got, err := io.ReadAll(body)
	err = errors.Join(err, body.Close())
	switch {
	case damaged() > before:
		if !errors.Is(err, storage.ErrDamaged) || len(got) >= len(want) {
			w.t.Errorf("read damaged %q: got %d of %d bytes, error %v, want fewer and %v", key, len(got), len(want), err, storage.ErrDamaged)
		}
	case err == nil && !bytes.Equal(got, want):
		w.t.Errorf("read %q: got %d wrong bytes without an error", key, len(got))
	case err != nil && !errors.Is(err, ErrInjected):
		w.t.Errorf("read %q: got error %v, want none but injected ones", key, err)
	}
}

func (w *workload) stat(key string) {
	_, err := w.faulty.Stat(context.Background(), key)
	if err != nil && !errors.Is(err, ErrInjected) && !errors.Is(err, storage.ErrNotExist) {
		w.t.Errorf("stat %q: got error %v, want none but injected ones", key, err)
	}
}

// list checks that a listing names nothing that cannot be there, in order, and
// misses nothing unless it fails or is cut short by a fault.
func (w *workload) list() {
	short := w.faulty.Fired(List, Short)
	var got []string
	var failed error
	for info, err := range w.faulty.List(context.Background(), "faults/") {
		if err != nil {
			failed = err
			break
		}
		got = append(got, info.Key)
		if st := w.states[info.Key]; st == nil || len(st.bodies) == 0 {
			w.t.Errorf("list: got %q, which cannot be there", info.Key)
		}
	}
	if !slices.IsSorted(got) {
		w.t.Errorf("list: got %q, want ascending order", got)
	}
	if failed != nil {
		if !errors.Is(failed, ErrInjected) {
			w.t.Errorf("list: got error %v, want none but injected ones", failed)
		}
		return
	}
	if w.faulty.Fired(List, Short) > short {
		return
	}
	for key, st := range w.states {
		if !st.absent && !slices.Contains(got, key) {
			w.t.Errorf("list: %q is missing", key)
		}
	}
}

func (w *workload) delete(key string) {
	err := w.faulty.Delete(context.Background(), key)
	st := w.state(key)
	switch {
	case err == nil:
		*st = state{absent: true}
	case errors.Is(err, ErrInjected):
		st.absent = true
	default:
		w.t.Errorf("delete %q: got error %v, want none but injected ones", key, err)
	}
}

// settle looks at the store itself when all is over.
func (w *workload) settle() {
	for key, st := range w.states {
		got, info, err := read(w.inner, key, storage.Range{})
		if errors.Is(err, storage.ErrNotExist) && st.absent {
			continue
		}
		whole := slices.ContainsFunc(st.bodies, func(b []byte) bool { return bytes.Equal(b, got) })
		if err != nil || !whole || info.SHA256 != storage.Sum(got) {
			w.t.Errorf("%q in the end: got %d bytes, error %v, want one of %d bodies (absent: %v)", key, len(got), err, len(st.bodies), st.absent)
		}
	}
}

// testDelayedPut checks that an upload held up on its way is invisible until it
// arrives, and is given up with its context.
func testDelayedPut(t testing.TB, h *harness) {
	s := h.open(t)
	waiting, release := make(chan time.Duration), make(chan struct{})
	f := NewFaulty(s, Script(Step{Put, 1, Delayed}, Step{Put, 2, Delayed}), func(ctx context.Context, d time.Duration) error {
		waiting <- d
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	b := data(5000, 1)
	result := make(chan error, 1)
	start := func(ctx context.Context, key string) {
		go func() {
			_, err := f.Put(ctx, key, bytes.NewReader(b), int64(len(b)), attrsOf(b))
			result <- err
		}()
		if d := <-waiting; d != Delay {
			t.Errorf("delayed put: got a sleep of %v, want %v", d, Delay)
		}
		wantNothing(t, s, key)
	}
	start(context.Background(), "late")
	close(release)
	if err := <-result; err != nil {
		t.Errorf("delayed put: %v", err)
	}
	wantObject(t, s, "late", b)

	release = make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	start(ctx, "given-up")
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("delayed put, cancelled: got error %v, want %v", err, context.Canceled)
	}
	wantNothing(t, s, "given-up")
}

// testLateDelete checks the reason for keys that are used once: a delete that
// arrives long after it was sent cannot hit what was stored since.
func testLateDelete(t testing.TB, h *harness) {
	s := h.open(t)
	ctx := context.Background()
	waiting, release := make(chan struct{}), make(chan struct{})
	f := NewFaulty(s, Script(Step{Delete, 1, Delayed}), func(context.Context, time.Duration) error {
		close(waiting)
		<-release
		return nil
	})
	b := data(5000, 2)
	key := func(run string) string {
		k, err := storage.Blob{Merchant: "shop", SHA256: storage.Sum(b), Run: run}.Key()
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	put(t, s, key("run-1"), b, attrsOf(b))
	done := make(chan error, 1)
	go func() { done <- f.Delete(ctx, key("run-1")) }()
	<-waiting
	// The same bytes are published again while the delete is on its way.
	put(t, f, key("run-2"), b, attrsOf(b))
	close(release)
	if err := <-done; err != nil {
		t.Errorf("late delete: %v", err)
	}
	wantNothing(t, s, key("run-1"))
	wantObject(t, s, key("run-2"), b)
	if f.Total() != 1 {
		t.Errorf("faults: got %d, want 1", f.Total())
	}
}
