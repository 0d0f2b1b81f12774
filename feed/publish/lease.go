package publish

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Monotonic is a clock that nobody can set. It measures how long a lease has
// been held.
type Monotonic interface {
	// Elapsed is the time since some moment that never changes.
	Elapsed() time.Duration
	// After gives a channel that receives once d has passed.
	After(d time.Duration) <-chan time.Time
}

// machine is the monotonic clock of the machine.
type machine struct{ start time.Time }

func (m machine) Elapsed() time.Duration                 { return time.Since(m.start) }
func (m machine) After(d time.Duration) <-chan time.Time { return time.After(d) }

// trustMargin is how long before the end of its lease a run may still begin to
// commit. A lease that is short altogether keeps a third.
const trustMargin = 5 * time.Second

// keeper holds a run's lease for as long as the run lasts.
type keeper struct {
	leases Leases // nil: the lease is not renewed
	clock  Monotonic
	cancel context.CancelCauseFunc
	stop   chan struct{}
	ended  sync.WaitGroup

	mu  sync.Mutex
	run Run
	end time.Duration // by the clock; 0: for ever
}

// holdLease starts to hold a lease that was asked for at the moment started. The
// context that it gives ends when the lease is lost.
func holdLease(ctx context.Context, ledger Ledger, run Run, started time.Duration, clock Monotonic) (context.Context, *keeper) {
	k := &keeper{clock: clock, run: run, stop: make(chan struct{})}
	k.leases, _ = ledger.(Leases)
	ctx, k.cancel = context.WithCancelCause(ctx)
	if run.Until <= 0 {
		return ctx, k
	}
	k.end = started + run.Until
	if k.leases != nil {
		k.ended.Go(func() { k.hold(ctx) })
	}
	return ctx, k
}

// hold renews the lease each time a third of it has passed.
func (k *keeper) hold(ctx context.Context) {
	for {
		k.mu.Lock()
		pause := k.run.Until / 3
		k.mu.Unlock()
		if pause <= 0 {
			return // it needs no renewing any more
		}
		select {
		case <-k.stop:
			return
		case <-ctx.Done():
			return
		case <-k.clock.After(pause):
		}
		if err := k.renew(ctx); err != nil && (errors.Is(err, ErrLost) || !k.trusted()) {
			k.cancel(err)
			return
		}
	}
}

func (k *keeper) renew(ctx context.Context) error {
	k.mu.Lock()
	run := k.run
	k.mu.Unlock()
	started := k.clock.Elapsed()
	run, err := k.leases.Renew(ctx, run)
	if err != nil {
		return fmt.Errorf("renew the lease: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.run, k.end = run, started+run.Until
	return nil
}

// trusted says whether the lease lives long enough to begin something that
// must not be done without it.
func (k *keeper) trusted() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.end == 0 || k.clock.Elapsed() < k.end-min(trustMargin, k.run.Until/3)
}

// last ends the renewing and gives the run for its last step. It fails when the
// lease is about to end and cannot be renewed.
func (k *keeper) last(ctx context.Context) (Run, error) {
	k.close()
	if err := context.Cause(ctx); err != nil {
		return Run{}, err
	}
	if !k.trusted() {
		var err error
		if k.leases != nil {
			err = k.renew(ctx)
		}
		if err == nil && !k.trusted() {
			err = errors.New("the lease has ended before the run")
		}
		if err != nil {
			return Run{}, err
		}
	}
	return k.run, nil
}

// close ends the renewing.
func (k *keeper) close() {
	select {
	case <-k.stop:
	default:
		close(k.stop)
	}
	k.ended.Wait()
}

// release ends a lease that nothing was published with.
func (k *keeper) release(ctx context.Context) error {
	k.close()
	if k.leases == nil {
		return nil
	}
	// The run may end because its context did; the lease should not outlive it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := k.leases.Release(ctx, k.run); err != nil && !errors.Is(err, ErrLost) {
		return fmt.Errorf("release the lease: %w", err)
	}
	return nil
}
