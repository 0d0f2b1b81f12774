package records

import (
	"context"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	// A feed's row is made before it is locked, so that there is something to lock.
	sqlOpenFeed = `INSERT INTO feed (merchant_id, kind, feed_key, epoch, current_gen, logical_time)
		SELECT m.merchant_id, $2, $3, 0, 0, 0 FROM merchant AS m WHERE m.merchant_id = $1 ON CONFLICT (merchant_id, kind, feed_key) DO NOTHING`

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

	// An offer leaves the feeds that it was read from when those that it came to
	// last, full and light, are up to date both: its files are of one profile.
	nonePending = ` AND NOT EXISTS (SELECT 1 FROM offer_feed AS p WHERE p.merchant_id = offer_feed.merchant_id AND p.offer_id = offer_feed.offer_id
			AND p.until IS NULL AND p.pending AND p.number = (SELECT max(m.number) FROM offer_feed AS m
				WHERE m.merchant_id = p.merchant_id AND m.offer_id = p.offer_id AND m.kind = p.kind))`
	sqlShow = `UPDATE offer_feed SET since = $2` + arrived
	arrived = ` WHERE merchant_id = $1 AND until IS NULL AND NOT pending
		AND EXISTS (SELECT 1 FROM offer_feed AS older WHERE older.merchant_id = offer_feed.merchant_id AND older.offer_id = offer_feed.offer_id
			AND older.kind = offer_feed.kind AND older.until IS NULL AND older.number < offer_feed.number)` + nonePending
	// What a run publishes as it shows the feed is of that run's time. Of files
	// that are older the offer's recipient may know others of the same time.
	sqlShowRun = `UPDATE offer_feed SET since = coalesce((SELECT g.time FROM feed AS f JOIN generation AS g ON g.number = f.current_gen
		WHERE f.merchant_id = $1 AND g.merchant_id = $1 AND f.kind = offer_feed.kind AND f.feed_key = offer_feed.feed_key AND g.published = $2 AND g.time < $2), $2)` + arrived
	sqlLeave = `UPDATE offer_feed SET until = $2 WHERE merchant_id = $1 AND until IS NULL
		AND EXISTS (SELECT 1 FROM offer_feed AS newer WHERE newer.merchant_id = offer_feed.merchant_id AND newer.offer_id = offer_feed.offer_id
			AND newer.kind = offer_feed.kind AND newer.until IS NULL AND newer.number > offer_feed.number)` + nonePending

	// Feeds of blocked partners, and of merchants with sharing off, are in no run.
	// One that has missed for a day what runs have dealt with shows a catalog of
	// days ago, which a partner who comes back must not take for today's.
	sqlMissed = `UPDATE offer_feed SET pending = true WHERE merchant_id = $1 AND until IS NULL AND NOT pending AND ` + missed
	missed    = `EXISTS (SELECT 1 FROM feed AS f JOIN event_head AS h ON h.merchant_id = f.merchant_id
			WHERE f.merchant_id = offer_feed.merchant_id AND f.kind = offer_feed.kind AND f.feed_key = offer_feed.feed_key AND f.event_cursor < h.settled
			AND (f.event_cursor < h.trimmed OR (SELECT e.logged FROM event_log AS e WHERE e.merchant_id = f.merchant_id AND e.event_no > f.event_cursor
				ORDER BY e.event_no LIMIT 1) <= $2))`
	sqlMissedByPartner = sqlMissed + ` AND EXISTS (SELECT 1 FROM offer AS o WHERE o.merchant_id = offer_feed.merchant_id AND o.offer_id = offer_feed.offer_id AND o.partner_id = $3)
		AND NOT EXISTS (SELECT 1 FROM offer_feed AS b
			JOIN offer AS o ON o.merchant_id = b.merchant_id AND o.offer_id = b.offer_id AND CASE b.kind WHEN 'full' THEN o.full_key ELSE o.light_key END = b.feed_key
			JOIN partner AS p ON p.merchant_id = o.merchant_id AND p.partner_id = o.partner_id AND p.state = 'active' AND p.partner_id <> $3
			WHERE b.merchant_id = offer_feed.merchant_id AND b.kind = offer_feed.kind AND b.feed_key = offer_feed.feed_key AND b.until IS NULL AND NOT b.pending)`

	// What people release is as old as the run that has held it.
	sqlReleased = `UPDATE offer_feed SET pending = false WHERE merchant_id = $1 AND kind = $3 AND feed_key = $4 AND until IS NULL AND pending AND NOT ` + missed

	sqlShowOffer  = sqlShow + ` AND offer_id = $3`
	sqlLeaveOffer = sqlLeave + ` AND offer_id = $3`
)

