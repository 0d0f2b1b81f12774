package jobtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/internal/job"
)

// Two clients with the same schedules use each slot once, and miss none; so do
// those that come after them.
func testSlots(t *testing.T, e *env) {
	var mu sync.Mutex
	type span struct{ after, until time.Time }
	var used []span
	calls := 0
	runs := &log{}
	cfg := job.Config{
		Kinds: kinds(func(_ context.Context, _ string, a task) error { runs.add(a); return nil }),
		Schedules: []job.Schedule{{Name: "often", Every: 100 * time.Millisecond, Jobs: func(_ context.Context, after, until time.Time) ([]job.Args, error) {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls%3 == 2 {
				return nil, errors.New("the records do not answer")
			}
			used = append(used, span{after, until})
			return []job.Args{task{Merchant: merchant(0), Name: until.Format(time.RFC3339Nano)}}, nil
		}}},
	}
	ran := func() int { return len(runs.all()) }
	first, second := e.start(t, cfg), e.start(t, cfg)
	until(t, "jobs of slots run", func() bool { return ran() > 1 })
	if err := first.end(); err != nil {
		t.Errorf("run: %v", err)
	}
	before := ran()
	until(t, "the second client goes on", func() bool { return ran() > before+1 })
	if err := second.end(); err != nil {
		t.Errorf("run: %v", err)
	}
	before = ran()
	third := e.start(t, cfg)
	until(t, "the third client goes on", func() bool { return ran() > before+1 })
	if err := third.end(); err != nil {
		t.Errorf("run: %v", err)
	}
	// A runner that forgets what waits would be told by records again.
	cfg.Schedules = nil
	last := e.start(t, cfg)
	until(t, "the jobs are done", func() bool { return idle(t, last) })
	// A client that is stopped in the middle of a slot leaves it to another, so a
	// slot may begin where one before the last ended, but never earlier than that.
	ends, begun := map[time.Time]bool{{}: true}, time.Time{}
	repeated := 0
	for i, s := range used {
		if !s.until.After(s.after) || s.until.UnixMilli()%100 != 0 || !ends[s.after] || s.after.Before(begun) {
			t.Errorf("slot %d is from %s to %s", i, s.after, s.until)
		}
		if i > 0 && !s.after.Equal(used[i-1].until) {
			repeated++
		}
		ends[s.until], begun = true, s.after
	}
	if repeated > 3 {
		t.Errorf("%d slots were used again, want one a stop at most", repeated)
	}
	seen := map[string]bool{}
	for _, r := range runs.all() {
		if seen[r.Name] {
			t.Errorf("the job of slot %s ran twice", r.Name)
		}
		seen[r.Name] = true
	}
}

// What has failed for good is not started again by each slot, but is by hand.
func testQuiet(t *testing.T, e *env) {
	var runs, slots atomic.Int64
	cfg := job.Config{
		Kinds: kinds(func(context.Context, string, task) error {
			runs.Add(1)
			return job.Permanent(errors.New("held"))
		}),
		Quiet: time.Hour,
		Schedules: []job.Schedule{{Name: "often", Every: 50 * time.Millisecond, Jobs: func(context.Context, time.Time, time.Time) ([]job.Args, error) {
			slots.Add(1)
			return []job.Args{task{Merchant: merchant(0)}}, nil
		}}},
	}
	c := e.start(t, cfg)
	until(t, "the job has failed", func() bool {
		list, err := c.List(t.Context(), job.Filter{States: []job.State{job.Failed}})
		return err == nil && len(list) == 1
	})
	before := slots.Load()
	until(t, "more slots have come", func() bool { return slots.Load() > before+4 })
	if n := runs.Load(); n != 1 {
		t.Errorf("%d runs, want 1", n)
	}
	insert(t, c, task{Merchant: merchant(0)}, job.InsertOptions{})
	until(t, "the insert is obeyed", func() bool { return runs.Load() == 2 })
}

// While a job runs, schedules do not ask for another run: what they read from the
// records may be what the running job is about to deal with, and they look again.
func testSchedulesWait(t *testing.T, e *env) {
	var slots, runs atomic.Int64
	gate, begun := make(chan struct{}), make(chan struct{}, 100)
	cfg := job.Config{
		Kinds: kinds(func(context.Context, string, task) error {
			runs.Add(1)
			begun <- struct{}{}
			<-gate
			return nil
		}),
		Schedules: []job.Schedule{{Name: "often", Every: 50 * time.Millisecond, Jobs: func(context.Context, time.Time, time.Time) ([]job.Args, error) {
			slots.Add(1)
			return []job.Args{task{Merchant: merchant(0)}}, nil
		}}},
	}
	c := e.start(t, cfg)
	<-begun
	before := slots.Load()
	until(t, "more slots have come", func() bool { return slots.Load() > before+3 })
	if list, err := c.List(t.Context(), job.Filter{}); err != nil || len(list) != 1 {
		t.Errorf("got the jobs %+v, %v, want the running one alone", list, err)
	}
	close(gate)
	until(t, "the schedule is heard again", func() bool { return runs.Load() > 1 })
}

// due is a schedule that gives the job while ask says so, as one does that reads
// the records.
func due(a task, ask func() bool) []job.Schedule {
	return []job.Schedule{{Name: "due", Every: 100 * time.Millisecond, Jobs: func(context.Context, time.Time, time.Time) ([]job.Args, error) {
		if ask() {
			return []job.Args{a}, nil
		}
		return nil, nil
	}}}
}

