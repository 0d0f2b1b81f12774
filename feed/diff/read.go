package diff

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"feedmill/feed"
)

// Reader reads a state from its start to its end.
type Reader struct {
	r       *bufio.Reader
	shape   Shape
	crc     uint32
	leaf    []byte
	cur     cursor
	last    feed.ProductID
	offset  int64
	twin    int64
	entries int64
	done    bool
}

// NewReader starts reading a state.
func NewReader(r io.Reader) (*Reader, error) {
	sr := &Reader{r: bufio.NewReaderSize(r, 64<<10)}
	head := make([]byte, len(magic)+1, 64)
	if err := sr.read(head); err != nil {
		return nil, err
	}
	if string(head[:len(magic)]) != magic {
		return nil, corruptf("it does not start with %q", magic)
	}
	if head[len(magic)] > 1 {
		return nil, corruptf("its shape is unknown")
	}
	sr.shape.Positions = head[len(magic)] == 1
	for _, to := range []*int64{&sr.shape.Header, &sr.shape.TwinHeader} {
		v, err := sr.uvarint(1 << 30)
		if err != nil {
			return nil, err
		}
		*to = int64(v)
		head = binary.AppendUvarint(head, v)
	}
	if err := sr.check(head); err != nil {
		return nil, err
	}
	sr.offset, sr.twin = sr.shape.Header, sr.shape.TwinHeader
	return sr, nil
}

// Shape tells what the entries hold.
func (r *Reader) Shape() Shape { return r.shape }

// Place is where a product's node starts in the file, and its record in the
// twin. Only known in states with positions.
type Place struct{ Node, Twin int64 }

// Next gives the next entry and where it stands, or io.EOF after the last one,
// once the checksums have been found right.
func (r *Reader) Next() (Entry, Place, error) {
	for {
		if r.done {
			return Entry{}, Place{}, io.EOF
		}
		if e, ok := r.cur.next(); ok {
			if e.ID <= r.last {
				return Entry{}, Place{}, corruptf("product id %d after %d", e.ID, r.last)
			}
			r.last = e.ID
			r.entries++
			p := Place{r.offset, r.twin}
			r.offset += int64(e.Size)
			r.twin += int64(e.Twin)
			return e, p, nil
		}
		if r.cur.err != nil {
			return Entry{}, Place{}, r.cur.err
		}
		if err := r.nextLeaf(); err != nil {
			return Entry{}, Place{}, err
		}
	}
}

func (r *Reader) nextLeaf() error {
	n, err := r.uvarint(2 * maxNode)
	if err != nil {
		return err
	}
	if n == 0 {
		return r.end()
	}
	// The buffer grows only as data arrives, so that a damaged length cannot ask
	// for memory.
	r.leaf = r.leaf[:0]
	for len(r.leaf) < int(n) {
		step := min(int(n)-len(r.leaf), 64<<10)
		r.leaf = append(r.leaf, make([]byte, step)...)
		if err := r.read(r.leaf[len(r.leaf)-step:]); err != nil {
			return err
		}
	}
	if err := r.check(r.leaf); err != nil {
		return err
	}
	r.cur = cursor{b: r.leaf, positions: r.shape.Positions}
	return nil
}

// end checks what follows the leaves.
func (r *Reader) end() error {
	// The trailer is what remains of the stream in the end.
	var tail []byte
	buf := make([]byte, 32<<10)
	for {
		n, err := r.r.Read(buf)
		tail = append(tail, buf[:n]...)
		if cut := len(tail) - trailerSize; cut > 0 && (err != nil || cut > len(buf)) {
			r.crc = crc32.Update(r.crc, castagnoli, tail[:cut])
			tail = append(tail[:0], tail[cut:]...)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read state: %w", err)
		}
	}
	t, err := parseTrailer(tail)
	if err != nil {
		return err
	}
	if t.all != r.crc {
		return corruptf("its checksum is wrong")
	}
	r.done = true
	return io.EOF
}

type trailer struct {
	footer    int64
	footerLen int64
	footerCRC uint32
	all       uint32
}

func parseTrailer(b []byte) (t trailer, err error) {
	if len(b) != trailerSize {
		return t, corruptf("it ends too early")
	}
	if string(b[trailerSize-len(trailerMagic):]) != trailerMagic || binary.BigEndian.Uint32(b[20:]) != crc32.Checksum(b[:20], castagnoli) {
		return t, corruptf("its end is damaged")
	}
	t.footer = int64(binary.BigEndian.Uint64(b))
	t.footerLen = int64(binary.BigEndian.Uint32(b[8:]))
	t.footerCRC = binary.BigEndian.Uint32(b[12:])
	t.all = binary.BigEndian.Uint32(b[16:])
	return t, nil
}

// check reads the CRC of b.
func (r *Reader) check(b []byte) error {
	var c [crcSize]byte
	if err := r.read(c[:]); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(c[:]) != crc32.Checksum(b, castagnoli) {
		return corruptf("its checksum is wrong")
	}
	return nil
}

func (r *Reader) read(b []byte) error {
	if _, err := io.ReadFull(r.r, b); err != nil {
		return tooEarly(err)
	}
	r.crc = crc32.Update(r.crc, castagnoli, b)
	return nil
}

func (r *Reader) uvarint(limit uint64) (v uint64, err error) {
	var b [1]byte
	for shift := 0; ; shift += 7 {
		if err := r.read(b[:]); err != nil {
			return 0, err
		}
		v |= uint64(b[0]&0x7f) << shift
		if v > limit || shift > 56 {
			return 0, corruptf("a number is out of range")
		}
		if b[0] < 0x80 {
			return v, nil
		}
	}
}

// tooEarly tells a torn state from a reader that failed.
func tooEarly(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return corruptf("it ends too early")
	}
	return fmt.Errorf("read state: %w", err)
}
