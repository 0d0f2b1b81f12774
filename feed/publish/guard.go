package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"feedmill/feed"
)

// HeldBecause is why the guard holds a generation.
type HeldBecause string

// The reasons: too many products lost, the first generation has none at all,
// the mean price moved too far, or the other feed of a profile is held, so that
// light names no product that the partner was not given.
const (
	HeldLoss      HeldBecause = "loss"
	HeldEmpty     HeldBecause = "empty"
	HeldPrice     HeldBecause = "price"
	HeldCompanion HeldBecause = "companion"
)

// HeldError says why a generation is held: people decide about it, and the one
// before stays current.
type HeldError struct {
	Feed    FeedRef
	Because HeldBecause
	// Before and Now count the products; Removed are those lost.
	Before, Now    int64
	Removed        int64
	AllowedPercent int
	// MeanBefore and MeanNow are the mean prices of a light feed, gross in minor
	// units of Currency.
	MeanBefore, MeanNow int64
	AllowedPriceMove    int
	Currency            feed.Currency `json:",omitzero"`
	// CurrencyBefore is that of MeanBefore, zero where it is Currency too. Means in
	// two currencies cannot be compared: prices in another one are always held.
	CurrencyBefore feed.Currency `json:",omitzero"`
}

// Error implements error.
func (e *HeldError) Error() string {
	what := ""
	switch e.Because {
	case HeldPrice:
		if b := e.CurrencyBefore; !b.IsZero() {
			what = fmt.Sprintf("the prices of the %s feed would be in %s, no more in %s (the mean was %s %s and would be %s %s)", e.Feed.Kind, e.Currency, b,
				minorText(e.MeanBefore, b), b, minorText(e.MeanNow, e.Currency), e.Currency)
			break
		}
		what = fmt.Sprintf("the mean price of the %s feed would move from %s to %s %s (more than %d %%)", e.Feed.Kind,
			minorText(e.MeanBefore, e.Currency), minorText(e.MeanNow, e.Currency), e.Currency, e.AllowedPriceMove)
	case HeldEmpty:
		return fmt.Sprintf("the %s feed would start without any product: it is held, and nothing is published", e.Feed.Kind)
	case HeldCompanion:
		return fmt.Sprintf("the %s feed waits for the other feed of its profile, which is held", e.Feed.Kind)
	default:
		what = fmt.Sprintf("the %s feed would lose %d of its %d products (more than %d %%)", e.Feed.Kind, e.Removed, e.Before, e.AllowedPercent)
	}
	return what + ": it is held, and what was published before stays"
}

func minorText(minor int64, c feed.Currency) string {
	a, err := feed.AmountOf(minor)
	if err != nil {
		return fmt.Sprint(minor)
	}
	return a.Text(c)
}

const (
	// minLoss is the number of products whose loss is never held, unless it is
	// all, and with fewer of which prices may do what they like.
	minLoss = 20
	// heldAgain is how old a held generation must be before one with more recent
	// content replaces it: each costs the storing of whole files.
	heldAgain = 30 * time.Minute
)

// lost counts the products that have gone. A new epoch has no state to compare
// with, so that it knows only how many there were: at least as many are lost as
// there are fewer.
func (p *plan) lost() int64 {
	if p.fresh && p.hasPrev {
		return max(p.removed, p.prev.Products-p.live)
	}
	return p.removed
}

// guard says whether what is new goes too far.
func (p *plan) guard(s *Settings) *HeldError {
	h := p.newHeld("", s)
	if !p.hasPrev && p.live == 0 && s.MaxLoss < 100 {
		// A partner who comes from another supplier, or whose rules have been changed,
		// would empty his shop.
		h.Because = HeldEmpty
		return h
	}
	if !p.hasPrev || p.prev.Products == 0 {
		return nil
	}
	if s.MaxLoss < 100 && (p.live == 0 || p.lost() >= minLoss && p.lost()*100 > p.prev.Products*int64(s.MaxLoss)) {
		h.Because = HeldLoss
		return h
	}
	if s.MaxPriceMove >= 0 && p.prev.PriceCount >= minLoss && p.priceCount >= minLoss {
		move := max(h.MeanNow-h.MeanBefore, h.MeanBefore-h.MeanNow)
		// In floating point, because sums of large prices times a hundred are too large.
		if !h.CurrencyBefore.IsZero() || float64(move)*100 > float64(h.MeanBefore)*float64(s.MaxPriceMove) {
			h.Because = HeldPrice
			return h
		}
	}
	return nil
}

func (p *plan) newHeld(because HeldBecause, s *Settings) *HeldError {
	h := &HeldError{Feed: p.ref, Because: because, Before: p.prev.Products, Now: p.live, Removed: p.lost(),
		AllowedPercent: s.MaxLoss, AllowedPriceMove: s.MaxPriceMove, Currency: p.view.profile.Currency}
	if p.prev.PriceCount > 0 {
		h.MeanBefore = p.prev.PriceSum / p.prev.PriceCount
		if p.prev.Currency != h.Currency {
			h.CurrencyBefore = p.prev.Currency
		}
	}
	if p.priceCount > 0 {
		h.MeanNow = p.priceSum / p.priceCount
	}
	return h
}

