package sqlite

import (
	"context"

	"feedmill/internal/crash"
	"feedmill/internal/partner"
)

const (
	sqlQueued = `SELECT coalesce(max(seq), 0) FROM change_queue WHERE merchant_id = ?`

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
)

// sequenceBatch is how many changes are numbered in one transaction.
const sequenceBatch = 50_000

// noteQueued notes the number of the row that was added last.
func (t *tx) noteQueued(ctx context.Context, merchant partner.MerchantID) error {
	var seq int64
	_, err := t.one(ctx, sqlQueued, []any{merchant}, &seq)
	t.QueuedUpTo(merchant, seq)
	return err
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
