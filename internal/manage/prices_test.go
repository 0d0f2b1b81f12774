package manage_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"feedmill/feed"
	"feedmill/feed/pricing"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

func (w *world) setRate(from, to, text string) partner.Rate {
	w.t.Helper()
	rate, err := feed.ParseRate(text)
	check(w.t, err)
	r := partner.Rate{From: feed.MustCurrency(from), To: feed.MustCurrency(to), Rate: rate}
	if old, err := w.Rate(w.ctx, w.owner, r.From, r.To); err == nil {
		r.Version = old.Version
	}
	r, err = w.SetRate(w.ctx, w.owner, r)
	check(w.t, err)
	return r
}

func (w *world) list(name string, currency string) partner.PriceList {
	w.t.Helper()
	l, err := w.CreatePriceList(w.ctx, w.owner, partner.PriceList{Name: name, Currency: feed.MustCurrency(currency)})
	check(w.t, err)
	return l
}

func (w *world) importPrices(l partner.PriceList, replace bool, text string) partner.PricePut {
	w.t.Helper()
	edit, err := w.ReadPriceFile(w.ctx, w.owner, l.ID, manage.PriceFile{Body: strings.NewReader(text), Name: "prices", Replace: replace})
	check(w.t, err)
	_, put, err := w.PutListPrices(w.ctx, w.owner, l.ID, edit, 0)
	check(w.t, err)
	return put
}

func TestPriceFiles(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.catalog(300)
	two := product(t, 400, 900, 1)
	two.DisplayCode = "SHIRT"
	two.Sizes[0].Code, two.Sizes[0].ExternalCode = "S-1", "c7" // c7 is product 7's own code
	two.Sizes = append(two.Sizes, two.Sizes[0])
	two.Sizes[1].Code, two.Sizes[1].ProducerCode, two.Sizes[1].ExternalCode = "S-2", "5901111111111", "twin"
	other := product(t, 401, 900, 1)
	other.Sizes[0].ExternalCode = "twin"
	_, err := w.UpsertProducts(w.ctx, w.owner, []*feed.Product{two, other}, nil)
	check(t, err)
	l := w.list("B2B", "PLN")
	if _, err := w.CreatePriceList(w.ctx, w.owner, partner.PriceList{Name: "b2b"}); feed.KindOf(err) != feed.KindConflict {
		t.Errorf("two lists of one name: %v", err)
	}
	put := w.importPrices(l, false, "product,code,price\n1,,1.50\n,c2,2\n,5900000000003,3\n,SHIRT,4\n400,S-2,5\n,c7,6\n,S-1,7\n")
	if put.Added != 7 || put.Queue == 0 {
		t.Errorf("added %+v", put)
	}
	got, err := w.ListPrices(w.ctx, w.owner, l.ID, partner.PriceKey{}, 100)
	check(t, err)
	var text []string
	for _, p := range got {
		text = append(text, fmt.Sprintf("%d/%s/%d", p.Product, p.Code, p.Amount.Minor()))
	}
	if want := "1//150 2/c2/200 3/c3/300 7/c7/600 400//400 400/S-1/700 400/S-2/500"; strings.Join(text, " ") != want {
		t.Errorf("got %q, want %q", text, want)
	}
	// Many lines are looked for in one pass, few one by one; both find the same.
	for _, filler := range []int{0, 250} {
		var b strings.Builder
		b.WriteString("product,code,price,remove\n999,,1,\n,nobody,1,\n,twin,1,\n1,S-1,1,\n,c2,1,\n2,c2,2,\n,c3,,yes\n999,,,yes\n")
		for i := range filler {
			fmt.Fprintf(&b, ",c%d,1,\n", i+20)
		}
		_, err = w.ReadPriceFile(w.ctx, w.owner, l.ID, manage.PriceFile{Body: strings.NewReader(b.String()), Name: "f"})
		var lines *manage.LinesError
		if !errors.As(err, &lines) || feed.KindOf(err) != feed.KindInvalid {
			t.Fatalf("with %d lines more: %v", filler, err)
		}
		var told []string
		for _, p := range lines.Problems {
			told = append(told, p.String())
		}
		want := []string{"f:2: product: there is no product 999", `f:3: code: no product has the code "nobody"`, `f:4: code: several products or sizes have the code "twin"`,
			`f:5: code: product 1 has no size with the code "S-1", or there is no such product`, `f:7: code: code "c2" of product 2 stands in line 6 already`}
		if !slices.Equal(told, want) {
			t.Errorf("with %d lines more: got %q, want %q", filler, told, want)
		}
	}
	// Who names products by keys does not know the ids that are made of them.
	_, err = w.ReadPriceFile(w.ctx, w.owner, l.ID, manage.PriceFile{Body: strings.NewReader("key,code,price\nMUG/9,,1\nMUG/9,S,1\n"), Name: "f"})
	var unknown *manage.LinesError
	if !errors.As(err, &unknown) || len(unknown.Problems) != 2 || unknown.Problems[0].String() != `f:2: key: no product has the key "MUG/9"` ||
		!strings.HasPrefix(unknown.Problems[1].String(), `f:3: code: the product with the key "MUG/9" has no size with the code "S", or`) {
		t.Errorf("unknown keys: got %v", err)
	}
	if _, err = w.ReadPriceFile(w.ctx, w.owner, l.ID, manage.PriceFile{Body: strings.NewReader("sku,price\nc1,1.234\n"), Name: "f"}); feed.KindOf(err) != feed.KindInvalid {
		t.Errorf("a bad amount: %v", err)
	}
	if put = w.importPrices(l, true, "{\"product\":1,\"price\":\"1.50\"}\n"); put.Unchanged != 1 || put.Removed != 6 {
		t.Errorf("replaced: %+v", put)
	}
	reader := manage.Identity{Merchant: w.merchant.ID, Role: manage.RoleReadonly}
	_, _, err = w.PutListPrices(w.ctx, reader, l.ID, partner.PriceEdit{}, 0)
	wantKind(t, "who only reads", err, feed.KindForbidden)
	_, stranger, _ := w.newMerchant("Other")
	_, err = w.PriceList(w.ctx, stranger, string(l.ID))
	wantKind(t, "a stranger", err, feed.KindNotFound)
	_, err = w.ReadPriceFile(w.ctx, stranger, l.ID, manage.PriceFile{Body: strings.NewReader("")})
	wantKind(t, "a stranger's file", err, feed.KindNotFound)
	if found, err := w.PriceList(w.ctx, w.owner, "b2B"); err != nil || found.ID != l.ID {
		t.Errorf("found by name: %+v, %v", found, err)
	}
}

