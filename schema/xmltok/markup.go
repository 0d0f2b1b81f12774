package xmltok

import (
	"bytes"
)

// readBang reads what begins with "<!": a comment, a CDATA section, or the
// document type declaration that policy refuses.
func (r *Reader) readBang() (Kind, status) {
	const longest = len("<![CDATA[")
	head := r.buf[r.pos:min(r.pos+longest, r.end)]
	switch {
	case bytes.HasPrefix(head, []byte("<!--")):
		return r.readComment()
	case string(head) == "<![CDATA[":
		if len(r.stack) == 0 {
			r.fail(CodeOutside, r.pos, "a CDATA section outside the root element")
			return 0, bad
		}
		st := r.readDelimited(r.pos+longest, ']', "]]>")
		return CData, st
	case len(head) < longest && !r.eof:
		return 0, short
	case bytes.HasPrefix(head, []byte("<!DOCTYPE")) && !r.rooted:
		r.fail(CodeDoctype, r.pos, "a document type declaration is not accepted: remove <!DOCTYPE …>")
	default:
		r.fail(CodeSyntax, r.pos, "\"<!\" begins neither a comment nor a CDATA section")
	}
	return 0, bad
}

// readComment reads a comment; "--" may only end it (2.5).
func (r *Reader) readComment() (Kind, status) {
	st := r.readDelimited(r.pos+len("<!--"), '-', "--")
	if st != done {
		return 0, st
	}
	switch {
	case r.pos >= r.end && !r.eof:
		return 0, short
	case r.buf[r.pos] != '>':
		r.fail(CodeComment, r.pos-2, "\"--\" is not allowed inside a comment")
		return 0, bad
	}
	r.pos++
	return Comment, done
}

// readDelimited reads raw characters from p up to the delimiter, whose first
// byte is stop, and moves r.pos behind it.
func (r *Reader) readDelimited(p int, stop byte, delimiter string) status {
	buf, mark, dirty := r.buf, p, false
	begin := p
	r.space = 0
	for {
		p = scanUntil(buf, p, stop)
		switch c := buf[p]; {
		case c == stop:
			if p+len(delimiter) > r.end {
				return short // a delimiter cannot be complete
			}
			if string(buf[p:p+len(delimiter)]) != delimiter {
				p++
				continue
			}
			if dirty {
				r.scratch = append(r.scratch, buf[mark:p]...)
				r.text = r.scratch
			} else {
				r.text = buf[begin:p]
			}
			r.pos = p + len(delimiter)
			return done
		case c == '\n', c == '\t':
			p++
		case c >= 0x80:
			for buf[p] >= 0x80 {
				var st status
				if p, st = r.readRune(p); st != done {
					return st
				}
			}
		case c == '\r':
			if !dirty {
				r.scratch, dirty = r.scratch[:0], true
			}
			r.scratch = append(r.scratch, buf[mark:p]...)
			var st status
			if p, st = r.readReturn(p, '\n'); st != done {
				return st
			}
			mark = p
		case p >= r.end:
			return short
		default:
			return r.control(p)
		}
	}
}

// readInstruction reads a processing instruction (2.6). The XML declaration
// is not one: it is read once, by begin.
func (r *Reader) readInstruction() (Kind, status) {
	begin := r.pos + 2
	p, _, st := r.readName(begin)
	if st != done {
		return 0, st
	}
	target := r.buf[begin:p]
	if p == begin || !IsNCName(target) {
		r.fail(CodePI, begin, "a processing instruction needs a target name without a colon")
		return 0, bad
	}
	if bytes.EqualFold(target, []byte("xml")) {
		if string(target) == "xml" {
			r.fail(CodeDecl, r.pos, "the XML declaration is only allowed at the very beginning")
		} else {
			r.fail(CodePI, r.pos, "the processing instruction target %q is reserved", target)
		}
		return 0, bad
	}
	if isSpace[r.buf[p]] {
		for isSpace[r.buf[p]] {
			p++
		}
	} else if r.buf[p] != '?' && p < r.end {
		r.fail(CodePI, p, "white space must follow the target of a processing instruction")
		return 0, bad
	} else if p+1 < r.end && r.buf[p+1] != '>' {
		r.fail(CodePI, p, "white space must follow the target of a processing instruction")
		return 0, bad
	}
	st = r.readDelimited(p, '?', "?>")
	r.target = target
	return ProcInst, st
}

