package work_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/record"
	"feedmill/internal/job"
	"feedmill/internal/job/work"
	"feedmill/internal/partner"
	"feedmill/storage"
	"feedmill/storage/fsstore"
	"feedmill/storage/sqlite"
	"feedmill/storage/sqlite/sqlitetest"
)

var owner = partner.Actor{Name: "anna", Role: "owner"}

// house is a real database and a real store with one merchant and one offer.
type house struct {
	t        *testing.T
	db       *sqlite.DB
	store    *fsstore.Store
	merchant partner.MerchantID
	offer    partner.Offer
	now      time.Time
	elapsed  time.Duration
	runs     int
	full     []bool
	held     bool   // a run has held something
	missed   int64  // changes that runs found without hints
	during   func() // called in the middle of a run
	work     *work.Work
	kinds    *job.Kinds
}

func setup(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	ctx := t.Context()
	dir := t.TempDir()
	clock := func() time.Time { return h.now }
	h.db = sqlitetest.OpenAt(t, filepath.Join(dir, "feedmill.db"), sqlite.Options{Now: clock})
	var err error
	if h.store, err = fsstore.Open(filepath.Join(dir, "store"), fsstore.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, h.store.Close()) })
	m, err := h.db.CreateMerchant(ctx, owner, partner.Merchant{ID: partner.NewMerchantID(), Name: "Shop", SharingEnabled: true,
		Language: feed.MustLanguage("pol"), Currency: feed.MustCurrency("PLN"), ZoneOffset: time.Hour})
	check(t, err)
	h.merchant = m.ID
	shop := partner.Shop{ID: partner.NewShopID(), Merchant: m.ID, Number: 1, Name: "Main"}
	check(t, h.db.CreateShop(ctx, owner, shop))
	p, err := h.db.CreatePartner(ctx, owner, partner.Partner{ID: partner.NewID(), Merchant: m.ID, Name: "Nord", FeedEnabled: true})
	check(t, err)
	h.offer, err = h.db.CreateOffer(ctx, owner, partner.Offer{ID: partner.NewOfferID(), Merchant: m.ID, Partner: p.ID, Shop: shop.ID, Name: "Main",
		Profile: feed.Profile{Currency: m.Currency, Languages: []feed.Language{m.Language}}, FeedEnabled: true})
	check(t, err)
	h.work = work.New(work.Options{Records: h.db, Garbage: h.db, History: h.db, Uploads: h.db, Imports: h.db, Store: h.store, Publish: h.publish, Now: clock,
		Elapsed: func() time.Duration { return h.elapsed }})
	h.kinds, err = h.work.Kinds()
	check(t, err)
	return h
}

// published is a house whose catalog of n products is published.
func published(t *testing.T, n int) *house {
	t.Helper()
	h := setup(t)
	h.merge(n, "1")
	check(t, h.do(work.Publish{Merchant: h.merchant}))
	return h
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// publish is a whole run.
func (h *house) publish(ctx context.Context, id partner.MerchantID, full bool) error {
	h.runs++
	h.full = append(h.full, full)
	if _, err := h.db.Sequence(ctx); err != nil {
		return err
	}
	snap, err := h.db.Snapshot(ctx, id)
	if err != nil {
		return err
	}
	defer snap.Close()
	head, err := snap.Head(ctx)
	if err != nil {
		return err
	}
	if h.during != nil {
		h.during()
	}
	pol := feed.MustLanguage("pol")
	dicts := &feed.Dictionaries{Warehouses: []feed.Warehouse{{ID: 1, Names: feed.Texts{{Lang: pol, Value: "Magazyn"}}}},
		Categories: []feed.Category{{ID: "1", Names: feed.Texts{{Lang: pol, Value: "Rzeczy"}}}},
		Units:      []feed.Unit{{ID: "0", Names: feed.Texts{{Lang: pol, Value: "szt."}}}},
		SizeGroups: []feed.SizeGroup{{ID: feed.OneSizeGroup, Name: "one size", Sizes: []feed.SizeEntry{{ID: "uniw", Names: feed.Texts{{Lang: pol, Value: "one size"}}}}}}}
	decoded := func(list iter.Seq2[partner.StoredProduct, error]) iter.Seq2[*feed.Product, error] {
		return func(yield func(*feed.Product, error) bool) {
			var dec record.Decoder
			var p feed.Product
			for stored, err := range list {
				if err == nil {
					err = dec.Decode(stored.Doc, &p)
				}
				if !yield(&p, err) || err != nil {
					return
				}
			}
		}
	}
	products := func(ctx context.Context) iter.Seq2[*feed.Product, error] { return decoded(snap.Products(ctx)) }
	run := fmt.Sprintf("r%d", h.runs)
	report, err := publish.Do(ctx, h.db, publish.NewStoreBin(h.store, run), publish.Request{
		Merchant: string(id), RunID: run, Profiles: []feed.Profile{h.offer.Profile}, Settings: publish.Settings{Force: full, Zone: snap.Merchant.Zone(), FullEvery: 1000 * time.Hour, FullShare: 101},
		Now: h.now, Spool: h.t.TempDir(), Catalog: publish.Catalog{Products: products, Known: dicts,
			Dictionaries: func() *feed.Dictionaries { return dicts }, Language: pol, Currency: snap.Merchant.Currency,
			Head: head, Changes: func(ctx context.Context, after int64) (publish.Hint, error) { return snap.Changes(ctx, after, 0) },
			ByID: func(ctx context.Context, ids []feed.ProductID) iter.Seq2[*feed.Product, error] {
				return decoded(snap.ProductsByID(ctx, ids))
			}}})
	if err != nil {
		return err
	}
	for i := range report.Feeds {
		h.held = h.held || report.Feeds[i].Held != nil
		h.missed += report.Feeds[i].Missed
	}
	return h.db.SettleEvents(ctx, id, head)
}

// merge replaces the catalog by n products at a price.
func (h *house) merge(n int, price string) {
	h.t.Helper()
	ctx := h.t.Context()
	id := partner.NewImportID()
	pol := feed.MustLanguage("pol")
	vat, err := feed.ParsePercent("23")
	check(h.t, err)
	amount, err := feed.AmountOf(500)
	check(h.t, err)
	list, err := feed.PriceFromNet(amount, vat)
	check(h.t, err)
	_, err = h.db.StageProducts(ctx, h.merchant, id, func(yield func(partner.StagedProduct, error) bool) {
		for i := range n {
			p := feed.Product{ID: feed.ProductID(i + 1), Currency: feed.MustCurrency("PLN"), VAT: vat, Prices: feed.Prices{List: list},
				Category: feed.Reference{ID: "1"}, Unit: feed.Reference{ID: "0"}, Names: feed.Texts{{Lang: pol, Value: "Rzecz " + price}},
				SizeGroup: feed.Ref{ID: feed.OneSizeGroup, Name: "one size"},
				Sizes:     []feed.Size{{ID: "uniw", Name: "one size", Code: fmt.Sprint(i), Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(5)}}}}}
			doc := record.Append(nil, &p)
			if !yield(partner.StagedProduct{ID: p.ID, Doc: doc, Digest: sha256.Sum256(doc)}, nil) {
				return
			}
		}
	})
	check(h.t, err)
	_, err = h.db.Merge(ctx, owner, h.merchant, id, partner.MergeReplace, nil)
	check(h.t, err)
}

