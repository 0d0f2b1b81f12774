package work

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"feedmill/feed/publish"
	"feedmill/internal/crash"
	"feedmill/internal/job"
	"feedmill/storage"
)

const (
	// grace lies between the decision that a blob may go and its deletion.
	grace = 24 * time.Hour
	// leftover is how old what an interrupted step has left behind must be.
	leftover = 24 * time.Hour
	// sweepRound is how many blobs are decided on at once.
	sweepRound = 1000
	// mostRefused is how many deletions in a row may fail, mostKept how many may be
	// answered at once with a no that is meant for good.
	mostRefused = 10
	mostKept    = 100
	// clockSlack is how much a clock may gain between two looks at it.
	clockSlack = time.Hour
)

// uploads and temporary files that stores keep of interrupted work. Counters say
// what the sweepers would remove.
type (
	uploadSweeper interface {
		SweepUploads(ctx context.Context, olderThan time.Duration) (int, error)
	}
	uploadCounter interface {
		CountStaleUploads(ctx context.Context, olderThan time.Duration) (int, error)
	}
	fileSweeper interface {
		Sweep(ctx context.Context, olderThan time.Duration) (int, error)
	}
	fileCounter interface {
		CountLitter(ctx context.Context, olderThan time.Duration) (int, error)
	}
)

// Leftovers counts what interrupted uploads have left in the store, of all
// merchants, and what was removed for being a day old.
type Leftovers struct {
	// Uploads in parts were never finished; the store keeps their parts and shows
	// them nowhere.
	Uploads int `json:"uploads"`
	// Files were under way.
	Files int `json:"files"`
}

// Leftovers removes what interrupted uploads have left in the store; a dry look
// only counts it.
func (w *Work) Leftovers(ctx context.Context, dry bool) (l Leftovers, err error) {
	var uploads, files func(context.Context, time.Duration) (int, error)
	if dry {
		if u, ok := w.opt.Store.(uploadCounter); ok {
			uploads = u.CountStaleUploads
		}
		if f, ok := w.opt.Store.(fileCounter); ok {
			files = f.CountLitter
		}
	} else {
		if u, ok := w.opt.Store.(uploadSweeper); ok {
			uploads = u.SweepUploads
		}
		if f, ok := w.opt.Store.(fileSweeper); ok {
			files = f.Sweep
		}
	}
	var errs [2]error
	if uploads != nil {
		l.Uploads, errs[0] = uploads(ctx, leftover)
	}
	if files != nil {
		l.Files, errs[1] = files(ctx, leftover)
	}
	return l, errors.Join(errs[:]...)
}

// sweep removes a merchant's blobs, or the leftovers of the house.
func (w *Work) sweep(ctx context.Context, s Sweep) error {
	now := w.opt.Now().UTC()
	if err := w.checkClock(ctx, now); err != nil {
		return err
	}
	if s.Merchant == "" {
		return w.sweepHouse(ctx, now)
	}
	if err := w.opt.Garbage.ObserveCondemned(ctx, s.Merchant); err != nil {
		return fmt.Errorf("look at what is condemned: %w", err)
	}
	crash.Point("sweep.observed")
	retired, err := w.opt.History.RetireFeeds(ctx, s.Merchant)
	if err != nil {
		return fmt.Errorf("retire feeds that no offer uses: %w", err)
	}
	crash.Point("sweep.retired")
	condemned, deleted := int64(0), 0
	var storeErr error
	for deleted < w.opt.SweepLimit {
		n, err := w.opt.Garbage.CondemnBlobs(ctx, s.Merchant, sweepRound)
		if err != nil {
			return fmt.Errorf("find blobs that nobody needs: %w", err)
		}
		crash.Point("sweep.condemned")
		condemned += n
		d, more, err := w.deleteBlobs(ctx, s, min(sweepRound, w.opt.SweepLimit-deleted))
		deleted += d
		if storeErr == nil {
			storeErr = err
		}
		if !more && (n < sweepRound || err != nil) {
			break
		}
	}
	// Records of what was there go after the bytes, those of what a store does not
	// let go of stay, and neither holds up the others.
	pruned, err := w.opt.History.PruneHistory(ctx, s.Merchant)
	if err != nil {
		return errors.Join(storeErr, fmt.Errorf("forget what is gone: %w", err))
	}
	crash.Point("sweep.pruned")
	if err := w.opt.History.PruneRuns(ctx, s.Merchant); err != nil {
		return errors.Join(storeErr, fmt.Errorf("forget runs of long ago: %w", err))
	}
	events, err := w.opt.History.TrimEvents(ctx, s.Merchant)
	if err != nil {
		return errors.Join(storeErr, fmt.Errorf("trim the log of changes: %w", err))
	}
	if retired > 0 || condemned > 0 || deleted > 0 || events > 0 {
		w.opt.Log.Info("swept", "merchant", string(s.Merchant), "feeds", retired, "condemned", condemned, "deleted", deleted, "generations", pruned, "events", events)
	}
	return storeErr
}

