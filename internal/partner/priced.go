package partner

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"feedmill/feed"
	"feedmill/feed/record"
)

// Pricer gives what price lists say of products. Snapshots of both databases do.
type Pricer interface {
	// ListedBetween gives all rows of some lists for products from one id to
	// another, both included, and ListedOf those of the products named. The
	// order is of no matter.
	ListedBetween(ctx context.Context, lists []feed.PriceListID, from, to feed.ProductID) ([]ListedAt, error)
	ListedOf(ctx context.Context, lists []feed.PriceListID, products []feed.ProductID) ([]ListedAt, error)
}

// joinRows is about how many rows of price lists are held at a time, and joinMost
// how many products.
const (
	joinRows = 32 << 10
	joinMost = 512
)

// Priced decodes stored products, which are in ascending order, and joins what
// some price lists say of them. Without lists it costs nothing beyond the
// decoding; with them a stretch of products is read ahead at a time. whole says
// that the products are all of the catalog's, so that stretches of ids are
// asked for instead of each.
func Priced(ctx context.Context, stored iter.Seq2[StoredProduct, error], lists []feed.PriceListID, pricer Pricer, whole bool) iter.Seq2[*feed.Product, error] {
	return func(yield func(*feed.Product, error) bool) {
		var dec record.Decoder
		var p feed.Product
		give := func(s StoredProduct, listed []ListedAt) bool {
			if err := dec.Decode(s.Doc, &p); err != nil {
				yield(nil, fmt.Errorf("product %d: %w", s.ID, err))
				return false
			}
			for i := range listed {
				p.Listed = append(p.Listed, listed[i].ListedPrice)
			}
			return yield(&p, nil)
		}
		if len(lists) == 0 {
			for s, err := range stored {
				if err != nil {
					yield(nil, err)
					return
				}
				if !give(s, nil) {
					return
				}
			}
			return
		}
		ahead := stretch{lists: lists, pricer: pricer, whole: whole, most: min(max(joinRows/len(lists), 16), joinMost)}
		for s, err := range stored {
			if err != nil {
				yield(nil, err)
				return
			}
			if ahead.add(s); len(ahead.products) == ahead.most && !ahead.flush(ctx, give, yield) {
				return
			}
		}
		ahead.flush(ctx, give, yield)
	}
}

// stretch is a run of stored products that are read ahead.
type stretch struct {
	lists    []feed.PriceListID
	pricer   Pricer
	whole    bool
	most     int
	products []StoredProduct
	ids      []feed.ProductID
}

// add keeps a product; its document is copied.
func (s *stretch) add(p StoredProduct) {
	n := len(s.products)
	if n < cap(s.products) {
		s.products = s.products[:n+1]
	} else {
		s.products = append(s.products, StoredProduct{})
	}
	s.products[n] = StoredProduct{ID: p.ID, Doc: append(s.products[n].Doc[:0], p.Doc...)}
	s.ids = append(s.ids, p.ID)
}

func (s *stretch) flush(ctx context.Context, give func(StoredProduct, []ListedAt) bool, yield func(*feed.Product, error) bool) bool {
	if len(s.products) == 0 {
		return true
	}
	var rows []ListedAt
	var err error
	if s.whole {
		rows, err = s.pricer.ListedBetween(ctx, s.lists, s.ids[0], s.ids[len(s.ids)-1])
	} else {
		rows, err = s.pricer.ListedOf(ctx, s.lists, s.ids)
	}
	if err != nil {
		yield(nil, err)
		return false
	}
	slices.SortFunc(rows, func(a, b ListedAt) int {
		return cmp.Or(cmp.Compare(a.Product, b.Product), CompareListed(a.ListedPrice, b.ListedPrice))
	})
	for _, p := range s.products {
		for len(rows) > 0 && rows[0].Product < p.ID {
			rows = rows[1:] // of a product that is not there
		}
		n := 0
		for n < len(rows) && rows[n].Product == p.ID {
			n++
		}
		if !give(p, rows[:n]) {
			return false
		}
		rows = rows[n:]
	}
	s.products, s.ids = s.products[:0], s.ids[:0]
	return true
}
