// Package scan looks at the bytes of texts, many at a time where the processor
// has registers that wide.
//
// It owns which bytes end a run of plain text in JSON and in an attribute of
// XML, which texts XML 1.0 allows, and which tokens and addresses are so plain
// that nobody need take them apart. It refuses to know what is done about the
// rest: it says that something is there, and callers look for it.
package scan

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// Words of eight equal bytes.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// Wide says whether it looks at 32 bytes at a time, with AVX2, for those who have
// assembly of their own and need not ask the processor again.
func Wide() bool { return wide }

// StopWords gives the number of words that [Stops] writes for a text of n bytes.
func StopWords(n int) int { return n/64 + 1 }

// Stops marks each byte of b at which a string of JSON may not simply go on:
// quotes, backslashes and bytes below 0x20. Bit i%64 of stops[i/64] is that of
// b[i]; stops must have [StopWords] words. sound says that b is UTF-8 and holds
// none of the characters that XML 1.0 forbids beyond ASCII; bytes below 0x20 do
// not count.
func Stops(b []byte, stops []uint64) (sound bool) {
	stops = stops[:StopWords(len(b))]
	if wide {
		return wideStops(b, stops)
	}
	return narrowStops(b, stops)
}

func narrowStops(b []byte, stops []uint64) bool {
	clear(stops)
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		// The top bit of each byte says exactly whether it is zero.
		q, s, c := w^'"'*ones, w^'\\'*ones, w&(0xE0*ones)
		const rest = ^uint64(highs)
		hit := ^((q&rest + rest | q) & (s&rest + rest | s) & (c&rest + rest | c)) & highs
		// The product gathers the eight bits in its top byte.
		stops[i>>6] |= (hit >> 7 * 0x0102040810204080 >> 56) << (i & 63)
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < 0x20 || c == '"' || c == '\\' {
			stops[i>>6] |= 1 << (i & 63)
		}
	}
	return utf8.Valid(b) && !nonCharacters(b)
}

// nonCharacters says whether valid UTF-8 holds U+FFFE or U+FFFF: EF BF and then
// BE or BF.
func nonCharacters[T string | []byte](b T) bool {
	for i := 2; i < len(b); i++ {
		if b[i-2] == 0xEF && b[i-1] == 0xBF && b[i] >= 0xBE {
			return true
		}
	}
	return false
}

// Next gives the index of the first stop from i on, and n where there is none
// before it.
func Next(stops []uint64, i, n int) int {
	k := i >> 6
	if uint(k) >= uint(len(stops)) {
		return n
	}
	if w := stops[k] >> (i & 63); w != 0 {
		return i + bits.TrailingZeros64(w)
	}
	for k++; k < len(stops); k++ {
		if w := stops[k]; w != 0 {
			return k<<6 + bits.TrailingZeros64(w)
		}
	}
	return n
}

// Clean says whether s is UTF-8 of which XML 1.0 allows each character; a
// carriage return, which no parser would hand on, does not count as one. bracket
// says whether there is a ']' in it, and may be false where clean is.
func Clean(s string) (clean, bracket bool) {
	if wide && fits(s) {
		return wideClean(s)
	}
	return narrowClean(s)
}

func narrowClean(s string) (clean, bracket bool) {
	for i := range len(s) {
		if c := s[i]; c < 0x20 && c != '\t' && c != '\n' {
			return false, false
		}
	}
	return utf8.ValidString(s) && !nonCharacters(s), strings.IndexByte(s, ']') >= 0
}

// AppendClean appends s where it is clean, and else nothing; see [Clean]. What
// stands in the memory of dst behind what was appended may be overwritten.
func AppendClean(dst []byte, s string) (out []byte, clean, bracket bool) {
	if !wide || !fits(s) {
		if clean, bracket = narrowClean(s); clean {
			dst = append(dst, s...)
		}
		return dst, clean, bracket
	}
	if cap(dst)-len(dst) < len(s)+chunk {
		dst = grown(dst, len(s)+chunk)
	}
	if clean, bracket = wideCopyClean(dst, s); clean {
		dst = dst[:len(dst)+len(s)]
	}
	return dst, clean, bracket
}

