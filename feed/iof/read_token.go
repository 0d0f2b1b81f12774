package iof

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"feedmill/feed"
	"feedmill/schema/xmltok"
)

// arena keeps strings in large pieces that are written once, so that strings
// cost an allocation by the piece and stay valid for as long as somebody holds
// them.
type arena struct{ free []byte }

const arenaPiece = 32 << 10

// string gives b as a string that lives on.
func (a *arena) string(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > arenaPiece/4 {
		return string(b)
	}
	if len(b) > cap(a.free)-len(a.free) {
		a.free = make([]byte, 0, arenaPiece)
	}
	n := len(a.free)
	a.free = append(a.free, b...)
	return unsafe.String(&a.free[n], len(b))
}

// view gives b as a string for a call that does not keep it.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// isExtension says whether a name belongs to the extensions (IOF 3): by its
// namespace, or by the prefix that importers take literally.
func isExtension(n xmltok.Name) bool {
	return n.Space == nsExtensions || string(n.Prefix) == "iaiext"
}

// isCore says whether a name is one of IOF's own: without namespace, in that
// of the root, or in the one of 2.x files.
func (r *Reader) isCore(n xmltok.Name) bool {
	return (n.Space == "" || n.Space == r.core || n.Space == nsIOF) && !isExtension(n)
}

// isLang says whether an attribute is xml:lang.
func isLang(a *xmltok.Attr) bool {
	return a.Space == xmltok.XMLNamespace && string(a.Local) == "lang"
}

// child goes on to the next child of the current element, and is false at its
// end. Whoever gets a child reads it up to its end.
func (r *Reader) child() bool {
	for r.err == nil {
		kind, err := r.t.Next()
		if err != nil {
			r.fatal(err)
			return false
		}
		switch kind {
		case xmltok.StartElement:
			return r.within()
		case xmltok.EndElement:
			return false
		}
	}
	return false
}

// within holds a product to its limits.
func (r *Reader) within() bool {
	if r.id == "" {
		return true
	}
	if n := r.t.Elements() - r.elements; r.opt.ProductElements > 0 && n > r.opt.ProductElements {
		r.err = feed.Errorf(feed.KindInvalid, "read offer: line %d: product %.40q has more than %d elements", r.t.Pos().Line, r.id, r.opt.ProductElements)
	} else if n := r.t.Offset() - r.start; r.opt.ProductBytes > 0 && n > r.opt.ProductBytes {
		r.err = feed.Errorf(feed.KindInvalid, "read offer: line %d: product %.40q is longer than %d bytes", r.t.Pos().Line, r.id, r.opt.ProductBytes)
	}
	return r.err == nil
}

// skip reads the current element up to its end.
func (r *Reader) skip() {
	if r.err != nil {
		return
	}
	if err := r.t.Skip(); err != nil {
		r.fatal(err)
		return
	}
	r.within()
}

// string keeps a value as it is. A carriage return can only come from a
// character reference and becomes a line feed like any other.
func (r *Reader) string(v []byte) string {
	s := r.arena.string(v)
	if strings.IndexByte(s, '\r') >= 0 {
		s, _ = feed.Clean(s)
	}
	return s
}

// trimmed keeps a value without the white space around it, as ids, codes,
// numbers and enumerations are meant.
func (r *Reader) trimmed(v []byte) string { return r.string(bytes.TrimSpace(v)) }

// set keeps the value of an attribute; the iaiext twin of one that was given
// does not replace it.
func (r *Reader) set(dst *string, a *xmltok.Attr) {
	if *dst == "" || !isExtension(a.Name) {
		*dst = r.string(a.Value)
	}
}

// setTrimmed is set for values whose outer white space means nothing.
func (r *Reader) setTrimmed(dst *string, a *xmltok.Attr) {
	if *dst == "" || !isExtension(a.Name) {
		*dst = r.trimmed(a.Value)
	}
}

// int reads a whole number; "" is absent, and so is what is none.
func (r *Reader) int(field string, dst *feed.Int, v []byte) {
	v = bytes.TrimSpace(v)
	if len(v) == 0 {
		return
	}
	if dot := bytes.IndexByte(v, '.'); dot > 0 && len(bytes.Trim(v[dot+1:], "0")) == 0 {
		v = v[:dot]
	}
	n, err := strconv.ParseInt(view(v), 10, 32)
	if err != nil {
		r.warn(field, fmt.Sprintf("%.40q is not a whole number", v))
		return
	}
	*dst = feed.IntOf(int32(n))
}

// flag reads yes, y, no or n in either case.
func (r *Reader) flag(field string, dst *feed.Flag, a *xmltok.Attr) {
	if *dst != feed.FlagUnset && isExtension(a.Name) {
		return
	}
	f, err := feed.ParseFlag(strings.ToLower(view(bytes.TrimSpace(a.Value))))
	if err != nil {
		r.warn(field, fmt.Sprintf("%.40q is neither yes nor no", a.Value))
		return
	}
	*dst = f
}

// language reads a language code; "" is the zero language, and so is what is none.
func (r *Reader) language(field string, v []byte) feed.Language {
	if l, ok := r.langs[view(v)]; ok {
		return l
	}
	s := string(bytes.TrimSpace(v))
	var l feed.Language
	if s != "" && s != "und" { // ISO 639-2 for undetermined
		var err error
		if l, err = feed.ParseLanguage(s); err != nil && r.once("language "+s) {
			r.warn(field, err.Error())
		}
	}
	if len(r.langs) < maxWarned {
		r.langs[string(v)] = l
	}
	return l
}

