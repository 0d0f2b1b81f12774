package block

import (
	"context"
	"errors"
	"hash/crc32"
	"runtime"
	"sync"
	"sync/atomic"

	"feedmill/feed/block/internal/mend"
)

// PoolOptions are the settings of a [Pool].
type PoolOptions struct {
	// Workers is how many blocks are compressed at a time; 0 is one a core. A
	// worker takes about a megabyte of memory for each level it is used with.
	Workers int
	// CacheBytes is how much memory compressed blocks may take that stay at hand
	// for further files; 0 keeps none.
	CacheBytes int64
}

// Pool compresses for any number of writers: blocks of all of them over the
// same workers, a block that several of them hold only once. It is safe for
// concurrent use.
type Pool struct {
	workers int
	cache   *cache // nil for none
	jobs    chan *job
	closed  chan struct{}
	close   sync.Once
	done    sync.WaitGroup
}

// NewPool starts the workers of a pool, which run until Close.
func NewPool(opt PoolOptions) *Pool {
	p := &Pool{workers: opt.Workers, jobs: make(chan *job), closed: make(chan struct{})}
	if p.workers < 1 {
		p.workers = runtime.GOMAXPROCS(0)
	}
	if opt.CacheBytes > 0 {
		p.cache = newCache(opt.CacheBytes)
	}
	for range p.workers {
		p.done.Go(p.work)
	}
	return p
}

// Close ends the workers and waits for them. What writers of the pool still
// ask for fails.
func (p *Pool) Close() {
	p.close.Do(func() { close(p.closed) })
	p.done.Wait()
}

// Cached gives the memory that the pool's cache takes, in bytes, and the
// number of compressed blocks in it.
func (p *Pool) Cached() (bytes int64, blocks int) {
	if p.cache == nil {
		return 0, 0
	}
	return p.cache.size()
}

var errPoolClosed = errors.New("the pool of workers is closed")

func (p *Pool) do(j *job) {
	j.ready.Add(1)
	select {
	case p.jobs <- j:
	case <-p.closed:
		j.err = errPoolClosed
		j.ready.Done()
	}
}

func (p *Pool) work() {
	var w worker
	w.cache = p.cache
	for {
		select {
		case j := <-p.jobs:
			if j.err = j.ctx.Err(); j.err == nil {
				j.err = w.run(j)
			}
			j.ready.Done()
		case <-p.closed:
			return
		}
	}
}

// job is a stretch of a file on its way through the pool: one segment of new
// bytes, or consecutive segments that are kept from the generation before.
type job struct {
	ctx   context.Context
	prev  *Previous
	stats *counters
	level int

	// plain are the bytes of new ones. Those of a kept stretch are in plainLent, once
	// the worker has seen to it; wantPlain asks for them.
	plain     []byte
	plainLent lent
	wantPlain bool
	// from and to are the kept segments in the previous index, by number of
	// segment; from is -1 for new bytes.
	from, to int
	// blocks describe the segments. Of a new one the ids are set before; for the
	// header and the footer they are 0.
	blocks []Block

	// before are the bytes of the block of the same ids in the previous file, where they were
	// loaded, else none.
	before []byte

	// stream is what goes into the file: buf, a segment of the cache, or what is lent.
	stream lent
	buf    []byte
	err    error
	ready  sync.WaitGroup
	// uses counts who still reads the job.
	uses atomic.Int32
}

// worker is what one goroutine of a pool works with.
type worker struct {
	deflater
	inflater
	mender  mend.Mender
	cache   *cache
	scratch []byte
}

func (w *worker) run(j *job) error {
	if j.from >= 0 {
		return w.keep(j)
	}
	j.plainLent.set(j.plain)
	b := &j.blocks[0]
	b.Plain, b.Digest = uint32(len(j.plain)), Sum(j.plain)
	b.CRC = crc32.ChecksumIEEE(j.plain)
	if w.reuse(j, b) {
		j.stats.copied.Add(1)
		return nil
	}
	if w.mend(j, b) {
		j.stats.mended.Add(1)
		return nil
	}
	var k cacheKey
	if w.cache != nil {
		k = cacheKeyOf(j.plain, j.level)
		stream, crc, mine := w.cache.get(k)
		if !mine {
			j.stream.set(stream)
			b.Packed, b.PackedCRC = uint32(len(stream)), crc
			j.stats.shared.Add(1)
			return nil
		}
	}
	var err error
	if j.buf, err = w.deflate(j.buf[:0], j.plain, j.level); err != nil {
		if w.cache != nil {
			w.cache.drop(k)
		}
		return err
	}
	j.stream.set(j.buf)
	b.Packed, b.PackedCRC = uint32(len(j.buf)), crc32.Checksum(j.buf, castagnoli)
	if w.cache != nil {
		j.stream.set(w.cache.put(k, j.buf, b.PackedCRC))
	}
	j.stats.compressed.Add(1)
	return nil
}

