package pricing

import (
	"cmp"
	"slices"

	"feedmill/feed"
)

// mainWarehouse is the warehouse that sums are shown in and that comes first
// (IOF 4.8).
const mainWarehouse feed.WarehouseID = 1

// maxThousandths is the largest finite [feed.Quantity].
const maxThousandths = 1_000_000_000_000

// unlimited stands for stock without limit in sums of thousandths.
const unlimited = -1

// stockPolicy is a [feed.StockPolicy] in plain numbers.
type stockPolicy struct {
	warehouses   []feed.WarehouseID // sorted; empty counts all
	perWarehouse bool
	buffer       int64
	cap          int64 // unlimited for none
	unlimitedAs  feed.Quantity
	// exact says that quantities are shown as they are, so that available and
	// physical stock may be told too.
	exact bool
}

func newStockPolicy(s *feed.StockPolicy) stockPolicy {
	p := stockPolicy{
		warehouses:   slices.Compact(slices.Sorted(slices.Values(s.Warehouses))),
		perWarehouse: s.PerWarehouse,
		buffer:       s.Buffer.Thousandths(),
		cap:          unlimited,
		unlimitedAs:  s.UnlimitedAs(),
	}
	if s.Cap.Known() {
		p.cap = s.Cap.Thousandths()
	}
	p.exact = p.buffer == 0 && p.cap == unlimited
	return p
}

// counts says whether a warehouse is one of those that count.
func (s *stockPolicy) counts(w feed.WarehouseID) bool {
	if len(s.warehouses) == 0 {
		return true
	}
	_, ok := slices.BinarySearch(s.warehouses, w)
	return ok
}

// quantityOf gives what a warehouse offers: its quantity, else what is free to
// sell, else what lies there, else nothing.
func quantityOf(s *feed.Stock) feed.Quantity {
	switch {
	case s.Quantity.Known():
		return s.Quantity
	case s.Available.Known():
		return s.Available
	case s.Physical.Known():
		return s.Physical
	}
	return feed.Pieces(0)
}

// or gives q, or the quantity beside it when q was not given.
func or(q, quantity feed.Quantity) feed.Quantity {
	if q.Known() {
		return q
	}
	return quantity
}

// add sums thousandths; unlimited absorbs everything.
func add(sum int64, q feed.Quantity) int64 {
	v := q.Thousandths()
	if sum == unlimited || v == unlimited {
		return unlimited
	}
	return min(sum+v, maxThousandths)
}

// shown applies buffer, cap and the spelling of unlimited to what there is.
func (s *stockPolicy) shown(there int64) feed.Quantity {
	if there == unlimited {
		if s.cap != unlimited && (s.unlimitedAs.Unlimited() || s.unlimitedAs.Thousandths() > s.cap) {
			return thousandths(s.cap)
		}
		return s.unlimitedAs
	}
	there = max(there-s.buffer, 0)
	if s.cap != unlimited {
		there = min(there, s.cap)
	}
	return thousandths(there)
}

// thousandths makes a quantity; a number that is none is nothing.
func thousandths(v int64) feed.Quantity {
	q, err := feed.QuantityOf(v)
	if err != nil {
		return feed.Pieces(0)
	}
	return q
}

// tally sums the rows of one node.
type tally struct {
	quantity, available, physical int64
	rows                          int
	row                           *feed.Stock // the only one, when rows is 1
}

func (t *tally) add(row *feed.Stock) {
	q := quantityOf(row)
	t.quantity = add(t.quantity, q)
	t.available = add(t.available, or(row.Available, q))
	t.physical = add(t.physical, or(row.Physical, q))
	t.rows++
	t.row = row
}

// node gives what is shown of a tally. Available and physical stock tell no
// more than the policy does: with a buffer or cap, or when unlimited stock is
// shown as a number, they equal the quantity; free stock is never above it.
func (s *stockPolicy) node(w feed.WarehouseID, t *tally) feed.Stock {
	n := feed.Stock{Warehouse: w, Quantity: s.shown(t.quantity)}
	n.Available, n.Physical = n.Quantity, n.Quantity
	if s.exact && t.quantity != unlimited {
		if t.available != unlimited {
			n.Available = thousandths(min(t.available, t.quantity))
		}
		if t.physical != unlimited {
			n.Physical = thousandths(t.physical)
		}
	}
	if s.exact && n.Quantity.Unlimited() && t.physical != unlimited {
		n.Physical = thousandths(t.physical) // such as the 0 of a bundle (IOF 4.8)
	}
	if t.rows == 1 {
		n.LocationID, n.Location = t.row.LocationID, t.row.Location
	}
	return n
}

// apply writes the stock nodes of a size to dst, at least one, and says
// whether anything is in stock.
func (s *stockPolicy) apply(dst []feed.Stock, rows []feed.Stock) (nodes []feed.Stock, inStock bool) {
	if !s.perWarehouse {
		var t tally
		for i := range rows {
			if s.counts(rows[i].Warehouse) {
				t.add(&rows[i])
			}
		}
		n := s.node(mainWarehouse, &t)
		return append(dst, n), n.Quantity.InStock()
	}
	for i := range rows {
		w := rows[i].Warehouse
		if !s.counts(w) || slices.ContainsFunc(dst, func(n feed.Stock) bool { return n.Warehouse == w }) {
			continue
		}
		var t tally
		for j := i; j < len(rows); j++ {
			if rows[j].Warehouse == w {
				t.add(&rows[j])
			}
		}
		n := s.node(w, &t)
		dst = append(dst, n)
		inStock = inStock || n.Quantity.InStock()
	}
	if len(dst) == 0 {
		w := mainWarehouse
		if !s.counts(w) {
			w = s.warehouses[0]
		}
		dst = append(dst, s.node(w, &tally{}))
	}
	slices.SortFunc(dst, func(a, b feed.Stock) int {
		if (a.Warehouse == mainWarehouse) != (b.Warehouse == mainWarehouse) {
			if a.Warehouse == mainWarehouse {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Warehouse, b.Warehouse)
	})
	return dst, inStock
}
