//go:build !purego

package scan

import (
	"unsafe"

	"feedmill/internal/processor"
)

//go:generate go run ./gen -out scan_amd64.s

//go:noescape
func stopsAVX2(p *byte, blocks int, tail *byte, stops *uint64) (bad bool)

//go:noescape
func cleanAVX2(p *byte, n int) (bad, bracket bool)

//go:noescape
func copyCleanAVX2(to, p *byte, n int) (bad, bracket bool)

//go:noescape
func attributeAVX2(p *byte, n int) (prefix int, bad bool)

//go:noescape
func copyAttributeAVX2(to, p *byte, n int) (prefix int)

//go:noescape
func addressAVX2(p *byte, n int) (odd bool)

//go:noescape
func tokenAVX2(p *byte, n int) (odd bool)

//go:noescape
func sameAVX2(p, q *byte, n int) (same bool)

// wide says that processor and system have registers of 32 bytes, and AVX2.
var wide = processor.Has(processor.AVX2)

const page = 4096

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

// wideCopyClean writes whole chunks behind dst, where there must be room for them.
func wideCopyClean(dst []byte, s string) (clean, bracket bool) {
	to := unsafe.Add(unsafe.Pointer(unsafe.SliceData(dst)), len(dst))
	bad, bracket := copyCleanAVX2((*byte)(to), unsafe.StringData(s), len(s))
	return !bad, bracket
}

func wideAttribute(s string) (prefix int, ok bool) {
	prefix, bad := attributeAVX2(unsafe.StringData(s), len(s))
	return prefix, !bad
}

// wideCopyAttribute writes whole chunks behind dst, where there must be room for
// them. The prefix is negative where it has no length.
func wideCopyAttribute(dst []byte, s string) (prefix int) {
	to := unsafe.Add(unsafe.Pointer(unsafe.SliceData(dst)), len(dst))
	return copyAttributeAVX2((*byte)(to), unsafe.StringData(s), len(s))
}

// wideStarts is Starts for a chunk or more.
func wideStarts(b []byte, s string) bool {
	return sameAVX2(unsafe.SliceData(b), unsafe.StringData(s), len(s))
}

// wideAddress is Address for a chunk or more.
func wideAddress(s string) bool { return !addressAVX2(unsafe.StringData(s), len(s)) }

// wideToken is Token for a chunk or more.
func wideToken(s string) bool { return !tokenAVX2(unsafe.StringData(s), len(s)) }
