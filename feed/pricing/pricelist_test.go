package pricing_test

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/pricing"

	"pgregory.net/rapid"
)

const list = feed.PriceListID("b2b")

// drawListed gives a product prices of two lists.
func drawListed(t *rapid.T, p *feed.Product) {
	for _, id := range []feed.PriceListID{"a", list} {
		for _, code := range append([]string{""}, codes...) {
			if rapid.IntRange(0, 3).Draw(t, "listed") == 0 {
				n := rapid.OneOf(rapid.Int64Range(1, 1_000_000), rapid.Int64Range(1, 1_000_000_000_000_000)).Draw(t, "amount")
				p.Listed = append(p.Listed, feed.ListedPrice{List: id, Code: code, Amount: amount(n)})
			}
		}
	}
	slices.SortFunc(p.Listed, func(a, b feed.ListedPrice) int {
		return cmp.Or(cmp.Compare(a.List, b.List), cmp.Compare(a.Code, b.Code))
	})
}

// drawTerms draws a merchant's rates and the head of the list.
func drawTerms(t *rapid.T) *feed.Terms {
	terms := &feed.Terms{Lists: []feed.PriceList{{ID: "a", Currency: pln}, {ID: list, Name: "B2B", Currency: drawCurrency().Draw(t, "list currency"), Lead: feed.PriceLead(rapid.IntRange(0, 1).Draw(t, "list side"))}}}
	for _, from := range []feed.Currency{pln, eur, jpy, kwd} {
		for _, to := range []feed.Currency{pln, eur, jpy, kwd} {
			if from != to && rapid.Bool().Draw(t, "merchant's") {
				terms.Rates = append(terms.Rates, feed.CurrencyRate{From: from, To: to, Rate: drawRate().Draw(t, "merchant's rate")})
			}
		}
	}
	return terms
}

func compileWith(t *rapid.T, p *feed.Profile, terms *feed.Terms) *pricing.Rules {
	r, err := pricing.Compile(p, feed.NewIndex(dictionaries()), terms)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestListedExplainAgreesWithApply is TestExplainAgreesWithApply for profiles
// with a price list and a merchant's rates.
func TestListedExplainAgreesWithApply(t *testing.T) {
	t.Parallel()
	included, listed := 0, 0
	law := func(t *rapid.T) {
		p, profile := drawProduct(t), drawProfile(t)
		drawListed(t, p)
		profile.PriceList, profile.OnlyListed = list, rapid.Bool().Draw(t, "only")
		r := compileWith(t, profile, drawTerms(t))
		var item feed.Item
		v := r.Apply(&item, p)
		e := r.Explain(p)
		if e.Verdict != v || e.Summary == "" {
			t.Fatalf("Explain says %+v %q, Apply %+v", e.Verdict, e.Summary, v)
		}
		if !v.Included {
			return
		}
		included++
		if strings.Contains(e.String(), "price list") {
			listed++
		}
		if e.Whole.Full != item.Full.Price || e.Whole.Light != item.Light.Price {
			t.Fatalf("Explain derives %v and %v, Apply %v and %v\n%s", e.Whole.Full, e.Whole.Light, item.Full.Price, item.Light.Price, e)
		}
		for i, x := range e.Sizes {
			if s := &item.Sizes[i]; x.Full != s.Full.Price || x.Light != s.Light.Price || !reflect.DeepEqual(x.Nodes, s.Stock) {
				t.Fatalf("size %d: Explain derives %v, %v, Apply %v, %v\n%s", i, x.Full, x.Light, s.Full.Price, s.Light.Price, e)
			}
		}
	}
	// One round may miss it, most of all with -short, which tries a fifth of the cases.
	for range 50 {
		if rapid.Check(t, law); included > 0 && listed > 0 {
			break
		}
	}
	if included == 0 || listed == 0 {
		t.Errorf("%d products were in, %d of them told of a price list: the generators test too little", included, listed)
	}
}

// based gives the product that has as its list prices what the price list says.
func based(t *rapid.T, p *feed.Product, head feed.PriceList) (q *feed.Product, ok bool) {
	c := *p
	q = &c
	q.Sizes = slices.Clone(p.Sizes)
	find := func(code string) feed.Price {
		for _, row := range p.Listed {
			if row.List != head.ID || row.Code != code {
				continue
			}
			price, err := feed.PriceFromNet(row.Amount, p.VAT)
			if head.Lead == feed.LeadGross {
				price, err = feed.PriceFromGross(row.Amount, p.VAT)
			}
			if err != nil {
				ok = false
			}
			return price
		}
		return feed.Price{}
	}
	ok = true
	q.Prices.List = find("")
	for i := range q.Sizes {
		q.Sizes[i].Prices.List = find(q.Sizes[i].Code)
	}
	return q, ok
}

// TestListedPriceIsABase says what a price list means: a product that a list
// prices costs what a product costs that has the list's prices for its own.
func TestListedPriceIsABase(t *testing.T) {
	t.Parallel()
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		p, profile, terms := drawProduct(t), drawProfile(t), drawTerms(t)
		p.Attrs = nil // what is given away needs no price
		drawListed(t, p)
		terms.Lists[1].Currency = p.Currency
		profile.PriceList, profile.OnlyListed = list, true
		q, ok := based(t, p, terms.Lists[1])
		plain := *profile
		plain.PriceList, plain.OnlyListed, plain.Base = "", false, feed.BaseRetail
		var a, b feed.Item
		va, vb := compileWith(t, profile, terms).Apply(&a, p), compileWith(t, &plain, terms).Apply(&b, q)
		if !va.Included {
			return
		}
		if !ok || !vb.Included {
			t.Fatalf("in through the list, and with its prices out: %+v", vb)
		}
		compared++
		if a.Light.Price != b.Light.Price {
			t.Fatalf("%v through the list, %v with its prices", a.Light.Price, b.Light.Price)
		}
		for i := range a.Sizes {
			if a.Sizes[i].Light.Price != b.Sizes[i].Light.Price {
				t.Fatalf("size %d: %v through the list, %v with its prices", i, a.Sizes[i].Light.Price, b.Sizes[i].Light.Price)
			}
		}
	})
	if compared == 0 {
		t.Error("no product was in: the generators test nothing")
	}
}

