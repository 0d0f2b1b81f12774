package scan

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// slowStop says what Stops marks.
func slowStop(c byte) bool { return c < 0x20 || c == '"' || c == '\\' }

// slowAttribute gives what Attribute should.
func slowAttribute(s string) int {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '&' || c == '<' || c == '>' || c == '"' {
			return i
		}
	}
	return len(s)
}

// slowSound decodes one character after the other.
func slowSound(s string) bool {
	for _, r := range s {
		if r == 0xFFFE || r == 0xFFFF {
			return false
		}
	}
	return utf8.ValidString(s)
}

// slowToken and slowAddress say what Token and Address should.
func slowToken(s string) bool {
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:") == ""
}

func slowAddress(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || strings.ContainsRune("%#[]", r) }) < 0
}

func slowClean(s string) bool {
	for _, r := range s {
		if r < 0x20 && r != '\t' && r != '\n' {
			return false
		}
	}
	return slowSound(s)
}

// hold checks everything about one text, both ways.
func hold(t testing.TB, s string) {
	t.Helper()
	b := []byte(s)
	for _, way := range []struct {
		name string
		do   func([]byte, []uint64) bool
	}{{"Stops", Stops}, {"narrowStops", narrowStops}} {
		stops := make([]uint64, StopWords(len(b)))
		for i := range stops {
			stops[i] = 0xDEADBEEF // of a text before
		}
		if got, want := way.do(b, stops), slowSound(s); got != want {
			t.Fatalf("%s(%q) sound: got %v, want %v", way.name, s, got, want)
		}
		next := len(b)
		for i := 64*len(stops) - 1; i >= 0; i-- {
			if got, want := stops[i>>6]>>(i&63)&1 == 1, i < len(b) && slowStop(b[i]); got != want {
				t.Fatalf("%s(%q): byte %d: got %v, want %v", way.name, s, i, got, want)
			}
			if i < len(b) {
				if slowStop(b[i]) {
					next = i
				}
				if got := Next(stops, i, len(b)); got != next {
					t.Fatalf("Next(%q, %d): got %d, want %d", s, i, got, next)
				}
			}
		}
		if got := Next(stops, len(b), len(b)); got != len(b) {
			t.Fatalf("Next(%q) behind the end: got %d, want %d", s, got, len(b))
		}
	}
	for _, way := range []struct {
		name string
		do   func(string) (bool, bool)
	}{{"Clean", Clean}, {"narrowClean", narrowClean}} {
		clean, bracket := way.do(s)
		if want := slowClean(s); clean != want {
			t.Fatalf("%s(%q): got %v, want %v", way.name, s, clean, want)
		}
		if want := strings.Contains(s, "]"); clean && bracket != want {
			t.Fatalf("%s(%q) bracket: got %v, want %v", way.name, s, bracket, want)
		}
	}
	for _, room := range []int{0, 1, len(s), len(s) + 31, len(s) + 32, len(s) + 100} {
		want := "<![CDATA["
		got, clean, bracket := AppendClean(append(make([]byte, 0, len(want)+room), want...), s)
		if slowClean(s) {
			want += s
		}
		if string(got) != want || clean != slowClean(s) || clean && bracket != strings.Contains(s, "]") {
			t.Fatalf("AppendClean(%q): got %q, %v, %v with room for %d", s, got, clean, bracket, room)
		}
	}
	for name, do := range map[string]func(string) bool{"Token": Token, "narrowToken": narrowToken} {
		if got, want := do(s), slowToken(s); got != want {
			t.Fatalf("%s(%q): got %v, want %v", name, s, got, want)
		}
	}
	for name, do := range map[string]func(string) bool{"Address": Address, "narrowAddress": narrowAddress} {
		if got, want := do(s), slowAddress(s); got != want {
			t.Fatalf("%s(%q): got %v, want %v", name, s, got, want)
		}
	}
	holdAppended(t, s)
	holdStarts(t, s)
	n, ok := Attribute(s)
	want := slowAttribute(s)
	switch {
	case ok && n != want:
		t.Fatalf("Attribute(%q): got %d, want %d", s, n, want)
	case ok && !slowClean(s[:n]):
		t.Fatalf("Attribute(%q): got %d and ok, want no such answer", s, n)
	case !ok && wide && fits(s) && slowClean(s):
		t.Fatalf("Attribute(%q): got no answer, want %d", s, want)
	}
}

// holdAppended checks that what is appended is what Attribute tells, and that nothing
// before it is touched.
func holdAppended(t testing.TB, s string) {
	t.Helper()
	n, ok := Attribute(s)
	for _, room := range []int{0, 1, len(s), len(s) + 31, len(s) + 32, len(s) + 100} {
		const before = "<a b=\""
		got, prefix, fine := AppendAttribute(append(make([]byte, 0, len(before)+room), before...), s)
		want := before
		if fine {
			want += s[:slowAttribute(s)]
		}
		if string(got) != want || fine && prefix != len(want)-len(before) || ok && !fine || fine && !ok && !slowClean(s[:prefix]) {
			t.Fatalf("AppendAttribute(%q): got %q, %d, %v with room for %d; Attribute says %d, %v", s, got, prefix, fine, room, n, ok)
		}
	}
}

// holdStarts checks texts that differ in one byte, and such that are too short.
func holdStarts(t testing.TB, s string) {
	t.Helper()
	b := append([]byte(s), "more"...)
	if !Starts(b, s) || !Starts(b[:len(s)], s) {
		t.Fatalf("Starts(%q): got false", s)
	}
	for i := range len(s) {
		if Starts(b[:i], s) {
			t.Fatalf("Starts(%q) of its first %d bytes: got true", s, i)
		}
		b[i] ^= 1 << (i % 8)
		if Starts(b, s) {
			t.Fatalf("Starts(%q) with another byte %d: got true", s, i)
		}
		b[i] ^= 1 << (i % 8)
	}
}

