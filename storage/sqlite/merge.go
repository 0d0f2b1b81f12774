package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strconv"

	"feedmill/feed"
	"feedmill/internal/crash"
	"feedmill/internal/partner"
	"feedmill/storage/records"
)

// The difference of an import and the catalog is worked out once, for a range of
// ids at a time, in a temporary table of the writing connection. kind: 1 added, 2
// changed, 3 removed.
const (
	sqlMergeTable = `CREATE TEMP TABLE IF NOT EXISTS merge_change (product_id INTEGER PRIMARY KEY, kind INTEGER NOT NULL)`
	sqlMergeClear = `DELETE FROM temp.merge_change`
	sqlMergeDiff  = `INSERT INTO temp.merge_change (product_id, kind)
		SELECT s.product_id, CASE WHEN p.product_id IS NULL THEN 1 ELSE 2 END
		FROM staging.staged AS s LEFT JOIN product AS p ON p.merchant_id = ? AND p.product_id = s.product_id
		WHERE s.product_id > ? AND s.product_id <= ? AND (p.product_id IS NULL OR p.digest <> s.digest)`
	sqlMergeGone = `INSERT INTO temp.merge_change (product_id, kind)
		SELECT p.product_id, 3 FROM product AS p WHERE p.merchant_id = ? AND p.product_id > ? AND p.product_id <= ?
		AND NOT EXISTS (SELECT 1 FROM staging.staged AS s WHERE s.product_id = p.product_id)`
	sqlMergeNamed = `INSERT INTO temp.merge_change (product_id, kind)
		SELECT p.product_id, 3 FROM product AS p WHERE p.merchant_id = ? AND p.product_id = ?
		ON CONFLICT (product_id) DO NOTHING`
	sqlMergeKinds = `SELECT kind, count(*) FROM temp.merge_change GROUP BY kind`
	sqlMergeSome  = `SELECT product_id FROM temp.merge_change WHERE kind = ? ORDER BY product_id LIMIT ?`

	sqlMergeStagedTo  = `SELECT product_id FROM staging.staged WHERE product_id > ? ORDER BY product_id LIMIT 1 OFFSET ?`
	sqlMergeCatalogTo = `SELECT product_id FROM product WHERE merchant_id = ? AND product_id > ? ORDER BY product_id LIMIT 1 OFFSET ?`
	sqlMergeChangedTo = `SELECT product_id FROM temp.merge_change WHERE product_id > ? ORDER BY product_id LIMIT 1 OFFSET ?`
	sqlMergeIDs       = `SELECT product_id FROM temp.merge_change ORDER BY product_id LIMIT ?`

	// The codes of a product that has changed are compared with those that it had, by the
	// index of products: mostly they are the same, and the index of codes, all over which
	// they lie, is left alone.
	sqlMergeCodeTable = `CREATE TEMP TABLE IF NOT EXISTS merge_code (product_id INTEGER NOT NULL, code TEXT NOT NULL, PRIMARY KEY (product_id, code)) WITHOUT ROWID`
	sqlMergeCodeClear = `DELETE FROM temp.merge_code`
	sqlMergeCodeKept  = `INSERT OR IGNORE INTO temp.merge_code (product_id, code)
		SELECT c.product_id, code.value
		FROM temp.merge_change AS c JOIN staging.staged AS s ON s.product_id = c.product_id, json_each(s.codes) AS code
		WHERE c.kind = 2 AND c.product_id > ? AND c.product_id <= ? AND code.value <> ''`
	sqlMergeDropCodes = `DELETE FROM product_code WHERE merchant_id = ? AND product_id IN
		(SELECT product_id FROM temp.merge_change WHERE kind <> 1 AND product_id > ? AND product_id <= ?)
		AND NOT EXISTS (SELECT 1 FROM temp.merge_code AS kept WHERE kept.product_id = product_code.product_id AND kept.code = product_code.code)`
	sqlMergeRemove = `DELETE FROM product WHERE merchant_id = ? AND product_id IN
		(SELECT product_id FROM temp.merge_change WHERE kind = 3 AND product_id > ? AND product_id <= ?)`
	sqlMergeProducts = `INSERT INTO product (merchant_id, product_id, digest, updated, doc)
		SELECT ?, s.product_id, s.digest, ?, d.doc
		FROM temp.merge_change AS c JOIN staging.staged AS s ON s.product_id = c.product_id
			JOIN staging.staged_doc AS d ON d.product_id = c.product_id
		WHERE c.kind <> 3 AND c.product_id > ? AND c.product_id <= ?
		ON CONFLICT (merchant_id, product_id) DO UPDATE SET digest = excluded.digest, updated = excluded.updated, doc = excluded.doc`
	sqlMergeCodesSize = `SELECT coalesce(sum(length(s.codes)), 0) FROM temp.merge_change AS c JOIN staging.staged AS s ON s.product_id = c.product_id WHERE c.kind <> 3`
	// FAIL spares a copy of each page that is touched, in memory: whatever fails, the
	// transaction does not go on.
	sqlMergeCodes = `INSERT OR FAIL INTO product_code (merchant_id, code, product_id)
		SELECT ?, code.value, s.product_id
		FROM temp.merge_change AS c JOIN staging.staged AS s ON s.product_id = c.product_id,
			json_each(s.codes) AS code
		WHERE c.kind = 1 AND c.product_id > ? AND c.product_id <= ? AND code.value <> '' GROUP BY code.value, s.product_id`
	sqlMergeMore = `INSERT OR IGNORE INTO temp.merge_code (product_id, code)
		SELECT c.product_id, code.value
		FROM temp.merge_change AS c JOIN staging.staged AS s ON s.product_id = c.product_id,
			json_each(s.codes) AS code
		WHERE c.kind = 2 AND c.product_id > ? AND c.product_id <= ? AND code.value <> ''
			AND NOT EXISTS (SELECT 1 FROM product_code AS had INDEXED BY product_code_product
				WHERE had.merchant_id = ? AND had.product_id = c.product_id AND had.code = code.value)`
	sqlMergeMoreCodes = `INSERT OR FAIL INTO product_code (merchant_id, code, product_id)
		SELECT ?, c.code, c.product_id FROM temp.merge_code AS c ORDER BY c.code, c.product_id`
	// Codes that come with products, or to them, and that products have which are not
	// staged; of a code that half the catalog has a few products are looked at.
	sqlMergeClashes = `SELECT code.value, c.product_id, p.product_id, d.doc, p.doc
		FROM temp.merge_change AS c CROSS JOIN staging.staged AS s ON s.product_id = c.product_id
			CROSS JOIN json_each(s.codes) AS code ON code.value <> ''
			CROSS JOIN product AS p ON p.merchant_id = ? AND p.product_id IN (SELECT other.product_id FROM product_code AS other
				WHERE other.merchant_id = ? AND other.code = code.value AND other.product_id <> c.product_id LIMIT 16)
			CROSS JOIN staging.staged_doc AS d ON d.product_id = c.product_id
		WHERE c.kind = 1 AND c.product_id > ? AND c.product_id <= ?
			AND NOT EXISTS (SELECT 1 FROM staging.staged AS also WHERE also.product_id = p.product_id)
		LIMIT ?`
	sqlMergeMoreClashes = `SELECT code.code, code.product_id, p.product_id, d.doc, p.doc
		FROM temp.merge_code AS code
			CROSS JOIN product AS p ON p.merchant_id = ? AND p.product_id IN (SELECT other.product_id FROM product_code AS other
				WHERE other.merchant_id = ? AND other.code = code.code AND other.product_id <> code.product_id LIMIT 16)
			CROSS JOIN staging.staged_doc AS d ON d.product_id = code.product_id
		WHERE NOT EXISTS (SELECT 1 FROM staging.staged AS also WHERE also.product_id = p.product_id)
		LIMIT ?`
	sqlCatalogSize = `SELECT count(*) FROM product WHERE merchant_id = ?`
	sqlMergeQueue  = `INSERT INTO change_queue (merchant_id, product_id, scope, cause, time)
		SELECT ?, value, '', 'import', ? FROM json_each(?) ORDER BY value`

	sqlStaged      = `SELECT count(*) FROM staging.staged`
	sqlStagedNamed = `SELECT EXISTS (SELECT 1 FROM staging.staged WHERE product_id = ?)`
)

