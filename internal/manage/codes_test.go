package manage_test

import (
	"strings"
	"testing"

	"feedmill/feed/catalog"
)

// TestLinesShareCodes writes lines with codes that other products have: those of the
// catalog and those of the same write, but no codes that products are merely found by.
func TestLinesShareCodes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	line := func(id, code, external string) string {
		return `{"id":` + id + `,"name":"A","category":"C","vat":23,"currency":"PLN","price":12.30,"code":"` + code + `","external_code":"` + external + `"}` + "\n"
	}
	told := func(lines ...string) string {
		t.Helper()
		r, err := w.UpsertLines(w.ctx, w.owner, []byte(strings.Join(lines, "")), false)
		check(t, err)
		list := []string{}
		for _, p := range r.Warnings {
			if p.Level != catalog.LevelWarning || p.Hint == "" || p.Field != "code" {
				t.Errorf("warning %+v", p)
			}
			list = append(list, p.Product+": "+p.Message)
		}
		return strings.Join(list, "; ")
	}
	for _, c := range []struct {
		what, want string
		lines      []string
	}{
		{"codes of their own", "", []string{line("901", "K-1", "E-1"), line("902", "K-2", "E-1")}},
		{"one of another", `903: "K-1" is a code of product 901 too`, []string{line("903", "K-1", "")}},
		{"one of two lines", `905: "K-4" is a code of product 904 too`, []string{line("904", "K-4", ""), line("905", "K-4", "")}},
		{"what another is found by", "", []string{line("906", "E-1", "K-2")}},
		{"one that is given away at once", "", []string{line("902", "K-9", ""), line("907", "K-2", "")}},
		{"one whose product goes", "", []string{`{"id":907,"removed":true}` + "\n", line("908", "K-2", "")}},
		{"mended", "", []string{line("903", "K-3", ""), line("905", "K-5", "")}},
		{"and gone", "", []string{line("901", "K-1", ""), line("904", "K-4", "")}},
	} {
		if got := told(c.lines...); got != c.want {
			t.Errorf("%s: got %q, want %q", c.what, got, c.want)
		}
	}
}
