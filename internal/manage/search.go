package manage

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"feedmill/feed"
	"feedmill/feed/record"
)

// Folded writes a text as people search for it: in whatever case, with letters
// instead of those that no keyboard at hand has, and one blank for many. What is
// searched and what is searched for are both folded.
func Folded(text string) string { return string(appendFolded(nil, text)) }

// SortByName sorts as people look for names: in whatever case, and with letters
// that have an accent among those that have none.
func SortByName[T any](list []T, name func(*T) string) {
	keyed := make([]struct {
		key string
		one T
	}, len(list))
	for i := range list {
		keyed[i].key, keyed[i].one = Folded(name(&list[i])), list[i]
	}
	slices.SortStableFunc(keyed, func(a, b struct {
		key string
		one T
	}) int {
		return strings.Compare(a.key, b.key)
	})
	for i := range keyed {
		list[i] = keyed[i].one
	}
}

// appendFolded appends a text as [Folded] writes it.
func appendFolded(dst []byte, text string) []byte {
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf && c != ' ' {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if whole := norm.NFD.PropertiesString(text[i:]).Decomposition(); whole != nil {
			for len(whole) > 0 {
				part, n := utf8.DecodeRune(whole)
				dst = appendPlain(dst, part)
				whole = whole[n:]
			}
		} else {
			dst = appendPlain(dst, r)
		}
		i += size
	}
	return dst
}

// appendPlain appends a letter that is made of no others, and nothing for an accent.
func appendPlain(dst []byte, r rune) []byte {
	switch r = unicode.ToLower(r); r {
	case 'ł':
		r = 'l'
	case 'ø':
		r = 'o'
	case 'đ':
		r = 'd'
	case 'ı':
		r = 'i'
	case 'ς':
		r = 'σ'
	case 'ß':
		return append(dst, "ss"...)
	case ' ', '\u00a0', '\u202f': // as people, tables and web pages write it
		if len(dst) > 0 && dst[len(dst)-1] == ' ' {
			return dst
		}
		r = ' '
	}
	if unicode.Is(unicode.Mn, r) {
		return dst
	}
	return utf8.AppendRune(dst, r)
}

// Sought is what texts are searched for, written as [Folded] tells. It keeps
// memory from one text to the next, so that it is not for many at once.
type Sought struct {
	whole   []byte
	words   [][]byte
	text    []byte
	decoder record.Decoder
	product feed.Product
}

// NewSought makes what is searched for of what somebody has typed.
func NewSought(query string) *Sought {
	words := bytes.Fields(appendFolded(nil, query))
	return &Sought{whole: bytes.Join(words, []byte(" ")), words: words}
}

// In says whether a text has in it what is searched for as it was typed, or
// words that begin with its words, in any order.
func (q *Sought) In(text string) bool {
	q.text = appendFolded(q.text[:0], text)
	if bytes.Contains(q.text, q.whole) {
		return true
	}
	for _, word := range q.words {
		if !begins(q.text, word) {
			return false
		}
	}
	return true
}

// begins says whether a word of a text begins so.
func begins(text, word []byte) bool {
	for at := 0; ; at++ {
		next := bytes.Index(text[at:], word)
		if next < 0 {
			return false
		}
		if at += next; at == 0 || text[at-1] < utf8.RuneSelf && !('a' <= text[at-1] && text[at-1] <= 'z' || '0' <= text[at-1] && text[at-1] <= '9') {
			return true
		}
	}
}

// inDocument says whether a stored product has in one of its names what is searched for. Of
// the document no more is read than that takes.
func (q *Sought) inDocument(doc []byte) (bool, error) {
	if len(q.whole) == 0 {
		return true, nil
	}
	if err := q.decoder.DecodeNames(doc, &q.product); err != nil {
		return false, err
	}
	for _, t := range q.product.Names {
		if q.In(t.Value) {
			return true, nil
		}
	}
	return false, nil
}
