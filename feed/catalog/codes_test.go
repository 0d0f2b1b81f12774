package catalog_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/catalog"
)

// sharing reads lines of products with these codes and gives the stream at its end.
func sharing(t *testing.T, opt catalog.Options, files ...string) *catalog.Stream {
	t.Helper()
	s, err := catalog.Open(files, opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range s.Products(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSharedCodes reads catalogs in which several products have one code.
func TestSharedCodes(t *testing.T) {
	t.Parallel()
	csv := "id;name;category;price_gross;size;code;external_code;stock\n" +
		"9;Nine;C;1,00;S;K-1;E-1;2\n" +
		"9;;;;M;K-2;E-2;2\n" +
		"3;Three;C;1,00;;K-2;;2\n" +
		"4;Four;C;1,00;;E-1;;2\n" + // another's external code is no code
		"5;Five;C;1,00;;k-1;;2\n" +
		"6;Six;C;1,00;;K-2;;2\n" +
		"8;Eight;C;1,00;;K-8;;2\n"
	second := "id;name;category;price_gross;size;code\n20;Twenty;C;1,00;;K-8\n21;Other;C;1,00;;K-1\n"
	one, two := file(t, "one.csv", csv), file(t, "two.csv", second)
	s := sharing(t, polish(), one, two)
	want := catalog.SharedCodes{Count: 3, Examples: []catalog.SharedCode{{Code: "K-1", Products: [2]feed.ProductID{9, 21}}, {Code: "K-2", Products: [2]feed.ProductID{9, 3}}, {Code: "K-8", Products: [2]feed.ProductID{8, 20}}}}
	if got := s.SharedCodes(); got.Count != want.Count || !slices.Equal(got.Examples, want.Examples) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	var told []string
	for _, p := range s.Problems() {
		told = append(told, p.String())
	}
	const hint = " (importers that go by codes sell one for the other: give each product codes of its own)"
	if want := []string{two + `:3: warning: product 21: code: "K-1" is a code of product 9 too` + hint, one + `:4: warning: product 3: code: "K-2" is a code of product 9 too` + hint,
		two + `:2: warning: product 20: code: "K-8" is a code of product 8 too` + hint}; !slices.Equal(told, want) {
		t.Errorf("told:\n%s\nwant:\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
	if n := s.Stats().Warnings; n != 3 {
		t.Errorf("%d warnings, want 3", n)
	}
}

// TestManySharedCodes reads a catalog whose codes do not fit into memory, of which more
// are shared than are named, and a code that all products have.
func TestManySharedCodes(t *testing.T) {
	t.Parallel()
	const n = 70_000
	var b strings.Builder
	for i := 1; i <= n; i++ {
		code := fmt.Sprintf("CODE-%09d", i)
		if i > n-50 {
			code = fmt.Sprintf("CODE-%09d", i-n/2)
		}
		fmt.Fprintf(&b, `{"id":%d,"name":"P","category":"C","price":"1.00","sizes":[{"name":"S","code":%q},{"name":"M","code":"everywhere","stock":1}]}`+"\n", i, code)
	}
	dir := t.TempDir()
	opt := polish()
	opt.TempDir = dir
	s := sharing(t, opt, file(t, "many.jsonl", b.String()))
	got := s.SharedCodes()
	if got.Count != 51 || len(got.Examples) != 20 || got.Examples[0] != (catalog.SharedCode{Code: "everywhere", Products: [2]feed.ProductID{1, 2}}) ||
		got.Examples[1] != (catalog.SharedCode{Code: "CODE-000034951", Products: [2]feed.ProductID{34951, 69951}}) {
		t.Errorf("got %d: %v", got.Count, got.Examples)
	}
	problems := s.Problems()
	if len(problems) != 21 || problems[20].Message != "31 more codes of several products" || s.Stats().Warnings != 21 {
		t.Errorf("%d problems of %d: %v", len(problems), s.Stats().Warnings, problems)
	}
	phrases := catalog.NewPhrases()
	for _, p := range problems {
		for _, text := range []string{p.Message, p.Hint} {
			if _, ok := phrases.Of(text); !ok {
				t.Errorf("%q is known in English alone", text)
			}
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
