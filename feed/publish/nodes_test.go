package publish

import (
	"bytes"
	"testing"
)

// TestNodeSize cuts lines where nodes end, and nowhere else.
func TestNodeSize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ node, rest string }{
		{"<product id=\"1\"></product>\n", "<product id=\"2\"></product>\n"},
		{"<product id=\"1\" removed=\"yes\"/>\n", "<product id=\"2\"></product>\n"},
		{"<product id=\"1\"><description><name xml:lang=\"pol\"><![CDATA[a]]></name></description></product>\n", "</products>"},
		{"<product id=\"1\"><x><![CDATA[</product>\n<product id=\"2\"></product>\n]]></x></product>\n", ""},
		{"<product id=\"1\"><x><![CDATA[ a[0] ]] > [<![CDATA[ \n]]></x>\n[\n<y><![CDATA[]]></y></product>\n", "<"},
		{"<product id=\"1\"><x><![CDATA[</prod]]>uct>\n</x></product>\n", ""},
		{"<product id=\"1\" code=\"[x]\">\n</product >\n</product>\n", "\n"},
		{"", "<product id=\"1\"></product>"},
		{"", "<product id=\"1\"><x><![CDATA[</product>\n"},
		{"", "</products>\n"},
		{"", ""},
	} {
		if got := nodeSize([]byte(c.node + c.rest)); got != len(c.node) {
			t.Errorf("%q: got %d bytes, want %d", c.node+c.rest, got, len(c.node))
		}
	}
}

// FuzzNodeSize compares with looking at one byte after the other.
func FuzzNodeSize(f *testing.F) {
	f.Add([]byte("<product id=\"1\"><x><![CDATA[</product>\n]]></x></product>\n<product id=\"2\"></product>\n"))
	f.Add([]byte("<product id=\"1\" removed=\"yes\"/>\n"))
	f.Add([]byte("<product id=\"1\">[[<![CDATA[]]]]></product>\n"))
	f.Add([]byte("<product id=\"1\">\n[\n<![CDATA[\n[\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := nodeSize(b), plainNodeSize(b); got != want {
			t.Errorf("%q: got %d, want %d", b, got, want)
		}
	})
}

func plainNodeSize(b []byte) int {
	if !bytes.HasPrefix(b, nodeStart) {
		return 0
	}
	for i := len(nodeStart); i < len(b); i++ {
		if b[i] != '"' {
			continue
		}
		if bytes.HasPrefix(b[i:], nodeRemoved) {
			return i + len(nodeRemoved)
		}
		break
	}
	text := false
	for i := len(nodeStart); i < len(b); i++ {
		switch {
		case text && bytes.HasPrefix(b[i:], cdataEnd):
			text = false
			i += len(cdataEnd) - 1
		case text:
		case bytes.HasPrefix(b[i:], cdataStart):
			text = true
			i += len(cdataStart) - 1
		case bytes.HasPrefix(b[i:], nodeEnd):
			return i + len(nodeEnd)
		}
	}
	return 0
}
