// Package diff compares what a feed shows now with what it showed before.
//
// It owns the state of a feed: for each product in it, in ascending order of
// id, the length and the digest of the node that was rendered, in one compact
// immutable stream that lies beside the generation. Merging an old state with
// the nodes of a new run tells what was added, changed and removed; nothing
// else ever decides what a change file holds. It knows bytes and ids only, not
// how a node is rendered or where a state is stored.
package diff

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"time"

	"feedmill/feed"
)

// Digest identifies a rendered node: the first 16 bytes of its SHA-256.
type Digest [16]byte

// Sum gives the digest of a rendered node.
func Sum(node []byte) Digest {
	full := sha256.Sum256(node)
	return Digest(full[:16])
}

// Entry is one product in a state.
type Entry struct {
	ID feed.ProductID
	// Size is the length of the product's node in the file, in bytes. The nodes
	// of a file follow each other in order of id, so sizes give offsets.
	Size int
	// Digest is of the node's bytes.
	Digest Digest
	// Gone says that the product has left the feed and is shown as sold out
	// until its retention ends; Since is when it left (whole seconds) and Node
	// the node that is shown. Node is valid until the next entry is read.
	Gone  bool
	Since time.Time
	Node  []byte
}

// The stream: magic; uvarint length of the file's header; then an entry each:
// uvarint of id delta*2, plus 1 when gone; uvarint size; digest; and for a gone
// product varint seconds and the node. A zero delta ends the list; a CRC-32 of
// all before it follows.
const magic = "feedmill state 1\n"

// maxNode bounds a node read from a state; no writer makes a larger one.
const maxNode = 64 << 20

// Writer writes a state.
type Writer struct {
	w    *bufio.Writer
	crc  hash.Hash32
	last feed.ProductID
	buf  []byte
	err  error
}

// NewWriter starts a state of a file whose first node starts after header bytes.
func NewWriter(w io.Writer, header int) *Writer {
	sw := &Writer{w: bufio.NewWriterSize(w, 64<<10), crc: crc32.NewIEEE()}
	sw.buf = append(sw.buf, magic...)
	sw.buf = binary.AppendUvarint(sw.buf, uint64(header))
	sw.flush()
	return sw
}

// Add appends an entry; ids must ascend.
func (w *Writer) Add(e Entry) error {
	if w.err != nil {
		return w.err
	}
	if e.ID <= w.last || e.ID > feed.MaxProductID {
		w.err = fmt.Errorf("product %d after %d: a state is written in ascending order of id", e.ID, w.last)
		return w.err
	}
	d := uint64(e.ID-w.last) << 1
	if e.Gone {
		d |= 1
	}
	w.last = e.ID
	w.buf = binary.AppendUvarint(w.buf, d)
	w.buf = binary.AppendUvarint(w.buf, uint64(e.Size))
	w.buf = append(w.buf, e.Digest[:]...)
	if e.Gone {
		w.buf = binary.AppendVarint(w.buf, e.Since.Unix())
		w.buf = binary.AppendUvarint(w.buf, uint64(len(e.Node)))
		w.buf = append(w.buf, e.Node...)
	}
	w.flush()
	return w.err
}

// Close ends the state; it does not close the underlying writer.
func (w *Writer) Close() error {
	w.buf = append(w.buf, 0)
	w.flush()
	if w.err == nil {
		_, w.err = w.w.Write(binary.BigEndian.AppendUint32(nil, w.crc.Sum32()))
	}
	if w.err == nil {
		w.err = w.w.Flush()
	}
	return w.err
}

