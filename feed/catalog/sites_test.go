package catalog

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is taken for plain because of its start is what webURL gives as it is.
func TestPlainAddresses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		starts := []string{"https://a.example/", "http://user@b.example:80/", "https://a.example", "https://a.example/?", "http://[::1]/", "https:///", "http://%zz/"}
		rest := rapid.StringOf(rapid.SampledFrom([]rune("abcdefgh0123456789%[]#?/:@.-& \tż\u0080")))
		var s sites
		for range rapid.IntRange(1, 20).Draw(t, "addresses") {
			url := rapid.SampledFrom(starts).Draw(t, "start") + rest.Draw(t, "rest") + strings.Repeat("x", rapid.IntRange(0, 20).Draw(t, "length"))
			clean, ok := webURL(url)
			if s.plain(url) && (!ok || clean != url) {
				t.Fatalf("%q is plain beside %q, want %q, %v", url, s, clean, ok)
			}
			if ok {
				s.learn(clean)
			}
		}
		if len(s) > mostSites {
			t.Fatalf("%d starts are remembered, want at most %d", len(s), mostSites)
		}
	})
	s := sites{}
	s.learn("https://a.example/1.jpg")
	for url, want := range map[string]bool{
		"https://a.example/2.webp?x=1": true, "https://a.example/": true, "https://a.example/100%": false, "https://a.example/%C5%BC": false, "https://a.example/a b": false,
		"https://a.example/żółć.jpg": true, "https://b.example/2.jpg": false, "https://a.example": false, "": false,
	} {
		if got := s.plain(url); got != want {
			t.Errorf("plain(%q) = %v, want %v", url, got, want)
		}
	}
}
