package records

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	sqlFeedNumbers = `SELECT number FROM generation WHERE merchant_id = $1 AND kind = $2 AND feed_key = $3 AND number < $4 ORDER BY number DESC LIMIT $5`
	sqlEventHours  = `SELECT logged / 3600000000, count(*) FROM event_log WHERE merchant_id = $1 AND logged >= $2 GROUP BY 1 ORDER BY 1`
	sqlUseSums     = `SELECT offer_id, CAST(sum(requests) AS bigint), CAST(sum(broken) AS bigint), CAST(sum(bytes) AS bigint) FROM download_day
		WHERE merchant_id = $1 AND day >= $2 GROUP BY offer_id ORDER BY offer_id`
)

// FeedGenerations gives up to limit generations of a feed that are still
// recorded, the newest first, below a number; 0 begins at the newest.
func (d *DB) FeedGenerations(ctx context.Context, f publish.FeedRef, before int64, limit int) (list []publish.Generation, err error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	err = d.read(ctx, "list generations", func(ctx context.Context, t *Tx) error {
		var refs []Ref
		err := t.each(ctx, sqlFeedNumbers, []any{f.Merchant, f.Kind.String(), f.Key, before, limit}, func(row Row) error {
			ref := Ref{Merchant: f.Merchant}
			err := row.Scan(&ref.Number)
			refs = append(refs, ref)
			return err
		})
		if err != nil {
			return err
		}
		if list = nil; len(refs) > 0 {
			list, err = t.generations(ctx, refs...)
		}
		slices.Reverse(list)
		return err
	})
	return list, err
}

// GenerationAt gives a generation by its number, as long as it is recorded.
func (d *DB) GenerationAt(ctx context.Context, merchant partner.MerchantID, number int64) (g publish.Generation, err error) {
	err = d.read(ctx, "read generation", func(ctx context.Context, t *Tx) error {
		list, err := t.generations(ctx, Ref{string(merchant), number})
		if err == nil && len(list) == 0 {
			err = partner.Missing("generation", fmt.Sprint(number))
		}
		if err == nil {
			g = list[0]
		}
		return err
	})
	return g, err
}

// ChangeHours counts the changes that were numbered since a moment, by hour.
func (d *DB) ChangeHours(ctx context.Context, merchant partner.MerchantID, from time.Time) (list []partner.HourCount, err error) {
	err = d.read(ctx, "count changes", func(ctx context.Context, t *Tx) error {
		list = nil
		return t.each(ctx, sqlEventHours, []any{merchant, from.UnixMicro()}, func(row Row) error {
			var c partner.HourCount
			var hour int64
			err := row.Scan(&hour, &c.Count)
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
	err = d.read(ctx, "sum up downloads", func(ctx context.Context, t *Tx) error {
		list = nil
		return t.each(ctx, sqlUseSums, []any{merchant, partner.DayOf(from)}, func(row Row) error {
			var c partner.DownloadSum
			err := row.Scan(&c.Offer, &c.Requests, &c.Broken, &c.Bytes)
			list = append(list, c)
			return err
		})
	})
	return list, err
}
