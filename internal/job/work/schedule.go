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
	return w.due(ctx, "renewal", false, func(c *current, _ *time.Location) bool {
		if until.Before(c.expires.Add(-w.opt.Validity/2)) || until.Sub(c.asked) < askAgain {
			return false
		}
		c.asked = until
		return true
	})
}

// dueFull gives runs for the merchants whose hour has come since their full file
// was made, where change files have been published since.
func (w *Work) dueFull(ctx context.Context, _, until time.Time) ([]job.Args, error) {
	return w.due(ctx, "hour", true, func(c *current, zone *time.Location) bool {
		if !c.changed || !c.full.Before(lastHour(until, zone, w.opt.FullAt)) || until.Sub(c.askedFull) < askAgain {
			return false
		}
		c.askedFull = until
		return true
	})
}

// due gives a run for each merchant with a feed for which is says so.
func (w *Work) due(ctx context.Context, cause string, full bool, is func(*current, *time.Location) bool) ([]job.Args, error) {
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
		if is(&c, zone) {
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
	c.full = full.Changed
	for i := range g.Files {
		if f := &g.Files[i]; f.Kind == feed.KindFullChange && f.Generation > full.Generation {
			c.changed = true
		}
	}
	return c
}
