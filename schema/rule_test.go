package schema

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"feedmill/schema/xmltok"

	"github.com/google/go-cmp/cmp"
)

// TestRulesSeeEverything: a rule gets every start, end and text with its
// place, valid or not, and what it reports stands between the schema's
// findings in document order.
func TestRulesSeeEverything(t *testing.T) {
	t.Parallel()
	doc := product(`<nic a="1"><x>t</x></nic><iaiext:note><![CDATA[n]]></iaiext:note><price net="x"/>`)
	var got []string
	rule := func(e *Event) {
		switch e.Kind {
		case xmltok.StartElement:
			var attrs []string
			for _, a := range e.Attrs() {
				attrs = append(attrs, a.Name.String())
			}
			got = append(got, fmt.Sprint(e.Path(), " ", e.Depth(), " ", e.Element(e.Depth()), " ", strings.Join(attrs, ",")))
			if v, ok := e.Attr("a"); ok {
				e.Report("OWN-RULE", LevelWarning, "a is "+string(v), "")
			}
		case xmltok.EndElement:
			got = append(got, "/"+e.Name().String())
		case xmltok.Text, xmltok.CData:
			got = append(got, fmt.Sprintf("%s %q at %d", e.Element(e.Depth()), e.Text(), e.Pos().Column-len(fullHead)))
		}
	}
	report, err := Validate(t.Context(), strings.NewReader(doc), "full.xml", Options{Rules: []RuleFunc{rule}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"/offer 1 offer file_format,version,extensions", "/offer/products 2 products language", "/offer/products/product[1] 3 product id",
		"/offer/products/product[1]/nic 4 nic a", "/offer/products/product[1]/nic/x 5 x ", `x "t" at 31`, "/x", "/nic",
		"/offer/products/product[1]/iaiext:note 4 iaiext:note ", `iaiext:note "n" at 55`, "/iaiext:note",
		"/offer/products/product[1]/price 4 price net", "/price", "/product", "/products", "/offer",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var rules []string
	for _, f := range report.Findings {
		rules = append(rules, string(f.Level)+" "+f.Rule)
	}
	if diff := cmp.Diff([]string{"error " + RuleNotAllowed, "warning OWN-RULE", "error " + RuleValue}, rules); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWarningsDoNotInvalidate(t *testing.T) {
	t.Parallel()
	rule := func(e *Event) {
		if e.Kind == xmltok.EndElement && e.Depth() == 1 {
			e.Report("OWN-RULE", LevelWarning, "mind this", "do that")
		}
	}
	report, err := Walk(t.Context(), strings.NewReader("<any><thing/></any>"), Options{Rules: []RuleFunc{rule}})
	if err != nil || !report.Valid() || len(report.Findings) != 1 || report.Elements != 2 {
		t.Errorf("got %+v, %v", report, err)
	}
	if got, want := report.Findings[0].String(), "1:14: warning: /any: mind this [OWN-RULE]; do that"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	report, err = Walk(t.Context(), strings.NewReader("<any></thing>"), Options{})
	if err != nil || report.Valid() || report.Findings[0].Rule != string(xmltok.CodeTagMismatch) {
		t.Errorf("got %+v, %v", report, err)
	}
	if _, err := Walk(t.Context(), io.MultiReader(strings.NewReader("<a>"), iotestErr{}), Options{}); err == nil {
		t.Error("a read error is swallowed")
	}
}

type iotestErr struct{}

func (iotestErr) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func ExampleValidate() {
	const light = `<?xml version="1.0" encoding="UTF-8"?>
<offer file_format="IOF" version="3.0">
  <products currency="PLN">
    <product id="7"><price gross="12,30" net="10.00"/></product>
  </products>
</offer>`
	report, err := Validate(context.Background(), strings.NewReader(light), "light.xml", Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Kind, report.Valid())
	for _, f := range report.Findings {
		fmt.Printf("%d:%d %s %s\n%s\n%s\n", f.Line, f.Column, f.Path, f.Rule, f.Message, f.Hint)
	}
	// Output:
	// light false
	// 4:28 /offer/products/product[1]/price XSD-VALUE
	// attribute gross has value "12,30"; expected a decimal number such as 12.50, with a point and no other separators
	// write a decimal point and no thousands separator
}

// A rule of one's own: the code of a size may be used once.
func ExampleRuleFunc() {
	seen := map[string]bool{}
	unique := func(e *Event) {
		if e.Kind != xmltok.StartElement || e.Element(e.Depth()) != "size" {
			return
		}
		code, _ := e.Attr("code")
		if seen[string(code)] {
			e.Report("OFFER-CODE-TWICE", LevelError, "code "+string(code)+" is used twice", "")
		}
		seen[string(code)] = true
	}
	doc := `<offer><products><product><sizes><size code="a"/><size code="a"/></sizes></product></products></offer>`
	report, err := Walk(context.Background(), strings.NewReader(doc), Options{Rules: []RuleFunc{unique}})
	fmt.Println(report.Findings, err)
	// Output: [1:50: error: /offer/products/product/sizes/size[2]: code a is used twice [OFFER-CODE-TWICE]] <nil>
}

func ExampleDetectKind() {
	fmt.Println(DetectKind("light.xml", []byte(`<offer>`)))
	fmt.Println(DetectKind("offer.xml", []byte(`<offer><products language="pol"><product id="1"><description/>`)))
	fmt.Println(DetectKind("units.xml", []byte(`<units/>`)))
	// Output:
	// light
	// full
	// units
}

func ExampleOpen() {
	f, err := Open("xml.xsd")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	fmt.Println(bytes.Count(text, []byte("<xs:attribute ")), err)
	// Output: 1 <nil>
}

func ExampleFiles() {
	fmt.Println(len(Files()), Files()[0])
	// Output: 16 categories.xsd
}

func ExampleDifferences() {
	d := Differences()[1]
	fmt.Println(d.Element, d.Attr, d.Stricter, d.What)
	// Output: unit name false the name of a unit may be any text
}
