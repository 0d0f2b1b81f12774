package sqlite

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
		SELECT m.merchant_id, 0, '', 0 FROM merchant AS m WHERE m.merchant_id = ? ON CONFLICT (merchant_id) DO NOTHING`
	sqlLease        = `SELECT lease_epoch, run_id, until FROM publish_lease WHERE merchant_id = ?`
	sqlTakeLease    = `UPDATE publish_lease SET lease_epoch = ?, run_id = ?, until = ? WHERE merchant_id = ?`
	sqlRenewLease   = `UPDATE publish_lease SET until = ? WHERE merchant_id = ? AND lease_epoch = ? AND run_id = ? AND until > 0`
	sqlReleaseLease = `UPDATE publish_lease SET until = 0 WHERE merchant_id = ? AND lease_epoch = ? AND run_id = ?`

	sqlTakeNumbers = `UPDATE merchant SET next_generation = next_generation + ? WHERE merchant_id = ? RETURNING next_generation`
	sqlInsertRun   = `INSERT INTO publish_run (merchant_id, run_id, lease_epoch, first_gen, numbers, started, outcome, error, counts)
		VALUES (?, ?, ?, ?, ?, ?, '', '', '')`
	sqlRunNumbers = `SELECT first_gen, numbers FROM publish_run WHERE merchant_id = ? AND run_id = ?`
	// A run that has not said how it ended, and lost its lease.
	sqlRunLost  = `UPDATE publish_run SET ended = ?, outcome = 'lost' WHERE merchant_id = ? AND run_id = ? AND ended IS NULL`
	sqlEndRun   = `UPDATE publish_run SET ended = ?, outcome = CASE WHEN outcome IN ('', 'lost', 'failed') THEN ? ELSE outcome END WHERE merchant_id = ? AND run_id = ?`
	sqlRunKnown = `SELECT EXISTS (SELECT 1 FROM publish_run WHERE merchant_id = ? AND run_id = ?)`

	sqlInsertAttempt = `INSERT INTO upload_attempt (merchant_id, store_key, run_id, started, rounds) VALUES (?, ?, ?, ?, 0)
		ON CONFLICT (merchant_id, store_key) DO NOTHING`

	sqlSkipNumbers = `UPDATE merchant SET next_generation = max(next_generation, ?) WHERE merchant_id = ?`
	sqlNewEpoch    = `UPDATE feed SET epoch = max(epoch, ?), logical_time = max(logical_time, ?) WHERE merchant_id = ? AND kind = ? AND feed_key = ?`
)

// longestLease bounds leases. One that seems to live longer was given before
// the clock went back, and is not believed.
const longestLease = 5 * time.Minute

var (
	_ publish.Leases   = (*DB)(nil)
	_ publish.Attempts = (*DB)(nil)
	_ publish.Clock    = (*DB)(nil)
)

// Time implements [publish.Clock]: the database has the clock of its processes.
func (d *DB) Time(context.Context) (time.Time, error) { return d.opt.Now().UTC(), nil }

// lease is what a merchant's row says.
type lease struct {
	epoch int64
	run   string
	until int64
}

// lease gives a merchant's lease, which a transaction that writes keeps as it is.
func (t *tx) lease(ctx context.Context, merchant string) (l lease, err error) {
	if err := t.exec(ctx, sqlOpenLease, merchant); err != nil {
		return l, err
	}
	found, err := t.one(ctx, sqlLease, []any{merchant}, &l.epoch, &l.run, &l.until)
	if err == nil && !found {
		err = missing("merchant", merchant)
	}
	return l, err
}

// fence fails with [publish.ErrLost] when another run has taken the lease since.
func (t *tx) fence(ctx context.Context, run publish.Run) error {
	l, err := t.lease(ctx, run.Merchant)
	if err == nil && (l.epoch != run.Lease || l.run != run.ID || run.ID == "") {
		err = fmt.Errorf("the lease is run %s's: %w", l.run, publish.ErrLost)
	}
	return err
}

// Begin implements [publish.Ledger]. To call it again for a run that holds the
// lease gives the same.
func (d *DB) Begin(ctx context.Context, merchant, runID string, n int) (run publish.Run, err error) {
	if err := storage.CheckID(runID); err != nil || n < 0 {
		return run, feed.Errorf(feed.KindInvalid, "run %.80q asks for %d generation numbers: %v", runID, n, err)
	}
	err = d.write(ctx, "begin a run", func(ctx context.Context, t *tx) error {
		run, err = t.begin(ctx, merchant, runID, n, d.opt.Lease)
		return err
	})
	return run, err
}

func (t *tx) begin(ctx context.Context, merchant, runID string, n int, ttl time.Duration) (run publish.Run, err error) {
	l, err := t.lease(ctx, merchant)
	if err != nil {
		return run, err
	}
	run = publish.Run{ID: runID, Merchant: merchant, N: n, Lease: l.epoch, Until: ttl}
	left := time.Duration(l.until-t.now) * time.Microsecond
	if l.run == runID && l.until > 0 {
		_, err := t.one(ctx, sqlRunNumbers, []any{merchant, runID}, &run.First, &run.N)
		if err == nil {
			err = t.exec(ctx, sqlTakeLease, run.Lease, runID, t.now+ttl.Microseconds(), merchant)
		}
		return run, err
	}
	if left > 0 && left <= longestLease {
		return run, &publish.BusyError{Until: left}
	}
	if err := t.exec(ctx, sqlRunLost, t.now, merchant, l.run); err != nil {
		return run, err
	}
	run.Lease++
	if err := t.exec(ctx, sqlTakeLease, run.Lease, runID, t.now+ttl.Microseconds(), merchant); err != nil {
		return run, err
	}
	var next int64
	if _, err := t.one(ctx, sqlTakeNumbers, []any{n, merchant}, &next); err != nil {
		return run, err
	}
	run.First = next - int64(n)
	return run, t.exec(ctx, sqlInsertRun, merchant, runID, run.Lease, run.First, n, t.now)
}

// Renew implements [publish.Leases]. A lease that the run has given back stays
// given back.
func (d *DB) Renew(ctx context.Context, run publish.Run) (publish.Run, error) {
	err := d.write(ctx, "renew the lease", func(ctx context.Context, t *tx) error {
		n, err := t.execCount(ctx, sqlRenewLease, t.now+d.opt.Lease.Microseconds(), run.Merchant, run.Lease, run.ID)
		if err == nil && n == 0 {
			err = fmt.Errorf("the lease is not this run's any more: %w", publish.ErrLost)
		}
		return err
	})
	run.Until = d.opt.Lease
	return run, err
}

// Release implements [publish.Leases].
func (d *DB) Release(ctx context.Context, run publish.Run) error {
	return d.write(ctx, "release the lease", func(ctx context.Context, t *tx) error {
		return t.release(ctx, run)
	})
}

func (t *tx) release(ctx context.Context, run publish.Run) error {
	return t.exec(ctx, sqlReleaseLease, run.Merchant, run.Lease, run.ID)
}

// endRun records how a run has ended, and gives its lease back.
func (t *tx) endRun(ctx context.Context, run publish.Run, outcome string) error {
	if err := t.exec(ctx, sqlEndRun, t.now, outcome, run.Merchant, run.ID); err != nil {
		return err
	}
	return t.release(ctx, run)
}

// Attempt implements [publish.Attempts]. It fails with [publish.ErrLost] when a
// later run has taken the lease.
func (d *DB) Attempt(ctx context.Context, run publish.Run, keys []string) error {
	return d.write(ctx, "note uploads", func(ctx context.Context, t *tx) error {
		if err := t.fence(ctx, run); err != nil {
			return err
		}
		for _, key := range keys {
			if err := t.exec(ctx, sqlInsertAttempt, run.Merchant, key, run.ID, t.now); err != nil {
				return err
			}
		}
		return nil
	})
}

// Known implements [publish.Attempts].
func (d *DB) Known(ctx context.Context, merchant, runID string) (known bool, err error) {
	err = d.read(ctx, "look for a run", func(ctx context.Context, t *tx) error {
		_, err := t.one(ctx, sqlRunKnown, []any{merchant, runID}, &known)
		return err
	})
	return known, err
}

// NewEpoch implements [publish.Attempts], and leaves a line in the audit.
func (d *DB) NewEpoch(ctx context.Context, f publish.FeedRef, epoch, aboveNumber int64, aboveTime time.Time) error {
	return d.write(ctx, "begin a new epoch", func(ctx context.Context, t *tx) error {
		if err := checkFeed(f); err != nil {
			return err
		}
		n, err := t.execCount(ctx, sqlSkipNumbers, aboveNumber+1, f.Merchant)
		if err == nil && n == 0 {
			err = missing("merchant", f.Merchant)
		}
		if err != nil {
			return err
		}
		if err := t.exec(ctx, sqlOpenFeed, f.Merchant, f.Kind.String(), f.Key); err != nil {
			return err
		}
		if err := t.exec(ctx, sqlNewEpoch, epoch, zeroMicros(aboveTime), f.Merchant, f.Kind.String(), f.Key); err != nil {
			return err
		}
		return t.audit(ctx, publisher, partner.MerchantID(f.Merchant), "feed.epoch", f.Kind.String()+" "+f.Key, nil, facts{
			"epoch": fmt.Sprint(epoch), "above": fmt.Sprint(aboveNumber), "after": aboveTime.UTC().Format(time.RFC3339)})
	})
}

// publisher is who acts where a run does by itself what people should know of.
var publisher = partner.Actor{Name: "feedmill", Role: "system"}

func checkFeed(f publish.FeedRef) error {
	if f.Kind != feed.KindFull && f.Kind != feed.KindLight || f.Key == "" {
		return feed.Errorf(feed.KindInvalid, "a feed is full or light and has a key")
	}
	return nil
}
