package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"feedmill/feed"
	"feedmill/internal/job"
	"feedmill/internal/partner"
)

type mail struct {
	To   string `json:"to"`
	Copy bool   `json:"copy"`
}

func (mail) Kind() string                        { return "mail" }
func (m mail) For() (partner.MerchantID, string) { return "", m.To }

// list joins.
type list struct {
	Items []int `json:"items"`
}

func (list) Kind() string                      { return "list" }
func (list) For() (partner.MerchantID, string) { return "", "" }
func (l list) Join(later list) list            { return list{append(l.Items, later.Items...)} }

type badName struct{ list }

func (badName) Kind() string { return "Bad Name" }

func nothing[A any](context.Context, A) error { return nil }

// The last slot that was used decides which one is due, unless it cannot have
// been used yet: then the clock was set back, and nothing waits for it.
func TestScheduleDue(t *testing.T) {
	t.Parallel()
	s := &job.Schedule{Every: time.Hour}
	now := time.Date(2026, 11, 21, 12, 34, 56, 0, time.UTC)
	slot := now.Truncate(time.Hour)
	for _, c := range []struct {
		name  string
		last  time.Time
		after time.Time
		due   bool
	}{
		{"never", time.Time{}, time.Time{}, true},
		{"an hour ago", slot.Add(-time.Hour), slot.Add(-time.Hour), true},
		{"years ago", slot.AddDate(-3, 0, 0), slot.AddDate(-3, 0, 0), true},
		{"used", slot, slot, false},
		{"the next, by a clock that was set back a little", slot.Add(time.Hour), slot.Add(time.Hour), false},
		{"one after the next", slot.Add(2 * time.Hour), time.Time{}, true},
		{"in ten years", slot.AddDate(10, 0, 0), time.Time{}, true},
	} {
		after, got, due := s.Due(c.last, now)
		if !after.Equal(c.after) || !got.Equal(slot) || due != c.due {
			t.Errorf("%s: got %s, %s, %t, want %s, %s, %t", c.name, after, got, due, c.after, slot, c.due)
		}
	}
}

func TestAdd(t *testing.T) {
	t.Parallel()
	k := job.NewKinds()
	if err := job.Add(k, job.KindOptions{}, nothing[mail]); err != nil {
		t.Fatal(err)
	}
	if err := job.Add(k, job.KindOptions{Queue: job.QueueUpkeep, Attempts: 3}, nothing[list]); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"twice":             job.Add(k, job.KindOptions{}, nothing[mail]),
		"a bad name":        job.Add(k, job.KindOptions{}, nothing[badName]),
		"negative attempts": job.Add(job.NewKinds(), job.KindOptions{Attempts: -1}, nothing[mail]),
	} {
		if err == nil {
			t.Errorf("%s: got no error", what)
		}
	}
	if got, want := fmt.Sprint(k.Names(), k.Queues()), "[list mail] [feeds upkeep]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	got, ok := k.Options("mail")
	want := job.KindOptions{Queue: "feeds", Attempts: 10, Timeout: 2 * time.Hour, FirstPause: 5 * time.Second, MaxPause: 10 * time.Minute}
	if !ok || got != want {
		t.Errorf("defaults: got %+v, want %+v", got, want)
	}
	if _, ok := k.Options("none"); ok {
		t.Error("a kind that was not added has options")
	}
	if _, err := k.Encode(badName{}); err == nil {
		t.Error("args of an unknown kind were encoded")
	}
}

