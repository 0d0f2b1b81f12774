package feedtest

import (
	"testing"

	"feedmill/feed"
)

// Parsed gives what a parser of package feed makes of a text, such as
// Parsed(t, feed.ParsePercent, "12.5"), and ends a test whose text is wrong.
func Parsed[T any](t testing.TB, parse func(string) (T, error), text string) T {
	t.Helper()
	v, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// PriceOf gives a price of minor units.
func PriceOf(t testing.TB, net, gross int64) feed.Price {
	t.Helper()
	n, err := feed.AmountOf(net)
	if err != nil {
		t.Fatal(err)
	}
	g, err := feed.AmountOf(gross)
	if err != nil {
		t.Fatal(err)
	}
	return feed.Price{Net: n, Gross: g}
}

// TextsOf gives a text in some languages: code and value in turn; the code "" is
// a text whose language nobody told.
func TextsOf(pairs ...string) (ts feed.Texts) {
	for i := 0; i < len(pairs); i += 2 {
		t := feed.Text{Value: pairs[i+1]}
		if pairs[i] != "" {
			t.Lang = feed.MustLanguage(pairs[i])
		}
		ts = append(ts, t)
	}
	return ts
}
