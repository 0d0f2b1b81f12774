package patch

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"feedmill/feed"
)

// Document is a full or change document that can be opened more than once.
type Document struct {
	// Name is for messages.
	Name string
	// Open opens it, compressed by gzip or not.
	Open func() (io.ReadCloser, error)
}

// File is the document in a file.
func File(path string) Document {
	return Document{Name: path, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
}

// Bytes is the document in b.
func Bytes(name string, b []byte) Document {
	return Document{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

// Options are settings of operations on documents. The zero value works.
type Options struct {
	// Spool is a folder for temporary files, "" for the system's.
	Spool string
	// MaxOpen is how many documents are read at a time: of more change
	// documents groups are composed first. Default 32, at least 2.
	MaxOpen int
	// OnlyFull has [ApplyTo] refuse a full document that holds a tombstone, which
	// only a change document may (IOF 4.1). Some suppliers' full files hold them, so
	// that it is asked for where nothing but the content tells which of the two it is.
	OnlyFull bool

	runBytes int // for tests
}

// Read opens the documents and calls fn with a stream of each. When one of them
// turns out not to be in order it is sorted in the spool folder and fn is called
// once more, with all streams at their beginning: fn starts over with what it
// makes. Errors name the document.
func Read(ctx context.Context, docs []Document, opt Options, fn func([]Stream) error) error {
	unordered := make([]bool, len(docs))
	for {
		err := readOnce(ctx, docs, unordered, opt, fn)
		var order *orderIn
		if !errors.As(err, &order) || unordered[order.index] {
			return err
		}
		unordered[order.index] = true
	}
}

// orderIn says which document is out of order.
type orderIn struct {
	index int
	err   error
}

func (e *orderIn) Error() string { return e.err.Error() }
func (e *orderIn) Unwrap() error { return e.err }

func readOnce(ctx context.Context, docs []Document, unordered []bool, opt Options, fn func([]Stream) error) (err error) {
	streams := make([]Stream, len(docs))
	for i, d := range docs {
		body, oerr := openDocument(d)
		if oerr != nil {
			return named(d.Name, oerr)
		}
		defer body.Close() // only read
		r := NewReader(body)
		streams[i] = &documentStream{Stream: r, ctx: ctx, name: d.Name, index: i}
		if unordered[i] {
			all, serr := newSorted(ctx, r, opt.Spool, cmp.Or(opt.runBytes, runBytes))
			if serr != nil {
				return named(d.Name, serr)
			}
			defer func() { err = errors.Join(err, all.Close()) }()
			streams[i] = &documentStream{Stream: all, ctx: ctx, name: d.Name, index: i}
		}
	}
	return fn(streams)
}

// documentStream names the document in errors and ends with its context.
type documentStream struct {
	Stream
	ctx   context.Context
	name  string
	index int
	n     int
}

// Head implements [Stream].
func (s *documentStream) Head() (*Head, error) {
	h, err := s.Stream.Head()
	return h, named(s.name, err)
}

// Next implements [Stream].
func (s *documentStream) Next() (Node, error) {
	if s.n++; s.n%1024 == 0 {
		if err := s.ctx.Err(); err != nil {
			return Node{}, err
		}
	}
	n, err := s.Stream.Next()
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	var order *OrderError
	if errors.As(err, &order) {
		order.Document = s.name
		err = &orderIn{s.index, err}
	}
	return n, named(s.name, err)
}

// named puts a document's name before an error.
func named(name string, err error) error {
	if err == nil || name == "" {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// openDocument opens a document and undoes compression, which is told by the
// first bytes and not by a name.
func openDocument(d Document) (io.ReadCloser, error) {
	f, err := d.Open()
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, &feed.Error{Kind: feed.KindNotFound, Message: "there is no such file", Err: err}
		}
		return nil, err
	}
	r := bufio.NewReaderSize(f, 64<<10)
	first, err := r.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		if errors.Is(err, syscall.EISDIR) {
			err = &feed.Error{Kind: feed.KindInvalid, Message: "it is a folder", Hint: "name the file in it"}
		}
		return nil, errors.Join(err, f.Close())
	}
	if len(first) < 2 || first[0] != 0x1f || first[1] != 0x8b {
		return &reading{r, f}, nil
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, errors.Join(&feed.Error{Kind: feed.KindInvalid, Message: "it cannot be decompressed", Err: err}, f.Close())
	}
	return &reading{unzip{z}, f}, nil
}

// reading reads from one thing and closes another.
type reading struct {
	io.Reader
	io.Closer
}

// unzip tells damage of compressed bytes from faults of the machine.
type unzip struct{ z *gzip.Reader }

func (u unzip) Read(p []byte) (int, error) {
	n, err := u.z.Read(p)
	if errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = &feed.Error{Kind: feed.KindInvalid, Message: "it cannot be decompressed", Err: err}
	}
	return n, err
}

// ApplyTo is [Apply] over documents, in any order of products, into a sink.
func ApplyTo(ctx context.Context, to *Sink, full Document, changes []Document, opt Options) (c Counts, err error) {
	err = folded(ctx, changes, opt, 1, func(changes []Document) error {
		return Read(ctx, append([]Document{full}, changes...), opt, func(s []Stream) (err error) {
			if err := to.Reset(); err != nil {
				return err
			}
			base := s[0]
			if opt.OnlyFull {
				base = wholeStream{base, full.Name}
			}
			c, err = Apply(to, base, s[1:]...)
			return err
		})
	})
	return c, errors.Join(err, to.Flush())
}

// wholeStream refuses tombstones.
type wholeStream struct {
	Stream
	name string
}

// Next implements [Stream].
func (s wholeStream) Next() (Node, error) {
	n, err := s.Stream.Next()
	if err == nil && n.Removed {
		err = named(s.name, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("it says that product %.80q was removed, as only a change file does, and a full file comes first", n.ID),
			Hint: "name the full file first, then its change files, the oldest first; a full file that says so all the same is taken by a name such as full.xml"})
	}
	return n, err
}

