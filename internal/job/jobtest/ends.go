package jobtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/job"
)

// A job is cancelled from a client that does not run it, wherever it stands.
func testCancel(t *testing.T, e *env) {
	begun, causes := make(chan struct{}, 1), make(chan error, 1)
	cfg := job.Config{Kinds: kinds(func(ctx context.Context, _ string, a task) error {
		begun <- struct{}{}
		<-ctx.Done()
		causes <- ctx.Err()
		return fmt.Errorf("rendering: %w", ctx.Err())
	})}
	c := e.start(t, cfg)
	other := e.open(t, cfg)
	in := insert(t, c, task{Merchant: merchant(0)}, job.InsertOptions{})
	<-begun
	if err := other.Cancel(t.Context(), in.ID); err != nil {
		t.Fatalf("cancel a running job: %v", err)
	}
	if err := <-causes; !errors.Is(err, context.Canceled) {
		t.Errorf("the context of the cancelled job ended with %v", err)
	}
	i := untilState(t, other, in.ID, job.Cancelled)
	if i.Attempt != 1 || i.Ended.IsZero() {
		t.Errorf("the cancelled job: got %+v", i)
	}
	wantKind(t, "cancel what has ended", other.Cancel(t.Context(), in.ID), feed.KindConflict)
	wantKind(t, "cancel what is not there", other.Cancel(t.Context(), in.ID+1000), feed.KindNotFound)

	waits := insert(t, other, task{Merchant: merchant(1)}, job.InsertOptions{After: time.Hour})
	if err := other.Cancel(t.Context(), waits.ID); err != nil {
		t.Fatalf("cancel a waiting job: %v", err)
	}
	if i, err := c.Get(t.Context(), waits.ID); err != nil || i.State != job.Cancelled || i.Attempt != 0 {
		t.Errorf("the job cancelled while it waited: got %+v, %v", i, err)
	}
	// A cancelled job is run again by hand.
	if err := other.Retry(t.Context(), waits.ID); err != nil {
		t.Fatalf("retry a cancelled job: %v", err)
	}
	<-begun
	untilState(t, c, waits.ID, job.Running)
	wantKind(t, "retry a running job", other.Retry(t.Context(), waits.ID), feed.KindConflict)
	if err := c.Cancel(t.Context(), waits.ID); err != nil {
		t.Fatalf("cancel it again: %v", err)
	}
	untilState(t, c, waits.ID, job.Cancelled)
}

// What was asked for while a job ran is done although that one is cancelled.
func testCancelAndAgain(t *testing.T, e *env) {
	begun, gate, runs := make(chan struct{}, 1), make(chan struct{}), &log{}
	c := e.start(t, job.Config{Kinds: kinds(func(ctx context.Context, _ string, a task) error {
		runs.add(a)
		if a.Notes[0] > 1 {
			return nil
		}
		begun <- struct{}{}
		<-ctx.Done()
		<-gate
		return ctx.Err()
	})})
	one := func(note int) job.Inserted {
		return insert(t, c, task{Merchant: merchant(0), Notes: []int{note}}, job.InsertOptions{})
	}
	first := one(1)
	<-begun
	one(2)
	if err := c.Cancel(t.Context(), first.ID); err != nil {
		t.Fatalf("cancel: %v", err)
	}
	one(3)
	close(gate)
	untilState(t, c, first.ID, job.Cancelled)
	until(t, "nothing is to be done", func() bool { return idle(t, c) })
	if all := runs.all(); len(all) != 2 || !slices.Equal(all[1].Notes, []int{2, 3}) {
		t.Errorf("got the runs %+v, want a second one with the notes 2 and 3", all)
	}
}

