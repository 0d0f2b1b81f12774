package localjob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"feedmill/feed"
	"feedmill/internal/job"
	"feedmill/internal/partner"
)

type plain struct{}

func (plain) Kind() string                      { return "plain" }
func (plain) For() (partner.MerchantID, string) { return "", "" }

type urgent struct{ plain }

func (urgent) Kind() string { return "urgent" }

type aside struct{ plain }

func (aside) Kind() string { return "aside" }

func modelKinds() *job.Kinds {
	k := job.NewKinds()
	err := errors.Join(
		job.Add(k, job.KindOptions{Rank: 5, Attempts: 3, FirstPause: time.Second}, func(context.Context, plain) error { return nil }),
		job.Add(k, job.KindOptions{Rank: 1, Attempts: 2, FirstPause: time.Second}, func(context.Context, urgent) error { return nil }),
		job.Add(k, job.KindOptions{Queue: job.QueueUpkeep}, func(context.Context, aside) error { return nil }))
	if err != nil {
		panic(err)
	}
	return k
}

// model checks a board against what is promised of it.
type model struct {
	b   *board
	now time.Time
	// asked is what was inserted and has neither begun to run since nor been
	// given up, by what is asked for.
	asked   map[identity]bool
	running map[*entry]bool
	ended   map[int64]job.State
}

func TestBoard(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := int64(0)
		cfg := job.Config{Kinds: modelKinds(), PerMerchant: rapid.IntRange(1, 3).Draw(t, "per merchant")}
		m := &model{b: newBoard(&cfg, "test:1", func() int64 { id++; return id }), now: time.Unix(1_800_000_000, 0),
			asked: map[identity]bool{}, running: map[*entry]bool{}, ended: map[int64]job.State{}}
		t.Repeat(map[string]func(*rapid.T){
			"insert": m.insert,
			"next":   m.next,
			"finish": m.finish,
			"cancel": m.cancel,
			"retry":  m.retry,
			"advance": func(t *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 5000).Draw(t, "ms")) * time.Millisecond)
			},
			"": m.check,
		})
		// In the end everything that was asked for is done.
		for range 10_000 {
			for e := range maps.Clone(m.running) {
				m.b.finish(e, nil, nil, 0.5, m.now)
				delete(m.running, e)
			}
			m.now = m.now.Add(time.Minute)
			for _, q := range []string{job.QueueFeeds, job.QueueUpkeep} {
				for m.take(q) != nil {
				}
			}
			if len(m.b.live) == 0 {
				break
			}
		}
		if len(m.b.live) > 0 || len(m.asked) > 0 || len(m.b.running) > 0 || len(m.b.same) > 0 {
			t.Fatalf("left over: %d jobs, asked for %v, running %v", len(m.b.live), m.asked, m.b.running)
		}
	})
}

func (m *model) insert(t *rapid.T) {
	r := request{Kind: rapid.SampledFrom([]string{"plain", "urgent", "aside"}).Draw(t, "kind"),
		Merchant: partner.MerchantID(rapid.SampledFrom([]string{"", "m-1", "m-2"}).Draw(t, "merchant")),
		Key:      rapid.SampledFrom([]string{"", "k"}).Draw(t, "key"), Args: json.RawMessage(`{}`),
		Options: job.InsertOptions{After: time.Duration(rapid.IntRange(-1, 3).Draw(t, "after")) * time.Second}}
	in, err := m.b.insert(r, m.now)
	if err != nil {
		t.Fatal(err)
	}
	i, err := m.b.get(in.ID)
	if err != nil || i.State != job.Waiting && i.State != job.Retrying {
		t.Fatalf("what was inserted is %+v, %v", i, err)
	}
	if i.State == job.Waiting && i.Due.After(m.now.Add(max(r.Options.After, 0))) {
		t.Fatalf("the job is due at %s, later than asked at %s after %s", i.Due, m.now, r.Options.After)
	}
	m.asked[r.identity()] = true
}

func (m *model) take(queue string) *entry {
	e := m.b.next(queue, m.now)
	if e != nil {
		m.running[e] = true
		// A run serves what was asked for before, unless a younger job waits for that.
		if len(m.b.same[e.identity()]) == 1 {
			delete(m.asked, e.identity())
		}
	}
	return e
}

func (m *model) next(t *rapid.T) {
	queue := rapid.SampledFrom([]string{job.QueueFeeds, job.QueueUpkeep}).Draw(t, "queue")
	turns := maps.Clone(m.b.turn)
	able := func(o *entry) bool {
		return o.State != job.Running && o.opt.Queue == queue && !o.Due.After(m.now) &&
			m.b.running[o.lane()] < m.b.perMerchant && m.b.same[o.identity()][0] == o
	}
	var could []*entry
	for _, o := range m.b.live {
		if able(o) {
			could = append(could, o)
		}
	}
	e := m.take(queue)
	if (e == nil) != (len(could) == 0) {
		t.Fatalf("got %+v although %d could run", e, len(could))
	}
	for _, o := range could {
		if turns[o.lane()] < turns[e.lane()] {
			t.Fatalf("%+v had its turn before %+v, which has waited longer for one", e.Info, o.Info)
		}
		if o.lane() == e.lane() && (o.opt.Rank < e.opt.Rank || o.opt.Rank == e.opt.Rank && o.ID < e.ID) {
			t.Fatalf("%+v was taken before %+v", e.Info, o.Info)
		}
	}
}

