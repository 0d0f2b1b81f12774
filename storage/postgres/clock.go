package postgres

import (
	"sync/atomic"
	"time"

	"feedmill/storage/records"
)

// Processes on several machines write times down that others compare with their
// own: when a file was replaced, and so for how long it is answered still. A clock
// that is hours off, as one that takes local time for UTC, would have files end at
// once that a gateway has named a moment ago. So the time that is recorded, and
// that files are asked for by, is that of the database's server.

// clockSlack is what clocks may differ by without being corrected: times that one
// process records stay evenly spaced while all is well.
const clockSlack = 2 * time.Second

// correction is how far the server's clock is ahead of this machine's.
type correction struct{ micros atomic.Int64 }

// learn takes the server's time that was asked for at a moment of this machine's
// clock and told at a later one.
func (c *correction) learn(server int64, asked, told time.Time) {
	took := told.Sub(asked)
	if took < 0 || took > clockSlack || told.Round(0).Sub(asked.Round(0)).Abs() > clockSlack {
		return // it tells too little, or the clock was set meanwhile
	}
	ahead := server - records.Micros(asked.Add(took/2))
	if ahead > -clockSlack.Microseconds() && ahead < clockSlack.Microseconds() {
		ahead = 0
	}
	c.micros.Store(ahead)
}

// now gives the time to record, in microseconds.
func (d *DB) now() int64 { return records.Micros(d.opt.Now()) + d.ahead.micros.Load() }