// due asks a schedule.
func (h *house) due(name string) []job.Args {
	h.t.Helper()
	for _, s := range h.work.Schedules() {
		if s.Name == name {
			slot := s.Slot(h.now)
			list, err := s.Jobs(h.t.Context(), slot.Add(-s.Every), slot)
			check(h.t, err)
			return list
		}
	}
	h.t.Fatalf("there is no schedule %s", name)
	return nil
}

// do carries a job out as a runner does.
func (h *house) do(args job.Args) error {
	h.t.Helper()
	raw, err := h.kinds.Encode(args)
	check(h.t, err)
	return h.kinds.Do(h.t.Context(), args.Kind(), raw)
}

// pass lets time go by, for both clocks.
func (h *house) pass(d time.Duration) { h.now, h.elapsed = h.now.Add(d), h.elapsed+d }

func (h *house) wantDue(schedule, want string) []job.Args {
	h.t.Helper()
	list := h.due(schedule)
	got := strings.ReplaceAll(fmt.Sprint(list), string(h.merchant), "M")
	if got != want {
		h.t.Errorf("%s at %s: got %s, want %s", schedule, h.now.Format(time.RFC3339), got, want)
	}
	return list
}

func (h *house) current(kind feed.Kind) publish.Generation {
	h.t.Helper()
	key := h.offer.Profile.FullKey()
	if kind == feed.KindLight {
		key = h.offer.Profile.LightKey()
	}
	g, ok, err := h.db.Current(h.t.Context(), publish.FeedRef{Merchant: string(h.merchant), Kind: kind, Key: key})
	if err != nil || !ok {
		h.t.Fatalf("current generation: %v, %v", ok, err)
	}
	return g
}

// readable checks that every listed file is there.
func (h *house) readable() {
	h.t.Helper()
	for _, k := range []feed.Kind{feed.KindFull, feed.KindLight} {
		g := h.current(k)
		for _, b := range append([]publish.Blob{g.State}, blobs(g.Files)...) {
			r, _, err := h.store.Open(h.t.Context(), b.Key, storage.Range{})
			if err == nil {
				_, err = io.Copy(io.Discard, r)
				err = errors.Join(err, r.Close())
			}
			if err != nil {
				h.t.Errorf("%s of generation %d: %v", b.Key, g.Number, err)
			}
		}
	}
}

func blobs(files []publish.File) (list []publish.Blob) {
	for _, f := range files {
		list = append(list, f.Plain)
	}
	return list
}

func (h *house) keys() (keys []string) {
	h.t.Helper()
	for i, err := range h.store.List(h.t.Context(), "") {
		check(h.t, err)
		keys = append(keys, i.Key)
	}
	return keys
}
