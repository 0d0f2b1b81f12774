//go:build unix

package jsonlex

import (
	"strings"
	"testing"

	"feedmill/internal/pagetest"
)

// TestRunsEndBeforeThePage puts texts right before a page that must not be read.
func TestRunsEndBeforeThePage(t *testing.T) {
	t.Parallel()
	m, size := pagetest.Map(t)
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
