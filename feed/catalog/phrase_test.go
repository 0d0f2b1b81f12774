package catalog_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"feedmill/feed/catalog"
)

// What merchants get wrong in their files is recognized, with what it is about.
func TestPhrasesOfMistakes(t *testing.T) {
	t.Parallel()
	phrases := catalog.NewPhrases()
	for name, c := range map[string]struct {
		file, text string
		want       []string
	}{
		"spreadsheet": {"a.csv", "id,name,price,vat,currency,gtin,stock[1],url,weight\n1,Kubek,12;5O,23,PLN,123,5,htp:/x,1\n,Bez id,1,23,PLN,,x,,\n3,,1.5,abc,ZŁ,5901234123458,5,,1kg\n4,Z,1,23,PLN\n",
			[]string{"gtin-digits 123 3", "not-decimal 12;5O (h-amount)", "missing (h-category)", "not-address htp:/x (h-address)", "not-decimal x (h-stock)", "missing (h-give-id)", "not-decimal abc (h-rate)", "not-currency ZŁ", "gtin-check 5901234123458", "not-decimal 1kg (h-grams-column weight[kg])", "missing (h-name)", "fields 5 9 (h-quote)"}},
		"lines": {"a.jsonl", `{"record":"catalog","currency":"PLN","vat":"23"}` + "\n" + `{"id":1,"name":"Kubek","category":"Kuchnia","price":"10","sizes":[{"id":"S","code":"a b"},{"id":"S","code":"x"}],"nmae":"y"}` + "\n" + `{"id":0,"name":"x","category":"a"}` + "\n",
			[]string{"not-code a b (h-code)", "twice S (h-own-id)", "not-member (h-did-you-mean name)"}},
	} {
		path := filepath.Join(t.TempDir(), c.file)
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		src, err := catalog.Open([]string{path}, catalog.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range src.Products(t.Context()) {
			if err != nil {
				break
			}
		}
		var got []string
		for _, p := range src.Problems() {
			m, ok := phrases.Of(p.Message)
			if !ok {
				got = append(got, "? "+p.String())
				continue
			}
			line := strings.Join(append([]string{m.Code}, m.Args...), " ")
			if p.Hint != "" {
				h, ok := phrases.Of(p.Hint)
				if !ok {
					t.Errorf("%s: the hint %q is known in English alone", name, p.Hint)
				}
				line += " (" + strings.Join(append([]string{h.Code}, h.Args...), " ") + ")"
			}
			got = append(got, line)
		}
		for _, want := range c.want {
			if !slices.Contains(got, want) {
				t.Errorf("%s: nothing is told as %q, only\n%s", name, want, strings.Join(got, "\n"))
			}
		}
		if i := slices.IndexFunc(got, func(s string) bool { return strings.HasPrefix(s, "? ") }); i >= 0 {
			t.Errorf("%s: known in English alone: %s", name, got[i])
		}
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	}
	for text, want := range map[string]string{
		`a: b.csv: header: column "nmae" is not known`: "[a: b.csv nmae]", "x.csv: is empty": "[x.csv]", `"a \" is empty" is not an id`: `[a " is empty]`,
		`products.csv: header: the export does not say the VAT rate`: "[]", "something else happened": "none", strings.Repeat("x", 5000) + " occurs twice": "none",
	} {
		got := "none"
		if p, ok := phrases.Of(text); ok {
			got = fmt.Sprint(p.Args)
		}
		if got != want {
			t.Errorf("%.80q: got %s, want %s", text, got, want)
		}
	}
}

// Every sentence that is recognized is one that the code still writes.
func TestPhrasesAreWritten(t *testing.T) {
	t.Parallel()
	var written strings.Builder
	for _, dir := range []string{".", "..", "../iof", "internal/csvlex"} {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatalf("there is no code in %s: %v", dir, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") || filepath.Base(name) == "phrase.go" {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if s, err := strconv.Unquote(lit.Value); err == nil {
						written.WriteString(s + "\n")
					}
				}
				return true
			})
		}
	}
	variable := regexp.MustCompile(`\[[^]]*\]|\{n?-?\}|\(s\)|: header: `)
	for _, text := range catalog.PhraseTexts() {
		for _, piece := range variable.Split(text, -1) {
			if piece = strings.Trim(piece, " ,:"); len(piece) > 2 && !strings.Contains(written.String(), piece) {
				t.Errorf("%q: nothing writes %q", text, piece)
			}
		}
	}
}

func ExamplePhrases_Of() {
	p, ok := catalog.NewPhrases().Of(`"12;50" is not a decimal number (digits with an optional decimal point)`)
	fmt.Println(p.Code, p.Args, ok)
	// Output: not-decimal [12;50] true
}
