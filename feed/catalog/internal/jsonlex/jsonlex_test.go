package jsonlex_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"feedmill/feed/catalog/internal/jsonlex"

	"pgregory.net/rapid"
)

func ExampleLexer() {
	var l jsonlex.Lexer
	l.Reset([]byte(`{"name":"mug","sizes":[1,2.50]}`))
	for l.Object(); ; {
		name, ok := l.Member()
		if !ok {
			break
		}
		switch name {
		case "name":
			fmt.Println(name, l.String())
		case "sizes":
			for l.Array(); l.Element(); {
				fmt.Println(name, l.Number())
			}
		}
	}
	l.End()
	fmt.Println(l.Err() == nil)
	// Output:
	// name mug
	// sizes 1
	// sizes 2.50
	// true
}

// tree reads a whole text into the shapes of encoding/json.
func tree(text []byte) (any, *jsonlex.Error) {
	var l jsonlex.Lexer
	l.Reset(text)
	v := value(&l)
	l.End()
	return v, l.Err()
}

func value(l *jsonlex.Lexer) any {
	switch l.Kind() {
	case jsonlex.Null:
		l.Null()
		return nil
	case jsonlex.Bool:
		return l.Bool()
	case jsonlex.Number:
		return json.Number(l.Number())
	case jsonlex.String:
		return l.String()
	case jsonlex.Array:
		list := []any{}
		for l.Array(); l.Element(); {
			list = append(list, value(l))
		}
		return list
	case jsonlex.Object:
		m := map[string]any{}
		for l.Object(); ; {
			name, ok := l.Member()
			if !ok {
				return m
			}
			m[name] = value(l)
		}
	}
	l.Skip()
	return nil
}

// compare holds the lexer against encoding/json: the same texts are accepted,
// with the same values. The two differ on purpose in what is checked first here.
func compare(t testing.TB, text []byte) {
	got, err := tree(text)
	if !utf8.Valid(text) {
		if err == nil {
			t.Fatalf("%q: accepted, though it is not UTF-8", text)
		}
		return
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var want any
	wantErr := dec.Decode(&want)
	if wantErr == nil {
		if _, e := dec.Token(); e != io.EOF {
			wantErr = fmt.Errorf("something follows the value")
		}
	}
	if (err == nil) != (wantErr == nil) {
		if err != nil && strings.Contains(err.Message, "nested more than") {
			return
		}
		t.Fatalf("%q: got error %v, encoding/json says %v", text, err, wantErr)
	}
	if err == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("%q: got %#v, want %#v", text, got, want)
	}
	if err != nil && (err.Offset < 0 || err.Offset > len(text) || err.Column != utf8.RuneCount(text[:err.Offset])+1) {
		t.Fatalf("%q: error at byte %d, column %d", text, err.Offset, err.Column)
	}
	// Skipping is as strict as reading.
	var l jsonlex.Lexer
	l.Reset(text)
	l.Skip()
	l.End()
	if skipErr := l.Err(); (skipErr == nil) != (err == nil) {
		t.Fatalf("%q: Skip says %v, reading says %v", text, skipErr, err)
	}
}

func FuzzAgainstEncodingJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":1,"b":[true,false,null,"x"],"c":{"d":-0.5e+10}}`, ` [ 1 , 2 ] `, `"\u00e9\ud83d\ude00\ud83d\n\/"`, `01`, `1.`, `-`, `[1,]`,
		`{"a":}`, `{,}`, `{"a" 1}`, "\"\x01\"", `"\x"`, `tru`, `nul`, `1 2`, "\"\xff\"", ``, `{"a":1,}`, `[[[]]]`, `"\ud800\u0041"`, `1e5`, `"żółć"`,
		"\"\xef\xbf\xbf\"", `{"aaaaaaaaaaaaaaaaaaaaaaaaa":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\\"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) { compare(t, text) })
}

func TestGeneratedTextsAgree(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{"{", "}", "[", "]", ",", ":", `"a"`, `"\u0041\n"`, "1", "-2.5e3", "0", "00", "true", "null", " ", "\t", `"`, `\`, "é", "x"})
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		for _, p := range rapid.SliceOfN(piece, 0, 24).Draw(t, "pieces") {
			b.WriteString(p)
		}
		got, err := tree([]byte(b.String()))
		dec := json.NewDecoder(strings.NewReader(b.String()))
		dec.UseNumber()
		var want any
		wantOK := dec.Decode(&want) == nil && func() bool { _, e := dec.Token(); return e == io.EOF }()
		if (err == nil) != wantOK || err == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: got %#v, %v, want %#v, ok %v", b.String(), got, err, want, wantOK)
		}
	})
}

