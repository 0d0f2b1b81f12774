package storagetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"feedmill/storage"
)

// ErrInjected is the error of an injected fault. It is not permanent.
var ErrInjected = errors.New("injected fault")

// Op is a method of a Store.
type Op int

// The methods of a Store.
const (
	Put Op = iota
	Open
	Stat
	List
	Delete
)

// String returns the name of the method.
func (o Op) String() string { return [...]string{"Put", "Open", "Stat", "List", "Delete"}[o] }

// Fault is something that goes wrong.
type Fault int

// The faults. In brackets the methods they can strike.
const (
	// None lets the call through.
	None Fault = iota
	// ErrorBefore returns ErrInjected and does nothing (all).
	ErrorBefore
	// ErrorAfter does what was asked and returns ErrInjected (Put, Delete); the
	// reader breaks off half-way (Open); the listing does (List).
	ErrorAfter
	// Delayed waits before it does what was asked (all).
	Delayed
	// Truncated ends the body half-way, as if that were its end (Put, Open).
	Truncated
	// Flipped changes one bit in the middle of the body (Put, Open).
	Flipped
	// Short ends the listing half-way, as if that were its end (List).
	Short
	// Stale says that an object does not exist (Open, Stat).
	Stale
)

var faultNames = [...]string{"None", "ErrorBefore", "ErrorAfter", "Delayed", "Truncated", "Flipped", "Short", "Stale"}

// String returns the name of the fault.
func (f Fault) String() string { return faultNames[f] }

// strikes reports whether f can happen in op.
func (f Fault) strikes(op Op) bool {
	switch f {
	case None, ErrorBefore, Delayed:
		return true
	case ErrorAfter:
		return op != Stat
	case Truncated, Flipped:
		return op == Put || op == Open
	case Short:
		return op == List
	case Stale:
		return op == Open || op == Stat
	}
	return false
}

// Call is one call of a method.
type Call struct {
	Op  Op
	Key string // the prefix for List
	N   int    // counts the calls of this Op, from 1
}

// Plan says what goes wrong in a call. Calls of a Plan do not overlap.
type Plan func(Call) Fault

// Step is one line of a Script.
type Step struct {
	Op    Op
	N     int // which call of this Op, from 1
	Fault Fault
}

// Script strikes the calls named and no others.
func Script(steps ...Step) Plan {
	return func(c Call) Fault {
		for _, s := range steps {
			if s.Op == c.Op && s.N == c.N {
				return s.Fault
			}
		}
		return None
	}
}

// Random strikes each call with the given chance (0 to 1), with one of the
// faults that can happen in it. The same seed and calls give the same faults.
func Random(seed uint64, chance float64, faults ...Fault) Plan {
	r := rand.New(rand.NewPCG(seed, 0))
	return func(c Call) Fault {
		fit := slices.DeleteFunc(slices.Clone(faults), func(f Fault) bool { return !f.strikes(c.Op) })
		// Drawn always, so that one call's fate does not depend on another's kind.
		strike, which := r.Float64() < chance, r.IntN(1<<30)
		if !strike || len(fit) == 0 {
			return None
		}
		return fit[which%len(fit)]
	}
}

// Faulty is a Store on which things go wrong by plan. It is a decorator for
// tests of whatever uses a store.
type Faulty struct {
	inner storage.Store
	plan  Plan
	sleep func(ctx context.Context, d time.Duration) error

	mu    sync.Mutex
	calls map[Op]int
	fired map[Op]map[Fault]int
}

var _ storage.Store = (*Faulty)(nil)

// Delay is how long a Delayed call asks to sleep.
const Delay = time.Minute

// NewFaulty returns a Faulty around inner. sleep is the clock that Delayed
// waits on, asked for Delay; nil means not to wait at all.
func NewFaulty(inner storage.Store, plan Plan, sleep func(ctx context.Context, d time.Duration) error) *Faulty {
	if sleep == nil {
		sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	}
	return &Faulty{inner: inner, plan: plan, sleep: sleep, calls: map[Op]int{}, fired: map[Op]map[Fault]int{}}
}

// Fired returns how many faults of the kind have happened in op.
func (f *Faulty) Fired(op Op, fault Fault) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired[op][fault]
}

// Total returns how many faults have happened.
func (f *Faulty) Total() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for byFault := range maps.Values(f.fired) {
		for count := range maps.Values(byFault) {
			n += count
		}
	}
	return n
}

