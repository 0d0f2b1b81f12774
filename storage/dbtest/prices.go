package dbtest

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// prices is what the suite asks about exchange rates and price lists.
type prices interface {
	Rates(ctx context.Context, merchant partner.MerchantID) ([]partner.Rate, error)
	SetRate(ctx context.Context, actor partner.Actor, r partner.Rate) (partner.Rate, error)
	DeleteRate(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, from, to feed.Currency, version int64) error

	PriceLists(ctx context.Context, merchant partner.MerchantID) ([]partner.PriceList, error)
	PriceList(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID) (partner.PriceList, error)
	CreatePriceList(ctx context.Context, actor partner.Actor, l partner.PriceList) (partner.PriceList, error)
	UpdatePriceList(ctx context.Context, actor partner.Actor, l partner.PriceList) (partner.PriceList, error)
	DeletePriceList(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id feed.PriceListID, version int64) error
	PutListPrices(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id feed.PriceListID, edit partner.PriceEdit, version int64) (partner.PriceList, partner.PricePut, error)
	ListPrices(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID, after partner.PriceKey, limit int) ([]partner.ListPrice, error)
	ListedOf(ctx context.Context, merchant partner.MerchantID, lists []feed.PriceListID, products []feed.ProductID) ([]partner.ListedAt, error)
}

var (
	pln = feed.MustCurrency("PLN")
	eur = feed.MustCurrency("EUR")
	usd = feed.MustCurrency("USD")
)

func rateOf(t *testing.T, m partner.MerchantID, from, to feed.Currency, text string, version int64) partner.Rate {
	t.Helper()
	return partner.Rate{Merchant: m, From: from, To: to, Rate: must[feed.Rate](t, "rate")(feed.ParseRate(text)), Version: version}
}

func (e *env) priceList(t *testing.T, m partner.MerchantID, name string) partner.PriceList {
	t.Helper()
	return must[partner.PriceList](t, "create price list")(e.CreatePriceList(e.ctx, actor, partner.PriceList{ID: partner.NewPriceListID(), Merchant: m, Name: name, Currency: pln}))
}

func priceOf(product feed.ProductID, code string, minor int64) partner.ListPrice {
	a, err := feed.AmountOf(minor)
	if err != nil {
		panic(err)
	}
	return partner.ListPrice{PriceKey: partner.PriceKey{Product: product, Code: code}, Amount: a}
}

// put changes prices of a list, whatever its version.
func (e *env) put(t *testing.T, l *partner.PriceList, edit partner.PriceEdit) partner.PricePut {
	t.Helper()
	now, r, err := e.PutListPrices(e.ctx, actor, l.Merchant, l.ID, edit, 0)
	ok(t, "put prices", err)
	*l = now
	return r
}

// causes gives the scopes and products of the events after one, with their causes.
func (e *env) causes(t *testing.T, m partner.MerchantID, after int64) (list []string, last int64) {
	t.Helper()
	e.sequence(t)
	for _, v := range e.events(t, m, after) {
		where := v.Scope
		if v.Product != 0 {
			where = fmt.Sprint(v.Product)
		}
		list, after = append(list, where+" "+v.Cause), v.Number
	}
	return list, after
}

