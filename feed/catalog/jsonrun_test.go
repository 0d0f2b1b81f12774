package catalog

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Plain members are read in runs where nothing stands between them, and one by
// one where there are blanks: a catalog reads the same either way.
func TestBlanksChangeNothing(t *testing.T) {
	t.Parallel()
	long := `"` + strings.Repeat("długi ", 20) + `"`
	odd := []string{`null`, `""`, `"a b"`, `"x\ny"`, `"z\u0007"`, `"nie` + "\uffff" + `"`, long, `-1`, `0`, `007`, `1234567`, `12.5`, `true`, `[]`, `{}`, `"0100"`}
	object := func(t *rapid.T, name string, members [][]string) []string {
		var list []string
		for range rapid.IntRange(0, len(members)+1).Draw(t, name) {
			// Mostly in the order of machines, which is when runs are long.
			m := members[min(len(list), len(members)-1)]
			if rapid.IntRange(0, 4).Draw(t, "other order") == 0 {
				m = rapid.SampledFrom(members).Draw(t, "member")
			}
			v := rapid.SampledFrom(m[1:]).Draw(t, "value")
			if rapid.IntRange(0, 11).Draw(t, "odd") == 0 {
				v = rapid.SampledFrom(odd).Draw(t, "odd value")
			}
			list = append(list, m[0], v)
		}
		return list
	}
	images := [][]string{{"url", `"https://shop.example/1.jpg"`, `"https://shop.example/zażółć.webp"`, `"1.jpg"`}, {"hash", `"be3e0d2982e783f614ab948f4956a9e8"`, `"no digest"`},
		{"width", `1200`}, {"height", `800`}, {"priority", `1`, `2`}, {"changed", `"2026-03-02 08:00:00"`}, {"unknown", `1`}}
	prices := [][]string{{"net", `"10.00"`, `"100.00"`, `10`}, {"gross", `"12.30"`, `"123.00"`, `12.3`}, {"great", `"1"`}}
	stocks := [][]string{{"warehouse", `1`, `2`}, {"quantity", `5`, `"unlimited"`, `2.5`}, {"available", `4`}, {"physical", `3`}, {"location_id", `"7"`}, {"location", `"regał"`}}
	rapid.Check(t, func(t *rapid.T) {
		// What is between blanks is a token that may have some around it.
		var tokens []string
		put := func(s ...string) { tokens = append(tokens, s...) }
		fields := func(list []string) {
			put("{")
			for i := 0; i < len(list); i += 2 {
				if i > 0 {
					put(",")
				}
				put(`"`+list[i]+`"`, ":", list[i+1])
			}
			put("}")
		}
		var lines []string
		for id := range rapid.IntRange(1, 6).Draw(t, "lines") {
			put(fmt.Sprintf(`{"id":%d,"currency":"PLN","vat":23,"category":"Dom","name":"n","price":`, id+1))
			fields(object(t, "price", prices))
			put(`,"sizes":[`)
			for k := range rapid.IntRange(1, 3).Draw(t, "sizes") {
				if k > 0 {
					put(",")
				}
				size := object(t, "size", [][]string{{"id", `"M"`, fmt.Sprint(k), `"a b"`}, {"name", `"M"`, `"Śr."`}, {"panel_name", `"M"`}, {"code", fmt.Sprintf(`"%d-%d"`, id, k), `"K"`, `"ó k"`},
					{"producer_code", `"5906935851295"`}, {"external_code", `"e"`}, {"weight", `425`, `"0.5"`}, {"gtin", `"5906935851295"`}, {"priority", `1`}})
				var stock []string
				put("{")
				for i := 0; i < len(size); i += 2 {
					put(`"`+size[i]+`"`, ":", size[i+1], ",")
				}
				put(`"stock"`, ":", "[")
				for i := range rapid.IntRange(0, 3).Draw(t, "stocks") {
					if i > 0 {
						put(",")
					}
					stock = object(t, "stock", stocks)
					fields(stock)
				}
				put("]", "}")
			}
			put(`],"images":[`)
			for k := range rapid.IntRange(0, 4).Draw(t, "images") {
				if k > 0 {
					put(",")
				}
				fields(object(t, "image", images))
			}
			put(`]}`)
			lines = append(lines, strings.Join(tokens, "\x00"))
			tokens = tokens[:0]
		}
		text := strings.Join(lines, "\n") + "\n"
		tight, loose := strings.ReplaceAll(text, "\x00", ""), strings.ReplaceAll(text, "\x00", " ")
		if got, want := readText(t, tight), readText(t, loose); got != want {
			t.Fatalf("got\n%s\nwant, as with blanks,\n%s\nof\n%s", got, want, tight)
		}
	})
}

