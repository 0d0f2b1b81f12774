package records

import (
	"context"
	"errors"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

const (
	sqlChanges = `SELECT seq, coalesce(product_id, 0), scope, cause, time FROM change_queue WHERE merchant_id = $1 ORDER BY seq LIMIT $2`

	sqlQueueProducts = `INSERT INTO change_queue (merchant_id, product_id, scope, cause, time)
		SELECT $1, n.value, '', $3, $4 FROM unnest($2::bigint[]) AS n (value) WHERE true RETURNING seq`

	sqlEvents      = `SELECT event_no, queue_seq, coalesce(product_id, 0), scope, cause, time FROM event_log WHERE merchant_id = $1 AND event_no > $2 ORDER BY event_no LIMIT $3`
	sqlEventNumber = `SELECT event_no FROM event_log WHERE merchant_id = $1 AND queue_seq = $2`

	sqlSettleEvents = `UPDATE event_head SET settled = $2 WHERE merchant_id = $1 AND settled < $2 AND last_event >= $2`
	sqlUnsettled    = `SELECT h.merchant_id FROM event_head AS h WHERE h.settled < h.last_event
		UNION SELECT q.merchant_id FROM change_queue AS q ORDER BY 1` // every merchant

	sqlChangeLag = `SELECT count(*), coalesce(min(time), 0) FROM (
			SELECT q.time AS time FROM change_queue AS q
			UNION ALL SELECT e.time FROM event_head AS h CROSS JOIN event_log AS e WHERE e.merchant_id = h.merchant_id AND e.event_no > h.settled
			AND h.settled < h.last_event) AS x` // every merchant

	// The log is kept for a time, and beyond that for feeds that offers are read
	// from and that have not seen it, but not for ever. What goes is a stretch at
	// the beginning.
	sqlLockHead = `SELECT trimmed, last_event FROM event_head WHERE merchant_id = $1 FOR NO KEY UPDATE`
	// What the two limits of age keep, and what the feeds have seen.
	sqlTrimTo = `SELECT
			coalesce((SELECT min(e.event_no) - 1 FROM event_log AS e WHERE e.merchant_id = $1 AND e.event_no <= $2 AND e.logged >= $3), $2),
			coalesce((SELECT min(e.event_no) - 1 FROM event_log AS e WHERE e.merchant_id = $1 AND e.event_no <= $2 AND e.logged >= $4), $2),
			coalesce((SELECT min(f.event_cursor) FROM feed AS f WHERE f.merchant_id = $1 AND f.current_gen > 0 AND EXISTS (SELECT 1 FROM offer_feed AS a
				WHERE a.merchant_id = f.merchant_id AND a.kind = f.kind AND a.feed_key = f.feed_key AND a.until IS NULL)), $2)`
	sqlTrim       = `DELETE FROM event_log WHERE merchant_id = $1 AND event_no <= $2`
	sqlSetTrimmed = `UPDATE event_head SET trimmed = $2 WHERE merchant_id = $1`
)

// QueueScope is how many products are named by a row each; of more, one row says
// where: by then the hint is no help and only costs.
const QueueScope = 50_000

const (
	// trimBatch is how many events are trimmed in one transaction.
	trimBatch = 50_000
	// eventsKept is for how long events stay whoever has seen them, and
	// eventsKeptAtMost for how long they wait for feeds that have not.
	eventsKept       = 7 * 24 * time.Hour
	eventsKeptAtMost = 30 * 24 * time.Hour
)

// QueueProducts appends a row for each product in the transaction of the change.
func (t *Tx) QueueProducts(ctx context.Context, merchant partner.MerchantID, ids []feed.ProductID, cause string) error {
	return t.each(ctx, sqlQueueProducts, []any{merchant, t.list(ids), cause, t.Now}, func(row Row) error {
		var seq int64
		err := row.Scan(&seq)
		t.QueuedUpTo(merchant, seq)
		return err
	})
}

// Changes gives up to limit rows of a merchant's queue that have no number yet,
// the oldest first. A row may turn up before one that was seen already: the
// queue's own numbers are given out before they become visible.
func (d *DB) Changes(ctx context.Context, merchant partner.MerchantID, limit int) (list []partner.Change, err error) {
	err = d.read(ctx, "read changes", func(ctx context.Context, t *Tx) error {
		list = nil
		return t.each(ctx, sqlChanges, []any{merchant, limit}, func(row Row) error {
			var c partner.Change
			var at int64
			err := row.Scan(&c.Seq, &c.Product, &c.Scope, &c.Cause, &at)
			c.Time = FromMicros(at)
			list = append(list, c)
			return err
		})
	})
	return list, err
}

// Events gives up to limit events of a merchant's log after a number, in order.
// Whoever goes on after the last number that he was given misses none, but for
// those that are trimmed: see [Snapshot.Changes].
func (d *DB) Events(ctx context.Context, merchant partner.MerchantID, after int64, limit int) (list []partner.Event, err error) {
	err = d.read(ctx, "read events", func(ctx context.Context, t *Tx) error {
		list = nil
		return t.each(ctx, sqlEvents, []any{merchant, after, limit}, func(row Row) error {
			var e partner.Event
			var at int64
			err := row.Scan(&e.Number, &e.Seq, &e.Product, &e.Scope, &e.Cause, &at)
			e.Time = FromMicros(at)
			list = append(list, e)
			return err
		})
	})
	return list, err
}

// EventNumber gives the number that a change has in the log, by its number in
// the queue: feeds whose cursor is as large show it. It waits no longer than
// told for the change to be numbered; ok is false when that was too short, or
// the event is trimmed already.
func (d *DB) EventNumber(ctx context.Context, merchant partner.MerchantID, queue int64, wait time.Duration) (number int64, ok bool, err error) {
	find := func() error {
		return d.read(ctx, "look up an event", func(ctx context.Context, t *Tx) (err error) {
			ok, err = t.one(ctx, sqlEventNumber, []any{merchant, queue}, &number)
			return err
		})
	}
	if err := find(); err != nil || ok || wait <= 0 {
		return number, ok, err
	}
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if _, err := d.on.Sequence(limited); err != nil {
		if ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
			err = nil // somebody else is numbering
		}
		return 0, false, err
	}
	err = find()
	return number, ok, err
}

