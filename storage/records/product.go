package records

import (
	"context"
	"slices"
	"strconv"

	"feedmill/feed"
	"feedmill/internal/partner"
)

const (
	sqlProductByID    = `SELECT doc FROM product WHERE merchant_id = $1 AND product_id = $2`
	sqlProductsByCode = `SELECT product_id FROM product_code WHERE merchant_id = $1 AND code = $2 ORDER BY product_id`
	sqlCodeHolders    = `SELECT code, product_id FROM product_code WHERE merchant_id = $1 AND code = ANY ($2) ORDER BY code, product_id`
	sqlProductsByID   = `SELECT product_id, doc FROM product WHERE merchant_id = $1 AND product_id = ANY ($2) ORDER BY product_id`
	sqlProductPage    = `SELECT product_id, doc FROM product WHERE merchant_id = $1 AND product_id > $2 ORDER BY product_id LIMIT $3`
	sqlCodesAfter     = `SELECT DISTINCT product_id FROM product_code WHERE merchant_id = $1 AND code >= $2 AND code < $3 ORDER BY product_id LIMIT $4`
)

// Product gives the document of one product.
func (d *DB) Product(ctx context.Context, merchant partner.MerchantID, id feed.ProductID) (doc []byte, err error) {
	name := strconv.FormatInt(int64(id), 10)
	err = d.read(ctx, "read product "+name, func(ctx context.Context, t *Tx) error {
		found, err := t.one(ctx, sqlProductByID, []any{merchant, id}, &doc)
		if err == nil && !found {
			err = partner.Missing("product", name)
		}
		return err
	})
	return slices.Clip(doc), err
}

// ProductsByCode gives the ids of the products with this code, in ascending order.
func (d *DB) ProductsByCode(ctx context.Context, merchant partner.MerchantID, code string) (ids []feed.ProductID, err error) {
	err = d.read(ctx, "find code", func(ctx context.Context, t *Tx) error {
		ids = nil
		return t.each(ctx, sqlProductsByCode, []any{merchant, code}, func(row Row) error {
			var id feed.ProductID
			err := row.Scan(&id)
			ids = append(ids, id)
			return err
		})
	})
	return ids, err
}

// CodeHolders gives the products that have one of these codes, up to most of each, in
// the order of the codes and of the products.
func (d *DB) CodeHolders(ctx context.Context, merchant partner.MerchantID, codes []string, most int) (list []partner.CodeHolder, err error) {
	err = d.read(ctx, "find codes", func(ctx context.Context, t *Tx) error {
		list = nil
		n := 0 // of the code
		return t.each(ctx, sqlCodeHolders, []any{merchant, t.list(codes)}, func(row Row) error {
			var h partner.CodeHolder
			if err := row.Scan(&h.Code, &h.Product); err != nil {
				return err
			}
			if len(list) == 0 || list[len(list)-1].Code != h.Code {
				n = 0
			}
			if n++; n <= most {
				list = append(list, h)
			}
			return nil
		})
	})
	return list, err
}

// PutProducts writes products into the catalog and removes others, in one short
// transaction beside staged imports. Products that are there already, byte for
// byte, and removed ones that are not there change nothing. A product that is
// both written and removed is KindInvalid.
func (d *DB) PutProducts(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, put []partner.StagedProduct, removed []feed.ProductID) (r partner.PutResult, err error) {
	return d.editProducts(ctx, actor, merchant, func(ctx context.Context, t *Tx) ([]partner.StagedProduct, []feed.ProductID, error) {
		return put, removed, nil
	})
}

