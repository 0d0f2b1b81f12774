package records

import (
	"context"
	"time"

	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	// A feed is of no use once every offer has left it for so long that no address
	// of its files is answered: offers that left light before $2, and full before
	// $3.
	unused = ` f.merchant_id = $1
			AND (f.current_gen > 0 OR EXISTS (SELECT 1 FROM held_generation AS h WHERE h.merchant_id = f.merchant_id AND h.kind = f.kind AND h.feed_key = f.feed_key))
			AND NOT EXISTS (SELECT 1 FROM offer_feed AS a WHERE a.merchant_id = f.merchant_id AND a.kind = f.kind AND a.feed_key = f.feed_key
				AND (a.until IS NULL OR a.until >= CASE f.kind WHEN 'light' THEN CAST($2 AS bigint) ELSE CAST($3 AS bigint) END))`
	// Offers that come to a feed lock it, as publications do. Such feeds are passed
	// over here, and the rest is asked about again once it is locked: an offer that
	// came in between is seen then.
	sqlLockUnused = `SELECT f.kind, f.feed_key FROM feed AS f WHERE` + unused + ` ORDER BY f.kind, f.feed_key FOR NO KEY UPDATE OF f SKIP LOCKED`
	// Its last use ended when the last offer left, or ends now, at $6, where those
	// that used it are gone themselves.
	sqlUnusedFeeds = `SELECT f.kind, f.feed_key, f.current_gen, coalesce((SELECT max(a.until) FROM offer_feed AS a
				WHERE a.merchant_id = f.merchant_id AND a.kind = f.kind AND a.feed_key = f.feed_key), CAST($6 AS bigint))
		FROM unnest($4::text[], $5::text[]) AS n (kind, feed_key) CROSS JOIN feed AS f
		WHERE n.kind = f.kind AND n.feed_key = f.feed_key AND` + unused + ` ORDER BY f.kind, f.feed_key`
	// The row stays, and with it what later generations have to be above.
	sqlUnpoint          = `UPDATE feed SET epoch = epoch + 1, current_gen = 0 WHERE merchant_id = $1 AND kind = $2 AND feed_key = $3 AND current_gen = $4`
	sqlRetireLast       = `UPDATE generation SET retired = CASE WHEN published < $3 THEN $3 ELSE published END WHERE merchant_id = $1 AND number = $2 AND retired IS NULL`
	sqlUnlistEveryFile  = `UPDATE gen_file SET last_gen = $4 WHERE merchant_id = $1 AND kind = $2 AND feed_key = $3 AND last_gen IS NULL`
	sqlUnlistEveryLayer = `UPDATE state_layer SET last_gen = $4 WHERE merchant_id = $1 AND kind = $2 AND feed_key = $3 AND last_gen IS NULL`
	sqlFloor            = `SELECT epoch, logical_time FROM feed WHERE merchant_id = $1 AND kind = $2 AND feed_key = $3`
)

var _ publish.Floors = (*DB)(nil)

// RetireFeeds takes the current generation from every feed of a merchant that
// all offers have left so long ago that none of its addresses is answered, and
// gives the number of feeds. [DB.CondemnBlobs] finds their blobs then. What is
// held of such a feed is forgotten: nobody needs to decide about it any more.
// An offer that comes to the feed later waits for its first run, which starts a
// new epoch.
func (d *DB) RetireFeeds(ctx context.Context, merchant partner.MerchantID) (n int64, err error) {
	err = d.writeAs(ctx, "retire feeds", How{Again: true}, func(ctx context.Context, t *Tx) error {
		n, err = t.RetireFeeds(ctx, merchant)
		return err
	})
	return n, err
}

// unusedFeed is a feed that no offer uses, since when.
type unusedFeed struct {
	kind, key string
	current   int64
	since     int64
}

// RetireFeeds is [DB.RetireFeeds] in a transaction.
func (t *Tx) RetireFeeds(ctx context.Context, merchant partner.MerchantID) (n int64, err error) {
	now, err := t.Clock(ctx)
	if err != nil {
		return 0, err
	}
	light, full := now-LingerLight.Microseconds(), now-Linger.Microseconds()
	var kinds, keys []string
	err = t.each(ctx, sqlLockUnused, []any{merchant, light, full}, func(row Row) error {
		var kind, key string
		err := row.Scan(&kind, &key)
		kinds, keys = append(kinds, kind), append(keys, key)
		return err
	})
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	var list []unusedFeed
	err = t.each(ctx, sqlUnusedFeeds, []any{merchant, light, full, t.list(kinds), t.list(keys), now}, func(row Row) error {
		var f unusedFeed
		err := row.Scan(&f.kind, &f.key, &f.current, &f.since)
		list = append(list, f)
		return err
	})
	for i := 0; i < len(list) && err == nil; i++ {
		f := &list[i]
		if err = t.exec(ctx, sqlDropHeld, merchant, f.kind, f.key); err == nil && f.current > 0 {
			n++
			err = t.retireFeed(ctx, merchant, f)
		}
	}
	return n, err
}

func (t *Tx) retireFeed(ctx context.Context, merchant partner.MerchantID, f *unusedFeed) error {
	for _, query := range []string{sqlUnlistEveryFile, sqlUnlistEveryLayer} {
		if err := t.exec(ctx, query, merchant, f.kind, f.key, f.current); err != nil {
			return err
		}
	}
	if err := t.exec(ctx, sqlRetireLast, merchant, f.current, f.since); err != nil {
		return err
	}
	return t.exec(ctx, sqlUnpoint, merchant, f.kind, f.key, f.current)
}

// Floor implements [publish.Floors].
func (d *DB) Floor(ctx context.Context, f publish.FeedRef) (epoch int64, after time.Time, err error) {
	err = d.read(ctx, "read what a feed has used", func(ctx context.Context, t *Tx) error {
		var logical int64
		_, err := t.one(ctx, sqlFloor, []any{f.Merchant, f.Kind.String(), f.Key}, &epoch, &logical)
		after = FromZero(logical)
		return err
	})
	return epoch, after, err
}
