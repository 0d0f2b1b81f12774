package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
	"feedmill/internal/partner"
	"feedmill/storage/records"
)

const (
	sqlProductDigests = `SELECT product_id, digest FROM product WHERE merchant_id = $1 AND product_id = ANY($2)`
	sqlPutProduct     = `INSERT INTO product (merchant_id, product_id, digest, updated, codes, doc) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (merchant_id, product_id) DO UPDATE SET digest = excluded.digest, updated = excluded.updated, codes = excluded.codes, doc = excluded.doc`
	// Codes first: the product's own list says which ones there are.
	sqlDropCodes = `DELETE FROM product_code WHERE merchant_id = $1 AND product_id = ANY($2) AND code = ANY (ARRAY
		(SELECT DISTINCT unnest(p.codes) FROM product AS p WHERE p.merchant_id = $1 AND p.product_id = ANY($2)))`
	sqlPutCodes     = `INSERT INTO product_code (merchant_id, code, product_id) SELECT $1::text, unnest($2::text[]), $3::bigint`
	sqlDropProducts = `DELETE FROM product WHERE merchant_id = $1 AND product_id = ANY($2) RETURNING product_id`
)

// LockCatalog implements [records.Bulk].
func (c conn) LockCatalog(ctx context.Context, merchant partner.MerchantID) error {
	return c.exec(ctx, sqlLockCatalog, merchant)
}

// PutProducts implements [records.Bulk] in a few round trips.
func (c conn) PutProducts(ctx context.Context, merchant partner.MerchantID, put []partner.StagedProduct, removed []feed.ProductID) (r partner.PutResult, changed []feed.ProductID, err error) {
	ids := make([]feed.ProductID, len(put))
	for i := range put {
		ids[i] = put[i].ID
	}
	digests := make(map[feed.ProductID][32]byte, len(put))
	err = c.each(ctx, sqlProductDigests, []any{merchant, ids}, func(row records.Row) error {
		var id feed.ProductID
		var digest []byte
		err := row.Scan(&id, &digest)
		digests[id] = [32]byte(digest)
		return err
	})
	if err != nil {
		return r, nil, err
	}
	var fresh []partner.StagedProduct
	var stale []feed.ProductID // stale ones have codes that go
	for i := range put {
		p := &put[i]
		before, found := digests[p.ID]
		switch {
		case found && before == p.Digest:
			r.Unchanged++
			continue
		case found:
			r.Changed++
			stale = append(stale, p.ID)
		default:
			r.Added++
		}
		digests[p.ID] = p.Digest
		fresh, changed = append(fresh, *p), append(changed, p.ID)
	}
	if gone := append(stale, removed...); len(gone) > 0 {
		if err := c.exec(ctx, sqlDropCodes, merchant, gone); err != nil {
			return r, nil, err
		}
	}
	if len(removed) > 0 {
		err := c.each(ctx, sqlDropProducts, []any{merchant, removed}, func(row records.Row) error {
			var id feed.ProductID
			err := row.Scan(&id)
			changed = append(changed, id)
			r.Removed++
			return err
		})
		if err != nil {
			return r, nil, err
		}
	}
	if len(changed) == 0 {
		return r, nil, nil
	}
	b := &pgx.Batch{}
	for i := range fresh {
		p := &fresh[i]
		codes := slices.Compact(slices.Sorted(slices.Values(p.Codes)))
		if len(codes) > 0 && codes[0] == "" {
			codes = codes[1:]
		}
		if codes == nil {
			codes = []string{}
		}
		b.Queue(sqlPutProduct, merchant, p.ID, p.Digest[:], c.now, codes, p.Doc)
		b.Queue(sqlPutCodes, merchant, codes, p.ID)
	}
	if err := c.c.SendBatch(ctx, b).Close(); err != nil {
		return r, nil, err
	}
	return r, changed, nil
}