// Attribute gives the length of the longest prefix of s without '&', '<', '>',
// '"' and bytes below 0x20. ok is false where it does not know, as for texts
// that hold what is no UTF-8 or what XML forbids.
func Attribute(s string) (prefix int, ok bool) {
	if wide && fits(s) {
		return wideAttribute(s)
	}
	return 0, false
}

// AppendAttribute appends the prefix that [Attribute] gives the length of, or
// nothing where ok is false. What stands in the memory of dst behind what was
// appended may be overwritten.
func AppendAttribute(dst []byte, s string) (out []byte, prefix int, ok bool) {
	if s == "" || !wide || !fits(s) {
		return dst, 0, s == ""
	}
	if cap(dst)-len(dst) < len(s)+chunk {
		dst = grown(dst, len(s)+chunk)
	}
	if prefix = wideCopyAttribute(dst, s); prefix < 0 {
		return dst, 0, false
	}
	return dst[:len(dst)+prefix], prefix, true
}

// grown is slices.Grow, apart because it is rarely called.
//
//go:noinline
func grown(dst []byte, n int) []byte { return slices.Grow(dst, n) }

// Starts says whether b starts with s.
func Starts(b []byte, s string) bool {
	n := len(s)
	switch {
	case n > len(b):
		return false
	case n < 16:
		return string(b[:n]) == s
	case n <= 32: // some bytes are looked at twice
		t := b[:n]
		return (binary.LittleEndian.Uint64(t)^word(s, 0))|(binary.LittleEndian.Uint64(t[8:])^word(s, 8))|
			(binary.LittleEndian.Uint64(t[n-16:])^word(s, n-16))|(binary.LittleEndian.Uint64(t[n-8:])^word(s, n-8)) == 0
	case wide:
		return wideStarts(b, s)
	}
	return string(b[:n]) == s
}

// Token says whether s holds ASCII letters, digits, and any of ._-: alone: in
// every edition of XML 1.0 these are characters of names.
func Token(s string) bool {
	if wide && len(s) >= chunk {
		return wideToken(s)
	}
	return narrowToken(s)
}

func narrowToken(s string) bool {
	last := len(s) - 8
	if last < 0 {
		for i := range len(s) {
			if !tokenBytes[s[i]] {
				return false
			}
		}
		return true
	}
	for i := 0; i < last; i += 8 {
		if !tokenWord(word(s, i)) {
			return false
		}
	}
	return tokenWord(word(s, last)) // some of it is looked at twice
}

var tokenBytes = func() (t [256]bool) {
	for c := range utf8.RuneSelf {
		t[c] = tokenWord(uint64(c) * ones)
	}
	return t
}()

// tokenWord is narrowToken for eight bytes.
func tokenWord(w uint64) bool {
	const seven = 0x7F * ones
	// The highest bit of a byte tells that it has reached a bound, or is not zero.
	small := w | 0x20*ones
	letters := (small + (0x80-'a')*ones) &^ (small + (0x80-'z'-1)*ones)
	digits := (w + (0x80-'-')*ones) &^ (w + (0x80-':'-1)*ones) & (w ^ '/'*ones + seven) // - to : without /
	underscore := ^(w ^ '_'*ones + seven)
	return w&highs == 0 && (letters|digits|underscore)&highs == highs
}

// word gives the eight bytes of s from i on.
func word(s string, i int) uint64 { return binary.LittleEndian.Uint64([]byte(s[i : i+8])) }

// Address says whether s holds no byte up to 0x20 and none of %#[], which an
// address may have to hold in another form.
func Address(s string) bool {
	if wide && len(s) >= chunk {
		return wideAddress(s)
	}
	return narrowAddress(s)
}

// chunk is how many bytes are looked at together where registers are wide.
const chunk = 32

func narrowAddress(s string) bool {
	last := len(s) - 8
	if last < 0 {
		for i := range len(s) {
			if c := s[i]; c <= ' ' || c == '%' || c == '#' || c == '[' || c == ']' {
				return false
			}
		}
		return true
	}
	odd := uint64(0)
	for i := 0; ; i = min(i+8, last) { // the last eight are looked at twice in part
		w := word(s, i)
		percent, number, open, shut := w^'%'*ones, w^'#'*ones, w^'['*ones, w^']'*ones
		odd |= (w-0x21*ones)&^w | (percent-ones)&^percent | (number-ones)&^number | (open-ones)&^open | (shut-ones)&^shut
		if i == last {
			return odd&highs == 0
		}
	}
}
