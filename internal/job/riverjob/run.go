package riverjob

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"feedmill/internal/job"
)

// Causes for which the context of a running job ends, beside River's own.
var (
	errCancelled = errors.New("the job was cancelled")
	errLost      = errors.New("another process does the job: this one could not tell in time that it lives")
)

// session is one Run.
type session struct {
	c    *Client
	name string
	// doubt goes off when others begin to doubt that this process lives. It goes by
	// the monotonic clock.
	doubt   *time.Timer
	running runs
	nudge   chan struct{} // the balance is to be made
	// orphans are this process's rows on which nobody worked at the last sign of
	// life, with the time since when.
	orphans map[int64]time.Time
}

// runs are the jobs that a session works on, with what ends their contexts.
type runs struct {
	mu   sync.Mutex
	jobs map[int64]context.CancelCauseFunc
}

func (r *runs) add(id int64, cancel context.CancelCauseFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.jobs[id] = cancel
}

func (r *runs) remove(id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.jobs, id)
}

func (r *runs) cancel(id int64, cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if cancel := r.jobs[id]; cancel != nil {
		cancel(cause)
	}
}

func (r *runs) ids() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]int64, 0, len(r.jobs))
	for id := range r.jobs {
		ids = append(ids, id)
	}
	return ids
}

// Run works on jobs until the context ends, through whatever the database goes.
// It then lets running jobs end, within the bounds of the Config; an error says
// that some did not, and those are done again by others.
func (c *Client) Run(ctx context.Context) error {
	for {
		begun, err := c.work(ctx)
		if begun {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		c.cfg.Log.Error("cannot begin to work on jobs; it is tried again", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(c.opt.Beat):
		}
	}
}

// work is Run but for trying again to begin.
func (c *Client) work(ctx context.Context) (begun bool, err error) {
	s := &session{c: c, name: newWorker(), running: runs{jobs: map[int64]context.CancelCauseFunc{}}, nudge: make(chan struct{}, 1)}
	client, err := s.client()
	if err != nil {
		return false, fmt.Errorf("work on jobs: %w", err)
	}
	s.doubt = time.AfterFunc(c.opt.Lease, s.lose)
	defer s.doubt.Stop()
	// Before the first job is taken, so that no other takes it for a dead one's.
	if err := s.beat(ctx); err != nil {
		return false, fault("work on jobs", err)
	}
	events, unsubscribe := client.Subscribe(river.EventKindJobCompleted, river.EventKindJobCancelled, river.EventKindJobFailed, river.EventKindJobSnoozed)
	defer unsubscribe()
	// Jobs outlive ctx until they are told to stop, and so do the signs of life.
	alive, die := context.WithCancel(context.WithoutCancel(ctx))
	defer die()
	if err := client.Start(alive); err != nil {
		return false, fault("work on jobs", err)
	}
	c.cfg.Log.Info("working on jobs", "worker", s.name)
	var loops sync.WaitGroup
	loops.Go(func() { s.every(alive, c.opt.Beat, "sign of life", nil, s.beat) })
	work, stop := context.WithCancel(ctx)
	defer stop()
	loops.Go(func() { s.listen(events) })
	loops.Go(func() { s.every(work, c.opt.Poll, "balance", s.nudge, c.balance) })
	loops.Go(func() {
		s.every(work, c.opt.Beat, "rescue", nil, func(ctx context.Context) error { return c.rescue(ctx, []int64{}) })
	})
	loops.Go(func() { s.schedules(work) })
	<-ctx.Done()
	err = s.end(client)
	die()
	unsubscribe()
	loops.Wait()
	return true, err
}

// client gives the River client that works for the session.
func (s *session) client() (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	for _, kind := range s.c.cfg.Kinds.Names() {
		river.AddWorkerArgs(workers, envelope{kind: kind}, &worker{s: s, kind: kind})
	}
	queues := map[string]river.QueueConfig{}
	for q, n := range s.c.cfg.Workers {
		queues[q] = river.QueueConfig{MaxWorkers: n}
	}
	return river.NewClient(riverpgxv5.New(s.c.pool), &river.Config{
		ID: s.name, Queues: queues, Workers: workers, Logger: s.c.logger(),
		FetchPollInterval: s.c.opt.Poll, FetchCooldown: min(100*time.Millisecond, s.c.opt.Poll),
		SoftStopTimeout: s.c.cfg.Soft,
		// Kinds have timeouts of their own, and dead processes are found by their
		// silence instead of by the age of their jobs.
		JobTimeout: -1, RescueStuckJobsAfter: math.MaxInt64,
		// Rebuilding indexes is the owner's, not a worker's, whose role may not.
		ReindexerIndexNames: []string{},
		// While releases change, an older program leaves what only a newer one knows.
		FetchOnlyKnownKinds: true,
	})
}

// end lets jobs end, and leaves.
func (s *session) end(client *river.Client[pgx.Tx]) error {
	// River asks for Soft by itself, and some time goes into recording the ends.
	ctx, cancel := context.WithTimeout(context.Background(), s.c.cfg.Hard)
	defer cancel()
	err := client.Stop(ctx)
	if left := len(s.running.ids()); err != nil {
		err = fmt.Errorf("stop working on jobs: %d have not ended within %s", left, s.c.cfg.Hard)
	}
	// What is still running is free for others at once.
	leave, done := context.WithTimeout(context.Background(), 2*time.Second)
	defer done()
	if _, e := s.c.pool.Exec(leave, sqlGone, s.name); e != nil {
		s.c.cfg.Log.Warn("could not say that this process stops working on jobs; others find out", "error", e)
	}
	return err
}

// listen makes the balance whenever a job has ended.
func (s *session) listen(events <-chan *river.Event) {
	for range events {
		select {
		case s.nudge <- struct{}{}:
		default:
		}
	}
}

// every does something now, at an interval and when nudged, until ctx ends.
func (s *session) every(ctx context.Context, d time.Duration, what string, nudge <-chan struct{}, do func(context.Context) error) {
	ticker := time.NewTicker(d)
	defer ticker.Stop()
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			s.c.cfg.Log.Error("upkeep of jobs failed and is tried again", "part", what, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-nudge:
		}
	}
}

