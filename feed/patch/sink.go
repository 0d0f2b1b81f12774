package patch

import (
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// Sink is a file that is written from its start, hashed on the way, and can be
// started over.
type Sink struct {
	f    *os.File
	md5  hash.Hash
	sha  hash.Hash
	size int64
	buf  []byte
}

// sinkBuffer is how much is gathered before it goes to the file and the hashes.
const sinkBuffer = 256 << 10

// NewSink writes to a file from its start. The caller closes it.
func NewSink(f *os.File) *Sink { return &Sink{f: f, md5: md5.New(), sha: sha256.New()} }

// Reset empties the file.
func (s *Sink) Reset() error {
	s.md5.Reset()
	s.sha.Reset()
	s.size, s.buf = 0, s.buf[:0]
	_, err := s.f.Seek(0, io.SeekStart)
	if err = errors.Join(err, s.f.Truncate(0)); err != nil {
		return fmt.Errorf("empty file: %w", err)
	}
	return nil
}

// Write implements io.Writer.
func (s *Sink) Write(b []byte) (int, error) {
	s.buf = append(s.buf, b...)
	if len(s.buf) < sinkBuffer {
		return len(b), nil
	}
	return len(b), s.Flush()
}

// Flush writes what has gathered. Sum and the file itself are up to date only
// after it.
func (s *Sink) Flush() error {
	n, err := s.f.Write(s.buf)
	s.md5.Write(s.buf[:n])
	s.sha.Write(s.buf[:n])
	s.size += int64(n)
	s.buf = s.buf[:0]
	if err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	return nil
}

// Sum gives length and hashes of what was written.
func (s *Sink) Sum() (size int64, md [md5.Size]byte, sha [sha256.Size]byte) {
	s.md5.Sum(md[:0])
	s.sha.Sum(sha[:0])
	return s.size, md, sha
}
