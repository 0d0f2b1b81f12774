package rules

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"feedmill/schema"
)

// headSize is how much of a file is looked at to find out its kind.
const headSize = 64 << 10

// source is a file being read: decompressed, looked at, measured.
type source struct {
	*bufio.Reader
	closers []io.Closer
	size    int64
	md5     hash.Hash // nil when nobody asks
	sha256  hash.Hash
}

// openSource opens a file of a family and undoes gzip.
func openSource(ctx context.Context, f *File) (*source, error) {
	raw, err := f.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", f.Name, err)
	}
	s := &source{Reader: bufio.NewReaderSize(raw, headSize), closers: []io.Closer{raw}}
	head, err := s.Peek(2)
	if err != nil && err != io.EOF {
		return nil, errors.Join(fmt.Errorf("read %s: %w", f.Name, err), s.Close())
	}
	if string(head) == "\x1f\x8b" {
		z, err := gzip.NewReader(s.Reader)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("decompress %s: %w", f.Name, err), s.Close())
		}
		s.Reader = bufio.NewReaderSize(z, headSize)
	}
	return s, nil
}

// head is the beginning of the file, which stays to be read.
func (s *source) head() []byte {
	head, _ := s.Peek(headSize) // an error comes again from Read
	return head
}

func (s *source) measure(withMD5, withSHA256 bool) {
	if withMD5 {
		s.md5 = md5.New() // the format's checksum; it identifies nothing
	}
	if withSHA256 {
		s.sha256 = sha256.New()
	}
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.size += int64(n)
	if s.md5 != nil {
		s.md5.Write(p[:n])
	}
	if s.sha256 != nil {
		s.sha256.Write(p[:n])
	}
	return n, err
}

// drain reads the rest, so that size and digests are those of the whole file.
func (s *source) drain(ctx context.Context) error {
	buf := make([]byte, headSize)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := s.Read(buf); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// Close closes the file.
func (s *source) Close() error {
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

func sum(h hash.Hash) string {
	if h == nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// detect finds out the kind of a file.
func detect(name string, head []byte) schema.Kind {
	return schema.DetectKind(plainName(name), bytes.TrimPrefix(head, []byte(bom)))
}

const bom = "\xEF\xBB\xBF"

// OpenFile opens a file of a family from the beginning, undoes gzip, and says
// what kind it is; "" when it is none. The caller closes it.
func OpenFile(ctx context.Context, f *File) (io.ReadCloser, schema.Kind, error) {
	s, err := openSource(ctx, f)
	if err != nil {
		return nil, "", err
	}
	kind := f.Kind
	if kind == "" {
		kind = detect(f.Name, s.head())
	}
	return s, kind, nil
}
