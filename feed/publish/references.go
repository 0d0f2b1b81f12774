package publish

import (
	"cmp"
	"errors"
	"hash/fnv"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"feedmill/feed"
	"feedmill/feed/diff"
)

// references sees to it that a full feed names no product that it does not
// show: a variant group is led by a product of the offer, and a set is told as
// a set only where all its components are offered (IOF-3.0 section 1).
//
// Who is offered is known after a pass. The first one gathers who is named; if
// somebody who is named is not offered, the pass is repeated with that known.
// The state tells it to later runs that look at a few products only.
type references struct {
	// named are the leaders and components that other shown products name.
	named map[feed.ProductID]struct{}
	// leaders gives the first shown product of those that say the same of their
	// group, where the leader that they name is not shown: it leads them. The pass
	// that is repeated meets it before the others, so the first one need not know all.
	leaders map[groupKey]leader
	// missing are those of named that are not shown, from the pass before.
	missing map[feed.ProductID]struct{}
	// led is who leads in place of the named leader of the product mended last.
	led     feed.ProductID
	product feed.Product // mended copy
	group   feed.Group
}

// groupKey is a group as its members tell of it: its id and who leads it.
type groupKey struct {
	group string
	lead  feed.ProductID
}

// leader is a product that can lead its group.
type leader struct {
	id                               feed.ProductID
	code, producerCode, externalCode string
}

func leaderOf(p *feed.Product) leader {
	l := leader{id: p.ID}
	if len(p.Sizes) > 0 {
		z := &p.Sizes[0]
		l.code, l.producerCode, l.externalCode = strings.Clone(z.Code), strings.Clone(z.ProducerCode), strings.Clone(z.ExternalCode)
	}
	return l
}

// digest is of what others say of a leader; never 0.
func (l *leader) digest(k groupKey) uint64 {
	h := fnv.New64a()
	for _, s := range []string{k.group, strconv.FormatInt(int64(k.lead), 10), strconv.FormatInt(int64(l.id), 10), l.code, l.producerCode, l.externalCode} {
		io.WriteString(h, s)
		h.Write([]byte{0xff}) // in no text
	}
	return max(h.Sum64(), 1)
}

func newReferences() *references {
	return &references{named: map[feed.ProductID]struct{}{}, leaders: map[groupKey]leader{}}
}

// id reads a reference; ok is false for what can be no product's id.
func id(s string) (feed.ProductID, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return feed.ProductID(n), err == nil && n > 0 && n <= feed.MaxProductID
}

// leads gives who leads a group: the product named first, else the one whose
// id the group has.
func leads(g *feed.Group) string { return cmp.Or(g.First, g.ID) }

// keyOf gives the group of a product; ok is false when none is led by a product.
func keyOf(p *feed.Product) (k groupKey, ok bool) {
	if p.Group == nil {
		return k, false
	}
	k.group = p.Group.ID
	k.lead, ok = id(leads(p.Group))
	return k, ok
}

// appendNames adds whom a product names besides itself.
func appendNames(dst []feed.ProductID, p *feed.Product) []feed.ProductID {
	if k, ok := keyOf(p); ok && k.lead != p.ID {
		dst = append(dst, k.lead)
	}
	if p.Bundled != nil {
		for i := range p.Bundled.Components {
			if n, ok := id(p.Bundled.Components[i].ID); ok && n != p.ID {
				dst = append(dst, n)
			}
		}
	}
	return dst
}

// observe notes whom a shown product names.
func (r *references) observe(p *feed.Product) {
	if p.Group == nil && p.Bundled == nil {
		return
	}
	if k, ok := keyOf(p); ok && k.lead != p.ID {
		r.named[k.lead] = struct{}{}
	}
	if p.Bundled != nil {
		for i := range p.Bundled.Components {
			if n, ok := id(p.Bundled.Components[i].ID); ok && n != p.ID {
				r.named[n] = struct{}{}
			}
		}
	}
}

