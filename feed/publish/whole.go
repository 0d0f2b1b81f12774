package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"feedmill/feed"
	"feedmill/feed/diff"
)

// compareWhole renders the snapshot for all plans that compare the whole feed.
func (r *runner) compareWhole(ctx context.Context) error {
	ps := r.plans
	if !slices.ContainsFunc(ps.all, isWhole) {
		return nil
	}
	err := r.pass(ctx)
	// Each restart mends one plan, so this ends.
	for errors.Is(err, diff.ErrCorrupt) && ps.restart(err) {
		err = errors.Join(ps.discard(isWhole), r.pass(ctx))
	}
	if err != nil {
		return err
	}
	// Whom a profile leaves out is known only now; what is shown must not name him.
	again, err := ps.resolve()
	if err == nil && again {
		err = errors.Join(ps.discard(isWhole), r.pass(ctx))
	}
	return err
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
	pe.plan.restart("the state before is damaged")
	return true
}

// pass renders the snapshot once.
func (r *runner) pass(ctx context.Context) error {
	ps, req := r.plans, r.req
	for _, p := range ps.all {
		if !isWhole(p) {
			continue
		}
		if err := p.open(ctx, r); err != nil {
			return &planError{p, err}
		}
	}
	var views []*view
	for _, v := range ps.views {
		if v.wholeFull() || v.wholeLight() {
			v.leftOut = nil
			views = append(views, v)
		}
	}
	products := int64(0)
	for product, err := range req.Catalog.Products(ctx) {
		if err != nil {
			return err
		}
		products++
		ps.nextProduct()
		alike := ps.alike(product)
		for _, v := range views {
			v.alike = alike
			if err := r.show(ctx, v, product); err != nil {
				return err
			}
		}
		if products%4096 == 0 && req.Progress != nil {
			req.Progress(products)
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if req.Progress != nil {
		req.Progress(products)
	}
	for _, p := range ps.all {
		if !isWhole(p) {
			continue
		}
		if err := p.end(ctx, r); err != nil {
			return &planError{p, err}
		}
	}
	r.products, r.wholePass = products, true
	return nil
}

func (v *view) wholeFull() bool  { return v.full != nil && isWhole(v.full) }
func (v *view) wholeLight() bool { return v.light != nil && isWhole(v.light) }

// show renders a product for a view, if its profile shows it.
func (r *runner) show(ctx context.Context, v *view, product *feed.Product) error {
	v.product = product
	verdict := v.rules.Apply(&v.item, product)
	if v.wholeFull() && v.used != nil && (verdict.Included || stockReason(verdict)) {
		v.used.observe(product)
	}
	if !verdict.Included {
		v.leaveOut(product, verdict)
		return nil
	}
	if v.wholeFull() {
		v.item.Product = v.refs.mendWhole(product)
		v.refs.observe(product)
		if err := v.full.add(ctx, r, v); err != nil {
			return &planError{v.full, err}
		}
		v.item.Product = product
	}
	if v.wholeLight() {
		if err := v.light.add(ctx, r, v); err != nil {
			return &planError{v.light, err}
		}
	}
	return nil
}

// header starts the plan's complete file and its CSV twin, and gives what a
// state must know of them.
func (p *plan) header(ctx context.Context, r *runner) (shape diff.Shape, err error) {
	s := r.req.Settings
	generated := p.told(r.req)
	expires := generated.Add(s.Validity)
	currency := p.view.profile.Currency
	light := p.ref.Kind == feed.KindLight
	var head []byte
	if light {
		head = p.writer.AppendLightHeader(head, generated, expires, currency)
	} else {
		head = p.writer.AppendFullHeader(head, generated, expires, currency)
	}
	if p.body, err = p.newBody(ctx, r, head); err != nil {
		return shape, err
	}
	shape = diff.Shape{Positions: light, Header: int64(len(head))}
	if p.view.csv != nil {
		p.csv = r.newSpool("csv", s.Gzip)
		if light {
			p.csv.buf = p.view.csv.AppendLightHeader(p.csv.buf)
		} else {
			p.csv.buf = p.view.csv.AppendFullHeader(p.csv.buf)
		}
		shape.TwinHeader = int64(len(p.csv.buf))
	}
	if !light {
		shape = diff.Shape{} // its nodes are never looked up in the file
	}
	return shape, nil
}

// openChange starts the plan's change file.
func (p *plan) openChange(r *runner) {
	p.change = r.newSpool("full_change", r.req.Settings.Gzip)
	p.change.buf = p.writer.AppendChangeHeader(p.change.buf, p.told(r.req), p.told(r.req).Add(r.req.Settings.Validity), p.view.profile.Currency)
}

// count starts counting anew.
func (p *plan) count() {
	p.live, p.added, p.changed, p.removed = 0, 0, 0, 0
	p.changeNodes, p.goneNodes, p.expiredGone, p.missed, p.moved = 0, 0, 0, 0, 0
	p.priceSum, p.priceCount, p.extra = 0, 0, nil
}

// open starts the files of a pass.
func (p *plan) open(ctx context.Context, r *runner) (err error) {
	p.count()
	if err := p.setFiled(nil); err != nil {
		return err
	}
	var prev diff.Entries
	if p.usable() {
		if prev, err = p.openState(ctx, r.bin); err != nil {
			return err
		}
	}
	p.merge = diff.NewMerge(prev)
	var shape diff.Shape
	if p.ref.Kind == feed.KindLight || p.full {
		if shape, err = p.header(ctx, r); err != nil {
			return err
		}
	} else if p.usable() {
		// The full file stays, and with it what is known of it.
		filed, err := p.filedBefore(ctx, r.bin)
		if err == nil {
			err = p.keepFiled(r.req.Spool, filed)
		}
		if err != nil {
			return err
		}
	}
	if p.ref.Kind == feed.KindFull && p.usable() {
		p.openChange(r)
	}
	p.state = newStateFile(r.req.Spool, shape, &r.sums)
	return nil
}

// end closes what the pass has written.
func (p *plan) end(ctx context.Context, r *runner) error {
	if err := p.merge.Rest(p.gone(ctx, r)); err != nil {
		return err
	}
	if err := p.close(); err != nil {
		return fmt.Errorf("read the state of generation %d: %w", p.prev.Number, err)
	}
	if p.ref.Kind == feed.KindFull && p.view.used != nil {
		p.extra = p.view.used.appendExtra(nil)
	}
	if p.body != nil {
		if err := p.endBody(); err != nil {
			return err
		}
	}
	if p.change != nil {
		p.change.buf = p.writer.AppendChangeFooter(p.change.buf)
	}
	return p.state.finish(p.appendedExtra())
}

// endBody ends the complete file.
func (p *plan) endBody() error {
	var foot []byte
	if p.ref.Kind == feed.KindFull {
		foot = p.writer.AppendFullFooter(foot)
	} else {
		foot = p.writer.AppendLightFooter(foot)
	}
	if err := p.body.end(foot); err != nil {
		return err
	}
	return p.setFiled(p.body.filed)
}

// render writes the view's item into node, and into record where the plan has
// a twin under way or is to have one, and gives their entry.
func (p *plan) render(v *view, twin bool) diff.Entry {
	p.node, p.record = p.node[:0], p.record[:0]
	e := diff.Entry{ID: v.item.Product.ID, Price: -1, Alike: v.alike}
	if p.ref.Kind == feed.KindFull {
		p.node = v.writer.AppendFullWith(p.node, &v.item, v.texts)
		if twin {
			p.record = v.csv.AppendFull(p.record, &v.item)
		}
	} else {
		p.node = v.writer.AppendLight(p.node, &v.item)
		if twin {
			p.record = v.csv.AppendLight(p.record, &v.item)
		}
		e.Size, e.Twin = len(p.node), len(p.record)
		if price := v.item.Light.Price; !price.IsZero() {
			e.Price = price.Gross.Minor()
		}
	}
	e.Digest = diff.Sum(p.node)
	return e
}

// priced adds to the mean of prices, or takes from it. Sums that are too large
// stay at the end of the range.
func (p *plan) priced(e *diff.Entry, sign int64) {
	if e.Price < 0 || e.Gone {
		return
	}
	const most = 1<<62 - 1
	p.priceSum = max(min(p.priceSum+sign*min(e.Price, most/2), most), 0)
	p.priceCount += sign
}

// add renders the view's item into the plan's files and compares it with the
// state before.
func (p *plan) add(ctx context.Context, r *runner, v *view) error {
	id := v.item.Product.ID
	if err := p.merge.Before(id, p.gone(ctx, r)); err != nil {
		return err
	}
	before, _, had, err := p.merge.Take(id)
	if err != nil {
		return err
	}
	e := p.render(v, p.csv != nil)
	if p.ref.Kind == feed.KindFull {
		e.Leader = v.refs.led
	}
	p.live++
	p.priced(&e, 1)
	switch {
	case !had || before.Gone:
		p.came(&e)
		p.miss(v, id, 0)
	case before.Digest != e.Digest:
		p.differ(&before, &e)
		p.miss(v, id, before.Leader)
	}
	if p.change != nil && (!had || before.Digest != e.Digest) {
		p.change.buf = append(p.change.buf, p.node...)
		p.changeNodes++
		if err := p.change.flow(); err != nil {
			return err
		}
	}
	if p.body != nil {
		p.body.note(&e)
		if err := p.body.node(id, p.node); err != nil {
			return err
		}
	}
	if p.csv != nil {
		p.csv.buf = append(p.csv.buf, p.record...)
		if err := p.csv.flow(); err != nil {
			return err
		}
	}
	return p.state.Add(e)
}

// miss counts a difference that the hint should have named: what differs only
// because somebody whom the product names has changed is none.
func (p *plan) miss(v *view, id, leader feed.ProductID) {
	named := func(n feed.ProductID) bool { _, ok := slices.BinarySearch(p.hint, n); return ok }
	if !p.hinted || named(id) || p.late.names(id) {
		return
	}
	if v != nil && p.ref.Kind == feed.KindFull {
		others := append(appendNames(nil, v.product), leader, v.refs.led)
		if slices.ContainsFunc(others, named) || slices.ContainsFunc(others, p.late.names) {
			return
		}
	}
	p.missed++
}

// gone deals with a product that the state before has and the run has not.
func (p *plan) gone(ctx context.Context, r *runner) func(diff.Entry, diff.Place) error {
	return func(e diff.Entry, at diff.Place) error {
		if p.ref.Kind == feed.KindFull {
			p.left(&e)
			p.miss(nil, e.ID, 0)
			p.change.buf = p.writer.AppendRemoved(p.change.buf, e.ID)
			p.changeNodes++
			return p.change.flow()
		}
		if e.Gone {
			if p.expired(&e, r) {
				p.expiredGone++
				return nil
			}
			return p.keepGone(ctx, e)
		}
		p.left(&e)
		p.miss(nil, e.ID, 0)
		if r.req.Settings.GoneKeep < 0 {
			return nil
		}
		node, err := p.lastNode(ctx, r.bin, at.Node, int64(e.Size))
		if err != nil {
			return fmt.Errorf("read the last light node of product %d: %w", e.ID, err)
		}
		return p.sellOut(ctx, e, node)
	}
}

// expired says whether a gone product has been shown as sold out for long enough.
func (p *plan) expired(e *diff.Entry, r *runner) bool {
	return p.time.Sub(e.Since) >= r.req.Settings.GoneKeep
}

// sellOut shows a product that leaves light as sold out, from its last node.
func (p *plan) sellOut(ctx context.Context, e diff.Entry, node []byte) error {
	if diff.Sum(node) != e.Digest {
		return fmt.Errorf("the light file before holds another node of product %d than its state says: %w", e.ID, diff.ErrCorrupt)
	}
	e.Gone, e.Since, e.Node = true, p.time, soldOut(node)
	e.Size, e.Digest = len(e.Node), diff.Sum(e.Node)
	return p.keepGone(ctx, e)
}

// keepGone writes the node of a gone product.
func (p *plan) keepGone(ctx context.Context, e diff.Entry) error {
	p.goneNodes++
	if err := p.body.node(e.ID, e.Node); err != nil {
		return err
	}
	if p.csv != nil {
		before := len(p.csv.buf)
		if err := p.appendGoneCSV(ctx, e.Node); err != nil {
			return err
		}
		e.Twin = len(p.csv.buf) - before
		if err := p.csv.flow(); err != nil {
			return err
		}
	}
	return p.state.Add(e)
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
