package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"feedmill/feed"
	"feedmill/feed/block"
	"feedmill/feed/diff"
	"feedmill/internal/durable"
	"feedmill/storage"
)

// Sizes of blocks, before compression, that were measured to be the best trade
// of size for what a change costs: nodes of light are small.
const (
	fullBlock  = 64 << 10
	lightBlock = 32 << 10
)

// sampleNodes and sampleBytes bound the nodes that a file without a file
// before it is judged by: how many of them make a block.
const (
	sampleNodes = 128
	sampleBytes = 1 << 20
)

// cacheBytes is how much memory compressed blocks may take that wait for
// another feed of the run to hold the same: all feeds of a pass are at the same
// products, so it is not long.
const cacheBytes = 8 << 20

// body writes a feed's complete file. Where a compressed twin is kept it is
// stitched of blocks, and those that the file before has too are copied from
// there: what is compressed is what changed.
type body struct {
	// spool writes a file without a twin; the rest is of one with a twin.
	*spool

	ctx           context.Context
	opt           block.Options
	blockSize     int
	plain, packed sink
	near          []*nearFile
	header        []byte
	sample        []block.Node // what waits for the cut to be known
	nodes         []byte
	w             *block.Writer
	marks         *marker // nil for files whose blocks are not marked
	marksBefore   []byte  // of the blocks of the file before
	index         *spill  // of the blocks, as it is stored
	filed         *spill  // what is known of the file, once it has ended
}

// newBody starts the plan's complete file with its header.
func (p *plan) newBody(ctx context.Context, r *runner, header []byte) (*body, error) {
	name := p.ref.Kind.String()
	if !r.req.Settings.Gzip {
		sp := r.newSpool(name, false)
		sp.buf = append(sp.buf, header...)
		return &body{spool: sp}, nil
	}
	b := &body{ctx: ctx, header: header, blockSize: fullBlock, opt: block.Options{Pool: r.blocks(), Level: gzipLevel}, index: &spill{dir: r.req.Spool},
		plain: newSink(r.req.Spool, name+"-*", &r.sums), packed: newSink(r.req.Spool, name+"-*.gz", &r.sums)}
	// What is large is read from the disk by whoever wants it first. A store that keeps
	// no files reads it at once.
	b.plain.past = atHand(r.bin)
	b.packed.past = b.plain.past && p.ref.Kind == feed.KindFull
	if p.ref.Kind == feed.KindLight {
		b.blockSize = lightBlock
	}
	if p.ref.Kind == feed.KindFull {
		b.marks = &marker{marks: spill{dir: r.req.Spool}}
		b.opt.Decided = b.marks.decided
	}
	b.opt.Plain, b.opt.Stored = &b.plain, b.index
	f := p.prev.File(p.ref.Kind)
	if !p.usable() || f == nil || f.Gzip.IsZero() {
		return b, nil
	}
	stored, err := p.filedBefore(ctx, r.bin)
	if err != nil {
		return nil, err
	}
	// An index that is damaged or of another file costs compressing anew.
	index, marks := splitFiled(stored)
	b.marksBefore = bytes.Clone(marks)
	if x, err := block.ParseIndex(index); err == nil && x.GzipSize() == f.Gzip.Size {
		near := &nearFile{bin: r.bin, blob: f.Gzip, dir: r.req.Spool, past: b.packed.past}
		b.near = append(b.near, near)
		b.opt.Previous = &block.Previous{Index: x, Gzip: near.open}
	}
	return b, nil
}

// blocks gives the run's pool, which all its files share.
func (r *runner) blocks() *block.Pool {
	if r.pool == nil {
		r.pool = block.NewPool(block.PoolOptions{CacheBytes: cacheBytes})
	}
	return r.pool
}

// filedBefore reads what is known of the feed's complete file, which its state
// keeps; nothing is no bytes.
func (p *plan) filedBefore(ctx context.Context, bin Bin) ([]byte, error) {
	b := p.prev.State
	s, err := diff.Open(ctx, func(ctx context.Context, off, n int64) (io.ReadCloser, error) { return bin.Open(ctx, b, off, n) }, b.Size)
	if err != nil {
		return nil, fmt.Errorf("state of generation %d: %w", p.prev.Number, err)
	}
	_, filed, err := stateExtra(ctx, s)
	return filed, err
}

// blocked says whether nodes must be given one by one.
func (b *body) blocked() bool { return b.spool == nil }

// note takes the entry of the next node, for the mark of its block.
func (b *body) note(e *diff.Entry) {
	if b.marks != nil {
		b.marks.note(e)
	}
}

// node adds a product's node; its bytes are copied.
func (b *body) node(id feed.ProductID, node []byte) error {
	if b.spool != nil {
		b.buf = append(b.buf, node...)
		return b.flow()
	}
	if b.w == nil {
		b.sample = append(b.sample, block.Node{ID: id, Size: len(node)})
		b.nodes = append(b.nodes, node...)
		if len(b.sample) < sampleNodes && len(b.nodes) < sampleBytes {
			return nil
		}
		return b.start()
	}
	return blockError(b.w.Node(id, node))
}

