package postgres

import (
	"context"
	"errors"
	"strconv"

	"github.com/jackc/pgx/v5"

	"feedmill/feed"
	"feedmill/internal/crash"
	"feedmill/internal/partner"
	"feedmill/storage/records"
)

// The difference of an import and the catalog is worked out once, in a
// temporary table of the connection: the products that change, how (1 added,
// 2 changed, 3 removed), and where their staged rows lie.
//
// The statements are written so that there is one way to carry them out: a walk
// along the staged rows or the changes in order of product ids, and for each a
// look into an index or at a row's place. The server knows nothing of rows that
// have just been staged, and what it would guess could make it join millions of
// rows by comparing each with each. LIMIT 1 and OFFSET 0 keep it from joining.
const (
	sqlMergeTable = `CREATE TEMPORARY TABLE IF NOT EXISTS merge_change (product_id bigint NOT NULL, kind smallint NOT NULL, at tid)
		ON COMMIT DELETE ROWS`
	sqlMergeMemory = `SET LOCAL work_mem = '64MB'; SET LOCAL enable_memoize = off`
	// One merge of a merchant at a time; everybody else goes on.
	sqlLockCatalog = `SELECT pg_advisory_xact_lock(hashtextextended('feedmill catalog ' || $1::text, 0))`

	sqlMergeDiff = `WITH last AS MATERIALIZED (
			SELECT DISTINCT ON (s.product_id) s.product_id, s.digest, s.ctid AS at
			FROM import_product AS s WHERE s.merchant_id = $1 AND s.import_id = $2 ORDER BY s.product_id, s.place DESC),
		noted AS (INSERT INTO merge_change (product_id, kind, at)
			SELECT last.product_id, CASE WHEN o.digest IS NULL THEN 1 ELSE 2 END, last.at
			FROM last LEFT JOIN LATERAL (SELECT p.digest FROM product AS p WHERE p.merchant_id = $1 AND p.product_id = last.product_id LIMIT 1) AS o ON true
			WHERE o.digest IS DISTINCT FROM last.digest)
		SELECT count(*) FROM last`
	sqlMergeGone = `INSERT INTO merge_change (product_id, kind)
		SELECT p.product_id, 3 FROM product AS p WHERE p.merchant_id = $1
		AND (SELECT s.product_id FROM import_product AS s WHERE s.merchant_id = p.merchant_id AND s.import_id = $2 AND s.product_id = p.product_id LIMIT 1) IS NULL`
	sqlCatalogSize = `SELECT count(*) FROM product WHERE merchant_id = $1`
	sqlMergeNamed  = `INSERT INTO merge_change (product_id, kind)
		SELECT p.product_id, 3 FROM product AS p WHERE p.merchant_id = $1 AND p.product_id = ANY($2)`
	sqlStagedNamed = `SELECT s.product_id FROM import_product AS s WHERE s.merchant_id = $1 AND s.import_id = $2 AND s.product_id = ANY($3)
		ORDER BY s.product_id LIMIT 1`
	sqlMergeKinds = `SELECT kind, count(*) FROM merge_change GROUP BY kind`
	sqlMergeSome  = `SELECT product_id FROM merge_change WHERE kind = $1 ORDER BY product_id LIMIT $2`

	// The changes of one kind in order, each with its staged row.
	mergeStaged = ` FROM (SELECT product_id, at FROM merge_change WHERE kind = $3 ORDER BY product_id OFFSET 0) AS c
		CROSS JOIN LATERAL (SELECT s.digest, s.codes, s.doc FROM import_product AS s
			WHERE s.merchant_id = $1 AND s.import_id = $2 AND s.ctid = c.at OFFSET 0) AS n`
	// The changes that take codes away or bring others, each with both lists.
	mergeCodes = ` FROM (SELECT c.product_id, o.codes AS old, n.codes AS new
		FROM (SELECT product_id, at FROM merge_change WHERE kind > 1 ORDER BY product_id OFFSET 0) AS c
		CROSS JOIN LATERAL (SELECT p.codes FROM product AS p WHERE p.merchant_id = $1 AND p.product_id = c.product_id OFFSET 0) AS o
		LEFT JOIN LATERAL (SELECT s.codes FROM import_product AS s
			WHERE s.merchant_id = $1 AND s.import_id = $2 AND s.ctid = c.at OFFSET 0) AS n ON true
		WHERE o.codes IS DISTINCT FROM n.codes OFFSET 0) AS c`

	// The codes come first: they are compared with those that the catalog has.
	sqlMergeDropCodes = `DELETE FROM product_code WHERE merchant_id = $1 AND ctid = ANY (ARRAY (SELECT x.ctid` + mergeCodes + `
		CROSS JOIN LATERAL (SELECT unnest(c.old) EXCEPT SELECT unnest(c.new)) AS gone (code)
		CROSS JOIN LATERAL (SELECT k.ctid FROM product_code AS k WHERE k.merchant_id = $1 AND k.code = gone.code AND k.product_id = c.product_id OFFSET 0) AS x))`
	sqlMergeMoreCodes = `INSERT INTO product_code (merchant_id, code, product_id) SELECT $1, more.code, c.product_id` + mergeCodes + `
		CROSS JOIN LATERAL (SELECT unnest(c.new) EXCEPT SELECT unnest(c.old)) AS more (code)`
	sqlMergeCodes = `INSERT INTO product_code (merchant_id, code, product_id)
		SELECT $1, more.code, c.product_id` + mergeStaged + ` CROSS JOIN LATERAL unnest(n.codes) AS more (code)`

	// Codes that come and that products have which are not staged; of a code that half the
	// catalog has a few products are looked at.
	sqlMergeClashes = `SELECT more.code, c.product_id, k.product_id, n.doc, o.doc
		FROM (SELECT product_id, at FROM merge_change WHERE kind < 3 ORDER BY product_id OFFSET 0) AS c
		CROSS JOIN LATERAL (SELECT s.codes, s.doc FROM import_product AS s
			WHERE s.merchant_id = $1 AND s.import_id = $2 AND s.ctid = c.at OFFSET 0) AS n
		LEFT JOIN LATERAL (SELECT p.codes FROM product AS p WHERE p.merchant_id = $1 AND p.product_id = c.product_id OFFSET 0) AS b ON true
		CROSS JOIN LATERAL (SELECT unnest(n.codes) AS code WHERE b.codes IS DISTINCT FROM n.codes EXCEPT SELECT unnest(b.codes)) AS more
		CROSS JOIN LATERAL (SELECT k.product_id FROM product_code AS k
			WHERE k.merchant_id = $1 AND k.code = more.code AND k.product_id <> c.product_id LIMIT 16) AS k
		CROSS JOIN LATERAL (SELECT p.doc FROM product AS p WHERE p.merchant_id = $1 AND p.product_id = k.product_id OFFSET 0) AS o
		WHERE (SELECT s.product_id FROM import_product AS s
			WHERE s.merchant_id = $1 AND s.import_id = $2 AND s.product_id = k.product_id LIMIT 1) IS NULL
		LIMIT $3`

	sqlMergeRemove = `DELETE FROM product WHERE merchant_id = $1 AND product_id = ANY (ARRAY (SELECT product_id FROM merge_change WHERE kind = 3))`
	sqlMergeAdd    = `INSERT INTO product (merchant_id, product_id, updated, digest, codes, doc)
		SELECT $1, c.product_id, $4, n.digest, n.codes, n.doc` + mergeStaged
	sqlMergeChange = sqlMergeAdd + `
		ON CONFLICT (merchant_id, product_id) DO UPDATE SET updated = excluded.updated, digest = excluded.digest, codes = excluded.codes, doc = excluded.doc`
	sqlMergeQueue = `WITH rows AS (INSERT INTO change_queue (merchant_id, product_id, scope, cause, time)
			SELECT $1, product_id, '', 'import', $2 FROM merge_change ORDER BY product_id RETURNING seq)
		SELECT max(seq) FROM rows`

	sqlMerged = `SELECT EXISTS (SELECT 1 FROM audit WHERE merchant_id = $1 AND action = 'catalog.import' AND object = $2)`
)

