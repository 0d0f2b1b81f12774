package catalog_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/catalog"
)

func ExampleReadPrices() {
	file := "sku;price\nTENT-2;129.90\nTENT-3;149\n"
	problems, err := catalog.ReadPrices(strings.NewReader(file), catalog.PriceOptions{Name: "b2b.csv", Currency: feed.MustCurrency("EUR")}, func(l catalog.PriceLine) {
		fmt.Println(l.Line, l.Code, l.Amount.Minor())
	})
	fmt.Println(problems, err)
	// Output:
	// 2 TENT-2 12990
	// 3 TENT-3 14900
	// [] <nil>
}

func TestReadPrices(t *testing.T) {
	t.Parallel()
	amount := func(n int64) feed.Amount {
		a, err := feed.AmountOf(n)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for name, c := range map[string]struct {
		text     string
		want     []catalog.PriceLine
		problems []string
		err      string
	}{
		"nothing": {},
		"lines of JSON": {text: "\ufeff{\"product\":7,\"price\":\"1.50\"}\n\n{\"sku\":\" A-1 \",\"price\":2}\n{\"key\":\"tent\",\"code\":\"A\",\"remove\":true}",
			want: []catalog.PriceLine{{Line: 1, Product: 7, Amount: amount(150)}, {Line: 3, Code: "A-1", Amount: amount(200)}, {Line: 4, Product: catalog.DeriveID("tent"), Key: "tent", Code: "A", Remove: true}}},
		"a table": {text: "\ufeffId\tSKU\tprice\tremove\n7\t\t1.5\t\n\t'=A\t2\tno\n8\tB\t\tyes\n",
			want: []catalog.PriceLine{{Line: 2, Product: 7, Amount: amount(150)}, {Line: 3, Code: "=A", Amount: amount(200)}, {Line: 4, Product: 8, Code: "B", Remove: true}}},
		"bad lines of JSON": {text: "{\"product\":0,\"price\":1}\n{\"price\":1}\n{\"sku\":\"a\",\"price\":\"1.234\"}\n{\"sku\":\"a\"}\n{\"sku\":\"a\",\"price\":0}\n{\"sku\":\"a\",\"price\":1,\"remove\":true}\n{\"colour\":1}\n{} {}\n{\"id\":1,\"key\":\"k\",\"price\":1}\n{\"id\":1,\"price\":-1}\n{\"id\":1,\"price\":3}",
			want: []catalog.PriceLine{{Line: 11, Product: 1, Amount: amount(300)}},
			problems: []string{"f:1: product: ", "f:2: names no product", "f:3: price: ", "f:4: price: is missing", "f:5: price: is 0", "f:6: price: stands beside remove", "f:7: ", "f:8: something follows",
				"f:9: key: stands beside id", "f:10: price: "}},
		"a table of a spreadsheet": {text: "sep=;\r\nsku;price;;\r\na;1.200,50;;\r\nb;12,5;;\r\nc;1 000;;\r\n",
			want: []catalog.PriceLine{{Line: 3, Code: "a", Amount: amount(120050)}, {Line: 4, Code: "b", Amount: amount(1250)}, {Line: 5, Code: "c", Amount: amount(100000)}}},
		"cells that a spreadsheet has spoiled": {text: "sku;price\na;1.200\nb;1,250\n5,90123E+12;1\n",
			problems: []string{`f:2: price: "1.200" can mean 1200 or 1.200 (write it without a mark between thousands, or with two decimals)`, `f:3: price: "1,250" can mean 1250 or 1.250`, `f:4: code: "5,90123E+12" was rounded by a spreadsheet`}},
		"bad rows": {text: "sku,price\na\nb,\"1\nc,2,3\n",
			problems: []string{"f:2: has 1 field, the header has 2 columns", "f:3: field 2: the quoted field does not end"}},
		"an unknown column":   {text: "sku,colour\na,red\n", err: `header: not known: "colour"`},
		"columns of others":   {text: "EAN;Cena;x_note;price\na;1;;1\n", err: `header: not known: "ean", "cena"`},
		"a column to ignore":  {text: "sku;x_note;price\na;b;1\n", want: []catalog.PriceLine{{Line: 2, Code: "a", Amount: amount(100)}}},
		"a workbook":          {text: "PK\x03\x04\x14\x00\x06\x00xl/workbook.xml", err: "f: is a"},
		"a web page":          {text: "<!doctype html><html><title>Log in</title>", err: `f: is a web page with the title "Log in"`},
		"an array":            {text: "[{\"sku\":\"a\"}]", err: "f: is a JSON array"},
		"UTF-16":              {text: "\xff\xfes\x00k\x00u\x00", err: "f: is encoded in UTF-16"},
		"a column twice":      {text: "sku,code,price\na,a,1\n", err: `column "code" stands there twice`},
		"no price":            {text: "sku\na\n", err: "there is no column price"},
		"what is neither yes": {text: "sku,remove\na,perhaps\n", problems: []string{`f:2: remove: "perhaps" is neither yes nor no`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []catalog.PriceLine
			problems, err := catalog.ReadPrices(strings.NewReader(c.text), catalog.PriceOptions{Name: "f", Currency: feed.MustCurrency("EUR")}, func(l catalog.PriceLine) { got = append(got, l) })
			if c.err == "" && err != nil || c.err != "" && (feed.KindOf(err) != feed.KindInvalid || !strings.Contains(err.Error(), c.err)) {
				t.Fatalf("got error %v, want %q", err, c.err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if len(problems) != len(c.problems) {
				t.Fatalf("got problems %v, want %q", problems, c.problems)
			}
			for i, p := range problems {
				if !strings.HasPrefix(p.String(), c.problems[i]) {
					t.Errorf("got %q, want %q…", p, c.problems[i])
				}
			}
		})
	}
}

// TestReadPricesStops reads on no further than problems are told.
func TestReadPricesStops(t *testing.T) {
	t.Parallel()
	problems, err := catalog.ReadPrices(strings.NewReader("sku,price\n"+strings.Repeat("a,x\n", 100)), catalog.PriceOptions{Currency: feed.MustCurrency("EUR"), MaxErrors: 3}, func(catalog.PriceLine) {})
	if err != nil || len(problems) != 3 {
		t.Errorf("got %v, %v, want three problems", problems, err)
	}
}

// A file that is to replace a list and holds nothing would take all prices away:
// an export that was cut off looks like that.
func TestReadPricesOfNothing(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "no line says a price", "sku,price\n": "no line says a price", "sku,price\n\n,\n": "no line says a price", "sku,remove\na,yes\n": "", "{\"sku\":\"a\",\"price\":1}": ""} {
		_, err := catalog.ReadPrices(strings.NewReader(text), catalog.PriceOptions{Currency: feed.MustCurrency("EUR"), Needed: true}, func(catalog.PriceLine) {})
		if got := fmt.Sprint(err); want == "" && err != nil || want != "" && (got != want || feed.KindOf(err) != feed.KindInvalid) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// FuzzReadPrices: whatever stands in a file, lines that are handed over make sense.
func FuzzReadPrices(f *testing.F) {
	f.Add("sku;price\na;1\n")
	f.Add("{\"product\":7,\"price\":\"1.50\"}\n")
	f.Add("product,price,remove\n1,,yes\n")
	f.Fuzz(func(t *testing.T, text string) {
		last := int64(0)
		_, _ = catalog.ReadPrices(strings.NewReader(text), catalog.PriceOptions{Currency: feed.MustCurrency("EUR")}, func(l catalog.PriceLine) {
			if l.Line <= last || l.Product < 0 || l.Product == 0 && l.Code == "" || l.Remove != l.Amount.IsZero() || !feed.IsClean(l.Code) {
				t.Fatalf("handed over %+v after line %d", l, last)
			}
			last = l.Line
		})
	})
}