func testRates(t *testing.T, e *env) {
	m, other := e.merchant(t), e.merchant(t)
	_, at := e.causes(t, m.ID, 0)
	set := must[partner.Rate](t, "set rate")(e.SetRate(e.ctx, actor, rateOf(t, m.ID, eur, pln, "4.25", 0)))
	if set.Version != 1 || set.Since.IsZero() {
		t.Errorf("set: %+v", set)
	}
	must[partner.Rate](t, "set rate")(e.SetRate(e.ctx, actor, rateOf(t, m.ID, pln, eur, "0.2352", 0)))
	must[partner.Rate](t, "set rate")(e.SetRate(e.ctx, actor, rateOf(t, other.ID, eur, pln, "9", 0)))
	for _, bad := range []int64{0, 2, -1} {
		_, err := e.SetRate(e.ctx, actor, rateOf(t, m.ID, eur, pln, "4.30", bad))
		wantKind(t, fmt.Sprintf("set from version %d", bad), err, feed.KindConflict)
	}
	_, err := e.SetRate(e.ctx, actor, rateOf(t, m.ID, eur, eur, "2", 0))
	wantKind(t, "rate to itself", err, feed.KindInvalid)
	same := must[partner.Rate](t, "set rate")(e.SetRate(e.ctx, actor, rateOf(t, m.ID, eur, pln, "4.250", 1)))
	if !reflect.DeepEqual(same, set) {
		t.Errorf("the same rate again: %+v, want %+v", same, set)
	}
	set = must[partner.Rate](t, "set rate")(e.SetRate(e.ctx, actor, rateOf(t, m.ID, eur, pln, "4.31", 1)))
	list := must[[]partner.Rate](t, "rates")(e.Rates(e.ctx, m.ID))
	if len(list) != 2 || !reflect.DeepEqual(list[0], set) || list[1].Name() != "PLN-EUR" {
		t.Errorf("rates: %+v", list)
	}
	snap := must[Snapshot](t, "snapshot")(e.Snapshot(e.ctx, m.ID))
	wantKind(t, "delete from version 1", e.DeleteRate(e.ctx, actor, m.ID, eur, pln, 1), feed.KindConflict)
	wantKind(t, "delete what is not there", e.DeleteRate(e.ctx, actor, m.ID, usd, pln, 1), feed.KindNotFound)
	ok(t, "delete", e.DeleteRate(e.ctx, actor, m.ID, eur, pln, 2))
	terms := must[feed.Terms](t, "terms")(snap.Terms(e.ctx))
	if len(terms.Rates) != 2 || terms.Rates[0].Rate.String() != "4.31" || !terms.Rates[0].Since.Equal(set.Since) {
		t.Errorf("the snapshot's rates: %+v", terms)
	}
	ok(t, "close", snap.Close())
	if list := must[[]partner.Rate](t, "rates")(e.Rates(e.ctx, other.ID)); len(list) != 1 || list[0].Rate.String() != "9" {
		t.Errorf("the other merchant's rates: %+v", list)
	}
	causes, _ := e.causes(t, m.ID, at)
	if want := []string{"rates rate.set", "rates rate.set", "rates rate.set", "rates rate.delete"}; !slices.Equal(causes, want) {
		t.Errorf("events %q, want %q", causes, want)
	}
	if hint, _ := e.hint(t, m.ID, at, 0); !hint.All {
		t.Errorf("after rates: hint %+v, want everything", hint)
	}
	lines := e.lastAudit(t, m.ID, 4)
	if lines[3].Action != "rate.delete" || lines[3].Object != "EUR-PLN" || lines[2].Before != `{"rate":"4.25"}` || lines[2].After != `{"rate":"4.31"}` {
		t.Errorf("audit: %+v", lines)
	}
}

