package grammar

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Simple is a simple type: the form of a text.
type Simple struct {
	Name string // for people: "Stamp", "xs:decimal", "" for an anonymous type

	builtin  string // local name, for a built-in type
	base     *Simple
	prim     primitive
	collapse bool
	check    func([]byte) bool // lexical form of the built-in type; nil for any text
	wants    string            // what check accepts, for people
	patterns [][]*pattern      // one of each group must match
	enum     []string          // values as written in the schema
	values   map[string]bool   // canonical forms of enum

	length, minLength, maxLength      int // -1 for none
	totalDigits, fractionDigits       int // -1 for none
	minValue, maxValue                string
	minExclusive, maxExclusive, plain bool // plain: every text is valid
}

// primitive says how values of a type compare.
type primitive uint8

const (
	primText primitive = iota
	primDecimal
	primOther // compared by no facet that is supported
)

// Any reports whether every text is valid, so that a validator need not even
// collect it.
func (s *Simple) Any() bool { return s.plain }

// asType wraps a simple type as the type of an element.
func (s *Simple) asType() *Type { return &Type{Name: s.Name, Content: SimpleText, Text: s} }

// isBlank tells the characters that white space processing touches.
func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// collapsed returns v without white space at the ends and with single blanks
// inside, in scratch when it differs.
func collapsed(v []byte, scratch *[]byte) []byte {
	for len(v) > 0 && isBlank(v[0]) {
		v = v[1:]
	}
	for len(v) > 0 && isBlank(v[len(v)-1]) {
		v = v[:len(v)-1]
	}
	clean := true
	for i, c := range v {
		if isBlank(c) && (c != ' ' || v[i+1] == ' ') {
			clean = false
			break
		}
	}
	if clean {
		return v
	}
	out := (*scratch)[:0]
	for i, c := range v {
		if !isBlank(c) {
			out = append(out, c)
		} else if !isBlank(v[i-1]) {
			out = append(out, ' ')
		}
	}
	*scratch = out
	return out
}

// Valid reports whether v is of the type. It allocates nothing but what
// scratch grows by.
func (s *Simple) Valid(v []byte, scratch *[]byte) bool {
	if s.plain {
		return true
	}
	if s.collapse {
		v = collapsed(v, scratch)
	}
	if s.check != nil && !s.check(v) {
		return false
	}
	for _, group := range s.patterns {
		if !anyMatch(group, v) {
			return false
		}
	}
	if s.values != nil && !s.enumerated(v) {
		return false
	}
	return s.sized(v) && s.ranged(v)
}

func anyMatch(group []*pattern, v []byte) bool {
	for _, p := range group {
		if p.match(v) {
			return true
		}
	}
	return false
}

func (s *Simple) enumerated(v []byte) bool {
	if s.prim == primDecimal {
		return s.values[canonicalDecimal(v)]
	}
	if len(s.enum) <= 8 {
		for _, e := range s.enum {
			if e == string(v) {
				return true
			}
		}
		return false
	}
	return s.values[string(v)]
}

// sized checks the length facets, in characters.
func (s *Simple) sized(v []byte) bool {
	if s.length < 0 && s.minLength < 0 && s.maxLength < 0 {
		return true
	}
	n := utf8.RuneCount(v)
	return (s.length < 0 || n == s.length) && n >= s.minLength && (s.maxLength < 0 || n <= s.maxLength)
}

// ranged checks the facets of numbers.
func (s *Simple) ranged(v []byte) bool {
	if s.prim != primDecimal {
		return true
	}
	if s.minValue != "" {
		if c := compareDecimal(v, []byte(s.minValue)); c < 0 || c == 0 && s.minExclusive {
			return false
		}
	}
	if s.maxValue != "" {
		if c := compareDecimal(v, []byte(s.maxValue)); c > 0 || c == 0 && s.maxExclusive {
			return false
		}
	}
	if s.totalDigits < 0 && s.fractionDigits < 0 {
		return true
	}
	d := splitDecimal(v)
	return (s.totalDigits < 0 || len(d.whole)+len(d.fraction) <= s.totalDigits) &&
		(s.fractionDigits < 0 || len(d.fraction) <= s.fractionDigits)
}

