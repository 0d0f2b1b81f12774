package grammar

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// compileBody compiles a schema with the given components.
func compileBody(body string) (*Schema, error) {
	return Compile(fstest.MapFS{
		"s.xsd":     {Data: []byte("<?xml version=\"1.0\"?>\n<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:o=\"urn:o\">\n" + body + "\n</xs:schema>")},
		"other.xsd": {Data: []byte(`<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:o"><xs:attribute name="x" type="xs:int"/><xs:element name="e"/></xs:schema>`)},
		"plain.xsd": {Data: []byte(`<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:simpleType name="t"><xs:restriction base="xs:int"/></xs:simpleType></xs:schema>`)},
	}, "s.xsd")
}

// TestRefused: what is not understood is refused, with file and line, and
// never skipped.
func TestRefused(t *testing.T) {
	t.Parallel()
	complexly := func(inside string) string {
		return `<xs:element name="r"><xs:complexType>` + inside + `</xs:complexType></xs:element>`
	}
	simply := func(inside string) string {
		return `<xs:simpleType name="t">` + inside + `</xs:simpleType>`
	}
	restricted := func(base, facets string) string {
		return simply(`<xs:restriction base="` + base + `">` + facets + `</xs:restriction>`)
	}
	for _, tt := range []struct{ name, body, want string }{
		{"not well-formed", "<xs:element", "s.xsd"},
		{"foreign element", "<o:x/>", "not of the XML Schema namespace"},
		{"text", "words", "text \"words\" is not allowed"},
		{"unknown component", "<xs:notation name='n'/>", "xs:notation is not supported"},
		{"redefine", "<xs:redefine schemaLocation='plain.xsd'/>", "xs:redefine is not supported"},
		{"no name", "<xs:element/>", "needs a name"},
		{"declared twice", "<xs:element name='a'/><xs:element name='a'/>", "already declared at s.xsd:3"},
		{"abstract", "<xs:element name='a' abstract='true'/>", "attribute abstract of xs:element is not supported"},
		{"substitution", "<xs:element name='a' substitutionGroup='b'/>", "is not supported"},
		{"default value", "<xs:element name='a' type='xs:int' default='1'/>", "attribute default of xs:element is not supported"},
		{"fixed attribute", complexly("<xs:attribute name='a' fixed='1'/>"), "attribute fixed of xs:attribute is not supported"},
		{"prohibited", complexly("<xs:attribute name='a' use='prohibited'/>"), "is not supported"},
		{"key", "<xs:element name='a'><xs:complexType/><xs:key name='k'/></xs:element>", "one anonymous type"},
		{"type twice", "<xs:element name='a' type='xs:int'><xs:complexType/></xs:element>", "either a type attribute or a type inside"},
		{"unknown type", "<xs:element name='a' type='nothing'/>", "type \"nothing\" is not known"},
		{"unsupported built-in", "<xs:element name='a' type='xs:ID'/>", "type \"ID\" is not known or not supported"},
		{"unknown prefix", "<xs:element name='a' type='q:x'/>", "prefix of \"q:x\" is not declared"},
		{"bad nillable", "<xs:element name='a' nillable='maybe'/>", "nillable must be true or false"},
		{"list", simply("<xs:list itemType='xs:int'/>"), "one xs:restriction only"},
		{"union", simply("<xs:union memberTypes='xs:int'/>"), "one xs:restriction only"},
		{"no base", simply("<xs:restriction/>"), "needs a base"},
		{"complex content", complexly("<xs:complexContent/>"), "xs:complexContent is not supported here"},
		{"simple content by restriction", complexly("<xs:simpleContent><xs:restriction base='xs:int'/></xs:simpleContent>"), "one xs:extension only"},
		{"simple content of complex base", "<xs:complexType name='c'/>" + complexly("<xs:simpleContent><xs:extension base='c'/></xs:simpleContent>"), "must be a simple type"},
		{"mixed simple content", "<xs:complexType name='c' mixed='true'><xs:simpleContent><xs:extension base='xs:int'/></xs:simpleContent></xs:complexType>", "not mixed"},
		{"bad mixed", "<xs:complexType name='c' mixed='perhaps'/>", "mixed must be"},
		{"attribute twice", complexly("<xs:attribute name='a'/><xs:attribute name='a'/>"), "declared twice"},
		{"attribute after wildcard", complexly("<xs:anyAttribute/><xs:attribute name='a'/>"), "must come last"},
		{"two attribute wildcards", complexly("<xs:anyAttribute/><xs:anyAttribute/>"), "two attribute wildcards"},
		{"attribute of complex type", "<xs:complexType name='c'/>" + complexly("<xs:attribute name='a' type='c'/>"), "simple type \"c\" is not known"},
		{"unknown attribute", complexly("<xs:attribute ref='a'/>"), "attribute \"a\" is not known"},
		{"nameless attribute", complexly("<xs:attribute type='xs:int'/>"), "needs name or ref"},
		{"unknown attribute group", complexly("<xs:attributeGroup ref='g'/>"), "attribute group \"g\" is not known"},
		{"circular attribute group", "<xs:attributeGroup name='g'><xs:attributeGroup ref='g'/></xs:attributeGroup>", "contains itself"},
		{"too many attributes", complexly(manyAttributes(MaxAttrs + 1)), "more than 64 attributes"},
		{"unknown element", complexly("<xs:sequence><xs:element ref='a'/></xs:sequence>"), "element \"a\" is not known"},
		{"nameless element", complexly("<xs:sequence><xs:element/></xs:sequence>"), "needs name or ref"},
		{"unknown group", complexly("<xs:group ref='g'/>"), "group \"g\" is not known"},
		{"circular group", "<xs:group name='g'><xs:sequence><xs:group ref='g'/></xs:sequence></xs:group>", "contains itself"},
		{"bad count", complexly("<xs:sequence minOccurs='-1'/>"), "is not a count"},
		{"counts crossed", complexly("<xs:sequence minOccurs='2'><xs:element name='a'/></xs:sequence>"), "greater than maxOccurs"},
		{"huge count", complexly("<xs:sequence><xs:element name='a' maxOccurs='5000'/></xs:sequence>"), "more than 2000 positions"},
		{"huge nested count", complexly("<xs:sequence maxOccurs='100000'><xs:element name='a' maxOccurs='100000'/></xs:sequence>"), "more than 2000 positions"},
		{"empty choice", complexly("<xs:choice/>"), "never be satisfied"},
		{"choice after attribute", complexly("<xs:attribute name='a'/><xs:sequence/>"), "xs:sequence is not supported here"},
		{"two models", complexly("<xs:sequence/><xs:choice/>"), "xs:choice is not supported here"},
		{"ambiguous elements", complexly("<xs:sequence><xs:element name='a' minOccurs='0'/><xs:element name='a'/></xs:sequence>"), "content model is ambiguous: two particles for element \"a\""},
		{"ambiguous choice", complexly("<xs:choice><xs:element name='a'/><xs:sequence><xs:element name='a'/></xs:sequence></xs:choice>"), "is ambiguous"},
		{"ambiguous wildcard", complexly("<xs:choice><xs:element name='a'/><xs:any processContents='lax'/></xs:choice>"), "element \"a\" and a wildcard"},
		{"ambiguous wildcards", complexly("<xs:choice><xs:any namespace='urn:o'/><xs:any namespace='##other'/></xs:choice>"), "two wildcards"},
		{"two types of one name", complexly("<xs:sequence><xs:element name='a' type='xs:int'/><xs:element name='a' type='xs:string'/></xs:sequence>"), "two types in one content model"},
		{"all inside", complexly("<xs:sequence><xs:all/></xs:sequence>"), "xs:all is not supported here"},
		{"optional all", complexly("<xs:all minOccurs='0'><xs:element name='a'/></xs:all>"), "optional xs:all"},
		{"repeated in all", complexly("<xs:all><xs:element name='a' maxOccurs='2'/></xs:all>"), "at most once"},
		{"twice in all", complexly("<xs:all><xs:element name='a'/><xs:element name='a'/></xs:all>"), "ambiguous"},
		{"sequence in all", complexly("<xs:all><xs:sequence/></xs:all>"), "not allowed in xs:all"},
		{"mixed all", "<xs:complexType name='c' mixed='true'><xs:all><xs:element name='a'/></xs:all></xs:complexType>", "mixed content with xs:all"},
		{"bad process", complexly("<xs:sequence><xs:any processContents='never'/></xs:sequence>"), "processContents"},
		{"unknown facet", restricted("xs:string", "<xs:assertion value='x'/>"), "facet xs:assertion is not supported"},
		{"facet flag", restricted("xs:string", "<xs:pattern value='x' fixed='true'/>"), "attribute fixed of xs:pattern is not supported"},
		{"length of number", restricted("xs:int", "<xs:length value='3'/>"), "for texts only"},
		{"bound of text", restricted("xs:string", "<xs:minInclusive value='3'/>"), "decimal types only"},
		{"bound that is no number", restricted("xs:int", "<xs:minInclusive value='x'/>"), "decimal types only"},
		{"digits of text", restricted("xs:string", "<xs:fractionDigits value='3'/>"), "decimal types only"},
		{"bad length", restricted("xs:string", "<xs:length value='x'/>"), "is not a count"},
		{"enumeration of floats", restricted("xs:float", "<xs:enumeration value='1'/>"), "not supported for this base"},
		{"enumeration outside of base", restricted("xs:int", "<xs:enumeration value='x'/>"), "is not valid for its base"},
		{"loosened white space", restricted("xs:token", "<xs:whiteSpace value='preserve'/>"), "whiteSpace"},
		{"circular type", restricted("t", ""), "derived from itself"},
		{"bad pattern", restricted("xs:string", "<xs:pattern value='a**'/>"), "s.xsd:3: pattern"},
		{"import without location", "<xs:import namespace='urn:o'/>", "without schemaLocation"},
		{"import of another namespace", "<xs:import namespace='urn:p' schemaLocation='other.xsd'/>", "target namespace"},
		{"include of another namespace", "<xs:include schemaLocation='other.xsd'/>", "target namespace"},
		{"import of own namespace", "<xs:import schemaLocation='plain.xsd'/>", "cannot import its own namespace"},
		{"missing file", "<xs:include schemaLocation='nowhere.xsd'/>", "nowhere.xsd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := compileBody(tt.body)
			if err == nil {
				t.Fatalf("accepted, want an error with %q", tt.want)
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "s.xsd") {
				t.Errorf("got %q, want it to name s.xsd and contain %q", err, tt.want)
			}
		})
	}
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "<xs:attribute name='a%d'/>", i)
	}
	return b.String()
}