func testPriceLists(t *testing.T, e *env) {
	m, o := e.account(t)
	other := e.merchant(t)
	a, b := e.priceList(t, m.ID, "B2B"), e.priceList(t, m.ID, "Summer")
	e.priceList(t, other.ID, "B2B") // names are a merchant's own
	_, err := e.CreatePriceList(e.ctx, actor, partner.PriceList{ID: partner.NewPriceListID(), Merchant: m.ID, Name: "B2B", Currency: eur})
	wantKind(t, "a second list of one name", err, feed.KindConflict)
	_, err = e.CreatePriceList(e.ctx, actor, partner.PriceList{ID: partner.NewPriceListID(), Merchant: m.ID, Name: "X"})
	wantKind(t, "a list without a currency", err, feed.KindInvalid)
	_, at := e.causes(t, m.ID, 0)

	// The currency may change while there is nothing in it.
	b.Currency, b.Lead = eur, feed.LeadGross
	b = must[partner.PriceList](t, "update")(e.UpdatePriceList(e.ctx, actor, b))
	e.put(t, &b, partner.PriceEdit{Put: []partner.ListPrice{priceOf(7, "", 100)}})
	changed := b
	changed.Currency = pln
	_, err = e.UpdatePriceList(e.ctx, actor, changed)
	wantKind(t, "another currency for prices", err, feed.KindConflict)
	changed = b
	changed.Name = "Winter"
	changed = must[partner.PriceList](t, "rename")(e.UpdatePriceList(e.ctx, actor, changed))
	_, err = e.UpdatePriceList(e.ctx, actor, b)
	wantKind(t, "update from an old version", err, feed.KindConflict)
	if got := must[partner.PriceList](t, "read")(e.PriceList(e.ctx, m.ID, b.ID)); !reflect.DeepEqual(got, changed) || got.Prices != 1 || got.Name != "Winter" {
		t.Errorf("read %+v, want %+v", got, changed)
	}
	_, err = e.PriceList(e.ctx, other.ID, a.ID)
	wantKind(t, "another merchant's list", err, feed.KindNotFound)
	causes, _ := e.causes(t, m.ID, at)
	if want := []string{string(b.ID) + " pricelist.update", "7 pricelist.prices"}; !slices.Equal(causes, want) {
		t.Errorf("events %q, want %q: a name alters no feed", causes, want)
	}

	// An offer names a list that there is, and keeps it there.
	o.Profile.PriceList = partner.NewPriceListID()
	_, err = e.UpdateOffer(e.ctx, actor, o)
	wantKind(t, "an offer with a list that there is not", err, feed.KindNotFound)
	o.Profile.PriceList, o.Profile.OnlyListed = a.ID, true
	o = must[partner.Offer](t, "name a list")(e.UpdateOffer(e.ctx, actor, o))
	wantKind(t, "delete a list in use", e.DeletePriceList(e.ctx, actor, m.ID, a.ID, a.Version), feed.KindConflict)
	if o.Profile.PriceList = b.ID; true {
		o = must[partner.Offer](t, "name another list")(e.UpdateOffer(e.ctx, actor, o))
	}
	ok(t, "delete", e.DeletePriceList(e.ctx, actor, m.ID, a.ID, a.Version))
	ok(t, "delete the offer", e.DeleteOffer(e.ctx, actor, m.ID, o.ID, o.Version))
	wantKind(t, "delete from an old version", e.DeletePriceList(e.ctx, actor, m.ID, b.ID, 1), feed.KindConflict)
	ok(t, "delete", e.DeletePriceList(e.ctx, actor, m.ID, b.ID, changed.Version))
	if list := must[[]partner.PriceList](t, "lists")(e.PriceLists(e.ctx, m.ID)); len(list) != 0 {
		t.Errorf("left: %+v", list)
	}
	if rows := must[[]partner.ListedAt](t, "listed")(e.ListedOf(e.ctx, m.ID, []feed.PriceListID{b.ID}, []feed.ProductID{7})); len(rows) != 0 {
		t.Errorf("prices of a list that is gone: %+v", rows)
	}
	if list := must[[]partner.PriceList](t, "lists")(e.PriceLists(e.ctx, other.ID)); len(list) != 1 {
		t.Errorf("the other merchant's lists: %+v", list)
	}
}

