package block_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"feedmill/feed"
	"feedmill/feed/block"
)

func dense(n int) *document {
	ids := make([]feed.ProductID, n)
	for i := range ids {
		ids[i] = feed.ProductID(i + 1)
	}
	return small(ids, nil)
}

// TestMisuse checks that what cannot be a file is refused, and that a refusal
// lasts.
func TestMisuse(t *testing.T) {
	t.Parallel()
	d := dense(40)
	r, file := bytesOf(t, d, block.Options{Pool: testPool, Cut: 8})
	node := []byte("<n/>")
	all := func(int) ([]block.Node, error) { return d.in(r.Index)(1) }
	one := func(id feed.ProductID) iter.Seq2[block.Edit, error] {
		return sorted(map[feed.ProductID][]byte{id: node})
	}
	for _, c := range []struct {
		name string
		do   func(w *block.Writer) error
		want string
	}{
		{"node twice", func(w *block.Writer) error { w.Node(5, node); return w.Node(5, node) }, "node of product 5: ids ascend"},
		{"descending nodes", func(w *block.Writer) error { w.Node(5, node); return w.Node(4, node) }, "node of product 4: ids ascend"},
		{"no id", func(w *block.Writer) error { return w.Node(0, node) }, "node of product 0"},
		{"id too large", func(w *block.Writer) error { return w.Node(feed.MaxProductID+1, node) }, "ids ascend"},
		{"empty node", func(w *block.Writer) error { return w.Node(1, nil) }, "product 1 has 0 bytes"},
		{"header late", func(w *block.Writer) error { w.Node(1, node); return w.Header(nil) }, "the header comes too late"},
		{"header twice", func(w *block.Writer) error { w.Header(nil); return w.Header(nil) }, "the header comes too late"},
		{"node behind the footer", func(w *block.Writer) error { w.Footer(nil); return w.Node(1, node) }, "the node comes too late"},
		{"block behind the footer", func(w *block.Writer) error { w.Footer(nil); return w.Keep(1) }, "the block comes too late"},
		{"no such block", func(w *block.Writer) error { return w.Keep(len(r.Index.Blocks)) }, "the previous file has 6"},
		{"block twice", func(w *block.Writer) error { w.Keep(1); return w.Keep(1) }, "keep block 1"},
		{"node in a kept block", func(w *block.Writer) error { w.Keep(1); return w.Node(15, node) }, "none lies in the range of a kept block"},
		{"kept block around a node", func(w *block.Writer) error { w.Node(9, node); return w.Keep(1) }, "keep block 1: product 9"},
		{"splice no block", func(w *block.Writer) error { return w.Splice(-1, nil, one(1)) }, "there is no such block"},
		{"splice with another's nodes", func(w *block.Writer) error { return w.Splice(2, []block.Node{{ID: 1, Size: 3}}, one(16)) }, "not the 1 of 3 bytes"},
		{"splice elsewhere", func(w *block.Writer) error {
			nodes, _ := all(1)
			return w.Splice(1, nodes, one(30))
		}, "edit of product 30 in block 1"},
		{"edits twice", func(w *block.Writer) error {
			return w.Update(inOrder(9, 9), all)
		}, "edit of product 9 in block 1"},
		{"edits descend", func(w *block.Writer) error {
			return w.Update(inOrder(9, 3), all)
		}, "edit of product 3 in block 1"},
		{"edits fail", func(w *block.Writer) error {
			return w.Update(func(yield func(block.Edit, error) bool) { yield(block.Edit{}, io.ErrNoProgress) }, all)
		}, io.ErrNoProgress.Error()},
		{"edits fail in a block", func(w *block.Writer) error {
			return w.Update(func(yield func(block.Edit, error) bool) {
				_ = yield(block.Edit{ID: 9}, nil) && yield(block.Edit{}, io.ErrNoProgress)
			}, all)
		}, io.ErrNoProgress.Error()},
		{"nodes unknown", func(w *block.Writer) error {
			return w.Update(one(9), func(int) ([]block.Node, error) { return nil, io.ErrNoProgress })
		}, "list the nodes of block 1: " + io.ErrNoProgress.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, err := block.NewWriter(t.Context(), io.Discard, block.Options{Pool: testPool, Previous: previous(r, file)})
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			first := c.do(w)
			if first == nil || !strings.Contains(first.Error(), c.want) {
				t.Fatalf("got %v, want %q", first, c.want)
			}
			if _, err := w.Finish(); !errors.Is(err, first) {
				t.Errorf("finish: got %v, want %v", err, first)
			}
		})
	}
	for _, opt := range []block.Options{{Cut: -1}, {Cut: 1<<20 + 1}, {Level: 10}, {Level: -1}} {
		if _, err := block.NewWriter(t.Context(), io.Discard, opt); err == nil {
			t.Errorf("%+v is taken, want an error", opt)
		}
	}
	w := must(block.NewWriter(t.Context(), io.Discard, block.Options{Pool: testPool, Cut: 9, Previous: previous(r, file)}))
	defer w.Close()
	if err := w.Keep(0); err == nil || !strings.Contains(err.Error(), "same cut") {
		t.Errorf("keep with another cut: got %v, want an error", err)
	}
}

