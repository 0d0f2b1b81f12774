package xmltok

import (
	"bytes"
	"strconv"
)

// readName returns the index after the name at p and the index of its first
// colon, or -1. An empty name is for the caller to complain about.
func (r *Reader) readName(p int) (after, colon int, st status) {
	buf, colon := r.buf, -1
	for {
		switch nameClass[buf[p]] {
		case nameStart, nameInner:
			p++
		case nameColon:
			if colon < 0 {
				colon = p
			}
			p++
		case nameWide:
			if p, st = r.readRune(p); st != done {
				return p, colon, st
			}
		default:
			if p >= r.end && !r.eof {
				return p, colon, short
			}
			return p, colon, done
		}
	}
}

// badName reports whether buf[p:after] is not a qualified name, and why.
func (r *Reader) badName(p, after, colon int, what string) bool {
	buf := r.buf
	if after == p {
		r.fail(CodeName, p, "%s expected, found %s", what, r.found(p))
		return true
	}
	if colon >= 0 {
		if IsNCName(buf[p:colon]) && IsNCName(buf[colon+1:after]) {
			return false
		}
	} else if IsNCName(buf[p:after]) {
		return false
	}
	r.fail(CodeName, p, "%s %q is not a valid name", what, clip(buf[p:after]))
	return true
}

// found names the character at p, the same however much of the document has
// been read.
func (r *Reader) found(p int) string {
	switch c := r.buf[p]; {
	case p >= r.end:
		return "the end of the document"
	case c >= 0x80:
		return "a character beyond ASCII"
	default:
		return strconv.Quote(string(rune(c)))
	}
}

func clip(b []byte) []byte { return b[:min(len(b), 60)] }

// readStart reads a start tag or an empty-element tag.
func (r *Reader) readStart() status {
	buf := r.buf
	begin := r.pos + 1
	p, colon, st := r.readName(begin)
	if st != done {
		return st
	}
	nameEnd := p
	if nameClass[buf[begin]] != nameStart || colon >= 0 {
		if r.badName(begin, nameEnd, colon, "element name") {
			return bad
		}
	} else if hasWide(buf[begin:nameEnd]) && r.badName(begin, nameEnd, colon, "element name") {
		return bad
	}
	if len(r.stack) == 0 && r.rooted {
		r.fail(CodeSecondRoot, r.pos, "a second root element <%s>", clip(buf[begin:nameEnd]))
		return bad
	}
	r.attrs = r.attrs[:0]
	r.declared = r.declared[:0]
	r.scratch = r.scratch[:0]
	var seen uint64 // one bit per rough hash of a local name
	empty := false
	for {
		blank := p
		for isSpace[buf[p]] {
			p++
		}
		if c := buf[p]; c == '>' {
			p++
			break
		} else if c == '/' {
			if p+1 >= r.end && !r.eof {
				return short
			}
			if buf[p+1] != '>' {
				r.fail(CodeSyntax, p, "'/' inside a tag must be followed by '>'")
				return bad
			}
			p += 2
			empty = true
			break
		} else if p >= r.end {
			return short
		}
		if blank == p {
			if len(r.attrs)+len(r.declared) == 0 {
				r.fail(CodeName, p, "unexpected %s in the name of an element", r.found(p))
			} else {
				r.fail(CodeAttr, p, "white space is missing before an attribute")
			}
			return bad
		}
		if p, st = r.readAttr(p, &seen); st != done {
			return st
		}
	}
	return r.enter(begin, nameEnd, colon, p, empty)
}

