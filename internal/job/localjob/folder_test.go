package localjob

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/job"
	"feedmill/internal/testclock"
)

// start gives a client that works until it is stopped.
func start(t *testing.T, dir string, cfg job.Config, now func() time.Time) (c *Client, stop func()) {
	t.Helper()
	c, err := New(dir, cfg, Options{Now: now, Poll: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	until(t, func() bool { _, err := c.List(t.Context(), job.Filter{}); return err == nil })
	return c, stop
}

func until(t *testing.T, cond func() bool) {
	t.Helper()
	ticker, deadline := time.NewTicker(time.Millisecond), time.NewTimer(30*time.Second)
	defer ticker.Stop()
	defer deadline.Stop()
	for !cond() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatal("waited in vain")
		}
	}
}

func insert(t *testing.T, c *Client, args job.Args, after time.Duration) int64 {
	t.Helper()
	in, err := c.Insert(t.Context(), args, job.InsertOptions{After: after})
	if err != nil {
		t.Fatal(err)
	}
	return in.ID
}

// Slots that were used while the clock was ahead hold nothing up once it is right,
// neither in the process that has seen both nor in the next one.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	ahead := testclock.Noon().AddDate(10, 0, 0)
	var mu sync.Mutex
	now := ahead
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	set := func(t time.Time) {
		mu.Lock()
		defer mu.Unlock()
		now = t
	}
	slots := make(chan time.Time, 100)
	cfg := job.Config{Schedules: []job.Schedule{{Name: "daily", Every: 24 * time.Hour,
		Jobs: func(_ context.Context, _, until time.Time) ([]job.Args, error) {
			slots <- until
			return nil, nil
		}}}}
	used := func(want time.Time) {
		t.Helper()
		until(t, func() bool { return len(slots) > 0 })
		if got := <-slots; !got.Equal(want.Truncate(24 * time.Hour)) {
			t.Errorf("got the slot %s at %s", got, want)
		}
	}
	dir := t.TempDir()
	_, stop := start(t, dir, cfg, clock)
	used(ahead)
	right := testclock.Noon()
	set(right)
	used(right)
	set(ahead)
	used(ahead)
	stop()
	set(right)
	start(t, dir, cfg, clock)
	used(right)
}

// What failed while the clock was ahead is tried again when it is right.
func TestClockSetBackAfterFailures(t *testing.T) {
	t.Parallel()
	right := testclock.Noon()
	var now atomic.Pointer[time.Time]
	set := func(t time.Time) { now.Store(&t) }
	clock := func() time.Time { return *now.Load() }
	wrong := func() error {
		if clock().Sub(right) > 24*time.Hour {
			return errors.New("the clock is wrong")
		}
		return nil
	}
	set(right.AddDate(10, 0, 0))
	k := job.NewKinds()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(job.Add(k, job.KindOptions{FirstPause: time.Hour, MaxPause: time.Hour}, func(context.Context, plain) error { return wrong() }))
	check(job.Add(k, job.KindOptions{}, func(context.Context, urgent) error {
		if err := wrong(); err != nil {
			return job.Permanent(err)
		}
		return nil
	}))
	var broken, slots atomic.Int64
	cfg := job.Config{Kinds: k, Schedules: []job.Schedule{
		{Name: "left_alone", Every: time.Minute, Jobs: func(context.Context, time.Time, time.Time) ([]job.Args, error) { return []job.Args{urgent{}}, nil }},
		{Name: "fails", Every: time.Minute, Jobs: func(context.Context, time.Time, time.Time) ([]job.Args, error) {
			if err := wrong(); err != nil {
				broken.Add(1)
				return nil, err
			}
			slots.Add(1)
			return nil, nil
		}},
	}}
	c, _ := start(t, t.TempDir(), cfg, clock)
	insert(t, c, plain{}, 0)
	has := func(kind string, s job.State) bool {
		list, err := c.List(t.Context(), job.Filter{})
		return err == nil && slices.ContainsFunc(list, func(i job.Info) bool { return i.Kind == kind && i.State == s })
	}
	until(t, func() bool { return has("plain", job.Retrying) && has("urgent", job.Failed) && broken.Load() > 0 })
	set(right)
	until(t, func() bool { return slots.Load() > 0 })
	if has("urgent", job.Done) {
		t.Error("what failed for good is done again at once")
	}
	set(right.Add(2 * time.Hour))
	until(t, func() bool { return has("plain", job.Done) && has("urgent", job.Done) })
}