// Named reads what Member would read, and it reads whatever a machine wrote.
func TestNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, name string
		members    int // read before
		want       bool
	}{
		{`{"id":1,"name":2}`, "id", 0, true},
		{`{"id":1,"name":2}`, "name", 1, true},
		{`{"id":1,"name":2}`, "nam", 1, false},
		{`{"id":1,"name":2}`, "names", 1, false},
		{`{"id":1}`, "name", 1, false},
		{`{}`, "id", 0, false},
		{`{"id"`, "id", 0, false},
		{`{"id":`, "id", 0, false}, // too near the end to be looked at
		{`{"id":12}`, "id", 0, true},
		{`{"size_list":"a"}`, "size_list", 0, true},
		{`{"size_list":"a"}`, "size_lost", 0, false},
		{`{"size_list":"a"}`, "dize_list", 0, false},
		{`{"strikethrough_retail":1}`, "strikethrough_retail", 0, true},
		{`{"strikethrough_retail":1}`, "strikethraugh_retail", 0, false},
		{`{"strikethrough_retail":1}`, "strikethrough_retai", 0, false},
		{`{"strikethrough_retail"`, "strikethrough_retail", 0, false},
		{`{"weight":1,"weight":2}`, "weight", 1, true},
		{`{"id" :1}`, "id", 0, false},
		{`{ "id":1}`, "id", 0, false},
		{`{"id":1"name":2}`, "name", 1, false},
		{`{,"id":1}`, "id", 0, false},
		{`{"i\u0064":1}`, "id", 0, false},
	} {
		read := func(members int) *jsonlex.Lexer {
			var l jsonlex.Lexer
			l.Reset([]byte(c.text))
			l.Object()
			for range members {
				l.Member()
				l.Skip()
			}
			return &l
		}
		l, other := read(c.members), read(c.members)
		name := jsonlex.NewName(c.name)
		if got := l.Named(&name); got != c.want {
			t.Errorf("%s: Named(%q) behind %d members: got %v, want %v", c.text, c.name, c.members, got, c.want)
		}
		if name, ok := other.Member(); c.want && (!ok || name != c.name || other.Offset() != l.Offset()) {
			t.Errorf("%s: Member gives %q, %v at %d, Named is at %d", c.text, name, ok, other.Offset(), l.Offset())
		}
	}
}

