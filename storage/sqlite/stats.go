package sqlite

import "database/sql"

// Pools gives the state of the connections that write and of those that read.
func (d *DB) Pools() (write, read sql.DBStats) { return d.w.Stats(), d.r.Stats() }
