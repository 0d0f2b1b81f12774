package manage

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// sought is a text that names of products are searched for, in whatever case.
type sought struct {
	lower string
	// ascii says that the text has no letters whose case is hard to tell.
	ascii bool
}

func newSought(query string) sought {
	lower := strings.ToLower(query)
	ascii := true
	for i := range len(lower) {
		ascii = ascii && lower[i] < utf8.RuneSelf
	}
	return sought{lower, ascii}
}

// in says whether a name has the text in it.
func (q *sought) in(name string) bool { return strings.Contains(strings.ToLower(name), q.lower) }

// mayBeIn says whether a stored product can have the text in a name: documents
// keep texts as they are, so that what does not hold its bytes need not be read.
func (q *sought) mayBeIn(doc []byte) bool {
	switch {
	case q.lower == "":
		return true
	case !q.ascii:
		return bytes.Contains(bytes.ToLower(doc), []byte(q.lower))
	}
	first := q.lower[0]
	upper := first
	if 'a' <= first && first <= 'z' {
		upper -= 'a' - 'A'
	}
	for at := 0; at+len(q.lower) <= len(doc); at++ {
		rest := doc[at:]
		next := bytes.IndexByte(rest, first)
		if upper != first {
			if other := bytes.IndexByte(rest[:limit(next, len(rest))], upper); other >= 0 {
				next = other
			}
		}
		if next < 0 {
			break
		}
		if at += next; at+len(q.lower) <= len(doc) && equalASCII(doc[at:at+len(q.lower)], q.lower) {
			return true
		}
	}
	// Two letters beyond ASCII have lower cases in it.
	return bytes.Contains(doc, []byte("\u212a")) || bytes.Contains(doc, []byte("\u0130"))
}

// limit gives at, or all where at is none.
func limit(at, all int) int {
	if at < 0 {
		return all
	}
	return at
}

// equalASCII compares with a text in lower case.
func equalASCII(b []byte, lower string) bool {
	for i := range len(lower) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
