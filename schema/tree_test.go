package schema

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

// node is an element of a document that tests take apart and put together.
// Names stay as written.
type node struct {
	name  string
	attrs []attr
	kids  []any // *node, or string: raw markup
}

type attr struct{ name, value string }

// parseTree reads a document with encoding/xml, which shares no code with
// what is tested.
func parseTree(t testing.TB, doc []byte) *node {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(doc))
	stack := []*node{{}}
	for {
		tok, err := d.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		top := stack[len(stack)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			n := &node{name: rawName(tok.Name)}
			for _, a := range tok.Attr {
				n.attrs = append(n.attrs, attr{rawName(a.Name), a.Value})
			}
			top.kids = append(top.kids, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 1 {
				top.kids = append(top.kids, escape(string(tok)))
			}
		}
	}
	return stack[0].kids[0].(*node)
}

func rawName(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\t", "&#9;", "\r", "&#13;")

func escape(s string) string { return escaper.Replace(s) }

func (n *node) write(b *bytes.Buffer) {
	b.WriteString("<" + n.name)
	for _, a := range n.attrs {
		b.WriteString(" " + a.name + `="` + strings.ReplaceAll(escape(a.value), "\n", "&#10;") + `"`)
	}
	if len(n.kids) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteString(">")
	for _, k := range n.kids {
		switch k := k.(type) {
		case *node:
			k.write(b)
		case string:
			b.WriteString(k)
		}
	}
	b.WriteString("</" + n.name + ">")
}

func (n *node) bytes() []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	n.write(&b)
	b.WriteString("\n")
	return b.Bytes()
}

// elements are the child elements.
func (n *node) elements() []*node {
	var out []*node
	for _, k := range n.kids {
		if k, ok := k.(*node); ok {
			out = append(out, k)
		}
	}
	return out
}

// prune keeps at most some children of a name, all the way down, so that long
// samples make short mutants.
func (n *node) prune(most int) {
	count := map[string]int{}
	var kept []any
	for _, k := range n.kids {
		if k, ok := k.(*node); ok {
			if count[k.name]++; count[k.name] > most {
				continue
			}
			k.prune(most)
		}
		kept = append(kept, k)
	}
	n.kids = kept
}

// splice replaces kids[i] for the duration of use.
func (n *node) splice(kids []any, use func()) {
	old := n.kids
	n.kids = kids
	use()
	n.kids = old
}
