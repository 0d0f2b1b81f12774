package riverjob

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// lockSpace keeps our advisory locks apart from others'.
	lockSpace = 70211

	// The time of another try comes from the clock of the process that failed, and
	// the server's may be set too. None lies a minute further ahead than the longest pause,
	// unless a clock was wrong, and what asks for the same would join it and wait
	// along, for years.
	sqlHasten = `UPDATE river_job SET scheduled_at = clock_timestamp() WHERE id IN (
			SELECT id FROM river_job WHERE state IN ('available', 'pending', 'retryable', 'scheduled') AND args ? 'body'
				AND (attempt > 0 OR metadata ? 'snoozes') AND scheduled_at > clock_timestamp() + $1::interval
			ORDER BY id FOR UPDATE SKIP LOCKED)`

	// One process balances at a time, so that each sees what the other did.
	sqlBalanceLock = `SELECT pg_advisory_xact_lock($1, 0)`
	// Per queue and merchant, of the jobs that are due and have none of the same
	// before them as many are made available as may run beside those that do; all
	// others are made to wait. A job that is made available gets its place in the queue
	// by the time of that, so merchants take turns.
	sqlBalance = `WITH live AS (
			SELECT id, state, scheduled_at, queue, kind, args->>'merchant' AS merchant, args->>'key' AS key, (args->>'rank')::int AS rank
			FROM river_job WHERE state IN ('available', 'pending', 'retryable', 'running', 'scheduled') AND args ? 'body'
		), busy AS (
			SELECT queue, merchant, count(*) AS n FROM live WHERE state = 'running' GROUP BY queue, merchant
		), ready AS (
			SELECT id, queue, merchant, row_number() OVER (PARTITION BY queue, merchant ORDER BY rank, id) AS place
			FROM live AS l WHERE state IN ('available', 'pending') AND scheduled_at <= clock_timestamp()
				AND NOT EXISTS (SELECT 1 FROM live AS o WHERE o.id < l.id AND o.kind = l.kind AND o.merchant = l.merchant AND o.key = l.key)
		), wanted AS (
			SELECT l.id, CASE WHEN r.place + coalesce(b.n, 0) <= $1 THEN 'available' ELSE 'pending' END AS state
			FROM live AS l LEFT JOIN ready AS r ON r.id = l.id LEFT JOIN busy AS b ON b.queue = l.queue AND b.merchant = l.merchant
			WHERE l.state IN ('available', 'pending')
		), locked AS (
			SELECT j.id, w.state FROM river_job AS j JOIN wanted AS w ON w.id = j.id
			WHERE j.state IN ('available', 'pending') AND j.state::text <> w.state
			ORDER BY j.id FOR UPDATE OF j SKIP LOCKED
		), moved AS (
			UPDATE river_job AS j SET state = l.state::river_job_state,
				scheduled_at = CASE WHEN l.state = 'available' THEN clock_timestamp() ELSE j.scheduled_at END
			FROM locked AS l WHERE j.id = l.id RETURNING j.queue, l.state
		)
		SELECT DISTINCT queue FROM moved WHERE state = 'available'`
	// This is how River's clients hear of new jobs; where it is not heard they poll.
	sqlWake = `SELECT pg_notify(current_schema() || '.river_insert', json_build_object('queue', $1::text)::text)`

	// One decision for a queue and merchant at a time.
	sqlAdmitLock = `SELECT pg_advisory_xact_lock($1, hashtext($2))`
	sqlAdmit     = `UPDATE river_job AS j SET metadata = jsonb_set(j.metadata, '{admitted}', to_jsonb(j.attempt))
		WHERE j.id = $1 AND j.state = 'running' AND j.attempt = $2
			AND (SELECT count(*) FROM river_job AS o WHERE o.state = 'running' AND o.queue = j.queue AND o.id <> j.id
				AND o.args->>'merchant' = j.args->>'merchant' AND o.metadata->'admitted' = to_jsonb(o.attempt)) < $3
			AND NOT EXISTS (SELECT 1 FROM river_job AS o WHERE o.state IN ('available', 'pending', 'retryable', 'running', 'scheduled')
				AND o.queue = j.queue AND o.kind = j.kind AND o.id < j.id
				AND o.args->>'merchant' = j.args->>'merchant' AND o.args->>'key' = j.args->>'key')`
)

// balance gives merchants their turns.
func (c *Client) balance(ctx context.Context) error {
	return c.in(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlBalanceLock, lockSpace); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlHasten, c.cfg.Kinds.LongestPause()+time.Minute); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sqlBalance, c.cfg.PerMerchant)
		if err != nil {
			return err
		}
		queues, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, q := range queues {
			if _, err := tx.Exec(ctx, sqlWake, q); err != nil {
				return err
			}
		}
		return nil
	})
}

// admit says whether a job that was fetched may be worked on.
func (c *Client) admit(ctx context.Context, id int64, attempt int, lane string) (ok bool, err error) {
	err = c.in(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlAdmitLock, lockSpace+1, lane); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, sqlAdmit, id, attempt, c.cfg.PerMerchant)
		ok = tag.RowsAffected() == 1
		return err
	})
	return ok, err
}
