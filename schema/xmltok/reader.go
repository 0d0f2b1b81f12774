package xmltok

import (
	"io"
	"slices"
	"unicode/utf8"
)

// Kind is the kind of a token.
type Kind uint8

// The kinds of tokens. An empty-element tag gives a StartElement and an
// EndElement. White space outside the root is not reported.
const (
	StartElement Kind = iota + 1
	EndElement
	Text     // character data; references resolved
	CData    // one CDATA section
	Comment  // Text gives what is between "<!--" and "-->"
	ProcInst // Target gives the target, Text the rest
)

// Name is the name of an element or an attribute.
type Name struct {
	Prefix []byte // as written; empty without one
	Local  []byte
	Space  string // namespace name; empty for none
}

// Is reports whether the name has the given namespace and local part.
func (n Name) Is(space, local string) bool {
	return string(n.Local) == local && n.Space == space
}

// String gives the name as written, with its prefix.
func (n Name) String() string {
	if len(n.Prefix) == 0 {
		return string(n.Local)
	}
	return string(n.Prefix) + ":" + string(n.Local)
}

// Attr is an attribute other than a namespace declaration.
type Attr struct {
	Name
	Value []byte // references resolved, white space normalised as for CDATA attributes

	off int // from the start of the tag
}

// Reader reads the tokens of one document. It is not safe for concurrent use.
type Reader struct {
	src io.Reader
	lim Limits

	buf      []byte // data in [0,end), then pad zero bytes
	pos, end int
	tok      int   // first byte of the current token
	mark     int   // first byte of the capture, or -1
	base     int64 // document offset of buf[0]
	eof      bool
	err      error

	lineAt, line, column int // line and column of buf[lineAt]

	begun, rooted, ascii bool
	elements             int64
	stack                []open
	names                []byte // raw names of the open elements, end to end
	closing              bool   // an empty-element tag still owes its EndElement
	drop                 bool   // the last token was an EndElement: pop it first
	kind                 Kind
	name                 Name
	attrs                []Attr
	text                 []byte
	target               []byte
	space                int8 // whether text is white space: 0 unknown, 1 yes, -1 no
	scratch              []byte

	bound    []binding
	declared []Attr // namespace declarations of the current tag
	strings  map[string]string
	deflt    string // default namespace in scope
}

// open is an element whose end tag has not been read.
type open struct {
	off, prefix int // raw name in names; length of its prefix with colon
	bound       int // length of bound outside the element
	space       string
	deflt       string
}

// NewReader returns a Reader of the document in src.
func NewReader(src io.Reader, lim Limits) *Reader {
	r := &Reader{lim: lim.withDefaults()}
	r.Reset(src)
	return r
}

// Reset starts over with another document, keeping limits and buffers.
func (r *Reader) Reset(src io.Reader) {
	buf, names, scratch := r.buf, r.names[:0], r.scratch[:0]
	if len(buf) < firstBuffer || len(buf) > 16*firstBuffer {
		buf = make([]byte, firstBuffer)
	}
	clear(buf[:pad])
	*r = Reader{src: src, lim: r.lim, buf: buf, mark: -1, line: 1, column: 1,
		names: names, scratch: scratch, stack: r.stack[:0], attrs: r.attrs[:0],
		declared: r.declared[:0], bound: append(r.bound[:0], binding{"xml", XMLNamespace}),
		strings: r.strings}
	if r.strings == nil {
		r.strings = make(map[string]string)
	}
}

// Next reads the next token. It returns io.EOF after the end of a well-formed
// document, an *Error when the document is not acceptable, and any other error
// when the underlying reader failed. An error is final.
func (r *Reader) Next() (Kind, error) {
	kind, err := r.next()
	r.kind = kind
	return kind, err
}

func (r *Reader) next() (Kind, error) {
	if r.drop {
		r.pop()
	}
	if r.err != nil {
		return 0, r.err
	}
	if r.closing {
		r.closing, r.drop = false, true
		return EndElement, nil
	}
	if !r.begun {
		if !r.begin() {
			return 0, r.err
		}
	}
	for {
		r.tok = r.pos
		kind, st := r.token()
		switch st {
		case done:
			if r.pos-r.tok > r.lim.Token {
				r.fail(CodeLimitToken, r.tok, "a tag, text or comment exceeds %d bytes", r.lim.Token)
				return 0, r.err
			}
			if kind != 0 {
				return kind, nil
			}
		case short:
			r.pos = r.tok
			if r.more() {
				continue
			}
			if r.err == nil {
				r.unfinished()
			}
			return 0, r.err
		default:
			return 0, r.err
		}
	}
}

