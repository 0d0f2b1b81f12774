package schema

import (
	"feedmill/schema/xmltok"
)

// RuleFunc is a rule that XML Schema cannot express. It is called for every
// element start, element end and piece of text of a document, in order, and
// keeps what state it needs. It must not keep the event or any slice it gave.
type RuleFunc func(*Event)

// Event is what a [RuleFunc] sees: one token of a document and its place.
type Event struct {
	Kind xmltok.Kind // StartElement, EndElement, Text or CData

	v *validator
}

// Depth is the number of open elements, the current one included.
func (e *Event) Depth() int { return len(e.v.frames) - 1 }

// Name is the name of the element that starts or ends.
func (e *Event) Name() xmltok.Name { return e.v.r.Name() }

// Element is the name, as written, of the open element at a depth: 1 is the
// root, Depth() the current element. It is "" beyond that.
func (e *Event) Element(depth int) string {
	if depth < 1 || depth > e.Depth() {
		return ""
	}
	return e.v.frames[depth].label
}

// Attrs are the attributes of the element that starts.
func (e *Event) Attrs() []xmltok.Attr { return e.v.r.Attrs() }

// Attr gives the value of an attribute without a namespace of the element
// that starts.
func (e *Event) Attr(local string) (value []byte, ok bool) {
	if a := e.v.r.Attr("", local); a != nil {
		return a.Value, true
	}
	return nil, false
}

// Text is the current piece of text. The text of one element may come in
// several pieces, when it mixes characters and CDATA sections.
func (e *Event) Text() []byte { return e.v.r.Text() }

// Path names the current element: "/offer/products/product[3]".
func (e *Event) Path() string { return e.v.path() }

// Pos is the position of the current token.
func (e *Event) Pos() xmltok.Pos { return e.v.r.Pos() }

// Report adds a finding about the current element, at the current token. hint
// may be empty.
func (e *Event) Report(rule string, level Level, message, hint string) {
	e.v.add(e.v.r.Pos(), rule, level, message, hint)
}

// apply runs the rules over the current token.
func (v *validator) apply(kind xmltok.Kind) {
	v.event.Kind = kind
	for _, rule := range v.opt.Rules {
		rule(&v.event)
	}
}
