package xmltok

import (
	"bytes"
	"unicode/utf8"
)

// readText reads character data up to the next '<' or the end.
func (r *Reader) readText() (Kind, status) {
	buf, p := r.buf, r.pos
	for c := buf[p]; c == ' ' || c == '\n' || c == '\t'; c = buf[p] {
		p++
	}
	if buf[p] == '<' { // indentation, by far the most common text
		r.text, r.space = buf[r.tok:p], 1
		r.pos = p
		if len(r.stack) == 0 {
			return 0, done
		}
		return Text, done
	}
	if len(r.stack) == 0 {
		return 0, r.readOutside(p)
	}
	r.space = -1
	mark, dirty := r.tok, false
	for {
		p = scanText(buf, p)
		switch c := buf[p]; {
		case c == '<':
			if dirty {
				r.scratch = append(r.scratch, buf[mark:p]...)
				r.text, r.space = r.scratch, 0
			} else {
				r.text = buf[r.tok:p]
			}
			r.pos = p
			return Text, done
		case c == '\n', c == '\t':
			p++
		case c >= 0x80:
			for buf[p] >= 0x80 {
				var st status
				if p, st = r.readRune(p); st != done {
					return 0, st
				}
			}
		case c == '\r', c == '&':
			if !dirty {
				r.scratch, dirty = r.scratch[:0], true
			}
			r.scratch = append(r.scratch, buf[mark:p]...)
			var st status
			if c == '&' {
				p, st = r.readReference(p)
			} else {
				p, st = r.readReturn(p, '\n')
			}
			if st != done {
				return 0, st
			}
			mark = p
		case c == ']':
			if p+2 >= r.end && !r.eof {
				return 0, short
			}
			if buf[p+1] == ']' && buf[p+2] == '>' {
				r.fail(CodeCDataEnd, p, "\"]]>\" is not allowed in text; write \"]]&gt;\"")
				return 0, bad
			}
			p++
		case p >= r.end: // the end of the document cannot end text inside an element
			return 0, short
		default:
			return 0, r.control(p)
		}
	}
}

// readOutside handles what is not markup before or after the root: only white
// space is allowed. p is the first byte that is not a plain blank.
func (r *Reader) readOutside(p int) status {
	for isSpace[r.buf[p]] {
		p++
	}
	switch c := r.buf[p]; {
	case c == '<':
		r.pos = p
		return done
	case p >= r.end:
		if !r.eof {
			return short
		}
		r.tok, r.pos = p, p
		return short // nothing left: the caller finds the end
	case c < 0x20:
		return r.control(p)
	case r.rooted:
		r.fail(CodeOutside, p, "text after the end of the root element")
	default:
		r.fail(CodeOutside, p, "text before the root element")
	}
	return bad
}

// control reports the control character at p.
func (r *Reader) control(p int) status {
	r.fail(CodeChar, p, "character U+%04X is not allowed in XML", r.buf[p])
	return bad
}

// readReturn appends what the carriage return at p, and the line feed that
// may follow it, stand for (2.11).
func (r *Reader) readReturn(p int, as byte) (int, status) {
	if p+1 >= r.end && !r.eof {
		return p, short
	}
	r.scratch = append(r.scratch, as)
	if r.buf[p+1] == '\n' {
		return p + 2, done
	}
	return p + 1, done
}

// readReference appends what the reference at p stands for.
func (r *Reader) readReference(p int) (int, status) {
	const longest = 64 // more than any reference that can be right, leading zeros included
	ref := r.buf[p+1 : min(p+1+longest, r.end)]
	semi := bytes.IndexByte(ref, ';')
	if semi < 0 {
		if len(ref) < longest && !r.eof {
			return p, short
		}
		r.fail(CodeEntity, p, "'&' does not begin a reference; write \"&amp;\"")
		return p, bad
	}
	ref = ref[:semi]
	after := p + semi + 2
	switch string(ref) {
	case "amp":
		r.scratch = append(r.scratch, '&')
		return after, done
	case "lt":
		r.scratch = append(r.scratch, '<')
		return after, done
	case "gt":
		r.scratch = append(r.scratch, '>')
		return after, done
	case "quot":
		r.scratch = append(r.scratch, '"')
		return after, done
	case "apos":
		r.scratch = append(r.scratch, '\'')
		return after, done
	}
	if len(ref) > 0 && ref[0] == '#' {
		c, ok := charRef(ref[1:])
		if !ok {
			r.fail(CodeCharRef, p, "malformed character reference %.20q", r.buf[p:after])
			return p, bad
		}
		if !isChar(c) {
			r.fail(CodeCharRef, p, "reference %.20q to a character that is not allowed in XML", r.buf[p:after])
			return p, bad
		}
		r.scratch = utf8.AppendRune(r.scratch, c)
		return after, done
	}
	if !IsNCName(ref) {
		r.fail(CodeEntity, p, "'&' does not begin a reference; write \"&amp;\"")
	} else {
		r.fail(CodeEntity, p, "entity %.40q is not defined; only amp, lt, gt, quot and apos are", r.buf[p:after])
	}
	return p, bad
}

// charRef reads the digits of a character reference, "65" or "x41".
func charRef(digits []byte) (rune, bool) {
	radix := rune(10)
	if len(digits) > 0 && digits[0] == 'x' {
		radix, digits = 16, digits[1:]
	}
	var c rune
	for _, d := range digits {
		var v rune
		switch {
		case d >= '0' && d <= '9':
			v = rune(d - '0')
		case radix == 16 && d >= 'a' && d <= 'f':
			v = rune(d-'a') + 10
		case radix == 16 && d >= 'A' && d <= 'F':
			v = rune(d-'A') + 10
		default:
			return 0, false
		}
		if c = c*radix + v; c > utf8.MaxRune {
			c = utf8.MaxRune + 1 // stays out of range, cannot overflow
		}
	}
	return c, len(digits) > 0
}