// mend gives the product as it can be shown: itself, or a copy without the
// names of products that are lost. led names a substitute for a lost leader;
// ok is false when it knows none.
func (r *references) mend(p *feed.Product, lost func(feed.ProductID) bool, led func(groupKey) (leader, bool)) (_ *feed.Product, ok bool) {
	r.led = 0
	if p.Group == nil && p.Bundled == nil {
		return p, true
	}
	r.product = *p
	if k, ok := keyOf(p); ok && lost(k.lead) {
		l, ok := led(k)
		if !ok {
			return nil, false
		}
		r.led = l.id
		r.group = *p.Group
		r.group.First, r.group.FirstCode, r.group.FirstProducerCode, r.group.FirstExternalCode = strconv.FormatInt(int64(l.id), 10), l.code, l.producerCode, l.externalCode
		r.product.Group = &r.group
	}
	if p.Bundled != nil && slices.ContainsFunc(p.Bundled.Components, func(c feed.Component) bool {
		n, ok := id(c.ID)
		return ok && n != p.ID && lost(n)
	}) {
		// What remains is sold as one item at its own price.
		r.product.Bundled, r.product.Type = nil, feed.TypeRegular
	}
	return &r.product, true
}

// mendWhole is mend in a pass over everything.
func (r *references) mendWhole(p *feed.Product) *feed.Product {
	if len(r.missing) == 0 {
		r.led = 0
		return p
	}
	out, _ := r.mend(p,
		func(n feed.ProductID) bool { _, lost := r.missing[n]; return lost },
		func(k groupKey) (leader, bool) {
			l, known := r.leaders[k]
			if !known {
				l, k.group = leaderOf(p), strings.Clone(k.group)
				r.leaders[k] = l
			}
			return l, true
		})
	return out
}

// resolve compares whom the products name with the state that the pass has
// written, and says whether the pass must be repeated to leave somebody out.
func (p *plan) resolve() (again bool, err error) {
	r := p.view.refs
	named := slices.Sorted(maps.Keys(r.named))
	if r.missing != nil || len(named) == 0 {
		return false, nil
	}
	state, done, err := p.state.read()
	if err != nil {
		return false, err
	}
	defer done()
	missing := map[feed.ProductID]struct{}{}
	e, _, err := state.Next()
	for _, n := range named {
		for err == nil && e.ID < n {
			e, _, err = state.Next()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if err != nil || e.ID != n {
			missing[n] = struct{}{}
		}
	}
	r.missing = missing
	return len(missing) > 0, nil
}

// resolve is that of the plans of full feeds.
func (ps *plans) resolve() (again bool, err error) {
	for _, p := range ps.all {
		if p.ref.Kind != feed.KindFull || !p.whole {
			continue
		}
		more, err := p.resolve()
		if err != nil {
			return false, &planError{p, err}
		}
		again = again || more
	}
	return again, nil
}

// annotate copies the state of a whole pass with what is known only after it:
// who is named, who is named and not there, and who leads in another's place.
func (p *plan) annotate(r *runner) (err error) {
	refs := p.view.refs
	if len(refs.named) == 0 && len(refs.missing) == 0 {
		return nil
	}
	lead := map[feed.ProductID]uint64{}
	for k, l := range refs.leaders {
		if _, lost := refs.missing[k.lead]; lost {
			lead[l.id] = l.digest(k)
		}
	}
	from, done, err := p.state.read()
	if err != nil {
		return err
	}
	defer done()
	out := newStateFile(r.req.Spool, from.Shape(), &r.sums)
	err = annotated(from, out, slices.Sorted(maps.Keys(refs.missing)), func(e *diff.Entry) {
		_, e.Named = refs.named[e.ID]
		e.Lead = lead[e.ID]
	})
	if err == nil {
		err = out.finish(p.appendedExtra())
	}
	if err != nil {
		return errors.Join(err, out.remove())
	}
	old := p.state
	p.state = out
	return old.remove()
}

func annotated(from diff.Entries, out *stateFile, missing []feed.ProductID, note func(*diff.Entry)) error {
	for {
		e, _, err := from.Next()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		for len(missing) > 0 && (err != nil || missing[0] < e.ID) {
			if err := out.Add(diff.Entry{ID: missing[0], Named: true, Absent: true}); err != nil {
				return err
			}
			missing = missing[1:]
		}
		if err != nil {
			return nil
		}
		note(&e)
		if err := out.Add(e); err != nil {
			return err
		}
	}
}

// read opens a finished state file.
func (s *stateFile) read() (r *diff.Reader, done func(), err error) {
	f, err := os.Open(s.f.Name())
	if err != nil {
		return nil, nil, err
	}
	if r, err = diff.NewReader(f); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return r, func() { f.Close() }, nil // it was only read
}
