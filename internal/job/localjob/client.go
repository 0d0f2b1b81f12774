package localjob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"feedmill/feed"
	"feedmill/internal/durable"
	"feedmill/internal/job"
)

// Options are settings of a Client. The zero value works.
type Options struct {
	// Now is the clock for what is due and what is recorded. Default time.Now.
	Now func() time.Time
	// Poll is how often the client looks whether something has become due, and
	// whether the folder is free. Default 250 ms.
	Poll time.Duration
	// Patience is how long an insert waits for a process that works. Default 5 s.
	Patience time.Duration
}

// Client inserts, shows and, within [Client.Run], works on the jobs of a folder.
// All methods may be called concurrently.
type Client struct {
	dir    string
	cfg    job.Config
	opt    Options
	worker string
	wake   chan struct{}

	mu    sync.Mutex
	board *board // nil while another process works, or none
	state *state
}

// New gives a client of the folder, which is made where it is missing.
func New(dir string, cfg job.Config, opt Options) (*Client, error) {
	cfg, err := cfg.WithDefaults()
	if err != nil {
		return nil, fmt.Errorf("settings of jobs: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of jobs: %w", err)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	opt.Poll = cmp.Or(opt.Poll, 250*time.Millisecond)
	opt.Patience = cmp.Or(opt.Patience, 5*time.Second)
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return &Client{dir: dir, cfg: cfg, opt: opt, worker: fmt.Sprintf("%s:%d", host, os.Getpid()), wake: make(chan struct{}, 1)}, nil
}

// Insert asks for a job. Where no process works it waits a few seconds for one
// and then fails with KindUnavailable.
func (c *Client) Insert(ctx context.Context, args job.Args, opt job.InsertOptions) (job.Inserted, error) {
	r, err := newRequest(c.cfg.Kinds, args, opt)
	if err != nil {
		return job.Inserted{}, err
	}
	deadline := time.NewTimer(c.opt.Patience)
	defer deadline.Stop()
	for {
		var out job.Inserted
		err := c.ask(ctx, "insert", r, &out)
		if !errors.Is(err, errNobody) {
			return out, wrap("insert a job", err)
		}
		select {
		case <-ctx.Done():
			return out, fmt.Errorf("insert a job: %w", ctx.Err())
		case <-deadline.C:
			return out, wrap("insert a job", err)
		case <-time.After(c.opt.Poll):
		}
	}
}

// List gives the chosen jobs, the newest first: those that have not ended, and
// the last few hundred that have since the process began.
func (c *Client) List(ctx context.Context, f job.Filter) (list []job.Info, err error) {
	return list, wrap("list jobs", c.ask(ctx, "list", f, &list))
}

// Get gives one job.
func (c *Client) Get(ctx context.Context, id int64) (i job.Info, err error) {
	return i, wrap("look up a job", c.ask(ctx, "get", id, &i))
}

// Cancel ends a job that has not ended. One that runs has its context ended; it
// is cancelled when it has returned.
func (c *Client) Cancel(ctx context.Context, id int64) error {
	return wrap("cancel a job", c.ask(ctx, "cancel", id, nil))
}

// Retry makes a job that waits, or has ended, run as soon as it is its turn.
func (c *Client) Retry(ctx context.Context, id int64) error {
	return wrap("retry a job", c.ask(ctx, "retry", id, nil))
}

func wrap(what string, err error) error {
	if err == nil || feed.KindOf(err) == feed.KindNotFound || feed.KindOf(err) == feed.KindConflict {
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}

// ask lets the process that works answer.
func (c *Client) ask(ctx context.Context, what string, in, out any) error {
	if done, err := c.answer(what, in, out); done {
		return err
	}
	return askOther(ctx, filepath.Join(c.dir, controlFile), what, in, out)
}

// answer answers when this process works; done is false when it does not.
func (c *Client) answer(what string, in, out any) (done bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.board
	if b == nil {
		return false, nil
	}
	now := c.opt.Now().UTC()
	b.follow(now)
	defer c.nudge()
	switch what {
	case "insert":
		*out.(*job.Inserted), err = b.insert(in.(request), now)
	case "list":
		*out.(*[]job.Info) = b.list(in.(job.Filter))
	case "count":
		*out.(*[]job.Count) = b.counts()
	case "get":
		*out.(*job.Info), err = b.get(in.(int64))
	case "cancel":
		err = b.cancel(in.(int64), now)
	case "retry":
		err = b.retry(in.(int64), now)
	default:
		err = feed.Errorf(feed.KindInvalid, "nothing answers to %q", what)
	}
	return true, err
}

// nudge makes the loop look at once.
func (c *Client) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Run stands by until no other process works on the folder, and then works
// until the context ends. It then lets running jobs end, within the bounds of
// the Config; an error says that some did not.
func (c *Client) Run(ctx context.Context) (err error) {
	lock, err := c.acquire(ctx)
	if err != nil || lock == nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	// What a killed process has left is in nobody's way, where it cannot be removed.
	if err := removeLeft(c.dir); err != nil {
		c.cfg.Log.Warn("temporary files stay", "folder", c.dir, "error", err)
	}
	s, err := readState(c.dir)
	if err != nil {
		return err
	}
	stop, err := c.listen()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	c.mu.Lock()
	c.state = s
	c.board = newBoard(&c.cfg, c.worker, c.newID)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.board = nil
		c.mu.Unlock()
	}()
	return c.work(ctx)
}

// acquire waits for the folder's lock; it gives nil when the context ends first.
func (c *Client) acquire(ctx context.Context) (*durable.Lock, error) {
	ticker := time.NewTicker(c.opt.Poll)
	defer ticker.Stop()
	told := false
	for ctx.Err() == nil {
		lock, err := durable.AcquireLock(filepath.Join(c.dir, "lock"), c.opt.Now())
		var locked *durable.LockedError
		switch {
		case err == nil:
			c.cfg.Log.Info("working on jobs", "folder", c.dir)
			return lock, nil
		case !errors.As(err, &locked):
			return nil, fmt.Errorf("work on jobs: %w", err)
		case !told:
			told = true
			c.cfg.Log.Info("another process works on jobs; standing by", "owner", locked.Owner.String())
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	return nil, nil
}

// newID is called with the board's lock held.
func (c *Client) newID() int64 {
	id, err := c.state.id()
	if err != nil {
		c.cfg.Log.Error("ids of jobs may be used again after a restart", "error", err)
	}
	return id
}
