package jsonlex

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// memberNames are those of the texts below.
var memberNames = []string{"a", "id", "name", "gross", "quantity", "panel_name", "a_name_of_twenty_sign", "a_name_of_twenty_signs"}

// learned gives a plan that knows the members of a text.
func learned(text []byte, texts, numbers uint64) *Plan {
	p := &Plan{Texts: texts, Numbers: numbers, Longest: 64}
	var l Lexer
	l.Reset(text)
	l.Object()
	for last := 0; ; {
		from := l.Offset()
		name, ok := l.Member()
		if !ok {
			return p
		}
		if i := slices.Index(memberNames, name); i >= 0 {
			l.Learn(p, last, from, name, i)
			last = i + 1
		}
		l.Skip()
	}
}

// sameRuns reads a text in both ways, from each of its places if every is set.
func sameRuns(t testing.TB, p *Plan, text []byte, seen uint64, every bool) {
	t.Helper()
	var l Lexer
	l.Reset(text)
	if l.err != nil || l.nonchar {
		return
	}
	for i := range len(text) {
		if i > 1 && !every {
			break
		}
		for last := range len(memberNames) + 1 {
			var got, want Scalars
			got.Last, want.Last = last, last
			got.Seen, want.Seen = seen, seen
			l.i, l.first = i, last == 0
			l.Run(p, &got)
			at, first := l.i, l.first
			l.i, l.first = i, last == 0
			l.plainRun(p, &want)
			if at != l.i || first != (last == 0 && want.n == 0) || got.n != want.n || got.Last != want.Last || got.Seen != want.Seen || !slices.Equal(got.All(), want.All()) {
				t.Fatalf("%q behind %d from %d on, with %b seen: got %+v up to %d, want %+v up to %d",
					text, last, i, seen, got.All(), at, want.All(), l.i)
			}
		}
	}
}

const allMembers = `{"a":"x","id":"7","name":"zażółć","gross":"1.00","quantity":5,"panel_name":"M","a_name_of_twenty_sign":"v","a_name_of_twenty_signs":1}`

// A run with wide registers reads what a plain one does, whatever stands there.
func FuzzRunWays(f *testing.F) {
	pad := strings.Repeat(" ", 100)
	for _, text := range []string{
		allMembers + pad, allMembers, `{"a":"x","a":"y"}` + pad, `{"a":1,"id":2,"a":3}` + pad, `{"quantity":123456,"a":"` + strings.Repeat("x", 70) + `"}` + pad,
		`{"a":"` + strings.Repeat("x", 300) + `","id":"7"}` + pad, `{"a":"x\ny","id":"7"}` + pad, `{"quantity":1234567890}` + pad, `{"quantity":012}` + pad, strings.Repeat("\x00", 200),
	} {
		f.Add([]byte(allMembers), []byte(text), uint64(0b11101111), uint64(0b00010000), uint64(0))
		f.Add([]byte(text), []byte(text), ^uint64(0), ^uint64(0), uint64(2))
	}
	f.Fuzz(func(t *testing.T, before, text []byte, texts, numbers, seen uint64) {
		p := learned(before, texts, numbers)
		sameRuns(t, p, text, seen, len(text) < 300)
		sameRuns(t, p, append(slices.Clone(text), pad...), seen, false)
	})
}

// What is read may begin anywhere in memory, and nothing behind it is looked at.
func TestRunWaysAtAllPlaces(t *testing.T) {
	t.Parallel()
	p := learned([]byte(allMembers), 0b11101111, 0b00010000)
	for gap := range 70 {
		memory := bytes.Repeat([]byte{' '}, gap+len(allMembers)+200)
		text := memory[gap:]
		copy(text, allMembers)
		for end := gap % 9; end < len(text); end += 9 {
			sameRuns(t, p, text[:end+1:end+1], 0, false)
		}
	}
}

