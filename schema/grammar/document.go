package grammar

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"

	"feedmill/schema/xmltok"
)

// node is an element of a schema document.
type node struct {
	file  string
	line  int
	name  string            // local name in the XSD namespace
	attrs map[string]string // without a namespace
	refs  map[string]Name   // type, ref and base, resolved
	kids  []*node
}

// document is a schema document.
type document struct {
	file   string
	target string
	root   *node
}

// errorf reports a problem at the node.
func (n *node) errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", n.file, n.line, fmt.Sprintf(format, args...))
}

// only refuses attributes other than the named ones.
func (n *node) only(names ...string) error {
next:
	for a := range n.attrs {
		for _, known := range append(names, "id") {
			if a == known {
				continue next
			}
		}
		return n.errorf("attribute %s of xs:%s is not supported", a, n.name)
	}
	return nil
}

// parse reads one schema document. Annotations are dropped.
func parse(fsys fs.FS, file string) (*document, error) {
	f, err := fsys.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open schema: %w", err)
	}
	defer f.Close()
	r := xmltok.NewReader(f, xmltok.Limits{})
	var stack []*node
	var root *node
	for {
		kind, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read schema %s: %w", file, err)
		}
		switch kind {
		case xmltok.StartElement:
			n, err := parseNode(r, file)
			if err != nil {
				return nil, err
			}
			if n.name == "annotation" {
				if err := r.Skip(); err != nil {
					return nil, fmt.Errorf("read schema %s: %w", file, err)
				}
				continue
			}
			if len(stack) == 0 {
				root = n
			} else {
				top := stack[len(stack)-1]
				top.kids = append(top.kids, n)
			}
			stack = append(stack, n)
		case xmltok.EndElement:
			stack = stack[:len(stack)-1]
		case xmltok.Text, xmltok.CData:
			if !r.IsSpace() {
				return nil, stack[len(stack)-1].errorf("text %q is not allowed here", bytes.TrimSpace(r.Text()))
			}
		}
	}
	if root.name != "schema" {
		return nil, root.errorf("root element must be xs:schema")
	}
	return &document{file: file, target: root.attrs["targetNamespace"], root: root}, nil
}

func parseNode(r *xmltok.Reader, file string) (*node, error) {
	n := &node{file: file, line: r.Pos().Line, name: string(r.Name().Local),
		attrs: map[string]string{}, refs: map[string]Name{}}
	if r.Name().Space != XSDNamespace {
		return nil, n.errorf("element %s is not of the XML Schema namespace", r.Name())
	}
	for _, a := range r.Attrs() {
		if a.Space != "" {
			continue // foreign attributes are comments by definition
		}
		key, value := string(a.Local), string(bytes.Join(bytes.Fields(a.Value), []byte(" ")))
		if key == "value" {
			value = string(a.Value)
		}
		n.attrs[key] = value
		if key != "type" && key != "ref" && key != "base" {
			continue
		}
		prefix, local, found := bytes.Cut([]byte(value), []byte(":"))
		if !found {
			prefix, local = nil, prefix
		}
		space, ok := r.Lookup(prefix)
		if !ok {
			return nil, n.errorf("prefix of %q is not declared", value)
		}
		n.refs[key] = Name{space, string(local)}
	}
	return n, nil
}

// load reads a document and all it includes and imports.
func (c *compiler) load(file string, want *string) error {
	if d, ok := c.docs[file]; ok {
		if want != nil && d.target != *want {
			return fmt.Errorf("%s: target namespace %q, want %q", file, d.target, *want)
		}
		return nil
	}
	d, err := parse(c.fsys, file)
	if err != nil {
		return err
	}
	if want != nil && d.target != *want {
		return d.root.errorf("target namespace %q, want %q", d.target, *want)
	}
	c.docs[file] = d
	if err := d.root.only("targetNamespace", "elementFormDefault", "attributeFormDefault", "version"); err != nil {
		return err
	}
	for _, k := range d.root.kids {
		switch k.name {
		case "include", "import":
			if err := k.only("schemaLocation", "namespace"); err != nil {
				return err
			}
			location := k.attrs["schemaLocation"]
			if location == "" {
				return k.errorf("xs:%s without schemaLocation is not supported", k.name)
			}
			target := k.attrs["namespace"]
			if k.name == "include" {
				target = d.target
			} else if target == d.target {
				return k.errorf("a schema cannot import its own namespace")
			}
			if err := c.load(path.Join(path.Dir(file), location), &target); err != nil {
				return fmt.Errorf("%s:%d: %w", k.file, k.line, err)
			}
		default:
			if err := c.collect(d, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// collect remembers a global component under its name.
func (c *compiler) collect(d *document, n *node) error {
	var table map[Name]component
	switch n.name {
	case "element":
		table = c.elements
	case "attribute":
		table = c.attributes
	case "simpleType", "complexType":
		table = c.types
	case "group":
		table = c.groups
	case "attributeGroup":
		table = c.attrGroups
	default:
		return n.errorf("xs:%s is not supported", n.name)
	}
	name := Name{d.target, n.attrs["name"]}
	if !xmltok.IsNCName([]byte(name.Local)) {
		return n.errorf("xs:%s needs a name", n.name)
	}
	if other, ok := table[name]; ok {
		return n.errorf("%s %q is already declared at %s:%d", n.name, name.Local, other.file, other.line)
	}
	table[name] = component{n, d}
	return nil
}
