package riverjob_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/internal/job"
)

// What was recorded while a clock was years ahead holds nothing up once it is
// right: neither slots of schedules, nor the tries of what has failed, nor what
// processes did that have died.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	var slots, runs atomic.Int64
	c := open(t, url, job.Config{
		Kinds: kinds(t, func(context.Context, count) error {
			if runs.Add(1); runs.Load() == 1 {
				return errors.New("this machine's clock is ahead")
			}
			return nil
		}),
		Schedules: []job.Schedule{{Name: "hourly", Every: time.Hour, Jobs: func(context.Context, time.Time, time.Time) ([]job.Args, error) {
			slots.Add(1)
			return nil, nil
		}}},
	})
	stop := run(t, c)
	until(t, "the first slot is used", func() bool { return slots.Load() == 1 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	db := connect(t, url)
	exec(t, db, `UPDATE job_schedule SET slot = date_trunc('hour', now()) + interval '10 years'`)
	waits, err := c.Insert(t.Context(), count{merchant, nil}, job.InsertOptions{After: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	failed, err := c.Insert(t.Context(), count{"m-bbbbbbbbbbbbbbbb", nil}, job.InsertOptions{})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, `UPDATE river_job SET state = 'retryable', attempt = 1, scheduled_at = now() + interval '10 years' WHERE id = $1`, failed.ID)
	left, err := c.Insert(t.Context(), count{"m-cccccccccccccccc", nil}, job.InsertOptions{})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, `INSERT INTO job_runner (client, seen) VALUES ('dead', now() + interval '10 years')`)
	exec(t, db, `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = ARRAY['dead'] WHERE id = $1`, left.ID)
	exec(t, db, `INSERT INTO river_leader (elected_at, expires_at, leader_id) VALUES (now() + interval '10 years', now() + interval '10 years', 'dead')
		ON CONFLICT (name) DO UPDATE SET elected_at = excluded.elected_at, expires_at = excluded.expires_at, leader_id = excluded.leader_id`)
	run(t, c)
	until(t, "a slot is used", func() bool { return slots.Load() == 2 })
	until(t, "what had failed is done", func() bool { return state(t, c, failed.ID) == job.Done })
	until(t, "what a dead process has left is done", func() bool { return state(t, c, left.ID) == job.Failed && runs.Load() >= 3 })
	if s := state(t, c, waits.ID); s != job.Waiting {
		t.Errorf("the job that was put off is %s", s)
	}
}
