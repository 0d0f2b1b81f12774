package publish

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
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
			sinks[i].past = rapid.Bool().Draw(t, "past")
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

// A file that has become so large that it is written in larger steps is as any
// other, wherever it is flushed.
func TestLargeSinkKeepsWhatIsWritten(t *testing.T) {
	t.Parallel()
	var group filesum.Group
	s := newSink(t.TempDir(), "sink-*", &group)
	s.past = true
	piece := bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyz"), 3000)
	var want []byte
	for i := range 110 {
		b := piece[i:]
		if n, err := s.Write(b); n != len(b) || err != nil {
			t.Fatalf("got %d, %v, want %d", n, err, len(b))
		}
		want = append(want, b...)
		if i%40 == 39 {
			if err := s.flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(s.f.Name())
	if err != nil || !bytes.Equal(got, want) || len(got) < largeFrom+largeStep {
		t.Fatalf("got %d bytes and %v, want the %d that were written", len(got), err, len(want))
	}
	if sp := s.spooled(feed.KindFull, "", 1, ""); sp.Size != int64(len(want)) || sp.MD5 != md5.Sum(want) || sp.SHA256 != sha256.Sum256(want) {
		t.Errorf("got %d bytes with %v, %v", sp.Size, sp.MD5, sp.SHA256)
	}
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
