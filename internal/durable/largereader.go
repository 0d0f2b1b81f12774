package durable

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// windows is how many steps of a file are at hand at once: as far as goroutines
// that read it together may be from each other.
const windows = 4

// LargeReader reads a large file that will soon be gone, from its start to its
// end, more or less, past the memory that the system keeps files in. Where the
// system cannot do that, it is told to let go of what was read. It is safe for
// concurrent use.
type LargeReader struct {
	f       *os.File
	size    int64
	direct  atomic.Bool
	windows [windows]window
	// passed is up to where the system was told to let go.
	passed atomic.Int64
}

// window is a step of the file, nothing before it was read.
type window struct {
	mu   sync.Mutex
	at   int64
	have []byte
}

// NewLargeReader reads a file of this size, which nobody else reads by f.
func NewLargeReader(f *os.File, size int64) *LargeReader {
	r := &LargeReader{f: f, size: size}
	r.direct.Store(size >= largeFrom && setDirect(f, true) == nil)
	return r
}

// ReadAt implements [io.ReaderAt].
func (r *LargeReader) ReadAt(b []byte, off int64) (n int, err error) {
	for r.direct.Load() {
		m, err := r.copy(b[n:], off+int64(n))
		n += m
		switch {
		case errors.Is(err, syscall.EINVAL):
			// A file system that has other ideas of pages.
			r.direct.Store(false)
			if err := setDirect(r.f, false); err != nil {
				return n, err
			}
		case err != nil || n == len(b):
			return n, err
		}
	}
	m, err := r.f.ReadAt(b[n:], off+int64(n))
	r.pass(off)
	return n + m, err
}

// copy gives what there is of a window from an offset on.
func (r *LargeReader) copy(b []byte, off int64) (int, error) {
	at := off &^ (LargeStep - 1)
	w := &r.windows[at/LargeStep%windows]
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at != at || len(w.have) == 0 {
		if err := r.load(w, at); err != nil {
			return 0, err
		}
	}
	if off-at >= int64(len(w.have)) {
		return 0, io.EOF
	}
	return copy(b, w.have[off-at:]), nil
}

func (r *LargeReader) load(w *window, at int64) error {
	if w.have == nil {
		w.have = Buffer(LargeStep)
	}
	w.at, w.have = at, w.have[:0]
	want := min(LargeStep, r.size-at)
	for int64(len(w.have)) < want {
		b := w.have[len(w.have):cap(w.have)]
		if len(w.have) > 0 && !aligned(b) {
			return io.ErrUnexpectedEOF // the file has become shorter
		}
		n, err := pread(r.f, b, at+int64(len(w.have)))
		w.have = w.have[:len(w.have)+n]
		switch {
		case err != nil:
			w.have = w.have[:0]
			return err
		case n == 0:
			return io.ErrUnexpectedEOF
		}
	}
	return nil
}

// passLag is how far behind, and in steps of how much, memory is let go of:
// whoever reads together reads a little ahead of each other.
const passLag = 8 << 20

// pass lets go of the memory of what lies well before an offset.
func (r *LargeReader) pass(off int64) {
	done, to := r.passed.Load(), (off-passLag)&^(Step-1)
	if to-done >= passLag && r.passed.CompareAndSwap(done, to) {
		letGo(r.f, done, to-done)
	}
}
