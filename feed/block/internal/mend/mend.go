// Package mend makes the deflate stream of a text out of that of another which
// says nearly the same: what both share keeps its bits, and only what differs,
// or refers across what differs, is written anew. It costs a fraction of looking
// for repetitions once more.
//
// A stream here is a segment of a file: raw deflate (RFC 1951) that refers to
// nothing before it, of blocks with Huffman codes, ended by an empty stored block
// (a sync flush), without a final block.
package mend

import "encoding/binary"

// Mender mends streams. The zero value is ready; it keeps its memory for the
// next stream. It is for one goroutine.
type Mender struct {
	decoder
	runs []run
	// homes tells of each piece of the text before which run has all of it, by a number
	// from 1 on; 0 for none.
	homes []uint8
	step  step // that is gone through
	out   bitWriter
	// keptFrom and keptTo are the bits of the stream before that go on as they are
	// and are not written yet.
	keptFrom, keptTo uint32
	// left is how many more literals may be written.
	left int
}

// MaxSize bounds both texts and the stream, as memory for them is kept.
const MaxSize = 1 << 20

const (
	// mostLiterals is how many bytes may be written that the stream before does not
	// have. Where more have changed, repetitions are worth looking for.
	mostLiterals = 1 << 10
	// growth is by what part, as one in so many, a stream may be longer than the
	// one before.
	growth = 64
	// maxRatio is how far deflate can compress: 258 bytes by two bits.
	maxRatio = 1032
)

// Append appends the stream of text, made of packed, the stream of a text of
// size bytes. before is that text, or nil where it is not at hand and has to be made of
// the stream; the result is the same. Where the two differ too much, or packed is
// not a stream as the package describes it, it gives false, and dst as it was. That
// packed is the stream of before is taken on trust.
func (m *Mender) Append(dst, text, packed, before []byte, size int) ([]byte, bool) {
	if max(size, len(text), len(packed)) > MaxSize || min(size, len(text)) < 1 || size/maxRatio > len(packed) {
		return dst, false
	}
	m.open(packed, size)
	if before == nil {
		if !m.inflate() {
			return dst, false
		}
		before = m.text[:size]
	}
	if len(before) != size || !m.align(before, text) {
		return dst, false
	}
	m.house(size)
	m.out.start(dst, len(packed)+len(packed)/growth+slack)
	m.keptFrom, m.keptTo, m.left = 0, 0, mostLiterals
	m.rewrite(text)
	if m.left < 0 || m.broken {
		return dst, false
	}
	m.flush()
	out := m.out.sync()
	if m.out.full {
		return dst, false
	}
	return out, true
}

// rewrite goes through the runs and the steps that lie in them.
func (m *Mender) rewrite(text []byte) {
	m.begin()
	at := uint32(0)
	for k := range m.runs {
		r := &m.runs[k]
		for m.more() && m.step.end() <= r.before {
			m.pass()
		}
		m.literals(text[at:r.now])
		for m.more() && m.step.at < r.end() {
			switch s := &m.step; {
			case s.size == 0:
				m.bound()
			case s.distance == 0:
				m.keep(s.bit, m.bit)
			default:
				m.match(k, text)
			}
			if m.step.end() > r.end() {
				break // what is left of it lies behind the run
			}
			m.glide(k)
			m.step = m.next()
		}
		at = r.now + r.size
	}
	m.literals(text[at:])
	for m.more() {
		m.pass()
	}
}

// begin keeps what lies before the first step that may have to be written anew.
func (m *Mender) begin() {
	alike := uint32(0) // so many bytes of the beginning
	if len(m.runs) > 0 && m.runs[0].before+m.runs[0].now == 0 {
		alike = m.runs[0].size
	}
	if len(m.marks) > 0 {
		m.goTo(alike)
	} else {
		m.head()
	}
	m.keep(0, m.bit)
	if alike > 0 {
		m.glide(0)
	}
	m.step = m.next()
}

// more says whether there is a step, and reason to go on.
func (m *Mender) more() bool { return !m.ended && !m.broken && m.left >= 0 }

// pass leaves out a step whose bytes have gone. Bounds of blocks stay.
func (m *Mender) pass() {
	if m.step.size == 0 {
		m.bound()
	}
	m.step = m.next()
}

// bound keeps a bound of blocks.
func (m *Mender) bound() {
	m.head()
	m.keep(m.step.bit, m.bit)
}

// keep lets bits go on as they are.
func (m *Mender) keep(from, to uint32) {
	if from != m.keptTo {
		m.flush()
		m.keptFrom = from
	}
	m.keptTo = to
}

