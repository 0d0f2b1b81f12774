package schema

import (
	"fmt"
	"strconv"
	"strings"

	"feedmill/schema/grammar"
	"feedmill/schema/xmltok"
)

// mode says how the content of an element is checked.
type mode uint8

const (
	unchecked mode = iota // well-formedness only
	checked               // by content.typ
	atRoot                // the document: one element, the root of the kind
)

// content is how far the content of an open element has come.
type content struct {
	typ     *grammar.Type
	mode    mode
	nilled  bool
	spoiled bool // wrong text was reported once; more of it is not
	state   int32
	edge    int32                       // edge or item that matched last
	seen    [grammar.MaxAll / 64]uint64 // items of an xs:all that came
	textAt  int                         // where the text begins in validator.text
}

// start handles a start tag.
func (v *validator) start() {
	name := v.r.Name()
	parent, f := v.push(name.Prefix, name.Local)
	switch parent.mode {
	case checked:
		if e, process := v.match(parent, f, name); e != nil {
			v.enter(f, e.Type, e.Nillable)
		} else if process != grammar.Skip {
			v.enterWildcard(f, name, process)
		}
	case atRoot:
		v.root(f, name)
	}
	if len(v.opt.Rules) > 0 {
		v.apply(xmltok.StartElement)
	}
}

// root checks the name of the root element.
func (v *validator) root(f *frame, name xmltok.Name) {
	if v.kind != "" && name.Is("", v.kind.Root()) {
		e := v.schema.Elements[grammar.Name{Local: v.kind.Root()}]
		v.enter(f, e.Type, e.Nillable)
		return
	}
	hint := ""
	if name.Space != "" && kindOfRoot(string(name.Local)) != "" {
		hint = "remove the namespace: elements of an offer stand in none, so write no xmlns=\"…\" without a prefix"
	}
	if v.kind == "" {
		v.wrong(RuleRoot, hint, "<%s> is not the root element of any kind of offer file", clip(f.label))
	} else {
		v.wrong(RuleRoot, hint, "the root element of %s is <%s>, found <%s>%s", v.kind, v.kind.Root(), clip(f.label), ofSpace(name.Space))
	}
}

func ofSpace(space string) string {
	if space == "" {
		return ""
	}
	return " of namespace " + clip(space)
}

// enter begins to check an element of a known type.
func (v *validator) enter(f *frame, t *grammar.Type, nillable bool) {
	f.mode, f.typ, f.textAt = checked, t, len(v.text)
	attrs := v.r.Attrs()
	for i := range attrs {
		if len(attrs[i].Prefix) > 0 && attrs[i].Space == grammar.XSINamespace {
			v.instanceAttrs(f, nillable)
			break
		}
	}
	v.attributes(f.typ)
}

// enterWildcard begins to check an element that a wildcard lets through.
func (v *validator) enterWildcard(f *frame, name xmltok.Name, process grammar.Process) {
	if e, ok := v.schema.Elements[grammar.Name{Space: name.Space, Local: string(name.Local)}]; ok {
		v.enter(f, e.Type, e.Nillable)
	} else if process == grammar.Lax {
		v.enter(f, grammar.AnyType, false)
	} else {
		v.wrong(RuleNotAllowed, "", "<%s>%s is not declared", clip(f.label), ofSpace(name.Space))
	}
}

// match finds the declaration of a child, or how the wildcard that covers it
// is processed. Skip stands for a child that is not checked, be it because a
// wildcard says so or because it should not be there, which match reports.
func (v *validator) match(parent, f *frame, name xmltok.Name) (*grammar.Element, grammar.Process) {
	t := parent.typ
	switch {
	case parent.nilled:
		v.spoil(parent, RuleNil, "<%s> is not allowed in an element with xsi:nil=\"true\"", clip(f.label))
		return nil, grammar.Skip
	case t.All != nil:
		return v.matchAll(parent, f, name), grammar.Skip
	case t.Model == nil:
		v.wrong(RuleNotAllowed, "", "<%s> is not allowed: <%s> holds no elements", clip(f.label), clip(parent.label))
		return nil, grammar.Skip
	}
	edges := t.Model.States[parent.state].Edges
	i := parent.edge
	if int(i) >= len(edges) {
		i = 0
	}
	for range edges {
		e := &edges[i]
		if e.Element != nil {
			if e.Element.Name.Local == string(name.Local) && e.Element.Name.Space == name.Space {
				parent.state, parent.edge = e.To, i
				f.many = e.Many
				return e.Element, grammar.Skip
			}
		} else if e.Any.Allows(name.Space) {
			parent.state, parent.edge = e.To, i
			return nil, e.Any.Process
		}
		if i++; int(i) == len(edges) {
			i = 0
		}
	}
	return v.mismatch(parent, f, name), grammar.Skip
}