// worker carries out the jobs of one kind.
type worker struct {
	river.WorkerDefaults[envelope]
	s    *session
	kind string
}

// NextRetry implements river.Worker.
func (w *worker) NextRetry(j *river.Job[envelope]) time.Time {
	return time.Now().Add(w.s.c.cfg.Kinds.Pause(w.kind, j.Attempt, job.Jitter()))
}

// Work implements river.Worker.
func (w *worker) Work(ctx context.Context, j *river.Job[envelope]) error {
	c := w.s.c
	run, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w.s.running.add(j.ID, cancel)
	defer w.s.running.remove(j.ID)
	ok, err := c.admit(run, j.ID, j.Attempt, j.Queue+" "+string(j.Args.Merchant))
	if err != nil && run.Err() == nil {
		c.cfg.Log.Error("a job could not be begun and is tried again", "job", j.ID, "error", err)
	}
	if !ok {
		return river.JobSnooze(c.opt.Poll)
	}
	log := c.cfg.Log.With("job", j.ID, "kind", w.kind, "merchant", string(j.Args.Merchant), "attempt", j.Attempt)
	log.Debug("job begins")
	err = c.cfg.Kinds.Do(run, w.kind, []byte(j.Args.Body))
	cause := context.Cause(run)
	var panicked *job.PanicError
	switch {
	case err == nil:
		log.Debug("job is done")
		return nil
	case errors.Is(cause, errCancelled), errors.Is(cause, rivertype.ErrJobCancelledRemotely):
		log.Info("job was cancelled")
		return river.JobCancel(err)
	case errors.Is(cause, errLost):
		log.Warn("job was stopped", "error", cause)
		return err
	case ctx.Err() != nil:
		log.Info("job was stopped")
		// So River takes it for stopped, whatever the job has made of it.
		return errors.Join(context.Canceled, err)
	case errors.As(err, &panicked):
		log.Error("job has panicked", "error", err, "stack", string(panicked.Stack))
	case job.IsPermanent(err), j.Attempt >= j.MaxAttempts:
		log.Error("job has failed", "error", err)
	default:
		log.Warn("job has failed and is tried again", "error", err)
	}
	if job.IsPermanent(err) {
		return river.JobCancel(err)
	}
	return err
}
