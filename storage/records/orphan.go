package records

import (
	"context"
	"time"

	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	sqlCountBlobs = `SELECT count(*) FROM blob WHERE merchant_id = $1`
	// A key is a blob's, or an upload's of a run that still holds the lease or was
	// begun lately, or an upload's that nobody will ever ask for, or nobody's.
	sqlJudgeKeys = `SELECT n.store_key, CASE
			WHEN EXISTS (SELECT 1 FROM blob AS b WHERE b.merchant_id = $1 AND b.blob_key = n.store_key) THEN 'known'
			WHEN a.run_id IS NULL THEN 'unknown'
			WHEN a.started >= $3 OR (r.run_id IS NOT NULL AND r.ended IS NULL AND l.run_id = r.run_id AND l.until >= $4) THEN 'known'
			ELSE 'left' END, coalesce(a.rounds, 0)
		FROM unnest($2::text[]) AS n (store_key)
		LEFT JOIN upload_attempt AS a ON a.merchant_id = $1 AND a.store_key = n.store_key
		LEFT JOIN publish_run AS r ON r.merchant_id = $1 AND r.run_id = a.run_id
		LEFT JOIN publish_lease AS l ON l.merchant_id = $1`
	sqlObserveLeft = `UPDATE upload_attempt SET rounds = rounds + 1 WHERE merchant_id = $1 AND store_key = ANY ($2)`
	// Uploads that were never begun, or whose bytes are gone.
	sqlForgetAttempts = `DELETE FROM upload_attempt WHERE merchant_id = $1 AND started < $2`
	sqlForgetAttempt  = `DELETE FROM upload_attempt WHERE merchant_id = $1 AND store_key = $2`
)

// attemptsKept is for how long an upload is remembered that left no bytes.
const attemptsKept = 30 * 24 * time.Hour

// CountBlobs gives the number of a merchant's blobs.
func (d *DB) CountBlobs(ctx context.Context, merchant partner.MerchantID) (n int64, err error) {
	err = d.read(ctx, "count blobs", func(ctx context.Context, t *Tx) error {
		_, err := t.one(ctx, sqlCountBlobs, []any{merchant}, &n)
		return err
	})
	return n, err
}

// JudgeKeys says of keys that a store has what they are here; observe counts
// this look at those that were left over. What is neither left over nor unknown
// is in use, or may be.
func (d *DB) JudgeKeys(ctx context.Context, merchant partner.MerchantID, keys []string, grace time.Duration, observe bool) (j publish.Judgement, err error) {
	err = d.writeAs(ctx, "judge stored files", How{}, func(ctx context.Context, t *Tx) error {
		j = publish.Judgement{}
		now, err := t.Clock(ctx)
		if err != nil {
			return err
		}
		var left []string
		err = t.each(ctx, sqlJudgeKeys, []any{merchant, t.list(keys), now - grace.Microseconds(), now}, func(row Row) error {
			var key, is string
			var rounds int
			err := row.Scan(&key, &is, &rounds)
			switch is {
			case "unknown":
				j.Unknown = append(j.Unknown, key)
			case "left":
				left = append(left, key)
				if rounds > 0 {
					j.Left = append(j.Left, key)
				} else {
					j.Fresh = append(j.Fresh, key)
				}
			}
			return err
		})
		if err != nil || !observe || len(left) == 0 {
			return err
		}
		return t.exec(ctx, sqlObserveLeft, merchant, t.list(left))
	})
	return j, err
}

// ForgetAttempt removes the record of an upload whose bytes are gone.
func (d *DB) ForgetAttempt(ctx context.Context, merchant partner.MerchantID, key string) error {
	return d.writeAs(ctx, "forget an upload", How{Again: true}, func(ctx context.Context, t *Tx) error {
		return t.exec(ctx, sqlForgetAttempt, merchant, key)
	})
}

// PruneRuns removes the records of runs and uploads of long ago.
func (d *DB) PruneRuns(ctx context.Context, merchant partner.MerchantID) error {
	return d.writeAs(ctx, "prune runs", How{Again: true}, func(ctx context.Context, t *Tx) error {
		now, err := t.Clock(ctx)
		if err != nil {
			return err
		}
		if err := t.exec(ctx, sqlForgetAttempts, merchant, now-attemptsKept.Microseconds()); err != nil {
			return err
		}
		return t.exec(ctx, sqlForgetRuns, merchant, now-runsKept.Microseconds())
	})
}
