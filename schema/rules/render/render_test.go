package render

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"feedmill/schema/rules"
	"feedmill/schema/xmltok"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const broken = `<?xml version="1.0" encoding="UTF-8"?>
<offer file_format="IOF" version="3.0" generated="2026-03-02 09:05:00">
  <products currency="PLN">
    <product id="7" vat="23.0"><price gross="12.30" net="9.00"/><b>&lt;script&gt;</b></product>
    <product id="7" vat="23.0"><price gross="12.30" net="9.00"/></product>
  </products>
</offer>`

func report(t testing.TB, name, doc string) rules.Report {
	t.Helper()
	rep, err := rules.Check(context.Background(), rules.Stream(name, strings.NewReader(doc)), rules.Options{PerRule: 1})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func TestText(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := Text(&b, Subject{Name: "the offer at shop.example", When: noon}, report(t, "light.xml", broken)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Check of the offer at shop.example by the rules of the Internet Offer Format 3.0, 2026-03-02 12:00 UTC\n",
		"Invalid: 1 file, 2 products; 7 errors, ", "  light.xml: light, 332 bytes, 2 products, ",
		"\nIOF-PRICE-VAT (error), 2 times: net, gross and VAT disagree\n  Who is hurt: ", "\n  How to mend it: ",
		"  - light.xml, line 4, column 32, /offer/products/product[1]/price\n    gross is 12.30, and net 9.00 with 23.0 % makes 11.07\n  - and 1 more\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got no %q in\n%s", want, &b)
		}
	}
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "  ") && !strings.HasPrefix(line, "  -") && !strings.HasPrefix(line, "    ") && utf8.RuneCountInString(line) > 79 {
			t.Errorf("got a line of %d characters: %s", utf8.RuneCountInString(line), line)
		}
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{"light <b>.xml": broken, "nothing.xml": "", "units.xml": `<?xml version="1.0"?><units generated="2026-03-02 01:00:00"/>`} {
		rep := report(t, name, doc)
		var b bytes.Buffer
		if err := Page(&b, Subject{Name: name, When: noon}, rep); err != nil {
			t.Fatal(err)
		}
		page := b.String()
		for _, bad := range []string{"<script", "<b>", "http://", "src=", "@import", "url(", "ZgotmplZ"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s: the page holds %q", name, bad)
			}
		}
		for _, c := range rep.Counts {
			if !strings.Contains(page, `id="`+c.Code+`"`) {
				t.Errorf("%s: the page does not tell of %s", name, c.Code)
			}
		}
		if word := map[bool]string{true: "<title>Valid", false: "<title>Invalid"}[rep.Valid()]; !strings.Contains(page, word) {
			t.Errorf("%s: got no %s", name, word)
		}
		// HTML that is XML too can be judged by our own tokenizer, but for
		// its first line and its void elements.
		body := regexp.MustCompile(`<(meta|br)([^>]*)>`).ReplaceAllString(strings.TrimPrefix(page, "<!DOCTYPE html>\n"), "<$1$2/>")
		r := xmltok.NewReader(strings.NewReader(body), xmltok.Limits{})
		var err error
		for err == nil {
			_, err = r.Next()
		}
		var bad *xmltok.Error
		if errors.As(err, &bad) {
			t.Errorf("%s: %v", name, bad)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestErrorsOfWriting(t *testing.T) {
	t.Parallel()
	rep := report(t, "light.xml", broken)
	if Text(full{}, Subject{}, rep) == nil || Page(full{}, Subject{}, rep) == nil {
		t.Error("an error of writing is lost")
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := number(n); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for n, want := range map[int64]string{1: "1 byte", 9999: "9,999 bytes", 10_000: "10 kB", 12_345_678: "12 MB"} {
		if got := size(n); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func ExampleText() {
	fam, err := rules.Dir("../testdata/family")
	if err != nil {
		fmt.Println(err)
		return
	}
	rep, err := rules.Check(context.Background(), fam, rules.Options{Now: noon})
	if err != nil {
		fmt.Println(err)
		return
	}
	rep.Files = rep.Files[:0]
	if err := Text(os.Stdout, Subject{Name: "a family"}, rep); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Check of a family by the rules of the Internet Offer Format 3.0
	// Valid: 0 files; 0 errors, 0 warnings, 0 hints.
	//
	// Files
}

func ExampleVerdict() {
	rep, err := rules.Check(context.Background(), rules.Stream("units.xml", strings.NewReader("<units/>")), rules.Options{})
	fmt.Println(Verdict(rep), err)
	// Output: Valid: 1 file; 0 errors, 1 warning, 1 hint. <nil>
}

func ExamplePage() {
	rep, err := rules.Check(context.Background(), rules.Stream("units.xml", strings.NewReader("<units/>")), rules.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var b strings.Builder
	err = Page(&b, Subject{Name: "units.xml"}, rep)
	fmt.Println(strings.Contains(b.String(), "<h1>Check of units.xml</h1>"), err)
	// Output: true <nil>
}
