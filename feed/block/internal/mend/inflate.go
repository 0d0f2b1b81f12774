package mend

import (
	"encoding/binary"
	"slices"
	"sort"
)

// mark is a step that inflate came by, and where its block begins.
type mark struct{ start, bit, at uint32 }

// markEvery is how many bytes of text lie between two marks.
const markEvery = 2 << 10

// beyond is how many bytes behind its place a repetition may write.
const beyond = 32

// inflate makes the text, and leaves marks to begin at.
func (d *decoder) inflate() bool {
	d.text = slices.Grow(d.text[:0], int(d.size)+beyond)[:d.size+beyond]
	for d.head(); !d.ended && !d.broken; d.head() {
		for {
			d.marks = append(d.marks, mark{d.start, d.bit, d.at})
			d.fill(min(d.at+markEvery, d.size))
			s := d.next()
			if d.broken {
				return false
			}
			if s.size == 0 {
				break // the block has ended
			}
			if s.distance > 0 {
				repeat(d.text, int(s.at), int(s.distance), int(s.size))
			} else {
				d.text[s.at] = s.literal
			}
		}
	}
	return !d.broken
}

// goTo goes back to the last mark that lies before a place of the text, or else to the first.
// Bounds of blocks at that place are behind it.
func (d *decoder) goTo(at uint32) {
	i := sort.Search(len(d.marks), func(i int) bool { return d.marks[i].at >= at })
	m := d.marks[max(i-1, 0)]
	d.blocks, d.ended = 0, false
	if m.start != d.start {
		d.bit = m.start
		d.head()
	}
	d.bit, d.at = m.bit, m.at
}

// fill goes through steps for as long as they lie before end, and makes their text.
func (d *decoder) fill(end uint32) {
	src, text := d.packed, d.text
	literal, distance := &d.trees.literal, &d.trees.distance
	at := int(d.at)
	buf, n, next := d.buffered()
	for next >= 0 && next < len(src)-8 && at >= 0 && at < len(text)-beyond {
		buf |= binary.LittleEndian.Uint64(src[next:]) << (n & 63)
		next += int(63-n&63) >> 3
		n |= 56
		e := literal[buf&(1<<literalBits-1)]
		if e&kindMore != 0 {
			e = literal[e.behind(buf>>literalBits, maxCode-literalBits)]
		}
		if e&kindLiteral != 0 {
			behind := at + int(e.count())
			if behind > int(end) {
				break
			}
			binary.LittleEndian.PutUint16(text[at:], uint16(e>>valueBits))
			at = behind
			buf >>= e & bitsMask
			n -= uint32(e)
			continue
		}
		rest := buf >> (e & bitsMask)
		f := distance[rest&(1<<distanceBits-1)]
		if f&kindMore != 0 {
			f = distance[f.behind(rest>>distanceBits, maxCode-distanceBits)]
		}
		if e&f&kindMatch == 0 {
			break
		}
		size, back := int(e.value(buf)), int(f.value(rest))
		if at+size > int(end) || back > at {
			break
		}
		repeat(text, at, back, size)
		at += size
		buf = rest >> (f & bitsMask)
		n -= uint32(e) + uint32(f)
	}
	d.bit, d.at = uint32(next)<<3-n&63, uint32(at)
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
	for i := at; i < at+count; i += 32 {
		to, from := text[i:i+32], text[i-back:][:32]
		binary.LittleEndian.PutUint64(to, binary.LittleEndian.Uint64(from))
		binary.LittleEndian.PutUint64(to[8:], binary.LittleEndian.Uint64(from[8:]))
		binary.LittleEndian.PutUint64(to[16:], binary.LittleEndian.Uint64(from[16:]))
		binary.LittleEndian.PutUint64(to[24:], binary.LittleEndian.Uint64(from[24:]))
	}
}
