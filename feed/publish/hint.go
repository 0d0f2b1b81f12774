package publish

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"feedmill/feed"
	"feedmill/feed/diff"
)

// lookChunk is how many products are looked up at once: few enough that what
// the states say of them stays small for hundreds of feeds.
const lookChunk = 4096

// look is what a plan works with that looks at a few products only.
type look struct {
	stack diff.Stack
	// found is what the state says of the products of a chunk, names what it says
	// of those that they name and that no hint does.
	found, names []diff.Found
	// named are products that somebody names now and perhaps nobody did before.
	named map[feed.ProductID]struct{}
	edits *editFile // what differs in light
	// layers of the state before that stay below the new one; merged says that
	// the new state is a base.
	layers []Blob
	merged bool
}

func (l *look) discard() error {
	e := l.edits
	*l = look{}
	if e == nil {
		return nil
	}
	return e.discard()
}

func isLook(p *plan) bool { return !p.whole && !p.idle }

// lookUp compares what hints name, for all plans that need not compare the
// whole feed. Plans that find that they must, are whole afterwards.
func (r *runner) lookUp(ctx context.Context) error {
	var ids []feed.ProductID
	full := false
	for _, p := range r.plans.all {
		if isLook(p) {
			ids = append(ids, p.hint...)
			full = full || p.ref.Kind == feed.KindFull
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	s := &search{runner: r, ids: ids, shown: map[*view][]bool{}, names: make([][]feed.ProductID, (len(ids)+lookChunk-1)/lookChunk)}
	for _, p := range r.plans.all {
		if isLook(p) {
			if err := p.settle(p.openLook(ctx, r, len(ids) > 0)); err != nil {
				return err
			}
		}
	}
	if full {
		if err := s.scout(ctx); err != nil {
			return err
		}
	}
	for from := 0; from < len(ids); from += lookChunk {
		if err := s.chunk(ctx, from, min(from+lookChunk, len(ids))); err != nil {
			return err
		}
	}
	var lights []*plan
	for _, p := range r.plans.all {
		switch {
		case !isLook(p):
		case p.ref.Kind == feed.KindLight:
			lights = append(lights, p)
		default:
			if err := p.settle(p.endLook(ctx, r)); err != nil {
				return err
			}
		}
	}
	// No two of them share a view, and each reads and writes files of its own.
	for i, err := range r.together(lights, func(p *plan) error { return p.endLook(ctx, r) }) {
		if err := lights[i].settle(err); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// unsureError says that a few products do not decide what the feed shows.
type unsureError struct{ why string }

func (e *unsureError) Error() string { return e.why }

// settle makes the plan compare the whole feed when err says that looking at a
// few products is not enough.
func (p *plan) settle(err error) error {
	var unsure *unsureError
	switch {
	case errors.As(err, &unsure):
		p.goWhole(unsure.why)
	case errors.Is(err, diff.ErrCorrupt):
		p.goWhole("what is stored is damaged")
	case err != nil:
		return &planError{p, err}
	default:
		return nil
	}
	if p.ref.Kind == feed.KindFull {
		p.view.forget()
	}
	return p.discard()
}

// openLook opens the state before for looking up. some says that there is
// anything to look up.
func (p *plan) openLook(ctx context.Context, r *runner, some bool) (err error) {
	p.count()
	p.live, p.priceSum, p.priceCount = p.prev.Products, p.prev.PriceSum, p.prev.PriceCount
	full := p.ref.Kind == feed.KindFull
	if full && !some {
		return nil
	}
	for _, b := range append([]Blob{p.prev.State}, p.prev.Layers...) {
		s, err := p.lookIn(ctx, r.bin, b)
		if err != nil {
			return fmt.Errorf("state of generation %d: %w", p.prev.Number, err)
		}
		p.sp.stack = append(p.sp.stack, s)
	}
	if !full {
		oldest := p.sp.stack[0].Oldest
		if !oldest.IsZero() && p.expired(&diff.Entry{Since: oldest}, r) {
			p.expiredGone = 1 // counted when the file is made
		}
		if some {
			p.sp.edits = &editFile{dir: r.req.Spool}
		}
		return nil
	}
	p.sp.named = map[feed.ProductID]struct{}{}
	if v := p.view; v.used != nil {
		v.usedBefore = newUsage()
		for _, s := range p.sp.stack {
			extra, _, err := stateExtra(ctx, s)
			if err == nil {
				err = errors.Join(v.used.addExtra(extra), v.usedBefore.addExtra(extra))
			}
			if err != nil {
				return err
			}
		}
	}
	p.openChange(r)
	p.state = newStateFile(r.req.Spool, diff.Shape{}, &r.sums)
	return nil
}

// search is one look at the products that hints name.
type search struct {
	*runner
	ids []feed.ProductID
	// shown tells for each view that fills a full feed which of ids it shows.
	shown map[*view][]bool
	// names are for each chunk the products that those of it name, without ids.
	names [][]feed.ProductID
	// subs are products that lead others' groups.
	subs map[feed.ProductID]substitute
	// at is the place in ids of the chunk under way.
	at int
}

// substitute is a product that leads the group of others.
type substitute struct {
	leader
	key groupKey
	ok  bool
}

// products calls fn for each of ids[from:to] with its product, nil when there
// is none.
func (s *search) products(ctx context.Context, from, to int, fn func(i int, product *feed.Product) error) error {
	i := from
	for product, err := range s.req.Catalog.ByID(ctx, s.ids[from:to]) {
		if err != nil {
			return err
		}
		for i < to && s.ids[i] < product.ID {
			if err := fn(i, nil); err != nil {
				return err
			}
			i++
		}
		if i == to || s.ids[i] != product.ID {
			return feed.Errorf(feed.KindInternal, "the catalog gave product %d out of turn", product.ID)
		}
		if err := fn(i, product); err != nil {
			return err
		}
		i++
	}
	for ; i < to; i++ {
		if err := fn(i, nil); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// scout finds out who is shown and who is named, before anything is rendered:
// whether a product can name another depends on whether that is shown.
func (s *search) scout(ctx context.Context) error {
	var views []*view
	for _, v := range s.plans.views {
		if v.full != nil && isLook(v.full) {
			views = append(views, v)
			s.shown[v] = make([]bool, len(s.ids))
		}
	}
	for c := range s.names {
		from := c * lookChunk
		err := s.products(ctx, from, min(from+lookChunk, len(s.ids)), func(i int, product *feed.Product) error {
			if product == nil {
				return nil
			}
			s.names[c] = appendNames(s.names[c], product)
			for _, v := range views {
				s.shown[v][i] = v.rules.Apply(&v.item, product).Included
			}
			return nil
		})
		if err != nil {
			return err
		}
		slices.Sort(s.names[c])
		s.names[c] = slices.DeleteFunc(slices.Compact(s.names[c]), func(n feed.ProductID) bool {
			_, ok := slices.BinarySearch(s.ids, n)
			return ok
		})
	}
	return nil
}

// chunk compares ids[from:to].
func (s *search) chunk(ctx context.Context, from, to int) error {
	s.at = from
	for _, p := range s.plans.all {
		if isLook(p) {
			if err := p.settle(p.find(ctx, s.ids[from:to], s.names[from/lookChunk])); err != nil {
				return err
			}
		}
	}
	if err := s.substitutes(ctx); err != nil {
		return err
	}
	n := 0
	return s.products(ctx, from, to, func(i int, product *feed.Product) error {
		if product != nil {
			s.runner.products++
		}
		if n++; n%1024 == 0 && s.req.Progress != nil {
			s.req.Progress(s.runner.products)
		}
		s.plans.nextProduct()
		alike := uint32(0)
		if product != nil {
			alike = s.plans.alike(product)
		}
		for _, v := range s.plans.views {
			v.alike = alike
			full, light := v.full != nil && isLook(v.full), v.light != nil && isLook(v.light)
			if !full && !light {
				continue
			}
			shown := false
			if product != nil {
				verdict := v.rules.Apply(&v.item, product)
				shown = verdict.Included
				if full && v.used != nil && (shown || stockReason(verdict)) {
					v.used.observe(product)
				}
			}
			if full {
				if err := v.full.settle(s.full(v, i, product, shown)); err != nil {
					return err
				}
			}
			if light {
				v.item.Product = product
				if err := v.light.settle(v.light.lookLight(v, s.ids[i], &v.light.sp.found[i-from], shown)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// find asks the state before for the products of a chunk.
func (p *plan) find(ctx context.Context, ids, names []feed.ProductID) error {
	p.sp.found = slices.Grow(p.sp.found[:0], len(ids))[:len(ids)]
	if err := p.sp.stack.Find(ctx, ids, p.sp.found); err != nil {
		return err
	}
	if p.ref.Kind != feed.KindFull {
		return nil
	}
	p.sp.names = slices.Grow(p.sp.names[:0], len(names))[:len(names)]
	return p.sp.stack.Find(ctx, names, p.sp.names)
}

// full compares a product, nil when there is none, with what the full feed of
// a view showed.
func (s *search) full(v *view, i int, product *feed.Product, shown bool) error {
	p := v.full
	id := s.ids[i]
	before := &p.sp.found[i-s.at]
	had := before.OK && !before.Absent
	if !shown {
		if !had {
			return nil
		}
		if before.Named || before.Lead != 0 {
			return &unsureError{"a product that others name has left"}
		}
		p.left(&before.Entry)
		p.live--
		p.change.buf = p.writer.AppendRemoved(p.change.buf, id)
		p.changeNodes++
		return errors.Join(p.change.flow(), p.state.Add(diff.Entry{ID: id, Removed: true}))
	}
	if before.OK && before.Absent {
		return &unsureError{"a product that others name has come"}
	}
	if had && before.Lead != 0 {
		l := leaderOf(product)
		if k, ok := keyOf(product); !ok || l.digest(k) != before.Lead {
			return &unsureError{"a product that leads others has changed"}
		}
	}
	mended, err := s.mend(v, product, before)
	if err != nil {
		return err
	}
	v.item.Product = mended
	e := p.render(v, false)
	e.Leader, e.Named, e.Lead = v.refs.led, before.Named, before.Lead
	if had && before.Digest == e.Digest {
		if before.Leader == e.Leader {
			return nil
		}
		return p.state.Add(e)
	}
	if had {
		p.differ(&before.Entry, &e)
	} else {
		p.came(&e)
		p.live++
	}
	p.change.buf = append(p.change.buf, p.node...)
	p.changeNodes++
	return errors.Join(p.change.flow(), p.state.Add(e))
}

// mend gives a product as the view's full feed can show it.
func (s *search) mend(v *view, product *feed.Product, before *diff.Found) (*feed.Product, error) {
	p := v.full
	v.refs.led = 0
	if product.Group == nil && product.Bundled == nil {
		return product, nil
	}
	lost := func(n feed.ProductID) bool {
		if n == product.ID {
			return false
		}
		if j, ok := slices.BinarySearch(s.ids, n); ok {
			p.sp.named[n] = struct{}{}
			return !s.shown[v][j]
		}
		names := s.names[s.at/lookChunk]
		j, ok := slices.BinarySearch(names, n)
		if !ok {
			return true // cannot be: scout has seen the same product
		}
		f := &p.sp.names[j]
		if !f.OK || !f.Named {
			p.sp.named[n] = struct{}{}
		}
		return !f.OK || f.Absent
	}
	led := func(k groupKey) (leader, bool) {
		if !before.OK || before.Leader == 0 {
			return leader{}, false
		}
		if before.Leader == product.ID {
			return leaderOf(product), true
		}
		if j, ok := slices.BinarySearch(s.ids, before.Leader); ok && !s.shown[v][j] {
			return leader{}, false
		}
		sub := s.subs[before.Leader]
		return sub.leader, sub.ok && sub.key == k
	}
	// Everybody who is named is asked for, so that the state knows of him.
	for _, n := range appendNames(nil, product) {
		lost(n)
	}
	mended, ok := v.refs.mend(product, lost, led)
	if !ok {
		return nil, &unsureError{"who leads a group is not known"}
	}
	return mended, nil
}

// substitutes reads the products that lead groups of the chunk in place of
// others. It is done beforehand: one product is read at a time.
func (s *search) substitutes(ctx context.Context) error {
	need := map[feed.ProductID]struct{}{}
	for _, p := range s.plans.all {
		if !isLook(p) || p.ref.Kind != feed.KindFull {
			continue
		}
		for i := range p.sp.found {
			if l := p.sp.found[i].Leader; l != 0 {
				if _, ok := s.subs[l]; !ok {
					need[l] = struct{}{}
				}
			}
		}
	}
	if len(need) == 0 {
		return nil
	}
	if s.subs == nil {
		s.subs = map[feed.ProductID]substitute{}
	}
	for product, err := range s.req.Catalog.ByID(ctx, slices.Sorted(maps.Keys(need))) {
		if err != nil {
			return err
		}
		sub := substitute{leader: leaderOf(product)}
		sub.key, sub.ok = keyOf(product)
		sub.key.group = strings.Clone(sub.key.group)
		s.subs[product.ID] = sub
	}
	return nil
}

// lookLight compares what a view shows of a product with what light showed.
func (p *plan) lookLight(v *view, id feed.ProductID, before *diff.Found, shown bool) error {
	had := before.OK && !before.Gone
	if !shown {
		if !had {
			return nil
		}
		p.left(&before.Entry)
		p.live--
		p.priced(&before.Entry, -1)
		return p.sp.edits.add(edit{Entry: diff.Entry{ID: id, Gone: true}})
	}
	e := p.render(v, v.csv != nil)
	if had && before.Digest == e.Digest {
		return nil
	}
	if had {
		p.differ(&before.Entry, &e)
		p.priced(&before.Entry, -1)
	} else {
		p.came(&e)
		p.live++
	}
	p.priced(&e, 1)
	return p.sp.edits.add(edit{Entry: e, node: p.node, record: p.record})
}

// endLook completes what differs.
func (p *plan) endLook(ctx context.Context, r *runner) error {
	if p.ref.Kind == feed.KindLight {
		if p.sp.edits != nil {
			if err := p.sp.edits.finish(); err != nil {
				return err
			}
		}
		if !p.differs() {
			return nil
		}
		// A light file that waits for its hour is not made.
		if young, err := p.young(ctx, r); err != nil || young && p.moved == 0 {
			return err
		}
		return p.splice(ctx, r)
	}
	if p.state == nil {
		return nil
	}
	p.change.buf = p.writer.AppendChangeFooter(p.change.buf)
	return p.endLayer(ctx, r)
}
