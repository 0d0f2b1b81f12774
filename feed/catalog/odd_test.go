package catalog_test

import (
	"fmt"
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

// Stock systems write what was sold too often below 0, and spreadsheets marks
// between thousands.
func TestOddStock(t *testing.T) {
	t.Parallel()
	const more = " (where it means more, write it without a mark between thousands)"
	below := func(v string) []string {
		return []string{`c.csv:2: product 7: stock: "` + v + `" is below 0 (write 0 for what is sold out, and unlimited for what never runs out)`}
	}
	stock := func(v string) string { return "id;name;category;price;stock\n7;x;a;1;" + v + "\n" }
	expectOdd(t, polish(), []oddFile{
		{"c.csv", stock("-1"), 0, below("-1")},
		{"c.csv", stock("-1,00"), 0, below("-1,00")},
		{"c.csv", stock("-3"), 0, below("-3")},
		{"c.csv", stock("1,250"), 1, []string{`c.csv:2: warning: product 7: stock: "1,250" is taken for 1.25` + more}},
		{"c.csv", stock("5.000") + "8;x;a;1;6.000\n", 2, []string{`c.csv:2: warning: product 7: stock: "5.000" is taken for 5` + more}},
	})
	for cell, want := range map[string]string{"5.000": "5", "7,5": "7.5", "1 200": "1200", "1.200,00": "1200", "Unlimited": "-1", "0.250": "0.25"} {
		out := readText(t, polish(), "c.csv", stock(cell))
		if len(out.lines) != 1 || !strings.Contains(out.lines[0], `"stock":[{"warehouse":1,"quantity":`+want+`}]`) {
			t.Errorf("%s: got %v, %q, want %s", cell, out.lines, out.problems, want)
		}
	}
	// JSON has no decimal comma.
	if out := readText(t, polish(), "c.jsonl", `{"id":7,"name":"x","category":"a","price":1,"stock":"1,250"}`); len(out.lines) != 0 {
		t.Errorf("a comma in JSON: got %v", out.lines)
	}
}

// Weights in kilograms and rates of VAT that are something else are told once.
func TestOddWeightsAndRates(t *testing.T) {
	t.Parallel()
	const rate = ` is a rate of VAT that hardly any country has (VAT is a percentage such as 23)`
	expectOdd(t, polish(), []oddFile{
		{"c.csv", "id;name;category;price;weight\n7;x;a;1;310\n8;x;a;1;0.25\n9;x;a;1;1.5\n", 3,
			[]string{`c.csv:3: warning: product 8: weight: "0.25" is taken for grams (if it is meant in kilograms, write 250 or name the column weight[kg])`}},
		{"c.csv", "id;name;category;price;weight_net\n7;x;a;1;1.250\n", 1,
			[]string{`c.csv:2: warning: product 7: weight_net: "1.25" is taken for grams (if it is meant in kilograms, write 1250 or name the column weight_net[kg])`}},
		{"c.csv", "id;name;category;price;weight\n7;x;a;1;310.5\n8;x;a;1;2\n9;x;a;1;0\n", 3, nil},
		{"c.jsonl", `{"id":7,"name":"x","category":"a","price":1,"sizes":[{"name":"S","weight":300},{"name":"M","weight":0.3}]}`, 1,
			[]string{`c.jsonl:1: warning: product 7: sizes[1].weight: "0.3" is taken for grams (if it is meant in kilograms, write 300)`}},
		{"c.csv", "id;name;category;price;weight\n7;x;a;1;\"0,25\"\n", 0,
			[]string{`c.csv:2: product 7: weight: weight "0,25" is not a decimal number (digits with an optional decimal point) (weights are grams: name a column of kilograms weight[kg])`}},
		{"c.csv", "id;name;category;price;vat\n7;x;a;1;1,23\n8;x;a;1;1.23\n9;x;a;1;230\n10;x;a;1;2\n11;x;a;1;50\n12;x;a;1;0\n", 6,
			[]string{`c.csv:2: warning: product 7: vat: "1.23"` + rate, `c.csv:4: warning: product 9: vat: "230.0"` + rate}},
	})
}

// Weights whose unit nobody has said, and of which none is heavy, may be whole kilograms;
// a header can say it. Nor is a price without tax taken for one with it by a column's name.
func TestUnitOfWeights(t *testing.T) {
	t.Parallel()
	const light = `c.csv: warning: weight: the heaviest weight is "25", taken for grams (if they are kilograms, name the column weight[kg], if they are grams weight[g])`
	table := func(column string) string {
		return "id;name;category;price;stock;" + column + "\n7;x;a;1;1;2\n8;x;a;1;1;25\n9;x;a;1;1;0\n"
	}
	const more = `{"id":7,"name":"x","category":"a","price":1,"stock":1,"weight":2}`
	expectOdd(t, polish(), []oddFile{
		{"c.csv", table("weight"), 3, []string{light}},
		{"c.csv", table("weight[g]"), 3, nil},
		{"c.csv", table("Weight [KG]"), 3, nil},
		{"c.csv", table("weight") + "10;x;a;1;1;310\n", 4, nil},
		{"c.jsonl", more, 1, []string{`c.jsonl: warning: weight: the heaviest weight is "2", taken for grams (weights are grams: multiply kilograms by 1000)`}},
		{"c.jsonl", `{"id":7,"name":"x","category":"a","price":1,"stock":1}`, 1, nil},
	})
	single := polish()
	single.Single = true
	expectOdd(t, single, []oddFile{{"c.jsonl", more, 1, nil}})
	for cell, want := range map[string]string{"2": "2000", "0,25": "250", "0.25": "250", "1.2505": "1250.5", "12,000": "12000", "0": "0"} {
		out := readText(t, polish(), "c.csv", "id;name;category;price;stock;weight[kg]\n7;x;a;1;1;"+cell+"\n")
		if len(out.lines) != 1 || len(out.problems) != 0 || !strings.Contains(out.lines[0], `"weight":`+want+`,`) && !strings.Contains(out.lines[0], `"weight":`+want+`}`) {
			t.Errorf("%s kg: got %v, %q, want %s grams", cell, out.lines, out.problems, want)
		}
	}
	for _, cell := range []string{"1 kg", "1.2.3", ",5", "-1", "1e3"} {
		out := readText(t, polish(), "c.csv", "id;name;category;price;stock;weight[kg]\n7;x;a;1;1;\""+cell+"\"\n")
		if len(out.lines) != 0 || len(out.problems) != 1 || !strings.Contains(out.problems[0], "weight[kg]: weight ") {
			t.Errorf("%s kg: got %v, %q", cell, out.lines, out.problems)
		}
	}
	for header, want := range map[string]string{"Price (tax excl.)": "price_net", "Price (tax incl.)": "price_gross", "Cena (netto)": "price_net", "Cena bez VAT": "price_net", "Preis brutto": "price_gross", "Regular price": "price", "Internet": ""} {
		out := readText(t, polish(), "c.csv", "id;name;"+header+"\n7;x;1\n")
		if hint := feed.HintOf(out.err); out.err == nil || want != "" && !strings.HasPrefix(hint, "did you mean "+want+"?") || want == "" && strings.Contains(hint, "price") {
			t.Errorf("%s: got %v (%s), want %s", header, out.err, hint, want)
		}
	}
	for header, want := range map[string]string{
		"weight[lb]":  `column "weight[lb]": "lb" is not a unit of weights`,
		"weight[":     `column "weight[" has no closing bracket`,
		"Weight (kg)": `"Weight (kg)"`,
		"waga [kg]":   `"waga [kg]"`,
		"weight_kg":   `"weight_kg"`,
	} {
		out := readText(t, polish(), "c.csv", table(header))
		if out.err == nil || !strings.Contains(out.err.Error(), want) || strings.HasPrefix(want, `"`) && !strings.Contains(feed.HintOf(out.err), "did you mean weight[kg]?") {
			t.Errorf("%s: got %v (%s), want %s", header, out.err, feed.HintOf(out.err), want)
		}
	}
}

// What is told once has a place in the list however much else is told before it.
func TestWarningsOfEachKind(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("id;name;category;price;stock;weight;vat\n")
	for i := range 3000 {
		fmt.Fprintf(&table, "%d;x;a;;1;310;23\n", i+1) // without a price
	}
	table.WriteString("3001;\"x &amp; y\";a;1;5.000;0.25;1.23\n3002;x;a;1;6.000;0.25;1.24\n")
	out := readText(t, polish(), "c.csv", table.String())
	if out.err != nil || out.stats.Warnings != 3005 || len(out.problems) != 1004 {
		t.Fatalf("got %v, %d listed of %d warnings, want 1004 of 3005: %q", out.err, len(out.problems), out.stats.Warnings, out.problems[max(len(out.problems)-5, 0):])
	}
	for _, want := range []string{`"5.000" is taken for 5`, `"&amp;"`, `"0.25" is taken for grams`, `"1.23" is a rate`} {
		if !strings.Contains(strings.Join(out.problems[1000:], "\n"), want) {
			t.Errorf("%s is not listed: %q", want, out.problems[1000:])
		}
	}
}

func TestDigestOfProblems(t *testing.T) {
	t.Parallel()
	var list []catalog.Problem
	for i := range 300 {
		list = append(list, catalog.Problem{Line: int64(i), Field: "price", Message: fmt.Sprintf("\"%d\" has too many decimal places", i)})
	}
	list[200].Message, list[299].Message = "is missing", `"a\"b" is no code`
	for n, want := range map[int][]int64{0: {}, 2: {0, 200}, 5: {0, 1, 2, 200, 299}} {
		lines := []int64{}
		for _, p := range catalog.Digest(list, n) {
			lines = append(lines, p.Line)
		}
		if !slices.Equal(lines, want) {
			t.Errorf("%d of them: got lines %v, want %v", n, lines, want)
		}
	}
	if got := catalog.Digest(list, 300); len(got) != 300 {
		t.Errorf("got %d, want all 300", len(got))
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

// Sizes and codes of which a spreadsheet has made dates, and names that were escaped
// once too often, are told once.
func TestOddTexts(t *testing.T) {
	t.Parallel()
	const date = ` looks like a date that a spreadsheet has made of it (make the column text in the spreadsheet, or do not open the export there, and export it again)`
	for _, cell := range []string{"12-Oct", "10.gru", "Oct-50", "2. Mrz", "paź.12"} {
		expectOdd(t, polish(), []oddFile{{"c.csv", "id;name;category;price;size\n7;x;a;1;" + cell + "\n7;;;;11-Oct\n", 1, []string{`c.csv:2: warning: product 7: size: "` + cell + `"` + date}}})
	}
	for _, cell := range []string{"38-40", "10-12", "S", "M-8", "MAR-12", "123-Oct", "Oct", "12-Octo", "-Oct"} {
		expectOdd(t, polish(), []oddFile{{"c.csv", "id;name;category;price;size\n7;x;a;1;" + cell + "\n", 1, nil}})
	}
	const plain = " (names are plain text: write the sign itself)"
	expectOdd(t, polish(), []oddFile{
		{"c.csv", "id;name;category;price;code\n7;x;a;1;12-Oct\n", 1, []string{`c.csv:2: warning: product 7: code: "12-Oct"` + date}},
		{"c.csv", "key;name;category;price\n12-Oct;x;a;1\n", 1, []string{`c.csv:2: warning: product 12-Oct: key: "12-Oct"` + date}},
		{"c.jsonl", `{"id":7,"name":"Cup &amp; plate","category":"a","price":1}` + "\n" + `{"id":8,"name":"&quot;x&quot;","category":"a","price":1}`, 2,
			[]string{`c.jsonl:1: warning: product 7: name: holds "&amp;", which partners see as it stands` + plain}},
		{"c.csv", "id,name,category,price\n7,Cup &#243; x,a,1\n", 1, []string{`c.csv:2: warning: product 7: name: holds "&#243;", which partners see as it stands` + plain}},
		{"c.csv", "id,name,category,price\n7,H&M; A & B; R&D &c;,a,1\n", 1, nil},
	})
}

// A product is given whole, so a table of stock alone is none.
func TestTableWithoutNames(t *testing.T) {
	t.Parallel()
	out := readText(t, polish(), "c.csv", "key;stock\nA;5\n")
	if out.err == nil || !strings.HasSuffix(out.err.Error(), "c.csv: header: there is no column name") || !strings.Contains(feed.HintOf(out.err), "PATCH /products") {
		t.Errorf("got %v (%s)", out.err, feed.HintOf(out.err))
	}
	if out := readText(t, polish(), "c.csv", "id;removed\n7;yes\n"); out.err != nil || len(out.removed) != 1 {
		t.Errorf("removed products alone: got %v, %v", out.removed, out.err)
	}
}

// What a spreadsheet makes of Shopify's export must not publish what is not to be, nor
// for a thousandth of its price.
func TestShopifyFromSpreadsheet(t *testing.T) {
	t.Parallel()
	const head = "Handle,Title,Vendor,Published,Option1 Name,Option1 Value,Variant Inventory Tracker,Variant Inventory Qty,Variant Price,Variant Compare At Price,Variant Requires Shipping,Variant Taxable\n"
	const again = " (export it again and do not open it in a spreadsheet before the import)"
	const two = " (write it without a mark between thousands, or with two decimals)"
	row := func(published, quantity, price, before, shipping, taxable string) string {
		return head + "mug,Mug,V," + published + ",Title,Default Title,shopify," + quantity + "," + price + "," + before + "," + shipping + "," + taxable + "\n"
	}
	expectOdd(t, dollars(), []oddFile{
		{"c.csv", row("FAŁSZ", "1", "2.50", "", "true", "true"), 0, []string{`c.csv:2: product mug: Published: "FAŁSZ" is neither true nor false` + again}},
		{"c.csv", row("TRUE", "1", "2.50", "", "WAHR", "FALSCH"), 0, []string{`c.csv:2: product mug: Variant Taxable: "FALSCH" is neither true nor false` + again, `c.csv:2: product mug: Variant Requires Shipping: "WAHR" is neither true nor false` + again}},
		{"c.csv", row("TRUE", "1", "1.299", "", "", ""), 0, []string{`c.csv:2: product mug: Variant Price: "1.299" can mean 1299 or 1.299` + two}},
		{"c.csv", row("TRUE", "1", "1299", "1.499", "", ""), 0, []string{`c.csv:2: product mug: Variant Compare At Price: "1.499" can mean 1499 or 1.499` + two}},
		{"c.csv", row("TRUE", `"1,200"`, "2.50", "", "", ""), 0, []string{`c.csv:2: product mug: Variant Inventory Qty: "1,200" can mean 1200 or 1.200` + two}},
		{"c.csv", row("FALSE", "1", "2.50", "", "True", "true"), 0, nil},
		{"c.csv", row("", "1", "2.50", "", "", ""), 1, nil},
	})
}

// A wholesale price above the price is the other one, most likely; and paths have
// slashes.
func TestOddPricesAndPaths(t *testing.T) {
	t.Parallel()
	const way = " (are the two the wrong way round? all partners are shown the price)"
	expectOdd(t, polish(), []oddFile{
		{"c.csv", "id;name;category;price_net;wholesale_net\n6;x;a;12,30;12,30\n7;x;a;10;12\n8;x;a;10;12\n9;x;a;;12\n", 4,
			[]string{"c.csv:3: warning: product 7: wholesale: 12.00 net is above the price of 10.00" + way}},
		{"c.csv", "id;name;category;price\n7;x;Men > Shirts;1\n8;x;Men > Trousers;1\n9;x;a>b;1\n", 3,
			[]string{`c.csv:2: warning: product 7: category: "Men > Shirts" is one category (write names with / between them: "Kitchen/Mugs")`}},
	})
}

// Addresses of pictures may have commas between them, and within.
func TestImagesInOneCell(t *testing.T) {
	t.Parallel()
	const a, b = "https://a.example/1.jpg", "HTTP://a.example/2,3;4|.jpg"
	for cell, want := range map[string]int{a + " " + b: 2, a + ", " + b: 2, a + "," + b: 2, a + "|" + b + "|": 2, b + ";" + a: 2, a + ",": 1, b: 1, a + ",;" + a: 1, a + "?x=1,2": 1} {
		out := readText(t, polish(), "c.csv", "id\tname\tcategory\tprice\timage\n7\tx\ta\t1\t"+cell+"\n")
		if len(out.lines) != 1 || strings.Count(out.lines[0], `"url":"`) != want || strings.Contains(out.lines[0], `.jpg,`) {
			t.Errorf("%s: got %v, %q, want %d", cell, out.lines, out.problems, want)
		}
	}
}

// A decimal comma without quotes, where commas separate, moves what stands behind it
// by one column: a blank last cell must not hide that.
func TestDecimalCommasBetweenCommas(t *testing.T) {
	t.Parallel()
	const torn = "has 7 fields, the header has 6 columns (quote fields that hold separators)"
	const head = "id,name,category,price,stock,tags"
	expectOdd(t, polish(), []oddFile{
		{"c.csv", head + "\n7,x,a,12,50,5,\n8,y,a,13,99,7,\n", 0, []string{"c.csv:2: " + torn, "c.csv:3: " + torn}},
		{"c.csv", head + ",\n7,x,a,12.50,5,,\n", 1, nil},
		{"c.csv", head + ",\n7,x,a,12,50,5,,\n", 0, []string{"c.csv:2: has 8 fields, the header has 6 columns (quote fields that hold separators)"}},
		{"c.csv", "id;name;category;price;stock\n7;x;a;12,50;5;\n", 1, nil},
	})
	for text, want := range map[string]string{
		"code,price,x_note\nA,12,50,\n":   "f:2: has 4 fields, the header has 3 columns (quote fields that hold separators)",
		"code,price,x_note\nA,12.50,\n":   "",
		"code,price,x_note,\nA,12.50,,\n": "",
		"code;price\nA;12,50;\n":          "",
	} {
		problems, err := catalog.ReadPrices(strings.NewReader(text), catalog.PriceOptions{Name: "f", Currency: feed.MustCurrency("PLN")}, func(catalog.PriceLine) {})
		got := ""
		for _, p := range problems {
			got += p.String()
		}
		if err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

// A catalog without any stock, such as a table that has lost the column, sells nothing:
// that is told before everything else.
func TestNothingInStock(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"id;name;category;price\n7;x;a;1\n8;y;a;1\n":             true,
		"id;name;category;price;stock\n7;x;a;1;\n8;y;a;1;\n":     true,
		"id;name;category;price;stock\n7;x;a;1;\n8;y;a;1;0\n":    false,
		"id;name;category;price;stock[2]\n7;x;a;1;4\n8;y;a;1;\n": false,
		"id;name;category;price\n7;x;a;y\n":                      false, // nothing is imported
		"id;removed\n7;yes\n":                                    false,
	} {
		if out := readText(t, polish(), "c.csv", text); out.unstocked != want {
			t.Errorf("%q: told as out of stock: %v, %q", text, out.unstocked, out.problems)
		}
	}
	const zero = `c.csv: warning: stock: every stock is 0 (partners see all of them as sold out: give each a stock, or unlimited where it never runs out)`
	expectOdd(t, polish(), []oddFile{
		{"c.csv", "id;name;category;price;stock\n7;x;a;1;0\n8;y;a;1;0,00\n9;z;a;1;\n", 3, []string{zero}},
		{"c.csv", "id;name;category;price;stock;stock[2]\n7;x;a;1;0;0\n8;y;a;1;0;0,5\n", 2, nil},
		{"c.csv", "id;name;category;price;stock\n7;x;a;1;0\n8;y;a;1;unlimited\n", 2, nil},
	})
	path := file(t, "c.csv", "id;name;category;price\n7;x;a;\n")
	for single, want := range map[bool]string{
		false: path + ": warning: stock: no product has a stock (partners see all of them as sold out: give each a stock, or unlimited where it never runs out)",
		true:  path + ":2: warning: product 7: price: is missing or 0 (a product without a price is in no offer)",
	} {
		opt := polish()
		opt.Single = single
		s, err := catalog.Open([]string{path}, opt)
		if err != nil {
			t.Fatal(err)
		}
		for range s.Products(t.Context()) {
		}
		if got := s.Problems()[0].String(); got != want || s.Stats().Warnings != int64(len(s.Problems())) {
			t.Errorf("got %q and %d warnings, want %q", got, s.Stats().Warnings, want)
		}
	}
}

// Where nothing is quoted, a name that begins with a quote reaches to one that ends with
// one: it must not give its product the price of another.
func TestRowsJoinedByQuotes(t *testing.T) {
	t.Parallel()
	const told = "c.csv:3: product 2: name: holds the end of this row and the beginning of another (put the whole field into quotes, and write each quote within it twice)"
	for _, comma := range []string{";", "\t"} {
		row := func(cells ...string) string { return strings.Join(cells, comma) + "\n" }
		head := row("id", "name", "category", "price", "stock")
		expectOdd(t, polish(), []oddFile{
			{"c.csv", head + row("1", "Hammer", "a", "10,00", "1") + row("2", `"Super saw`, "a", "20,00", "2") + row("3", `Pipe 15"`, "a", "30,00", "3") + row("4", "x", "a", "40,00", "4"), 2, []string{told}},
			{"c.csv", head + row("1", "Hammer", "a", "10,00", "1") + row("2", `"Super saw`, "a", "20,00", "2") + row("3", "Pipe", "a", "30,00", "3") + row("4", `x 3"`, "a", "40,00", "4"), 1, []string{told}},
			{"c.csv", head + row("1", "\"Ham\nmer\"", "a", "10,00", "1"), 1, nil},
		})
	}
	expectOdd(t, polish(), []oddFile{{"c.csv", "id;name;category;price;long_desc\n7;x;a;1;\"a;b\n;c;d\"\n", 1, nil}})
}

// A file of prices in another encoding, or with the line ends of old Macs, is told as that.
func TestForeignPriceFiles(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"code;price\nP\xb31;12,50\n":      "f:2: field 1: byte 0xB3 is not UTF-8 (save the file as UTF-8)",
		"code;price\rP1;12,50\rP2;1,00\r": "read f: its lines end with CR alone, as those of old Macs did",
	} {
		problems, err := catalog.ReadPrices(strings.NewReader(text), catalog.PriceOptions{Name: "f", Currency: feed.MustCurrency("PLN")}, func(catalog.PriceLine) {})
		got := ""
		for _, p := range problems {
			got += p.String()
		}
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
