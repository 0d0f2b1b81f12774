package block

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"feedmill/feed"
)

func TestCombine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOf(rapid.Byte()).Draw(t, "a")
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "b")
		got := crcCombine(crc32.ChecksumIEEE(a), crc32.ChecksumIEEE(b), int64(len(b)))
		if want := crc32.ChecksumIEEE(append(a, b...)); got != want {
			t.Fatalf("got %08x, want %08x", got, want)
		}
	})
}

// TestCombineLong checks lengths that no test holds in memory: appending n
// zeros, twice n and so on by the law that shifts multiply.
func TestCombineLong(t *testing.T) {
	t.Parallel()
	zeros := make([]byte, 1<<20)
	direct := uint32(0x12345678)
	for range 64 {
		direct = crc32.Update(direct, crc32.IEEETable, zeros)
	}
	if got := crcCombine(0x12345678, crc32.ChecksumIEEE(make([]byte, 64<<20)), 64<<20); got != direct {
		t.Errorf("64 MiB: got %08x, want %08x", got, direct)
	}
	for _, n := range []int64{1, 255, 1 << 31, 1<<32 + 17, math.MaxInt64 / 2} {
		if got, want := crcShift(2*n), crcMul(crcShift(n), crcShift(n)); got != want {
			t.Errorf("shift by %d: got %08x, want %08x", 2*n, got, want)
		}
	}
}

// TestSegmentsRepeat checks that a segment depends on its bytes alone, not on
// what its compressor did before.
func TestSegmentsRepeat(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	pieces := make([][]byte, 60)
	for i := range pieces {
		for range 1 + r.IntN(400) {
			pieces[i] = append(pieces[i], []byte("<product id=\"")...)
			pieces[i] = binary.AppendUvarint(pieces[i], uint64(r.IntN(1<<12)))
			earlier := pieces[r.IntN(i+1)]
			pieces[i] = append(pieces[i], earlier[:min(len(earlier), 40*r.IntN(2))]...)
		}
	}
	var used deflater
	for level := 1; level <= 9; level++ {
		for round := range 3 {
			for _, i := range r.Perm(len(pieces)) {
				var fresh deflater
				want, err := fresh.deflate(nil, pieces[i], level)
				if err != nil {
					t.Fatal(err)
				}
				got, err := used.deflate(nil, pieces[i], level)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("level %d, round %d, piece %d: a used compressor gives other bytes than a new one", level, round, i)
				}
			}
		}
	}
}

