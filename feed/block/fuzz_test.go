package block_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"testing"

	"feedmill/feed"
	"feedmill/feed/block"
)

// signed gives an index a checksum that fits, so that a fuzzer gets beyond it.
func signed(stored []byte) []byte {
	if len(stored) < 4 {
		return stored
	}
	body := stored[:len(stored)-4]
	return binary.LittleEndian.AppendUint32(bytes.Clone(body), crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}

// FuzzParseIndex reads indexes whose checksum is right whatever they say, and
// then a file that has nothing to do with them.
func FuzzParseIndex(f *testing.F) {
	for _, n := range []int{0, 3, 50} {
		r, file := bytesOf(f, dense(n), block.Options{Pool: testPool, Cut: 8})
		stored, _ := r.Index.AppendBinary(nil)
		f.Add(stored, file)
		f.Add(stored[:len(stored)/2], file)
	}
	f.Fuzz(func(t *testing.T, stored, file []byte) {
		if _, err := block.ParseIndex(stored); err != nil && !errors.Is(err, block.ErrCorrupt) {
			t.Fatalf("got %v, want %v", err, block.ErrCorrupt)
		}
		x, err := block.ParseIndex(signed(stored))
		if err != nil {
			if !errors.Is(err, block.ErrCorrupt) {
				t.Fatalf("got %v, want %v", err, block.ErrCorrupt)
			}
			return
		}
		again, _ := x.AppendBinary(nil)
		y, err := block.ParseIndex(again)
		if err != nil || y.PlainSize() != x.PlainSize() || y.GzipSize() != x.GzipSize() || y.Nodes() != x.Nodes() {
			t.Fatalf("an index that was read is not read again: %v", err)
		}
		for i := range x.Blocks {
			if at, in := x.Find(x.Blocks[i].First); !in || at != i {
				t.Fatalf("product %d: got block %d, want %d", x.Blocks[i].First, at, i)
			}
		}
		n, err := x.Open(t.Context(), block.At(bytes.NewReader(file))).WriteTo(io.Discard)
		if err == nil && n != x.PlainSize() || err != nil && !errors.Is(err, block.ErrCorrupt) {
			t.Fatalf("got %d bytes and %v, want %d", n, err, x.PlainSize())
		}
	})
}

// FuzzReader reads ranges of a damaged file: what comes is right, or there is
// an error.
func FuzzReader(f *testing.F) {
	d := dense(200)
	r, file := bytesOf(f, d, block.Options{Pool: testPool, Cut: 32})
	plain := d.plain()
	f.Add(uint16(12), uint8(1), uint16(3), []byte{}, uint16(0), uint16(100))
	f.Add(uint16(100), uint8(0), uint16(100), []byte("\x00\x00\xff\xff"), uint16(50), uint16(3000))
	f.Add(uint16(300), uint8(0x80), uint16(0), []byte{3, 0}, uint16(1), uint16(60000))
	f.Fuzz(func(t *testing.T, at uint16, flip uint8, over uint16, put []byte, off, n uint16) {
		damaged := bytes.Clone(file)
		damaged[int(at)%len(damaged)] ^= flip
		copy(damaged[int(over)%len(damaged):], put)
		rd := r.Index.Open(t.Context(), block.At(bytes.NewReader(damaged)))
		buf := make([]byte, n)
		got, err := rd.ReadAt(buf, int64(off))
		if int(off) > len(plain) {
			off = uint16(len(plain))
		}
		if !bytes.HasPrefix(plain[off:], buf[:got]) {
			t.Fatalf("wrong bytes from %d: %q", off, buf[:got])
		}
		if err == nil && got != int(n) || err != nil && err != io.EOF && !errors.Is(err, block.ErrCorrupt) {
			t.Fatalf("got %d of %d bytes and %v", got, n, err)
		}
		if err == io.EOF && int(off)+got != len(plain) {
			t.Fatalf("the file ends at %d, want %d", int(off)+got, len(plain))
		}
	})
}

// FuzzBoundaries checks that any update of any file is what building it of all
// nodes beside the file before gives, from raw bytes as ids.
func FuzzBoundaries(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 40, 41, 42}, []byte{3, 4, 9}, uint8(3), uint8(4))
	f.Add([]byte("a merchant's catalog of old"), []byte("rental"), uint8(1), uint8(40))
	f.Fuzz(func(t *testing.T, have, edit []byte, cut, shift uint8) {
		if len(have) > 200 || len(edit) > 50 {
			return
		}
		ids := make(map[feed.ProductID]bool)
		spread := func(b byte) feed.ProductID { return 1 + feed.ProductID(b)<<(shift%45) }
		for _, b := range have {
			ids[spread(b)] = true
		}
		d := small(sortedIDs(ids), nil)
		opt := block.Options{Pool: testPool, Cut: 1 + int(cut%20)}
		r, file := bytesOf(t, d, opt)
		edits := make(map[feed.ProductID][]byte)
		for i, b := range edit {
			id := spread(b)
			edits[id] = nil
			if i%3 > 0 {
				edits[id] = []byte("<new/>")
			}
		}
		opt.Previous = previous(r, file)
		_, want := bytesOf(t, d.edited(edits), opt)
		var got bytes.Buffer
		update(t, &got, d, edits, opt)
		if !bytes.Equal(got.Bytes(), want) {
			t.Fatal("an updated file differs from one that was built")
		}
		if whole, err := gunzip(want); err != nil || !bytes.Equal(whole, d.edited(edits).plain()) {
			t.Fatalf("it holds %d bytes and %v", len(whole), err)
		}
	})
}
