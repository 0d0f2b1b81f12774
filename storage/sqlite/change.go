package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"feedmill/feed"
	"feedmill/internal/crash"
	"feedmill/internal/partner"
)

const (
	sqlQueue   = `INSERT INTO change_queue (merchant_id, product_id, scope, cause, time) VALUES (?, ?, ?, ?, ?)`
	sqlQueued  = `SELECT coalesce(max(seq), 0) FROM change_queue WHERE merchant_id = ?`
	sqlChanges = `SELECT seq, coalesce(product_id, 0), scope, cause, time FROM change_queue WHERE merchant_id = ? ORDER BY seq LIMIT ?`

	sqlAnyQueued = `SELECT EXISTS (SELECT 1 FROM change_queue)` // every merchant
	// A transaction that writes sees the whole queue, and nobody adds to it
	// meanwhile: rows up to a number are the same rows in every statement.
	sqlSequenceTo = `SELECT coalesce(max(seq), 0), count(*) FROM (SELECT q.seq AS seq FROM change_queue AS q ORDER BY q.seq LIMIT ?)` // every merchant
	sqlSequence   = `INSERT INTO event_log (merchant_id, event_no, queue_seq, product_id, scope, cause, time, logged)
		SELECT q.merchant_id, coalesce(h.last_event, 0) + row_number() OVER (PARTITION BY q.merchant_id ORDER BY q.seq), q.seq, q.product_id, q.scope, q.cause, q.time, ?
		FROM change_queue AS q LEFT JOIN event_head AS h ON h.merchant_id = q.merchant_id WHERE q.seq <= ?`
	sqlCountEvents = `INSERT INTO event_head (merchant_id, last_event, trimmed, settled)
		SELECT q.merchant_id, count(*), 0, 0 FROM change_queue AS q WHERE q.seq <= ? GROUP BY q.merchant_id
		ON CONFLICT (merchant_id) DO UPDATE SET last_event = last_event + excluded.last_event` // every merchant
	sqlDequeue = `DELETE FROM change_queue WHERE seq <= ?` // every merchant

	sqlEvents      = `SELECT event_no, queue_seq, coalesce(product_id, 0), scope, cause, time FROM event_log WHERE merchant_id = ? AND event_no > ? ORDER BY event_no LIMIT ?`
	sqlEventNumber = `SELECT event_no FROM event_log WHERE merchant_id = ? AND queue_seq = ?`

	sqlSettleEvents = `UPDATE event_head SET settled = ? WHERE merchant_id = ? AND settled < ? AND last_event >= ?`
	sqlUnsettled    = `SELECT h.merchant_id FROM event_head AS h WHERE h.settled < h.last_event
		UNION SELECT q.merchant_id FROM change_queue AS q ORDER BY 1` // every merchant

	sqlChangeLag = `SELECT count(*), coalesce(min(time), 0) FROM (
			SELECT q.time AS time FROM change_queue AS q
			UNION ALL SELECT e.time FROM event_head AS h CROSS JOIN event_log AS e ON e.merchant_id = h.merchant_id AND e.event_no > h.settled
			WHERE h.settled < h.last_event)` // every merchant

	// The log is kept for a time, and beyond that for feeds that offers are read
	// from and that have not seen it, but not for ever. What goes is a stretch at
	// the beginning.
	sqlHead   = `SELECT last_event, trimmed FROM event_head WHERE merchant_id = ?`
	sqlTrimTo = `SELECT
			coalesce((SELECT min(e.event_no) - 1 FROM event_log AS e WHERE e.merchant_id = ? AND e.event_no <= ? AND e.logged >= ?), ?),
			coalesce((SELECT min(e.event_no) - 1 FROM event_log AS e WHERE e.merchant_id = ? AND e.event_no <= ? AND e.logged >= ?), ?),
			coalesce((SELECT min(f.event_cursor) FROM feed AS f WHERE f.merchant_id = ? AND f.current_gen > 0 AND EXISTS (SELECT 1 FROM offer_feed AS a
				WHERE a.merchant_id = f.merchant_id AND a.kind = f.kind AND a.feed_key = f.feed_key AND a.until IS NULL)), ?)`
	sqlTrim       = `DELETE FROM event_log WHERE merchant_id = ? AND event_no <= ?`
	sqlSetTrimmed = `UPDATE event_head SET trimmed = ? WHERE merchant_id = ?`
)

const (
	// sequenceBatch is how many changes are numbered in one transaction.
	sequenceBatch = 50_000
	// trimBatch is how many events are trimmed in one transaction.
	trimBatch = 50_000
	// eventsKept is for how long events stay whoever has seen them, and
	// eventsKeptAtMost for how long they wait for feeds that have not.
	eventsKept       = 7 * 24 * time.Hour
	eventsKeptAtMost = 30 * 24 * time.Hour
)

// queue appends a row in the transaction of the change; product 0 means that
// the scope says where.
func (t *tx) queue(ctx context.Context, merchant partner.MerchantID, product feed.ProductID, scope, cause string) error {
	var id any
	if product != 0 {
		id = product
	}
	if err := t.exec(ctx, sqlQueue, merchant, id, scope, cause, t.now); err != nil {
		return err
	}
	return t.noteQueued(ctx, merchant)
}

// noteQueued notes the number of the row that was added last.
func (t *tx) noteQueued(ctx context.Context, merchant partner.MerchantID) error {
	_, err := t.one(ctx, sqlQueued, []any{merchant}, &t.queued)
	return err
}

