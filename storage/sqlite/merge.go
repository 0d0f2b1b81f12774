package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"

	"feedmill/feed"
	"feedmill/internal/crash"
	"feedmill/internal/partner"
)

// The difference of an import and the catalog is worked out once, in a
// temporary table of the writing connection. kind: 1 added, 2 changed, 3 removed.
const (
	sqlMergeTable = `CREATE TEMP TABLE IF NOT EXISTS merge_change (product_id INTEGER PRIMARY KEY, kind INTEGER NOT NULL)`
	sqlMergeClear = `DELETE FROM temp.merge_change`
	sqlMergeDiff  = `INSERT INTO temp.merge_change (product_id, kind)
		SELECT s.product_id, CASE WHEN p.product_id IS NULL THEN 1 ELSE 2 END
		FROM staging.staged AS s LEFT JOIN product AS p ON p.merchant_id = ? AND p.product_id = s.product_id
		WHERE p.product_id IS NULL OR p.digest <> s.digest`
	sqlMergeGone = `INSERT INTO temp.merge_change (product_id, kind)
		SELECT p.product_id, 3 FROM product AS p WHERE p.merchant_id = ?
		AND NOT EXISTS (SELECT 1 FROM staging.staged AS s WHERE s.product_id = p.product_id)`
	sqlMergeNamed = `INSERT INTO temp.merge_change (product_id, kind)
		SELECT p.product_id, 3 FROM product AS p WHERE p.merchant_id = ? AND p.product_id = ?
		ON CONFLICT (product_id) DO NOTHING`
	sqlMergeKinds = `SELECT kind, count(*) FROM temp.merge_change GROUP BY kind`
	sqlMergeSome  = `SELECT product_id FROM temp.merge_change WHERE kind = ? ORDER BY product_id LIMIT ?`

	sqlMergeDropCodes = `DELETE FROM product_code WHERE merchant_id = ? AND product_id IN (SELECT product_id FROM temp.merge_change WHERE kind <> 1)`
	sqlMergeRemove    = `DELETE FROM product WHERE merchant_id = ? AND product_id IN (SELECT product_id FROM temp.merge_change WHERE kind = 3)`
	sqlMergeProducts  = `INSERT INTO product (merchant_id, product_id, digest, updated, doc)
		SELECT ?, s.product_id, s.digest, ?, d.doc
		FROM temp.merge_change AS c JOIN staging.staged AS s ON s.product_id = c.product_id
			JOIN staging.staged_doc AS d ON d.product_id = c.product_id
		WHERE c.kind <> 3
		ON CONFLICT (merchant_id, product_id) DO UPDATE SET digest = excluded.digest, updated = excluded.updated, doc = excluded.doc`
	sqlMergeCodes = `INSERT INTO product_code (merchant_id, code, product_id)
		SELECT ?, code.value, s.product_id
		FROM temp.merge_change AS c JOIN staging.staged AS s ON s.product_id = c.product_id,
			json_each(s.codes) AS code
		WHERE c.kind <> 3 AND code.value <> '' GROUP BY code.value, s.product_id`
	sqlCatalogSize = `SELECT count(*) FROM product WHERE merchant_id = ?`
	sqlMergeQueue  = `INSERT INTO change_queue (merchant_id, product_id, scope, cause, time)
		SELECT ?, product_id, '', 'import', ? FROM temp.merge_change ORDER BY product_id`

	sqlStaged      = `SELECT count(*) FROM staging.staged`
	sqlStagedNamed = `SELECT EXISTS (SELECT 1 FROM staging.staged WHERE product_id = ?)`
)

// mergeExamples is how many ids of each sort a plan names.
const mergeExamples = 5

// More changed products than queueScope, or more than queueFew if they are a
// fifth of the catalog, make one row "catalog" instead of a row each: by then the
// hint is no help and only costs.
const (
	queueScope = 50_000
	queueFew   = 1_000
)

// errPlanned ends the transaction of a plan, so that it leaves nothing behind.
var errPlanned = errors.New("planned only")

// PlanMerge says what [DB.Merge] with the same arguments would do now, and
// changes nothing.
func (d *DB) PlanMerge(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, mode partner.MergeMode, removed []feed.ProductID) (plan partner.MergePlan, err error) {
	err = d.writeStaged(ctx, "plan import "+string(id), merchant, id, func(ctx context.Context, t *tx) error {
		plan, err = t.planMerge(ctx, merchant, id, mode, removed)
		if err != nil {
			return err
		}
		return errPlanned // nothing is to be committed
	})
	if errors.Is(err, errPlanned) {
		err = nil
	}
	return plan, err
}

// Merge makes what was staged part of the catalog, removes in mode
// [partner.MergeReplace] every other product and in [partner.MergeUpsert] the
// ones named, and queues what changed: in one transaction, so whatever stops it
// leaves the catalog as it was. A product that is staged cannot be removed by
// name. The import is used up by it.
func (d *DB) Merge(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ImportID, mode partner.MergeMode, removed []feed.ProductID) (plan partner.MergePlan, err error) {
	err = d.writeStaged(ctx, "merge import "+string(id), merchant, id, func(ctx context.Context, t *tx) error {
		plan, err = t.planMerge(ctx, merchant, id, mode, removed)
		if err != nil {
			return err
		}
		err := t.merge(ctx, actor, merchant, id, &plan)
		crash.Point("sqlite.merge.uncommitted")
		return err
	})
	if err != nil {
		return partner.MergePlan{}, err
	}
	crash.Point("sqlite.merge.committed")
	// The merge stands. Staging rows that cannot be removed now are left to
	// SweepImports, so that nobody takes a merge that happened for a failure.
	_ = d.unstage(context.WithoutCancel(ctx), merchant, id)
	return plan, nil
}

