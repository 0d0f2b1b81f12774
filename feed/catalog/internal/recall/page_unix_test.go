//go:build unix

package recall

import (
	"strings"
	"testing"

	"feedmill/internal/pagetest"
)

// TestNothingBehindThePage puts lines right before a page that must not be read.
func TestNothingBehindThePage(t *testing.T) {
	t.Parallel()
	m, size := pagetest.Map(t)
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
