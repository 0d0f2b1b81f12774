package durable

import (
	"sync"
	"unsafe"
)

// hugePage is the size of large pages of memory. A disk that reads or writes has to
// be told each page by itself, and finding 128 pages for a step costs more than
// anything else that the system does for it.
const hugePage = 2 << 20

// Memory for steps comes in pieces of this size; of a piece more is set aside, so
// that it can begin where a large page does.
const pieceSize = 2 * hugePage

var pieces struct {
	mu   sync.Mutex
	rest []byte // of the piece that is given away
}

// Buffer gives memory for n bytes, empty, that is fit for reading and writing past
// the system's. That of n = [LargeStep] is in large pages where the system has them.
func Buffer(n int) []byte {
	if n == LargeStep {
		return stepBuffer()
	}
	b := from(make([]byte, n+page), page)
	return b[:0:n]
}

func stepBuffer() []byte {
	pieces.mu.Lock()
	defer pieces.mu.Unlock()
	if len(pieces.rest) == 0 {
		pieces.rest = from(make([]byte, pieceSize+hugePage), hugePage)[:pieceSize]
		inHugePages(pieces.rest)
	}
	b := pieces.rest[:0:LargeStep]
	pieces.rest = pieces.rest[LargeStep:]
	return b
}

// from gives what lies from the first multiple of a size on.
func from(b []byte, size int) []byte {
	return b[-uintptr(unsafe.Pointer(unsafe.SliceData(b)))%uintptr(size):]
}
