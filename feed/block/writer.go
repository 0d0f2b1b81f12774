package block

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"feedmill/feed"
)

// DefaultLevel is the level of compression that [Options] stand for.
const DefaultLevel = 5

// DefaultCut is the cut that [Options] stand for: blocks of about 64 KB of
// nodes of 4 KB.
const DefaultCut = 22

// Options are the settings of a [Writer]. The zero value makes a file from its
// nodes alone.
type Options struct {
	// Pool compresses; without one the writer has its own, with a worker a core
	// and no cache.
	Pool *Pool
	// Level is of deflate, 1 (fast) to 9 (small); 0 is the previous file's or
	// else [DefaultLevel].
	Level int
	// Cut is the most nodes in a block, see [CutFor]; 0 is the previous file's
	// or else [DefaultCut].
	Cut int
	// Previous is the generation before, nil for none.
	Previous *Previous
	// Plain gets the plain form, nil when nobody wants it.
	Plain io.Writer
	// Decided, when set, is called for each block in the order of the file with
	// the number of its nodes, once it is known which those are: before the call
	// that gave a later node returns.
	Decided func(nodes int)
	// Stored, when set, gets the stored form of the index as it grows, and nothing of it
	// stays in memory.
	Stored io.Writer
}

// Previous is a file that a new one may take its unchanged blocks from.
type Previous struct {
	Index *Index
	// Gzip gives bytes of the gzip file. Without it blocks are compressed anew
	// from Plain.
	Gzip Source
	// Plain gives bytes of the plain form where it is stored as well; it saves
	// inflating where plain bytes are needed. It is proved, and inflating takes
	// its place where it is damaged.
	Plain Source
}

// Result is what became of a file.
type Result struct {
	// Index is nil where its stored form was written.
	Index *Index
	// Gzip is the size of the file in bytes, Plain that of its plain form.
	Gzip, Plain int64
	Stats       Stats
}

// Stats count segments by where their streams came from.
type Stats struct {
	// Compressed were made now, Shared came from the pool's cache, Copied from
	// the file before because their nodes turned out equal, Kept from there
	// because the caller said so. Mended were made of those of the same ids there, of
	// which a little has changed.
	Compressed, Shared, Copied, Kept, Mended int64
}

type counters struct{ compressed, shared, copied, kept, mended atomic.Int64 }

// Writer writes one file: header, nodes and blocks by ascending ids, footer.
// A method that fails leaves the writer failed for good, and the first error
// is what every later call gives. It is for one goroutine; Close must be
// called whatever happens.
type Writer struct {
	ctx  context.Context
	opt  Options
	pool *Pool
	own  bool

	stage stage
	// items wait for their block to be decided; buf holds the bytes of the
	// nodes among them and waiting counts all nodes.
	items   []item
	buf     []byte
	waiting int
	// floor is behind the range of the last block; end is behind the last id
	// or kept range that was given.
	floor, end feed.ProductID
	// run is a stretch of kept segments that still grows.
	run  *job
	prev loader
	// loaded are the blocks of the previous file that were loaded last.
	loaded [2]loaded

	free    chan *job
	streams chan *job
	plains  chan *job
	running sync.WaitGroup
	counts  counters
	closed  bool

	mu  sync.Mutex
	err error

	gzip output
	// index and crc are the stream goroutine's until it has ended.
	index  Index
	stored storing
	crc    uint32
	size   int64 // of the plain form
}

type stage uint8

const (
	stageHeader stage = iota
	stageNodes
	stageFooter
	stageDone
)

// loader reads plain bytes of previous blocks in the caller's goroutine.
type loader struct {
	inflater
	plain, scratch []byte
}

// maxRun bounds a stretch of kept segments, plain and packed, in bytes: there
// are several for each core at work on the way.
const maxRun = 256 << 10

// NewWriter starts a file that goes to out.
func NewWriter(ctx context.Context, out io.Writer, opt Options) (*Writer, error) {
	if p := opt.Previous; p != nil {
		if opt.Cut == 0 {
			opt.Cut = p.Index.Cut
		}
		if opt.Level == 0 {
			opt.Level = p.Index.Level
		}
	}
	if opt.Cut == 0 {
		opt.Cut = DefaultCut
	}
	if opt.Level == 0 {
		opt.Level = DefaultLevel
	}
	if opt.Cut < 1 || opt.Cut > maxCut {
		return nil, fmt.Errorf("a block of at most %d nodes: the cut is 1 to %d", opt.Cut, maxCut)
	}
	if opt.Level < 1 || opt.Level > 9 {
		return nil, fmt.Errorf("compression level %d: levels are 1 to 9", opt.Level)
	}
	w := &Writer{ctx: ctx, opt: opt, pool: opt.Pool, index: Index{Cut: opt.Cut, Level: opt.Level}, stored: storing{to: opt.Stored}}
	if w.pool == nil {
		w.pool, w.own = NewPool(PoolOptions{}), true
	}
	w.gzip = output{w: out}
	// Enough on the way that no worker waits for the slowest one.
	depth := 2*w.pool.workers + 2
	w.free, w.streams = make(chan *job, depth), make(chan *job, depth)
	for range depth {
		w.free <- &job{ctx: ctx, prev: opt.Previous, stats: &w.counts, level: opt.Level}
	}
	w.running.Go(w.emitStreams)
	if opt.Plain != nil {
		w.plains = make(chan *job, depth)
		w.running.Go(w.emitPlain)
	}
	return w, nil
}

