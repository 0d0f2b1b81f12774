package publish

import (
	"bufio"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"

	"feedmill/feed"
)

// Spooled is a finished file that waits in the spool folder to be stored.
type Spooled struct {
	Kind  feed.Kind
	Label string
	// Generation is the number of the generation that makes it.
	Generation int64
	// Path is where it lies; whoever stores it may move it away.
	Path string
	// Encoding is "" or "gzip".
	Encoding string
	Size     int64
	MD5      MD5
	SHA256   SHA256
}

// gzipLevel trades size for time: level 5 of klauspost/compress has the size
// of GNU gzip -6 at three times its speed.
const gzipLevel = 5

// flushSize is how much is gathered before it goes to the file and the hashes:
// large enough for few calls, small enough to stay in cache.
const flushSize = 256 << 10

// spool writes one file of a run, hashing it on the way, and its compressed
// twin when asked for. buf is appended to by the caller, who then calls flow.
type spool struct {
	buf    []byte
	plain  sink
	packed *sink
	gz     *gzip.Writer
	err    error
}

// sink is a file with what is known of its bytes.
type sink struct {
	f    *os.File
	md5  hash.Hash
	sha  hash.Hash
	size int64
}

func newSink(dir, pattern string) (sink, error) {
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return sink{}, fmt.Errorf("make a file in the spool folder: %w", err)
	}
	return sink{f: f, md5: md5.New(), sha: sha256.New()}, nil
}

// Write implements io.Writer.
func (s *sink) Write(b []byte) (int, error) {
	n, err := s.f.Write(b)
	s.md5.Write(b[:n])
	s.sha.Write(b[:n])
	s.size += int64(n)
	return n, err
}

func newSpool(dir, name string, compress bool) (*spool, error) {
	plain, err := newSink(dir, name+"-*")
	if err != nil {
		return nil, err
	}
	s := &spool{plain: plain}
	if compress {
		packed, err := newSink(dir, name+"-*.gz")
		if err != nil {
			return nil, errors.Join(err, plain.f.Close())
		}
		s.packed = &packed
		if s.gz, err = gzip.NewWriterLevel(s.packed, gzipLevel); err != nil {
			return nil, errors.Join(err, plain.f.Close(), packed.f.Close())
		}
	}
	return s, nil
}

// flow passes the buffer on once enough has gathered.
func (s *spool) flow() error {
	if len(s.buf) < flushSize {
		return s.err
	}
	return s.flush()
}

func (s *spool) flush() error {
	if s.err == nil && len(s.buf) > 0 {
		if _, s.err = s.plain.Write(s.buf); s.err == nil && s.gz != nil {
			_, s.err = s.gz.Write(s.buf)
		}
		if s.err != nil {
			s.err = fmt.Errorf("write to the spool folder: %w", s.err)
		}
	}
	s.buf = s.buf[:0]
	return s.err
}

// finish ends the file and gives what is to be stored; the compressed twin is
// nil when there is none.
func (s *spool) finish(kind feed.Kind, label string, generation int64) (plain Spooled, packed *Spooled, err error) {
	s.flush()
	if s.gz != nil && s.err == nil {
		s.err = s.gz.Close()
	}
	if err := s.close(); err != nil {
		return Spooled{}, nil, err
	}
	of := func(k *sink, encoding string) Spooled {
		out := Spooled{Kind: kind, Label: label, Generation: generation, Path: k.f.Name(), Encoding: encoding, Size: k.size}
		k.md5.Sum(out.MD5[:0])
		k.sha.Sum(out.SHA256[:0])
		return out
	}
	plain = of(&s.plain, "")
	if s.packed != nil {
		p := of(s.packed, "gzip")
		packed = &p
	}
	return plain, packed, nil
}

// discard removes what was written.
func (s *spool) discard() error {
	err := s.close()
	rm := os.Remove(s.plain.f.Name())
	if s.packed != nil {
		rm = errors.Join(rm, os.Remove(s.packed.f.Name()))
	}
	if s.err != nil {
		return rm // the failed write was reported where it happened
	}
	return errors.Join(err, rm)
}

func (s *spool) close() error {
	err := s.err
	if cerr := s.plain.f.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("write to the spool folder: %w", cerr)
	}
	if s.packed != nil {
		if cerr := s.packed.f.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("write to the spool folder: %w", cerr)
		}
	}
	return err
}

// stateFile is a spooled state under way.
type stateFile struct {
	sink
	w *bufio.Writer
}

func newStateFile(dir string) (*stateFile, error) {
	s, err := newSink(dir, "state-*")
	if err != nil {
		return nil, err
	}
	sf := &stateFile{sink: s}
	sf.w = bufio.NewWriterSize(&sf.sink, 64<<10)
	return sf, nil
}

var _ io.Writer = (*sink)(nil)
