//go:build unix

package jsonlex

import (
	"strings"
	"syscall"
	"testing"
)

// TestRunsEndBeforeThePage puts texts right before a page that must not be read.
func TestRunsEndBeforeThePage(t *testing.T) {
	t.Parallel()
	size := syscall.Getpagesize()
	m, err := syscall.Mmap(-1, 0, 2*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatalf("map two pages: %v", err)
	}
	defer func() {
		if err := syscall.Munmap(m); err != nil {
			t.Errorf("unmap: %v", err)
		}
	}()
	if err := syscall.Mprotect(m[size:], syscall.PROT_NONE); err != nil {
		t.Fatalf("protect the second page: %v", err)
	}
	p := learned([]byte(allMembers), 0b11101111, 0b00010000)
	long := `{"a":"` + strings.Repeat("x", 300) + `","id":"7"}`
	for _, text := range []string{`{"a":"` + strings.Repeat(`x\n yz`, 30), allMembers + allMembers, allMembers + long, long + strings.Repeat(" ", 100), long} {
		for _, gap := range []int{0, 1, 32} {
			for n := range text {
				b := m[size-gap-n : size-gap : size-gap]
				copy(b, text)
				sameRuns(t, p, b, 0, false)
				sameEscapes(t, b, min(n, 6))
			}
		}
	}
}
