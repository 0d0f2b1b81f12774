package grammar

import (
	"bytes"
	"strings"
)

// isAnyURI accepts a URI reference of RFC 3986 in which, as XML Schema says
// (part 2, 3.2.17), characters beyond ASCII, blanks and some others may stand
// as they are because they would be escaped before use. A port must have
// digits: RFC 3986 allows none, libxml2 does not. As in libxml2, brackets are
// accepted in a fragment.
func isAnyURI(v []byte) bool {
	v, fragment, _ := bytes.Cut(v, []byte("#"))
	v, query, _ := bytes.Cut(v, []byte("?"))
	if !uriChars(fragment, "/?:@[]") || !uriChars(query, "/?:@") {
		return false
	}
	if colon := bytes.IndexByte(v, ':'); colon >= 0 {
		if slash := bytes.IndexByte(v, '/'); slash < 0 || colon < slash {
			if !isScheme(v[:colon]) {
				return false // a first segment with a colon must be a scheme
			}
			v = v[colon+1:]
		}
	}
	if rest, ok := bytes.CutPrefix(v, []byte("//")); ok {
		end := bytes.IndexByte(rest, '/')
		if end < 0 {
			end = len(rest)
		}
		if !isAuthority(rest[:end]) {
			return false
		}
		v = rest[end:]
	}
	return uriChars(v, "/:@")
}

func isScheme(v []byte) bool {
	for i, c := range v {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || !isDigit(c) && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return len(v) > 0
}

func isAuthority(v []byte) bool {
	if at := bytes.IndexByte(v, '@'); at >= 0 {
		if !uriChars(v[:at], ":") {
			return false
		}
		v = v[at+1:]
	}
	if len(v) > 0 && v[0] == '[' {
		end := bytes.IndexByte(v, ']')
		if end < 0 {
			return false
		}
		v = v[end+1:]
		return len(v) == 0 || v[0] == ':' && isUnsigned(v[1:])
	}
	if colon := bytes.IndexByte(v, ':'); colon >= 0 {
		if !isUnsigned(v[colon+1:]) {
			return false
		}
		v = v[:colon]
	}
	return uriChars(v, "")
}

// uriPlain marks the bytes that may stand anywhere: unreserved characters,
// sub-delimiters, and what would be escaped before use.
var uriPlain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x7F
	}
	for _, c := range []byte(" -._~!$&'()*+,;=<>\"{}|\\^`") {
		t[c] = true
	}
	return t
}()

// uriChars reports whether v consists of plain bytes, complete percent
// escapes and the extra characters.
func uriChars(v []byte, extra string) bool {
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch {
		case uriPlain[c]:
		case c == '%':
			if i+2 >= len(v) || !isHex(v[i+1]) || !isHex(v[i+2]) {
				return false
			}
			i += 2
		case strings.IndexByte(extra, c) < 0:
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
