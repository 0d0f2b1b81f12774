package postgres

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
	sqlInsertHeld = `INSERT INTO held_generation (merchant_id, kind, feed_key, run_id, held, doc) VALUES ($1, $2, $3, $4, $5, $6)`
	sqlHoldBlobs  = `INSERT INTO held_blob (merchant_id, kind, feed_key, blob_key) SELECT $1, $2, $3, n.blob_key FROM unnest($4::text[]) AS n (blob_key)
		ON CONFLICT (merchant_id, blob_key, kind, feed_key) DO NOTHING`
)

// Hold implements [publish.Ledger].
func (d *DB) Hold(ctx context.Context, run publish.Run, held []publish.Held) error {
	return d.writeAs(ctx, "hold generations", how{again: true}, func(ctx context.Context, t *tx) error {
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
	now, err := t.Clock(ctx)
	if err != nil {
		return err
	}
	var blobs []*publish.Blob
	var keys []string
	for b := range g.Blobs() {
		blobs, keys = append(blobs, b), append(keys, b.Key)
	}
	kind := g.Feed.Kind.String()
	if err := t.DropHeld(ctx, g.Feed); err != nil {
		return err
	}
	if err := t.keepBlobs(ctx, run.Merchant, blobs, nil); err != nil {
		return err
	}
	if err := t.exec(ctx, sqlInsertHeld, run.Merchant, kind, g.Feed.Key, run.ID, now, string(doc)); err != nil {
		return err
	}
	return t.exec(ctx, sqlHoldBlobs, run.Merchant, kind, g.Feed.Key, keys)
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
		// A run under way would lose against this, and this not see what it does.
		if _, err := t.LockLease(ctx, string(merchant)); err != nil {
			return err
		}
		now, err := t.Clock(ctx)
		if err != nil {
			return err
		}
		order := make([]*publish.Generation, len(list))
		for i := range list {
			order[i] = &list[i].Generation
		}
		at := make([]pointer, len(order))
		for i, g := range order {
			if at[i], err = t.lockFeed(ctx, g); err != nil {
				return err
			}
			if at[i].current != g.Base || at[i].epoch > g.Epoch || records.Micros(g.Time) <= at[i].logical || records.Micros(g.Expires) <= now {
				return &feed.Error{Kind: feed.KindConflict, Message: fmt.Sprintf("the %s feed has moved on since run %s, so that its generation cannot be released", g.Feed.Kind, runID),
					Hint: "publish again: what is refused then can be released"}
			}
		}
		for i, g := range order {
			if err := t.publish(ctx, runID, g, at[i], publish.Cursor{Event: g.Cursor, Compared: g.Compared}); err != nil {
				return about(g, err)
			}
		}
		if err := t.ArriveReleased(ctx, merchant, list); err != nil {
			return err
		}
		return t.EndHeld(ctx, actor, merchant, runID, "feed.held.release", list)
	})
	return list, err
}
