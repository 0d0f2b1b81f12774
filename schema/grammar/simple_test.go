package grammar

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"feedmill/schema/internal/linttest"
)

// simpleSchema declares a root with one element for each type under test.
const simpleSchema = `<?xml version="1.0"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:element name="values"><xs:complexType><xs:choice minOccurs="0" maxOccurs="unbounded">
%s</xs:choice></xs:complexType></xs:element>
%s</xs:schema>
`

// simpleTypes are the types under test: name and, unless built-in, definition.
var simpleTypes = []struct{ name, definition string }{
	{"xs:string", ""}, {"xs:token", ""}, {"xs:language", ""}, {"xs:NMTOKEN", ""}, {"xs:NCName", ""}, {"xs:anyURI", ""}, {"xs:boolean", ""},
	{"xs:float", ""}, {"xs:double", ""}, {"xs:dateTime", ""}, {"xs:decimal", ""}, {"xs:integer", ""}, {"xs:nonNegativeInteger", ""},
	{"xs:positiveInteger", ""}, {"xs:long", ""}, {"xs:int", ""}, {"xs:unsignedByte", ""},
	{"stamp", `<xs:restriction base="xs:string"><xs:pattern value="[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}"/></xs:restriction>`},
	{"code", `<xs:restriction base="xs:NMTOKEN"><xs:pattern value="[a-z]{3}"/></xs:restriction>`},
	{"quantity", `<xs:restriction base="xs:float"><xs:pattern value="-1(\.0+)?"/><xs:pattern value="\d+([\.,]\d+)?"/></xs:restriction>`},
	{"version", `<xs:restriction base="xs:decimal"><xs:enumeration value="3.0"/><xs:enumeration value="-0.50"/></xs:restriction>`},
	{"flag", `<xs:restriction base="xs:token"><xs:enumeration value="yes"/><xs:enumeration value="no no"/></xs:restriction>`},
	{"many", `<xs:restriction base="xs:token"><xs:enumeration value="a"/><xs:enumeration value="b"/><xs:enumeration value="c"/><xs:enumeration value="d"/><xs:enumeration value="e"/><xs:enumeration value="f"/><xs:enumeration value="g"/><xs:enumeration value="h"/><xs:enumeration value="yes"/></xs:restriction>`},
	{"money", `<xs:restriction base="xs:decimal"><xs:fractionDigits value="2"/><xs:totalDigits value="5"/><xs:minInclusive value="-10.5"/><xs:maxExclusive value="1000"/></xs:restriction>`},
	{"percent", `<xs:restriction base="xs:int"><xs:minExclusive value="0"/><xs:maxInclusive value="100"/></xs:restriction>`},
	{"short", `<xs:restriction base="xs:string"><xs:minLength value="2"/><xs:maxLength value="4"/></xs:restriction>`},
	{"three", `<xs:restriction base="xs:token"><xs:length value="3"/></xs:restriction>`},
	{"collapsed", `<xs:restriction base="xs:string"><xs:whiteSpace value="collapse"/><xs:maxLength value="3"/></xs:restriction>`},
	{"words", `<xs:restriction base="xs:string"><xs:pattern value="\i\c*( \i\c*)*|^$\-[^\s\d]{1,3}\S|\p{Lu}+\."/></xs:restriction>`},
	{"twice", `<xs:restriction base="short"><xs:pattern value="[a-c\-.]+"/></xs:restriction>`},
}