func TestWhyTellsOfLists(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.catalog(3)
	l := w.list("B2B", "EUR")
	w.setRate("EUR", "PLN", "4")
	profile := pln()
	profile.PriceList, profile.OnlyListed = l.ID, true
	_, o := w.partner("Nord", partner.Partner{}, profile)
	w.importPrices(l, false, "sku,price\nc2,1.50\n")
	a, err := w.Why(w.ctx, w.owner, manage.Question{Offer: o.ID, Product: 2})
	check(t, err)
	if s := a.Explanation.String(); !a.Included || a.Explanation.Sizes[0].Light.Net.Minor() != 600 || !strings.Contains(s, `price list "B2B"`) || !strings.Contains(s, "1 EUR = 4 PLN, the merchant's rate since 2026-11-21") {
		t.Errorf("listed: %v\n%s", a.Included, s)
	}
	if a, err = w.Why(w.ctx, w.owner, manage.Question{Offer: o.ID, Product: 3}); err != nil || a.Included || a.Explanation.Verdict.Reason != pricing.ReasonNotListed {
		t.Errorf("not listed: %+v, %v", a.Explanation, err)
	}
}

// prices is what every offer shows of every product: its price and that of its
// one size.
func (w *world) prices(fail func(error)) map[partner.OfferID]map[feed.ProductID][2]feed.Price {
	snap, err := w.db.Snapshot(w.ctx, w.merchant.ID)
	fail(err)
	defer snap.Close()
	terms, err := snap.Terms(w.ctx)
	fail(err)
	offers, err := snap.Offers(w.ctx)
	fail(err)
	out := map[partner.OfferID]map[feed.ProductID][2]feed.Price{}
	for i := range offers {
		o := &offers[i]
		out[o.ID] = map[feed.ProductID][2]feed.Price{}
		rules, err := pricing.Compile(&o.Profile, nil, &terms)
		fail(err)
		for p, err := range partner.Priced(w.ctx, snap.Products(w.ctx), partner.ListsOf([]feed.Profile{o.Profile}), snap, true) {
			fail(err)
			var item feed.Item
			if rules.Apply(&item, p).Included {
				out[o.ID][p.ID] = [2]feed.Price{item.Light.Price, item.Sizes[0].Light.Price}
			}
		}
	}
	return out
}

