package publish

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"feedmill/feed/block"
	"feedmill/internal/crash"
	"feedmill/internal/filesum"
)

// Do makes what is due of the feeds that the profiles need, from one snapshot,
// and commits it in one step. When nothing is due it publishes nothing; what
// the guard stops is held, and the report says so. An error leaves every feed
// as it was; [ErrLost] says that another run was first and this one may simply
// be repeated from a fresh snapshot, [*BusyError] that another one is under way.
//
// The order of steps is: lease and numbers, comparison,
// guard, uploads that the ledger knows of, a marker, then the one step that
// makes all of it visible.
func Do(ctx context.Context, ledger Ledger, bin Bin, req Request) (report Report, err error) {
	req.Catalog.Done = once(req.Catalog.Done)
	defer func() { err = errors.Join(err, leave(&req)) }()
	req.Settings = req.Settings.withDefaults()
	if req.RunID == "" {
		req.RunID = strings.ToLower(rand.Text())
	}
	if req.Monotonic == nil {
		req.Monotonic = machine{time.Now()}
	}
	plans, err := newPlans(&req)
	if err != nil || len(plans.all) == 0 {
		return Report{}, err
	}
	r := &runner{ledger: ledger, bin: bin, req: &req, plans: plans, hints: map[int64]Hint{}, cursors: map[FeedRef]Cursor{},
		cpus: make(chan struct{}, runtime.GOMAXPROCS(0))}
	if err := r.recover(ctx); err != nil {
		return Report{}, err
	}
	crash.Point("publish.recovered")
	started := req.Monotonic.Elapsed()
	if r.run, err = ledger.Begin(ctx, req.Merchant, req.RunID, len(plans.all)); err != nil {
		return Report{}, fmt.Errorf("take generation numbers: %w", err)
	}
	crash.Point("publish.begun")
	held, keeper := holdLease(ctx, ledger, r.run, started, req.Monotonic)
	defer keeper.cancel(nil)
	err = r.do(held, keeper)
	if cause := context.Cause(held); err != nil && cause != nil {
		err = cause // what failed because the lease was lost says less
	}
	if !r.settled {
		err = errors.Join(err, keeper.release(ctx))
	}
	keeper.close()
	if err = errors.Join(err, r.clean()); err != nil {
		return Report{}, err
	}
	return r.report, nil
}

// runner is one run under way.
type runner struct {
	ledger Ledger
	bin    Bin
	req    *Request
	run    Run
	plans  *plans
	hints  map[int64]Hint
	cpus   chan struct{} // one place for each spool that may work at once
	sums   filesum.Group // of all files that are written
	zips   zips          // for files that are compressed as wholes
	pool   *block.Pool   // nil until a compressed file is made

	newest, lost *Mark
	restored     bool
	behind       time.Duration

	products  int64
	wholePass bool
	uploads   []*upload
	gens      []Generation
	held      []Held
	cursors   map[FeedRef]Cursor
	report    Report
	// settled says that the lease has been given back.
	settled bool
}

func (r *runner) newSpool(name string, compress bool) *spool {
	return newSpool(r.req.Spool, name, compress, &r.sums, r.cpus, &r.zips)
}

func (r *runner) do(ctx context.Context, k *keeper) error {
	for i, p := range r.plans.all {
		p.number = r.run.First + int64(i)
		if err := p.load(ctx, r); err != nil {
			return &planError{p, err}
		}
	}
	if err := r.plans.wake(ctx, r); err != nil {
		return err
	}
	if err := r.checkClock(ctx); err != nil {
		return err
	}
	if err := r.compare(ctx); err != nil {
		return err
	}
	crash.Point("publish.compared")
	if err := r.decide(ctx); err != nil {
		return err
	}
	if err := leave(r.req); err != nil {
		return err
	}
	if err := r.finish(); err != nil {
		return err
	}
	crash.Point("publish.finished")
	if err := r.discardUnused(); err != nil {
		return err
	}
	if err := r.store(ctx); err != nil {
		return err
	}
	return r.commit(ctx, k)
}

