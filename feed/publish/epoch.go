package publish

import (
	"context"
	"fmt"
	"time"

	"feedmill/feed"
)

// Markers is what a [Bin] offers whose files outlive the ledger. Before a run
// moves a pointer it leaves a marker beside the files; a ledger that does not
// know the run of the newest marker has lost history.
type Markers interface {
	// Newest gives the highest marker of a merchant; ok is false when there is none.
	Newest(ctx context.Context, merchant string) (m Mark, ok bool, err error)
	// Mark leaves a marker.
	Mark(ctx context.Context, merchant string, m Mark) error
}

// Mark is what a marker tells: the highest numbers of all that its run and
// those before it have used for the merchant.
type Mark struct {
	// Run is the run's id.
	Run string `json:"run"`
	// Epoch, Number and Time are the highest of all generations.
	Epoch  int64     `json:"epoch"`
	Number int64     `json:"number"`
	Time   time.Time `json:"time"`
	// Lost, when set, is the marker that an unknown run had left. Feeds whose
	// generation is not above it start a new epoch when they are published next.
	Lost *Mark `json:"lost,omitempty"`
}

// mark gives what the marker of a run must tell that publishes gens.
func (r *runner) mark(gens []Generation) Mark {
	m := Mark{Run: r.run.ID, Lost: r.lost}
	for _, before := range []*Mark{r.newest, r.lost} {
		if before != nil {
			m.raise(before.Epoch, before.Number, before.Time)
		}
	}
	for i := range gens {
		m.raise(gens[i].Epoch, gens[i].Number, gens[i].Time)
	}
	return m
}

func (m *Mark) raise(epoch, number int64, at time.Time) {
	m.Epoch, m.Number, m.Time = max(m.Epoch, epoch), max(m.Number, number), later(m.Time, at)
}

// recover compares the newest marker with the ledger, and tells the ledger if
// it has lost history. It is done before numbers are taken, so that they are
// above all that was ever used.
func (r *runner) recover(ctx context.Context) error {
	markers, ok := r.bin.(Markers)
	attempts, known := r.ledger.(Attempts)
	if !ok || !known {
		return nil
	}
	newest, ok, err := markers.Newest(ctx, r.req.Merchant)
	if err != nil {
		return fmt.Errorf("read the newest marker: %w", err)
	}
	if !ok {
		return nil
	}
	r.newest, r.lost = &newest, newest.Lost
	known, err = attempts.Known(ctx, r.req.Merchant, newest.Run)
	if err != nil {
		return fmt.Errorf("ask for the run of the newest marker: %w", err)
	}
	if known {
		return nil
	}
	r.restored = true
	// The markers of a run include those before it, so its loss covers theirs.
	r.lost = &Mark{Run: newest.Run, Epoch: newest.Epoch + 1, Number: newest.Number, Time: newest.Time}
	for _, p := range r.plans.all {
		if err := attempts.NewEpoch(ctx, p.ref, r.lost.Epoch, r.lost.Number, r.lost.Time); err != nil {
			return fmt.Errorf("start a new epoch: %w", err)
		}
	}
	return nil
}

// forgetLost makes a feed start anew whose history was lost.
func (p *plan) forgetLost(lost *Mark, now time.Time) {
	if lost == nil || p.hasPrev && (p.prev.Epoch >= lost.Epoch || p.prev.Number > lost.Number) {
		return
	}
	p.epoch = max(p.epoch, lost.Epoch)
	p.time = later(p.time, feed.NextTime(lost.Time, now))
	if p.hasPrev {
		p.fresh, p.full, p.lostHistory = true, true, true
		p.goWhole("history was lost")
	}
}

// checkClock refuses to publish when the clock is far ahead of both what was
// published and the ledger's own clock: labels from the year 2099 would stay
// the newest for good. A feed that nobody has published for
// long is alone no reason.
func (r *runner) checkClock(ctx context.Context) error {
	const far = 24 * time.Hour
	var last time.Time
	for _, p := range r.plans.all {
		if p.hasPrev {
			last = later(last, p.prev.Time)
		}
	}
	if behind := last.Sub(r.req.Now); behind > far {
		r.behind = behind
	}
	clock, ok := r.ledger.(Clock)
	if !ok || r.req.Now.Sub(last) <= far {
		return nil
	}
	t, err := clock.Time(ctx)
	if err != nil {
		return fmt.Errorf("read the records' clock: %w", err)
	}
	if ahead := r.req.Now.Sub(t); ahead > far {
		return &feed.Error{Kind: feed.KindUnavailable,
			Message: fmt.Sprintf("this machine's clock is %s ahead of that of the records (%s): nothing is published, because files from the future would stay the newest for good",
				ahead.Round(time.Minute), t.UTC().Format(time.DateTime)),
			Hint: "set the clocks of both machines, then publish again"}
	}
	return nil
}
