package iof_test

import (
	"bytes"
	"testing"

	"feedmill/feed"
	"feedmill/feed/feedtest"
	"feedmill/feed/iof"

	"pgregory.net/rapid"
)

// Whoever shares texts writes what he would write alone.
func TestSharedTexts(t *testing.T) {
	t.Parallel()
	var texts iof.Texts
	rapid.Check(t, func(t *rapid.T) {
		p := feedtest.Product().Draw(t, "product")
		first := feed.Profile{Languages: rapid.SampledFrom([][]feed.Language{nil, {feed.MustLanguage("pol")}, {feed.MustLanguage("eng"), feed.MustLanguage("pol")}}).Draw(t, "languages")}
		first.Dialect.EscapedText = rapid.Bool().Draw(t, "escaped")
		second := first
		second.Currency, second.Site = feed.MustCurrency("EUR"), feed.IntOf(3)
		opt := iof.Options{DefaultLanguage: feed.MustLanguage("pol")}
		a, b := iof.NewWriter(&first, nil, opt), iof.NewWriter(&second, nil, opt)
		if !a.SameTexts(b) {
			t.Fatal("writers that differ in currency and site do not share texts")
		}
		// What a full feed leaves out of a product is none of its texts.
		mended := *p
		if rapid.Bool().Draw(t, "mended") {
			mended.Group, mended.Bundled, mended.Type = nil, nil, feed.TypeRegular
		}
		one, two := feed.Item{Product: p}, feed.Item{Product: &mended, Currency: second.Currency}
		texts.Next()
		for n, c := range []struct {
			w  *iof.Writer
			it *feed.Item
		}{{a, &one}, {b, &two}, {a, &one}} {
			if got, want := c.w.AppendFullWith(nil, c.it, &texts), c.w.AppendFull(nil, c.it); !bytes.Equal(got, want) {
				t.Fatalf("writer %d: got\n%s\nwant\n%s", n, got, want)
			}
		}
	})
}

func TestSameTexts(t *testing.T) {
	t.Parallel()
	pol, eng := feed.MustLanguage("pol"), feed.MustLanguage("eng")
	base := iof.NewWriter(&feed.Profile{Languages: []feed.Language{pol}}, nil, iof.Options{})
	for name, w := range map[string]*iof.Writer{
		"languages":        iof.NewWriter(&feed.Profile{Languages: []feed.Language{eng}}, nil, iof.Options{}),
		"default language": iof.NewWriter(&feed.Profile{Languages: []feed.Language{pol}}, nil, iof.Options{DefaultLanguage: eng}),
		"dialect":          iof.NewWriter(&feed.Profile{Languages: []feed.Language{pol}, Dialect: feed.Dialect{EscapedText: true}}, nil, iof.Options{}),
		"dictionaries":     iof.NewWriter(&feed.Profile{Languages: []feed.Language{pol}}, feed.NewIndex(&feed.Dictionaries{}), iof.Options{}),
	} {
		if base.SameTexts(w) {
			t.Errorf("writers of other %s share texts", name)
		}
	}
}
