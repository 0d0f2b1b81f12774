// Package mend makes the deflate stream of a text out of that of another which
// says nearly the same: what both share keeps its bits, and only what differs,
// or refers across what differs, is written anew. It costs a fraction of looking
// for repetitions once more.
//
// A stream here is a segment of a file: raw deflate (RFC 1951) that refers to
// nothing before it, of blocks with Huffman codes, ended by an empty stored block
// (a sync flush), without a final block.
package mend

import "sort"

// Mender mends streams. The zero value is ready; it keeps its memory for the
// next stream. It is for one goroutine.
type Mender struct {
	decoder
	runs []run
	out  bitWriter
	// keptFrom and keptTo are the bits of the stream before that go on as they are
	// and are not written yet.
	keptFrom, keptTo uint32
	// codes are those of the block that is being written, bound is the number of the
	// next bound.
	codes *codes
	bound int
	// left is how many more literals may be written.
	left int
}

const (
	// mostLiterals is how many bytes may be written that the stream before does not
	// have. Where more have changed, repetitions are worth looking for.
	mostLiterals = 1 << 10
	// growth is by what part, as one in so many, a stream may be longer than the
	// one before.
	growth = 64
	// maxSize bounds both texts and the stream, as the memory for twelve times that is
	// kept.
	maxSize = 1 << 20
	// maxRatio is how far deflate can compress: 258 bytes by two bits.
	maxRatio = 1032
)

// Append appends the stream of text, made of packed, the stream of a text of
// size bytes. Where the two differ too much, or packed is not a stream as the
// package describes it, it gives false, and dst as it was.
func (m *Mender) Append(dst, text, packed []byte, size int) ([]byte, bool) {
	if max(size, len(text), len(packed)) > maxSize || min(size, len(text)) < 1 || size/maxRatio > len(packed) {
		return dst, false
	}
	if !m.decode(packed, size) || !m.align(m.text[:size], text) {
		return dst, false
	}
	m.out.start(dst, len(packed)+len(packed)/growth+slack)
	m.keptFrom, m.keptTo, m.bound, m.left = 0, 0, 0, mostLiterals
	m.rewrite(text)
	m.flush()
	out := m.out.sync()
	if m.left < 0 || m.out.full {
		return dst, false
	}
	return out, true
}

// rewrite goes through the runs and the tokens that lie in them.
func (m *Mender) rewrite(text []byte) {
	m.keep(0) // the head of the first block
	at, i, last := uint32(0), 1, len(m.tokens)-1
	for k := range m.runs {
		r := &m.runs[k]
		for i < last && m.tokens[i].end() <= r.before {
			m.pass(i)
			i++
		}
		m.literals(text[at:r.now])
		for i < last && m.tokens[i].at < r.end() {
			switch t := &m.tokens[i]; {
			case t.at >= r.reach() && t.end() <= r.end():
				to := m.through(i, r.end())
				m.keepAll(i, to)
				i = to
				continue
			case t.distance == 0:
				m.keep(i)
			default:
				m.match(i, k, text)
			}
			if m.tokens[i].end() > r.end() {
				break // what is left of it lies behind the run
			}
			i++
		}
		at = r.now + r.size
	}
	m.literals(text[at:])
	for ; i < last; i++ {
		m.pass(i)
	}
}

// pass leaves out a token whose bytes have gone. Bounds of blocks stay.
func (m *Mender) pass(i int) {
	if m.tokens[i].size == 0 {
		m.keep(i)
	}
}

// keep lets a token go on with the bits that it has.
func (m *Mender) keep(i int) { m.keepAll(i, i+1) }

// keepAll lets tokens up to another go on with the bits that they have.
func (m *Mender) keepAll(i, to int) {
	if bit := m.tokens[i].bit; bit != m.keptTo {
		m.flush()
		m.keptFrom = bit
	}
	m.keptTo = m.tokens[to].bit
	for m.bound < len(m.bounds) && m.bounds[m.bound] < to {
		if m.bound < len(m.blocks) {
			m.codes = &m.blocks[m.bound]
		}
		m.bound++
	}
}

// through gives the first token from i on that does not lie before a place.
func (m *Mender) through(i int, place uint32) int {
	rest := m.tokens[i : len(m.tokens)-1]
	return i + sort.Search(len(rest), func(n int) bool { return rest[n].at >= place || rest[n].end() > place })
}

// flush writes the bits that are kept.
func (m *Mender) flush() {
	m.out.copy(m.packed, m.keptFrom, m.keptTo)
	m.keptFrom, m.keptTo = 0, 0
}

// match writes that part of a repetition which lies in run k. What it repeats may
// lie in other runs, at another distance now, or may have gone.
func (m *Mender) match(i, k int, text []byte) {
	t, r := &m.tokens[i], &m.runs[k]
	from, to, distance := max(t.at, r.before), min(t.end(), r.end()), uint32(t.distance)
	whole := to-from == uint32(t.size)
	if whole && from-distance >= r.before {
		m.keep(i)
		return
	}
	for q := k; from < to; {
		source, now := from-distance, r.now+from-r.before
		q = m.runWith(source, q, k)
		var n uint32
		switch s := &m.runs[q]; {
		case source < s.before: // gone, before the first run
			n = min(s.before-source, to-from)
			m.literals(text[now : now+n])
		case source >= s.end(): // gone
			n = min(m.runs[q+1].before-source, to-from)
			m.literals(text[now : now+n])
		default:
			n = min(s.end()-source, to-from)
			d := now - (s.now + source - s.before)
			switch {
			case whole && n == uint32(t.size) && d == distance:
				m.keep(i)
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
		m.out.put(uint64(code&codeMask), uint(code>>codeBits))
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
	v, bits := uint64(length&codeMask), uint(length>>codeBits)
	v |= uint64(n-uint32(lengths[symbol].base)) << bits
	bits += uint(lengths[symbol].extra)
	v |= uint64(far&codeMask) << bits
	bits += uint(far >> codeBits)
	v |= uint64(distance-uint32(distances[d].base)) << bits
	bits += uint(distances[d].extra)
	m.out.put(v, bits)
	return true
}
