package sqlite

import "database/sql"

// Writer and Reader let tests look at the connections themselves.
func (d *DB) Writer() *sql.DB { return d.w }

// Reader gives the pool of reading connections.
func (d *DB) Reader() *sql.DB { return d.r }