// mergeExamples is how many ids of each sort a plan names.
const mergeExamples = 5

// More changed products than [records.QueueScope], or more than queueFew if they
// are a fifth of the catalog, make one row "catalog" instead of a row each.
const queueFew = 1_000

// errPlanned ends the transaction of a plan, so that it leaves nothing behind.
var errPlanned = errors.New("planned only")

// PlanMerge says what [DB.Merge] with the same arguments would do now, and
// changes nothing.
func (d *DB) PlanMerge(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, mode partner.MergeMode, removed []feed.ProductID) (plan partner.MergePlan, err error) {
	err = d.writeAs(ctx, "plan import "+string(id), how{long: true}, func(ctx context.Context, t *tx) error {
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
// name. The import is used up by it. Readers, publications and other merchants
// go on meanwhile; another merge of the same merchant waits.
func (d *DB) Merge(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ImportID, mode partner.MergeMode, removed []feed.ProductID) (plan partner.MergePlan, err error) {
	merged := func(ctx context.Context, t *tx) (done bool, err error) {
		if err := t.exec(ctx, sqlLockCatalog, merchant); err != nil {
			return false, err
		}
		_, err = t.one(ctx, sqlMerged, []any{merchant, id}, &done)
		return done, err
	}
	err = d.writeAs(ctx, "merge import "+string(id), how{long: true, done: merged}, func(ctx context.Context, t *tx) error {
		plan, err = t.planMerge(ctx, merchant, id, mode, removed)
		if err != nil {
			return err
		}
		err := t.merge(ctx, actor, merchant, id, &plan)
		crash.Point("postgres.merge.uncommitted")
		return err
	})
	if err != nil {
		return partner.MergePlan{}, err
	}
	crash.Point("postgres.merge.committed")
	// The merge stands. Staging rows that cannot be removed now are left to
	// SweepImports, so that nobody takes a merge that happened for a failure.
	_ = d.unstage(context.WithoutCancel(ctx), merchant, id)
	return plan, nil
}

func (t *tx) planMerge(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, mode partner.MergeMode, removed []feed.ProductID) (plan partner.MergePlan, err error) {
	if mode > partner.MergeReplace || mode == partner.MergeReplace && len(removed) > 0 {
		return plan, feed.Errorf(feed.KindInvalid, "a replacement removes by itself, and other modes than upsert and replace there are none")
	}
	if err := t.exec(ctx, sqlLockCatalog, merchant); err != nil {
		return plan, err
	}
	if err := t.openImport(ctx, merchant, id); err != nil {
		return plan, err
	}
	var given feed.ProductID
	if found, err := t.one(ctx, sqlStagedNamed, []any{merchant, id, removed}, &given); err != nil {
		return plan, err
	} else if found {
		return plan, feed.Errorf(feed.KindInvalid, "product %d is both given and removed", given)
	}
	for _, query := range []string{sqlMergeTable, sqlMergeMemory} {
		if err := t.exec(ctx, query); err != nil {
			return plan, err
		}
	}
	var staged int64
	if _, err := t.one(ctx, sqlMergeDiff, []any{merchant, id}, &staged); err != nil {
		return plan, err
	}
	if mode == partner.MergeReplace {
		err = t.noteGone(ctx, merchant, id, staged)
	} else if len(removed) > 0 {
		err = t.exec(ctx, sqlMergeNamed, merchant, removed)
	}
	if err != nil {
		return plan, err
	}
	counts, err := t.mergeKinds(ctx)
	if err != nil {
		return plan, err
	}
	plan.Added, plan.Changed, plan.Removed = counts[1], counts[2], counts[3]
	plan.Unchanged = staged - plan.Added - plan.Changed
	if mode == partner.MergeUpsert && counts[1]+counts[2] > 0 {
		err := t.each(ctx, sqlMergeClashes, []any{merchant, id, partner.MaxClashes}, func(rows pgx.Rows) error {
			var c partner.CodeClash
			err := rows.Scan(&c.Code, &c.Product, &c.Other, &c.Doc, &c.OtherDoc)
			plan.AddClash(c)
			return err
		})
		if err != nil {
			return plan, err
		}
	}
	for i, ids := range []*[]feed.ProductID{&plan.AddedExamples, &plan.ChangedExamples, &plan.RemovedExamples} {
		if counts[i+1] == 0 {
			continue
		}
		err := t.each(ctx, sqlMergeSome, []any{i + 1, mergeExamples}, func(rows pgx.Rows) error {
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

// mergeKinds counts the changes of each kind.
func (t *tx) mergeKinds(ctx context.Context) (counts [4]int64, err error) {
	err = t.each(ctx, sqlMergeKinds, nil, func(rows pgx.Rows) error {
		var kind, n int64
		err := rows.Scan(&kind, &n)
		counts[kind&3] = n
		return err
	})
	return counts, err
}

// noteGone notes the products that were not staged, and does not look for them
// where the numbers say that there are none.
func (t *tx) noteGone(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, staged int64) error {
	counts, err := t.mergeKinds(ctx)
	if err != nil {
		return err
	}
	var size int64
	if _, err := t.one(ctx, sqlCatalogSize, []any{merchant}, &size); err != nil || size == staged-counts[1] {
		return err
	}
	return t.exec(ctx, sqlMergeGone, merchant, id)
}

func (t *tx) merge(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ImportID, plan *partner.MergePlan) error {
	const added, altered = 1, 2
	replaced := plan.Changed > 0
	for _, s := range []struct {
		needed bool
		query  string
		args   []any
	}{
		{replaced || plan.Removed > 0, sqlMergeDropCodes, []any{merchant, id}},
		{replaced, sqlMergeMoreCodes, []any{merchant, id}},
		{plan.Removed > 0, sqlMergeRemove, []any{merchant}},
		{replaced, sqlMergeChange, []any{merchant, id, altered, t.now}},
		{plan.Added > 0, sqlMergeAdd, []any{merchant, id, added, t.now}},
		{plan.Added > 0, sqlMergeCodes, []any{merchant, id, added}},
		{true, sqlCloseImport, []any{merchant, id, "merged", t.now}},
	} {
		if !s.needed {
			continue
		}
		if err := t.exec(ctx, s.query, s.args...); err != nil {
			return err
		}
	}
	if err := t.MergeDictionaries(ctx, actor, merchant, id); err != nil {
		return err
	}
	changed := plan.Added + plan.Changed + plan.Removed
	var size int64
	if changed > queueFew && changed <= records.QueueScope {
		if _, err := t.one(ctx, sqlCatalogSize, []any{merchant}, &size); err != nil {
			return err
		}
	}
	switch {
	case changed > records.QueueScope, changed > queueFew && changed > size/5:
		t.Queue(merchant, "catalog", "import")
	case changed > 0:
		var seq int64
		if _, err := t.one(ctx, sqlMergeQueue, []any{merchant, t.now}, &seq); err != nil {
			return err
		}
		t.QueuedUpTo(merchant, seq)
	}
	return t.Audit(actor, merchant, "catalog.import", string(id), nil, partner.Facts{
		"added":   strconv.FormatInt(plan.Added, 10),
		"changed": strconv.FormatInt(plan.Changed, 10),
		"removed": strconv.FormatInt(plan.Removed, 10),
	})
}
