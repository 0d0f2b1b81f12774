package partner_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"feedmill/feed"
	"feedmill/feed/record"
	"feedmill/internal/partner"
)

func ExamplePriceEdit_Against() {
	amount := func(n int64) feed.Amount {
		a, err := feed.AmountOf(n)
		if err != nil {
			panic(err)
		}
		return a
	}
	price := func(product feed.ProductID, n int64) partner.ListPrice {
		return partner.ListPrice{PriceKey: partner.PriceKey{Product: product}, Amount: amount(n)}
	}
	edit := partner.PriceEdit{Put: []partner.ListPrice{price(3, 300), price(1, 110)}, Remove: []partner.PriceKey{{Product: 2}}}
	if err := edit.Normalize(); err != nil {
		fmt.Println(err)
	}
	c := edit.Against([]partner.ListPrice{price(1, 100), price(2, 200), price(4, 400)})
	fmt.Println(c.Added, c.Changed, c.Removed, c.Products)
	// Output: 1 1 1 [1 2 3]
}

// drawPrices draws prices of a list by key.
func drawPrices(t *rapid.T, label string) map[partner.PriceKey]feed.Amount {
	list := map[partner.PriceKey]feed.Amount{}
	for range rapid.IntRange(0, 12).Draw(t, label) {
		a, err := feed.AmountOf(rapid.Int64Range(1, 3).Draw(t, "amount"))
		if err != nil {
			t.Fatal(err)
		}
		list[drawPriceKey(t)] = a
	}
	return list
}

func drawPriceKey(t *rapid.T) partner.PriceKey {
	return partner.PriceKey{Product: feed.ProductID(rapid.Int64Range(1, 5).Draw(t, "product")), Code: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "code")}
}

func inOrder(list map[partner.PriceKey]feed.Amount) (prices []partner.ListPrice) {
	for _, k := range slices.SortedFunc(maps.Keys(list), partner.PriceKey.Compare) {
		prices = append(prices, partner.ListPrice{PriceKey: k, Amount: list[k]})
	}
	return prices
}

// TestPriceEditsAreWhatTheySay checks an edit against maps: what it changes,
// carried out, gives what was meant, and it names exactly the products that differ.
func TestPriceEditsAreWhatTheySay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before, put := drawPrices(t, "before"), drawPrices(t, "put")
		edit := partner.PriceEdit{Put: inOrder(put), Replace: rapid.Bool().Draw(t, "replace")}
		rng := rapid.Permutation(edit.Put).Draw(t, "order")
		edit.Put = rng
		want := maps.Clone(before)
		if edit.Replace {
			want = map[partner.PriceKey]feed.Amount{}
		}
		for range rapid.IntRange(0, 4).Draw(t, "removed") {
			if k := drawPriceKey(t); put[k].IsZero() {
				edit.Remove = append(edit.Remove, k)
				delete(want, k)
			}
		}
		maps.Copy(want, put)
		if err := edit.Normalize(); err != nil {
			t.Fatal(err)
		}
		c := edit.Against(inOrder(before))
		after := maps.Clone(before)
		for _, k := range c.Remove {
			if _, ok := after[k]; !ok {
				t.Fatalf("%v is removed and was not there", k)
			}
			delete(after, k)
		}
		for _, p := range c.Put {
			after[p.PriceKey] = p.Amount
		}
		if !maps.Equal(after, want) {
			t.Fatalf("%v becomes %v, want %v", before, after, want)
		}
		var differ []feed.ProductID
		for id := range feed.ProductID(6) {
			listed := func(list map[partner.PriceKey]feed.Amount) (rows []feed.ListedPrice) {
				for _, p := range inOrder(list) {
					if p.Product == id {
						rows = append(rows, feed.ListedPrice{List: "t", Code: p.Code, Amount: p.Amount})
					}
				}
				return rows
			}
			other := feed.ListedPrice{List: "s", Code: "a"}
			was, is := listed(before), listed(after)
			if got := c.Apply("t", id, append([]feed.ListedPrice{other}, was...)); !slices.Equal(got, append([]feed.ListedPrice{other}, is...)) {
				t.Fatalf("product %d: applied %v, want %v", id, got, is)
			}
			if !slices.Equal(was, is) {
				differ = append(differ, id)
			}
		}
		if !slices.Equal(c.Products, differ) {
			t.Fatalf("products %v, those that differ are %v", c.Products, differ)
		}
		if n := len(after) - len(before); int64(n) != c.Added-c.Removed {
			t.Fatalf("%d more, told %d added and %d removed", n, c.Added, c.Removed)
		}
	})
}

// rows are what price lists say, as a snapshot gives it; asked counts the questions.
type rows struct {
	list  []partner.ListedAt
	asked int
	err   error
}