func TestDo(t *testing.T) {
	t.Parallel()
	k := job.NewKinds()
	must(t, job.Add(k, job.KindOptions{Timeout: 5 * time.Millisecond}, func(ctx context.Context, m mail) error {
		switch m.To {
		case "panic":
			panic(errors.New("no such address"))
		case "slow":
			<-ctx.Done()
			return fmt.Errorf("send: %w", ctx.Err())
		case "bad":
			return job.Permanent(errors.New("unknown address"))
		case "ok":
			return nil
		}
		return errors.New("try later")
	}))
	for _, c := range []struct {
		args      string
		want      string
		permanent bool
	}{
		{`{"to":"ok"}`, "", false},
		{`{"to":"later"}`, "try later", false},
		{`{"to":"bad"}`, "unknown address", true},
		{`{"to":"panic"}`, "panic: no such address", false},
		{`{"to":"slow"}`, "its limit", false},
		{`{"to":5}`, "read the arguments", true},
	} {
		err := k.Do(t.Context(), "mail", json.RawMessage(c.args))
		if fmt.Sprint(err) != "<nil>" == (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) || job.IsPermanent(err) != c.permanent {
			t.Errorf("%s: got %v (permanent %v), want %q (permanent %v)", c.args, err, job.IsPermanent(err), c.want, c.permanent)
		}
	}
	var p *job.PanicError
	if err := k.Do(t.Context(), "mail", json.RawMessage(`{"to":"panic"}`)); !errors.As(err, &p) || !strings.Contains(string(p.Stack), "job_test.go") {
		t.Errorf("a panic gives %v, want one with its stack", err)
	}
	if err := k.Do(t.Context(), "none", nil); err == nil || job.IsPermanent(err) {
		t.Errorf("an unknown kind: got %v, want an error that another program may not have", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	k := job.NewKinds()
	must(t, job.Add(k, job.KindOptions{}, nothing[mail]))
	must(t, job.Add(k, job.KindOptions{}, nothing[list]))
	for _, c := range []struct{ kind, earlier, later, want string }{
		{"list", `{"items":[1]}`, `{"items":[2,3]}`, `{"items":[1,2,3]}`},
		{"list", ``, `{"items":[2]}`, `{"items":[2]}`},
		{"list", `broken`, `{"items":[2]}`, `{"items":[2]}`},
		{"mail", `{"to":"a","copy":true}`, `{"to":"a"}`, `{"to":"a","copy":false}`},
		{"none", `{"a":1}`, `{"b":2}`, `{"b":2}`},
	} {
		if got := k.Join(c.kind, json.RawMessage(c.earlier), json.RawMessage(c.later)); string(got) != c.want {
			t.Errorf("%s: join %s and %s: got %s, want %s", c.kind, c.earlier, c.later, got, c.want)
		}
	}
}

// Pauses grow, stay within a fifth of the set ones, and end at the greatest.
func TestPause(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		first := time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "first"))
		most := time.Duration(rapid.Int64Range(1, int64(24*time.Hour)).Draw(t, "most"))
		k := job.NewKinds()
		if err := job.Add(k, job.KindOptions{FirstPause: first, MaxPause: most}, nothing[mail]); err != nil {
			t.Fatal(err)
		}
		most = max(most, first)
		want := first
		for attempt := 1; attempt < 70; attempt++ {
			got := k.Pause("mail", attempt, rapid.Float64Range(0, 0.999).Draw(t, "random"))
			if got < want*4/5-1 || got > want*6/5+1 {
				t.Fatalf("attempt %d: got %s, want %s within a fifth", attempt, got, want)
			}
			want = min(want*2, most)
		}
	})
	if got := job.NewKinds().Pause("unknown", 1, 0.5); got != 5*time.Second {
		t.Errorf("an unknown kind: got %s, want the default", got)
	}
}

