package durable

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func ExampleLarge() {
	f, err := os.CreateTemp("", "large-*")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.Remove(f.Name())
	w := NewLarge(f)
	piece := Buffer(LargeStep)[:LargeStep]
	for range 4 << 20 / LargeStep {
		if _, err := w.Write(piece); err != nil {
			fmt.Println(err)
			return
		}
	}
	_, err = w.Write([]byte("the end"))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		fmt.Println(err)
		return
	}
	info, err := os.Stat(f.Name())
	fmt.Println(info.Size(), err)
	// Output: 4194311 <nil>
}

// random gives bytes that are nowhere the same.
func random(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b) // it never fails
	return b
}

// openedFile gives a file that holds b, for reading.
func openedFile(t *testing.T, b []byte) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// In whatever pieces a file is written, it holds them; and it can be read by others
// while it is.
func TestLargeHoldsWhatWasWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := random(3 << 20)
	sizes := rapid.SampledFrom([]int{0, 1, page - 1, page, 3 * page, Step, Step + page, Step + 1, LargeStep, 2*LargeStep + page})
	rapid.Check(t, func(t *rapid.T) {
		f, err := os.CreateTemp(dir, "large-*")
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(f.Name())
		defer f.Close()
		w := NewLarge(f)
		w.off, err = f.Seek(0, io.SeekCurrent)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(want); {
			piece := want[at:min(at+sizes.Draw(t, "size"), len(want))]
			if rapid.Bool().Draw(t, "fit") {
				piece = append(Buffer(len(piece)), piece...)
			}
			n, err := w.Write(piece)
			if n != len(piece) || err != nil {
				t.Fatalf("got %d and %v for %d bytes at %d", n, err, len(piece), at)
			}
			at += n
			if len(piece) == 0 { // or there might be no end
				n, err := w.Write(want[at : at+1])
				if n != 1 || err != nil {
					t.Fatalf("got %d and %v for one byte at %d", n, err, at)
				}
				at++
			}
			if rapid.IntRange(0, 9).Draw(t, "look") == 0 {
				if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, want[:at]) {
					t.Fatalf("after %d bytes the file has %d others, %v", at, len(got), err)
				}
			}
		}
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("the file has %d other bytes, %v", len(got), err)
		}
	})
}

// A file that cannot be written tells so.
func TestLargeTellsOfErrors(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	w := NewLarge(f)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, from := range []int64{0, largeFrom} {
		w.off = from
		if n, err := w.Write(Buffer(page)[:page]); n != 0 || !errors.Is(err, os.ErrClosed) {
			t.Errorf("from %d: got %d, %v, want %v", from, n, err, os.ErrClosed)
		}
	}
}

// Whoever reads at the same time, somewhere, gets what stands there.
func TestLargeReader(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1000, largeFrom - 1, largeFrom, 20<<20 + 12345} {
		want := random(size)
		f := openedFile(t, want)
		r := NewLargeReader(f, int64(size))
		got := make([]byte, size)
		var wg sync.WaitGroup
		for k := range 3 {
			wg.Go(func() {
				const piece = 70001
				for at := k * piece; at < size; at += 3 * piece {
					if n, err := r.ReadAt(got[at:min(at+piece, size)], int64(at)); err != nil || n != min(piece, size-at) {
						t.Errorf("%d bytes at %d: got %d, %v", size, at, n, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if !bytes.Equal(got, want) {
			t.Errorf("a file of %d bytes reads otherwise than it was written", size)
		}
		for _, at := range []int64{0, int64(size) - 5, int64(size)} {
			b := make([]byte, size+1)
			if n, err := r.ReadAt(b, at); n != size-int(at) || err == nil || !bytes.Equal(b[:n], want[at:]) {
				t.Errorf("over the end from %d of %d: got %d bytes, %v", at, size, n, err)
			}
		}
	}
}

// A file system that opens a file and then will not read it so is read as ever.
func TestLargeReaderOfAnotherMind(t *testing.T) {
	t.Parallel()
	const size = 3<<20 + 777
	want := random(size)
	f := openedFile(t, want)
	r := NewLargeReader(f, size)
	past := r.direct.Load() // not where the file system has one way to read
	got := make([]byte, size)
	if _, err := r.ReadAt(got[:LargeStep+5], 0); err != nil {
		t.Fatal(err)
	}
	// It wants places that no page is at.
	w := &r.windows[2]
	w.have = Buffer(LargeStep + page)[1 : 1 : 1+LargeStep]
	if _, err := r.ReadAt(got[LargeStep+5:], LargeStep+5); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %v, and the same bytes: %v", err, bytes.Equal(got, want))
	}
	if past && r.direct.Load() {
		t.Error("the file is still read past the memory")
	}
}

// Memory of what was read is let go of where it is the system's.
func TestLargeReaderLetsGo(t *testing.T) {
	t.Parallel()
	const size = 5 * passLag / 2
	want := random(size)
	f := openedFile(t, want)
	r := &LargeReader{f: f, size: size}
	const piece = 1<<20 + 5
	got := make([]byte, size)
	for off := 0; off < size; off += 2 * piece {
		for _, at := range []int{off + piece, off} { // the later one first
			if at < size {
				if _, err := r.ReadAt(got[at:min(at+piece, size)], int64(at)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if !bytes.Equal(got, want) {
		t.Error("the file reads otherwise than it was written")
	}
	if done := r.passed.Load(); done < passLag || done > size-passLag {
		t.Errorf("let go of %d bytes of %d, want all but the last %d and what comes before them", done, size, passLag)
	}
}

// A file that was cut while it is read is an error, and no wrong bytes.
func TestLargeReaderOfAFileThatWasCut(t *testing.T) {
	t.Parallel()
	const size = 4 << 20
	f := openedFile(t, random(size))
	r := NewLargeReader(f, size)
	for _, left := range []int64{size - 1, size - LargeStep, size/2 + 100, 0} {
		if err := os.Truncate(f.Name(), left); err != nil {
			t.Fatal(err)
		}
		if n, err := r.ReadAt(make([]byte, size), 0); err == nil || n == size {
			t.Errorf("cut to %d: got %d bytes, %v", left, n, err)
		}
	}
}
