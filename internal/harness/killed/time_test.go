package killed_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"feedmill/internal/harness/site"
)

// ask reads one number from the records, or changes them where dest is nil.
func (y *yard) ask(dest *int64, query string) {
	y.t.Helper()
	ctx := y.t.Context()
	if y.p.shared() {
		c, err := pgx.Connect(ctx, y.place.Postgres)
		if err != nil {
			y.t.Fatal(err)
		}
		defer c.Close(ctx)
		if dest != nil {
			err = c.QueryRow(ctx, query).Scan(dest)
		} else {
			_, err = c.Exec(ctx, query)
		}
		if err != nil {
			y.t.Fatalf("%s: %v", query, err)
		}
		return
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(y.place.Data, "feedmill.db")+"?_pragma=busy_timeout(60000)")
	if err != nil {
		y.t.Fatal(err)
	}
	defer db.Close()
	if dest != nil {
		err = db.QueryRowContext(ctx, query).Scan(dest)
	} else {
		_, err = db.ExecContext(ctx, query)
	}
	if err != nil {
		y.t.Fatalf("%s: %v", query, err)
	}
}

// age makes everything that is recorded ten days older.
func (y *yard) age() {
	y.t.Helper()
	const d = int64(10 * 24 * time.Hour / time.Microsecond)
	for _, q := range []string{
		"UPDATE generation SET published = published - %[1]d, retired = retired - %[1]d WHERE retired IS NOT NULL",
		"UPDATE blob SET created = created - %[1]d, changed = changed - %[1]d",
		"UPDATE upload_attempt SET started = started - %[1]d",
	} {
		y.ask(nil, fmt.Sprintf(q, d))
	}
	y.ageSchedules()
}

// ageSchedules makes everything due that is done by the clock.
func (y *yard) ageSchedules() {
	y.t.Helper()
	if y.p.shared() {
		y.ask(nil, "UPDATE job_schedule SET slot = slot - interval '10 days'")
		return
	}
	// Without the file the schedules have never run.
	if err := os.Remove(filepath.Join(y.place.Data, "jobs", "state.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		y.t.Fatal(err)
	}
}

// lease gives how long the longest of the leases that runs hold still lives.
func (y *yard) lease() time.Duration {
	y.t.Helper()
	var until int64
	y.ask(&until, "SELECT coalesce(max(until), 0) FROM publish_lease")
	return time.Until(time.UnixMicro(until))
}

// rubbish makes files that nobody needs any more: of generations that were
// replaced and of a run that was killed; some are condemned already.
func (y *yard) rubbish() {
	y.t.Helper()
	y.advance()
	y.imported++
	y.must("import", "--catalog", y.catalog(y.imported, 1))
	if r := y.run([]string{"publish"}, "FEEDMILL_CRASH=publish.marked"); !r.killed {
		y.t.Fatalf("publish is not killed: %s", r.output)
	}
	y.must("publish")
	y.published = y.imported
	y.age()
	y.open(time.Now, func(s *site.Site) {
		if err := s.Sweep(y.t.Context()); err != nil {
			y.t.Fatal(err)
		}
	})
	y.age()
}