// mergeExamples is how many ids of each sort a plan names.
const mergeExamples = 5

// More changed products than [records.QueueScope], or more than queueFew if they
// are a fifth of the catalog, make one row "catalog" instead of a row each.
const queueFew = 1_000

// mergeSteps bound a merge's statements: each keeps what it has to sort, and pages
// as they were before it, in memory, so none is about the whole catalog.
type mergeSteps struct {
	// compare is how many products are compared, and have their codes sorted, at a
	// time. It is large, because codes of each step go all over the index; about codeBytes
	// of codes are compared and sorted at a time at most.
	compare, codeBytes int
	write              int // products written at a time
}

// manyCodes is how many products must come or go in a step for their codes, which lie
// all over an index, to be worth a larger cache of its pages.
const manyCodes = 20_000

// planStep is how many products' codes a plan looks at at a time.
const planStep = 10_000

func usualSteps() mergeSteps { return mergeSteps{compare: 150_000, codeBytes: 8 << 20, write: 1_000} }

// errPlanned ends the transaction of a plan, so that it leaves nothing behind.
var errPlanned = errors.New("planned only")

// PlanMerge says what [DB.Merge] with the same arguments would do now, and
// changes nothing.
func (d *DB) PlanMerge(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, mode partner.MergeMode, removed []feed.ProductID) (plan partner.MergePlan, err error) {
	err = d.writeStaged(ctx, "plan import "+string(id), merchant, id, func(ctx context.Context, t *tx) error {
		m := merger{tx: t, merchant: merchant, id: id, plan: &plan, steps: d.steps}
		if err := m.run(ctx, mode, removed); err != nil {
			return err
		}
		return errPlanned // nothing is to be committed
	})
	if !errors.Is(err, errPlanned) {
		return partner.MergePlan{}, err
	}
	return plan, nil
}

