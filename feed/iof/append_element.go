package iof

import (
	"strconv"
	"strings"

	"feedmill/feed"
)

// Limits of an extension element.
const (
	maxElementDepth = 32
	maxElementAttrs = 32
)

// isElement says whether s, which is clean, is exactly one well-formed element
// iaiext:name that needs nothing but the prefixes iaiext and xml. Names are
// ASCII; declarations, processing instructions and namespaces of its own are
// refused. It allocates nothing.
func isElement(s, name string) bool {
	if !isLocalName(name) {
		return false
	}
	c := checker{s: s}
	if !c.tag() || c.depth+c.closed != 1 || c.root != len("iaiext:")+len(name) || !strings.HasPrefix(s[1:], "iaiext:") || s[1+len("iaiext:"):1+c.root] != name {
		return false
	}
	for c.depth > 0 {
		if !c.content() {
			return false
		}
	}
	return c.i == len(s)
}

// isLocalName says whether s is an ASCII name without prefix.
func isLocalName(s string) bool {
	return s != "" && nameLen(s) == len(s) && strings.IndexByte(s, ':') < 0
}

// nameLen gives the length of the ASCII name that s starts with, with at most
// one colon inside it.
func nameLen(s string) int {
	colon := false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_':
		case c >= '0' && c <= '9' || c == '-' || c == '.':
			if i == 0 || s[i-1] == ':' {
				return 0
			}
		case c == ':':
			if i == 0 || colon || i+1 == len(s) {
				return 0
			}
			colon = true
		default:
			if i > 0 && s[i-1] == ':' {
				return 0
			}
			return i
		}
	}
	return len(s)
}

// checker walks over an element.
type checker struct {
	s      string
	i      int
	root   int // length of the root's name
	depth  int // open elements
	closed int // 1 once an element without content was read
	open   [maxElementDepth]span
}

// span is a piece of the text: where it starts and its length.
type span struct{ at, n int }

func (c *checker) text(p span) string { return c.s[p.at : p.at+p.n] }

func (c *checker) has(prefix string) bool { return strings.HasPrefix(c.s[c.i:], prefix) }

func (c *checker) blanks() (some bool) {
	for c.i < len(c.s) && (c.s[c.i] == ' ' || c.s[c.i] == '\t' || c.s[c.i] == '\n') {
		c.i++
		some = true
	}
	return some
}

// name reads a name with no prefix or one of those that are declared.
func (c *checker) name(attr bool) (span, bool) {
	p := span{c.i, nameLen(c.s[c.i:])}
	c.i += p.n
	if p.n == 0 {
		return p, false
	}
	prefix, _, found := strings.Cut(c.text(p), ":")
	switch {
	case !found:
		return p, c.text(p) != "xmlns"
	case prefix == "xml":
		return p, attr
	}
	return p, prefix == "iaiext"
}

// tag reads a start tag, or a tag of an empty element.
func (c *checker) tag() bool {
	if !c.has("<") || c.depth == maxElementDepth {
		return false
	}
	c.i++
	tag, ok := c.name(false)
	if !ok {
		return false
	}
	if c.depth == 0 {
		c.root = tag.n
	}
	var seen [maxElementAttrs]span
	for n := 0; ; n++ {
		some := c.blanks()
		switch {
		case c.has(">"):
			c.i++
			c.open[c.depth] = tag
			c.depth++
			return true
		case c.has("/>"):
			c.i += 2
			c.closed = 1
			return true
		case !some || n == maxElementAttrs:
			return false
		}
		attr, ok := c.name(true)
		if !ok || !c.value() {
			return false
		}
		for _, other := range seen[:n] {
			if c.text(other) == c.text(attr) {
				return false
			}
		}
		seen[n] = attr
	}
}

// value reads ="…" or ='…'.
func (c *checker) value() bool {
	c.blanks()
	if !c.has("=") {
		return false
	}
	c.i++
	c.blanks()
	if !c.has(`"`) && !c.has("'") {
		return false
	}
	quote := c.s[c.i]
	c.i++
	n := strings.IndexByte(c.s[c.i:], quote)
	if n < 0 {
		return false
	}
	v := c.s[c.i : c.i+n]
	c.i += n + 1
	return strings.IndexByte(v, '<') < 0 && referencesOK(v)
}

// content reads a piece of what stands inside an element, or its end.
func (c *checker) content() bool {
	switch {
	case c.has("</"):
		c.i += 2
		tag, ok := c.name(false)
		if !ok || c.text(tag) != c.text(c.open[c.depth-1]) {
			return false
		}
		c.blanks()
		if !c.has(">") {
			return false
		}
		c.i++
		c.depth--
		return true
	case c.has("<!--"):
		n := strings.Index(c.s[c.i+4:], "--")
		if n < 0 {
			return false
		}
		c.i += 4 + n
		if !c.has("-->") {
			return false
		}
		c.i += 3
		return true
	case c.has("<![CDATA["):
		n := strings.Index(c.s[c.i:], "]]>")
		if n < 0 {
			return false
		}
		c.i += n + 3
		return true
	case c.has("<"):
		return c.tag()
	}
	n := strings.IndexByte(c.s[c.i:], '<')
	if n < 0 {
		return false
	}
	t := c.s[c.i : c.i+n]
	c.i += n
	return !strings.Contains(t, "]]>") && referencesOK(t)
}

// referencesOK says whether each & starts one of the five entities or the
// reference of a character that XML allows.
func referencesOK(s string) bool {
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			return true
		}
		s = s[i+1:]
		n := strings.IndexByte(s, ';')
		if n < 0 {
			return false
		}
		ref := s[:n]
		s = s[n+1:]
		switch ref {
		case "amp", "lt", "gt", "quot", "apos":
			continue
		}
		number, found := strings.CutPrefix(ref, "#")
		base := 10
		if found && strings.HasPrefix(number, "x") {
			number, base = number[1:], 16
		}
		if !found || len(number) == 0 || len(number) > 8 {
			return false
		}
		r, err := strconv.ParseUint(number, base, 32)
		if err != nil || r > 0x10FFFF || !feed.IsXMLChar(rune(r)) {
			return false
		}
	}
}
