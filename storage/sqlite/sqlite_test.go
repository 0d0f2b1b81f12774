package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"feedmill/internal/partner"
	"feedmill/storage/dbtest"
	"feedmill/storage/sqlite"
)

// suite gives the snapshot the suite's type.
type suite struct{ *sqlite.DB }

func (s suite) Snapshot(ctx context.Context, m partner.MerchantID) (dbtest.Snapshot, error) {
	snap, err := s.DB.Snapshot(ctx, m)
	if err != nil {
		return nil, err
	}
	return snap, nil
}

func TestContract(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t *testing.T, now func() time.Time) dbtest.DB {
		return suite{setup(t, sqlite.Options{Now: now})}
	})
}

// setup makes a database in a folder of its own.
func setup(t testing.TB, opt sqlite.Options) *sqlite.DB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "feedmill.db")
	if _, err := sqlite.Migrate(t.Context(), path, opt); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	return reopen(t, path, opt)
}

func reopen(t testing.TB, path string, opt sqlite.Options) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, opt)
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