func (m *model) finish(t *rapid.T) {
	e := m.anyOf(t)
	if e == nil {
		return
	}
	outcome := rapid.SampledFrom([]string{"ok", "error", "permanent", "cancelled", "stopping"}).Draw(t, "outcome")
	var err, cause error
	want := job.Done
	switch outcome {
	case "error":
		err, want = errors.New("no luck"), job.Retrying
		if e.Attempt >= e.Attempts {
			want = job.Failed
		}
	case "permanent":
		err, want = job.Permanent(errors.New("no use")), job.Failed
	case "cancelled":
		err, cause, want = context.Canceled, errCancelled, job.Cancelled
	case "stopping":
		err, cause, want = context.Canceled, errStopping, job.Waiting
	}
	m.b.finish(e, err, cause, 0.5, m.now)
	delete(m.running, e)
	if e.State != want {
		t.Fatalf("a run that ended with %s made the job %s, want %s", outcome, e.State, want)
	}
	if want.Ended() {
		m.ended[e.ID] = want
	}
}

func (m *model) anyOf(t *rapid.T) *entry {
	if len(m.running) == 0 {
		return nil
	}
	list := slices.SortedFunc(maps.Keys(m.running), func(a, b *entry) int { return int(a.ID - b.ID) })
	return rapid.SampledFrom(list).Draw(t, "running")
}

func (m *model) cancel(t *rapid.T) {
	id := rapid.Int64Range(0, 60).Draw(t, "id")
	e := m.b.live[id]
	ended, known := m.ended[id]
	stopped := false
	if e != nil && e.State == job.Running {
		e.cancel = func(cause error) { stopped = errors.Is(cause, errCancelled) }
	}
	wasRunning := e != nil && e.State == job.Running
	err := m.b.cancel(id, m.now)
	switch {
	case e == nil && known && feed.KindOf(err) != feed.KindConflict:
		t.Fatalf("cancel job %d, which is %s: %v", id, ended, err)
	case e == nil && !known && feed.KindOf(err) != feed.KindNotFound:
		t.Fatalf("cancel job %d, which is not there: %v", id, err)
	case e != nil && err != nil:
		t.Fatalf("cancel job %d: %v", id, err)
	case wasRunning && !stopped:
		t.Fatalf("job %d was not told to stop", id)
	case e != nil && !wasRunning:
		m.ended[id] = job.Cancelled
		delete(m.asked, e.identity())
	}
}

func (m *model) retry(t *rapid.T) {
	id := rapid.Int64Range(0, 60).Draw(t, "id")
	if err := m.b.retry(id, m.now); err != nil {
		return
	}
	e := m.b.live[id]
	if e == nil || e.State != job.Waiting || e.Due.After(m.now) || e.Attempts <= e.Attempt {
		t.Fatalf("a job that is retried is %+v", e)
	}
	delete(m.ended, id)
}

func (m *model) check(t *rapid.T) {
	lanes, same := map[lane]int{}, map[identity]int{}
	for e := range m.running {
		lanes[e.lane()]++
		if same[e.identity()]++; same[e.identity()] > 1 {
			t.Fatalf("two runs of %+v", e.identity())
		}
		if lanes[e.lane()] > m.b.perMerchant {
			t.Fatalf("%d jobs run in %+v", lanes[e.lane()], e.lane())
		}
	}
	if m.b.busy() != len(m.running) {
		t.Fatalf("%d jobs are busy, %d run", m.b.busy(), len(m.running))
	}
	for id, s := range m.ended {
		if i, err := m.b.get(id); err != nil || i.State != s || i.Ended.IsZero() {
			t.Fatalf("job %d has ended %s: got %+v, %v", id, s, i, err)
		}
	}
	for id, list := range m.b.same {
		if len(list) > 2 {
			t.Fatalf("%d jobs that do the same: %v", len(list), id)
		}
	}
}

// Only so many ended jobs are remembered, the newest.
func TestEndedAreForgotten(t *testing.T) {
	t.Parallel()
	id := int64(0)
	b := newBoard(&job.Config{Kinds: modelKinds(), PerMerchant: 1}, "test:1", func() int64 { id++; return id })
	for n := range keepEnded + 20 {
		if _, err := b.insert(request{Kind: "plain", Key: fmt.Sprint(n), Args: json.RawMessage(`{}`)}, time.Now()); err != nil {
			t.Fatal(err)
		}
		b.finish(b.next(job.QueueFeeds, time.Now()), nil, nil, 0, time.Now())
	}
	if len(b.ended) != keepEnded || b.ended[0].ID != 21 {
		t.Errorf("%d ended jobs from %d on, want %d from 21 on", len(b.ended), b.ended[0].ID, keepEnded)
	}
	if _, err := b.get(1); feed.KindOf(err) != feed.KindNotFound {
		t.Errorf("a forgotten job: got %v", err)
	}
}
