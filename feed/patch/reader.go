package patch

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"feedmill/feed"
	"feedmill/schema/xmltok"
)

// nsIOF is the default namespace of the dialect that has one (IOF 3).
const nsIOF = "http://www.iai-shop.com/developers/iof.phtml"

// maxNode bounds one product node, and so the memory of a reader.
const maxNode = 16 << 20

// Node is one product of a document.
type Node struct {
	// ID is as written, with references resolved.
	ID string
	// Removed marks the tombstone of a product that left the offer (IOF 6).
	Removed bool
	// Raw is the node as written, from "<" to ">". It is valid until the next
	// node is read.
	Raw []byte
}

// Stream gives the nodes of a document in ascending order of id ([CompareID]),
// no id twice.
type Stream interface {
	// Head gives what stands before the products. It may be called at any time.
	Head() (*Head, error)
	// Next gives the next node, io.EOF after the last one once the document is
	// known to be whole.
	Next() (Node, error)
	// Foot gives what closes the document, after Next has given io.EOF.
	Foot() []byte
}

// OrderError says that a document does not give its products in ascending
// order of id, or gives one twice.
type OrderError struct {
	// Document names it, as far as known.
	Document  string
	ID, After string
}

// Error implements error.
func (e *OrderError) Error() string {
	return fmt.Sprintf("product %.80q stands after product %.80q", e.ID, e.After)
}

// Reader reads a full, change or light document. It is a [Stream] if the
// document is in order, and tells by an [*OrderError] when it is not. Whatever
// is not such a document gives an error of [feed.KindInvalid].
type Reader struct {
	x     *xmltok.Reader
	any   bool // any order will do
	head  *Head
	foot  []byte
	last  string
	some  bool
	empty bool // the products element is an empty tag
	err   error
}

// NewReader makes a reader of an uncompressed document.
func NewReader(src io.Reader) *Reader {
	return &Reader{x: xmltok.NewReader(src, xmltok.Limits{Token: maxNode, Subtree: maxNode, Elements: -1})}
}

// Head implements [Stream].
func (r *Reader) Head() (*Head, error) {
	if r.head == nil && r.err == nil {
		r.head, r.err = r.readHead()
	}
	return r.head, r.err
}

// Foot implements [Stream].
func (r *Reader) Foot() []byte { return r.foot }

// Next implements [Stream].
func (r *Reader) Next() (Node, error) {
	if _, err := r.Head(); err != nil {
		return Node{}, err
	}
	n, err := r.next()
	r.err = err
	return n, err
}

// invalid makes the error of a document that is none of ours, at the current token.
func (r *Reader) invalid(format string, args ...any) error {
	return feed.Errorf(feed.KindInvalid, "line %d: %s", r.x.Pos().Line, fmt.Sprintf(format, args...))
}

// xml passes on what the tokenizer found.
func xmlError(err error) error {
	var bad *xmltok.Error
	if errors.As(err, &bad) {
		return &feed.Error{Kind: feed.KindInvalid, Message: "it is not well-formed XML", Err: err}
	}
	return err
}

// is says whether the current element is one of the format's, by its name.
func (r *Reader) is(local string) bool {
	n := r.x.Name()
	return string(n.Local) == local && (n.Space == "" || n.Space == nsIOF)
}

// attr gives an attribute that bears no prefix.
func (r *Reader) attr(local string) string {
	if a := r.x.Attr("", local); a != nil {
		return string(a.Value)
	}
	return ""
}

func (r *Reader) readHead() (*Head, error) {
	h := &Head{spaces: map[string]string{}}
	for {
		kind, err := r.x.Next()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, xmlError(err)
		}
		switch depth := r.x.Depth(); {
		case kind == xmltok.StartElement && depth == 1:
			if !r.is("offer") {
				return nil, r.invalid("the document is a <%.80s>; an offer document is an <offer>", r.x.Name())
			}
			r.x.Mark()
			h.insert = 1 + len(r.x.Name().String())
			h.Generated, h.Expires = r.attr("generated"), r.attr("expires")
			h.declare(r.x)
		case kind == xmltok.StartElement && depth == 2:
			if !r.is("products") {
				if err := r.x.Skip(); err != nil {
					return nil, xmlError(err)
				}
				continue
			}
			h.Language, h.Currency = r.attr("language"), r.attr("currency")
			h.declare(r.x)
			if p := r.x.Name().Prefix; len(p) > 0 {
				h.prefix = string(p) + ":"
			}
			h.raw = bytes.Clone(r.x.Marked())
			r.x.Unmark()
			if tag, ok := bytes.CutSuffix(h.raw, []byte("/>")); ok {
				r.empty = true
				h.raw = append(tag, '>')
				r.foot = []byte("</" + r.x.Name().String() + ">")
			}
			return h, nil
		case kind == xmltok.EndElement && depth == 1:
			return nil, r.invalid("the offer has no <products>")
		}
	}
}

// next gives the next child of products.
func (r *Reader) next() (Node, error) {
	for {
		kind, err := r.x.Next()
		if err != nil {
			return Node{}, xmlError(err)
		}
		switch kind {
		case xmltok.EndElement:
			if err := r.readFoot(); err != nil {
				return Node{}, err
			}
			return Node{}, io.EOF
		case xmltok.Text, xmltok.CData:
			if !r.x.IsSpace() {
				return Node{}, r.invalid("text between products")
			}
		case xmltok.StartElement:
			return r.product()
		}
	}
}

func (r *Reader) product() (Node, error) {
	if !r.is("product") {
		return Node{}, r.invalid("<%.80s> stands among the products", r.x.Name())
	}
	n := Node{ID: r.attr("id"), Removed: r.attr("removed") == "yes"}
	if n.ID == "" {
		return Node{}, r.invalid("a product has no id")
	}
	if !r.any && r.some && CompareID(n.ID, r.last) <= 0 {
		return Node{}, &OrderError{ID: n.ID, After: r.last}
	}
	r.last, r.some = n.ID, true
	var err error
	if n.Raw, err = r.x.Subtree(); err != nil {
		return Node{}, xmlError(err)
	}
	return n, nil
}

// readFoot reads from the end of products to the end of the document.
func (r *Reader) readFoot() error {
	if !r.empty {
		r.x.Mark()
	}
	for {
		kind, err := r.x.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return xmlError(err)
		}
		if r.empty { // its end came out of the start tag and has no bytes of its own
			r.x.Mark()
			r.empty = false
		}
		switch {
		case kind == xmltok.StartElement && r.x.Depth() == 2 && r.is("products"):
			return r.invalid("a second <products>")
		case kind == xmltok.EndElement && r.x.Depth() == 1:
			r.foot = append(r.foot, r.x.Marked()...)
			r.x.Unmark()
		}
	}
}