// simpleValues are values that lie near some border, and variations of them.
func simpleValues(n int) []string {
	rnd := rand.New(rand.NewPCG(3, 5))
	seeds := []string{"", " ", "0", "-0", "+0", "00", "1", "-1", "+1", "7", "12.50", "1.", ".5", ".", "-.5", "+.5", "1..2", "1,5", "1 000", "1e3", "1E-3", "1e", "e1", "1e1.5", "+1e+1",
		"INF", "-INF", "+INF", "NaN", "inf", "nan", "0x10", "255", "256", "-256", "2147483647", "2147483648", "-2147483648", "-2147483649",
		"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "3.0", "3", "03.000", "3.01", "-0.5", "-.50", "999.99", "999.999", "1000", "-10.5", "-10.51", "100", "101",
		"true", "false", "TRUE", "yes", "no no", "no  no", " no no ", "a", "abc", "abcd", "abcde", "ab", "a-b.c", "pol", "pl-PL", "abcdefgh", "abcdefghi", "a1", "1a", "a-1", "a-", "-a", "a--b", "i-klingon",
		"name", "a:b", ":a", "_x", "-x", "x y", "ż", "żółw", "1ż", "2026-03-02 10:00", "2026-03-02T10:00", "2026-03-02T10:00:00", "2026-03-02T10:00:00Z", "2026-03-02T10:00:00.123+01:00",
		"2026-03-02T24:00:00", "2026-03-02T24:00:01", "2026-02-29T10:00:00", "2024-02-29T10:00:00", "1900-02-29T00:00:00", "2000-02-29T00:00:00", "2026-13-01T00:00:00", "2026-04-31T00:00:00",
		"-0001-01-01T00:00:00", "0001-01-01T00:00:00", "12026-01-01T00:00:00", "02026-01-01T00:00:00", "2026-01-01T00:00:60", "2026-01-01T00:60:00", "2026-01-01T00:00:00+14:00", "2026-01-01T00:00:00-13:59", "2026-01-01T00:00:00.", "2026-01-01t00:00:00", "2026-03-02T10:00:00 ", " 2026-03-02T10:00:00", "2026-03-02T10:00:00Z ", " 2026-03-02T10:00:00.5+01:00\n",
		"http://a.example/b?c=d#e", "a", "../x", "//h:80/p", "http://a b/", "http://a/%41", "http://a/%4", "http://a/%zz", "http://[::1]/", "http://u:p@h:80/", "http://h:x/", "mailto:a@b", "1a:b", "a b", "#", "#a#b", "?", "http://ż.example/", "a|b", "a<b", "a\\b", "^", "`", "{}", "\"", "[", "]", "a[b]", "http://h/[x]", "http://", "//", "///x", "a:", ":", "a/b:c", "?a:b", "http://a@b@c/", "http://h:/", "http://300.1.2.3/", "%", "%41", "urn:x:y",
		"Lu.", "LU.", "ŁÓDŹ.", "^$-ab!", "abc.", "c-b", "--", "....", "x-1 y.2"}
	out := append([]string{}, seeds...)
	letters := []rune("0123456789+-.eE aAzZżŁ:/%#?&=_,TZ[]@\t\n")
	for len(out) < n {
		s := []rune(seeds[rnd.IntN(len(seeds))])
		i := rnd.IntN(len(s) + 1)
		switch rnd.IntN(3) {
		case 0:
			s = append(s[:i:i], append([]rune{letters[rnd.IntN(len(letters))]}, s[i:]...)...)
		case 1:
			s = append(s[:i:i], s[min(len(s), i+1):]...)
		case 2:
			s = []rune(string(s) + string(letters[rnd.IntN(len(letters))]) + seeds[rnd.IntN(len(seeds))])
		}
		out = append(out, string(s))
	}
	return out
}

var valueEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", "\n", "&#10;", "\t", "&#9;")

func simpleDocument() string {
	var elements, types strings.Builder
	for i, st := range simpleTypes {
		fmt.Fprintf(&elements, "<xs:element name=%q type=%q/>\n", fmt.Sprintf("v%d", i), st.name)
		if st.definition != "" {
			fmt.Fprintf(&types, "<xs:simpleType name=%q>%s</xs:simpleType>\n", st.name, st.definition)
		}
	}
	return fmt.Sprintf(simpleSchema, &elements, &types)
}

// TestSimpleTypesAgainstXmllint judges thousands of values of every type in
// one document, a value a line.
func TestSimpleTypesAgainstXmllint(t *testing.T) {
	t.Parallel()
	linttest.Need(t)
	schema := simpleDocument()
	s, err := Compile(fstest.MapFS{"s.xsd": {Data: []byte(schema)}}, "s.xsd")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "s.xsd")
	if err := os.WriteFile(file, []byte(schema), 0o644); err != nil {
		t.Fatal(err)
	}
	values := simpleValues(1500)
	docs := make([][]byte, len(simpleTypes))
	for i := range simpleTypes {
		var doc bytes.Buffer
		doc.WriteString("<values>\n")
		for _, v := range values {
			fmt.Fprintf(&doc, "<v%d>%s</v%d>\n", i, valueEscaper.Replace(v), i)
		}
		doc.WriteString("</values>\n")
		docs[i] = doc.Bytes()
	}
	verdicts := linttest.Check(t, file, "", docs)
	edges := s.Elements[Name{Local: "values"}].Type.Model.States[0].Edges
	for i, st := range simpleTypes {
		if !verdicts[i].WellFormed {
			t.Fatal(verdicts[i].Messages)
		}
		simple := edges[i].Element.Type.Text
		var scratch []byte
		valid, wrong := 0, 0
		for j, v := range values {
			got, want := simple.Valid([]byte(v), &scratch), !verdicts[i].Lines[j+2]
			if got {
				valid++
			}
			if got != want && !xmllintFault(v, got) {
				if wrong++; wrong <= 12 {
					t.Errorf("%s %q: got valid %v, want %v", st.name, v, got, want)
				}
			}
		}
		if wrong > 12 {
			t.Errorf("%s: %d values differ", st.name, wrong)
		}
		if valid == 0 || valid == len(values) && !simple.Any() {
			t.Errorf("%s: %d of %d values are valid: that proves little", st.name, valid, len(values))
		}
	}
}

var (
	bareExponent = regexp.MustCompile(`[eE][+-]?$`)
	longNumber   = regexp.MustCompile(`\d{25}`)
)

// xmllintFault tells a value that xmllint misjudges: it takes "1e" for a
// number and cannot hold decimals of more than 24 digits.
func xmllintFault(v string, valid bool) bool {
	return !valid && bareExponent.MatchString(strings.TrimSpace(v)) || valid && longNumber.MatchString(v)
}
