package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"iter"
	"slices"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	// An offer or a partner that changes is read from another feed afterwards; what
	// is in a feed depends on neither.
	sqlWideEvents = `SELECT EXISTS (SELECT 1 FROM event_log WHERE merchant_id = ? AND event_no > ? AND product_id IS NULL
		AND substr(scope, 1, 2) NOT IN ('o-', 'p-'))`
	sqlChangedIDs   = `SELECT DISTINCT product_id FROM event_log WHERE merchant_id = ? AND event_no > ? AND product_id IS NOT NULL ORDER BY product_id LIMIT ?`
	sqlWideQueue    = `SELECT EXISTS (SELECT 1 FROM change_queue WHERE merchant_id = ? AND product_id IS NULL AND substr(scope, 1, 2) NOT IN ('o-', 'p-'))`
	sqlQueuedIDs    = `SELECT DISTINCT product_id FROM change_queue WHERE merchant_id = ? AND product_id IS NOT NULL ORDER BY product_id LIMIT ?`
	sqlSomeProducts = `SELECT p.product_id, p.doc FROM json_each(?) AS j CROSS JOIN product AS p ON p.merchant_id = ? AND p.product_id = j.value`
)

const (
	// hintLimit is how many products a hint names if the caller sets no limit.
	hintLimit = 200_000
	// hintEvents is how many events are looked through for a product each.
	hintEvents = 20
	// someProducts is how many products are asked for at a time.
	someProducts = 1000
)

// Head gives the number of the last event that the snapshot sees: the changes of
// it, and of all before, are in it.
func (s *Snapshot) Head(ctx context.Context) (last int64, err error) {
	var trimmed int64
	_, err = s.t.one(ctx, sqlHead, []any{s.merchant}, &last, &trimmed)
	return last, fault("read the log", ended(ctx, err))
}

// Changes says where to look for what has changed after an event. It says
// everywhere when a change was to more than products, when more than limit
// products have changed (0 is a default), and when the log does not reach back
// that far, or not as far.
func (s *Snapshot) Changes(ctx context.Context, after int64, limit int) (hint publish.Hint, err error) {
	hint, err = s.changes(ctx, after, limit)
	return hint, fault("read the log", ended(ctx, err))
}

func (s *Snapshot) changes(ctx context.Context, after int64, limit int) (hint publish.Hint, err error) {
	if limit <= 0 {
		limit = hintLimit
	}
	all := publish.Hint{All: true}
	var last, trimmed int64
	if _, err := s.t.one(ctx, sqlHead, []any{s.merchant}, &last, &trimmed); err != nil {
		return all, err
	}
	switch {
	case after == last:
		return hint, nil
	case after > last || after < trimmed || last-after > int64(limit)*hintEvents:
		return all, nil
	}
	var wide bool
	if _, err := s.t.one(ctx, sqlWideEvents, []any{s.merchant, after}, &wide); err != nil || wide {
		return all, err
	}
	return s.named(ctx, limit, sqlChangedIDs, s.merchant, after, limit+1)
}

// named makes a hint of the products that a query gives, one more than limit.
func (s *Snapshot) named(ctx context.Context, limit int, query string, args ...any) (hint publish.Hint, err error) {
	err = s.t.each(ctx, query, args, func(rows *sql.Rows) error {
		var id feed.ProductID
		err := rows.Scan(&id)
		hint.Products = append(hint.Products, id)
		return err
	})
	if len(hint.Products) > limit {
		hint = publish.Hint{All: true}
	}
	return hint, err
}

// Unnumbered says where to look for changes that are in the snapshot and had no
// number when it was taken, so that [Snapshot.Changes] tells of them only later.
func (s *Snapshot) Unnumbered(ctx context.Context, limit int) (hint publish.Hint, err error) {
	if limit <= 0 {
		limit = hintLimit
	}
	var wide bool
	if _, err = s.t.one(ctx, sqlWideQueue, []any{s.merchant}, &wide); err == nil {
		if wide {
			return publish.Hint{All: true}, nil
		}
		hint, err = s.named(ctx, limit, sqlQueuedIDs, s.merchant, limit+1)
	}
	return hint, fault("read the queue", ended(ctx, err))
}

// ProductsByID yields the products with these ids, which are in ascending order,
// and leaves out those that do not exist; the first error ends it.
func (s *Snapshot) ProductsByID(ctx context.Context, ids []feed.ProductID) iter.Seq2[partner.StoredProduct, error] {
	return func(yield func(partner.StoredProduct, error) bool) {
		for some := range slices.Chunk(ids, someProducts) {
			var list []partner.StoredProduct
			text, err := json.Marshal(some)
			if err == nil {
				err = s.t.each(ctx, sqlSomeProducts, []any{string(text), s.merchant}, func(rows *sql.Rows) error {
					var p partner.StoredProduct
					err := rows.Scan(&p.ID, &p.Doc)
					list = append(list, p)
					return err
				})
			}
			if err != nil {
				yield(partner.StoredProduct{}, fault("read products", ended(ctx, err)))
				return
			}
			for _, p := range list {
				if !yield(p, nil) {
					return
				}
			}
		}
	}
}
