package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"slices"
	"strconv"

	"feedmill/feed"
	"feedmill/internal/partner"
)

const (
	sqlProductDigest = `SELECT digest FROM product WHERE merchant_id = ? AND product_id = ?`
	sqlPutProduct    = `INSERT INTO product (merchant_id, product_id, digest, updated, doc) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (merchant_id, product_id) DO UPDATE SET digest = excluded.digest, updated = excluded.updated, doc = excluded.doc`
	sqlDropProduct = `DELETE FROM product WHERE merchant_id = ? AND product_id = ?`
	sqlDropCodes   = `DELETE FROM product_code WHERE merchant_id = ? AND product_id = ?`
	sqlPutCode     = `INSERT INTO product_code (merchant_id, code, product_id) VALUES (?, ?, ?) ON CONFLICT (merchant_id, code, product_id) DO NOTHING`
	sqlProductPage = `SELECT product_id, doc FROM product WHERE merchant_id = ? AND product_id > ? ORDER BY product_id LIMIT ?`
	sqlCodesAfter  = `SELECT DISTINCT product_id FROM product_code WHERE merchant_id = ? AND code >= ? AND code < ? ORDER BY product_id LIMIT ?`
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
		put := make([]partner.StagedProduct, 0, len(ids))
		for _, id := range ids {
			var doc []byte
			found, err := t.one(ctx, sqlProductByID, []any{merchant, id}, &doc)
			if err != nil {
				return nil, nil, err
			}
			if !found {
				return nil, nil, missing("product", strconv.FormatInt(int64(id), 10))
			}
			s, err := edit(partner.StoredProduct{ID: id, Doc: doc})
			if err != nil {
				return nil, nil, err
			}
			if s.ID != id {
				return nil, nil, feed.Errorf(feed.KindInvalid, "product %d became product %d", id, s.ID)
			}
			put = append(put, s)
		}
		return put, nil, nil
	})
}

func (d *DB) editProducts(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, work func(context.Context, *tx) ([]partner.StagedProduct, []feed.ProductID, error)) (r partner.PutResult, err error) {
	ctx, receipt := partner.EnsureReceipt(ctx)
	err = d.write(ctx, "write products", func(ctx context.Context, t *tx) error {
		if _, err := t.Merchant(ctx, merchant); err != nil {
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
	var changed []feed.ProductID
	for i := range put {
		p := &put[i]
		if err := partner.CheckStaged(p, removed); err != nil {
			return r, err
		}
		var digest []byte
		found, err := t.one(ctx, sqlProductDigest, []any{merchant, p.ID}, &digest)
		switch {
		case err != nil:
			return r, err
		case found && bytes.Equal(digest, p.Digest[:]):
			r.Unchanged++
			continue
		case found:
			r.Changed++
			if err := t.exec(ctx, sqlDropCodes, merchant, p.ID); err != nil {
				return r, err
			}
		default:
			r.Added++
		}
		if err := t.exec(ctx, sqlPutProduct, merchant, p.ID, p.Digest[:], t.now, p.Doc); err != nil {
			return r, err
		}
		for _, code := range p.Codes {
			if code == "" {
				continue
			}
			if err := t.exec(ctx, sqlPutCode, merchant, code, p.ID); err != nil {
				return r, err
			}
		}
		changed = append(changed, p.ID)
	}
	for _, id := range removed {
		n, err := t.execCount(ctx, sqlDropProduct, merchant, id)
		if err != nil {
			return r, err
		}
		if n == 0 {
			continue
		}
		if err := t.exec(ctx, sqlDropCodes, merchant, id); err != nil {
			return r, err
		}
		r.Removed++
		changed = append(changed, id)
	}
	if len(changed) == 0 {
		return r, nil
	}
	slices.Sort(changed)
	changed = slices.Compact(changed)
	if len(changed) > queueScope {
		err = t.queue(ctx, merchant, 0, "catalog", "api")
	} else {
		for _, id := range changed {
			if err = t.queue(ctx, merchant, id, "", "api"); err != nil {
				break
			}
		}
	}
	if err != nil {
		return r, err
	}
	return r, t.audit(ctx, actor, merchant, "catalog.write", string(merchant), nil, partner.PutFacts(&r, changed))
}

// ProductPage gives up to limit products after the one with the id after, in
// the order of their ids.
func (d *DB) ProductPage(ctx context.Context, merchant partner.MerchantID, after feed.ProductID, limit int) (list []partner.StoredProduct, err error) {
	err = d.read(ctx, "list products", func(ctx context.Context, t *tx) error {
		return t.each(ctx, sqlProductPage, []any{merchant, after, limit}, func(rows *sql.Rows) error {
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
		return t.each(ctx, sqlCodesAfter, []any{merchant, prefix, prefix + "\U0010ffff", limit}, func(rows *sql.Rows) error {
			var id feed.ProductID
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
	})
	return ids, err
}
