package feed

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"feedmill/feed/internal/scan"
)

// longText is from how many bytes on wide registers pay.
const longText = 17

// Words of eight equal bytes, to look at eight bytes of a string at a time.
const (
	wordOnes  = 0x0101010101010101
	wordHighs = 0x8080808080808080
)

func word(s string, i int) uint64 {
	return binary.LittleEndian.Uint64([]byte(s[i : i+8]))
}

// lastWord gives the 1 to 7 bytes of s from i on, with letters behind them.
func lastWord(s string, i int) uint64 {
	n := len(s) - i
	fill := uint64(0x61*wordOnes) << (8 * n)
	switch {
	case len(s) >= 8:
		return word(s, len(s)-8)>>(8*(8-n)) | fill
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32([]byte(s[i:i+4]))) | uint64(binary.LittleEndian.Uint32([]byte(s[i+n-4:i+n])))<<(8*(n-4)) | fill
	}
	return uint64(s[i]) | uint64(s[i+n/2])<<(8*(n/2)) | uint64(s[i+n-1])<<(8*(n-1)) | fill
}

// pairs looks at a word of text that may hold ASCII and characters of two
// bytes, which is nearly all there is in European texts. carry is that of the
// word before: the mark of a character that began at its end. ok is false
// when there is anything else, or something that is not UTF-8.
func pairs(w, carry uint64) (next uint64, ok bool) {
	high := w & wordHighs
	// A byte whose second bit is set too starts a character; with the third bit
	// it is longer than two bytes, and without any of the next four it would
	// spell out an ASCII character.
	lead := high & (w << 1)
	long := lead & (w << 2)
	short := lead &^ (w&(0x1E*wordOnes) + 0x7E*wordOnes)
	return lead >> 56, long|short == 0 && high&^(w<<1) == lead<<8|carry
}

// CleanPrefix gives the length of the longest prefix of s that [Clean] keeps as
// it is.
func CleanPrefix(s string) int {
	if len(s) >= longText {
		if clean, _ := scan.Clean(s); clean {
			return len(s)
		}
	}
	i, carry := 0, uint64(0)
	for i+8 <= len(s) {
		w := word(s, i)
		// The lowest byte that is below 0x20 comes out right; a borrow can only
		// mark more bytes above it.
		control := (w - 0x20*wordOnes) &^ w & wordHighs
		if (control|w&wordHighs)|carry == 0 {
			i += 8
			continue
		}
		if next, ok := pairs(w, carry); ok && control == 0 {
			carry = next
			i += 8
			continue
		}
		if carry != 0 {
			i--
			carry = 0
		} else if w&wordHighs == 0 {
			i += bits.TrailingZeros64(control) >> 3
		}
		for end := i + 8; i < end && i < len(s); {
			n := cleanChar(s, i)
			if n == 0 {
				return i
			}
			i += n
		}
	}
	if i < len(s) {
		w := lastWord(s, i)
		if _, ok := pairs(w, carry); ok && (w-0x20*wordOnes)&^w&wordHighs == 0 {
			return len(s)
		}
	}
	if carry != 0 {
		i--
	}
	for i < len(s) {
		n := cleanChar(s, i)
		if n == 0 {
			return i
		}
		i += n
	}
	return i
}

// cleanChar gives the length of the character at s[i], 0 for one that must not
// stay.
func cleanChar(s string, i int) int {
	c := s[i]
	if c < utf8.RuneSelf {
		if c < 0x20 && c != '\t' && c != '\n' {
			return 0
		}
		return 1
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	if r == utf8.RuneError && n == 1 || !IsXMLChar(r) {
		return 0
	}
	return n
}

// AttributePrefix gives the length of the longest prefix of s that stands for
// itself in the value of an attribute in double quotes: clean text without
// '&', '<', '>', '"', tabs and line ends.
func AttributePrefix(s string) int {
	if len(s) >= longText {
		if n, ok := scan.Attribute(s); ok {
			return n
		}
	}
	i, carry := 0, uint64(0)
	for i+8 <= len(s) {
		w := word(s, i)
		hit := special(w)
		if (hit|w&wordHighs)|carry == 0 {
			i += 8
			continue
		}
		if next, ok := pairs(w, carry); ok && hit == 0 {
			carry = next
			i += 8
			continue
		}
		if carry != 0 {
			i--
			carry = 0
		} else if w&wordHighs == 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
		for end := i + 8; i < end && i < len(s); {
			n := attributeChar(s, i)
			if n == 0 {
				return i
			}
			i += n
		}
	}
	if i < len(s) {
		w := lastWord(s, i)
		hit := special(w)
		if (hit|w&wordHighs)|carry == 0 {
			return len(s)
		}
		if _, ok := pairs(w, carry); ok && hit == 0 {
			return len(s)
		}
	}
	if carry != 0 {
		i--
	}
	for i < len(s) {
		n := attributeChar(s, i)
		if n == 0 {
			return i
		}
		i += n
	}
	return i
}

// special marks bytes that must not stand for themselves in an attribute. The
// lowest mark is right; a borrow can only add marks above it.
func special(w uint64) uint64 {
	x := (w | 0x04*wordOnes) ^ 0x26*wordOnes // & and "
	y := (w | 0x02*wordOnes) ^ 0x3E*wordOnes // < and >
	return ((x-wordOnes)&^x | (y-wordOnes)&^y | (w-0x20*wordOnes)&^w) & wordHighs
}

// attributeChar is cleanChar for the value of an attribute.
func attributeChar(s string, i int) int {
	switch c := s[i]; {
	case c == '&', c == '<', c == '>', c == '"', c < 0x20:
		return 0
	case c < utf8.RuneSelf:
		return 1
	}
	return cleanChar(s, i)
}
