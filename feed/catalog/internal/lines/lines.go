// Package lines cuts a stream of bytes into lines without copying them.
//
// It owns line numbers, byte offsets and the limit on the length of a line. It
// refuses to know what a line means.
package lines

import (
	"bytes"
	"errors"
	"io"
)

// ErrTooLong is returned by [Reader.Next] for a line over the limit. The line
// is skipped and counted, and the next call goes on behind it.
var ErrTooLong = errors.New("line over the limit")

// blockSize is how much is read at once: so little that what is done with the
// lines finds them, and what it needs itself, in the processor's own memory.
const blockSize = 128 << 10

// Reader hands out the lines of a stream.
type Reader struct {
	src        io.Reader
	buf        []byte
	head, tail int // unread bytes
	err        error
	line       int64
	start, off int64 // offsets of the last line and of buf[head]
	unended    bool  // the last line had no line end
	max        int
}

// NewReader makes a Reader of lines of at most max bytes. It takes ownership of
// no file: the caller closes src.
func NewReader(src io.Reader, max int) *Reader { return &Reader{src: src, max: max} }

// Reset makes the reader start anew on another stream and keeps its memory.
func (r *Reader) Reset(src io.Reader) {
	*r = Reader{src: src, buf: r.buf, max: r.max}
}

// Line gives the number, from 1, of the line that the last call of Next gave.
func (r *Reader) Line() int64 { return r.line }

// Offset gives the position in the stream of that line's first byte.
func (r *Reader) Offset() int64 { return r.start }

// Ended says whether a line end stood behind that line: the last one of a file that
// was cut off has none, and that of many whole files neither.
func (r *Reader) Ended() bool { return !r.unended }

// Next gives the next line without its line end (LF or CR LF), valid until the
// next call; the last line may lack one. It gives [io.EOF] behind the last line,
// [ErrTooLong], or the stream's error.
func (r *Reader) Next() ([]byte, error) {
	scanned := 0
	for {
		if i := bytes.IndexByte(r.buf[r.head+scanned:r.tail], '\n'); i >= 0 {
			return r.take(scanned+i, 1)
		}
		scanned = r.tail - r.head
		if r.err != nil {
			if r.err != io.EOF {
				return nil, r.err
			}
			if scanned == 0 {
				return nil, io.EOF
			}
			return r.take(scanned, 0)
		}
		if scanned > r.max+1 {
			return nil, r.skip()
		}
		r.fill()
	}
}

// take cuts n bytes of line and the line end of size nl off the buffer.
func (r *Reader) take(n, nl int) ([]byte, error) {
	line := r.buf[r.head : r.head+n]
	r.advance(n + nl)
	r.unended = nl == 0
	if n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if len(line) > r.max {
		return nil, ErrTooLong
	}
	return line, nil
}

// advance counts a line of n bytes, line end included.
func (r *Reader) advance(n int) {
	r.line++
	r.start = r.off
	r.off += int64(n)
	r.head += n
}

// fill reads another block behind what is unread.
func (r *Reader) fill() {
	if r.head > 0 {
		r.tail = copy(r.buf, r.buf[r.head:r.tail])
		r.head = 0
	}
	if len(r.buf)-r.tail < blockSize {
		grown := make([]byte, max(2*len(r.buf), r.tail+blockSize))
		copy(grown, r.buf[:r.tail])
		r.buf = grown
	}
	for range 100 {
		n, err := r.src.Read(r.buf[r.tail:])
		r.tail += n
		if err != nil {
			r.err = err
			return
		}
		if n > 0 {
			return
		}
	}
	r.err = io.ErrNoProgress
}

// skip drops the rest of a line that is over the limit.
func (r *Reader) skip() error {
	n := 0
	for {
		if i := bytes.IndexByte(r.buf[r.head:r.tail], '\n'); i >= 0 {
			n += i + 1
			r.head += i + 1
			break
		}
		n += r.tail - r.head
		r.head, r.tail = 0, 0
		if r.err != nil {
			if r.err != io.EOF {
				return r.err
			}
			break
		}
		r.fill()
	}
	r.line++
	r.start = r.off
	r.off += int64(n)
	return ErrTooLong
}
