//go:build unix

package scan

import (
	"strings"
	"testing"
	"unsafe"

	"feedmill/internal/pagetest"
)

// TestNothingBehindThePage puts texts right before a page that must not be read.
func TestNothingBehindThePage(t *testing.T) {
	t.Parallel()
	m, size := pagetest.Map(t)
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