// strike decides what happens in a call. A fault that needs the inner call to
// succeed is counted by count when it has.
func (f *Faulty) strike(op Op, key string) (fault Fault, count func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[op]++
	fault = f.plan(Call{op, key, f.calls[op]})
	if !fault.strikes(op) {
		fault = None
	}
	return fault, func() {
		if fault == None {
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.fired[op] == nil {
			f.fired[op] = map[Fault]int{}
		}
		f.fired[op][fault]++
	}
}

// before deals with the faults that come first in every method.
func (f *Faulty) before(ctx context.Context, fault Fault, count func(), op Op, key string) error {
	switch fault {
	case ErrorBefore:
		count()
		return fmt.Errorf("%v %q: %w", op, key, ErrInjected)
	case Delayed:
		count()
		return f.sleep(ctx, Delay)
	case Stale:
		count()
		return fmt.Errorf("%v %q (stale): %w", op, key, storage.ErrNotExist)
	}
	return nil
}

// Put implements storage.Store.
func (f *Faulty) Put(ctx context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (storage.Info, error) {
	fault, count := f.strike(Put, key)
	if err := f.before(ctx, fault, count, Put, key); err != nil {
		return storage.Info{}, err
	}
	if (fault == Truncated || fault == Flipped) && size > 0 {
		count()
		body = damage(body, size, fault)
	}
	info, err := f.inner.Put(ctx, key, body, size, attrs)
	if fault == ErrorAfter && err == nil {
		count()
		return storage.Info{}, fmt.Errorf("%v %q (done): %w", Put, key, ErrInjected)
	}
	return info, err
}

// Open implements storage.Store.
func (f *Faulty) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	fault, count := f.strike(Open, key)
	if err := f.before(ctx, fault, count, Open, key); err != nil {
		return nil, storage.Info{}, err
	}
	body, info, err := f.inner.Open(ctx, key, r)
	if err != nil {
		return nil, storage.Info{}, err
	}
	n, err := r.Clip(info.Size)
	if err != nil {
		return nil, storage.Info{}, errors.Join(err, body.Close())
	}
	switch fault {
	case Truncated, Flipped, ErrorAfter:
		if n > 0 {
			count()
			return readCloser{damage(body, n, fault), body}, info, nil
		}
	}
	return body, info, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// damage strikes a body of n bytes in its middle.
func damage(r io.Reader, n int64, fault Fault) io.Reader {
	switch begin := io.LimitReader(r, n/2); fault {
	case Truncated:
		return begin
	case Flipped:
		return io.MultiReader(begin, &flipFirst{r: r})
	default:
		return io.MultiReader(begin, brokenReader{})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, ErrInjected }

// flipFirst changes a bit of the first byte.
type flipFirst struct {
	r    io.Reader
	done bool
}

func (f *flipFirst) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if n > 0 && !f.done {
		p[0] ^= 0x10
		f.done = true
	}
	return n, err
}

// Stat implements storage.Store.
func (f *Faulty) Stat(ctx context.Context, key string) (storage.Info, error) {
	fault, count := f.strike(Stat, key)
	if err := f.before(ctx, fault, count, Stat, key); err != nil {
		return storage.Info{}, err
	}
	return f.inner.Stat(ctx, key)
}

// List implements storage.Store.
func (f *Faulty) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		fault, count := f.strike(List, prefix)
		if err := f.before(ctx, fault, count, List, prefix); err != nil {
			yield(storage.Info{}, err)
			return
		}
		if fault != Short && fault != ErrorAfter {
			f.inner.List(ctx, prefix)(yield)
			return
		}
		var all []storage.Info
		for info, err := range f.inner.List(ctx, prefix) {
			if err != nil {
				yield(storage.Info{}, err)
				return
			}
			all = append(all, info)
		}
		count()
		for _, info := range all[:len(all)/2] {
			if !yield(info, nil) {
				return
			}
		}
		if fault == ErrorAfter {
			yield(storage.Info{}, fmt.Errorf("%v %q: %w", List, prefix, ErrInjected))
		}
	}
}

// Delete implements storage.Store.
func (f *Faulty) Delete(ctx context.Context, key string) error {
	fault, count := f.strike(Delete, key)
	if err := f.before(ctx, fault, count, Delete, key); err != nil {
		return err
	}
	err := f.inner.Delete(ctx, key)
	if fault == ErrorAfter && err == nil {
		count()
		return fmt.Errorf("%v %q (done): %w", Delete, key, ErrInjected)
	}
	return err
}
