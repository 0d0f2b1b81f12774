package diff

import (
	"context"
	"errors"
	"io"

	"feedmill/feed"
)

// Stack is a state with the layers on it, the base first. An entry of a higher
// one replaces those of the same product below it.
type Stack []*State

// Found is the answer to a look-up.
type Found struct {
	Entry
	OK bool
}

// Find looks entries up: found[i] is the entry of ids[i], which must ascend.
// Removed entries are not there. The Node of a gone product is left out.
func (s Stack) Find(ctx context.Context, ids []feed.ProductID, found []Found) error {
	rest, at := ids, []int(nil)
	for i := range found {
		found[i] = Found{}
	}
	for i := len(s) - 1; i >= 0 && len(rest) > 0; i-- {
		hit := make([]bool, len(rest))
		n := 0
		err := s[i].Find(ctx, rest, func(j int, e Entry) error {
			e.Node = nil
			to := j
			if at != nil {
				to = at[j]
			}
			found[to] = Found{e, !e.Removed}
			hit[j] = true
			n++
			return nil
		})
		if err != nil {
			return err
		}
		if i == 0 || n == 0 {
			continue
		}
		var left []feed.ProductID
		var where []int
		for j, id := range rest {
			if hit[j] {
				continue
			}
			left = append(left, id)
			if at != nil {
				where = append(where, at[j])
			} else {
				where = append(where, j)
			}
		}
		rest, at = left, where
	}
	return nil
}

// Entries is what a state is read from, in ascending order of id.
type Entries interface {
	// Next gives the next entry and where it stands, or io.EOF after the last.
	Next() (Entry, Place, error)
}

var _ Entries = (*Reader)(nil)

// layered merges a state with its layers.
type layered struct {
	readers []Entries // the highest first
	heads   []head
	removed bool
}

type head struct {
	e     Entry
	place Place
	have  bool
	done  bool
}

// Layered reads several states as one; the base comes first, as in a [Stack].
// keepRemoved is for merging layers without their base: entries that remove a
// product below stay.
func Layered(keepRemoved bool, states ...Entries) Entries {
	if len(states) == 1 && keepRemoved {
		return states[0]
	}
	l := &layered{removed: keepRemoved, heads: make([]head, len(states))}
	for i := len(states) - 1; i >= 0; i-- {
		l.readers = append(l.readers, states[i])
	}
	return l
}

// Next implements Entries.
func (l *layered) Next() (Entry, Place, error) {
	for {
		best := -1
		for i := range l.heads {
			h := &l.heads[i]
			if !h.have && !h.done {
				var err error
				if h.e, h.place, err = l.readers[i].Next(); errors.Is(err, io.EOF) {
					h.done = true
				} else if err != nil {
					return Entry{}, Place{}, err
				}
				h.have = !h.done
			}
			if h.have && (best < 0 || h.e.ID < l.heads[best].e.ID) {
				best = i
			}
		}
		if best < 0 {
			return Entry{}, Place{}, io.EOF
		}
		top := &l.heads[best]
		for i := range l.heads {
			if l.heads[i].have && l.heads[i].e.ID == top.e.ID {
				l.heads[i].have = false
			}
		}
		if !top.e.Removed || l.removed {
			return top.e, top.place, nil
		}
	}
}
