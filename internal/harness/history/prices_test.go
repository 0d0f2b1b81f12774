package history_test

import (
	"errors"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/harness/site"
	"feedmill/internal/memdir"
	"feedmill/internal/partner"
	"feedmill/storage"
	"feedmill/storage/memstore"
	"feedmill/storage/sqlite"
)

// TestRatesAndListsMakeEntries says what a rate and a price list come to in the
// files: entries for exactly what they price, in the chain of the same feed.
func TestRatesAndListsMakeEntries(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h := &house{dir: memdir.New(t), now: began}
	records, err := site.OpenEmbedded(ctx, filepath.Join(h.dir, "feedmill.db"), sqlite.Options{Now: h.clock})
	must(t, err)
	t.Cleanup(func() { must(t, records.Close()) })
	s := &site.Site{Records: records, Store: memstore.New(memstore.Options{Now: h.clock}), Dir: h.dir, Now: h.clock,
		Elapsed: h.Elapsed, Monotonic: h, Settings: publish.Settings{MaxLoss: 100, MaxPriceMove: -1, FullShare: 101}}
	shop, err := s.NewMerchant(ctx)
	must(t, err)
	m := s.Merchant.ID
	offer, err := s.NewOffer(ctx, shop, "Partner", feed.Profile{Languages: []feed.Language{feed.MustLanguage("pol")}, Currency: pln})
	must(t, err)
	rate := func(text string, version int64) partner.Rate {
		v, err := feed.ParseRate(text)
		must(t, err)
		r, err := records.SetRate(ctx, site.Actor, partner.Rate{Merchant: m, From: eur, To: pln, Rate: v, Version: version})
		must(t, err)
		return r
	}
	rate("4", 0)
	text := `{"record":"catalog","language":"pol","currency":"PLN","vat":"23"}` + "\n"
	for _, p := range []string{`1,"currency":"PLN"`, `2,"currency":"PLN"`, `3,"currency":"EUR"`, `4,"currency":"EUR"`} {
		text += `{"id":` + p + `,"name":"Thing","category":"All","price":{"net":10},"stock":5}` + "\n"
	}
	_, err = s.Load(ctx, text, false)
	must(t, err)

	type outcome struct {
		full, light [3]int64 // added, changed, removed
		products    int64    // that were looked at
		whole       bool
	}
	var key string
	run := func(what string, want outcome) *publish.Generation {
		t.Helper()
		h.now = h.now.Add(20e9)
		h.passed += 20e9
		report, err := s.Publish(ctx, site.Run{})
		must(t, err)
		got := outcome{products: report.Products, whole: report.Whole}
		var full *publish.Generation
		for i := range report.Feeds {
			f := &report.Feeds[i]
			if f.Missed > 0 {
				t.Errorf("%s: %d changes that nothing had announced", what, f.Missed)
			}
			n := [3]int64{f.Added, f.Changed, f.Removed}
			if f.Feed.Kind == feed.KindLight {
				got.light = n
				continue
			}
			got.full, full = n, &f.Generation
			if key != "" && f.Feed.Key != key {
				t.Errorf("%s: the feed is another one", what)
			}
			key = f.Feed.Key
		}
		if got != want {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
		return full
	}
	// entries gives the products of the newest change file.
	entries := func(g *publish.Generation) string {
		t.Helper()
		f := g.File(feed.KindFullChange)
		if f == nil || f.Generation != g.Number {
			t.Fatal("there is no new change file")
		}
		body, _, err := s.Store.Open(ctx, f.Plain.Key, storage.Range{})
		must(t, err)
		data, err := io.ReadAll(body)
		must(t, errors.Join(err, body.Close()))
		var ids []string
		for _, id := range entryID.FindAllSubmatch(data, -1) {
			ids = append(ids, string(id[1]))
		}
		return strings.Join(ids, " ")
	}
	run("the first", outcome{[3]int64{4, 0, 0}, [3]int64{4, 0, 0}, 4, true})
	run("nothing", outcome{})
	rate("5", 1)
	if got := entries(run("another rate", outcome{[3]int64{0, 2, 0}, [3]int64{0, 2, 0}, 4, true})); got != "3 4" {
		t.Errorf("another rate changes products %s, want 3 4", got)
	}

	// A list that nobody names alters nothing; one that an offer names is another profile.
	list, err := records.CreatePriceList(ctx, site.Actor, partner.PriceList{ID: partner.NewPriceListID(), Merchant: m, Name: "Trade", Currency: eur})
	must(t, err)
	price := func(product feed.ProductID, minor int64) partner.ListPrice {
		a, err := feed.AmountOf(minor)
		must(t, err)
		return partner.ListPrice{PriceKey: partner.PriceKey{Product: product}, Amount: a}
	}
	put := func(edit partner.PriceEdit) {
		t.Helper()
		_, _, err := records.PutListPrices(ctx, site.Actor, m, list.ID, edit, 0)
		must(t, err)
	}
	put(partner.PriceEdit{Put: []partner.ListPrice{price(1, 150), price(3, 1100)}})
	run("a list for nobody", outcome{products: 2})
	o, err := records.Offer(ctx, m, offer.Offer.ID)
	must(t, err)
	o.Profile.PriceList, o.Profile.OnlyListed = list.ID, true
	o, err = records.UpdateOffer(ctx, site.Actor, o)
	must(t, err)
	key = ""
	run("only what is listed", outcome{[3]int64{2, 0, 0}, [3]int64{2, 0, 0}, 4, true})

	// One price more or less is one product to look at. Full goes on showing the
	// catalog's price, so a price that changes is light's alone.
	put(partner.PriceEdit{Put: []partner.ListPrice{price(3, 1200)}})
	run("another price", outcome{light: [3]int64{0, 1, 0}, products: 1})
	put(partner.PriceEdit{Put: []partner.ListPrice{price(2, 200)}, Remove: []partner.PriceKey{{Product: 1}}})
	if got := entries(run("one comes, one goes", outcome{[3]int64{1, 0, 1}, [3]int64{1, 0, 1}, 2, false})); got != "1 2" {
		t.Errorf("a change of the list changes products %s, want 1 2", got)
	}
	// The rate prices the list as well as product 3.
	rate("4.5", 2)
	if got := entries(run("a rate for the list", outcome{[3]int64{0, 1, 0}, [3]int64{0, 2, 0}, 4, true})); got != "3" {
		t.Errorf("a rate for the list changes products %s of full, want 3", got)
	}
	must(t, records.DeleteRate(ctx, site.Actor, m, eur, pln, 3))
	if got := entries(run("no rate", outcome{[3]int64{0, 0, 2}, [3]int64{0, 0, 2}, 4, true})); got != "2 3" {
		t.Errorf("without a rate %s go, want 2 3", got)
	}
}

var entryID = regexp.MustCompile(`<product id="(\d+)"`)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