// A failed job is tried again until it succeeds or its attempts are used up.
func testRetry(t *testing.T, e *env) {
	var tries [2]atomic.Int64
	c := e.start(t, job.Config{Kinds: kinds(func(_ context.Context, _ string, a task) error {
		n := tries[a.Notes[0]].Add(1)
		if a.Notes[0] == 0 && n < 3 || a.Notes[0] == 1 && n < 4 {
			return fmt.Errorf("try %d", n)
		}
		return nil
	})})
	good := insert(t, c, task{Merchant: merchant(0), Notes: []int{0}}, job.InsertOptions{})
	bad := insert(t, c, task{Merchant: merchant(1), Notes: []int{1}}, job.InsertOptions{})
	if i := untilState(t, c, good.ID, job.Done); i.Attempt != 3 {
		t.Errorf("the job that succeeds at last: got %d attempts, want 3", i.Attempt)
	}
	i := untilState(t, c, bad.ID, job.Failed)
	if i.Attempt != 3 || i.Attempts != 3 || !strings.Contains(i.Error, "try 3") {
		t.Errorf("the job that fails for good: got %+v, want 3 attempts and the last error", i)
	}
	if err := c.Retry(t.Context(), bad.ID); err != nil {
		t.Fatalf("retry: %v", err)
	}
	untilState(t, c, bad.ID, job.Done)
	wantKind(t, "retry what is not there", c.Retry(t.Context(), bad.ID+1000), feed.KindNotFound)
	// Another job does the same already.
	blocker := insert(t, c, task{Merchant: merchant(1), Notes: []int{1}}, job.InsertOptions{After: time.Hour})
	if blocker.ID == bad.ID {
		t.Errorf("an ended job was joined")
	}
	wantKind(t, "retry beside a waiting job", c.Retry(t.Context(), bad.ID), feed.KindConflict)
	if err := c.Retry(t.Context(), blocker.ID); err != nil {
		t.Errorf("retry a waiting job: %v", err)
	}
	untilState(t, c, blocker.ID, job.Done)
}

// A permanent failure is not tried again, and what came meanwhile is done.
func testPermanent(t *testing.T, e *env) {
	begun, gate := make(chan struct{}, 1), make(chan struct{})
	c := e.start(t, job.Config{Kinds: kinds(func(_ context.Context, _ string, a task) error {
		if a.Notes[0] == 1 {
			begun <- struct{}{}
			<-gate
			return fmt.Errorf("wrapped: %w", job.Permanent(errors.New("no use")))
		}
		return nil
	})})
	in := insert(t, c, task{Merchant: merchant(0), Notes: []int{1}}, job.InsertOptions{})
	<-begun
	insert(t, c, task{Merchant: merchant(0), Notes: []int{2}}, job.InsertOptions{})
	close(gate)
	if i := untilState(t, c, in.ID, job.Failed); i.Attempt != 1 || !strings.Contains(i.Error, "no use") {
		t.Errorf("got %+v, want one attempt and its error", i)
	}
	until(t, "what came meanwhile is done", func() bool {
		list, err := c.List(t.Context(), job.Filter{States: []job.State{job.Done}})
		return err == nil && len(list) == 1 && list[0].ID != in.ID
	})
}

// A panic is a failure of its job alone.
func testPanic(t *testing.T, e *env) {
	c := e.start(t, job.Config{Kinds: kinds(func(_ context.Context, _ string, a task) error {
		if a.Notes[0] == 1 {
			panic("out of cheese")
		}
		return nil
	})})
	in := insert(t, c, task{Merchant: merchant(0), Notes: []int{1}}, job.InsertOptions{})
	i := untilState(t, c, in.ID, job.Failed)
	if i.Attempt != 3 || !strings.Contains(i.Error, "panic: out of cheese") || strings.Contains(i.Error, ".go:") {
		t.Errorf("got %+v, want three attempts and the panic without its stack", i)
	}
	untilState(t, c, insert(t, c, task{Merchant: merchant(0), Notes: []int{2}}, job.InsertOptions{}).ID, job.Done)
}

// slow is a kind whose runs are limited.
type slow struct{ task }

func (slow) Kind() string { return "slow" }

