package jsonlex

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// Plan says which members of an object a run may read.
type Plan struct {
	Keys []Name
	// After gives, for the place behind each member (its index and one, 0 before
	// the first), the index of the member that is expected next; one that is no
	// index ends the run.
	After []uint8
	// Texts and Numbers are bits of members: those that may be strings, and those
	// that may be whole numbers.
	Texts, Numbers uint64
	// Longest is how many bytes a string may have.
	Longest int
}

// Scalar is a member that was read in a run.
type Scalar struct {
	// Member is its index, Number the value of a number.
	Member, Number int32
	start, end     int
}

// Scalars are those of a run: each member once.
type Scalars struct {
	all [64]Scalar
	n   int
	// Last is the place behind the last member that was read, Seen the bits of
	// those that were there, from before the run on.
	Last int
	Seen uint64
}

// All gives the members, valid until the next run.
func (s *Scalars) All() []Scalar { return s.all[:s.n] }

// runDigits is how many digits a number of a run may have.
const runDigits = 6

// Run reads members as long as they are the expected ones and plain: written
// without white space, each a string without escapes and other than clean
// characters, or a number of up to six digits without a sign. It stops before
// the first member that is anything else, which [Lexer.Named] and [Lexer.Member]
// then read. It goes on from the place out.Last and reads none of out.Seen again.
//
// It does what they do, one after the other, and is quicker because it keeps its
// place in a register.
func (l *Lexer) Run(p *Plan, out *Scalars) {
	out.n = 0
	if l.nonchar || l.err != nil {
		return
	}
	// Copies, which the compiler knows to be nobody else's.
	b, i, first := l.b, l.i, l.first
	keys, after, texts, numbers := p.Keys, p.After, p.Texts, p.Numbers
	seen, last, n := out.Seen, out.Last, 0
	for n < len(out.all) {
		k := int(after[last])
		bit := uint64(1) << (k & 63)
		if k >= len(keys) || seen&bit != 0 {
			break
		}
		at := i
		if !first {
			if at >= len(b) || b[at] != ',' {
				break
			}
			at++
		}
		key := &keys[k]
		start := at + len(key.text)
		// Behind the name there must be room for a number and what follows it.
		if start > len(b)-8 || (eight(b, at)^key.first)&key.mask != 0 {
			break
		}
		if len(key.text) > 8 && (eight(b, start-8) != key.last || len(key.text) > 16 && string(b[at:start]) != key.text) {
			break
		}
		s := &out.all[n]
		w := eight(b, start)
		if byte(w) == '"' && texts&bit != 0 {
			start++
			end := start + bits.TrailingZeros64(l.window(start))
			if end == start+64 {
				end = l.plain(end)
			}
			if end >= len(b) || b[end] != '"' || end-start > p.Longest {
				break
			}
			s.start, s.end = start, end
			i = end + 1
		} else if numbers&bit != 0 {
			v, length := digits(w)
			if length == 0 || length > runDigits || byte(w) == '0' && length > 1 {
				break
			}
			if c := byte(w >> (8 * length & 63)); c != ',' && c != '}' {
				break
			}
			s.start, s.end, s.Number = start, start+length, int32(v)
			i = start + length
		} else {
			break
		}
		s.Member = int32(k)
		n++
		seen |= bit
		last, first = k+1, false
	}
	out.n, out.Seen, out.Last = n, seen, last
	l.i, l.first = i, first
}

// eight gives the eight bytes of b from i on, all of which must be in it.
func eight(b []byte, i int) uint64 {
	p := unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i)
	return binary.LittleEndian.Uint64((*[8]byte)(p)[:])
}

// window gives the marks of the 64 bytes from i on; those behind the text mean
// nothing.
func (l *Lexer) window(i int) uint64 {
	k := i >> 6
	if uint(k+1) >= uint(len(l.stops)) {
		return 1 // look again, slowly
	}
	return l.stops[k]>>(i&63) | l.stops[k+1]<<1<<(63-i&63)
}

// digits gives the value of the decimal digits that eight bytes start with, and
// their number.
func digits(w uint64) (v uint64, n int) {
	const ones = 0x0101010101010101
	w ^= '0' * ones
	// The first byte above 9 comes out right; a carry can only mark bytes behind it.
	n = bits.TrailingZeros64((w+0x76*ones|w)&(0x80*ones)) >> 3
	w <<= 64 - 8*n // as if zeros stood before the digits
	w = w*10 + w>>8
	w = (w & 0x00FF00FF00FF00FF) * (1 + 100<<16) >> 16 & 0x0000FFFF0000FFFF
	return w * (1 + 10000<<32) >> 32, n
}

// Text gives a string that a run has read, or the text of a number.
func (l *Lexer) Text(s *Scalar) string { return alias(l.b[s.start:s.end]) }
