package schema

import (
	"bytes"
	"strings"

	"feedmill/schema/xmltok"
)

// advice is what to do about a known fault.
type advice struct {
	rule    string
	kinds   []Kind // nil for all
	element string // as written; "" for any
	attr    string // as written; "" for any
	hint    string
}

// knownAdvice lists faults that feeds are known to have, most special first.
var knownAdvice = []advice{
	{rule: RuleAttrMissing, kinds: []Kind{Full, FullChange}, element: "offer", attr: "extensions",
		hint: `write extensions="yes"; published samples of change files forget it and are invalid for that reason`},
	{rule: RuleAttrForbidden, kinds: []Kind{Preset}, element: "preset",
		hint: "only file_format, version and generated are known here; published samples carry more and are invalid for that reason"},
	{rule: RuleAttrForbidden, kinds: []Kind{Sizes}, element: "sizes",
		hint: "unlike other dictionaries, sizes knows only file_format, version, language and generated"},
	{rule: RuleAttrMissing, kinds: []Kind{Light}, element: "products", attr: "currency",
		hint: "light holds the recipient's prices, so it must say their currency"},
	{rule: RuleAttrMissing, kinds: []Kind{Full, FullChange}, element: "products", attr: "language",
		hint: "say the default language of the texts, such as pol"},
	{rule: RuleAttrForbidden, kinds: []Kind{Light}, element: "stock",
		hint: "light knows only id and quantity of a stock"},
	{rule: RuleAttrForbidden, kinds: []Kind{Light}, element: "product",
		hint: "light knows only id and vat of a product; everything else belongs to full"},
	{rule: RuleAttrForbidden, element: "size", attr: "available",
		hint: "availability is told by the quantity of stock"},
	{rule: RuleAttrForbidden, element: "product", attr: "deleted",
		hint: `write removed="yes"`},
	{rule: RuleNotAllowed, kinds: []Kind{Light}, element: "product",
		hint: "light holds prices and sizes only; importers take a light with anything else for a full"},
	{rule: RuleMissing, element: "sizes",
		hint: "a product without sizes still has one size, which carries code, price and stock"},
}

func (a *advice) fits(kind Kind, rule, element, attr string) bool {
	if a.rule != rule || a.element != "" && a.element != element || a.attr != "" && a.attr != attr {
		return false
	}
	for _, k := range a.kinds {
		if k == kind {
			return true
		}
	}
	return a.kinds == nil
}

// attrHint gives advice about a missing or unknown attribute.
func attrHint(kind Kind, rule, element, attr string) string {
	for i := range knownAdvice {
		if knownAdvice[i].fits(kind, rule, element, attr) {
			return knownAdvice[i].hint
		}
	}
	return ""
}

// elementHint gives advice about a child that is not allowed, or about missing
// content when child is empty.
func elementHint(kind Kind, parent, child string) string {
	rule := RuleNotAllowed
	if child == "" {
		rule = RuleMissing
	}
	return attrHint(kind, rule, parent, child)
}

// valueHint gives advice about a value of the wrong form.
func valueHint(kind Kind, element, attr string, value []byte) string {
	v := bytes.TrimSpace(value)
	switch {
	case attr == "quantity" && len(v) > 0 && v[0] == '-':
		return "-1 means unlimited; write 0 for nothing in stock"
	case isNumberWithComma(v):
		return "write a decimal point and no thousands separator"
	case len(v) >= 19 && isStampLike(v) && kind != Preset:
		return "write YYYY-MM-DD hh:mm:ss with a blank and without a zone"
	case attr == "code" && bytes.ContainsAny(v, " /\t"):
		return "use letters, digits and . - _ : only; importers use the code as a key"
	case element == "product" && attr == "id" && kind == Light, element == "stock" && attr == "id" && kind == Light:
		return "light accepts whole numbers only, so use them in full as well"
	case attr == "language" || attr == "xml:lang":
		return "use the three-letter code, such as pol, eng or ger"
	case attr == "currency":
		return "use the three-letter code in capitals, such as PLN or EUR"
	case element == "long_name" || element == "short_name":
		return "use letters without diacritics, digits, blanks, _ and - only"
	}
	return ""
}

func isNumberWithComma(v []byte) bool {
	comma := false
	for _, c := range v {
		switch {
		case c == ',':
			comma = true
		case c >= '0' && c <= '9', c == '.', c == '-', c == ' ':
		default:
			return false
		}
	}
	return comma
}

// isStampLike recognises a date in another notation than the strict one.
func isStampLike(v []byte) bool {
	for i, c := range v[:10] {
		if (i == 4 || i == 7) == (c >= '0' && c <= '9') {
			return false
		}
	}
	return true
}

// xmlHint gives advice about a fault of XML.
func xmlHint(code xmltok.Code) string {
	switch code {
	case xmltok.CodeDoctype:
		return "files of an offer carry no document type declaration; references to own entities must be resolved when writing"
	case xmltok.CodeEncoding, xmltok.CodeUTF8:
		return "write the file in UTF-8 and declare that"
	case xmltok.CodeChar:
		return "drop control characters when writing; XML cannot carry them, not even as references"
	case xmltok.CodeEntity:
		return "names of HTML entities such as &nbsp; are unknown in XML: write the character itself"
	case xmltok.CodePrefix:
		return `declare it on the root: xmlns:iaiext="` + extensions + `"`
	case xmltok.CodeUnclosed:
		return "the file may have been cut off when it was written or sent"
	}
	return ""
}

// nearest proposes the known name that differs from a wrong one by a slip.
func nearest(wrong string, known []string) string {
	if len(wrong) > 64 {
		return ""
	}
	best, name := 3, ""
	for _, k := range known {
		if strings.EqualFold(k, wrong) || strings.TrimPrefix(k, "iaiext:") == strings.TrimPrefix(wrong, "iaiext:") {
			return "did you mean " + k + "?"
		}
		if d := distance(wrong, k); d < best && d*2 < len(k) {
			best, name = d, k
		}
	}
	if name == "" {
		return ""
	}
	return "did you mean " + name + "?"
}

// distance counts the insertions, deletions and replacements between two
// short names (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