// Slots divide time: each moment belongs to one, which is not after it.
func TestSlot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := job.Schedule{Every: time.Duration(rapid.Int64Range(1, int64(30*24*time.Hour)).Draw(t, "every"))}
		now := time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
		slot := s.Slot(now)
		if slot.After(now) || now.Sub(slot) >= s.Every {
			t.Fatalf("slot %s of %s, every %s", slot, now, s.Every)
		}
		if !s.Slot(slot).Equal(slot) || slot.After(time.Unix(0, 0)) && !s.Slot(slot.Add(-1)).Equal(slot.Add(-s.Every)) {
			t.Fatalf("slot %s is not the beginning of itself", slot)
		}
	})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	k := job.NewKinds()
	must(t, job.Add(k, job.KindOptions{}, nothing[mail]))
	must(t, job.Add(k, job.KindOptions{Queue: job.QueueUpkeep}, nothing[list]))
	c, err := job.Config{Kinds: k, Workers: map[string]int{"other": 9}}.WithDefaults()
	must(t, err)
	if want := map[string]int{"feeds": 2, "upkeep": 1}; !reflect.DeepEqual(c.Workers, want) || c.PerMerchant != 1 || c.Soft != 15*time.Second || c.Hard != 20*time.Second || c.Log == nil {
		t.Errorf("defaults: got %+v", c)
	}
	jobs := func(context.Context, time.Time, time.Time) ([]job.Args, error) { return nil, nil }
	for name, c := range map[string]job.Config{
		"workers":     {Kinds: k, Workers: map[string]int{"feeds": -1}},
		"no name":     {Schedules: []job.Schedule{{Every: 1, Jobs: jobs}}},
		"no interval": {Schedules: []job.Schedule{{Name: "a", Jobs: jobs}}},
		"no jobs":     {Schedules: []job.Schedule{{Name: "a", Every: 1}}},
		"twice":       {Schedules: []job.Schedule{{Name: "a", Every: 1, Jobs: jobs}, {Name: "a", Every: 2, Jobs: jobs}}},
	} {
		if _, err := c.WithDefaults(); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	for _, s := range job.States() {
		if got, err := job.ParseState(string(s)); err != nil || got != s {
			t.Errorf("%s: got %s, %v", s, got, err)
		}
		if want := s == job.Done || s == job.Cancelled || s == job.Failed; s.Ended() != want {
			t.Errorf("%s: ended %v, want %v", s, s.Ended(), want)
		}
	}
	if _, err := job.ParseState("finished"); feed.KindOf(err) != feed.KindInvalid || !strings.Contains(err.Error(), "waiting, running") {
		t.Errorf("got %v, want an error that lists the states", err)
	}
	for limit, want := range map[int]int{-1: 100, 0: 100, 5: 5, 1000: 1000, 5000: 1000} {
		if got := (&job.Filter{Limit: limit}).Count(); got != want {
			t.Errorf("limit %d: got %d, want %d", limit, got, want)
		}
	}
}

// Whatever is stored, joining and doing never panic, and what was joined can be
// read again.
func FuzzJoin(f *testing.F) {
	f.Add(`{"items":[1]}`, `{"items":[2]}`)
	f.Add(`null`, `{"items":null}`)
	f.Add(`{"items":["x"]}`, `{}`)
	k := job.NewKinds()
	must(f, job.Add(k, job.KindOptions{}, nothing[list]))
	f.Fuzz(func(t *testing.T, earlier, later string) {
		joined := k.Join("list", json.RawMessage(earlier), json.RawMessage(later))
		if string(joined) != later {
			if err := k.Do(t.Context(), "list", joined); err != nil {
				t.Errorf("joined %q and %q to %q: %v", earlier, later, joined, err)
			}
		}
	})
}

func ExampleAdd() {
	kinds := job.NewKinds()
	err := job.Add(kinds, job.KindOptions{Attempts: 3}, func(_ context.Context, m mail) error {
		fmt.Println("mail to", m.To)
		return nil
	})
	if err != nil {
		panic(err)
	}
	args, err := kinds.Encode(mail{To: "anna@example.com"})
	if err != nil {
		panic(err)
	}
	fmt.Println(kinds.Do(context.Background(), "mail", args))
	// Output:
	// mail to anna@example.com
	// <nil>
}

func ExampleSchedule() {
	nightly := job.Schedule{Name: "nightly", Every: 24 * time.Hour, Jobs: func(_ context.Context, _, until time.Time) ([]job.Args, error) {
		return []job.Args{mail{To: "report of " + until.Format(time.DateOnly)}}, nil
	}}
	slot := nightly.Slot(time.Date(2026, 11, 21, 23, 10, 0, 0, time.UTC))
	jobs, err := nightly.Jobs(context.Background(), slot.Add(-nightly.Every), slot)
	fmt.Println(slot, jobs, err)
	// Output: 2026-11-21 00:00:00 +0000 UTC [{report of 2026-11-21 false}] <nil>
}
