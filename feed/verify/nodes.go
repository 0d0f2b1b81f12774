package verify

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"

	"feedmill/feed"
	"feedmill/schema/xmltok"
)

// node is what is remembered of one product of a file: 24 bytes.
type node struct {
	id     uint64 // and the mark
	digest [16]byte
}

// mark stands in the highest bit of an id, which no id reaches: in a change
// file for a tombstone, in light for a product with stock.
const mark = 1 << 63

func (n *node) product() uint64 { return n.id &^ mark }
func (n *node) marked() bool    { return n.id&mark != 0 }

// head is what the roots of a file say.
type head struct {
	generated string // as written
	currency  string // of products
	language  string // of products, else of the root
}

// readContent reads the products of a file, or what its root says, and notes
// what is wrong with them. Being well-formed and valid is judged elsewhere;
// the error is about reading alone.
func readContent(b *book, f *entry, r io.Reader) error {
	if f.kind == feed.KindFullCSV || f.kind == feed.KindLightCSV {
		return readCSV(b, f, r)
	}
	in := bufio.NewReader(r)
	// The validator undoes compression, as it takes files from anywhere; who did
	// not ask for any gets these bytes as they are.
	if start, _ := in.Peek(2); string(start) == "\x1f\x8b" { // an error comes again from Read
		b.add(ruleXML, place{file: f.name}, "its own bytes are compressed, and not those of its twin alone")
		return nil
	}
	switch f.kind {
	case feed.KindFull, feed.KindLight, feed.KindFullChange:
		return readProducts(b, f, in)
	}
	return readHead(f, in)
}

// limits are those of our own files: nothing but one product's size is bounded.
var limits = xmltok.Limits{Elements: -1, Bytes: -1, Token: 16 << 20, Subtree: 64 << 20}

// readHead reads the root of a dictionary.
func readHead(f *entry, r io.Reader) error {
	x := xmltok.NewReader(r, limits)
	for {
		kind, err := x.Next()
		if err != nil {
			return readError(err)
		}
		if kind == xmltok.StartElement {
			f.head.root(x)
			return nil
		}
	}
}

func (h *head) root(x *xmltok.Reader) {
	h.generated, h.language = attr(x, "generated"), attr(x, "language")
}

func attr(x *xmltok.Reader, name string) string {
	if a := x.Attr("", name); a != nil {
		return string(a.Value)
	}
	return ""
}

// readError leaves only errors of reading: faults of XML are told by the
// validator, which reads the file too.
func readError(err error) error {
	var bad *xmltok.Error
	if err == io.EOF || errors.As(err, &bad) {
		return nil
	}
	return err
}

// products reads the product nodes of one file.
type products struct {
	*book
	f    *entry
	x    *xmltok.Reader
	kids uint8 // children that a complete node has
	last uint64
	told bool // of the order
}

// Children of a complete node of full or a change file.
const (
	kidDescription uint8 = 1 << iota
	kidPrice
	kidSizes
	kidAll = kidDescription | kidPrice | kidSizes
)

func readProducts(b *book, f *entry, r io.Reader) error {
	p := &products{book: b, f: f, x: xmltok.NewReader(r, limits)}
	for {
		kind, err := p.x.Next()
		if err != nil {
			p.settle()
			return readError(err)
		}
		if kind != xmltok.StartElement {
			continue
		}
		switch local := string(p.x.Name().Local); p.x.Depth() {
		case 1:
			f.head.root(p.x)
		case 2:
			if local == "products" {
				f.head.currency = attr(p.x, "currency")
				f.head.language = cmp.Or(attr(p.x, "language"), f.head.language)
			}
		case 3:
			if local != "product" {
				continue
			}
			if err := p.product(); err != nil {
				p.settle()
				return readError(err)
			}
		}
	}
}

