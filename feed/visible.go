package feed

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible gives a text that others have chosen, such as the name of an object in a
// shared bucket, as one line that a terminal may show: what no eye sees, and what
// terminals obey or turn the direction by, stands there as Go writes it in quotes.
func Visible(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, invisible) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 || invisible(r) {
			quoted := strconv.QuoteToASCII(s[:n])
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

func invisible(r rune) bool { return !unicode.IsGraphic(r) }
