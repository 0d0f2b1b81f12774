// Package jsonlex reads one JSON text (RFC 8259) as a sequence of calls that
// the caller's own shape drives: no reflection, no maps, no tree.
//
// It owns the grammar, UTF-8, and the limit on depth, and gives the exact place
// of the first mistake. It refuses to know which members a document may have.
//
// Errors are sticky: behind the first one every call does nothing, so a decoder
// may run to its end and ask [Lexer.Err] once.
package jsonlex

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
	"unsafe"

	"feedmill/feed/internal/scan"
)

// MaxDepth is how deep arrays and objects may be nested.
const MaxDepth = 64

// Kind is the kind of a value.
type Kind uint8

// The kinds; Invalid is the end of the text or a character that starts no value.
const (
	Invalid Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// String names the kind with its article, for messages.
func (k Kind) String() string {
	return [...]string{"nothing", "null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// Error is a mistake in the text.
type Error struct {
	// Offset counts the bytes and Column the characters (from 1) before it.
	Offset, Column int
	Message        string
	// Encoding says that the byte at Offset is not UTF-8.
	Encoding bool
}

// Error gives the column and the message.
func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Message) }

// Lexer reads one text after the other; see [Lexer.Reset].
type Lexer struct {
	b     []byte
	i     int
	depth int
	// first says that no element of the innermost open array or object was read yet.
	first bool
	// dirty says that the last string holds, and nonchar that some raw string of
	// the text may hold, a character that is not fit for XML.
	dirty, nonchar bool
	replaced       int
	err            *Error
	// spare holds unescaped strings; it is never moved while a text is read.
	spare []byte
	// stops marks where strings may not simply go on (see [scan.Stops]).
	stops []uint64
}

// Reset starts on another text. Strings that were read alias either b or the
// lexer's memory: they are valid until the next Reset, and b must not change.
func (l *Lexer) Reset(b []byte) {
	*l = Lexer{b: b, spare: l.spare[:0], stops: l.stops}
	if n := scan.StopWords(len(b)); n >= len(l.stops) {
		l.stops = make([]uint64, n+n/4+1) // one more for Run
	}
	if scan.Stops(b, l.stops) {
		return
	}
	if !utf8.Valid(b) {
		i := 0
		for i < len(b) {
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			i += n
		}
		l.i = i
		l.fail("byte 0x%02X is not UTF-8", b[i])
		l.err.Encoding = true
		return
	}
	// U+FFFE and U+FFFF are EF BF BE and EF BF BF.
	for rest := b; ; {
		i := bytes.IndexByte(rest, 0xEF)
		if i < 0 || i+2 >= len(rest) {
			break
		}
		if rest[i+1] == 0xBF && rest[i+2] >= 0xBE {
			l.nonchar = true
			break
		}
		rest = rest[i+3:]
	}
}

// Rewind goes back to the start of the text that Reset was given.
func (l *Lexer) Rewind() {
	if l.err == nil {
		l.i, l.depth, l.first, l.replaced = 0, 0, false, 0
	}
}

// Err gives the first mistake, nil for none.
func (l *Lexer) Err() *Error { return l.err }

// Offset gives the position of the next byte to read.
func (l *Lexer) Offset() int { return l.i }

// Rest gives what is left of the text. It starts with the next value when
// [Lexer.Kind] was asked before.
func (l *Lexer) Rest() []byte { return l.b[l.i:] }

// Since gives what was read from an earlier [Lexer.Offset] on, valid as long as
// strings are.
func (l *Lexer) Since(offset int) string { return alias(l.b[offset:l.i]) }

// Advance goes over n bytes that are known to hold whole values.
func (l *Lexer) Advance(n int) { l.i += n }

// Pass goes on behind a value that is known to end at this offset.
func (l *Lexer) Pass(end int) {
	l.i = end
	l.first = false
}

// Enter goes over n bytes that are known to enter an object, with all of its
// members up to the value that must be read next.
func (l *Lexer) Enter(n int) {
	l.i += n
	l.depth++
	l.first = false
}

// Plain says that no string of the text holds a character that is not fit for
// XML other than by an escape.
func (l *Lexer) Plain() bool { return !l.nonchar }

// Dirty says whether the last string may hold characters that XML forbids.
func (l *Lexer) Dirty() bool { return l.dirty }

// Replaced counts the escapes of the text so far that denote half of a
// surrogate pair and were read as U+FFFD.
func (l *Lexer) Replaced() int { return l.replaced }

func (l *Lexer) fail(format string, args ...any) {
	if l.err == nil {
		l.err = &Error{Offset: l.i, Column: utf8.RuneCount(l.b[:l.i]) + 1, Message: fmt.Sprintf(format, args...)}
	}
	l.i = len(l.b)
}

// want records that something else stands here than what the grammar asks for.
func (l *Lexer) want(what string) {
	if l.i >= len(l.b) {
		l.fail("want %s, but the text ends", what)
		return
	}
	r, _ := utf8.DecodeRune(l.b[l.i:])
	l.fail("want %s, got %q", what, r)
}

// space skips white space and gives the next byte, 0 at the end. Machine-made
// texts have none, so the usual case is small enough to be inlined.
func (l *Lexer) space() byte {
	if l.i < len(l.b) && l.b[l.i] > ' ' {
		return l.b[l.i]
	}
	return l.skipSpace()
}

func (l *Lexer) skipSpace() byte {
	for l.i < len(l.b) {
		c := l.b[l.i]
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
		l.i++
	}
	return 0
}

// Next gives the byte that the next value or sign starts with, 0 at the end.
func (l *Lexer) Next() byte { return l.space() }

// Comma reads a comma if it is next, without white space before it, and says
// whether it did: behind an element, another one must be read next.
func (l *Lexer) Comma() bool {
	if l.i >= len(l.b) || l.b[l.i] != ',' {
		return false
	}
	l.i++
	return true
}

// Kind tells the next value without reading it.
func (l *Lexer) Kind() Kind {
	switch c := l.space(); c {
	case '"':
		return String
	case '{':
		return Object
	case '[':
		return Array
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	default:
		if c == '-' || c-'0' <= 9 {
			return Number
		}
	}
	return Invalid
}

// Empty says whether the list that stands next has nothing in it.
func (l *Lexer) Empty() bool {
	if l.Kind() != Array {
		return false
	}
	rest := bytes.TrimLeft(l.b[l.i+1:], " \t\r\n")
	return len(rest) > 0 && rest[0] == ']'
}

// End checks that nothing but white space is left.
func (l *Lexer) End() {
	if l.space(); l.err == nil && l.i < len(l.b) {
		l.want("the end of the line")
	}
}

// Object enters an object; [Lexer.Member] reads it.
func (l *Lexer) Object() {
	if !l.Opened() {
		l.open('{', "an object")
	}
}

// Opened is Object where nothing stands before the sign, and says whether it was
// there.
func (l *Lexer) Opened() bool { return l.quickOpen('{') }

// Array enters an array; [Lexer.Element] reads it.
func (l *Lexer) Array() {
	if !l.quickOpen('[') {
		l.open('[', "an array")
	}
}

// ArrayOf enters an array whose first element starts with c, which must be read
// next, and says whether it did. It does not see arrays with white space before
// or behind their sign.
func (l *Lexer) ArrayOf(c byte) bool {
	if l.i+1 >= len(l.b) || l.b[l.i] != '[' || l.b[l.i+1] != c || l.depth >= MaxDepth {
		return false
	}
	l.i++
	l.depth++
	l.first = false
	return true
}

// quickOpen is open where nothing stands before the sign, and says whether it was
// there.
func (l *Lexer) quickOpen(c byte) bool {
	if l.i >= len(l.b) || l.b[l.i] != c || l.depth >= MaxDepth {
		return false
	}
	l.i++
	l.depth++
	l.first = true
	return true
}

func (l *Lexer) open(c byte, what string) {
	if l.space() != c {
		l.want(what)
		return
	}
	if l.depth++; l.depth > MaxDepth {
		l.fail("nested more than %d deep", MaxDepth)
		return
	}
	l.i++
	l.first = true
}

// Member gives the name of the next member, whose value must be read next; ok
// is false behind the last one. The name is valid until the next call.
func (l *Lexer) Member() (name string, ok bool) {
	if name, ok := l.quickMember(); ok {
		return name, true
	}
	if !l.more('}', "',' or '}'") {
		return "", false
	}
	if l.space() != '"' {
		l.want("a member's name in quotes")
		return "", false
	}
	name = l.String()
	if l.i < len(l.b) && l.b[l.i] == ':' {
		l.i++
		return name, true
	}
	if l.space() != ':' {
		l.want("':'")
		return "", false
	}
	l.i++
	return name, l.err == nil
}

// Name is the name of a member that is expected, which must need no escapes.
type Name struct {
	text string // with quotes and colon
	// first and last are the first and the last eight bytes of text, and lastAt is
	// where these are; of one that is shorter, first alone, as far as mask goes.
	first, last, mask uint64
	lastAt            int
	// room is how many bytes must be there, eight at least.
	room int
}

// NewName makes a name to expect.
func NewName(name string) Name {
	n := Name{text: `"` + name + `":`, mask: ^uint64(0)}
	var b [8]byte
	if k := copy(b[:], n.text); k < 8 {
		n.mask = 1<<(8*k) - 1
	}
	n.first = binary.LittleEndian.Uint64(b[:])
	n.last = n.first
	if n.lastAt = max(len(n.text)-8, 0); n.lastAt > 0 {
		n.last = binary.LittleEndian.Uint64([]byte(n.text[n.lastAt:]))
	}
	n.room = max(len(n.text), 8)
	return n
}

// Named reads the name of the next member if it is this one, and says whether
// it did; the value must be read next. It does not see names that have white
// space before or behind them, nor those at the very end of a text.
func (l *Lexer) Named(n *Name) bool {
	i := l.i
	if !l.first {
		i++ // the comma
	}
	if i+n.room > len(l.b) {
		return false
	}
	b, end := unsafe.SliceData(l.b), i+len(n.text)
	if !l.first && byteAt(b, l.i) != ',' {
		return false
	}
	if ((eightAt(b, i)^n.first)|(eightAt(b, i+n.lastAt)^n.last))&n.mask != 0 || len(n.text) > 16 && string(l.b[i:end]) != n.text {
		return false
	}
	l.i, l.first, l.dirty = end, false, l.nonchar
	return true
}

// Closed reads the end of an object if it is next, without white space before
// it, and says whether it did.
func (l *Lexer) Closed() bool {
	if l.i >= len(l.b) || l.b[l.i] != '}' {
		return false
	}
	l.i++
	l.first = false
	l.depth--
	return true
}

// quickMember is Member for texts that machines make: no white space and no
// escapes. It reads nothing where there is anything else.
func (l *Lexer) quickMember() (name string, ok bool) {
	b, i := l.b, l.i
	if !l.first {
		if i >= len(b) || b[i] != ',' {
			return "", false
		}
		i++
	}
	if i >= len(b) || b[i] != '"' {
		return "", false
	}
	start := i + 1
	j := l.plain(start)
	if j+1 >= len(b) || b[j] != '"' || b[j+1] != ':' {
		return "", false
	}
	l.i, l.first, l.dirty = j+2, false, l.nonchar
	return alias(b[start:j]), true
}

// Element says whether another element follows, which must be read next.
func (l *Lexer) Element() bool {
	if l.i < len(l.b) { // what machines write, without white space
		switch c := l.b[l.i]; {
		case c == ',' && !l.first:
			l.i++
			return true
		case c == ']':
			l.i++
			l.first = false
			l.depth--
			return false
		case c > ' ' && l.first:
			l.first = false
			return true
		}
	}
	return l.more(']', "',' or ']'")
}

func (l *Lexer) more(end byte, what string) bool {
	if l.err != nil {
		return false
	}
	c := l.space()
	if c == end {
		l.i++
		l.first = false
		l.depth--
		return false
	}
	if l.first {
		l.first = false
		if l.i >= len(l.b) {
			l.want(what)
			return false
		}
		return true
	}
	if c != ',' {
		l.want(what)
		return false
	}
	l.i++
	return true
}

// Bool reads true or false.
func (l *Lexer) Bool() bool {
	if l.space() == 't' {
		l.word("true")
		return l.err == nil
	}
	l.word("false")
	return false
}

// Nil says whether null, or nothing else that is a value, is next.
func (l *Lexer) Nil() bool {
	if l.i < len(l.b) && l.b[l.i] > ' ' { // as space has it, to be inlined
		return l.b[l.i] == 'n'
	}
	return l.skipSpace() == 'n'
}

// Null reads null.
func (l *Lexer) Null() {
	l.space()
	l.word("null")
}

func (l *Lexer) word(w string) {
	if l.err != nil {
		return
	}
	if len(l.b)-l.i < len(w) || string(l.b[l.i:l.i+len(w)]) != w {
		l.want(w)
		return
	}
	l.i += len(w)
}

// Number reads a number and gives its text as it stands.
func (l *Lexer) Number() string {
	l.space()
	b, start := l.b, l.i
	if l.i < len(b) && b[l.i] == '-' {
		l.i++
	}
	zero := l.i < len(b) && b[l.i] == '0'
	switch n := l.digits(); {
	case n == 0:
		return ""
	case zero && n > 1:
		l.i = start
		l.fail("a number may not start with 0")
		return ""
	}
	if l.i < len(b) && b[l.i] == '.' {
		l.i++
		if l.digits() == 0 {
			return ""
		}
	}
	if l.i < len(b) && b[l.i]|0x20 == 'e' {
		l.i++
		if l.i < len(b) && (b[l.i] == '+' || b[l.i] == '-') {
			l.i++
		}
		if l.digits() == 0 {
			return ""
		}
	}
	return alias(b[start:l.i])
}

// digits reads digits and says how many; none is a mistake.
func (l *Lexer) digits() int {
	start := l.i
	for l.i < len(l.b) && l.b[l.i]-'0' <= 9 {
		l.i++
	}
	if l.i == start {
		l.want("a digit")
		return 0
	}
	return l.i - start
}

// Skip reads any value and drops it.
func (l *Lexer) Skip() {
	switch l.Kind() {
	case Null:
		l.Null()
	case Bool:
		l.Bool()
	case Number:
		l.Number()
	case String:
		_ = l.String()
	case Array:
		for l.Array(); l.Element(); {
			l.Skip()
		}
	case Object:
		for l.Object(); ; {
			if _, ok := l.Member(); !ok {
				return
			}
			l.Skip()
		}
	default:
		if l.err == nil {
			l.want("a value")
		}
	}
}
