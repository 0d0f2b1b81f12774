package download

import (
	"sync"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// Refusals of a known link are written down like any use of it. But whoever holds
// a link can ask as often as he likes, and the less he is given the cheaper it is
// for him: so refusals that are alike get one row, those of the next minute
// together another, and every row says how many it stands for. What can be
// written is bounded by the links, kinds of files and reasons there are.

// refusalKey is what makes refusals alike. Where they come from, what the client
// calls itself and which of many files it names is for the client to choose, and
// therefore no part of it.
type refusalKey struct {
	link   partner.LinkID
	kind   feed.Kind
	reason partner.Refusal
}

// rollup puts refusals together.
type rollup struct {
	every time.Duration

	mu   sync.Mutex
	open map[refusalKey]*rolled
}

// rolled are refusals that are alike, since the last row of them.
type rolled struct {
	began time.Time
	// last is the latest without a row, and stands for all of them; More counts
	// the others. Only set when n > 0.
	last partner.Download
	n    int64
}

// add takes a refusal in and says whether it is to be written down now.
func (r *rollup) add(d *partner.Download, now time.Time) bool {
	key := refusalKey{d.Link, d.Kind, d.Refusal}
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.open[key]
	if o == nil {
		if r.open == nil {
			r.open = map[refusalKey]*rolled{}
		}
		r.open[key] = &rolled{began: now}
		return true
	}
	bytes := o.last.Bytes + d.Bytes
	o.last = *d
	o.last.Bytes = bytes
	o.n++
	return false
}

// due gives the rows of those whose time is over, or of all, and forgets them.
func (r *rollup) due(now time.Time, all bool) (rows []partner.Download) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, o := range r.open {
		// A clock that was set back ends it too.
		if age := now.Sub(o.began); !all && age >= 0 && age < r.every {
			continue
		}
		if o.n == 0 {
			delete(r.open, key)
			continue
		}
		row := o.last
		row.More = o.n - 1
		rows = append(rows, row)
		*o = rolled{began: now}
	}
	return rows
}

// refusalsTogether is how long refusals are put together.
const refusalsTogether = time.Minute
