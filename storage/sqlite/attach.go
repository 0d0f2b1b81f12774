package sqlite

import (
	"context"

	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	sqlArrived = `UPDATE offer_feed SET pending = 0 WHERE merchant_id = ? AND kind = ? AND feed_key = ? AND until IS NULL AND pending = 1`
	// A cursor that moves tells that a run has looked at the feed, and found that
	// it shows what is.
	sqlSeen = `UPDATE offer_feed SET pending = 0 WHERE merchant_id = ? AND kind = ? AND feed_key = ? AND until IS NULL AND pending = 1
		AND EXISTS (SELECT 1 FROM feed AS f WHERE f.merchant_id = offer_feed.merchant_id AND f.kind = offer_feed.kind AND f.feed_key = offer_feed.feed_key
			AND f.current_gen > 0 AND f.event_cursor < ?)`
)

// arrive is told which feeds a run has brought up to date, and what it has seen
// of others: offers that came to them show them from now on.
func (t *tx) arrive(ctx context.Context, run publish.Run, gens []publish.Generation, cursors map[publish.FeedRef]publish.Cursor) error {
	arrived := int64(0)
	published := map[publish.FeedRef]bool{}
	for i := range gens {
		g := &gens[i]
		published[g.Feed] = true
		if !g.Fresh() {
			continue
		}
		n, err := t.execCount(ctx, sqlArrived, run.Merchant, g.Feed.Kind.String(), g.Feed.Key)
		if err != nil {
			return err
		}
		arrived += n
	}
	for f, c := range cursors {
		if published[f] {
			continue
		}
		n, err := t.execCount(ctx, sqlSeen, run.Merchant, f.Kind.String(), f.Key, c.Event)
		if err != nil {
			return err
		}
		arrived += n
	}
	if arrived == 0 {
		return nil
	}
	return t.ShowArrived(ctx, partner.MerchantID(run.Merchant))
}
