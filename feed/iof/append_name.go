package iof

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"feedmill/feed"
	"feedmill/feed/internal/scan"
)

// appendNMToken writes s as an xs:NMTOKEN that needs no escaping: letters,
// digits and ._-: stay, everything else becomes an underscore. Blanks at both
// ends are dropped, as a schema processor drops them.
func appendNMToken(dst []byte, s string) []byte {
	if !scan.Token(s) {
		return appendOddToken(dst, s)
	}
	return append(dst, s...)
}

// WrittenCode gives a size's code as files have it: what a token cannot hold
// for every reader is an underscore there, so that two codes may become one.
func WrittenCode(code string) string {
	if !scan.Token(code) {
		return string(appendOddToken(nil, code))
	}
	return code
}

// appendOddToken is [appendNMToken] character by character.
func appendOddToken(dst []byte, s string) []byte {
	start := len(dst)
	for _, r := range strings.TrimRight(s, " \t\r\n") {
		switch {
		case r < utf8.RuneSelf && scan.Token(string(r)), isNameLetter(r):
			dst = utf8.AppendRune(dst, r)
		case len(dst) == start && (r == ' ' || r == '\t' || r == '\r' || r == '\n'):
		default:
			dst = append(dst, '_')
		}
	}
	return dst
}

// hasToken says whether [appendNMToken] would write anything.
func hasToken(s string) bool { return hasText(strings.Trim(s, " \t\r\n")) }

// appendUnitName writes the name of a unit as an xs:NCName, which is what the
// published schema asks of unit@name (IOF 4.3): blanks and everything else
// that a name cannot hold become underscores, superscript digits plain ones,
// and an underscore goes before a first character that cannot start a name.
// Nothing is written for a name of blanks alone.
func appendUnitName(dst []byte, s string) []byte {
	s = strings.TrimSpace(s)
	if !hasText(s) {
		return dst
	}
	first := true
	for _, r := range s {
		switch r {
		case '²':
			r = '2'
		case '³':
			r = '3'
		}
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || isNameLetter(r)
		if !letter && (r >= '0' && r <= '9' || r == '.' || r == '-') {
			if first {
				dst = append(dst, '_')
			}
			letter = true
		}
		if !letter {
			r = '_'
		}
		dst = utf8.AppendRune(dst, r)
		first = false
	}
	return dst
}

// nameLetters are letters beyond ASCII that every edition of XML 1.0, old
// schema processors included, lets start a name.
var nameLetters = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x00C0, Hi: 0x00D6, Stride: 1}, {Lo: 0x00D8, Hi: 0x00F6, Stride: 1}, {Lo: 0x00F8, Hi: 0x0131, Stride: 1},
	{Lo: 0x0134, Hi: 0x013E, Stride: 1}, {Lo: 0x0141, Hi: 0x0148, Stride: 1}, {Lo: 0x014A, Hi: 0x017E, Stride: 1},
	{Lo: 0x0388, Hi: 0x038A, Stride: 1}, {Lo: 0x038E, Hi: 0x03A1, Stride: 1}, {Lo: 0x03A3, Hi: 0x03CE, Stride: 1},
	{Lo: 0x0401, Hi: 0x040C, Stride: 1}, {Lo: 0x040E, Hi: 0x044F, Stride: 1}, {Lo: 0x0451, Hi: 0x045C, Stride: 1},
	{Lo: 0x045E, Hi: 0x0481, Stride: 1}, {Lo: 0x05D0, Hi: 0x05EA, Stride: 1}, {Lo: 0x0621, Hi: 0x063A, Stride: 1},
	{Lo: 0x0641, Hi: 0x064A, Stride: 1}, {Lo: 0x3041, Hi: 0x3094, Stride: 1}, {Lo: 0x30A1, Hi: 0x30FA, Stride: 1},
	{Lo: 0x4E00, Hi: 0x9FA5, Stride: 1}, {Lo: 0xAC00, Hi: 0xD7A3, Stride: 1},
}, LatinOffset: 3}

func isNameLetter(r rune) bool { return r >= 0xC0 && unicode.Is(nameLetters, r) }

// appendProducerCode writes a producer code. Under a standard that consists
// of digits, the hyphens and blanks of the printed form are dropped (CONSUMERS
// 10); a code that is something else after all stays as it is.
func appendProducerCode(dst []byte, std feed.CodeStandard, code string) []byte {
	if dst, ok := std.AppendDigits(dst, code); ok {
		return dst
	}
	return appendEscaped(dst, code)
}
