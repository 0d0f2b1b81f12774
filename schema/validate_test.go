package schema

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"feedmill/schema/xmltok"

	"github.com/google/go-cmp/cmp"
)

const fullHead = `<offer xmlns:iaiext="http://www.iai-shop.com/developers/iof/extensions.phtml" file_format="IOF" version="3.0" extensions="yes"><products language="pol">`

// product wraps what is inside of a product in a full file, on one line.
func product(inside string) string {
	return fullHead + `<product id="1">` + inside + `</product></products></offer>`
}

// TestFindings: each fault is said once, at its place, in words that name what
// was expected.
func TestFindings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		kind Kind
		doc  string
		want []string // path, rule, and parts of message and hint, separated by " | "
	}{
		{"wrong root", Full, `<products/>`, []string{"/products | XSD-ROOT | the root element of full is <offer>, found <products>"}},
		{"root in a namespace", Full, `<offer xmlns="http://www.iai-shop.com/developers/iof.phtml"><products/></offer>`,
			[]string{"/offer | XSD-ROOT | remove the namespace"}},
		{"child in a namespace", Full, fullHead + `<product xmlns="urn:x" id="1"/></products></offer>`,
			[]string{"/offer/products/product | XSD-ELEMENT-NOT-ALLOWED | of namespace urn:x is not allowed in <products>; expected <product> | remove the namespace"}},
		{"unknown element", Full, product(`<pirce net="1"/>`), []string{"/offer/products/product[1]/pirce | XSD-ELEMENT-NOT-ALLOWED | <pirce> is not allowed in <product>; expected <producer>, | did you mean price?"}},
		{"faults inside an unknown element are not said", Full, product(`<x><price net="x"/>text</x>`), []string{"/offer/products/product[1]/x | XSD-ELEMENT-NOT-ALLOWED"}},
		{"element in an empty one", Full, product(`<unit id="0" name="x"><name/></unit>`), []string{"/unit[1]/name | XSD-ELEMENT-NOT-ALLOWED | <unit> holds no elements"}},
		{"white space in an empty one", Full, product(`<srp net="1"> </srp>`), []string{"/srp | XSD-TEXT-NOT-ALLOWED | <srp> must be empty"}},
		{"text among elements", Full, product(`stray<price/>more`), []string{`/product[1] | XSD-TEXT-NOT-ALLOWED | text "stray" is not allowed in <product>`}},
		{"markup in a description", Full, product(`<description><long_desc><b>x</b></long_desc></description>`), []string{"/description/long_desc[1]/b | XSD-ELEMENT-NOT-ALLOWED | <long_desc> holds no elements"}},
		{"no size", Full, product(`<sizes></sizes>`), []string{"/sizes | XSD-ELEMENT-MISSING | <sizes> ends too early; expected <size> | still has one size"}},
		{"no retail price", Full, product(`<price><normal_wholesale_price net="1"/></price>`), []string{"/price/normal_wholesale_price | XSD-ELEMENT-MISSING | <normal_retail_price> is missing before <normal_wholesale_price>"}},
		{"two retail prices", Full, product(`<price><normal_retail_price net="1"/><normal_retail_price net="x"/></price>`), []string{
			"/price/normal_retail_price[2] | XSD-ELEMENT-REPEATED | <normal_retail_price> occurs too often in <price>; expected <normal_wholesale_price>",
			"/price/normal_retail_price[2] | XSD-VALUE | attribute net has value \"x\""}},
		{"late retail price", Full, product(`<price><iaiext:x/><normal_retail_price net="1"/></price>`), []string{"/price/normal_retail_price | XSD-ELEMENT-ORDER | not allowed at this place"}},
		{"promotion without zone", Full, product(`<promotion name="x"><price/></promotion>`), []string{"/promotion | XSD-ELEMENT-MISSING | <shown_in_the_zone> is missing in <promotion>"}},
		{"promotion with two prices", Full, product(`<promotion name="x"><price/><shown_in_the_zone/><price/></promotion>`), []string{"/promotion/price[2] | XSD-ELEMENT-REPEATED | <price> may occur only once"}},
		{"promotion with a size", Full, product(`<promotion name="x"><size/><price/><shown_in_the_zone/></promotion>`), []string{"/promotion/size | XSD-ELEMENT-NOT-ALLOWED | expected <price>, <shown_in_the_zone>"}},
		{"missing attributes", Full, `<offer file_format="IOF" version="3.0"><products><product/></products></offer>`, []string{
			`/offer | XSD-ATTR-MISSING | <offer> has no attribute extensions; expected one of "yes", "no" | write extensions="yes"`,
			"/offer/products | XSD-ATTR-MISSING | no attribute language | default language",
			"/offer/products/product[1] | XSD-ATTR-MISSING | <product> has no attribute id; expected any text"}},
		{"unknown attributes", Full, product(`<sizes><size available="in_stock" cod="1"/></sizes>`), []string{
			"/sizes/size[1] | XSD-ATTR-NOT-ALLOWED | attribute available is not allowed on <size> | the quantity of stock",
			"/sizes/size[1] | XSD-ATTR-NOT-ALLOWED | attribute cod is not allowed | did you mean code?"}},
		{"attribute of another namespace", Full, product(`<price xmlns:f="urn:f" f:net="1"/>`), []string{"/price | XSD-ATTR-NOT-ALLOWED | attribute f:net of namespace urn:f is not allowed"}},
		{"known extension attribute", Full, product(`<sizes><size iaiext:weight_net="ciężki" iaiext:any="1"/></sizes>`), []string{"/size[1] | XSD-VALUE | attribute iaiext:weight_net"}},
		{"values", Full, product(`<price net="1 234,50"/><sizes><size code="a b"><stock id="1" quantity="-5"/></size></sizes><parameters><section id="1" name="" priority="x"/></parameters>`), []string{
			`/price | XSD-VALUE | attribute net has value "1 234,50"; expected a decimal number | write a decimal point`,
			`/size[1] | XSD-VALUE | attribute code has value "a b" | importers use the code as a key`,
			`/stock[1] | XSD-VALUE | attribute quantity has value "-5"; expected a number such as 12.5, of the form | -1 means unlimited`,
			`/section[1] | XSD-VALUE | attribute priority has value "x"; expected a whole number`}},
		{"known extension", Full, product(`<iaiext:deliverer/><iaiext:visibility><iaiext:site visible="maybe"/><iaiext:shop/></iaiext:visibility><iaiext:unknown><x/>text</iaiext:unknown>`), []string{
			"/iaiext:deliverer | XSD-ATTR-MISSING | no attribute id",
			`/iaiext:visibility/iaiext:site[1] | XSD-VALUE | expected one of "yes", "no"`,
			"/iaiext:visibility/iaiext:shop | XSD-ELEMENT-NOT-ALLOWED | expected <iaiext:site>, <iaiext:price_comparator>"}},
		{"core element inside an unknown extension", Full, product(`<iaiext:responsible_entity><producer><name>x</name></producer></iaiext:responsible_entity>`), nil},
		{"light is closed", Light, `<offer file_format="IOF" version="3.0"><products currency="PLN"><product id="A1" type="regular"><description/><sizes><size><stock id="1" stock_quantity="1"/></size></sizes></product></products></offer>`, []string{
			"/product[1] | XSD-VALUE | expected a whole number | whole numbers only",
			"/product[1] | XSD-ATTR-NOT-ALLOWED | attribute type | belongs to full",
			"/product[1]/description | XSD-ELEMENT-NOT-ALLOWED | light holds prices and sizes only",
			"/stock[1] | XSD-ATTR-NOT-ALLOWED | attribute stock_quantity | only id and quantity"}},
		{"light without currency", Light, `<offer file_format="IOF" version="3"><products language="pl"/></offer>`, []string{
			"/products | XSD-VALUE | attribute language has value \"pl\" | three-letter code",
			"/products | XSD-ATTR-MISSING | no attribute currency; expected | their currency"}},
		{"stamp", Full, strings.Replace(product(""), "extensions=", `generated="2026-03-02T10:00:00" extensions=`, 1), []string{"/offer | XSD-VALUE | attribute generated | with a blank and without a zone"}},
		{"text of a simple type", Preset, "<preset><selected>maybe</selected><update_price><!-- x -->1<![CDATA[2]]>3</update_price><update_name>1x</update_name></preset>", []string{
			`/preset/selected | XSD-VALUE | <selected> holds "maybe"; expected true, false, 1 or 0`,
			`/preset/update_name | XSD-VALUE | <update_name> holds "1x"`}},
		{"element in a simple type", Preset, "<preset><selected>true<b>maybe</b></selected></preset>", []string{"/preset/selected/b | XSD-ELEMENT-NOT-ALLOWED | <selected> holds no elements"}},
		{"nil", Gateway, nilGateway(`<fax xsi:nil="true"/><www xsi:nil="true">x<b/></www><email xsi:nil="true"/><tel xsi:nil="oui"/>`), []string{
			`/meta/www | XSD-NIL | text is not allowed in an element with xsi:nil="true"`,
			"/meta/email | XSD-NIL | xsi:nil is not allowed on <email> | leave the element out",
			`/meta/tel | XSD-NIL | xsi:nil has value "oui"; expected true or false`}},
		{"type", Preset, `<preset xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema" xsi:schemaLocation="a b"><currency xsi:type="xs:token">PLN</currency><selected xsi:type="xs:int">1</selected><fax xsi:type="xs:fax"/><tel xsi:type="q:x"/></preset>`, []string{
			`/preset/selected | XSD-TYPE | xsi:type "xs:int" is not derived from the type of <selected>`,
			`/preset/fax | XSD-TYPE | xsi:type "xs:fax" names no known type`,
			`/preset/tel | XSD-TYPE | xsi:type "q:x" names no known type`}},
		{"cut off", Full, fullHead + `<product id="1"><price net="x"`, []string{"/offer/products/product[1] | XML-UNCLOSED | the document ends inside markup | cut off"}},
		{"cut off after a finding", Full, fullHead + `<product/><product id="1">`, []string{"/product[1] | XSD-ATTR-MISSING", "/product[2] | XML-UNCLOSED | the document ends before </product>"}},
		{"entity", Full, product(`<description><name>a&nbsp;b</name></description>`), []string{"/name[1] | XML-ENTITY | nbsp | write the character itself"}},
		{"doctype", Full, `<!DOCTYPE offer SYSTEM "http://localhost/x.dtd"><offer/>`, []string{"/ | XML-DOCTYPE | remove <!DOCTYPE"}},
		{"undeclared prefix", Full, `<offer iaiext:x="1"/>`, []string{"/ | XML-PREFIX | xmlns:iaiext="}},
		{"control character", Full, product("<description><name>\x02</name></description>"), []string{"/name[1] | XML-CHAR | U+0002 | drop control characters"}},
		{"latin-2", Full, "<?xml version='1.0' encoding='iso-8859-2'?><offer/>", []string{"/ | XML-ENCODING | iso-8859-2 | in UTF-8"}},
		{"unit with blanks", Full, product(`<unit id="2" name="2 szt"/>`), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			report := judge(t, tt.kind, []byte(tt.doc))
			if len(report.Findings) != len(tt.want) {
				t.Fatalf("got %d findings, want %d:\n%v", len(report.Findings), len(tt.want), report.Findings)
			}
			for i, want := range tt.want {
				got := report.Findings[i]
				parts := strings.Split(want, " | ")
				if !strings.HasSuffix(got.Path, parts[0]) || got.Rule != parts[1] || got.Level != LevelError {
					t.Errorf("got %v, want %s", got, want)
				}
				for _, p := range parts[2:] {
					if !strings.Contains(got.Message+" "+got.Hint, p) {
						t.Errorf("got %v, want it to say %q", got, p)
					}
				}
			}
		})
	}
}