// Changes gives up to limit rows of a merchant's queue that have no number yet,
// the oldest first.
func (d *DB) Changes(ctx context.Context, merchant partner.MerchantID, limit int) (list []partner.Change, err error) {
	err = d.read(ctx, "read changes", func(ctx context.Context, t *tx) error {
		return t.each(ctx, sqlChanges, []any{merchant, limit}, func(rows *sql.Rows) error {
			var c partner.Change
			var at int64
			err := rows.Scan(&c.Seq, &c.Product, &c.Scope, &c.Cause, &at)
			c.Time = fromMicros(at)
			list = append(list, c)
			return err
		})
	})
	return list, err
}

// Sequence moves what is in the queue of changes to the log, of all merchants,
// and gives the number of rows moved. When it returns, every change that was
// committed before the call has its number. Processes that call it at once take
// turns.
func (d *DB) Sequence(ctx context.Context) (n int64, err error) {
	for {
		any := false
		var moved int64
		err := d.read(ctx, "number changes", func(ctx context.Context, t *tx) error {
			_, err := t.one(ctx, sqlAnyQueued, nil, &any)
			return err
		})
		if err == nil && any {
			err = d.write(ctx, "number changes", func(ctx context.Context, t *tx) error {
				moved, err = t.sequence(ctx)
				crash.Point("sqlite.sequence.uncommitted")
				return err
			})
			crash.Point("sqlite.sequence.committed")
		}
		if err != nil {
			return n, err
		}
		if n += moved; moved < sequenceBatch {
			return n, nil
		}
	}
}

func (t *tx) sequence(ctx context.Context) (moved int64, err error) {
	var to int64
	if _, err := t.one(ctx, sqlSequenceTo, []any{sequenceBatch}, &to, &moved); err != nil || moved == 0 {
		return 0, err
	}
	if err := t.exec(ctx, sqlSequence, t.now, to); err != nil {
		return 0, err
	}
	for _, query := range []string{sqlCountEvents, sqlDequeue} {
		if err := t.exec(ctx, query, to); err != nil {
			return 0, err
		}
	}
	return moved, nil
}

// Events gives up to limit events of a merchant's log after a number, in order.
// Whoever goes on after the last number that he was given misses none, but for
// those that are trimmed: see [Snapshot.Changes].
func (d *DB) Events(ctx context.Context, merchant partner.MerchantID, after int64, limit int) (list []partner.Event, err error) {
	err = d.read(ctx, "read events", func(ctx context.Context, t *tx) error {
		return t.each(ctx, sqlEvents, []any{merchant, after, limit}, func(rows *sql.Rows) error {
			var e partner.Event
			var at int64
			err := rows.Scan(&e.Number, &e.Seq, &e.Product, &e.Scope, &e.Cause, &at)
			e.Time = fromMicros(at)
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
		return d.read(ctx, "look up an event", func(ctx context.Context, t *tx) (err error) {
			ok, err = t.one(ctx, sqlEventNumber, []any{merchant, queue}, &number)
			return err
		})
	}
	if err := find(); err != nil || ok || wait <= 0 {
		return number, ok, err
	}
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if _, err := d.Sequence(limited); err != nil {
		if ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
			err = nil // somebody else is writing
		}
		return 0, false, err
	}
	err = find()
	return number, ok, err
}

// SettleEvents notes that a run has dealt with a merchant's events up to a number.
func (d *DB) SettleEvents(ctx context.Context, merchant partner.MerchantID, upTo int64) error {
	return d.write(ctx, "settle events", func(ctx context.Context, t *tx) error {
		return t.exec(ctx, sqlSettleEvents, upTo, merchant, upTo, upTo)
	})
}

// Unsettled gives the merchants with changes that no run has dealt with.
func (d *DB) Unsettled(ctx context.Context) (list []partner.MerchantID, err error) {
	err = d.read(ctx, "look for changes", func(ctx context.Context, t *tx) error {
		return t.each(ctx, sqlUnsettled, nil, func(rows *sql.Rows) error {
			var m partner.MerchantID
			err := rows.Scan(&m)
			list = append(list, m)
			return err
		})
	})
	return list, err
}

// ChangeLag gives the number of changes of all merchants that no run has dealt
// with, and when the oldest of them was made; zero when there are none.
func (d *DB) ChangeLag(ctx context.Context) (n int64, oldest time.Time, err error) {
	err = d.read(ctx, "look for changes", func(ctx context.Context, t *tx) error {
		var at int64
		_, err := t.one(ctx, sqlChangeLag, nil, &n, &at)
		if n > 0 {
			oldest = fromMicros(at)
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
		err := d.write(ctx, "trim events", func(ctx context.Context, t *tx) error {
			trimmed, err = t.trimEvents(ctx, merchant)
			return err
		})
		n += trimmed
		if err != nil || trimmed < trimBatch {
			return n, err
		}
	}
}

func (t *tx) trimEvents(ctx context.Context, merchant partner.MerchantID) (trimmed int64, err error) {
	var from, last int64
	found, err := t.one(ctx, sqlHead, []any{merchant}, &last, &from)
	if err != nil || !found {
		return 0, err
	}
	// The two limits of age, and what the feeds have seen.
	limit := min(from+trimBatch, last)
	var kept, keptAtMost, seen int64
	_, err = t.one(ctx, sqlTrimTo, []any{
		merchant, limit, t.now - eventsKept.Microseconds(), limit,
		merchant, limit, t.now - eventsKeptAtMost.Microseconds(), limit,
		merchant, limit}, &kept, &keptAtMost, &seen)
	to := min(limit, kept, max(seen, keptAtMost))
	if err != nil || to <= from {
		return 0, err
	}
	if trimmed, err = t.execCount(ctx, sqlTrim, merchant, to); err != nil {
		return 0, err
	}
	return trimmed, t.exec(ctx, sqlSetTrimmed, to, merchant)
}
