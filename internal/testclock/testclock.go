// Package testclock is time that tests turn: it stands, or moves a little with
// each look, until a test lets more of it pass. It knows nothing of what is timed
// by it.
package testclock

import (
	"sync"
	"time"
)

// Noon is when clocks of tests begin unless it matters: at noon of a Saturday in winter.
func Noon() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

// Clock is one clock. Its methods may be called at the same time.
type Clock struct {
	mu   sync.Mutex
	now  time.Time
	step time.Duration
	ran  time.Duration
}

// New gives a clock that shows a time and moves on by step before each look; with
// a step, times that are written down one after the other differ.
func New(at time.Time, step time.Duration) *Clock { return &Clock{now: at, step: step} }

// Now gives the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.ran = c.now.Add(c.step), c.ran+c.step
	return c.now
}

// Pass lets time pass.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.ran = c.now.Add(d), c.ran+d
}

// Set moves the hands, as an operator does: no time passes by it.
func (c *Clock) Set(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

// Elapsed tells how much time has passed, wherever the hands were moved.
func (c *Clock) Elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ran
}
