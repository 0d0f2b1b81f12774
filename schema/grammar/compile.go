package grammar

import (
	"io/fs"
	"slices"
)

// component is a global declaration and the document it stands in.
type component struct {
	*node
	doc *document
}

// compiler holds what is known while a Schema is being compiled.
type compiler struct {
	fsys fs.FS
	docs map[string]*document

	elements, attributes, types, groups, attrGroups map[Name]component

	schema  *Schema
	simples map[Name]*Simple // named simple types, compiled
	busy    map[*node]bool   // simple types, groups and attribute groups being compiled
}

// Compile reads the schema document file in fsys with everything it includes
// and imports by relative location, and compiles it. Errors name file and line.
func Compile(fsys fs.FS, file string) (*Schema, error) {
	c := &compiler{fsys: fsys, docs: map[string]*document{},
		elements: map[Name]component{}, attributes: map[Name]component{}, types: map[Name]component{},
		groups: map[Name]component{}, attrGroups: map[Name]component{},
		schema:  &Schema{Elements: map[Name]*Element{}, Attributes: map[Name]*Simple{}, Types: map[Name]*Type{}},
		simples: map[Name]*Simple{}, busy: map[*node]bool{}}
	if err := c.load(file, nil); err != nil {
		return nil, err
	}
	for name, s := range builtins {
		c.simples[Name{XSDNamespace, name}] = s
		c.schema.Types[Name{XSDNamespace, name}] = s.asType()
	}
	c.schema.Types[Name{XSDNamespace, "anyType"}] = AnyType
	for name, t := range c.schema.Types {
		if s := c.simples[name]; s != nil && s.base != nil {
			t.base = c.schema.Types[Name{XSDNamespace, s.base.builtin}]
		}
	}
	for _, name := range sorted(c.types) {
		if _, err := c.namedType(name); err != nil {
			return nil, err
		}
	}
	for _, name := range sorted(c.attributes) {
		if _, err := c.globalAttribute(name); err != nil {
			return nil, err
		}
	}
	for _, name := range sorted(c.elements) {
		if _, err := c.globalElement(name); err != nil {
			return nil, err
		}
	}
	// Groups that nothing uses must be right as well.
	for _, name := range sorted(c.attrGroups) {
		if err := c.attributesOf(c.attrGroups[name].node, c.attrGroups[name].doc, &Type{}); err != nil {
			return nil, err
		}
	}
	for _, name := range sorted(c.groups) {
		if _, err := c.groupParticle(c.groups[name]); err != nil {
			return nil, err
		}
	}
	return c.schema, nil
}

// AnyType is xs:anyType, the type of what a lax wildcard lets through without
// a declaration.
var AnyType = &Type{Name: "xs:anyType", Content: Mixed, Any: true,
	AnyAttr: &Wildcard{Process: Lax, any: true},
	Model: &Model{States: []State{{Accept: true,
		Edges: []Edge{{Any: &Wildcard{Process: Lax, any: true}}}}}}}

func sorted(table map[Name]component) []Name {
	names := make([]Name, 0, len(table))
	for n := range table {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b Name) int {
		if a.Space != b.Space {
			if a.Space < b.Space {
				return -1
			}
			return 1
		}
		if a.Local < b.Local {
			return -1
		}
		return 1
	})
	return names
}

// globalElement compiles a global element once.
func (c *compiler) globalElement(name Name) (*Element, error) {
	if e, ok := c.schema.Elements[name]; ok {
		return e, nil
	}
	n := c.elements[name]
	if err := n.only("name", "type", "nillable"); err != nil {
		return nil, err
	}
	e := &Element{Name: name}
	c.schema.Elements[name] = e
	return e, c.elementBody(e, n.node, n.doc)
}

// elementBody fills in type and nillable of a declaration.
func (c *compiler) elementBody(e *Element, n *node, d *document) error {
	switch n.attrs["nillable"] {
	case "true", "1":
		e.Nillable = true
	case "", "false", "0":
	default:
		return n.errorf("nillable must be true or false")
	}
	if ref, ok := n.refs["type"]; ok {
		if len(n.kids) > 0 {
			return n.errorf("an element has either a type attribute or a type inside")
		}
		t, err := c.typeByName(n, ref)
		e.Type = t
		return err
	}
	switch {
	case len(n.kids) == 0:
		e.Type = AnyType
		return nil
	case len(n.kids) > 1 || n.kids[0].attrs["name"] != "":
		return n.errorf("an element holds one anonymous type")
	case n.kids[0].name == "complexType":
		e.Type = &Type{}
		return c.complexType(e.Type, n.kids[0], d)
	case n.kids[0].name == "simpleType":
		s, err := c.simpleType(n.kids[0])
		if err != nil {
			return err
		}
		e.Type = s.asType()
		return nil
	}
	return n.kids[0].errorf("xs:%s inside xs:element is not supported", n.kids[0].name)
}