// matchAll finds a child in an xs:all group.
func (v *validator) matchAll(parent, f *frame, name xmltok.Name) *grammar.Element {
	items := parent.typ.All
	i := int(parent.edge)
	for range items {
		if i >= len(items) {
			i = 0
		}
		if e := items[i].Element; e.Name.Local == string(name.Local) && e.Name.Space == name.Space {
			word, bit := i/64, uint64(1)<<(i%64)
			if parent.seen[word]&bit != 0 {
				v.wrong(RuleRepeated, "", "<%s> may occur only once in <%s>", clip(f.label), clip(parent.label))
			}
			parent.seen[word] |= bit
			parent.edge = int32(i + 1)
			return e
		}
		i++
	}
	v.notAllowed(parent, f, name, allNames(items, parent.seen))
	return nil
}

// mismatch reports a child that the model does not allow now, and finds the
// state and declaration with which checking goes on best.
func (v *validator) mismatch(parent, f *frame, name xmltok.Name) *grammar.Element {
	m := parent.typ.Model
	// Perhaps only something required before it is missing.
	if to, e, skipped := ahead(m, parent.state, name); e != nil {
		v.wrong(RuleMissing, "", "%s is missing before <%s>", strings.Join(skipped, ", "), clip(f.label))
		parent.state, parent.edge = to, 0
		return e
	}
	// Perhaps it came too late, or once too often.
	for i := range m.States {
		for j := range m.States[i].Edges {
			e := m.States[i].Edges[j].Element
			if e == nil || e.Name.Local != string(name.Local) || e.Name.Space != name.Space {
				continue
			}
			expected := expects(m, parent.state)
			if f.n > 1 && !m.States[i].Edges[j].Many {
				v.wrong(RuleRepeated, "", "<%s> occurs too often in <%s>; expected %s", clip(f.label), clip(parent.label), expected)
			} else {
				v.wrong(RuleOrder, "", "<%s> is not allowed at this place in <%s>; expected %s", clip(f.label), clip(parent.label), expected)
			}
			return e
		}
	}
	v.notAllowed(parent, f, name, edgeNames(m, parent.state))
	return nil
}

// notAllowed reports a child that its parent does not know at all.
func (v *validator) notAllowed(parent, f *frame, name xmltok.Name, known []string) {
	hint := nearest(f.label, known)
	switch {
	case name.Space != "" && len(name.Prefix) == 0:
		hint = "remove the namespace: elements of an offer stand in none, so write no xmlns=\"…\" without a prefix"
	case hint == "":
		hint = elementHint(v.kind, parent.label, f.label)
	}
	v.wrong(RuleNotAllowed, hint, "<%s>%s is not allowed in <%s>; expected %s",
		clip(f.label), ofSpace(name.Space), clip(parent.label), list(known))
}

// ahead looks for the nearest state, reached over elements only, in which the
// name is allowed. It returns that element's target state and declaration and
// the elements that were left out.
func ahead(m *grammar.Model, from int32, name xmltok.Name) (int32, *grammar.Element, []string) {
	type step struct {
		state int32
		prev  int
		label string
	}
	queue := []step{{state: from, prev: -1}}
	visited := map[int32]bool{from: true}
	for at := 0; at < len(queue); at++ {
		for _, e := range m.States[queue[at].state].Edges {
			if e.Element == nil {
				continue
			}
			if at > 0 && e.Element.Name.Local == string(name.Local) && e.Element.Name.Space == name.Space {
				var skipped []string
				for i := at; i > 0; i = queue[i].prev {
					skipped = append([]string{queue[i].label}, skipped...)
				}
				return e.To, e.Element, skipped
			}
			if !visited[e.To] {
				visited[e.To] = true
				queue = append(queue, step{e.To, at, "<" + elementLabel(e.Element) + ">"})
			}
		}
	}
	return 0, nil, nil
}

