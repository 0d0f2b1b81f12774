package block

import (
	"context"
	"errors"
	"hash/crc32"
	"io"
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

	// plain are the bytes of the stretch. For a kept one the worker fills them
	// in when wantPlain is set.
	plain     []byte
	wantPlain bool
	// Where a lender is open the bytes are in lent instead.
	lent   [][]byte
	lender io.Closer
	// from and to are the kept segments in the previous index, by number of
	// segment; from is -1 for new bytes.
	from, to int
	// blocks describe the segments. Of a new one the ids are set before; for the
	// header and the footer they are 0.
	blocks []Block

	// stream is what goes into the file: buf, or a segment of the cache.
	stream, buf []byte
	err         error
	ready       sync.WaitGroup
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
	k := cacheKey{b.Digest, int(b.Plain), j.level}
	if w.cache != nil {
		stream, crc, mine := w.cache.get(k)
		if !mine {
			j.stream, b.Packed, b.PackedCRC = stream, uint32(len(stream)), crc
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
	j.stream, b.Packed, b.PackedCRC = j.buf, uint32(len(j.buf)), crc32.Checksum(j.buf, castagnoli)
	if w.cache != nil {
		j.stream = w.cache.put(k, j.buf, b.PackedCRC)
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
	j.stream, b.Packed, b.PackedCRC = j.buf, s.Packed, s.PackedCRC
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
	var ok bool
	if j.buf, ok = w.mender.Append(j.buf[:0], j.plain, w.scratch, int(s.Plain)); !ok {
		return false
	}
	j.stream, b.Packed, b.PackedCRC = j.buf, uint32(len(j.buf)), crc32.Checksum(j.buf, castagnoli)
	return true
}

// keep copies segments of the previous file.
func (w *worker) keep(j *job) error {
	x := j.prev.Index
	if j.prev.Gzip == nil || x.Level != j.level {
		return w.again(j)
	}
	var err error
	from, to := x.at(j.from), x.at(j.to)
	if j.buf, err = j.prev.Gzip.append(j.ctx, j.buf[:0], from.packed, to.packed-from.packed); err != nil {
		return err
	}
	j.stream = j.buf
	j.plain = j.plain[:0]
	plain := j.wantPlain && w.keepPlain(j)
	at := 0
	for i := j.from; i < j.to; i++ {
		s := x.segment(i)
		stream := j.buf[at:][:s.Packed]
		at += int(s.Packed)
		err := s.checkPacked(stream)
		if err == nil && j.wantPlain && !plain {
			j.plain, err = w.inflate(j.plain, stream, s)
		}
		if err != nil {
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
	from, n := x.at(j.from).plain, x.at(j.to).plain-x.at(j.from).plain
	var err error
	if j.lent, j.plain, j.lender, err = j.prev.Plain.borrow(j.ctx, j.lent[:0], j.plain, from, n); err != nil {
		return false
	}
	if !j.checkLent() {
		j.giveBack()
		j.plain = j.plain[:0]
		return false
	}
	return true
}

// checkLent proves the plain bytes of a kept stretch.
func (j *job) checkLent() bool {
	piece, at := 0, 0
	for i := j.from; i < j.to; i++ {
		s := j.prev.Index.segment(i)
		crc := uint32(0)
		for left := int(s.Plain); left > 0; {
			b := j.lent[piece][at:]
			b = b[:min(len(b), left)]
			crc = crc32.Update(crc, crc32.IEEETable, b)
			left -= len(b)
			if at += len(b); at == len(j.lent[piece]) {
				piece, at = piece+1, 0
			}
		}
		if crc != s.CRC {
			return false
		}
	}
	return true
}

// eachPlain calls do with the plain bytes, piece by piece.
func (j *job) eachPlain(do func([]byte) error) error {
	if j.lender == nil {
		return do(j.plain)
	}
	for _, b := range j.lent {
		if err := do(b); err != nil {
			return err
		}
	}
	return nil
}

// giveBack closes the lender; the job has no plain bytes from then on.
func (j *job) giveBack() {
	if j.lender != nil {
		j.lender.Close() // it was only read
		clear(j.lent)
		j.lender = nil
	}
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
	j.stream = j.buf
	return nil
}
