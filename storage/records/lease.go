package records

import (
	"context"
	"fmt"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
	"feedmill/storage"
)

const (
	sqlOpenLease = `INSERT INTO publish_lease (merchant_id, lease_epoch, run_id, until)
		SELECT m.merchant_id, 0, '', 0 FROM merchant AS m WHERE m.merchant_id = $1 ON CONFLICT (merchant_id) DO NOTHING`
	sqlLockLease    = `SELECT lease_epoch, run_id, until FROM publish_lease WHERE merchant_id = $1 FOR NO KEY UPDATE`
	sqlTakeLease    = `UPDATE publish_lease SET lease_epoch = $2, run_id = $3, until = $4 WHERE merchant_id = $1`
	sqlRenewLease   = `UPDATE publish_lease SET until = $4 WHERE merchant_id = $1 AND lease_epoch = $2 AND run_id = $3 AND until > 0`
	sqlReleaseLease = `UPDATE publish_lease SET until = 0 WHERE merchant_id = $1 AND lease_epoch = $2 AND run_id = $3`

	sqlTakeNumbers = `UPDATE merchant SET next_generation = next_generation + $2 WHERE merchant_id = $1 RETURNING next_generation`
	sqlInsertRun   = `INSERT INTO publish_run (merchant_id, run_id, lease_epoch, first_gen, numbers, started, outcome, error, counts)
		VALUES ($1, $2, $3, $4, $5, $6, '', '', '')`
	sqlRunNumbers = `SELECT first_gen, numbers FROM publish_run WHERE merchant_id = $1 AND run_id = $2`
	// A run that has not said how it ended, and lost its lease.
	sqlRunLost  = `UPDATE publish_run SET ended = $3, outcome = 'lost' WHERE merchant_id = $1 AND run_id = $2 AND ended IS NULL`
	sqlEndRun   = `UPDATE publish_run SET ended = $3, outcome = CASE WHEN outcome IN ('', 'lost', 'failed') THEN $4 ELSE outcome END WHERE merchant_id = $1 AND run_id = $2`
	sqlRunKnown = `SELECT EXISTS (SELECT 1 FROM publish_run WHERE merchant_id = $1 AND run_id = $2)`

	sqlInsertAttempts = `INSERT INTO upload_attempt (merchant_id, store_key, run_id, started, rounds)
		SELECT $1, n.store_key, $2, $3, 0 FROM unnest($4::text[]) AS n (store_key) WHERE true
		ON CONFLICT (merchant_id, store_key) DO NOTHING`

	sqlSkipNumbers = `UPDATE merchant SET next_generation = CASE WHEN next_generation < $2 THEN $2 ELSE next_generation END WHERE merchant_id = $1`
	sqlNewEpoch    = `UPDATE feed SET epoch = CASE WHEN epoch < $4 THEN $4 ELSE epoch END,
		logical_time = CASE WHEN logical_time < $5 THEN $5 ELSE logical_time END WHERE merchant_id = $1 AND kind = $2 AND feed_key = $3`
)

// LongestLease bounds leases. One that seems to live longer was given before
// the clock went back, and is not believed.
const LongestLease = 5 * time.Minute

var (
	_ publish.Leases   = (*DB)(nil)
	_ publish.Attempts = (*DB)(nil)
	_ publish.Clock    = (*DB)(nil)
	_ publish.Moments  = (*DB)(nil)
)

// Time implements [publish.Clock].
func (d *DB) Time(ctx context.Context) (now time.Time, err error) {
	err = d.read(ctx, "read the clock", func(ctx context.Context, t *Tx) error {
		v, err := t.Clock(ctx)
		now = FromMicros(v)
		return err
	})
	return now, err
}

// Lease is what a merchant's row says: the run that holds it, its number, and
// until when, in microseconds.
type Lease struct {
	Epoch int64
	Run   string
	Until int64
}

// LockLease locks a merchant's lease until the end of the transaction. It comes
// before every other lock of a publication.
func (t *Tx) LockLease(ctx context.Context, merchant string) (l Lease, err error) {
	if err := t.exec(ctx, sqlOpenLease, merchant); err != nil {
		return l, err
	}
	found, err := t.one(ctx, sqlLockLease, []any{merchant}, &l.Epoch, &l.Run, &l.Until)
	if err == nil && !found {
		err = partner.Missing("merchant", merchant)
	}
	return l, err
}

// Fence fails with [publish.ErrLost] when another run has taken the lease since,
// and keeps others from taking it until the end of the transaction.
func (t *Tx) Fence(ctx context.Context, run publish.Run) error {
	l, err := t.LockLease(ctx, run.Merchant)
	if err == nil && (l.Epoch != run.Lease || l.Run != run.ID || run.ID == "") {
		err = fmt.Errorf("the lease is run %s's: %w", l.Run, publish.ErrLost)
	}
	return err
}

// Begin implements [publish.Ledger]. To call it again for a run that holds the
// lease gives the same.
func (d *DB) Begin(ctx context.Context, merchant, runID string, n int) (run publish.Run, err error) {
	if err := storage.CheckID(runID); err != nil || n < 0 {
		return run, feed.Errorf(feed.KindInvalid, "run %.80q asks for %d generation numbers: %v", runID, n, err)
	}
	err = d.writeAs(ctx, "begin a run", How{Again: true}, func(ctx context.Context, t *Tx) error {
		run, err = t.begin(ctx, merchant, runID, n, d.lease)
		return err
	})
	return run, err
}