func testListPrices(t *testing.T, e *env) {
	m := e.merchant(t)
	a, b := e.priceList(t, m.ID, "A"), e.priceList(t, m.ID, "B")
	_, at := e.causes(t, m.ID, 0)
	r := e.put(t, &a, partner.PriceEdit{Put: []partner.ListPrice{priceOf(3, "L", 300), priceOf(1, "", 100), priceOf(3, "", 310), priceOf(2, "ż'\"", 200)}})
	if r.Added != 4 || r.Queue == 0 || a.Prices != 4 || a.Version != 2 {
		t.Errorf("first: %+v, %+v", r, a)
	}
	e.put(t, &b, partner.PriceEdit{Put: []partner.ListPrice{priceOf(2, "", 222)}})
	r = e.put(t, &a, partner.PriceEdit{Put: []partner.ListPrice{priceOf(1, "", 100), priceOf(3, "L", 301), priceOf(4, "", 400)}, Remove: []partner.PriceKey{{Product: 2, Code: "ż'\""}, {Product: 9}}})
	if r.Added != 1 || r.Changed != 1 || r.Removed != 1 || r.Unchanged != 1 || a.Prices != 4 {
		t.Errorf("second: %+v, %+v", r, a)
	}
	before := a
	if r = e.put(t, &a, partner.PriceEdit{Put: []partner.ListPrice{priceOf(4, "", 400)}}); r.Unchanged != 1 || r.Queue != 0 || a.Version != before.Version {
		t.Errorf("nothing new: %+v, %+v", r, a)
	}
	want := []partner.ListPrice{priceOf(1, "", 100), priceOf(3, "", 310), priceOf(3, "L", 301), priceOf(4, "", 400)}
	var got []partner.ListPrice
	var after partner.PriceKey
	for {
		page := must[[]partner.ListPrice](t, "page")(e.ListPrices(e.ctx, m.ID, a.ID, after, 3))
		if got = append(got, page...); len(page) < 3 {
			break
		}
		after = page[2].PriceKey
	}
	if !slices.Equal(got, want) {
		t.Errorf("prices %+v, want %+v", got, want)
	}
	causes, last := e.causes(t, m.ID, at)
	if want := []string{"1 pricelist.prices", "2 pricelist.prices", "3 pricelist.prices", "2 pricelist.prices", "2 pricelist.prices", "3 pricelist.prices", "4 pricelist.prices"}; !slices.Equal(causes, want) {
		t.Errorf("events %q, want %q", causes, want)
	}
	if hint, _ := e.hint(t, m.ID, at, 0); hint.All || !slices.Equal(hint.Products, []feed.ProductID{1, 2, 3, 4}) {
		t.Errorf("hint %+v", hint)
	}

	// All or nothing, and from the version that was looked at.
	for name, bad := range map[string]partner.PriceEdit{
		"twice":      {Put: []partner.ListPrice{priceOf(5, "", 1), priceOf(5, "", 2)}},
		"both":       {Put: []partner.ListPrice{priceOf(5, "", 1)}, Remove: []partner.PriceKey{{Product: 5}}},
		"no price":   {Put: []partner.ListPrice{priceOf(5, "", 0)}},
		"no product": {Put: []partner.ListPrice{priceOf(0, "", 1)}},
	} {
		_, _, err := e.PutListPrices(e.ctx, actor, m.ID, a.ID, bad, 0)
		wantKind(t, name, err, feed.KindInvalid)
	}
	_, _, err := e.PutListPrices(e.ctx, actor, m.ID, a.ID, partner.PriceEdit{Put: []partner.ListPrice{priceOf(5, "", 1)}}, a.Version-1)
	wantKind(t, "from an old version", err, feed.KindConflict)

	snap := must[Snapshot](t, "snapshot")(e.Snapshot(e.ctx, m.ID))
	// Replaced with more products than are noted one by one: the list is the scope.
	edit := partner.PriceEdit{Replace: true}
	for i := range feed.ProductID(partner.FewListed + 1) {
		edit.Put = append(edit.Put, priceOf(10+i, "", 5))
	}
	if r = e.put(t, &a, edit); r.Added != partner.FewListed+1 || r.Removed != 4 || a.Prices != partner.FewListed+1 {
		t.Errorf("replaced: %+v, %+v", r, a)
	}
	if causes, _ = e.causes(t, m.ID, last); !slices.Equal(causes, []string{string(a.ID) + " pricelist.prices"}) {
		t.Errorf("events of a whole list: %q", causes)
	}
	if hint, _ := e.hint(t, m.ID, last, 0); !hint.All {
		t.Errorf("after a whole list: hint %+v", hint)
	}

	// A snapshot stays where it was.
	order := func(list []partner.ListedAt) []partner.ListedAt {
		slices.SortFunc(list, func(x, y partner.ListedAt) int {
			return cmp.Or(cmp.Compare(x.Product, y.Product), partner.CompareListed(x.ListedPrice, y.ListedPrice))
		})
		return list
	}
	row := func(p partner.ListPrice, l feed.PriceListID) partner.ListedAt {
		return partner.ListedAt{Product: p.Product, ListedPrice: feed.ListedPrice{List: l, Code: p.Code, Amount: p.Amount}}
	}
	both := []feed.PriceListID{a.ID, b.ID}
	if got := order(must[[]partner.ListedAt](t, "between")(snap.ListedBetween(e.ctx, both, 2, 3))); !slices.Equal(got, order([]partner.ListedAt{row(want[1], a.ID), row(want[2], a.ID), row(priceOf(2, "", 222), b.ID)})) {
		t.Errorf("from 2 to 3: %+v", got)
	}
	if got := order(must[[]partner.ListedAt](t, "of")(snap.ListedOf(e.ctx, both[:1], []feed.ProductID{1, 2, 4, 99}))); !slices.Equal(got, []partner.ListedAt{row(want[0], a.ID), row(want[3], a.ID)}) {
		t.Errorf("of 1, 2, 4 and 99: %+v", got)
	}
	if terms := must[feed.Terms](t, "terms")(snap.Terms(e.ctx)); len(terms.Lists) != 2 {
		t.Errorf("terms: %+v", terms)
	}
	ok(t, "close", snap.Close())
	if got := must[[]partner.ListedAt](t, "of")(e.ListedOf(e.ctx, m.ID, both, []feed.ProductID{1, 10})); len(got) != 1 || got[0] != row(edit.Put[0], a.ID) {
		t.Errorf("now: %+v", got)
	}
}

