package records

import (
	"context"
	"encoding/json"
	"math"
	"time"
	"unicode/utf8"

	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

const (
	sqlRunLease = `SELECT lease_epoch FROM publish_run WHERE merchant_id = $1 AND run_id = $2`
	// What a run has committed stays what has become of it, whatever went wrong after.
	sqlFinishRun = `UPDATE publish_run SET ended = coalesce(ended, $3), outcome = CASE WHEN outcome = '' THEN $4 ELSE outcome END, error = $5, counts = $6
		WHERE merchant_id = $1 AND run_id = $2`
	sqlRuns = `SELECT run_id, lease_epoch, first_gen, numbers, started, ended, outcome, error, counts FROM publish_run
		WHERE merchant_id = $1 AND lease_epoch < $2 ORDER BY lease_epoch DESC LIMIT $3`
	// A run that made a current generation is what the newest marker of that feed
	// names, and the last ones may be too.
	sqlForgetRuns = `DELETE FROM publish_run AS r WHERE r.merchant_id = $1 AND r.ended < $2
		AND r.lease_epoch <= (SELECT l.lease_epoch - 1000 FROM publish_lease AS l WHERE l.merchant_id = $1)
		AND NOT EXISTS (SELECT 1 FROM upload_attempt AS a WHERE a.merchant_id = r.merchant_id AND a.run_id = r.run_id)
		AND NOT EXISTS (SELECT 1 FROM held_generation AS h WHERE h.merchant_id = r.merchant_id AND h.run_id = r.run_id)
		AND NOT EXISTS (SELECT 1 FROM feed AS f JOIN generation AS g ON g.merchant_id = f.merchant_id AND g.number = f.current_gen
			WHERE f.merchant_id = r.merchant_id AND g.run_id = r.run_id)`
)

// runsKept is for how long runs that have ended are remembered.
const runsKept = 90 * 24 * time.Hour

// FinishRun records what is told of a run that has ended, and gives its lease
// back if it still has it. A run that never began is no error.
func (d *DB) FinishRun(ctx context.Context, merchant partner.MerchantID, runID string, end publish.RunEnd) error {
	return d.writeAs(ctx, "finish a run", How{Again: true}, func(ctx context.Context, t *Tx) error {
		run := publish.Run{ID: runID, Merchant: string(merchant)}
		found, err := t.one(ctx, sqlRunLease, []any{merchant, runID}, &run.Lease)
		if err != nil || !found {
			return err
		}
		now, err := t.Clock(ctx)
		if err != nil {
			return err
		}
		outcome := "unchanged"
		if end.Error != "" {
			outcome = "failed"
		}
		if err := t.exec(ctx, sqlFinishRun, merchant, runID, now, outcome, clip(end.Error, 500), string(end.Counts)); err != nil {
			return err
		}
		return t.release(ctx, run)
	})
}

// Runs gives up to limit runs of a merchant, the newest first, before the one
// with that lease; 0 starts at the newest.
func (d *DB) Runs(ctx context.Context, merchant partner.MerchantID, before int64, limit int) (list []publish.RunRecord, err error) {
	err = d.read(ctx, "list runs", func(ctx context.Context, t *Tx) error {
		list = nil
		if before == 0 {
			before = math.MaxInt64
		}
		return t.each(ctx, sqlRuns, []any{merchant, before, limit}, func(row Row) error {
			var r publish.RunRecord
			var started int64
			var ended *int64
			var counts string
			err := row.Scan(&r.ID, &r.Lease, &r.First, &r.N, &started, &ended, &r.Outcome, &r.Error, &counts)
			r.Started, r.Ended = FromMicros(started), FromOptional(ended)
			if counts != "" {
				r.Counts = json.RawMessage(counts)
			}
			list = append(list, r)
			return err
		})
	})
	return list, err
}

// clip shortens a text to n bytes, at the end of a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
