package work

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"feedmill/internal/crash"
	"feedmill/internal/job"
	"feedmill/internal/partner"
	"feedmill/storage"
)

// How many orphans of a merchant a round deletes at most, so that a mistake
// shows before all is gone: a share of the blobs, within bounds.
const (
	orphanShare = 20 // one in
	orphanLeast = 10
	orphanMost  = 1000
)

// markersKept is how many high-water markers of a merchant's feed stay: the
// newest alone decides, the others are for people.
const markersKept = 16

// orphanNames is how many keys of a sort a report names.
const orphanNames = 10

// Orphans tells what a look through the store has found.
type Orphans struct {
	Merchant partner.MerchantID `json:"merchant"`
	// Objects counts what is stored.
	Objects int64 `json:"objects"`
	// Left are uploads of runs that have ended, which nothing will ever name, found
	// so by an earlier look too; Deleted is how many of them are gone, at most
	// Limit in one look. Fresh are those that are seen left over for the first time.
	Left    Keys  `json:"left"`
	Fresh   Keys  `json:"fresh"`
	Deleted int64 `json:"deleted"`
	Limit   int64 `json:"limit"`
	// Unknown are files that no record knows, as after the records were restored
	// from an older copy; Foreign keys that feedmill does not build. Neither is
	// ever deleted.
	Unknown Keys `json:"unknown"`
	Foreign Keys `json:"foreign"`
	// Markers counts high-water markers that were of no use any more, and deleted.
	Markers int64 `json:"markers"`
}

// Keys counts keys and names the first few.
type Keys struct {
	Count    int64    `json:"count"`
	Examples []string `json:"examples,omitempty"`
}

func (k *Keys) add(keys ...string) {
	k.Count += int64(len(keys))
	for _, key := range keys {
		if len(k.Examples) < orphanNames {
			k.Examples = append(k.Examples, key)
		}
	}
}

// sweepOrphans is the job.
func (w *Work) sweepOrphans(ctx context.Context, s SweepOrphans) error {
	if err := w.clock.check(w.opt.Now().UTC()); err != nil {
		return job.Permanent(err)
	}
	o, err := w.Orphans(ctx, s.Merchant, false)
	if o.Deleted+o.Markers+o.Left.Count+o.Fresh.Count > 0 {
		w.opt.Log.Info("looked for what runs have left", "merchant", string(s.Merchant), "objects", o.Objects,
			"left", o.Left.Count, "fresh", o.Fresh.Count, "deleted", o.Deleted, "limit", o.Limit, "markers", o.Markers)
	}
	if o.Unknown.Count+o.Foreign.Count > 0 {
		w.opt.Log.Warn("the store has files that no record knows; they stay", "merchant", string(s.Merchant),
			"unknown", o.Unknown.Count, "foreign", o.Foreign.Count, "such as", strings.Join(append(o.Unknown.Examples, o.Foreign.Examples...), " "))
	}
	return err
}

// Orphans looks through everything that is stored for a merchant. A dry look
// deletes nothing, and counts for nothing.
func (w *Work) Orphans(ctx context.Context, merchant partner.MerchantID, dry bool) (o Orphans, err error) {
	o.Merchant = merchant
	blobs, err := w.opt.Uploads.CountBlobs(ctx, merchant)
	if err != nil {
		return o, fmt.Errorf("count blobs: %w", err)
	}
	o.Limit = min(max(blobs/orphanShare, orphanLeast), orphanMost)
	prefix, err := storage.MerchantPrefix(string(merchant))
	if err != nil {
		return o, err
	}
	l := &orphanLook{w: w, o: &o, dry: dry, markers: map[string][]string{}}
	for info, err := range w.opt.Store.List(ctx, prefix) {
		if err != nil {
			return o, fmt.Errorf("list what is stored: %w", err)
		}
		if err := l.see(ctx, info.Key); err != nil {
			return o, err
		}
	}
	if err := l.judge(ctx); err != nil {
		return o, err
	}
	return o, errors.Join(l.errs...)
}

// orphanLook is one look under way.
type orphanLook struct {
	w       *Work
	o       *Orphans
	dry     bool
	keys    []string            // of blobs, not judged yet
	markers map[string][]string // by feed, the newest last
	refused int                 // deletions, in a row
	errs    []error
}

func (l *orphanLook) see(ctx context.Context, key string) error {
	l.o.Objects++
	if _, err := storage.ParseBlob(key); err == nil {
		l.keys = append(l.keys, key)
		if len(l.keys) < sweepRound {
			return nil
		}
		return l.judge(ctx)
	}
	m, err := storage.ParseMarker(key)
	if err != nil {
		l.o.Foreign.add(key)
		return nil
	}
	// Keys come in the order of their numbers.
	l.markers[m.Feed] = append(l.markers[m.Feed], key)
	if list := l.markers[m.Feed]; len(list) > markersKept {
		l.markers[m.Feed] = list[1:]
		gone, err := l.delete(ctx, list[0])
		if gone {
			l.o.Markers++
		}
		return err
	}
	return nil
}

// judge asks the records about the keys collected, and deletes what is left over.
func (l *orphanLook) judge(ctx context.Context) error {
	if len(l.keys) == 0 {
		return nil
	}
	j, err := l.w.opt.Uploads.JudgeKeys(ctx, l.o.Merchant, l.keys, leftover, !l.dry)
	if err != nil {
		return fmt.Errorf("ask the records about what is stored: %w", err)
	}
	l.keys = l.keys[:0]
	l.o.Left.add(j.Left...)
	l.o.Fresh.add(j.Fresh...)
	l.o.Unknown.add(j.Unknown...)
	l.refused = 0 // the store may keep markers and let go of these
	for _, key := range j.Left {
		if l.o.Deleted >= l.o.Limit || l.dry {
			break
		}
		gone, err := l.delete(ctx, key)
		if err != nil {
			return err
		}
		if gone {
			l.o.Deleted++
		}
	}
	return nil
}

// delete deletes an object and then what is recorded of its upload. A few
// refusals are told at the end; after too many in a row the look goes on without
// deleting.
func (l *orphanLook) delete(ctx context.Context, key string) (gone bool, err error) {
	if l.dry {
		return true, nil
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if l.refused == mostRefused {
		return false, nil // it is not the keys
	}
	err = l.w.opt.Store.Delete(ctx, key)
	if err == nil {
		crash.Point("orphans.deleted")
		err = l.w.opt.Uploads.ForgetAttempt(ctx, l.o.Merchant, key)
		crash.Point("orphans.forgotten")
	}
	if err == nil {
		l.refused = 0
		return true, nil
	}
	l.refused++
	if len(l.errs) < mostRefused {
		l.errs = append(l.errs, fmt.Errorf("delete %s: %w", key, err))
	}
	return false, nil
}
