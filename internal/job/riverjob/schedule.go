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
	sqlTake  = `SELECT slot FROM job_schedule WHERE name = $1 FOR UPDATE SKIP LOCKED`
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
	// nothing; pause when to look again after a failure.
	used, pause := map[string]time.Time{}, map[string]time.Time{}
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
			slot := sched.Slot(now)
			if !used[sched.Name].Before(slot) || now.Before(pause[sched.Name]) {
				continue
			}
			ok, err := s.c.fire(ctx, sched, slot)
			if err != nil {
				pause[sched.Name] = now.Add(min(sched.Every, 10*time.Second))
				errs = append(errs, err)
			}
			if ok {
				used[sched.Name] = slot
			}
		}
		return errors.Join(errs...)
	})
}

// fire inserts the jobs of a slot, unless another process has done so, or does.
// ok says that the slot is used.
func (c *Client) fire(ctx context.Context, s *job.Schedule, slot time.Time) (ok bool, err error) {
	err = c.in(ctx, func(tx pgx.Tx) error {
		var last *time.Time
		err := tx.QueryRow(ctx, sqlTake, s.Name).Scan(&last)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		var after time.Time
		if last != nil {
			after = last.UTC()
		}
		if !after.Before(slot) {
			ok = true
			return nil
		}
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
		return false, fault("schedule "+s.Name, err)
	}
	return ok, nil
}
