// Package processor says which instructions the processor knows and the system
// lets be used. It owns the question and the answer, and refuses to know what
// anybody does with them: who has assembly of his own asks here before he jumps
// into it. It imports nothing, so that every room may ask.
//
// On other machines than amd64, and with the build tag purego, there is nothing
// to jump into, and the answer is always no.
package processor

// Features are sets of instructions, to be joined with |.
type Features uint32

// The sets that somebody in the house asks for, as bits of register B of leaf 7
// of CPUID.
const (
	AVX2     Features = 1 << 5
	AVX512F  Features = 1 << 16
	SHA      Features = 1 << 29 // with it come SSSE3 and SSE4.1
	AVX512VL Features = 1 << 31
)
