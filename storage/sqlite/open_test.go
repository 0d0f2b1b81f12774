package sqlite_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
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
				run, e := begin(t.Context(), db, m.ID, 1)
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
	if run, err := begin(t.Context(), b, m.ID, 1); run.First != 201 || err != nil {
		t.Errorf("after 200 numbers: %d, %v, want 201", run.First, err)
	}
}

// begin takes the lease, once nobody has it.
func begin(ctx context.Context, db *sqlite.DB, m partner.MerchantID, n int) (publish.Run, error) {
	for {
		run, err := db.Begin(ctx, string(m), strings.ToLower(rand.Text()), n)
		var busy *publish.BusyError
		if !errors.As(err, &busy) {
			return run, err
		}
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
	if _, err := db.StageProducts(t.Context(), m.ID, id, manyProducts(10, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Writer().Exec("UPDATE import_run SET state = 'merged'"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.StageProducts(t.Context(), m.ID, id, manyProducts(1, 2)); feed.KindOf(err) != feed.KindConflict {
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
	if os.Getenv("FEEDMILL_TEST_CRASH") != "" {
		crashingWriter()
		return
	}
	path := filepath.Join(t.TempDir(), "feedmill.db")
	if _, err := sqlite.Migrate(t.Context(), path, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	merchant := partner.Merchant{ID: partner.NewMerchantID(), Name: "m"}
	first := reopen(t, path, sqlite.Options{})
	if _, err := first.CreateMerchant(t.Context(), partner.Actor{}, merchant); err != nil {
		t.Fatal(err)
	}
	for round := range 6 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "FEEDMILL_TEST_CRASH="+path, "FEEDMILL_TEST_MERCHANT="+string(merchant.ID))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// It writes a byte for each step it has begun; we stop it in a later one each round.
		buf := make([]byte, 1)
		for range 3 + 2*round {
			if _, err := out.Read(buf); err != nil {
				t.Fatalf("the writer ended by itself: %v", err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed, which Wait reports

		db := reopen(t, path, sqlite.Options{})
		var check string
		if err := db.Reader().QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
			t.Fatalf("integrity check: %q, %v", check, err)
		}
		checkWhole(t, db, merchant.ID)
	}
}

// checkWhole asks that all products are of one revision, that the queue has a
// row for the merge that made it, and that the current generation is complete.
func checkWhole(t *testing.T, db *sqlite.DB, m partner.MerchantID) {
	t.Helper()
	snap, err := db.Snapshot(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	revisions := map[uint64]int{}
	for p, err := range snap.Products(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		revisions[binary.BigEndian.Uint64(p.Doc)]++
	}
	if len(revisions) > 1 {
		t.Errorf("products of several revisions: %v", revisions)
	}
	for revision, n := range revisions {
		if n != crashProducts {
			t.Errorf("revision %d has %d products, want %d", revision, n, crashProducts)
		}
	}
	g, ok, err := snap.Current(t.Context(), feed.KindFull, "k")
	if err != nil || ok && len(g.Files) != 1 {
		t.Errorf("current generation %d with %d files, %v", g.Number, len(g.Files), err)
	}
	list, err := db.Changes(t.Context(), m, 1<<20)
	if err != nil || len(list)%crashProducts != 0 {
		t.Errorf("%d rows in the queue, want whole merges of %d, %v", len(list), crashProducts, err)
	}
}

const crashProducts = 400

func crashingWriter() {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, os.Getenv("FEEDMILL_TEST_CRASH"), sqlite.Options{Lease: time.Millisecond})
	if err != nil {
		panic(err)
	}
	merchant := partner.MerchantID(os.Getenv("FEEDMILL_TEST_MERCHANT"))
	ref := publish.FeedRef{Merchant: string(merchant), Kind: feed.KindFull, Key: "k"}
	step := func() { os.Stdout.Write([]byte{'.'}) }
	for revision := uint64(time.Now().UnixNano()); ; revision++ {
		id := partner.NewImportID()
		if _, err := db.StageProducts(ctx, merchant, id, manyProducts(crashProducts, revision)); err != nil {
			panic(err)
		}
		step()
		if _, err := db.Merge(ctx, partner.Actor{}, merchant, id, partner.MergeReplace, nil); err != nil {
			panic(err)
		}
		base, _, err := db.Current(ctx, ref)
		if err != nil {
			panic(err)
		}
		run, err := begin(ctx, db, merchant, 1)
		if err != nil {
			panic(err)
		}
		number := run.First
		step()
		g := publish.Generation{Feed: ref, Number: number, Base: base.Number, Time: base.Time.Add(time.Second), Files: []publish.File{{
			Kind: feed.KindFull, Generation: number, Plain: publish.Blob{Key: fmt.Sprint("blob-", number), Size: 1, SHA256: sha256.Sum256(nil)},
		}}}
		if g.Time.Unix() < 0 {
			g.Time = time.Now()
		}
		if err := db.Commit(ctx, run, []publish.Generation{g}, nil); err != nil {
			panic(err)
		}
	}
}

// manyProducts yields n products of about 2 KB that differ by the revision.
func manyProducts(n int, revision uint64) iter.Seq2[partner.StagedProduct, error] {
	return func(yield func(partner.StagedProduct, error) bool) {
		doc := make([]byte, 2000)
		binary.BigEndian.PutUint64(doc, revision)
		for i := range n {
			binary.BigEndian.PutUint64(doc[8:], uint64(i))
			p := partner.StagedProduct{ID: feed.ProductID(i + 1), Codes: []string{fmt.Sprint("code-", i)}, Doc: doc, Digest: sha256.Sum256(doc[:16])}
			if !yield(p, nil) {
				return
			}
		}
	}
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
		if _, err := db.StageProducts(b.Context(), m.ID, id, manyProducts(n, revision)); err != nil {
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
