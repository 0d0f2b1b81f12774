//go:build !purego

package processor

func cpuid(leaf, sub uint32) (a, b, c, d uint32)

func xgetbv() uint32

const (
	osxsave = 1 << 27 // leaf 1, C: XGETBV may be asked
	avx     = 1 << 28 // the same

	// Registers that the system saves, as XGETBV tells them.
	avxState    = 1<<1 | 1<<2
	avx512State = avxState | 1<<5 | 1<<6 | 1<<7
)

// Has says whether all of the features may be used, and AVX besides, which all
// users of wide registers need. A virtual machine takes long to tell, so ask
// once and keep the answer.
func Has(f Features) bool {
	if most, _, _, _ := cpuid(0, 0); most < 7 {
		return false
	}
	if _, _, c, _ := cpuid(1, 0); c&osxsave == 0 || c&avx == 0 {
		return false
	}
	state := uint32(avxState)
	if f&(AVX512F|AVX512VL) != 0 {
		state = avx512State
	}
	_, b, _, _ := cpuid(7, 0)
	return Features(b)&f == f && xgetbv()&state == state
}
