package grammar

import (
	"iter"
	"strconv"
	"strings"
)

// particle is a term of a content model with its occurrences.
type particle struct {
	min, max int // max -1 for unbounded
	element  *Element
	any      *Wildcard
	choice   bool // of kids; otherwise a sequence
	kids     []*particle
}

// empty reports whether the particle can never match an element.
func (p *particle) empty() bool {
	if p == nil || p.max == 0 {
		return true
	}
	if p.element != nil || p.any != nil {
		return false
	}
	for _, k := range p.kids {
		if !k.empty() {
			return false
		}
	}
	return true
}

func splitFields(s string) iter.Seq[string] { return strings.FieldsSeq(s) }

// occurs reads minOccurs and maxOccurs.
func occurs(n *node) (lo, hi int, err error) {
	number := func(key string) (int, error) {
		s, ok := n.attrs[key]
		if !ok {
			return 1, nil
		}
		if s == "unbounded" && key == "maxOccurs" {
			return -1, nil
		}
		v, err := strconv.ParseUint(s, 10, 31)
		if err != nil {
			return 0, n.errorf("%s=%q is not a count", key, s)
		}
		return int(v), nil
	}
	if lo, err = number("minOccurs"); err != nil {
		return
	}
	if hi, err = number("maxOccurs"); err != nil {
		return
	}
	if hi >= 0 && lo > hi {
		err = n.errorf("minOccurs is greater than maxOccurs")
	}
	return
}

// particle compiles sequence, choice, element, any or a group reference.
func (c *compiler) particle(n *node, d *document) (*particle, error) {
	lo, hi, err := occurs(n)
	if err != nil {
		return nil, err
	}
	p := &particle{min: lo, max: hi}
	switch n.name {
	case "element":
		p.element, err = c.localElement(n, d)
	case "any":
		if err = n.only("namespace", "processContents", "minOccurs", "maxOccurs"); err == nil {
			p.any, err = wildcard(n, d)
		}
	case "sequence", "choice":
		p.choice = n.name == "choice"
		if err = n.only("minOccurs", "maxOccurs"); err != nil {
			return nil, err
		}
		for _, k := range n.kids {
			kid, err := c.particle(k, d)
			if err != nil {
				return nil, err
			}
			p.kids = append(p.kids, kid)
		}
		if p.choice && p.empty() && lo > 0 {
			return nil, n.errorf("an empty xs:choice can never be satisfied")
		}
	case "group":
		if err = n.only("ref", "minOccurs", "maxOccurs"); err != nil {
			return nil, err
		}
		g, ok := c.groups[n.refs["ref"]]
		if !ok {
			return nil, n.errorf("group %q is not known", n.attrs["ref"])
		}
		kid, err := c.groupParticle(g)
		if err != nil {
			return nil, err
		}
		p.kids = []*particle{kid}
	default:
		return nil, n.errorf("xs:%s is not supported here", n.name)
	}
	return p, err
}

// groupParticle compiles the body of a named model group.
func (c *compiler) groupParticle(g component) (*particle, error) {
	if c.busy[g.node] {
		return nil, g.errorf("group %q contains itself", g.attrs["name"])
	}
	c.busy[g.node] = true
	defer delete(c.busy, g.node)
	if len(g.kids) != 1 || g.kids[0].name != "sequence" && g.kids[0].name != "choice" {
		return nil, g.errorf("a group holds one xs:sequence or xs:choice")
	}
	return c.particle(g.kids[0], g.doc)
}

// localElement compiles an element inside a model: declared there, or a
// reference to a global one.
func (c *compiler) localElement(n *node, d *document) (*Element, error) {
	if err := n.only("name", "ref", "type", "nillable", "form", "minOccurs", "maxOccurs"); err != nil {
		return nil, err
	}
	if ref, ok := n.refs["ref"]; ok {
		if _, known := c.elements[ref]; !known {
			return nil, n.errorf("element %q is not known", n.attrs["ref"])
		}
		return c.globalElement(ref) // its type may still be unfinished: recursion
	}
	if n.attrs["name"] == "" {
		return nil, n.errorf("xs:element needs name or ref")
	}
	e := &Element{Name: Name{d.formSpace(n, "elementFormDefault"), n.attrs["name"]}}
	return e, c.elementBody(e, n, d)
}

// all compiles an xs:all group.
func (c *compiler) all(t *Type, n *node, d *document) error {
	lo, hi, err := occurs(n)
	if err != nil {
		return err
	}
	if lo != 1 || hi != 1 {
		return n.errorf("an optional xs:all is not supported")
	}
	if err := n.only("minOccurs", "maxOccurs"); err != nil {
		return err
	}
	seen := map[Name]bool{}
	for _, k := range n.kids {
		if k.name != "element" {
			return k.errorf("xs:%s is not allowed in xs:all", k.name)
		}
		lo, hi, err := occurs(k)
		if err != nil {
			return err
		}
		if hi != 1 || lo > 1 {
			return k.errorf("an element of xs:all occurs at most once")
		}
		e, err := c.localElement(k, d)
		if err != nil {
			return err
		}
		if seen[e.Name] {
			return k.errorf("element %q is ambiguous: it is in this xs:all already", e.Name.Local)
		}
		seen[e.Name] = true
		t.All = append(t.All, AllItem{e, lo == 1})
	}
	if len(t.All) > MaxAll {
		return n.errorf("more than %d elements in one xs:all are not supported", MaxAll)
	}
	return nil
}
