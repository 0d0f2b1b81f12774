package feed

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// slowPrefix looks at one character after the other.
func slowPrefix(s, except string) int {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || r == '\r' || !IsXMLChar(r) || strings.ContainsRune(except, r) {
			return i
		}
		i += n
	}
	return len(s)
}

func checkPrefixes(t interface {
	Helper()
	Fatalf(string, ...any)
}, s string) {
	t.Helper()
	if got, want := CleanPrefix(s), slowPrefix(s, ""); got != want {
		t.Fatalf("CleanPrefix(%q) = %d, want %d", s, got, want)
	}
	if got, want := AttributePrefix(s), slowPrefix(s, "&<>\"\t\n"); got != want {
		t.Fatalf("AttributePrefix(%q) = %d, want %d", s, got, want)
	}
}

func TestPrefixesOfPieces(t *testing.T) {
	t.Parallel()
	pieces := []string{"a", "12345678", "zażółć gęślą jaźń", "ż", "ąćęłńóśźż", "€", "–", "漢字", "😀", "\n", "\t", "\r", "\x00", "\x1f", "\x7f", "&", "<", ">", `"`, "'",
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x80", "\xdf\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xef\xbf\xbd", "\xef\xbf\xbe", "\xef\xbf\xbf", "\xf4\x90\x80\x80", "\xff", "\xc5\xc5\x82"}
	rapid.Check(t, func(t *rapid.T) {
		checkPrefixes(t, strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 20).Draw(t, "pieces"), ""))
	})
}

// Every pair of bytes at every place in a word.
func TestPrefixesOfPairs(t *testing.T) {
	t.Parallel()
	for a := range 256 {
		for b := range 256 {
			for at := range 9 {
				checkPrefixes(t, "abcdefgh"[:at&7]+strings.Repeat("x", at&8)+string([]byte{byte(a), byte(b)})+"klmnopqrs")
			}
		}
	}
}

func FuzzPrefixes(f *testing.F) {
	f.Add("zażółć gęślą jaźń <b> & \x80")
	f.Fuzz(func(t *testing.T, s string) { checkPrefixes(t, s) })
}

func BenchmarkCleanPrefix(b *testing.B) {
	s := strings.Repeat("Krem jest w skład napięcie część wysokość zimowa i moc. Jest na kieszenie jedwab wysoka sztuczne oraz bawełna. ", 20)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		CleanPrefix(s)
	}
}

func BenchmarkValid(b *testing.B) {
	s := strings.Repeat("Krem jest w skład napięcie część wysokość zimowa i moc. Jest na kieszenie jedwab wysoka sztuczne oraz bawełna. ", 20)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		utf8.ValidString(s)
	}
}
