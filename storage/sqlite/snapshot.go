package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"iter"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
	"feedmill/storage/records"
)

const sqlProducts = `SELECT product_id, doc FROM product WHERE merchant_id = ? ORDER BY product_id`

// Snapshot is one state of a merchant's records: all its methods answer from
// the moment at which it was taken, whatever is written meanwhile. It holds a
// connection until Close, and the file cannot shrink its log while it is open.
type Snapshot struct {
	*records.Snapshot
	merchant partner.MerchantID
	tx       *sql.Tx
	t        *tx

	// Merchant is the account itself.
	Merchant partner.Merchant
}

// Snapshot takes one. The context governs all of it, until Close.
func (d *DB) Snapshot(ctx context.Context, merchant partner.MerchantID) (*Snapshot, error) {
	s, err := d.r.BeginTx(ctx, nil)
	if err != nil {
		return nil, fault("take snapshot", ended(ctx, err))
	}
	snap := &Snapshot{merchant: merchant, tx: s, t: d.newTx(s)}
	snap.Snapshot = records.NewSnapshot(merchant, func(ctx context.Context, what string, fn func(ctx context.Context, t *records.Tx) error) error {
		return fault(what, ended(ctx, fn(ctx, snap.t.Tx)))
	})
	// The first read is what fixes the state.
	if snap.Merchant, err = snap.t.Merchant(ctx, merchant); err != nil {
		s.Rollback()
		return nil, fault("take snapshot", ended(ctx, err))
	}
	return snap, nil
}

// Close ends the snapshot; closing it again does nothing.
func (s *Snapshot) Close() error {
	if err := s.tx.Rollback(); !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}

// Products yields all products in ascending order of their ids; the first error
// ends it. It may be ranged over again, and other methods called meanwhile.
func (s *Snapshot) Products(ctx context.Context) iter.Seq2[partner.StoredProduct, error] {
	return func(yield func(partner.StoredProduct, error) bool) {
		rows, err := s.tx.QueryContext(ctx, sqlProducts, s.merchant)
		if err != nil {
			yield(partner.StoredProduct{}, fault("read products", ended(ctx, err)))
			return
		}
		defer rows.Close()
		var raw sql.RawBytes
		var p partner.StoredProduct
		for rows.Next() {
			if err := rows.Scan(&p.ID, &raw); err != nil {
				yield(partner.StoredProduct{}, fault("read products", ended(ctx, err)))
				return
			}
			p.Doc = raw
			if !yield(p, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(partner.StoredProduct{}, fault("read products", ended(ctx, err)))
		}
	}
}

// Current gives the generation that was current when the snapshot was taken.
func (s *Snapshot) Current(ctx context.Context, kind feed.Kind, key string) (publish.Generation, bool, error) {
	g, ok, err := s.t.Current(ctx, publish.FeedRef{Merchant: string(s.merchant), Kind: kind, Key: key})
	return g, ok, fault("read current generation", ended(ctx, err))
}
