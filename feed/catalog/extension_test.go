package catalog

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

func TestCheckExtension(t *testing.T) {
	t.Parallel()
	var checker extensionChecker
	for _, c := range []struct{ xml, name, err string }{
		{`<iaiext:note>x</iaiext:note>`, "note", ""},
		{"\n<iaiext:sell_by><iaiext:retail quantity=\"1\"/></iaiext:sell_by> ", "sell_by", ""},
		{`<iaiext:a xml:lang="pol" b="1"><plain c='xmlns'/><!-- xmlns --><![CDATA[<x xmlns="u">]]></iaiext:a>`, "a", ""},
		{``, "", "is not an element"},
		{`text`, "", "has text outside its element"},
		{`<iaiext:a/>text`, "", "has text outside its element"},
		{`<iaiext:a/><!-- c -->`, "", "has a comment outside its element"},
		{`<iaiext:a/><iaiext:b/>`, "", "is more than one element"},
		{`<a/>`, "", "<a> has no prefix iaiext"},
		{`<xml:a/>`, "", "<xml:a> has no prefix iaiext"},
		{`<iaiext:a><?php x ?></iaiext:a>`, "", "has a processing instruction"},
		{`<iaiext:a xmlns="u"/>`, "", "<iaiext:a> declares"},
		{`<iaiext:a xmlns:b="u"/>`, "", "declares a namespace"},
		{`<iaiext:a xmlns:iaiext="u"/>`, "", "another namespace"},
		{`<iaiext:a><iaiext:b c=">" xmlns:d="u"/></iaiext:a>`, "", "declares a namespace"},
		{`<iaiext:ż/>`, "", "not ASCII"},
		{`<iaiext:a ż="1"/>`, "", "not ASCII"},
		{`<iaiext:a>`, "", "is not well-formed: line 1, column 11: "},
		{"<iaiext:a>\n</b>", "", "is not well-formed: line 2, column 1: "},
		{`<iaiext:a b="1" b="2"/>`, "", "is not well-formed"},
		{`<other:a/>`, "", "is not well-formed"},
		{`<!DOCTYPE x><iaiext:a/>`, "", "is not well-formed"},
		{`<iaiext:a>&nbsp;</iaiext:a>`, "", "is not well-formed"},
		{`</x><iaiext:a/><x>`, "", "is not"},
		{`<iaiext:a>` + strings.Repeat("<b>", 40) + strings.Repeat("</b>", 40) + `</iaiext:a>`, "", "is not well-formed"},
	} {
		name, err := checker.check(c.xml)
		switch {
		case c.err == "" && (err != nil || name != c.name):
			t.Errorf("%s: got %q, %v, want %q", c.xml, name, err, c.name)
		case c.err == "<iaiext:a> declares":
			if err == nil {
				t.Errorf("%s: got no error", c.xml)
			}
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: got %v, want %s", c.xml, err, c.err)
		}
	}
}

// What is accepted is one element for any XML reader, wherever it is put.
func FuzzCheckExtension(f *testing.F) {
	for _, s := range []string{`<iaiext:note>x</iaiext:note>`, `<iaiext:a xml:lang="pol"><b c='d'/><![CDATA[<]]></iaiext:a>`, `<iaiext:a xmlns:b="u"/>`, `</x><iaiext:a/><x>`, `<iaiext:a>&#1;</iaiext:a>`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := new(extensionChecker).check(s)
		if err != nil {
			return
		}
		d := xml.NewDecoder(strings.NewReader(`<p xmlns:iaiext="` + extensionSpace + `">` + s + `</p>`))
		depth, roots := 0, 0
		for {
			tok, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%q: %v", s, err)
			}
			switch e := tok.(type) {
			case xml.StartElement:
				if depth++; depth == 2 {
					roots++
					if e.Name.Local != name || e.Name.Space != extensionSpace {
						t.Fatalf("%q: is %v, want %s", s, e.Name, name)
					}
				}
				if depth > 1 && e.Name.Space != "" && e.Name.Space != extensionSpace && e.Name.Space != "http://www.w3.org/XML/1998/namespace" {
					t.Fatalf("%q: namespace %s", s, e.Name.Space)
				}
			case xml.EndElement:
				depth--
			}
		}
		if roots != 1 {
			t.Fatalf("%q: %d elements", s, roots)
		}
	})
}
