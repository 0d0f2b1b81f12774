package iof

import (
	"slices"

	"feedmill/feed"
)

// languages says which texts are written and in which order (CONSUMERS 8).
type languages struct {
	// order are the languages that are asked for, the recipient's default first.
	order []feed.Language
	// rest writes every other language too, in the order of the source.
	rest bool
	// untagged is the language of texts that name none; it may be zero.
	untagged feed.Language
}

func newLanguages(p *feed.Profile, opt *Options) languages {
	l := languages{untagged: opt.DefaultLanguage}
	l.order = slices.Clone(p.Languages)
	if len(l.order) == 0 {
		l.rest = true
		if !opt.DefaultLanguage.IsZero() {
			l.order = append(l.order, opt.DefaultLanguage)
		}
		for _, o := range opt.Languages {
			if !o.IsZero() && !slices.Contains(l.order, o) {
				l.order = append(l.order, o)
			}
		}
	}
	if p.Dialect.SingleLanguage {
		l.order, l.rest = l.order[:min(len(l.order), 1)], false
	}
	return l
}

// main gives the code of the language of the file: the recipient's default,
// else the catalog's, else "und", which ISO 639-2 has for the purpose.
func (l *languages) main() string {
	switch {
	case len(l.order) > 0:
		return l.order[0].String()
	case !l.untagged.IsZero():
		return l.untagged.String()
	}
	return "und"
}

// of gives the language of a text.
func (l *languages) of(t feed.Language) feed.Language {
	if t.IsZero() {
		return l.untagged
	}
	return t
}

// find gives the place of the first text of a language that is not empty, or -1.
func (l *languages) find(ts feed.Texts, lang feed.Language) int {
	for i := range ts {
		if l.of(ts[i].Lang) == lang && hasText(ts[i].Value) {
			return i
		}
	}
	return -1
}

// pick gives the one text for a place that has room for one: the first of the
// languages that are asked for, else the first there is; ok is false when
// there is none.
func (l *languages) pick(ts feed.Texts) (lang feed.Language, text string, ok bool) {
	for _, o := range l.order {
		if i := l.find(ts, o); i >= 0 {
			return o, ts[i].Value, true
		}
	}
	for i := range ts {
		if hasText(ts[i].Value) {
			return l.of(ts[i].Lang), ts[i].Value, true
		}
	}
	return feed.Language{}, "", false
}

// cursor is a place on the way through the texts that are written.
type cursor struct {
	at   int
	some bool
}

// next gives one text after the other: those of the languages that are asked
// for, then the rest if wanted. A text is never left out in every language: if
// nothing was found so, the first there is comes with its true language.
func (l *languages) next(ts feed.Texts, c *cursor) (lang feed.Language, text string, ok bool) {
	for ; c.at < len(l.order); c.at++ {
		if i := l.find(ts, l.order[c.at]); i >= 0 {
			lang, text = l.order[c.at], ts[i].Value
			c.at++
			c.some = true
			return lang, text, true
		}
	}
	if l.rest || !c.some {
		for i := c.at - len(l.order); i < len(ts); i++ {
			lang = l.of(ts[i].Lang)
			if l.find(ts, lang) != i || slices.Contains(l.order, lang) {
				continue
			}
			c.at = len(l.order) + i + 1
			if !l.rest {
				c.at = len(l.order) + len(ts)
			}
			c.some = true
			return lang, ts[i].Value, true
		}
	}
	return feed.Language{}, "", false
}

// asTheyStand says that next gives all texts in the order that they have. It may
// say so of fewer than there are, not of more: one text, or the language that is
// asked for first and behind it others, each once.
func (l *languages) asTheyStand(ts feed.Texts) bool {
	if len(ts) > 1 && (!l.rest || len(l.order) > 1 || len(l.order) == 1 && l.of(ts[0].Lang) != l.order[0]) {
		return false
	}
	for i := range ts {
		if !hasText(ts[i].Value) {
			return false
		}
		for j := range i {
			if l.of(ts[j].Lang) == l.of(ts[i].Lang) {
				return false
			}
		}
	}
	return true
}

// appendLang writes xml:lang; there is none for the zero language.
func appendLang(dst []byte, l feed.Language) []byte {
	if l.IsZero() {
		return dst
	}
	code := l.String() // of three letters, as all of ISO 639-2
	dst = append(dst, ` xml:lang="`...)
	return append(dst, code[0], code[1], code[2], '"')
}

// appendText writes the text of an element in the style of the dialect.
func (w *Writer) appendText(dst []byte, s string) []byte {
	if w.dialect.EscapedText {
		return appendPlain(dst, s)
	}
	return appendCDATA(dst, s)
}

// appendTextNode writes an element that holds a text.
func (w *Writer) appendTextNode(dst []byte, tag string, lang feed.Language, s string) []byte {
	dst = append(dst, '<')
	dst = append(dst, tag...)
	dst = appendLang(dst, lang)
	dst = append(dst, '>')
	dst = w.appendText(dst, s)
	dst = append(dst, "</"...)
	dst = append(dst, tag...)
	return append(dst, '>')
}

// appendTexts writes an element for each text.
func (w *Writer) appendTexts(dst []byte, tag string, ts feed.Texts) []byte {
	if w.lang.asTheyStand(ts) {
		for i := range ts {
			dst = w.appendTextNode(dst, tag, w.lang.of(ts[i].Lang), ts[i].Value)
		}
		return dst
	}
	for c := (cursor{}); ; {
		lang, s, ok := w.lang.next(ts, &c)
		if !ok {
			return dst
		}
		dst = w.appendTextNode(dst, tag, lang, s)
	}
}
