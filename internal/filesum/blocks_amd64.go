//go:build !purego

package filesum

import "sync"

//go:generate go run ./gen -out blocks_amd64.s

//go:noescape
func blocksSHANI(s *state, p *byte, n int)

func cpuid(leaf, sub uint32) (a, b, c, d uint32)

func xgetbv() uint32

// What the system must save, and what the processor must know.
const (
	avxState    = 1<<1 | 1<<2
	avx512State = avxState | 1<<5 | 1<<6 | 1<<7

	osxsave  = 1 << 27 // leaf 1, C
	avx      = 1 << 28 // the same
	avx512f  = 1 << 16 // leaf 7, B
	sha      = 1 << 29 // the same; with it come SSSE3 and SSE4.1
	avx512vl = 1 << 31 // the same
)

// able says whether there are AVX, what leaf 7 tells in B, and what the system
// saves.
func able(features, state uint32) bool {
	if most, _, _, _ := cpuid(0, 0); most < 7 {
		return false
	}
	_, _, c, _ := cpuid(1, 0)
	_, b, _, _ := cpuid(7, 0)
	return c&osxsave != 0 && c&avx != 0 && b&features == features && xgetbv()&state == state
}

// best gives the way to do both at once, nil where the processor knows none. A
// virtual machine takes long to say what its processor knows, so it is asked once.
var best = sync.OnceValue(func() func(s *state, p *byte, n int) {
	if !able(sha, avxState) {
		return nil
	}
	return blocksSHANI
})

// hasLanes says whether several files can be digested at once.
var hasLanes = sync.OnceValue(func() bool { return able(sha|avx512f|avx512vl, avx512State) })