// TestCompile checks what a schema of many parts is compiled to.
func TestCompile(t *testing.T) {
	t.Parallel()
	s, err := compileBody(`<xs:annotation><xs:documentation>Words.</xs:documentation></xs:annotation>
<xs:include schemaLocation="plain.xsd"/>
<xs:import namespace="urn:o" schemaLocation="other.xsd"/>
<xs:group name="g"><xs:choice><xs:element ref="leaf"/><xs:element name="node" type="Node"/></xs:choice></xs:group>
<xs:attributeGroup name="ids"><xs:attribute name="id" type="t" use="required"/><xs:attribute ref="o:x"/></xs:attributeGroup>
<xs:element name="leaf"/>
<xs:complexType name="Node" mixed="true"><xs:group ref="g" minOccurs="0" maxOccurs="unbounded"/><xs:attributeGroup ref="ids"/><xs:anyAttribute namespace="urn:o ##local" processContents="lax"/></xs:complexType>
<xs:element name="tree" type="Node" nillable="true"/>
<xs:element name="recursive"><xs:complexType><xs:sequence><xs:element ref="recursive" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>
<xs:element name="text"><xs:complexType><xs:simpleContent><xs:extension base="t"><xs:attribute name="lang" form="unqualified"/></xs:extension></xs:simpleContent></xs:complexType></xs:element>
<xs:element name="void"><xs:complexType><xs:sequence/></xs:complexType></xs:element>`)
	if err != nil {
		t.Fatal(err)
	}
	tree := s.Elements[Name{Local: "tree"}]
	if !tree.Nillable || tree.Type.Content != Mixed || tree.Type.Name != "Node" || len(tree.Type.Attrs) != 2 || tree.Type.Required() != 1 {
		t.Errorf("got %+v", tree.Type)
	}
	if got := tree.Type.Attrs[1].Name; got != (Name{"urn:o", "x"}) {
		t.Errorf("got attribute %v", got)
	}
	w := tree.Type.AnyAttr
	if w.Process != Lax || !w.Allows("urn:o") || !w.Allows("") || w.Allows("urn:p") {
		t.Errorf("got wildcard %+v", w)
	}
	edges := tree.Type.Model.States[0].Edges
	if len(tree.Type.Model.States) != 1 || len(edges) != 2 || edges[1].Element.Type != tree.Type || edges[0].Element != s.Elements[Name{Local: "leaf"}] {
		t.Errorf("got model %+v", tree.Type.Model)
	}
	if !edges[0].Element.Type.Any {
		t.Error("an element without a type is of any type")
	}
	if r := s.Elements[Name{Local: "recursive"}]; r.Type.Model.States[0].Edges[0].Element != r {
		t.Error("a recursive reference must be the declaration itself")
	}
	if text := s.Elements[Name{Local: "text"}].Type; text.Content != SimpleText || text.Text.Any() || len(text.Attrs) != 1 {
		t.Errorf("got %+v", text)
	}
	if void := s.Elements[Name{Local: "void"}].Type; void.Content != Empty {
		t.Errorf("got content %v, want empty", void.Content)
	}
	derived, base := s.Types[Name{Local: "t"}], s.Types[Name{XSDNamespace, "integer"}]
	if !derived.DerivesFrom(base) || base.DerivesFrom(derived) || !derived.DerivesFrom(AnyType) {
		t.Error("t is derived from xs:int, thus from xs:integer, and not the reverse")
	}
}

