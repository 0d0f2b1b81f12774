package records

import (
	"context"
	"iter"
	"slices"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	sqlHead = `SELECT last_event, trimmed FROM event_head WHERE merchant_id = $1`
	// An offer or a partner that changes is read from another feed afterwards; what
	// is in a feed depends on neither.
	sqlWideEvents = `SELECT EXISTS (SELECT 1 FROM event_log WHERE merchant_id = $1 AND event_no > $2 AND product_id IS NULL AND substr(scope, 1, 2) NOT IN ('o-', 'p-'))`
	sqlChangedIDs = `SELECT DISTINCT product_id FROM event_log WHERE merchant_id = $1 AND event_no > $2 AND product_id IS NOT NULL ORDER BY product_id LIMIT $3`
	sqlWideQueue  = `SELECT EXISTS (SELECT 1 FROM change_queue WHERE merchant_id = $1 AND product_id IS NULL AND substr(scope, 1, 2) NOT IN ('o-', 'p-'))`
	sqlQueuedIDs  = `SELECT DISTINCT product_id FROM change_queue WHERE merchant_id = $1 AND product_id IS NOT NULL ORDER BY product_id LIMIT $2`
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
	err = s.use(ctx, "read the log", func(ctx context.Context, t *Tx) error {
		var trimmed int64
		_, err := t.one(ctx, sqlHead, []any{s.merchant}, &last, &trimmed)
		return err
	})
	return last, err
}

// Changes says where to look for what has changed after an event. It says
// everywhere when a change was to more than products, when more than limit
// products have changed (0 is a default), and when the log does not reach back
// that far, or not as far.
func (s *Snapshot) Changes(ctx context.Context, after int64, limit int) (hint publish.Hint, err error) {
	if limit <= 0 {
		limit = hintLimit
	}
	all := publish.Hint{All: true}
	err = s.use(ctx, "read the log", func(ctx context.Context, t *Tx) error {
		hint = publish.Hint{}
		var last, trimmed int64
		if _, err := t.one(ctx, sqlHead, []any{s.merchant}, &last, &trimmed); err != nil {
			return err
		}
		var wide bool
		switch {
		case after == last:
			return nil
		case after > last || after < trimmed || last-after > int64(limit)*hintEvents:
			hint = all
			return nil
		}
		if _, err := t.one(ctx, sqlWideEvents, []any{s.merchant, after}, &wide); err != nil || wide {
			hint = all
			return err
		}
		hint, err = t.named(ctx, limit, sqlChangedIDs, s.merchant, after, limit+1)
		return err
	})
	return hint, err
}

// named makes a hint of the products that a query gives, one more than limit.
func (t *Tx) named(ctx context.Context, limit int, query string, args ...any) (hint publish.Hint, err error) {
	err = t.each(ctx, query, args, func(row Row) error {
		var id feed.ProductID
		err := row.Scan(&id)
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
	err = s.use(ctx, "read the queue", func(ctx context.Context, t *Tx) error {
		hint = publish.Hint{}
		var wide bool
		if _, err := t.one(ctx, sqlWideQueue, []any{s.merchant}, &wide); err != nil {
			return err
		}
		if wide {
			hint.All = true
			return nil
		}
		hint, err = t.named(ctx, limit, sqlQueuedIDs, s.merchant, limit+1)
		return err
	})
	return hint, err
}

// ProductsByID yields the products with these ids, which are in ascending order,
// and leaves out those that do not exist; the first error ends it.
func (s *Snapshot) ProductsByID(ctx context.Context, ids []feed.ProductID) iter.Seq2[partner.StoredProduct, error] {
	return func(yield func(partner.StoredProduct, error) bool) {
		for some := range slices.Chunk(ids, someProducts) {
			var list []partner.StoredProduct
			err := s.use(ctx, "read products", func(ctx context.Context, t *Tx) error {
				list = list[:0]
				return t.each(ctx, sqlProductsByID, []any{s.merchant, t.list(some)}, func(row Row) error {
					var p partner.StoredProduct
					err := row.Scan(&p.ID, &p.Doc)
					list = append(list, p)
					return err
				})
			})
			if err != nil {
				yield(partner.StoredProduct{}, err)
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
