package publish

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"feedmill/feed"
	"feedmill/internal/filesum"
)

// However files of one run are written side by side, each has its bytes, is as
// long as they are, and its digests are theirs.
func TestSinksKeepWhatIsWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pattern := bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyz"), 1<<14)
	rapid.Check(t, func(t *rapid.T) {
		var group filesum.Group
		sinks, want := make([]sink, rapid.IntRange(1, 4).Draw(t, "files")), make([][]byte, 4)
		for i := range sinks {
			sinks[i] = newSink(dir, "sink-*", &group)
		}
		for range rapid.IntRange(1, 24).Draw(t, "writes") {
			i := rapid.IntRange(0, len(sinks)-1).Draw(t, "file")
			n := rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(0, 3*stepSize), rapid.SampledFrom([]int{stepSize - 1, stepSize, stepSize + 1})).Draw(t, "bytes")
			b := pattern[len(want[i])%36:][:n]
			if m, err := sinks[i].Write(b); m != n || err != nil {
				t.Fatalf("got %d, %v, want %d", m, err, n)
			}
			want[i] = append(want[i], b...)
			if rapid.IntRange(0, 5).Draw(t, "flush") == 0 {
				if err := sinks[i].flush(); err != nil {
					t.Fatal(err)
				}
				if got, err := os.ReadFile(sinks[i].f.Name()); err != nil || !bytes.Equal(got, want[i]) {
					t.Fatalf("flushed: got %d bytes and %v, want the %d that were written", len(got), err, len(want[i]))
				}
			}
		}
		for i := range sinks {
			s := &sinks[i]
			if s.f == nil {
				continue
			}
			for range 2 {
				if err := s.close(); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(s.f.Name())
			if err != nil || !bytes.Equal(got, want[i]) {
				t.Fatalf("got %d bytes and %v, want the %d that were written", len(got), err, len(want[i]))
			}
			sp := s.spooled(feed.KindFull, "", 1, "")
			if sp.Size != int64(len(got)) || sp.MD5 != md5.Sum(got) || sp.SHA256 != sha256.Sum256(got) {
				t.Fatalf("got %d bytes with %v, %v", sp.Size, sp.MD5, sp.SHA256)
			}
			if err := s.remove(); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(sp.Path); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("got %v, want it gone", err)
			}
		}
	})
}

// A sink whose file cannot be written says so when it is closed at the latest.
func TestSinkTellsOfErrors(t *testing.T) {
	t.Parallel()
	var group filesum.Group
	s := newSink(t.TempDir(), "sink-*", &group)
	if _, err := s.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := s.f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v, want %v", err, os.ErrClosed)
	}
	missing := newSink(t.TempDir()+"/missing", "sink-*", &group)
	if _, err := missing.Write([]byte("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}

// TestPassing reads a file out of order by pieces and lets go of what is behind.
func TestPassing(t *testing.T) {
	t.Parallel()
	const size = 5 * passingLag / 2
	b := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	f, err := os.Create(filepath.Join(t.TempDir(), "before"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	p := &passing{f: f}
	const piece = 1<<20 + 5
	got := make([]byte, size)
	for off := 0; off < size; off += 2 * piece {
		for _, at := range []int{off + piece, off} { // the later one first
			if at < size {
				if _, err := p.ReadAt(got[at:min(at+piece, size)], int64(at)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if !bytes.Equal(got, b) {
		t.Error("the file reads otherwise than it was written")
	}
	if done := p.done.Load(); done < passingLag || done > size-passingLag {
		t.Errorf("let go of %d bytes of %d, want all but the last %d and what comes before them", done, size, passingLag)
	}
}
