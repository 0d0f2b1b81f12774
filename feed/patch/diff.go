package patch

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
)

// ChangeKind is what has become of a product.
type ChangeKind uint8

// The kinds of a [Change].
const (
	Added ChangeKind = iota + 1
	Changed
	Removed
)

// String gives "added", "changed" or "removed".
func (k ChangeKind) String() string {
	switch k {
	case Added:
		return "added"
	case Changed:
		return "changed"
	case Removed:
		return "removed"
	}
	return ""
}

// Change is one product in which two documents differ.
type Change struct {
	Kind ChangeKind
	ID   string
	// Old and New are the nodes as written, nil where there is none. They are
	// valid until the next change.
	Old, New []byte
}

// Diff calls fn for each product in which two full documents (or two light
// ones) differ, in ascending order of id, and gives the number of products that
// are the same. Nodes differ when their bytes do; a tombstone is no product.
func Diff(before, now Stream, fn func(Change) error) (same int64, err error) {
	a, b := &cursor{s: before}, &cursor{s: now}
	for {
		if err := errors.Join(a.fill(), b.fill()); err != nil {
			return same, err
		}
		if a.done && b.done {
			return same, nil
		}
		order := 0
		switch {
		case a.done:
			order = 1
		case b.done:
			order = -1
		default:
			order = CompareID(a.node.ID, b.node.ID)
		}
		switch {
		case order < 0:
			err = fn(Change{Kind: Removed, ID: a.node.ID, Old: a.node.Raw})
		case order > 0:
			err = fn(Change{Kind: Added, ID: b.node.ID, New: b.node.Raw})
		case bytes.Equal(a.node.Raw, b.node.Raw):
			same++
		default:
			err = fn(Change{Kind: Changed, ID: a.node.ID, Old: a.node.Raw, New: b.node.Raw})
		}
		if err != nil {
			return same, err
		}
		a.have, b.have = a.have && order > 0, b.have && order < 0
	}
}

// cursor stands on a product of a stream.
type cursor struct {
	s          Stream
	node       Node
	have, done bool
}

func (c *cursor) fill() (err error) {
	for !c.have && !c.done {
		if c.node, err = c.s.Next(); errors.Is(err, io.EOF) {
			c.done = true
			return nil
		}
		if err != nil {
			return err
		}
		c.have = !c.node.Removed
	}
	return nil
}

// WriteDiff writes the change document that leads from one full document to
// another: the complete nodes of products that are new or differ, and
// tombstones. When nothing differs it writes nothing, as a change file is never
// empty (IOF 6), and Counts.Products is 0.
func WriteDiff(dst io.Writer, before, now Stream) (Counts, error) {
	var c Counts
	head, err := joinHeads([]Stream{before, now})
	if err != nil {
		return c, err
	}
	w := writer{w: dst}
	var tombstone []byte
	_, err = Diff(before, now, func(ch Change) error {
		if c.Products == 0 {
			w.write(head.Append(nil))
		}
		c.Products++
		switch ch.Kind {
		case Added:
			c.Added++
		case Changed:
			c.Changed++
		default:
			c.Removed++
			tombstone = head.appendTombstone(tombstone[:0], ch.ID)
			ch.New = tombstone
		}
		w.node(ch.New)
		return w.err
	})
	if err == nil && c.Products > 0 {
		w.write(appendFoot(w.buf[:0], now.Foot()))
		err = w.err
	}
	return c, err
}

// Summary tells how two full documents differ.
type Summary struct {
	Before Side  `json:"before"`
	Now    Side  `json:"now"`
	Same   int64 `json:"same"`
	// Added, Changed and Removed count products; a change of form alone (blanks,
	// order of attributes, spelling of text) counts as changed with the one part
	// [PartForm].
	Added   Group `json:"added"`
	Changed Group `json:"changed"`
	Removed Group `json:"removed"`
	// Parts says in what the changed products differ, the most frequent part
	// first; a product may differ in several.
	Parts []PartGroup `json:"parts"`
}

// Side is what a document says of itself.
type Side struct {
	Products  int64  `json:"products"`
	Language  string `json:"language"`
	Currency  string `json:"currency"`
	Generated string `json:"generated"`
}

// Group counts products and names the first of them.
type Group struct {
	Products int64    `json:"products"`
	Examples []string `json:"examples"`
}

// PartGroup counts the products that differ in one part.
type PartGroup struct {
	Part Part `json:"part"`
	Group
}

// maxExamples is how many products a [Group] names.
const maxExamples = 5

func (g *Group) add(id string) {
	g.Products++
	if len(g.Examples) < maxExamples {
		g.Examples = append(g.Examples, id)
	}
}

// Differs says whether anything is different.
func (s *Summary) Differs() bool {
	return s.Added.Products+s.Changed.Products+s.Removed.Products > 0
}

// Summarize compares two full documents.
func Summarize(before, now Stream) (Summary, error) {
	none := Group{Examples: []string{}}
	s := Summary{Added: none, Changed: none, Removed: none}
	a, err := before.Head()
	if err != nil {
		return s, err
	}
	b, err := now.Head()
	if err != nil {
		return s, err
	}
	s.Before = Side{Language: a.Language, Currency: a.Currency, Generated: a.Generated}
	s.Now = Side{Language: b.Language, Currency: b.Currency, Generated: b.Generated}
	seed := maphash.MakeSeed()
	old, new := newParts(a, seed), newParts(b, seed)
	var groups [partCount]Group
	s.Same, err = Diff(before, now, func(c Change) error {
		switch c.Kind {
		case Added:
			s.Added.add(c.ID)
		case Removed:
			s.Removed.add(c.ID)
		default:
			s.Changed.add(c.ID)
			differ, err := differingParts(old, new, c)
			if err != nil {
				return fmt.Errorf("compare product %.80s: %w", c.ID, err)
			}
			for p := range partCount {
				if differ[p] {
					groups[p].add(c.ID)
				}
			}
		}
		return nil
	})
	if err != nil {
		return s, err
	}
	s.Before.Products = s.Same + s.Changed.Products + s.Removed.Products
	s.Now.Products = s.Same + s.Changed.Products + s.Added.Products
	s.Parts = partGroups(&groups)
	return s, nil
}
