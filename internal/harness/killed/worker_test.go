package killed_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"feedmill/internal/job"
)

// glance is how often a worker is asked whether it has done everything.
const glance = 200 * time.Millisecond

// work lets a worker of 'feedmill serve' run until it has published what was
// imported and has swept everything, and ends it then, unless it is killed before.
func (y *yard) work(env ...string) result {
	y.t.Helper()
	ctx, cancel := context.WithTimeout(y.t.Context(), hang)
	defer cancel()
	since := time.Now()
	p := y.begin(ctx, []string{"serve", "--role", "worker"}, append(env, "FEEDMILL_JOBS_PUBLISH_EVERY=0s")...)
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for told := false; ; {
		select {
		case <-p.ended:
			if p.err != nil {
				y.t.Fatalf("the worker does not come to an end: %v: %s\n%s", p.err, p.result.output, y.jobsText())
			}
			return p.result
		case <-ticker.C:
		}
		if !told && y.swept(since) && y.look() == y.imported {
			told = true
			if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				y.t.Logf("end the worker: %v", err) // it has ended just now
			}
		}
	}
}

func (y *yard) jobsText() string { return y.run([]string{"job", "list"}).output }

// swept says whether every sort of sweep was done after a time and no job is left.
func (y *yard) swept(since time.Time) bool {
	y.t.Helper()
	r := y.run([]string{"job", "list", "--json", "--limit", "1000"})
	if r.status != 0 {
		return false // nobody works yet, or any more
	}
	var list []job.Info
	if err := json.Unmarshal([]byte(r.output), &list); err != nil {
		y.t.Fatalf("job list: %v: %s", err, r.output)
	}
	done := map[string]bool{}
	for i := range list {
		j := &list[i]
		switch {
		case !j.State.Ended():
			return false
		case j.State == job.Done && j.Ended.After(since):
			name := j.Kind
			if j.Merchant == "" {
				name += " of all"
			}
			done[name] = true
		}
	}
	return done["sweep"] && done["sweep of all"] && done["sweep_orphans"]
}

// garbage counts what is recorded as of no use any more, and what runs that were
// killed have left in the store.
func (y *yard) garbage() (n int64) {
	y.t.Helper()
	y.ask(&n, "SELECT count(*) FROM blob WHERE state <> 'live'")
	var found struct {
		Left, Fresh struct{ Count int64 }
	}
	if err := json.Unmarshal([]byte(y.must("sweep", "--dry-run", "--json")), &found); err != nil {
		y.t.Fatal(err)
	}
	return n + found.Left.Count + found.Fresh.Count
}

// clean wants nothing left of what was ready to be swept.
func (y *yard) clean() {
	y.t.Helper()
	if n := y.garbage(); n > 0 {
		y.t.Errorf("%d files are left that should have been swept", n)
	}
}

func (y *yard) traceFile() string { return filepath.Join(y.dir, "trace") }

// arrivals reads how often the last traced command passed each point.
func (y *yard) arrivals() map[string]int {
	y.t.Helper()
	data, err := os.ReadFile(y.traceFile())
	if err != nil && !os.IsNotExist(err) {
		y.t.Fatal(err)
	}
	return count(string(data))
}