func TestWildcards(t *testing.T) {
	t.Parallel()
	d := &document{target: "urn:t"}
	for _, tt := range []struct {
		namespace  string
		yes, never []string
	}{
		{"", []string{"", "urn:t", "urn:o"}, nil},
		{"##any", []string{"", "urn:t", "urn:o"}, nil},
		{"##other", []string{"urn:o"}, []string{"", "urn:t"}},
		{"##local", []string{""}, []string{"urn:t"}},
		{"##targetNamespace urn:o", []string{"urn:t", "urn:o"}, []string{"", "urn:p"}},
	} {
		w, err := wildcard(&node{attrs: map[string]string{"namespace": tt.namespace}}, d)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range tt.yes {
			if !w.Allows(s) {
				t.Errorf("%q does not allow %q", tt.namespace, s)
			}
		}
		for _, s := range tt.never {
			if w.Allows(s) {
				t.Errorf("%q allows %q", tt.namespace, s)
			}
		}
	}
}

// TestExpects: what a type wants is said in words.
func TestExpects(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ definition, want string }{
		{`<xs:restriction base="xs:string"/>`, "any text"},
		{`<xs:restriction base="xs:token"><xs:enumeration value="yes"/></xs:restriction>`, `"yes"`},
		{`<xs:restriction base="xs:token"><xs:enumeration value="yes"/><xs:enumeration value="no"/></xs:restriction>`, `one of "yes", "no"`},
		{`<xs:restriction base="xs:string"><xs:pattern value="[a-z]+"/><xs:pattern value="\d"/><xs:maxLength value="3"/></xs:restriction>`, `of the form [a-z]+ or \d, at most 3 characters`},
		{`<xs:restriction base="xs:int"><xs:minInclusive value="5"/></xs:restriction>`, "a whole number from -2147483648 to 2147483647, not below 5"},
		{`<xs:restriction base="xs:unsignedByte"/>`, "a whole number from 0 to 255"},
	} {
		s, err := compileBody(`<xs:simpleType name="t">` + tt.definition + `</xs:simpleType>`)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Types[Name{Local: "t"}].Text.Expects(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.definition, got, tt.want)
		}
	}
}