// inOrder removes products in the order given.
func inOrder(ids ...feed.ProductID) iter.Seq2[block.Edit, error] {
	return func(yield func(block.Edit, error) bool) {
		for _, id := range ids {
			if !yield(block.Edit{ID: id}, nil) {
				return
			}
		}
	}
}

// TestNothingStaysBehind ends writers in every way and leaves it to the bubble
// to complain of goroutines that live on.
func TestNothingStaysBehind(t *testing.T) {
	t.Parallel()
	d := dense(500)
	boom := errors.New("disk full")
	for _, c := range []struct {
		name string
		do   func(t *testing.T, w *block.Writer, cancel func())
	}{
		{"finished", func(t *testing.T, w *block.Writer, _ func()) {
			fill(t, w, d)
			if _, err := w.Finish(); err != nil {
				t.Error(err)
			}
			if _, err := w.Finish(); err == nil {
				t.Error("a file ends twice, want an error")
			}
		}},
		{"given up", func(t *testing.T, w *block.Writer, _ func()) { fill(t, w, d) }},
		{"never begun", func(*testing.T, *block.Writer, func()) {}},
		{"cancelled", func(t *testing.T, w *block.Writer, cancel func()) {
			fill(t, w, d)
			cancel()
			if _, err := w.Finish(); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want %v", err, context.Canceled)
			}
		}},
		{"cancelled at once", func(t *testing.T, w *block.Writer, cancel func()) {
			cancel()
			var err error
			for i := 0; err == nil && i < 100000; i++ {
				err = w.Node(feed.ProductID(i+1), []byte("<n/>"))
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want %v", err, context.Canceled)
			}
		}},
	} {
		for _, own := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/own=%v", c.name, own), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					opt := block.Options{Cut: 7, Plain: discard(own)}
					if !own {
						opt.Pool = block.NewPool(block.PoolOptions{Workers: 2, CacheBytes: 1 << 16})
						defer opt.Pool.Close()
					}
					w := must(block.NewWriter(ctx, io.Discard, opt))
					defer w.Close()
					c.do(t, w, cancel)
					w.Close()
				})
			})
		}
	}
	for name, broken := range map[string]block.Options{"gzip": {}, "plain": {Plain: &failing{err: boom}}} {
		t.Run("broken "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := io.Writer(io.Discard)
				if name == "gzip" {
					out = &failing{err: boom}
				}
				w := must(block.NewWriter(t.Context(), out, broken))
				defer w.Close()
				var err error
				for i := 0; err == nil && i < 1000000; i++ {
					err = w.Node(feed.ProductID(i+1), []byte("<n/>"))
				}
				if !errors.Is(err, boom) {
					t.Errorf("got %v, want %v", err, boom)
				}
			})
		})
	}
	t.Run("pool closed too early", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			pool := block.NewPool(block.PoolOptions{})
			w := must(block.NewWriter(t.Context(), io.Discard, block.Options{Pool: pool, Cut: 1}))
			defer w.Close()
			pool.Close()
			w.Node(1, []byte("<n/>"))
			if _, err := w.Finish(); err == nil || !strings.Contains(err.Error(), "pool of workers is closed") {
				t.Errorf("got %v, want an error that names the pool", err)
			}
		})
	})
}

func fill(t *testing.T, w *block.Writer, d *document) {
	t.Helper()
	for i, id := range d.ids {
		if err := w.Node(id, d.nodes[i]); err != nil {
			t.Fatal(err)
		}
	}
}

// failing takes some bytes and then no more.
type failing struct {
	n   int
	err error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.n += len(p); f.n > 500 {
		return 0, f.err
	}
	return len(p), nil
}

