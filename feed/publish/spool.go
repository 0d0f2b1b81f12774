package publish

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"

	"feedmill/feed"
	"feedmill/internal/filesum"
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
//
// Hashing and compressing cost more than rendering, so they are done beside it:
// a full buffer is handed on, and the caller goes on with another.
type spool struct {
	buf    []byte
	plain  sink
	packed *sink
	gz     *gzip.Writer // nil until something is compressed
	zips   *zips
	// work takes full buffers to the goroutine that writes them, free brings them
	// back; both are nil until the first one is full.
	work, free chan []byte
	done       chan struct{}
	// cpus bounds how many spools work at once.
	cpus chan struct{}
	// failed is set by the goroutine; err is what has been told.
	failed atomic.Pointer[error]
	err    error
}

// zips are compressors that a run's files use one after the other: one takes
// about a megabyte, and most files are compressed only when they are finished.
type zips struct {
	mu   sync.Mutex
	free []*gzip.Writer
}

func (z *zips) get(to io.Writer) (*gzip.Writer, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if n := len(z.free); n > 0 {
		w := z.free[n-1]
		z.free = z.free[:n-1]
		w.Reset(to)
		return w, nil
	}
	w, err := gzip.NewWriterLevel(to, gzipLevel)
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return w, nil
}

func (z *zips) put(w *gzip.Writer) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.free = append(z.free, w)
}

func newSpool(dir, name string, compress bool, sums *filesum.Group, cpus chan struct{}, zips *zips) *spool {
	s := &spool{plain: newSink(dir, name+"-*", sums), cpus: cpus, zips: zips}
	if compress {
		packed := newSink(dir, name+"-*.gz", sums)
		s.packed = &packed
	}
	return s
}

// flow passes the buffer on once enough has gathered.
func (s *spool) flow() error {
	if len(s.buf) < flushSize {
		return s.err
	}
	if s.work == nil {
		s.work, s.free, s.done = make(chan []byte, 1), make(chan []byte, 2), make(chan struct{})
		s.free <- make([]byte, 0, cap(s.buf))
		go s.drain()
	}
	s.work <- s.buf
	s.buf = (<-s.free)[:0]
	return s.failure()
}

// drain writes buffers until there are no more.
func (s *spool) drain() {
	defer close(s.done)
	for b := range s.work {
		s.cpus <- struct{}{}
		if s.failed.Load() == nil {
			if err := s.write(b); err != nil {
				s.failed.Store(&err)
			}
		}
		<-s.cpus
		s.free <- b
	}
}

// write hashes, compresses and writes a buffer.
func (s *spool) write(b []byte) error {
	_, err := s.plain.Write(b)
	if err == nil && s.packed != nil {
		if s.gz == nil {
			s.gz, err = s.zips.get(s.packed)
		}
		if err == nil {
			_, err = s.gz.Write(b)
		}
	}
	return err
}

// failure tells what has failed, from then on always.
func (s *spool) failure() error {
	if err := s.failed.Load(); err != nil && s.err == nil {
		s.err = fmt.Errorf("write to the spool folder: %w", *err)
	}
	return s.err
}

// wait ends the goroutine.
func (s *spool) wait() {
	if s.work == nil {
		return
	}
	close(s.work)
	// Whatever comes back while it ends is not needed any more.
	for open := true; open; {
		select {
		case <-s.free:
		case <-s.done:
			open = false
		}
	}
	s.work = nil
	s.failure()
}

// written sees to it that all that was given stands in the file.
func (s *spool) written() error {
	s.wait()
	if s.err == nil && len(s.buf) > 0 {
		if err := s.write(s.buf); err != nil {
			s.err = fmt.Errorf("write to the spool folder: %w", err)
		}
		s.buf = s.buf[:0]
	}
	if s.err == nil {
		if err := s.plain.flush(); err != nil {
			s.err = fmt.Errorf("write to the spool folder: %w", err)
		}
	}
	return s.err
}

// finish ends the file and gives what is to be stored; the compressed twin is
// nil when there is none.
func (s *spool) finish(kind feed.Kind, label string, generation int64) (plain Spooled, packed *Spooled, err error) {
	s.wait()
	if s.err == nil {
		err = s.write(s.buf)
		if err == nil && s.gz != nil {
			if err = s.gz.Close(); err == nil {
				s.zips.put(s.gz)
				s.gz = nil
			}
		}
		if err != nil {
			s.err = fmt.Errorf("write to the spool folder: %w", err)
		}
	}
	if err := s.close(); err != nil {
		return Spooled{}, nil, err
	}
	plain = s.plain.spooled(kind, label, generation, "")
	if s.packed != nil {
		p := s.packed.spooled(kind, label, generation, "gzip")
		packed = &p
	}
	return plain, packed, nil
}

// discard removes what was written.
func (s *spool) discard() error {
	s.wait()
	err := s.plain.remove()
	if s.packed != nil {
		err = errors.Join(err, s.packed.remove())
	}
	return err
}

func (s *spool) close() error {
	err := s.err
	for _, k := range []*sink{&s.plain, s.packed} {
		if k == nil {
			continue
		}
		if cerr := k.close(); err == nil && cerr != nil {
			err = fmt.Errorf("write to the spool folder: %w", cerr)
		}
	}
	return err
}
