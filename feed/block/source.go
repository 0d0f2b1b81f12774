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

// Lender is an optional ability of a reader that a [Source] gives.
type Lender interface {
	// Lend gives the next bytes, at least one and at most n, without copying them.
	// They stay as they are until the reader is closed; nobody writes to them. Where
	// it fails the bytes are read from a new reader instead.
	Lend(n int) ([]byte, error)
}

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
	dst, err = appendExactly(dst, r, int(n))
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	return dst, early(err, off, n)
}

// borrow gives n bytes from offset off in pieces, without copying them, until the
// lender is closed; nil where the source does not lend.
func (s Source) borrow(ctx context.Context, pieces [][]byte, off, n int64) ([][]byte, io.Closer) {
	r, err := s(ctx, off, n)
	if err != nil {
		return pieces, nil
	}
	lender, ok := r.(Lender)
	for ok && n > 0 {
		b, err := lender.Lend(int(n))
		ok = err == nil && len(b) > 0 && int64(len(b)) <= n
		pieces, n = append(pieces, b), n-int64(len(b))
	}
	if !ok {
		r.Close() // it is not needed
		return pieces[:0], nil
	}
	return pieces, r
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