// TestMemoryIsBounded stops the receiver and counts what the writer takes in
// before it waits.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const workers, size, cut = 2, 1000, 10
		pool := block.NewPool(block.PoolOptions{Workers: workers})
		defer pool.Close()
		gate := make(gated)
		w := must(block.NewWriter(t.Context(), gate, block.Options{Pool: pool, Cut: cut}))
		defer w.Close()
		taken, node := 0, bytes.Repeat([]byte("x"), size)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for ; taken < 1000; taken++ {
				if err := w.Node(feed.ProductID(taken+1), node); err != nil {
					t.Error(err)
					return
				}
			}
		}()
		synctest.Wait()
		// The way holds 2·workers+2 blocks, and one more fills in the queue.
		if most := (2*workers + 3) * (cut + 1); taken > most || taken < cut {
			t.Errorf("got %d nodes taken in while nothing goes out, want at most %d", taken, most)
		}
		close(gate)
		<-done
		r, err := w.Finish()
		if err != nil || r.Index.Nodes() != 1000 {
			t.Errorf("got %v, want 1000 nodes", err)
		}
	})
}

// gated is a receiver that waits until it is closed.
type gated chan struct{}

func (g gated) Write(p []byte) (int, error) { <-g; return len(p), nil }

// TestAllocations checks that a node costs no allocation, by what ten times as
// many in the same number of blocks cost. It runs alone.
func TestAllocations(t *testing.T) {
	pool := block.NewPool(block.PoolOptions{Workers: 1})
	defer pool.Close()
	node := bytes.Repeat([]byte("<n/>"), 8)
	mallocs := func(nodes, cut int) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w := must(block.NewWriter(t.Context(), io.Discard, block.Options{Pool: pool, Cut: cut, Plain: discard(true)}))
		defer w.Close()
		for i := range nodes {
			if err := w.Node(feed.ProductID(i+1), node); err != nil {
				t.Fatal(err)
			}
		}
		must(w.Finish())
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs
	}
	mallocs(10000, 100)
	few, many := mallocs(10000, 100), mallocs(100000, 1000)
	if many > few+few/2+200 {
		t.Errorf("got %d allocations for 100,000 nodes and %d for 10,000 in as many blocks, want about the same", many, few)
	}
}

// TestDamagedPrevious checks that no damage in the file before gets into a new
// one: kept blocks are refused, equal ones are compressed anew.
func TestDamagedPrevious(t *testing.T) {
	t.Parallel()
	d := dense(64)
	opt := block.Options{Pool: testPool, Cut: 8}
	r, file := bytesOf(t, d, opt)
	for at := 10; at < len(file)-10; at += 7 {
		damaged := bytes.Clone(file)
		damaged[at] ^= 0x10
		opt.Previous = previous(r, damaged)
		again, got := bytesOf(t, d, opt)
		if !bytes.Equal(got, file) {
			t.Fatalf("byte %d is damaged: a file of all nodes is wrong", at)
		}
		if again.Stats.Compressed != 1 {
			t.Fatalf("byte %d is damaged: got %+v, want one segment made anew", at, again.Stats)
		}
		opt.Plain = discard(opt.Plain == nil)
		w := must(block.NewWriter(t.Context(), io.Discard, opt))
		var err error
		for i := range r.Index.Blocks {
			if err == nil {
				err = w.Keep(i)
			}
		}
		if _, ferr := w.Finish(); err == nil {
			err = ferr
		}
		w.Close()
		kept := int64(at) >= r.Index.GzipSize()-int64(r.Index.Footer.Packed)-10 || at < 10+int(r.Index.Header.Packed)
		if kept != (err == nil) || err != nil && !errors.Is(err, block.ErrCorrupt) {
			t.Fatalf("byte %d is damaged: got %v, want %v", at, err, block.ErrCorrupt)
		}
	}
	opt.Previous = previous(r, file[:len(file)/2])
	w := must(block.NewWriter(t.Context(), io.Discard, opt))
	defer w.Close()
	must(0, w.Keep(len(r.Index.Blocks)-1))
	if _, err := w.Finish(); !errors.Is(err, block.ErrCorrupt) || !strings.Contains(err.Error(), "the file ends") {
		t.Errorf("half a file: got %v, want %v", err, block.ErrCorrupt)
	}
}

