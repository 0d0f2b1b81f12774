package catalog_test

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/catalog"

	"pgregory.net/rapid"
)

func TestOwnCSV(t *testing.T) {
	t.Parallel()
	out := read(t, polish(), "testdata/own.csv")
	if out.err != nil || out.format != catalog.FormatCSV {
		t.Errorf("got %v %v, format %v", out.err, out.problems, out.format)
	}
	golden(t, "own.golden", out.text())
}

// The same table means the same whatever separates its fields, with and
// without a byte order mark, and with both kinds of line ends.
func TestCSVDialects(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"id", "name", "category", "price", "long_desc"}, {"7", "Kubek", "Kuchnia", "12.30", "a,b;c\td \"e\""}}
	var want []string
	for _, comma := range []rune{',', ';', '\t'} {
		for _, bom := range []string{"", "\ufeff"} {
			for _, crlf := range []bool{false, true} {
				var b bytes.Buffer
				b.WriteString(bom)
				w := csv.NewWriter(&b)
				w.Comma, w.UseCRLF = comma, crlf
				if err := w.WriteAll(rows); err != nil {
					t.Fatal(err)
				}
				out := readText(t, polish(), "c.csv", b.String())
				if out.err != nil || len(out.lines) != 1 {
					t.Fatalf("%q: got %v %v", b.String(), out.err, out.problems)
				}
				if want = append(want, out.lines[0]); want[0] != out.lines[0] {
					t.Errorf("%q: got %s, want %s", b.String(), out.lines[0], want[0])
				}
			}
		}
	}
}

func TestCSVRemoved(t *testing.T) {
	t.Parallel()
	out := readText(t, polish(), "c.csv", "key,removed,name,category,price\nA,yes,,,\nB,no,x,a,1\n")
	if out.err != nil || len(out.lines) != 1 || len(out.removed) != 1 || out.removed[0] != catalog.DeriveID("A") {
		t.Errorf("got %v, removed %v, %v", out.lines, out.removed, out.problems)
	}
}

func TestCSVNetPricesAndFallbacks(t *testing.T) {
	t.Parallel()
	opt := polish()
	opt.NetPrices, opt.DefaultCategory, opt.DefaultUnit = true, "Inne", "szt."
	out := readText(t, opt, "c.csv", "id,name,price\n7,x,10\n")
	if out.err != nil || !strings.Contains(out.lines[0], `"price":{"net":"10.00","gross":"12.30"}`) ||
		!strings.Contains(out.lines[0], `"name":{"pol":"Inne"}`) || !strings.Contains(out.lines[0], `"name":{"pol":"szt."}`) {
		t.Errorf("got %v, %v", out.lines, out.problems)
	}
}

// Prices as spreadsheets write them in many countries; what could mean two things
// is refused.
func TestCSVAmounts(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{"10": "10.00", "10,5": "10.50", "1 200,00": "1200.00", "1\u00a0200": "1200.00", "12\u202f345\u202f678.9": "12345678.90",
		"1.200,00": "1200.00", "1,200.00": "1200.00", "1.234.567": "1234567.00", "12'345.6": "12345.60", "0,990": "0.99", "1200,500": "1200.50", "12.5000": "12.50",
		"1.200": "", "1,200": "", "999,990": "", "1.20,00": "", "1.200,00.0": "", "1,200.5O": "", "12,50 zł": "", "1 20": "", "1200 000": "", "1 200 00": "", "1 2a0": "", "1 200,0 0": ""} {
		out := readText(t, polish(), "c.csv", "id;name;category;price\n7;x;a;"+cell+"\n")
		if got := len(out.lines) == 1 && strings.Contains(out.lines[0], `"gross":"`+want+`"`); want != "" && !got || want == "" && len(out.lines) != 0 {
			t.Errorf("%q: got %v, %v, want %q", cell, out.lines, out.problems, want)
		}
	}
}

// What spreadsheets write around a table is no part of it: the line that tells
// the separator, which counts, and columns without names and cells.
func TestCSVAroundTheTable(t *testing.T) {
	t.Parallel()
	out := readText(t, polish(), "c.csv", "sep=;\r\nid;name;category;price;;\r\n7;a,b;c;1,5;;\r\n8;x;c;1;;;;\r\n9;x;c;y;;\r\n10;x;c;1;;note\r\n")
	// A row is read before the product above it is made.
	want := []string{"c.csv:6: has 6 fields, the header has 4 columns (quote fields that hold separators)", `c.csv:5: product 9: price: gross "y" is not a decimal number (digits with an optional decimal point) (write the number alone, and nothing where there is no price; the currency has a column of its own)`}
	if got := out.problems; len(out.lines) != 2 || !slices.Equal(got, want) {
		t.Errorf("got %d products, %q, want %q", len(out.lines), got, want)
	}
	if out := readText(t, polish(), "c.csv", "\r\n\nid;name;category;price\n7;a,b;c;1,5\n"); len(out.lines) != 1 || out.err != nil {
		t.Errorf("below empty lines: got %d products, %v", len(out.lines), out.err)
	}
}

