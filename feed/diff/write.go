package diff

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"feedmill/feed"
)

// The stream: magic; leaves, each a uvarint of its length, its entries and
// their CRC-32C; a zero byte; the extra bytes; index blocks; the footer; the
// trailer. All CRCs are Castagnoli's, stored as four bytes, big end first.
//
// An index block holds for each of its leaves a uvarint of the distance of its
// first id from that of the leaf before, and its length with all around it; its
// CRC follows. The footer holds the summary and for each index block the
// distance of its first id, its length, and where its first leaf starts.
const (
	magic        = "feedmill state 4\n"
	trailerMagic = "fms4"
	// leafSize is at which size a leaf ends: some fifty entries, so that looking
	// one up reads little, and the index stays a hundredth of the state.
	leafSize = 1 << 10
	// indexFan is how many leaves an index block has.
	indexFan = 256
	// trailerSize: offset of the footer (8), its length (4) and CRC (4), the CRC of
	// all before the trailer (4), the CRC of these 20 bytes (4), magic.
	trailerSize = 8 + 4 + 4 + 4 + 4 + len(trailerMagic)
	crcSize     = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendCRC(dst, of []byte) []byte {
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(of, castagnoli))
}

// Shape says what a state holds. The zero Shape is that of a state whose
// entries have digests alone.
type Shape struct {
	// Positions says that entries have sizes and prices. Header and TwinHeader
	// are where the first node and the first record of the twin start.
	Positions          bool
	Header, TwinHeader int64
}

// Summary is what a state tells of itself without being read.
type Summary struct {
	Shape
	// Entries counts all, Live those of products that are in the feed and not gone.
	Entries, Live int64
	// Oldest is when the first of the gone products left; zero when there is none.
	Oldest time.Time
}

// Writer writes a state.
type Writer struct {
	w       *bufio.Writer
	sum     Summary
	last    feed.ProductID // of all leaves
	inLeaf  feed.ProductID // last id in the leaf
	first   feed.ProductID // of the leaf
	leaf    []byte
	scratch []byte
	written int64
	crc     uint32
	leaves  []leafRef // of the index block under way
	index   []byte    // finished index blocks
	blocks  []blockRef
	at      int64 // where the first leaf of the index block starts
	err     error
}

type leafRef struct {
	first feed.ProductID
	len   int
}

type blockRef struct {
	first feed.ProductID
	len   int
	leaf  int64 // where its first leaf starts
}

// NewWriter starts a state.
func NewWriter(w io.Writer, shape Shape) *Writer {
	sw := &Writer{w: bufio.NewWriterSize(w, 64<<10)}
	sw.sum.Shape = shape
	// The footer tells it too; a reader from the start has not seen that yet.
	head := append([]byte(nil), magic...)
	head = append(head, shapeByte(shape))
	head = binary.AppendUvarint(head, uint64(shape.Header))
	head = binary.AppendUvarint(head, uint64(shape.TwinHeader))
	sw.write(appendCRC(head, head))
	sw.at = sw.written
	return sw
}

func shapeByte(s Shape) byte {
	if s.Positions {
		return 1
	}
	return 0
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
	w.last = e.ID
	if len(w.leaf) == 0 {
		w.first, w.inLeaf = e.ID, 0
	}
	w.leaf = appendEntry(w.leaf, &e, w.inLeaf, w.sum.Positions)
	w.inLeaf = e.ID
	w.sum.Entries++
	switch {
	case e.Gone:
		if w.sum.Oldest.IsZero() || e.Since.Before(w.sum.Oldest) {
			w.sum.Oldest = e.Since
		}
	case e.shows():
		w.sum.Live++
	}
	if len(w.leaf) >= leafSize {
		w.endLeaf()
	}
	return w.err
}

