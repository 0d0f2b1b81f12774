package filesum

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"fmt"
	"hash"
	"testing"

	"pgregory.net/rapid"
)

func ExampleNew() {
	s := New()
	s.Write([]byte("abc"))
	fmt.Printf("%x\n%x\n", s.MD5(), s.SHA256())
	// Output:
	// 900150983cd24fb0d6963f7d28e17f72
	// ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
}

// check writes data in pieces cut at the given places and holds the digests
// against those of the standard library, in the middle and at the end.
func check(t interface {
	Helper()
	Fatalf(string, ...any)
}, way string, s *Sums, data []byte, cuts []int) {
	t.Helper()
	at := 0
	for _, c := range append(cuts, len(data)) {
		if c < at || c > len(data) {
			continue
		}
		if n, err := s.Write(data[at:c]); n != c-at || err != nil {
			t.Fatalf("%s: Write of %d bytes gives %d, %v", way, c-at, n, err)
		}
		at = c
		if got, want := s.MD5(), md5.Sum(data[:at]); got != want {
			t.Fatalf("%s: MD5 of %d bytes: got %x, want %x", way, at, got, want)
		}
		if got, want := s.SHA256(), sha256.Sum256(data[:at]); got != want {
			t.Fatalf("%s: SHA-256 of %d bytes: got %x, want %x", way, at, got, want)
		}
	}
}

func TestEveryLengthAndPlace(t *testing.T) {
	t.Parallel()
	data := make([]byte, 400)
	for i := range data {
		data[i] = byte(i*i>>3 ^ i)
	}
	for name, way := range ways() {
		for n := range 300 {
			check(t, name, newSums(way), data[n%7:][:n], nil)
		}
	}
}

func TestPieces(t *testing.T) {
	t.Parallel()
	for name, way := range ways() {
		rapid.Check(t, func(t *rapid.T) {
			data := rapid.SliceOfN(rapid.Byte(), 0, 1000).Draw(t, "data")
			cuts := rapid.SliceOfN(rapid.IntRange(0, 1000), 0, 8).Draw(t, "cuts")
			check(t, name, newSums(way), data, cuts)
		})
	}
}

func FuzzSums(f *testing.F) {
	f.Add([]byte("abc"), uint16(1))
	f.Add(bytes.Repeat([]byte{0xFF}, 119), uint16(64))
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		for name, way := range ways() {
			check(t, name, newSums(way), data, []int{int(cut)})
		}
	})
}

// From 512 MiB on a length in bits needs more than 32 of them. The standard
// library is made to believe that so much was written by its stored state,
// which ends with the length.
func TestLongLengths(t *testing.T) {
	t.Parallel()
	const length = 5<<32 + 64
	block := bytes.Repeat([]byte{7}, blockSize)
	for name, way := range ways() {
		if way == nil {
			continue
		}
		s := newSums(way)
		s.Write(block)
		s.size = length
		s.Write(block[:9])
		want := func(h hash.Hash) string {
			h.Write(block)
			stored, err := h.(encoding.BinaryMarshaler).MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			binary.BigEndian.PutUint64(stored[len(stored)-8:], length)
			if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(stored); err != nil {
				t.Fatal(err)
			}
			h.Write(block[:9])
			return fmt.Sprintf("%x", h.Sum(nil))
		}
		if got, want := fmt.Sprintf("%x", s.MD5()), want(md5.New()); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		if got, want := fmt.Sprintf("%x", s.SHA256()), want(sha256.New()); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestWriteAllocatesNothing(t *testing.T) {
	s := New()
	data := make([]byte, 1000)
	if n := testing.AllocsPerRun(100, func() { s.Write(data) }); n != 0 {
		t.Errorf("got %v allocations a write, want 0", n)
	}
}

func BenchmarkSums(b *testing.B) {
	data := make([]byte, 256<<10)
	for name, way := range ways() {
		b.Run(name, func(b *testing.B) {
			s := newSums(way)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				s.Write(data)
			}
		})
	}
	b.Run("md5", func(b *testing.B) {
		h := md5.New()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			h.Write(data)
		}
	})
}
