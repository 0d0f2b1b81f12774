package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"feedmill/feed"
	"feedmill/feed/diff"
)

// Run makes what is due of the feeds that the profiles need, from one snapshot,
// and commits it in one step. When nothing is due it commits nothing. An error
// leaves every feed as it was; [ErrLost] says that another run was first and
// this one may simply be repeated.
func Run(ctx context.Context, ledger Ledger, bin Bin, req Request) (Report, error) {
	req.Settings = req.Settings.withDefaults()
	plans, err := makePlans(ctx, ledger, &req)
	if err != nil {
		return Report{}, err
	}
	first, err := ledger.Begin(ctx, req.Merchant, len(plans.all))
	if err != nil {
		return Report{}, fmt.Errorf("take generation numbers: %w", err)
	}
	for i, p := range plans.all {
		p.number = first + int64(i)
	}
	defer plans.discard()
	products, err := plans.pass(ctx, &req, bin)
	// Each restart mends one plan, so this ends.
	for errors.Is(err, diff.ErrCorrupt) && plans.restart(err) {
		plans.discard()
		products, err = plans.pass(ctx, &req, bin)
	}
	if err != nil {
		return Report{}, err
	}
	// Whom a profile leaves out is known only now; what is shown must not name him.
	again, err := plans.resolve()
	if err != nil {
		return Report{}, err
	}
	if again {
		plans.discard()
		if products, err = plans.pass(ctx, &req, bin); err != nil {
			return Report{}, err
		}
	}
	// A full file that only the pass itself showed to be due needs its nodes
	// once more; the snapshot is the same, so nothing else can change.
	if plans.wantFull(&req) {
		plans.discard()
		if products, err = plans.pass(ctx, &req, bin); err != nil {
			return Report{}, err
		}
	}
	report := Report{Products: products}
	var gens []Generation
	for _, p := range plans.all {
		if err := p.guard(&req); err != nil {
			return Report{}, err
		}
	}
	for _, p := range plans.all {
		g, published, err := p.finish(ctx, &req, bin)
		if err != nil {
			return Report{}, err
		}
		if published {
			gens = append(gens, g)
		}
		report.Feeds = append(report.Feeds, p.report(g, published))
	}
	if len(gens) == 0 {
		return report, nil
	}
	if err := ledger.Commit(ctx, gens); err != nil {
		return Report{}, fmt.Errorf("publish: %w", err)
	}
	return report, nil
}

// planError is an error of one feed of a run.
type planError struct {
	plan *plan
	err  error
}

func (e *planError) Error() string { return e.plan.ref.Kind.String() + " feed: " + e.err.Error() }
func (e *planError) Unwrap() error { return e.err }

// restart makes the plan that met a damaged state start anew; false when none
// did or it has already.
func (ps *plans) restart(err error) bool {
	var pe *planError
	if !errors.As(err, &pe) || pe.plan.fresh {
		return false
	}
	pe.plan.restart()
	return true
}

// HeldError says that a generation lost so many products that it was refused;
// the one before stays current.
type HeldError struct {
	Feed           FeedRef
	Before, Now    int64
	Removed        int64
	AllowedPercent int
}

// Error implements error.
func (e *HeldError) Error() string {
	return fmt.Sprintf("the %s feed would lose %d of its %d products (more than %d %%): nothing is published",
		e.Feed.Kind, e.Removed, e.Before, e.AllowedPercent)
}

// minLoss is the number of products whose loss is never refused, unless it is all.
const minLoss = 20

// guard refuses a generation that loses too much (RELIABILITY I18).
func (p *plan) guard(req *Request) error {
	if !p.hasPrev || req.Settings.MaxLoss >= 100 || p.prev.Products == 0 {
		return nil
	}
	all := p.live == 0
	if all || p.removed >= minLoss && p.removed*100 > p.prev.Products*int64(req.Settings.MaxLoss) {
		return &HeldError{Feed: p.ref, Before: p.prev.Products, Now: p.live, Removed: p.removed, AllowedPercent: req.Settings.MaxLoss}
	}
	return nil
}

