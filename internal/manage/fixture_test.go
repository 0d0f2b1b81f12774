package manage_test

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/feedtest"
	"feedmill/feed/publish"
	"feedmill/feed/record"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
	"feedmill/internal/testclock"
	"feedmill/storage/fsstore"
	"feedmill/storage/sqlite"
	"feedmill/storage/sqlite/sqlitetest"
)

// world is a service over a real database and a real store, with one merchant.
type world struct {
	*manage.Service
	*testclock.Clock
	t        testing.TB
	ctx      context.Context
	db       *sqlite.DB
	store    *fsstore.Store
	owner    manage.Identity
	shop     partner.Shop
	runs     int
	merchant partner.Merchant
}

func setup(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context(), Clock: testclock.New(testclock.Noon(), time.Millisecond)}
	dir := t.TempDir()
	w.db = sqlitetest.OpenAt(t, filepath.Join(dir, "feedmill.db"), sqlite.Options{Now: w.Now})
	var err error
	if w.store, err = fsstore.Open(filepath.Join(dir, "store"), fsstore.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, w.store.Close()) })
	w.Service = manage.New(w.db, func(ctx context.Context, m partner.MerchantID) (manage.Catalog, error) { return w.db.Snapshot(ctx, m) }, w.store, w.Now)
	w.merchant, w.owner, w.shop = w.newMerchant("Shop")
	return w
}

// newMerchant makes a merchant with a shop, and his owner.
func (w *world) newMerchant(name string) (partner.Merchant, manage.Identity, partner.Shop) {
	w.t.Helper()
	m, err := w.db.CreateMerchant(w.ctx, partner.Actor{Name: "setup"}, partner.Merchant{ID: partner.NewMerchantID(), Name: name, SharingEnabled: true,
		Language: feed.MustLanguage("pol"), Currency: feed.MustCurrency("PLN")})
	check(w.t, err)
	who := manage.Identity{Merchant: m.ID, Role: manage.RoleOwner, Actor: partner.Actor{Name: "anna", Role: "owner"}}
	shop, err := w.CreateShop(w.ctx, who, partner.Shop{Number: 1, Name: "Main"})
	check(w.t, err)
	return m, who, shop
}

// partner makes a partner with an offer.
func (w *world) partner(name string, p partner.Partner, profile feed.Profile) (partner.Partner, partner.Offer) {
	w.t.Helper()
	p.Name, p.FeedEnabled = name, true
	p, err := w.CreatePartner(w.ctx, w.owner, p)
	check(w.t, err)
	o, err := w.CreateOffer(w.ctx, w.owner, partner.Offer{Partner: p.ID, Shop: w.shop.ID, Name: "Main", Profile: profile, FeedEnabled: true})
	check(w.t, err)
	return p, o
}

// product makes a plain product with one size, at a net price in minor units.
func product(t testing.TB, id feed.ProductID, minor int64, stock int64) *feed.Product {
	t.Helper()
	vat, err := feed.ParsePercent("23")
	check(t, err)
	return &feed.Product{ID: id, Currency: feed.MustCurrency("PLN"), VAT: vat, Prices: feed.Prices{List: price(t, minor)},
		Category: feed.Reference{ID: fmt.Sprint(id % 3)}, Producer: feed.Ref{ID: fmt.Sprint("p", id%2)}, Unit: feed.Reference{ID: "0"},
		Names: feed.Texts{{Lang: feed.MustLanguage("pol"), Value: fmt.Sprintf("Rzecz %d", id)}}, SizeGroup: feed.Ref{ID: feed.OneSizeGroup, Name: "one size"},
		Sizes: []feed.Size{{ID: "uniw", Name: "one size", Code: fmt.Sprintf("c%d", id), ProducerCode: fmt.Sprintf("590000000%04d", id), Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(stock)}}}}}
}

func price(t testing.TB, minor int64) feed.Price {
	t.Helper()
	vat, err := feed.ParsePercent("23")
	check(t, err)
	a, err := feed.AmountOf(minor)
	check(t, err)
	p, err := feed.PriceFromNet(a, vat)
	check(t, err)
	return p
}

func (w *world) catalog(n int) {
	w.t.Helper()
	var list []*feed.Product
	for i := range n {
		list = append(list, product(w.t, feed.ProductID(i+1), int64(1000+i*10), int64(i%4)))
	}
	_, err := w.UpsertProducts(w.ctx, w.owner, list, nil)
	check(w.t, err)
}

// publish runs once for all offers, as the program does.
func (w *world) publish() {
	w.t.Helper()
	ctx := w.ctx
	w.runs++
	_, err := w.db.Sequence(ctx)
	check(w.t, err)
	snap, err := w.db.Snapshot(ctx, w.merchant.ID)
	check(w.t, err)
	defer snap.Close()
	offers, err := snap.Offers(ctx)
	check(w.t, err)
	var profiles []feed.Profile
	for _, o := range offers {
		profiles = append(profiles, o.Profile)
	}
	decoded := func(list iter.Seq2[partner.StoredProduct, error]) iter.Seq2[*feed.Product, error] {
		return func(yield func(*feed.Product, error) bool) {
			var p feed.Product
			for stored, err := range list {
				if err == nil {
					err = record.Decode(stored.Doc, &p)
				}
				if !yield(&p, err) || err != nil {
					return
				}
			}
		}
	}
	pol := feed.MustLanguage("pol")
	dicts := &feed.Dictionaries{}
	run := fmt.Sprintf("r%d", w.runs)
	_, err = publish.Do(ctx, w.db, publish.NewStoreBin(w.store, run), publish.Request{
		Merchant: string(w.merchant.ID), RunID: run, Profiles: profiles, Now: w.Now(), Spool: w.t.TempDir(),
		Settings: publish.Settings{Zone: time.UTC, FullEvery: 1000 * time.Hour, FullShare: 101, Gzip: true},
		Catalog: publish.Catalog{Products: func(ctx context.Context) iter.Seq2[*feed.Product, error] { return decoded(snap.Products(ctx)) },
			Known: dicts, Dictionaries: func() *feed.Dictionaries { return dicts }, Language: pol, Currency: feed.MustCurrency("PLN")}})
	check(w.t, err)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t testing.TB, what string, err error, kind feed.ErrorKind) {
	t.Helper()
	if err == nil || feed.KindOf(err) != kind {
		t.Errorf("%s: got error %v of kind %d, want kind %d", what, err, feed.KindOf(err), kind)
	}
}

func pln() feed.Profile {
	return feed.Profile{Currency: feed.MustCurrency("PLN"), Languages: []feed.Language{feed.MustLanguage("pol")}}
}

func percent(t testing.TB, s string) feed.Percent {
	t.Helper()
	return feedtest.Parsed(t, feed.ParseDiscount, s)
}
