package patch

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strings"

	"feedmill/schema/xmltok"
)

// Part is a part of a product node, as people speak of it.
type Part uint8

// The parts. PartForm is a difference in spelling alone.
const (
	PartPrice Part = iota
	PartStock
	PartTexts
	PartCategory
	PartProducer
	PartSizes
	PartImages
	PartParameters
	PartGroupRef
	PartBundle
	PartAttributes
	PartOther
	PartForm
	partCount
)

var partNames = [partCount]string{"price", "stock", "texts", "category", "producer", "sizes", "images", "parameters", "group", "bundle", "attributes", "other", "form"}

// String gives the part's name, such as "price".
func (p Part) String() string {
	if p < partCount {
		return partNames[p]
	}
	return ""
}

// MarshalText gives the name, for JSON.
func (p Part) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads the name.
func (p *Part) UnmarshalText(b []byte) error {
	i := slices.Index(partNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("%.40q is no part of a product", b)
	}
	*p = Part(i)
	return nil
}

// partOf gives the part that an element below a product belongs to (IOF 4.2);
// inside is that of the element around it.
func partOf(local string, depth int, inside Part) Part {
	switch {
	case inside == PartBundle || inside == PartPrice || inside == PartStock:
		return inside
	case strings.HasSuffix(local, "price") || local == "srp" || local == "promotion" || local == "points":
		return PartPrice
	case local == "stock":
		return PartStock
	case depth > 1:
		return inside
	}
	switch local {
	case "description":
		return PartTexts
	case "category", "category_idosell":
		return PartCategory
	case "producer":
		return PartProducer
	case "sizes":
		return PartSizes
	case "images":
		return PartImages
	case "parameters":
		return PartParameters
	case "group":
		return PartGroupRef
	case "bundled":
		return PartBundle
	}
	return PartOther
}

// parts fingerprints the parts of product nodes of one document.
type parts struct {
	seed   maphash.Seed // one for both documents
	head   []byte
	foot   []byte
	x      *xmltok.Reader
	sums   [partCount]uint64
	stack  []Part
	text   []byte
	buffer []byte
}

// newParts makes one; the closing tags are taken from the head, because the
// document's own foot is not known before its end.
func newParts(h *Head, seed maphash.Seed) *parts {
	return &parts{seed: seed, head: h.Append(nil), foot: []byte("</" + h.prefix + "products></" + string(h.raw[1:h.insert]) + ">"),
		x: xmltok.NewReader(strings.NewReader(""), xmltok.Limits{Token: maxNode, Subtree: maxNode, Bytes: -1, Elements: -1})}
}

// sum fingerprints one node.
func (p *parts) sum(node []byte) ([partCount]uint64, error) {
	p.x.Reset(io.MultiReader(bytes.NewReader(p.head), bytes.NewReader(node), bytes.NewReader(p.foot)))
	p.sums, p.stack, p.text = [partCount]uint64{}, p.stack[:0], p.text[:0]
	for {
		kind, err := p.x.Next()
		if errors.Is(err, io.EOF) {
			return p.sums, nil
		}
		if err != nil {
			return p.sums, xmlError(err)
		}
		depth := p.x.Depth() - 3 // 0 is the product itself
		if depth < 0 {
			continue
		}
		switch kind {
		case xmltok.Text, xmltok.CData:
			p.text = append(p.text, p.x.Text()...)
		case xmltok.StartElement:
			p.flush()
			part := PartAttributes
			if depth > 0 {
				part = partOf(string(p.x.Name().Local), depth, p.stack[len(p.stack)-1])
			}
			p.stack = append(p.stack, part)
			p.mix(part, p.element())
		case xmltok.EndElement:
			p.flush()
			part := p.stack[len(p.stack)-1]
			p.stack = p.stack[:len(p.stack)-1]
			p.mix(part, 1)
		}
	}
}

// flush takes in the text before a tag; blanks around elements are form.
func (p *parts) flush() {
	if t := bytes.TrimSpace(p.text); len(t) > 0 && len(p.stack) > 0 {
		p.mix(p.stack[len(p.stack)-1], maphash.Bytes(p.seed, t))
	}
	p.text = p.text[:0]
}

// element fingerprints a start tag, whatever the order of its attributes.
func (p *parts) element() uint64 {
	hash := func(n xmltok.Name, value []byte) uint64 {
		p.buffer = append(append(append(append(append(p.buffer[:0], n.Space...), 0), n.Local...), 0), value...)
		return maphash.Bytes(p.seed, p.buffer)
	}
	sum := hash(p.x.Name(), nil)
	for _, a := range p.x.Attrs() {
		sum += hash(a.Name, a.Value)
	}
	return sum
}

// mix adds to the fingerprint of a part what comes next in it.
func (p *parts) mix(part Part, v uint64) { p.sums[part] = (p.sums[part] ^ v) * 0x9E3779B97F4A7C15 }

// differingParts says in which parts the two nodes of a change differ.
func differingParts(before, now *parts, c Change) (differ [partCount]bool, err error) {
	a, err := before.sum(c.Old)
	if err != nil {
		return differ, err
	}
	b, err := now.sum(c.New)
	if err != nil {
		return differ, err
	}
	some := false
	for i := range a {
		differ[i] = a[i] != b[i]
		some = some || differ[i]
	}
	differ[PartForm] = !some
	return differ, nil
}

// partGroups gives the parts that anything differs in, the most frequent first.
func partGroups(groups *[partCount]Group) []PartGroup {
	list := []PartGroup{}
	for p := range partCount {
		if groups[p].Products > 0 {
			list = append(list, PartGroup{p, groups[p]})
		}
	}
	slices.SortStableFunc(list, func(a, b PartGroup) int { return cmp.Compare(b.Products, a.Products) })
	return list
}
