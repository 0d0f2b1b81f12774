package feedtest

import (
	"strings"
	"unicode"

	"feedmill/feed"

	"pgregory.net/rapid"
)

// scraps are pieces of text that have broken importers and exporters.
var scraps = []string{
	"Plecak", "Zażółć gęślą jaźń", "<b>", "</b>", "&amp;", "&", "<", ">", "\"", "'", "]]>", "]]", "<![CDATA[", "<!--", "-->", "<?xml?>",
	" ", "  ", "\t", "\n", "\u00a0", "\u2028", "\u200f", "\u0085", "é", "e\u0301", "日本", "😀", "\U0010fffd", "\ufffd", "\ue000", ";", ",", "\\", "/", " \\ ", "%s", "{{", "0", "007", "=1+1", "&#10;", "ß", "İ",
}

// String gives clean text with at least one visible character at each end, in
// one line or more.
func String() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		parts := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(scraps), rapid.StringN(1, 8, -1)), 1, 6).Draw(t, "parts")
		s, _ := feed.Clean(strings.Join(parts, ""))
		if s = strings.TrimFunc(s, invisible); s == "" {
			s = "x"
		}
		return s
	})
}

func invisible(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }

// Name gives clean text in one line, without tabs, as attributes hold it.
func Name() *rapid.Generator[string] {
	return rapid.Map(String(), func(s string) string {
		return strings.Map(func(r rune) rune {
			if r == '\n' || r == '\t' {
				return ' '
			}
			return r
		}, s)
	})
}

// Code gives a code: letters, digits, hyphens, dots and underscores.
func Code() *rapid.Generator[string] { return rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9_.-]{0,11}`) }

// ID gives an id of a dictionary entry, an integer.
func ID() *rapid.Generator[string] { return rapid.StringMatching(`[1-9][0-9]{0,8}`) }

// Language gives a language out of those that offers are met in.
func Language() *rapid.Generator[feed.Language] {
	return rapid.Map(rapid.SampledFrom([]string{"pol", "eng", "ger", "cze", "slo", "hun", "rum", "lit", "csb", "dut"}), feed.MustLanguage)
}

// Texts gives a text in one to three languages, made by value.
func Texts(value *rapid.Generator[string]) *rapid.Generator[feed.Texts] {
	return rapid.Custom(func(t *rapid.T) feed.Texts {
		langs := rapid.SliceOfNDistinct(Language(), 1, 3, rapid.ID).Draw(t, "languages")
		var ts feed.Texts
		for _, l := range langs {
			ts = append(ts, feed.Text{Lang: l, Value: value.Draw(t, "value")})
		}
		return ts
	})
}

// optional draws from g, or gives the zero value in a third of all cases.
func optional[T any](t *rapid.T, g *rapid.Generator[T], label string) (v T) {
	if rapid.IntRange(0, 2).Draw(t, label+"?") > 0 {
		v = g.Draw(t, label)
	}
	return v
}

// list draws up to n elements.
func list[T any](t *rapid.T, g *rapid.Generator[T], n int, label string) []T {
	s := rapid.SliceOfN(g, 0, n).Draw(t, label)
	if len(s) == 0 {
		return nil
	}
	return s
}
