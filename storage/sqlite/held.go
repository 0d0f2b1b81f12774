package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
	"feedmill/storage/records"
)

const (
	sqlInsertHeld = `INSERT INTO held_generation (merchant_id, kind, feed_key, run_id, held, doc) VALUES (?, ?, ?, ?, ?, ?)`
	sqlHoldBlob   = `INSERT INTO held_blob (merchant_id, kind, feed_key, blob_key) VALUES (?, ?, ?, ?)
		ON CONFLICT (merchant_id, blob_key, kind, feed_key) DO NOTHING`
)

// Hold implements [publish.Ledger].
func (d *DB) Hold(ctx context.Context, run publish.Run, held []publish.Held) error {
	return d.write(ctx, "hold generations", func(ctx context.Context, t *tx) error {
		if err := t.Fence(ctx, run); err != nil {
			return err
		}
		for i := range held {
			if err := t.hold(ctx, run, &held[i]); err != nil {
				return about(&held[i].Generation, err)
			}
		}
		return t.EndRun(ctx, run, "held")
	})
}

func (t *tx) hold(ctx context.Context, run publish.Run, h *publish.Held) error {
	g := &h.Generation
	if g.Feed.Merchant != run.Merchant {
		return feed.Errorf(feed.KindInvalid, "a run of merchant %.40q holds one of %.40q", run.Merchant, g.Feed.Merchant)
	}
	if err := records.CheckFeed(g.Feed); err != nil {
		return err
	}
	named := *h
	named.Reason.Feed = g.Feed
	doc, err := json.Marshal(named)
	if err != nil {
		return err
	}
	kind := g.Feed.Kind.String()
	if err := t.DropHeld(ctx, g.Feed); err != nil {
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

// ReleaseHeld makes all generations current that one run has held, in one step:
// they come from one snapshot and may name each other's products. It fails with
// KindConflict, and a hint, when one of their feeds has moved on since, and with
// KindNotFound when nothing of that run is held.
func (d *DB) ReleaseHeld(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, runID string) (list []publish.HeldRecord, err error) {
	err = d.write(ctx, "release held generations", func(ctx context.Context, t *tx) error {
		if list, err = t.TakeHeld(ctx, merchant, runID); err != nil {
			return err
		}
		for i := range list {
			g := &list[i].Generation
			var epoch, current, logical int64
			if _, err := t.one(ctx, sqlPointer, []any{merchant, g.Feed.Kind.String(), g.Feed.Key}, &epoch, &current, &logical); err != nil {
				return err
			}
			if current != g.Base || epoch > g.Epoch || records.Micros(g.Time) <= logical || records.Micros(g.Expires) <= t.now {
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
		if err := t.ArriveReleased(ctx, merchant, list); err != nil {
			return err
		}
		t.Count(merchant, partner.Version{Pointers: int64(len(list))})
		return t.EndHeld(ctx, actor, merchant, runID, "feed.held.release", list)
	})
	return list, err
}
