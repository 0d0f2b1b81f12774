package feedtest_test

import (
	"fmt"
	"reflect"
	"testing"

	"feedmill/feed"
	"feedmill/feed/feedtest"

	"pgregory.net/rapid"
)

// TestProductsAreClean checks every string of generated products.
func TestProductsAreClean(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := feedtest.Product().Draw(t, "product")
		eachString(reflect.ValueOf(p), func(s string) {
			if !feed.IsClean(s) {
				t.Fatalf("%q is not clean", s)
			}
		})
		if len(p.Sizes) == 0 || len(p.Names) == 0 || p.Currency.IsZero() {
			t.Fatalf("a product without sizes, names or currency: %+v", p)
		}
		codes := map[string]bool{}
		for _, s := range p.Sizes {
			if s.Code == "" || codes[s.Code] {
				t.Fatalf("size code %q is empty or taken", s.Code)
			}
			codes[s.Code] = true
		}
	})
}

func TestDictionariesAreClosed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := feedtest.Dictionaries().Draw(t, "dictionaries")
		seen := map[string]bool{"": true}
		for _, c := range d.Categories {
			if !seen[c.Parent] || seen[c.ID] {
				t.Fatalf("category %q under %q: its parent does not stand before it or it stands twice", c.ID, c.Parent)
			}
			seen[c.ID] = true
		}
		eachString(reflect.ValueOf(d), func(s string) {
			if !feed.IsClean(s) {
				t.Fatalf("%q is not clean", s)
			}
		})
	})
}

func eachString(v reflect.Value, visit func(string)) {
	switch v.Kind() {
	case reflect.String:
		visit(v.String())
	case reflect.Pointer:
		if !v.IsNil() {
			eachString(v.Elem(), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			eachString(v.Field(i), visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachString(v.Index(i), visit)
		}
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	a := &feed.Product{ID: 1, Names: feed.Texts{{Value: "a"}}, Sizes: []feed.Size{{Code: "x"}}}
	b := &feed.Product{ID: 1, Names: feed.Texts{{Value: "a"}}, Sizes: []feed.Size{{Code: "x"}}, Tags: []string{}}
	if d := feedtest.Diff(a, b); d != "" {
		t.Errorf("equal products differ: %s", d)
	}
	b.Sizes[0].Priority = feed.IntOf(0)
	if d, want := feedtest.Diff(a, b), ".Sizes[0].Priority.set: got false, want true"; d != want {
		t.Errorf("got %q, want %q", d, want)
	}
	b.Sizes = nil
	if d, want := feedtest.Diff(a, b), ".Sizes: got 1 elements, want 0"; d != want {
		t.Errorf("got %q, want %q", d, want)
	}
	a.Sizes, a.Group = nil, new(feed.Group)
	if d, want := feedtest.Diff(a, b), ".Group: got nil: false, want nil: true"; d != want {
		t.Errorf("got %q, want %q", d, want)
	}
}

func ExampleDiff() {
	fmt.Println(feedtest.Diff(feed.Ref{ID: "1", Name: "a"}, feed.Ref{ID: "1", Name: "b"}))
	// Output: .Name: got "a", want "b"
}

func ExampleProduct() {
	p := feedtest.Product().Example(1)
	fmt.Println(len(p.Sizes) > 0, len(p.Names) > 0)
	// Output: true true
}