// leave tells the catalog that nothing more is read of it: a snapshot that stays
// open while files are finished and stored keeps the database from tidying up.
func leave(req *Request) error {
	if err := req.Catalog.Done(); err != nil {
		return fmt.Errorf("leave the snapshot: %w", err)
	}
	return nil
}

// once gives a function that calls fn the first time, if there is one.
func once(fn func() error) func() error {
	return func() error {
		if fn == nil {
			return nil
		}
		do := fn
		fn = nil
		return do()
	}
}

// compare finds what differs, and renders it.
func (r *runner) compare(ctx context.Context) error {
	if err := r.lookUp(ctx); err != nil {
		return err
	}
	if err := r.tellLate(ctx); err != nil {
		return err
	}
	if err := r.compareWhole(ctx); err != nil {
		return err
	}
	// A full file that only the comparison showed to be due is made from the one
	// before, or else of all nodes; the snapshot is the same, so nothing else can
	// change.
	rest, err := r.carryFull(ctx, r.plans.needFull(r.req))
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		if err := r.again(ctx, rest); err != nil {
			return err
		}
	}
	return r.annotate()
}

// tellLate tells plans that compare the whole feed which changes hints could not
// name, because they had no number when the snapshot was taken.
func (r *runner) tellLate(ctx context.Context) error {
	all := r.plans.all
	if r.req.Catalog.Unnumbered == nil || !slices.ContainsFunc(all, func(p *plan) bool { return isWhole(p) && p.hinted }) {
		return nil
	}
	late, err := r.req.Catalog.Unnumbered(ctx)
	if err != nil {
		return fmt.Errorf("read what has changed: %w", err)
	}
	for _, p := range all {
		p.late = &late
	}
	return nil
}

// again passes over the snapshot once more for some plans alone.
func (r *runner) again(ctx context.Context, list []*plan) error {
	idle := map[*plan]bool{}
	for _, p := range r.plans.all {
		idle[p], p.idle = p.idle, true
	}
	var errs []error
	for _, p := range list {
		p.idle, p.full = false, true
		p.goWhole("a full file is due")
		errs = append(errs, p.discard())
		p.view.forget()
	}
	errs = append(errs, r.compareWhole(ctx))
	for _, p := range r.plans.all {
		p.idle = idle[p]
	}
	return errors.Join(errs...)
}

// annotate completes the states of full feeds that were compared as wholes.
func (r *runner) annotate() error {
	for _, p := range r.plans.all {
		if isWhole(p) && p == p.view.full {
			if err := p.annotate(r); err != nil {
				return &planError{p, err}
			}
		}
	}
	return nil
}

// commit makes everything visible.
func (r *runner) commit(ctx context.Context, k *keeper) error {
	r.report.Products, r.report.Whole = r.products, r.wholePass
	r.report.Behind, r.report.Restored = r.behind, r.restored
	if r.wholePass {
		r.report.Unmatched = r.plans.unmatched(r.req.Profiles)
	}
	if markers, ok := r.bin.(Markers); ok && len(r.gens)+len(r.held) > 0 {
		numbered := append([]Generation(nil), r.gens...)
		for i := range r.held {
			numbered = append(numbered, r.held[i].Generation)
		}
		if err := markers.Mark(ctx, r.req.Merchant, r.mark(numbered)); err != nil {
			return fmt.Errorf("leave a marker: %w", err)
		}
	}
	run, err := k.last(ctx)
	if err != nil {
		return err
	}
	crash.Point("publish.committing")
	if len(r.gens)+len(r.cursors) > 0 {
		if err := r.ledger.Commit(ctx, run, r.gens, r.cursors); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		crash.Point("publish.committed")
		r.settled = true
	}
	if len(r.held) > 0 {
		if err := r.ledger.Hold(ctx, run, r.held); err != nil {
			return fmt.Errorf("hold what the guard has stopped: %w", err)
		}
		crash.Point("publish.held")
		r.settled = true
	}
	return nil
}

// clean removes what the run has left in the spool folder.
func (r *runner) clean() error {
	err := errors.Join(r.plans.discard(func(*plan) bool { return true }), r.drop(0))
	if r.pool != nil {
		r.pool.Close()
	}
	return err
}