// typeByName finds a named or built-in type.
func (c *compiler) typeByName(n *node, name Name) (*Type, error) {
	if t, ok := c.schema.Types[name]; ok {
		return t, nil
	}
	if _, ok := c.types[name]; !ok {
		return nil, n.errorf("type %q is not known or not supported", name.Local)
	}
	return c.namedType(name)
}

// namedType compiles a named type once; recursion meets the unfinished type.
func (c *compiler) namedType(name Name) (*Type, error) {
	if t, ok := c.schema.Types[name]; ok {
		return t, nil
	}
	n := c.types[name]
	if n.name == "simpleType" {
		s, err := c.simpleByName(n.node, name)
		if err != nil {
			return nil, err
		}
		t := s.asType()
		if s.base != nil && s.base.builtin != "" {
			t.base = c.schema.Types[Name{XSDNamespace, s.base.builtin}]
		} else if s.base != nil {
			t.base = c.typeOf(s.base)
		}
		c.schema.Types[name] = t
		return t, nil
	}
	t := &Type{Name: name.Local}
	c.schema.Types[name] = t
	return t, c.complexType(t, n.node, n.doc)
}

// typeOf finds the Type made of a named simple type.
func (c *compiler) typeOf(s *Simple) *Type {
	for name, other := range c.simples {
		if other == s {
			if t, ok := c.schema.Types[name]; ok {
				return t
			}
			if t, err := c.namedType(name); err == nil {
				return t
			}
		}
	}
	return s.asType()
}

// complexType compiles a complex type into t.
func (c *compiler) complexType(t *Type, n *node, d *document) error {
	if err := n.only("name", "mixed"); err != nil {
		return err
	}
	mixed := false
	switch n.attrs["mixed"] {
	case "true", "1":
		mixed = true
	case "", "false", "0":
	default:
		return n.errorf("mixed must be true or false")
	}
	kids := n.kids
	if len(kids) > 0 && kids[0].name == "simpleContent" {
		if len(kids) > 1 || mixed {
			return n.errorf("simpleContent must stand alone in a type that is not mixed")
		}
		return c.simpleContent(t, kids[0], d)
	}
	var body *particle
	if len(kids) > 0 {
		switch kids[0].name {
		case "sequence", "choice", "group":
			p, err := c.particle(kids[0], d)
			if err != nil {
				return err
			}
			body = p
			kids = kids[1:]
		case "all":
			if err := c.all(t, kids[0], d); err != nil {
				return err
			}
			kids = kids[1:]
		}
	}
	switch {
	case mixed:
		t.Content = Mixed
	case len(t.All) > 0 || !body.empty():
		t.Content = ElementOnly
	default:
		t.Content = Empty
	}
	if len(t.All) > 0 && mixed {
		return n.errorf("mixed content with xs:all is not supported")
	}
	if !body.empty() {
		m, err := newModel(body)
		if err != nil {
			return n.errorf("%v", err)
		}
		t.Model = m
	}
	return c.attributesOf(&node{file: n.file, line: n.line, name: n.name, kids: kids}, d, t)
}

// simpleContent compiles text with attributes, by extension.
func (c *compiler) simpleContent(t *Type, n *node, d *document) error {
	if len(n.kids) != 1 || n.kids[0].name != "extension" {
		return n.errorf("simpleContent is supported with one xs:extension only")
	}
	ext := n.kids[0]
	if err := ext.only("base"); err != nil {
		return err
	}
	base, err := c.typeByName(ext, ext.refs["base"])
	if err != nil {
		return err
	}
	if base.Content != SimpleText {
		return ext.errorf("the base of a simpleContent extension must be a simple type or have simple content")
	}
	t.Content, t.Text, t.base = SimpleText, base.Text, base
	t.Attrs, t.required, t.AnyAttr = slices.Clone(base.Attrs), base.required, base.AnyAttr
	return c.attributesOf(ext, d, t)
}

