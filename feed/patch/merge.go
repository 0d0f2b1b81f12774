package patch

import (
	"container/heap"
	"errors"
	"fmt"
	"io"
)

// Counts tells what an operation did.
type Counts struct {
	// Products counts the nodes of the result, tombstones included.
	Products int64 `json:"products"`
	// Added, Changed and Removed compare with the full document that came first:
	// products it did not have, products written anew, and products it had and
	// the result has not. For Compose they count nodes and, as Removed, tombstones.
	Added   int64 `json:"added"`
	Changed int64 `json:"changed"`
	Removed int64 `json:"removed"`
}

// Apply writes the full document that base becomes by the changes, which are
// ordered from the oldest to the newest. Its head and foot are those of the
// newest document, so that for a generation of feedmill which has both a full
// and a change file the result is the full file, byte for byte.
func Apply(dst io.Writer, base Stream, changes ...Stream) (Counts, error) {
	var c Counts
	err := merge(dst, append([]Stream{base}, changes...), func(winner Node, inBase, changed bool) bool {
		switch {
		case winner.Removed && inBase && changed:
			c.Removed++
		case winner.Removed:
		case !inBase:
			c.Added++
		case changed:
			c.Changed++
		}
		if !winner.Removed {
			c.Products++
		}
		return !winner.Removed
	})
	return c, err
}

// Compose writes one change document that does what the changes, ordered from
// the oldest to the newest, do one after the other: the newest node of each
// product, tombstones included. Head and foot are those of the newest one.
func Compose(dst io.Writer, changes ...Stream) (Counts, error) {
	if len(changes) == 0 {
		return Counts{}, errors.New("compose: there are no change documents")
	}
	var c Counts
	err := merge(dst, changes, func(winner Node, _, _ bool) bool {
		c.Products++
		if winner.Removed {
			c.Removed++
		} else {
			c.Changed++
		}
		return true
	})
	return c, err
}

// merge writes the newest node of each product that keep admits. keep learns
// whether the first stream has the product and whether a later one has it.
func merge(dst io.Writer, streams []Stream, keep func(winner Node, inFirst, later bool) bool) error {
	newest, err := joinHeads(streams)
	if err != nil {
		return err
	}
	w := writer{w: dst}
	w.write(newest.Append(w.buf[:0]))
	m := &merger{}
	for i, s := range streams {
		if err := m.add(s, i); err != nil {
			return err
		}
	}
	for len(m.heads) > 0 && w.err == nil {
		top := m.heads[0]
		winner := top.node
		inFirst, later := top.age == 0, top.age > 0
		// The nodes of older documents come right behind; the winner's bytes are
		// its stream's, which goes on only after they are written.
		heap.Pop(m)
		for len(m.heads) > 0 && m.heads[0].node.ID == winner.ID {
			inFirst = inFirst || m.heads[0].age == 0
			if err := m.advance(); err != nil {
				return err
			}
		}
		if keep(winner, inFirst, later) {
			w.node(winner.Raw)
		}
		if err := m.add(top.stream, top.age); err != nil {
			return err
		}
	}
	w.write(appendFoot(w.buf[:0], streams[len(streams)-1].Foot()))
	return w.err
}

// joinHeads gives the head of the newest document, made fit for the nodes of all.
func joinHeads(streams []Stream) (*Head, error) {
	newest, err := streams[len(streams)-1].Head()
	if err != nil {
		return nil, err
	}
	for _, s := range streams[:len(streams)-1] {
		older, err := s.Head()
		if err != nil {
			return nil, err
		}
		if newest, err = newest.join(older); err != nil {
			return nil, err
		}
	}
	return newest, nil
}

// writer appends nodes, one a line.
type writer struct {
	w   io.Writer
	buf []byte
	err error
}

func (w *writer) write(b []byte) {
	if w.err == nil {
		if _, w.err = w.w.Write(b); w.err != nil {
			w.err = fmt.Errorf("write document: %w", w.err)
		}
	}
}

func (w *writer) node(raw []byte) {
	w.buf = append(append(w.buf[:0], raw...), '\n')
	w.write(w.buf)
}

// merger is a heap of streams by their next product; of equal products the
// newest document's comes first.
type merger struct{ heads []mergeHead }

type mergeHead struct {
	node   Node
	stream Stream
	age    int // position among the documents, the oldest 0
}

// add reads the next node of a stream and puts it in, unless it has ended.
func (m *merger) add(s Stream, age int) error {
	n, err := s.Next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	heap.Push(m, mergeHead{n, s, age})
	return nil
}

// advance replaces the first node by the next one of its stream.
func (m *merger) advance() error {
	top := &m.heads[0]
	n, err := top.stream.Next()
	if errors.Is(err, io.EOF) {
		heap.Pop(m)
		return nil
	}
	if err != nil {
		return err
	}
	top.node = n
	heap.Fix(m, 0)
	return nil
}

// Len implements heap.Interface.
func (m *merger) Len() int { return len(m.heads) }

// Less implements heap.Interface.
func (m *merger) Less(i, j int) bool {
	a, b := &m.heads[i], &m.heads[j]
	if c := CompareID(a.node.ID, b.node.ID); c != 0 {
		return c < 0
	}
	return a.age > b.age
}

// Swap implements heap.Interface.
func (m *merger) Swap(i, j int) { m.heads[i], m.heads[j] = m.heads[j], m.heads[i] }

// Push implements heap.Interface.
func (m *merger) Push(x any) { m.heads = append(m.heads, x.(mergeHead)) }

// Pop implements heap.Interface.
func (m *merger) Pop() any {
	last := m.heads[len(m.heads)-1]
	m.heads = m.heads[:len(m.heads)-1]
	return last
}