// TestPricePreviewIsWhatHappens: what a preview of prices says is what the act
// then does.
func TestPricePreviewIsWhatHappens(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.catalog(12)
	w.setRate("PLN", "EUR", "0.25")
	a, b := w.list("A", "PLN"), w.list("B", "EUR")
	for i, change := range []func(p *feed.Profile){
		func(*feed.Profile) {},
		func(p *feed.Profile) { p.Currency = feed.MustCurrency("EUR") },
		func(p *feed.Profile) { p.PriceList = a.ID },
		func(p *feed.Profile) { p.PriceList, p.OnlyListed = a.ID, true },
		func(p *feed.Profile) { p.PriceList = b.ID },
		func(p *feed.Profile) { p.PriceList, p.OnlyListed, p.Currency = b.ID, true, feed.MustCurrency("EUR") },
	} {
		profile := pln()
		change(&profile)
		w.partner(fmt.Sprint("P", i), partner.Partner{}, profile)
	}
	told, acts := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		fail := func(err error) {
			if err != nil {
				r.Fatal(err)
			}
		}
		var change manage.PriceChange
		var act func() error
		pair := rapid.SampledFrom([][2]string{{"PLN", "EUR"}, {"EUR", "PLN"}}).Draw(r, "pair")
		from, to := feed.MustCurrency(pair[0]), feed.MustCurrency(pair[1])
		old, oldErr := w.Rate(w.ctx, w.owner, from, to)
		switch what := rapid.IntRange(0, 2).Draw(r, "what"); {
		case what == 0 && oldErr == nil && rapid.Bool().Draw(r, "drop"):
			change.Dropped = []partner.Rate{old}
			act = func() error { return w.DeleteRate(w.ctx, w.owner, from, to, old.Version) }
		case what == 0:
			rate, err := feed.ParseRate(rapid.SampledFrom([]string{"0.25", "0.3", "4"}).Draw(r, "rate"))
			fail(err)
			next := partner.Rate{From: from, To: to, Rate: rate, Version: old.Version}
			change.Rates = []partner.Rate{next}
			act = func() error { _, err := w.SetRate(w.ctx, w.owner, next); return err }
		default:
			l := rapid.SampledFrom([]partner.PriceList{a, b}).Draw(r, "list")
			var text strings.Builder
			text.WriteString("product,code,price,remove\n")
			for id := range 12 {
				code := ""
				if rapid.Bool().Draw(r, "size") {
					code = fmt.Sprintf("c%d", id+1)
				}
				switch rapid.IntRange(0, 3).Draw(r, "line") {
				case 0:
					fmt.Fprintf(&text, "%d,%s,%d.50,\n", id+1, code, rapid.IntRange(1, 30).Draw(r, "price"))
				case 1:
					fmt.Fprintf(&text, "%d,%s,,yes\n", id+1, code)
				}
			}
			edit, err := w.ReadPriceFile(w.ctx, w.owner, l.ID, manage.PriceFile{Body: strings.NewReader(text.String()), Replace: rapid.IntRange(0, 3).Draw(r, "replace") == 0})
			fail(err)
			change.List, change.Edit = l.ID, edit
			act = func() error {
				told, err := w.CountPrices(w.ctx, w.owner, l.ID, edit)
				if err != nil {
					return err
				}
				_, did, err := w.PutListPrices(w.ctx, w.owner, l.ID, edit, 0)
				if did.Queue = 0; told != did {
					r.Errorf("counted %+v, done was %+v", told, did)
				}
				return err
			}
		}
		before := w.prices(fail)
		preview, err := w.PreviewPrices(w.ctx, w.owner, change)
		fail(err)
		fail(act())
		acts++
		after := w.prices(fail)
		seen := map[partner.OfferID]bool{}
		for _, o := range preview.Offers {
			seen[o.Offer] = true
			told++
			var gained, lost, dearer, cheaper int64
			for id := range feed.ProductID(12) {
				was, had := before[o.Offer][id+1]
				is, has := after[o.Offer][id+1]
				switch {
				case had && !has:
					lost++
				case has && !had:
					gained++
				case had && was != is:
					which := 0
					if was[0] == is[0] {
						which = 1
					}
					if was[which].Net.Minor() < is[which].Net.Minor() {
						dearer++
					} else {
						cheaper++
					}
				}
			}
			if gained != o.Gained || lost != o.Lost || dearer != o.Dearer || cheaper != o.Cheaper {
				r.Fatalf("told %+v, came %d gained, %d lost, %d dearer, %d cheaper", o, gained, lost, dearer, cheaper)
			}
		}
		for id, prices := range after {
			if !seen[id] && fmt.Sprint(prices) != fmt.Sprint(before[id]) {
				r.Fatalf("offer %s changed and the preview is silent: %v, then %v", id, before[id], prices)
			}
		}
	})
	if told == 0 {
		t.Errorf("%d acts, and no preview told of an offer", acts)
	}
}
