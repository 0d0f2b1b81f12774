package jsonlex_test

import (
	"fmt"
	"strings"
	"testing"

	"feedmill/feed/catalog/internal/jsonlex"
)

func ExampleLexer_Run() {
	keys := []jsonlex.Name{jsonlex.NewName("url"), jsonlex.NewName("width"), jsonlex.NewName("note")}
	plan := jsonlex.Plan{Keys: keys, After: []uint8{0, 1, 2, 9}, Texts: 1<<0 | 1<<2, Numbers: 1 << 1, Longest: 100}
	var l jsonlex.Lexer
	l.Reset([]byte(`{"url":"https://shop.example/1.jpg","width":1200,"note":"an \"escape\""}`))
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

// told reads an object to its end and tells its members, those of a run first.
func told(text []byte, plan *jsonlex.Plan) string {
	var b strings.Builder
	var l jsonlex.Lexer
	l.Reset(text)
	l.Object()
	if plan != nil {
		last := 0
		var run jsonlex.Scalars
		l.Run(plan, &run)
		for _, s := range run.All() {
			if plan.After[last] != uint8(s.Member) {
				return "not the member that was expected"
			}
			last = int(s.Member) + 1
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
		name, ok := l.Member()
		if !ok {
			break
		}
		dirty := l.Dirty()
		index := strings.Index("abcdefgh", name)
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
// by one, to the same mistake.
func FuzzRun(f *testing.F) {
	f.Add([]byte(`{"a":"x","b":1,"c":"zażółć","d":123456,"e":""}`), []byte{0, 1, 2, 3, 4}, uint64(0b10101), uint64(0b01010))
	f.Add([]byte(`{"a":"x","a":"y"}`), []byte{0, 0}, uint64(1), uint64(0))
	f.Add([]byte(`{"a":1,"b":01,"c":1.5,"d":1234567,"e":-1}`), []byte{0, 1, 2, 3, 4}, uint64(0), uint64(31))
	f.Add([]byte(`{"a":"\u0041","b":"`+"\x01"+`"}`), []byte{0, 1}, uint64(3), uint64(0))
	f.Add([]byte(`{"a":"`+strings.Repeat("x", 70)+`","b":"`+"\uffff"+`"}`), []byte{0, 1}, uint64(3), uint64(0))
	f.Add([]byte(`{"a":"x","b":1`), []byte{0, 1}, uint64(1), uint64(2))
	f.Add([]byte(`{"a":"`), []byte{0}, uint64(1), uint64(0))
	f.Add([]byte(`{"a":123456,"b":1234567,"c":0,"d":"","e":9,"f":"x"}      `), []byte{0, 1, 2, 3, 4, 5}, uint64(0b101000), uint64(0b010111))
	f.Add([]byte(`{"a":`), []byte{0}, uint64(1), uint64(1))
	f.Fuzz(func(t *testing.T, text, order []byte, texts, numbers uint64) {
		plan := jsonlex.Plan{After: make([]uint8, 9), Texts: texts, Numbers: numbers &^ texts, Longest: 64}
		for _, name := range "abcdefgh" {
			plan.Keys = append(plan.Keys, jsonlex.NewName(string(name)))
		}
		copy(plan.After, order)
		got, want := told(text, &plan), told(text, nil)
		if got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}
