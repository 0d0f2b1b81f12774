package block

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sort"

	"feedmill/feed"
)

// Block is a run of consecutive nodes: those whose ids lie in an aligned range
// of 2^Bits ids.
type Block struct {
	Segment
	// First is the lowest id in the block.
	First feed.ProductID
	// Nodes counts the nodes, 1 to the cut.
	Nodes uint32
	// Bits says which ids belong into the block: all that agree with First above
	// the lowest Bits bits, whether the file has them or not.
	Bits uint8
}

// maxBits covers every id from 0 to [feed.MaxProductID].
const maxBits = 53

// start is the lowest id of the range, end the lowest above it.
func (b *Block) start() feed.ProductID { return b.First >> b.Bits << b.Bits }
func (b *Block) end() feed.ProductID   { return b.start() + 1<<b.Bits }

// Index describes a file: a header, blocks by ascending ids, a footer. It says
// where each lies in the plain and in the compressed form. It never changes
// and is safe for concurrent use; Blocks must not be written to.
type Index struct {
	// Cut is the most nodes that a block may hold, Level that of compression.
	Cut, Level int
	// Header is what stands before the first node, Footer behind the last.
	Header, Footer Segment
	Blocks         []Block

	// marks are the offsets of every few segments: header, blocks, footer and what
	// follows.
	marks []offset
}

// offset is where a segment begins in the plain form and in the file.
type offset struct{ plain, packed int64 }

// markEvery is how many segments share one of an index's offsets: a catalog of a
// million products has hundreds of thousands of blocks.
const markEvery = 16

// segments counts the segments; number 0 is the header, the last the footer.
func (x *Index) segments() int { return len(x.Blocks) + 2 }

func (x *Index) segment(i int) *Segment {
	switch i {
	case 0:
		return &x.Header
	case len(x.Blocks) + 1:
		return &x.Footer
	}
	return &x.Blocks[i-1].Segment
}

// seal computes the offsets.
func (x *Index) seal() {
	n := x.segments()
	x.marks = make([]offset, 0, n/markEvery+1)
	at := offset{packed: int64(len(gzipHeader))}
	for i := range n + 1 {
		if i%markEvery == 0 {
			x.marks = append(x.marks, at)
		}
		if i < n {
			at = at.behind(x.segment(i))
		}
	}
}

func (o offset) behind(s *Segment) offset {
	return offset{o.plain + int64(s.Plain), o.packed + int64(s.Packed)}
}

// at is where a segment begins.
func (x *Index) at(i int) offset {
	at := x.marks[i/markEvery]
	for k := i - i%markEvery; k < i; k++ {
		at = at.behind(x.segment(k))
	}
	return at
}

// PlainSize is the size of the plain form in bytes.
func (x *Index) PlainSize() int64 { return x.at(x.segments()).plain }

// GzipSize is the size of the gzip file in bytes.
func (x *Index) GzipSize() int64 { return x.at(x.segments()).packed + int64(trailerSize) }

// Nodes counts the nodes of the file.
func (x *Index) Nodes() (n int64) {
	for i := range x.Blocks {
		n += int64(x.Blocks[i].Nodes)
	}
	return n
}

// PlainOffset is where block i begins in the plain form.
func (x *Index) PlainOffset(i int) int64 { return x.at(i + 1).plain }

// Find gives the block that id belongs into, whether the file has it or not.
// An id that belongs into none would make a block of its own before block i.
func (x *Index) Find(id feed.ProductID) (i int, in bool) {
	i = sort.Search(len(x.Blocks), func(i int) bool { return x.Blocks[i].end() > id })
	return i, i < len(x.Blocks) && x.Blocks[i].start() <= id
}

// same gives the block with that first id, content and number of nodes.
func (x *Index) same(b *Block) (int, bool) {
	i, ok := slices.BinarySearchFunc(x.Blocks, b.First, func(o Block, id feed.ProductID) int { return int(min(max(o.First-id, -1), 1)) })
	return i, ok && x.Blocks[i].Digest == b.Digest && x.Blocks[i].CRC == b.CRC && x.Blocks[i].Nodes == b.Nodes && x.Blocks[i].Plain == b.Plain
}

// The stored form: magic; uvarints of cut and level; the header's segment; for
// each block the uvarint by which its first id exceeds the one before, a byte of
// bits, the uvarint of nodes and its segment; a byte 0; the footer's segment; the
// CRC-32C of all before. A segment is uvarints of plain and packed size, both
// checksums (little endian) and the digest; without bytes it is the one byte 0.
const indexMagic = "feedmill blocks 3\n"

// usualBlock is the size of a usual stored block.
const usualBlock = 1 + 1 + 1 + 3 + 3 + 8 + len(Digest{})

// storeSize is how much of a stored form is gathered before it is written.
const storeSize = 4 << 10

// AppendBinary appends the stored form, about 40 bytes a block. The error is
// always nil; it is there for [encoding.BinaryAppender].
func (x *Index) AppendBinary(dst []byte) ([]byte, error) {
	var s storing
	for i := range x.Blocks {
		s.add(x, &x.Blocks[i])
	}
	s.end(x)
	return append(dst, s.buf...), nil
}

// storing makes the stored form of an index as it grows.
type storing struct {
	to    io.Writer // where it goes; nil keeps all of it in buf
	buf   []byte
	crc   uint32 // of what has gone from buf
	begun bool
	last  feed.ProductID
}