// TestBeyondFourGigabytes keeps one segment so often that the plain form
// outgrows the 32 bits that a gzip trailer has for its size.
func TestBeyondFourGigabytes(t *testing.T) {
	t.Parallel()
	if testing.Short() || raced {
		t.Skip("inflates 4 GB, which the race detector makes long")
	}
	plain := bytes.Repeat([]byte("feedmill"), 8<<20)
	var d deflater
	stream, err := d.deflate(nil, plain, 1)
	if err != nil {
		t.Fatal(err)
	}
	const n = 65
	x := &Index{Cut: 1, Level: 1}
	s := Segment{Plain: uint32(len(plain)), Packed: uint32(len(stream)), CRC: crc32.ChecksumIEEE(plain), PackedCRC: crc32.Checksum(stream, castagnoli), Digest: Sum(plain)}
	for i := range n {
		x.Blocks = append(x.Blocks, Block{Segment: s, First: feed.ProductID(i + 1), Nodes: 1})
	}
	x.seal()
	stored, err := x.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	if x, err = ParseIndex(stored); err != nil {
		t.Fatal(err)
	}
	repeated := func(_ context.Context, off, size int64) (io.ReadCloser, error) {
		at := int(off-int64(len(gzipHeader))) % len(stream)
		return io.NopCloser(io.LimitReader(io.MultiReader(bytes.NewReader(stream[at:]), &endless{b: stream}), size)), nil
	}
	var file bytes.Buffer
	w, err := NewWriter(t.Context(), &file, Options{Previous: &Previous{Index: x, Gzip: repeated}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for i := range n {
		if err := w.Keep(i); err != nil {
			t.Fatal(err)
		}
	}
	r, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(n * len(plain)); r.Plain != want || want <= 1<<32 {
		t.Fatalf("got a plain form of %d bytes, want %d", r.Plain, want)
	}
	if got, want := binary.LittleEndian.Uint32(file.Bytes()[file.Len()-4:]), uint32(r.Plain-1<<32); got != want {
		t.Errorf("size in the trailer: got %d, want %d", got, want)
	}
	if got := r.Index.GzipSize(); got != int64(file.Len()) {
		t.Errorf("got a size of %d, want %d", got, file.Len())
	}
	zr, err := gzip.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.Copy(io.Discard, zr); err != nil || got != r.Plain {
		t.Errorf("read: got %d bytes and %v, want %d", got, err, r.Plain)
	}
}

// endless repeats bytes.
type endless struct {
	b  []byte
	at int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.b[e.at:])
	e.at = (e.at + n) % len(e.b)
	return n, nil
}

// TestCacheIsHonest compares what the cache says it takes with what the heap
// grew by. It runs alone, before the parallel tests.
func TestCacheIsHonest(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const limit = 64 << 20
	c := newCache(limit)
	scratch := make([]byte, 32<<10)
	for i := range 20000 {
		k := cacheKey{plain: i, level: 5}
		binary.LittleEndian.PutUint64(k.sum[:], r.Uint64())
		if _, _, mine := c.get(k); !mine {
			t.Fatal("a new key has a segment")
		}
		c.put(k, scratch[:1+r.IntN(len(scratch)-1)], 0)
		if bytes, _ := c.size(); i%1000 == 0 && bytes > limit {
			t.Fatalf("got %d bytes, want at most %d", bytes, limit)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	said, segments := c.size()
	took := int64(after.HeapAlloc) - int64(before.HeapAlloc) - int64(len(scratch))
	if segments < 1000 || float64(took) > 1.1*float64(said) || float64(took) < 0.8*float64(said) {
		t.Errorf("%d segments: got %d bytes of heap, want about the %d that the cache counts", segments, took, said)
	}
	// Small segments are nearly all overhead.
	c = newCache(4 << 20)
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 40000 {
		k := cacheKey{plain: i}
		c.get(k)
		c.put(k, scratch[:8], 0)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	said, segments = c.size()
	if took := int64(after.HeapAlloc) - int64(before.HeapAlloc); float64(took) > 1.3*float64(said) {
		t.Errorf("%d small segments: got %d bytes of heap, want about the %d that the cache counts", segments, took, said)
	}
	runtime.KeepAlive(c)
}

func TestCacheForgetsTheOldest(t *testing.T) {
	t.Parallel()
	key := func(i int) cacheKey { return cacheKey{plain: i} }
	probe := newCache(1 << 20)
	probe.get(key(0))
	probe.put(key(0), make([]byte, 1000), 0)
	one, _ := probe.size()
	c := newCache(3 * one)
	for i := range 3 {
		c.get(key(i))
		c.put(key(i), make([]byte, 1000), uint32(i))
	}
	if _, crc, mine := c.get(key(0)); mine || crc != 0 {
		t.Fatal("the first of three segments is gone, want it there")
	}
	c.get(key(3))
	c.put(key(3), make([]byte, 1000), 3)
	for i, want := range []bool{false, true, false, false} {
		_, _, mine := c.get(key(i))
		if mine != want {
			t.Errorf("segment %d: got gone=%v, want %v", i, mine, want)
		}
		if mine {
			c.drop(key(i))
		}
	}
	c.get(key(9))
	if kept := c.put(key(9), make([]byte, 4*one), 0); int64(len(kept)) != 4*one {
		t.Error("a segment larger than the cache is not given back")
	}
	if bytes, n := c.size(); bytes != 0 || n != 0 {
		t.Errorf("got %d bytes in %d segments, want the larger one to have emptied the cache and gone", bytes, n)
	}
}

// TestLendsWhatWasLoaded checks that whoever mends a block gets the bytes that it has in the file
// before, where they were loaded for writing it.
func TestLendsWhatWasLoaded(t *testing.T) {
	t.Parallel()
	node := func(id feed.ProductID, price string) []byte {
		return fmt.Appendf(nil, "<product id=\"%d\"><price net=\"%s\"/>%x</product>\n", id, price, rand.New(rand.NewPCG(uint64(id), 1)).Uint64())
	}
	const products = 100
	write := func(opt Options, nodes func(w *Writer)) (Result, []byte, *Writer) {
		var file bytes.Buffer
		w, err := NewWriter(t.Context(), &file, opt)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		nodes(w)
		if err := w.Footer([]byte("</products>\n")); err != nil {
			t.Fatal(err)
		}
		r, err := w.Finish()
		if err != nil {
			t.Fatal(err)
		}
		return r, file.Bytes(), w
	}
	before, file, _ := write(Options{Cut: 8}, func(w *Writer) {
		for id := feed.ProductID(1); id <= products; id++ {
			if err := w.Node(id, node(id, "10.00")); err != nil {
				t.Fatal(err)
			}
		}
	})
	loaded := 0
	after, _, w := write(Options{Previous: &Previous{Index: before.Index, Gzip: At(bytes.NewReader(file))}}, func(w *Writer) {
		edits := func(yield func(Edit, error) bool) {
			for id := feed.ProductID(1); id <= products && yield(Edit{id, node(id, "12.50")}, nil); id += 9 {
			}
		}
		nodes := func(i int) (list []Node, err error) {
			loaded++
			if len(w.loaded[1].plain) > 0 {
				t.Errorf("before block %d, block %d was not lent", i, w.loaded[1].block)
			}
			for id := before.Index.Blocks[i].First; len(list) < int(before.Index.Blocks[i].Nodes); id++ {
				list = append(list, Node{id, len(node(id, "10.00"))})
			}
			return list, nil
		}
		if err := w.Update(edits, nodes); err != nil {
			t.Fatal(err)
		}
	})
	if loaded < 10 || after.Stats.Mended < 5 {
		t.Fatalf("%d blocks were loaded, %d mended", loaded, after.Stats.Mended)
	}
	for _, l := range w.loaded {
		if len(l.plain) > 0 {
			t.Errorf("block %d was not lent", l.block)
		}
	}
}
