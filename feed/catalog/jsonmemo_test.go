package catalog

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"feedmill/feed"

	"pgregory.net/rapid"
)

// readAll reads a catalog with or without memory and tells everything of it.
func readAll(t interface{ Fatal(...any) }, file string, memory bool) string {
	s, err := Open([]string{file}, Options{MaxErrors: 1000, DefaultCategory: "Misc"})
	if err != nil {
		t.Fatal(err)
	}
	d := &s.reader.(*jsonl).d
	for _, off := range []*bool{&d.memos.producers.off, &d.memos.categories.off, &d.memos.units.off, &d.memos.parameters.off, &d.memos.values.off} {
		*off = !memory
	}
	marks := marks{}
	var b strings.Builder
	for p, err := range s.Products(context.Background()) {
		if err != nil {
			fmt.Fprintln(&b, err)
			break
		}
		fmt.Fprintf(&b, "%d %+v %+v %+v\n", p.ID, p.Producer, p.Category, p.Unit)
		for _, q := range p.Parameters {
			q.Values = slices.Clone(q.Values)
			for i := range q.Values {
				v := &q.Values[i]
				mark := v.Mark
				v.Mark = nil
				marks.same(t, mark, fmt.Sprintf("%+v", *v))
			}
			mark, values := q.Mark, q.Values
			q.Mark, q.Values = nil, nil
			marks.same(t, mark, fmt.Sprintf("%+v", q))
			fmt.Fprintf(&b, "  %+v %+v\n", q, values)
		}
	}
	fmt.Fprintf(&b, "%+v\n%+v\n%+v\n", s.Problems(), s.Dictionaries(), s.Stats())
	return b.String()
}

// marks tells what a part with a mark said.
type marks map[*feed.Mark]string

// same asserts that all parts with a mark say the same.
func (m marks) same(t interface{ Fatal(...any) }, mark *feed.Mark, said string) {
	if mark == nil {
		return
	}
	if before, ok := m[mark]; ok && before != said {
		t.Fatal("one mark stands for", before, "and for", said)
	}
	m[mark] = said
}

// Whatever is remembered, the catalog reads as if nothing were.
func TestMemoryChangesNothing(t *testing.T) {
	t.Parallel()
	const same = `"id":"5001","name":{"pol":"czerwony"}`
	values := []string{`{` + same + `}`, `{"id":"5002","name":{"pol":"biały","eng":"white"},"priority":2}`, `{"name":{"pol":"bez numeru i długa nazwa"}}`,
		`{"id":"5001","name":{"pol":"inaczej nazwany"}}`, `"zwykły tekst, który jest długi"`, `{"id":"5003","name":{"pol":"z\u0007 dzwonkiem"}}`,
		`{"id":"5004","name":{"pol":"pół \ud800 znaku"}}`, `{"id":"5005","nome":{"pol":"zła nazwa członu"}}`, `{"id":"5006","name":"bez języka, ale z numerem"}`, `17`,
		`{"id":"5007","name":{"pol":"nieznak` + "\uffff" + `"}}`}
	heads := []string{`"id":"301","name":{"pol":"Kolor wiodący"}`, `"name":{"pol":"Kolor wiodący"}`, `"id":"302","name":"Materiał wierzchni"`,
		`"id":"303","name":{"pol":"Cechy dodatkowe"},"section":true`, `"id":"301","name":{"pol":"Kolor inaczej"},"hide":true`}
	tails := []string{``, ``, ``, `,"section":true`, `,"priority":3`, `,"name":{"eng":"late"}`, `,"id":"309"`}
	rapid.Check(t, func(t *rapid.T) {
		var lines []string
		for i := range rapid.IntRange(1, 25).Draw(t, "lines") {
			if rapid.IntRange(0, 9).Draw(t, "record") == 0 {
				lines = append(lines, rapid.SampledFrom([]string{`{"record":"catalog","language":"eng","currency":"PLN"}`, `{"record":"catalog","language":"pol","currency":"PLN"}`}).Draw(t, "catalog"))
				continue
			}
			var params []string
			for range rapid.IntRange(0, 5).Draw(t, "parameters") {
				list := rapid.SliceOfN(rapid.SampledFrom(values), 0, 3).Draw(t, "values")
				text := "[" + strings.Join(list, ",") + "]"
				if rapid.IntRange(0, 9).Draw(t, "null") == 0 {
					text = "null"
				}
				params = append(params, `{`+rapid.SampledFrom(heads).Draw(t, "head")+`,"values":`+text+rapid.SampledFrom(tails).Draw(t, "tail")+`}`)
			}
			name := `"name"`
			if rapid.IntRange(0, 9).Draw(t, "bad") == 0 {
				name = `"nane"`
			}
			lines = append(lines, fmt.Sprintf(`{"id":%d,"currency":"PLN","vat":23,"producer":%s,"category":%s,"unit":%s,%s:"n","price":5,"parameters":[%s]}`, i+1,
				rapid.SampledFrom([]string{`{"id":"1317919","name":"Hepoma"}`, `{"id":"1317919","name":"Hepoma inaczej"}`, `"Hepoma bez numeru, ale z długą nazwą"`, `{"name":"Hepoma bez numeru w obiekcie"}`}).Draw(t, "producer"),
				rapid.SampledFrom([]string{`{"id":"77","name":"Dom/Kuchnia/Kubki duże"}`, `{"name":"Dom/Kuchnia / Kubki duże"}`, `{"id":"77","name":{"eng":"Home/Kitchen/Mugs"}}`}).Draw(t, "category"),
				rapid.SampledFrom([]string{`{"id":"1","name":{"pol":"sztuka"}}`, `"sztuka bez numeru i dłuższa"`}).Draw(t, "unit"), name, strings.Join(params, ",")))
		}
		dir, err := os.MkdirTemp("", "memo")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		file := filepath.Join(dir, "c.jsonl")
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, want := readAll(t, file, true), readAll(t, file, false); got != want {
			t.Fatalf("got\n%s\nwant\n%s\nof\n%s", got, want, strings.Join(lines, "\n"))
		}
	})
}

