package mend

import (
	"encoding/binary"
	"slices"
)

// slack is how many bytes more than it may grow a stream has room for.
const slack = 16

// bitWriter writes bits, the lowest first, into room of a fixed size.
type bitWriter struct {
	b     []byte
	at    int
	limit int
	acc   uint64
	n     uint // bits in acc, fewer than 8 between calls
	// full says that there was no more room; what was written is unusable then.
	full bool
}

// start begins to write behind dst, up to size bytes.
func (w *bitWriter) start(dst []byte, size int) {
	end := len(dst) + size
	*w = bitWriter{b: slices.Grow(dst, size+slack)[:end+slack], at: len(dst), limit: end}
}

// put writes n bits of v, at most 56; those above are zero.
func (w *bitWriter) put(v uint64, n uint) {
	if w.at > w.limit {
		w.full = true
		return
	}
	w.acc |= v << w.n
	w.n += n
	binary.LittleEndian.PutUint64(w.b[w.at:], w.acc)
	w.at += int(w.n >> 3)
	w.acc >>= w.n &^ 7
	w.n &= 7
}

// copy writes bits of src, behind which there are eight bytes more.
func (w *bitWriter) copy(src []byte, from, to uint32) {
	n := min(uint32(8-w.n)&7, to-from)
	w.put(peek(src, from)&(1<<n-1), uint(n))
	if from += n; (to-from)>>3 > 0 { // and no bits wait
		w.bytes(src, from, int((to-from)>>3))
		from += (to - from) &^ 7
	}
	n = to - from
	w.put(peek(src, from)&(1<<n-1), uint(n))
}

// bytes writes n bytes of src from a bit on, behind whole bytes.
func (w *bitWriter) bytes(src []byte, from uint32, n int) {
	if n > w.limit-w.at {
		w.full = true
		return
	}
	to := w.b[w.at:]
	w.at += n
	if from&7 == 0 {
		copy(to[:n], src[from>>3:])
		return
	}
	for i := 0; i < n; i += 7 {
		binary.LittleEndian.PutUint64(to[i:], peek(src, from))
		from += 56
	}
}

// sync ends the stream with an empty stored block and gives all that was written.
func (w *bitWriter) sync() []byte {
	w.put(0, 3)
	w.put(0, (8-w.n)&7)
	w.put(0xffff0000, 32)
	return w.b[:w.at]
}

// peek gives the 57 bits from a place on.
func peek(src []byte, bit uint32) uint64 {
	return binary.LittleEndian.Uint64(src[bit>>3:]) >> (bit & 7)
}
