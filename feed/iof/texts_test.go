package iof_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"feedmill/feed"
	"feedmill/feed/feedtest"
	"feedmill/feed/iof"

	"pgregory.net/rapid"
)

// Whoever shares texts writes what he would write alone.
func TestSharedTexts(t *testing.T) {
	t.Parallel()
	type kind struct {
		languages int
		escaped   bool
	}
	kinds := map[kind]*iof.Texts{} // they remember one product for the next
	choices := [][]feed.Language{nil, {feed.MustLanguage("pol")}, {feed.MustLanguage("eng"), feed.MustLanguage("pol")}}
	rapid.Check(t, func(t *rapid.T) {
		k := kind{rapid.IntRange(0, len(choices)-1).Draw(t, "languages"), rapid.Bool().Draw(t, "escaped")}
		texts := kinds[k]
		if texts == nil {
			texts = &iof.Texts{}
			texts.Share()
			kinds[k] = texts
		}
		p := feedtest.Product().Draw(t, "product")
		first := feed.Profile{Languages: choices[k.languages]}
		first.Dialect.EscapedText = k.escaped
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
			if got, want := c.w.AppendFullWith(nil, c.it, texts), c.w.AppendFull(nil, c.it); !bytes.Equal(got, want) {
				t.Fatalf("writer %d: got\n%s\nwant\n%s", n, got, want)
			}
		}
	})
}

// What is remembered of parameters and values is what they say, in each of their
// members, and outlives the memory that a product's texts lie in.
func TestRememberedParameters(t *testing.T) {
	t.Parallel()
	flags := rapid.SampledFrom([]feed.Flag{feed.FlagUnset, feed.FlagYes, feed.FlagNo})
	numbers := rapid.SampledFrom([]feed.Int{{}, feed.IntOf(0), feed.IntOf(1)})
	ids := rapid.SampledFrom([]string{"1", "2", "", "a&b", "12345678901234567890", "x2345678901234567890"})
	parameterContexts := rapid.SampledFrom(append([]string{"", "none of them"}, feed.ParameterContexts()[:2]...))
	valueContexts := rapid.SampledFrom(append([]string{"", "none of them"}, feed.ValueContexts()[:2]...))
	pol, eng := feed.MustLanguage("pol"), feed.MustLanguage("eng")
	names := rapid.SampledFrom([]feed.Texts{nil, {{Value: "Kolor"}}, {{Lang: pol, Value: "Kolor"}}, {{Lang: pol, Value: "Wzory"}}, {{Lang: eng, Value: "Kolor"}},
		{{Lang: pol, Value: "Kolor"}, {Lang: eng, Value: "Colour"}}, {{Lang: pol, Value: "Kolor <&>"}}, {{Lang: pol, Value: strings.Repeat("długi ", 300)}}})
	// Each is like all others but for one member, or for none.
	parameter := rapid.Custom(func(t *rapid.T) feed.Parameter {
		q := feed.Parameter{ID: "1", Names: feed.Texts{{Lang: pol, Value: "Kolor"}}}
		switch rapid.IntRange(0, 10).Draw(t, "member") {
		case 0:
			q.ID = ids.Draw(t, "id")
		case 1, 2:
			q.Names = names.Draw(t, "names")
		case 3:
			q.Section = true
		case 4:
			q.Priority = numbers.Draw(t, "priority")
		case 5:
			q.Distinction = flags.Draw(t, "distinction")
		case 6:
			q.GroupDistinction = flags.Draw(t, "group")
		case 7:
			q.Hide = flags.Draw(t, "hide")
		case 8:
			q.AuctionHide = flags.Draw(t, "auction")
		case 9:
			q.Context = parameterContexts.Draw(t, "context")
		}
		return q
	})
	value := rapid.Custom(func(t *rapid.T) feed.ParameterValue {
		v := feed.ParameterValue{ID: "1", Names: feed.Texts{{Lang: pol, Value: "Kolor"}}}
		switch rapid.IntRange(0, 5).Draw(t, "member") {
		case 0:
			v.ID = ids.Draw(t, "id")
		case 1, 2:
			v.Names = names.Draw(t, "names")
		case 3:
			v.Priority = numbers.Draw(t, "priority")
		case 4:
			v.Context = valueContexts.Draw(t, "context")
		}
		return v
	})
	rapid.Check(t, func(t *rapid.T) {
		var texts iof.Texts
		var index *feed.Index
		if rapid.Bool().Draw(t, "dictionaries") {
			index = feed.NewIndex(&feed.Dictionaries{Parameters: []feed.ParameterEntry{{ID: "2", Names: feed.Texts{{Lang: pol, Value: "Inny"}}}}})
		}
		w := iof.NewWriter(&feed.Profile{Languages: []feed.Language{pol}}, index, iof.Options{})
		memory := make([]byte, 0, 1<<16) // of all texts of a product, overwritten by the next
		place := func(s string) string {
			memory = append(memory, s...)
			b := memory[len(memory)-len(s):]
			return unsafe.String(unsafe.SliceData(b), len(b))
		}
		placeAll := func(ts feed.Texts) feed.Texts {
			ts = slices.Clone(ts)
			for i := range ts {
				ts[i].Value = place(ts[i].Value)
			}
			return ts
		}
		marks := map[string]*feed.Mark{} // few places, which they must share
		mark := func(part any) *feed.Mark {
			if rapid.IntRange(0, 2).Draw(t, "unmarked") == 0 {
				return nil
			}
			said := fmt.Sprintf("%+v", part)
			if marks[said] == nil {
				marks[said] = feed.NewMark(uint32(len(marks)%3) << 11)
			}
			return marks[said]
		}
		for range rapid.IntRange(2, 8).Draw(t, "products") {
			memory = memory[:0]
			p := &feed.Product{ID: 1}
			for range rapid.IntRange(1, 3).Draw(t, "parameters") {
				q := parameter.Draw(t, "parameter")
				q.Mark = mark(q)
				q.ID, q.Names, q.Context = place(q.ID), placeAll(q.Names), place(q.Context)
				for range rapid.IntRange(0, 2).Draw(t, "values") {
					v := value.Draw(t, "value")
					v.Mark = mark(v)
					v.ID, v.Names, v.Context = place(v.ID), placeAll(v.Names), place(v.Context)
					q.Values = append(q.Values, v)
				}
				p.Parameters = append(p.Parameters, q)
			}
			texts.Next()
			it := feed.Item{Product: p}
			for range 3 { // what comes again is remembered the second time
				if got, want := w.AppendFullWith(nil, &it, &texts), w.AppendFull(nil, &it); !bytes.Equal(got, want) {
					t.Fatalf("got\n%s\nwant\n%s", got, want)
				}
			}
		}
	})
}

// TestRememberedMembers fails where a parameter or value gets a member of which
// nobody has said whether it matters for what is remembered (pieces.go).
func TestRememberedMembers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		of   any
		want int
	}{{feed.Parameter{}, 11}, {feed.ParameterValue{}, 5}} { // with the mark, which stands for the others
		if got := reflect.TypeOf(c.of).NumField(); got != c.want {
			t.Errorf("%T: got %d members, want %d: compare the new one in pieces.go", c.of, got, c.want)
		}
	}
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
