package publish

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"feedmill/feed"
	"feedmill/feed/diff"
)

// splice makes the light file from the one before: what stays is copied as
// bytes, and only what differs was rendered. The states say where nodes stand.
func (p *plan) splice(ctx context.Context, r *runner) (err error) {
	var edits *editReader
	if p.sp.edits != nil {
		if edits, err = p.sp.edits.read(); err != nil {
			return err
		}
		defer edits.close()
	}
	shape, err := p.header(ctx, r)
	if err != nil {
		return err
	}
	p.state = newStateFile(r.req.Spool, shape, &r.sums)
	s := &splicer{plan: p, runner: r}
	if s.old, err = p.openState(ctx, r.bin); err != nil {
		return err
	}
	if s.nodes, err = p.copyOf(ctx, r.bin, feed.KindLight); err != nil {
		return err
	}
	if p.csv != nil {
		if s.records, err = p.copyOf(ctx, r.bin, feed.KindLightCSV); err != nil {
			return err
		}
	}
	p.goneNodes, p.expiredGone = 0, 0
	if err := s.run(ctx, edits); err != nil {
		return err
	}
	for _, c := range []*copier{s.nodes, s.records} {
		if c != nil {
			if err := c.finish(); err != nil {
				return err
			}
		}
	}
	if err := p.close(); err != nil {
		return fmt.Errorf("read generation %d: %w", p.prev.Number, err)
	}
	if err := p.endBody(); err != nil {
		return err
	}
	return p.state.finish(p.appendedExtra())
}

// splicer walks the state before beside the edits.
type splicer struct {
	*plan
	runner         *runner
	old            diff.Entries
	nodes, records *copier
	live           int64
}

func (s *splicer) run(ctx context.Context, edits *editReader) error {
	next, more, err := edits.next()
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		if n%4096 == 0 && context.Cause(ctx) != nil {
			return context.Cause(ctx)
		}
		e, at, err := s.old.Next()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		end := err != nil
		for more && (end || next.ID < e.ID) {
			if err := s.insert(next); err != nil {
				return err
			}
			if next, more, err = edits.next(); err != nil {
				return err
			}
		}
		if end {
			break
		}
		switch {
		case more && next.ID == e.ID && !next.Gone:
			err = s.insert(next)
		case more && next.ID == e.ID:
			err = s.leave(ctx, e, at)
		case e.Gone && s.expired(&e, s.runner):
			s.expiredGone++
		default:
			err = s.stay(e, at)
		}
		if err != nil {
			return err
		}
		if more && next.ID == e.ID {
			if next, more, err = edits.next(); err != nil {
				return err
			}
		}
	}
	if err := s.flush(); err != nil {
		return err
	}
	if s.live != s.plan.live {
		return fmt.Errorf("%w: the light file has %d products, it should have %d", diff.ErrCorrupt, s.live, s.plan.live)
	}
	return nil
}

// insert writes a node that differs.
func (s *splicer) insert(e edit) error {
	if e.Gone {
		return fmt.Errorf("%w: product %d is not in the light file", diff.ErrCorrupt, e.ID)
	}
	if err := s.flush(); err != nil {
		return err
	}
	s.live++
	if s.csv != nil {
		s.csv.buf = append(s.csv.buf, e.record...)
		if err := s.csv.flow(); err != nil {
			return err
		}
	}
	return errors.Join(s.body.node(e.ID, e.node), s.state.Add(e.Entry))
}

// stay copies a node.
func (s *splicer) stay(e diff.Entry, at diff.Place) error {
	if e.Gone {
		s.goneNodes++
	} else {
		s.live++
	}
	if err := s.stayNode(e, at); err != nil {
		return err
	}
	if s.records != nil {
		if err := s.records.want(s.csv, at.Twin, int64(e.Twin)); err != nil {
			return err
		}
	}
	return s.state.Add(e)
}

