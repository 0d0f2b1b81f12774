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

// headSize is how much of a file is looked at to find out its kind, as much as
// package schema looks at: a comment may stand before the root.
const headSize = 1 << 20

// source is a file being read: decompressed, looked at, measured.
type source struct {
	*bufio.Reader
	closers []io.Closer
	packed  *unpacker // nil for a plain file
	size    int64
	md5     hash.Hash // nil when nobody asks
	sha256  hash.Hash
}

// damage says in words what is wrong with the compression so far; "" for nothing.
func (s *source) damage() string {
	if s.packed == nil {
		return ""
	}
	return s.packed.damage
}

// members counts the gzip members that were begun so far.
func (s *source) members() int {
	if s.packed == nil {
		return 0
	}
	return s.packed.members
}

// watched remembers the error that reading failed with.
type watched struct {
	io.Reader
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}

// unpacker undoes gzip. What is wrong with the compression is what the file
// holds, no failure to read it: its text ends there, and damage says why.
type unpacker struct {
	raw     *watched
	from    *bufio.Reader
	z       *gzip.Reader
	members int
	done    bool
	damage  string
}

// next begins with a member.
func (u *unpacker) next() (err error) {
	if u.z == nil {
		u.z, err = gzip.NewReader(u.from)
	} else {
		err = u.z.Reset(u.from)
	}
	if err == nil {
		u.members++
		u.z.Multistream(false) // to tell what follows a member from what is in it
	}
	return err
}

// Read implements io.Reader.
func (u *unpacker) Read(p []byte) (int, error) {
	for !u.done {
		var n int
		var err error
		if u.z == nil {
			err = u.next()
		} else {
			n, err = u.z.Read(p)
		}
		if err == io.EOF { // of the member
			head, rest := u.from.Peek(2)
			switch {
			case len(head) == 0:
				u.done = true
				err = rest
			case string(head) == gzipMagic:
				err = u.next()
			default:
				u.done = true
				u.damage = "other bytes follow the compressed ones"
			}
		}
		if u.raw.err != nil {
			return n, u.raw.err
		}
		if err != nil && err != io.EOF {
			u.done = true
			u.damage = damageOf(err)
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, io.EOF
}

const gzipMagic = "\x1f\x8b"

func damageOf(err error) string {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the compressed file ends too early"
	case errors.Is(err, gzip.ErrChecksum):
		return "the checksum of the compressed file is not that of what it holds"
	}
	return "the compressed file is damaged"
}

// openSource opens a file of a family and undoes gzip. Where that is damaged
// the text ends, see source.damage.
func openSource(ctx context.Context, f *File) (*source, error) {
	raw, err := f.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", f.Name, err)
	}
	from := &watched{Reader: raw}
	s := &source{Reader: bufio.NewReaderSize(from, headSize), closers: []io.Closer{raw}}
	head, err := s.Peek(2)
	if err != nil && err != io.EOF {
		return nil, errors.Join(fmt.Errorf("read %s: %w", f.Name, err), s.Close())
	}
	if string(head) == gzipMagic {
		s.packed = &unpacker{raw: from, from: s.Reader}
		s.Reader = bufio.NewReaderSize(s.packed, headSize)
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
	buf := make([]byte, 64<<10)
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
// what kind it is; "" when it is none. Where the compression is damaged the text
// ends without an error, as Check reads it. The caller closes it.
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
