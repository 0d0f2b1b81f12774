package catalog

import (
	"strings"

	"feedmill/feed"
)

// webURL gives an absolute http or https address as files may have it
// (xs:anyURI of XML Schema over RFC 3986): in path, query and fragment brackets,
// further number signs and percent signs without two hexadecimal digits are
// escaped, as browsers do, and the scheme is in lower case. ok is false for what
// is no such address.
func webURL(s string) (url string, ok bool) {
	s = feed.LowerScheme(s)
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(s, "http://")
	}
	if !ok {
		return s, false
	}
	for i := range len(rest) {
		if rest[i] <= ' ' {
			return s, false
		}
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if !isAuthority(rest[:end]) {
		return s, false
	}
	tail := rest[end:]
	if strings.IndexByte(tail, '%') < 0 && strings.IndexByte(tail, '[') < 0 && strings.IndexByte(tail, ']') < 0 && strings.Count(tail, "#") < 2 {
		return s, true
	}
	var b strings.Builder
	fragment := false
	for i := range len(tail) {
		switch c := tail[i]; {
		case c == '%' && !isEscape(tail[i:]):
			b.WriteString("%25")
		case c == '[' && !fragment:
			b.WriteString("%5B")
		case c == ']' && !fragment:
			b.WriteString("%5D")
		case c == '#' && fragment:
			b.WriteString("%23")
		default:
			fragment = fragment || c == '#'
			b.WriteByte(c)
		}
	}
	if b.Len() == len(tail) {
		return s, true
	}
	return s[:len(s)-len(tail)] + b.String(), true
}

// isAuthority says whether s may stand between the scheme and the path of an
// address: a host, perhaps with a user before and a port behind it.
func isAuthority(s string) bool {
	if at := strings.IndexByte(s, '@'); at >= 0 {
		if !isPart(s[:at], ":") {
			return false
		}
		s = s[at+1:]
	}
	host, port, hasPort := strings.Cut(s, ":")
	if strings.HasPrefix(s, "[") { // IPv6
		end := strings.IndexByte(s, ']')
		if end < 2 {
			return false
		}
		host, port, hasPort = "v6", strings.TrimPrefix(s[end+1:], ":"), s[end+1:] != ""
		if hasPort && s[end+1] != ':' {
			return false
		}
	}
	if hasPort && (port == "" || strings.Trim(port, "0123456789") != "") {
		return false
	}
	return host != "" && isPart(host, "")
}

// isPart says whether s holds no signs that divide addresses but those given,
// and percent signs in escapes alone.
func isPart(s, dividers string) bool {
	for i := range len(s) {
		switch c := s[i]; c {
		case '%':
			if !isEscape(s[i:]) {
				return false
			}
		case ':', '@', '[', ']':
			if strings.IndexByte(dividers, c) < 0 {
				return false
			}
		}
	}
	return true
}

// isEscape says whether s starts with a percent sign and two hexadecimal digits.
func isEscape(s string) bool {
	return len(s) > 2 && s[0] == '%' && isHex(s[1]) && isHex(s[2])
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}