// TestValidAllocates nothing for the values that feeds are full of.
func TestValidAllocates(t *testing.T) {
	s, err := compileBody(`<xs:simpleType name="q"><xs:restriction base="xs:float"><xs:pattern value="-1(\.0+)?|\d+(\.\d+)?"/></xs:restriction></xs:simpleType>
<xs:simpleType name="v"><xs:restriction base="xs:decimal"><xs:enumeration value="3.0"/></xs:restriction></xs:simpleType>
<xs:simpleType name="e"><xs:restriction base="xs:token"><xs:enumeration value="bundle"/></xs:restriction></xs:simpleType>`)
	if err != nil {
		t.Fatal(err)
	}
	var scratch []byte
	for _, tt := range []struct {
		name  Name
		value string
	}{
		{Name{Local: "q"}, "21.000"}, {Name{Local: "e"}, " bundle "}, {Name{XSDNamespace, "decimal"}, "1234.50"},
		{Name{XSDNamespace, "NMTOKEN"}, "301-uniw"}, {Name{XSDNamespace, "anyURI"}, "https://shop.example.com/a/b.jpg?c=d#e"}, {Name{XSDNamespace, "int"}, "21"},
	} {
		text, value := s.Types[tt.name].Text, []byte(tt.value)
		if got := testing.AllocsPerRun(100, func() {
			if !text.Valid(value, &scratch) {
				t.Fatalf("%v: %q is valid", tt.name, tt.value)
			}
		}); got > 0 {
			t.Errorf("%v: got %v allocations, want none", tt.name, got)
		}
	}
}

