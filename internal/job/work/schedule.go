package work

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/job"
	"feedmill/internal/partner"
)

// hourGrain is how exactly a merchant's hour is kept.
const hourGrain = 5 * time.Minute

// Schedules gives what makes jobs due: changes every PublishEvery, full files at
// the merchants' hour, renewals before half of a validity has passed, sweeps every
// SweepEvery, and leftovers and orphans once a day.
func (w *Work) Schedules() []job.Schedule {
	list := []job.Schedule{
		{Name: "sweeps", Every: w.opt.SweepEvery, Jobs: w.dueSweeps},
		// What these look for is a day old at least, and they may look at every file.
		{Name: "leftovers", Every: 24 * time.Hour, Jobs: func(context.Context, time.Time, time.Time) ([]job.Args, error) {
			return []job.Args{Sweep{}}, nil
		}},
		{Name: "orphans", Every: 24 * time.Hour, Jobs: w.dueOrphans},
	}
	if w.opt.Accounts != nil {
		list = append(list, job.Schedule{Name: "accounts", Every: w.opt.SweepEvery, Jobs: w.dueTends(false)},
			job.Schedule{Name: "audit_heads", Every: 24 * time.Hour, Jobs: w.dueTends(true)})
	}
	if w.opt.PublishEvery < 0 {
		return list
	}
	list = append(list,
		job.Schedule{Name: "changes", Every: w.opt.PublishEvery, Jobs: w.dueChanges},
		job.Schedule{Name: "renewals", Every: time.Hour, Jobs: w.dueRenewals})
	if w.opt.FullAt >= 0 {
		list = append(list, job.Schedule{Name: "full_files", Every: hourGrain, Jobs: w.dueFull})
	}
	return list
}

// dueChanges gives runs for the merchants with changes that no run has dealt with.
func (w *Work) dueChanges(ctx context.Context, _, _ time.Time) (list []job.Args, err error) {
	merchants, err := w.opt.Records.Unsettled(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for changes: %w", err)
	}
	for _, m := range merchants {
		list = append(list, Publish{Merchant: m, Cause: "changes"})
	}
	return list, nil
}

// dueOrphans gives a look through the store for every merchant.
func (w *Work) dueOrphans(ctx context.Context, _, _ time.Time) ([]job.Args, error) {
	merchants, err := w.opt.Records.Merchants(ctx)
	if err != nil {
		return nil, fmt.Errorf("list merchants: %w", err)
	}
	var list []job.Args
	for i := range merchants {
		list = append(list, SweepOrphans{Merchant: merchants[i].ID})
	}
	return list, nil
}

// dueSweeps gives a sweep for every merchant.
func (w *Work) dueSweeps(ctx context.Context, _, _ time.Time) ([]job.Args, error) {
	merchants, err := w.opt.Records.Merchants(ctx)
	if err != nil {
		return nil, fmt.Errorf("list merchants: %w", err)
	}
	var list []job.Args
	for i := range merchants {
		list = append(list, Sweep{Merchant: merchants[i].ID})
	}
	return list, nil
}

// dueRenewals gives runs for the merchants who have a generation of which half
// the validity has passed.
func (w *Work) dueRenewals(ctx context.Context, _, until time.Time) ([]job.Args, error) {
	return w.due(ctx, "renewal", false, func(_ publish.FeedRef, c *current, _ *time.Location) (bool, error) {
		if until.Before(c.expires.Add(-w.opt.Validity/2)) || lately(c.asked, until) {
			return false, nil
		}
		c.asked = until
		return true, nil
	})
}

// dueFull gives runs for the merchants whose hour has come since their full file
// was made, where change files have been published since.
func (w *Work) dueFull(ctx context.Context, _, until time.Time) ([]job.Args, error) {
	return w.due(ctx, "hour", true, func(ref publish.FeedRef, c *current, zone *time.Location) (bool, error) {
		if !c.changed || lately(c.askedFull, until) {
			return false, nil
		}
		made, err := w.madeFull(ctx, ref, c, until)
		if err != nil || !made.Before(lastHour(until, zone, w.opt.FullAt)) {
			return false, err
		}
		c.askedFull = until
		return true, nil
	})
}

// lately says whether a run was asked for not long before until. What was asked
// later was asked before the clock was set back.
func lately(asked, until time.Time) bool {
	d := until.Sub(asked)
	return d >= 0 && d < askAgain
}

// madeFull gives when a feed's full file was made. Its own time runs ahead of the
// clock after that was set back, and after the merchant has moved his zone
// westwards: then the records tell by the clock as it stood. Of what was made
// before the clock was set back nothing tells; it counts as made long ago.
func (w *Work) madeFull(ctx context.Context, ref publish.FeedRef, c *current, until time.Time) (time.Time, error) {
	soon := until.Add(hourGrain) // the slot's end
	m, ok := w.opt.Records.(publish.Moments)
	if !ok || c.full.Before(soon) {
		return c.full, nil
	}
	at, err := m.Published(ctx, ref, c.fullNumber)
	if err != nil {
		return at, fmt.Errorf("read when generation %d was published: %w", c.fullNumber, err)
	}
	if at.After(soon.Add(clockSlack)) {
		at = time.Time{}
	}
	return at, nil
}

// due gives a run for each merchant with a feed for which is says so.
func (w *Work) due(ctx context.Context, cause string, full bool, is func(publish.FeedRef, *current, *time.Location) (bool, error)) ([]job.Args, error) {
	merchants, err := w.opt.Records.Merchants(ctx)
	if err != nil {
		return nil, fmt.Errorf("list merchants: %w", err)
	}
	zones := map[partner.MerchantID]*time.Location{}
	for i := range merchants {
		zones[merchants[i].ID] = merchants[i].Zone()
	}
	w.plan.mu.Lock()
	defer w.plan.mu.Unlock()
	if err := w.plan.refresh(ctx, w.opt.Records); err != nil {
		return nil, err
	}
	found := map[partner.MerchantID]bool{}
	for ref, c := range w.plan.known {
		id := partner.MerchantID(ref.Merchant)
		zone := zones[id]
		if zone == nil {
			delete(w.plan.known, ref)
			continue
		}
		yes, err := is(ref, &c, zone)
		if err != nil {
			return nil, err
		}
		if yes {
			found[id] = true
			w.plan.known[ref] = c
		}
	}
	var list []job.Args
	for _, id := range slices.Sorted(maps.Keys(found)) {
		list = append(list, Publish{Merchant: id, Full: full, Cause: cause})
	}
	return list, nil
}

// lastHour gives the latest moment at or before now at which it was that time of
// day in the zone.
func lastHour(now time.Time, zone *time.Location, at time.Duration) time.Time {
	y, m, d := now.In(zone).Date()
	t := time.Date(y, m, d, 0, 0, 0, 0, zone).Add(at % (24 * time.Hour))
	if t.After(now) {
		t = t.Add(-24 * time.Hour) // zones of merchants are fixed offsets
	}
	return t
}

// summary gives what schedules need to know of a generation.
func summary(g *publish.Generation) current {
	c := current{number: g.Number, expires: g.Expires}
	full := g.File(feed.KindFull)
	if g.Feed.Kind != feed.KindFull || full == nil {
		return c
	}
	c.full, c.fullNumber = full.Changed, full.Generation
	for i := range g.Files {
		if f := &g.Files[i]; f.Kind == feed.KindFullChange && f.Generation > full.Generation {
			c.changed = true
		}
	}
	return c
}
