package sqlite

import (
	"context"
	"database/sql"
	"math"
	"time"

	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	sqlFeedNumbers = `SELECT number FROM generation WHERE merchant_id = ? AND kind = ? AND feed_key = ? AND number < ? ORDER BY number DESC LIMIT ?`
	sqlEventHours  = `SELECT logged / 3600000000, count(*) FROM event_log WHERE merchant_id = ? AND logged >= ? GROUP BY 1 ORDER BY 1`
	sqlUseSums     = `SELECT offer_id, sum(requests), sum(broken), sum(bytes) FROM download_day
		WHERE merchant_id = ? AND day >= ? GROUP BY offer_id ORDER BY offer_id`
)

// FeedGenerations gives up to limit generations of a feed that are still
// recorded, the newest first, below a number; 0 begins at the newest.
func (d *DB) FeedGenerations(ctx context.Context, f publish.FeedRef, before int64, limit int) (list []publish.Generation, err error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	err = d.read(ctx, "list generations", func(ctx context.Context, t *tx) error {
		var numbers []int64
		err := t.each(ctx, sqlFeedNumbers, []any{f.Merchant, f.Kind.String(), f.Key, before, limit}, func(rows *sql.Rows) error {
			var n int64
			err := rows.Scan(&n)
			numbers = append(numbers, n)
			return err
		})
		if err != nil {
			return err
		}
		list = nil
		for _, n := range numbers {
			g, err := t.generation(ctx, f.Merchant, n)
			if err != nil {
				return err
			}
			list = append(list, g)
		}
		return nil
	})
	return list, err
}

// GenerationAt gives a generation by its number, as long as it is recorded.
func (d *DB) GenerationAt(ctx context.Context, merchant partner.MerchantID, number int64) (g publish.Generation, err error) {
	err = d.read(ctx, "read generation", func(ctx context.Context, t *tx) error {
		g, err = t.generation(ctx, string(merchant), number)
		return err
	})
	return g, err
}

// ChangeHours counts the changes that were numbered since a moment, by hour.
func (d *DB) ChangeHours(ctx context.Context, merchant partner.MerchantID, from time.Time) (list []partner.HourCount, err error) {
	err = d.read(ctx, "count changes", func(ctx context.Context, t *tx) error {
		list = nil
		return t.each(ctx, sqlEventHours, []any{merchant, from.UnixMicro()}, func(rows *sql.Rows) error {
			var c partner.HourCount
			var hour int64
			err := rows.Scan(&hour, &c.Count)
			c.Hour = time.Unix(hour*3600, 0).UTC()
			list = append(list, c)
			return err
		})
	})
	return list, err
}

// DownloadSums sums up what was fetched of each of a merchant's offers from a day
// on, by offer.
func (d *DB) DownloadSums(ctx context.Context, merchant partner.MerchantID, from time.Time) (list []partner.DownloadSum, err error) {
	err = d.read(ctx, "sum up downloads", func(ctx context.Context, t *tx) error {
		list = nil
		return t.each(ctx, sqlUseSums, []any{merchant, partner.DayOf(from)}, func(rows *sql.Rows) error {
			var c partner.DownloadSum
			err := rows.Scan(&c.Offer, &c.Requests, &c.Broken, &c.Bytes)
			list = append(list, c)
			return err
		})
	})
	return list, err
}