// pass renders the snapshot once for all plans.
func (ps *plans) pass(ctx context.Context, req *Request, bin Bin) (products int64, err error) {
	for _, p := range ps.all {
		if err := p.open(ctx, req, bin); err != nil {
			return 0, &planError{p, err}
		}
	}
	for product, err := range req.Catalog.Products(ctx) {
		if err != nil {
			return 0, err
		}
		products++
		for _, v := range ps.views {
			verdict := v.rules.Apply(&v.item, product)
			if v.used != nil && (verdict.Included || stockReason(verdict)) {
				v.used.observe(product)
			}
			if !verdict.Included {
				v.leaveOut(product, verdict)
				continue
			}
			if v.full != nil {
				v.item.Product = v.refs.mend(product)
				v.refs.observe(product)
				if err := v.full.add(ctx, req, v); err != nil {
					return 0, &planError{v.full, err}
				}
			}
			if v.light != nil {
				if err := v.light.add(ctx, req, v); err != nil {
					return 0, &planError{v.light, err}
				}
			}
		}
		if products%4096 == 0 && req.Progress != nil {
			req.Progress(products)
		}
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if req.Progress != nil {
		req.Progress(products)
	}
	for _, p := range ps.all {
		if err := p.end(ctx, req); err != nil {
			return 0, &planError{p, err}
		}
	}
	return products, nil
}

// add renders the view's item into the plan's files and compares it with the
// state before.
func (p *plan) add(ctx context.Context, req *Request, v *view) error {
	id := v.item.Product.ID
	if err := p.merge.Before(id, p.gone(ctx, req)); err != nil {
		return err
	}
	before, had, err := p.merge.Take(id)
	if err != nil {
		return err
	}
	p.node = p.node[:0]
	if p.ref.Kind == feed.KindFull {
		p.node = v.writer.AppendFull(p.node, &v.item)
	} else {
		p.node = v.writer.AppendLight(p.node, &v.item)
	}
	p.live++
	digest := diff.Sum(p.node)
	switch {
	case !had || before.Gone:
		p.added++
	case before.Digest != digest:
		p.changed++
	}
	if p.change != nil && (!had || before.Digest != digest) {
		p.change.buf = append(p.change.buf, p.node...)
		p.changeNodes++
		if err := p.change.flow(); err != nil {
			return err
		}
	}
	if p.body != nil {
		p.body.buf = append(p.body.buf, p.node...)
		if err := p.body.flow(); err != nil {
			return err
		}
	}
	if p.csv != nil {
		if p.ref.Kind == feed.KindFull {
			p.csv.buf = v.csv.AppendFull(p.csv.buf, &v.item)
		} else {
			p.csv.buf = v.csv.AppendLight(p.csv.buf, &v.item)
		}
		if err := p.csv.flow(); err != nil {
			return err
		}
	}
	return p.stateOut.Add(diff.Entry{ID: id, Size: len(p.node), Digest: digest})
}

// gone deals with a product that the state before has and the run has not.
func (p *plan) gone(ctx context.Context, req *Request) func(diff.Entry, int64) error {
	return func(e diff.Entry, offset int64) error {
		if p.ref.Kind == feed.KindFull {
			p.removed++
			p.change.buf = p.writer.AppendRemoved(p.change.buf, e.ID)
			p.changeNodes++
			return p.change.flow()
		}
		if e.Gone {
			if p.time.Sub(e.Since) >= req.Settings.GoneKeep {
				p.expiredGone++
				return nil
			}
		} else {
			p.removed++
			if req.Settings.GoneKeep < 0 {
				return nil
			}
			node, err := p.lastNode(ctx, offset, int64(e.Size))
			if err != nil {
				return fmt.Errorf("read the last light node of product %d: %w", e.ID, err)
			}
			if diff.Sum(node) != e.Digest {
				return fmt.Errorf("the light file before holds another node of product %d than its state says: %w", e.ID, diff.ErrCorrupt)
			}
			e.Gone, e.Since, e.Node = true, p.time, soldOut(node)
			e.Size, e.Digest = len(e.Node), diff.Sum(e.Node)
		}
		p.goneNodes++
		p.body.buf = append(p.body.buf, e.Node...)
		if err := p.body.flow(); err != nil {
			return err
		}
		if p.csv != nil {
			if err := p.appendGoneCSV(ctx, e.Node); err != nil {
				return err
			}
		}
		return p.stateOut.Add(e)
	}
}

// lastNode reads a node of the light file before.
func (p *plan) lastNode(ctx context.Context, offset, n int64) ([]byte, error) {
	r, err := p.bin.Open(ctx, p.prev.File(feed.KindLight).Plain, offset, n)
	if err != nil {
		return nil, err
	}
	node, err := io.ReadAll(r)
	return node, errors.Join(err, r.Close())
}

// soldOut sets every quantity of a light node to 0. Our writer puts quantities
// on stock alone and escapes quotes everywhere else, so the pattern can match
// nothing but them.
func soldOut(node []byte) []byte {
	const attr = ` quantity="`
	out := make([]byte, 0, len(node))
	for {
		i := bytes.Index(node, []byte(attr))
		if i < 0 {
			return append(out, node...)
		}
		i += len(attr)
		out = append(append(out, node[:i]...), '0')
		for i < len(node) && node[i] != '"' {
			i++
		}
		node = node[i:]
	}
}

// stamp gives a logical time as the feed renders it.
func (p *plan) stamp(t time.Time, req *Request) time.Time { return t.In(req.Settings.Zone) }
