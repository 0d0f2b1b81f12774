package feed

import (
	"strings"
	"unicode/utf8"
)

// Text is a piece of text in one language. The zero language means that none
// was given; it is then taken for the catalog's default.
type Text struct {
	Lang  Language
	Value string
}

// Texts is the same text in several languages, in the order of the source;
// a language occurs once.
type Texts []Text

// Get gives the text in exactly this language.
func (ts Texts) Get(l Language) (string, bool) {
	for i := range ts {
		if ts[i].Lang == l {
			return ts[i].Value, true
		}
	}
	return "", false
}

// Pick gives the text in the first of the languages that is there, else the
// first text at all, else "".
func (ts Texts) Pick(langs []Language) string {
	for _, l := range langs {
		if v, ok := ts.Get(l); ok {
			return v
		}
	}
	if len(ts) > 0 {
		return ts[0].Value
	}
	return ""
}

// Set replaces or appends the text of one language.
func (ts Texts) Set(l Language, v string) Texts {
	for i := range ts {
		if ts[i].Lang == l {
			ts[i].Value = v
			return ts
		}
	}
	return append(ts, Text{l, v})
}

// Clean makes s fit for XML 1.0: invalid UTF-8 and characters outside the
// Char production are dropped and counted, CR LF and CR become LF. A clean
// string is returned as it is, without allocation.
func Clean(s string) (clean string, dropped int) {
	i := CleanPrefix(s)
	if i == len(s) {
		return s, 0
	}
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:i])
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\r':
			b.WriteByte('\n')
			if i+1 < len(s) && s[i+1] == '\n' {
				n = 2
			}
		case r == utf8.RuneError && n == 1, !IsXMLChar(r):
			dropped++
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String(), dropped
}

// IsClean says whether [Clean] would return s unchanged.
func IsClean(s string) bool { return CleanPrefix(s) == len(s) }

// IsXMLChar says whether XML 1.0 allows the character (production 2, Char).
func IsXMLChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' ||
		r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}
