package job

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Schedule makes jobs due by time. Its slots are the multiples of Every since
// 1970 in UTC.
type Schedule struct {
	// Name tells schedules apart, for good: lower case letters, digits and "_".
	Name string
	// Every is the distance of two slots.
	Every time.Duration
	// Jobs gives what is due after one slot, up to and with another one, from the
	// records. Slots in which no process ran are made up for in one go. after is
	// zero the first time ever, and when the clock was set back. The runner leaves out jobs of which one runs just
	// now, or whose last run ended badly a short while ago: Jobs must give them
	// again in a later slot if they are still due then.
	Jobs func(ctx context.Context, after, until time.Time) ([]Args, error)
}

// Slot gives the latest slot at or before now.
func (s *Schedule) Slot(now time.Time) time.Time {
	since := now.Sub(time.Unix(0, 0))
	return time.Unix(0, 0).Add(since - since%s.Every).UTC()
}

// Due gives the slot that is to be used at now when last was used before, and
// after what; ok is false when there is none. A last slot that lies further ahead
// than the next one was used before the clock was set back. It is not waited for,
// which may take years, and tells nothing any more: after is zero then.
func (s *Schedule) Due(last, now time.Time) (after, slot time.Time, ok bool) {
	slot = s.Slot(now)
	if last.After(slot.Add(s.Every)) {
		return time.Time{}, slot, true
	}
	return last, slot, last.Before(slot)
}

// Config is what a runner needs to know beside where jobs are kept.
type Config struct {
	Kinds     *Kinds
	Schedules []Schedule
	// Workers is the number of jobs that this process runs at a time, by queue.
	// Default 2 for [QueueFeeds], else 1.
	Workers map[string]int
	// PerMerchant is how many jobs of one merchant and queue run at a time, in
	// all processes. Default 1.
	PerMerchant int
	// Quiet is how long schedules leave alone what has failed for good or was
	// cancelled. An insert is obeyed at once. Default 10 min.
	Quiet time.Duration
	// Soft and Hard bound the end of Run: running jobs may end by themselves for
	// Soft, then their contexts end, and at Hard they are given up. Defaults 15 s
	// and 20 s.
	Soft, Hard time.Duration
	// Log gets the beginnings and ends of jobs. Default none.
	Log *slog.Logger
}

// WithDefaults fills in what is not set, and says what is wrong.
func (c Config) WithDefaults() (Config, error) {
	if c.Kinds == nil {
		c.Kinds = NewKinds()
	}
	workers := map[string]int{}
	for _, q := range c.Kinds.Queues() {
		n := c.Workers[q]
		if n == 0 && q == QueueFeeds {
			n = 2
		}
		workers[q] = cmp.Or(n, 1)
		if n < 0 {
			return c, fmt.Errorf("queue %q: %d workers", q, n)
		}
	}
	c.Workers = workers
	c.PerMerchant = cmp.Or(c.PerMerchant, 1)
	c.Quiet = cmp.Or(c.Quiet, 10*time.Minute)
	c.Soft = cmp.Or(c.Soft, 15*time.Second)
	c.Hard = max(cmp.Or(c.Hard, 20*time.Second), c.Soft)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	seen := map[string]bool{}
	for i := range c.Schedules {
		s := &c.Schedules[i]
		if !validName(s.Name) || seen[s.Name] || s.Every <= 0 || s.Jobs == nil {
			return c, fmt.Errorf("schedule %.40q needs a name of its own, an interval and jobs", s.Name)
		}
		seen[s.Name] = true
	}
	return c, nil
}