// TestSharing checks that writers of one pool compress a common block once.
func TestSharing(t *testing.T) {
	t.Parallel()
	pool := block.NewPool(block.PoolOptions{Workers: 4, CacheBytes: 1 << 20})
	defer pool.Close()
	d := dense(400)
	results := make([]block.Result, 5)
	var writers sync.WaitGroup
	for i := range results {
		writers.Go(func() {
			// Every writer has a header of its own.
			mine := *d
			mine.header = fmt.Appendf(nil, "<products by=\"%d\">", i)
			results[i], _ = bytesOf(panics{}, &mine, block.Options{Pool: pool, Cut: 16, Plain: discard(i%2 == 0)})
		})
	}
	writers.Wait()
	var sum block.Stats
	for _, r := range results {
		sum.Compressed += r.Stats.Compressed
		sum.Shared += r.Stats.Shared
	}
	blocks := int64(len(results[0].Index.Blocks))
	if want := blocks + 1 + 5; sum.Compressed != want || sum.Shared != 4*(blocks+1) {
		t.Errorf("got %+v, want %d compressed: each block and the footer once, and five headers", sum, want)
	}
	if bytes, n := pool.Cached(); int64(n) != blocks+6 || bytes < 100*blocks {
		t.Errorf("got %d segments of %d bytes at hand, want %d", n, bytes, blocks+6)
	}
}

// TestWorkersDoNotMatter checks that a file does not depend on how many work at it.
func TestWorkersDoNotMatter(t *testing.T) {
	t.Parallel()
	_, want := bytesOf(t, sampleLight(), block.Options{Pool: testPool})
	for _, workers := range []int{1, 3, 16} {
		pool := block.NewPool(block.PoolOptions{Workers: workers, CacheBytes: 1 << 18})
		if _, got := bytesOf(t, sampleLight(), block.Options{Pool: pool, Plain: discard(true)}); !bytes.Equal(got, want) {
			t.Errorf("%d workers make another file", workers)
		}
		pool.Close()
	}
}

// TestReaderNoticesDamage damages every byte of a file in turn: what is
// read is right or an error.
func TestReaderNoticesDamage(t *testing.T) {
	t.Parallel()
	d := dense(60)
	r, file := bytesOf(t, d, block.Options{Pool: testPool, Cut: 16})
	plain := d.plain()
	for at := range file {
		damaged := bytes.Clone(file)
		damaged[at] ^= 1 << (at % 8)
		var out bytes.Buffer
		_, err := r.Index.Open(t.Context(), block.At(bytes.NewReader(damaged))).WriteTo(&out)
		segment := at >= 10 && at < len(file)-10
		if segment != errors.Is(err, block.ErrCorrupt) || !bytes.HasPrefix(plain, out.Bytes()) || err == nil && out.Len() != len(plain) {
			t.Fatalf("byte %d is damaged: got %d bytes and %v", at, out.Len(), err)
		}
	}
	if _, err := r.Index.Open(t.Context(), block.At(bytes.NewReader(file[:len(file)/2]))).WriteTo(io.Discard); !errors.Is(err, block.ErrCorrupt) {
		t.Errorf("half a file: got %v, want %v", err, block.ErrCorrupt)
	}
	rd := r.Index.Open(t.Context(), func(context.Context, int64, int64) (io.ReadCloser, error) { return nil, io.ErrNoProgress })
	if _, err := rd.ReadAt(make([]byte, 1), 5); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a source that fails: got %v, want its error", err)
	}
	for _, c := range [][2]int64{{-1, 2}, {0, -1}, {0, rd.Size() + 1}, {rd.Size() + 1, 0}, {5, 1<<63 - 1}} {
		if _, err := rd.WriteRange(io.Discard, c[0], c[1]); err == nil {
			t.Errorf("%d bytes from %d: got no error", c[1], c[0])
		}
	}
	if _, err := rd.ReadAt(nil, -1); err == nil {
		t.Error("a negative offset: got no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	rd = r.Index.Open(ctx, block.At(bytes.NewReader(file)))
	cancel()
	if _, err := rd.ReadAt(make([]byte, 1), 5); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v, want %v", err, context.Canceled)
	}
}

// TestReaderInParallel has one reader used by many at a time.
func TestReaderInParallel(t *testing.T) {
	t.Parallel()
	d := sampleLight()
	r, file := bytesOf(t, d, block.Options{Pool: testPool})
	plain := d.plain()
	rd := r.Index.Open(t.Context(), block.At(bytes.NewReader(file)))
	var readers sync.WaitGroup
	for g := range 4 {
		readers.Go(func() {
			buf := make([]byte, 5000)
			for i := range 50 {
				off := (g*7919 + i*104729) % (len(plain) - len(buf))
				if _, err := rd.ReadAt(buf, int64(off)); err != nil || !bytes.Equal(buf, plain[off:off+len(buf)]) {
					t.Errorf("%d bytes from %d: got others, and %v", len(buf), off, err)
				}
			}
		})
	}
	readers.Wait()
}

func TestCutFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size, want   int
		nodes, bytes int64
	}{
		{64 << 10, block.DefaultCut, 0, 0}, {64 << 10, block.DefaultCut, 10, 40960}, {64 << 10, 18, 1000, 5000000}, {64 << 10, 1, 3, 30 << 20},
		{1 << 30, 1 << 20, 10, 100}, {32 << 10, 76, 1000, 600000}, {0, 1, 5, 100}, {100, 1, 5, 0},
	} {
		if got := block.CutFor(c.size, c.nodes, c.bytes); got != c.want {
			t.Errorf("blocks of %d bytes, %d nodes of %d bytes: got %d, want %d", c.size, c.nodes, c.bytes, got, c.want)
		}
	}
}

// TestReaderTrustsNoIndex has the checksums of an index not fit the file.
func TestReaderTrustsNoIndex(t *testing.T) {
	t.Parallel()
	r, file := bytesOf(t, dense(9), block.Options{Pool: testPool, Cut: 16})
	stored, _ := r.Index.AppendBinary(nil)
	refused := 0
	for at := len("feedmill blocks 3\n"); at < len(stored)-4; at++ {
		wrong := bytes.Clone(stored)
		wrong[at] ^= 1
		x, err := block.ParseIndex(signed(wrong))
		if err != nil {
			continue
		}
		var out bytes.Buffer
		if _, err = x.Open(t.Context(), block.At(bytes.NewReader(file))).WriteTo(&out); err == nil {
			continue
		}
		refused++
		if !errors.Is(err, block.ErrCorrupt) {
			t.Errorf("byte %d of the index is wrong: got %v, want %v", at, err, block.ErrCorrupt)
		}
	}
	// Three segments with two checksums and two sizes, of which each byte matters.
	if refused < 3*10 {
		t.Errorf("got %d wrong bytes refused, want at least 30", refused)
	}
}

// TestReaderRemembers checks that reading on in a block neither fetches nor
// inflates it again.
func TestReaderRemembers(t *testing.T) {
	t.Parallel()
	r, file := bytesOf(t, dense(64), block.Options{Pool: testPool, Cut: 16})
	fetches := 0
	rd := r.Index.Open(t.Context(), func(ctx context.Context, off, n int64) (io.ReadCloser, error) {
		fetches++
		return block.At(bytes.NewReader(file))(ctx, off, n)
	})
	b := &r.Index.Blocks[1]
	for off := range b.Plain {
		if _, err := rd.ReadAt(make([]byte, 1), r.Index.PlainOffset(1)+int64(off)); err != nil {
			t.Fatal(err)
		}
	}
	if fetches != 1 {
		t.Errorf("got %d fetches for %d bytes of one block, want 1", fetches, b.Plain)
	}
	if _, err := rd.WriteTo(io.Discard); err != nil || fetches != 2 {
		t.Errorf("got %d fetches and %v for the whole, want one more", fetches, err)
	}
}

// What is loaded of the file before is its bytes, or an error.
func TestLoad(t *testing.T) {
	t.Parallel()
	d := sampleLight()
	r, file := bytesOf(t, d, block.Options{Cut: 16})
	w := must(block.NewWriter(t.Context(), io.Discard, block.Options{Previous: previous(r, file)}))
	defer w.Close()
	var plain []byte
	last := feed.ProductID(0)
	for i := range r.Index.Blocks {
		var err error
		if plain, err = w.Load(plain, i); err != nil {
			t.Fatal(err)
		}
		first, end := r.Index.Span(i)
		if b := &r.Index.Blocks[i]; first < last || b.First < first || b.First >= end {
			t.Fatalf("block %d spans %d to %d, after %d, and begins with %d", i, first, end, last, b.First)
		}
		last = end
	}
	all := d.plain()
	if want := all[len(d.header) : len(all)-len(d.footer)]; !bytes.Equal(plain, want) {
		t.Errorf("got %d bytes, want the %d between header and footer", len(plain), len(want))
	}
	file[len(file)/2] ^= 1
	bad := must(block.NewWriter(t.Context(), io.Discard, block.Options{Previous: previous(r, file)}))
	defer bad.Close()
	var err error
	for i := range r.Index.Blocks {
		if err == nil {
			_, err = bad.Load(nil, i)
		}
	}
	if !errors.Is(err, block.ErrCorrupt) {
		t.Errorf("damaged: got error %v, want %v", err, block.ErrCorrupt)
	}
	none := must(block.NewWriter(t.Context(), io.Discard, block.Options{}))
	defer none.Close()
	if _, err := none.Load(nil, 0); err == nil {
		t.Error("without a file before: got no error")
	}
}
