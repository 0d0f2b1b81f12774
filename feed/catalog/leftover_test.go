package catalog_test

import (
	"testing"

	"feedmill/feed/catalog"
)

// What programs have made of texts, or left in them, is told once and stays.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	const (
		encoding = " (export it again in UTF-8, and let no program between convert it)"
		nothing  = " looks like what programs write where they have no value (leave out what is not known, or mend it where it comes from)"
		number   = " (let that program read the column as text, and export it again)"
		tags     = ", which partners see as it stands (names are plain text: leave the tags out)"
	)
	row := func(name string) string {
		return "id\tname\tcategory\tprice\n7\t" + name + "\ta\t1\n8\t" + name + "\ta\t1\n"
	}
	for name, want := range map[string]string{
		"KrzesÅ‚o biaÅ‚e":  `"KrzesÅ‚o biaÅ‚e" looks like "Krzesło białe", read in a wrong encoding` + encoding,
		"Ã–l fÃ¼r KÃ¼che":  `"Ã–l fÃ¼r KÃ¼che" looks like "Öl für Küche", read in a wrong encoding` + encoding,
		"Krzes\ufffdo":     "\"Krzes\ufffdo\" has signs that a program before could not read" + encoding,
		"#N/D":             `"#N/D"` + nothing,
		"#ADR!":            `"#ADR!"` + nothing,
		"#NAZWA?":          `"#NAZWA?"` + nothing,
		"NULL":             `"NULL"` + nothing,
		"nan":              `"nan"` + nothing,
		"<b>Mug</b> red":   `holds "<b>"` + tags,
		"Mug<br />white":   `holds "<br />"` + tags,
		"<p class='x'>Mug": `holds "<p class='x'>"` + tags,
		// These are names.
		"Zażółć gęślą jaźń": "", "Ångström Ö Ä": "", "À la carte": "", "Ä": "", "Łódź 12 <4K>": "", "a < b > c": "", "#1 Mug!": "", "NULLE": "", "None of them": "", "Übergröße – „groß“": "", "Żółw €": "",
	} {
		told := []string(nil)
		if want != "" {
			told = []string{"c.csv:2: warning: product 7: name: " + want}
		}
		expectOdd(t, polish(), []oddFile{{"c.csv", row(name), 2, told}})
	}
	expectOdd(t, polish(), []oddFile{
		{"c.csv", "id;name;category;producer;price;code;producer_code\n7;x;nan;NULL;1;None;#REF!\n8;x;nan;NULL;1;n;#REF!\n", 2, []string{
			`c.csv:2: warning: product 7: producer: "NULL"` + nothing, `c.csv:2: warning: product 7: category: "nan"` + nothing,
			`c.csv:2: warning: product 7: code: "None"` + nothing, `c.csv:2: warning: product 7: producer_code: "#REF!"` + nothing}},
		{"c.csv", "key;name;category;price;code;producer_code\n1001.0;x;a;1;777.0;5901234123457.0\n1002.0;x;a;1;778.0;\n", 2, []string{
			`c.csv:2: warning: product 1001.0: key: "1001.0" looks like a number that a program has made of "1001"` + number,
			`c.csv:2: warning: product 1001.0: code: "777.0" looks like a number that a program has made of "777"` + number,
			`c.csv:2: warning: product 1001.0: producer_code: "5901234123457.0" looks like a number that a program has made of "5901234123457"` + number}},
		{"c.csv", "key;name;category;price;code\n1.01;x;a;1;7.00\nA.0;x;a;1;v7.0\n", 2, nil},
		{"c.jsonl", `{"id":7,"name":"x","category":"a","price":1,"sizes":[{"name":"S","producer_code":"null"}]}`, 1, []string{`c.jsonl:1: warning: product 7: sizes[0].producer_code: "null"` + nothing}},
	})
}

// Numbers that other programs than spreadsheets have shortened are refused, too.
func TestShortenedByOthers(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]int{"4E+12": 0, "5.9e+12": 0, "5,901234e+12": 0, "4e+15": 0, "4E+5": 1, "4E+05": 1, "E+12": 1, "45E+12": 1, "4E+1A": 1, "4E12": 1} {
		out := readText(t, polish(), "c.csv", "id;name;category;price;producer_code\n7;x;a;1;"+cell+"\n")
		if len(out.lines) != want {
			t.Errorf("%s: got %v, %q", cell, out.lines, out.problems)
		}
	}
}

// What JSON does not know, and what other languages write for an empty object, is
// refused with what to do.
func TestHintsOfJSON(t *testing.T) {
	t.Parallel()
	line := func(price, attrs string) string {
		return `{"id":7,"name":"x","category":"a","price":` + price + `,"attrs":` + attrs + "}\n"
	}
	const nan = " (JSON has no NaN and no Infinity: leave the member out, or write null)"
	expectOdd(t, polish(), []oddFile{
		{"c.jsonl", line("NaN", "{}"), 0, []string{"c.jsonl:1: product 7: column 43: want a value, got 'N'" + nan}},
		{"c.jsonl", line("Infinity", "{}"), 0, []string{"c.jsonl:1: product 7: column 43: want a value, got 'I'" + nan}},
		{"c.jsonl", line("1", "[]"), 0, []string{"c.jsonl:1: product 7: attrs: is an array, not an object of strings (leave it out when there is none)"}},
		{"c.jsonl", line("1", "[ 1]"), 0, []string{"c.jsonl:1: product 7: attrs: is an array, not an object of strings"}},
	})
	if out := readText(t, catalog.Options{}, "c.jsonl", "{\"id\":[ "); len(out.problems) == 0 {
		t.Error("a line that ends within a list: nothing is told")
	}
}
