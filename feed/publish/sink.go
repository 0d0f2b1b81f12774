package publish

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"feedmill/feed"
	"feedmill/feed/diff"
	"feedmill/internal/durable"
	"feedmill/internal/filesum"
)

// stepSize is how much of a file is given away to be written and digested at a
// time, largeStep that of files which bypass the system's memory, once they are
// largeFrom long. There are two of them in memory for each file under way.
const (
	stepSize  = 128 << 10
	largeStep = durable.LargeStep
	largeFrom = 1 << 20
)

// Files that have become large get room ahead, as much as they have already.
const (
	roomLeast = 1 << 20
	roomMost  = 16 << 20
)

// sink is a file under way in the spool folder with what is known of its bytes.
// It is made by the first write: most runs write little of what they might.
// Nothing of it can be read before it is flushed or closed.
type sink struct {
	dir, pattern string
	f            *os.File
	sums         *filesum.Sums
	// past says that the file bypasses the system's memory, large then writes it.
	past  bool
	large *durable.Large
	// size counts what came in, buf the last of it, which is not in the file yet.
	size int64
	buf  []byte
	// room is how far room was set aside, beyond any file where it cannot be.
	room int64
}

func newSink(dir, pattern string, sums *filesum.Group) sink {
	return sink{dir: dir, pattern: pattern, sums: sums.New()}
}

// Write implements io.Writer.
func (s *sink) Write(b []byte) (n int, err error) {
	if s.f == nil {
		if s.f, err = os.CreateTemp(s.dir, s.pattern); err != nil {
			return 0, err
		}
		if s.past {
			s.large = durable.NewLarge(s.f)
		}
	}
	for len(b) > 0 {
		// A step ends at a multiple of its size, also behind a flush.
		step := s.step()
		m := min(len(b), step-int(s.size%int64(step)))
		if len(s.buf)+m > cap(s.buf) && s.size >= stepSize/4 {
			s.buf = append(durable.Buffer(step), s.buf...)
		}
		s.buf = append(s.buf, b[:m]...)
		s.size += int64(m)
		n, b = n+m, b[m:]
		if s.size%int64(step) == 0 {
			if err := s.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// step gives how much is written next.
func (s *sink) step() int {
	if s.past && s.size >= largeFrom {
		return largeStep
	}
	return stepSize
}

// flush writes what waits.
func (s *sink) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	if at := s.size - int64(len(s.buf)); at > 0 && s.size > s.room {
		n := min(max(at, roomLeast), roomMost)
		s.room = at + n
		// Whether all of it fits is not for a file to say that may end before.
		if durable.Reserve(s.f, at, n) != nil {
			s.room = math.MaxInt64
		}
	}
	if s.large != nil {
		if _, err := s.large.Write(s.buf); err != nil {
			return err
		}
	} else if err := durable.WriteSteps(s.f, s.buf); err != nil {
		return err
	}
	s.buf = s.sums.Swap(s.buf)
	return nil
}

// close closes the file; it may be called again.
func (s *sink) close() error {
	if s.f == nil {
		return nil
	}
	err := s.flush()
	if err == nil && s.room > s.size && s.room < math.MaxInt64 {
		err = s.f.Truncate(s.size)
		s.room = 0
	}
	s.leave()
	if cerr := s.f.Close(); err == nil && !errors.Is(cerr, os.ErrClosed) {
		err = cerr
	}
	return err
}

// leave gives the memory of the file back.
func (s *sink) leave() {
	s.buf = nil
	s.sums.Settle()
}

// remove removes the file.
func (s *sink) remove() error {
	if s.f == nil {
		return nil
	}
	s.leave()
	s.room = 0
	return errors.Join(s.close(), removeFile(s.f.Name()))
}

// removeFile removes a spooled file; whoever has taken the whole folder away has
// done it already.
func removeFile(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// spooled tells of the file, once it is closed.
func (s *sink) spooled(kind feed.Kind, label string, generation int64, encoding string) Spooled {
	return Spooled{Kind: kind, Label: label, Generation: generation, Path: s.f.Name(), Encoding: encoding, Size: s.size,
		MD5: s.sums.MD5(), SHA256: s.sums.SHA256()}
}

// stateFile is a spooled state under way.
type stateFile struct {
	sink
	*diff.Writer
}

func newStateFile(dir string, shape diff.Shape, sums *filesum.Group) *stateFile {
	sf := &stateFile{sink: newSink(dir, "state-*", sums)}
	sf.Writer = diff.NewWriter(&sf.sink, shape)
	return sf
}

// finish writes the state's end; the file stays open until it is stored.
func (s *stateFile) finish(extra io.Reader, size int64) error {
	err := s.Writer.CloseFrom(extra, size)
	if err == nil {
		err = s.flush()
	}
	if err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	return nil
}

// spooled closes the file and tells of it.
func (s *stateFile) spooled(number int64) (Spooled, error) {
	if err := s.close(); err != nil {
		return Spooled{}, fmt.Errorf("write the state: %w", err)
	}
	return s.sink.spooled(0, "", number, ""), nil
}

var _ io.Writer = (*sink)(nil)
