package block

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
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
	// Bits says which ids belong into the block: all that agree with First above
	// the lowest Bits bits, whether the file has them or not.
	Bits uint8
	// Nodes counts the nodes, 1 to the cut.
	Nodes int
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

	// plainAt and packedAt are the offsets of the segments: header, blocks,
	// footer and what follows.
	plainAt, packedAt []int64
}

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
	x.plainAt, x.packedAt = make([]int64, n+1), make([]int64, n+1)
	x.packedAt[0] = int64(len(gzipHeader))
	for i := range n {
		s := x.segment(i)
		x.plainAt[i+1] = x.plainAt[i] + int64(s.Plain)
		x.packedAt[i+1] = x.packedAt[i] + int64(s.Packed)
	}
}

// PlainSize is the size of the plain form in bytes.
func (x *Index) PlainSize() int64 { return x.plainAt[len(x.plainAt)-1] }

// GzipSize is the size of the gzip file in bytes.
func (x *Index) GzipSize() int64 { return x.packedAt[len(x.packedAt)-1] + int64(trailerSize) }

// Nodes counts the nodes of the file.
func (x *Index) Nodes() (n int64) {
	for i := range x.Blocks {
		n += int64(x.Blocks[i].Nodes)
	}
	return n
}

// PlainOffset is where block i begins in the plain form.
func (x *Index) PlainOffset(i int) int64 { return x.plainAt[i+1] }

// Find gives the block that id belongs into, whether the file has it or not.
// An id that belongs into none would make a block of its own before block i.
func (x *Index) Find(id feed.ProductID) (i int, in bool) {
	i = sort.Search(len(x.Blocks), func(i int) bool { return x.Blocks[i].end() > id })
	return i, i < len(x.Blocks) && x.Blocks[i].start() <= id
}

// same gives the block with that first id, content and number of nodes.
func (x *Index) same(b *Block) (int, bool) {
	i, ok := slices.BinarySearchFunc(x.Blocks, b.First, func(o Block, id feed.ProductID) int { return int(min(max(o.First-id, -1), 1)) })
	return i, ok && x.Blocks[i].Digest == b.Digest && x.Blocks[i].Nodes == b.Nodes && x.Blocks[i].Plain == b.Plain
}

// The stored form: magic; uvarints of cut, level and number of blocks; the
// header's segment; for each block the uvarint by which its first id exceeds
// the one before, a byte of bits, the uvarint of nodes and its segment; the
// footer's segment; the CRC-32C of all before. A segment is uvarints of plain
// and packed size, both checksums (little endian) and the digest; without
// bytes it is the one byte 0.
const indexMagic = "feedmill blocks 1\n"

// minBlock is the size of the smallest stored block.
const minBlock = 1 + 1 + 1 + 2 + 8 + len(Digest{})

// AppendBinary appends the stored form, about 40 bytes a block. The error is
// always nil; it is there for [encoding.BinaryAppender].
func (x *Index) AppendBinary(dst []byte) ([]byte, error) {
	var list storedBlocks
	for i := range x.Blocks {
		list.add(&x.Blocks[i])
	}
	return x.appendStored(dst, &list), nil
}

// storedBlocks are blocks in their stored form.
type storedBlocks struct {
	b    []byte
	n    int
	last feed.ProductID
}

// add appends a block.
func (l *storedBlocks) add(b *Block) {
	l.b = binary.AppendUvarint(l.b, uint64(b.First-l.last))
	l.b = append(l.b, b.Bits)
	l.b = binary.AppendUvarint(l.b, uint64(b.Nodes))
	l.b = b.Segment.append(l.b)
	l.last = b.First
	l.n++
}

// appendStored appends the stored form of an index with these blocks.
func (x *Index) appendStored(dst []byte, list *storedBlocks) []byte {
	dst = slices.Grow(dst, len(list.b)+256)
	start := len(dst)
	dst = append(dst, indexMagic...)
	dst = binary.AppendUvarint(dst, uint64(x.Cut))
	dst = binary.AppendUvarint(dst, uint64(x.Level))
	dst = binary.AppendUvarint(dst, uint64(list.n))
	dst = x.Header.append(dst)
	dst = append(dst, list.b...)
	dst = x.Footer.append(dst)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
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
	n := p.number(0, uint64(len(p.b)/minBlock), "number of blocks")
	x.Header = p.segment()
	if p.wrong != "" {
		return nil
	}
	x.Blocks = make([]Block, n)
	var last, end feed.ProductID
	for i := range x.Blocks {
		b := &x.Blocks[i]
		b.First = last + feed.ProductID(p.number(1, feed.MaxProductID, "id"))
		if len(p.b) > 0 {
			b.Bits, p.b = p.b[0], p.b[1:]
		}
		b.Nodes = int(p.number(1, uint64(x.Cut), "number of nodes"))
		b.Segment = p.segment()
		if p.wrong == "" && (b.First > feed.MaxProductID || b.Bits > maxBits || b.start() < end || b.Plain == 0) {
			p.fail("a block's range of ids is not behind the one before")
		}
		if p.wrong != "" {
			return nil
		}
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
	if s.Plain = int(p.number(0, maxSegment, "size")); s.Plain == 0 {
		return s
	}
	s.Packed = int(p.number(1, maxSegment, "size"))
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
