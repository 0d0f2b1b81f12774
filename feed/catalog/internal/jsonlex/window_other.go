//go:build !amd64 && !arm64

package jsonlex

import "unsafe"

// windowBits is how many of the marks that [window] gives are right at least.
const windowBits = 64

// window gives the marks of the bytes from i on. There is a word behind that of
// the text's last byte.
func window(stops *uint64, i int) uint64 {
	w := (*[2]uint64)(unsafe.Add(unsafe.Pointer(stops), i>>6<<3))
	return w[0]>>(i&63) | w[1]<<1<<(63-i&63)
}
