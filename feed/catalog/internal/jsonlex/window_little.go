//go:build amd64 || arm64

package jsonlex

import "unsafe"

// windowBits is how many of the marks that [window] gives are right at least.
const windowBits = 56

// window gives the marks of the bytes from i on. There is a word behind that of
// the text's last byte. In these processors' memory the lowest bits of a word
// come first, and words may begin anywhere.
func window(stops *uint64, i int) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(stops), i>>3)) >> (i & 7)
}
