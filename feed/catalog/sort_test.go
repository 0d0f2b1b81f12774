package catalog_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/feed/feedtest"

	"pgregory.net/rapid"
)

// of yields products one after the other, each in memory that the next reuses.
func of(products []*feed.Product, end error) iter.Seq2[*feed.Product, error] {
	return func(yield func(*feed.Product, error) bool) {
		for _, p := range products {
			if !yield(p, nil) {
				return
			}
		}
		if end != nil {
			yield(nil, end)
		}
	}
}

// padded makes products of about n bytes each with the given ids.
func padded(n int, ids ...feed.ProductID) []*feed.Product {
	var ps []*feed.Product
	for _, id := range ids {
		ps = append(ps, &feed.Product{ID: id, Currency: feed.MustCurrency("PLN"), URL: strings.Repeat("x", n), Names: feed.Texts{{Value: "product"}}})
	}
	return ps
}

func collect(t testing.TB, products iter.Seq2[*feed.Product, error]) (ids []feed.ProductID, err error) {
	t.Helper()
	for p, e := range products {
		if e != nil {
			return ids, e
		}
		ids = append(ids, p.ID)
	}
	return ids, nil
}

func empty(t testing.TB, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind in the folder: %v, %v", entries, err)
	}
}

func TestSortedKeepsProducts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		want := feedtest.Products(12).Draw(rt, "products")
		shuffled := slices.Clone(want)
		for i := range shuffled {
			k := rapid.IntRange(0, i).Draw(rt, "place")
			shuffled[i], shuffled[k] = shuffled[k], shuffled[i]
		}
		n := 0
		for p, err := range catalog.Sorted(t.Context(), of(shuffled, nil), dir, 0) {
			if err != nil {
				rt.Fatal(err)
			}
			if d := feedtest.Diff(p, want[n]); d != "" {
				rt.Fatalf("product %d: %s", n, d)
			}
			n++
		}
		if n != len(want) {
			rt.Fatalf("got %d products, want %d", n, len(want))
		}
	})
	empty(t, dir)
}

// 3000 products of 50 KB in 1 MiB of memory are more runs than are merged at once.
func TestSortedSpillsAndMerges(t *testing.T) {
	t.Parallel()
	const n = 3000
	dir := t.TempDir()
	var ids []feed.ProductID
	for i := range n {
		ids = append(ids, feed.ProductID(i*7919%n+1))
	}
	products := padded(50_000, ids...)
	got, err := collect(t, catalog.Sorted(t.Context(), of(products, nil), dir, 1))
	if err != nil || len(got) != n || !slices.IsSorted(got) {
		t.Errorf("got %d products, sorted %v, %v", len(got), slices.IsSorted(got), err)
	}
	empty(t, dir)
}

func TestSortedFindsDuplicates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	far := padded(600_000, 5, 9, 3, 8, 2, 5)
	for name, products := range map[string][]*feed.Product{"in memory": padded(10, 5, 3, 5), "in one run": padded(400_000, 3, 3, 7), "in two runs": far} {
		_, err := collect(t, catalog.Sorted(t.Context(), of(products, nil), dir, 1))
		want := "product 5 occurs twice"
		if name == "in one run" {
			want = "product 3 occurs twice"
		}
		if err == nil || err.Error() != want || feed.KindOf(err) != feed.KindInvalid {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	empty(t, dir)
}

func TestSortedStops(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	products := padded(300_000, 9, 8, 7, 6, 5, 4, 3, 2, 1)
	broken := errors.New("broken")
	if _, err := collect(t, catalog.Sorted(t.Context(), of(products, broken), dir, 1)); err != broken {
		t.Errorf("got %v, want the error of the source", err)
	}
	for range catalog.Sorted(t.Context(), of(products, nil), dir, 1) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var last error
	for _, err := range catalog.Sorted(ctx, of(products, nil), dir, 1) {
		if n++; n == 2 {
			cancel()
		}
		last = err
	}
	if n != 3 || !errors.Is(last, context.Canceled) {
		t.Errorf("got %d, then %v, want 2 products and the cancellation", n, last)
	}
	if _, err := collect(t, catalog.Sorted(ctx, of(products, nil), dir, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the cancellation", err)
	}
	if _, err := collect(t, catalog.Sorted(t.Context(), of(products, nil), dir+"/none", 1)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that the folder does not exist", err)
	}
	empty(t, dir)
}

func TestAscending(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, c := range []struct {
		ids  []feed.ProductID
		end  error
		n    int
		want error
		text string
	}{
		{ids: nil}, {ids: []feed.ProductID{1, 2, 9}, n: 3},
		{ids: []feed.ProductID{1, 9, 2}, n: 2, want: catalog.ErrUnordered, text: "product 2 behind 9: products are not in ascending order of their ids"},
		{ids: []feed.ProductID{1, 9, 9}, n: 2, text: "product 9 occurs twice"},
		{ids: []feed.ProductID{1}, n: 1, end: broken, want: broken, text: "broken"},
	} {
		ids, err := collect(t, catalog.Ascending(of(padded(1, c.ids...), c.end)))
		if len(ids) != c.n || (err == nil) != (c.text == "") || err != nil && err.Error() != c.text || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%v: got %v, %v, want %d products and %q", c.ids, ids, err, c.n, c.text)
		}
	}
}
