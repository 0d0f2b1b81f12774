package hammer_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"feedmill/internal/harness/hammer"
	"feedmill/internal/harness/site"
	"feedmill/internal/pgtest"
	"feedmill/internal/testserver"
	"feedmill/storage/postgres"
)

var (
	database = pgtest.Server{Prepare: func(ctx context.Context, url string) error {
		_, err := postgres.Migrate(ctx, url, postgres.Options{})
		return err
	}}
	objects testserver.Servers
)

func TestMain(m *testing.M) { os.Exit(database.Main(m)) }

// The same over PostgreSQL and S3, for a shorter time.
func TestHammerOverServers(t *testing.T) {
	if os.Getenv("FEEDMILL_HARNESS") == "" {
		t.Skip("races whole processes for minutes: set FEEDMILL_HARNESS=1 to run it")
	}
	t.Parallel()
	if testing.Short() {
		t.Skip("servers are not started with -short")
	}
	server := objects.Versitygw(t)
	dir := t.TempDir()
	clock := hammer.NewClock()
	s, closeAll, err := site.Place{Data: filepath.Join(dir, "data"), Postgres: database.Database(t),
		S3: &site.Bucket{Endpoint: server.Endpoint, Region: server.Region, Name: server.Bucket(t), AccessKey: server.AccessKey, SecretKey: server.SecretKey},
	}.Open(t.Context(), clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeAll(); err != nil {
			t.Error(err)
		}
	})
	s.Elapsed = clock.Elapsed
	robots := filepath.Join(dir, "robots")
	if err := os.Mkdir(robots, 0o700); err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	report, err := hammer.Run(t.Context(), hammer.Options{Site: s, Clock: clock, Dir: robots, Seed: seed, Duration: 15 * time.Second, Log: t.Logf})
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	for _, v := range report.Violations {
		t.Errorf("seed %d: %s", seed, v)
	}
	if report.Done["publications"] == 0 || report.Done["copies compared"] == 0 || report.Done["edges restarted"] == 0 {
		t.Errorf("seed %d: too little was seen: %v", seed, report.Done)
	}
	t.Logf("seed %d: %v", seed, report.Done)
}
