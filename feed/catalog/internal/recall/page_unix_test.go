//go:build unix

package recall

import (
	"strings"
	"syscall"
	"testing"
)

// TestNothingBehindThePage puts lines right before a page that must not be read.
func TestNothingBehindThePage(t *testing.T) {
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
	line := headTexts[0] + "[" + strings.Join(memberTexts, ",") + "]}," + headTexts[2] + "[" + memberTexts[4] + "]}]}"
	heads, members := tables([]byte(line))
	for n := range len(line) + 1 {
		for gap := range 3 {
			end := size - gap
			rest := m[end-n : end : size]
			copy(rest, line)
			sameGroups(t, rest, heads, members, 100)
		}
	}
}
