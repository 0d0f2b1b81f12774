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

	mu    sync.Mutex // of spare, and of who has borrowed steps
	spare []*step
}

// window is where a step of the file is, once one was read.
type window struct {
	mu   sync.Mutex
	at   int64
	step *step
}

// step is a step of the file in memory. It is read over when the window goes on
// and nobody has borrowed it, else left to those who have.
type step struct {
	have     []byte
	borrowed int
	left     bool
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
func (r *LargeReader) copy(b []byte, off int64) (n int, err error) {
	err = r.in(off, func(_ *step, have []byte) { n = copy(b, have) })
	return n, err
}

// in calls use with the step that has an offset, and what it has from there on.
func (r *LargeReader) in(off int64, use func(s *step, have []byte)) error {
	at := off &^ (LargeStep - 1)
	w := &r.windows[at/LargeStep%windows]
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.step == nil || w.at != at || len(w.step.have) == 0 {
		w.step = r.free(w.step)
		if err := r.load(w, at); err != nil {
			return err
		}
	}
	if off-at >= int64(len(w.step.have)) {
		return io.EOF
	}
	use(w.step, w.step.have[off-at:])
	return nil
}

// free gives memory to read over: s, unless it is borrowed.
func (r *LargeReader) free(s *step) *step {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s != nil && s.borrowed == 0 {
		return s
	}
	if s != nil {
		s.left = true
	}
	if n := len(r.spare); n > 0 {
		s, r.spare = r.spare[n-1], r.spare[:n-1]
		s.left = false
		return s
	}
	return &step{have: Buffer(LargeStep)}
}

// Section gives n bytes from an offset on; whoever asks closes it.
func (r *LargeReader) Section(off, n int64) *Section { return &Section{r: r, off: off, end: off + n} }

// Section reads a part of a file. It is not safe for concurrent use.
type Section struct {
	r        *LargeReader
	off, end int64
	borrowed []*step
}

// Read implements [io.Reader].
func (s *Section) Read(b []byte) (int, error) {
	if s.off >= s.end {
		return 0, io.EOF
	}
	n, err := s.r.ReadAt(b[:min(int64(len(b)), s.end-s.off)], s.off)
	s.off += int64(n)
	return n, err
}

// Lend gives the next bytes, at least one and at most n, without copying them.
// They must not be written to, and are there until the section is closed. The
// error is [errors.ErrUnsupported] where the file is read by the system's memory.
func (s *Section) Lend(n int) (b []byte, err error) {
	r := s.r
	if s.off >= s.end {
		return nil, io.EOF
	}
	if !r.direct.Load() {
		return nil, errors.ErrUnsupported
	}
	err = r.in(s.off, func(st *step, have []byte) {
		r.mu.Lock()
		st.borrowed++
		r.mu.Unlock()
		s.borrowed = append(s.borrowed, st)
		b = have[:min(int64(len(have)), int64(n), s.end-s.off)]
	})
	s.off += int64(len(b))
	return b, err
}

// Close gives back what was lent.
func (s *Section) Close() error {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, st := range s.borrowed {
		if st.borrowed--; st.borrowed == 0 && st.left {
			r.spare = append(r.spare, st)
		}
	}
	s.borrowed, s.end = nil, 0
	return nil
}

func (r *LargeReader) load(w *window, at int64) error {
	s := w.step
	w.at, s.have = at, s.have[:0]
	want := min(LargeStep, r.size-at)
	for int64(len(s.have)) < want {
		b := s.have[len(s.have):cap(s.have)]
		if len(s.have) > 0 && !aligned(b) {
			return io.ErrUnexpectedEOF // the file has become shorter
		}
		n, err := pread(r.f, b, at+int64(len(s.have)))
		s.have = s.have[:len(s.have)+n]
		switch {
		case err != nil:
			s.have = s.have[:0]
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
