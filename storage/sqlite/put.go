package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"feedmill/feed"
	"feedmill/internal/partner"
)

const (
	sqlProductDigest = `SELECT digest FROM product WHERE merchant_id = ? AND product_id = ?`
	sqlPutProduct    = `INSERT INTO product (merchant_id, product_id, digest, updated, doc) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (merchant_id, product_id) DO UPDATE SET digest = excluded.digest, updated = excluded.updated, doc = excluded.doc`
	sqlDropProduct = `DELETE FROM product WHERE merchant_id = ? AND product_id = ?`
	sqlDropCodes   = `DELETE FROM product_code WHERE merchant_id = ? AND product_id = ? AND code NOT IN (SELECT value FROM json_each(?))`
	sqlPutCode     = `INSERT INTO product_code (merchant_id, code, product_id) VALUES (?, ?, ?) ON CONFLICT (merchant_id, code, product_id) DO NOTHING`
)

// LockCatalog implements [records.Bulk]: a transaction that writes is alone.
func (c conn) LockCatalog(context.Context, partner.MerchantID) error { return nil }

// PutProducts implements [records.Bulk].
func (c conn) PutProducts(ctx context.Context, merchant partner.MerchantID, put []partner.StagedProduct, removed []feed.ProductID) (r partner.PutResult, changed []feed.ProductID, err error) {
	for i := range put {
		p := &put[i]
		var digest []byte
		err := c.tx.QueryRowContext(ctx, sqlProductDigest, merchant, p.ID).Scan(&digest)
		found := err == nil
		switch {
		case err != nil && !errors.Is(err, sql.ErrNoRows):
			return r, nil, err
		case found && bytes.Equal(digest, p.Digest[:]):
			r.Unchanged++
			continue
		case found:
			r.Changed++
			// A list, also where there is nothing in it: no code is said to be outside of null.
			kept, err := json.Marshal(append([]string{}, p.Codes...))
			if err != nil {
				return r, nil, err
			}
			if err := c.exec(ctx, sqlDropCodes, merchant, p.ID, string(kept)); err != nil {
				return r, nil, err
			}
		default:
			r.Added++
		}
		if err := c.exec(ctx, sqlPutProduct, merchant, p.ID, p.Digest[:], c.now, p.Doc); err != nil {
			return r, nil, err
		}
		for _, code := range p.Codes {
			if code == "" {
				continue
			}
			if err := c.exec(ctx, sqlPutCode, merchant, code, p.ID); err != nil {
				return r, nil, err
			}
		}
		changed = append(changed, p.ID)
	}
	for _, id := range removed {
		n, err := c.Exec(ctx, sqlDropProduct, merchant, id)
		if err != nil {
			return r, nil, err
		}
		if n == 0 {
			continue
		}
		if err := c.exec(ctx, sqlDropCodes, merchant, id, "[]"); err != nil {
			return r, nil, err
		}
		r.Removed++
		changed = append(changed, id)
	}
	return r, changed, nil
}
