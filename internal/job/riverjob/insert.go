package riverjob

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"feedmill/internal/job"
)

const (
	// The jobs that do the same and have not ended, the newest first.
	sqlSame = `SELECT id, state = 'running', (args->>'slot')::int, args->>'body' FROM river_job
		WHERE state IN ('available', 'pending', 'retryable', 'running', 'scheduled') AND queue = $1
			AND kind = $2 AND args->>'merchant' = $3 AND args->>'key' = $4
		ORDER BY id DESC`
	// What has begun, or has been joined, since it was read stays as it is.
	sqlJoin = `UPDATE river_job SET args = jsonb_set(args, '{body}', $3::jsonb),
			scheduled_at = CASE WHEN state = 'retryable' OR attempt > 0 THEN scheduled_at ELSE least(scheduled_at, clock_timestamp() + $4) END
		WHERE id = $1 AND state IN ('available', 'pending', 'retryable', 'scheduled') AND args->'body' = $2::jsonb`
	sqlLane = `SELECT count(*), clock_timestamp() FROM river_job
		WHERE state IN ('available', 'running') AND queue = $1 AND args->>'merchant' = $2`
	sqlEndedBadly = `SELECT EXISTS (SELECT 1 FROM river_job WHERE state IN ('cancelled', 'discarded') AND finalized_at > clock_timestamp() - $5::interval
			AND queue = $1 AND kind = $2 AND args->>'merchant' = $3 AND args->>'key' = $4 AND NOT metadata ? 'lost')`
)

// Insert asks for a job.
func (c *Client) Insert(ctx context.Context, args job.Args, opt job.InsertOptions) (in job.Inserted, err error) {
	err = c.in(ctx, func(tx pgx.Tx) error {
		in, err = c.InsertTx(ctx, tx, args, opt)
		return err
	})
	return in, fault("insert a job", err)
}

// InsertTx asks for a job within a transaction of the same database, at
// isolation level READ COMMITTED: the job begins after the commit, if that
// comes. Until then a job that it joins does not begin, so it is best done last.
func (c *Client) InsertTx(ctx context.Context, tx pgx.Tx, args job.Args, opt job.InsertOptions) (job.Inserted, error) {
	return c.insert(ctx, tx, args, opt, false)
}

// insert is InsertTx. What a schedule gives is left alone while it is being done,
// and when it has ended badly a short while ago.
func (c *Client) insert(ctx context.Context, tx pgx.Tx, args job.Args, opt job.InsertOptions, scheduled bool) (job.Inserted, error) {
	body, err := c.cfg.Kinds.Encode(args)
	if err != nil {
		return job.Inserted{}, err
	}
	kind := args.Kind()
	merchant, key := args.For()
	settings, _ := c.cfg.Kinds.Options(kind)
	after := max(opt.After, 0)
	// Each round is lost only to somebody else who has moved on meanwhile.
	for range 100 {
		rows, err := tx.Query(ctx, sqlSame, settings.Queue, kind, string(merchant), key)
		if err != nil {
			return job.Inserted{}, err
		}
		same, err := pgx.CollectRows(rows, pgx.RowToStructByPos[sameRow])
		if err != nil {
			return job.Inserted{}, err
		}
		if len(same) > 0 && !same[0].Running {
			joined := c.cfg.Kinds.Join(kind, json.RawMessage(same[0].Body), body)
			tag, err := tx.Exec(ctx, sqlJoin, same[0].ID, same[0].Body, string(joined), after)
			if err != nil {
				return job.Inserted{}, err
			}
			if tag.RowsAffected() == 1 {
				return job.Inserted{ID: same[0].ID, Joined: true}, nil
			}
			continue
		}
		if scheduled && len(same) > 0 {
			return job.Inserted{ID: same[0].ID}, nil
		}
		if scheduled {
			var bad bool
			err := tx.QueryRow(ctx, sqlEndedBadly, settings.Queue, kind, string(merchant), key, c.cfg.Quiet).Scan(&bad)
			if err != nil || bad {
				return job.Inserted{}, err
			}
		}
		e := envelope{Merchant: merchant, Key: key, Rank: settings.Rank, Body: jsonText(body), kind: kind, Slot: freeSlot(same)}
		res, err := c.insertRow(ctx, tx, e, settings, after, len(same) == 0)
		if err != nil {
			return job.Inserted{}, err
		}
		if !res.UniqueSkippedAsDuplicate {
			return job.Inserted{ID: res.Job.ID}, nil
		}
	}
	return job.Inserted{}, fmt.Errorf("job %s of %q: the jobs that do the same never stand still", kind, merchant)
}

// sameRow is a row of sqlSame.
type sameRow struct {
	ID      int64
	Running bool
	Slot    int
	Body    string
}

// freeSlot gives the least slot that no row has.
func freeSlot(rows []sameRow) int {
	slot := 0
	for i := 0; i < len(rows); i++ {
		if rows[i].Slot == slot {
			slot, i = slot+1, -1
		}
	}
	return slot
}

// insertRow makes a row: one that begins at once where its merchant may have one
// running and nothing stands before it, else one that waits for its turn.
func (c *Client) insertRow(ctx context.Context, tx pgx.Tx, e envelope, settings job.KindOptions, after time.Duration, first bool) (*rivertype.JobInsertResult, error) {
	var lane int
	var now time.Time
	if err := tx.QueryRow(ctx, sqlLane, settings.Queue, string(e.Merchant)).Scan(&lane, &now); err != nil {
		return nil, err
	}
	return c.river.InsertTx(ctx, tx, e, &river.InsertOpts{
		MaxAttempts: settings.Attempts, Queue: settings.Queue, Pending: !first || after > 0 || lane >= c.cfg.PerMerchant,
		ScheduledAt: putOff(now, after),
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{rivertype.JobStateAvailable, rivertype.JobStatePending,
			rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled}},
	})
}

// putOff gives the time of a job that is put off; River takes a zero one for now.
func putOff(now time.Time, after time.Duration) time.Time {
	if after == 0 {
		return time.Time{}
	}
	return now.Add(after)
}
