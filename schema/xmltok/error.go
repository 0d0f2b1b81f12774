package xmltok

import "fmt"

// Code names the rule that a document broke. Codes are stable: programs may
// compare them and people may search for them.
type Code string

// The codes of an [Error].
const (
	CodeSyntax       Code = "XML-SYNTAX"         // markup that is none of what XML knows
	CodeChar         Code = "XML-CHAR"           // a character that XML 1.0 forbids (2.2)
	CodeUTF8         Code = "XML-UTF8"           // bytes that are not UTF-8
	CodeName         Code = "XML-NAME"           // a malformed element, attribute or target name
	CodeTagMismatch  Code = "XML-TAG-MISMATCH"   // an end tag that closes another element
	CodeUnclosed     Code = "XML-UNCLOSED"       // the document ends inside markup or an element
	CodeEmpty        Code = "XML-EMPTY"          // no root element
	CodeSecondRoot   Code = "XML-SECOND-ROOT"    // an element after the root
	CodeOutside      Code = "XML-TEXT-OUTSIDE"   // text before or after the root
	CodeAttr         Code = "XML-ATTR"           // a malformed attribute
	CodeAttrDup      Code = "XML-ATTR-DUPLICATE" // the same attribute twice in one tag
	CodeEntity       Code = "XML-ENTITY"         // a reference to an entity that is not predefined
	CodeCharRef      Code = "XML-CHARREF"        // a malformed or forbidden character reference
	CodeComment      Code = "XML-COMMENT"        // "--" inside a comment
	CodePI           Code = "XML-PI"             // a malformed processing instruction
	CodeDecl         Code = "XML-DECLARATION"    // a malformed or misplaced XML declaration
	CodeCDataEnd     Code = "XML-CDATA-END"      // "]]>" in text
	CodePrefix       Code = "XML-PREFIX"         // a namespace prefix nobody declared
	CodeNamespace    Code = "XML-NAMESPACE"      // a forbidden namespace declaration
	CodeDoctype      Code = "XML-DOCTYPE"        // a document type declaration; refused by policy
	CodeEncoding     Code = "XML-ENCODING"       // neither UTF-8 nor US-ASCII
	CodeLimitDepth   Code = "XML-LIMIT-DEPTH"    // see Limits.Depth
	CodeLimitAttrs   Code = "XML-LIMIT-ATTRS"    // see Limits.Attrs
	CodeLimitToken   Code = "XML-LIMIT-TOKEN"    // see Limits.Token
	CodeLimitElems   Code = "XML-LIMIT-ELEMENTS" // see Limits.Elements
	CodeLimitBytes   Code = "XML-LIMIT-BYTES"    // see Limits.Bytes
	CodeLimitSubtree Code = "XML-LIMIT-SUBTREE"  // see Limits.Subtree
)

// Pos is a place in a document.
type Pos struct {
	Line   int   // from 1; lines end at a line feed
	Column int   // from 1, in characters (not bytes)
	Offset int64 // bytes before the place, from 0
}

// Error says where a document stops being acceptable XML, and why. Errors of
// the underlying reader are not of this type: they are returned wrapped.
type Error struct {
	Code Code
	Pos
	Msg string // lower case, without the position
}

// Error gives the position, the reason and the code in one line.
func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s (%s)", e.Line, e.Column, e.Msg, e.Code)
}
