package records

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	sqlDropHeld     = `DELETE FROM held_generation WHERE merchant_id = $1 AND kind = $2 AND feed_key = $3`
	sqlDropUnwanted = `DELETE FROM held_generation WHERE merchant_id = $1 AND NOT EXISTS (SELECT 1 FROM offer AS o
		WHERE o.merchant_id = held_generation.merchant_id AND CASE held_generation.kind WHEN 'full' THEN o.full_key ELSE o.light_key END = held_generation.feed_key)`
	sqlHeld    = `SELECT run_id, held, doc FROM held_generation WHERE merchant_id = $1 ORDER BY held, kind, feed_key`
	sqlHeldOne = `SELECT run_id, held, doc FROM held_generation WHERE merchant_id = $1 AND kind = $2 AND feed_key = $3`
	sqlHeldRun = `SELECT run_id, held, doc FROM held_generation WHERE merchant_id = $1 AND run_id = $2 ORDER BY kind, feed_key FOR UPDATE`
	sqlEndHeld = `DELETE FROM held_generation WHERE merchant_id = $1 AND run_id = $2`
)

// DropHeld forgets what is held of a feed.
func (t *Tx) DropHeld(ctx context.Context, f publish.FeedRef) error {
	return t.exec(ctx, sqlDropHeld, f.Merchant, f.Kind.String(), f.Key)
}

// HeldGenerations gives what is held for a merchant to decide about, the oldest
// first.
func (d *DB) HeldGenerations(ctx context.Context, merchant partner.MerchantID) (list []publish.HeldRecord, err error) {
	err = d.read(ctx, "list held generations", func(ctx context.Context, t *Tx) error {
		list, err = t.held(ctx, sqlHeld, merchant)
		return err
	})
	return list, err
}

// HeldGeneration implements [publish.Holds].
func (d *DB) HeldGeneration(ctx context.Context, f publish.FeedRef) (h publish.Held, ok bool, err error) {
	err = d.read(ctx, "look for a held generation", func(ctx context.Context, t *Tx) error {
		list, err := t.held(ctx, sqlHeldOne, f.Merchant, f.Kind.String(), f.Key)
		if ok = len(list) > 0; ok {
			h = list[0].Held
		}
		return err
	})
	return h, ok, err
}

func (t *Tx) held(ctx context.Context, query string, args ...any) (list []publish.HeldRecord, err error) {
	err = t.each(ctx, query, args, func(row Row) error {
		var h publish.HeldRecord
		var at int64
		var doc string
		if err := row.Scan(&h.Run, &at, &doc); err != nil {
			return err
		}
		h.Since = FromMicros(at)
		if err := json.Unmarshal([]byte(doc), &h.Held); err != nil {
			return fmt.Errorf("record of a held generation of run %s: %w", h.Run, err)
		}
		list = append(list, h)
		return nil
	})
	return list, err
}

// DiscardHeld forgets the generations that one run has held. What is current
// stays, and the next run may come to the same.
func (d *DB) DiscardHeld(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, runID string) (list []publish.HeldRecord, err error) {
	err = d.write(ctx, "discard held generations", func(ctx context.Context, t *Tx) error {
		if list, err = t.TakeHeld(ctx, merchant, runID); err != nil {
			return err
		}
		return t.EndHeld(ctx, actor, merchant, runID, "feed.held.discard", list)
	})
	return list, err
}

// TakeHeld locks what a run has held, in the order in which feeds are locked.
func (t *Tx) TakeHeld(ctx context.Context, merchant partner.MerchantID, runID string) ([]publish.HeldRecord, error) {
	list, err := t.held(ctx, sqlHeldRun, merchant, runID)
	if err == nil && len(list) == 0 {
		err = &feed.Error{Kind: feed.KindNotFound, Message: fmt.Sprintf("nothing of run %.64q is held", runID), Hint: "list what is held"}
	}
	return slices.Clip(list), err
}

// EndHeld forgets what a run has held, and says so in the audit.
func (t *Tx) EndHeld(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, runID, action string, list []publish.HeldRecord) error {
	if err := t.exec(ctx, sqlEndHeld, merchant, runID); err != nil {
		return err
	}
	for i := range list {
		h := &list[i]
		err := t.Audit(actor, merchant, action, h.Generation.Feed.Kind.String()+" "+h.Generation.Feed.Key, nil, facts{
			"run": runID, "generation": h.Generation.Number, "base": h.Generation.Base, "products": h.Generation.Products, "reason": h.Reason.Error()})
		if err != nil {
			return err
		}
	}
	return nil
}
