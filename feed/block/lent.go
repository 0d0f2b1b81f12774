package block

import (
	"hash/crc32"
	"io"
)

// Lender is an optional ability of a reader that a [Source] gives.
type Lender interface {
	// Lend gives the next bytes, at least one and at most n, without copying them.
	// They stay as they are until the reader is closed; nobody writes to them. Where
	// it fails the bytes are read from a new reader instead.
	Lend(n int) ([]byte, error)
}

// lent are consecutive bytes of a stored file, piece by piece, as whoever lends
// them has them in memory. Without a lender they are the only piece, a copy.
type lent struct {
	pieces [][]byte
	lender io.Closer
}

// each calls do with the bytes, piece by piece.
func (l *lent) each(do func([]byte) error) error {
	for _, b := range l.pieces {
		if err := do(b); err != nil {
			return err
		}
	}
	return nil
}

// appendTo appends a copy of the bytes.
func (l *lent) appendTo(dst []byte) []byte {
	for _, b := range l.pieces {
		dst = append(dst, b...)
	}
	return dst
}

// proved says whether the bytes have the checksums of the segments from one number
// up to another; of gives size and checksum of one.
func (l *lent) proved(from, to int, table *crc32.Table, of func(i int) (size, crc uint32)) bool {
	piece, at := 0, 0
	for i := from; i < to; i++ {
		size, want := of(i)
		crc := uint32(0)
		for left := int(size); left > 0; {
			b := l.pieces[piece][at:]
			b = b[:min(len(b), left)]
			crc = crc32.Update(crc, table, b)
			left -= len(b)
			if at += len(b); at == len(l.pieces[piece]) {
				piece, at = piece+1, 0
			}
		}
		if crc != want {
			return false
		}
	}
	return true
}

// set takes a copy, or what was made now, for the bytes.
func (l *lent) set(b []byte) { l.pieces = append(l.pieces[:0], b) }

// giveBack closes the lender; there are no bytes from then on.
func (l *lent) giveBack() {
	if l.lender != nil {
		l.lender.Close() // it was only read
		l.lender = nil
	}
	clear(l.pieces)
	l.pieces = l.pieces[:0]
}
