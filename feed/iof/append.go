package iof

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf8"

	"feedmill/feed"
	"feedmill/feed/internal/scan"
)

// Words of eight equal bytes, to look at eight bytes of a string at a time.
const (
	wordOnes  = 0x0101010101010101
	wordHighs = 0x8080808080808080
)

// What becomes of a byte inside an attribute value or an escaped text.
const (
	bytePlain  = iota // stands as it is
	byteEscape        // has a reference of its own
	byteMulti         // starts a character of several bytes, or is no UTF-8
	byteDrop          // XML 1.0 forbids it
)

// attrClass and textClass say what a byte means in an attribute value and in
// an escaped text.
var (
	attrClass = classes("&<>\"\t\n\r", "")
	textClass = classes("&<>\r", "\t\n")
)

func classes(escaped, plain string) (t [256]uint8) {
	for i := range t {
		switch {
		case i >= utf8.RuneSelf:
			t[i] = byteMulti
		case strings.IndexByte(escaped, byte(i)) >= 0:
			t[i] = byteEscape
		case i < 0x20 && strings.IndexByte(plain, byte(i)) < 0:
			t[i] = byteDrop
		}
	}
	return t
}

// word gives eight bytes of s from i on; there must be that many.
func word(s string, i int) uint64 {
	return binary.LittleEndian.Uint64([]byte(s[i : i+8]))
}

// runeLen gives the length of the character of several bytes at s[i], and
// whether it is one that XML 1.0 allows; what is not UTF-8 has length 1.
func runeLen(s string, i int) (n int, ok bool) {
	// Two bytes: nearly all there is in European texts, and always allowed.
	if c := s[i]; c >= 0xC2 && c <= 0xDF && i+1 < len(s) && s[i+1]&0xC0 == 0x80 {
		return 2, true
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	return n, !(r == utf8.RuneError && n == 1) && feed.IsXMLChar(r)
}

// clean asserts that s holds nothing that XML forbids; what does is dropped.
func clean(s string) string {
	if feed.CleanPrefix(s) == len(s) {
		return s
	}
	s, _ = feed.Clean(s)
	return s
}

// hasText says whether anything of s is left once it is clean.
func hasText(s string) bool {
	return s != "" && (s[0]-0x20 < utf8.RuneSelf-0x20 || clean(s) != "")
}

// appendEscaped writes s as the value of an attribute in double quotes. Line
// ends and tabs become character references, because a parser would turn
// them into blanks.
func appendEscaped(dst []byte, s string) []byte {
	dst, n, ok := scan.AppendAttribute(dst, s)
	if n == len(s) {
		return dst
	}
	return appendEscapedFrom(dst, s, n, ok)
}

// appendEscapedFrom goes on where n bytes of s are written and what stands behind
// them may not simply be copied, or is not known to be where looked is false.
func appendEscapedFrom(dst []byte, s string, n int, looked bool) []byte {
	for {
		if !looked {
			n = feed.AttributePrefix(s)
			dst = append(dst, s[:n]...)
		}
		if n == len(s) {
			return dst
		}
		if c := s[n]; c < utf8.RuneSelf {
			if attrClass[c] == byteEscape {
				dst = append(dst, reference(c)...)
			}
			s = s[n+1:]
		} else {
			// What stands here is no UTF-8 or forbidden: it is dropped.
			_, k := utf8.DecodeRuneInString(s[n:])
			s = s[n+k:]
		}
		dst, n, looked = scan.AppendAttribute(dst, s)
	}
}

// appendPlain writes s as the escaped text of an element. Line ends become LF,
// as they do in a CDATA section.
func appendPlain(dst []byte, s string) []byte {
	last := 0
	for i := 0; i < len(s); {
		if i+8 <= len(s) {
			w := word(s, i)
			x := w ^ 0x26*wordOnes                   // &
			y := (w | 0x02*wordOnes) ^ 0x3E*wordOnes // < and >
			m := ((x-wordOnes)&^x | (y-wordOnes)&^y | (w-0x20*wordOnes)&^w | w) & wordHighs
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
		}
		n, drop := 1, false
		switch textClass[s[i]] {
		case bytePlain:
			i++
			continue
		case byteMulti:
			var ok bool
			if n, ok = runeLen(s, i); ok {
				i += n
				continue
			}
			drop = true
		case byteDrop:
			drop = true
		}
		dst = append(dst, s[last:i]...)
		switch {
		case drop:
		case s[i] == '\r':
			dst = append(dst, '\n')
			if i+1 < len(s) && s[i+1] == '\n' {
				n = 2
			}
		default:
			dst = append(dst, reference(s[i])...)
		}
		i += n
		last = i
	}
	return append(dst, s[last:]...)
}

// reference gives the reference of a character that may not stand for itself.
func reference(c byte) string {
	switch c {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '"':
		return "&quot;"
	case '\t':
		return "&#9;"
	case '\n':
		return "&#10;"
	}
	return "&#13;"
}

// appendCDATA writes s as one CDATA section. A section cannot hold "]]>", and
// readers lose text that is split over two (CONSUMERS 7), so it is written as
// "]]&gt;": in HTML, which is what these texts are, that means the same.
func appendCDATA(dst []byte, s string) []byte {
	dst = append(dst, "<![CDATA["...)
	start := len(dst)
	dst, fine, bracket := scan.AppendClean(dst, s)
	if bracket || !fine {
		dst = appendSections(dst[:start], s, fine)
	}
	return append(dst, "]]>"...)
}

// appendSections writes what stands in a section, where there may be an end of one.
func appendSections(dst []byte, s string, fine bool) []byte {
	if !fine {
		s, _ = feed.Clean(s)
	}
	for {
		i := strings.Index(s, "]]>")
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i+2]...)
		dst = append(dst, "&gt;"...)
		s = s[i+3:]
	}
}

// appendAttr writes one attribute behind a blank; name carries the blank and
// the opening quote (` name="`). An empty value is left out.
func appendAttr(dst []byte, name, value string) []byte {
	if value == "" { // most are; so small, this stands where it is called
		return dst
	}
	return appendSomeAttr(dst, name, value)
}

// appendSomeAttr is appendAttr for a value that may be forbidden signs alone.
func appendSomeAttr(dst []byte, name, value string) []byte {
	if !hasText(value) {
		return dst
	}
	dst = append(dst, name...)
	dst = appendEscaped(dst, value)
	return append(dst, '"')
}

// appendAmount is [feed.Amount.Append], quicker for the currencies that nearly
// all offers are in.
func appendAmount(dst []byte, a feed.Amount, c feed.Currency) []byte {
	if c.Exponent() != 2 {
		return a.Append(dst, c)
	}
	v := uint64(a.Minor())
	dst = feed.AppendInt(dst, int64(v/100))
	v %= 100
	return append(dst, '.', byte('0'+v/10), byte('0'+v%10))
}

// appendQuantity is [feed.Quantity.Append], quicker for whole pieces.
func appendQuantity(dst []byte, q feed.Quantity, places int) []byte {
	if places != 0 || q.Unlimited() {
		return q.Append(dst, places)
	}
	return feed.AppendInt(dst, q.Thousandths()/1000)
}
