//go:build !purego

package scan

import "unsafe"

//go:generate go run ./gen -out scan_amd64.s

//go:noescape
func stopsAVX2(p *byte, blocks int, tail *byte, stops *uint64) (bad bool)

//go:noescape
func cleanAVX2(p *byte, n int) (bad, bracket bool)

//go:noescape
func attributeAVX2(p *byte, n int) (prefix int, bad bool)

func cpuid(leaf, sub uint32) (a, b, c, d uint32)

func xgetbv() uint32

// wide says that processor and system have registers of 32 bytes, and AVX2.
var wide = func() bool {
	const (
		avxState = 1<<1 | 1<<2 // what the system must save
		osxsave  = 1 << 27     // leaf 1, C
		avx      = 1 << 28     // the same
		avx2     = 1 << 5      // leaf 7, B
	)
	if most, _, _, _ := cpuid(0, 0); most < 7 {
		return false
	}
	_, _, c, _ := cpuid(1, 0)
	_, b, _, _ := cpuid(7, 0)
	return c&osxsave != 0 && c&avx != 0 && b&avx2 != 0 && xgetbv()&avxState == avxState
}()

const (
	chunk = 32
	page  = 4096
)

// fits says whether the last chunk of s, which is read whole, lies on one page:
// what lies behind s there is not looked at, but on the page behind nothing may
// be readable.
func fits(s string) bool {
	p := uintptr(unsafe.Pointer(unsafe.StringData(s)))
	return (p+uintptr(len(s)&^(chunk-1)))&(page-1) <= page-chunk
}

func wideStops(b []byte, stops []uint64) (sound bool) {
	var tail [64]byte
	n := len(b) &^ 63
	for i := copy(tail[:], b[n:]); i < len(tail); i++ {
		tail[i] = ' '
	}
	return !stopsAVX2(unsafe.SliceData(b), n/64, &tail[0], &stops[0])
}

func wideClean(s string) (clean, bracket bool) {
	bad, bracket := cleanAVX2(unsafe.StringData(s), len(s))
	return !bad, bracket
}

func wideAttribute(s string) (prefix int, ok bool) {
	prefix, bad := attributeAVX2(unsafe.StringData(s), len(s))
	return prefix, !bad
}
