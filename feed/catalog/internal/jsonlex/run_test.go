package jsonlex_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"feedmill/feed/catalog/internal/jsonlex"
)

func ExampleLexer_Run() {
	var l jsonlex.Lexer
	plan := jsonlex.Plan{Texts: 1<<0 | 1<<2, Numbers: 1 << 1, Longest: 100}
	names := []string{"url", "width", "note"}
	// What is expected is learned from one object that was read by its members.
	l.Reset([]byte(`{"url":"1.jpg","width":800,"note":""}`))
	l.Object()
	for i, name := range names {
		from := l.Offset()
		l.Member()
		l.Learn(&plan, i, from, name, i)
		l.Skip()
	}
	l.Reset([]byte(`{"url":"https://shop.example/1.jpg","width":1200,"note":"an \"escape\""}` + strings.Repeat(" ", 100)))
	l.Object()
	var run jsonlex.Scalars
	l.Run(&plan, &run)
	for _, s := range run.All() {
		fmt.Println(s.Member, l.Text(&s), s.Number)
	}
	name, _ := l.Member() // what is not plain is left
	fmt.Println(name, l.String())
	// Output:
	// 0 https://shop.example/1.jpg 0
	// 1 1200 1200
	// note an "escape"
}

// runNames are those of the members of the texts below; the last is too long for
// a run.
var runNames = []string{"a", "id", "name", "gross", "quantity", "panel_name", "a_name_of_twenty_sign", "a_name_of_twenty_signs"}

// told reads an object to its end and tells its members, those of a run first.
// It learns what stands in the text if it is to.
func told(text []byte, plan *jsonlex.Plan, learn bool) string {
	var b strings.Builder
	var l jsonlex.Lexer
	l.Reset(text)
	l.Object()
	last := 0
	if plan != nil && !learn {
		var run jsonlex.Scalars
		l.Run(plan, &run)
		for _, s := range run.All() {
			what, v := "string", l.Text(&s)
			if plan.Numbers>>s.Member&1 != 0 && plan.Texts>>s.Member&1 == 0 {
				what = "number"
				if v != fmt.Sprint(s.Number) {
					return "the number of " + v + " is another"
				}
			}
			if len(v) > plan.Longest {
				return "too long"
			}
			fmt.Fprintf(&b, "%d %s %q\n", s.Member, what, v)
		}
	}
	for {
		from := l.Offset()
		name, ok := l.Member()
		if !ok {
			break
		}
		dirty := l.Dirty()
		index := slices.Index(runNames, name)
		if learn && index >= 0 {
			l.Learn(plan, last, from, name, index)
			last = index + 1
		}
		switch l.Kind() {
		case jsonlex.String:
			fmt.Fprintf(&b, "%d string %q", index, l.String())
			if l.Dirty() || dirty {
				fmt.Fprint(&b, " dirty")
			}
		case jsonlex.Number:
			fmt.Fprintf(&b, "%d number %q", index, l.Number())
		default:
			l.Skip()
		}
		fmt.Fprintln(&b)
	}
	l.End()
	fmt.Fprintln(&b, l.Offset(), l.Replaced(), l.Err())
	return b.String()
}