// nilGateway is a valid gateway but for what replaces fax, www, email and tel.
func nilGateway(inside string) string {
	return `<provider_description xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><meta><long_name>a</long_name><short_name>a</short_name><showcase_image/>` +
		inside + `<address/><time><offer/><offer/></time></meta><full url="a" hash="b"/><light url="a"/><categories url="a" hash="b"/><sizes url="a" hash="b"/></provider_description>`
}

// TestPositions: elements are where their tag begins, attributes where their
// name begins, missing content where the end tag begins.
func TestPositions(t *testing.T) {
	t.Parallel()
	doc := "<offer file_format=\"IOF\" version=\"3.0\" extensions=\"yes\">\n <products language=\"pol\">\n  <product id=\"1\">\n" +
		"   <description><name>żółw</name><nic/></description>\n   <price net=\"1\"\n     gross=\"x\"/>\n   <sizes>\n   </sizes>\n  </product>\n" +
		"  <product id=\"2\"/><product/>\n </products>\n</offer>\n"
	want := []Finding{
		{Line: 4, Column: 34, Path: "/offer/products/product[1]/description/nic", Rule: RuleNotAllowed},
		{Line: 6, Column: 6, Path: "/offer/products/product[1]/price", Rule: RuleValue},
		{Line: 8, Column: 4, Path: "/offer/products/product[1]/sizes", Rule: RuleMissing},
		{Line: 10, Column: 20, Path: "/offer/products/product[3]", Rule: RuleAttrMissing},
	}
	got := judge(t, Full, []byte(doc)).Findings
	for i := range got {
		got[i] = Finding{Line: got[i].Line, Column: got[i].Column, Path: got[i].Path, Rule: got[i].Rule}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDetectKind(t *testing.T) {
	t.Parallel()
	light := `<offer><products currency="PLN">` + strings.Repeat(`<product id="1"><price/><sizes/></product>`, 100)
	for _, tt := range []struct {
		name, doc string
		want      Kind
	}{
		{"", `<provider_description/>`, Gateway},
		{"light.xml", `<sizes/>`, Sizes},
		{"", `<warranties>`, Warranties},
		{"", `<html/>`, ""},
		{"", ``, ""},
		{"", `<products/>`, ""},
		{"light.xml", `<offer/>`, Light},
		{"feeds/7/Light-2.xml", `<offer/>`, Light},
		{`C:\feeds\light.xml`, `<offer/>`, Light},
		{"full_change2026-03-02T10-00-00.xml", `<offer/>`, FullChange},
		{"my_changes.xml", `<offer/>`, FullChange},
		{"full.xml", `<offer><products><product id="1"><price/>`, Full},
		{"offer.xml", `<offer><products><product id="1"><price/><description/>`, Full},
		{"offer.xml", `<offer><products><product id="1"><images/>`, Full},
		{"offer.xml", `<offer><products><product id="1" removed="yes"/>`, FullChange},
		{"offer.xml", `<offer><products><product id="1" type="bundle"/>`, Full},
		{"offer.xml", `<offer><products currency="PLN"><product id="1" vat="23"><price/>`, Light},
		{"offer.xml", `<offer><products language="pol"><product id="1"><srp/></product></products></offer>`, Light},
		{"offer.xml", light, Light},
		{"offer.xml", light + `<product id="2"><unit/>`, Full},
		{"offer.xml", `<offer><products currency="PLN"/></offer>`, Light},
		{"offer.xml", `<offer><products currency="PLN" language="pol"/></offer>`, Full},
		{"offer.xml", `<offer/>`, Full},
		{"offer.xml", `<offer`, ""},
	} {
		if got := DetectKind(tt.name, []byte(tt.doc)); got != tt.want {
			t.Errorf("%q %.80s: got %q, want %q", tt.name, tt.doc, got, tt.want)
		}
	}
}

// TestSamplesWithoutHelp: every sample of ours is valid and its kind is found
// without a file name.
func TestSamplesWithoutHelp(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/samples/*.xml")
	if err != nil || len(files) != len(Kinds()) {
		t.Fatalf("got %d samples, want one of each of %d kinds; %v", len(files), len(Kinds()), err)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		report, err := Validate(t.Context(), f, "", Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !report.Valid() || !strings.HasPrefix(filepath.Base(file), string(report.Kind)) {
			t.Errorf("%s: kind %q, %v", file, report.Kind, report.Findings)
		}
		if report.Bytes != info.Size() || report.Elements < 3 {
			t.Errorf("%s: %d elements, %d of %d bytes", file, report.Elements, report.Bytes, info.Size())
		}
	}
}

func TestUnknownKind(t *testing.T) {
	t.Parallel()
	report, err := Validate(t.Context(), strings.NewReader("<html><body>502 Bad Gateway</body></html>"), "full.xml", Options{})
	if err != nil || report.Kind != "" || len(report.Findings) != 1 || report.Findings[0].Rule != RuleRoot {
		t.Errorf("got %+v, %v", report, err)
	}
	if _, err := Validate(t.Context(), strings.NewReader("<a/>"), "", Options{Kind: "brochure"}); err == nil {
		t.Error("an unknown kind is accepted")
	}
}

func TestMaxErrors(t *testing.T) {
	t.Parallel()
	doc := fullHead + strings.Repeat("<product/>", 5000) + "</products></offer>"
	for _, tt := range []struct {
		max, want int
		truncated bool
	}{{0, 1000, true}, {1, 1, true}, {5000, 5000, false}, {-1, 5000, false}} {
		report, err := Validate(t.Context(), strings.NewReader(doc), "full.xml", Options{MaxErrors: tt.max})
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Findings) != tt.want || report.Truncated != tt.truncated || report.Valid() {
			t.Errorf("max %d: got %d findings, truncated %v", tt.max, len(report.Findings), report.Truncated)
		}
	}
	if (Report{Truncated: true}).Valid() {
		t.Error("what was not read to its end is not valid")
	}
}

func TestErrorsAreNotFindings(t *testing.T) {
	t.Parallel()
	broken := errors.New("wire cut")
	for _, src := range []io.Reader{
		iotest.ErrReader(broken),
		io.MultiReader(strings.NewReader(fullHead), iotest.ErrReader(broken)),
		io.MultiReader(&offerReader{products: 3000}, iotest.ErrReader(broken)),
	} {
		if _, err := Validate(t.Context(), src, "full.xml", Options{}); !errors.Is(err, broken) || !strings.Contains(err.Error(), "full.xml") {
			t.Errorf("got %v, want it to wrap %v and name the file", err, broken)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Validate(ctx, &offerReader{products: 10}, "", Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	stopping, cancel := context.WithCancel(t.Context())
	seen := 0
	_, err := Validate(stopping, &offerReader{products: 3000}, "", Options{Rules: []RuleFunc{func(*Event) {
		if seen++; seen == 5000 {
			cancel()
		}
	}}})
	if !errors.Is(err, context.Canceled) || seen > 10000 {
		t.Errorf("got %v after %d events, want to stop soon after 5000", err, seen)
	}
}

// TestMemoryStaysFlat: a file of 200 MB needs no more than one of 2 MB.
func TestMemoryStaysFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 200 MB; skipped with -short")
	}
	var most uint64
	count := 0
	watch := func(e *Event) {
		if count++; count%500_000 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse+m.StackInuse)
		}
	}
	report, err := Validate(t.Context(), &offerReader{products: 95_000}, "full.xml", Options{Rules: []RuleFunc{watch}})
	if err != nil {
		t.Fatal(err)
	}
	if !report.Valid() || report.Bytes < 190<<20 {
		t.Fatalf("got %d bytes, %v", report.Bytes, report.Findings)
	}
	if most == 0 || most > 64<<20 {
		t.Errorf("got %d MiB in use at most, want at most 64", most>>20)
	}
}

// TestAllocationsStayFlat: ten times the products need no more allocations.
func TestAllocationsStayFlat(t *testing.T) {
	measure := func(products int) float64 {
		doc, err := io.ReadAll(&offerReader{products: products})
		if err != nil {
			t.Fatal(err)
		}
		return testing.AllocsPerRun(3, func() {
			if report := judge(t, Full, doc); !report.Valid() {
				t.Fatal(report.Findings)
			}
		})
	}
	few, many := measure(50), measure(500)
	if many > few+10 {
		t.Errorf("50 products need %v allocations, 500 need %v", few, many)
	}
}

// TestHostileNames: a document that never uses a name twice does not make the
// validator remember them all.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	b.WriteString("<offer>")
	for i := range 20_000 {
		fmt.Fprintf(&b, "<n%d/>", i)
	}
	b.WriteString("</offer>")
	v := newValidator(&b, nil, "", Options{})
	if err := v.run(t.Context()); err != nil || len(v.report.Findings) > 0 {
		t.Fatal(err, v.report.Findings)
	}
	if len(v.labels) > 4*maxKids || cap(v.frames[:2][1].kids) > 4*maxKids {
		t.Errorf("remembers %d names and counts %d", len(v.labels), cap(v.frames[:2][1].kids))
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	names := Files()
	have := map[string]bool{}
	for _, n := range names {
		have[n] = true
		f, err := Open(n)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(f)
		if err != nil || !bytes.Contains(text, []byte("http://www.w3.org/2001/XMLSchema")) {
			t.Errorf("%s is no schema document: %v", n, err)
		}
	}
	for _, k := range Kinds() {
		if !have[string(k)+".xsd"] {
			t.Errorf("no schema document of %s", k)
		}
	}
	for _, n := range []string{"iaiext.xsd", "xml.xsd", "types.xsd"} {
		if !have[n] {
			t.Errorf("no %s", n)
		}
	}
	if len(names) != len(Kinds())+3 {
		t.Errorf("got %v", names)
	}
	if _, err := Open("../schema.go"); err == nil {
		t.Error("a name outside of the folder is opened")
	}
	if _, err := Open("nothing.xsd"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}

// TestReadme: the table of differences in README.md is the one in the code.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range Differences() {
		if row := differenceRow(d); !strings.Contains(string(readme), row) {
			t.Errorf("README.md lacks\n%s", row)
		}
	}
	if got, want := strings.Count(string(readme), "\n| stricter |")+strings.Count(string(readme), "\n| laxer |"), len(Differences()); got != want {
		t.Errorf("README.md lists %d differences, want %d", got, want)
	}
}

func differenceRow(d Difference) string {
	direction := "laxer"
	if d.Stricter {
		direction = "stricter"
	}
	kinds := make([]string, len(d.Kinds))
	for i, k := range d.Kinds {
		kinds[i] = string(k)
	}
	if d.Kinds == nil {
		kinds = []string{"all"}
	}
	return fmt.Sprintf("| %s | %s | %s | %s |", direction, strings.Join(kinds, ", "), strings.ReplaceAll(d.What, "<", "\\<"), strings.ReplaceAll(d.Why, "<", "\\<"))
}

func FuzzValidate(f *testing.F) {
	files, err := filepath.Glob("testdata/samples/*.xml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		doc, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc, uint8(0))
	}
	f.Add([]byte(product(`<price><normal_wholesale_price net="1"/></price>`)), uint8(2))
	f.Fuzz(func(t *testing.T, doc []byte, which uint8) {
		opt := Options{}
		if which > 0 {
			opt.Kind = Kinds()[int(which)%len(Kinds())]
		}
		report, err := Validate(t.Context(), bytes.NewReader(doc), "", opt)
		if err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		// What the tokenizer refuses is a finding, and the last one.
		r := xmltok.NewReader(bytes.NewReader(doc), xmltok.Limits{})
		for err == nil {
			_, err = r.Next()
		}
		var bad *xmltok.Error
		if errors.As(err, &bad) && !report.Truncated {
			last := report.Findings[len(report.Findings)-1]
			if last.Rule != string(bad.Code) || last.Line != bad.Line || last.Column != bad.Column {
				t.Errorf("%q: last finding %v, want %v", doc, last, bad)
			}
		}
		for i, f := range report.Findings {
			if f.Line < 1 || f.Column < 1 || f.Path == "" || f.Message == "" || f.Rule == "" || f.Level != LevelError {
				t.Errorf("%q: incomplete finding %+v", doc, f)
			}
			if i > 0 && f.Line < report.Findings[i-1].Line {
				t.Errorf("%q: findings are out of order", doc)
			}
		}
		trickled, err := Validate(t.Context(), iotest.OneByteReader(bytes.NewReader(doc)), "", opt)
		if diff := cmp.Diff(report, trickled); diff != "" || err != nil {
			t.Errorf("%q: byte by byte differs: %v\n%s", doc, err, diff)
		}
	})
}
