package mend

// step is what a code of a stream stands for: a literal, a repetition, or a bound of
// blocks (the end of one and the head of the next), which stands for no bytes.
type step struct {
	// bit is where it begins in the stream, at where its bytes begin in the text.
	bit, at uint32
	// size counts its bytes: 1 for a literal, 0 for a bound.
	size uint32
	// distance is from a repetition back to what it repeats, 0 for all else.
	distance uint32
	// literal is the byte of one.
	literal byte
}

func (s *step) end() uint32 { return s.at + s.size }

// decoder goes through a stream, step by step.
type decoder struct {
	packed []byte // the stream, and reserve bytes more
	limit  uint32 // of its bits
	size   uint32 // of the text
	trees
	codes codes // of the block that the next step lies in
	// start is where that block begins in the stream, blocks how many there were.
	start, blocks uint32
	// bit is where the next step begins in the stream, at where in the text.
	bit, at uint32
	// ended says that there are no more steps, broken that the stream is none.
	ended, broken bool

	text  []byte // that inflate made, and beyond bytes more
	marks []mark // that it left
}

// reserve is how many bytes there are behind a stream, so that as many can be read
// from any bit of it.
const reserve = 16

// maxBlocks bounds the blocks of a stream.
const maxBlocks = 1 << 8

// open begins with the stream of a text of size bytes.
func (d *decoder) open(packed []byte, size int) {
	d.packed = append(append(d.packed[:0], packed...), make([]byte, reserve)...)
	d.limit, d.size = uint32(8*len(packed)), uint32(size)
	d.blocks, d.bit, d.at, d.ended, d.broken = 0, 0, 0, false, false
	d.marks = d.marks[:0]
}

// head reads the head of a block, or the end of the stream, before which it stays.
func (d *decoder) head() {
	d.blocks++
	if d.bit+3 > d.limit || d.blocks > maxBlocks {
		d.broken = true // or of another make
		return
	}
	kind, behind, ok := peek(d.packed, d.bit)&7, d.bit+3, false
	switch kind { // a final block is none of these
	case 0 << 1:
		behind = (behind + 7) &^ 7
		d.ended = d.at == d.size && behind+32 == d.limit && uint32(peek(d.packed, behind)) == 0xffff0000
		d.broken = !d.ended
		return
	case 1 << 1:
		ok = d.trees.fixed(&d.codes)
	case 2 << 1:
		behind, ok = d.trees.dynamic(d.packed, behind, d.limit, &d.codes)
	}
	d.start, d.bit, d.broken = d.bit, behind, !ok
}

// next goes through a step. One of no bytes is the end of a block, unless there was none.
func (d *decoder) next() (s step) {
	d.broken = d.broken || d.bit > d.limit
	if d.ended || d.broken {
		return s
	}
	v := peek(d.packed, d.bit)
	e := d.trees.literalAt(v)
	s.bit, s.at = d.bit, d.at
	n := e.bits()
	switch {
	case e&kindLiteral != 0:
		n, s.size, s.literal = e.code(), 1, byte(e>>valueBits)
	case e&kindMatch != 0:
		s.size = e.value(v)
		v >>= n
		f := d.trees.distanceAt(v)
		s.distance = f.value(v)
		n += f.bits()
		d.broken = f&kindMatch == 0 || s.distance > d.at
	default:
		d.broken = n == 0 // no code
	}
	d.bit += n
	d.at += s.size
	d.broken = d.broken || d.at > d.size
	return s
}

// buffered gives the bits from the next step on, at least n of them, and the number of the
// first byte behind those n.
func (d *decoder) buffered() (buf uint64, n uint32, next int) {
	return peek(d.packed, d.bit), 56 - d.bit&7, int(d.bit>>3) + 7
}
