package postgres

import "github.com/jackc/pgx/v5/pgxpool"

// Pool gives the state of the connections.
func (d *DB) Pool() *pgxpool.Stat { return d.pool.Stat() }
