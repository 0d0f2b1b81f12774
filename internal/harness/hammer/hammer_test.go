package hammer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"feedmill/internal/harness/hammer"
	"feedmill/internal/harness/site"
	"feedmill/storage/fsstore"
	"feedmill/storage/sqlite"
)

// installation gives an empty one over the embedded database and a folder.
func installation(t *testing.T) hammer.Options {
	t.Helper()
	dir := t.TempDir()
	clock := hammer.NewClock()
	db, err := site.OpenEmbedded(t.Context(), filepath.Join(dir, "feedmill.db"), sqlite.Options{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	store, err := fsstore.Open(filepath.Join(dir, "store"), fsstore.Options{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	spool, robots := filepath.Join(dir, "spool"), filepath.Join(dir, "robots")
	for _, d := range []string{spool, robots} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return hammer.Options{Site: &site.Site{Records: db, Store: store, Dir: spool, Now: clock.Now, Elapsed: clock.Elapsed}, Clock: clock, Dir: robots, Log: t.Logf}
}

// seed decides what is done: that of FEEDMILL_SEED, or a new one.
func seed(t *testing.T) (n uint64) {
	t.Helper()
	n = uint64(time.Now().UnixNano())
	if text := os.Getenv("FEEDMILL_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// run hammers and tells what is broken, and how to do the same again.
func run(t *testing.T, opt hammer.Options) {
	t.Helper()
	opt.Seed = seed(t)
	opt.Repeat = fmt.Sprintf("FEEDMILL_SEED=%d go test ./internal/harness/hammer -run '^%s$' -v", opt.Seed, t.Name())
	report, err := hammer.Run(t.Context(), opt)
	for _, v := range report.Violations {
		t.Errorf("%s\nagain: %s", v, opt.Repeat)
	}
	if err != nil {
		t.Fatalf("seed %d: %v", opt.Seed, err)
	}
	if len(report.Missing) > 0 {
		t.Errorf("seed %d: nothing was seen of %s: %v", opt.Seed, strings.Join(report.Missing, ", "), report.Done)
	}
	t.Logf("seed %d: %v", opt.Seed, report.Done)
}

// The installation keeps its promises for a minute, ten seconds with -short.
func TestHammer(t *testing.T) {
	t.Parallel()
	opt := installation(t)
	opt.Duration = 60 * time.Second
	if testing.Short() {
		opt.Duration = 10 * time.Second
	}
	run(t, opt)
}
