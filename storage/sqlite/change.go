package sqlite

import (
	"context"
	"database/sql"

	"feedmill/feed"
	"feedmill/internal/partner"
)

const (
	sqlQueue   = `INSERT INTO change_queue (merchant_id, product_id, scope, cause, time) VALUES (?, ?, ?, ?, ?)`
	sqlChanges = `SELECT seq, coalesce(product_id, 0), scope, cause, time FROM change_queue WHERE merchant_id = ? ORDER BY seq LIMIT ?`
	// By number, never by product: what was not seen must stay.
	sqlDropChange = `DELETE FROM change_queue WHERE merchant_id = ? AND seq = ?`
)

// queue appends a row in the transaction of the change; product 0 means that
// the scope says where.
func (t *tx) queue(ctx context.Context, merchant partner.MerchantID, product feed.ProductID, scope, cause string) error {
	var id any
	if product != 0 {
		id = product
	}
	return t.exec(ctx, sqlQueue, merchant, id, scope, cause, t.now)
}

// Changes gives up to limit rows of a merchant's queue, the oldest first.
func (d *DB) Changes(ctx context.Context, merchant partner.MerchantID, limit int) (list []partner.Change, err error) {
	err = d.read(ctx, "read changes", func(ctx context.Context, t *tx) error {
		return t.each(ctx, sqlChanges, []any{merchant, limit}, func(rows *sql.Rows) error {
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
	return d.write(ctx, "drop changes", func(ctx context.Context, t *tx) error {
		s, err := t.tx.PrepareContext(ctx, sqlDropChange)
		if err != nil {
			return err
		}
		defer s.Close()
		for _, seq := range seqs {
			if _, err := s.ExecContext(ctx, merchant, seq); err != nil {
				return err
			}
		}
		return nil
	})
}