// Numbers that a spreadsheet has shortened name nothing any more: they are
// refused where a name is wanted, as different ones may look alike.
func TestCSVShortened(t *testing.T) {
	t.Parallel()
	for column, at := range map[string]string{"id": "id", "key": "key", "code": "code", "gtin": "gtin", "producer_code": "producer_code", "external_code": "external_code", "display_code": "display_code", "size_id": "size_id"} {
		for _, cell := range []string{"5.90123E+12", "5,90123E+12"} {
			row := map[string]string{"id": "7", column: cell}
			if column == "key" {
				row = map[string]string{"key": cell}
			}
			head, line := "name;category;price", "x;a;1"
			for c, v := range row {
				head, line = head+";"+c, line+";"+v
			}
			out := readText(t, polish(), "c.csv", head+"\n"+line+"\n")
			want := at + `: "` + cell + `" was rounded by a spreadsheet (make the column text in the spreadsheet, or do not open the export there, and export it again)`
			if got := out.problems; len(out.lines) != 0 || len(got) != 1 || !strings.HasSuffix(got[0], want) {
				t.Errorf("%s %s: got %v, %q, want %q", column, cell, out.lines, got, want)
			}
		}
	}
	// Codes that only look a little like it stay what they are.
	for _, cell := range []string{"1E+5", "AE+12", "1.5E-12", "1.5E12", "12.5E+12", "1.5E+1A"} {
		if out := readText(t, polish(), "c.csv", "id;name;category;price;producer_code\n7;x;a;1;"+cell+"\n"); len(out.lines) != 1 || !strings.Contains(out.lines[0], `"producer_code":"`+cell+`"`) {
			t.Errorf("%s: got %v, %v", cell, out.lines, out.problems)
		}
	}
}

// The currency decides whether three decimals can be three decimals.
func TestCSVThreeDecimals(t *testing.T) {
	t.Parallel()
	for currency, want := range map[string]int{"KWD": 1, "EUR": 0} {
		out := readText(t, polish(), "c.csv", "id;name;category;price;currency\n7;x;a;1,250;"+currency+"\n")
		if len(out.lines) != want {
			t.Errorf("%s: got %v, %v", currency, out.lines, out.problems)
		}
	}
	// One cell is told once, and later rows that repeat it are not.
	for _, price := range []string{"1.250", "1.235"} {
		out := readText(t, polish(), "c.csv", "id;name;category;price;size\n7;x;a;"+price+";S\n7;;;"+price+";M\n7;;;;L\n")
		want := `c.csv:2: product 7: price: "` + price + `" can mean ` + strings.Replace(price, ".", "", 1) + ` or ` + price + ` (`
		if got := out.problems; len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%s: got %q", price, got)
		}
	}
}

// A product that comes back in a later row is another product of the same id,
// which ordering finds.
func TestCSVRowsApart(t *testing.T) {
	t.Parallel()
	text := "id,name,category,price,size\n7,x,a,1,S\n8,y,a,1,S\n7,x,a,1,M\n"
	s, err := catalog.Open([]string{"-"}, withStdin(polish(), text))
	if err != nil {
		t.Fatal(err)
	}
	var got error
	for _, err := range catalog.Sorted(t.Context(), s.Products(t.Context()), t.TempDir(), 0) {
		got = err
	}
	if got == nil || got.Error() != "product 7 occurs twice" || feed.KindOf(got) != feed.KindInvalid {
		t.Errorf("got %v, want that product 7 occurs twice", got)
	}
}

func withStdin(opt catalog.Options, text string) catalog.Options {
	opt.Stdin = strings.NewReader(text)
	return opt
}

// Whatever a cell holds, what comes out is what went in, but for what cells drop.
func TestCSVCells(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		v := rapid.StringOf(rapid.SampledFrom([]rune("ab \"',;\n=+-@ż<&'"))).Draw(rt, "text")
		want := strings.TrimSpace(v)
		if len(want) > 1 && want[0] == '\'' && strings.IndexByte("=+-@", want[1]) >= 0 {
			want = want[1:]
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if err := w.WriteAll([][]string{{"id", "name", "category", "price", "short_desc"}, {"7", "x", "a", "1", v}}); err != nil {
			rt.Fatal(err)
		}
		s, err := catalog.Open([]string{"-"}, withStdin(polish(), b.String()))
		if err != nil {
			rt.Fatal(err)
		}
		for p, err := range s.Products(t.Context()) {
			if err != nil {
				rt.Fatal(err)
			}
			if got := p.ShortDescs.Pick(nil); got != want {
				rt.Fatalf("%q: got %q, want %q", v, got, want)
			}
		}
		if err := s.Err(); err != nil || s.Stats().Products != 1 {
			rt.Fatalf("%q: got %v, %v", b.String(), err, s.Problems())
		}
	})
}

func FuzzCSV(f *testing.F) {
	f.Add("id,name,category,price,size,stock,stock[2],parameter[Kolor]\n7,Kubek,a/b,\"1,5\",S,1,unlimited,\"x\ny\"\n7,,,2,M,,,\n")
	f.Add("key;name[pol];category;price_net;gtin;image1;tags\nA;x;c;1;5901234123457;https://a.example/1;a,b\n")
	f.Add("Handle,Title,Vendor,Variant Price,Option1 Name,Option1 Value,Variant SKU\nmug,Mug,V,1.5,Size,S,A B\nmug,,,2,,M,A B\n")
	f.Fuzz(func(t *testing.T, text string) {
		opt := polish()
		opt.Limits = catalog.Limits{Line: 1 << 16, Field: 1 << 14, Sizes: 20, Images: 20, List: 20}
		s, err := catalog.Open([]string{"-"}, withStdin(opt, text))
		if err != nil {
			return
		}
		for p, err := range s.Products(t.Context()) {
			if err != nil {
				return
			}
			line := catalog.AppendJSON(nil, p)
			if back, problems := decodeOne(t, line); back == nil {
				t.Fatalf("%v\n%s", problems, line)
			}
		}
		_ = s.Dictionaries()
	})
}
