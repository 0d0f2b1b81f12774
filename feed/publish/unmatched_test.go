package publish_test

import (
	"io"
	"testing"

	"feedmill/feed"
	"feedmill/feed/pricing"
	"feedmill/feed/publish"
)

// A run that reads the whole catalog tells what each profile names that it does
// not have, and one that looks at a few products tells nothing.
func TestUnmatchedNamesAreTold(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	for id := range feed.ProductID(30) {
		s.set(id+1, 1999, 5, "Kubek")
	}
	right, wrong := s.profiles[0], s.profiles[0]
	right.Assortment.Exclude = []feed.Rule{{Field: feed.RuleProduct, Value: "30"}}
	wrong.Stock.Warehouses = []feed.WarehouseID{7}
	wrong.Assortment.Exclude = []feed.Rule{{Field: feed.RuleProduct, Value: "30-uniw"}, {Field: feed.RuleProduct, Value: "31-uniw"}}
	s.profiles = []feed.Profile{right, wrong, {Currency: right.Currency, Discounts: feed.Discounts{Categories: []feed.DiscountRule{{Key: "Rzeczi"}}}}}
	check := func(what string, got []pricing.Unmatched, want ...string) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: got %v, want %q", what, got, want)
		}
		for i := range want {
			if got[i].String() != want[i] {
				t.Errorf("%s: got %q, want %q", what, got[i], want[i])
			}
		}
	}
	sold := "stock.warehouses: the catalog has none of these warehouses (7): EVERY product is told to be sold out, with stock 0; it has 1"
	code := `assortment.exclude[1].product: the catalog has no product "31-uniw": the rule leaves nothing out; did you mean "1-uniw"?`
	report := s.mustRun(t)
	if len(report.Unmatched) != 3 {
		t.Fatalf("got %v, want a list for each of three profiles", report.Unmatched)
	}
	check("right", report.Unmatched[0])
	check("wrong", report.Unmatched[1], sold, code)
	check("a discount", report.Unmatched[2], `discount.category."Rzeczi": the catalog has no category "Rzeczi": nothing gets this discount; did you mean "Rzeczy"?`)

	s.set(3, 2999, 5, "Kubek")
	if report = s.mustRun(t); report.Whole || report.Unmatched != nil {
		t.Errorf("a look at a few products: got %v, %v", report.Whole, report.Unmatched)
	}

	for _, kind := range []feed.Kind{feed.KindFull, feed.KindLight} {
		one, err := publish.Document(t.Context(), publish.Request{Profiles: s.profiles[1:2], Now: s.now, Catalog: s.catalog()}, kind, func() (io.Writer, error) { return io.Discard, nil })
		if err != nil {
			t.Fatal(err)
		}
		check("one file", one.Unmatched, sold, code)
	}
}
