package admin

import (
	"html/template"
	"strings"

	"feedmill/feed/catalog"
	"feedmill/feed/pricing"
)

// notes tells remarks of an explanation that belong together.
func (s *speaker) notes(list []pricing.Note) string {
	var b strings.Builder
	for i, n := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(s.note(n))
	}
	return b.String()
}

// note tells one remark.
func (s *speaker) note(n pricing.Note) string {
	args := make([]any, len(n.Args))
	for i, a := range n.Args {
		switch a := a.(type) {
		case pricing.Number:
			args[i] = s.decimal(string(a))
		case pricing.NameKind:
			args[i] = s.word("rulefield", a)
		default:
			args[i] = a
		}
	}
	return s.T("note."+string(n.Code), args)
}

// teller tells what an import says in the language of a page. What it knows in
// English alone it marks as English.
func (s *speaker) teller(phrases *catalog.Phrases) func(text string) template.HTML {
	return func(text string) template.HTML {
		if s.lang == "en" {
			return template.HTML(template.HTMLEscapeString(text))
		}
		words, code := s.tell(phrases, text)
		if code == "" {
			return template.HTML(`<span lang="en">` + template.HTMLEscapeString(text) + `</span>`)
		}
		return template.HTML(template.HTMLEscapeString(words))
	}
}

// tell gives what an import says in the reader's language, and its code; the
// text as it is, and no code, where only English has it.
func (s *speaker) tell(phrases *catalog.Phrases, text string) (words, code string) {
	p, ok := phrases.Of(text)
	switch {
	case !ok:
		return text, ""
	case s.lang == "en":
		return text, p.Code
	}
	args := make([]any, len(p.Args))
	for i, a := range p.Args {
		args[i] = a
	}
	return s.T("told."+p.Code, args), p.Code
}

// said gives a message. What it quotes of a refusal is told in the reader's
// language as far as that has words for it.
func (s *speaker) said(phrases *catalog.Phrases, m said) string {
	switch m.Key {
	case "form.said", "form.said.hint", "form.said.line":
		args := make([]any, len(m.Args))
		for i, a := range m.Args {
			if text, ok := a.(string); ok {
				a, _ = s.tell(phrases, text)
			}
			args[i] = a
		}
		return s.T(m.Key, args)
	}
	return s.T(m.Key, m.Args)
}