func (r *rows) pick(lists []feed.PriceListID, in func(feed.ProductID) bool) ([]partner.ListedAt, error) {
	r.asked++
	var found []partner.ListedAt
	for _, row := range r.list {
		if slices.Contains(lists, row.List) && in(row.Product) {
			found = append(found, row)
		}
	}
	return found, r.err
}

func (r *rows) ListedBetween(_ context.Context, lists []feed.PriceListID, from, to feed.ProductID) ([]partner.ListedAt, error) {
	return r.pick(lists, func(id feed.ProductID) bool { return from <= id && id <= to })
}

func (r *rows) ListedOf(_ context.Context, lists []feed.PriceListID, products []feed.ProductID) ([]partner.ListedAt, error) {
	return r.pick(lists, func(id feed.ProductID) bool { return slices.Contains(products, id) })
}

// stored yields documents whose memory is used again, as snapshots do.
func stored(ids []feed.ProductID) iter.Seq2[partner.StoredProduct, error] {
	return func(yield func(partner.StoredProduct, error) bool) {
		var doc []byte
		for _, id := range ids {
			doc = record.Append(doc[:0], &feed.Product{ID: id, DisplayCode: fmt.Sprint("code ", id)})
			if !yield(partner.StoredProduct{ID: id, Doc: doc}, nil) {
				return
			}
		}
	}
}

// TestPricedJoins checks the join against looking each product up.
func TestPricedJoins(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var ids []feed.ProductID
		for id := range feed.ProductID(rapid.IntRange(0, 1500).Draw(t, "products")) {
			if id%3 != 1 {
				ids = append(ids, id+1)
			}
		}
		all := []feed.PriceListID{"a", "b", "c"}
		r := &rows{}
		for range rapid.IntRange(0, 200).Draw(t, "rows") {
			r.list = append(r.list, partner.ListedAt{Product: feed.ProductID(rapid.Int64Range(1, 1600).Draw(t, "of")),
				ListedPrice: feed.ListedPrice{List: rapid.SampledFrom(all).Draw(t, "list"), Code: rapid.SampledFrom([]string{"", "x"}).Draw(t, "code")}})
		}
		lists := all[:rapid.IntRange(0, 3).Draw(t, "lists")]
		i := 0
		for p, err := range partner.Priced(context.Background(), stored(ids), lists, r, rapid.Bool().Draw(t, "whole")) {
			if err != nil {
				t.Fatal(err)
			}
			if p.ID != ids[i] || p.DisplayCode != fmt.Sprint("code ", ids[i]) {
				t.Fatalf("product %d %q in the place of %d", p.ID, p.DisplayCode, ids[i])
			}
			i++
			var want []feed.ListedPrice
			for _, row := range r.list {
				if row.Product == p.ID && slices.Contains(lists, row.List) {
					want = append(want, row.ListedPrice)
				}
			}
			slices.SortStableFunc(want, func(a, b feed.ListedPrice) int {
				return cmp.Or(cmp.Compare(a.List, b.List), cmp.Compare(a.Code, b.Code))
			})
			if len(want)+len(p.Listed) > 0 && !reflect.DeepEqual(want, p.Listed) {
				t.Fatalf("product %d: %v, want %v", p.ID, p.Listed, want)
			}
		}
		if i != len(ids) {
			t.Fatalf("%d products of %d", i, len(ids))
		}
		if most := len(ids)/512 + 1; r.asked > most || len(lists) == 0 && r.asked > 0 {
			t.Fatalf("%d questions for %d products of %d lists", r.asked, len(ids), len(lists))
		}
	})
}

// TestPricedEnds checks how a join ends early.
func TestPricedEnds(t *testing.T) {
	t.Parallel()
	lists := []feed.PriceListID{"a"}
	for range partner.Priced(t.Context(), stored([]feed.ProductID{1, 2, 3}), lists, &rows{}, true) {
		break // a reader who leaves early is no error
	}
	broken := errors.New("the disk is gone")
	for _, r := range []struct {
		name string
		in   iter.Seq2[partner.StoredProduct, error]
		rows *rows
	}{
		{"prices", stored([]feed.ProductID{1}), &rows{err: broken}},
		{"products", func(yield func(partner.StoredProduct, error) bool) { yield(partner.StoredProduct{}, broken) }, &rows{}},
	} {
		n := 0
		for _, err := range partner.Priced(t.Context(), r.in, lists, r.rows, true) {
			if n++; !errors.Is(err, broken) {
				t.Errorf("%s: got %v, want the error", r.name, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d products and errors, want the one error", r.name, n)
		}
	}
	for _, err := range partner.Priced(t.Context(), func(yield func(partner.StoredProduct, error) bool) {
		yield(partner.StoredProduct{ID: 7, Doc: []byte("?")}, nil)
	}, nil, nil, true) {
		if err == nil {
			t.Error("a document that is none is taken for a product")
		}
	}
}
