package catalog_test

import (
	"strings"
	"testing"
)

// Codes that the files spell otherwise are told, and two that they spell alike
// are refused: who looks a size up by its code would sell another one.
func TestCodesAsFilesHaveThem(t *testing.T) {
	t.Parallel()
	const (
		signs = `c.jsonl:1: warning: product 7: sizes[%d].code: "%s" has signs that not every reader takes in codes (it is written as %s)`
		same  = `c.jsonl:1: product 7: sizes[1].code: "%s" is written as "%s" is (each size has its own code)`
	)
	say := func(format string, args ...string) string {
		for _, a := range args {
			format = strings.Replace(format, "%s", a, 1)
		}
		return strings.Replace(format, "%d", "0", 1)
	}
	for _, c := range []struct {
		codes    [2]string
		problems []string
	}{
		{[2]string{"Żółć-1", "C_1"}, nil},
		{[2]string{"C€1", "C-1"}, []string{say(signs, "C€1", "C_1")}},
		{[2]string{"C€1", "C_1"}, []string{say(signs, "C€1", "C_1"), say(same, "C_1", "C€1")}},
		{[2]string{"C€1", "CＡ1"}, []string{say(signs, "C€1", "C_1"), strings.Replace(say(signs, "CＡ1", "C_1"), "[0]", "[1]", 1), say(same, "CＡ1", "C€1")}},
	} {
		doc := `{"id":7,"name":"x","category":"a","price":1,"sizes":[{"id":"s","code":` + quoted(c.codes[0]) + `},{"id":"m","code":` + quoted(c.codes[1]) + `}]}` + "\n"
		out := read(t, polish(), file(t, "c.jsonl", doc))
		refused := len(c.problems) > 0 && strings.Contains(c.problems[len(c.problems)-1], "each size has its own code")
		if strings.Join(out.problems, "\n") != strings.Join(c.problems, "\n") || (out.err != nil) != refused {
			t.Errorf("%q: got %q, error %v, want %q", c.codes, out.problems, out.err, c.problems)
		}
	}
}