// start settles how many nodes make a block, and writes those that waited for it.
func (b *body) start() (err error) {
	b.opt.Cut = b.cut()
	if b.w, err = block.NewWriter(b.ctx, &b.packed, b.opt); err != nil {
		return err
	}
	if err := b.w.Header(b.header); err != nil {
		return blockError(err)
	}
	rest := b.nodes
	for _, n := range b.sample {
		if err := b.w.Node(n.ID, rest[:n.Size]); err != nil {
			return blockError(err)
		}
		rest = rest[n.Size:]
	}
	b.sample, b.nodes = nil, nil
	return nil
}

// cut gives that of the file before, as only then blocks stay what they were,
// unless its blocks have become much larger or smaller than they should be.
func (b *body) cut() int {
	if p := b.opt.Previous; p != nil {
		const few = 8 // blocks that say nothing of the others
		mean := int(p.Index.PlainSize()) / max(len(p.Index.Blocks), 1)
		if len(p.Index.Blocks) < few || mean >= b.blockSize/2 && mean <= b.blockSize*2 {
			return p.Index.Cut
		}
	}
	return block.CutFor(b.blockSize, int64(len(b.sample)), int64(len(b.nodes)))
}

// end writes the footer. The index of the blocks is known from then on.
func (b *body) end(footer []byte) error {
	if b.spool != nil {
		b.buf = append(b.buf, footer...)
		return nil
	}
	if b.w == nil {
		if err := b.start(); err != nil {
			return err
		}
	}
	err := b.w.Footer(footer)
	if err == nil {
		_, err = b.w.Finish()
	}
	if err == nil {
		b.filed, err = b.file()
	}
	err = errors.Join(blockError(err), b.close())
	// Others of the run may take long still: what the file was made from goes.
	b.w, b.opt.Previous, b.marksBefore = nil, nil, nil
	return err
}

func blockError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write blocks to the spool folder: %w", err)
}

// close ends the writer and closes the files; it may be called again.
func (b *body) close() error {
	if b.w != nil {
		b.w.Close()
	}
	err := errors.Join(b.plain.close(), b.packed.close())
	for _, n := range b.near {
		err = errors.Join(err, n.close())
	}
	return err
}

// finish gives what is to be stored.
func (b *body) finish(kind feed.Kind, label string, generation int64) (plain Spooled, packed *Spooled, err error) {
	if b.spool != nil {
		return b.spool.finish(kind, label, generation)
	}
	twin := b.packed.spooled(kind, label, generation, "gzip")
	return b.plain.spooled(kind, label, generation, ""), &twin, nil
}

// discard removes what was written.
func (b *body) discard() error {
	if b.spool != nil {
		return b.spool.discard()
	}
	err := errors.Join(b.close(), b.plain.remove(), b.packed.remove(), b.index.discard())
	if b.marks != nil {
		err = errors.Join(err, b.marks.marks.discard())
	}
	return err
}

// nearFile is a stored file of which many pieces are read. Where the store keeps
// files it is read as it is, else it is copied into the spool folder, when the
// first piece is asked for.
type nearFile struct {
	bin    Bin
	blob   Blob
	dir    string
	past   bool // it was written past the system's memory
	once   sync.Once
	f      *os.File
	stored io.Closer            // f is the store's
	large  *durable.LargeReader // of the store's f
	err    error
}

// open is a [block.Source].
func (n *nearFile) open(ctx context.Context, off, size int64) (io.ReadCloser, error) {
	n.once.Do(func() { n.err = n.fetch(ctx) })
	if n.err != nil {
		return nil, n.err
	}
	if n.large != nil {
		return n.large.Section(off, size), nil
	}
	return io.NopCloser(io.NewSectionReader(n.f, off, size)), nil
}

func (n *nearFile) fetch(ctx context.Context) (err error) {
	r, err := n.bin.Open(ctx, n.blob, 0, n.blob.Size)
	if err != nil {
		return err
	}
	if local, ok := r.(storage.FileReader); ok {
		n.f, n.stored = local.File(), r
		if n.past {
			n.large = durable.NewLargeReader(n.f, n.blob.Size)
		}
		return nil
	}
	if n.f, err = os.CreateTemp(n.dir, "before-*"); err == nil {
		_, err = io.Copy(n.f, r)
	}
	return errors.Join(err, r.Close())
}

// close ends the reading, and removes the copy; nobody reads it any more.
func (n *nearFile) close() error {
	if n.f == nil {
		return nil
	}
	f := n.f
	n.f = nil
	if n.stored != nil {
		return n.stored.Close()
	}
	return errors.Join(f.Close(), removeFile(f.Name()))
}
