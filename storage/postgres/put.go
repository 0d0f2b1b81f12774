package postgres

import (
	"context"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
	"feedmill/internal/partner"
)

const (
	sqlProductDigests = `SELECT product_id, digest FROM product WHERE merchant_id = $1 AND product_id = ANY($2)`
	sqlProductsByID   = `SELECT product_id, doc FROM product WHERE merchant_id = $1 AND product_id = ANY($2) ORDER BY product_id`
	sqlPutProduct     = `INSERT INTO product (merchant_id, product_id, digest, updated, codes, doc) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (merchant_id, product_id) DO UPDATE SET digest = excluded.digest, updated = excluded.updated, codes = excluded.codes, doc = excluded.doc`
	// Codes first: the product's own list says which ones there are.
	sqlDropCodes = `DELETE FROM product_code WHERE merchant_id = $1 AND product_id = ANY($2) AND code = ANY (ARRAY
		(SELECT DISTINCT unnest(p.codes) FROM product AS p WHERE p.merchant_id = $1 AND p.product_id = ANY($2)))`
	sqlPutCodes     = `INSERT INTO product_code (merchant_id, code, product_id) SELECT $1::text, unnest($2::text[]), $3::bigint`
	sqlDropProducts = `DELETE FROM product WHERE merchant_id = $1 AND product_id = ANY($2) RETURNING product_id`
	sqlProductPage  = `SELECT product_id, doc FROM product WHERE merchant_id = $1 AND product_id > $2 ORDER BY product_id LIMIT $3`
	sqlCodesAfter   = `SELECT DISTINCT product_id FROM product_code WHERE merchant_id = $1 AND code >= $2 AND code < $3 ORDER BY product_id LIMIT $4`
)

// PutProducts writes products into the catalog and removes others, in one short
// transaction beside staged imports. Products that are there already, byte for
// byte, and removed ones that are not there change nothing. A product that is
// both written and removed is KindInvalid.
func (d *DB) PutProducts(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, put []partner.StagedProduct, removed []feed.ProductID) (r partner.PutResult, err error) {
	return d.editProducts(ctx, actor, merchant, func(ctx context.Context, t *tx) ([]partner.StagedProduct, []feed.ProductID, error) {
		return put, removed, nil
	})
}

// EditProducts rewrites stored products in one transaction: edit is given each
// of them and gives what is to stand in its place. Nothing else changes them
// meanwhile. A product that does not exist is KindNotFound, and what edit gives
// as an error ends everything; then nothing is changed.
func (d *DB) EditProducts(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, ids []feed.ProductID, edit func(partner.StoredProduct) (partner.StagedProduct, error)) (r partner.PutResult, err error) {
	return d.editProducts(ctx, actor, merchant, func(ctx context.Context, t *tx) ([]partner.StagedProduct, []feed.ProductID, error) {
		wanted := slices.Compact(slices.Sorted(slices.Values(ids)))
		put := make([]partner.StagedProduct, 0, len(wanted))
		err := t.each(ctx, sqlProductsByID, []any{merchant, wanted}, func(rows pgx.Rows) error {
			var p partner.StoredProduct
			if err := rows.Scan(&p.ID, &p.Doc); err != nil {
				return err
			}
			if p.ID != wanted[len(put)] {
				return missing("product", strconv.FormatInt(int64(wanted[len(put)]), 10))
			}
			s, err := edit(p)
			if err != nil {
				return err
			}
			if s.ID != p.ID {
				return feed.Errorf(feed.KindInvalid, "product %d became product %d", p.ID, s.ID)
			}
			put = append(put, s)
			return nil
		})
		if err == nil && len(put) < len(wanted) {
			err = missing("product", strconv.FormatInt(int64(wanted[len(put)]), 10))
		}
		return put, nil, err
	})
}

