package schema

import (
	"slices"
	"strings"
)

// mutant is a document with one thing changed.
type mutant struct {
	kind    Kind
	element string // that was touched or inserted
	attr    string // that was touched or inserted
	within  string // the parent of an inserted element
	op      string
	doc     []byte
}

// badValues break one facet or another of every type that the schemas use;
// some are odd but right.
var badValues = []string{"", " ", "x y", "ż", "1", "0", "-1", "-1.00", "-1.", "-100", "-1e0", "-2", "+1", "007", "1.5", "1,5", ".5", "1.", "1e3", "INF", "NaN",
	"256", "2147483648", "99999999999999999999", " 7 ", "7\n", "yes", "y", "YES", "true", "IOF", "3.00", "pol", "pl", "PLN", "pl-PL", "gtin13", "Gtin13",
	"2026-03-02 10:00:00", "2026-03-02T10:00:00", "2026.03.02 10:00:00+01:00", "2026-13-41 99:99:99", "2026-02-30T10:00:00", "2026-03-02",
	"http://a.example/b c", "http://a.example/%zz", "http://[::1]:80/ż?a=b#c#d", "a:b", "1a:b", "CONTEXT_COLOR", "HEEL_HEIGHT", "CONTEXT_STATE_NEW",
	"bundle", "specified", "wholesaler", "client_chooses_size", strings.Repeat("long ", 60)}

// mutants makes every change once for each distinct place of a sample: a
// place is a path of names without positions, so repetitions add nothing.
func mutants(kind Kind, root *node, turn int) []mutant {
	m := &mutator{turn: turn, kind: kind, root: root, places: map[string]bool{}}
	m.visit(nil, root, "")
	return m.out
}

type mutator struct {
	turn   int // which part of the values is due
	kind   Kind
	root   *node
	places map[string]bool
	out    []mutant
}

// some picks n of the changes, others each time, so that every change meets
// many places without the test taking minutes.
func some[T any](m *mutator, all []T, n int) []T {
	out := make([]T, 0, n)
	for i := range n {
		out = append(out, all[(m.turn+i*len(all)/n)%len(all)])
	}
	m.turn++
	return out
}

func (m *mutator) emit(element, attr, op string) {
	m.out = append(m.out, mutant{kind: m.kind, element: element, attr: attr, op: op, doc: m.root.bytes()})
}

func (m *mutator) insert(element, within, op string) {
	m.emit(element, "", op+" to "+within)
	m.out[len(m.out)-1].within = within
}

func (m *mutator) visit(parent, n *node, path string) {
	path += "/" + n.name
	first := !m.places[path]
	m.places[path] = true
	for i := range n.attrs {
		at := path + "@" + n.attrs[i].name
		if m.places[at] || strings.HasPrefix(n.attrs[i].name, "xmlns") {
			continue
		}
		m.places[at] = true
		m.attribute(n, i)
	}
	if first {
		m.extraAttributes(n)
		m.content(n)
		if parent != nil {
			m.element(parent, n)
		}
	}
	for _, k := range n.elements() {
		m.visit(n, k, path)
	}
}

// attribute changes one attribute.
func (m *mutator) attribute(n *node, i int) {
	old := n.attrs
	name := old[i].name
	n.attrs = slices.Delete(slices.Clone(old), i, i+1)
	m.emit(n.name, name, "delete attribute")
	n.attrs = slices.Clone(old)
	for _, v := range some(m, badValues, 9) {
		n.attrs[i].value = v
		m.emit(n.name, name, "value "+v)
	}
	n.attrs[i].value = old[i].value
	n.attrs[i].name = name + "x"
	m.emit(n.name, name+"x", "rename attribute "+name)
	local := name[strings.IndexByte(name, ':')+1:]
	for _, other := range []string{strings.ToUpper(name), "iaiext:" + local, "foreign:" + local} {
		if other == name || slices.ContainsFunc(old, func(a attr) bool { return a.name == other }) {
			continue
		}
		n.attrs[i].name = other
		m.withPrefixes(func() { m.emit(n.name, other, "rename attribute "+name) })
	}
	n.attrs = old
}

// withPrefixes declares the prefixes that changes use on the root.
func (m *mutator) withPrefixes(use func()) {
	old := m.root.attrs
	attrs := slices.Clone(old)
	for _, a := range []attr{{"xmlns:iaiext", extensions}, {"xmlns:foreign", "urn:foreign"},
		{"xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"}, {"xmlns:xs", "http://www.w3.org/2001/XMLSchema"}} {
		if !slices.ContainsFunc(attrs, func(b attr) bool { return a.name == b.name }) {
			attrs = append(attrs, a)
		}
	}
	m.root.attrs = attrs
	use()
	m.root.attrs = old
}