// A client that stops lets jobs end, then ends their contexts, and what did not
// end well is done by another.
func testDrain(t *testing.T, e *env) {
	var stopping, short, long atomic.Bool
	begun := make(chan string, 10)
	ended := make(chan struct{})
	cfg := job.Config{
		Soft: 200 * time.Millisecond, Hard: patience, Workers: map[string]int{job.QueueFeeds: 2},
		Schedules: due(task{Merchant: merchant(1), Name: "long"}, func() bool { return !long.Load() }),
		Kinds: kinds(func(ctx context.Context, _ string, a task) error {
			begun <- a.Name
			switch {
			case a.Name == "short":
				<-ended
				short.Store(ctx.Err() == nil)
				return nil
			case !stopping.Load():
				<-ctx.Done()
				return fmt.Errorf("store file: %w", ctx.Err())
			}
			long.Store(true)
			return nil
		}),
	}
	first := e.start(t, cfg)
	insert(t, first, task{Merchant: merchant(0), Name: "short"}, job.InsertOptions{})
	insert(t, first, task{Merchant: merchant(1), Name: "long"}, job.InsertOptions{})
	names := []string{<-begun, <-begun}
	if names[0] == names[1] {
		t.Fatalf("got the jobs %q, want both", names)
	}
	first.stop()
	stopping.Store(true)
	close(ended)
	if err := first.end(); err != nil {
		t.Errorf("run: %v", err)
	}
	if !short.Load() {
		t.Errorf("the job that ended by itself had its context ended")
	}
	second := e.start(t, cfg)
	until(t, "the other client has done the rest", func() bool { return long.Load() && idle(t, second) })
	if list, err := second.List(t.Context(), job.Filter{States: []job.State{job.Failed, job.Cancelled}}); err != nil || len(list) != 0 {
		t.Errorf("failed jobs: got %+v, %v, want none", list, err)
	}
}

// A job that does not heed its context does not keep a process from ending.
func testDrainGivesUp(t *testing.T, e *env) {
	begun, gate := make(chan struct{}, 1), make(chan struct{})
	var done atomic.Bool
	cfg := job.Config{
		Soft: 50 * time.Millisecond, Hard: 200 * time.Millisecond,
		Schedules: due(task{Merchant: merchant(0)}, func() bool { return !done.Load() }),
		Kinds: kinds(func(context.Context, string, task) error {
			select {
			case begun <- struct{}{}:
				<-gate
				return errors.New("far too late")
			default:
				done.Store(true)
				return nil
			}
		}),
	}
	first := e.start(t, cfg)
	insert(t, first, task{Merchant: merchant(0)}, job.InsertOptions{})
	until(t, "the job runs", func() bool { return len(begun) == 1 })
	if err := first.end(); err == nil || !strings.Contains(err.Error(), "1 ") {
		t.Errorf("run: got %v, want an error that counts the job", err)
	}
	second := e.start(t, cfg)
	until(t, "another client has done it", func() bool { return done.Load() && idle(t, second) })
	close(gate)
}

// The environment of a child process of testKilled.
const (
	childPlace  = "FEEDMILL_JOBTEST_PLACE"
	childFolder = "FEEDMILL_JOBTEST_FOLDER"
)

// rescueTime is what a killed process may cost.
const rescueTime = 30 * time.Second

// records says whether the job of testKilled is due: as long as a file is there.
func records(dir string) func() bool {
	return func() bool { _, err := os.Stat(filepath.Join(dir, "due")); return err == nil }
}

// Child takes over the process when it was started by the suite to be killed,
// and does not return then.
func (b Backend) Child() {
	place, dir := os.Getenv(childPlace), os.Getenv(childFolder)
	if place == "" {
		return
	}
	c, _, err := b.Open(context.Background(), place, job.Config{
		Schedules: due(task{Merchant: merchant(0)}, records(dir)),
		Kinds: kinds(func(context.Context, string, task) error {
			if err := os.WriteFile(filepath.Join(dir, "begun"), nil, 0o600); err != nil {
				return err
			}
			select {}
		}),
	})
	if err == nil {
		err = c.Run(context.Background())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// A process that is killed in the middle of a job has it done by another within
// 30 seconds.
func testKilled(t *testing.T, e *env) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "due"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self)
	child.Env = append(os.Environ(), childPlace+"="+e.place, childFolder+"="+dir)
	var said strings.Builder
	child.Stderr = &said
	if err := child.Start(); err != nil {
		t.Fatalf("start a process: %v", err)
	}
	killed := false
	defer func() {
		if !killed {
			_ = child.Process.Kill()
			_ = child.Wait()
			t.Logf("the process said: %s", &said)
		}
	}()
	until(t, "the process works on the job", func() bool { _, err := os.Stat(filepath.Join(dir, "begun")); return err == nil })
	var runs atomic.Int64
	c := e.start(t, job.Config{
		Schedules: due(task{Merchant: merchant(0)}, records(dir)),
		Kinds: kinds(func(context.Context, string, task) error {
			runs.Add(1)
			return os.Remove(filepath.Join(dir, "due"))
		}),
	})
	if list, err := c.List(t.Context(), job.Filter{States: []job.State{job.Running}}); err != nil || len(list) != 1 {
		t.Errorf("while the process works: got %+v, %v, want its job", list, err)
	}
	if runs.Load() != 0 {
		t.Error("the job of a living process was run by another")
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed = true
	_ = child.Wait() // it was killed
	start := time.Now()
	until(t, "another process has done the job", func() bool { return runs.Load() > 0 && idle(t, c) })
	if d := time.Since(start); d > rescueTime {
		t.Errorf("it took %s, want at most %s", d, rescueTime)
	}
	if n := runs.Load(); n != 1 {
		t.Errorf("the job ran %d times, want once", n)
	}
}
