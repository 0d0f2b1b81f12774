package diff

import (
	"errors"
	"io"

	"feedmill/feed"
)

// Merge walks an old state beside the products of a new run. Both ascend by id.
type Merge struct {
	r      *Reader
	cur    Entry
	offset int64
	have   bool
	done   bool
}

// NewMerge starts a merge; r is nil when there is no old state.
func NewMerge(r *Reader) *Merge { return &Merge{r: r, done: r == nil} }

// Before calls fn for every old entry with an id below id that was not taken:
// products that the new run no longer shows. offset is where the entry's node
// stood in the old file. The entry is valid during the call.
func (m *Merge) Before(id feed.ProductID, fn func(e Entry, offset int64) error) error {
	for {
		if err := m.fill(); err != nil || m.done || m.cur.ID >= id {
			return err
		}
		if err := fn(m.cur, m.offset); err != nil {
			return err
		}
		m.have = false
	}
}

// Take gives the old entry of a product that the new run shows; ok is false
// when there was none. Before(id) must have been called.
func (m *Merge) Take(id feed.ProductID) (e Entry, ok bool, err error) {
	if err := m.fill(); err != nil || m.done || m.cur.ID != id {
		return Entry{}, false, err
	}
	m.have = false
	return m.cur, true, nil
}

// Rest calls fn for every old entry that is left.
func (m *Merge) Rest(fn func(e Entry, offset int64) error) error {
	return m.Before(feed.MaxProductID+1, fn)
}

func (m *Merge) fill() (err error) {
	if m.have || m.done {
		return nil
	}
	if m.cur, m.offset, err = m.r.Next(); errors.Is(err, io.EOF) {
		m.done = true
		return nil
	}
	m.have = err == nil
	return err
}
