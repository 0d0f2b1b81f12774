//go:build unix

package pagetest

import (
	"syscall"
	"testing"
)

// Map gives two pages, the second of which must not be touched, and the size of one.
// They are gone when the test ends.
func Map(t testing.TB) (m []byte, size int) {
	t.Helper()
	size = syscall.Getpagesize()
	m, err := syscall.Mmap(-1, 0, 2*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatalf("map two pages: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(m); err != nil {
			t.Errorf("unmap: %v", err)
		}
	})
	if err := syscall.Mprotect(m[size:], syscall.PROT_NONE); err != nil {
		t.Fatalf("protect the second page: %v", err)
	}
	return m, size
}