// extraAttributes adds attributes that do not belong, or perhaps do.
func (m *mutator) extraAttributes(n *node) {
	for _, a := range some(m, []attr{{"surplus", "1"}, {"id", "a b"}, {"name", "2 szt"}, {"xml:lang", "pol"}, {"xml:lang", ""}, {"xml:lang", "po lski"}, {"xml:base", "x"},
		{"iaiext:surplus", "1"}, {"iaiext:weight_net", "ciężki"}, {"iaiext:code_external", "E"}, {"foreign:x", "1"},
		{"xsi:nil", "true"}, {"xsi:nil", "false"}, {"xsi:nil", "maybe"}, {"xsi:type", "xs:string"}, {"xsi:type", "xs:nothing"}}, 4) {
		if slices.ContainsFunc(n.attrs, func(b attr) bool { return a.name == b.name }) {
			continue
		}
		m.withPrefixes(func() {
			old := n.attrs
			n.attrs = append(slices.Clone(old), a)
			m.emit(n.name, a.name, "add attribute "+a.name+"="+a.value)
			n.attrs = old
		})
	}
}

// content changes what is inside an element.
func (m *mutator) content(n *node) {
	text := func(op, raw string) {
		n.splice(append(slices.Clone(n.kids), raw), func() { m.emit(n.name, "", op) })
	}
	text("add text", "stray text")
	text("add white space", "\n ")
	text("add cdata", "<![CDATA[x]]>")
	text("add reference to blank", "&#32;")
	text("add comment", "<!-- x -->")
	text("add instruction", "<?p x?>")
	if len(n.kids) > 0 {
		n.splice(nil, func() { m.emit(n.name, "", "empty") })
		n.splice([]any{" "}, func() { m.emit(n.name, "", "blank") })
		for _, v := range some(m, badValues, 5) {
			n.splice([]any{escape(v)}, func() { m.emit(n.name, "", "text "+v) })
		}
	}
	for _, raw := range some(m, []string{`<surplus/>`, `<name/>`, `<price net="1"/>`, `<price net="x"/>`, `<product id="1"/>`, `<size/>`, `<sizes/>`, `<stock id="1"/>`, `<offer/>`,
		`<iaiext:surplus a="1"><b>c</b><price net="x"/></iaiext:surplus>`, `<iaiext:meta_title>x</iaiext:meta_title>`, `<iaiext:price net="x"/>`, `<iaiext:price net="1"/>`,
		`<iaiext:visibility/>`, `<iaiext:visibility><iaiext:site/></iaiext:visibility>`, `<iaiext:visibility><iaiext:other/></iaiext:visibility>`,
		`<iaiext:deliverer/>`, `<iaiext:priority level="1"/>`, `<iaiext:sum_in_basket value="perhaps"/>`, `<iaiext:strikethrough_retail_price xsi:nil="true"/>`,
		`<iaiext:x><iaiext:deliverer/></iaiext:x>`, `<iaiext:x iaiext:weight_net="x"/>`, `<foreign:surplus/>`, `<iaiext:size_chart xml:lang="po lski"/>`}, 6) {
		name, _, _ := strings.Cut(strings.TrimLeft(raw, "<"), " ")
		name = strings.TrimRight(strings.SplitN(name, ">", 2)[0], "/")
		m.withPrefixes(func() {
			if m.turn++; m.turn%2 == 0 {
				n.splice(append(slices.Clone(n.kids), raw), func() { m.insert(name, n.name, "append "+raw) })
			} else {
				n.splice(append([]any{raw}, n.kids...), func() { m.insert(name, n.name, "prepend "+raw) })
			}
		})
	}
}

// element changes an element among its siblings.
func (m *mutator) element(parent, n *node) {
	defer func(from int) {
		for j := range m.out[from:] {
			m.out[from+j].within = parent.name
		}
	}(len(m.out))
	i := slices.IndexFunc(parent.kids, func(k any) bool { return k == any(n) })
	without := slices.Delete(slices.Clone(parent.kids), i, i+1)
	parent.splice(without, func() { m.emit(n.name, "", "delete") })
	parent.splice(slices.Insert(slices.Clone(parent.kids), i, any(n)), func() { m.emit(n.name, "", "duplicate") })
	parent.splice(append([]any{n}, without...), func() { m.emit(n.name, "", "move to front") })
	parent.splice(append(slices.Clone(without), n), func() { m.emit(n.name, "", "move to end") })
	if kids := n.elements(); len(kids) > 0 { // unwrap
		parent.splice(slices.Replace(slices.Clone(parent.kids), i, i+1, n.kids...), func() { m.emit(kids[0].name, "", "unwrap "+n.name) })
	}
	wrapper := &node{name: "wrapper", kids: []any{n}}
	parent.splice(slices.Replace(slices.Clone(parent.kids), i, i+1, any(wrapper)), func() { m.emit("wrapper", "", "wrap "+n.name) })
	old := *n
	local := n.name[strings.IndexByte(n.name, ':')+1:]
	for _, other := range []string{n.name + "x", strings.ToUpper(n.name), "foreign:" + local, "iaiext:" + local, local, parent.name} {
		if other == n.name {
			continue
		}
		n.name = other
		m.withPrefixes(func() { m.emit(n.name, "", "rename "+old.name) })
		n.name = old.name
	}
	n.attrs = append(slices.Clone(old.attrs), attr{"xmlns", "urn:foreign"})
	m.emit("foreign:"+n.name, "", "foreign default namespace")
	n.attrs = append(slices.Clone(old.attrs), attr{"xmlns", ""})
	m.emit(n.name, "", "no default namespace")
	n.attrs = old.attrs
}
