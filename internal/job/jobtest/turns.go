package jobtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"feedmill/internal/job"
	"feedmill/internal/partner"
)

// While a job waits, more of the same join it; what comes during a run makes
// exactly one more, also where the merchant may have more jobs running.
func testUnique(t *testing.T, e *env) {
	begun, gate, runs := make(chan struct{}, 10), make(chan struct{}), &log{}
	cfg := job.Config{Workers: map[string]int{job.QueueFeeds: 4}, PerMerchant: 4, Kinds: kinds(func(ctx context.Context, _ string, a task) error {
		runs.add(a)
		begun <- struct{}{}
		select {
		case <-gate:
		case <-ctx.Done():
		}
		return ctx.Err()
	})}
	c, other := e.start(t, cfg), e.start(t, cfg)
	one := func(note int) task { return task{Merchant: merchant(0), Name: "one", Notes: []int{note}} }
	first := insert(t, c, one(1), job.InsertOptions{})
	<-begun
	second := insert(t, other, one(2), job.InsertOptions{})
	if second.Joined || second.ID == first.ID {
		t.Errorf("insert while job %d runs: got %+v, want another job", first.ID, second)
	}
	for i, client := range []Client{c, other} {
		if in := insert(t, client, one(3+i), job.InsertOptions{}); !in.Joined || in.ID != second.ID {
			t.Errorf("insert while job %d waits: got %+v, want to join it", second.ID, in)
		}
	}
	if i, err := c.Get(t.Context(), second.ID); err != nil || i.State != job.Waiting {
		t.Errorf("the job that waits for the running one: got %+v, %v", i, err)
	}
	// Another name is another job, and so is another merchant's.
	insert(t, c, task{Merchant: merchant(0), Name: "two"}, job.InsertOptions{})
	insert(t, c, task{Merchant: merchant(1), Name: "one"}, job.InsertOptions{})
	<-begun
	<-begun
	close(gate)
	<-begun
	until(t, "nothing is to be done", func() bool { return idle(t, c) })
	var notes [][]int
	for _, r := range runs.all() {
		if r.Merchant == merchant(0) && r.Name == "one" {
			notes = append(notes, r.Notes)
		}
	}
	if want := [][]int{{1}, {2, 3, 4}}; fmt.Sprint(notes) != fmt.Sprint(want) {
		t.Errorf("runs had the notes %v, want %v", notes, want)
	}

	// A job that is put off takes more in, and the earlier time counts.
	later := func(note int, after time.Duration) job.Inserted {
		return insert(t, c, task{Merchant: merchant(2), Name: "later", Notes: []int{note}}, job.InsertOptions{After: after})
	}
	put := later(1, 2*time.Hour)
	if in := later(2, time.Hour); !in.Joined || in.ID != put.ID {
		t.Errorf("insert while it waits: got %+v, want to join job %d", in, put.ID)
	}
	if i, err := c.Get(t.Context(), put.ID); err != nil || i.State != job.Waiting || time.Until(i.Due) > 61*time.Minute || time.Until(i.Due) < 50*time.Minute {
		t.Errorf("the job that is put off: got %+v, %v, want one that waits for an hour", i, err)
	}
	later(3, 0)
	untilState(t, c, put.ID, job.Done)
	if all := runs.all(); !slices.Equal(all[len(all)-1].Notes, []int{1, 2, 3}) {
		t.Errorf("the job that was put off had the notes %v, want 1 2 3", all[len(all)-1].Notes)
	}
}

// idle says whether no job waits or runs.
func idle(t *testing.T, c Client) bool {
	t.Helper()
	list, err := c.List(t.Context(), job.Filter{States: []job.State{job.Waiting, job.Running, job.Retrying}})
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	return len(list) == 0
}

// A change that is made before its insert is seen by a run that begins after it.
func testNoChangeIsMissed(t *testing.T, e *env) {
	const merchants, writers, writes = 4, 4, 25
	var mu sync.Mutex
	version, seen := map[partner.MerchantID]int{}, map[partner.MerchantID]int{}
	overlap, running := 0, map[partner.MerchantID]int{}
	cfg := job.Config{Workers: map[string]int{job.QueueFeeds: 3}, PerMerchant: 2, Kinds: kinds(func(_ context.Context, _ string, a task) error {
		mu.Lock()
		now := version[a.Merchant] // what a snapshot at the beginning shows
		if running[a.Merchant]++; running[a.Merchant] > 1 {
			overlap++
		}
		mu.Unlock()
		pause := time.NewTimer(time.Duration(now%3) * time.Millisecond)
		<-pause.C
		mu.Lock()
		defer mu.Unlock()
		running[a.Merchant]--
		seen[a.Merchant] = max(seen[a.Merchant], now)
		return nil
	})}
	clients := []*worker{e.start(t, cfg), e.start(t, cfg)}
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range writes {
				m := merchant((w + i) % merchants)
				mu.Lock()
				version[m]++
				mu.Unlock()
				if _, err := clients[i%2].Insert(t.Context(), task{Merchant: m}, job.InsertOptions{}); err != nil {
					t.Errorf("insert: %v", err)
				}
			}
		})
	}
	all.Wait()
	until(t, "every change is seen", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for m, v := range version {
			if seen[m] < v {
				return false
			}
		}
		return true
	})
	until(t, "nothing is to be done", func() bool { return idle(t, clients[0]) })
	if overlap > 0 {
		t.Errorf("%d runs of a job began while another run of it was under way", overlap)
	}
}

