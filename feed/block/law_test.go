package block_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"feedmill/feed"
	"feedmill/feed/block"
)

// idSets gives ids as catalogs have them: dense, with gaps, spread over all of
// the numbers (ids derived from keys), and heaps far apart.
func idSets() *rapid.Generator[[]feed.ProductID] {
	return rapid.Custom(func(t *rapid.T) []feed.ProductID {
		ids := make(map[feed.ProductID]bool)
		for range rapid.IntRange(1, 3).Draw(t, "heaps") {
			start := rapid.Int64Range(1, feed.MaxProductID).Draw(t, "start")
			gap := rapid.SampledFrom([]int64{1, 2, 7, 1000, 1 << 40}).Draw(t, "gap")
			for range rapid.IntRange(0, 80).Draw(t, "n") {
				ids[feed.ProductID(start)] = true
				start += rapid.Int64Range(1, gap).Draw(t, "step")
				if start > feed.MaxProductID {
					break
				}
			}
		}
		return sortedIDs(ids)
	})
}

func sortedIDs(set map[feed.ProductID]bool) []feed.ProductID {
	ids := make([]feed.ProductID, 0, len(set))
	for id := range set {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// small makes a document of short nodes.
func small(ids []feed.ProductID, revision map[feed.ProductID]int) *document {
	d := &document{header: []byte("<products>\n"), footer: []byte("</products>\n"), ids: ids}
	for _, id := range ids {
		d.nodes = append(d.nodes, smallNode(id, revision[id]))
	}
	return d
}

func smallNode(id feed.ProductID, revision int) []byte {
	r := rand.New(rand.NewPCG(uint64(id), uint64(revision)))
	return fmt.Appendf(nil, "<product id=\"%d\">%x</product>\n", id, make([]byte, r.IntN(20)))
}

var testPool = block.NewPool(block.PoolOptions{})

// bounds are the boundaries of an index.
func bounds(x *block.Index) (list []string) {
	for i := range x.Blocks {
		b := &x.Blocks[i]
		list = append(list, fmt.Sprintf("%d from %d, %d bits", b.Nodes, b.First, b.Bits))
	}
	return list
}

// trie cuts ids by the definition: divide all numbers in halves until no part
// has more than cut ids.
func trie(ids []feed.ProductID, start feed.ProductID, bits uint8, cut int) []string {
	switch {
	case len(ids) == 0:
		return nil
	case len(ids) <= cut:
		return []string{fmt.Sprintf("%d from %d, %d bits", len(ids), ids[0], bits)}
	}
	middle := start + 1<<(bits-1)
	n, _ := slices.BinarySearch(ids, middle)
	return append(trie(ids[:n], start, bits-1, cut), trie(ids[n:], middle, bits-1, cut)...)
}

// TestBoundaries checks the boundaries against their definition, and so that
// they depend on nothing but ids.
func TestBoundaries(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ids := idSets().Draw(t, "ids")
		cut := rapid.IntRange(1, 12).Draw(t, "cut")
		revision := make(map[feed.ProductID]int)
		for _, id := range ids {
			revision[id] = rapid.IntRange(0, 3).Draw(t, "revision")
		}
		x := buildRapid(t, small(ids, revision), block.Options{Pool: testPool, Cut: cut}).Index
		if got, want := bounds(x), trie(ids, 0, 53, cut); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
		for _, id := range ids {
			if i, in := x.Find(id); !in || x.Blocks[i].First > id {
				t.Fatalf("find %d: got block %d, %v", id, i, in)
			}
		}
	})
}

// TestOneEdit checks that one id more or less touches two blocks at most.
func TestOneEdit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ids := idSets().Draw(t, "ids")
		cut := rapid.IntRange(1, 12).Draw(t, "cut")
		var id feed.ProductID
		if len(ids) > 0 && rapid.Bool().Draw(t, "near") {
			id = min(rapid.SampledFrom(ids).Draw(t, "neighbour")+feed.ProductID(rapid.Int64Range(0, 3).Draw(t, "beside")), feed.MaxProductID)
		} else {
			id = feed.ProductID(rapid.Int64Range(1, feed.MaxProductID).Draw(t, "id"))
		}
		i, had := slices.BinarySearch(ids, id)
		less, more := ids, slices.Insert(slices.Clone(ids), i, id)
		if had {
			less, more = slices.Delete(slices.Clone(ids), i, i+1), ids
		}
		without := bounds(buildRapid(t, small(less, nil), block.Options{Pool: testPool, Cut: cut}).Index)
		with := bounds(buildRapid(t, small(more, nil), block.Options{Pool: testPool, Cut: cut}).Index)
		if a, b := missing(without, with), missing(with, without); a > 1 || b > 2 {
			t.Fatalf("one id more turns %d blocks into %d: %q, %q", a, b, without, with)
		}
	})
}

