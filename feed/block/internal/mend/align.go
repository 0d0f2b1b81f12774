package mend

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// run is a stretch that two texts share: where it begins in the one before and
// in the one now, and its size.
type run struct{ before, now, size uint32 }

func (r *run) end() uint32 { return r.before + r.size }

// moved is by how much the stretch lies elsewhere now.
func (r *run) moved() int32 { return int32(r.now - r.before) }

const (
	// nearby is how far apart, in bytes of both texts, two runs are looked for one by one:
	// a number has become another one.
	nearby = 32
	// agreed is how many bytes have to agree where the next run is looked for.
	agreed = 8
	// probe is how many bytes of one text are looked for in the other, within window bytes, when
	// nothing is nearby; probeStep is the distance of such places.
	probe, probeStep, window = 24, 64, 16 << 10
	// stride is how many bytes are compared at a time.
	stride = 512
)

// align finds the runs that two texts share, in order. It gives false where more
// than mostLiterals bytes of the second lie in none.
func (m *Mender) align(before, now []byte) bool {
	m.runs = m.runs[:0]
	a, b, alien := 0, 0, 0
	for {
		n := common(before[a:], now[b:])
		if n > 0 {
			m.runs = append(m.runs, run{uint32(a), uint32(b), uint32(n)})
		}
		a, b = a+n, b+n
		da, db, ok := next(before[a:], now[b:])
		if alien += db; alien > mostLiterals {
			return false
		}
		if !ok {
			return true
		}
		a, b = a+da, b+db
	}
}

// next tells how many bytes to leave out of both texts to get to where they agree
// again; without such a place all of the second is left out.
func next(before, now []byte) (a, b int, ok bool) {
	for sum := 1; sum <= nearby && sum <= len(before)+len(now)-2*agreed; sum++ {
		for a := max(0, sum-len(now)+agreed); a <= min(sum, len(before)-agreed); a++ {
			b := sum - a
			if binary.LittleEndian.Uint64(before[a:]) == binary.LittleEndian.Uint64(now[b:]) {
				return a, b, true
			}
		}
	}
	for at := 0; at <= mostLiterals; at += probeStep {
		if at+probe <= len(now) {
			if a := bytes.Index(before[:min(len(before), window)], now[at:at+probe]); a >= 0 {
				return a, at, true
			}
		}
		if at+probe <= len(before) {
			if b := bytes.Index(now[:min(len(now), mostLiterals+probe)], before[at:at+probe]); b >= 0 {
				return at, b, true
			}
		}
	}
	return 0, len(now), false
}

// common counts the bytes that both begin with.
func common(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for i+stride <= n && bytes.Equal(a[i:i+stride], b[i:i+stride]) {
		i += stride
	}
	for ; i+8 <= n; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

const (
	// piece is how many bytes of the text before have a place in homes.
	piece = 32
	// unknown is by how much nothing has moved.
	unknown = -1 << 31
)

// house notes which pieces of a text of size bytes before lie in which runs. Of very many runs
// the last have none.
func (m *Mender) house(size int) {
	m.homes = slices.Grow(m.homes[:0], size/piece+1)[:size/piece+1]
	clear(m.homes)
	for k := range m.runs[:min(len(m.runs), math.MaxUint8)] {
		r := &m.runs[k]
		for i := (r.before + piece - 1) / piece; i < r.end()/piece; i++ {
			m.homes[i] = uint8(k + 1)
		}
	}
}

// moved tells by how much a stretch of the text before has moved whose pieces all lie in one run.
func (m *Mender) moved(from, to uint32) int32 {
	k := m.homes[from/piece]
	if k == 0 || k != m.homes[(to-1)/piece] {
		return unknown
	}
	return m.runs[k-1].moved()
}