// flush writes the bits that are kept.
func (m *Mender) flush() {
	m.out.copy(m.packed, m.keptFrom, m.keptTo)
	m.keptFrom, m.keptTo = 0, 0
}

// glide keeps steps for as long as they lie in run k, and repeat something of it or of
// another run that has moved as far. Nearly all steps are gone through here.
func (m *Mender) glide(k int) {
	if !m.more() {
		return
	}
	r := &m.runs[k]
	floor, end, moved := r.before, r.end(), r.moved()
	src, at := m.packed, m.at
	literal, distance := &m.trees.literal, &m.trees.distance
	buf, n, next := m.buffered()
	// The lowest six bits of n count; those of a place are taken off without cutting off the others.
	for next >= 0 && next < len(src)-8 {
		buf |= binary.LittleEndian.Uint64(src[next:]) << (n & 63)
		next += int(63-n&63) >> 3
		n |= 56
		e := literal[buf&(1<<literalBits-1)]
		if e&kindMore != 0 {
			e = literal[e.behind(buf>>literalBits, maxCode-literalBits)]
		}
		if e&kindLiteral != 0 {
			behind := at + e.count()
			if behind > end {
				break
			}
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
		behind, back := at+e.value(buf), f.value(rest)
		if behind > end || back > at {
			break
		}
		if back > at-floor && m.moved(at-back, behind-back) != moved {
			break
		}
		at = behind
		buf = rest >> (f & bitsMask)
		n -= uint32(e) + uint32(f)
	}
	bit := uint32(next)<<3 - n&63
	if bit > m.limit {
		m.broken = true
		return
	}
	if bit > m.bit {
		m.keep(m.bit, bit)
		m.bit, m.at = bit, at
	}
}

// match writes that part of a repetition which lies in run k. What it repeats may
// lie in other runs, at another distance now, or may have gone.
func (m *Mender) match(k int, text []byte) {
	s, r := &m.step, &m.runs[k]
	from, to, distance := max(s.at, r.before), min(s.end(), r.end()), s.distance
	whole := to-from == s.size
	if whole && from-distance >= r.before {
		m.keep(s.bit, m.bit)
		return
	}
	for q := k; from < to; {
		source, now := from-distance, r.now+from-r.before
		q = m.runWith(source, q, k)
		var n uint32
		switch o := &m.runs[q]; {
		case source < o.before: // gone, before the first run
			n = min(o.before-source, to-from)
			m.literals(text[now : now+n])
		case source >= o.end(): // gone
			n = min(m.runs[q+1].before-source, to-from)
			m.literals(text[now : now+n])
		default:
			n = min(o.end()-source, to-from)
			d := now - (o.now + source - o.before)
			switch {
			case whole && n == s.size && d == distance:
				m.keep(s.bit, m.bit)
			case n >= 4 && d <= maxDistance && m.repeat(n, d):
			default:
				m.literals(text[now : now+n])
			}
		}
		from += n
	}
}

// runWith gives the last run up to k that begins at or before a place, or else
// the first; the search starts at run q.
func (m *Mender) runWith(place uint32, q, k int) int {
	for q < k && m.runs[q+1].before <= place {
		q++
	}
	for q > 0 && m.runs[q].before > place {
		q--
	}
	return q
}

// literals writes bytes as they are.
func (m *Mender) literals(b []byte) {
	if len(b) == 0 || m.left < 0 {
		return
	}
	m.flush()
	if m.left -= len(b); m.left < 0 {
		return
	}
	for _, c := range b {
		code := m.codes.literal[c]
		if code == 0 {
			m.left = -1 // the block has no code for it
			return
		}
		m.out.put(uint64(code&numberMask), uint(code>>numberBits))
	}
}

// repeat writes a repetition, where the block has codes for it.
func (m *Mender) repeat(n, distance uint32) bool {
	symbol := lengthSymbol[n-minMatch]
	length := m.codes.literal[firstLength+int(symbol)]
	d := distanceSymbol(distance)
	far := m.codes.distance[d]
	if length == 0 || far == 0 {
		return false
	}
	m.flush()
	v, bits := uint64(length&numberMask), uint(length>>numberBits)
	v |= uint64(n-uint32(lengths[symbol].base)) << bits
	bits += uint(lengths[symbol].extra)
	v |= uint64(far&numberMask) << bits
	bits += uint(far >> numberBits)
	v |= uint64(distance-uint32(distances[d].base)) << bits
	bits += uint(distances[d].extra)
	m.out.put(v, bits)
	return true
}