// attributesOf adds the attributes declared by the children of n to t.
func (c *compiler) attributesOf(n *node, d *document, t *Type) error {
	for _, k := range n.kids {
		if t.AnyAttr != nil && k.name == "attribute" {
			return k.errorf("anyAttribute must come last")
		}
		switch k.name {
		case "attribute":
			use, err := c.attributeUse(k, d)
			if err != nil {
				return err
			}
			for _, other := range t.Attrs {
				if other.Name == use.Name {
					return k.errorf("attribute %q is declared twice", use.Name.Local)
				}
			}
			if len(t.Attrs) == MaxAttrs {
				return k.errorf("more than %d attributes in one type are not supported", MaxAttrs)
			}
			if use.Required {
				t.required |= 1 << len(t.Attrs)
			}
			t.Attrs = append(t.Attrs, use)
		case "attributeGroup":
			if err := k.only("ref"); err != nil {
				return err
			}
			g, ok := c.attrGroups[k.refs["ref"]]
			if !ok {
				return k.errorf("attribute group %q is not known", k.attrs["ref"])
			}
			if c.busy[g.node] {
				return k.errorf("attribute group %q contains itself", k.attrs["ref"])
			}
			c.busy[g.node] = true
			err := c.attributesOf(g.node, g.doc, t)
			delete(c.busy, g.node)
			if err != nil {
				return err
			}
		case "anyAttribute":
			if t.AnyAttr != nil {
				return k.errorf("two attribute wildcards in one type are not supported")
			}
			w, err := wildcard(k, d)
			if err != nil {
				return err
			}
			if err := k.only("namespace", "processContents"); err != nil {
				return err
			}
			t.AnyAttr = w
		default:
			return k.errorf("xs:%s is not supported here", k.name)
		}
	}
	return nil
}

// attributeUse compiles a local attribute or a reference to a global one.
func (c *compiler) attributeUse(n *node, d *document) (AttrUse, error) {
	if err := n.only("name", "ref", "type", "use", "form"); err != nil {
		return AttrUse{}, err
	}
	use := AttrUse{}
	switch n.attrs["use"] {
	case "required":
		use.Required = true
	case "", "optional":
	default:
		return use, n.errorf("use=%q is not supported", n.attrs["use"])
	}
	if ref, ok := n.refs["ref"]; ok {
		if _, known := c.attributes[ref]; !known {
			return use, n.errorf("attribute %q is not known", n.attrs["ref"])
		}
		s, err := c.globalAttribute(ref)
		use.Name, use.Type = ref, s
		return use, err
	}
	if n.attrs["name"] == "" {
		return use, n.errorf("xs:attribute needs name or ref")
	}
	use.Name = Name{d.formSpace(n, "attributeFormDefault"), n.attrs["name"]}
	s, err := c.attributeType(n)
	use.Type = s
	return use, err
}

// formSpace is the namespace of a local declaration.
func (d *document) formSpace(n *node, fallback string) string {
	form := n.attrs["form"]
	if form == "" {
		form = d.root.attrs[fallback]
	}
	if form == "qualified" {
		return d.target
	}
	return ""
}

// globalAttribute compiles a global attribute once.
func (c *compiler) globalAttribute(name Name) (*Simple, error) {
	if s, ok := c.schema.Attributes[name]; ok {
		return s, nil
	}
	n := c.attributes[name]
	if err := n.only("name", "type"); err != nil {
		return nil, err
	}
	s, err := c.attributeType(n.node)
	if err == nil {
		c.schema.Attributes[name] = s
	}
	return s, err
}

// attributeType compiles the type of an attribute declaration.
func (c *compiler) attributeType(n *node) (*Simple, error) {
	ref, named := n.refs["type"]
	switch {
	case named && len(n.kids) == 0:
		return c.simpleByName(n, ref)
	case !named && len(n.kids) == 0:
		return builtins["anySimpleType"], nil
	case !named && len(n.kids) == 1 && n.kids[0].name == "simpleType" && n.kids[0].attrs["name"] == "":
		return c.simpleType(n.kids[0])
	}
	return nil, n.errorf("an attribute has one simple type")
}

// wildcard compiles the namespace constraint of any and anyAttribute.
func wildcard(n *node, d *document) (*Wildcard, error) {
	w := &Wildcard{}
	switch n.attrs["processContents"] {
	case "", "strict":
	case "lax":
		w.Process = Lax
	case "skip":
		w.Process = Skip
	default:
		return nil, n.errorf("processContents=%q is not known", n.attrs["processContents"])
	}
	switch list := n.attrs["namespace"]; list {
	case "", "##any":
		w.any = true
	case "##other":
		w.not, w.spaces = true, []string{d.target}
	default:
		for s := range splitFields(list) {
			switch s {
			case "##targetNamespace":
				s = d.target
			case "##local":
				s = ""
			}
			w.spaces = append(w.spaces, s)
		}
	}
	if len(n.kids) > 0 {
		return nil, n.kids[0].errorf("xs:%s is not supported here", n.kids[0].name)
	}
	return w, nil
}
