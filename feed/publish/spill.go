package publish

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// spillSize is how many bytes a spill keeps in memory.
const spillSize = 16 << 10

// spill gathers what grows with a catalog: in memory while it is little, else in
// a file of the spool folder. It can be read once nothing more is written to it.
type spill struct {
	dir  string
	buf  []byte // what is not in the file
	f    *os.File
	size int64 // of the file
}

// Write implements io.Writer.
func (s *spill) Write(b []byte) (int, error) {
	s.buf = append(s.buf, b...)
	if len(s.buf) < spillSize {
		return len(b), nil
	}
	if s.f == nil {
		f, err := os.CreateTemp(s.dir, "filed-*")
		if err != nil {
			return 0, fmt.Errorf("make a file in the spool folder: %w", err)
		}
		s.f = f
	}
	if _, err := s.f.Write(s.buf); err != nil {
		return 0, fmt.Errorf("write to the spool folder: %w", err)
	}
	s.size += int64(len(s.buf))
	s.buf = s.buf[:0]
	return len(b), nil
}

// length is the number of bytes; nil has none.
func (s *spill) length() int64 {
	if s == nil {
		return 0
	}
	return s.size + int64(len(s.buf))
}

// reader reads all of it from the start; it may be called again.
func (s *spill) reader() io.Reader {
	switch {
	case s == nil:
		return bytes.NewReader(nil)
	case s.f == nil:
		return bytes.NewReader(s.buf)
	}
	return io.MultiReader(io.NewSectionReader(s.f, 0, s.size), bytes.NewReader(s.buf))
}

// discard removes the file; it may be called again, and for nil.
func (s *spill) discard() error {
	if s == nil {
		return nil
	}
	f := s.f
	s.f, s.buf, s.size = nil, nil, 0
	if f == nil {
		return nil
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("close a file of the spool folder: %w", err)
	}
	return removeFile(f.Name())
}