// product reads one node to its end.
func (p *products) product() error {
	x := p.x
	pos := x.Pos()
	at := place{file: p.f.name, line: pos.Line, offset: pos.Offset}
	id := uint64(0)
	removed := false
	for _, a := range x.Attrs() {
		switch {
		case len(a.Prefix) > 0:
		case string(a.Local) == "id":
			if id = parseID(a.Value); id == 0 {
				p.add(ruleProductID, at, "its id is %.60q", a.Value)
			}
		case string(a.Local) == "removed":
			removed = string(a.Value) == "yes"
		}
	}
	x.Mark()
	defer x.Unmark()
	stock := false
	p.kids = 0
	for {
		kind, err := x.Next()
		if err != nil {
			return err
		}
		if kind == xmltok.EndElement && x.Depth() == 3 {
			break
		}
		if kind != xmltok.StartElement {
			continue
		}
		switch local := string(x.Name().Local); {
		case x.Depth() == 4 && local == "description":
			p.kids |= kidDescription
		case x.Depth() == 4 && local == "price":
			p.kids |= kidPrice
		case x.Depth() == 4 && local == "sizes":
			p.kids |= kidSizes
		case local == "stock":
			if a := x.Attr("", "quantity"); a != nil && slices.ContainsFunc(a.Value, func(c byte) bool { return '1' <= c && c <= '9' }) {
				stock = true
			}
		}
	}
	p.f.found++
	if id == 0 {
		return nil // told, or left to the schema, which wants an id
	}
	at.product = id
	sum := sha256.Sum256(x.Marked())
	n := node{id: id, digest: [16]byte(sum[:16])}
	switch {
	case p.f.kind == feed.KindLight:
		if stock {
			n.id |= mark
		}
	case p.f.kind == feed.KindFullChange && removed:
		n.id |= mark
	case p.kids != kidAll:
		p.add(ruleProductPartial, at, "the node lacks %s", p.lacking())
	}
	p.put(n, at)
	return nil
}

// parseID reads the id of a product, 0 for what can be none.
func parseID(text []byte) (id uint64) {
	if len(text) == 0 || len(text) > 16 || text[0] == '0' {
		return 0
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0
		}
		id = id*10 + uint64(c-'0')
	}
	if id > feed.MaxProductID {
		return 0
	}
	return id
}

func (p *products) lacking() string {
	var list []string
	for i, name := range []string{"description", "price", "sizes"} {
		if p.kids&(1<<i) == 0 {
			list = append(list, name)
		}
	}
	return strings.Join(list, ", ")
}

func (p *products) put(n node, at place) {
	id := n.product()
	switch {
	case id == p.last:
		p.add(ruleProductTwice, at, "its node stands there for the second time")
	case id < p.last && !p.told:
		p.told = true
		p.add(ruleProductOrder, at, "it follows product %d", p.last)
	}
	p.last = id
	p.f.list = append(p.f.list, n)
}

// settle brings the products of a file that was not in order into it.
func (p *products) settle() {
	if p.told {
		slices.SortStableFunc(p.f.list, func(a, b node) int { return cmp.Compare(a.product(), b.product()) })
		for i := 1; i < len(p.f.list); i++ {
			if id := p.f.list[i].product(); id == p.f.list[i-1].product() {
				p.add(ruleProductTwice, place{file: p.f.name, product: id}, "its node stands there for the second time")
			}
		}
	}
	p.f.list = slices.CompactFunc(p.f.list, func(a, b node) bool { return a.product() == b.product() })
}

// readCSV reads the ids of a CSV twin: one record a product, the id in the
// first column, which is called @id (IOF section 9).
func readCSV(b *book, f *entry, r io.Reader) error {
	src := &keepError{r: r}
	in := csv.NewReader(src)
	in.ReuseRecord = true
	p := &products{book: b, f: f}
	for first := true; ; first = false {
		record, err := in.Read()
		line, _ := 0, 0
		if err == nil {
			line, _ = in.FieldPos(0)
		}
		at := place{file: f.name, line: line}
		switch {
		case src.err != nil:
			return src.err
		case err == io.EOF:
			if first {
				b.add(ruleCSV, at, "it has no header")
			}
			p.settle()
			return nil
		case err != nil:
			b.add(ruleCSV, at, "%v", err)
			p.settle()
			return nil
		case first && record[0] != "@id":
			b.add(ruleCSV, at, "its first column is %.40q instead of @id", record[0])
			return nil
		case first:
			continue
		}
		f.found++
		id := parseID([]byte(record[0]))
		if id == 0 {
			b.add(ruleProductID, at, "its id is %.60q", record[0])
			continue
		}
		at.product = id
		p.put(node{id: id}, at)
	}
}
