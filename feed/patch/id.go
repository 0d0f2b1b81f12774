package patch

import (
	"cmp"
	"strings"
)

// CompareID orders product ids: whole numbers come first, by value, all other
// ids after them, by text. "007" is a text: it is another id than "7".
func CompareID(a, b string) int {
	x, y := isNumber(a), isNumber(b)
	switch {
	case x && y:
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	case x:
		return -1
	case y:
		return 1
	}
	return strings.Compare(a, b)
}

// isNumber says whether s is a whole number in its shortest spelling.
func isNumber(s string) bool {
	if s == "" || s[0] == '0' && len(s) > 1 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