func TestPatternsRefused(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"*a", "a**", "a+?", "(?:a)", "a{", "a{,3}", "a{x}", "a{}", "[a", "[]", "a]", "a}", `\`, `\q`, `\p{IsGreek}`, `[a-z-[x]]`, `[a[b]`, `[\S]`, "(a", "a)", `a{2000}`, `(.*a){9}(.{12})[^a]*b.{14}`} {
		if _, err := compilePattern(p); err == nil {
			t.Errorf("%q is accepted", p)
		}
	}
	for _, tt := range []struct {
		pattern   string
		yes, nope []string
	}{
		{"", []string{""}, []string{"a"}},
		{"a|bc", []string{"a", "bc"}, []string{"ac", "abc", "b"}},
		{"^a$", []string{"^a$"}, []string{"a"}},
		{`[\^\-a^-]+`, []string{"^-a"}, []string{"b"}},
		{"[^a-c]", []string{"d", "ż", "\n"}, []string{"a", "", "dd"}},
		{".", []string{"ż", "\t"}, []string{"\n", "\r"}},
		{`\p{Lu}\P{Lu}`, []string{"Żż", "A1"}, []string{"aA"}},
		{`\d\D\w\W\s\S`, []string{"٣xż! y"}, []string{"xxxxxx"}},
		{`\i\c*`, []string{"a:b-1", "_", "ż·"}, []string{"-a", "1", ""}},
		{`\I\C`, []string{"1 "}, []string{"a "}},
		{`(ab){2,3}`, []string{"abab", "ababab"}, []string{"ab", "abababab"}},
		{`[a-z]{3,3}`, []string{"pol"}, []string{"po", "pola", "POL", "p\xFFl"}},
	} {
		p, err := compilePattern(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range tt.yes {
			if !p.match([]byte(v)) {
				t.Errorf("%q does not match %q", tt.pattern, v)
			}
		}
		for _, v := range tt.nope {
			if p.match([]byte(v)) {
				t.Errorf("%q matches %q", tt.pattern, v)
			}
		}
	}
}

func ExampleCompile() {
	files := fstest.MapFS{"note.xsd": {Data: []byte(`<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:element name="note"><xs:complexType>
    <xs:sequence><xs:element name="to" type="xs:string"/><xs:element name="body" type="xs:string" minOccurs="0"/></xs:sequence>
    <xs:attribute name="day" type="xs:int" use="required"/>
  </xs:complexType></xs:element>
</xs:schema>`)}}
	s, err := Compile(files, "note.xsd")
	if err != nil {
		fmt.Println(err)
		return
	}
	note := s.Elements[Name{Local: "note"}].Type
	fmt.Println(len(note.Model.States), "states,", note.Attrs[0].Name.Local, "is", note.Attrs[0].Type.Expects())
	// Output: 3 states, day is a whole number from -2147483648 to 2147483647
}