// end handles an end tag.
func (v *validator) end() {
	f := &v.frames[len(v.frames)-1]
	if f.mode == checked && !f.nilled {
		switch t := f.typ; {
		case t.Content == grammar.SimpleText:
			if !t.Text.Any() && !f.spoiled {
				if text := v.text[f.textAt:]; !t.Text.Valid(text, &v.scratch) {
					v.wrong(RuleValue, valueHint(v.kind, f.label, "", text), "<%s> holds %s; expected %s", clip(f.label), quote(text), t.Text.Expects())
				}
			}
			v.text = v.text[:f.textAt]
		case t.All != nil:
			for i, item := range t.All {
				if item.Required && f.seen[i/64]&(1<<(i%64)) == 0 {
					v.wrong(RuleMissing, "", "<%s> is missing in <%s>", elementLabel(item.Element), clip(f.label))
				}
			}
		case t.Model != nil && !t.Model.States[f.state].Accept:
			v.wrong(RuleMissing, elementHint(v.kind, f.label, ""), "<%s> ends too early; expected %s", clip(f.label), expects(t.Model, f.state))
		}
	}
	if len(v.opt.Rules) > 0 {
		v.apply(xmltok.EndElement)
	}
	v.frames = v.frames[:len(v.frames)-1]
}

// characters handles text.
func (v *validator) characters(kind xmltok.Kind) {
	f := &v.frames[len(v.frames)-1]
	if f.mode == checked {
		switch t := f.typ; {
		case f.nilled:
			v.spoil(f, RuleNil, "text is not allowed in an element with xsi:nil=\"true\"")
		case t.Content == grammar.Mixed:
		case t.Content == grammar.SimpleText:
			if !t.Text.Any() {
				v.text = append(v.text, v.r.Text()...)
			}
		case t.Content == grammar.Empty:
			v.spoil(f, RuleText, "<%s> must be empty, not even white space may stand in it", clip(f.label))
		case !v.r.IsSpace():
			v.spoil(f, RuleText, "text %s is not allowed in <%s>, which holds elements only", quote(v.r.Text()), clip(f.label))
		}
	}
	if len(v.opt.Rules) > 0 {
		v.apply(kind)
	}
}

// spoil reports unwanted content of an element once.
func (v *validator) spoil(f *frame, rule, format string, args ...any) {
	if !f.spoiled {
		f.spoiled = true
		v.wrong(rule, "", format, args...)
	}
}

// expects says what may come in a state of a model.
func expects(m *grammar.Model, state int32) string {
	return list(edgeNames(m, state))
}

func edgeNames(m *grammar.Model, state int32) []string {
	var names []string
	for _, e := range m.States[state].Edges {
		if e.Element != nil {
			names = append(names, elementLabel(e.Element))
		}
	}
	return names
}

func allNames(items []grammar.AllItem, seen [grammar.MaxAll / 64]uint64) []string {
	var names []string
	for i, item := range items {
		if seen[i/64]&(1<<(i%64)) == 0 {
			names = append(names, elementLabel(item.Element))
		}
	}
	return names
}

// elementLabel names a declared element as documents write it.
func elementLabel(e *grammar.Element) string { return nameLabel(e.Name) }

func nameLabel(n grammar.Name) string {
	switch n.Space {
	case extensions:
		return "iaiext:" + n.Local
	case xmltok.XMLNamespace:
		return "xml:" + n.Local
	}
	return n.Local
}

// extensions is the namespace of iaiext elements and attributes (IOF 3.0,
// root and namespace rules).
const extensions = "http://www.iai-shop.com/developers/iof/extensions.phtml"

// list joins names for people.
func list(names []string) string {
	const show = 10
	var b strings.Builder
	for i, n := range names[:min(len(names), show)] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "<%s>", n)
	}
	switch {
	case len(names) == 0:
		return "the end of the element"
	case len(names) > show:
		fmt.Fprintf(&b, " or %d others", len(names)-show)
	}
	return b.String()
}

// clip shortens a name for a message.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// quote shortens and quotes a value for a message.
func quote(v []byte) string {
	if len(v) > 80 {
		return strconv.Quote(string(v[:80])) + "…"
	}
	return strconv.Quote(string(v))
}