// What is due is decided by the clock that is handed over.
func TestClock(t *testing.T) {
	t.Parallel()
	clock := testclock.New(testclock.Noon(), 0)
	ran := make(chan struct{}, 10)
	k := job.NewKinds()
	tries := 0
	if err := job.Add(k, job.KindOptions{FirstPause: time.Hour, MaxPause: time.Hour}, func(context.Context, plain) error {
		ran <- struct{}{}
		if tries++; tries == 1 {
			return fmt.Errorf("try %d", tries)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slots := make(chan time.Time, 10)
	c, _ := start(t, t.TempDir(), job.Config{Kinds: k, Schedules: []job.Schedule{{Name: "daily", Every: 24 * time.Hour,
		Jobs: func(_ context.Context, after, until time.Time) ([]job.Args, error) {
			slots <- until
			return nil, nil
		}}}}, clock.Now)
	if got := <-slots; !got.Equal(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the first slot is %s", got)
	}
	id := insert(t, c, plain{}, 30*time.Minute)
	clock.Pass(29 * time.Minute)
	pause := time.NewTimer(50 * time.Millisecond)
	<-pause.C
	if len(ran) > 0 {
		t.Error("the job ran before its time")
	}
	clock.Pass(2 * time.Minute)
	<-ran
	until(t, func() bool { i, err := c.Get(t.Context(), id); return err == nil && i.State == job.Retrying })
	i, err := c.Get(t.Context(), id)
	if d := i.Due.Sub(clock.Now()); err != nil || d < 48*time.Minute || d > 72*time.Minute {
		t.Errorf("the next try is after %s, %v, want an hour within a fifth", d, err)
	}
	clock.Pass(73 * time.Minute)
	<-ran
	clock.Pass(24 * time.Hour)
	if got := <-slots; !got.Equal(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the second slot is %s", got)
	}
}

// Ids and slots outlive the process.
func TestStateIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clock := testclock.New(testclock.Noon(), 0)
	var mu sync.Mutex
	var spans []string
	cfg := job.Config{Kinds: modelKinds(), Schedules: []job.Schedule{{Name: "hourly", Every: time.Hour, Jobs: func(_ context.Context, after, until time.Time) ([]job.Args, error) {
		mu.Lock()
		defer mu.Unlock()
		spans = append(spans, after.Format("15:04")+"-"+until.Format("15:04"))
		return nil, nil
	}}}}
	count := func() int { mu.Lock(); defer mu.Unlock(); return len(spans) }
	var last int64
	for i := range 3 {
		c, stop := start(t, dir, cfg, clock.Now)
		until(t, func() bool { return count() == i+1 })
		for range idBlock/2 + 1 {
			id := insert(t, c, plain{}, 0)
			if id < last {
				t.Fatalf("id %d after %d", id, last)
			}
			last = id
		}
		last++
		stop()
		clock.Pass(2 * time.Hour)
	}
	if got, want := strings.Join(spans, " "), "00:00-12:00 12:00-14:00 14:00-16:00"; got != want {
		t.Errorf("got the slots %s, want %s", got, want)
	}
	if _, err := os.Stat(filepath.Join(dir, controlFile)); err == nil {
		t.Errorf("%s outlives the process", controlFile)
	}
}

// What a killed process had begun to write goes with the next one that works; one
// that stands by touches nothing.
func TestLeftFilesAreRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	left := filepath.Join(dir, ".durable-LEFT")
	write := func() {
		t.Helper()
		if err := os.WriteFile(left, []byte("{"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write()
	start(t, dir, job.Config{Kinds: modelKinds()}, time.Now)
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of the one before: got %v, want it gone", err)
	}
	write()
	start(t, dir, job.Config{Kinds: modelKinds()}, time.Now)
	if _, err := os.Stat(left); err != nil {
		t.Errorf("of the one that works: %v", err)
	}
}

// Nobody but who knows the secret is answered, and who answers without knowing
// what is asked is nobody.
func TestControl(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other, err := New(dir, job.Config{Kinds: modelKinds()}, Options{Patience: 20 * time.Millisecond, Poll: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	nobody := func(what string) {
		t.Helper()
		if _, err := other.List(t.Context(), job.Filter{}); feed.KindOf(err) != feed.KindUnavailable || !strings.Contains(feed.HintOf(err), "feedmill serve") {
			t.Errorf("%s: got %v, hint %q", what, err, feed.HintOf(err))
		}
		if _, err := other.Insert(t.Context(), plain{}, job.InsertOptions{}); feed.KindOf(err) != feed.KindUnavailable {
			t.Errorf("%s: insert: got %v", what, err)
		}
	}
	nobody("an empty folder")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := writeControl(dir, control{address, "x"}); err != nil {
		t.Fatal(err)
	}
	nobody("a killed process")
	foreign := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer foreign.Close()
	if err := writeControl(dir, control{strings.TrimPrefix(foreign.URL, "http://"), "x"}); err != nil {
		t.Fatal(err)
	}
	nobody("somebody else's port")

	c, _ := start(t, dir, job.Config{Kinds: modelKinds()}, nil)
	id := insert(t, other, plain{}, time.Hour)
	if i, err := c.Get(t.Context(), id); err != nil || i.State != job.Waiting {
		t.Errorf("what another process has inserted: got %+v, %v", i, err)
	}
	st, err := os.Stat(filepath.Join(dir, controlFile))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%s: got %v, %v, want one for the owner alone", controlFile, st.Mode(), err)
	}
	var ct control
	data, err := os.ReadFile(filepath.Join(dir, controlFile))
	if err == nil {
		err = json.Unmarshal(data, &ct)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		secret, path, body string
		want               int
	}{
		{"", "/list", "{}", http.StatusUnauthorized},
		{"Bearer x", "/list", "{}", http.StatusUnauthorized},
		{"Bearer " + ct.Secret, "/list", "{}", http.StatusOK},
		{"Bearer " + ct.Secret, "/list", "{", http.StatusConflict},
		{"Bearer " + ct.Secret, "/insert", `{"kind":"none"}`, http.StatusConflict},
		{"Bearer " + ct.Secret, "/else", "{}", http.StatusNotFound},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+ct.Address+c.path, bytes.NewReader([]byte(c.body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", c.secret)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != c.want {
			t.Errorf("%s with secret %.9q: got %d, want %d", c.path, c.secret, res.StatusCode, c.want)
		}
	}
}

// A file that was damaged says what to do, and no file makes ids go back.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"next_id":1001,"slots":{"daily":"2026-11-21T00:00:00Z"}}`))
	f.Add([]byte(`{"next_id":0}`))
	f.Add([]byte(`{"next_id":9223372036854775807}`))
	f.Add([]byte(`{"slots":null,"next_id":5}`))
	f.Add([]byte(``))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "state.json"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := readState(dir)
		if err != nil {
			if !strings.Contains(err.Error(), "state.json") {
				t.Errorf("%q: the error does not name the file: %v", data, err)
			}
			return
		}
		id, err := s.id()
		if err != nil || id < 1 {
			t.Fatalf("%q: got id %d, %v", data, id, err)
		}
		if id > maxID-10*idBlock {
			return // it ends there, and says so
		}
		again, err := readState(dir)
		if err != nil {
			t.Fatalf("%q: read again: %v", data, err)
		}
		if next, err := again.id(); err != nil || next <= id {
			t.Errorf("%q: got id %d after %d, %v", data, next, id, err)
		}
	})
}