func (w *Writer) endLeaf() {
	if len(w.leaf) == 0 {
		return
	}
	w.scratch = binary.AppendUvarint(w.scratch[:0], uint64(len(w.leaf)))
	n := len(w.scratch) + len(w.leaf) + crcSize
	w.write(w.scratch)
	w.write(w.leaf)
	w.write(appendCRC(w.scratch[:0], w.leaf))
	w.leaf = w.leaf[:0]
	w.leaves = append(w.leaves, leafRef{w.first, n})
	if len(w.leaves) == indexFan {
		w.endBlock()
	}
}

func (w *Writer) endBlock() {
	if len(w.leaves) == 0 {
		return
	}
	start := len(w.index)
	last := w.leaves[0].first
	for _, l := range w.leaves {
		w.index = binary.AppendUvarint(w.index, uint64(l.first-last))
		w.index = binary.AppendUvarint(w.index, uint64(l.len))
		last = l.first
	}
	w.index = appendCRC(w.index, w.index[start:])
	w.blocks = append(w.blocks, blockRef{w.leaves[0].first, len(w.index) - start, w.at})
	w.at = w.written
	w.leaves = w.leaves[:0]
}

// Close ends the state; it does not close the underlying writer. extra is kept
// beside the entries for who wrote them.
func (w *Writer) Close(extra []byte) error {
	return w.CloseFrom(bytes.NewReader(extra), int64(len(extra)))
}

// CloseFrom is Close with extra bytes of that size from a reader.
func (w *Writer) CloseFrom(extra io.Reader, size int64) error {
	w.endLeaf()
	w.endBlock()
	w.write([]byte{0})
	extraAt := w.written
	extraCRC := w.copy(extra, size)
	indexAt := w.written
	w.write(w.index)
	f := []byte{shapeByte(w.sum.Shape)}
	for _, v := range []int64{w.sum.Header, w.sum.TwinHeader, w.sum.Entries, w.sum.Live} {
		f = binary.AppendUvarint(f, uint64(v))
	}
	oldest := int64(-1)
	if !w.sum.Oldest.IsZero() {
		oldest = w.sum.Oldest.Unix()
	}
	f = binary.AppendVarint(f, oldest)
	f = binary.AppendUvarint(f, uint64(extraAt))
	f = binary.AppendUvarint(f, uint64(size))
	f = binary.BigEndian.AppendUint32(f, extraCRC)
	f = binary.AppendUvarint(f, uint64(indexAt))
	f = binary.AppendUvarint(f, uint64(len(w.blocks)))
	var lastID feed.ProductID
	var lastAt int64
	for _, b := range w.blocks {
		f = binary.AppendUvarint(f, uint64(b.first-lastID))
		f = binary.AppendUvarint(f, uint64(b.len))
		f = binary.AppendUvarint(f, uint64(b.leaf-lastAt))
		lastID, lastAt = b.first, b.leaf
	}
	at := w.written
	w.write(f)
	var t []byte
	t = binary.BigEndian.AppendUint64(t, uint64(at))
	t = binary.BigEndian.AppendUint32(t, uint32(len(f)))
	t = appendCRC(t, f)
	t = binary.BigEndian.AppendUint32(t, w.crc)
	t = appendCRC(t, t)
	w.write(append(t, trailerMagic...))
	if w.err == nil {
		w.err = w.w.Flush()
	}
	return w.err
}

// Summary tells what has been written.
func (w *Writer) Summary() Summary { return w.sum }

// copy writes size bytes from a reader, and gives their checksum.
func (w *Writer) copy(from io.Reader, size int64) (crc uint32) {
	buf := make([]byte, min(size, 32<<10))
	for w.err == nil && size > 0 {
		b := buf[:min(size, int64(len(buf)))]
		if _, err := io.ReadFull(from, b); err != nil {
			w.err = fmt.Errorf("read what is kept beside the entries: %w", err)
			return 0
		}
		crc = crc32.Update(crc, castagnoli, b)
		w.write(b)
		size -= int64(len(b))
	}
	return crc
}

func (w *Writer) write(b []byte) {
	if w.err == nil {
		w.crc = crc32.Update(w.crc, castagnoli, b)
		w.written += int64(len(b))
		_, w.err = w.w.Write(b)
	}
}
