package jsonlex

import (
	"math/bits"
	"unicode/utf8"
	"unsafe"

	"feedmill/feed/internal/scan"
)

// plain gives the index, from i, of the next quote, backslash or control
// character, else the length of the text.
func (l *Lexer) plain(i int) int {
	if i < len(l.b) {
		if w := l.stops[i>>6] >> (i & 63); w != 0 {
			return i + bits.TrailingZeros64(w)
		}
	}
	return scan.Next(l.stops[:scan.StopWords(len(l.b))], i, len(l.b))
}

// String reads a string and gives its value.
func (l *Lexer) String() string {
	l.dirty = l.nonchar
	if l.space() != '"' {
		l.want("a string")
		return ""
	}
	start := l.i + 1
	i := l.plain(start)
	if i < len(l.b) && l.b[i] == '"' {
		l.i = i + 1
		return alias(l.b[start:i])
	}
	return l.escaped(start)
}

// escaped reads a string from start on.
func (l *Lexer) escaped(start int) string {
	if l.spare == nil || cap(l.spare)-len(l.spare) < len(l.b)-start {
		// All strings of a text together are never longer than the text.
		l.spare = make([]byte, 0, max(len(l.b), 4096))
	}
	begin := len(l.spare)
	for {
		if wide && len(l.b)-start >= escapesRoom {
			start = l.shortEscapes(start)
		}
		i := l.plain(start)
		if i > start {
			l.spare = append(l.spare, l.b[start:i]...)
		}
		if i >= len(l.b) {
			l.i = i
			l.fail("the string does not end")
			return ""
		}
		switch c := l.b[i]; {
		case c == '"':
			l.i = i + 1
			return alias(l.spare[begin:])
		case c != '\\':
			l.i = i
			l.fail("control character U+%04X inside a string: write it as \\u%04x", c, c)
			return ""
		}
		if i+1 < len(l.b) && shortEscape[l.b[i+1]] != 0 { // as nearly always
			l.spare = append(l.spare, shortEscape[l.b[i+1]])
			start = i + 2
		} else {
			l.i = i
			if start = l.escape(); l.err != nil {
				return ""
			}
		}
	}
}

// escapesRoom is how many bytes of the text must be left for shortEscapes.
const escapesRoom = 64

// shortEscapes appends what the string goes on with from start on, up to an escape
// that is not short, its end, or somewhere near the end of the text, and gives where
// that is. There is room for as much as is left of the text, and no more is written.
func (l *Lexer) shortEscapes(start int) (at int) {
	to := unsafe.Add(unsafe.Pointer(unsafe.SliceData(l.spare)), len(l.spare))
	at, n := escapesAVX2(unsafe.SliceData(l.b), unsafe.SliceData(l.stops), (*byte)(to), start, len(l.b)-escapesRoom)
	l.spare = l.spare[:len(l.spare)+n]
	return at
}

// shortEscape gives what a backslash and one more sign stand for, of those that
// are fit for XML; escape reads all others.
var shortEscape = [256]byte{'"': '"', '\\': '\\', '/': '/', 'n': '\n', 't': '\t'}

// escape reads the escape at l.i, one that is not short, and gives the position
// behind it.
func (l *Lexer) escape() int {
	b := l.b[l.i:]
	if len(b) < 2 {
		l.fail("the string does not end")
		return 0
	}
	c := b[1]
	switch c {
	case 'r':
		c, l.dirty = '\r', true
	case 'b':
		c, l.dirty = '\b', true
	case 'f':
		c, l.dirty = '\f', true
	case 'u':
		r, ok := hex4(b)
		if !ok {
			l.fail("\\u wants four hex digits")
			return 0
		}
		n := 6
		if r >= 0xD800 && r < 0xE000 {
			low, ok := hex4(b[6:])
			if ok && r < 0xDC00 && low >= 0xDC00 && low < 0xE000 {
				r, n = (r-0xD800)<<10+(low-0xDC00)+0x10000, 12
			} else {
				r = utf8.RuneError
				l.replaced++
			}
		}
		if r < 0x20 && r != '\t' && r != '\n' || r == 0xFFFE || r == 0xFFFF {
			l.dirty = true
		}
		l.spare = utf8.AppendRune(l.spare, r)
		return l.i + n
	default:
		r, _ := utf8.DecodeRune(b[1:])
		l.fail("unknown escape \\%c", r)
		return 0
	}
	l.spare = append(l.spare, c)
	return l.i + 2
}

// hex4 reads \uXXXX.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// alias gives the bytes as a string without copying them.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
