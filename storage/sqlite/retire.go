package sqlite

import (
	"context"
	"database/sql"
	"time"

	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	// A feed is of no use once every offer has left it for so long that no address
	// of its files is answered: its last use ended when the last of them left, or
	// ends now where those that used it are gone themselves.
	sqlUnusedFeeds = `SELECT f.kind, f.feed_key, f.current_gen, coalesce((SELECT max(a.until) FROM offer_feed AS a
				WHERE a.merchant_id = f.merchant_id AND a.kind = f.kind AND a.feed_key = f.feed_key), ?)
		FROM feed AS f WHERE f.merchant_id = ?
			AND (f.current_gen > 0 OR EXISTS (SELECT 1 FROM held_generation AS h WHERE h.merchant_id = f.merchant_id AND h.kind = f.kind AND h.feed_key = f.feed_key))
			AND NOT EXISTS (SELECT 1 FROM offer_feed AS a WHERE a.merchant_id = f.merchant_id AND a.kind = f.kind AND a.feed_key = f.feed_key
				AND (a.until IS NULL OR a.until >= CASE f.kind WHEN 'light' THEN ? ELSE ? END))
		ORDER BY f.kind, f.feed_key`
	// The row stays, and with it what later generations have to be above.
	sqlUnpoint      = `UPDATE feed SET epoch = epoch + 1, current_gen = 0 WHERE merchant_id = ? AND kind = ? AND feed_key = ? AND current_gen = ?`
	sqlRetireLast   = `UPDATE generation SET retired = max(published, ?) WHERE merchant_id = ? AND number = ? AND retired IS NULL`
	sqlUnlistFiles  = `UPDATE gen_file SET last_gen = ? WHERE merchant_id = ? AND kind = ? AND feed_key = ? AND last_gen IS NULL`
	sqlUnlistLayers = `UPDATE state_layer SET last_gen = ? WHERE merchant_id = ? AND kind = ? AND feed_key = ? AND last_gen IS NULL`
)

var _ publish.Floors = (*DB)(nil)

// RetireFeeds takes the current generation from every feed of a merchant that
// all offers have left so long ago that none of its addresses is answered, and
// gives the number of feeds. [DB.CondemnBlobs] finds their blobs then. What is
// held of such a feed is forgotten: nobody needs to decide about it any more.
// An offer that comes to the feed later waits for its first run, which starts a
// new epoch.
func (d *DB) RetireFeeds(ctx context.Context, merchant partner.MerchantID) (n int64, err error) {
	err = d.write(ctx, "retire feeds", func(ctx context.Context, t *tx) error {
		n, err = t.retireFeeds(ctx, merchant)
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

func (t *tx) retireFeeds(ctx context.Context, merchant partner.MerchantID) (n int64, err error) {
	var list []unusedFeed
	err = t.each(ctx, sqlUnusedFeeds, []any{t.now, merchant, t.now - lingerLight.Microseconds(), t.now - linger.Microseconds()}, func(rows *sql.Rows) error {
		var f unusedFeed
		err := rows.Scan(&f.kind, &f.key, &f.current, &f.since)
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

func (t *tx) retireFeed(ctx context.Context, merchant partner.MerchantID, f *unusedFeed) error {
	for _, query := range []string{sqlUnlistFiles, sqlUnlistLayers} {
		if err := t.exec(ctx, query, f.current, merchant, f.kind, f.key); err != nil {
			return err
		}
	}
	if err := t.exec(ctx, sqlRetireLast, f.since, merchant, f.current); err != nil {
		return err
	}
	return t.exec(ctx, sqlUnpoint, merchant, f.kind, f.key, f.current)
}

// Floor implements [publish.Floors].
func (d *DB) Floor(ctx context.Context, f publish.FeedRef) (epoch int64, after time.Time, err error) {
	err = d.read(ctx, "read what a feed has used", func(ctx context.Context, t *tx) error {
		var current, logical int64
		_, err := t.one(ctx, sqlPointer, []any{f.Merchant, f.Kind.String(), f.Key}, &epoch, &current, &logical)
		after = fromZero(logical)
		return err
	})
	return epoch, after, err
}