// Expects says in words what a valid value looks like.
func (s *Simple) Expects() string {
	switch {
	case len(s.enum) == 1:
		return strconv.Quote(s.enum[0])
	case len(s.enum) > 1:
		const show = 12
		var b strings.Builder
		b.WriteString("one of ")
		for i, e := range s.enum[:min(len(s.enum), show)] {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(strconv.Quote(e))
		}
		if len(s.enum) > show {
			fmt.Fprintf(&b, " and %d more", len(s.enum)-show)
		}
		return b.String()
	}
	var parts []string
	if s.wants != "" {
		parts = append(parts, s.wants)
	}
	for _, group := range s.patterns {
		var alt []string
		for _, p := range group {
			alt = append(alt, p.source)
		}
		parts = append(parts, "of the form "+strings.Join(alt, " or "))
	}
	for _, f := range []struct {
		n    int
		text string
	}{{s.length, "exactly %d characters"}, {s.minLength, "at least %d characters"}, {s.maxLength, "at most %d characters"},
		{s.totalDigits, "at most %d digits"}, {s.fractionDigits, "at most %d decimal places"}} {
		if f.n >= 0 {
			parts = append(parts, fmt.Sprintf(f.text, f.n))
		}
	}
	if s.builtin == "" { // the bounds of built-in types are in their words already
		for _, f := range []struct{ value, base, text string }{
			{s.minValue, s.baseMin(), "not below "}, {s.maxValue, s.baseMax(), "not above "}} {
			if f.value != "" && f.value != f.base {
				parts = append(parts, f.text+f.value)
			}
		}
	}
	if len(parts) == 0 {
		return "any text"
	}
	return strings.Join(parts, ", ")
}

func (s *Simple) baseMin() string {
	if s.base == nil {
		return ""
	}
	return s.base.minValue
}

func (s *Simple) baseMax() string {
	if s.base == nil {
		return ""
	}
	return s.base.maxValue
}

// simpleByName finds a named or built-in simple type.
func (c *compiler) simpleByName(n *node, name Name) (*Simple, error) {
	if s, ok := c.simples[name]; ok {
		return s, nil
	}
	t, ok := c.types[name]
	if !ok || t.name != "simpleType" {
		return nil, n.errorf("simple type %q is not known or not supported", name.Local)
	}
	s, err := c.simpleType(t.node)
	if err != nil {
		return nil, err
	}
	s.Name = name.Local
	c.simples[name] = s
	return s, nil
}

// simpleType compiles a restriction.
func (c *compiler) simpleType(n *node) (*Simple, error) {
	if c.busy[n] {
		return nil, n.errorf("a simple type is derived from itself")
	}
	c.busy[n] = true
	defer delete(c.busy, n)
	if err := n.only("name"); err != nil {
		return nil, err
	}
	if len(n.kids) != 1 || n.kids[0].name != "restriction" {
		return nil, n.errorf("a simple type is supported as one xs:restriction only")
	}
	r := n.kids[0]
	if err := r.only("base"); err != nil {
		return nil, err
	}
	ref, ok := r.refs["base"]
	if !ok {
		return nil, r.errorf("a restriction needs a base attribute")
	}
	base, err := c.simpleByName(r, ref)
	if err != nil {
		return nil, err
	}
	s := *base
	s.Name, s.builtin, s.base = "", "", base
	var group []*pattern
	var enum []string
	for _, k := range r.kids {
		if err := k.only("value"); err != nil {
			return nil, err
		}
		if err := s.facet(k, k.attrs["value"], &group, &enum); err != nil {
			return nil, err
		}
	}
	if group != nil {
		s.patterns = append(s.patterns[:len(s.patterns):len(s.patterns)], group)
	}
	if enum != nil {
		s.enum, s.values = nil, map[string]bool{}
		for _, e := range enum {
			var scratch []byte
			if !base.Valid([]byte(e), &scratch) {
				return nil, r.errorf("enumeration %q is not valid for its base type", e)
			}
			if s.collapse {
				e = string(collapsed([]byte(e), &scratch))
			}
			s.enum = append(s.enum, e)
			if s.prim == primDecimal {
				e = canonicalDecimal([]byte(e))
			}
			s.values[e] = true
		}
	}
	s.plain = base.plain && s.patterns == nil && s.values == nil &&
		s.length < 0 && s.minLength < 0 && s.maxLength < 0
	return &s, nil
}