// begin writes what stands before the blocks.
func (s *storing) begin(x *Index) {
	if s.begun {
		return
	}
	s.begun = true
	s.buf = append(s.buf, indexMagic...)
	s.buf = binary.AppendUvarint(s.buf, uint64(x.Cut))
	s.buf = binary.AppendUvarint(s.buf, uint64(x.Level))
	s.buf = x.Header.append(s.buf)
}

// add appends a block of the index, whose header is known.
func (s *storing) add(x *Index, b *Block) error {
	s.begin(x)
	s.buf = binary.AppendUvarint(s.buf, uint64(b.First-s.last))
	s.buf = append(s.buf, b.Bits)
	s.buf = binary.AppendUvarint(s.buf, uint64(b.Nodes))
	s.buf = b.Segment.append(s.buf)
	s.last = b.First
	if s.to == nil || len(s.buf) < storeSize {
		return nil
	}
	s.crc = crc32.Update(s.crc, castagnoli, s.buf)
	return s.write()
}

// end appends what stands behind the blocks.
func (s *storing) end(x *Index) error {
	s.begin(x)
	s.buf = x.Footer.append(append(s.buf, 0))
	s.buf = binary.LittleEndian.AppendUint32(s.buf, crc32.Update(s.crc, castagnoli, s.buf))
	if s.to == nil {
		return nil
	}
	return s.write()
}

func (s *storing) write() error {
	_, err := s.to.Write(s.buf)
	s.buf = s.buf[:0]
	if err != nil {
		return fmt.Errorf("store the index: %w", err)
	}
	return nil
}

func (s *Segment) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(s.Plain))
	if s.Plain == 0 {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(s.Packed))
	dst = binary.LittleEndian.AppendUint32(dst, s.CRC)
	dst = binary.LittleEndian.AppendUint32(dst, s.PackedCRC)
	return append(dst, s.Digest[:]...)
}

// ParseIndex reads a stored index. Whatever it accepts is consistent; an error
// wraps [ErrCorrupt].
func ParseIndex(stored []byte) (*Index, error) {
	if len(stored) < len(indexMagic)+4 || string(stored[:len(indexMagic)]) != indexMagic {
		return nil, fmt.Errorf("%w: the index does not start with %q", ErrCorrupt, indexMagic)
	}
	body := stored[:len(stored)-4]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(stored[len(body):]) {
		return nil, fmt.Errorf("%w: the index differs from its checksum", ErrCorrupt)
	}
	p := &indexParser{b: body[len(indexMagic):]}
	x := p.index()
	if p.wrong == "" && len(p.b) > 0 {
		p.wrong = "something follows its footer"
	}
	if p.wrong != "" {
		return nil, fmt.Errorf("%w: read the index: %s", ErrCorrupt, p.wrong)
	}
	x.seal()
	return x, nil
}

// indexParser reads values off b until something is wrong.
type indexParser struct {
	b     []byte
	wrong string
}

func (p *indexParser) fail(what string) {
	if p.wrong == "" {
		p.wrong, p.b = what, nil
	}
}

func (p *indexParser) index() *Index {
	x := &Index{Cut: int(p.number(1, maxCut, "cut")), Level: int(p.number(1, 9, "level"))}
	x.Header = p.segment()
	// Where there is memory for the stored form there is for this, and no more is
	// taken than the blocks need.
	x.Blocks = make([]Block, 0, len(p.b)/usualBlock)
	var last, end feed.ProductID
	for p.wrong == "" {
		more := p.number(0, feed.MaxProductID, "id")
		if more == 0 {
			break
		}
		b := Block{First: last + feed.ProductID(more)}
		if len(p.b) > 0 {
			b.Bits, p.b = p.b[0], p.b[1:]
		}
		b.Nodes = uint32(p.number(1, uint64(x.Cut), "number of nodes"))
		b.Segment = p.segment()
		if p.wrong == "" && (b.First > feed.MaxProductID || b.Bits > maxBits || b.start() < end || b.Plain == 0) {
			p.fail("a block's range of ids is not behind the one before")
		}
		x.Blocks = append(x.Blocks, b)
		last, end = b.First, b.end()
	}
	x.Footer = p.segment()
	return x
}

func (p *indexParser) number(lo, hi uint64, what string) uint64 {
	v, n := binary.Uvarint(p.b)
	if n <= 0 || v < lo || v > hi {
		p.fail("its " + what + " is out of bounds")
		return lo
	}
	p.b = p.b[n:]
	return v
}

// maxRatio is how far deflate can compress: 258 bytes by two bits.
const maxRatio = 1032

func (p *indexParser) segment() (s Segment) {
	if s.Plain = uint32(p.number(0, maxSegment, "size")); s.Plain == 0 {
		return s
	}
	s.Packed = uint32(p.number(1, maxSegment, "size"))
	if len(p.b) < 8+len(s.Digest) {
		p.fail("it ends inside a segment")
		return s
	}
	if s.Plain/maxRatio > s.Packed {
		p.fail("a segment is larger than its stream can be")
		return s
	}
	s.CRC = binary.LittleEndian.Uint32(p.b)
	s.PackedCRC = binary.LittleEndian.Uint32(p.b[4:])
	copy(s.Digest[:], p.b[8:])
	p.b = p.b[8+len(s.Digest):]
	return s
}
