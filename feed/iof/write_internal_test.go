package iof

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
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