// deleteBlobs deletes what was condemned long enough ago, and says whether it is
// worth while to go on with more. The database knows before the store does: what is
// being deleted cannot come back to life.
func (w *Work) deleteBlobs(ctx context.Context, s Sweep, limit int) (deleted int, more bool, err error) {
	blobs, err := w.opt.Garbage.DeletingBlobs(ctx, s.Merchant, grace, limit)
	if err != nil {
		return 0, false, fmt.Errorf("decide on blobs to delete: %w", err)
	}
	crash.Point("sweep.deleting")
	var errs []error
	refused, kept := 0, 0 // in a row
	for i := range blobs {
		// From both ends by turns: at the beginning are those that the store was not
		// asked for yet, at the end those that it has kept for longest.
		b := &blobs[i/2]
		if i%2 == 1 {
			b = &blobs[len(blobs)-1-i/2]
		}
		if err := ctx.Err(); err != nil {
			return deleted, false, err
		}
		// Without an answer the blob stays on the list, and is deleted again.
		err := w.opt.Store.Delete(ctx, b.Key)
		if err == nil {
			crash.Point("sweep.deleted")
			err = w.opt.Garbage.ForgetBlob(ctx, s.Merchant, b.Key)
			crash.Point("sweep.forgotten")
		}
		if err != nil {
			if len(errs) < mostRefused {
				errs = append(errs, fmt.Errorf("delete blob %s: %w", b.Key, err))
			}
			if ctx.Err() != nil {
				return deleted, false, errors.Join(errs...)
			}
			// What is put off lets others come first next time, however many it is.
			if offErr := w.opt.Garbage.PutOffBlob(ctx, s.Merchant, b.Key); offErr != nil {
				return deleted, false, errors.Join(append(errs, fmt.Errorf("put off a blob: %w", offErr))...)
			}
			if kept++; !storage.IsPermanent(err) {
				refused++
			}
			if refused == mostRefused || kept == mostKept {
				return deleted, false, errors.Join(errs...) // it is not the blobs
			}
			continue
		}
		refused, kept = 0, 0
		deleted++
	}
	return deleted, len(blobs) == limit && deleted > 0, errors.Join(errs...)
}

// SweepImports removes imports that were given up, and says how many.
func (w *Work) SweepImports(ctx context.Context) (int, error) {
	now := w.opt.Now().UTC()
	if err := w.checkClock(ctx, now); err != nil {
		return 0, err
	}
	return w.sweepImports(ctx, now)
}

func (w *Work) sweepImports(ctx context.Context, now time.Time) (int, error) {
	return w.opt.Imports.SweepImports(ctx, now.Add(-leftover))
}

// sweepHouse removes what belongs to no merchant.
func (w *Work) sweepHouse(ctx context.Context, now time.Time) error {
	imports, err := w.sweepImports(ctx, now)
	left, storeErr := w.Leftovers(ctx, false)
	errs := []error{err, storeErr}
	if w.opt.SweepSpool != nil {
		errs = append(errs, w.opt.SweepSpool(now))
	}
	if imports+left.Uploads+left.Files > 0 {
		w.opt.Log.Info("swept leftovers", "imports", imports, "uploads", left.Uploads, "files", left.Files)
	}
	return errors.Join(errs...)
}

// clockGuard keeps a clock that jumps from deleting what was replaced an hour
// ago: time that has not passed makes nothing old.
type clockGuard struct {
	elapsed func() time.Duration

	mu      sync.Mutex
	started bool
	wall    time.Time
	since   time.Duration
	// refuse is until when nothing is swept.
	refuse time.Duration
}

// checkClock refuses what makes things old, or past, for good while this machine's
// clock is wrong: because it has jumped, or is ahead of that of the records.
func (w *Work) checkClock(ctx context.Context, now time.Time) error {
	if err := w.clock.check(now); err != nil {
		return job.Permanent(err)
	}
	c, ok := w.opt.Records.(publish.Clock)
	if !ok {
		return nil
	}
	t, err := c.Time(ctx)
	if err != nil {
		return fmt.Errorf("read the records' clock: %w", err)
	}
	if ahead := now.Sub(t); ahead > clockSlack {
		return job.Permanent(fmt.Errorf("this machine's clock is %s ahead of that of the records (%s): it sweeps nothing and moves no switches until it is set right",
			ahead.Round(time.Minute), t.UTC().Format(time.DateTime)))
	}
	return nil
}

// check compares the clock with one that nobody can set.
func (g *clockGuard) check(now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.elapsed()
	gained := now.Sub(g.wall) - (at - g.since)
	jumped := g.started && gained > clockSlack
	g.started, g.wall, g.since = true, now, at
	if jumped {
		g.refuse = at + clockSlack
	}
	if at < g.refuse {
		return fmt.Errorf("the clock has jumped ahead: nothing is swept, and no switch is written down, for %s", (g.refuse - at).Round(time.Minute))
	}
	return nil
}
