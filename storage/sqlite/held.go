package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	sqlInsertHeld = `INSERT INTO held_generation (merchant_id, kind, feed_key, run_id, held, doc) VALUES (?, ?, ?, ?, ?, ?)`
	sqlHoldBlob   = `INSERT INTO held_blob (merchant_id, kind, feed_key, blob_key) VALUES (?, ?, ?, ?)
		ON CONFLICT (merchant_id, blob_key, kind, feed_key) DO NOTHING`
	sqlDropHeld = `DELETE FROM held_generation WHERE merchant_id = ? AND kind = ? AND feed_key = ?`
	sqlHeld     = `SELECT run_id, held, doc FROM held_generation WHERE merchant_id = ? ORDER BY held, kind, feed_key`
	sqlHeldOne  = `SELECT run_id, held, doc FROM held_generation WHERE merchant_id = ? AND kind = ? AND feed_key = ?`
	sqlHeldRun  = `SELECT run_id, held, doc FROM held_generation WHERE merchant_id = ? AND run_id = ? ORDER BY kind, feed_key`
	sqlEndHeld  = `DELETE FROM held_generation WHERE merchant_id = ? AND run_id = ?`
)

var _ publish.Holds = (*DB)(nil)

// Hold implements [publish.Ledger].
func (d *DB) Hold(ctx context.Context, run publish.Run, held []publish.Held) error {
	return d.write(ctx, "hold generations", func(ctx context.Context, t *tx) error {
		if err := t.fence(ctx, run); err != nil {
			return err
		}
		for i := range held {
			if err := t.hold(ctx, run, &held[i]); err != nil {
				return about(&held[i].Generation, err)
			}
		}
		return t.endRun(ctx, run, "held")
	})
}

func (t *tx) hold(ctx context.Context, run publish.Run, h *publish.Held) error {
	g := &h.Generation
	if g.Feed.Merchant != run.Merchant {
		return feed.Errorf(feed.KindInvalid, "a run of merchant %.40q holds one of %.40q", run.Merchant, g.Feed.Merchant)
	}
	if err := checkFeed(g.Feed); err != nil {
		return err
	}
	named := *h
	named.Reason.Feed = g.Feed
	doc, err := json.Marshal(named)
	if err != nil {
		return err
	}
	kind := g.Feed.Kind.String()
	if err := t.dropHeld(ctx, g.Feed); err != nil {
		return err
	}
	if err := t.exec(ctx, sqlInsertHeld, run.Merchant, kind, g.Feed.Key, run.ID, t.now, string(doc)); err != nil {
		return err
	}
	for b := range g.Blobs() {
		if err := t.keepBlob(ctx, run.Merchant, b, true); err != nil {
			return err
		}
		if err := t.exec(ctx, sqlHoldBlob, run.Merchant, kind, g.Feed.Key, b.Key); err != nil {
			return err
		}
	}
	return nil
}

// dropHeld forgets what is held of a feed.
func (t *tx) dropHeld(ctx context.Context, f publish.FeedRef) error {
	return t.exec(ctx, sqlDropHeld, f.Merchant, f.Kind.String(), f.Key)
}

// HeldGenerations gives what is held for a merchant to decide about, the oldest
// first.
func (d *DB) HeldGenerations(ctx context.Context, merchant partner.MerchantID) (list []publish.HeldRecord, err error) {
	err = d.read(ctx, "list held generations", func(ctx context.Context, t *tx) error {
		list, err = t.held(ctx, sqlHeld, merchant)
		return err
	})
	return list, err
}

// HeldGeneration implements [publish.Holds].
func (d *DB) HeldGeneration(ctx context.Context, f publish.FeedRef) (h publish.Held, ok bool, err error) {
	err = d.read(ctx, "look for a held generation", func(ctx context.Context, t *tx) error {
		list, err := t.held(ctx, sqlHeldOne, f.Merchant, f.Kind.String(), f.Key)
		if ok = len(list) > 0; ok {
			h = list[0].Held
		}
		return err
	})
	return h, ok, err
}

