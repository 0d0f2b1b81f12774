package catalog

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strconv"

	"feedmill/feed"
	"feedmill/feed/iof"
)

// SharedCode is a code that sizes of several products have. Importers that go by
// codes take them for one thing.
type SharedCode struct {
	Code string
	// Products are the first two that have it.
	Products [2]feed.ProductID
}

// SharedCodes are the codes that several products have.
type SharedCodes struct {
	// Count is how many there are, of which Examples name the first few.
	Count    int64
	Examples []SharedCode
}

const (
	// sharedNamed is how many shared codes are named, of sharedSeen at most.
	sharedNamed = 20
	sharedSeen  = 1000
	// codeMemory bounds what is held of the codes of a catalog; the rest lies in
	// temporary files.
	codeMemory = 2 << 20
)

// hintShared says what to do about a shared code.
const hintShared = "importers that go by codes sell one for the other: give each product codes of its own"

// codeWatch notes the codes of a catalog's sizes, in the spelling of the files, and
// where they stand, and finds those of several products. Notes are sorted by what
// the codes hash to, which stands for an id: equal ones come together.
type codeWatch struct {
	sort  sorter
	seed  maphash.Seed
	files []string
}

func newCodeWatch(dir string) codeWatch {
	return codeWatch{sort: sorter{dir: dir, memory: codeMemory, alike: true}, seed: maphash.MakeSeed()}
}

// notedCode is one size's code.
type notedCode struct {
	product feed.ProductID
	file    int
	line    int64
	code    []byte
}

// add notes the codes of a product that begins at a line.
func (w *codeWatch) add(ctx context.Context, p *feed.Product, file string, line int64) error {
	if len(w.files) == 0 || w.files[len(w.files)-1] != file {
		w.sort.ctx = ctx
		w.files = append(w.files, file)
	}
	s := &w.sort
	for i := range p.Sizes {
		code := iof.WrittenCode(p.Sizes[i].Code)
		if code == "" {
			continue
		}
		from := len(s.buf)
		s.buf = binary.AppendUvarint(s.buf, uint64(p.ID))
		s.buf = binary.AppendUvarint(s.buf, uint64(len(w.files)-1))
		s.buf = binary.AppendUvarint(s.buf, uint64(line))
		s.buf = append(s.buf, code...)
		s.docs = append(s.docs, document{feed.ProductID(maphash.String(w.seed, code)), from, len(s.buf)})
	}
	if s.full() {
		return s.spill()
	}
	return nil
}

// sharedNote is a shared code at the first two places where it stands.
type sharedNote struct{ first, second notedCode }

// shared finds the codes of several products: how many, and the first of them in
// the order of the files.
func (w *codeWatch) shared() (n int64, list []sharedNote, err error) {
	if len(w.files) == 0 {
		return 0, nil, nil
	}
	if err := w.sort.sortBuffer(); err != nil {
		return 0, nil, err
	}
	var hash feed.ProductID
	var group []sharedNote // the codes of one hash, of which there is one nearly always
	var before []byte      // the note before, while nothing else has its hash
	settle := func() {
		for _, g := range group {
			if g.second.code == nil {
				continue
			}
			if n++; len(list) < sharedSeen {
				list = append(list, g)
			}
		}
		group = group[:0]
	}
	err = w.sort.merge(w.sort.runs(), func(h feed.ProductID, note []byte) error {
		if h != hash || before == nil {
			settle()
			hash, before = h, append(before[:0], note...)
			return nil
		}
		if len(group) == 0 {
			group = addNote(group, parseNote(before))
		}
		group = addNote(group, parseNote(note))
		return nil
	})
	settle()
	slices.SortFunc(list, func(a, b sharedNote) int {
		return cmp.Or(a.first.order(&b.first), bytes.Compare(a.first.code, b.first.code))
	})
	return n, list[:min(len(list), sharedNamed)], err
}

// addNote adds a note to those of one hash: the first two places of each code stay.
func addNote(group []sharedNote, c notedCode) []sharedNote {
	c.code = bytes.Clone(c.code)
	for i := range group {
		g := &group[i]
		switch {
		case !bytes.Equal(g.first.code, c.code):
			continue
		case c.product == g.first.product:
		case c.order(&g.first) < 0:
			g.first, g.second = c, g.first
		case g.second.code == nil || c.order(&g.second) < 0:
			g.second = c
		}
		return group
	}
	return append(group, sharedNote{first: c})
}

func parseNote(note []byte) (c notedCode) {
	id, n := binary.Uvarint(note)
	note = note[n:]
	file, n := binary.Uvarint(note)
	note = note[n:]
	line, n := binary.Uvarint(note)
	return notedCode{feed.ProductID(id), int(file), int64(line), note[n:]}
}

// order tells which of two stands before the other.
func (c *notedCode) order(b *notedCode) int {
	return cmp.Or(cmp.Compare(c.file, b.file), cmp.Compare(c.line, b.line), cmp.Compare(c.product, b.product))
}

// tellShared lists the shared codes of the catalog as warnings before all others,
// because they are few and mean wrong deliveries.
func (s *Stream) tellShared() error {
	if s.in.errors > 0 {
		return nil // nothing is imported
	}
	n, list, err := s.codes.shared()
	s.codes.sort.close()
	if err != nil || n == 0 {
		return err
	}
	s.shared.Count = n
	for i := range list {
		c := &list[i]
		s.shared.Examples = append(s.shared.Examples, SharedCode{string(c.first.code), [2]feed.ProductID{c.first.product, c.second.product}})
	}
	told := s.shared.Problems(s.codes.files[0])
	for i := range list {
		told[i].File, told[i].Line = s.codes.files[list[i].second.file], list[i].second.line
	}
	s.in.warnings += int64(len(told))
	s.in.listed = append(told, s.in.listed...)
	return nil
}

// Problems tells of the codes as warnings about a file, each about the second of its
// products; the last one counts those that are not named.
func (s SharedCodes) Problems(file string) (list []Problem) {
	for _, c := range s.Examples {
		list = append(list, Problem{File: file, Product: strconv.FormatInt(int64(c.Products[1]), 10), Field: "code", Level: LevelWarning,
			Message: quote(c.Code) + " is a code of product " + strconv.FormatInt(int64(c.Products[0]), 10) + " too", Hint: hintShared})
	}
	if more := s.Count - int64(len(s.Examples)); more > 0 {
		list = append(list, Problem{File: file, Field: "code", Level: LevelWarning, Message: plural(more, "more code") + " of several products", Hint: hintShared})
	}
	return list
}

// Join adds the codes of b.
func (s SharedCodes) Join(b SharedCodes) SharedCodes {
	return SharedCodes{s.Count + b.Count, slices.Concat(s.Examples, b.Examples)}
}

// SharedCodes gives, behind the loop, the codes that several products of the catalog
// have. [Stream.Problems] names them, too.
func (s *Stream) SharedCodes() SharedCodes { return s.shared }