// status says how an attempt to read something from the buffer went.
type status uint8

const (
	done  status = iota
	short        // the buffer ends too early: read more and start the token over
	bad          // r.err is set
)

// token reads one token from r.pos. Kind 0 stands for something not reported.
func (r *Reader) token() (Kind, status) {
	buf, p := r.buf, r.pos
	if buf[p] != '<' {
		return r.readText()
	}
	switch c := buf[p+1]; c {
	case '/':
		return EndElement, r.readEnd()
	case '!':
		return r.readBang()
	case '?':
		return r.readInstruction()
	default:
		return StartElement, r.readStart()
	}
}

// unfinished sets the error for a document that ends too early, or io.EOF.
func (r *Reader) unfinished() {
	switch {
	case r.tok < r.end:
		r.fail(CodeUnclosed, r.end, "the document ends inside markup that began at line %d", r.posAt(r.tok).Line)
	case len(r.stack) > 0:
		r.fail(CodeUnclosed, r.end, "the document ends before </%s>", r.openName())
	case !r.rooted:
		r.fail(CodeEmpty, r.end, "the document has no root element")
	default:
		r.err = io.EOF
	}
}

// openName gives the raw name of the innermost open element.
func (r *Reader) openName() []byte {
	return r.names[r.stack[len(r.stack)-1].off:]
}

// pop forgets the innermost element after its EndElement was reported.
func (r *Reader) pop() {
	r.drop = false
	top := &r.stack[len(r.stack)-1]
	r.names = r.names[:top.off]
	r.bound = r.bound[:top.bound]
	r.deflt = top.deflt
	r.stack = r.stack[:len(r.stack)-1]
}

// Name is the name of the current start or end of an element.
func (r *Reader) Name() Name { return r.name }

// Attrs are the attributes of the current StartElement in document order,
// without namespace declarations.
func (r *Reader) Attrs() []Attr { return r.attrs }

// Attr finds an attribute of the current StartElement; nil when it is absent.
func (r *Reader) Attr(space, local string) *Attr {
	for i := range r.attrs {
		if r.attrs[i].Is(space, local) {
			return &r.attrs[i]
		}
	}
	return nil
}

// Text is the content of the current Text, CData, Comment or ProcInst, with
// line ends normalised and, in Text, references resolved.
func (r *Reader) Text() []byte { return r.text }

// IsSpace reports whether the current Text or CData is white space only.
func (r *Reader) IsSpace() bool {
	if r.space == 0 {
		r.space = 1
		if slices.ContainsFunc(r.text, func(c byte) bool { return !isSpace[c] }) {
			r.space = -1
		}
	}
	return r.space > 0
}

// Target is the target of the current ProcInst.
func (r *Reader) Target() []byte { return r.target }

// Depth is the number of open elements, the one just started or about to be
// ended by the current token included.
func (r *Reader) Depth() int { return len(r.stack) }

// Elements is the number of elements started so far.
func (r *Reader) Elements() int64 { return r.elements }

// Offset is the number of bytes up to the end of the current token.
func (r *Reader) Offset() int64 { return r.base + int64(r.pos) }

// Pos is the position of the first byte of the current token.
func (r *Reader) Pos() Pos {
	r.advanceLine(r.tok)
	return r.posAt(r.tok)
}

// AttrPos is the position of the name of attribute i of the current StartElement.
func (r *Reader) AttrPos(i int) Pos { return r.posAt(r.tok + r.attrs[i].off) }

// Raw is the current token exactly as written. For the EndElement of an
// empty-element tag it is the whole tag.
func (r *Reader) Raw() []byte { return r.buf[r.tok:r.pos] }

// readRune checks the non-ASCII character at p and returns the index after it.
func (r *Reader) readRune(p int) (int, status) {
	buf := r.buf
	if c := buf[p]; c >= 0xC2 && c <= 0xDF && buf[p+1]&0xC0 == 0x80 && !r.ascii {
		return p + 2, done
	}
	if !r.eof && !utf8.FullRune(buf[p:r.end]) {
		return p, short
	}
	c, n := utf8.DecodeRune(buf[p:r.end])
	switch {
	case r.ascii:
		r.fail(CodeEncoding, p, "the document declares US-ASCII but holds byte 0x%02X", buf[p])
	case c == utf8.RuneError && n <= 1:
		r.fail(CodeUTF8, p, "byte 0x%02X is not UTF-8", buf[p])
	case !isChar(c):
		r.fail(CodeChar, p, "character U+%04X is not allowed in XML", c)
	default:
		return p + n, done
	}
	return p, bad
}
