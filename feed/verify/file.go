package verify

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"time"

	"feedmill/feed"
	"feedmill/storage"
)

// promise is what a document or the records say of the bytes of a file.
type promise struct {
	size   int64 // -1: not said
	md5    [md5.Size]byte
	sha256 [sha256.Size]byte
	hasMD5 bool
	hasSHA bool
}

// opener opens a file from its beginning and says how long it is, -1 when
// that is not known before it is read.
type opener func(ctx context.Context) (r io.ReadCloser, size int64, err error)

// entry is one file that a gateway, a manifest or the records name.
type entry struct {
	name       string // "12/full.xml"
	kind       feed.Kind
	label      string
	generation int64
	epoch      int64     // of the oldest generation that lists it; from records alone
	changed    time.Time // zero: not said
	products   int64     // -1: not said
	base       int64
	target     int64
	plain      promise
	gzip       promise
	open       opener // nil: it cannot be had, which was told
	openGzip   opener // nil: there is no twin
	going      bool   // it is condemned, so it may vanish while this check runs
	// wanted says that partners may ask for it: the current generation lists it,
	// or one that was replaced lately. From records alone.
	wanted bool
	swept  bool // it is condemned or being deleted; from records alone
	listed bool // the current generation lists it; from records alone

	// What was found by reading it.
	read      bool // it was tried
	whole     bool // there, with the bytes that were promised
	sound     bool // whole, and nothing wrong with its content
	gzipWhole bool
	bytes     measured
	head      head
	list      []node // of full, light, change and CSV files, ascending by id
	found     int64  // products in it, doubles included
}

// measured is what the bytes of a file turned out to be.
type measured struct {
	size   int64
	md5    [md5.Size]byte
	sha256 [sha256.Size]byte
}

// meter measures what is read through it.
type meter struct {
	r    io.Reader
	md5  hash.Hash
	sha  hash.Hash
	size int64
	tick func(n int64)
}

func newMeter(r io.Reader, tick func(int64)) *meter {
	return &meter{r: r, md5: md5.New(), sha: sha256.New(), tick: tick}
}

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.md5.Write(p[:n])
	m.sha.Write(p[:n])
	m.size += int64(n)
	m.tick(int64(n))
	return n, err
}

func (m *meter) sum() (out measured) {
	out.size = m.size
	m.md5.Sum(out.md5[:0])
	m.sha.Sum(out.sha256[:0])
	return out
}

// checker is one check.
type checker struct {
	*book
	opt   Options
	total int // files to read, as far as known
	// replaced says that what is being read belongs to replaced generations alone.
	replaced bool
}

func newChecker(subject string, opt Options) *checker {
	if opt.OrphanAge == 0 {
		opt.OrphanAge = 24 * time.Hour
	}
	if opt.MaxBytes == 0 {
		opt.MaxBytes = 4 << 30
	}
	return &checker{book: newBook(subject, opt.Examples), opt: opt}
}

func (c *checker) tick(n int64) { c.rep.Bytes += n }

func (c *checker) progress(name string) {
	if c.opt.Progress != nil {
		c.opt.Progress(Progress{File: name, Files: c.rep.Files, FilesOf: c.total, Bytes: c.rep.Bytes})
	}
}

// gone reports whether an error of opening says that there is no such file.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, storage.ErrNotExist)
}

// fileError is an error of reading that is about the file rather than about
// the machine: it becomes a finding.
type fileError struct {
	rule string
	err  error
}

func (e *fileError) Error() string { return e.err.Error() }
func (e *fileError) Unwrap() error { return e.err }

// load reads a file to its end, judges its bytes and, where they are those
// that were promised, what it holds and its compressed twin. The error is
// about the machine, never about the file.
func (c *checker) load(ctx context.Context, f *entry) error {
	if f.read {
		return nil
	}
	f.read = true
	if f.open == nil {
		return nil
	}
	c.progress(f.name)
	c.rep.Files++
	// What is found in a file counts only once its bytes are known to be right.
	notes := newBook("", c.per)
	notes.offer = c.offer
	got, err := c.measure(ctx, f.name, f.open, func(r io.Reader) error { return readContent(notes, f, r) })
	if f.whole = err == nil && c.judgeBytes(f.name, &f.plain, got); !f.whole {
		f.list = nil
		if f.going && gone(err) {
			return nil
		}
		return c.told(f.name, err)
	}
	f.bytes, f.sound = got, len(notes.count) == 0
	c.take(notes)
	if f.openGzip == nil {
		return nil
	}
	return c.loadGzip(ctx, f)
}

// told makes a finding of an error that is about the file, and gives back any
// other.
func (c *checker) told(name string, err error) error {
	var bad *fileError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &bad):
		c.add(bad.rule, place{file: name}, "%v", bad.err)
	case gone(err):
		c.add(ruleFileMissing, place{file: name}, "it is not there%s", c.fate())
	case errors.Is(err, storage.ErrArchived):
		c.add(ruleFileDigest, place{file: name}, "it lies in an archive of the store, and cannot be read before it is restored%s", c.fate())
	case errors.Is(err, storage.ErrDamaged):
		c.add(ruleFileDigest, place{file: name}, "the store says that it is damaged%s", c.fate())
	default:
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// fate tells what no publication mends: it would go on being found for days after
// what is current has been made anew.
func (c *checker) fate() string {
	if !c.replaced {
		return ""
	}
	return "; it is of a generation that was replaced, and goes by itself when its time is up"
}

