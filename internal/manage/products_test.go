package manage_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

func TestPatchProducts(t *testing.T) {
	t.Parallel()
	w := setup(t)
	two := product(t, 2, 2000, 5)
	two.Sizes = append(two.Sizes, feed.Size{ID: "m", Name: "M", Code: "c2-m", ExternalCode: "ext", Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(1), Available: feed.Pieces(1)}}})
	_, err := w.UpsertProducts(w.ctx, w.owner, []*feed.Product{product(t, 1, 1000, 5), two}, nil)
	check(t, err)
	cheap, wholesale := price(t, 900), price(t, 700)
	r, err := w.PatchProducts(w.ctx, w.owner, []manage.ProductPatch{
		{ID: 1, Stock: []manage.StockValue{{Warehouse: 1, Quantity: feed.Pieces(9)}, {Warehouse: 7, Quantity: feed.Pieces(3)}}, List: &cheap},
		{Code: "ext", Stock: []manage.StockValue{{Warehouse: 1, Quantity: feed.Unlimited()}}, Wholesale: &wholesale},
		{ID: 1, Code: "5900000000001", SRP: &cheap},
	})
	check(t, err)
	if r.Changed != 2 || r.Queue == 0 {
		t.Errorf("patched: %+v", r)
	}
	p, err := w.Product(w.ctx, w.owner, 1)
	check(t, err)
	if st := p.Sizes[0].Stock; p.Prices.List != cheap || len(st) != 2 || st[0].Quantity != feed.Pieces(9) || st[1].Warehouse != 7 || p.Prices.SRP != cheap || !p.Sizes[0].Prices.SRP.IsZero() {
		t.Errorf("product 1 = %+v", p)
	}
	p, err = w.Product(w.ctx, w.owner, 2)
	check(t, err)
	if z := p.Sizes[1]; !z.Stock[0].Quantity.Unlimited() || z.Stock[0].Available.Known() || z.Prices.Wholesale != wholesale || p.Sizes[0].Stock[0].Quantity != feed.Pieces(5) {
		t.Errorf("size m = %+v", z)
	}
	for name, c := range map[string]struct {
		patch manage.ProductPatch
		kind  feed.ErrorKind
	}{
		"nothing named":    {manage.ProductPatch{}, feed.KindInvalid},
		"unknown code":     {manage.ProductPatch{Code: "none"}, feed.KindNotFound},
		"unknown product":  {manage.ProductPatch{ID: 77}, feed.KindNotFound},
		"code of another":  {manage.ProductPatch{ID: 1, Code: "c2"}, feed.KindNotFound},
		"stock of no size": {manage.ProductPatch{ID: 2, Stock: []manage.StockValue{{Warehouse: 1, Quantity: feed.Pieces(1)}}}, feed.KindInvalid},
		"stock of nothing": {manage.ProductPatch{ID: 1, Stock: []manage.StockValue{{Warehouse: 1}}}, feed.KindInvalid},
	} {
		_, err := w.PatchProducts(w.ctx, w.owner, []manage.ProductPatch{{ID: 1, List: &wholesale}, c.patch})
		if wantKind(t, name, err, c.kind); err != nil && name != "unknown product" && !strings.Contains(err.Error(), "patch 2 of the list") {
			t.Errorf("%s: %v does not say which patch", name, err)
		}
	}
	if p, err = w.Product(w.ctx, w.owner, 1); err != nil || p.Prices.List != cheap {
		t.Errorf("half a list of patches was carried out: %+v, %v", p.Prices, err)
	}
}

