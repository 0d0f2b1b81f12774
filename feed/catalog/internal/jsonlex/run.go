package jsonlex

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// Plan says which members of an object a run may read.
type Plan struct {
	// Links give, for the place behind each member (its index and one), the member
	// that is expected next; that of place 0 is the first of an object.
	Links [64]Link
	// Texts and Numbers are bits of members: those that may be strings, and those
	// that may be whole numbers. They must be the same all the time.
	Texts, Numbers uint64
	// Longest is how many bytes a string may have.
	Longest int
}

// Link is a member as it was written behind another one; see [Lexer.Learn]. The
// zero Link expects nothing.
type Link struct {
	// text is what stands up to the value: a comma, if there is one, the name, a
	// colon, and the quote of a string.
	text [32]byte
	// within has the bits of its first eight bytes that count, beyond a bit for each of
	// its bytes that does not.
	within uint64
	beyond uint32
	// next is where the link of the member behind it lies in the plan, in bytes.
	next uint16
	// size is how many bytes stand there. Eight at a time, they are looked at from 0,
	// middleAt and lastAt on, some of them twice.
	size, middleAt, lastAt uint8
	member                 uint8
	quoted                 bool     // the value is a string
	_                      [13]byte // 64 bytes in all: one is found by a shift
}

// longestLink is how many bytes stand before a value that a run may read.
const longestLink = 24

// Learn expects the member whose name was read last, from this offset on, when the
// members before it are the same again. place is that behind the member before
// it, member its own index. What a run could not read is not expected: where
// there is white space, or a value that is not what the plan says.
func (l *Lexer) Learn(p *Plan, place, from int, name string, member int) {
	k := &p.Links[place]
	size := l.i - from
	want := len(name) + len(`"":`)
	if place > 0 {
		want++ // a comma
	}
	if size != want || l.i >= len(l.b) || (l.b[from] == ',') != (place > 0) {
		*k = Link{}
		return
	}
	text := l.b[l.i] == '"'
	if text {
		size++
	}
	if int(k.size) == size && int(k.member) == member && k.quoted == text {
		return // as it was
	}
	*k = Link{}
	if size > longestLink || text && p.Texts>>member&1 == 0 || !text && p.Numbers>>member&1 == 0 {
		return
	}
	copy(k.text[:], l.b[from:from+size])
	k.size, k.member, k.quoted = uint8(size), uint8(member), text
	k.next = uint16((member + 1) & 63 * int(unsafe.Sizeof(Link{})))
	k.within = ^uint64(0)
	if size < 8 {
		k.within = 1<<(8*size) - 1
	}
	k.beyond = ^uint32(0) << size
	k.lastAt = uint8(max(size-8, 0))
	k.middleAt = min(k.lastAt, 8)
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
func (s *Scalars) All() []Scalar { return s.all[:s.n&127] }

// runMargin is how many bytes must follow what a run begins to read: what stands
// before a value, 64 of a string, and the eight behind it that are looked at.
const runMargin = longestLink + 64 + 8

// Run reads members as long as they are the expected ones and plain: written
// without white space, each a string without escapes and other than clean
// characters, or a number of up to nine digits without a sign. It stops before
// the first member that is anything else, and near the end of the text; what is
// left [Lexer.Named] and [Lexer.Member] then read. It goes on from the place
// out.Last and reads nothing where a member of out.Seen would come again.
//
// It does what they do, one after the other, and is quicker because it keeps its
// place in a register and knows what stands before each value.
func (l *Lexer) Run(p *Plan, out *Scalars) {
	out.n = 0
	if l.nonchar || l.err != nil || l.first != (out.Last == 0) {
		return
	}
	if wide {
		l.i = runAVX2(unsafe.SliceData(l.b), unsafe.SliceData(l.stops), p, out, l.i, len(l.b)-runMargin)
	} else {
		l.plainRun(p, out)
	}
	if out.n > 0 {
		l.first = false
	}
}

// plainRun is Run where the text may be read in runs.
func (l *Lexer) plainRun(p *Plan, out *Scalars) {
	// Everything that is looked at lies before the margin's end.
	b, stops := unsafe.SliceData(l.b), unsafe.SliceData(l.stops)
	end := len(l.b) - runMargin
	i, last, n := l.i, out.Last, 0
	read := uint64(0)
loop:
	for i <= end {
		// As p.Links[last&63], whose address the compiler would reckon for each of its fields.
		k := (*Link)(unsafe.Add(unsafe.Pointer(&p.Links), last&63*int(unsafe.Sizeof(Link{}))))
		differ := eightAt(b, i) ^ eightAt(&k.text[0], 0)
		differ |= eightAt(b, i+int(k.middleAt)) ^ eightAt(&k.text[0], int(k.middleAt))
		differ |= eightAt(b, i+int(k.lastAt)) ^ eightAt(&k.text[0], int(k.lastAt))
		if differ&k.within != 0 || k.size == 0 {
			break
		}
		at, ends, number := i+int(k.size), 0, uint32(0)
		if k.quoted {
			ends = at
			stop := window(stops, ends)
			for stop == 0 {
				if ends += windowBits; ends > end {
					break loop
				}
				stop = window(stops, ends)
			}
			ends += bits.TrailingZeros64(stop)
			if byteAt(b, ends) != '"' || ends-at > p.Longest {
				break
			}
			i = ends + 1
		} else {
			w := binary.LittleEndian.Uint32((*[4]byte)(unsafe.Add(unsafe.Pointer(b), at))[:])
			v, length := digits(w)
			if length == 0 || byte(w) == '0' && length > 1 {
				break
			}
			ends = at + int(length)
			c := byteAt(b, ends)
			if c-'0' <= 9 {
				v, length = moreDigits(b, at, v)
				ends = at + int(length)
				c = byteAt(b, ends)
			}
			if c != ',' && c != '}' {
				break
			}
			number = v
			i = ends
		}
		out.all[n&63] = Scalar{int32(k.member), int32(number), at, ends}
		last = int(k.member) + 1
		read |= 1 << (k.member & 63)
		n++
	}
	if n == 0 || bits.OnesCount64(read) != n || read&out.Seen != 0 {
		return
	}
	out.n, out.Last = n, last
	out.Seen |= read
	l.i = i
}

// eightAt gives the eight bytes from i on, byteAt the one there; both must be
// in the text.
func eightAt(b *byte, i int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(unsafe.Pointer(b), i))[:])
}

