package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"feedmill/internal/partner"
)

const (
	sqlChanges = `SELECT seq, coalesce(product_id, 0), scope, cause, time FROM change_queue WHERE merchant_id = $1 ORDER BY seq LIMIT $2`
	// By number, never by product: what was not seen must stay.
	sqlDropChanges = `DELETE FROM change_queue WHERE merchant_id = $1 AND seq = ANY($2)`
)

// Changes gives up to limit rows of a merchant's queue, the oldest first. A row
// may turn up before one that was seen already: numbers are given out before
// they become visible.
func (d *DB) Changes(ctx context.Context, merchant partner.MerchantID, limit int) (list []partner.Change, err error) {
	err = d.read(ctx, "read changes", func(ctx context.Context, t *tx) error {
		list = nil
		return t.each(ctx, sqlChanges, []any{merchant, limit}, func(rows pgx.Rows) error {
			var c partner.Change
			var at int64
			err := rows.Scan(&c.Seq, &c.Product, &c.Scope, &c.Cause, &at)
			c.Time = fromMicros(at)
			list = append(list, c)
			return err
		})
	})
	return list, err
}

// DropChanges removes rows that the caller has seen and dealt with. Rows that
// are gone already are no error.
func (d *DB) DropChanges(ctx context.Context, merchant partner.MerchantID, seqs []int64) error {
	return d.writeAs(ctx, "drop changes", how{again: true}, func(ctx context.Context, t *tx) error {
		return t.exec(ctx, sqlDropChanges, merchant, seqs)
	})
}
