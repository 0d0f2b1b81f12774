package iof

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"feedmill/feed"

	"pgregory.net/rapid"
)

func TestCleanAgreesWithTheVocabulary(t *testing.T) {
	t.Parallel()
	piece := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{"\t", "\n", "\r", "\x00", "\xed\x9f\xbf", "\xed\xa0\x80", "\xef\xbf\xbd", "\xef\xbf\xbe", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xc2", "\xc1\x80", "abcdefgh"}))
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(piece, 0, 5).Draw(t, "pieces"), "")
		n := feed.CleanPrefix(s)
		if (n == len(s)) != feed.IsClean(s) {
			t.Fatalf("CleanPrefix(%q) = %d of %d, IsClean %v", s, n, len(s), feed.IsClean(s))
		}
		if !feed.IsClean(s[:n]) {
			t.Fatalf("the first %d bytes of %q are not clean", n, s)
		}
		want, _ := feed.Clean(s)
		if got := clean(s); got != want {
			t.Fatalf("clean(%q) = %q, want %q", s, got, want)
		}
		if hasText(s) != (want != "") {
			t.Fatalf("hasText(%q) = %v", s, hasText(s))
		}
	})
}

// TestDocumented keeps the lists in docs/format.md true.
func TestDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "format.md"))
	if err != nil {
		t.Fatal(err)
	}
	for f := range reflect.TypeFor[feed.Dialect]().Fields() {
		if !bytes.Contains(doc, []byte("\n| `"+f.Name+"` |")) {
			t.Errorf("docs/format.md does not tell of the dialect %s", f.Name)
		}
	}
	_, keys, _ := bytes.Cut(doc, []byte("### Preset"))
	keys, _, _ = bytes.Cut(keys, []byte("\n## "))
	for word := range strings.FieldsSeq(settingNames) {
		if !bytes.Contains(keys, []byte("`"+word+"`")) {
			t.Errorf("docs/format.md does not list the preset key %s", word)
		}
	}
	_, list, _ := strings.Cut(string(doc), "published to everybody")
	list, _, _ = strings.Cut(list, "All others")
	names := regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(list, -1)
	if len(names) != 25 {
		t.Errorf("docs/format.md lists %d published extensions, want 25", len(names))
	}
	for _, m := range names {
		if !published(m[1]) {
			t.Errorf("docs/format.md lists %s as published, and it is not", m[1])
		}
	}
	for _, name := range strings.Fields("price_retail price_wholesale price_minimal price_pos prices_config prices_configuration_for_shops pos_prices_config auction_price pricecomparator_price last_purchase_price average_purchase_price price_automatic_calculation deliverer note loyalty_program omnibus_price_retail omnibus_price_wholesale price_retail_dynamic srp strikethrough_retail_price strikethrough_wholesale_price advance") {
		if published(name) {
			t.Errorf("%s is published to everybody", name)
		}
	}
}

// Texts that stand as they are written are those that are found one by one.
func TestAsTheyStand(t *testing.T) {
	t.Parallel()
	language := rapid.SampledFrom([]feed.Language{{}, feed.MustLanguage("pol"), feed.MustLanguage("eng"), feed.MustLanguage("ger")})
	rapid.Check(t, func(t *rapid.T) {
		p := feed.Profile{Languages: rapid.SliceOfNDistinct(language.Filter(func(l feed.Language) bool { return !l.IsZero() }), 0, 2, rapid.ID).Draw(t, "asked for")}
		p.Dialect.SingleLanguage = rapid.IntRange(0, 4).Draw(t, "single") == 0
		l := newLanguages(&p, &Options{DefaultLanguage: language.Draw(t, "default")})
		var ts feed.Texts
		for range rapid.IntRange(0, 4).Draw(t, "texts") {
			ts = append(ts, feed.Text{Lang: language.Draw(t, "language"), Value: rapid.SampledFrom([]string{"a", "b", "ż", "", "\x01"}).Draw(t, "text")})
		}
		var found feed.Texts
		for c := (cursor{}); ; {
			lang, s, ok := l.next(ts, &c)
			if !ok {
				break
			}
			found = append(found, feed.Text{Lang: lang, Value: s})
		}
		if !l.asTheyStand(ts) {
			return
		}
		for i := range ts {
			ts[i].Lang = l.of(ts[i].Lang)
		}
		if !slices.Equal(found, ts) {
			t.Fatalf("got %v as they stand, want %v", ts, found)
		}
	})
	pol, eng := feed.MustLanguage("pol"), feed.MustLanguage("eng")
	l := newLanguages(&feed.Profile{}, &Options{DefaultLanguage: pol})
	for want, list := range map[bool][]feed.Texts{
		true:  {nil, {{Value: "a"}}, {{Lang: eng, Value: "a"}}, {{Lang: pol, Value: "a"}, {Lang: eng, Value: "b"}}, {{Value: "a"}, {Lang: eng, Value: "b"}}},
		false: {{{Value: ""}}, {{Lang: eng, Value: "a"}, {Lang: pol, Value: "b"}}, {{Lang: pol, Value: "a"}, {Value: "b"}}},
	} {
		for _, ts := range list {
			if got := l.asTheyStand(ts); got != want {
				t.Errorf("%v: got %v, want %v", ts, got, want)
			}
		}
	}
}