// TestClosed is what Member says of an end, where there is no white space.
func TestClosed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want bool
	}{{`{"id":1}`, true}, {`{"id":1} `, true}, {`{"id":1 }`, false}, {`{"id":1,"name":2}`, false}, {`{"id":1`, false}, {`{"id":1]`, false}} {
		read := func() *jsonlex.Lexer {
			var l jsonlex.Lexer
			l.Reset([]byte(c.text))
			l.Object()
			l.Member()
			l.Skip()
			return &l
		}
		l, other := read(), read()
		if got := l.Closed(); got != c.want {
			t.Errorf("%s: got %v, want %v", c.text, got, c.want)
			continue
		}
		if _, more := other.Member(); c.want && (more || other.Err() != nil || other.Offset() != l.Offset()) {
			t.Errorf("%s: Member gives %v, %v at %d, Closed is at %d", c.text, more, other.Err(), other.Offset(), l.Offset())
		}
		if l.End(); c.want && l.Err() != nil {
			t.Errorf("%s: got %v behind the end, want nothing", c.text, l.Err())
		}
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{``, "column 1: want a value, but the text ends"},
		{`{"ż":1 "b":2}`, "column 8: want ',' or '}', got '\"'"},
		{`{"a":1`, "column 7: want ',' or '}', but the text ends"},
		{`{"a"=1}`, "column 5: want ':', got '='"},
		{`{a:1}`, "column 2: want a member's name in quotes, got 'a'"},
		{`[1 2]`, "column 4: want ',' or ']', got '2'"},
		{`["abc`, "column 6: the string does not end"},
		{"[\"a\tb\"]", `column 4: control character U+0009 inside a string: write it as \u0009`},
		{`["a\qb"]`, `column 4: unknown escape \q`},
		{`["a\u12"]`, `column 4: \u wants four hex digits`},
		{`[007]`, "column 2: a number may not start with 0"},
		{`[1.e5]`, "column 4: want a digit, got 'e'"},
		{`[truth]`, "column 2: want true, got 't'"},
		{`[1] x`, "column 5: want the end of the line, got 'x'"},
		{"[\"\xb3\"]", "column 3: byte 0xB3 is not UTF-8"},
		{"\x00", "column 1: want a value, got '\\x00'"},
		{strings.Repeat("[", 65), "column 65: nested more than 64 deep"},
	} {
		if _, err := tree([]byte(c.in)); err == nil || err.Error() != c.want {
			t.Errorf("%q: got %v, want %s", c.in, err, c.want)
		}
	}
}

func TestDirtyStrings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in       string
		dirty    bool
		replaced int
	}{
		{`"clean żółć \n\t\" \u00e9 \ud83d\ude00"`, false, 0}, {`"\u0000"`, true, 0}, {`"\r"`, true, 0}, {`"\uffff"`, true, 0},
		{"\"\uffff\"", true, 0}, {"\"\uff0c\"", false, 0}, {`"\udead"`, false, 1}, {`"\ud83d\ud83d\ude00"`, false, 1},
	} {
		var l jsonlex.Lexer
		l.Reset([]byte(c.in))
		_ = l.String()
		if l.Err() != nil || l.Dirty() != c.dirty || l.Replaced() != c.replaced {
			t.Errorf("%s: dirty %v, replaced %d, error %v, want %v, %d", c.in, l.Dirty(), l.Replaced(), l.Err(), c.dirty, c.replaced)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	text := []byte(`{"id":12,"name":"żółć \"x\"","list":[1,2,{"a":"b\n"}]}`)
	var l jsonlex.Lexer
	n := testing.AllocsPerRun(100, func() {
		l.Reset(text)
		l.Skip()
		l.End()
	})
	if n != 0 || l.Err() != nil {
		t.Errorf("%v allocations a text (error %v), want none", n, l.Err())
	}
}

// Wherever a text is cut off, and whichever sign of it is another, Named sees a
// name only where Member gives it.
func TestNamedInTextsOfAllKinds(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a", "id", "name", "site", "price", "weight", "quantity", "short_desc", "display_code", "size_group_of", "a_name_of_more_than_sixteen"} {
		whole := `{"` + name + `":1,"` + name + `":"text"}`
		expected := jsonlex.NewName(name)
		for cut := range len(whole) + 1 {
			compareNamed(t, []byte(whole[:cut]), name, &expected)
		}
		for at := 1; at < len(whole); at++ {
			for bit := range 7 {
				text := []byte(whole)
				text[at] ^= 1 << bit
				compareNamed(t, text, name, &expected)
			}
		}
	}
}

func compareNamed(t *testing.T, text []byte, name string, expected *jsonlex.Name) {
	var l, other jsonlex.Lexer
	l.Reset(text)
	other.Reset(text)
	l.Object()
	other.Object()
	for range 2 {
		seen := l.Named(expected)
		got, ok := other.Member()
		if seen && (!ok || got != name || l.Offset() != other.Offset()) {
			t.Errorf("%q: Named sees %q up to %d, Member %q, %v up to %d", text, name, l.Offset(), got, ok, other.Offset())
		}
		if !seen {
			l.Member()
		}
		l.Skip()
		other.Skip()
	}
}
