package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
	"feedmill/storage/dbtest"
	"feedmill/storage/sqlite"
)

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "feedmill.db")
	if _, err := sqlite.Migrate(ctx, path, sqlite.Options{}); err != nil {
		panic(err)
	}
	db, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		panic(err)
	}
	defer db.Close()
	m, err := db.CreateMerchant(ctx, partner.Actor{Name: "setup", Role: "program"}, partner.Merchant{
		ID: partner.NewMerchantID(), Name: "Bikes & Co", SharingEnabled: true,
	})
	if err != nil {
		panic(err)
	}
	snap, err := db.Snapshot(ctx, m.ID)
	if err != nil {
		panic(err)
	}
	defer snap.Close()
	for p := range snap.Products(ctx) {
		fmt.Println(p.ID)
	}
	fmt.Println(snap.Merchant.Name)
	// Output: Bikes & Co
}

func ExampleMigrate() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "feedmill.db")
	_, err = sqlite.Open(context.Background(), path, sqlite.Options{})
	fmt.Println(feed.HintOf(err))
	for range 2 {
		steps, err := sqlite.Migrate(context.Background(), path, sqlite.Options{})
		fmt.Println(steps > 0, err)
	}
	// Output:
	// run feedmill migrate to make it
	// true <nil>
	// false <nil>
}

func TestSchemaVersion(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "feedmill.db")
	if _, err := sqlite.Migrate(t.Context(), path, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for _, c := range []struct{ change, hint string }{
		{`DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)`, "feedmill migrate"},
		{`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`, "newer"},
	} {
		if _, err := raw.Exec(c.change); err != nil {
			t.Fatal(err)
		}
		_, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if feed.KindOf(err) != feed.KindUnavailable || !strings.Contains(feed.HintOf(err), c.hint) {
			t.Errorf("after %q: got %v with the hint %q, want one that says %q", c.change, err, feed.HintOf(err), c.hint)
		}
	}
	if _, err := sqlite.Migrate(t.Context(), path, sqlite.Options{}); feed.KindOf(err) != feed.KindUnavailable {
		t.Errorf("migrating a newer database: got %v", err)
	}
	rubbish := filepath.Join(t.TempDir(), "rubbish.db")
	if err := os.WriteFile(rubbish, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), rubbish, sqlite.Options{}); err == nil {
		t.Error("a file that is no database was opened")
	}
}

// TestMigrateAtOnce has several programs make one database, as when a server and
// a command are started together: none is refused, and each step is taken once.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	want, err := sqlite.Migrate(t.Context(), filepath.Join(t.TempDir(), "alone.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		path := filepath.Join(t.TempDir(), "feedmill.db")
		const programs = 4
		var steps [programs]int
		var errs [programs]error
		var all sync.WaitGroup
		for i := range programs {
			all.Go(func() { steps[i], errs[i] = sqlite.Migrate(t.Context(), path, sqlite.Options{}) })
		}
		all.Wait()
		got := 0
		for _, n := range steps {
			got += n
		}
		if err := errors.Join(errs[:]...); err != nil || got != want {
			t.Fatalf("%d programs at once: %v steps, error %v, want %d steps between them", programs, steps, err, want)
		}
	}
}

// TestStepsAreNotTakenTwice holds what Migrate relies on: a step that was taken
// already fails.
func TestStepsAreNotTakenTwice(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d migrations, %v", len(files), err)
	}
	path := filepath.Join(t.TempDir(), "feedmill.db")
	if _, err := sqlite.Migrate(t.Context(), path, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, up, _ := strings.Cut(string(text), "-- +goose Up")
		up, _, _ = strings.Cut(up, "-- +goose Down")
		if strings.Contains(string(text), "NO TRANSACTION") {
			t.Errorf("%s is not one transaction", name)
		}
		if _, err := db.ExecContext(t.Context(), "BEGIN; "+up+"; COMMIT"); err == nil || !strings.Contains(err.Error(), "exists") && !strings.Contains(err.Error(), "duplicate") {
			t.Errorf("%s once more: got error %v, want one that it is there already", name, err)
		}
		db.ExecContext(t.Context(), "ROLLBACK") // where the step had begun
	}
}

