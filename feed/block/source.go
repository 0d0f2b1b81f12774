package block

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Source gives n bytes of a stored file from offset off; whoever calls closes
// the reader. A source that ends early is taken as damage ([ErrCorrupt]).
// Segments are read in pieces of some kilobytes up to a megabyte, several at a
// time: a source should be near, such as a local file.
type Source func(ctx context.Context, off, n int64) (io.ReadCloser, error)

// At is the [Source] of an open file, or of anything else that is read by offset.
func At(r io.ReaderAt) Source {
	return func(_ context.Context, off, n int64) (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(r, off, n)), nil
	}
}

// ErrCorrupt says that stored bytes or an index are not what was written.
// Whoever meets it builds the file from its nodes instead.
var ErrCorrupt = errors.New("blocks are damaged")

// append appends n bytes from offset off.
func (s Source) append(ctx context.Context, dst []byte, off, n int64) ([]byte, error) {
	r, err := s(ctx, off, n)
	if err != nil {
		return dst, err
	}
	return appendAll(dst, r, off, n)
}

// appendAll appends all n bytes of a reader that begins at offset off, and closes it.
func appendAll(dst []byte, r io.ReadCloser, off, n int64) ([]byte, error) {
	dst, err := appendExactly(dst, r, int(n))
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	return dst, early(err, off, n)
}

// borrow gives n bytes from offset off as a reader lends them, until they are given
// back. What another reader has is appended to dst.
func (s Source) borrow(ctx context.Context, l *lent, dst []byte, off, n int64) ([]byte, error) {
	l.giveBack()
	r, err := s(ctx, off, n)
	if err != nil {
		return dst, err
	}
	if lender, ok := r.(Lender); ok {
		for left := n; left > 0 && ok; {
			b, err := lender.Lend(int(left))
			ok = err == nil && len(b) > 0 && int64(len(b)) <= left
			l.pieces, left = append(l.pieces, b), left-int64(len(b))
		}
		l.lender = r
		if ok {
			return dst, nil
		}
		l.giveBack()
		if r, err = s(ctx, off, n); err != nil {
			return dst, err
		}
	}
	if dst, err = appendAll(dst, r, off, n); err == nil {
		l.set(dst)
	}
	return dst, err
}

// firstStep is how much memory is set aside on a size's word alone.
const firstStep = 1 << 20

// appendExactly appends n bytes of r, and leaves room for the end of a stream.
func appendExactly(dst []byte, r io.Reader, n int) ([]byte, error) {
	start := len(dst)
	for {
		at := len(dst)
		if at == start+n {
			return dst, nil
		}
		step := min(start+n-at, max(at-start, firstStep))
		dst = slices.Grow(dst, step+len(lastBlock))[:at+step]
		if _, err := io.ReadFull(r, dst[at:]); err != nil {
			return dst[:start], err
		}
	}
}

// early turns the end of a source before its time into damage.
func early(err error, off, n int64) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: the file ends inside the %d bytes from offset %d", ErrCorrupt, n, off)
	}
	return err
}