// TestListLeavesFullAlone says that whoever has a list price is shown it in
// full, whatever a price list says, and never a wholesale price because of one.
func TestListLeavesFullAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, profile, terms := drawProduct(t), drawProfile(t), drawTerms(t)
		drawListed(t, p)
		profile.PriceList, profile.OnlyListed = list, rapid.Bool().Draw(t, "only")
		plain := *profile
		plain.PriceList, plain.OnlyListed = "", false
		var a, b feed.Item
		va, vb := compileWith(t, profile, terms).Apply(&a, p), compileWith(t, &plain, terms).Apply(&b, p)
		if !va.Included || !vb.Included || p.Prices.List.IsZero() {
			return
		}
		if a.Full.Price != b.Full.Price {
			t.Fatalf("full shows %v with a price list, %v without", a.Full.Price, b.Full.Price)
		}
	})
}

// TestProductsWithoutListedPrice says what becomes of what a list does not name.
func TestProductsWithoutListedPrice(t *testing.T) {
	t.Parallel()
	p := &feed.Product{ID: 1, Currency: pln, VAT: percent(t, "23"), Prices: feed.Prices{List: price(1000, 1230), Wholesale: price(700, 861)},
		Sizes: []feed.Size{{Code: "S"}, {Code: "M"}}}
	terms := &feed.Terms{Lists: []feed.PriceList{{ID: list, Name: "B2B", Currency: pln}}}
	row := func(code string, minor int64) feed.ListedPrice {
		return feed.ListedPrice{List: list, Code: code, Amount: amount(minor)}
	}
	for _, c := range []struct {
		name   string
		listed []feed.ListedPrice
		base   feed.PriceBase
		only   bool
		reason pricing.Reason
		size   int
		full   int64
		light  []int64 // of the product, then of its sizes
	}{
		{"nothing, retail", nil, feed.BaseRetail, false, pricing.ReasonNone, -1, 1000, []int64{1000, 1000, 1000}},
		{"nothing, wholesale", nil, feed.BaseWholesale, false, pricing.ReasonNone, -1, 1000, []int64{700, 700, 700}},
		{"nothing, only listed", nil, feed.BaseRetail, true, pricing.ReasonNotListed, 0, 0, nil},
		{"one size", []feed.ListedPrice{row("M", 500)}, feed.BaseWholesale, false, pricing.ReasonNone, -1, 1000, []int64{700, 700, 500}},
		{"the first size", []feed.ListedPrice{row("S", 500)}, feed.BaseWholesale, false, pricing.ReasonNone, -1, 1000, []int64{500, 500, 700}},
		{"one size, only listed", []feed.ListedPrice{row("S", 500)}, feed.BaseWholesale, true, pricing.ReasonNotListed, 1, 0, nil},
		{"all sizes, only listed", []feed.ListedPrice{row("M", 500), row("S", 400)}, feed.BaseRetail, true, pricing.ReasonNone, -1, 1000, []int64{400, 400, 500}},
		{"the product", []feed.ListedPrice{row("", 600), row("M", 500)}, feed.BaseRetail, true, pricing.ReasonNone, -1, 1000, []int64{600, 600, 500}},
		{"another list", []feed.ListedPrice{{List: "a", Amount: amount(1)}}, feed.BaseRetail, true, pricing.ReasonNotListed, 0, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, err := pricing.Compile(&feed.Profile{Base: c.base, PriceList: list, OnlyListed: c.only, Currency: pln}, nil, terms)
			if err != nil {
				t.Fatal(err)
			}
			q := *p
			q.Listed = c.listed
			var item feed.Item
			v := r.Apply(&item, &q)
			if v.Reason != c.reason || v.Size != c.size {
				t.Fatalf("got %+v (%s), want reason %s at size %d", v, r.Describe(&q, v), c.reason, c.size)
			}
			if !v.Included {
				if s := r.Describe(&q, v); !strings.Contains(s, `price list "B2B" has no price for size "`+q.Sizes[c.size].Code) {
					t.Errorf("described as %q", s)
				}
				return
			}
			got := []int64{item.Light.Price.Net.Minor()}
			for _, s := range item.Sizes {
				got = append(got, s.Light.Price.Net.Minor())
			}
			if !slices.Equal(got, c.light) || item.Full.Price.Net.Minor() != c.full {
				t.Errorf("got %v and %d in full, want %v and %d\n%s", got, item.Full.Price.Net.Minor(), c.light, c.full, r.Explain(&q))
			}
		})
	}
}