func (w *Writer) flush() {
	if w.err == nil {
		w.crc.Write(w.buf)
		_, w.err = w.w.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

// ErrCorrupt says that a state is torn or damaged. A run that meets it makes a
// new full file and a new epoch instead of guessing.
var ErrCorrupt = errors.New("state is damaged")

// Reader reads a state.
type Reader struct {
	r      *bufio.Reader
	crc    hash.Hash32
	last   feed.ProductID
	offset int64
	header int64
	node   []byte
	done   bool
	one    [1]byte
}

// NewReader starts reading a state.
func NewReader(r io.Reader) (*Reader, error) {
	sr := &Reader{r: bufio.NewReaderSize(r, 64<<10), crc: crc32.NewIEEE()}
	var m [len(magic)]byte
	if err := sr.read(m[:]); err != nil {
		return nil, err
	}
	if string(m[:]) != magic {
		return nil, fmt.Errorf("%w: it does not start with %q", ErrCorrupt, magic)
	}
	h, err := sr.uvarint(1 << 30)
	if err != nil {
		return nil, err
	}
	sr.header, sr.offset = int64(h), int64(h)
	return sr, nil
}

// Next gives the next entry and the offset of its node in the file, or io.EOF
// after the last one, once the checksum has been found right.
func (r *Reader) Next() (e Entry, offset int64, err error) {
	if r.done {
		return Entry{}, 0, io.EOF
	}
	d, err := r.uvarint(2*feed.MaxProductID + 1)
	if err != nil {
		return Entry{}, 0, err
	}
	if d == 0 {
		return Entry{}, 0, r.end()
	}
	e.ID, e.Gone = r.last+feed.ProductID(d>>1), d&1 == 1
	if d>>1 == 0 || e.ID > feed.MaxProductID {
		return Entry{}, 0, fmt.Errorf("%w: product id %d after %d", ErrCorrupt, e.ID, r.last)
	}
	r.last = e.ID
	size, err := r.uvarint(maxNode)
	if err != nil {
		return Entry{}, 0, err
	}
	e.Size = int(size)
	if err := r.read(e.Digest[:]); err != nil {
		return Entry{}, 0, err
	}
	if e.Gone {
		sec, err := binary.ReadVarint(byteReader{r})
		if err != nil {
			return Entry{}, 0, corrupt(err)
		}
		e.Since = time.Unix(sec, 0).UTC()
		n, err := r.uvarint(maxNode)
		if err != nil {
			return Entry{}, 0, err
		}
		if e.Node, err = r.bytes(int(n)); err != nil {
			return Entry{}, 0, err
		}
	}
	offset = r.offset
	r.offset += int64(e.Size)
	return e, offset, nil
}

// end checks the checksum.
func (r *Reader) end() error {
	want := r.crc.Sum32()
	var b [4]byte
	if _, err := io.ReadFull(r.r, b[:]); err != nil {
		return corrupt(err)
	}
	if binary.BigEndian.Uint32(b[:]) != want {
		return fmt.Errorf("%w: its checksum is wrong", ErrCorrupt)
	}
	r.done = true
	return io.EOF
}

func (r *Reader) read(b []byte) error {
	if _, err := io.ReadFull(r.r, b); err != nil {
		return corrupt(err)
	}
	r.crc.Write(b)
	return nil
}

// bytes reads n bytes into the reused node buffer, growing it only as data
// arrives, so that a damaged length cannot ask for memory.
func (r *Reader) bytes(n int) ([]byte, error) {
	r.node = r.node[:0]
	for len(r.node) < n {
		step := min(n-len(r.node), 64<<10)
		r.node = append(r.node, make([]byte, step)...)
		if err := r.read(r.node[len(r.node)-step:]); err != nil {
			return nil, err
		}
	}
	return r.node, nil
}

func (r *Reader) uvarint(limit uint64) (uint64, error) {
	v, err := binary.ReadUvarint(byteReader{r})
	if err != nil {
		return 0, corrupt(err)
	}
	if v > limit {
		return 0, fmt.Errorf("%w: a number is out of range", ErrCorrupt)
	}
	return v, nil
}

// corrupt tells a torn state from a reader that failed.
func corrupt(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends too early", ErrCorrupt)
	}
	if err.Error() == "binary: varint overflows a 64-bit integer" {
		return fmt.Errorf("%w: a number is out of range", ErrCorrupt)
	}
	return fmt.Errorf("read state: %w", err)
}

// byteReader feeds single bytes to the varint decoders and the checksum.
type byteReader struct{ r *Reader }

func (b byteReader) ReadByte() (byte, error) {
	c, err := b.r.r.ReadByte()
	if err == nil {
		b.r.one[0] = c
		b.r.crc.Write(b.r.one[:])
	}
	return c, err
}