// missedAtMost is for how long a feed may have been in no run and is still shown
// at once: by then every file is due, so the next run brings it up to date.
const missedAtMost = 24 * time.Hour

// awaitRun has offers that come back show their feeds once a run has looked at
// them, where those are not of today: of one partner, or of all for "".
func (t *Tx) awaitRun(ctx context.Context, merchant partner.MerchantID, of partner.ID) error {
	seen := t.Now - missedAtMost.Microseconds()
	if of == "" {
		return t.exec(ctx, sqlMissed, merchant, seen)
	}
	return t.exec(ctx, sqlMissedByPartner, merchant, seen, of)
}

// ArriveReleased is told which generations people have released, after they were
// made current: offers that came to their feeds show them, but for what runs
// have gone on without for a day. That waits for the next run, as awaitRun says.
func (t *Tx) ArriveReleased(ctx context.Context, merchant partner.MerchantID, list []publish.HeldRecord) error {
	for i := range list {
		f := list[i].Generation.Feed
		if err := t.exec(ctx, sqlReleased, merchant, t.Now-missedAtMost.Microseconds(), f.Kind.String(), f.Key); err != nil {
			return err
		}
	}
	return t.show(ctx, merchant, sqlShow)
}

// Attach makes the feeds of the offer's profile its newest attachments. Where
// both are kept up to date it shows them at once; else what it showed before
// goes on until a run has looked at them: stale rather than down, and never
// older than what was shown already.
func (t *Tx) Attach(ctx context.Context, o *partner.Offer) error {
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
		if err := t.exec(ctx, sqlAttach, o.Merchant, o.ID, p.kind, p.key, t.Now, !kept); err != nil {
			return err
		}
	}
	if err := t.exec(ctx, sqlShowOffer, o.Merchant, t.Now, o.ID); err != nil {
		return err
	}
	if err := t.exec(ctx, sqlLeaveOffer, o.Merchant, t.Now, o.ID); err != nil || len(coming) == 0 {
		return err
	}
	return t.dropUnwanted(ctx, o.Merchant)
}

// dropUnwanted forgets what is held of feeds that no offer's profile wants any
// more: there is nobody left to decide for.
func (t *Tx) dropUnwanted(ctx context.Context, merchant partner.MerchantID) error {
	return t.exec(ctx, sqlDropUnwanted, merchant)
}

// ShowArrived has the merchant's offers show the feeds that they came to and that
// the run which is being published has brought up to date.
func (t *Tx) ShowArrived(ctx context.Context, merchant partner.MerchantID) error {
	return t.show(ctx, merchant, sqlShowRun)
}

func (t *Tx) show(ctx context.Context, merchant partner.MerchantID, query string) error {
	t.Tell(merchant)
	if err := t.exec(ctx, query, merchant, t.Now); err != nil {
		return err
	}
	return t.exec(ctx, sqlLeave, merchant, t.Now)
}

// OpenFeed makes the row of a feed where there is none.
func OpenFeed(merchant string, kind feed.Kind, key string) Statement {
	return Statement{sqlOpenFeed, []any{merchant, kind.String(), key}}
}
