package sqlite

import (
	"context"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	sqlAttach   = `INSERT INTO offer_feed (merchant_id, offer_id, kind, feed_key, since, pending) VALUES (?, ?, ?, ?, ?, ?)`
	sqlAttached = `SELECT EXISTS (SELECT 1 FROM offer_feed WHERE merchant_id = ? AND offer_id = ? AND kind = ? AND feed_key = ? AND until IS NULL
		AND number = (SELECT max(number) FROM offer_feed AS newest WHERE newest.merchant_id = offer_feed.merchant_id
			AND newest.offer_id = offer_feed.offer_id AND newest.kind = offer_feed.kind))`
	// A feed is kept up to date while another offer that runs are made for shows
	// it. One that has merely been published some day may be of any age.
	sqlKeptUp = `SELECT EXISTS (SELECT 1 FROM offer_feed AS a
		JOIN feed AS f ON f.merchant_id = a.merchant_id AND f.kind = a.kind AND f.feed_key = a.feed_key AND f.current_gen > 0
		JOIN offer AS o ON o.merchant_id = a.merchant_id AND o.offer_id = a.offer_id AND CASE a.kind WHEN 'full' THEN o.full_key ELSE o.light_key END = a.feed_key
		JOIN partner AS p ON p.merchant_id = o.merchant_id AND p.partner_id = o.partner_id AND p.state = 'active'
		WHERE a.merchant_id = ? AND a.kind = ? AND a.feed_key = ? AND a.offer_id <> ? AND a.until IS NULL AND a.pending = 0)`

	sqlArrived = `UPDATE offer_feed SET pending = 0 WHERE merchant_id = ? AND kind = ? AND feed_key = ? AND until IS NULL AND pending = 1`
	// A cursor that moves tells that a run has looked at the feed, and found that
	// it shows what is.
	sqlSeen = `UPDATE offer_feed SET pending = 0 WHERE merchant_id = ? AND kind = ? AND feed_key = ? AND until IS NULL AND pending = 1
		AND EXISTS (SELECT 1 FROM feed AS f WHERE f.merchant_id = offer_feed.merchant_id AND f.kind = offer_feed.kind AND f.feed_key = offer_feed.feed_key
			AND f.current_gen > 0 AND f.event_cursor < ?)`

	// An offer leaves the feeds that it was read from when those that it came to
	// last, full and light, are up to date both: its files are of one profile.
	nonePending = ` AND NOT EXISTS (SELECT 1 FROM offer_feed AS p WHERE p.merchant_id = offer_feed.merchant_id AND p.offer_id = offer_feed.offer_id
			AND p.until IS NULL AND p.pending = 1 AND p.number = (SELECT max(m.number) FROM offer_feed AS m
				WHERE m.merchant_id = p.merchant_id AND m.offer_id = p.offer_id AND m.kind = p.kind))`
	sqlShow = `UPDATE offer_feed SET since = ? WHERE merchant_id = ? AND until IS NULL AND pending = 0
		AND EXISTS (SELECT 1 FROM offer_feed AS older WHERE older.merchant_id = offer_feed.merchant_id AND older.offer_id = offer_feed.offer_id
			AND older.kind = offer_feed.kind AND older.until IS NULL AND older.number < offer_feed.number)` + nonePending
	sqlLeave = `UPDATE offer_feed SET until = ? WHERE merchant_id = ? AND until IS NULL
		AND EXISTS (SELECT 1 FROM offer_feed AS newer WHERE newer.merchant_id = offer_feed.merchant_id AND newer.offer_id = offer_feed.offer_id
			AND newer.kind = offer_feed.kind AND newer.until IS NULL AND newer.number > offer_feed.number)` + nonePending
	sqlShowOffer  = sqlShow + ` AND offer_id = ?`
	sqlLeaveOffer = sqlLeave + ` AND offer_id = ?`
)

// attach makes the feeds of the offer's profile its newest attachments. Where
// both are kept up to date it shows them at once; else what it showed before
// goes on until a run has looked at them: stale rather than down, and never
// older than what was shown already.
func (t *tx) attach(ctx context.Context, o *partner.Offer) error {
	for _, f := range []struct {
		kind feed.Kind
		key  string
	}{{feed.KindFull, o.Profile.FullKey()}, {feed.KindLight, o.Profile.LightKey()}} {
		kind := f.kind.String()
		var attached, kept bool
		if _, err := t.one(ctx, sqlAttached, []any{o.Merchant, o.ID, kind, f.key}, &attached); err != nil {
			return err
		}
		if attached {
			continue
		}
		if _, err := t.one(ctx, sqlKeptUp, []any{o.Merchant, kind, f.key, o.ID}, &kept); err != nil {
			return err
		}
		if err := t.exec(ctx, sqlAttach, o.Merchant, o.ID, kind, f.key, t.now, !kept); err != nil {
			return err
		}
	}
	if err := t.exec(ctx, sqlShowOffer, t.now, o.Merchant, o.ID); err != nil {
		return err
	}
	return t.exec(ctx, sqlLeaveOffer, t.now, o.Merchant, o.ID)
}

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
	t.accounts = true
	if err := t.exec(ctx, sqlShow, t.now, run.Merchant); err != nil {
		return err
	}
	return t.exec(ctx, sqlLeave, t.now, run.Merchant)
}