// langOf gives the language of an element: its xml:lang, else the file's.
func (r *Reader) langOf(field string) feed.Language {
	for i := range r.t.Attrs() {
		if a := &r.t.Attrs()[i]; isLang(a) {
			return r.language(field, a.Value)
		}
	}
	return r.head.Language
}

// addText adds the text of the current element to ts. A second text in a
// language is left out.
func (r *Reader) addText(ts *feed.Texts, field string) {
	lang := r.langOf(field)
	r.addName(ts, lang, r.text(), field)
}

// addName adds a text that is not empty, in a language that is not there yet.
func (r *Reader) addName(ts *feed.Texts, lang feed.Language, s, field string) {
	if s == "" {
		return
	}
	if have, ok := ts.Get(lang); ok {
		if have != s {
			r.warn(field, "a second text in language "+orNone(lang)+" was ignored")
		}
		return
	}
	*ts = append(*ts, feed.Text{Lang: lang, Value: s})
}

func orNone(l feed.Language) string {
	if l.IsZero() {
		return "(none)"
	}
	return l.String()
}

// text reads the current element up to its end and gives its text. CDATA
// sections are kept as they are; white space around plain text, or around
// sections, is not text. Elements inside are taken for markup that somebody
// forgot to escape, and kept as written.
func (r *Reader) text() string {
	r.buf = r.buf[:0]
	sections, markup := false, false
	for r.err == nil {
		kind, err := r.t.Next()
		if err != nil {
			r.fatal(err)
			break
		}
		switch kind {
		case xmltok.EndElement:
			return r.textOf(sections)
		case xmltok.CData:
			if !sections && len(bytes.TrimSpace(r.buf)) == 0 {
				r.buf = r.buf[:0]
			}
			sections = true
			r.buf = append(r.buf, r.t.Text()...)
		case xmltok.Text:
			switch {
			case markup:
				r.buf = append(r.buf, r.t.Raw()...)
			case !sections || !r.t.IsSpace():
				r.buf = append(r.buf, r.t.Text()...)
			}
		case xmltok.StartElement:
			if !markup && !sections {
				r.buf = appendPlain(nil, string(r.buf))
			}
			markup = true
			raw, err := r.t.Subtree()
			if err != nil {
				r.fatal(err)
				return ""
			}
			r.buf = append(r.buf, raw...)
		}
		if !r.within() {
			break
		}
	}
	return ""
}

func (r *Reader) textOf(sections bool) string {
	if sections {
		return r.string(r.buf)
	}
	return r.string(bytes.TrimSpace(r.buf))
}

// verbatim reads the current element up to its end and appends it to dst as
// written, except that prefixes become the ones that IOF knows and namespace
// declarations go. ok is false when it uses a namespace that has no prefix
// here, or when the file ended.
func (r *Reader) verbatim(dst []byte) (xml []byte, ok bool) {
	ok = true
	for depth, kind := 0, xmltok.StartElement; ; {
		raw := r.t.Raw()
		switch kind {
		case xmltok.StartElement:
			depth++
			dst, ok = r.appendTag(dst, ok)
			if bytes.HasSuffix(raw, []byte("/>")) {
				dst = append(dst, "/>"...)
			} else {
				dst = append(dst, '>')
			}
		case xmltok.EndElement:
			depth--
			if bytes.HasPrefix(raw, []byte("</")) {
				dst = append(dst, "</"...)
				dst, ok = r.appendName(dst, r.t.Name(), ok)
				dst = append(dst, '>')
			}
			if depth == 0 {
				return dst, ok
			}
		case xmltok.Text, xmltok.CData, xmltok.Comment:
			dst = append(dst, raw...)
		}
		var err error
		if kind, err = r.t.Next(); err != nil {
			r.fatal(err)
			return dst, false
		}
		if !r.within() {
			return dst, false
		}
	}
}

// appendName writes a name with the prefix that IOF has for its namespace.
func (r *Reader) appendName(dst []byte, n xmltok.Name, ok bool) ([]byte, bool) {
	switch {
	case isExtension(n):
		dst = append(dst, "iaiext:"...)
	case n.Space == xmltok.XMLNamespace:
		dst = append(dst, "xml:"...)
	case !r.isCore(n):
		ok = false
	}
	return append(dst, n.Local...), ok
}

// appendTag writes a start tag up to its closing bracket.
func (r *Reader) appendTag(dst []byte, ok bool) ([]byte, bool) {
	dst = append(dst, '<')
	dst, ok = r.appendName(dst, r.t.Name(), ok)
	for i := range r.t.Attrs() {
		a := &r.t.Attrs()[i]
		dst = append(dst, ' ')
		dst, ok = r.appendName(dst, a.Name, ok)
		dst = append(dst, `="`...)
		dst = appendEscaped(dst, view(a.Value))
		dst = append(dst, '"')
	}
	return dst, ok
}

// decimal gives a number with a decimal point, where a comma is taken for one.
func (r *Reader) decimal(v []byte) []byte {
	v = bytes.TrimSpace(v)
	if i := bytes.IndexByte(v, ','); i >= 0 && bytes.Count(v, []byte(",")) == 1 && bytes.IndexByte(v, '.') < 0 {
		r.buf = append(r.buf[:0], v...)
		r.buf[i] = '.'
		return r.buf
	}
	return v
}

// grow gives one element more in the memory of s, emptied by reset, which may
// keep memory of its own.
func grow[T any](s []T, reset func(*T)) []T {
	if len(s) == cap(s) {
		s = slices.Grow(s, 1)
	}
	s = s[:len(s)+1]
	reset(&s[len(s)-1])
	return s
}
