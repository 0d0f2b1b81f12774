package fsstore

import (
	"context"
	"io"
	"os"

	"feedmill/internal/durable"
)

// body reads a part of a data file.
type body struct {
	ctx  context.Context
	f    durable.File
	left int64
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.f.Read(p)
	b.left -= int64(n)
	if err == io.EOF && b.left > 0 {
		err = io.ErrUnexpectedEOF // somebody shortened the file under us
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error { return b.f.Close() }

// fileBody is a body of a real file.
type fileBody struct {
	body
	file *os.File
}

// File implements storage.FileReader.
func (b *fileBody) File() *os.File { return b.file }

// WriteTo implements io.WriterTo. A connection recognises the limited file and
// has the system send it.
func (b *fileBody) WriteTo(w io.Writer) (int64, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.left == 0 {
		return 0, nil
	}
	n, err := io.Copy(w, &io.LimitedReader{R: b.file, N: b.left})
	b.left -= n
	if err == nil && b.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