// TestSettings reads what the connections of a real file are set to.
func TestSettings(t *testing.T) {
	t.Parallel()
	db := setup(t, sqlite.Options{})
	for _, pool := range []*sql.DB{db.Writer(), db.Reader()} {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000", "page_size": "8192"} {
			var got string
			if err := pool.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s = %q, %v, want %q", pragma, got, err, want)
			}
		}
	}
	if _, err := db.Reader().Exec("UPDATE auth_version SET accounts = 0"); err == nil {
		t.Error("a reading connection wrote")
	}
	if n := db.Writer().Stats().MaxOpenConnections; n != 1 {
		t.Errorf("%d writing connections, want 1", n)
	}
	rows, err := db.Reader().Query(`SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'goose%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, "STRICT") {
			t.Errorf("table %s is not STRICT", name)
		}
	}
	for _, change := range []string{"UPDATE audit SET actor = 'x'", "UPDATE OR REPLACE audit SET number = 5", "DELETE FROM audit"} {
		if _, err := db.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "m"}); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Writer().Exec(change); err == nil {
			t.Errorf("%q rewrote the audit", change)
		}
	}
}

// TestTwoProcesses has two handles on one file, as two programs would.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "feedmill.db")
	if _, err := sqlite.Migrate(t.Context(), path, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	a, b := reopen(t, path, sqlite.Options{}), reopen(t, path, sqlite.Options{})
	m, err := a.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "m"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for _, db := range []*sqlite.DB{a, b} {
		p, err := db.CreatePartner(t.Context(), partner.Actor{}, partner.Partner{ID: partner.NewID(), Merchant: m.ID, Name: "p"})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			var err error
			for i := range 100 {
				run, e := dbtest.Begin(t.Context(), db, m.ID, 1)
				err = errors.Join(err, e, db.Release(t.Context(), run))
				// Reads before it writes: what it has read must still hold then.
				p, e = db.SetPartnerOrders(t.Context(), partner.Actor{}, m.ID, p.ID, i%2 == 0, p.Version)
				err = errors.Join(err, e)
			}
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Errorf("two writers: %v", err)
		}
	}
	if run, err := dbtest.Begin(t.Context(), b, m.ID, 1); run.First != 201 || err != nil {
		t.Errorf("after 200 numbers: %d, %v, want 201", run.First, err)
	}
}

// TestWritesWait holds the write lock by a transaction that has done nothing
// yet: another process waits for it, and in the end says so.
func TestWritesWait(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "feedmill.db")
	if _, err := sqlite.Migrate(t.Context(), path, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	a, b := reopen(t, path, sqlite.Options{}), reopen(t, path, sqlite.Options{BusyTimeout: 10 * time.Millisecond})
	held, err := a.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	m := partner.Merchant{ID: partner.NewMerchantID(), Name: "m"}
	if _, err := b.CreateMerchant(t.Context(), partner.Actor{}, m); feed.KindOf(err) != feed.KindUnavailable || feed.HintOf(err) == "" {
		t.Errorf("while another writes: got %v", err)
	}
	if _, err := b.Merchants(t.Context()); err != nil {
		t.Errorf("reading meanwhile: %v", err)
	}
	if err := held.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.CreateMerchant(t.Context(), partner.Actor{}, m); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestMergedImport has an import whose merge committed just before the program
// ended: it takes nothing more, and the sweep removes it.
func TestMergedImport(t *testing.T) {
	t.Parallel()
	db := setup(t, sqlite.Options{})
	m, err := db.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "m"})
	if err != nil {
		t.Fatal(err)
	}
	id := partner.NewImportID()
	if _, err := db.StageProducts(t.Context(), m.ID, id, dbtest.Revised(10, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Writer().Exec("UPDATE import_run SET state = 'merged'"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.StageProducts(t.Context(), m.ID, id, dbtest.Revised(1, 2)); feed.KindOf(err) != feed.KindConflict {
		t.Errorf("staging: got %v", err)
	}
	if _, err := db.Merge(t.Context(), partner.Actor{}, m.ID, id, partner.MergeReplace, nil); feed.KindOf(err) != feed.KindConflict {
		t.Errorf("merging: got %v", err)
	}
	if n, err := db.SweepImports(t.Context(), time.Unix(0, 0)); n != 1 || err != nil {
		t.Errorf("swept %d, %v, want 1", n, err)
	}
	if _, err := os.Stat(db.StagingPath(id)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file of the import: %v, want it gone", err)
	}
}

// TestKilled kills a process that merges and publishes without end, and looks
// at what it leaves: catalog and queue agree, the pointer names whole generations.
func TestKilled(t *testing.T) {
	t.Parallel()
	dbtest.CrashingWriter(func(ctx context.Context, path string) (dbtest.DB, error) {
		db, err := sqlite.Open(ctx, path, sqlite.Options{Lease: time.Millisecond})
		return suite{db}, err
	})
	path := filepath.Join(t.TempDir(), "feedmill.db")
	if _, err := sqlite.Migrate(t.Context(), path, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	m, err := reopen(t, path, sqlite.Options{}).CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "m"})
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Killed(t, path, m.ID, func() {
		db := reopen(t, path, sqlite.Options{})
		var check string
		if err := db.Reader().QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
			t.Fatalf("integrity check: %q, %v", check, err)
		}
		dbtest.CheckWhole(t, suite{db}, m.ID)
	})
}

func BenchmarkStage(b *testing.B) {
	db := setup(b, sqlite.Options{})
	m, err := db.CreateMerchant(b.Context(), partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "m"})
	if err != nil {
		b.Fatal(err)
	}
	const n = 50_000
	var staged, merged, read time.Duration
	revision := uint64(0)
	for b.Loop() {
		revision++
		id := partner.NewImportID()
		start := time.Now()
		if _, err := db.StageProducts(b.Context(), m.ID, id, dbtest.Revised(n, revision)); err != nil {
			b.Fatal(err)
		}
		staged += time.Since(start)
		start = time.Now()
		if _, err := db.Merge(b.Context(), partner.Actor{}, m.ID, id, partner.MergeReplace, nil); err != nil {
			b.Fatal(err)
		}
		merged += time.Since(start)
		start = time.Now()
		snap, err := db.Snapshot(b.Context(), m.ID)
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range snap.Products(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
		}
		snap.Close()
		read += time.Since(start)
	}
	rows := float64(revision) * n
	b.ReportMetric(rows/staged.Seconds(), "staged/s")
	b.ReportMetric(rows/merged.Seconds(), "merged/s")
	b.ReportMetric(rows/read.Seconds(), "read/s")
}

// A change that waits in vain for another one of its process, such as the merge
// of a large import, tells that it may be tried again; one whose caller has gone
// tells that.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	db := setup(t, sqlite.Options{StatementTimeout: 50 * time.Millisecond})
	conn, err := db.Writer().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	m := partner.Merchant{ID: partner.NewMerchantID(), Name: "Nord"}
	if _, err := db.CreateMerchant(t.Context(), partner.Actor{}, m); feed.KindOf(err) != feed.KindUnavailable || !strings.Contains(feed.HintOf(err), "try again") {
		t.Errorf("a change that waits for ever: %v of kind %d with the hint %q", err, feed.KindOf(err), feed.HintOf(err))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.CreateMerchant(ctx, partner.Actor{}, m); !errors.Is(err, context.Canceled) || feed.KindOf(err) != feed.KindInternal {
		t.Errorf("a change whose caller has gone: %v of kind %d", err, feed.KindOf(err))
	}
}

// TestFileExchanged puts another file, and none, in the place of a database that
// is in use.
func TestFileExchanged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "feedmill.db")
	if _, err := sqlite.Migrate(t.Context(), path, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	db := reopen(t, path, sqlite.Options{})
	calls := map[string]func() error{
		"ping":         func() error { return db.Ping(t.Context()) },
		"read version": func() error { _, err := db.AccessVersion(t.Context()); return err },
		"read":         func() error { _, err := db.Merchants(t.Context()); return err },
		"write": func() error {
			_, err := db.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "m"})
			return err
		},
	}
	check := func(when, want string) {
		t.Helper()
		for name, call := range calls {
			err := call()
			if want == "" && err != nil {
				t.Errorf("%s, %s: %v", when, name, err)
			}
			if want != "" && (feed.KindOf(err) != feed.KindUnavailable || !strings.Contains(err.Error(), want) || !strings.Contains(feed.HintOf(err), "restart")) {
				t.Errorf("%s, %s: got %v with the hint %q, want one that says %q and to restart", when, name, err, feed.HintOf(err), want)
			}
		}
	}
	check("at first", "")
	if _, err := db.Backup(t.Context(), path+".copy"); err != nil {
		t.Fatal(err)
	}
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	move(path, path+".old")
	check("moved away", "moved away")
	move(path+".copy", path)
	check("exchanged", "another file")
	move(path+".old", path)
	check("put back", "")
}

// TestLogOfAnother leaves the log of the database before beside a copy.
func TestLogOfAnother(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := setup(t, sqlite.Options{})
	m, err := db.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "m"})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "feedmill.db")
	if _, err := db.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	var used string
	if err := db.Reader().QueryRow(`SELECT file FROM pragma_database_list WHERE name = 'main'`).Scan(&used); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(used + "-wal")
	if err != nil || len(log) == 0 {
		t.Fatalf("a log of %d bytes, %v", len(log), err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+"-wal", log, 0o600); err != nil {
		t.Fatal(err)
	}
	_, migrated := sqlite.Migrate(t.Context(), path, sqlite.Options{})
	opened, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err == nil {
		t.Error("it was opened")
		opened.Close()
	}
	for what, err := range map[string]error{"migrate": migrated, "open": err} {
		if feed.KindOf(err) != feed.KindUnavailable || !strings.Contains(feed.HintOf(err), "-wal") {
			t.Errorf("%s: got %v with the hint %q, want one that says which files to remove", what, err, feed.HintOf(err))
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the copy has changed: %v", err)
	}
	if err := os.Remove(path + "-wal"); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Migrate(t.Context(), path, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	restored := reopen(t, path, sqlite.Options{})
	if _, err := restored.Merchant(t.Context(), m.ID); err != nil {
		t.Error(err)
	}
	// Its own log is there while it is in use, and stands in nobody's way.
	if _, err := restored.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "n"}); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path + "-wal"); err != nil || st.Size() == 0 {
		t.Fatalf("no log: %v", err)
	}
	reopen(t, path, sqlite.Options{})
}
