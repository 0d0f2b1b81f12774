package catalog

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// readPrices reads products and tells their prices, and what was wrong with them.
func readPrices(t interface{ Fatal(...any) }, lines string) string {
	s, err := Open([]string{"-"}, Options{Stdin: strings.NewReader(lines), MaxErrors: 1000, DefaultCategory: "Misc"})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for p, err := range s.Products(context.Background()) {
		if err != nil {
			fmt.Fprintln(&b, err)
			break
		}
		fmt.Fprintf(&b, "%d %+v\n", p.ID, p.Prices)
		for i := range p.Sizes {
			fmt.Fprintf(&b, "  %+v\n", p.Sizes[i].Prices)
		}
	}
	fmt.Fprintf(&b, "%+v\n", s.Problems())
	return b.String()
}

// A price is worth the same, and as wrong, whether or not an earlier one of the
// product is written with the same signs.
func TestPricesWrittenAlike(t *testing.T) {
	t.Parallel()
	price := rapid.SampledFrom([]string{`{"net":"384.57","gross":"473.02"}`, `{"net":"384.57"}`, `{"gross":"473.02"}`, `{"net":"384.57","gross":"9.99"}`,
		`{"net":"many"}`, `{"net":"1.001"}`, `{"net":""}`, `{}`, `{"net":null}`, `{"net":"1","nett":"2"}`, `{"net":"1","net":"2"}`, `{"net":"0"}`, `{"net":"3\u0038"}`, `17.5`, `"x"`, `null`})
	point := rapid.SampledFrom([]string{"price", "wholesale", "srp"})
	rapid.Check(t, func(t *rapid.T) {
		var plain, spaced strings.Builder
		blanks := 0
		prices := func() {
			for _, name := range rapid.SliceOfNDistinct(point, 0, 3, rapid.ID).Draw(t, "points") {
				text := price.Draw(t, "price")
				fmt.Fprintf(&plain, `,%q:%s`, name, text)
				blanks++ // so that no two are written alike
				fmt.Fprintf(&spaced, `,%q:%s`, name, strings.Replace(text, "{", "{"+strings.Repeat(" ", blanks), 1))
			}
		}
		both := func(format string, args ...any) {
			fmt.Fprintf(&plain, format, args...)
			fmt.Fprintf(&spaced, format, args...)
		}
		for i := range rapid.IntRange(1, 4).Draw(t, "products") {
			both(`{"id":%d,"currency":"PLN","vat":23,"name":"n","producer":"p","unit":"szt."`, i+1)
			prices()
			both(`,"sizes":[`)
			for k := range rapid.IntRange(1, 4).Draw(t, "sizes") {
				if k > 0 {
					both(",")
				}
				both(`{"id":"%d"`, k)
				prices()
				both("}")
			}
			both("]}\n")
		}
		if got, want := readPrices(t, plain.String()), readPrices(t, spaced.String()); got != want {
			t.Fatalf("%s: got\n%s\nwant\n%s", plain.String(), got, want)
		}
	})
}