func hasWide(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

// enter enters the element whose tag has been read whole.
func (r *Reader) enter(begin, nameEnd, colon, p int, empty bool) status {
	if len(r.stack) >= r.lim.Depth {
		r.fail(CodeLimitDepth, r.tok, "elements are nested deeper than %d", r.lim.Depth)
		return bad
	}
	if r.elements++; r.elements > r.lim.Elements {
		r.fail(CodeLimitElems, r.tok, "the document has more than %d elements", r.lim.Elements)
		return bad
	}
	r.rooted = true
	top := open{off: len(r.names), bound: len(r.bound), deflt: r.deflt}
	if len(r.declared) > 0 && !r.declare() {
		return bad
	}
	raw := r.buf[begin:nameEnd]
	r.name = Name{Local: raw, Space: r.deflt}
	if colon >= 0 {
		prefix := r.buf[begin:colon]
		space, ok := r.Lookup(prefix)
		if !ok {
			r.fail(CodePrefix, begin, "namespace prefix %q is not declared", clip(prefix))
			return bad
		}
		r.name = Name{Prefix: prefix, Local: r.buf[colon+1 : nameEnd], Space: space}
		top.prefix = colon + 1 - begin
	}
	top.space = r.name.Space
	for i := range r.attrs {
		if a := &r.attrs[i]; len(a.Prefix) > 0 {
			space, ok := r.Lookup(a.Prefix)
			if !ok {
				r.fail(CodePrefix, r.tok+a.off, "namespace prefix %q is not declared", clip(a.Prefix))
				return bad
			}
			a.Space = space
		}
	}
	if !r.distinctSpaces() {
		return bad
	}
	r.names = append(r.names, raw...)
	r.stack = append(r.stack, top)
	r.closing = empty
	r.pos = p
	return done
}

// readAttr reads the attribute at p into r.attrs or r.declared.
func (r *Reader) readAttr(p int, seen *uint64) (int, status) {
	buf, begin := r.buf, p
	p, colon, st := r.readName(p)
	if st != done {
		return p, st
	}
	nameEnd := p
	if nameClass[buf[begin]] != nameStart || colon >= 0 || hasWide(buf[begin:nameEnd]) {
		if r.badName(begin, nameEnd, colon, "attribute name") {
			return p, bad
		}
	}
	for isSpace[buf[p]] {
		p++
	}
	if buf[p] != '=' {
		if p >= r.end {
			return p, short
		}
		r.fail(CodeAttr, p, "attribute %q has no value", clip(buf[begin:nameEnd]))
		return p, bad
	}
	p++
	for isSpace[buf[p]] {
		p++
	}
	quote := buf[p]
	if quote != '"' && quote != '\'' {
		if p >= r.end {
			return p, short
		}
		r.fail(CodeAttr, p, "the value of attribute %q is not quoted", clip(buf[begin:nameEnd]))
		return p, bad
	}
	value, p, st := r.readValue(p+1, quote)
	if st != done {
		return p, st
	}
	if len(r.attrs)+len(r.declared) >= r.lim.Attrs {
		r.fail(CodeLimitAttrs, begin, "an element has more than %d attributes", r.lim.Attrs)
		return p, bad
	}
	a := Attr{Name: Name{Local: buf[begin:nameEnd]}, Value: value, off: begin - r.tok}
	if colon >= 0 {
		a.Prefix, a.Local = buf[begin:colon], buf[colon+1:nameEnd]
	}
	if a.Local[0] == 'x' && string(a.Local) == "xmlns" && colon < 0 || string(a.Prefix) == "xmlns" {
		for i := range r.declared {
			if bytes.Equal(r.declared[i].Local, a.Local) && len(r.declared[i].Prefix) == len(a.Prefix) {
				return p, r.duplicate(&a)
			}
		}
		r.declared = append(r.declared, a)
		return p, done
	}
	// Two different names rarely share a bit, so most tags never compare.
	bit := uint64(1) << ((uint(a.Local[0]) ^ uint(a.Local[len(a.Local)-1])<<1 ^ uint(len(a.Local))<<3) & 63)
	if *seen&bit != 0 {
		for i := range r.attrs {
			if bytes.Equal(r.attrs[i].Local, a.Local) && bytes.Equal(r.attrs[i].Prefix, a.Prefix) {
				return p, r.duplicate(&a)
			}
		}
	}
	*seen |= bit
	r.attrs = append(r.attrs, a)
	return p, done
}

func (r *Reader) duplicate(a *Attr) status {
	r.fail(CodeAttrDup, r.tok+a.off, "attribute %q appears twice", clip([]byte(a.Name.String())))
	return bad
}

// readValue reads an attribute value from p up to the quote. White space
// becomes blanks and references are resolved (3.3.3); a value that needs
// neither is a slice of the buffer.
func (r *Reader) readValue(p int, quote byte) (value []byte, after int, st status) {
	buf, begin, mark := r.buf, p, p
	base := -1 // start of the value in scratch, once it is needed
	for {
		for !valueStop[buf[p]] {
			p++
		}
		switch c := buf[p]; {
		case c == quote:
			if base < 0 {
				return buf[begin:p:p], p + 1, done
			}
			r.scratch = append(r.scratch, buf[mark:p]...)
			return r.scratch[base:len(r.scratch):len(r.scratch)], p + 1, done
		case c == '"', c == '\'':
			p++
		case c >= 0x80:
			for buf[p] >= 0x80 {
				if p, st = r.readRune(p); st != done {
					return nil, p, st
				}
			}
		case c == '&', isSpace[c]:
			if base < 0 {
				base = len(r.scratch)
			}
			r.scratch = append(r.scratch, buf[mark:p]...)
			switch c {
			case '&':
				p, st = r.readReference(p)
			case '\r':
				p, st = r.readReturn(p, ' ')
			default:
				r.scratch = append(r.scratch, ' ')
				p++
			}
			if st != done {
				return nil, p, st
			}
			mark = p
		case c == '<':
			r.fail(CodeAttr, p, "'<' is not allowed in an attribute value; write \"&lt;\"")
			return nil, p, bad
		case p >= r.end:
			return nil, p, short
		default:
			return nil, p, r.control(p)
		}
	}
}

// readEnd reads an end tag, which must close the innermost element.
func (r *Reader) readEnd() status {
	buf, begin := r.buf, r.pos+2
	if len(r.stack) == 0 {
		r.fail(CodeTagMismatch, r.pos, "an end tag without a start tag")
		return bad
	}
	want := r.openName()
	p := begin + len(want)
	if p >= r.end {
		if !r.eof {
			return short
		}
		p = r.end
	}
	if !bytes.Equal(buf[begin:max(p, begin)], want) || nameClass[buf[p]] != nameStop {
		after, _, st := r.readName(begin)
		switch {
		case st == bad || st == short:
			return st
		case after >= r.end:
			return short
		}
		r.fail(CodeTagMismatch, r.pos, "</%s> found where </%s> is expected", clip(buf[begin:after]), clip(want))
		return bad
	}
	after := p
	for isSpace[buf[p]] {
		p++
	}
	if buf[p] != '>' {
		if p >= r.end {
			return short
		}
		r.fail(CodeSyntax, p, "unexpected %s in an end tag", r.found(p))
		return bad
	}
	top := &r.stack[len(r.stack)-1]
	r.name = Name{Local: buf[begin+top.prefix : after], Space: top.space}
	if top.prefix > 0 {
		r.name.Prefix = buf[begin : begin+top.prefix-1]
	}
	r.drop = true
	r.pos = p + 1
	return done
}
