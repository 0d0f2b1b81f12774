package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/consumer"
	"feedmill/feed/feedtest"
	"feedmill/feed/publish"
	"feedmill/internal/download"
	"feedmill/internal/partner"
	"feedmill/storage"
	"feedmill/storage/fsstore"
	"feedmill/storage/sqlite"
	"feedmill/storage/sqlite/sqlitetest"
)

// supplier publishes a catalog into real records and a real store, and serves
// it as feedmill does. Beside the merchant there is another one with the same
// catalog who makes a full file in every run: the copy's touchstone.
type supplier struct {
	t        *testing.T
	db       *sqlite.DB
	store    storage.Store
	srv      *download.Server
	now      time.Time
	products map[feed.ProductID]*feed.Product
	whole    partner.MerchantID
	own      partner.MerchantID
	profile  feed.Profile
	gateway  string
	runs     int
}

var actor = partner.Actor{Name: "anna", Role: "owner"}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newSupplier(t *testing.T) *supplier {
	t.Helper()
	s := &supplier{t: t, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), products: map[feed.ProductID]*feed.Product{}}
	opt := sqlite.Options{Now: func() time.Time { return s.now }}
	s.db = sqlitetest.Open(t, opt)
	files, err := fsstore.Open(t.TempDir(), fsstore.Options{})
	check(t, err)
	t.Cleanup(func() { files.Close() })
	s.store = files
	s.profile = feed.Profile{Currency: feed.MustCurrency("PLN"), Languages: []feed.Language{feed.MustLanguage("pol")}}
	s.own = s.merchant()
	s.whole = s.merchant()
	shop := partner.Shop{ID: partner.NewShopID(), Merchant: s.own, Number: 1, Name: "Main"}
	check(t, s.db.CreateShop(t.Context(), actor, shop))
	p, err := s.db.CreatePartner(t.Context(), actor, partner.Partner{ID: partner.NewID(), Merchant: s.own, Name: "Bike", FeedEnabled: true})
	check(t, err)
	o, err := s.db.CreateOffer(t.Context(), actor, partner.Offer{ID: partner.NewOfferID(), Merchant: s.own, Partner: p.ID, Shop: shop.ID, Name: "Main shop", FeedEnabled: true, Profile: s.profile})
	check(t, err)
	l, secret := partner.NewLink(s.own, o.ID, "shop software", s.now, time.Time{})
	check(t, s.db.CreateLink(t.Context(), actor, l))
	s.srv = download.New(s.db, s.store, download.Options{Now: func() time.Time { return s.now }, Log: slog.New(slog.DiscardHandler)})
	check(t, s.srv.Refresh(t.Context()))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	server := &http.Server{Handler: s.srv, ConnContext: download.ConnContext}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	s.gateway = "http://" + listener.Addr().String() + "/o/" + secret.Reveal() + "/gateway.xml"
	return s
}

func (s *supplier) merchant() partner.MerchantID {
	vat, err := feed.ParsePercent("23")
	check(s.t, err)
	m, err := s.db.CreateMerchant(s.t.Context(), actor, partner.Merchant{ID: partner.NewMerchantID(), Name: "Hurtownia", SharingEnabled: true,
		Supplier: feed.Supplier{Name: "Hurtownia", ShortName: "hurt"}, Language: feed.MustLanguage("pol"), Currency: feed.MustCurrency("PLN"), VAT: vat})
	check(s.t, err)
	return m.ID
}

// publish makes what is due for both merchants and shows it.
func (s *supplier) publish() (published bool) {
	s.t.Helper()
	for _, m := range []partner.MerchantID{s.own, s.whole} {
		settings := publish.Settings{Gzip: m == s.own, MaxLoss: 100}
		if m == s.whole {
			settings.FullEvery = -1
		}
		s.runs++
		run := fmt.Sprintf("run-%d", s.runs)
		report, err := publish.Do(s.t.Context(), s.db, publish.NewStoreBin(s.store, run), publish.Request{Merchant: string(m), RunID: run, Profiles: []feed.Profile{s.profile},
			Settings: settings, Now: s.now, Spool: s.t.TempDir(), Catalog: s.catalog()})
		check(s.t, err)
		for _, f := range report.Feeds {
			published = published || f.Published
		}
	}
	check(s.t, s.srv.Refresh(s.t.Context()))
	return published
}