// Merge makes what was staged part of the catalog, removes in mode
// [partner.MergeReplace] every other product and in [partner.MergeUpsert] the
// ones named, and queues what changed: in one transaction, so whatever stops it
// leaves the catalog as it was. A product that is staged cannot be removed by
// name. The import is used up by it.
func (d *DB) Merge(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ImportID, mode partner.MergeMode, removed []feed.ProductID) (plan partner.MergePlan, err error) {
	err = d.writeStaged(ctx, "merge import "+string(id), merchant, id, func(ctx context.Context, t *tx) error {
		m := merger{tx: t, merchant: merchant, id: id, plan: &plan, steps: d.steps, apply: true}
		err := m.run(ctx, mode, removed)
		if err == nil {
			err = t.merged(ctx, actor, &m)
		}
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

// merger works an import out.
type merger struct {
	*tx
	merchant partner.MerchantID
	id       partner.ImportID
	mode     partner.MergeMode
	steps    mergeSteps
	apply    bool // it is merged and not only planned
	plan     *partner.MergePlan
	// changed are the products that differ, up to one more than records.QueueScope.
	changed []feed.ProductID
}

// run works out the difference, and applies it.
func (m *merger) run(ctx context.Context, mode partner.MergeMode, removed []feed.ProductID) error {
	*m.plan = partner.MergePlan{}
	if mode > partner.MergeReplace || mode == partner.MergeReplace && len(removed) > 0 {
		return feed.Errorf(feed.KindInvalid, "a replacement removes by itself, and other modes than upsert and replace there are none")
	}
	if err := m.openImport(ctx, m.merchant, m.id); err != nil {
		return err
	}
	for _, query := range []string{sqlMergeTable, sqlMergeCodeTable} {
		if err := m.exec(ctx, query); err != nil {
			return err
		}
	}
	m.mode = mode
	for from := feed.ProductID(0); from < feed.MaxProductID; {
		to, err := m.next(ctx, from, m.steps.compare, sqlMergeStagedTo)
		if err == nil && mode == partner.MergeReplace {
			var last feed.ProductID
			last, err = m.next(ctx, from, m.steps.compare, sqlMergeCatalogTo, m.merchant)
			to = min(to, last)
		}
		if err == nil {
			err = m.compare(ctx, mode, from, to)
		}
		if err != nil {
			return err
		}
		from = to
	}
	removed = slices.Clone(removed)
	slices.Sort(removed)
	removed = slices.Compact(removed)
	for some := range slices.Chunk(removed, m.steps.compare) {
		if err := m.remove(ctx, some); err != nil {
			return err
		}
	}
	var staged int64
	_, err := m.one(ctx, sqlStaged, nil, &staged)
	m.plan.Unchanged = staged - m.plan.Added - m.plan.Changed
	// A plan takes other steps than the merge, and tells the same.
	slices.SortFunc(m.plan.Clashes, func(a, b partner.CodeClash) int {
		return cmp.Or(cmp.Compare(a.Product, b.Product), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Other, b.Other))
	})
	return err
}

// next gives the last id of a step of n that begins behind an id, as a query with
// these arguments tells it.
func (m *merger) next(ctx context.Context, behind feed.ProductID, n int, query string, args ...any) (last feed.ProductID, err error) {
	found, err := m.one(ctx, query, append(args, behind, n-1), &last)
	if err == nil && !found {
		last = feed.MaxProductID
	}
	return last, err
}

// compare compares the products behind from, up to to.
func (m *merger) compare(ctx context.Context, mode partner.MergeMode, from, to feed.ProductID) error {
	err := m.exec(ctx, sqlMergeClear)
	if err == nil {
		err = m.exec(ctx, sqlMergeDiff, m.merchant, from, to)
	}
	if err == nil && mode == partner.MergeReplace {
		err = m.exec(ctx, sqlMergeGone, m.merchant, from, to)
	}
	if err != nil {
		return err
	}
	return m.settle(ctx)
}

// remove takes products out that were named.
func (m *merger) remove(ctx context.Context, ids []feed.ProductID) error {
	if err := m.exec(ctx, sqlMergeClear); err != nil {
		return err
	}
	for _, product := range ids {
		var staged bool
		if _, err := m.one(ctx, sqlStagedNamed, []any{product}, &staged); err != nil {
			return err
		}
		if staged {
			return feed.Errorf(feed.KindInvalid, "product %d is both given and removed", product)
		}
		if err := m.exec(ctx, sqlMergeNamed, m.merchant, product); err != nil {
			return err
		}
	}
	return m.settle(ctx)
}

// settle counts the differences that are in the table, and applies them.
func (m *merger) settle(ctx context.Context) error {
	counts := [4]int64{}
	err := m.each(ctx, sqlMergeKinds, nil, func(rows *sql.Rows) error {
		var kind, n int64
		err := rows.Scan(&kind, &n)
		counts[kind&3] = n
		return err
	})
	if err != nil {
		return err
	}
	p := m.plan
	p.Added, p.Changed, p.Removed = p.Added+counts[1], p.Changed+counts[2], p.Removed+counts[3]
	for i, to := range []*[]feed.ProductID{&p.AddedExamples, &p.ChangedExamples, &p.RemovedExamples} {
		if counts[i+1] > 0 && len(*to) < mergeExamples {
			if err := m.ids(ctx, to, sqlMergeSome, i+1, mergeExamples-len(*to)); err != nil {
				return err
			}
		}
	}
	if counts == [4]int64{} {
		return nil
	}
	if !m.apply {
		return m.ranges(ctx, planStep, func(from, to feed.ProductID) error { return m.moreCodes(ctx, from, to) })
	}
	if n := records.QueueScope + 1 - len(m.changed); n > 0 {
		if err := m.ids(ctx, &m.changed, sqlMergeIDs, n); err != nil {
			return err
		}
	}
	return m.write(ctx, counts)
}

// moreCodes notes in a table which codes come to products of a range that were there
// before, and in the plan those that others have, of products that come, too.
func (m *merger) moreCodes(ctx context.Context, from, to feed.ProductID) error {
	if !m.apply && m.mode != partner.MergeUpsert {
		return nil
	}
	err := m.exec(ctx, sqlMergeCodeClear)
	if err == nil {
		err = m.exec(ctx, sqlMergeMore, from, to, m.merchant)
	}
	if err != nil || m.mode != partner.MergeUpsert {
		return err
	}
	note := func(rows *sql.Rows) error {
		var c partner.CodeClash
		err := rows.Scan(&c.Code, &c.Product, &c.Other, &c.Doc, &c.OtherDoc)
		m.plan.AddClash(c)
		return err
	}
	left := func() int { return partner.MaxClashes - len(m.plan.Clashes) }
	if err := m.each(ctx, sqlMergeMoreClashes, []any{m.merchant, m.merchant, left()}, note); err != nil {
		return err
	}
	return m.each(ctx, sqlMergeClashes, []any{m.merchant, m.merchant, from, to, left()}, note)
}

// ids adds those that a query gives.
func (m *merger) ids(ctx context.Context, to *[]feed.ProductID, query string, args ...any) error {
	return m.each(ctx, query, args, func(rows *sql.Rows) error {
		var id feed.ProductID
		err := rows.Scan(&id)
		*to = append(*to, id)
		return err
	})
}

// write applies the differences that are in the table, of which there are so many
// of each kind.
func (m *merger) write(ctx context.Context, counts [4]int64) error {
	if counts[1]+counts[3] > manyCodes {
		if err := m.exec(ctx, sqlMergeCache); err != nil {
			return err
		}
	}
	var size int64
	if _, err := m.one(ctx, sqlMergeCodesSize, nil, &size); err != nil {
		return err
	}
	codes := m.steps.compare // products whose codes are looked at at a time
	if size > 0 {
		codes = int(max(1, min(int64(codes), int64(m.steps.codeBytes)*(counts[1]+counts[2])/size)))
	}
	err := m.ranges(ctx, min(m.steps.write, codes), func(from, to feed.ProductID) error {
		err := m.dropCodes(ctx, from, to)
		if err == nil {
			err = m.exec(ctx, sqlMergeRemove, m.merchant, from, to)
		}
		if err == nil {
			err = m.exec(ctx, sqlMergeProducts, m.merchant, m.now, from, to)
		}
		return err
	})
	if err != nil {
		return err
	}
	return m.ranges(ctx, codes, func(from, to feed.ProductID) error {
		err := m.moreCodes(ctx, from, to)
		if err == nil {
			err = m.exec(ctx, sqlMergeMoreCodes, m.merchant)
		}
		if err == nil {
			err = m.exec(ctx, sqlMergeCodes, m.merchant, from, to)
		}
		return err
	})
}

// dropCodes takes away the codes of a range that its products have no longer.
func (m *merger) dropCodes(ctx context.Context, from, to feed.ProductID) error {
	err := m.exec(ctx, sqlMergeCodeClear)
	if err == nil {
		err = m.exec(ctx, sqlMergeCodeKept, from, to)
	}
	if err == nil {
		err = m.exec(ctx, sqlMergeDropCodes, m.merchant, from, to)
	}
	return err
}

// ranges calls fn for ranges of ids, behind from up to to, with n differences each.
func (m *merger) ranges(ctx context.Context, n int, fn func(from, to feed.ProductID) error) error {
	for from := feed.ProductID(0); from < feed.MaxProductID; {
		to, err := m.next(ctx, from, n, sqlMergeChangedTo)
		if err == nil {
			err = fn(from, to)
		}
		if err != nil {
			return err
		}
		from = to
	}
	return nil
}

// merged completes a merge that was applied.
func (t *tx) merged(ctx context.Context, actor partner.Actor, m *merger) error {
	merchant, id, plan := m.merchant, m.id, m.plan
	if err := t.exec(ctx, sqlCloseImport, "merged", t.now, merchant, id); err != nil {
		return err
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
		list, err := json.Marshal(m.changed)
		if err != nil {
			return err
		}
		if err := t.exec(ctx, sqlMergeQueue, merchant, t.now, string(list)); err != nil {
			return err
		}
		if err := t.noteQueued(ctx, merchant); err != nil {
			return err
		}
	}
	return t.Audit(actor, merchant, "catalog.import", string(id), nil, partner.Facts{
		"added":   strconv.FormatInt(plan.Added, 10),
		"changed": strconv.FormatInt(plan.Changed, 10),
		"removed": strconv.FormatInt(plan.Removed, 10),
	})
}