// stayNode copies a node; blocks are made of nodes that are told apart.
func (s *splicer) stayNode(e diff.Entry, at diff.Place) error {
	if !s.body.blocked() {
		return s.nodes.want(s.body.spool, at.Node, int64(e.Size))
	}
	if cap(s.node) < e.Size {
		s.node = make([]byte, e.Size)
	}
	s.node = s.node[:e.Size]
	if err := s.nodes.skip(at.Node); err != nil {
		return err
	}
	if err := s.nodes.fill(s.node); err != nil {
		return err
	}
	return s.body.node(e.ID, s.node)
}

// leave shows a product that was in the file as sold out.
func (s *splicer) leave(ctx context.Context, e diff.Entry, at diff.Place) error {
	if s.runner.req.Settings.GoneKeep < 0 {
		return nil
	}
	if err := s.flush(); err != nil {
		return err
	}
	node, err := s.nodes.read(at.Node, int64(e.Size))
	if err != nil {
		return err
	}
	return s.sellOut(ctx, e, node)
}

// flush writes what is to be copied.
func (s *splicer) flush() error {
	if err := s.nodes.flush(s.body.spool); err != nil {
		return err
	}
	if s.records != nil {
		return s.records.flush(s.csv)
	}
	return nil
}

// copier reads a stored file once, from its start to its end, hands out
// stretches of it, and checks that it is what was stored.
type copier struct {
	r        *bufio.Reader
	sha      hash.Hash
	want256  SHA256
	size     int64
	at       int64 // how far it has been read
	from, to int64 // the stretch to copy next
	buf      []byte
}

func (p *plan) copyOf(ctx context.Context, bin Bin, k feed.Kind) (*copier, error) {
	f := p.prev.File(k)
	if f == nil {
		return nil, fmt.Errorf("%w: generation %d has no %v file", diff.ErrCorrupt, p.prev.Number, k)
	}
	r, err := bin.Open(ctx, f.Plain, 0, f.Plain.Size)
	if err != nil {
		return nil, fmt.Errorf("read the %v file of generation %d: %w", k, p.prev.Number, err)
	}
	p.readers = append(p.readers, r)
	return &copier{r: bufio.NewReaderSize(r, flushSize), sha: sha256.New(), want256: f.Plain.SHA256, size: f.Plain.Size}, nil
}

// want makes n bytes from an offset on be copied; stretches that follow each
// other become one.
func (c *copier) want(sp *spool, off, n int64) error {
	if c.to == off && c.to > c.from {
		c.to += n
		return nil
	}
	if err := c.flush(sp); err != nil {
		return err
	}
	c.from, c.to = off, off+n
	return nil
}

// flush copies what is wanted.
func (c *copier) flush(sp *spool) error {
	if c.from == c.to {
		return nil
	}
	if err := c.skip(c.from); err != nil {
		return err
	}
	for c.at < c.to {
		n := int(min(c.to-c.at, flushSize))
		start := len(sp.buf)
		sp.buf = append(sp.buf, make([]byte, n)...)
		if err := c.fill(sp.buf[start:]); err != nil {
			return err
		}
		if err := sp.flow(); err != nil {
			return err
		}
	}
	c.from, c.to = 0, 0
	return nil
}

// read gives n bytes from an offset on.
func (c *copier) read(off, n int64) ([]byte, error) {
	if err := c.skip(off); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	return b, c.fill(b)
}

// skip reads on to an offset.
func (c *copier) skip(to int64) error {
	if to < c.at || to > c.size {
		return fmt.Errorf("%w: the state names bytes %d of %d", diff.ErrCorrupt, to, c.size)
	}
	if c.buf == nil {
		c.buf = make([]byte, 32<<10)
	}
	for c.at < to {
		if err := c.fill(c.buf[:min(to-c.at, int64(len(c.buf)))]); err != nil {
			return err
		}
	}
	return nil
}

func (c *copier) fill(b []byte) error {
	n, err := io.ReadFull(c.r, b)
	c.sha.Write(b[:n])
	c.at += int64(n)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: a stored file ends too early", diff.ErrCorrupt)
	}
	return err
}

