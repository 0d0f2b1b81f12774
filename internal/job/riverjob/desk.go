package riverjob

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"feedmill/feed"
	"feedmill/internal/job"
	"feedmill/internal/partner"
)

const (
	// A job that has failed and waits for another attempt is retryable for River
	// until the attempt is near, and then waits for its turn like others. One
	// that River calls cancelled, though nobody asked for it, has failed for good.
	sqlStateOf = `CASE
			WHEN state = 'running' THEN 'running'
			WHEN state = 'completed' THEN 'done'
			WHEN state = 'discarded' OR state = 'cancelled' AND NOT metadata ? 'cancel_attempted_at' THEN 'failed'
			WHEN state = 'cancelled' THEN 'cancelled'
			WHEN state = 'retryable' OR attempt > 0 AND cardinality(errors) > 0 THEN 'retrying'
			ELSE 'waiting' END`
	sqlJobs = `SELECT id, kind, coalesce(args->>'merchant', ''), coalesce(args->>'key', ''), coalesce(args->>'body', '{}'), ` + sqlStateOf + `,
			attempt, max_attempts, created_at, scheduled_at, attempted_at, finalized_at,
			coalesce(attempted_by[array_upper(attempted_by, 1)], ''), coalesce(errors[array_upper(errors, 1)]->>'error', '')
		FROM river_job WHERE `

	sqlOne = sqlJobs + `id = $1`
	// Rows of other kinds than ours have no envelope.
	sqlList = sqlJobs + `args ? 'body' AND ($1 = '' OR args->>'merchant' = $1) AND ($2 = '' OR kind = $2)
			AND ($3::text[] IS NULL OR ` + sqlStateOf + ` = ANY($3)) AND ($4 = 0 OR id < $4)
		ORDER BY id DESC LIMIT $5`

	sqlCancelable = `SELECT state IN ('cancelled', 'completed', 'discarded') FROM river_job WHERE id = $1 FOR UPDATE`
	sqlRetriable  = `SELECT state, queue, kind, args->>'merchant', args->>'key' FROM river_job WHERE id = $1 FOR UPDATE`
	sqlRetry      = `UPDATE river_job SET state = 'pending', finalized_at = NULL, scheduled_at = clock_timestamp(),
			max_attempts = greatest(max_attempts, attempt + 1), metadata = metadata - 'cancel_attempted_at' - 'lost'
		WHERE id = $1`
)

// List gives the chosen jobs, the newest first. Ended ones are kept for a day,
// failed ones for a week.
func (c *Client) List(ctx context.Context, f job.Filter) ([]job.Info, error) {
	var states []string
	for _, s := range f.States {
		states = append(states, string(s))
	}
	rows, err := c.pool.Query(ctx, sqlList, string(f.Merchant), f.Kind, states, f.Before, f.Count())
	if err != nil {
		return nil, fault("list jobs", err)
	}
	list, err := pgx.CollectRows(rows, scanInfo)
	return list, fault("list jobs", err)
}

// Get gives one job.
func (c *Client) Get(ctx context.Context, id int64) (job.Info, error) {
	rows, err := c.pool.Query(ctx, sqlOne, id)
	if err != nil {
		return job.Info{}, fault("look up a job", err)
	}
	i, err := pgx.CollectExactlyOneRow(rows, scanInfo)
	if errors.Is(err, pgx.ErrNoRows) {
		return i, job.NotFound(id)
	}
	return i, fault("look up a job", err)
}

func scanInfo(row pgx.CollectableRow) (i job.Info, err error) {
	var merchant, body, state string
	var started, ended *time.Time
	err = row.Scan(&i.ID, &i.Kind, &merchant, &i.Key, &body, &state, &i.Attempt, &i.Attempts, &i.Created, &i.Due, &started, &ended, &i.Worker, &i.Error)
	i.Merchant, i.Args, i.State = partner.MerchantID(merchant), []byte(body), job.State(state)
	i.Created, i.Due = i.Created.UTC(), i.Due.UTC()
	if started != nil {
		i.Started = started.UTC()
	}
	if ended != nil {
		i.Ended = ended.UTC()
	}
	// Of the name of a process people need host and number alone.
	if n := strings.LastIndexByte(i.Worker, ':'); n > 0 {
		i.Worker = i.Worker[:n]
	}
	return i, err
}

// Cancel ends a job that has not ended. One that runs has its context ended,
// wherever it runs; it is cancelled when it has returned.
func (c *Client) Cancel(ctx context.Context, id int64) error {
	err := c.in(ctx, func(tx pgx.Tx) error {
		var ended bool
		err := tx.QueryRow(ctx, sqlCancelable, id).Scan(&ended)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return job.NotFound(id)
		case err != nil:
			return err
		case ended:
			return feed.Errorf(feed.KindConflict, "job %d has ended already", id)
		}
		_, err = c.river.JobCancelTx(ctx, tx, id)
		return err
	})
	return known("cancel a job", err)
}

// Retry makes a job that waits, or has ended, run as soon as it is its turn.
func (c *Client) Retry(ctx context.Context, id int64) error {
	err := c.in(ctx, func(tx pgx.Tx) error {
		var state, queue, kind, merchant, key string
		err := tx.QueryRow(ctx, sqlRetriable, id).Scan(&state, &queue, &kind, &merchant, &key)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return job.NotFound(id)
		case err != nil:
			return err
		case state == "running":
			return feed.Errorf(feed.KindConflict, "job %d is running", id)
		case state == "cancelled" || state == "completed" || state == "discarded":
			rows, err := tx.Query(ctx, sqlSame, queue, kind, merchant, key)
			if err != nil {
				return err
			}
			same, err := pgx.CollectRows(rows, pgx.RowToStructByPos[sameRow])
			if err != nil {
				return err
			}
			if len(same) > 0 {
				return feed.Errorf(feed.KindConflict, "job %d does the same as job %d already", same[0].ID, id)
			}
		}
		_, err = tx.Exec(ctx, sqlRetry, id)
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == "23505" {
			return feed.Errorf(feed.KindConflict, "another job does the same as job %d already", id)
		}
		return err
	})
	return known("retry a job", err)
}

// known leaves errors alone that say everything.
func known(what string, err error) error {
	if k := feed.KindOf(err); k == feed.KindNotFound || k == feed.KindConflict {
		var e *feed.Error
		errors.As(err, &e)
		return e
	}
	if err != nil {
		return fault(what, err)
	}
	return nil
}
