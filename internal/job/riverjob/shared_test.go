package riverjob_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	neturl "net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"feedmill/feed"
	"feedmill/internal/job"
	"feedmill/internal/job/riverjob"
	"feedmill/internal/partner"
)

// count is a job that notes what it was asked.
type count struct {
	Merchant partner.MerchantID `json:"merchant"`
	Notes    []int              `json:"notes"`
}

func (count) Kind() string                        { return "count" }
func (c count) For() (partner.MerchantID, string) { return c.Merchant, "" }
func (c count) Join(later count) count {
	return count{c.Merchant, append(slices.Clone(c.Notes), later.Notes...)}
}

const merchant = partner.MerchantID("m-aaaaaaaaaaaaaaaa")

func kinds(t *testing.T, do func(ctx context.Context, c count) error) *job.Kinds {
	t.Helper()
	k := job.NewKinds()
	if err := job.Add(k, job.KindOptions{Attempts: 3, FirstPause: 10 * time.Millisecond}, do); err != nil {
		t.Fatal(err)
	}
	return k
}

func open(t *testing.T, url string, cfg job.Config) *riverjob.Client {
	t.Helper()
	c, err := riverjob.Open(t.Context(), url, cfg, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// run runs the client until the end of the test, or until it is stopped.
func run(t *testing.T, c *riverjob.Client) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = stop() })
	return stop
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	ticker, deadline := time.NewTicker(5*time.Millisecond), time.NewTimer(time.Minute)
	defer ticker.Stop()
	defer deadline.Stop()
	for !cond() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func state(t *testing.T, c *riverjob.Client, id int64) job.State {
	t.Helper()
	i, err := c.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return i.State
}

// pause lets the runner come by a few times.
func pause(d time.Duration) { <-time.After(d) }