var pieces = []string{"a", "Z", " ", "~", "\x7f", "ż", "ó", "ß", "ц", "\u0080", "\u07ff", "\u0800", "€", "\ud7ff", "\ue000", "\ufdd0", "\ufffd",
	"\U00010000", "😀", "\U0010ffff", "\ufffe", "\uffff", "\t", "\n", "\r", "\x00", "\x1f", `"`, `\`, "&", "<", ">", "[", "]", "]]>", "%", "'", "#", "!", "$", ".", "-", "_", ":", ";", "/", "0", "9", "@", "A", "Z", "^", "`", "z", "{",
	"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xfe", "\x80", "\xbf",
	"\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xef\xbf", "\xef"}

// TestPlaces puts each piece at each place of texts of several lengths.
func TestPlaces(t *testing.T) {
	t.Parallel()
	for _, piece := range pieces {
		for _, n := range []int{0, 1, 7, 8, 31, 32, 33, 63, 64, 65, 96, 130} {
			for at := 0; at <= n; at++ {
				hold(t, strings.Repeat("x", at)+piece+strings.Repeat("y", n-at))
			}
		}
	}
}

// TestEveryTwoAndThreeBytes goes through the pairs and triples of bytes that
// UTF-8 is made of.
func TestEveryTwoAndThreeBytes(t *testing.T) {
	t.Parallel()
	var text [70]byte
	for i := range text {
		text[i] = 'x'
	}
	stops := make([]uint64, StopWords(len(text)))
	const at = 30 // over the edge between two chunks
	for a := range 256 {
		for b := range 256 {
			text[at], text[at+1] = byte(a), byte(b)
			for _, c := range [...]byte{'x', 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbd, 0xbe, 0xbf, 0xc2, 0xe0, 0xf0} {
				for _, d := range [...]byte{'x', 0x80, 0xbf} {
					text[at+2], text[at+3] = c, d
					if got, want := Stops(text[:], stops), slowSound(string(text[:])); got != want {
						t.Fatalf("% x: got %v, want %v", text[at:at+4], got, want)
					}
				}
			}
		}
	}
}

// TestEveryByteOfTokens puts each byte at each place of tokens.
func TestEveryByteOfTokens(t *testing.T) {
	t.Parallel()
	const token = "be3e0d2982e783f614ab948f4956a9e8-AZaz09_.:-AZaz09_.:be3e0d2982e783f614"
	for _, n := range []int{1, 7, 8, 9, 31, 32, 33, 63, 64, 65} {
		text := []byte(token[:n])
		for i := range text {
			for c := range 256 {
				text[i] = byte(c)
				s := string(text)
				if got, want := Token(s), slowToken(s); got != want {
					t.Fatalf("Token(%q): got %v, want %v", s, got, want)
				}
			}
			text[i] = token[i]
		}
	}
}

func TestRandomTexts(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var b bytes.Buffer
		strange := r.IntN(3) == 0
		for n := r.IntN(200); b.Len() < n; {
			if strange && r.IntN(20) == 0 {
				b.WriteString(pieces[r.IntN(len(pieces))])
			} else {
				b.WriteString(pieces[r.IntN(19)])
			}
		}
		hold(t, b.String())
	}
}

func FuzzTexts(f *testing.F) {
	for _, p := range pieces {
		f.Add(strings.Repeat("x", 30) + p + "yz")
	}
	f.Fuzz(func(t *testing.T, s string) { hold(t, s) })
}

func ExampleStops() {
	text := []byte(`{"name":"a \"b\""}`)
	stops := make([]uint64, StopWords(len(text)))
	fmt.Println(Stops(text, stops))
	for i := Next(stops, 0, len(text)); i < len(text); i = Next(stops, i+1, len(text)) {
		fmt.Print(i, " ")
	}
	// Output:
	// true
	// 1 6 8 11 12 14 15 16
}

func ExampleClean() {
	fmt.Println(Clean("zażółć [1]"))
	fmt.Println(Clean("not UTF-8: \xff"))
	// Output:
	// true true
	// false false
}

func ExampleAttribute() {
	if n, ok := Attribute("Krem & mydło"); ok {
		fmt.Println(n)
	} else {
		fmt.Println(len("Krem "))
	}
	// Output: 5
}

func TestAllocations(t *testing.T) {
	text := []byte(strings.Repeat("zażółć gęślą jaźń ", 20))
	stops := make([]uint64, StopWords(len(text)))
	s, room := string(text), make([]byte, 0, len(text)+chunk)
	if n := testing.AllocsPerRun(100, func() {
		Stops(text, stops)
		Clean(s)
		Attribute(s)
		AppendAttribute(text[:0], s)
		AppendClean(room, s)
		Starts(text, s)
		Token(s)
	}); n != 0 {
		t.Errorf("allocations: got %v, want 0", n)
	}
}

func BenchmarkStops(b *testing.B) {
	text := []byte(strings.Repeat(`{"name":{"pol":"Zażółć gęślą jaźń, 100% bawełna"},"url":"https://shop.example/p/123456"},`, 50))
	stops := make([]uint64, StopWords(len(text)))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Stops(text, stops)
	}
}

func BenchmarkAttribute(b *testing.B) {
	for _, n := range []int{3, 10, 20, 40, 100} {
		s := strings.Repeat("zażółć gęślą jaźń ", 10)[:n]
		for !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				Attribute(s)
			}
		})
	}
}