// What a product starts with is read alike, whatever it is, once it was read before.
func TestStartsOfProducts(t *testing.T) {
	t.Parallel()
	const rest = `,"currency":"PLN","category":"Dom","name":"a name","price":"5.00","stock":[{"warehouse":1,"quantity":5}],"weight":100,"producer_code":"5906935851295"}`
	values := map[string][]string{
		"id":           {`1`, `0`, `7`, `999999999`, `1234567890`, `9007199254740991`, `9007199254740992`, `-1`, `1.5`, `"5"`, `007`, `null`, `true`},
		"key":          {`"k"`, `""`, `"a \"key\""`, `null`, `5`, `"` + strings.Repeat("k", 101) + `"`},
		"site":         {`1`, `0`, `123456789`, `1234567890`, `99999999999`, `"1"`, `-2`},
		"display_code": {`"LE-1/2f"`, `""`, `"z\u0007"`, `"ó"`, `"` + strings.Repeat("d", 101) + `"`},
		"vat":          {`23`, `0`, `100`, `101`, `999999999`, `23.5`, `"8"`, `1`, `-1`, `""`},
	}
	for _, order := range [][]string{{"id", "site", "display_code", "vat"}, {"key", "vat"}, {"vat", "display_code", "id"}, {"id", "key"}, {"id", "id"}} {
		for _, changed := range order {
			for _, value := range values[changed] {
				var lines [2]strings.Builder
				for k, gap := range []string{"", " "} {
					for line := range 3 {
						var list []string
						for _, name := range order {
							v := values[name][0]
							if name == "id" || name == "key" {
								v = strings.ReplaceAll(strings.ReplaceAll(v, "1", fmt.Sprint(100+line)), "k", fmt.Sprint("k", line))
							}
							if line == 2 && name == changed {
								v = value
							}
							list = append(list, `"`+name+`":`+gap+v)
						}
						fmt.Fprintf(&lines[k], "{%s%s\n", strings.Join(list, ","), rest)
					}
				}
				if got, want := readText(t, lines[0].String()), readText(t, lines[1].String()); got != want {
					t.Errorf("got\n%s\nwant, as with blanks,\n%s\nof\n%s", got, want, &lines[0])
				}
			}
		}
	}
}

// readText reads a catalog and tells everything of it but the columns of
// mistakes, which blanks move.
func readText(t interface{ Fatal(...any) }, text string) string {
	s, err := Open([]string{"-"}, Options{Stdin: strings.NewReader(text), MaxErrors: 1000, Limits: Limits{Field: 100}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var b strings.Builder
	for p, err := range s.Products(context.Background()) {
		if err != nil {
			fmt.Fprintln(&b, err)
			break
		}
		fmt.Fprintf(&b, "%d %v %q %v %+v %+v %+v\n", p.ID, p.Site, p.DisplayCode, p.VAT, p.Prices, p.Sizes, p.Images)
	}
	for _, p := range s.Problems() {
		if at, rest, ok := strings.Cut(p.Message, ": "); ok && strings.HasPrefix(at, "column ") {
			p.Message = rest
		}
		fmt.Fprintf(&b, "%+v\n", p)
	}
	st := s.Stats()
	st.Bytes = 0
	fmt.Fprintf(&b, "%+v\n", st)
	return b.String()
}