func (t *tx) held(ctx context.Context, query string, args ...any) (list []publish.HeldRecord, err error) {
	err = t.each(ctx, query, args, func(rows *sql.Rows) error {
		var h publish.HeldRecord
		var at int64
		var doc string
		if err := rows.Scan(&h.Run, &at, &doc); err != nil {
			return err
		}
		h.Since = fromMicros(at)
		if err := json.Unmarshal([]byte(doc), &h.Held); err != nil {
			return fmt.Errorf("record of a held generation of run %s: %w", h.Run, err)
		}
		list = append(list, h)
		return nil
	})
	return list, err
}

// ReleaseHeld makes all generations current that one run has held, in one step:
// they come from one snapshot and may name each other's products. It fails with
// KindConflict, and a hint, when one of their feeds has moved on since, and with
// KindNotFound when nothing of that run is held.
func (d *DB) ReleaseHeld(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, runID string) (list []publish.HeldRecord, err error) {
	err = d.write(ctx, "release held generations", func(ctx context.Context, t *tx) error {
		if list, err = t.takeHeld(ctx, merchant, runID); err != nil {
			return err
		}
		for i := range list {
			g := &list[i].Generation
			var epoch, current, logical int64
			if _, err := t.one(ctx, sqlPointer, []any{merchant, g.Feed.Kind.String(), g.Feed.Key}, &epoch, &current, &logical); err != nil {
				return err
			}
			if current != g.Base || epoch > g.Epoch || micros(g.Time) <= logical || micros(g.Expires) <= t.now {
				return &feed.Error{Kind: feed.KindConflict, Message: fmt.Sprintf("the %s feed has moved on since run %s, so that its generation cannot be released", g.Feed.Kind, runID),
					Hint: "publish again: what is refused then can be released"}
			}
		}
		for i := range list {
			g := &list[i].Generation
			if err := t.publish(ctx, runID, g, publish.Cursor{Event: g.Cursor, Compared: g.Compared}); err != nil {
				return about(g, err)
			}
		}
		t.pointers = true
		return t.endHeld(ctx, actor, merchant, runID, "feed.held.release", list)
	})
	return list, err
}

// DiscardHeld forgets the generations that one run has held. What is current
// stays, and the next run may come to the same.
func (d *DB) DiscardHeld(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, runID string) (list []publish.HeldRecord, err error) {
	err = d.write(ctx, "discard held generations", func(ctx context.Context, t *tx) error {
		if list, err = t.takeHeld(ctx, merchant, runID); err != nil {
			return err
		}
		return t.endHeld(ctx, actor, merchant, runID, "feed.held.discard", list)
	})
	return list, err
}

// takeHeld gives what a run has held.
func (t *tx) takeHeld(ctx context.Context, merchant partner.MerchantID, runID string) ([]publish.HeldRecord, error) {
	list, err := t.held(ctx, sqlHeldRun, merchant, runID)
	if err == nil && len(list) == 0 {
		err = &feed.Error{Kind: feed.KindNotFound, Message: fmt.Sprintf("nothing of run %.64q is held", runID), Hint: "list what is held"}
	}
	return slices.Clip(list), err
}

func (t *tx) endHeld(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, runID, action string, list []publish.HeldRecord) error {
	if err := t.exec(ctx, sqlEndHeld, merchant, runID); err != nil {
		return err
	}
	for i := range list {
		h := &list[i]
		err := t.audit(ctx, actor, merchant, action, h.Generation.Feed.Kind.String()+" "+h.Generation.Feed.Key, nil, facts{
			"run": runID, "generation": h.Generation.Number, "base": h.Generation.Base, "products": h.Generation.Products, "reason": h.Reason.Error()})
		if err != nil {
			return err
		}
	}
	return nil
}
