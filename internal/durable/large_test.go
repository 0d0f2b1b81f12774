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

// Memory for reading and writing past the system's begins at a page, and nobody
// else has it.
func TestBuffer(t *testing.T) {
	t.Parallel()
	var steps [][]byte
	for i := range 3 * pieceSize / LargeStep {
		for _, n := range []int{1, page, LargeStep - page, LargeStep, LargeStep + 1} {
			b := Buffer(n)
			if len(b) != 0 || cap(b) != n || !aligned(b[:n]) {
				t.Fatalf("for %d bytes: %d of %d, at a page: %v", n, len(b), cap(b), aligned(b[:n]))
			}
			if b = b[:n]; n == LargeStep {
				b[0], b[n-1] = byte(i), byte(i)
				steps = append(steps, b)
			}
		}
	}
	for i, b := range steps {
		if b[0] != byte(i) || b[len(b)-1] != byte(i) {
			t.Errorf("step %d is shared", i)
		}
	}
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
	w.step = &step{have: Buffer(LargeStep + page)[1 : 1 : 1+LargeStep]}
	if _, err := r.ReadAt(got[LargeStep+5:], LargeStep+5); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %v, and the same bytes: %v", err, bytes.Equal(got, want))
	}
	if past && r.direct.Load() {
		t.Error("the file is still read past the memory")
	}
}

// What was lent stays as it is until it is given back, whatever is read meanwhile;
// and memory that was given back is used again.
func TestLargeReaderLends(t *testing.T) {
	t.Parallel()
	const size = 40*LargeStep + 12345
	want := random(size)
	r := NewLargeReader(openedFile(t, want), size)
	if !r.direct.Load() {
		if b, err := r.Section(0, 10).Lend(10); b != nil || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("lent %d bytes, %v, of a file that is read by the system's memory", len(b), err)
		}
		return // the file system has one way to read
	}
	var wg sync.WaitGroup
	for k := range 3 {
		wg.Go(func() {
			const length = 5 * LargeStep / 4
			var open []*Section
			var lent [][]byte
			for off := int64(k * length); off < size; off += 3 * length {
				n := min(length, size-off)
				s := r.Section(off, n)
				var all []byte
				for len(all) < int(n) {
					b, err := s.Lend(int(n) - len(all))
					if err != nil || len(b) == 0 {
						t.Errorf("%d of %d bytes from %d: %v", len(all), n, off, err)
						return
					}
					all = append(all, b...)
					lent = append(lent, b, want[off+int64(len(all)-len(b)):][:len(b)])
				}
				if b, err := s.Lend(1); b != nil || err != io.EOF {
					t.Errorf("behind the end: %d bytes, %v", len(b), err)
				}
				if open = append(open, s); len(open) == 4 {
					for i := 0; i < len(lent); i += 2 {
						if !bytes.Equal(lent[i], lent[i+1]) {
							t.Errorf("what was lent changed")
						}
					}
					for _, s := range open {
						if err := s.Close(); err != nil {
							t.Error(err)
						}
					}
					open, lent = nil, nil
				}
			}
			for _, s := range open {
				s.Close()
			}
		})
	}
	wg.Wait()
	// Each of the three has four sections of up to three steps.
	if n := len(r.spare); n == 0 || n > 3*4*3 {
		t.Errorf("%d steps are spare", n)
	}
	for i := range r.windows {
		if s := r.windows[i].step; s != nil && s.borrowed != 0 {
			t.Errorf("window %d is still borrowed", i)
		}
	}
	got, err := io.ReadAll(r.Section(5, size-7))
	if err != nil || !bytes.Equal(got, want[5:size-2]) {
		t.Errorf("read %d other bytes, %v", len(got), err)
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
