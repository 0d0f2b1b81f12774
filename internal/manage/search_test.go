package manage

import (
	"testing"

	"pgregory.net/rapid"

	"feedmill/feed"
	"feedmill/feed/record"
)

// TestSearchSkipsNothing: what the stored bytes rule out is in no name.
func TestSearchSkipsNothing(t *testing.T) {
	t.Parallel()
	letters := rapid.StringOfN(rapid.SampledFrom([]rune("aAbBkKiIzZżŻéÉσΣς \u212a\u0130ß19<")), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		p := &feed.Product{ID: feed.ProductID(rapid.Int64Range(1, 1<<40).Draw(t, "id")), Currency: feed.MustCurrency("PLN")}
		name := letters.Draw(t, "before") + letters.Draw(t, "name") + letters.Draw(t, "after")
		p.Names = p.Names.Set(feed.MustLanguage("pol"), name)
		q := newSought(letters.Draw(t, "query"))
		doc := record.Append(nil, p)
		if q.in(name) && !q.mayBeIn(doc) {
			t.Fatalf("%q is in %q and ruled out", q.lower, name)
		}
	})
	for _, test := range []struct {
		query, name string
		want        bool
	}{{"wheel", "Front WHEEL 28", true}, {"wheel", "Frame", false}, {"żar", "ŻARÓWKA", true}, {"żar", "zarowka", false}, {"", "x", true}} {
		p := &feed.Product{ID: 1, Currency: feed.MustCurrency("PLN")}
		p.Names = p.Names.Set(feed.MustLanguage("pol"), test.name)
		if q := newSought(test.query); q.mayBeIn(record.Append(nil, p)) != test.want {
			t.Errorf("%q in %q: want %v", test.query, test.name, test.want)
		}
	}
}
