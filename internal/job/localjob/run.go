package localjob

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"feedmill/internal/job"
)

// work runs jobs until the context ends, and then waits for those that run.
func (c *Client) work(ctx context.Context) error {
	// Jobs outlive ctx until they are told to stop.
	jobs := context.WithoutCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { c.runSchedules(ctx) })
	ticker := time.NewTicker(c.opt.Poll)
	defer ticker.Stop()
	slots := map[string]int{}
	for ctx.Err() == nil {
		c.dispatch(jobs, slots, &running)
		select {
		case <-ctx.Done():
		case <-c.wake:
		case <-ticker.C:
		}
	}
	return c.drain(&running)
}

// dispatch starts jobs while there are workers free. slots counts the jobs that
// run, by queue; the lock guards it.
func (c *Client) dispatch(ctx context.Context, slots map[string]int, running *sync.WaitGroup) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, now := c.board, c.opt.Now().UTC()
	b.follow(now)
	b.forget(now, c.cfg.Quiet)
	for queue, workers := range c.cfg.Workers {
		for slots[queue] < workers {
			e := b.next(queue, now)
			if e == nil {
				break
			}
			slots[queue]++
			run, cancel := context.WithCancelCause(ctx)
			e.cancel = cancel
			i := e.Info
			running.Go(func() {
				err := c.do(run, &i)
				state := c.finish(b, e, err, context.Cause(run), slots)
				cancel(nil)
				c.tell(&i, state, err)
				c.nudge()
			})
		}
	}
}

// finish records the end of a run, unless it comes after this process has
// stopped working, when nobody asks any more.
func (c *Client) finish(b *board, e *entry, err, cause error, slots map[string]int) job.State {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.board != b {
		return job.Waiting
	}
	slots[e.opt.Queue]--
	now := c.opt.Now().UTC()
	b.follow(now)
	b.finish(e, err, cause, job.Jitter(), now)
	return e.State
}

func (c *Client) do(ctx context.Context, i *job.Info) error {
	c.cfg.Log.Debug("job begins", "job", i.ID, "kind", i.Kind, "merchant", string(i.Merchant), "attempt", i.Attempt)
	return c.cfg.Kinds.Do(ctx, i.Kind, i.Args)
}

// tell logs the end of a run.
func (c *Client) tell(i *job.Info, s job.State, err error) {
	log := c.cfg.Log.With("job", i.ID, "kind", i.Kind, "merchant", string(i.Merchant), "attempt", i.Attempt, "state", string(s))
	var panicked *job.PanicError
	switch {
	case err == nil:
		log.Debug("job is done")
	case errors.As(err, &panicked):
		log.Error("job has panicked", "error", err, "stack", string(panicked.Stack))
	case s == job.Failed:
		log.Error("job has failed", "error", err)
	case s == job.Retrying:
		log.Warn("job has failed and is tried again", "error", err)
	default:
		log.Info("job was stopped")
	}
}

// drain ends the running jobs: first by waiting, then by their contexts, and at
// last by giving them up.
func (c *Client) drain(running *sync.WaitGroup) error {
	ended := make(chan struct{})
	go func() {
		running.Wait()
		close(ended)
	}()
	soft, hard := time.NewTimer(c.cfg.Soft), time.NewTimer(c.cfg.Hard)
	defer soft.Stop()
	defer hard.Stop()
	for {
		select {
		case <-ended:
			return nil
		case <-soft.C:
			c.mu.Lock()
			c.board.stop()
			c.mu.Unlock()
		case <-hard.C:
			c.mu.Lock()
			defer c.mu.Unlock()
			return fmt.Errorf("stop working on jobs: %d have not ended within %s", c.board.busy(), c.cfg.Hard)
		}
	}
}

// longestPause is how long a schedule that failed waits at most.
const longestPause = 10 * time.Second

// runSchedules inserts what schedules make due.
func (c *Client) runSchedules(ctx context.Context) {
	ticker := time.NewTicker(c.opt.Poll)
	defer ticker.Stop()
	pause := map[string]time.Time{}
	for {
		for i := range c.cfg.Schedules {
			s := &c.cfg.Schedules[i]
			now := c.opt.Now().UTC()
			// A pause that seems longer was begun before the clock was set back.
			if left := pause[s.Name].Sub(now); left > 0 && left <= longestPause {
				continue
			}
			if err := c.fire(ctx, s, now); err != nil && ctx.Err() == nil {
				pause[s.Name] = now.Add(min(s.Every, longestPause))
				c.cfg.Log.Error("schedule failed and is tried again", "schedule", s.Name, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// fire inserts the jobs of a schedule whose next slot has come.
func (c *Client) fire(ctx context.Context, s *job.Schedule, now time.Time) error {
	c.mu.Lock()
	last := c.state.Slots[s.Name]
	c.mu.Unlock()
	after, slot, ok := s.Due(last, now)
	if !ok {
		return nil
	}
	list, err := s.Jobs(ctx, after, slot)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, args := range list {
		c.board.follow(now)
		r, err := newRequest(c.cfg.Kinds, args, job.InsertOptions{})
		if err != nil {
			return err
		}
		if c.board.leave(r.identity(), now, c.cfg.Quiet) {
			continue
		}
		if _, err := c.board.insert(r, now); err != nil {
			return err
		}
	}
	if len(list) > 0 {
		c.nudge()
	}
	return c.state.claim(s.Name, slot)
}
