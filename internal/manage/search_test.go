package manage

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"feedmill/feed"
	"feedmill/feed/record"
)

// namedDocument is a stored product of these names.
func namedDocument(names ...string) []byte {
	p := &feed.Product{ID: 1, Currency: feed.MustCurrency("PLN")}
	for i, name := range names {
		p.Names = p.Names.Set(feed.MustLanguage([]string{"pol", "eng"}[i]), name)
	}
	p.ShortDescs = p.ShortDescs.Set(feed.MustLanguage("pol"), "described by other words")
	return record.Append(nil, p)
}

// Products are found by any part of a name, in whatever case, and by who has no
// key for its letters.
func TestSoughtInNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		query, name string
		want        bool
	}{
		{"wheel", "Front WHEEL 28", true}, {"wheel", "Frame", false}, {"", "x", true},
		{"żar", "ŻARÓWKA", true}, {"żar", "Zarowka", true}, {"zarowka", "Żarówka", true}, {"lozko", "ŁÓŻKO", true}, {"ŁÓŻKO", "lozko drewniane", true},
		{"zarovka", "Žárovka", true}, {"strasse", "Straße", true}, {"ποδηλατο", "Ποδήλατο", true}, {"τροχοσ", "Τροχός", true}, {"елка", "Ёлка", true},
		{"lampka przednia", "Lampka\u00a0przednia", true}, {" zolta  LAMPKA ", "Lampka tylna żółta", true}, {"tylna 1", "Lampka tylna 21", false}, {"1 tyl", "Lampka tylna/12", true}, {"ampka", "Lampka", true}, {"ampka tylna", "Lampka żółta tylna", false}, {"lampka biala", "Lampka tylna żółta", false}, {"e\u0301te\u0301", "Été", true}, {"K", "\u212a", true}, {"i", "\u0130", true},
		{"описание", "Лампа", false}, {"described", "Lampka", false}, {"лампа", "Lampka", false}, {"한국", "한국어", true}, {"\xff", "Lampka", false},
	} {
		got, err := NewSought(c.query).inDocument(namedDocument("first", c.name))
		if err != nil || got != c.want {
			t.Errorf("%q in %q: got %v, %v, want %v", c.query, c.name, got, err, c.want)
		}
	}
	if _, err := NewSought("x").inDocument([]byte{1, 2}); err == nil {
		t.Error("a damaged document was searched")
	}
}

// What stands in a name is found there, and folding twice is folding once.
func TestFoldedLaws(t *testing.T) {
	t.Parallel()
	letters := rapid.StringOfN(rapid.SampledFrom([]rune("aAbBkKiIzZżŻéÉσΣς \u212a\u0130ß19<łŁøØđĐǅﬁйЙё\u0301\u0323힣\u1e9e")), 0, 8, -1)
	q := NewSought("")
	rapid.Check(t, func(t *rapid.T) {
		before, name, after := letters.Draw(t, "before"), letters.Draw(t, "name"), letters.Draw(t, "after")
		q.whole, q.words = NewSought(name).whole, NewSought(name).words
		if !q.In(before + name + after) {
			t.Fatalf("%q is not found in %q", name, before+name+after)
		}
		if !q.In(strings.ToUpper(name)) || !q.In(strings.ToLower(name)) {
			t.Fatalf("%q is not found in its other case", name)
		}
		if once := Folded(name); Folded(once) != once {
			t.Fatalf("%q: got %q, and then %q", name, once, Folded(once))
		}
	})
}
