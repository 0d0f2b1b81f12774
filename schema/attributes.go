package schema

import (
	"bytes"

	"feedmill/schema/grammar"
	"feedmill/schema/xmltok"
)

// attributes checks the attributes of the current start tag.
func (v *validator) attributes(t *grammar.Type) {
	attrs := v.r.Attrs()
	uses := t.Attrs
	var seen uint64
	at := 0
next:
	for i := range attrs {
		a := &attrs[i]
		for range uses {
			if at >= len(uses) {
				at = 0
			}
			u := &uses[at]
			if u.Name.Local == string(a.Local) && u.Name.Space == a.Space {
				seen |= 1 << at
				at++
				if !u.Type.Valid(a.Value, &v.scratch) {
					v.badValue(i, u.Type)
				}
				continue next
			}
			at++
		}
		v.otherAttribute(i, t)
	}
	if missing := t.Required() &^ seen; missing != 0 {
		label := v.frames[len(v.frames)-1].label
		for i := range uses {
			if missing&(1<<i) != 0 {
				name := nameLabel(uses[i].Name)
				v.wrong(RuleAttrMissing, attrHint(v.kind, RuleAttrMissing, label, name),
					"<%s> has no attribute %s; expected %s", clip(label), name, uses[i].Type.Expects())
			}
		}
	}
}

// otherAttribute checks an attribute that the type does not name.
func (v *validator) otherAttribute(i int, t *grammar.Type) {
	a := &v.r.Attrs()[i]
	if a.Space == grammar.XSINamespace {
		switch string(a.Local) {
		case "nil", "type", "schemaLocation", "noNamespaceSchemaLocation":
			return // allowed everywhere (part 1, 2.6)
		}
	}
	if w := t.AnyAttr; w != nil && w.Allows(a.Space) {
		if w.Process == grammar.Skip {
			return
		}
		s, ok := v.schema.Attributes[grammar.Name{Space: a.Space, Local: string(a.Local)}]
		switch {
		case ok:
			if !s.Valid(a.Value, &v.scratch) {
				v.badValue(i, s)
			}
			return
		case w.Process == grammar.Lax:
			return
		}
	}
	f := &v.frames[len(v.frames)-1]
	var known []string
	for _, u := range t.Attrs {
		known = append(known, nameLabel(u.Name))
	}
	name := a.Name.String()
	hint := attrHint(v.kind, RuleAttrForbidden, f.label, name)
	if hint == "" {
		hint = nearest(name, known)
	}
	v.add(v.r.AttrPos(i), RuleAttrForbidden, LevelError,
		"attribute "+clip(name)+ofSpace(a.Space)+" is not allowed on <"+clip(f.label)+">", hint)
}

// badValue reports the value of attribute i.
func (v *validator) badValue(i int, s *grammar.Simple) {
	a := &v.r.Attrs()[i]
	f := &v.frames[len(v.frames)-1]
	v.add(v.r.AttrPos(i), RuleValue, LevelError,
		"attribute "+clip(a.Name.String())+" has value "+quote(a.Value)+"; expected "+s.Expects(),
		valueHint(v.kind, f.label, a.Name.String(), a.Value))
}

// instanceAttrs obeys xsi:nil and xsi:type (part 1, 3.3.4).
func (v *validator) instanceAttrs(f *frame, nillable bool) {
	if a := v.r.Attr(grammar.XSINamespace, "nil"); a != nil {
		value := bytes.TrimSpace(a.Value)
		yes := string(value) == "true" || string(value) == "1"
		switch {
		case !yes && string(value) != "false" && string(value) != "0":
			v.wrong(RuleNil, "", "xsi:nil has value %s; expected true or false", quote(a.Value))
		case !nillable:
			v.wrong(RuleNil, "leave the element out instead", "xsi:nil is not allowed on <%s>", clip(f.label))
		case yes:
			f.nilled = true
		}
	}
	if a := v.r.Attr(grammar.XSINamespace, "type"); a != nil {
		if t := v.instanceType(a); t == nil {
			v.wrong(RuleType, "", "xsi:type %s names no known type", quote(a.Value))
		} else if !t.DerivesFrom(f.typ) {
			v.wrong(RuleType, "", "xsi:type %s is not derived from the type of <%s>", quote(a.Value), clip(f.label))
		} else {
			f.typ = t
		}
	}
}

// instanceType resolves the value of xsi:type.
func (v *validator) instanceType(a *xmltok.Attr) *grammar.Type {
	prefix, local, found := bytes.Cut(bytes.TrimSpace(a.Value), []byte(":"))
	if !found {
		prefix, local = nil, prefix
	}
	space, ok := v.r.Lookup(prefix)
	if !ok {
		return nil
	}
	return v.schema.Types[grammar.Name{Space: space, Local: string(local)}]
}
