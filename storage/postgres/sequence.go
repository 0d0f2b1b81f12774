package postgres

import (
	"context"

	"feedmill/internal/crash"
)

const (
	sqlAnyQueued = `SELECT EXISTS (SELECT 1 FROM change_queue)` // every merchant
	// One transaction numbers at a time, whoever's it is: the next one's
	// statements see what this one has committed.
	sqlLockSequencer = `SELECT pg_advisory_xact_lock(hashtextextended('feedmill sequencer', 0))`
	// Rows leave the queue by themselves and not by what they are about: one that
	// is not visible yet stays.
	sqlSequence = `WITH taken AS (
			DELETE FROM change_queue WHERE ctid = ANY (ARRAY (SELECT q.ctid FROM change_queue AS q ORDER BY q.merchant_id, q.seq LIMIT $1))
			RETURNING merchant_id, seq, product_id, scope, cause, time),
		heads AS (
			INSERT INTO event_head (merchant_id, last_event, trimmed, settled) SELECT merchant_id, count(*), 0, 0 FROM taken GROUP BY merchant_id
			ON CONFLICT (merchant_id) DO UPDATE SET last_event = event_head.last_event + excluded.last_event
			RETURNING merchant_id, last_event)
		INSERT INTO event_log (merchant_id, event_no, queue_seq, product_id, scope, cause, time, logged)
		SELECT t.merchant_id, h.last_event - count(*) OVER (PARTITION BY t.merchant_id) + row_number() OVER (PARTITION BY t.merchant_id ORDER BY t.seq),
			t.seq, t.product_id, t.scope, t.cause, t.time, $2
		FROM taken AS t JOIN heads AS h ON h.merchant_id = t.merchant_id` // every merchant
)

// sequenceBatch is how many changes are numbered in one transaction.
const sequenceBatch = 50_000

// Sequence moves what is in the queue of changes to the log, of all merchants,
// and gives the number of rows moved. When it returns, every change that was
// committed before the call has its number. Processes that call it at once take
// turns.
func (d *DB) Sequence(ctx context.Context) (n int64, err error) {
	for {
		var moved int64
		err := d.read(ctx, "number changes", func(ctx context.Context, t *tx) error {
			var any bool
			_, err := t.one(ctx, sqlAnyQueued, nil, &any)
			moved = 0
			if any {
				moved = 1
			}
			return err
		})
		if err == nil && moved > 0 {
			err = d.writeAs(ctx, "number changes", how{again: true}, func(ctx context.Context, t *tx) error {
				if err := t.exec(ctx, sqlLockSequencer); err != nil {
					return err
				}
				moved, err = t.execCount(ctx, sqlSequence, sequenceBatch, t.now)
				crash.Point("postgres.sequence.uncommitted")
				return err
			})
			crash.Point("postgres.sequence.committed")
		}
		n += moved
		if err != nil || moved < sequenceBatch {
			return n, err
		}
	}
}