// fail notes the first error.
func (w *Writer) fail(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	return w.err
}

func (w *Writer) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Header writes what stands before the first node. It comes first, if at all.
func (w *Writer) Header(b []byte) error {
	if err := w.enter(stageHeader, "header"); err != nil {
		return err
	}
	w.stage = stageNodes
	return w.piece(b)
}

// Footer writes what stands behind the last node.
func (w *Writer) Footer(b []byte) error {
	if err := w.enter(stageNodes, "footer"); err != nil {
		return err
	}
	if err := w.settle(true); err != nil {
		return err
	}
	w.stage = stageFooter
	return w.piece(b)
}

// enter moves to a stage unless the writer is beyond it.
func (w *Writer) enter(s stage, what string) error {
	if err := w.failed(); err != nil {
		return err
	}
	if w.stage > s {
		return w.fail(fmt.Errorf("the %s comes too late", what))
	}
	w.stage = s
	return nil
}

// piece sends a header or footer on its way.
func (w *Writer) piece(b []byte) error {
	if len(b) > maxSegment {
		return w.fail(fmt.Errorf("a piece of %d bytes: a segment has at most %d", len(b), maxSegment))
	}
	j := w.job()
	j.plain = append(j.plain, b...)
	// The stage tells the stream goroutine which of both it is.
	j.blocks = append(j.blocks, Block{Bits: uint8(w.stage)})
	return w.send(j)
}

// Node adds the node of a product. Its bytes are copied.
func (w *Writer) Node(id feed.ProductID, node []byte) error {
	if w.stage != stageNodes {
		if err := w.enter(stageNodes, "node"); err != nil {
			return err
		}
	}
	if id < w.end || id < 1 || id > feed.MaxProductID {
		return w.fail(fmt.Errorf("node of product %d: ids ascend, and none lies in the range of a kept block (next is %d)", id, w.end))
	}
	if len(node) == 0 || len(w.buf)+len(node) > maxSegment {
		return w.fail(fmt.Errorf("node of product %d has %d bytes: a block has 1 to %d", id, len(node), maxSegment))
	}
	w.buf = append(w.buf, node...)
	return w.add(item{first: id, nodes: 1, size: len(node), kept: -1}, id+1)
}

// Keep adds block i of the previous file as it is. Blocks are kept in
// ascending order, and no node may lie in the range of ids of a kept block.
func (w *Writer) Keep(i int) error {
	if err := w.enter(stageNodes, "block"); err != nil {
		return err
	}
	p := w.opt.Previous
	if p == nil || p.Index.Cut != w.opt.Cut {
		return w.fail(errors.New("keep a block: there is no previous file with the same cut"))
	}
	if i < 0 || i >= len(p.Index.Blocks) {
		return w.fail(fmt.Errorf("keep block %d: the previous file has %d", i, len(p.Index.Blocks)))
	}
	b := &p.Index.Blocks[i]
	if b.start() < w.end {
		return w.fail(fmt.Errorf("keep block %d: product %d or another of its range of ids was given already", i, w.end-1))
	}
	return w.add(item{first: b.First, bits: b.Bits, nodes: int(b.Nodes), kept: i}, b.end())
}

func (w *Writer) add(it item, end feed.ProductID) error {
	w.items = append(w.items, it)
	w.waiting += it.nodes
	w.end = end
	if w.waiting <= w.opt.Cut {
		return nil
	}
	return w.settle(false)
}