func (d *DB) editProducts(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, work func(context.Context, *tx) ([]partner.StagedProduct, []feed.ProductID, error)) (r partner.PutResult, err error) {
	ctx, receipt := partner.EnsureReceipt(ctx)
	err = d.write(ctx, "write products", func(ctx context.Context, t *tx) error {
		if _, err := t.Merchant(ctx, merchant); err != nil {
			return err
		}
		if err := t.exec(ctx, sqlLockCatalog, merchant); err != nil {
			return err
		}
		put, removed, err := work(ctx, t)
		if err != nil {
			return err
		}
		r, err = t.putProducts(ctx, actor, merchant, put, removed)
		return err
	})
	if err != nil {
		return partner.PutResult{}, err
	}
	r.Queue = receipt.Queue
	return r, nil
}

func (t *tx) putProducts(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, put []partner.StagedProduct, removed []feed.ProductID) (r partner.PutResult, err error) {
	ids := make([]feed.ProductID, len(put))
	for i := range put {
		if err := partner.CheckStaged(&put[i], removed); err != nil {
			return r, err
		}
		ids[i] = put[i].ID
	}
	digests := make(map[feed.ProductID][32]byte, len(put))
	err = t.each(ctx, sqlProductDigests, []any{merchant, ids}, func(rows pgx.Rows) error {
		var id feed.ProductID
		var digest []byte
		err := rows.Scan(&id, &digest)
		digests[id] = [32]byte(digest)
		return err
	})
	if err != nil {
		return r, err
	}
	var fresh []partner.StagedProduct
	var stale, changed []feed.ProductID // stale ones have codes that go
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
		if err := t.exec(ctx, sqlDropCodes, merchant, gone); err != nil {
			return r, err
		}
	}
	if len(removed) > 0 {
		err := t.each(ctx, sqlDropProducts, []any{merchant, removed}, func(rows pgx.Rows) error {
			var id feed.ProductID
			err := rows.Scan(&id)
			changed = append(changed, id)
			r.Removed++
			return err
		})
		if err != nil {
			return r, err
		}
	}
	if len(changed) == 0 {
		return r, nil
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
		b.Queue(sqlPutProduct, merchant, p.ID, p.Digest[:], t.now, codes, p.Doc)
		b.Queue(sqlPutCodes, merchant, codes, p.ID)
	}
	if err := t.c.SendBatch(ctx, b).Close(); err != nil {
		return r, err
	}
	slices.Sort(changed)
	changed = slices.Compact(changed)
	if len(changed) > queueScope {
		t.queue(merchant, "catalog", "api")
	} else {
		if err := t.QueueProducts(ctx, merchant, changed, "api"); err != nil {
			return r, err
		}
	}
	return r, t.audit(actor, merchant, "catalog.write", string(merchant), nil, partner.PutFacts(&r, changed))
}

// ProductPage gives up to limit products after the one with the id after, in
// the order of their ids.
func (d *DB) ProductPage(ctx context.Context, merchant partner.MerchantID, after feed.ProductID, limit int) (list []partner.StoredProduct, err error) {
	err = d.read(ctx, "list products", func(ctx context.Context, t *tx) error {
		list = nil
		return t.each(ctx, sqlProductPage, []any{merchant, after, limit}, func(rows pgx.Rows) error {
			var p partner.StoredProduct
			err := rows.Scan(&p.ID, &p.Doc)
			list = append(list, p)
			return err
		})
	})
	return list, err
}

// ProductsByPrefix gives the ids of up to limit products with a code that begins
// with prefix, in ascending order.
func (d *DB) ProductsByPrefix(ctx context.Context, merchant partner.MerchantID, prefix string, limit int) (ids []feed.ProductID, err error) {
	err = d.read(ctx, "find codes", func(ctx context.Context, t *tx) error {
		ids = nil
		return t.each(ctx, sqlCodesAfter, []any{merchant, prefix, prefix + "\U0010ffff", limit}, func(rows pgx.Rows) error {
			var id feed.ProductID
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
	})
	return ids, err
}
