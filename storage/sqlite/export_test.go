package sqlite

import (
	"database/sql"

	"feedmill/internal/partner"
)

// Writer and Reader let tests look at the connections themselves.
func (d *DB) Writer() *sql.DB { return d.w }

// Reader gives the pool of reading connections.
func (d *DB) Reader() *sql.DB { return d.r }

// MergeSteps sets how many products a merge compares and writes at a time, and how
// many bytes of codes it sorts.
func (d *DB) MergeSteps(compare, codeBytes, write int) {
	d.steps = mergeSteps{compare: compare, codeBytes: codeBytes, write: write}
}

// StagingPath names the file that an import is staged in.
func (d *DB) StagingPath(id partner.ImportID) string { return d.stagingPath(id) }

// Place gives a copy its name, by a link that may be refused.
func Place(link func(from, to string) error, part, path string) error {
	return place(link, part, path)
}

// RoomPath names the file that takes up the room kept for changes of accounts.
func (d *DB) RoomPath() string { return d.room.path }