func (t *Tx) begin(ctx context.Context, merchant, runID string, n int, ttl time.Duration) (run publish.Run, err error) {
	l, err := t.LockLease(ctx, merchant)
	if err != nil {
		return run, err
	}
	now, err := t.Clock(ctx)
	if err != nil {
		return run, err
	}
	run = publish.Run{ID: runID, Merchant: merchant, N: n, Lease: l.Epoch, Until: ttl}
	left := time.Duration(l.Until-now) * time.Microsecond
	if l.Run == runID && l.Until > 0 { // the answer was lost
		_, err := t.one(ctx, sqlRunNumbers, []any{merchant, runID}, &run.First, &run.N)
		if err == nil {
			err = t.exec(ctx, sqlTakeLease, merchant, run.Lease, runID, now+run.Until.Microseconds())
		}
		return run, err
	}
	if left > 0 && left <= LongestLease {
		return run, &publish.BusyError{Until: left}
	}
	if err := t.exec(ctx, sqlRunLost, merchant, l.Run, now); err != nil {
		return run, err
	}
	run.Lease++
	if err := t.exec(ctx, sqlTakeLease, merchant, run.Lease, runID, now+run.Until.Microseconds()); err != nil {
		return run, err
	}
	var next int64
	if _, err := t.one(ctx, sqlTakeNumbers, []any{merchant, n}, &next); err != nil {
		return run, err
	}
	run.First = next - int64(n)
	return run, t.exec(ctx, sqlInsertRun, merchant, runID, run.Lease, run.First, n, now)
}

// Renew implements [publish.Leases]. A lease that the run has given back stays
// given back.
func (d *DB) Renew(ctx context.Context, run publish.Run) (publish.Run, error) {
	err := d.writeAs(ctx, "renew the lease", How{Again: true}, func(ctx context.Context, t *Tx) error {
		now, err := t.Clock(ctx)
		if err != nil {
			return err
		}
		n, err := t.Exec(ctx, sqlRenewLease, run.Merchant, run.Lease, run.ID, now+d.lease.Microseconds())
		if err == nil && n == 0 {
			err = fmt.Errorf("the lease is not this run's any more: %w", publish.ErrLost)
		}
		return err
	})
	run.Until = d.lease
	return run, err
}

// Release implements [publish.Leases].
func (d *DB) Release(ctx context.Context, run publish.Run) error {
	return d.writeAs(ctx, "release the lease", How{Again: true}, func(ctx context.Context, t *Tx) error {
		return t.release(ctx, run)
	})
}

func (t *Tx) release(ctx context.Context, run publish.Run) error {
	return t.exec(ctx, sqlReleaseLease, run.Merchant, run.Lease, run.ID)
}

// EndRun records how a run has ended, and gives its lease back.
func (t *Tx) EndRun(ctx context.Context, run publish.Run, outcome string) error {
	now, err := t.Clock(ctx)
	if err != nil {
		return err
	}
	if err := t.exec(ctx, sqlEndRun, run.Merchant, run.ID, now, outcome); err != nil {
		return err
	}
	return t.release(ctx, run)
}

// Attempt implements [publish.Attempts]. It fails with [publish.ErrLost] when a
// later run has taken the lease.
func (d *DB) Attempt(ctx context.Context, run publish.Run, keys []string) error {
	return d.writeAs(ctx, "note uploads", How{Again: true}, func(ctx context.Context, t *Tx) error {
		if err := t.Fence(ctx, run); err != nil {
			return err
		}
		now, err := t.Clock(ctx)
		if err != nil {
			return err
		}
		return t.exec(ctx, sqlInsertAttempts, run.Merchant, run.ID, now, t.list(keys))
	})
}

// Known implements [publish.Attempts].
func (d *DB) Known(ctx context.Context, merchant, runID string) (known bool, err error) {
	err = d.read(ctx, "look for a run", func(ctx context.Context, t *Tx) error {
		_, err := t.one(ctx, sqlRunKnown, []any{merchant, runID}, &known)
		return err
	})
	return known, err
}

// NewEpoch implements [publish.Attempts], and leaves a line in the audit.
func (d *DB) NewEpoch(ctx context.Context, f publish.FeedRef, epoch, aboveNumber int64, aboveTime time.Time) error {
	return d.writeAs(ctx, "begin a new epoch", How{Again: true}, func(ctx context.Context, t *Tx) error {
		if err := CheckFeed(f); err != nil {
			return err
		}
		if err := t.ExecAll(ctx, []Statement{OpenFeed(f.Merchant, f.Kind, f.Key)}); err != nil {
			return err
		}
		if err := t.exec(ctx, sqlSkipNumbers, f.Merchant, aboveNumber+1); err != nil {
			return err
		}
		n, err := t.Exec(ctx, sqlNewEpoch, f.Merchant, f.Kind.String(), f.Key, epoch, ZeroMicros(aboveTime))
		if err == nil && n == 0 {
			err = partner.Missing("merchant", f.Merchant)
		}
		if err != nil {
			return err
		}
		return t.Audit(publisher, partner.MerchantID(f.Merchant), "feed.epoch", f.Kind.String()+" "+f.Key, nil, facts{
			"epoch": fmt.Sprint(epoch), "above": fmt.Sprint(aboveNumber), "after": aboveTime.UTC().Format(time.RFC3339)})
	})
}

// publisher is who acts where a run does by itself what people should know of.
var publisher = partner.Actor{Name: "feedmill", Role: "system"}

// CheckFeed refuses what is no feed.
func CheckFeed(f publish.FeedRef) error {
	if f.Kind != feed.KindFull && f.Kind != feed.KindLight || f.Key == "" {
		return feed.Errorf(feed.KindInvalid, "a feed is full or light and has a key")
	}
	return nil
}
