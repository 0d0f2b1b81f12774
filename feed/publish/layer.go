package publish

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"

	"feedmill/feed/diff"
)

const (
	// layersMost is how many layers lie on a state at most.
	layersMost = 12
	// mergeShare is the part of a base, as one in so many, that layers may grow to
	// before a new base is made of all: its cost is spread over as many changes.
	// Layers of fewer entries than layerFloor are never too much.
	mergeShare = 4
	layerFloor = 1024
)

// endLayer completes the layer that a look has written. Layers grow as a
// sequence in which each is more than twice the next, so that there are few and
// an entry is copied a few times only until it reaches a base.
func (p *plan) endLayer(ctx context.Context, r *runner) error {
	v := p.view
	var grown *usage
	if v.used != nil {
		grown = newUsage()
		if err := grown.addExtra(v.used.appendExtra(nil)); err != nil {
			return err
		}
		grown.subtract(v.usedBefore)
		if !grown.empty() {
			p.extra = grown.appendExtra(nil)
		}
	}
	named, err := p.newlyNamed(ctx)
	if err != nil {
		return err
	}
	n := p.state.Summary().Entries + int64(len(named))
	if n == 0 && len(p.extra) == 0 {
		err := p.state.remove()
		p.state = nil
		return err
	}
	if err := p.state.finish(p.appendedExtra()); err != nil {
		return err
	}
	total := n
	for _, l := range p.sp.stack[1:] {
		total += l.Entries
	}
	from := len(p.sp.stack) // the first of the stack that goes into the new state
	if total > max(layerFloor, p.sp.stack[0].Entries/mergeShare) {
		from = 0
	} else {
		for from > 1 && (p.sp.stack[from-1].Entries <= 2*n || from > layersMost) {
			from--
			n += p.sp.stack[from].Entries
		}
	}
	p.sp.merged = from == 0
	p.sp.layers = p.prev.Layers[:max(from-1, 0)]
	if from == len(p.sp.stack) && len(named) == 0 {
		return nil
	}
	return p.mergeLayers(ctx, r, from, named, grown)
}

// mergeLayers writes what the look has found and the states from the given one
// on as one.
func (p *plan) mergeLayers(ctx context.Context, r *runner, from int, named []diff.Found, grown *usage) (err error) {
	var states []diff.Entries
	blobs := append([]Blob{p.prev.State}, p.prev.Layers...)
	for i := from; i < len(p.sp.stack); i++ {
		rd, err := r.bin.Open(ctx, blobs[i], 0, blobs[i].Size)
		if err != nil {
			return err
		}
		p.readers = append(p.readers, rd)
		s, err := diff.NewReader(rd)
		if err != nil {
			return err
		}
		states = append(states, s)
		if grown != nil {
			extra, _, err := stateExtra(ctx, p.sp.stack[i])
			if err == nil {
				err = grown.addExtra(extra)
			}
			if err != nil {
				return err
			}
		}
	}
	fresh, done, err := p.state.read()
	if err != nil {
		return err
	}
	defer done()
	states = append(states, &naming{from: fresh, named: named})
	out := newStateFile(r.req.Spool, diff.Shape{}, &r.sums)
	merged := diff.Layered(!p.sp.merged, states...)
	for err == nil {
		var e diff.Entry
		if e, _, err = merged.Next(); err == nil {
			err = out.Add(e)
		}
	}
	if errors.Is(err, io.EOF) {
		if err = nil; grown != nil {
			p.extra = grown.appendExtra(nil)
		}
		if err == nil && p.sp.merged {
			var filed []byte
			if _, filed, err = stateExtra(ctx, p.sp.stack[0]); err == nil {
				err = p.keepFiled(r.req.Spool, filed)
			}
		}
		if err == nil {
			err = out.finish(p.appendedExtra())
		}
	}
	if err != nil {
		return errors.Join(err, out.remove())
	}
	old := p.state
	p.state = out
	return errors.Join(old.remove(), p.close())
}

// newlyNamed asks the state before for the products that somebody names now.
func (p *plan) newlyNamed(ctx context.Context) ([]diff.Found, error) {
	ids := slices.Sorted(maps.Keys(p.sp.named))
	found := make([]diff.Found, len(ids))
	if err := p.sp.stack.Find(ctx, ids, found); err != nil {
		return nil, err
	}
	for i := range found {
		found[i].ID = ids[i]
	}
	// Who was named already stays so in any case.
	return slices.DeleteFunc(found, func(f diff.Found) bool { return f.OK && f.Named }), nil
}

// naming reads a layer and marks products in it, and beside it, as named.
type naming struct {
	from  diff.Entries
	named []diff.Found
	cur   diff.Entry
	have  bool
	done  bool
}

// Next implements diff.Entries.
func (n *naming) Next() (e diff.Entry, _ diff.Place, err error) {
	if !n.have && !n.done {
		if n.cur, _, err = n.from.Next(); errors.Is(err, io.EOF) {
			n.done = true
		} else if err != nil {
			return e, diff.Place{}, err
		}
		n.have = !n.done
	}
	if len(n.named) == 0 || n.have && n.cur.ID < n.named[0].ID {
		if !n.have {
			return e, diff.Place{}, io.EOF
		}
		n.have = false
		return n.cur, diff.Place{}, nil
	}
	f := n.named[0]
	n.named = n.named[1:]
	e, there := f.Entry, f.OK
	if n.have && n.cur.ID == f.ID {
		e, there = n.cur, !n.cur.Removed
		n.have = false
	}
	if !there {
		e = diff.Entry{ID: f.ID, Absent: true}
	}
	e.Named = true
	return e, diff.Place{}, nil
}
