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
	run(t, hammer.Options{Site: s, Clock: clock, Dir: robots, Duration: 15 * time.Second, Log: t.Logf,
		Needed: []string{"edits", "publications", "copies compared", "files fetched", "refusals", "rules changed", "edges restarted", "sweeps", "leaps of time"}})
}
