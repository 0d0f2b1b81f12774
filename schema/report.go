package schema

import (
	"fmt"

	"feedmill/schema/xmltok"
)

// Level is the weight of a finding.
type Level string

// The levels of findings. Only errors make a file invalid.
const (
	LevelError   Level = "error"
	LevelWarning Level = "warning"
)

// The rules of XML Schema that a [Finding] names. A document that is not
// well-formed gives one finding whose rule is the [xmltok.Code].
const (
	RuleRoot          = "XSD-ROOT"                // the root element is that of another kind, or of none
	RuleNotAllowed    = "XSD-ELEMENT-NOT-ALLOWED" // no such element here
	RuleRepeated      = "XSD-ELEMENT-REPEATED"    // an element more often than allowed
	RuleOrder         = "XSD-ELEMENT-ORDER"       // an element that should have come earlier
	RuleMissing       = "XSD-ELEMENT-MISSING"     // a required element is absent
	RuleText          = "XSD-TEXT-NOT-ALLOWED"    // text where none may stand
	RuleValue         = "XSD-VALUE"               // an attribute or text of the wrong form
	RuleAttrMissing   = "XSD-ATTR-MISSING"        // a required attribute is absent
	RuleAttrForbidden = "XSD-ATTR-NOT-ALLOWED"    // no such attribute here
	RuleNil           = "XSD-NIL"                 // xsi:nil misused
	RuleType          = "XSD-TYPE"                // xsi:type misused
)

// Finding is one thing that is wrong with a file.
type Finding struct {
	Line    int    `json:"line"`           // from 1
	Column  int    `json:"column"`         // from 1, in characters
	Path    string `json:"path"`           // of the element: "/offer/products/product[3]/sizes/size[2]"
	Rule    string `json:"rule"`           // stable code: "XSD-…", "XML-…", or that of a RuleFunc
	Level   Level  `json:"level"`          // error or warning
	Message string `json:"message"`        // what is wrong and what was expected
	Hint    string `json:"hint,omitempty"` // what to do, where that is known
}

// String gives the finding in one line, hint included.
func (f Finding) String() string {
	s := fmt.Sprintf("%d:%d: %s: %s: %s [%s]", f.Line, f.Column, f.Level, f.Path, f.Message, f.Rule)
	if f.Hint != "" {
		s += "; " + f.Hint
	}
	return s
}

// Report is the outcome of a validation.
type Report struct {
	Kind      Kind      `json:"kind"`      // "" when the root is that of no kind
	Findings  []Finding `json:"findings"`  // in document order
	Elements  int64     `json:"elements"`  // read
	Bytes     int64     `json:"bytes"`     // read
	Truncated bool      `json:"truncated"` // stopped at Options.MaxErrors: the rest was not read
}

// Valid reports whether the whole file was read and no finding is an error.
func (r Report) Valid() bool {
	for _, f := range r.Findings {
		if f.Level == LevelError {
			return false
		}
	}
	return !r.Truncated
}

// Options adjusts a validation. The zero value works.
type Options struct {
	Kind      Kind          // "" to find it out: see DetectKind
	MaxErrors int           // findings after which to stop; 0 means 1000, negative no limit
	Limits    xmltok.Limits // of the tokenizer; here Elements is 200 million unless set
	Rules     []RuleFunc    // further rules, run in the same pass
}