// reuse takes the segment of the same block out of the previous file. When
// that cannot be had or is damaged, compressing anew costs little.
func (w *worker) reuse(j *job, b *Block) bool {
	if j.prev == nil || j.prev.Gzip == nil || j.prev.Index.Level != j.level {
		return false
	}
	x := j.prev.Index
	var i int
	switch {
	case b.Nodes > 0:
		n, ok := x.same(b)
		if !ok {
			return false
		}
		i = n + 1
	case x.Header.Digest == b.Digest:
		i = 0
	case x.Footer.Digest == b.Digest:
		i = x.segments() - 1
	default:
		return false
	}
	s := x.segment(i)
	var err error
	if j.buf, err = j.prev.Gzip.append(j.ctx, j.buf[:0], x.at(i).packed, int64(s.Packed)); err != nil || s.checkPacked(j.buf) != nil {
		return false
	}
	j.stream.set(j.buf)
	b.Packed, b.PackedCRC = s.Packed, s.PackedCRC
	return true
}

// mendShare is how many mended blocks there are for one that is compressed anew
// although it could be mended: streams that were mended again and again are
// longer than need be.
const mendShare = 15

// mend makes the stream of a block from that of the same ids in the previous
// file. Nothing mended goes through the cache: what a stream is may depend on
// the file before it, but not on what else the pool does.
func (w *worker) mend(j *job, b *Block) bool {
	if j.prev == nil || j.prev.Gzip == nil || j.prev.Index.Level != j.level || b.Nodes == 0 || b.Digest[0]%(mendShare+1) == 0 {
		return false
	}
	x := j.prev.Index
	i, in := x.Find(b.First)
	if !in || x.Blocks[i].Bits != b.Bits {
		return false
	}
	s := x.segment(i + 1)
	var err error
	w.scratch, err = j.prev.Gzip.append(j.ctx, w.scratch[:0], x.at(i+1).packed, int64(s.Packed))
	if err != nil || s.checkPacked(w.scratch) != nil {
		return false
	}
	var before []byte
	if len(j.before) == int(s.Plain) {
		before = j.before
	}
	var ok bool
	if j.buf, ok = w.mender.Append(j.buf[:0], j.plain, w.scratch, before, int(s.Plain)); !ok {
		return false
	}
	j.stream.set(j.buf)
	b.Packed, b.PackedCRC = uint32(len(j.buf)), crc32.Checksum(j.buf, castagnoli)
	return true
}

// keep takes segments of the previous file as they are.
func (w *worker) keep(j *job) error {
	x := j.prev.Index
	if j.prev.Gzip == nil || x.Level != j.level {
		return w.again(j)
	}
	var err error
	from, to := x.at(j.from), x.at(j.to)
	if j.buf, err = j.prev.Gzip.borrow(j.ctx, &j.stream, j.buf[:0], from.packed, to.packed-from.packed); err != nil {
		return err
	}
	packed := func(i int) (size, crc uint32) { s := x.segment(i); return s.Packed, s.PackedCRC }
	if !j.stream.proved(j.from, j.to, castagnoli, packed) {
		return errPacked
	}
	if j.wantPlain && !w.keepPlain(j) {
		if err := w.inflateKept(j); err != nil {
			return err
		}
	}
	j.stats.kept.Add(int64(j.to - j.from))
	return nil
}

// keepPlain takes the plain bytes of a kept stretch from the plain file.
func (w *worker) keepPlain(j *job) bool {
	if j.prev.Plain == nil {
		return false
	}
	x := j.prev.Index
	from, to := x.at(j.from), x.at(j.to)
	var err error
	if j.plain, err = j.prev.Plain.borrow(j.ctx, &j.plainLent, j.plain[:0], from.plain, to.plain-from.plain); err != nil {
		return false
	}
	return j.plainLent.proved(j.from, j.to, crc32.IEEETable, func(i int) (size, crc uint32) { s := x.segment(i); return s.Plain, s.CRC })
}

// inflateKept makes the plain bytes of a kept stretch.
func (w *worker) inflateKept(j *job) (err error) {
	j.plainLent.giveBack()
	j.plain = j.plain[:0]
	// Inflating needs room behind a stream, and nothing may be written to what is lent.
	w.scratch = j.stream.appendTo(w.scratch[:0])
	at := 0
	for i := j.from; i < j.to; i++ {
		s := j.prev.Index.segment(i)
		if j.plain, err = w.inflate(j.plain, w.scratch[at:][:s.Packed], s); err != nil {
			return err
		}
		at += int(s.Packed)
	}
	j.plainLent.set(j.plain)
	return nil
}

// giveBack gives back what was lent; the job has no bytes from then on.
func (j *job) giveBack() {
	j.plainLent.giveBack()
	j.stream.giveBack()
}

// again compresses kept segments anew, because the file before has them only
// plain or at another level.
func (w *worker) again(j *job) (err error) {
	j.plain, j.buf = j.plain[:0], j.buf[:0]
	for i := j.from; i < j.to; i++ {
		start, at := len(j.plain), len(j.buf)
		if j.plain, w.scratch, err = j.prev.load(j.ctx, &w.inflater, j.plain, w.scratch, i); err != nil {
			return err
		}
		if j.buf, err = w.deflate(j.buf, j.plain[start:], j.level); err != nil {
			return err
		}
		b := &j.blocks[i-j.from]
		b.Packed, b.PackedCRC = uint32(len(j.buf)-at), crc32.Checksum(j.buf[at:], castagnoli)
		j.stats.compressed.Add(1)
	}
	j.stream.set(j.buf)
	j.plainLent.set(j.plain)
	return nil
}