func (t *tx) planMerge(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, mode partner.MergeMode, removed []feed.ProductID) (plan partner.MergePlan, err error) {
	if mode > partner.MergeReplace || mode == partner.MergeReplace && len(removed) > 0 {
		return plan, feed.Errorf(feed.KindInvalid, "a replacement removes by itself, and other modes than upsert and replace there are none")
	}
	if err := t.openImport(ctx, merchant, id); err != nil {
		return plan, err
	}
	for _, query := range []string{sqlMergeTable, sqlMergeClear} {
		if err := t.exec(ctx, query); err != nil {
			return plan, err
		}
	}
	if err := t.exec(ctx, sqlMergeDiff, merchant); err != nil {
		return plan, err
	}
	if mode == partner.MergeReplace {
		if err := t.exec(ctx, sqlMergeGone, merchant); err != nil {
			return plan, err
		}
	}
	for _, product := range removed {
		var staged bool
		if _, err := t.one(ctx, sqlStagedNamed, []any{product}, &staged); err != nil {
			return plan, err
		}
		if staged {
			return plan, feed.Errorf(feed.KindInvalid, "product %d is both given and removed", product)
		}
		if err := t.exec(ctx, sqlMergeNamed, merchant, product); err != nil {
			return plan, err
		}
	}
	counts := [4]int64{}
	err = t.each(ctx, sqlMergeKinds, nil, func(rows *sql.Rows) error {
		var kind, n int64
		err := rows.Scan(&kind, &n)
		counts[kind&3] = n
		return err
	})
	if err != nil {
		return plan, err
	}
	var staged int64
	if _, err := t.one(ctx, sqlStaged, nil, &staged); err != nil {
		return plan, err
	}
	plan.Added, plan.Changed, plan.Removed = counts[1], counts[2], counts[3]
	plan.Unchanged = staged - plan.Added - plan.Changed
	for i, ids := range []*[]feed.ProductID{&plan.AddedExamples, &plan.ChangedExamples, &plan.RemovedExamples} {
		err := t.each(ctx, sqlMergeSome, []any{i + 1, mergeExamples}, func(rows *sql.Rows) error {
			var id feed.ProductID
			err := rows.Scan(&id)
			*ids = append(*ids, id)
			return err
		})
		if err != nil {
			return plan, err
		}
	}
	return plan, nil
}

func (t *tx) merge(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ImportID, plan *partner.MergePlan) error {
	for _, s := range []struct {
		query string
		args  []any
	}{
		{sqlMergeDropCodes, []any{merchant}},
		{sqlMergeRemove, []any{merchant}},
		{sqlMergeProducts, []any{merchant, t.now}},
		{sqlMergeCodes, []any{merchant}},
		{sqlCloseImport, []any{"merged", t.now, merchant, id}},
	} {
		if err := t.exec(ctx, s.query, s.args...); err != nil {
			return err
		}
	}
	if err := t.mergeDictionaries(ctx, actor, merchant, id); err != nil {
		return err
	}
	changed := plan.Added + plan.Changed + plan.Removed
	var size int64
	if changed > queueFew && changed <= queueScope {
		if _, err := t.one(ctx, sqlCatalogSize, []any{merchant}, &size); err != nil {
			return err
		}
	}
	switch {
	case changed > queueScope, changed > queueFew && changed > size/5:
		if err := t.queue(ctx, merchant, 0, "catalog", "import"); err != nil {
			return err
		}
	case changed > 0:
		if err := t.exec(ctx, sqlMergeQueue, merchant, t.now); err != nil {
			return err
		}
		if err := t.noteQueued(ctx, merchant); err != nil {
			return err
		}
	}
	return t.audit(ctx, actor, merchant, "catalog.import", string(id), nil, facts{
		"added":   strconv.FormatInt(plan.Added, 10),
		"changed": strconv.FormatInt(plan.Changed, 10),
		"removed": strconv.FormatInt(plan.Removed, 10),
	})
}

const (
	sqlProductByID    = `SELECT doc FROM product WHERE merchant_id = ? AND product_id = ?`
	sqlProductsByCode = `SELECT product_id FROM product_code WHERE merchant_id = ? AND code = ? ORDER BY product_id`
)

// Product gives the document of one product.
func (d *DB) Product(ctx context.Context, merchant partner.MerchantID, id feed.ProductID) (doc []byte, err error) {
	name := strconv.FormatInt(int64(id), 10)
	err = d.read(ctx, "read product "+name, func(ctx context.Context, t *tx) error {
		found, err := t.one(ctx, sqlProductByID, []any{merchant, id}, &doc)
		if err == nil && !found {
			err = missing("product", name)
		}
		return err
	})
	return slices.Clip(doc), err
}

// ProductsByCode gives the ids of the products with this code, in ascending order.
func (d *DB) ProductsByCode(ctx context.Context, merchant partner.MerchantID, code string) (ids []feed.ProductID, err error) {
	err = d.read(ctx, "find code", func(ctx context.Context, t *tx) error {
		return t.each(ctx, sqlProductsByCode, []any{merchant, code}, func(rows *sql.Rows) error {
			var id feed.ProductID
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
	})
	return ids, err
}
