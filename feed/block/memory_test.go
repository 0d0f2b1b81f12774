package block_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"testing"

	"feedmill/feed"
	"feedmill/feed/block"
)

func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // what pools let go of
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A file of many blocks takes the memory of one of few while it is written, and
// little for each block once its index is read. The test does not run beside
// others, whose memory it would count.
func TestMemoryOfManyBlocks(t *testing.T) {
	const few, many = 5_000, 40_000
	var index bytes.Buffer
	write := func(stored io.Writer, blocks int) int64 {
		before := liveHeap()
		w, err := block.NewWriter(t.Context(), io.Discard, block.Options{Pool: testPool, Level: 1, Cut: 1, Stored: stored})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if err := w.Header([]byte("<products>\n")); err != nil {
			t.Fatal(err)
		}
		var node []byte
		for i := range blocks {
			id := feed.ProductID(i + 1)
			node = fmt.Appendf(node[:0], "<product id=\"%d\"/>\n", id)
			if err := w.Node(id, node); err != nil {
				t.Fatal(err)
			}
		}
		grown := liveHeap() - before
		if err := w.Footer([]byte("</products>\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Finish(); err != nil {
			t.Fatal(err)
		}
		return grown
	}
	if small, large := write(io.Discard, few), write(io.Discard, many); large-small > (many-few)*4 {
		t.Errorf("a file of %d blocks under way takes %d bytes, one of %d takes %d", many, large, few, small)
	}
	write(&index, many)
	before := liveHeap()
	x, err := block.ParseIndex(index.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if per := (liveHeap() - before) / many; per > 56 {
		t.Errorf("an index takes %d bytes a block, want at most 56", per)
	}
	if len(x.Blocks) != many {
		t.Errorf("got %d blocks, want %d", len(x.Blocks), many)
	}
	runtime.KeepAlive(&index)
}
