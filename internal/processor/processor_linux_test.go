//go:build amd64 && !purego

package processor

import (
	"os"
	"strings"
	"testing"
)

// The system tells the same, and leaves out what it does not save.
func TestHasWhatTheSystemTells(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	var flags []string
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "flags" {
			flags = strings.Fields(value)
			break
		}
	}
	told := map[string]bool{}
	for _, f := range flags {
		told[f] = true
	}
	if !told["sse2"] {
		t.Fatalf("/proc/cpuinfo tells the flags %q, and every amd64 has sse2", flags)
	}
	for _, tt := range []struct {
		name     string
		features Features
		flags    []string
	}{
		{"nothing but AVX", 0, nil},
		{"AVX2", AVX2, []string{"avx2"}},
		{"SHA", SHA, []string{"sha_ni"}},
		{"AVX512F", AVX512F, []string{"avx512f"}},
		{"AVX512VL", AVX512VL, []string{"avx512vl"}},
		{"several", AVX2 | SHA | AVX512F | AVX512VL, []string{"avx2", "sha_ni", "avx512f", "avx512vl"}},
	} {
		want := told["avx"]
		for _, f := range tt.flags {
			want = want && told[f]
		}
		if got := Has(tt.features); got != want {
			t.Errorf("%s: got %v, want %v", tt.name, got, want)
		}
	}
	// A bit that means something else (ERMS and the like stand there too) is not
	// taken for granted: no processor has all 32.
	if Has(1<<32 - 1) {
		t.Error("the processor has every feature that leaf 7 can tell")
	}
}
