// Package sqlitetest gives tests records of their own in a new SQLite file.
package sqlitetest

import (
	"cmp"
	"path/filepath"
	"testing"
	"time"

	"feedmill/storage/sqlite"
)

// Open makes records in a folder of the test, and closes them with its end.
func Open(t testing.TB, opt sqlite.Options) *sqlite.DB {
	t.Helper()
	return OpenAt(t, filepath.Join(t.TempDir(), "feedmill.db"), opt)
}

// patience is how long a statement may take where a test says nothing else: only
// one that hangs is to fail, however busy the machine.
const patience = 5 * time.Minute

// OpenAt opens the records in a file, which is made where it is missing and
// brought up to date, and closes them with the end of the test. Statements, and
// waits for another that writes, may take minutes unless opt sets a limit.
func OpenAt(t testing.TB, path string, opt sqlite.Options) *sqlite.DB {
	t.Helper()
	opt.StatementTimeout = cmp.Or(opt.StatementTimeout, patience)
	opt.BusyTimeout = cmp.Or(opt.BusyTimeout, patience)
	if _, err := sqlite.Migrate(t.Context(), path, opt); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