// begin handles byte order mark, encoding and XML declaration.
func (r *Reader) begin() bool {
	for r.end < 5 && r.more() {
		r.tok = 0 // the whole head counts as one token: nothing is dropped yet
	}
	if r.err != nil {
		return false
	}
	head := r.buf[:r.end]
	if name := foreignEncoding(head); name != "" {
		r.fail(CodeEncoding, 0, "the document is encoded in %s; only UTF-8 is accepted", name)
		return false
	}
	if bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")) {
		r.pos = 3
		r.base, r.lineAt = 0, 3 // the mark takes no column
		r.tok = 3
	}
	for r.end-r.pos < len("<?xml ") && r.more() {
		continue
	}
	if r.err != nil {
		return false
	}
	r.begun = true
	if rest := r.buf[r.pos:r.end]; len(rest) < 6 || string(rest[:5]) != "<?xml" || !isSpace[rest[5]] {
		return true
	}
	for {
		r.tok = r.pos
		stop := bytes.Index(r.buf[r.pos:r.end], []byte("?>"))
		other := bytes.IndexByte(r.buf[r.pos+1:r.end], '<')
		if stop >= 0 && (other < 0 || stop < other) {
			r.declaration(r.buf[r.pos+5:r.pos+stop], r.pos)
			r.pos += stop + 2
			return r.err == nil
		}
		if other >= 0 || !r.more() {
			r.fail(CodeDecl, r.pos, "the XML declaration is not closed by \"?>\"")
			return false
		}
	}
}

// foreignEncoding recognises, by its first bytes, a document that is not in
// an encoding which extends ASCII (XML 1.0, appendix F).
func foreignEncoding(head []byte) string {
	for _, known := range []struct{ bytes, name string }{
		{"\x00\x00\xFE\xFF", "UTF-32BE"}, {"\xFF\xFE\x00\x00", "UTF-32LE"},
		{"\xFE\xFF", "UTF-16BE"}, {"\xFF\xFE", "UTF-16LE"},
		{"\x00\x00\x00<", "UTF-32BE"}, {"<\x00\x00\x00", "UTF-32LE"},
		{"\x00<\x00", "UTF-16BE"}, {"<\x00", "UTF-16LE"},
		{"\x4C\x6F\xA7\x94", "EBCDIC"},
	} {
		if bytes.HasPrefix(head, []byte(known.bytes)) {
			return known.name
		}
	}
	return ""
}

// declaration checks the inside of the XML declaration (2.8): version, then
// optionally encoding, then optionally standalone.
func (r *Reader) declaration(s []byte, at int) {
	const (
		version = iota
		encoding
		standalone
		nothing
	)
	next := version
	for {
		trimmed := bytes.TrimLeft(s, " \t\r\n")
		if len(trimmed) == 0 {
			break
		}
		spaced := len(trimmed) < len(s)
		key, rest, found := bytes.Cut(trimmed, []byte("="))
		key = bytes.TrimRight(key, " \t\r\n")
		rest = bytes.TrimLeft(rest, " \t\r\n")
		if !spaced || !found || len(rest) < 2 || rest[0] != '"' && rest[0] != '\'' {
			r.fail(CodeDecl, at, "malformed XML declaration")
			return
		}
		value, after, found := bytes.Cut(rest[1:], rest[:1])
		if !found {
			r.fail(CodeDecl, at, "malformed XML declaration")
			return
		}
		s = after
		switch {
		case string(key) == "version" && next == version:
			next = encoding
			if string(value) != "1.0" {
				r.fail(CodeDecl, at, "XML version %.20q is not supported; only 1.0 is", value)
				return
			}
		case string(key) == "encoding" && next == encoding:
			next = standalone
			if bytes.EqualFold(value, []byte("US-ASCII")) {
				r.ascii = true
			} else if !bytes.EqualFold(value, []byte("UTF-8")) {
				r.fail(CodeEncoding, at, "the document declares the encoding %.40q; only \"UTF-8\", spelled so, is accepted", value)
				return
			}
		case string(key) == "standalone" && (next == encoding || next == standalone):
			next = nothing
			if string(value) != "yes" && string(value) != "no" {
				r.fail(CodeDecl, at, "standalone must be \"yes\" or \"no\"")
				return
			}
		default:
			r.fail(CodeDecl, at, "unexpected %.20q in the XML declaration", key)
			return
		}
	}
	if next == version {
		r.fail(CodeDecl, at, "the XML declaration has no version")
	}
}