// settle sends the blocks on their way that are decided; all of them at the end.
func (w *Writer) settle(all bool) error {
	if err := w.failed(); err != nil {
		return err
	}
	for w.waiting > w.opt.Cut || all && len(w.items) > 0 {
		n, bits := leaf(w.items, w.floor, w.opt.Cut)
		first := w.items[0]
		nodes, size, mixed := 0, 0, false
		for _, it := range w.items[:n] {
			nodes += it.nodes
			size += it.size
			mixed = mixed || it.kept >= 0
		}
		b := Block{First: first.first, Bits: bits, Nodes: uint32(nodes)}
		if w.opt.Decided != nil {
			w.opt.Decided(nodes)
		}
		var err error
		switch {
		case n == 1 && mixed:
			err = w.keep(first.kept, b)
		case mixed:
			err = w.join(w.items[:n], b)
		default:
			j := w.job()
			// The job takes the buffer and the queue gets its memory, to which
			// the bytes of the nodes behind are moved.
			rest := append(j.plain, w.buf[size:]...)
			j.plain, w.buf = w.buf[:size], rest
			j.blocks = append(j.blocks, b)
			w.lend(j, &b)
			err = w.send(j)
			size = 0
		}
		if err != nil {
			return err
		}
		w.buf = w.buf[:copy(w.buf, w.buf[size:])]
		w.items = w.items[:copy(w.items, w.items[n:])]
		w.waiting -= nodes
		w.floor = b.end()
	}
	if all {
		return w.flushRun()
	}
	return nil
}

// keep sends a kept block on its way, together with its neighbours.
func (w *Writer) keep(i int, b Block) error {
	x := w.opt.Previous.Index
	b.Segment = x.Blocks[i].Segment
	if r := w.run; r != nil {
		from, to := x.at(r.from), x.at(i+2)
		full := max(to.plain-from.plain, to.packed-from.packed) > maxRun
		if r.to != i+1 || full {
			if err := w.flushRun(); err != nil {
				return err
			}
		}
	}
	if w.run == nil {
		w.run = w.job()
		w.run.from, w.run.to = i+1, i+1
	}
	w.run.to++
	w.run.blocks = append(w.run.blocks, b)
	return nil
}

func (w *Writer) flushRun() error {
	j := w.run
	if j == nil {
		return nil
	}
	w.run = nil
	return w.dispatch(j)
}

// join makes one block of nodes and kept blocks, which happens where nodes
// beside a kept block have gone.
func (w *Writer) join(items []item, b Block) error {
	j := w.job()
	at := 0
	for _, it := range items {
		if it.kept < 0 {
			j.plain = append(j.plain, w.buf[at:at+it.size]...)
			at += it.size
			continue
		}
		var err error
		if j.plain, w.prev.scratch, err = w.opt.Previous.load(w.ctx, &w.prev.inflater, j.plain, w.prev.scratch, it.kept+1); err != nil {
			w.free <- j
			return w.fail(fmt.Errorf("read block %d of the previous file: %w", it.kept, err))
		}
	}
	j.blocks = append(j.blocks, b)
	return w.send(j)
}

// job gives an empty job, once there is one.
func (w *Writer) job() *job {
	j := <-w.free
	j.plain, j.before, j.blocks = j.plain[:0], j.before[:0], j.blocks[:0]
	j.from, j.to, j.err = -1, -1, nil
	j.wantPlain = w.plains != nil
	return j
}

// send sends new bytes on their way, behind the stretch before them.
func (w *Writer) send(j *job) error {
	if err := w.flushRun(); err != nil {
		w.free <- j
		return err
	}
	return w.dispatch(j)
}

// Finish ends the file. It does not close what the writer writes to.
func (w *Writer) Finish() (Result, error) {
	if err := w.enter(stageFooter, "end"); err != nil {
		return Result{}, err
	}
	w.stage = stageNodes
	if err := w.settle(true); err != nil {
		return Result{}, err
	}
	w.stage = stageDone
	w.stop()
	err := w.ctx.Err()
	if err != nil {
		err = w.fail(err)
	} else {
		err = w.failed()
	}
	if err != nil {
		return Result{}, err
	}
	var b [trailerSize]byte
	end := append(b[:0], lastBlock...)
	end = binary.LittleEndian.AppendUint32(end, w.crc)
	end = binary.LittleEndian.AppendUint32(end, uint32(w.size))
	if err := w.gzip.write(end); err != nil {
		return Result{}, w.fail(fmt.Errorf("write the gzip file: %w", err))
	}
	r := Result{Gzip: w.gzip.size, Plain: w.size}
	if w.opt.Stored != nil {
		if err := w.stored.end(&w.index); err != nil {
			return Result{}, w.fail(err)
		}
	} else {
		w.index.seal()
		r.Index = &w.index
	}
	c := &w.counts
	r.Stats = Stats{Compressed: c.compressed.Load(), Shared: c.shared.Load(), Copied: c.copied.Load(), Kept: c.kept.Load(), Mended: c.mended.Load()}
	return r, nil
}

// Close ends the writer's goroutines and waits for them. A file that was not
// finished is unusable.
func (w *Writer) Close() {
	if w.stage != stageDone {
		w.fail(errors.New("the file was given up"))
		w.stage = stageDone
	}
	w.stop()
}

func (w *Writer) stop() {
	if w.closed {
		return
	}
	w.closed = true
	close(w.streams)
	if w.plains != nil {
		close(w.plains)
	}
	w.running.Wait()
	if w.own {
		w.pool.Close()
	}
}
