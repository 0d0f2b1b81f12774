package publish

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

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

// appendedExtra gives what the plan's new state keeps.
func (p *plan) appendedExtra() []byte {
	if len(p.extra)+len(p.filed) == 0 {
		return nil
	}
	b := binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen64+len(p.extra)+len(p.filed)), uint64(len(p.extra)))
	return append(append(b, p.extra...), p.filed...)
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
	marks []byte
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
	m.marks = append(m.marks, sum[:]...)
	m.notes = m.notes[:copy(m.notes, m.notes[n:])]
}

// appendFiled writes what is known of a complete file.
func appendFiled(dst, index, marks []byte) []byte {
	dst = binary.AppendUvarint(slices.Grow(dst, binary.MaxVarintLen64+len(index)+len(marks)), uint64(len(index)))
	return append(append(dst, index...), marks...)
}

// splitFiled reads it. What is damaged is not known.
func splitFiled(b []byte) (index, marks []byte) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil, nil
	}
	return b[k:][:n], b[k:][n:]
}