// loadHeld reads what is held of the feed already. Where nothing has changed
// since, and nobody has changed the bounds, it is left as it is.
func (p *plan) loadHeld(ctx context.Context, r *runner) (err error) {
	holds, ok := r.ledger.(Holds)
	if !ok {
		return nil
	}
	if p.held, p.hasHeld, err = holds.HeldGeneration(ctx, p.ref); err != nil {
		return fmt.Errorf("read what is held: %w", err)
	}
	s, h := &r.req.Settings, &p.held
	// One that was made from an older generation can be released no more.
	p.hasHeld = p.hasHeld && h.Generation.Base == p.prev.Number
	// Where nothing is current, nothing else shows that the held one grows old, or
	// that history was lost since.
	p.hasHeld = p.hasHeld && (p.hasPrev || p.time.Before(h.Generation.Expires.Add(-s.Validity/2)) && h.Generation.Epoch >= p.epoch)
	same := h.Reason.AllowedPercent == s.MaxLoss && h.Reason.AllowedPriceMove == s.MaxPriceMove
	// What is held of the new epoch that the feed has to start is as good as another.
	made := !p.fresh || h.Generation.Epoch >= p.epoch && h.Generation.Currency == p.view.profile.Currency
	p.idle = p.hasHeld && same && !p.renewal && made && r.req.Catalog.Head > 0 && h.Generation.Cursor == r.req.Catalog.Head
	if p.idle {
		reason := h.Reason
		p.heldNow, p.live = &reason, p.prev.Products
	}
	return nil
}

// wake has those looked at again that were held for the sake of another feed, as
// far as that one is held no longer: people have decided about it, or nobody wants
// it any more, and nothing else might change for days.
func (ps *plans) wake(ctx context.Context, r *runner) error {
	stays := map[*plan]bool{}
	for _, p := range ps.all {
		stays[p] = p.idle && p.heldNow.Because != HeldCompanion
	}
	for again := true; again; {
		again = false
		for _, pair := range ps.pairs {
			for i, p := range pair {
				if p.idle && !stays[p] && stays[pair[1-i]] {
					stays[p], again = true, true
				}
			}
		}
	}
	for _, p := range ps.all {
		if !p.idle || stays[p] {
			continue
		}
		p.idle, p.heldNow, p.live = false, nil, 0
		if !p.hasPrev {
			continue // it is compared as a whole
		}
		if err := p.loadHint(ctx, r); err != nil {
			return &planError{p, err}
		}
	}
	return nil
}

// hold asks the guard about everything that is to be published. With one feed
// of a profile the other is held.
func (ps *plans) hold(s *Settings) {
	for _, p := range ps.all {
		if p.publishes() {
			p.heldNow = p.guard(s)
		}
	}
	for again := true; again; {
		again = false
		for _, pair := range ps.pairs {
			for i, p := range pair {
				if pair[1-i].heldNow != nil && p.heldNow == nil && p.publishes() {
					p.heldNow, again = p.newHeld(HeldCompanion, s), true
				}
			}
		}
	}
}

// publishes says whether the plan has something new that is due.
func (p *plan) publishes() bool { return p.due && !p.wait && !p.idle }

// renewed gives the generation before once more with a new end of validity:
// what people have not decided about must not let the good one expire.
func (p *plan) renewed(r *runner) Generation {
	g := p.prev
	g.Number, g.Base = p.number, p.prev.Number
	g.Time, g.Told, g.Expires = p.time, p.told(r.req), p.time.Add(r.req.Settings.Validity)
	return g
}

// ReleaseHeld publishes held generations, all of them or none: those of the
// feeds of one profile belong together. It fails with KindConflict when
// something else has been published meanwhile, and publishes nothing; a new
// run then shows whether what is held is still right.
func ReleaseHeld(ctx context.Context, ledger Ledger, merchant, runID string, held []Held) error {
	if len(held) == 0 {
		return nil
	}
	run, err := ledger.Begin(ctx, merchant, runID, 1)
	if err != nil {
		return fmt.Errorf("take the lease: %w", err)
	}
	stale := func(h *Held) error {
		return &feed.Error{Kind: feed.KindConflict, Message: fmt.Sprintf("the held generation %d of the %s feed was made from one that is current no more", h.Generation.Number, h.Generation.Feed.Kind),
			Hint: "publish again, then look at what is held now"}
	}
	gens := make([]Generation, len(held))
	for i := range held {
		gens[i] = held[i].Generation
		cur, _, cerr := ledger.Current(ctx, gens[i].Feed)
		if cerr != nil {
			err = fmt.Errorf("read the current generation: %w", cerr)
		} else if cur.Number != gens[i].Base {
			err = stale(&held[i])
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		if err = ledger.Commit(ctx, run, gens, nil); err == nil {
			return nil
		}
		if errors.Is(err, ErrLost) {
			err = stale(&held[0])
		}
	}
	if leases, ok := ledger.(Leases); ok {
		err = errors.Join(err, leases.Release(ctx, run))
	}
	return err
}
