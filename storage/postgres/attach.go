package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	sqlAttach   = `INSERT INTO offer_feed (merchant_id, offer_id, kind, feed_key, since, pending) VALUES ($1, $2, $3, $4, $5, $6)`
	sqlAttached = `SELECT EXISTS (SELECT 1 FROM offer_feed WHERE merchant_id = $1 AND offer_id = $2 AND kind = $3 AND feed_key = $4 AND until IS NULL
		AND number = (SELECT max(number) FROM offer_feed AS newest WHERE newest.merchant_id = offer_feed.merchant_id
			AND newest.offer_id = offer_feed.offer_id AND newest.kind = offer_feed.kind))`
	// The feed's row is locked against a publication, which would otherwise not
	// see the offer come while the offer does not see what it publishes.
	sqlShareFeed = `SELECT current_gen FROM feed WHERE merchant_id = $1 AND kind = $2 AND feed_key = $3 FOR SHARE`
	// A feed is kept up to date while another offer that runs are made for shows
	// it. One that has merely been published some day may be of any age.
	sqlKeptUp = `SELECT EXISTS (SELECT 1 FROM offer_feed AS a
		JOIN feed AS f ON f.merchant_id = a.merchant_id AND f.kind = a.kind AND f.feed_key = a.feed_key AND f.current_gen > 0
		JOIN offer AS o ON o.merchant_id = a.merchant_id AND o.offer_id = a.offer_id AND CASE a.kind WHEN 'full' THEN o.full_key ELSE o.light_key END = a.feed_key
		JOIN partner AS p ON p.merchant_id = o.merchant_id AND p.partner_id = o.partner_id AND p.state = 'active'
		WHERE a.merchant_id = $1 AND a.kind = $2 AND a.feed_key = $3 AND a.offer_id <> $4 AND a.until IS NULL AND NOT a.pending)`

	sqlArrived = `UPDATE offer_feed AS a SET pending = false FROM unnest($2::text[], $3::text[]) AS n (kind, feed_key)
		WHERE a.merchant_id = $1 AND a.kind = n.kind AND a.feed_key = n.feed_key AND a.until IS NULL AND a.pending`
	// A cursor that moves tells that a run has looked at the feed, and found that
	// it shows what is.
	sqlMoving = `SELECT f.kind, f.feed_key FROM feed AS f JOIN unnest($2::text[], $3::text[], $4::bigint[]) AS n (kind, feed_key, event)
			ON f.kind = n.kind AND f.feed_key = n.feed_key
		WHERE f.merchant_id = $1 AND f.current_gen > 0 AND f.event_cursor < n.event ORDER BY f.kind, f.feed_key FOR NO KEY UPDATE OF f`

	// An offer leaves the feeds that it was read from when those that it came to
	// last, full and light, are up to date both: its files are of one profile.
	nonePending = ` AND NOT EXISTS (SELECT 1 FROM offer_feed AS p WHERE p.merchant_id = offer_feed.merchant_id AND p.offer_id = offer_feed.offer_id
			AND p.until IS NULL AND p.pending AND p.number = (SELECT max(m.number) FROM offer_feed AS m
				WHERE m.merchant_id = p.merchant_id AND m.offer_id = p.offer_id AND m.kind = p.kind))`
	sqlShow = `UPDATE offer_feed SET since = $2 WHERE merchant_id = $1 AND until IS NULL AND NOT pending
		AND EXISTS (SELECT 1 FROM offer_feed AS older WHERE older.merchant_id = offer_feed.merchant_id AND older.offer_id = offer_feed.offer_id
			AND older.kind = offer_feed.kind AND older.until IS NULL AND older.number < offer_feed.number)` + nonePending
	sqlLeave = `UPDATE offer_feed SET until = $2 WHERE merchant_id = $1 AND until IS NULL
		AND EXISTS (SELECT 1 FROM offer_feed AS newer WHERE newer.merchant_id = offer_feed.merchant_id AND newer.offer_id = offer_feed.offer_id
			AND newer.kind = offer_feed.kind AND newer.until IS NULL AND newer.number > offer_feed.number)` + nonePending
	sqlShowOffer  = sqlShow + ` AND offer_id = $3`
	sqlLeaveOffer = sqlLeave + ` AND offer_id = $3`
)

// attach makes the feeds of the offer's profile its newest attachments. Where
// both are kept up to date it shows them at once; else what it showed before
// goes on until a run has looked at them: stale rather than down, and never
// older than what was shown already.
func (t *tx) attach(ctx context.Context, o *partner.Offer) error {
	type place struct{ kind, key string }
	var coming []place
	for _, p := range []place{{feed.KindFull.String(), o.Profile.FullKey()}, {feed.KindLight.String(), o.Profile.LightKey()}} {
		var attached bool
		if _, err := t.one(ctx, sqlAttached, []any{o.Merchant, o.ID, p.kind, p.key}, &attached); err != nil {
			return err
		}
		if attached {
			continue
		}
		coming = append(coming, p)
	}
	// Feeds are locked before offers are touched, as publications do.
	for _, p := range coming {
		if err := t.exec(ctx, sqlOpenFeed, o.Merchant, p.kind, p.key); err != nil {
			return err
		}
		var current int64
		if _, err := t.one(ctx, sqlShareFeed, []any{o.Merchant, p.kind, p.key}, &current); err != nil {
			return err
		}
	}
	for _, p := range coming {
		var kept bool
		if _, err := t.one(ctx, sqlKeptUp, []any{o.Merchant, p.kind, p.key, o.ID}, &kept); err != nil {
			return err
		}
		if err := t.exec(ctx, sqlAttach, o.Merchant, o.ID, p.kind, p.key, t.now, !kept); err != nil {
			return err
		}
	}
	if err := t.exec(ctx, sqlShowOffer, o.Merchant, t.now, o.ID); err != nil {
		return err
	}
	return t.exec(ctx, sqlLeaveOffer, o.Merchant, t.now, o.ID)
}

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
			f.Kind, err = parseKind(kind)
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
	t.count(partner.MerchantID(merchant), partner.Version{Accounts: 1})
	if err := t.exec(ctx, sqlShow, merchant, t.now); err != nil {
		return err
	}
	return t.exec(ctx, sqlLeave, merchant, t.now)
}