// EditProducts rewrites stored products in one transaction: edit is given each
// of them and gives what is to stand in its place. Nothing else changes them
// meanwhile. A product that does not exist is KindNotFound, and what edit gives
// as an error ends everything; then nothing is changed.
func (d *DB) EditProducts(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, ids []feed.ProductID, edit func(partner.StoredProduct) (partner.StagedProduct, error)) (r partner.PutResult, err error) {
	return d.editProducts(ctx, actor, merchant, func(ctx context.Context, t *Tx) ([]partner.StagedProduct, []feed.ProductID, error) {
		wanted := slices.Compact(slices.Sorted(slices.Values(ids)))
		put := make([]partner.StagedProduct, 0, len(wanted))
		err := t.eachOf(ctx, merchant, wanted, func(p partner.StoredProduct) error {
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
		return put, nil, err
	})
}

func (d *DB) editProducts(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, work func(context.Context, *Tx) ([]partner.StagedProduct, []feed.ProductID, error)) (r partner.PutResult, err error) {
	ctx, receipt := partner.EnsureReceipt(ctx)
	err = d.write(ctx, "write products", func(ctx context.Context, t *Tx) error {
		if _, err := t.Merchant(ctx, merchant); err != nil {
			return err
		}
		if err := t.LockCatalog(ctx, merchant); err != nil {
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

func (t *Tx) putProducts(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, put []partner.StagedProduct, removed []feed.ProductID) (r partner.PutResult, err error) {
	for i := range put {
		if err := partner.CheckStaged(&put[i], removed); err != nil {
			return r, err
		}
	}
	r, changed, err := t.PutProducts(ctx, merchant, put, removed)
	if err != nil || len(changed) == 0 {
		return r, err
	}
	slices.Sort(changed)
	changed = slices.Compact(changed)
	if len(changed) > QueueScope {
		t.Queue(merchant, "catalog", "api")
	} else if err := t.QueueProducts(ctx, merchant, changed, "api"); err != nil {
		return r, err
	}
	return r, t.Audit(actor, merchant, "catalog.write", string(merchant), nil, partner.PutFacts(&r, changed))
}

// ProductPage gives up to limit products after the one with the id after, in
// the order of their ids.
func (d *DB) ProductPage(ctx context.Context, merchant partner.MerchantID, after feed.ProductID, limit int) (list []partner.StoredProduct, err error) {
	err = d.read(ctx, "list products", func(ctx context.Context, t *Tx) error {
		list = nil
		return t.each(ctx, sqlProductPage, []any{merchant, after, limit}, func(row Row) error {
			var p partner.StoredProduct
			err := row.Scan(&p.ID, &p.Doc)
			list = append(list, p)
			return err
		})
	})
	return list, err
}

// ProductsByPrefix gives the ids of up to limit products with a code that begins
// with prefix, in ascending order.
func (d *DB) ProductsByPrefix(ctx context.Context, merchant partner.MerchantID, prefix string, limit int) (ids []feed.ProductID, err error) {
	err = d.read(ctx, "find codes", func(ctx context.Context, t *Tx) error {
		ids = nil
		return t.each(ctx, sqlCodesAfter, []any{merchant, prefix, prefix + "\U0010ffff", limit}, func(row Row) error {
			var id feed.ProductID
			err := row.Scan(&id)
			ids = append(ids, id)
			return err
		})
	})
	return ids, err
}

// Product gives the document of one product, nil when there is none.
func (s *Snapshot) Product(ctx context.Context, id feed.ProductID) (doc []byte, err error) {
	err = s.use(ctx, "read product", func(ctx context.Context, t *Tx) error {
		_, err := t.one(ctx, sqlProductByID, []any{s.merchant, id}, &doc)
		return err
	})
	return doc, err
}

// eachOf calls fn for the products with these ids, which are in ascending order
// and not twice the same. One that does not exist is KindNotFound.
func (t *Tx) eachOf(ctx context.Context, merchant partner.MerchantID, ids []feed.ProductID, fn func(p partner.StoredProduct) error) error {
	n := 0
	err := t.each(ctx, sqlProductsByID, []any{merchant, t.list(ids)}, func(row Row) error {
		var p partner.StoredProduct
		if err := row.Scan(&p.ID, &p.Doc); err != nil {
			return err
		}
		if p.ID != ids[n] {
			return missingProduct(ids[n])
		}
		n++
		return fn(p)
	})
	if err == nil && n < len(ids) {
		err = missingProduct(ids[n])
	}
	return err
}

func missingProduct(id feed.ProductID) error {
	return partner.Missing("product", strconv.FormatInt(int64(id), 10))
}