// missing counts what is in a and not in b.
func missing(a, b []string) (n int) {
	for _, s := range a {
		if !slices.Contains(b, s) {
			n++
		}
	}
	return n
}

// fatal is what of a test the helpers need that property tests use.
type fatal interface{ Fatal(args ...any) }

func buildRapid(t fatal, d *document, opt block.Options) block.Result {
	r, _ := bytesOf(t, d, opt)
	return r
}

func check(t fatal, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

// bytesOf writes a document node by node and gives the file too.
func bytesOf(t fatal, d *document, opt block.Options) (block.Result, []byte) {
	var file bytes.Buffer
	w, err := block.NewWriter(context.Background(), &file, opt)
	check(t, err)
	defer w.Close()
	check(t, w.Header(d.header))
	for i, id := range d.ids {
		check(t, w.Node(id, d.nodes[i]))
	}
	check(t, w.Footer(d.footer))
	r, err := w.Finish()
	check(t, err)
	return r, file.Bytes()
}

// TestUpdateIsBuild checks over histories of edits that updating a file gives
// the file, byte for byte, that is made of all nodes beside the same file before,
// whatever the sources of the plain bytes and whoever else works with the pool; and
// that it holds what a file without one before holds.
func TestUpdateIsBuild(t *testing.T) {
	t.Parallel()
	pool := block.NewPool(block.PoolOptions{Workers: 3, CacheBytes: 1 << 20})
	t.Cleanup(pool.Close)
	rapid.Check(t, func(t *rapid.T) {
		d := small(idSets().Draw(t, "ids"), nil)
		cut := rapid.IntRange(1, 12).Draw(t, "cut")
		level := rapid.IntRange(1, 6).Draw(t, "level")
		r, file := bytesOf(t, d, block.Options{Pool: pool, Cut: cut, Level: level})
		for generation := range rapid.IntRange(1, 3).Draw(t, "generations") {
			edits := make(map[feed.ProductID][]byte)
			for range rapid.IntRange(0, 30).Draw(t, "edits") {
				id := feed.ProductID(rapid.Int64Range(1, feed.MaxProductID).Draw(t, "id"))
				if len(d.ids) > 0 && rapid.IntRange(0, 5).Draw(t, "far") > 0 {
					id = min(rapid.SampledFrom(d.ids).Draw(t, "neighbour")+feed.ProductID(rapid.IntRange(0, 2).Draw(t, "beside")), feed.MaxProductID)
				}
				edits[id] = nil
				if rapid.IntRange(0, 2).Draw(t, "gone") > 0 {
					edits[id] = smallNode(id, generation+rapid.IntRange(0, 1).Draw(t, "revision"))
				}
			}
			p := previous(r, file)
			plain := d.plain()
			switch rapid.IntRange(0, 5).Draw(t, "sources") {
			case 1:
				p.Plain = block.At(bytes.NewReader(plain))
			case 2:
				p.Plain, p.Gzip = block.At(bytes.NewReader(plain)), nil
			case 3:
				plain[rapid.IntRange(0, len(plain)-1).Draw(t, "damage")] ^= 1
				p.Plain = block.At(bytes.NewReader(plain))
			case 4:
				p.Plain = lending(plain, rapid.IntRange(1, 500).Draw(t, "lent"))
			case 5:
				plain[rapid.IntRange(0, len(plain)-1).Draw(t, "damage")] ^= 1
				p.Plain = lending(plain, rapid.IntRange(1, 500).Draw(t, "lent"))
			}
			if p.Gzip != nil && rapid.Bool().Draw(t, "gzip lent") {
				p.Gzip = lending(file, rapid.IntRange(1, 500).Draw(t, "lent"))
			}
			if rapid.Bool().Draw(t, "other level") {
				level = rapid.IntRange(1, 6).Draw(t, "level")
			}
			next := d.edited(edits)
			opt := block.Options{Pool: pool, Level: level, Cut: cut, Previous: p}
			want, wantFile := bytesOf(t, next, opt)
			alone, _ := bytesOf(t, next, block.Options{Pool: pool, Level: level, Cut: cut})
			plainToo := rapid.Bool().Draw(t, "plain")
			var gotPlain bytes.Buffer
			if plainToo {
				opt.Plain = &gotPlain
			}
			asStored := rapid.Bool().Draw(t, "stored")
			var stored bytes.Buffer
			if asStored {
				opt.Stored = &stored
			}
			var decided []int
			opt.Decided = func(nodes int) { decided = append(decided, nodes) }
			var gotFile bytes.Buffer
			w, err := block.NewWriter(context.Background(), &gotFile, opt)
			check(t, err)
			defer w.Close()
			check(t, w.Header(d.header))
			if rapid.IntRange(0, 3).Draw(t, "whole") == 0 {
				for i, id := range next.ids {
					check(t, w.Node(id, next.nodes[i]))
				}
			} else {
				check(t, w.Update(sorted(edits), d.in(r.Index)))
			}
			check(t, w.Footer(d.footer))
			got, err := w.Finish()
			check(t, err)
			if asStored {
				if got.Index != nil {
					t.Fatal("an index was made where its stored form was asked for")
				}
				got.Index, err = block.ParseIndex(stored.Bytes())
				check(t, err)
			}
			for i := range got.Index.Blocks {
				if i >= len(decided) || decided[i] != int(got.Index.Blocks[i].Nodes) || len(decided) != len(got.Index.Blocks) {
					t.Fatalf("blocks of %v nodes were told, they are %v", decided, bounds(got.Index))
				}
			}
			if whole, err := gunzip(gotFile.Bytes()); err != nil || !bytes.Equal(whole, next.plain()) {
				t.Fatalf("generation %d: the updated file holds %d bytes and %v", generation, len(whole), err)
			}
			for i, b := range alone.Index.Blocks {
				if g := got.Index.Blocks[i]; g.First != b.First || g.Bits != b.Bits || g.Digest != b.Digest || g.CRC != b.CRC {
					t.Fatalf("generation %d, block %d: got %+v, want %+v", generation, i, g, b)
				}
			}
			if !bytes.Equal(gotFile.Bytes(), wantFile) {
				t.Fatalf("generation %d: an updated file differs from a new one\n%q\n%q", generation, bounds(got.Index), bounds(want.Index))
			}
			a, _ := got.Index.AppendBinary(nil)
			b, _ := want.Index.AppendBinary(nil)
			if !bytes.Equal(a, b) {
				t.Fatal("an updated index differs from a new one")
			}
			if all := next.plain(); got.Gzip != int64(len(wantFile)) || got.Plain != int64(len(all)) {
				t.Fatalf("got sizes %d and %d, want %d and %d", got.Gzip, got.Plain, len(wantFile), len(all))
			} else if plainToo && !bytes.Equal(gotPlain.Bytes(), all) {
				t.Fatal("the plain form is wrong")
			}
			d, r, file = next, got, wantFile
		}
	})
}

// gunzip reads a file by the standard library.
func gunzip(file []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// TestReaderReadsRanges compares ranges of the plain form with the plain form.
func TestReaderReadsRanges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := small(idSets().Draw(t, "ids"), nil)
		if rapid.IntRange(0, 9).Draw(t, "bare") == 0 {
			d.header, d.footer = nil, nil
		}
		r, file := bytesOf(t, d, block.Options{Pool: testPool, Cut: rapid.IntRange(1, 9).Draw(t, "cut")})
		stored, _ := r.Index.AppendBinary(nil)
		x, err := block.ParseIndex(stored)
		check(t, err)
		again, _ := x.AppendBinary(nil)
		if !bytes.Equal(again, stored) {
			t.Fatal("an index that was read is stored otherwise")
		}
		plain := d.plain()
		if x.PlainSize() != int64(len(plain)) || x.GzipSize() != int64(len(file)) || x.Nodes() != int64(len(d.ids)) {
			t.Fatalf("got sizes %d and %d of %d nodes, want %d, %d, %d", x.PlainSize(), x.GzipSize(), x.Nodes(), len(plain), len(file), len(d.ids))
		}
		rd := x.Open(context.Background(), block.At(bytes.NewReader(file)))
		for range 10 {
			off := rapid.IntRange(0, len(plain)).Draw(t, "off")
			n := rapid.IntRange(0, len(plain)-off+5).Draw(t, "n")
			buf := make([]byte, n)
			got, err := rd.ReadAt(buf, int64(off))
			want := plain[off:min(off+n, len(plain))]
			if !bytes.Equal(buf[:got], want) || (err == io.EOF) != (got < n || off == len(plain)) || err != nil && err != io.EOF {
				t.Fatalf("%d bytes from %d: got %d and %v, want %d", n, off, got, err, len(want))
			}
			var out bytes.Buffer
			n = min(n, len(plain)-off)
			if m, err := rd.WriteRange(&out, int64(off), int64(n)); err != nil || m != int64(n) || !bytes.Equal(out.Bytes(), plain[off:off+n]) {
				t.Fatalf("write %d bytes from %d: got %d and %v", n, off, m, err)
			}
		}
		if len(x.Blocks) > 0 {
			i := rapid.IntRange(0, len(x.Blocks)-1).Draw(t, "block")
			got, err := rd.AppendBlock([]byte("x"), i)
			at := x.PlainOffset(i)
			if err != nil || string(got[1:]) != string(plain[at:at+int64(x.Blocks[i].Plain)]) {
				t.Fatalf("block %d: got %q and %v", i, got, err)
			}
		}
		var whole bytes.Buffer
		if _, err := rd.WriteTo(&whole); err != nil || !bytes.Equal(whole.Bytes(), plain) {
			t.Fatalf("the whole: got %d bytes and %v, want %d", whole.Len(), err, len(plain))
		}
	})
}
