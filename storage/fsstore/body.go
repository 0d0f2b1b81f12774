package fsstore

import (
	"io"
	"os"

	"feedmill/storage"
)

// fileBody is a part of a data file that is a real one.
type fileBody struct {
	storage.Body
	file *os.File
}

var _ storage.FileReader = (*fileBody)(nil)

// File implements storage.FileReader.
func (b *fileBody) File() *os.File { return b.file }

// WriteTo implements io.WriterTo. A connection recognises the limited file and
// has the system send it.
func (b *fileBody) WriteTo(w io.Writer) (int64, error) {
	if err := b.Ctx.Err(); err != nil {
		return 0, err
	}
	if b.Left == 0 {
		return 0, nil
	}
	n, err := io.Copy(w, &io.LimitedReader{R: b.file, N: b.Left})
	b.Left -= n
	if err == nil && b.Left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
