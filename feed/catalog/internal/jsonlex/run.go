package jsonlex

import (
	"encoding/binary"
	"math/bits"
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
	b, i, first := l.b, l.i, l.first
	for {
		k := int(p.After[out.Last])
		if k >= len(p.Keys) || out.Seen>>(k&63)&1 != 0 {
			break
		}
		at := i
		if !first {
			if at >= len(b) || b[at] != ',' {
				break
			}
			at++
		}
		n := &p.Keys[k]
		start := at + len(n.text)
		// Behind the name there must be room for a number and what follows it.
		if start+8 > len(b) || (binary.LittleEndian.Uint64(b[at:])^n.first)&n.mask != 0 {
			break
		}
		if len(n.text) > 8 && (binary.LittleEndian.Uint64(b[start-8:]) != n.last || len(n.text) > 16 && string(b[at:start]) != n.text) {
			break
		}
		s := &out.all[out.n&63]
		bit := uint64(1) << (k & 63)
		if b[start] == '"' && p.Texts&bit != 0 {
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
		} else if p.Numbers&bit != 0 {
			v, n := digits(binary.LittleEndian.Uint64(b[start:]))
			if n == 0 || n > runDigits || b[start] == '0' && n > 1 {
				break
			}
			if c := b[start+n]; c != ',' && c != '}' {
				break
			}
			s.start, s.end, s.Number = start, start+n, int32(v)
			i = start + n
		} else {
			break
		}
		s.Member = int32(k)
		out.n++
		out.Seen |= bit
		out.Last, first = k+1, false
	}
	l.i, l.first = i, first
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
