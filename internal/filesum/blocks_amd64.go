//go:build !purego

package filesum

//go:generate go run ./gen -out blocks_amd64.s

//go:noescape
func blocksSHANI(s *state, p *byte, n int)

func cpuid(leaf, sub uint32) (a, b, c, d uint32)

func xgetbv() uint32

// best gives the way to do both at once, nil where the processor knows none.
func best() func(s *state, p *byte, n int) {
	const (
		avxState = 1<<1 | 1<<2 // what the system must save
		osxsave  = 1 << 27     // leaf 1, C
		avx      = 1 << 28     // the same
		sha      = 1 << 29     // leaf 7, B; with it come SSSE3 and SSE4.1
	)
	if most, _, _, _ := cpuid(0, 0); most < 7 {
		return nil
	}
	_, _, c, _ := cpuid(1, 0)
	_, b, _, _ := cpuid(7, 0)
	if c&osxsave == 0 || c&avx == 0 || b&sha == 0 || xgetbv()&avxState != avxState {
		return nil
	}
	return blocksSHANI
}