// Whatever stands in an object, a run and what follows it read what is read one
// by one, to the same mistake, whatever was learned before.
func FuzzRun(f *testing.F) {
	const all = `{"a":"x","id":"7","name":"zażółć","gross":"1.00","quantity":5,"panel_name":"M","a_name_of_twenty_sign":"v","a_name_of_twenty_signs":1}`
	const texts, numbers = 0b11101111, 0b00010000
	pad := strings.Repeat(" ", 100)
	long := strings.Repeat("x", 70)
	for _, c := range [][2]string{
		{all, all},
		{all, `{"a":"x","id":"` + long + `","name":"` + long[:64] + `","gross":"` + long[:63] + `"}`},
		{all, `{"a":"x","a":"y"}`},
		{`{"a":1,"id":1,"a":2}`, `{"a":1,"id":2,"a":3}`},
		{all, `{"a":"x","id":"7","name":"n","gross":"1","quantity":1234567890}`},
		{all, `{"a":"x","id":"7","name":"n","gross":"1","quantity":01}`},
		{all, `{"a":"x","id":"7","name":"n","gross":"1","quantity":1.5}`},
		{all, `{"a":"x","id":"7","name":"n","gross":"1","quantity":-1,"panel_name":"x"}`},
		{all, `{"a":"x","id":"7""name":"n"}`},
		{all, `{,"a":"x"}`},
		{`{"id":"7"}`, `{"other":1"id":"7"}`},
		{`{"id":"7","a":"x"}`, `{"other":1,"id":"7","a":"y"}`},
		{all, `{"a":"\u0041","id":"` + "\x01" + `"}`},
		{all, `{"a":"x","id":"` + "\uffff" + `"}`},
		{all, `{"a":"x","id":"7`},
		{all, `{"a": "x","id" :"7","name":"n"}`},
		{`{"a" :"x", "id":"7"}`, all},
		{all, `{"b":"x","ie":"7","namf":"n"}`},
		{`{"quantity":9}`, `{"quantity":99999}`},
	} {
		f.Add([]byte(c[0]), []byte(c[1]), uint64(texts), uint64(numbers))
		f.Add([]byte(c[0]), []byte(c[1]+pad), uint64(texts), uint64(numbers))
		f.Add([]byte(c[0]), []byte(c[1]+pad), uint64(0), ^uint64(0))
	}
	f.Fuzz(func(t *testing.T, before, text []byte, texts, numbers uint64) {
		plan := jsonlex.Plan{Texts: texts, Numbers: numbers &^ texts, Longest: 64}
		told(before, &plan, true)
		got, want := told(text, &plan, false), told(text, nil, false)
		if got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
		// All of a text is read in runs where enough follows it.
		padded := append(slices.Clone(text), strings.Repeat(" ", 100)...)
		got, want = told(padded, &plan, false), told(padded, nil, false)
		if got != want {
			t.Fatalf("with blanks behind: got\n%s\nwant\n%s", got, want)
		}
	})
}

// A string is read in a run whatever its length and wherever it begins.
func TestRunReadsStringsOfAllLengths(t *testing.T) {
	t.Parallel()
	plan := jsonlex.Plan{Texts: 0b111, Longest: 1000}
	text := func(a, id int) []byte {
		return fmt.Appendf(nil, `{"a":"%s","id":"%s","name":"ń"}%100s`, strings.Repeat("a", a), strings.Repeat("i", id), "")
	}
	told(text(1, 1), &plan, true)
	var l jsonlex.Lexer
	var run jsonlex.Scalars
	for a := range 70 {
		for id := range 300 {
			run.Last, run.Seen = 0, 0
			l.Reset(text(a, id))
			l.Object()
			l.Run(&plan, &run)
			all := run.All()
			if len(all) != 3 || len(l.Text(&all[0])) != a || len(l.Text(&all[1])) != id || l.Text(&all[2]) != "ń" {
				t.Fatalf("got %d members of strings of %d and %d bytes, want 3", len(all), a, id)
			}
		}
	}
}

// Whole numbers of up to nine digits are read in a run, and others left.
func TestRunReadsNumbers(t *testing.T) {
	t.Parallel()
	plan := jsonlex.Plan{Numbers: 0b1, Longest: 10}
	text := func(n string) []byte { return fmt.Appendf(nil, `{"a":%s}%100s`, n, "") }
	told(text("1"), &plan, true)
	for n, want := range map[string]int{"0": 1, "7": 1, "10": 1, "480": 1, "1200": 1, "9999": 1, "10000": 1, "65536": 1, "123456": 1, "999999": 1,
		"1234567": 1, "12345678": 1, "999999999": 1, "1000000000": 0, "1234567.5": 0, "12345678901": 0, "00": 0, "01": 0, "012345": 0, "-1": 0, "1.5": 0, "1234.5": 0, "12345.6": 0, "12e3": 0, "12345e6": 0, "": 0, "1 ": 0, "12345 ": 0, "x": 0, "1234x": 0, "12345:": 0} {
		var l jsonlex.Lexer
		var run jsonlex.Scalars
		l.Reset(text(n))
		l.Object()
		l.Run(&plan, &run)
		all := run.All()
		if len(all) != want || want == 1 && (fmt.Sprint(all[0].Number) != n || l.Text(&all[0]) != n) {
			t.Errorf("%s: got %+v, want %d members", n, all, want)
		}
	}
}