// TestListInAnotherCurrency checks rate, floor and discount where list and
// product count in different currencies.
func TestListInAnotherCurrency(t *testing.T) {
	t.Parallel()
	p := &feed.Product{ID: 1, Currency: pln, VAT: percent(t, "23"), Prices: feed.Prices{List: price(10_000, 12_300), Minimal: price(4_000, 4_920)},
		Sizes: []feed.Size{{Code: "S"}}, Listed: []feed.ListedPrice{{List: list, Amount: amount(1_000)}}}
	terms := &feed.Terms{Lists: []feed.PriceList{{ID: list, Name: "B2B", Currency: eur}},
		Rates: []feed.CurrencyRate{{From: eur, To: pln, Rate: rate(t, "4.25"), Since: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}}}
	show := func(profile feed.Profile, terms *feed.Terms) (feed.Item, pricing.Verdict, pricing.Explanation) {
		r, err := pricing.Compile(&profile, nil, terms)
		if err != nil {
			t.Fatal(err)
		}
		var item feed.Item
		v := r.Apply(&item, p)
		return item, v, r.Explain(p)
	}
	profile := feed.Profile{Currency: pln, PriceList: list}
	item, _, e := show(profile, terms)
	if got := item.Light.Price; got != price(4250, 5228) {
		t.Errorf("10 EUR at 4.25 cost %v", got)
	}
	if s := e.String(); !strings.Contains(s, "1 EUR = 4.25 PLN, the merchant's rate since 2026-11-20") || !strings.Contains(s, `price list "B2B"`) {
		t.Errorf("explained as\n%s", s)
	}
	profile.Discounts.Overall = percent(t, "10")
	if item, _, e = show(profile, terms); item.Light.Price != price(4000, 4920) {
		t.Errorf("less 10 %%, not below 40: %v\n%s", item.Light.Price, e)
	}
	profile.Rates = []feed.ExchangeRate{{From: eur, Rate: rate(t, "5")}}
	if item, _, e = show(profile, terms); item.Light.Price != price(4500, 5535) || !strings.Contains(e.String(), "the offer's own rate") {
		t.Errorf("at the offer's own rate of 5: %v\n%s", item.Light.Price, e)
	}
	profile.Rates, terms = nil, &feed.Terms{Lists: terms.Lists}
	if _, v, e := show(profile, terms); v.Reason != pricing.ReasonNoRate || !strings.Contains(e.Summary, `the currency of price list "B2B"`) {
		t.Errorf("without a rate: %+v %q", v, e.Summary)
	}
	// An offer in the products' own currency needs no rate for a list in it.
	own := &feed.Terms{Lists: []feed.PriceList{{ID: list, Name: "B2B", Currency: pln}}}
	if item, v, e := show(feed.Profile{PriceList: list}, own); item.Light.Price != price(4000, 4920) {
		t.Errorf("a list in the product's currency, and no other one: %+v, %v\n%s", v, item.Light.Price, e)
	}
	if _, err := pricing.Compile(&profile, nil, nil); feed.KindOf(err) != feed.KindNotFound {
		t.Errorf("a list that nobody has: %v", err)
	}
}
