package block

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"sync"
)

// Reader reads the plain form of a file, inflating what is asked for and
// proving every byte of it. It is safe for concurrent use, one call at a time
// after the other; it is cheap enough to open one for each request.
type Reader struct {
	ctx context.Context
	x   *Index
	src Source

	mu sync.Mutex
	inflater
	packed []byte
	// plain are the bytes of segment have; -1 for none.
	plain []byte
	have  int
}

// Open gives a reader of the plain form of the gzip file that src reads. It
// needs no closing; ctx ends every read.
func (x *Index) Open(ctx context.Context, src Source) *Reader {
	return &Reader{ctx: ctx, x: x, src: src, have: -1}
}

// Size is the size of the plain form in bytes.
func (r *Reader) Size() int64 { return r.x.PlainSize() }

var errNegativeOffset = errors.New("negative offset")

// ReadAt implements [io.ReaderAt].
func (r *Reader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errNegativeOffset
	}
	if off >= r.Size() {
		return 0, io.EOF
	}
	want := min(int64(len(p)), r.Size()-off)
	err = r.each(off, want, func(b []byte) error {
		n += copy(p[n:], b)
		return nil
	})
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// WriteTo implements [io.WriterTo]: it writes the whole plain form.
func (r *Reader) WriteTo(w io.Writer) (int64, error) { return r.WriteRange(w, 0, r.Size()) }

// WriteRange writes n bytes of the plain form from off, in pieces of a block.
func (r *Reader) WriteRange(w io.Writer, off, n int64) (written int64, err error) {
	if off < 0 || n < 0 || off > r.Size() || n > r.Size()-off {
		return 0, fmt.Errorf("bytes %d to %d of a file of %d", off, off+n, r.Size())
	}
	err = r.each(off, n, func(b []byte) error {
		m, err := w.Write(b)
		written += int64(m)
		if err == nil && m < len(b) {
			err = io.ErrShortWrite
		}
		return err
	})
	return written, err
}

// AppendBlock appends the plain bytes of block i.
func (r *Reader) AppendBlock(dst []byte, i int) ([]byte, error) {
	err := r.each(r.x.at(i+1).plain, int64(r.x.Blocks[i].Plain), func(b []byte) error {
		dst = append(dst, b...)
		return nil
	})
	return dst, err
}

// each passes on the bytes of a range, which lies in the file, piece by piece.
func (r *Reader) each(off, n int64, yield func([]byte) error) error {
	if n == 0 {
		return r.ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	x := r.x
	from := sort.Search(x.segments(), func(i int) bool { return x.at(i+1).plain > off })
	to := sort.Search(x.segments(), func(i int) bool { return x.at(i+1).plain >= off+n }) + 1
	var stream io.ReadCloser
	defer func() {
		if stream != nil {
			stream.Close()
		}
	}()
	for i := from; i < to; i++ {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		if stream == nil && r.have != i {
			at := x.at(i).packed
			var err error
			if stream, err = r.src(r.ctx, at, x.at(to).packed-at); err != nil {
				return fmt.Errorf("read segment %d: %w", i, err)
			}
		}
		if stream != nil {
			if err := r.load(stream, i); err != nil {
				return err
			}
		}
		b := r.plain
		start := x.at(i).plain
		if start+int64(len(b)) > off+n {
			b = b[:off+n-start]
		}
		if start < off {
			b = b[off-start:]
		}
		if err := yield(b); err != nil {
			return err
		}
	}
	return nil
}

// load reads the next segment off a stream and inflates it.
func (r *Reader) load(stream io.Reader, i int) error {
	s := r.x.segment(i)
	r.have = -1
	var err error
	r.packed, err = appendExactly(r.packed[:0], stream, int(s.Packed))
	if err = early(err, r.x.at(i).packed, int64(s.Packed)); err == nil {
		r.plain, err = r.inflate(r.plain[:0], r.packed, s)
	}
	if err != nil {
		return fmt.Errorf("read segment %d: %w", i, err)
	}
	r.have = i
	return nil
}

var (
	_ io.ReaderAt = (*Reader)(nil)
	_ io.WriterTo = (*Reader)(nil)
)
