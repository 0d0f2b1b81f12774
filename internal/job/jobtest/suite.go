// Package jobtest is the contract of runners of jobs, as a test suite that each
// runs with one call of [Run].
//
// It owns what may be relied on: one job waits and one runs, no change is
// missed, merchants take turns, slots of schedules are used once, and jobs
// survive failures, panics, cancelling, stopping and the death of a process. It
// refuses to know where a runner keeps its jobs.
package jobtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/job"
	"feedmill/internal/partner"
)

// Client is everything the suite asks of a runner. Programs declare the few
// methods that they use themselves.
type Client interface {
	Insert(ctx context.Context, args job.Args, opt job.InsertOptions) (job.Inserted, error)
	List(ctx context.Context, f job.Filter) ([]job.Info, error)
	Counts(ctx context.Context) ([]job.Count, error)
	Get(ctx context.Context, id int64) (job.Info, error)
	Cancel(ctx context.Context, id int64) error
	Retry(ctx context.Context, id int64) error
	Run(ctx context.Context) error
}

// Backend is a runner under test.
type Backend struct {
	// Place gives a new place where jobs are kept, whose name another process
	// can use; it is gone at the end of the test.
	Place func(t *testing.T) string
	// Open gives a client of a place, with intervals that suit tests, and what
	// closes it.
	Open func(ctx context.Context, place string, cfg job.Config) (Client, func(), error)
}

// Run runs the suite. TestMain must call [Backend.Child] first.
func Run(t *testing.T, b Backend) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, e *env)
	}{
		{"OneWaitsAndOneRuns", testUnique},
		{"NoChangeIsMissed", testNoChangeIsMissed},
		{"MerchantsTakeTurns", testMerchantsTakeTurns},
		{"RanksWithinAMerchant", testRanks},
		{"QueuesDoNotWaitForEachOther", testQueues},
		{"SlotsAreUsedOnce", testSlots},
		{"SchedulesLeaveFailuresAlone", testQuiet},
		{"SchedulesWaitForRuns", testSchedulesWait},
		{"Cancel", testCancel},
		{"CancelAndAgain", testCancelAndAgain},
		{"FailAndRetry", testRetry},
		{"Permanent", testPermanent},
		{"Panic", testPanic},
		{"Timeout", testTimeout},
		{"Drain", testDrain},
		{"DrainGivesUp", testDrainGivesUp},
		{"List", testList},
		{"KilledProcess", testKilled},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, &env{backend: b, place: b.Place(t)})
		})
	}
}

// patience bounds every wait of the suite; nothing is expected to take so long.
const patience = 60 * time.Second

// task is a kind of job for tests.
type task struct {
	Merchant partner.MerchantID `json:"merchant"`
	Name     string             `json:"name"`
	Notes    []int              `json:"notes"`
}

func (task) Kind() string                        { return "task" }
func (t task) For() (partner.MerchantID, string) { return t.Merchant, t.Name }
func (t task) Join(later task) task {
	later.Notes = append(slices.Clone(t.Notes), later.Notes...)
	return later
}

// urgent goes before tasks of its merchant; chore has a queue of its own.
type (
	urgent struct{ task }
	chore  struct{ task }
)

func (urgent) Kind() string               { return "urgent" }
func (u urgent) Join(later urgent) urgent { return urgent{u.task.Join(later.task)} }
func (chore) Kind() string                { return "chore" }
func (c chore) Join(later chore) chore    { return chore{c.task.Join(later.task)} }

// env is a place with the clients of one test.
type env struct {
	backend Backend
	place   string
}

// handler carries out every job of a test.
type handler func(ctx context.Context, kind string, t task) error

// kinds has all kinds of the suite; failed jobs come back soon.
func kinds(h handler) *job.Kinds {
	k := job.NewKinds()
	soon := job.KindOptions{Rank: 5, Attempts: 3, FirstPause: 10 * time.Millisecond, MaxPause: 20 * time.Millisecond}
	first, aside := soon, soon
	first.Rank, aside.Queue = 1, job.QueueUpkeep
	err := errors.Join(
		job.Add(k, soon, func(ctx context.Context, a task) error { return h(ctx, "task", a) }),
		job.Add(k, first, func(ctx context.Context, a urgent) error { return h(ctx, "urgent", a.task) }),
		job.Add(k, aside, func(ctx context.Context, a chore) error { return h(ctx, "chore", a.task) }),
	)
	if err != nil {
		panic(err)
	}
	return k
}

// worker is a client that works.
type worker struct {
	Client
	stop  context.CancelFunc
	ended chan error
}

// open gives a client that does not work.
func (e *env) open(t *testing.T, cfg job.Config) Client {
	t.Helper()
	c, closeIt, err := e.backend.Open(context.WithoutCancel(t.Context()), e.place, cfg)
	if err != nil {
		t.Fatalf("open a client: %v", err)
	}
	t.Cleanup(closeIt)
	return c
}

// start gives a client that works until the end of the test.
func (e *env) start(t *testing.T, cfg job.Config) *worker {
	t.Helper()
	if cfg.Soft == 0 {
		cfg.Soft, cfg.Hard = time.Millisecond, patience
	}
	w := &worker{Client: e.open(t, cfg), ended: make(chan error, 1)}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	w.stop = stop
	go func() { w.ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err, ok := <-w.ended; ok && err != nil {
			t.Errorf("run: %v", err)
		}
	})
	until(t, "somebody works", func() bool { _, err := w.List(ctx, job.Filter{}); return feed.KindOf(err) != feed.KindUnavailable })
	return w
}

// end stops a client and gives what Run says.
func (w *worker) end() error {
	w.stop()
	err := <-w.ended
	close(w.ended)
	return err
}

func insert(t *testing.T, c Client, args job.Args, opt job.InsertOptions) job.Inserted {
	t.Helper()
	in, err := c.Insert(t.Context(), args, opt)
	if err != nil {
		t.Fatalf("insert %v: %v", args, err)
	}
	return in
}

// until waits for a condition.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !cond() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("waited %s in vain until %s", patience, what)
		}
	}
}

// untilState waits until a job has come to a state.
func untilState(t *testing.T, c Client, id int64, want job.State) (info job.Info) {
	t.Helper()
	until(t, fmt.Sprintf("job %d is %s", id, want), func() bool {
		i, err := c.Get(t.Context(), id)
		if err != nil {
			t.Fatalf("get job %d: %v", id, err)
		}
		info = i
		return i.State == want
	})
	return info
}

func wantKind(t *testing.T, what string, err error, kind feed.ErrorKind) {
	t.Helper()
	if err == nil || feed.KindOf(err) != kind {
		t.Errorf("%s: got error %v of kind %d, want kind %d", what, err, feed.KindOf(err), kind)
	}
}

// log notes what was run, in order.
type log struct {
	mu   sync.Mutex
	runs []task
}

func (l *log) add(t task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.runs = append(l.runs, t)
}

func (l *log) all() []task {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.runs)
}

// merchant gives the id of the n-th merchant of a test.
func merchant(n int) partner.MerchantID {
	return partner.MerchantID(fmt.Sprintf("m-aaaaaaaaaaaaaa%c%c", 'a'+n/26, 'a'+n%26))
}
