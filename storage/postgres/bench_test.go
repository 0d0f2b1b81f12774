package postgres_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"feedmill/internal/partner"
	"feedmill/storage/dbtest"
	"feedmill/storage/postgres"
)

// cost is time on the clock and on the processors, of this process and the server.
type cost struct{ wall, client, server time.Duration }

func measure(b *testing.B, fn func()) cost {
	b.Helper()
	own := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	start, client, srv := time.Now(), own(), server.CPU(b)
	fn()
	return cost{time.Since(start), own() - client, server.CPU(b) - srv}
}

func (c cost) String() string {
	return fmt.Sprintf("%6.1f s, processor %5.1f s (%.1f client, %.1f server)", c.wall.Seconds(), (c.client + c.server).Seconds(), c.client.Seconds(), c.server.Seconds())
}

func (c cost) plus(o cost) cost {
	return cost{c.wall + o.wall, c.client + o.client, c.server + o.server}
}

// BenchmarkBulk stages, merges and reads a catalog, and sets that beside psql's
// \copy of the same rows into a table of the same shape. BULK_ROWS says how
// many (default 100000), BULK_CODES how many codes each has (default 0: the
// other side has no index of codes).
func BenchmarkBulk(b *testing.B) {
	rows, codes := envInt(b, "BULK_ROWS", 100_000), envInt(b, "BULK_CODES", 0)
	url := server.Database(b)
	db := open(b, url, postgres.Options{})
	m, err := db.CreateMerchant(b.Context(), partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "m"})
	if err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	id := partner.NewImportID()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	// What it takes to make the documents is not ours.
	nothing := measure(b, func() {
		for range dbtest.Catalog(rows, 1, codes) {
		}
	})
	stage := measure(b, func() {
		_, err := db.StageProducts(ctx, m.ID, id, dbtest.Catalog(rows, 1, codes))
		must(err)
	})
	stage.client -= nothing.client
	merge := measure(b, func() {
		_, err := db.Merge(ctx, partner.Actor{}, m.ID, id, partner.MergeReplace, nil)
		must(err)
	})
	var heap runtime.MemStats
	scan := func() {
		snap, err := db.Snapshot(ctx, m.ID)
		must(err)
		defer snap.Close()
		n := 0
		for _, err := range snap.Products(ctx) {
			must(err)
			n++
		}
		if n != rows {
			b.Fatalf("read %d products, want %d", n, rows)
		}
	}
	runtime.ReadMemStats(&heap)
	before := heap.TotalAlloc
	read := measure(b, scan)
	runtime.ReadMemStats(&heap)
	allocated := heap.TotalAlloc - before

	// The same rows by psql, out of and into tables of the server.
	file := filepath.Join(b.TempDir(), "rows")
	conn, err := pgx.Connect(ctx, url)
	must(err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE TABLE copied (LIKE product INCLUDING ALL)")
	must(err)
	run := func(command string) (c cost) {
		var client time.Duration
		c = measure(b, func() {
			cmd := exec.Command(server.Program(b, "psql"), url, "-qc", command)
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Fatalf("psql: %v\n%s", err, out)
			}
			client = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		})
		c.client = client
		return c
	}
	copyOut := run(`\copy (SELECT * FROM product ORDER BY merchant_id, product_id) TO '` + file + `'`)
	copyIn := run(`\copy copied FROM '` + file + `'`)

	ours := stage.plus(merge)
	ratio := (ours.client + ours.server).Seconds() / (copyIn.client + copyIn.server).Seconds()
	// The daily case: nearly everything as before.
	again := partner.NewImportID()
	restage := measure(b, func() {
		_, err := db.StageProducts(ctx, m.ID, again, dbtest.Catalog(rows, 1, codes))
		must(err)
	})
	restage.client -= nothing.client
	remerge := measure(b, func() {
		_, err := db.Merge(ctx, partner.Actor{}, m.ID, again, partner.MergeReplace, nil)
		must(err)
	})
	other := partner.NewImportID()
	_, err = db.StageProducts(ctx, m.ID, other, dbtest.Catalog(rows, 2, codes))
	must(err)
	allNew := measure(b, func() {
		_, err := db.Merge(ctx, partner.Actor{}, m.ID, other, partner.MergeReplace, nil)
		must(err)
	})
	var peak syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &peak))
	b.Logf("%d products with %d codes: import is %.2f times \\copy's processor time; peak memory of this process %d MB\nstage      %v\nmerge      %v\n\\copy in   %v\nread       %v, %d KB allocated\n\\copy out  %v\nsame again %v\nall new    %v",
		rows, codes, ratio, peak.Maxrss>>10, stage, merge, copyIn, read, allocated>>10, copyOut, restage.plus(remerge), allNew)
	b.ReportMetric(ratio, "cpu/copy")
	b.ReportMetric(float64(rows)/ours.wall.Seconds(), "imported/s")
	b.ReportMetric(float64(rows)/read.wall.Seconds(), "read/s")
}

func envInt(b *testing.B, name string, def int) int {
	text := os.Getenv(name)
	if text == "" {
		return def
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	return n
}
