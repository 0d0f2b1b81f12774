package grammar

// Namespaces with a meaning of their own.
const (
	XSDNamespace = "http://www.w3.org/2001/XMLSchema"
	XSINamespace = "http://www.w3.org/2001/XMLSchema-instance"
)

// Name is an expanded name. Space is empty for no namespace.
type Name struct{ Space, Local string }

// Schema is a compiled set of schema documents. It is immutable and safe for
// concurrent use.
type Schema struct {
	Elements   map[Name]*Element // global declarations
	Attributes map[Name]*Simple  // global declarations
	Types      map[Name]*Type    // named types and the built-in ones
}

// Element is the declaration of an element.
type Element struct {
	Name     Name
	Type     *Type
	Nillable bool
}

// Content says what may stand between the tags of an element.
type Content uint8

// The kinds of content.
const (
	Empty       Content = iota // nothing, not even white space
	SimpleText                 // text of a simple type
	ElementOnly                // elements, and white space between them
	Mixed                      // elements and any text
)

// Type is the type of an element, simple or complex.
type Type struct {
	Name    string // for people: "Product", "xs:decimal", or "" for an anonymous type
	Content Content
	Text    *Simple // for SimpleText
	Model   *Model  // for ElementOnly and Mixed; nil where no element is allowed
	All     []AllItem
	Attrs   []AttrUse
	AnyAttr *Wildcard
	Any     bool // xs:anyType: everything is assessed laxly

	required uint64 // bits of the required attributes
	base     *Type
}

// Required has a bit set for every attribute of Attrs that must be present.
func (t *Type) Required() uint64 { return t.required }

// DerivesFrom reports whether t is base or derived from it.
func (t *Type) DerivesFrom(base *Type) bool {
	if base.Any {
		return true
	}
	for ; t != nil; t = t.base {
		if t == base {
			return true
		}
	}
	return false
}

// AttrUse is an attribute that a type knows.
type AttrUse struct {
	Name     Name
	Type     *Simple
	Required bool
}

// AllItem is one member of an xs:all group: any order, at most once.
type AllItem struct {
	Element  *Element
	Required bool
}

// Process says how strictly what matches a wildcard is checked.
type Process uint8

// The ways to check what matches a wildcard.
const (
	Strict Process = iota // a global declaration must exist
	Lax                   // checked when a global declaration exists
	Skip                  // not checked
)

// Wildcard stands for names of some namespaces.
type Wildcard struct {
	Process Process
	any     bool
	not     bool // every namespace but spaces and none
	spaces  []string
}

// Allows reports whether the wildcard covers a namespace.
func (w *Wildcard) Allows(space string) bool {
	if w.any {
		return true
	}
	for _, s := range w.spaces {
		if s == space {
			return !w.not
		}
	}
	return w.not && space != ""
}

// Model is a deterministic automaton over the children of an element. State 0
// is the start.
type Model struct{ States []State }

// State is one state of a Model.
type State struct {
	Accept bool // the content may end here
	Edges  []Edge
}

// Edge leads from one state to the next.
type Edge struct {
	Element *Element  // nil for a wildcard
	Any     *Wildcard // nil for an element
	Many    bool      // the schema lets this very particle occur more than once
	To      int32
}

// MaxAll and MaxAttrs bound what one type may hold, so that a validator can
// keep track of it in a few words.
const (
	MaxAll   = 128
	MaxAttrs = 64
)
