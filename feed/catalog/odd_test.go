package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/catalog"
)

// oddFile is a file that is taken or refused, and what is told of it.
type oddFile struct {
	name, content string
	products      int
	want          []string
}

// expectOdd compares what comes out and everything that is told, without the
// product's name.
func expectOdd(t *testing.T, opt catalog.Options, list []oddFile) {
	t.Helper()
	for _, c := range list {
		out := readText(t, opt, c.name, c.content)
		if len(out.lines) != c.products || !slices.Equal(out.problems, c.want) {
			t.Errorf("%q: got %d products, %q, want %d, %q", c.content, len(out.lines), out.problems, c.products, c.want)
		}
	}
}

// A table that was cut off within its last cell is told, and so are the seams of
// files that were joined.
func TestCutAndJoinedTables(t *testing.T) {
	t.Parallel()
	const seam = "a byte order mark inside the file (files that were joined have one at each seam: give each file by itself)"
	const head = "id;name;category;price\n7;x;a;12.50\n"
	joined := "\ufeffkey,name,category,price\nA,x,a,1\n\ufeffB,y,a,2\n"
	expectOdd(t, polish(), []oddFile{
		{"c.csv", head + "8;y;a;1", 2, []string{`c.csv:3: warning: the file ends without a line end, behind "1" (was the export cut off? look whether that value is whole)`}},
		{"c.csv", head + "8;y;a;1\r\n", 2, nil},
		{"c.csv", head + "8;y;a;\"1\"", 2, nil},
		{"c.csv", joined, 1, []string{"c.csv:3: field 1: " + seam}},
		{"c.csv", strings.ReplaceAll(joined, "B", `"B"`), 1, []string{"c.csv:3: field 1: " + seam}},
		{"c.jsonl", "\ufeff{\"id\":7,\"removed\":true}\r\n\ufeff{\"id\":8,\"removed\":true}\r\n", 0, []string{"c.jsonl:2: " + seam}},
	})
	out := readText(t, polish(), "c.csv", "\ufeff\ufeffid;name\n")
	if out.err == nil || !strings.HasSuffix(out.err.Error(), "header: line 1, field 1: a byte order mark inside the file") || !strings.HasPrefix(feed.HintOf(out.err), "files that were joined") {
		t.Errorf("two marks at the start: got %v (%s)", out.err, feed.HintOf(out.err))
	}
}

// In a price list a price is refused with which the file ends and that has fewer
// decimals than all before it.
func TestCutPrices(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"code;price\nA;12.50\nB;1":      `f:3: price: the file ends without a line end, behind "1" (was the export cut off? if the price is whole, end its line)`,
		"code;price\nA;12,50\nB;1,":     `f:3: price: the file ends without a line end, behind "1,"`,
		"code;price\nA;12.50\nB;1\n":    "",
		"code;price\nA;12.50\nB;1.20":   "",
		"code;price\nA;12.50\nC;9\nB;1": "",
		"code;price\nB;1":               "",
		"price;code\n12.50;A\n1;B":      "",
		"{\"code\":\"A\",\"price\":12.50}\n\ufeff{\"code\":\"B\",\"price\":12.50}": "f:2: a byte order mark inside the file",
	} {
		problems, err := catalog.ReadPrices(strings.NewReader(text), catalog.PriceOptions{Name: "f", Currency: feed.MustCurrency("PLN")}, func(catalog.PriceLine) {})
		got := ""
		for _, p := range problems {
			got += p.String()
		}
		if err != nil || (got == "") != (want == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}