// SettleEvents notes that a run has dealt with a merchant's events up to a number.
func (d *DB) SettleEvents(ctx context.Context, merchant partner.MerchantID, upTo int64) error {
	return d.writeAs(ctx, "settle events", How{Again: true}, func(ctx context.Context, t *Tx) error {
		return t.exec(ctx, sqlSettleEvents, merchant, upTo)
	})
}

// Unsettled gives the merchants with changes that no run has dealt with.
func (d *DB) Unsettled(ctx context.Context) (list []partner.MerchantID, err error) {
	err = d.read(ctx, "look for changes", func(ctx context.Context, t *Tx) error {
		list = nil
		return t.each(ctx, sqlUnsettled, nil, func(row Row) error {
			var m partner.MerchantID
			err := row.Scan(&m)
			list = append(list, m)
			return err
		})
	})
	return list, err
}

// ChangeLag gives the number of changes of all merchants that no run has dealt
// with, and when the oldest of them was made; zero when there are none.
func (d *DB) ChangeLag(ctx context.Context) (n int64, oldest time.Time, err error) {
	err = d.read(ctx, "look for changes", func(ctx context.Context, t *Tx) error {
		var at int64
		_, err := t.one(ctx, sqlChangeLag, nil, &n, &at)
		if n > 0 {
			oldest = FromMicros(at)
		}
		return err
	})
	return n, oldest, err
}

// TrimEvents removes events that are at least a week old and that every feed
// with an offer has seen, and those that are a month old, and gives their number.
func (d *DB) TrimEvents(ctx context.Context, merchant partner.MerchantID) (n int64, err error) {
	for {
		var trimmed int64
		err := d.writeAs(ctx, "trim events", How{Again: true}, func(ctx context.Context, t *Tx) error {
			trimmed = 0
			now, err := t.Clock(ctx)
			if err != nil {
				return err
			}
			var from, last int64
			found, err := t.one(ctx, sqlLockHead, []any{merchant}, &from, &last)
			if err != nil || !found {
				return err
			}
			limit := min(from+trimBatch, last)
			var kept, keptAtMost, seen int64
			_, err = t.one(ctx, sqlTrimTo, []any{merchant, limit, now - eventsKept.Microseconds(), now - eventsKeptAtMost.Microseconds()}, &kept, &keptAtMost, &seen)
			to := min(limit, kept, max(seen, keptAtMost))
			if err != nil || to <= from {
				return err
			}
			if trimmed, err = t.Exec(ctx, sqlTrim, merchant, to); err != nil {
				return err
			}
			return t.exec(ctx, sqlSetTrimmed, merchant, to)
		})
		n += trimmed
		if err != nil || trimmed < trimBatch {
			return n, err
		}
	}
}
