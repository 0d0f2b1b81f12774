package admin

import (
	"html/template"
	"strings"
	"unicode/utf8"
)

// maxShownXML is how much of a node a page shows.
const maxShownXML = 100_000

// highlight writes a piece of XML as it stands, with its parts marked for the
// eye. Nothing of it becomes an element of the page: every character is escaped.
// cut says that not all of it is shown.
func highlight(xml string) (out template.HTML, cut bool) {
	if len(xml) > maxShownXML {
		n := maxShownXML
		for n > 0 && !utf8.RuneStart(xml[n]) {
			n--
		}
		xml, cut = xml[:n], true
	}
	var b strings.Builder
	b.Grow(len(xml) * 2)
	put := func(class, text string) {
		if text == "" {
			return
		}
		if class == "" {
			b.WriteString(template.HTMLEscapeString(text))
			return
		}
		b.WriteString(`<span class="`)
		b.WriteString(class)
		b.WriteString(`">`)
		b.WriteString(template.HTMLEscapeString(text))
		b.WriteString(`</span>`)
	}
	for xml != "" {
		if xml[0] != '<' {
			i := strings.IndexByte(xml, '<')
			if i < 0 {
				i = len(xml)
			}
			put("", xml[:i])
			xml = xml[i:]
			continue
		}
		var n int
		switch {
		case strings.HasPrefix(xml, "<!--"):
			n = upTo(xml, "-->")
			put("x-note", xml[:n])
		case strings.HasPrefix(xml, "<![CDATA["):
			n = upTo(xml, "]]>")
			put("x-text", xml[:n])
		default:
			n = tagEnd(xml)
			tag(put, xml[:n])
		}
		xml = xml[n:]
	}
	return template.HTML(b.String()), cut
}

// upTo gives the length of s up to and with an end, all of it where there is none.
func upTo(s, end string) int {
	if i := strings.Index(s, end); i >= 0 {
		return i + len(end)
	}
	return len(s)
}

// tagEnd gives the length of the tag that s begins with; ">" may stand in a value.
func tagEnd(s string) int {
	var quote byte
	for i := range len(s) {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return len(s)
}

// tag writes a tag: its name, and names and values of its attributes.
func tag(put func(class, text string), s string) {
	i := strings.IndexAny(s, " \t\r\n/>")
	if strings.HasPrefix(s, "</") {
		i = len(s)
	}
	if i <= 0 {
		i = len(s)
	}
	put("x-tag", s[:i])
	for s = s[i:]; s != ""; {
		q := strings.IndexAny(s, `"'`)
		if q < 0 {
			put("x-tag", s)
			return
		}
		put("x-name", s[:q])
		end := strings.IndexByte(s[q+1:], s[q])
		if end < 0 {
			put("x-value", s[q:])
			return
		}
		put("x-value", s[q:q+end+2])
		s = s[q+end+2:]
	}
}
