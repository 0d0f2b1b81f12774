package riverjob

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sqlBeat = `INSERT INTO job_runner (client, seen) VALUES ($1, clock_timestamp())
		ON CONFLICT (client) DO UPDATE SET seen = excluded.seen`
	sqlMine = `SELECT id, metadata ? 'cancel_attempted_at' FROM river_job
		WHERE state = 'running' AND attempted_by[array_upper(attempted_by, 1)] = $1`
	sqlGone = `DELETE FROM job_runner WHERE client = $1 OR abs(extract(epoch FROM seen - clock_timestamp())) > 86400`

	// River has one process at a time move what is due, for 15 s unless that is
	// prolonged. Who was it until a time far ahead was so before the clock was set
	// back, and would be for years if he is dead.
	sqlUsurp = `DELETE FROM river_leader WHERE expires_at > clock_timestamp() + interval '1 minute'`
	// Rows of processes that have not told for a while that they live, and others
	// that are named. One that somebody holds is looked at next time. A sign of
	// life from the future is one of before the clock was set back.
	sqlLost = `SELECT id, attempt, max_attempts, attempted_by[array_upper(attempted_by, 1)] FROM river_job AS j WHERE state = 'running' AND args ? 'body'
			AND (id = ANY($2) OR NOT EXISTS (SELECT 1 FROM job_runner AS r
				WHERE r.client = j.attempted_by[array_upper(j.attempted_by, 1)] AND r.seen > clock_timestamp() - $1::interval AND r.seen < clock_timestamp() + $1::interval))
		ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED`
	// The row is closed, so that the process, should it live on, has nothing left to finish.
	sqlClose = `UPDATE river_job SET state = CASE WHEN metadata ? 'cancel_attempted_at' THEN 'cancelled' ELSE 'discarded' END::river_job_state,
			finalized_at = clock_timestamp(), metadata = jsonb_set(metadata, '{lost}', 'true'),
			errors = array_append(errors, jsonb_build_object('at', clock_timestamp(), 'attempt', attempt, 'error', $2::text, 'trace', ''))
		WHERE id = $1`
	sqlReopen = `INSERT INTO river_job (args, attempt, kind, max_attempts, priority, queue, state, unique_key, unique_states)
		SELECT args, attempt, kind, max_attempts, priority, queue, 'pending', unique_key, unique_states FROM river_job
		WHERE id = $1 AND attempt < max_attempts AND NOT metadata ? 'cancel_attempted_at'
		RETURNING id`
)

// beat tells that this process lives, and ends the jobs that are not its own
// any more or were cancelled.
func (s *session) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.c.opt.Lease/2)
	defer cancel()
	// What is true from the server's clock on is true from before it was asked.
	asked := time.Now()
	if _, err := s.c.pool.Exec(ctx, sqlBeat, s.name); err != nil {
		return err
	}
	s.doubt.Reset(time.Until(asked.Add(s.c.opt.Lease - s.c.opt.Beat)))
	// Before the rows are read: what is worked on now has one.
	ids := s.running.ids()
	rows, err := s.c.pool.Query(ctx, sqlMine, s.name)
	if err != nil {
		return err
	}
	mine := map[int64]bool{}
	var id int64
	var cancelled bool
	_, err = pgx.ForEachRow(rows, []any{&id, &cancelled}, func() error {
		mine[id] = true
		if cancelled {
			s.running.cancel(id, errCancelled)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !mine[id] {
			s.running.cancel(id, errLost)
		}
	}
	return s.findOrphans(ctx, mine)
}

// findOrphans has those of this process's rows done again on which nobody works:
// the connection was lost while they were fetched or finished. mine are the rows.
func (s *session) findOrphans(ctx context.Context, mine map[int64]bool) error {
	now := time.Now()
	worked := map[int64]bool{}
	for _, id := range s.running.ids() {
		worked[id] = true
	}
	var lost []int64
	orphans := map[int64]time.Time{}
	for id := range mine {
		if worked[id] {
			continue
		}
		since, ok := s.orphans[id]
		if !ok {
			since = now // it may just be beginning, or being finished
		}
		if orphans[id] = since; now.Sub(since) >= s.c.opt.Lease {
			lost = append(lost, id)
		}
	}
	s.orphans = orphans
	if len(lost) == 0 {
		return nil
	}
	return s.c.rescue(ctx, lost)
}

// lose ends all jobs: the server has not heard of this process for so long that
// others may take them.
func (s *session) lose() {
	ids := s.running.ids()
	s.c.cfg.Log.Error("this process is about to be taken for dead; its jobs are stopped", "jobs", len(ids))
	for _, id := range ids {
		s.running.cancel(id, errLost)
	}
}

// rescue has the jobs of dead processes done again, and others that are lost.
func (c *Client) rescue(ctx context.Context, others []int64) error {
	return c.in(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlUsurp); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sqlLost, c.opt.Lease, others)
		if err != nil {
			return err
		}
		type lostRow struct {
			ID                int64
			Attempt, Attempts int
			Worker            string
		}
		lost, err := pgx.CollectRows(rows, pgx.RowToStructByPos[lostRow])
		if err != nil {
			return err
		}
		for _, l := range lost {
			if _, err := tx.Exec(ctx, sqlClose, l.ID, fmt.Sprintf("its process %s has died, or lost it", l.Worker)); err != nil {
				return err
			}
			rows, err := tx.Query(ctx, sqlReopen, l.ID)
			if err != nil {
				return err
			}
			next, err := pgx.CollectRows(rows, pgx.RowTo[int64])
			if err != nil {
				return err
			}
			c.cfg.Log.Warn("a job was lost and goes on", "worker", l.Worker, "job", l.ID, "next", next)
		}
		return nil
	})
}
