package rules

import (
	"bytes"
	"slices"

	"feedmill/schema"
	"feedmill/schema/xmltok"
)

// dictPass reads a dictionary (IOF 7).
type dictPass struct {
	*pass
	kind   schema.Kind
	stack  []dictFrame
	path   []byte // names from the root, joined by "/"
	text   textNode
	inName bool
	right  bool // the root is that of the kind
}

// dictFrame is an open element of a dictionary.
type dictFrame struct {
	item bool
	id   key
	path int // length of dictPass.path without this element
}

func newDictPass(p *pass) *dictPass {
	kind := p.m.kind
	delete(p.x.have, kind)
	switch kind {
	case schema.Sizes:
		p.x.groups.release()
		p.x.sizes.release()
		p.x.anySize.release()
	case schema.Parameters:
		p.x.entries[kindSection].release()
		p.x.entries[kindValue].release()
		fallthrough
	default:
		p.x.entries[kind].release()
	}
	return &dictPass{pass: p, kind: kind}
}

func (d *dictPass) start(name xmltok.Name, core bool, attrs []xmltok.Attr) {
	f := dictFrame{path: len(d.path)}
	local := string(name.Local)
	switch {
	case d.depth == 1:
		d.right = local == d.kind.Root()
		d.root(attrs)
		if d.kind == schema.Categories {
			d.x.language = string(d.language)
		}
	case !core:
	case local == "name" || local == "description":
		d.inName = true
		d.text.begin()
		d.lang(attrs)
	case d.isItem(local):
		f.item = true
		f.id = d.item(local, attrs)
	case local == "terms":
		d.terms(attrs)
	}
	d.stack = append(d.stack, f)
}

// isItem reports whether an element is an entry of the dictionary.
func (d *dictPass) isItem(local string) bool {
	switch d.kind {
	case schema.Categories:
		return local == "category"
	case schema.Series:
		return local == "series"
	case schema.Sizes:
		return local == "group" && d.depth == 2 || local == "size" && d.depth == 3
	case schema.Parameters:
		return d.depth == 3 && (local == "section" || local == "parameter" || local == "value")
	case schema.Producers:
		return local == "producer"
	case schema.Units:
		return local == "unit"
	case schema.Stocks:
		return local == "stock"
	case schema.Warranties:
		return local == "warranty"
	}
	return false
}

// item judges and remembers an entry.
func (d *dictPass) item(local string, attrs []xmltok.Attr) key {
	var id, name, precision []byte
	for i := range attrs {
		if len(attrs[i].Prefix) > 0 {
			continue
		}
		switch string(attrs[i].Local) {
		case "id":
			id = trim(attrs[i].Value)
		case "name":
			name = attrs[i].Value
		case "precision":
			precision = trim(attrs[i].Value)
		}
	}
	if len(id) == 0 || len(trim(name)) == 0 {
		d.flag(codeDictID, "%s has id %s and name %s", local, clip(id), clip(name))
	}
	if len(d.path) > 0 {
		d.path = append(d.path, '/')
	}
	d.path = append(d.path, name...)
	if len(id) == 0 {
		return textKey
	}
	k := d.c.keys.of(id)
	if d.kind == schema.Categories || d.kind == schema.Series {
		if slices.ContainsFunc(d.stack, func(f dictFrame) bool { return f.item && f.id == k }) {
			d.flag(codeCategoryLoop, "%s %s stands below an entry of the same id", local, clip(id))
			return k
		}
	}
	fresh := d.remember(local, k, precision)
	if !fresh {
		d.flag(codeDictDuplicate, "%s %s stands there twice", local, clip(id))
	}
	return k
}

// remember keeps an entry for references to it, and reports whether it is new.
func (d *dictPass) remember(local string, k key, precision []byte) (fresh bool) {
	x := d.x
	kept := true
	switch {
	case d.kind == schema.Sizes && local == "group":
		var v *struct{}
		v, fresh = x.groups.put(k)
		kept = v != nil
	case d.kind == schema.Sizes:
		group := d.stack[len(d.stack)-1].id
		v, first := x.sizes.put(d.c.keys.pair(group, k))
		w, _ := x.anySize.put(k)
		fresh, kept = first, v != nil && w != nil
	default:
		kind := d.kind
		switch local {
		case "section":
			kind = kindSection
		case "value":
			kind = kindValue
		}
		var v *entry
		v, fresh = x.entries[kind].put(k)
		if kept = v != nil; kept {
			v.path = d.c.keys.path(d.path)
			if len(precision) == 1 && isDigits(precision) {
				v.digits = precision[0] - '0' + 1
			}
		}
	}
	x.partial = x.partial || !kept
	return fresh
}

// terms judges what a warranty promises (IOF 7.7).
func (d *dictPass) terms(attrs []xmltok.Attr) {
	said := map[string]string{}
	for i := range attrs {
		if len(attrs[i].Prefix) == 0 {
			said[string(attrs[i].Local)] = string(trim(attrs[i].Value))
		}
	}
	d.period([]byte(said["period_number"]))
	var lacking []string
	for _, name := range [...]string{"type", "period_number", "period_unit"} {
		if said[name] == "" {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) > 0 {
		d.flag(codeWarrantyTerms, "terms has no %s", joined(lacking))
	}
	if kind := said["type"]; kind != "" && kind != "seller" && kind != "producer" && kind != "none" {
		d.flag(codeWarrantyTerms, "the type is %s", clip(kind))
	}
	if n := parseNumber([]byte(said["period_number"])); n.ok && n.v%scale != 0 {
		d.flag(codeWarrantyTerms, "the period is %s", clip(said["period_number"]))
	}
	if unit := said["period_unit"]; unit != "" && unit != "month" {
		d.flag(codeWarrantyTerms, "the unit is %s", clip(unit))
	}
}

// period judges a warranty period, which counts months.
func (p *pass) period(value []byte) {
	if n := parseNumber(value); n.ok && n.v > 120*scale {
		p.flag(codeWarrantyPeriod, "the period is %s months", bytes.TrimSpace(value))
	}
}

// lang judges the language of a text.
func (p *pass) lang(attrs []xmltok.Attr) (code []byte) {
	for i := range attrs {
		if attrs[i].Space == xmltok.XMLNamespace && string(attrs[i].Local) == "lang" {
			p.code("xml:lang", attrs[i].Value)
			return attrs[i].Value
		}
	}
	p.flag(codeLangMissing, "the text has no xml:lang")
	return nil
}

func (d *dictPass) end() {
	f := d.stack[len(d.stack)-1]
	d.stack = d.stack[:len(d.stack)-1]
	d.path = d.path[:f.path]
	if d.inName {
		d.inName = false
		if d.text.mixed() {
			d.flag(codeTextMixed, "the text has several styles or sections")
		}
		if !d.text.full {
			d.flag(codeEmpty, "the text is empty")
		}
		d.text.on = false
	}
}
