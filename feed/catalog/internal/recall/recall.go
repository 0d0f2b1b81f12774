// Package recall knows texts again that come over and over: it tells which of them
// a line goes on with.
//
// It owns how texts are found, and refuses to know what they say: who has
// something to keep for a text keeps it by the number of its place.
package recall

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"feedmill/feed/internal/scan"
)

const (
	// Places is how many texts have one: more than an ordinary catalog has values. A
	// text may lie in one of two places, so that two that come again and again seldom
	// have but one.
	Places    = 1 << placeBits
	placeBits = 12
	// Least is how much of a text says where it may be found; what is shorter is not
	// known. What an object starts with, {"id":", tells nothing.
	Least = 23
	same  = 7
	// wide is how much of a text is looked at at once.
	wide = 64
)

// Nowhere is the place of what is not known.
const Nowhere = -1

// Table holds texts. Its zero value holds none.
type Table struct{ places [Places]place }

// place is so small that a pair lies in one line of the processor's cache.
type place struct {
	// tag is a part of the hash, 0 in an empty place, size how long the text is.
	tag, size uint32
	// text is in memory of wide bytes at least.
	text *byte
}

// The factors of hashes.
const (
	factor1 = 0x9E3779B97F4A7C15
	factor2 = 0xC2B2AE3D27D4EB4F
)

// Hash gives the hash of the head of a text, [Least] bytes.
func Hash(rest []byte) uint64 {
	return (binary.LittleEndian.Uint64(rest[same:]) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(rest[same+8:])*factor2, 29)) * factor1
}

// tagOf gives the tag of texts with this hash.
func tagOf(h uint64) uint32 { return uint32(h) | 1 }

// pairOf gives the first of the two places that a text with this hash may have.
func pairOf(h uint64) int { return int(h >> (65 - placeBits) << 1) }

// Known gives the place of the text that the rest of a line starts with, or
// [Nowhere], and how long that text is.
func (t *Table) Known(rest []byte) (at, size int) {
	if len(rest) < Least {
		return Nowhere, 0
	}
	h := Hash(rest)
	pair, other := pairOf(h), 0
	if t.places[pair+1].tag == tagOf(h) { // no jump: nobody could foretell it
		other = 1
	}
	at = pair + other
	p := &t.places[at]
	size = int(p.size)
	if p.tag != tagOf(h) || size > len(rest) {
		return Nowhere, 0
	}
	if size > wide || cap(rest) < wide {
		if !scan.Starts(rest, unsafe.String(p.text, size)) {
			return Nowhere, 0
		}
		return at, size
	}
	// Nor does one depend on how long the text is: it is looked at with what stands
	// behind it in memory, which does not count.
	a, b, mask := (*[wide]byte)(rest[:wide]), (*[wide]byte)(unsafe.Pointer(p.text)), masks[size]
	if differ(a, b, mask, 0)|differ(a, b, mask, 8)|differ(a, b, mask, 16)|differ(a, b, mask, 24)|
		differ(a, b, mask, 32)|differ(a, b, mask, 40)|differ(a, b, mask, 48)|differ(a, b, mask, 56) != 0 {
		return Nowhere, 0
	}
	return at, size
}

// differ gives the bits of the mask in which the eight bytes from i on differ.
func differ(a, b, mask *[wide]byte, i int) uint64 {
	return (binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:])) & binary.LittleEndian.Uint64(mask[i:])
}

// masks are those of the first bytes of a text, by their number.
var masks = func() (masks [wide + 1]*[wide]byte) {
	m := [2 * wide]byte{}
	for i := range wide {
		m[i] = 0xFF
	}
	for n := range masks {
		masks[n] = (*[wide]byte)(m[wide-n:])
	}
	return masks
}()

// Keep remembers a text by the hash of what it was the start of, and gives its place;
// what was there before is forgotten.
func (t *Table) Keep(h uint64, text string) (at int) {
	b := make([]byte, max(len(text), wide))
	copy(b, text)
	at = t.room(h)
	t.places[at] = place{tagOf(h), uint32(len(text)), unsafe.SliceData(b)}
	return at
}

// room gives the place for a text with this hash: that of one with the same tag, as
// Known looks at one of these alone, or an empty one.
func (t *Table) room(h uint64) int {
	at := pairOf(h)
	a, b := &t.places[at], &t.places[at+1]
	switch {
	case b.tag == tagOf(h):
		return at + 1
	case a.tag == tagOf(h) || a.tag == 0:
		return at
	case b.tag == 0:
		return at + 1
	}
	return int(h >> (64 - placeBits))
}