// A job is part of the transaction that asks for it: gone with it, and begun
// after it with everything that it has changed.
func TestInsertTx(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	ctx := t.Context()
	conn, reader := connect(t, url), connect(t, url)
	exec(t, conn, `CREATE TABLE catalog (price int NOT NULL)`)
	exec(t, conn, `INSERT INTO catalog VALUES (1)`)
	type seen struct{ note, price int }
	saw := make(chan seen, 10)
	c := open(t, url, job.Config{Kinds: kinds(t, func(ctx context.Context, c count) error {
		var price int
		err := reader.QueryRow(ctx, `SELECT price FROM catalog`).Scan(&price)
		saw <- seen{c.Notes[len(c.Notes)-1], price}
		return err
	})})
	run(t, c)
	within := func(note, price int) pgx.Tx {
		tx, err := conn.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(ctx, `UPDATE catalog SET price = $1`, price); err != nil {
			t.Fatal(err)
		}
		if _, err := c.InsertTx(ctx, tx, count{merchant, []int{note}}, job.InsertOptions{}); err != nil {
			t.Fatal(err)
		}
		return tx
	}
	if err := within(1, 5).Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	tx := within(2, 7)
	pause(4 * options.Poll)
	if len(saw) > 0 {
		t.Fatalf("a job ran before its transaction was committed: %+v", <-saw)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if got := <-saw; got != (seen{2, 7}) {
		t.Errorf("got %+v, want note 2 and price 7", got)
	}
	// A job that waits already and is joined does not begin before the commit either.
	if _, err := c.Insert(ctx, count{merchant, []int{3}}, job.InsertOptions{After: 6 * options.Poll}); err != nil {
		t.Fatal(err)
	}
	tx = within(4, 9)
	pause(10 * options.Poll)
	if len(saw) > 0 {
		t.Fatalf("a job began before the transaction that had joined it was committed: %+v", <-saw)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if got := <-saw; got != (seen{4, 9}) {
		t.Errorf("got %+v, want note 4 and price 9", got)
	}
}

// Transactions that ask for the same at once end with one job that knows of all,
// and one that is rolled back takes nothing with it.
func TestInsertTxAtOnce(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	c := open(t, url, job.Config{Kinds: kinds(t, nil)})
	var all sync.WaitGroup
	for n := range 12 {
		all.Go(func() {
			ctx := context.WithoutCancel(t.Context())
			conn, err := pgx.Connect(ctx, url)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close(ctx)
			tx, err := conn.Begin(ctx)
			if err == nil {
				_, err = c.InsertTx(ctx, tx, count{merchant, []int{n}}, job.InsertOptions{})
			}
			if err == nil && n%3 == 0 {
				err = tx.Rollback(ctx)
			} else if err == nil {
				err = tx.Commit(ctx)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	list, err := c.List(t.Context(), job.Filter{})
	if err != nil || len(list) != 1 {
		t.Fatalf("got %d jobs, %v, want one", len(list), err)
	}
	for n := range 12 {
		if has := strings.Contains(strings.NewReplacer("[", ",", "]", ",", " ", "").Replace(string(list[0].Args)), fmt.Sprintf(",%d,", n)); has != (n%3 != 0) {
			t.Errorf("note %d: got %v in %s", n, has, list[0].Args)
		}
	}
}

// A process that cannot tell that it lives has its job done by another, stops it
// by its own clock before that, and cannot finish it afterwards.
func TestPartitionedProcess(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	ctx := t.Context()
	begun, release := make(chan struct{}, 1), make(chan struct{})
	causes, done := make(chan error, 1), make(chan struct{}, 10)
	var stopped atomic.Int64 // when the first run's context ended, in nanoseconds
	first := open(t, url, job.Config{Kinds: kinds(t, func(ctx context.Context, _ count) error {
		begun <- struct{}{}
		<-ctx.Done()
		stopped.Store(time.Now().UnixNano())
		causes <- context.Cause(ctx)
		<-release
		return nil // as if all were well
	})})
	run(t, first)
	in, err := first.Insert(ctx, count{merchant, nil}, job.InsertOptions{})
	if err != nil {
		t.Fatal(err)
	}
	<-begun
	// Its sign of life waits for a lock that is never released.
	conn := connect(t, url)
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if tag, err := tx.Exec(ctx, `SELECT FROM job_runner FOR UPDATE`); err != nil || tag.RowsAffected() != 1 {
		t.Fatalf("lock the sign of life: %v, %v", tag, err)
	}
	var taken atomic.Int64
	second := open(t, url, job.Config{Kinds: kinds(t, func(context.Context, count) error {
		taken.Store(time.Now().UnixNano())
		done <- struct{}{}
		return nil
	})})
	run(t, second)
	<-done
	if cause := <-causes; !strings.Contains(cause.Error(), "another process does the job") {
		t.Errorf("the context of the first run ended with %v", cause)
	}
	if stopped.Load() > taken.Load() {
		t.Error("the other process began before the first one had been told to stop")
	}
	close(release)
	pause(6 * options.Poll)
	i, err := second.Get(ctx, in.ID)
	if err != nil || i.State != job.Failed || !strings.Contains(i.Error, "has died") {
		t.Errorf("the job of the cut-off process: got %+v, %v, want a failed one", i, err)
	}
	list, err := second.List(ctx, job.Filter{States: []job.State{job.Done}})
	if err != nil || len(list) != 1 || len(done) != 0 {
		t.Errorf("got the done jobs %+v, %v, want one that ran once", list, err)
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
}

// A job whose processes keep dying is not tried for ever, and one that was to be
// cancelled is not tried again.
func TestRescueHasAnEnd(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	ctx := t.Context()
	var runs atomic.Int64
	c := open(t, url, job.Config{Kinds: kinds(t, func(context.Context, count) error { runs.Add(1); return nil })})
	conn := connect(t, url)
	dead := func(m partner.MerchantID, attempt int, cancelled bool) int64 {
		in, err := c.Insert(ctx, count{m, nil}, job.InsertOptions{After: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		exec(t, conn, `UPDATE river_job SET state = 'running', attempt = $2, attempted_at = now(), attempted_by = '{gone}' WHERE id = $1`, in.ID, attempt)
		if cancelled {
			exec(t, conn, `UPDATE river_job SET metadata = '{"cancel_attempted_at": "2026-11-21T12:00:00Z"}' WHERE id = $1`, in.ID)
		}
		return in.ID
	}
	last := dead(merchant, 3, false)
	cancelled := dead("m-bbbbbbbbbbbbbbbb", 1, true)
	again := dead("m-cccccccccccccccc", 2, false)
	run(t, c)
	until(t, "the jobs of the dead process are dealt with", func() bool {
		return state(t, c, last) == job.Failed && state(t, c, cancelled) == job.Cancelled && state(t, c, again) == job.Failed && runs.Load() == 1
	})
	var next job.Info
	until(t, "the last try is done", func() bool {
		list, err := c.List(ctx, job.Filter{States: []job.State{job.Done}})
		if err == nil && len(list) == 1 {
			next = list[0]
		}
		return next.ID > 0
	})
	if next.Merchant != "m-cccccccccccccccc" || next.Attempt != 3 {
		t.Errorf("got %+v, want the third attempt", next)
	}
}

// A row that a living process has taken, and knows nothing of because the answer
// was lost, is found.
func TestOrphan(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	ctx := t.Context()
	var runs atomic.Int64
	release := make(chan struct{})
	c := open(t, url, job.Config{Workers: map[string]int{job.QueueFeeds: 2}, Kinds: kinds(t, func(_ context.Context, c count) error {
		runs.Add(1)
		if len(c.Notes) > 0 {
			<-release
		}
		return nil
	})})
	run(t, c)
	working, err := c.Insert(ctx, count{"m-bbbbbbbbbbbbbbbb", []int{1}}, job.InsertOptions{})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "a job runs", func() bool { return runs.Load() == 1 })
	orphan, err := c.Insert(ctx, count{merchant, nil}, job.InsertOptions{After: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, connect(t, url), `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now(), attempted_by = ARRAY[(SELECT client FROM job_runner)] WHERE id = $1`, orphan.ID)
	until(t, "the orphan is done", func() bool { return state(t, c, orphan.ID) == job.Failed && runs.Load() == 2 })
	if s := state(t, c, working.ID); s != job.Running {
		t.Errorf("the job that is worked on is %s", s)
	}
	close(release)
	until(t, "the other job is done", func() bool { return state(t, c, working.ID) == job.Done })
}

// A cancel is obeyed although nobody is told of it.
func TestCancelWithoutNotice(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	begun := make(chan struct{}, 1)
	c := open(t, url, job.Config{Kinds: kinds(t, func(ctx context.Context, _ count) error {
		begun <- struct{}{}
		<-ctx.Done()
		return errors.New("stopped half-way")
	})})
	run(t, c)
	in, err := c.Insert(t.Context(), count{merchant, nil}, job.InsertOptions{})
	if err != nil {
		t.Fatal(err)
	}
	<-begun
	exec(t, connect(t, url), `UPDATE river_job SET metadata = metadata || '{"cancel_attempted_at": "2026-11-21T12:00:00Z"}' WHERE id = $1`, in.ID)
	until(t, "the job is cancelled", func() bool { return state(t, c, in.ID) == job.Cancelled })
}

// All connections are cut, again and again, and every job is done nevertheless.
func TestCutConnections(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	ctx := t.Context()
	var mu sync.Mutex
	done := map[int]bool{}
	cfg := job.Config{Workers: map[string]int{job.QueueFeeds: 4}, Log: slog.New(slog.DiscardHandler), Kinds: kinds(t, func(_ context.Context, c count) error {
		mu.Lock()
		defer mu.Unlock()
		for _, n := range c.Notes {
			done[n] = true
		}
		return nil
	})}
	c := open(t, url, cfg)
	run(t, c)
	conn := connect(t, url)
	const jobs = 30
	for n := range jobs {
		m := partner.MerchantID(fmt.Sprintf("m-aaaaaaaaaaaaaaa%c", 'a'+n%5))
		for {
			if _, err := c.Insert(ctx, count{m, []int{n}}, job.InsertOptions{}); err == nil {
				break // one that failed may have been done, and is asked for again
			}
		}
		if n%5 == 0 {
			exec(t, conn, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'feedmill jobs' AND datname = current_database()`)
		}
	}
	until(t, "all jobs are done", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(done) == jobs
	})
	until(t, "nothing is to be done", func() bool {
		list, err := c.List(ctx, job.Filter{States: []job.State{job.Waiting, job.Running, job.Retrying}})
		return err == nil && len(list) == 0
	})
}

// Jobs of kinds that only a newer program has are left to it.
func TestUnknownKindsAreLeftAlone(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	newer := open(t, url, job.Config{Kinds: kinds(t, nil)})
	older := job.NewKinds()
	ran := make(chan struct{}, 1)
	if err := job.Add(older, job.KindOptions{}, func(context.Context, old) error { ran <- struct{}{}; return nil }); err != nil {
		t.Fatal(err)
	}
	c := open(t, url, job.Config{Kinds: older})
	run(t, c)
	in, err := newer.Insert(t.Context(), count{merchant, nil}, job.InsertOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Insert(t.Context(), old{count{"m-bbbbbbbbbbbbbbbb", nil}}, job.InsertOptions{}); err != nil {
		t.Fatal(err)
	}
	<-ran
	pause(4 * options.Poll)
	if i, err := c.Get(t.Context(), in.ID); err != nil || i.State != job.Waiting || i.Attempt != 0 {
		t.Errorf("the job of an unknown kind: got %+v, %v, want one that waits", i, err)
	}
}

type old struct{ count }

func (old) Kind() string { return "old" }

func TestSchema(t *testing.T) {
	t.Parallel()
	url := server.Empty(t)
	ctx := t.Context()
	_, err := riverjob.Open(ctx, url, job.Config{}, options)
	if feed.KindOf(err) != feed.KindUnavailable || !strings.Contains(feed.HintOf(err), "feedmill migrate") {
		t.Errorf("open without tables: got %v, hint %q", err, feed.HintOf(err))
	}
	var steps atomic.Int64
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			n, err := riverjob.Migrate(ctx, url)
			if err != nil {
				t.Errorf("migrate at once: %v", err)
			}
			if n > 0 {
				steps.Add(1)
			}
		})
	}
	all.Wait()
	if steps.Load() != 1 {
		t.Errorf("%d programs migrated, want one", steps.Load())
	}
	if n, err := riverjob.Migrate(ctx, url); n != 0 || err != nil {
		t.Errorf("migrate again: got %d, %v", n, err)
	}
	conn := connect(t, url)
	exec(t, conn, `INSERT INTO job_schema (version_id, is_applied) VALUES (99, true)`)
	for what, err := range map[string]error{
		"open":    second(riverjob.Open(ctx, url, job.Config{}, options)),
		"migrate": second(riverjob.Migrate(ctx, url)),
	} {
		if feed.KindOf(err) != feed.KindUnavailable || !strings.Contains(err.Error(), "newer") {
			t.Errorf("%s tables of a newer program: got %v", what, err)
		}
	}
}

// fullDisk lets no step of River be noted down, as a disk without room.
const fullDisk = `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
	CREATE TRIGGER full_disk BEFORE INSERT ON river_migration FOR EACH ROW EXECUTE FUNCTION full_disk()`

// A migration that was stopped, by a full disk or a restart of the database, is
// gone on with, wherever it was.
func TestSchemaHalfway(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	whole, err := riverjob.Migrate(ctx, server.Empty(t))
	if err != nil {
		t.Fatal(err)
	}
	for version := 1; ; version++ {
		url := server.Empty(t)
		pool, err := pgxpool.New(ctx, url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		m, err := rivermigrate.New(riverpgxv5.New(pool), nil)
		if err != nil {
			t.Fatal(err)
		}
		if version > len(m.AllVersions()) {
			break
		}
		if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{TargetVersion: version}); err != nil {
			t.Fatal(err)
		}
		_, err = riverjob.Open(ctx, url, job.Config{}, options)
		if feed.KindOf(err) != feed.KindUnavailable || !strings.Contains(feed.HintOf(err), "feedmill migrate") {
			t.Errorf("open after step %d of River: got %v, hint %q", version, err, feed.HintOf(err))
		}
		if version == 1 {
			exec(t, connect(t, url), fullDisk)
			_, err = riverjob.Migrate(ctx, url)
			if feed.KindOf(err) != feed.KindUnavailable || !strings.Contains(feed.HintOf(err), "disk is full") {
				t.Errorf("migrate on a full disk after step %d of River: got %v, hint %q", version, err, feed.HintOf(err))
			}
			exec(t, connect(t, url), `DROP FUNCTION full_disk CASCADE`)
		}
		if n, err := riverjob.Migrate(ctx, url); n != whole-version || err != nil {
			t.Errorf("migrate after step %d of River: got %d steps, %v, want %d", version, n, err, whole-version)
		}
	}
}

// A process needs no right to change the schema.
func TestGrant(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	conn := connect(t, url)
	role := fmt.Sprintf("jobs_%d", time.Now().UnixNano())
	if err := riverjob.Grant(t.Context(), url, "", role); feed.KindOf(err) != feed.KindNotFound || !strings.Contains(feed.HintOf(err), "CREATE ROLE") {
		t.Errorf("a role that does not exist: got %v, hint %q", err, feed.HintOf(err))
	}
	exec(t, conn, `CREATE ROLE `+role+` LOGIN`)
	t.Cleanup(func() {
		for _, s := range []string{`DROP OWNED BY ` + role, `DROP ROLE ` + role} {
			if _, err := conn.Exec(context.WithoutCancel(t.Context()), s); err != nil {
				t.Error(err)
			}
		}
	})
	as, err := neturl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	query := as.Query()
	query.Set("user", role)
	as.RawQuery = query.Encode()
	ran := make(chan struct{}, 1)
	var said strings.Builder
	cfg := job.Config{Log: slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Kinds: kinds(t, func(context.Context, count) error { ran <- struct{}{}; return nil }),
		Schedules: []job.Schedule{{Name: "often", Every: 100 * time.Millisecond, Jobs: func(context.Context, time.Time, time.Time) ([]job.Args, error) {
			return []job.Args{count{merchant, nil}}, nil
		}}}}
	if _, err := riverjob.Open(t.Context(), as.String(), cfg, options); feed.KindOf(err) != feed.KindForbidden {
		t.Errorf("open without rights: got %v of kind %d", err, feed.KindOf(err))
	}
	for range 2 {
		if err := riverjob.Grant(t.Context(), url, role); err != nil {
			t.Fatal(err)
		}
	}
	c := open(t, as.String(), cfg)
	stop := run(t, c)
	<-ran
	list, err := c.List(t.Context(), job.Filter{})
	if err != nil || len(list) == 0 {
		t.Fatalf("list: %v, %v", list, err)
	}
	if err := stop(); err != nil {
		t.Errorf("run: %v", err)
	}
	c.Close()
	if said.Len() > 0 {
		t.Errorf("the process complains: %s", &said)
	}
}

func second[A any](_ A, err error) error { return err }

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, url string
		opt       riverjob.Options
		want      string
		kind      feed.ErrorKind
	}{
		{"no address", "::", riverjob.Options{}, "address of the database", feed.KindInvalid},
		{"nobody there", "postgres://u:secret@127.0.0.1:1/d", riverjob.Options{}, "check the tables", feed.KindUnavailable},
		{"short lease", "postgres://127.0.0.1:1/d", riverjob.Options{Lease: time.Second}, "too short", feed.KindInternal},
	} {
		_, err := riverjob.Open(t.Context(), c.url, job.Config{}, c.opt)
		if err == nil || !strings.Contains(err.Error(), c.want) || feed.KindOf(err) != c.kind || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v of kind %d, want %q of kind %d", c.name, err, feed.KindOf(err), c.want, c.kind)
		}
	}
}
