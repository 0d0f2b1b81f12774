package durable

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

// page is what the places, lengths and memory of writes past the system's memory
// must be multiples of: no disk asks for more.
const page = 4 << 10

// LargeStep is by how much a file is read and written past the system's memory:
// each step is one request to the disk, and is in memory twice while a file is
// written and digested.
const LargeStep = 512 << 10

// largeFrom is the length from which a file counts as large.
const largeFrom = 1 << 20

// Large writes a large new file from its start to its end. Whole pages of it go
// to the disk past the memory that the system keeps files in, where it can do
// that: a copy of what nobody reads soon would cost more processor time than all
// the rest of writing, and push out what is read. Everything else is written as
// ever. Whoever reads the file sees no difference; it must be synced all the same.
type Large struct {
	f   *os.File
	off int64
	// direct says that the file is open for that now, refused that it cannot be.
	direct, refused bool
}

// NewLarge starts to write a file that is empty. The caller syncs and closes it.
func NewLarge(f *os.File) *Large { return &Large{f: f} }

// Write implements [io.Writer]. Pieces of [LargeStep] in memory from [Buffer], at
// multiples of that, are best.
func (l *Large) Write(b []byte) (n int, err error) {
	if l.past(b) {
		n, err = l.f.Write(b)
		l.off += int64(n)
		if !errors.Is(err, syscall.EINVAL) {
			return n, err
		}
		l.refused = true // by a file system that has other ideas of pages
	}
	if l.direct {
		if err := setDirect(l.f, false); err != nil {
			return n, err
		}
		l.direct = false
	}
	for n < len(b) {
		m, err := l.f.Write(b[n:min(n+Step, len(b))])
		n += m
		l.off += int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// past says whether b may go past the system's memory, and opens the file for it.
func (l *Large) past(b []byte) bool {
	if l.refused || l.off < largeFrom || l.off%page != 0 || len(b)%page != 0 || !aligned(b) {
		return false
	}
	if !l.direct {
		l.direct = setDirect(l.f, true) == nil
		l.refused = !l.direct
	}
	return l.direct
}

func aligned(b []byte) bool { return uintptr(unsafe.Pointer(unsafe.SliceData(b)))%page == 0 }