// One merchant's flood does not keep fifteen others waiting.
func testMerchantsTakeTurns(t *testing.T, e *env) {
	const flood, others = 40, 15
	var mu sync.Mutex
	var order []int
	gate, begun := make(chan struct{}), make(chan struct{}, 1)
	running, most := 0, 0
	cfg := job.Config{Workers: map[string]int{job.QueueFeeds: 2}, Kinds: kinds(func(ctx context.Context, _ string, a task) error {
		mu.Lock()
		order = append(order, a.Notes[0])
		if a.Notes[0] == 0 {
			running++
			most = max(most, running)
			defer func() { mu.Lock(); running--; mu.Unlock() }()
		}
		mu.Unlock()
		select {
		case begun <- struct{}{}:
		default:
		}
		select {
		case <-gate:
		case <-ctx.Done():
		}
		pause := time.NewTimer(2 * time.Millisecond)
		<-pause.C
		return nil
	})}
	clients := []*worker{e.start(t, cfg), e.start(t, cfg)}
	for i := range flood {
		insert(t, clients[i%2], task{Merchant: merchant(0), Name: fmt.Sprint(i), Notes: []int{0}}, job.InsertOptions{})
	}
	<-begun
	for m := 1; m <= others; m++ {
		insert(t, clients[m%2], task{Merchant: merchant(m), Notes: []int{m}}, job.InsertOptions{})
	}
	close(gate)
	last := func() (n, at int) {
		mu.Lock()
		defer mu.Unlock()
		for i, m := range order {
			if m != 0 {
				n, at = n+1, i
			}
		}
		return n, at
	}
	until(t, "the others had their turn", func() bool { n, _ := last(); return n == others })
	n, at := last()
	if before := at + 1 - n; before > others {
		t.Errorf("%d jobs of the flood ran before the %d others were done, want few", before, n)
	}
	until(t, "the flood is over", func() bool { return idle(t, clients[0]) })
	if len(order) != flood+others {
		t.Errorf("%d runs, want %d", len(order), flood+others)
	}
	if most != 1 {
		t.Errorf("%d jobs of one merchant ran at a time, want 1", most)
	}
}

// Of one merchant's jobs the least rank goes first.
func testRanks(t *testing.T, e *env) {
	gate, begun, runs := make(chan struct{}), make(chan struct{}), &log{}
	c := e.start(t, job.Config{Kinds: kinds(func(_ context.Context, kind string, a task) error {
		a.Name = kind + " " + a.Name
		runs.add(a)
		if a.Name == "task first" {
			close(begun)
			<-gate
		}
		return nil
	})})
	insert(t, c, task{Merchant: merchant(0), Name: "first"}, job.InsertOptions{})
	<-begun
	insert(t, c, task{Merchant: merchant(0), Name: "second"}, job.InsertOptions{})
	insert(t, c, task{Merchant: merchant(0), Name: "third"}, job.InsertOptions{})
	insert(t, c, urgent{task{Merchant: merchant(0)}}, job.InsertOptions{})
	close(gate)
	until(t, "nothing is to be done", func() bool { return idle(t, c) })
	var got []string
	for _, r := range runs.all() {
		got = append(got, r.Name)
	}
	if want := []string{"task first", "urgent ", "task second", "task third"}; !slices.Equal(got, want) {
		t.Errorf("got the order %q, want %q", got, want)
	}
}

// A job of one queue runs while all workers of another are busy, also the same
// merchant's.
func testQueues(t *testing.T, e *env) {
	gate, begun, ran := make(chan struct{}), make(chan struct{}, 10), make(chan struct{})
	c := e.start(t, job.Config{Workers: map[string]int{job.QueueUpkeep: 1}, Kinds: kinds(func(_ context.Context, kind string, a task) error {
		if kind == "task" {
			close(ran)
			return nil
		}
		begun <- struct{}{}
		<-gate
		return nil
	})})
	insert(t, c, chore{task{Merchant: merchant(0)}}, job.InsertOptions{})
	<-begun
	insert(t, c, chore{task{Merchant: merchant(1)}}, job.InsertOptions{})
	insert(t, c, task{Merchant: merchant(0)}, job.InsertOptions{})
	<-ran
	if len(begun) > 0 {
		t.Error("a queue with one worker runs two jobs")
	}
	close(gate)
	until(t, "nothing is to be done", func() bool { return idle(t, c) })
}