// testListPricesAreAtomic cuts a change of prices off at every point.
func testListPricesAreAtomic(t *testing.T, e *env) {
	m := e.merchant(t)
	l := e.priceList(t, m.ID, "A")
	e.put(t, &l, partner.PriceEdit{Put: []partner.ListPrice{priceOf(1, "", 1), priceOf(2, "", 2)}})
	_, at := e.causes(t, m.ID, 0)
	edit := partner.PriceEdit{Put: []partner.ListPrice{priceOf(1, "", 10), priceOf(3, "", 3)}, Remove: []partner.PriceKey{{Product: 2}}}
	for n := int64(1); ; n++ {
		ctx := expireAfter(e.ctx, n)
		_, _, err := e.PutListPrices(ctx, actor, m.ID, l.ID, edit, 0)
		ctx.cancel()
		prices := must[[]partner.ListPrice](t, "prices")(e.ListPrices(e.ctx, m.ID, l.ID, partner.PriceKey{}, 10))
		causes, _ := e.causes(t, m.ID, at)
		now := must[partner.PriceList](t, "list")(e.PriceList(e.ctx, m.ID, l.ID))
		if err == nil {
			if !slices.Equal(prices, edit.Put) || len(causes) != 3 || now.Version != l.Version+1 || now.Prices != 2 {
				t.Errorf("whole: %+v, %q, %+v", prices, causes, now)
			}
			return
		}
		if len(prices) != 2 || prices[0].Amount.Minor() != 1 || len(causes) != 0 || now.Version != l.Version {
			t.Fatalf("cut at %d: %+v, %q, %+v", n, prices, causes, now)
		}
	}
}
