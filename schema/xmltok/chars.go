package xmltok

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Classes of ASCII bytes inside names; the tables are read-only.
const (
	nameStop  = iota // not part of a name
	nameStart        // letter or underscore
	nameInner        // digit, hyphen, full stop: not first
	nameColon
	nameWide // first byte of a character beyond ASCII
)

var nameClass = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
			t[c] = nameStart
		case c >= '0' && c <= '9', c == '-', c == '.':
			t[c] = nameInner
		case c == ':':
			t[c] = nameColon
		case c >= 0x80:
			t[c] = nameWide
		}
	}
	return t
}()

// valueStop marks the bytes at which the scan of an attribute value must look
// closer: quotes, markup, white space to normalise, controls, non-ASCII.
var valueStop = func() (t [256]bool) {
	for c := range t {
		t[c] = c < 0x20 || c >= 0x80 || c == '"' || c == '\'' || c == '<' || c == '&'
	}
	return t
}()

var isSpace = [256]bool{' ': true, '\t': true, '\n': true, '\r': true}

// pad is the number of zero bytes kept after the data in the buffer: the
// first one stops every byte loop, all of them let the word-wise scan read on.
const pad = 8

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// scanText returns the first index from p on whose byte is '<', '&', ']', a
// control or not ASCII. buf must be padded.
func scanText(buf []byte, p int) int {
	for {
		x := binary.LittleEndian.Uint64(buf[p:])
		lt, amp, br := x^('<'*lows), x^('&'*lows), x^(']'*lows)
		m := x | ((x - 0x20*lows) & ^x) | ((lt - lows) & ^lt) | ((amp - lows) & ^amp) | ((br - lows) & ^br)
		if m &= highs; m != 0 {
			return p + bits.TrailingZeros64(m)>>3
		}
		p += 8
	}
}

// scanUntil returns the first index from p on whose byte is stop, a control
// or not ASCII. buf must be padded.
func scanUntil(buf []byte, p int, stop byte) int {
	s := uint64(stop) * lows
	for {
		x := binary.LittleEndian.Uint64(buf[p:])
		y := x ^ s
		m := (x | ((x - 0x20*lows) & ^x) | ((y - lows) & ^y)) & highs
		if m != 0 {
			return p + bits.TrailingZeros64(m)>>3
		}
		p += 8
	}
}

// isChar reports whether XML 1.0 allows the character (2.2). Surrogates never
// arrive here from UTF-8, only from character references.
func isChar(c rune) bool {
	return c >= 0x20 && c <= 0xD7FF || c == '\t' || c == '\n' || c == '\r' ||
		c >= 0xE000 && c <= 0xFFFD || c >= 0x10000 && c <= 0x10FFFF
}

// isNameStart reports whether a character beyond ASCII may begin a name
// (XML 1.0, fifth edition, 2.3).
func isNameStart(c rune) bool {
	return c >= 0xC0 && c <= 0x2FF && c != 0xD7 && c != 0xF7 ||
		c >= 0x370 && c <= 0x1FFF && c != 0x37E ||
		c == 0x200C || c == 0x200D || c >= 0x2070 && c <= 0x218F ||
		c >= 0x2C00 && c <= 0x2FEF || c >= 0x3001 && c <= 0xD7FF ||
		c >= 0xF900 && c <= 0xFDCF || c >= 0xFDF0 && c <= 0xFFFD ||
		c >= 0x10000 && c <= 0xEFFFF
}

// isNameInner reports whether a character beyond ASCII may continue a name.
func isNameInner(c rune) bool {
	return isNameStart(c) || c == 0xB7 || c >= 0x300 && c <= 0x36F || c == 0x203F || c == 0x2040
}

// IsNCName reports whether s is a name without a colon (Namespaces in XML 1.0, 3).
func IsNCName(s []byte) bool {
	for i := 0; i < len(s); {
		switch nameClass[s[i]] {
		case nameStart:
			i++
		case nameInner:
			if i == 0 {
				return false
			}
			i++
		case nameWide:
			c, n := utf8.DecodeRune(s[i:])
			if c == utf8.RuneError && n <= 1 || !isNameInner(c) || i == 0 && !isNameStart(c) {
				return false
			}
			i += n
		default:
			return false
		}
	}
	return len(s) > 0
}