// A price of a product's only size is the product's too, whichever of them is named:
// files show both.
func TestPatchPricesOfOneSize(t *testing.T) {
	t.Parallel()
	w := setup(t)
	own := product(t, 2, 1000, 5)
	own.Sizes[0].Prices.List = price(t, 1000)
	two := product(t, 3, 1000, 5)
	two.Sizes = append(two.Sizes, feed.Size{ID: "m", Name: "M", Code: "c3-m", Prices: feed.Prices{List: price(t, 1100)}})
	_, err := w.UpsertProducts(w.ctx, w.owner, []*feed.Product{product(t, 1, 1000, 5), own, two}, nil)
	check(t, err)
	cheap := price(t, 900)
	_, err = w.PatchProducts(w.ctx, w.owner, []manage.ProductPatch{
		{Code: "c1", Texts: manage.PriceTexts{List: &manage.PriceText{Net: "9.00"}}, Minimal: &cheap},
		{ID: 2, List: &cheap},
		{Code: "c3-m", List: &cheap},
	})
	check(t, err)
	for id := feed.ProductID(1); id <= 2; id++ {
		p, err := w.Product(w.ctx, w.owner, id)
		check(t, err)
		if p.Prices.List.Net != cheap.Net || !p.Sizes[0].Prices.List.IsZero() || id == 1 && p.Prices.Minimal != cheap {
			t.Errorf("product %d: got %+v, and %+v of its size, want one price of 9.00", id, p.Prices, p.Sizes[0].Prices)
		}
	}
	p, err := w.Product(w.ctx, w.owner, 3)
	check(t, err)
	if p.Prices.List == cheap || p.Sizes[1].Prices.List != cheap {
		t.Errorf("of two sizes one: got %+v, %+v", p.Prices, p.Sizes[1].Prices)
	}
	// So is one that is taken away.
	none := feed.Price{}
	_, err = w.PatchProducts(w.ctx, w.owner, []manage.ProductPatch{{Code: "c1", List: &none}})
	check(t, err)
	if p, err = w.Product(w.ctx, w.owner, 1); err != nil || !p.Prices.List.IsZero() || p.Prices.Minimal != cheap {
		t.Errorf("taken away: got %+v, %v", p.Prices, err)
	}
}

// A thousand stocks are one transaction: one line in the audit, one number in the queue for each.
func TestPatchOfAThousandStocks(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.catalog(1000)
	before, err := w.Audit(w.ctx, w.owner, 0, 0)
	check(t, err)
	_, err = w.db.Sequence(w.ctx)
	check(t, err)
	var patches []manage.ProductPatch
	for i := range 1000 {
		patches = append(patches, manage.ProductPatch{Code: fmt.Sprintf("c%d", i+1), Stock: []manage.StockValue{{Warehouse: 1, Quantity: feed.Pieces(int64(100 + i))}}})
	}
	r, err := w.PatchProducts(w.ctx, w.owner, patches)
	check(t, err)
	after, err := w.Audit(w.ctx, w.owner, 0, 0)
	check(t, err)
	changes, err := w.db.Changes(w.ctx, w.merchant.ID, 2000)
	check(t, err)
	if r.Changed != 1000 || len(after) != len(before)+1 || len(changes) != 1000 || changes[999].Seq != r.Queue {
		t.Errorf("result %+v, %d lines, %d changes", r, len(after)-len(before), len(changes))
	}
}

func TestUpsertRefuses(t *testing.T) {
	t.Parallel()
	w := setup(t)
	noSize, twice := product(t, 3, 1, 1), product(t, 4, 1, 1)
	noSize.Sizes = nil
	twice.Sizes = append(twice.Sizes, twice.Sizes[0])
	for name, list := range map[string][]*feed.Product{
		"no size": {product(t, 1, 1, 1), noSize}, "one code twice": {twice}, "one id twice": {product(t, 1, 1, 1), product(t, 1, 2, 2)},
		"no id": {product(t, 0, 1, 1)}, "nothing": {nil},
	} {
		_, err := w.UpsertProducts(w.ctx, w.owner, list, nil)
		wantKind(t, name, err, feed.KindInvalid)
	}
	if list, err := w.SearchProducts(w.ctx, w.owner, "", 0, 0); err != nil || len(list.Products) != 0 {
		t.Errorf("refused lists left %+v, %v", list, err)
	}
	_, err := w.UpsertProducts(w.ctx, w.owner, nil, make([]feed.ProductID, 10_001))
	wantKind(t, "too many", err, feed.KindInvalid)
}

