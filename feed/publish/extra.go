package publish

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"feedmill/feed/diff"
)

// A state keeps beside its entries what the feed's products refer to, and what
// is known of its complete file: a uvarint of the length of the first, the
// first, the second. Nothing is kept as no bytes.
//
// What is known of the file is the index of the blocks of its compressed form,
// and of a full file besides a mark of each block: a uvarint of the length of
// the first, the first, the second. States of a full feed go on while its file
// stays, so the marks tell which blocks of it hold something else by now.

// appendedExtra gives what the plan's new state keeps, and its size.
func (p *plan) appendedExtra() (io.Reader, int64) {
	n := int64(len(p.extra)) + p.filed.length()
	if n == 0 {
		return bytes.NewReader(nil), 0
	}
	size := binary.AppendUvarint(nil, uint64(len(p.extra)))
	return io.MultiReader(bytes.NewReader(size), bytes.NewReader(p.extra), p.filed.reader()), int64(len(size)) + n
}

// setFiled takes what is known of the plan's file.
func (p *plan) setFiled(s *spill) error {
	old := p.filed
	p.filed = s
	return old.discard()
}

// keepFiled takes it as a state has kept it.
func (p *plan) keepFiled(dir string, filed []byte) error {
	s := &spill{dir: dir}
	if _, err := s.Write(filed); err != nil {
		return errors.Join(err, s.discard())
	}
	return p.setFiled(s)
}

// stateExtra reads what a state keeps.
func stateExtra(ctx context.Context, s *diff.State) (used, filed []byte, err error) {
	b, err := s.Extra(ctx)
	if err != nil || len(b) == 0 {
		return nil, nil, err
	}
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil, nil, fmt.Errorf("%w: what it keeps beside its entries is torn", diff.ErrCorrupt)
	}
	return b[k:][:n], b[k:][n:], nil
}

// markSize is the size of a mark: the XXH3-128 of the ids and digests of a
// block's nodes.
const markSize = len(diff.Digest{})

// marker makes the marks of a file's blocks.
type marker struct {
	// notes are the ids and digests of nodes whose block is not known yet.
	notes []byte
	marks spill
	err   error // the first of writing marks
}

// noteSize is the size of an id and a digest.
const noteSize = 8 + len(diff.Digest{})

// appendNote writes what a mark is made of.
func appendNote(dst []byte, e *diff.Entry) []byte {
	return append(binary.LittleEndian.AppendUint64(dst, uint64(e.ID)), e.Digest[:]...)
}

// note takes the next node.
func (m *marker) note(e *diff.Entry) { m.notes = appendNote(m.notes, e) }

// decided marks the block that the first nodes make.
func (m *marker) decided(nodes int) {
	n := nodes * noteSize
	sum := diff.Sum(m.notes[:n])
	if _, err := m.marks.Write(sum[:]); err != nil && m.err == nil {
		m.err = err
	}
	m.notes = m.notes[:copy(m.notes, m.notes[n:])]
}

// file gathers what is known of the complete file.
func (b *body) file() (*spill, error) {
	out := &spill{dir: b.index.dir}
	_, err := out.Write(binary.AppendUvarint(nil, uint64(b.index.length())))
	if err == nil {
		_, err = io.Copy(out, b.index.reader())
	}
	if m := b.marks; m != nil && err == nil {
		if err = m.err; err == nil {
			_, err = io.Copy(out, m.marks.reader())
		}
		err = errors.Join(err, m.marks.discard())
	}
	if err = errors.Join(err, b.index.discard()); err != nil {
		return nil, errors.Join(err, out.discard())
	}
	return out, nil
}

// splitFiled reads it. What is damaged is not known.
func splitFiled(b []byte) (index, marks []byte) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil, nil
	}
	return b[k:][:n], b[k:][n:]
}
