package riverjob

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"feedmill/internal/job"
)

const (
	sqlKnow = `INSERT INTO job_schedule (name) VALUES ($1) ON CONFLICT (name) DO NOTHING`
	// Who does not get the row leaves it to the one who has it.
	sqlTake  = `SELECT slot, clock_timestamp() FROM job_schedule WHERE name = $1 FOR UPDATE SKIP LOCKED`
	sqlClaim = `UPDATE job_schedule SET slot = $2 WHERE name = $1`
	sqlClock = `SELECT clock_timestamp()`
)

// schedules inserts what schedules make due.
func (s *session) schedules(ctx context.Context) {
	list := s.c.cfg.Schedules
	if len(list) == 0 {
		return
	}
	// used tells the last slot that somebody has used, so that most looks cost
	// nothing; failed when it last went wrong.
	used, failed := map[string]time.Time{}, map[string]time.Time{}
	known := false
	s.every(ctx, s.c.opt.Poll, "schedules", nil, func(ctx context.Context) error {
		if !known {
			for i := range list {
				if _, err := s.c.pool.Exec(ctx, sqlKnow, list[i].Name); err != nil {
					return err
				}
			}
			known = true
		}
		var now time.Time
		if err := s.c.pool.QueryRow(ctx, sqlClock).Scan(&now); err != nil {
			return err
		}
		var errs []error
		for i := range list {
			sched := &list[i]
			if _, _, due := sched.Due(used[sched.Name], now); !due || time.Since(failed[sched.Name]) < min(sched.Every, 10*time.Second) {
				continue
			}
			slot, ok, err := s.c.fire(ctx, sched)
			if err != nil {
				failed[sched.Name] = time.Now() // the server's clock may be set
				errs = append(errs, err)
			}
			if ok {
				used[sched.Name] = slot
			}
		}
		return errors.Join(errs...)
	})
}

// fire inserts the jobs of the slot that is due, unless another process has done
// so, or does. ok says that the slot, which is the last one then, is used.
func (c *Client) fire(ctx context.Context, s *job.Schedule) (slot time.Time, ok bool, err error) {
	err = c.in(ctx, func(tx pgx.Tx) error {
		var last *time.Time
		// Asked now: by what was read a while ago the slots that others have used
		// meanwhile would lie in the future.
		var now time.Time
		err := tx.QueryRow(ctx, sqlTake, s.Name).Scan(&last, &now)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if last != nil {
			slot = last.UTC()
		}
		after, next, due := s.Due(slot, now)
		if !due {
			ok = true
			return nil
		}
		slot = next
		list, err := s.Jobs(ctx, after, slot)
		if err != nil {
			return err
		}
		for _, args := range list {
			if _, err := c.insert(ctx, tx, args, job.InsertOptions{}, true); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, sqlClaim, s.Name, slot)
		ok = err == nil
		return err
	})
	if err != nil {
		return slot, false, fault("schedule "+s.Name, err)
	}
	return slot, ok, nil
}
