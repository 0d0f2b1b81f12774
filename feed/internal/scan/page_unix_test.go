//go:build unix

package scan

import (
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// TestNothingBehindThePage puts texts right before a page that must not be read.
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
	for n := range 200 {
		for gap := range 40 {
			b := m[size-gap-n : size-gap]
			copy(b, strings.Repeat("zażółć ]", 30))
			s := unsafe.String(unsafe.SliceData(b), n)
			want, _ := narrowClean(s)
			if got, _ := Clean(s); got != want {
				t.Fatalf("%d bytes, %d before the end: got %v, want %v", n, gap, got, want)
			}
			if out, got, _ := AppendClean(nil, s); got != want || got && string(out) != s {
				t.Fatalf("%d bytes, %d before the end: appended %q, %v, want %v", n, gap, out, got, want)
			}
			if got, ok := Attribute(s); ok && got != n {
				t.Fatalf("%d bytes, %d before the end: got %d, want %d", n, gap, got, n)
			}
			if _, got, ok := AppendAttribute(nil, s); ok && got != n {
				t.Fatalf("%d bytes, %d before the end: appended %d, want %d", n, gap, got, n)
			}
			if !Starts(b, s) {
				t.Fatalf("%d bytes, %d before the end: a text does not start with itself", n, gap)
			}
			if got, want := Token(s), slowToken(s); got != want {
				t.Fatalf("%d bytes, %d before the end: got %v, want %v", n, gap, got, want)
			}
			stops := make([]uint64, StopWords(n))
			if got := Stops(b, stops); got != want {
				t.Fatalf("%d bytes, %d before the end: got %v, want %v", n, gap, got, want)
			}
		}
	}
}