func byteAt(b *byte, i int) byte { return *(*byte)(unsafe.Add(unsafe.Pointer(b), i)) }

// digits gives the value of the decimal digits that four bytes start with, and
// their number.
func digits(w uint32) (v uint32, n uint) {
	const ones = 0x01010101
	w ^= '0' * ones
	// The first byte above 9 comes out right; a carry can only mark bytes behind it.
	n = uint(bits.TrailingZeros32((w+0x76*ones|w)&(0x80*ones))) >> 3
	w <<= (32 - 8*n) & 31 // as if zeros stood before the digits
	w = w*10 + w>>8
	return (w & 0x00FF00FF) * (1 + 100<<16) >> 16, n
}

// mostDigits is how many digits a number may have: as many as each int32 can hold.
const mostDigits = 9

// moreDigits goes on behind four digits of value v, to mostDigits, and gives the
// value and number of all. It is seldom needed, and plainRun has no registers for it.
//
//go:noinline
func moreDigits(b *byte, at int, v uint32) (uint32, uint) {
	n := uint(4)
	for ; n < mostDigits; n++ {
		c := uint32(byteAt(b, at+int(n)) - '0')
		if c > 9 {
			break
		}
		v = v*10 + c
	}
	return v, n
}

// Text gives a string that a run has read, or the text of a number.
func (l *Lexer) Text(s *Scalar) string {
	// A run has read it from these bytes.
	p := unsafe.Add(unsafe.Pointer(unsafe.SliceData(l.b)), s.start)
	return unsafe.String((*byte)(p), s.end-s.start)
}
