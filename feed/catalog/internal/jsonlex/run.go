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
	// first, middle and last are each eight bytes of what stands up to the value: a
	// comma, if there is one, the name, a colon, and the quote of a string. They
	// overlap; of what is shorter, first alone counts, without the bits of beyond.
	first, middle, last, beyond uint64
	// size is how many bytes stand there, middleAt and lastAt where those words are.
	size, middleAt, lastAt uint8
	member                 uint8
	text                   bool
	_                      [27]byte // 64 bytes in all: one is found by a shift
}

// longestLink is how many bytes stand before a value that a run may read.
const longestLink = 24

// Learn expects the member whose name was read last, from this offset on, when the
// members before it are the same again. place is that behind the member before
// it, member its own index. What a run could not read is not expected: where
// there is white space, or a value that is not what the plan says.
func (l *Lexer) Learn(p *Plan, place, from int, name string, member int) {
	k := &p.Links[place]
	*k = Link{}
	size := l.i - from
	want := len(name) + len(`"":`)
	if place > 0 {
		want++ // a comma
	}
	if size != want || l.i >= len(l.b) || (l.b[from] == ',') != (place > 0) {
		return
	}
	text := l.b[l.i] == '"'
	if text {
		size++
	}
	if size > longestLink || text && p.Texts>>member&1 == 0 || !text && p.Numbers>>member&1 == 0 {
		return
	}
	var b [longestLink]byte
	copy(b[:], l.b[from:from+size])
	k.size, k.member, k.text = uint8(size), uint8(member), text
	if size < 8 {
		k.beyond = ^uint64(0) << (8 * size)
	}
	k.lastAt = uint8(max(size-8, 0))
	k.middleAt = min(k.lastAt, 8)
	k.first, k.middle, k.last = eightAt(&b[0], 0), eightAt(&b[0], int(k.middleAt)), eightAt(&b[0], int(k.lastAt))
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

// runDigits is how many digits a number of a run may have.
const runDigits = 6

// runMargin is how many bytes must follow what a run begins to read: what stands
// before a value, 64 of a string, and the eight behind it that are looked at.
const runMargin = longestLink + 64 + 8

// Run reads members as long as they are the expected ones and plain: written
// without white space, each a string without escapes and other than clean
// characters, or a number of up to six digits without a sign. It stops before
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
	// Everything that is looked at lies before the margin's end.
	b, stops := unsafe.SliceData(l.b), unsafe.SliceData(l.stops)
	end := len(l.b) - runMargin
	i, last, n := l.i, out.Last, 0
	read := uint64(0)
loop:
	for i <= end {
		// As p.Links[last&63], whose address the compiler would reckon for each of its fields.
		k := (*Link)(unsafe.Add(unsafe.Pointer(&p.Links), last&63*int(unsafe.Sizeof(Link{}))))
		differ := eightAt(b, i) ^ k.first
		differ |= eightAt(b, i+int(k.middleAt)) ^ k.middle
		differ |= eightAt(b, i+int(k.lastAt)) ^ k.last
		if differ&^k.beyond != 0 {
			break
		}
		at, number := i+int(k.size), uint64(0)
		if k.text {
			j := at
			stop := window(stops, j)
			for stop == 0 {
				if j += 64; j > end {
					break loop
				}
				stop = window(stops, j)
			}
			j += bits.TrailingZeros64(stop)
			if byteAt(b, j) != '"' || j-at > p.Longest {
				break
			}
			i = j
		} else {
			w := eightAt(b, at)
			v, length := digits(w)
			if length-1 > runDigits-1 || byte(w) == '0' && length > 1 {
				break
			}
			if c := byte(w >> (8 * length & 63)); c != ',' && c != '}' {
				break
			}
			number = v
			i = at + int(length)
		}
		out.all[n&63] = Scalar{int32(k.member), int32(number), at, i}
		if k.text {
			i++ // its quote
		}
		last = int(k.member) + 1
		read |= 1 << (k.member & 63)
		n++
	}
	if n == 0 || bits.OnesCount64(read) != n || read&out.Seen != 0 {
		return
	}
	out.n, out.Last = n, last
	out.Seen |= read
	l.i, l.first = i, false
}

// eightAt gives the eight bytes from i on, byteAt the one there; both must be
// in the text.
func eightAt(b *byte, i int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(unsafe.Pointer(b), i))[:])
}

func byteAt(b *byte, i int) byte { return *(*byte)(unsafe.Add(unsafe.Pointer(b), i)) }

// window gives the marks of the 64 bytes from i on. There is a word behind that
// of the text's last byte.
func window(stops *uint64, i int) uint64 {
	w := (*[2]uint64)(unsafe.Add(unsafe.Pointer(stops), i>>6<<3))
	return w[0]>>(i&63) | w[1]<<1<<(63-i&63)
}

// digits gives the value of the decimal digits that eight bytes start with, and
// their number.
func digits(w uint64) (v uint64, n uint) {
	const ones = 0x0101010101010101
	w ^= '0' * ones
	// The first byte above 9 comes out right; a carry can only mark bytes behind it.
	n = uint(bits.TrailingZeros64((w+0x76*ones|w)&(0x80*ones))) >> 3
	w <<= (64 - 8*n) & 63 // as if zeros stood before the digits
	w = w*10 + w>>8
	w = (w & 0x00FF00FF00FF00FF) * (1 + 100<<16) >> 16 & 0x0000FFFF0000FFFF
	return w * (1 + 10000<<32) >> 32, n
}

// Text gives a string that a run has read, or the text of a number.
func (l *Lexer) Text(s *Scalar) string {
	// A run has read it from these bytes.
	p := unsafe.Add(unsafe.Pointer(unsafe.SliceData(l.b)), s.start)
	return unsafe.String((*byte)(p), s.end-s.start)
}
