package block

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/klauspost/compress/flate"
	"github.com/zeebo/xxh3"
)

// Digest is the XXH3-128 of plain bytes. It tells whether a block is what the same block of
// the same feed was before, and proves nothing to others: what is shared is told by SHA-256.
type Digest [16]byte

// Sum gives the digest of plain bytes.
func Sum(plain []byte) Digest { return Digest(xxh3.Hash128(plain).Bytes()) }

// Segment is what an index knows of a piece of a file. In the file it is raw
// deflate (RFC 1951) that refers to nothing before it, has no final block and
// ends on a byte with an empty stored block (a sync flush).
type Segment struct {
	// Plain is the size of the bytes, Packed that of their deflate stream.
	Plain, Packed uint32
	// CRC is the CRC-32 of the plain bytes, PackedCRC the CRC-32C of the stream:
	// a segment is proved before it is copied, without inflating it.
	CRC, PackedCRC uint32
	// Digest is of the plain bytes.
	Digest Digest
}

// maxSegment bounds a segment, plain or packed.
const maxSegment = 1 << 30

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errPacked = fmt.Errorf("%w: a segment's compressed bytes differ from their checksum", ErrCorrupt)

// checkPacked proves the bytes of a segment's stream.
func (s *Segment) checkPacked(packed []byte) error {
	if len(packed) != int(s.Packed) || crc32.Checksum(packed, castagnoli) != s.PackedCRC {
		return errPacked
	}
	return nil
}

// checkPlain proves the plain bytes of a segment.
func (s *Segment) checkPlain(plain []byte) error {
	if len(plain) != int(s.Plain) || crc32.ChecksumIEEE(plain) != s.CRC {
		return fmt.Errorf("%w: a segment's bytes differ from their checksum", ErrCorrupt)
	}
	return nil
}

// gzipHeader begins every file: deflate, no name, no time, unknown system
// (RFC 1952, section 2.3), so that equal content has equal bytes.
const gzipHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

// lastBlock is an empty final block, which ends a deflate stream.
const lastBlock = "\x03\x00"

// trailerSize is the size of what follows the last segment: the final block,
// the CRC-32 and the size of the plain bytes modulo 2^32.
const trailerSize = len(lastBlock) + 8

// deflater makes segments.
type deflater struct {
	byLevel [10]*flate.Writer
	out     appendWriter
}

type appendWriter struct{ b []byte }

func (w *appendWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

// deflate appends the stream of a segment. It depends on plain and level alone.
func (d *deflater) deflate(dst, plain []byte, level int) ([]byte, error) {
	w := d.byLevel[level]
	d.out.b = dst
	if w == nil {
		var err error
		if w, err = flate.NewWriter(&d.out, level); err != nil {
			return dst, err
		}
		d.byLevel[level] = w
	} else {
		w.Reset(&d.out)
	}
	_, err := w.Write(plain)
	if err == nil {
		err = w.Flush()
	}
	b := d.out.b
	d.out.b = nil
	return b, err
}

// inflater reads segments back.
type inflater struct {
	r  io.ReadCloser
	in bytes.Reader
}

// inflate appends the plain bytes of a segment and proves both forms. It
// borrows the two bytes behind the stream to end it.
func (f *inflater) inflate(dst, packed []byte, s *Segment) ([]byte, error) {
	if err := s.checkPacked(packed); err != nil {
		return dst, err
	}
	if s.Plain == 0 {
		return dst, nil
	}
	n := len(packed)
	ended := slices.Grow(packed, len(lastBlock))[:n+len(lastBlock)]
	borrowed := [len(lastBlock)]byte(ended[n:])
	copy(ended[n:], lastBlock)
	defer copy(ended[n:], borrowed[:])
	f.in.Reset(ended)
	if f.r == nil {
		f.r = flate.NewReader(&f.in)
	} else if err := f.r.(flate.Resetter).Reset(&f.in, nil); err != nil {
		return dst, err
	}
	start := len(dst)
	dst = append(dst, make([]byte, s.Plain)...)
	if _, err := io.ReadFull(f.r, dst[start:]); err != nil {
		return dst[:start], fmt.Errorf("%w: inflate a segment: %w", ErrCorrupt, err)
	}
	var more [1]byte
	if n, err := f.r.Read(more[:]); n != 0 || !errors.Is(err, io.EOF) || f.in.Len() != 0 {
		return dst[:start], fmt.Errorf("%w: a segment holds other than its %d bytes", ErrCorrupt, s.Plain)
	}
	if err := s.checkPlain(dst[start:]); err != nil {
		return dst[:start], err
	}
	return dst, nil
}

// load appends the plain bytes of one segment, from the plain file when there
// is one and it is sound, else by inflating. scratch is given back for reuse.
func (p *Previous) load(ctx context.Context, f *inflater, dst, scratch []byte, i int) (plain, kept []byte, err error) {
	s := p.Index.segment(i)
	if p.Plain != nil {
		start := len(dst)
		dst, err = p.Plain.append(ctx, dst, p.Index.at(i).plain, int64(s.Plain))
		if err == nil {
			err = s.checkPlain(dst[start:])
		}
		if err == nil {
			return dst, scratch, nil
		}
		dst = dst[:start]
		if p.Gzip == nil || ctx.Err() != nil {
			return dst, scratch, err
		}
	}
	if p.Gzip == nil {
		return dst, scratch, errors.New("the previous generation has no source of its bytes")
	}
	if scratch, err = p.Gzip.append(ctx, scratch[:0], p.Index.at(i).packed, int64(s.Packed)); err != nil {
		return dst, scratch, err
	}
	dst, err = f.inflate(dst, scratch, s)
	return dst, scratch, err
}