func testTimeout(t *testing.T, e *env) {
	k := kinds(nil)
	err := job.Add(k, job.KindOptions{Attempts: 1, Timeout: 20 * time.Millisecond}, func(ctx context.Context, _ slow) error {
		<-ctx.Done()
		return ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	c := e.start(t, job.Config{Kinds: k})
	in := insert(t, c, slow{task{Merchant: merchant(0)}}, job.InsertOptions{})
	if i := untilState(t, c, in.ID, job.Failed); !strings.Contains(i.Error, "limit") {
		t.Errorf("got the error %q, want one that names the limit", i.Error)
	}
}

// Listings are filtered, the newest job first, and go on where a page ended.
func testList(t *testing.T, e *env) {
	c := e.start(t, job.Config{Kinds: kinds(func(context.Context, string, task) error { return nil })})
	for n := range 7 {
		insert(t, c, task{Merchant: merchant(n % 2), Name: fmt.Sprint(n)}, job.InsertOptions{After: time.Hour})
	}
	insert(t, c, chore{task{Merchant: merchant(0)}}, job.InsertOptions{After: time.Hour})
	done := insert(t, c, task{Merchant: merchant(0), Name: "done", Notes: []int{5}}, job.InsertOptions{})
	i := untilState(t, c, done.ID, job.Done)
	if merchant, key := i.Merchant, i.Key; merchant != "m-aaaaaaaaaaaaaaaa" || key != "done" || i.Kind != "task" || !strings.Contains(string(i.Args), "5") ||
		i.Created.IsZero() || i.Started.Before(i.Created) || i.Ended.Before(i.Started) || i.Worker == "" || i.Error != "" {
		t.Errorf("got %+v, args %s", i, i.Args)
	}
	names := func(f job.Filter) (names []string, last int64) {
		t.Helper()
		list, err := c.List(t.Context(), f)
		if err != nil {
			t.Fatalf("list %+v: %v", f, err)
		}
		for _, i := range list {
			names, last = append(names, i.Key), i.ID
		}
		return names, last
	}
	got, _ := names(job.Filter{Merchant: merchant(1)})
	if want := []string{"5", "3", "1"}; !slices.Equal(got, want) {
		t.Errorf("one merchant's: got %q, want %q", got, want)
	}
	if got, _ = names(job.Filter{Kind: "chore"}); len(got) != 1 {
		t.Errorf("one kind: got %q", got)
	}
	if got, _ = names(job.Filter{States: []job.State{job.Done, job.Failed}}); !slices.Equal(got, []string{"done"}) {
		t.Errorf("ended ones: got %q", got)
	}
	waiting := job.Filter{Kind: "task", States: []job.State{job.Waiting}, Limit: 4}
	first, last := names(waiting)
	waiting.Before = last
	second, _ := names(waiting)
	if want := []string{"6", "5", "4", "3", "2", "1", "0"}; !slices.Equal(append(first, second...), want) || len(first) != 4 {
		t.Errorf("pages: got %q and %q, want %q", first, second, want)
	}
	// Also who does not work may ask.
	for name, who := range map[string]Client{"who works": c, "another": e.open(t, job.Config{Kinds: kinds(nil)})} {
		counts, err := who.Counts(t.Context())
		if want := []job.Count{{Kind: "chore", State: job.Waiting, Jobs: 1}, {Kind: "task", State: job.Done, Jobs: 1}, {Kind: "task", State: job.Waiting, Jobs: 7}}; err != nil || !slices.Equal(counts, want) {
			t.Errorf("%s counts %+v, %v, want %+v", name, counts, err, want)
		}
	}
	_, err := c.Get(t.Context(), done.ID+1000)
	wantKind(t, "get what is not there", err, feed.KindNotFound)
	if _, err := c.Insert(t.Context(), unknown{}, job.InsertOptions{}); err == nil {
		t.Error("a job of an unknown kind was inserted")
	}
}

type unknown struct{ task }

func (unknown) Kind() string { return "unknown" }
