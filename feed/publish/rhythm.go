package publish

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"feedmill/feed"
)

// young says whether the last file of the plan's kind is younger than the
// interval that is set for it.
func (p *plan) young(ctx context.Context, r *runner) (bool, error) {
	if !p.usable() || p.renewal || p.wantFull {
		return false, nil
	}
	last, every := p.prev.Time, r.req.Settings.LightEvery
	if p.ref.Kind == feed.KindFull {
		last, every = time.Time{}, r.req.Settings.ChangeEvery
		for i := range p.prev.Files {
			if f := &p.prev.Files[i]; f.Kind == feed.KindFull || f.Kind == feed.KindFullChange {
				last = later(last, f.Changed)
			}
		}
	}
	age, err := p.age(ctx, r, last, p.prev.Number, every)
	return age >= 0 && age < every, err
}

// slack is how far a clock may be set back before what was made by it counts as
// old: setting it right by seconds is to make nothing anew.
const slack = time.Hour

// age says how long ago a file was made that bears the given time and came with
// the generation of that number; less than nothing when that was by a clock which
// was set back since. Where the time is ahead of the clock and the ledger notes no
// moments, it counts as it stands up to within, and as old beyond.
func (p *plan) age(ctx context.Context, r *runner, told time.Time, number int64, within time.Duration) (time.Duration, error) {
	ahead := told.Sub(r.req.Now)
	m, ok := r.ledger.(Moments)
	switch {
	case ahead <= 0 || !ok && ahead < within:
		return p.time.Sub(told), nil
	case !ok:
		return math.MaxInt64, nil
	}
	// The clock was set back, and labels stand still until it has caught up with
	// them, which may take years. The intervals go by the clock as it stands.
	at, err := m.Published(ctx, p.ref, number)
	if err != nil {
		return 0, fmt.Errorf("read when generation %d was published: %w", number, err)
	}
	return r.req.Now.Sub(at), nil
}

// decide says for each plan whether anything is new, whether that waits for
// its hour, and whether it is held.
func (r *runner) decide(ctx context.Context) error {
	for _, p := range r.plans.all {
		if p.idle {
			continue
		}
		p.due = !p.hasPrev || p.fresh || p.renewal || p.refull || p.differs()
		if p.ref.Kind == feed.KindFull {
			if err := p.dictionaries(ctx, r); err != nil {
				return err
			}
			p.due = p.due || p.dictsChanged
		}
		// What hints have missed must not be lost for waiting, and light, which has
		// another pace, must not name sizes that no other file has.
		if p.due && p.missed == 0 && !p.sizesChanged {
			var err error
			if p.wait, err = p.young(ctx, r); err != nil {
				return err
			}
		}
	}
	// Change and light name the same products and sizes: one that adds or removes
	// some takes the other along, which has yet to do the same. Where runs went on
	// with one of them alone, as one may be shared with other offers, they differ
	// in what is new to them, and neither waits.
	for again := true; again; {
		again = false
		for _, pair := range r.plans.pairs {
			for i, p := range pair {
				if other := pair[1-i]; p.wait && p.moved != 0 && !other.idle && (other.publishes() || other.moved != p.moved) {
					p.wait, again = false, true
				}
			}
		}
	}
	r.plans.hold(&r.req.Settings)
	return context.Cause(ctx)
}

// finish stages what is to be published and held, and fills the report.
func (r *runner) finish() error {
	for _, p := range r.plans.all {
		rep := p.report()
		switch {
		case p.idle:
		case p.heldNow != nil && p.expiring && p.hasPrev && !p.lostHistory:
			// What is new takes the next run, which finds it again.
			rep.Generation = p.renewed(r)
			r.gens = append(r.gens, rep.Generation)
		case p.heldNow != nil && p.hasHeld && p.time.Sub(p.held.Generation.Time) < heldAgain && p.held.Reason.Because == p.heldNow.Because:
			// It stays as it is held.
		case p.heldNow != nil:
			g, err := p.build(r)
			if err != nil {
				return err
			}
			r.held = append(r.held, Held{Generation: g, Reason: *p.heldNow})
		case p.publishes():
			g, err := p.build(r)
			if err != nil {
				return err
			}
			r.gens = append(r.gens, g)
			rep.Generation, rep.Published = g, true
			if f := g.File(feed.KindFull); f != nil {
				rep.Full = f.Generation == g.Number
			}
			r.cursors[p.ref] = Cursor{Event: g.Cursor, Compared: g.Compared}
		case p.wait:
			rep.Waiting = true
			if p.whole && p.hasPrev {
				r.cursors[p.ref] = Cursor{Event: p.prev.Cursor, Compared: p.compared(r)}
			}
		default:
			c := Cursor{Event: r.req.Catalog.Head}
			if p.whole {
				c.Compared = p.compared(r)
			}
			if p.hasHeld || c.Event != p.prev.Cursor || !c.Compared.IsZero() {
				r.cursors[p.ref] = c
			}
		}
		r.report.Feeds = append(r.report.Feeds, rep)
	}
	if r.req.Catalog.Changes == nil && len(r.gens) == 0 && len(r.held) == 0 {
		clear(r.cursors) // nobody asks for them
	}
	return nil
}

// compared is when the feed was compared as a whole by this run.
func (p *plan) compared(r *runner) time.Time { return r.req.Now.UTC().Truncate(time.Second) }

// discardUnused removes the dictionaries that were staged for nothing.
func (r *runner) discardUnused() error {
	used := map[string]bool{}
	note := func(g *Generation) {
		for b := range g.Blobs() {
			used[b.Key] = true
		}
	}
	for i := range r.gens {
		note(&r.gens[i])
	}
	for i := range r.held {
		note(&r.held[i].Generation)
	}
	all := r.uploads
	r.uploads = nil
	var kept []*upload
	var errs []error
	for _, u := range all {
		if used[u.blob.Key] {
			kept = append(kept, u)
			continue
		}
		r.uploads = []*upload{u}
		errs = append(errs, r.drop(0))
	}
	r.uploads = kept
	return errors.Join(errs...)
}
