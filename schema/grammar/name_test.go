package grammar

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unicode/utf8"

	"feedmill/schema/internal/linttest"
)

// TestNamesAgainstXmllint judges every character of the first plane, and some
// beyond it, where a name begins and where it goes on.
func TestNamesAgainstXmllint(t *testing.T) {
	t.Parallel()
	linttest.Need(t)
	file := filepath.Join(t.TempDir(), "s.xsd")
	if err := os.WriteFile(file, fmt.Appendf(nil, simpleSchema, `<xs:element name="t" type="xs:NMTOKEN"/><xs:element name="n" type="xs:NCName"/>`, ""), 0o644); err != nil {
		t.Fatal(err)
	}
	var signs []rune
	for r := rune('!'); r < 0xFFFE; r++ {
		if utf8.ValidRune(r) && (r < 0x7F || r > 0x9F) {
			signs = append(signs, r)
		}
	}
	signs = append(signs, 0x10000, 0x1F600, 0x20000, 0xEFFFF, 0x10FFFD)
	ways := []struct {
		element, before string
		valid           func([]byte) bool
	}{{"t", "", isNMTOKEN}, {"t", "a", isNMTOKEN}, {"n", "", IsNCName}, {"n", "a", IsNCName}}
	for _, w := range ways {
		var docs [][]byte
		// xmllint takes its time over long files with many faults.
		parts := slices.Collect(slices.Chunk(signs, 1000))
		for _, part := range parts {
			doc := bytes.NewBufferString("<values>\n")
			for _, r := range part {
				fmt.Fprintf(doc, "<%s>%s&#%d;</%s>\n", w.element, w.before, r, w.element)
			}
			doc.WriteString("</values>\n")
			docs = append(docs, doc.Bytes())
		}
		wrong := 0
		for i, v := range linttest.Check(t, file, "", docs) {
			if !v.WellFormed {
				t.Fatal(v.Messages)
			}
			for j, r := range parts[i] {
				got, want := w.valid([]byte(w.before+string(r))), !v.Lines[j+2]
				if got == want {
					continue
				}
				if wrong++; wrong <= 5 {
					t.Errorf("%s %q: got valid %v, want %v", w.element, w.before+string(r), got, want)
				}
			}
		}
		if wrong > 5 {
			t.Errorf("%s after %q: %d characters differ", w.element, w.before, wrong)
		}
	}
	if isNMTOKEN(nil) || IsNCName(nil) || isNMTOKEN([]byte("a\xFF")) || IsNCName([]byte("a:b")) {
		t.Error("nothing, half a character, or two names count as one")
	}
}
