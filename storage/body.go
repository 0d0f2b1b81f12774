package storage

import (
	"context"
	"errors"
	"io"
)

// Body reads a part of an object for the stores that have it from a file or a
// connection: Left more bytes of From or an error, and none once Ctx has ended.
// Fewer than Left are an [io.ErrUnexpectedEOF]; what From has beyond them is
// not read.
type Body struct {
	Ctx  context.Context
	From io.ReadCloser
	Left int64
}

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	if err := b.Ctx.Err(); err != nil {
		return 0, err
	}
	if b.Left == 0 {
		return 0, io.EOF
	}
	n, err := b.From.Read(p[:min(int64(len(p)), b.Left)])
	b.Left -= int64(n)
	switch {
	case err == io.EOF && b.Left > 0:
		err = io.ErrUnexpectedEOF // a file that was shortened, a connection that was cut
	case err != nil && err != io.EOF && b.Ctx.Err() != nil:
		err = errors.Join(b.Ctx.Err(), err) // a connection that ends with Ctx says something of its own
	}
	return n, err
}

// Close implements io.Closer.
func (b *Body) Close() error { return b.From.Close() }
