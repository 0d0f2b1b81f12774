package filesum

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func ExampleGroup() {
	var g Group
	a, b := g.New(), g.New()
	a.Swap([]byte("ab"))
	b.Swap([]byte("abc"))
	a.Swap([]byte("c")) // does what was given of both
	fmt.Println(a.MD5() == b.MD5(), a.SHA256() == b.SHA256())
	// Output: true true
}

// noise gives bytes that differ from place to place.
func noise(n int, seed uint64) []byte {
	b := make([]byte, 0, n+8)
	for x := seed*2 + 1; len(b) < n; {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return b[:n]
}

// right holds digests against those of the standard library.
func right(t interface {
	Helper()
	Fatalf(string, ...any)
}, what string, s *Sums, data []byte) {
	t.Helper()
	if got, want := s.MD5(), md5.Sum(data); got != want {
		t.Fatalf("%s: MD5 of %d bytes: got %x, want %x", what, len(data), got, want)
	}
	if got, want := s.SHA256(), sha256.Sum256(data); got != want {
		t.Fatalf("%s: SHA-256 of %d bytes: got %x, want %x", what, len(data), got, want)
	}
}

// Every number of lanes, each of every length around those of a block, and of
// lengths that end one after the other.
func TestEveryNumberOfLanes(t *testing.T) {
	t.Parallel()
	for name, c := range companies() {
		for files := 1; files <= maxLanes+2; files++ {
			for n := range 200 {
				for _, step := range []int{0, 1, 64, 67} {
					var g Group
					list, data := make([]*Sums, files), make([][]byte, files)
					for i := range list {
						list[i], data[i] = g.newSums(c), noise(n+i*step, uint64(n*files+i))
						list[i].Swap(data[i])
					}
					for i := range list {
						right(t, fmt.Sprintf("%s, file %d of %d", name, i, files), list[i], data[i])
					}
				}
			}
		}
	}
}

// Whatever pieces come in whatever order, in buffers that are used again, the
// digests are those of each file alone.
func TestGroupPieces(t *testing.T) {
	t.Parallel()
	for name, c := range companies() {
		t.Run(name, func(t *testing.T) { groupPieces(t, c) })
	}
}

func groupPieces(t *testing.T, c company) {
	rapid.Check(t, func(t *rapid.T) {
		var g Group
		list := make([]*Sums, rapid.IntRange(1, 12).Draw(t, "files"))
		data, free := make([][]byte, len(list)), make([][]byte, len(list))
		for i := range list {
			list[i] = g.newSums(c)
		}
		for k := range rapid.IntRange(0, 40).Draw(t, "pieces") {
			i := rapid.IntRange(0, len(list)-1).Draw(t, "file")
			piece := noise(rapid.IntRange(0, 300).Draw(t, "size"), uint64(k))
			data[i] = append(data[i], piece...)
			switch rapid.IntRange(0, 9).Draw(t, "way") {
			case 0:
				list[i].Write(piece)
			case 1:
				list[i].Settle()
				list[i].Write(piece)
			case 2:
				list[i].Write(piece)
				right(t, "in the middle", list[i], data[i])
			default:
				free[i] = list[i].Swap(append(free[i], piece...))
			}
		}
		for i := range list {
			right(t, fmt.Sprintf("file %d", i), list[i], data[i])
		}
	})
}

// Files of a group are written by goroutines that know nothing of each other;
// some stop in the middle for good.
func TestGroupAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range companies() {
		t.Run(name, func(t *testing.T) { groupAtOnce(t, c) })
	}
}

func groupAtOnce(t *testing.T, c company) {
	var g Group
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			s := g.newSums(c)
			data := noise(10000+977*i, uint64(i))
			var buf []byte
			for rest := data; len(rest) > 0; {
				n := min(len(rest), 100+37*i)
				buf = s.Swap(append(buf, rest[:n]...))
				if rest = rest[n:]; i%5 == 4 && len(rest) < 5000 {
					return
				}
			}
			if s.MD5() != md5.Sum(data) || s.SHA256() != sha256.Sum256(data) {
				t.Errorf("file %d: the digests of %d bytes are not those of the standard library", i, len(data))
			}
		})
	}
	wg.Wait()
}

func TestSwapAllocatesNothing(t *testing.T) {
	for name, c := range companies() {
		t.Run(name, func(t *testing.T) { swapAllocatesNothing(t, c) })
	}
}

func swapAllocatesNothing(t *testing.T, c company) {
	var g Group
	list, bufs := make([]*Sums, 5), make([][]byte, 5)
	for i := range list {
		list[i] = g.newSums(c)
		for range 2 {
			list[i].Swap(make([]byte, 1000))
		}
		bufs[i] = make([]byte, 1000)
	}
	n := testing.AllocsPerRun(100, func() {
		for i := range list {
			bufs[i] = list[i].Swap(bufs[i][:1000])
		}
	})
	if n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

func FuzzGroup(f *testing.F) {
	f.Add([]byte("abc"), uint8(3), uint16(1))
	f.Add(noise(700, 1), uint8(8), uint16(64))
	f.Add(noise(1300, 2), uint8(5), uint16(129))
	f.Fuzz(func(t *testing.T, data []byte, files uint8, cut uint16) {
		for name, c := range companies() {
			var g Group
			list := make([]*Sums, files%12+1)
			for i := range list {
				list[i] = g.newSums(c)
			}
			// Each file has the bytes from another place on, in two pieces.
			part := func(i int) []byte { return data[min(i*7, len(data)):] }
			for i := range list {
				d := part(i)
				list[i].Swap(d[:min(int(cut), len(d))])
			}
			for i := range list {
				d := part(i)
				list[i].Swap(d[min(int(cut), len(d)):])
			}
			for i := range list {
				right(t, fmt.Sprintf("%s, file %d", name, i), list[i], part(i))
			}
		}
	})
}

func BenchmarkGroup(b *testing.B) {
	for name, c := range companies() {
		for _, files := range []int{1, 2, 3, 4, 5, 6, 8} {
			b.Run(fmt.Sprintf("%s/%d", name, files), func(b *testing.B) {
				var g Group
				list, bufs := make([]*Sums, files), make([][]byte, files)
				for i := range list {
					list[i], bufs[i] = g.newSums(c), make([]byte, 256<<10)
					list[i].Swap(make([]byte, 256<<10))
				}
				b.SetBytes(int64(files) << 18)
				for b.Loop() {
					for i := range list {
						bufs[i] = list[i].Swap(bufs[i][:256<<10])
					}
				}
			})
		}
	}
}
