package mend

import (
	"encoding/binary"
	"slices"
)

// token is a step of a stream: a literal, a repetition, or a bound of blocks (the
// end of one and the head of the next), which stands for no bytes.
type token struct {
	// bit is where it begins in the stream, at where its bytes begin in the text.
	bit, at uint32
	// size counts its bytes: 1 for a literal, 0 for a bound.
	size uint16
	// distance is from a repetition back to what it repeats, 0 for all else.
	distance uint16
}

func (t *token) end() uint32 { return t.at + uint32(t.size) }

// decoder takes streams apart.
type decoder struct {
	packed []byte  // the stream, and eight bytes more
	text   []byte  // and some bytes more
	tokens []token // and one behind the last
	blocks []codes
	// bounds are the tokens which are bounds: that before each block and the last.
	bounds []int
	trees  trees
}

// beyond is how many bytes behind its place a repetition may write.
const beyond = 16

// maxBlocks bounds the blocks of a stream, whose codes are kept.
const maxBlocks = 1 << 8

// decode takes the stream of a text of size bytes apart, and gives false where
// it is none.
func (d *decoder) decode(packed []byte, size int) bool {
	d.packed = append(append(d.packed[:0], packed...), make([]byte, 8)...)
	d.text = slices.Grow(d.text[:0], size+beyond)[:size+beyond]
	d.tokens = append(d.tokens[:0], token{})
	d.blocks, d.bounds = d.blocks[:0], append(d.bounds[:0], 0)
	bit, limit := uint32(0), uint32(8*len(packed))
	at := 0
	for bit+3 <= limit {
		head := peek(d.packed, bit)
		if head&1 != 0 || len(d.blocks) == maxBlocks {
			return false // a final block, or many more than there are
		}
		kind := head >> 1 & 3
		bit += 3
		ok := false
		switch kind {
		case 0:
			d.tokens = append(d.tokens, token{bit: bit - 3, at: uint32(at)})
			bit = (bit + 7) &^ 7
			return at == size && bit+32 == limit && uint32(peek(d.packed, bit)) == 0xffff0000
		case 1:
			ok = d.trees.fixed(d.next())
		case 2:
			bit, ok = d.trees.dynamic(d.packed, bit, limit, d.next())
		}
		if !ok {
			return false
		}
		if bit, at, ok = d.block(bit, limit, at, size); !ok {
			return false
		}
	}
	return false
}

// next gives the codes of another block.
func (d *decoder) next() *codes {
	d.blocks = slices.Grow(d.blocks, 1)[:len(d.blocks)+1]
	return &d.blocks[len(d.blocks)-1]
}

// block decodes what stands behind the head of a block, and notes the bound
// behind it.
func (d *decoder) block(bit, limit uint32, at, size int) (uint32, int, bool) {
	src, text, tokens := d.packed, d.text, d.tokens
	literal, distance := &d.trees.literal, &d.trees.distance
	for bit <= limit {
		v := peek(src, bit)
		e := literal[v&(1<<literalBits-1)]
		if e&kindMask == kindMore {
			e = literal[e>>valueBits+uint32(v>>literalBits)&(1<<(maxCode-literalBits)-1)]
		}
		switch n := e & lengthMask; e & kindMask {
		case kindLiteral:
			if at >= size {
				return 0, 0, false
			}
			text[at] = byte(e >> valueBits)
			tokens = append(tokens, token{bit, uint32(at), 1, 0})
			at++
			bit += n
		case kindMatch:
			v >>= n
			extra := e >> extraBits & lengthMask
			count := int(e>>valueBits) + int(v&(1<<extra-1))
			v >>= extra
			f := distance[v&(1<<distanceBits-1)]
			if f&kindMask == kindMore {
				f = distance[f>>valueBits+uint32(v>>distanceBits)&(1<<(maxCode-distanceBits)-1)]
			}
			far := f & lengthMask
			v >>= far
			more := f >> extraBits & lengthMask
			back := int(f>>valueBits) + int(v&(1<<more-1))
			if f&kindMask != kindMatch || back > at || at+count > size {
				return 0, 0, false
			}
			tokens = append(tokens, token{bit, uint32(at), uint16(count), uint16(back)})
			repeat(text, at, back, count)
			at += count
			bit += n + extra + far + more
		default:
			if n == 0 {
				return 0, 0, false // no code
			}
			d.bounds = append(d.bounds, len(tokens))
			d.tokens = append(tokens, token{bit, uint32(at), 0, 0})
			return bit + n, at, true
		}
	}
	return 0, 0, false
}

// repeat copies count bytes from back bytes before to a place. It may write some
// bytes more.
func repeat(text []byte, at, back, count int) {
	if back < 8 {
		for i := at; i < at+count; i++ {
			text[i] = text[i-back]
		}
		return
	}
	for i := at; i < at+count; i += 8 {
		binary.LittleEndian.PutUint64(text[i:], binary.LittleEndian.Uint64(text[i-back:]))
	}
}