// ComposeTo is [Compose] over documents, in any order of products, into a sink.
func ComposeTo(ctx context.Context, to *Sink, changes []Document, opt Options) (c Counts, err error) {
	err = folded(ctx, changes, opt, 0, func(changes []Document) error {
		return Read(ctx, changes, opt, func(s []Stream) (err error) {
			if err := to.Reset(); err != nil {
				return err
			}
			c, err = Compose(to, s...)
			return err
		})
	})
	return c, errors.Join(err, to.Flush())
}

// folded composes groups of neighbouring changes until at most MaxOpen
// documents are left, others included, and calls fn with them. That Compose is
// associative makes it right.
func folded(ctx context.Context, changes []Document, opt Options, others int, fn func([]Document) error) (err error) {
	most := max(cmp.Or(opt.MaxOpen, 32), 2)
	if len(changes)+others <= most || len(changes) <= 1 {
		return fn(changes)
	}
	var next []Document
	for len(changes) > 0 {
		group := changes[:min(most, len(changes))]
		changes = changes[len(group):]
		if len(group) == 1 {
			next = append(next, group[0])
			continue
		}
		f, ferr := os.CreateTemp(opt.Spool, "feedmill-compose-*")
		if ferr != nil {
			return fmt.Errorf("make a file for composing: %w", ferr)
		}
		defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
		to := NewSink(f)
		if _, err := ComposeTo(ctx, to, group, opt); err != nil {
			return err
		}
		next = append(next, File(f.Name()))
	}
	return folded(ctx, next, opt, others, fn)
}

// Check reads a document to its end and gives its head, the number of its
// products, tombstones left out, and whether they stand in order, each once.
func Check(ctx context.Context, d Document) (h *Head, products int64, ordered bool, err error) {
	body, err := openDocument(d)
	if err != nil {
		return nil, 0, false, named(d.Name, err)
	}
	defer body.Close() // only read
	r := NewReader(body)
	r.any = true
	s := &documentStream{Stream: r, ctx: ctx, name: d.Name}
	last, some := "", false
	ordered = true
	for {
		n, err := s.Next()
		if errors.Is(err, io.EOF) {
			return r.head, products, ordered, nil
		}
		if err != nil {
			return nil, products, false, err
		}
		ordered = ordered && (!some || CompareID(last, n.ID) < 0)
		last, some = n.ID, true
		if !n.Removed {
			products++
		}
	}
}

// Digest gives the length and the SHA-256 of a document's bytes without
// compression: by these a manifest knows it.
func Digest(ctx context.Context, d Document) (size int64, sum [sha256.Size]byte, err error) {
	body, err := openDocument(d)
	if err != nil {
		return 0, sum, named(d.Name, err)
	}
	defer body.Close() // only read
	h := sha256.New()
	for err == nil {
		var n int64
		n, err = io.CopyN(h, body, 1<<20)
		size += n
		err = cmp.Or(ctx.Err(), err)
	}
	if !errors.Is(err, io.EOF) {
		return size, sum, named(d.Name, err)
	}
	h.Sum(sum[:0])
	return size, sum, nil
}