func (s *supplier) catalog() publish.Catalog {
	dictionaries := &feed.Dictionaries{}
	return publish.Catalog{Language: feed.MustLanguage("pol"), Currency: feed.MustCurrency("PLN"), Dictionaries: func() *feed.Dictionaries { return dictionaries },
		Products: func(context.Context) iter.Seq2[*feed.Product, error] {
			return func(yield func(*feed.Product, error) bool) {
				var ids []feed.ProductID
				for id := range s.products {
					ids = append(ids, id)
				}
				slices.Sort(ids)
				for _, id := range ids {
					p := *s.products[id]
					if !yield(&p, nil) {
						return
					}
				}
			}
		}}
}

// file gives the present bytes of a kind.
func (s *supplier) file(m partner.MerchantID, kind feed.Kind) []byte {
	s.t.Helper()
	ref := publish.FeedRef{Merchant: string(m), Kind: feed.KindFull, Key: s.profile.FullKey()}
	if kind == feed.KindLight {
		ref = publish.FeedRef{Merchant: string(m), Kind: kind, Key: s.profile.LightKey()}
	}
	g, ok, err := s.db.Current(s.t.Context(), ref)
	check(s.t, err)
	if !ok || g.File(kind) == nil {
		s.t.Fatalf("there is no %s", kind)
	}
	r, _, err := s.store.Open(s.t.Context(), g.File(kind).Plain.Key, storage.Range{})
	check(s.t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	check(s.t, err)
	return b
}

// products makes n random products of different ids.
func products(n, seed int) (list []*feed.Product) {
	seen := map[feed.ProductID]bool{}
	for ; len(list) < n; seed++ {
		if p := feedtest.Product().Example(seed); !seen[p.ID] {
			seen[p.ID] = true
			list = append(list, p)
		}
	}
	return list
}

// TestMirrorOfRealPublications follows a catalog through its generations, at
// each one or at some of them: the copy is the full file that a run would have
// made, byte for byte, and the light file and the dictionaries are the served
// ones.
func TestMirrorOfRealPublications(t *testing.T) {
	t.Parallel()
	for _, every := range []int{1, 3} {
		t.Run(fmt.Sprintf("every %d", every), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(every), 11))
			s := newSupplier(t)
			stock, other := products(60, 0), products(60, 1000)
			for _, p := range stock[:50] {
				s.products[p.ID] = p
			}
			dir := filepath.Join(t.TempDir(), "offer")
			c, err := consumer.New(s.gateway, dir, consumer.Options{Now: func() time.Time { return s.now }, MaxLoss: 100})
			check(t, err)
			defer c.Close()
			applied, fulls := 0, 0
			for step := range 14 {
				if step > 0 {
					s.now = s.now.Add(30 * time.Minute)
					if step == 7 {
						s.now = s.now.Add(25 * time.Hour) // a new full file is due
					}
					for range r.IntN(4) {
						switch p := stock[r.IntN(len(stock))]; r.IntN(4) {
						case 0:
							delete(s.products, p.ID)
						case 1: // as it was at first
							s.products[p.ID] = p
						default: // another one under the same id
							changed := *other[r.IntN(len(other))]
							changed.ID, changed.Group, changed.Bundled, changed.Type = p.ID, nil, nil, feed.TypeRegular
							s.products[p.ID] = &changed
						}
					}
				}
				s.publish()
				if step%every != 0 {
					continue
				}
				report, err := c.Sync(t.Context())
				check(t, err)
				applied += report.Applied
				if report.Full {
					fulls++
				}
				for kind, want := range map[feed.Kind][]byte{feed.KindFull: s.file(s.whole, feed.KindFull), feed.KindLight: s.file(s.own, feed.KindLight), feed.KindSizes: s.file(s.own, feed.KindSizes)} {
					got, err := os.ReadFile(filepath.Join(dir, kind.FileName("")))
					check(t, err)
					if !bytes.Equal(got, want) {
						t.Fatalf("step %d: %s differs: %d bytes, want %d", step, kind, len(got), len(want))
					}
				}
			}
			if applied < 3 || fulls != 1 {
				t.Errorf("%d changes were applied and %d full files fetched; the first full file alone was needed", applied, fulls)
			}
		})
	}
}
