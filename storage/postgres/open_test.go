package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"feedmill/feed"
	"feedmill/internal/partner"
	"feedmill/internal/pgtest"
	"feedmill/storage/dbtest"
	"feedmill/storage/postgres"
)

func Example() {
	ctx := context.Background()
	const url = "postgres://feedmill@db.example.com/feedmill?sslmode=verify-full"
	if _, err := postgres.Migrate(ctx, url, postgres.Options{}); err != nil {
		fmt.Println(err)
		return
	}
	db, err := postgres.Open(ctx, url, postgres.Options{MaxConns: 32})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	merchants, err := db.Merchants(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range merchants {
		snap, err := db.Snapshot(ctx, m.ID)
		if err != nil {
			fmt.Println(err)
			return
		}
		for p, err := range snap.Products(ctx) {
			fmt.Println(p.ID, len(p.Doc), err)
		}
		snap.Close()
	}
}

func ExampleOpen() {
	_, err := postgres.Open(context.Background(), "postgres://feedmill@/feedmill?host=/nowhere", postgres.Options{})
	fmt.Println(feed.HintOf(err))
	// Output: the database does not answer: see whether its server runs, then try again
}

func ExampleMigrate() {
	_, err := postgres.Migrate(context.Background(), "postgres://feedmill@localhost:port/feedmill", postgres.Options{})
	fmt.Println(feed.KindOf(err) == feed.KindInvalid)
	// Output: true
}

func ExampleGrant() {
	ctx := context.Background()
	const url = "postgres://feedmill_owner@db.example.com/feedmill?sslmode=verify-full"
	err := postgres.Grant(ctx, url, postgres.Options{}, postgres.Roles{Serve: "feedmill_serve", Generate: "feedmill_generate", Admin: "feedmill_admin"})
	fmt.Println(err)
}

// TestMigrationsAreNumberedAlike compares the names with those for SQLite.
func TestMigrationsAreNumberedAlike(t *testing.T) {
	t.Parallel()
	names := func(dir string) (list []string) {
		found, err := filepath.Glob(filepath.Join(dir, "*.sql"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			list = append(list, filepath.Base(f))
		}
		return list
	}
	if ours, theirs := names("migrations"), names("../sqlite/migrations"); len(ours) == 0 || !slices.Equal(ours, theirs) {
		t.Errorf("migrations %v, SQLite has %v", ours, theirs)
	}
}

func TestSchemaVersion(t *testing.T) {
	t.Parallel()
	url := server.Empty(t)
	_, err := postgres.Open(t.Context(), url, postgres.Options{})
	if feed.KindOf(err) != feed.KindUnavailable || !strings.Contains(feed.HintOf(err), "feedmill migrate") {
		t.Errorf("an empty database: %v with the hint %q", err, feed.HintOf(err))
	}
	_, err = postgres.Open(t.Context(), strings.Replace(url, "/test_", "/none_", 1), postgres.Options{})
	if feed.KindOf(err) != feed.KindUnavailable || !strings.Contains(feed.HintOf(err), "createdb") {
		t.Errorf("no database: %v with the hint %q", err, feed.HintOf(err))
	}
	// Of several programs at once one does it, each step once.
	steps := make([]int, 3)
	var wg sync.WaitGroup
	for i := range steps {
		wg.Go(func() {
			var err error
			if steps[i], err = postgres.Migrate(t.Context(), url, postgres.Options{}); err != nil {
				t.Errorf("migrate: %v", err)
			}
		})
	}
	wg.Wait()
	if slices.Sort(steps); steps[0] != 0 || steps[1] != 0 || steps[2] == 0 {
		t.Errorf("steps taken = %v, want all by one", steps)
	}
	open(t, url, postgres.Options{})
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, c := range []struct{ change, hint string }{
		{`DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)`, "feedmill migrate"},
		{`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`, "newer"},
	} {
		if _, err := conn.Exec(t.Context(), c.change); err != nil {
			t.Fatal(err)
		}
		_, err := postgres.Open(t.Context(), url, postgres.Options{})
		if feed.KindOf(err) != feed.KindUnavailable || !strings.Contains(feed.HintOf(err), c.hint) {
			t.Errorf("after %q: got %v with the hint %q, want one that says %q", c.change, err, feed.HintOf(err), c.hint)
		}
	}
	if _, err := postgres.Migrate(t.Context(), url, postgres.Options{}); feed.KindOf(err) != feed.KindUnavailable {
		t.Errorf("migrating a newer database: got %v", err)
	}
}

func TestNoSecretsInErrors(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://u:hunter2@127.0.0.1:1/d", "postgres://u:hunter2@127.0.0.1:port/d", "postgres://u:hunter2@/d?host=/nowhere", "host=/nowhere password=hunter2",
	} {
		_, err := postgres.Open(t.Context(), url, postgres.Options{})
		_, err2 := postgres.Migrate(t.Context(), url, postgres.Options{})
		for _, err := range []error{err, err2} {
			if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(feed.HintOf(err), "hunter2") {
				t.Errorf("got %v, want an error without the password", err)
			}
		}
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	patient, db := open(t, url, postgres.Options{}), open(t, url, postgres.Options{StatementTimeout: 200 * time.Millisecond})
	m := merchant(t, patient)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "BEGIN; SELECT 1 FROM merchant FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	_, err = db.SetSharing(t.Context(), partner.Actor{}, m, true, 1)
	if feed.KindOf(err) != feed.KindUnavailable || !strings.Contains(feed.HintOf(err), "what keeps the database busy") {
		t.Errorf("a change that waits for ever: %v of kind %d with the hint %q", err, feed.KindOf(err), feed.HintOf(err))
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err = patient.SetSharing(ctx, partner.Actor{}, m, true, 1); !errors.Is(err, context.Canceled) || feed.KindOf(err) != feed.KindInternal {
		t.Errorf("a change whose caller has gone: %v", err)
	}
	if _, err := conn.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if _, err = patient.SetSharing(t.Context(), partner.Actor{}, m, true, 1); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// TestSnapshotTogether uses a snapshot while its products are being read.
func TestSnapshotTogether(t *testing.T) {
	t.Parallel()
	db := setup(t, postgres.Options{MaxConns: 2})
	m := merchant(t, db)
	ctx := t.Context()
	const n = 3000 // more than fits between server and client
	id := partner.NewImportID()
	if _, err := db.StageProducts(ctx, m, id, dbtest.Catalog(n, 1, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Merge(ctx, partner.Actor{}, m, id, partner.MergeReplace, nil); err != nil {
		t.Fatal(err)
	}
	snap, err := db.Snapshot(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	later := partner.NewImportID()
	if _, err := db.StageProducts(ctx, m, later, dbtest.Catalog(5, 2, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Merge(ctx, partner.Actor{}, m, later, partner.MergeReplace, nil); err != nil {
		t.Fatal(err)
	}
	outer := 0
	for p, err := range snap.Products(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if outer++; outer%1000 != 1 {
			continue
		}
		// While the server is sending: one product, and the list once more, to the
		// third product, and to its end.
		doc, err := snap.Product(ctx, p.ID)
		if err != nil || string(doc) != string(p.Doc) {
			t.Errorf("product %d: %.20q, %v, want %.20q", p.ID, doc, err, p.Doc)
		}
		for _, stop := range []int{3, n} {
			inner := 0
			for q, err := range snap.Products(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				if inner++; q.ID != feed.ProductID(inner) {
					t.Fatalf("product %d at place %d", q.ID, inner)
				}
				if inner == stop {
					break
				}
			}
			if inner != stop {
				t.Errorf("%d products, want %d", inner, stop)
			}
		}
	}
	if outer != n {
		t.Errorf("read %d products, want %d", outer, n)
	}
	// Many that leave early.
	for range 20 {
		for _, err := range snap.Products(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if doc, err := snap.Product(ctx, 7); err != nil || doc == nil {
			t.Fatalf("product after an early end: %v", err)
		}
	}
	stopped, cancel := context.WithCancel(ctx)
	defer cancel()
	var last error
	for p, err := range snap.Products(stopped) {
		if last = err; p.ID == 10 {
			cancel()
		}
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("after a cancel: %v", last)
	}
}

// TestServerCrash has the server crash with an import staged: the import is
// refused, everything that was committed is there, and work goes on.
func TestServerCrash(t *testing.T) {
	t.Parallel()
	own := &pgtest.Server{Settings: []string{"synchronous_commit=on"}, Prepare: func(ctx context.Context, url string) error {
		_, err := postgres.Migrate(ctx, url, postgres.Options{})
		return err
	}}
	t.Cleanup(func() {
		if err := own.Stop(); err != nil {
			t.Error(err)
		}
	})
	db := open(t, own.Database(t), postgres.Options{})
	ctx := t.Context()
	m := merchant(t, db)
	merged, staged := partner.NewImportID(), partner.NewImportID()
	for _, id := range []partner.ImportID{merged, staged} {
		if _, err := db.StageProducts(ctx, m, id, dbtest.Catalog(50, 1, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Merge(ctx, partner.Actor{}, m, merged, partner.MergeReplace, nil); err != nil {
		t.Fatal(err)
	}
	own.Crash(t)
	if _, err := dbtest.Begin(ctx, db, m, 1); err != nil {
		t.Errorf("after the crash: %v", err)
	}
	_, err := db.Merge(ctx, partner.Actor{}, m, staged, partner.MergeReplace, nil)
	if feed.KindOf(err) != feed.KindConflict || !strings.Contains(feed.HintOf(err), "again") {
		t.Errorf("merge of what is lost: %v with the hint %q", err, feed.HintOf(err))
	}
	if _, err := db.StageProducts(ctx, m, staged, dbtest.Catalog(5, 2, 1)); feed.KindOf(err) != feed.KindConflict {
		t.Errorf("staging on: %v", err)
	}
	snap, err := db.Snapshot(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range snap.Products(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if err := snap.Close(); err != nil || n != 50 {
		t.Errorf("%d products are left, %v, want 50", n, err)
	}
	if err := db.DiscardImport(ctx, m, staged); err != nil {
		t.Errorf("discard: %v", err)
	}
	if _, err := db.StageProducts(ctx, m, staged, dbtest.Catalog(5, 2, 1)); err != nil {
		t.Errorf("staging anew: %v", err)
	}
}

// A database that cannot hold every text is refused before anything is in it. In
// one that was taken before, the text is not blamed.
func TestEncoding(t *testing.T) {
	t.Parallel()
	url := server.Empty(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	name := conn.Config().Database
	for _, encoding := range []string{"LATIN2", "SQL_ASCII"} {
		other := name + "_" + strings.ToLower(encoding)
		if _, err := conn.Exec(t.Context(), "CREATE DATABASE "+other+" ENCODING '"+encoding+"' LOCALE 'C' TEMPLATE template0"); err != nil {
			t.Fatal(err)
		}
		_, err := postgres.Migrate(t.Context(), strings.Replace(url, name, other, 1), postgres.Options{})
		if err == nil || !strings.Contains(err.Error(), "has the encoding "+encoding) || !strings.Contains(feed.HintOf(err), "--encoding UTF8") {
			t.Errorf("%s: %v with the hint %q", encoding, err, feed.HintOf(err))
		}
		if _, err := conn.Exec(t.Context(), "DROP DATABASE "+other); err != nil {
			t.Error(err)
		}
	}

	// The other way round the server does not find a place for the same character.
	url = server.Database(t)
	if _, err := open(t, url, postgres.Options{}).CreateMerchant(t.Context(), partner.Actor{Name: "test"}, partner.Merchant{ID: "m-aaaaaaaaaaaaaaaa", Name: "Ελλάς"}); err != nil {
		t.Fatal(err)
	}
	_, err = open(t, url+"&client_encoding=LATIN2", postgres.Options{}).Merchants(t.Context())
	if feed.KindOf(err) != feed.KindInvalid || strings.Contains(err.Error(), "no text may hold") || !strings.Contains(feed.HintOf(err), "--encoding UTF8") {
		t.Errorf("no place for a character: %v with the hint %q", err, feed.HintOf(err))
	}
}

// A pooler that refuses the settings of connections is no server that is down.
func TestPoolerRefuses(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var pooler sync.WaitGroup
	defer pooler.Wait()
	defer l.Close()
	pooler.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			b := pgproto3.NewBackend(c, c)
			if _, err := b.ReceiveStartupMessage(); err == nil {
				b.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "unsupported startup parameter: jit"})
				_ = b.Flush() // the client may have gone
			}
			c.Close()
		}
	})
	_, err = postgres.Open(t.Context(), "postgres://feedmill@"+l.Addr().String()+"/feedmill?sslmode=disable", postgres.Options{})
	if feed.KindOf(err) != feed.KindUnavailable || !strings.Contains(feed.HintOf(err), "a pooler") {
		t.Errorf("got %v with the hint %q", err, feed.HintOf(err))
	}
}

// TestKilled kills a process that merges and publishes without end, and looks
// at what it leaves: catalog and queue agree, the pointer names whole generations.
func TestKilled(t *testing.T) {
	t.Parallel()
	dbtest.CrashingWriter(func(ctx context.Context, url string) (dbtest.DB, error) {
		db, err := postgres.Open(ctx, url, postgres.Options{Lease: time.Millisecond})
		return suite{db}, err
	})
	url := server.Database(t)
	db := open(t, url, postgres.Options{})
	m := merchant(t, db)
	dbtest.Killed(t, url, m, func() { dbtest.CheckWhole(t, suite{db}, m) })
}
