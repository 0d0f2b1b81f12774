package diff

import (
	"errors"
	"io"

	"feedmill/feed"
)

// Merge walks an old state beside the products of a new run. Both ascend by
// id. Entries of products that were not in the feed are passed over.
type Merge struct {
	r     Entries
	cur   Entry
	place Place
	have  bool
	done  bool
}

// NewMerge starts a merge; r is nil when there is no old state.
func NewMerge(r Entries) *Merge { return &Merge{r: r, done: r == nil} }

// Before calls fn for every old entry with an id below id that was not taken:
// products that the new run no longer shows. The entry is valid during the call.
func (m *Merge) Before(id feed.ProductID, fn func(e Entry, at Place) error) error {
	for {
		if err := m.fill(); err != nil || m.done || m.cur.ID >= id {
			return err
		}
		if err := fn(m.cur, m.place); err != nil {
			return err
		}
		m.have = false
	}
}

// Take gives the old entry of a product that the new run shows, and where it
// stood; ok is false when there was none. Before(id) must have been called.
func (m *Merge) Take(id feed.ProductID) (e Entry, at Place, ok bool, err error) {
	if err := m.fill(); err != nil || m.done || m.cur.ID != id {
		return Entry{}, Place{}, false, err
	}
	m.have = false
	return m.cur, m.place, true, nil
}

// Rest calls fn for every old entry that is left.
func (m *Merge) Rest(fn func(e Entry, at Place) error) error {
	return m.Before(feed.MaxProductID+1, fn)
}

func (m *Merge) fill() (err error) {
	for !m.have && !m.done {
		if m.cur, m.place, err = m.r.Next(); errors.Is(err, io.EOF) {
			m.done = true
			return nil
		}
		if err != nil {
			return err
		}
		m.have = m.cur.shows()
	}
	return nil
}
