package publish

import (
	"cmp"
	"errors"
	"fmt"
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
type references struct {
	// named are the leaders and components that shown products name.
	named map[feed.ProductID]struct{}
	// leaders gives for each group the first product of it that is shown.
	leaders map[string]leader
	// missing are those of named that are not shown, from the pass before.
	missing map[feed.ProductID]struct{}
	product feed.Product // mended copy
	group   feed.Group
}

// leader is a product that can lead its group.
type leader struct{ id, code, producerCode, externalCode string }

func newReferences() *references {
	return &references{named: map[feed.ProductID]struct{}{}, leaders: map[string]leader{}}
}

// id reads a reference; ok is false for what can be no product's id.
func id(s string) (feed.ProductID, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return feed.ProductID(n), err == nil && n > 0 && n <= feed.MaxProductID
}

// leads gives who leads a group: the product named first, else the one whose
// id the group has.
func leads(g *feed.Group) string { return cmp.Or(g.First, g.ID) }

// observe notes whom a shown product names.
func (r *references) observe(p *feed.Product) {
	name := func(s string) {
		if n, ok := id(s); ok {
			r.named[n] = struct{}{}
		}
	}
	if p.Group != nil {
		name(leads(p.Group))
		if _, ok := r.leaders[p.Group.ID]; !ok {
			l := leader{id: strconv.FormatInt(int64(p.ID), 10)}
			if len(p.Sizes) > 0 {
				z := &p.Sizes[0]
				l.code, l.producerCode, l.externalCode = strings.Clone(z.Code), strings.Clone(z.ProducerCode), strings.Clone(z.ExternalCode)
			}
			r.leaders[strings.Clone(p.Group.ID)] = l
		}
	}
	if p.Bundled != nil {
		for i := range p.Bundled.Components {
			name(p.Bundled.Components[i].ID)
		}
	}
}

// mend gives the product as it can be shown: itself, or a copy without the
// names of products that are not shown.
func (r *references) mend(p *feed.Product) *feed.Product {
	if len(r.missing) == 0 || p.Group == nil && p.Bundled == nil {
		return p
	}
	lost := func(s string) bool {
		n, ok := id(s)
		_, missing := r.missing[n]
		return ok && missing
	}
	r.product = *p
	if p.Group != nil && lost(leads(p.Group)) {
		r.group = *p.Group
		// The pass before has seen every group that is shown.
		l := r.leaders[p.Group.ID]
		r.group.First, r.group.FirstCode, r.group.FirstProducerCode, r.group.FirstExternalCode = l.id, l.code, l.producerCode, l.externalCode
		r.product.Group = &r.group
	}
	if p.Bundled != nil && slices.ContainsFunc(p.Bundled.Components, func(c feed.Component) bool { return lost(c.ID) }) {
		// What remains is sold as one item at its own price.
		r.product.Bundled, r.product.Type = nil, feed.TypeRegular
	}
	return &r.product
}

// resolve compares whom the products name with the state that the pass has
// written, and says whether the pass must be repeated to leave somebody out.
func (p *plan) resolve() (again bool, err error) {
	r := p.view.refs
	named := slices.Sorted(maps.Keys(r.named))
	if r.missing != nil || len(named) == 0 {
		return false, nil
	}
	f, err := os.Open(p.state.f.Name())
	if err != nil {
		return false, fmt.Errorf("read the state: %w", err)
	}
	defer f.Close()
	state, err := diff.NewReader(f)
	if err != nil {
		return false, err
	}
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
		if p.ref.Kind != feed.KindFull {
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