// finish reads the rest and checks the hash: a copy of damaged bytes would be
// copied again from then on.
func (c *copier) finish() error {
	if err := c.skip(c.size); err != nil {
		return err
	}
	if !bytes.Equal(c.sha.Sum(nil), c.want256[:]) {
		return fmt.Errorf("%w: a stored file has another hash than recorded", diff.ErrCorrupt)
	}
	return nil
}

// edit is a product that differs in light: its new node, or that it is gone.
type edit struct {
	diff.Entry
	node, record []byte
}

// editFile keeps edits in the spool folder until the file is made. The first
// one makes it.
type editFile struct {
	dir string
	f   *os.File
	w   *bufio.Writer
	buf []byte
}

// add writes an edit: id*2, plus 1 when gone; else price, what is told alike,
// sizes, and bytes.
func (e *editFile) add(ed edit) error {
	d := uint64(ed.ID) << 1
	if ed.Gone {
		d |= 1
	}
	e.buf = binary.AppendUvarint(e.buf[:0], d)
	if !ed.Gone {
		e.buf = binary.AppendVarint(e.buf, ed.Price)
		e.buf = binary.AppendUvarint(e.buf, uint64(ed.Alike))
		e.buf = binary.AppendUvarint(e.buf, uint64(len(ed.node)))
		e.buf = binary.AppendUvarint(e.buf, uint64(len(ed.record)))
		e.buf = append(append(e.buf, ed.node...), ed.record...)
	}
	if e.f == nil {
		var err error
		if e.f, err = os.CreateTemp(e.dir, "edits-*"); err != nil {
			return fmt.Errorf("make a file in the spool folder: %w", err)
		}
		e.w = bufio.NewWriter(e.f)
	}
	if _, err := e.w.Write(e.buf); err != nil {
		return fmt.Errorf("write to the spool folder: %w", err)
	}
	return nil
}

func (e *editFile) finish() error {
	if e.f == nil {
		return nil
	}
	if err := e.w.Flush(); err != nil {
		return fmt.Errorf("write to the spool folder: %w", err)
	}
	return nil
}

func (e *editFile) discard() error {
	if e.f == nil {
		return nil
	}
	return errors.Join(e.f.Close(), removeFile(e.f.Name()))
}

// editReader reads edits back; nil has none.
type editReader struct {
	f *os.File
	r *bufio.Reader
}

func (e *editFile) read() (*editReader, error) {
	if e.f == nil {
		return nil, nil
	}
	f, err := os.Open(e.f.Name())
	if err != nil {
		return nil, fmt.Errorf("read the spool folder: %w", err)
	}
	return &editReader{f: f, r: bufio.NewReader(f)}, nil
}

func (e *editReader) close() {
	if e != nil {
		e.f.Close() // it was only read
	}
}

// next gives the next edit, whose bytes are its own.
func (e *editReader) next() (ed edit, ok bool, err error) {
	if e == nil {
		return ed, false, nil
	}
	d, err := binary.ReadUvarint(e.r)
	if errors.Is(err, io.EOF) {
		return ed, false, nil
	}
	ed.ID, ed.Gone = feed.ProductID(d>>1), d&1 == 1
	if err == nil && !ed.Gone {
		var alike, n, m uint64
		if ed.Price, err = binary.ReadVarint(e.r); err == nil {
			alike, err = binary.ReadUvarint(e.r)
		}
		if err == nil {
			n, err = binary.ReadUvarint(e.r)
		}
		if err == nil {
			m, err = binary.ReadUvarint(e.r)
		}
		if err == nil {
			b := make([]byte, n+m)
			_, err = io.ReadFull(e.r, b)
			ed.node, ed.record = b[:n:n], b[n:]
			ed.Size, ed.Twin, ed.Digest, ed.Alike = int(n), int(m), diff.Sum(ed.node), uint32(alike)
		}
	}
	if err != nil {
		return ed, false, fmt.Errorf("read the spool folder: %w", err)
	}
	return ed, true, nil
}
