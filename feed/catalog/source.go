package catalog

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"feedmill/feed"

	"github.com/klauspost/compress/gzip"
)

// sniffSize is how much of a file is looked at to recognise it.
const sniffSize = 64 << 10

// source is one opened catalog file, uncompressed and without byte order mark.
type source struct {
	name   string
	closer io.Closer
	raw    *meter
	r      *bufio.Reader
}

// meter counts what is read.
type meter struct {
	r io.Reader
	n int64
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.n += int64(n)
	return n, err
}

// guard bounds the uncompressed bytes of all files, and how far gzip data may
// blow up (a cap on the size and one on the ratio).
type guard struct {
	r      io.Reader
	name   string
	raw    *meter // nil when not compressed
	n      int64  // of this file
	total  *int64 // of all files
	limits *Limits
}

// ratioFloor is the uncompressed size from which the ratio counts.
const ratioFloor = 1 << 20

func (g *guard) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	g.n += int64(n)
	*g.total += int64(n)
	if *g.total > g.limits.Bytes {
		return 0, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("%s: the catalog holds more than %d bytes", g.name, g.limits.Bytes), Hint: "split it, or raise the limit"}
	}
	if g.raw != nil && g.n > ratioFloor && g.n > g.limits.Ratio*g.raw.n {
		return 0, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("%s: the gzip data grows more than %d times", g.name, g.limits.Ratio), Hint: "unpack the file first if it is to be trusted"}
	}
	return n, err
}

// openSource opens a file by name, "-" for standard input, and looks through
// gzip and a byte order mark.
func openSource(name string, opt *Options, total *int64, limits *Limits) (s *source, size int64, err error) {
	s = &source{name: cmp.Or(opt.Called[name], name)}
	var file io.Reader
	if name == "-" {
		s.name = "standard input"
		if file = opt.Stdin; file == nil {
			file = os.Stdin
		}
	} else {
		f, size0, err := openFile(name)
		if err != nil {
			return nil, 0, err
		}
		size, s.closer, file = size0, f, f
	}
	if err := s.look(file, total, limits); err != nil {
		s.close()
		return nil, 0, s.explain(err)
	}
	return s, size, nil
}

func openFile(name string) (*os.File, int64, error) {
	f, err := os.Open(name)
	if err != nil {
		kind := feed.KindInternal
		if errors.Is(err, fs.ErrNotExist) {
			kind = feed.KindNotFound
		}
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, 0, &feed.Error{Kind: kind, Message: "open catalog " + name, Err: err}
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = &feed.Error{Kind: feed.KindInvalid, Message: "open catalog " + name + ": is a folder", Hint: "name the files in it"}
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	size := int64(0)
	if info.Mode().IsRegular() {
		size = info.Size()
	}
	return f, size, nil
}

// look undoes gzip and the byte order mark and names encodings that are not read.
func (s *source) look(file io.Reader, total *int64, limits *Limits) error {
	s.raw = &meter{r: file}
	in := bufio.NewReaderSize(s.raw, sniffSize)
	magic, err := in.Peek(4)
	if err != nil && err != io.EOF {
		return err
	}
	g := &guard{name: s.name, total: total, limits: limits}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1F, 0x8B}):
		z, err := gzip.NewReader(in)
		if err != nil {
			return err
		}
		g.r, g.raw = z, s.raw
	default:
		g.r = in
	}
	s.r = bufio.NewReaderSize(g, sniffSize)
	whole, err := s.r.Peek(sniffSize)
	if err != nil && err != io.EOF {
		return err
	}
	if err := s.binary(whole); err != nil {
		return err
	}
	head := whole[:min(len(whole), 4)]
	switch {
	case bytes.HasPrefix(head, []byte{0x1F, 0x8B}):
		return &feed.Error{Kind: feed.KindInvalid, Message: s.name + ": is compressed twice", Hint: "unpack it once"}
	case bytes.Equal(head, []byte{0xFF, 0xFE, 0, 0}), bytes.Equal(head, []byte{0, 0, 0xFE, 0xFF}):
		return &feed.Error{Kind: feed.KindInvalid, Message: s.name + ": is encoded in UTF-32", Hint: "save it as UTF-8"}
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}), len(head) == 4 && head[0] != 0 && head[1] == 0 && head[3] == 0:
		return s.utf16("little")
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}), len(head) == 4 && head[0] == 0 && head[1] != 0 && head[2] == 0:
		return s.utf16("big")
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		_, err = s.r.Discard(3)
		return err
	}
	return nil
}

func (s *source) utf16(order string) error {
	return &feed.Error{Kind: feed.KindInvalid, Message: s.name + ": is encoded in UTF-16 (" + order + " endian)", Hint: "save it as UTF-8"}
}

// head gives what the file starts with, up to sniffSize bytes.
func (s *source) head() ([]byte, error) {
	b, err := s.r.Peek(sniffSize)
	if err != nil && err != io.EOF {
		return nil, s.explain(err)
	}
	return b, nil
}

func (s *source) close() {
	if s.closer != nil {
		s.closer.Close()
		s.closer = nil
	}
}

// explain names the file in an error of reading it.
func (s *source) explain(err error) error {
	var known *feed.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &feed.Error{Kind: feed.KindInvalid, Message: s.name + ": the gzip data ends too early", Hint: "the file was cut off: copy it again", Err: err}
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.As(err, new(flate.CorruptInputError)):
		return &feed.Error{Kind: feed.KindInvalid, Message: s.name + ": the gzip data is damaged", Hint: "copy the file again", Err: err}
	}
	return fmt.Errorf("read catalog %s: %w", s.name, err)
}
