package grammar

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"feedmill/schema/internal/linttest"

	"pgregory.net/rapid"
)

// letters are the elements of random content models.
var letters = func() map[string]*Element {
	out := map[string]*Element{}
	for _, l := range []string{"a", "b", "c", "d"} {
		out[l] = &Element{Name: Name{Local: l}, Type: AnyType}
	}
	return out
}()

// drawParticle draws a random content model; pick(n) draws from 0 to n-1.
// Unless wild, only elements are counted: xmllint loses its way in counters
// inside of counters.
func drawParticle(pick func(int) int, depth int, wild bool) *particle {
	counts := [][2]int{{1, 1}, {1, 1}, {1, 1}, {0, 1}, {0, 1}, {0, -1}, {1, -1}, {2, 3}, {0, 2}, {2, -1}, {0, 0}}
	leaf := depth == 0 || pick(3) == 0
	if !wild {
		counts = counts[:7]
		if leaf {
			counts = counts[:10]
		}
	}
	c := counts[pick(len(counts))]
	p := &particle{min: c[0], max: c[1]}
	if leaf {
		p.element = letters[string(rune('a'+pick(4)))]
		return p
	}
	p.choice = pick(2) == 0
	for range 1 + pick(3) {
		p.kids = append(p.kids, drawParticle(pick, depth-1, wild))
	}
	if p.choice && p.empty() {
		p.min = 0
	}
	return p
}

// ends is the slow, obvious meaning of a particle: where a match that begins
// at one of the places can end.
func ends(p *particle, word string, from map[int]bool) map[int]bool {
	out := map[int]bool{}
	if p.min == 0 {
		for i := range from {
			out[i] = true
		}
	}
	now := from
	for n := 1; n <= len(word)+p.min+1 && (p.max < 0 || n <= p.max); n++ {
		now = once(p, word, now)
		if n >= p.min {
			for i := range now {
				out[i] = true
			}
		}
	}
	return out
}

func once(p *particle, word string, from map[int]bool) map[int]bool {
	out := map[int]bool{}
	switch {
	case p.element != nil:
		for i := range from {
			if i < len(word) && word[i:i+1] == p.element.Name.Local {
				out[i+1] = true
			}
		}
	case p.choice:
		for _, k := range p.kids {
			for i := range ends(k, word, from) {
				out[i] = true
			}
		}
	default:
		out = from
		for _, k := range p.kids {
			out = ends(k, word, out)
		}
	}
	return out
}

// accepts runs a model over a word.
func accepts(m *Model, word string) bool {
	if m == nil {
		return word == ""
	}
	state := int32(0)
next:
	for i := range len(word) {
		for _, e := range m.States[state].Edges {
			if e.Element.Name.Local == word[i:i+1] {
				state = e.To
				continue next
			}
		}
		return false
	}
	return m.States[state].Accept
}

// TestModelMeansItsParticle: the automaton accepts exactly what the particle
// means.
func TestModelMeansItsParticle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawParticle(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }, 3, true)
		if p.empty() {
			t.Skip("empty")
		}
		m, err := newModel(p)
		if err != nil {
			t.Skip(err)
		}
		for range 30 {
			word := rapid.StringMatching("[a-d]{0,7}").Draw(t, "word")
			want := ends(p, word, map[int]bool{0: true})[len(word)]
			if got := accepts(m, word); got != want {
				t.Fatalf("%s: word %q: got %v, want %v", particleXSD(p), word, got, want)
			}
		}
	})
}

// particleXSD writes a particle as schema markup.
func particleXSD(p *particle) string {
	occurs := fmt.Sprintf(` minOccurs="%d" maxOccurs="%d"`, p.min, p.max)
	if p.max < 0 {
		occurs = fmt.Sprintf(` minOccurs="%d" maxOccurs="unbounded"`, p.min)
	}
	if p.element != nil {
		return fmt.Sprintf("<xs:element ref=%q%s/>", p.element.Name.Local, occurs)
	}
	tag := "xs:sequence"
	if p.choice {
		tag = "xs:choice"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<%s%s>", tag, occurs)
	for _, k := range p.kids {
		b.WriteString(particleXSD(k))
	}
	fmt.Fprintf(&b, "</%s>", tag)
	return b.String()
}

// TestModelsAgainstXmllint compares random schemas: whether they are
// ambiguous, and what they accept.
func TestModelsAgainstXmllint(t *testing.T) {
	t.Parallel()
	linttest.Need(t)
	rnd := rand.New(rand.NewPCG(17, 4))
	ambiguous, compared := 0, 0
	for range 30 {
		p := drawParticle(rnd.IntN, 2, false)
		if p.empty() || p.element != nil {
			continue
		}
		schema := `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:element name="a"/><xs:element name="b"/><xs:element name="c"/><xs:element name="d"/>
<xs:element name="root"><xs:complexType>` + particleXSD(p) + `</xs:complexType></xs:element></xs:schema>`
		file := filepath.Join(t.TempDir(), "s.xsd")
		if err := os.WriteFile(file, []byte(schema), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Compile(fstest.MapFS{"s.xsd": {Data: []byte(schema)}}, "s.xsd")
		ok, said := linttest.Compiles(t, file)
		if err != nil {
			ambiguous++
			if ok && !strings.Contains(err.Error(), "ambiguous") {
				t.Errorf("%s: %v, but xmllint accepts it", particleXSD(p), err)
			}
			continue // xmllint overlooks some ambiguities behind counters
		}
		if !ok {
			t.Errorf("%s: accepted, but xmllint says %s", particleXSD(p), said)
			continue
		}
		var words []string
		var docs [][]byte
		for range 40 {
			var word, doc strings.Builder
			for range rnd.IntN(7) {
				l := string(rune('a' + rnd.IntN(4)))
				word.WriteString(l)
				doc.WriteString("<" + l + "/>")
			}
			words = append(words, word.String())
			docs = append(docs, []byte("<root>"+doc.String()+"</root>"))
		}
		for i, v := range linttest.Check(t, file, "", docs) {
			compared++
			if got := accepts(s.Elements[Name{Local: "root"}].Type.Model, words[i]); got != v.Valid {
				t.Errorf("%s: word %q: got %v, xmllint says %v", particleXSD(p), words[i], got, v.Valid)
			}
		}
	}
	if ambiguous < 3 || compared < 200 {
		t.Errorf("%d ambiguous schemas and %d documents prove little", ambiguous, compared)
	}
}

// TestModelIsSmall: a repeating choice is one state, however long.
func TestModelIsSmall(t *testing.T) {
	t.Parallel()
	p := &particle{min: 0, max: -1, choice: true}
	for i := range 60 {
		p.kids = append(p.kids, &particle{min: 0, max: 1 - 2*(i%2), element: &Element{Name: Name{Local: fmt.Sprint("e", i)}, Type: AnyType}})
	}
	m, err := newModel(p)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.States) != 1 || len(m.States[0].Edges) != 60 || !m.States[0].Accept {
		t.Errorf("got %d states", len(m.States))
	}
}