// facet applies one facet of a restriction.
func (s *Simple) facet(k *node, value string, group *[]*pattern, enum *[]string) error {
	number := func(to *int) error {
		v, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return k.errorf("%s=%q is not a count", k.name, value)
		}
		*to = int(v)
		return nil
	}
	bound := func(to *string, flag *bool, exclusive bool) error {
		if s.prim != primDecimal || !isDecimal([]byte(value)) {
			return k.errorf("xs:%s is supported for decimal types only", k.name)
		}
		*to, *flag = value, exclusive
		return nil
	}
	textual := func(to *int) error {
		if s.prim != primText {
			return k.errorf("xs:%s is supported for texts only", k.name)
		}
		return number(to)
	}
	decimal := func(to *int) error {
		if s.prim != primDecimal {
			return k.errorf("xs:%s is supported for decimal types only", k.name)
		}
		return number(to)
	}
	switch k.name {
	case "pattern":
		p, err := compilePattern(value)
		if err != nil {
			return k.errorf("%v", err)
		}
		*group = append(*group, p)
	case "enumeration":
		if s.prim == primOther {
			return k.errorf("xs:enumeration is not supported for this base type")
		}
		*enum = append(*enum, value)
	case "length":
		return textual(&s.length)
	case "minLength":
		return textual(&s.minLength)
	case "maxLength":
		return textual(&s.maxLength)
	case "totalDigits":
		return decimal(&s.totalDigits)
	case "fractionDigits":
		return decimal(&s.fractionDigits)
	case "minInclusive":
		return bound(&s.minValue, &s.minExclusive, false)
	case "minExclusive":
		return bound(&s.minValue, &s.minExclusive, true)
	case "maxInclusive":
		return bound(&s.maxValue, &s.maxExclusive, false)
	case "maxExclusive":
		return bound(&s.maxValue, &s.maxExclusive, true)
	case "whiteSpace":
		switch {
		case value == "collapse":
			s.collapse = true
		case value == "preserve" && !s.collapse:
		default:
			return k.errorf("whiteSpace=%q is not supported here", value)
		}
	default:
		return k.errorf("facet xs:%s is not supported", k.name)
	}
	return nil
}

// decimal is the digits of a number, without leading and trailing zeros.
type decimal struct {
	negative        bool
	whole, fraction []byte
}

// splitDecimal takes a valid decimal apart.
func splitDecimal(v []byte) decimal {
	var d decimal
	if len(v) > 0 && (v[0] == '-' || v[0] == '+') {
		d.negative = v[0] == '-'
		v = v[1:]
	}
	d.whole, d.fraction, _ = bytes.Cut(v, []byte("."))
	d.whole = bytes.TrimLeft(d.whole, "0")
	d.fraction = bytes.TrimRight(d.fraction, "0")
	if len(d.whole)+len(d.fraction) == 0 {
		d.negative = false
	}
	return d
}

// compareDecimal orders two valid decimals of any length.
func compareDecimal(a, b []byte) int {
	x, y := splitDecimal(a), splitDecimal(b)
	switch {
	case x.negative && !y.negative:
		return -1
	case y.negative && !x.negative:
		return 1
	case x.negative:
		x, y = y, x
	}
	if len(x.whole) != len(y.whole) {
		if len(x.whole) < len(y.whole) {
			return -1
		}
		return 1
	}
	if c := bytes.Compare(x.whole, y.whole); c != 0 {
		return c
	}
	return bytes.Compare(x.fraction, y.fraction)
}

// canonicalDecimal gives equal numbers the same text.
func canonicalDecimal(v []byte) string {
	d := splitDecimal(v)
	sign := ""
	if d.negative {
		sign = "-"
	}
	return sign + string(d.whole) + "." + string(d.fraction)
}