// Each number, and each sign behind it, is read alike.
func TestRunWaysReadNumbersAlike(t *testing.T) {
	t.Parallel()
	p := learned([]byte(`{"quantity":1,"a":"x"}`), 1, 1<<4)
	text := append([]byte(`{"quantity":`), bytes.Repeat([]byte{' '}, 120)...)
	at := len(`{"quantity":`)
	signs := []byte("019,}.e ")
	var fill func(i int)
	fill = func(i int) {
		if i == 4 {
			copy(text[at+i:], `,"a":"x"`)
			sameRuns(t, p, text, 0, false)
			return
		}
		for _, c := range signs {
			text[at+i] = c
			fill(i + 1)
		}
	}
	fill(0)
	for _, number := range []string{"12345,", "123456,", "1234567,", "12345}", "123456}", "12345.", "123456e", "99999 ", "000000,", "099999,", "999999,", "123456789,", "999999999}", "1234567890,", "12345678.", "0123456789,"} {
		clear(text[at:])
		copy(text[at:], number+`"a":"x"}`)
		sameRuns(t, p, text, 0, false)
	}
}

// plainEscapes gives what stands from i on, up to the first stop that is no short
// escape, and where that is.
func plainEscapes(text []byte, i int) (out []byte, at int) {
	for ; i < len(text) && text[i] >= ' ' && text[i] != '"'; i++ {
		c := text[i]
		if c == '\\' {
			if i+1 == len(text) || shortEscape[text[i+1]] == 0 {
				return out, i
			}
			i++
			c = shortEscape[text[i]]
		}
		out = append(out, c)
	}
	return out, i
}

// sameEscapes reads short escapes from a place of a text on, into memory that has no
// more room than there must be.
func sameEscapes(t testing.TB, text []byte, i int) {
	t.Helper()
	var l Lexer
	l.Reset(text)
	if l.err != nil || len(text)-i < escapesRoom {
		return
	}
	const before, behind = "before", "behind"
	memory := []byte(before + strings.Repeat("-", len(text)-i) + behind)
	l.spare = memory[: len(before) : len(memory)-len(behind)]
	want, end := plainEscapes(text, i)
	at := i
	if wide {
		at = l.shortEscapes(i)
	}
	got, _ := bytes.CutPrefix(l.spare, []byte(before))
	if rest, restEnd := plainEscapes(text, at); restEnd != end || string(got)+string(rest) != string(want) {
		t.Fatalf("%q from %d on: got %q up to %d, want %q up to %d", text, i, got, at, want, end)
	}
	if at < end && at <= len(text)-escapesRoom && wide {
		t.Fatalf("%q from %d on: stopped at %d, want %d", text, i, at, end)
	}
	if !bytes.HasPrefix(memory, []byte(before)) || !bytes.HasSuffix(memory, []byte(behind)) {
		t.Fatalf("%q from %d on: wrote over what stands around: %q", text, i, memory)
	}
}

// Escapes that are read with wide registers are what they are without.
func FuzzEscapes(f *testing.F) {
	pad := strings.Repeat(" ", escapesRoom)
	for _, text := range []string{
		`a\"b"`, `\n\t\/\\\""`, `\u0041"`, `\r"`, "\x01\"", `\`, `zażółć \n "`, strings.Repeat(`x\n`, 40) + `"`, strings.Repeat("y", 55) + `\n` + strings.Repeat("z", 57) + `\"w"`,
		strings.Repeat("y", 200) + `"`,
	} {
		f.Add([]byte(text))
		f.Add([]byte(text + pad))
		f.Add([]byte(`{"a":"` + text + pad + pad))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for i := range min(len(text), 100) {
			sameEscapes(t, text, i)
			sameEscapes(t, text[i:], 0)
		}
		sameEscapes(t, append(slices.Clone(text), pad...), 0)
	})
}

// A sign that must be escaped is read alike at each place of a text.
func TestEscapesAtAllPlaces(t *testing.T) {
	t.Parallel()
	for _, sign := range []string{`\"`, `\\`, `\/`, `\n`, `\t`, `\r`, `\u0041`, `\x`, `"`, `\n\n`, `\n"`} {
		for n := range 200 {
			text := []byte(strings.Repeat("a", n) + sign + strings.Repeat("b", 200-n) + `"` + strings.Repeat(" ", escapesRoom))
			for i := range 9 {
				sameEscapes(t, text, i)
			}
		}
	}
}