func TestSearchProducts(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.catalog(30)
	find := func(query string, after feed.ProductID, limit int) (ids []feed.ProductID, next feed.ProductID) {
		t.Helper()
		list, err := w.SearchProducts(w.ctx, w.owner, query, after, limit)
		check(t, err)
		for _, p := range list.Products {
			ids = append(ids, p.ID)
		}
		return ids, list.Next
	}
	for query, want := range map[string][]feed.ProductID{
		"c7": {7}, "C7": {7}, "C2": {2}, "7": {7}, "5900000000012": {12}, "c2": {2, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29}, "RZECZ 11": {11}, " rzecz 1 ": nil, "nothing": nil,
	} {
		if got, next := find(query, 0, 0); !slices.Equal(got, want) && query != " rzecz 1 " || next != 0 {
			t.Errorf("%q: got %v, next %d, want %v", query, got, next, want)
		}
	}
	if got, _ := find(" rzecz 1 ", 0, 0); len(got) != 11 { // 1, 10 to 19
		t.Errorf("by name: %v", got)
	}
	var all []feed.ProductID
	for after := feed.ProductID(0); ; {
		got, next := find("", after, 7)
		all = append(all, got...)
		if next == 0 {
			break
		}
		after = next
	}
	if len(all) != 30 || !slices.IsSorted(all) {
		t.Errorf("in pages: %v", all)
	}
	if got, next := find("c2", 21, 3); !slices.Equal(got, []feed.ProductID{22, 23, 24}) || next != 24 {
		t.Errorf("a page of codes: %v, next %d", got, next)
	}
	if _, err := w.DeleteProducts(w.ctx, w.owner, all); err != nil {
		t.Error(err)
	}
	if got, _ := find("", 0, 0); len(got) != 0 {
		t.Errorf("deleted are %v", got)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.partner("A", partner.Partner{Tags: []string{"x", "y"}}, pln())
	w.partner("B", partner.Partner{Tags: []string{"x"}}, pln())
	set, err := w.PlanPartners(w.ctx, w.owner, manage.Selection{Tag: "x"}, manage.PartnerChange{AddTags: []string{"z", "y"}, DropTags: []string{"x"}})
	check(t, err)
	_, err = w.Change(w.ctx, w.owner, set)
	check(t, err)
	if tags, err := w.Tags(w.ctx, w.owner); err != nil || len(tags) != 2 || tags["y"] != 2 || tags["z"] != 2 {
		t.Errorf("tags = %v, %v", tags, err)
	}
	_, err = w.PlanPartners(w.ctx, w.owner, manage.Selection{Tag: "x"}, manage.PartnerChange{})
	wantKind(t, "a tag that nobody has", err, feed.KindNotFound)
}

// What a request was answered is answered again, and the number of its change is found.
func TestRequests(t *testing.T) {
	t.Parallel()
	w := setup(t)
	print := [32]byte{7}
	if a, err := w.BeginRequest(w.ctx, w.owner, "k1", print); a != nil || err != nil {
		t.Fatalf("begun: %+v, %v", a, err)
	}
	r, err := w.UpsertProducts(w.ctx, w.owner, []*feed.Product{product(t, 1, 1000, 1)}, nil)
	check(t, err)
	number, ok, err := w.EventNumber(w.ctx, w.owner, r.Queue, 2e9)
	if err != nil || !ok || number == 0 {
		t.Errorf("the change has the number %d, %v, %v", number, ok, err)
	}
	check(t, w.EndRequest(w.ctx, w.owner, "k1", partner.IdempotentAnswer{Status: 200, Body: []byte("done")}))
	if a, err := w.BeginRequest(w.ctx, w.owner, "k1", print); err != nil || a == nil || string(a.Body) != "done" {
		t.Errorf("sent again: %+v, %v", a, err)
	}
	_, other, _ := w.newMerchant("Other")
	if a, err := w.BeginRequest(w.ctx, other, "k1", print); err != nil || a != nil {
		t.Errorf("another merchant's: %+v, %v", a, err)
	}
	check(t, w.ForgetRequest(w.ctx, other, "k1"))
}
