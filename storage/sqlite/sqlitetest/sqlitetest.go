// Package sqlitetest gives tests records of their own in a new SQLite file.
package sqlitetest

import (
	"path/filepath"
	"testing"

	"feedmill/storage/sqlite"
)

// Open makes records in a folder of the test, and closes them with its end.
func Open(t testing.TB, opt sqlite.Options) *sqlite.DB {
	t.Helper()
	return OpenAt(t, filepath.Join(t.TempDir(), "feedmill.db"), opt)
}

// OpenAt opens the records in a file, which is made where it is missing and
// brought up to date, and closes them with the end of the test.
func OpenAt(t testing.TB, path string, opt sqlite.Options) *sqlite.DB {
	t.Helper()
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
