package postgres_test

import (
	"context"
	"os"
	"testing"
	"time"

	"feedmill/internal/partner"
	"feedmill/storage/dbtest"
	"feedmill/storage/postgres"
)

var server = postgres.TestServer

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// suite gives the snapshot the suite's type.
type suite struct{ *postgres.DB }

func (s suite) Snapshot(ctx context.Context, m partner.MerchantID) (dbtest.Snapshot, error) {
	snap, err := s.DB.Snapshot(ctx, m)
	if err != nil {
		return nil, err
	}
	return snap, nil
}

// TestContract runs the suite with no more rights than the role that may most.
func TestContract(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, now func() time.Time) dbtest.DB {
		return suite{open(t, as(t, server.Database(t), roles.Admin), postgres.Options{Now: now, Clock: now})}
	})
}

// setup makes a database of the test's own.
func setup(t testing.TB, opt postgres.Options) *postgres.DB {
	t.Helper()
	return open(t, server.Database(t), opt)
}

func open(t testing.TB, url string, opt postgres.Options) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, opt)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}
