package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"feedmill/feed/publish"
	"feedmill/internal/partner"
	"feedmill/storage/records"
)

const (
	sqlArrived = `UPDATE offer_feed AS a SET pending = false FROM unnest($2::text[], $3::text[]) AS n (kind, feed_key)
		WHERE a.merchant_id = $1 AND a.kind = n.kind AND a.feed_key = n.feed_key AND a.until IS NULL AND a.pending`
	// A cursor that moves tells that a run has looked at the feed, and found that
	// it shows what is.
	sqlMoving = `SELECT f.kind, f.feed_key FROM feed AS f JOIN unnest($2::text[], $3::text[], $4::bigint[]) AS n (kind, feed_key, event)
			ON f.kind = n.kind AND f.feed_key = n.feed_key
		WHERE f.merchant_id = $1 AND f.current_gen > 0 AND f.event_cursor < n.event ORDER BY f.kind, f.feed_key FOR NO KEY UPDATE OF f`
)

// moving locks the feeds whose cursors a run is about to move forwards, and
// gives them.
func (t *tx) moving(ctx context.Context, merchant string, cursors map[publish.FeedRef]publish.Cursor) (list []publish.FeedRef, err error) {
	if len(cursors) == 0 {
		return nil, nil
	}
	var kinds, keys []string
	var events []int64
	for f, c := range cursors {
		kinds, keys, events = append(kinds, f.Kind.String()), append(keys, f.Key), append(events, c.Event)
	}
	err = t.each(ctx, sqlMoving, []any{merchant, kinds, keys, events}, func(rows pgx.Rows) error {
		f := publish.FeedRef{Merchant: merchant}
		var kind string
		err := rows.Scan(&kind, &f.Key)
		if err == nil {
			f.Kind, err = records.ParseKind(kind)
		}
		list = append(list, f)
		return err
	})
	return list, err
}

// arrive is told which feeds a run has brought up to date: offers that came to
// them show them from now on.
func (t *tx) arrive(ctx context.Context, merchant string, feeds []publish.FeedRef) error {
	if len(feeds) == 0 {
		return nil
	}
	var kinds, keys []string
	for _, f := range feeds {
		kinds, keys = append(kinds, f.Kind.String()), append(keys, f.Key)
	}
	n, err := t.execCount(ctx, sqlArrived, merchant, kinds, keys)
	if err != nil || n == 0 {
		return err
	}
	return t.ShowArrived(ctx, partner.MerchantID(merchant))
}