// What comes again and again is found, and what was noted once is not noted again.
func TestMemoryFinds(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "c.jsonl")
	var b strings.Builder
	for i := range 6 {
		fmt.Fprintf(&b, `{"id":%d,"currency":"PLN","vat":23,"producer":{"id":"1317919","name":"Hepoma"},"category":{"id":"77","name":"Dom/Kuchnia"},"unit":"szt.","name":"n","price":5,"parameters":[{"id":"301","name":{"pol":"Kolor"},"values":[{"id":"5001","name":{"pol":"czerwony"}}]}]}`+"\n", i+1)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open([]string{file}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := &s.reader.(*jsonl).d
	var last noticed
	var before struct{ head, value *feed.Mark }
	for p, err := range s.Products(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		last = d.draft.noticed
		last.parameters = slices.Clone(last.parameters)
		if got := p.Parameters[0].Values[0]; got.ID != "5001" || got.Names[0].Value != "czerwony" {
			t.Errorf("product %d: got %+v", p.ID, got)
		}
		head, value := p.Parameters[0].Mark, p.Parameters[0].Values[0].Mark
		if p.ID > 3 && (head == nil || value == nil || head != before.head || value != before.value) {
			t.Errorf("product %d: marks %p and %p, want those of the product before, %p and %p", p.ID, head, value, before.head, before.value)
		}
		before.head, before.value = head, value
	}
	if !last.producer || !last.category || !last.every || len(last.parameters) != 1 || last.parameters[0] != (noticedParameter{true, true}) {
		t.Errorf("got %+v, want everything known", last)
	}
	if got := s.Dictionaries(); len(got.Values) != 1 || len(got.Producers) != 1 || got.Producers[0] != (feed.Ref{ID: "1317919", Name: "Hepoma"}) {
		t.Errorf("got %+v", got)
	}
}

// Quantities count for a unit's decimals however often the unit came before.
func TestKnownUnitGetsDecimals(t *testing.T) {
	t.Parallel()
	for _, stock := range []string{`2.25`, `"2.25"`, `[{"warehouse":1,"quantity":2.25}]`, `[{"warehouse":1,"quantity":2},{"warehouse":2,"quantity":3,"physical":0.25}]`} {
		file := filepath.Join(t.TempDir(), "c.jsonl")
		var b strings.Builder
		for i := range 7 {
			s := `[{"warehouse":1,"quantity":2,"available":1}]`
			if i == 6 {
				s = stock
			}
			fmt.Fprintf(&b, `{"id":%d,"currency":"PLN","vat":23,"category":"Dom","unit":{"id":"1","name":"metr"},"name":"n","price":5,"stock":%s}`+"\n", i+1, s)
		}
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open([]string{file}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range s.Products(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if u := s.Dictionaries().Units; len(u) != 1 || u[0].Precision != 2 {
			t.Errorf("%s: got %+v, want one unit of 2 decimals", stock, u)
		}
	}
}

// A memory that is of no use stops being asked, and is asked again later.
func TestMemoryPauses(t *testing.T) {
	t.Parallel()
	var m memo[int]
	text := func(i int) []byte { return fmt.Appendf(nil, `{"id":"%016d","name":"n"}`, i) }
	asked := func(i int) bool {
		before := m.pause
		m.find(text(i))
		return m.pause >= before
	}
	i := 0
	for ; i < memoTrial; i++ {
		if !asked(i) {
			t.Fatalf("text %d is not looked for, want %d trials", i, memoTrial)
		}
	}
	for ; i < memoTrial+memoPause; i++ {
		if asked(i) {
			t.Fatalf("text %d is looked for, want a pause of %d", i, memoPause)
		}
	}
	learn(&m, text(7), 7)
	for range 10 * memoTrial { // hits and misses alternate: worth it
		i++
		if k, _, _ := m.find(text(7)); k == nil || k.value != 7 {
			t.Fatalf("what comes again is not found")
		}
		if !asked(i) {
			t.Fatalf("text %d is not looked for, although every other one is found", i)
		}
	}
}

// learn has a memory remember a text that it does not know.
func learn(m *memo[int], text []byte, value int) {
	for range 2 { // what comes once is not worth it
		if k, _, keep := m.find(text); k == nil && keep {
			m.keep(string(text), value)
		}
	}
}