// measure opens a file, lets read have its bytes, reads what is left, and
// gives what they are.
func (c *checker) measure(ctx context.Context, name string, open opener, read func(io.Reader) error) (out measured, err error) {
	src, _, err := open(ctx)
	if err != nil {
		return out, err
	}
	defer func() {
		if cerr := src.Close(); err == nil && cerr != nil {
			err = cerr
		}
	}()
	m := newMeter(&patient{ctx: ctx, r: src}, c.tick)
	if err := read(m); err != nil {
		return out, err
	}
	if _, err := io.Copy(io.Discard, m); err != nil {
		return out, err
	}
	return m.sum(), nil
}

// patient ends reading with its context.
type patient struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.r.Read(b)
}

// judgeBytes compares what a file is with what was promised, and reports whether it
// is the file that was meant. When all but one of the statements agree with
// the bytes, it is that statement that is wrong.
func (c *checker) judgeBytes(name string, want *promise, got measured) bool {
	at := place{file: name}
	size := want.size < 0 || want.size == got.size
	sumMD5 := !want.hasMD5 || want.md5 == got.md5
	sumSHA := !want.hasSHA || want.sha256 == got.sha256
	known := want.hasMD5 && sumMD5 || want.hasSHA && sumSHA // some digest proves the bytes
	switch {
	case size && sumMD5 && sumSHA:
	case !known && !size:
		c.add(ruleFileLength, at, "it has %d bytes instead of %d%s", got.size, want.size, c.fate())
		return false
	case !known:
		c.add(ruleFileDigest, at, "its SHA-256 is %x, and %s%s", got.sha256, want, c.fate())
		return false
	default:
		if !size {
			c.add(ruleStatedSize, at, "it has %d bytes, as its digests prove, and is said to have %d", got.size, want.size)
		}
		if !sumMD5 {
			c.add(ruleStatedMD5, at, "its MD5 is %x, and is said to be %x", got.md5, want.md5)
		}
		if !sumSHA {
			c.add(ruleStatedSHA256, at, "its SHA-256 is %x, and is said to be %x", got.sha256, want.sha256)
		}
	}
	return true
}

// String tells the digest that was promised.
func (p *promise) String() string {
	if p.hasSHA {
		return fmt.Sprintf("%x was published", p.sha256)
	}
	return fmt.Sprintf("a file of MD5 %x was published", p.md5)
}

// loadGzip judges the compressed twin of a file that is whole: its bytes, that
// it is one member with nothing behind it, and that it holds the same.
func (c *checker) loadGzip(ctx context.Context, f *entry) error {
	name := f.name + ".gz"
	c.progress(name)
	c.rep.Files++
	notes := newBook("", c.per)
	notes.offer = c.offer
	got, err := c.measure(ctx, name, f.openGzip, func(r io.Reader) error { return readGzip(notes, name, f.bytes, r) })
	if err != nil {
		return c.told(name, err)
	}
	if f.gzipWhole = c.judgeBytes(name, &f.gzip, got); f.gzipWhole {
		c.take(notes)
	}
	return nil
}

// readGzip judges a compressed twin. The error is about reading alone.
func readGzip(b *book, name string, plain measured, r io.Reader) error {
	at := place{file: name}
	src := &keepError{r: r}
	in := bufio.NewReaderSize(src, 64<<10)
	z, err := gzip.NewReader(in)
	if err != nil {
		b.add(ruleGzipBroken, at, "it does not begin as a gzip member: %v", err)
		return src.err
	}
	z.Multistream(false)
	out := newMeter(z, func(int64) {})
	// What is inflated is bounded by what it should be.
	_, err = io.Copy(io.Discard, io.LimitReader(out, plain.size+1))
	sum := out.sum()
	switch {
	case src.err != nil:
		return src.err
	case err != nil:
		at.offset = sum.size
		b.add(ruleGzipBroken, at, "after %d bytes of content: %v", sum.size, err)
		return nil
	case sum.size > plain.size:
		b.add(ruleGzipTwin, at, "it inflates to more than the %d bytes of the plain file", plain.size)
		return nil
	}
	rest, err := in.Peek(2)
	switch {
	case src.err != nil:
		return src.err
	case string(rest) == "\x1f\x8b":
		b.add(ruleGzipMembers, at, "a second member follows after %d bytes of content", sum.size)
		return nil
	case len(rest) > 0:
		b.add(ruleGzipTrailing, at, "bytes follow the end of the member")
	case err != nil && err != io.EOF:
		return err
	}
	if sum != plain {
		b.add(ruleGzipTwin, at, "it inflates to %d bytes of SHA-256 %x, and the plain file has %d of %x", sum.size, sum.sha256, plain.size, plain.sha256)
	}
	return nil
}

// keepError remembers the error of a reader, which those above may dress up.
type keepError struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (k *keepError) Read(p []byte) (int, error) {
	n, err := k.r.Read(p)
	if err != nil && err != io.EOF {
		k.err = err
	}
	return n, err
}
