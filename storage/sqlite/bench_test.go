package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
	"feedmill/storage/dbtest"
	"feedmill/storage/sqlite"
)

// cost is time on the clock and on the processors.
type cost struct{ wall, cpu time.Duration }

func (c cost) String() string {
	return fmt.Sprintf("%6.1f s, processor %5.1f s", c.wall.Seconds(), c.cpu.Seconds())
}

func (c cost) plus(o cost) cost { return cost{c.wall + o.wall, c.cpu + o.cpu} }

func usage(b *testing.B) (cpu time.Duration, peakKB int64) {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), int64(u.Maxrss)
}

func measure(b *testing.B, fn func()) cost {
	b.Helper()
	start := time.Now()
	before, _ := usage(b)
	fn()
	after, _ := usage(b)
	return cost{time.Since(start), after - before}
}

// BenchmarkBulk stages, merges and reads a catalog, and sets that beside what
// the sqlite3 shell takes to .import the same rows into a table of the same
// shape, with the same care for what is on disk. BULK_ROWS says how many rows
// (default 100000).
func BenchmarkBulk(b *testing.B) {
	rows := 100_000
	if text := os.Getenv("BULK_ROWS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatalf("BULK_ROWS: %v", err)
		}
		rows = n
	}
	shell, err := exec.LookPath("sqlite3")
	if err != nil {
		b.Skip("the sqlite3 shell is not installed")
	}
	ctx := b.Context()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	db := setup(b, sqlite.Options{})
	m, err := db.CreateMerchant(ctx, partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "m"})
	must(err)
	id := partner.NewImportID()

	// What it takes to make the documents is not ours.
	nothing := measure(b, func() {
		for range dbtest.Catalog(rows, 1, 0) {
		}
	})
	stage := measure(b, func() {
		_, err := db.StageProducts(ctx, m.ID, id, dbtest.Catalog(rows, 1, 0))
		must(err)
	})
	stage.cpu -= nothing.cpu
	merge := measure(b, func() {
		_, err := db.Merge(ctx, partner.Actor{}, m.ID, id, partner.MergeReplace, nil)
		must(err)
	})
	var heap runtime.MemStats
	runtime.ReadMemStats(&heap)
	before := heap.TotalAlloc
	read := measure(b, func() { must(scanAll(ctx, db, m.ID, rows)) })
	runtime.ReadMemStats(&heap)
	allocated := heap.TotalAlloc - before

	imported, scanned := shellImport(b, shell, m.ID, rows)
	ratio := stage.plus(merge).cpu.Seconds() / imported.cpu.Seconds()

	// The daily case: everything as before.
	again := partner.NewImportID()
	restage := measure(b, func() {
		_, err := db.StageProducts(ctx, m.ID, again, dbtest.Catalog(rows, 1, 0))
		must(err)
	})
	restage.cpu -= nothing.cpu
	remerge := measure(b, func() {
		_, err := db.Merge(ctx, partner.Actor{}, m.ID, again, partner.MergeReplace, nil)
		must(err)
	})
	_, peak := usage(b)
	b.Logf("%d products: import is %.2f times .import's processor time; peak memory of this process %d MB\nstage      %v\nmerge      %v\n.import    %v\nread       %v, %d KB allocated\nshell read %v\nsame again %v",
		rows, ratio, peak>>10, stage, merge, imported, read, allocated>>10, scanned, restage.plus(remerge))
	b.ReportMetric(ratio, "cpu/import")
	b.ReportMetric(float64(rows)/stage.plus(merge).wall.Seconds(), "imported/s")
	b.ReportMetric(float64(rows)/read.wall.Seconds(), "read/s")
}

func scanAll(ctx context.Context, db *sqlite.DB, m partner.MerchantID, want int) error {
	snap, err := db.Snapshot(ctx, m)
	if err != nil {
		return err
	}
	defer snap.Close()
	n := 0
	for _, err := range snap.Products(ctx) {
		if err != nil {
			return err
		}
		n++
	}
	if n != want {
		return fmt.Errorf("read %d products, want %d", n, want)
	}
	return nil
}

// shellImport has the sqlite3 shell import the rows from CSV, and read them all
// in order; the columns are those of product, the digest as text.
func shellImport(b *testing.B, shell string, m partner.MerchantID, rows int) (imported, scanned cost) {
	b.Helper()
	dir := b.TempDir()
	list := filepath.Join(dir, "rows.csv")
	f, err := os.Create(list)
	if err != nil {
		b.Fatal(err)
	}
	out := bufio.NewWriterSize(f, 1<<20)
	for p := range dbtest.Catalog(rows, 1, 0) {
		fmt.Fprintf(out, "%s,%d,%x,%d,\"%s\"\n", m, p.ID, p.Digest, int64(1_700_000_000_000_000), p.Doc)
	}
	if err := out.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	run := func(lines ...string) cost {
		b.Helper()
		cmd := exec.Command(shell, "-batch", filepath.Join(dir, "shell.db"))
		cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
		start := time.Now()
		said, err := cmd.CombinedOutput()
		if err != nil || strings.Contains(string(said), "rror") {
			b.Fatalf("%s: %v\n%.2000s", shell, err, said)
		}
		return cost{time.Since(start), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	}
	settings := "PRAGMA page_size=8192;\nPRAGMA journal_mode=WAL;\nPRAGMA synchronous=FULL;\nPRAGMA cache_size=-65536;"
	imported = run(settings,
		"CREATE TABLE product (merchant_id TEXT NOT NULL, product_id INTEGER NOT NULL, digest TEXT NOT NULL, updated INTEGER NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (merchant_id, product_id)) STRICT;",
		".import --csv "+list+" product")
	scanned = run("SELECT count(*), sum(length(doc)) FROM (SELECT doc FROM product ORDER BY merchant_id, product_id);")
	return imported, scanned
}

// BenchmarkProductsByID reads a thousand products that lie apart, as a run does
// that looks at what has changed.
func BenchmarkProductsByID(b *testing.B) {
	const rows, some = 20_000, 1000
	ctx := b.Context()
	db := setup(b, sqlite.Options{})
	m, err := db.CreateMerchant(ctx, partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "m"})
	if err != nil {
		b.Fatal(err)
	}
	id := partner.NewImportID()
	if _, err := db.StageProducts(ctx, m.ID, id, dbtest.Catalog(rows, 1, 0)); err != nil {
		b.Fatal(err)
	}
	if _, err := db.Merge(ctx, partner.Actor{}, m.ID, id, partner.MergeReplace, nil); err != nil {
		b.Fatal(err)
	}
	snap, err := db.Snapshot(ctx, m.ID)
	if err != nil {
		b.Fatal(err)
	}
	defer snap.Close()
	var ids []feed.ProductID
	for p, err := range snap.Products(ctx) {
		if err != nil {
			b.Fatal(err)
		}
		if ids = append(ids, p.ID); len(ids) == rows {
			break
		}
	}
	step := len(ids) / some
	for i := range some {
		ids[i] = ids[i*step]
	}
	ids = ids[:some]
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range snap.ProductsByID(ctx, ids) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != some {
			b.Fatalf("read %d products, want %d", n, some)
		}
	}
}
