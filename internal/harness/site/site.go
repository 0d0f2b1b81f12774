// Package site is a whole installation in one process, for test programs: records
// and store as they are, runs, sweeps, edges and proofs joined the way that the
// program joins them.
//
// It owns that wiring and small catalogs to publish; it refuses to know what the
// tests do with them, and is no part of the program.
package site

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/record"
	"feedmill/feed/verify"
	"feedmill/internal/download"
	"feedmill/internal/job/work"
	"feedmill/internal/partner"
	"feedmill/internal/proof"
	"feedmill/storage"
)

// Site is an installation with one merchant.
type Site struct {
	Records  Records
	Store    storage.Store
	Merchant partner.Merchant
	// Dir is a folder for files under way.
	Dir string
	// Now is the clock of runs, sweeps and edges. Elapsed, when set, is one that
	// nobody can set, for sweeps.
	Now     func() time.Time
	Elapsed func() time.Duration
	// Settings are those of every run.
	Settings publish.Settings
	// Monotonic measures leases. Default: the machine's.
	Monotonic publish.Monotonic

	sweeper *work.Work
}

// Actor is who changes things in test programs.
var Actor = partner.Actor{Name: "harness", Role: "operator"}

// NewMerchant makes the site's merchant and his shop.
func (s *Site) NewMerchant(ctx context.Context) (shop partner.ShopID, err error) {
	s.Merchant, err = s.Records.CreateMerchant(ctx, Actor, partner.Merchant{ID: partner.NewMerchantID(), Name: "Nord", SharingEnabled: true,
		Language: feed.MustLanguage("pol"), Currency: feed.MustCurrency("PLN"), Supplier: feed.Supplier{Name: "Nord"}})
	if err != nil {
		return shop, err
	}
	shop = partner.NewShopID()
	return shop, s.Records.CreateShop(ctx, Actor, partner.Shop{ID: shop, Merchant: s.Merchant.ID, Number: 1, Name: "Main"})
}

// Offer is a partner with one offer and one link to it.
type Offer struct {
	Partner partner.Partner
	Offer   partner.Offer
	Link    partner.LinkID
	Secret  partner.Secret
}

// Address gives the path of the offer's gateway.
func (o *Offer) Address() string { return "/o/" + o.Secret.Reveal() + "/gateway.xml" }

// NewOffer makes a partner and an offer of one profile.
func (s *Site) NewOffer(ctx context.Context, shop partner.ShopID, name string, profile feed.Profile) (o Offer, err error) {
	o.Partner, err = s.Records.CreatePartner(ctx, Actor, partner.Partner{ID: partner.NewID(), Merchant: s.Merchant.ID, Name: name, State: partner.StateActive, FeedEnabled: true})
	if err != nil {
		return o, err
	}
	o.Offer, err = s.Records.CreateOffer(ctx, Actor, partner.Offer{ID: partner.NewOfferID(), Merchant: s.Merchant.ID, Partner: o.Partner.ID, Shop: shop,
		Name: "offer", Profile: profile, FeedEnabled: true})
	if err != nil {
		return o, err
	}
	return o, s.NewLink(ctx, &o)
}

// NewLink gives an offer a further link, which becomes the one at hand.
func (s *Site) NewLink(ctx context.Context, o *Offer) error {
	link, secret := partner.NewLink(s.Merchant.ID, o.Offer.ID, "link", s.Now(), time.Time{})
	o.Link, o.Secret = link.ID, secret
	return s.Records.CreateLink(ctx, Actor, link)
}

// Run is one run of a site.
type Run struct {
	// Ledger and Bin stand before the site's records and store; nil takes those.
	Ledger publish.Ledger
	Store  storage.Store
	// ID names the run. Default: a random one.
	ID string
	// Settings replace the site's when they are set.
	Settings *publish.Settings
}

// Publish makes one run for all offers, as the program does.
func (s *Site) Publish(ctx context.Context, r Run) (report publish.Report, err error) {
	if r.Ledger == nil {
		r.Ledger = s.Records
	}
	if r.Store == nil {
		r.Store = s.Store
	}
	if r.ID == "" {
		r.ID = strings.ToLower(rand.Text())
	}
	if r.Settings == nil {
		r.Settings = &s.Settings
	}
	if _, err := s.Records.Sequence(ctx); err != nil {
		return report, err
	}
	snap, err := s.Records.Snapshot(ctx, s.Merchant.ID)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	head, err := snap.Head(ctx)
	if err != nil {
		return report, err
	}
	doc, err := snap.Dictionaries(ctx)
	if err != nil {
		return report, err
	}
	dicts := &feed.Dictionaries{}
	if doc.Version > 0 {
		if err := record.DecodeDictionaries(doc.Doc, dicts); err != nil {
			return report, err
		}
	}
	offers, err := snap.Offers(ctx)
	if err != nil {
		return report, err
	}
	var profiles []feed.Profile
	for i := range offers {
		profiles = append(profiles, offers[i].Profile)
	}
	terms, err := snap.Terms(ctx)
	if err != nil {
		return report, err
	}
	lists := partner.ListsOf(profiles)
	spool, err := os.MkdirTemp(s.Dir, "spool")
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(spool)) }()
	report, err = publish.Do(ctx, r.Ledger, publish.NewStoreBin(r.Store, r.ID), publish.Request{Merchant: string(s.Merchant.ID), RunID: r.ID,
		Profiles: profiles, Settings: *r.Settings, Now: s.Now(), Spool: spool, Monotonic: s.Monotonic,
		Catalog: publish.Catalog{Known: dicts, Dictionaries: func() *feed.Dictionaries { return dicts },
			Language: s.Merchant.Language, Currency: s.Merchant.Currency, Supplier: s.Merchant.Supplier, Head: head, Terms: terms,
			Products: func(ctx context.Context) iter.Seq2[*feed.Product, error] {
				return partner.Priced(ctx, snap.Products(ctx), lists, snap, true)
			},
			Changes:    func(ctx context.Context, after int64) (publish.Hint, error) { return snap.Changes(ctx, after, 0) },
			Unnumbered: func(ctx context.Context) (publish.Hint, error) { return snap.Unnumbered(ctx, 0) },
			Done:       snap.Close,
			ByID: func(ctx context.Context, ids []feed.ProductID) iter.Seq2[*feed.Product, error] {
				return partner.Priced(ctx, snap.ProductsByID(ctx, ids), lists, snap, false)
			},
		}})
	return report, err
}

// Sweep makes one sweep of the merchant's blobs and one look for what runs have
// left.
func (s *Site) Sweep(ctx context.Context) error {
	if err := s.sweep(ctx, work.Sweep{Merchant: s.Merchant.ID}); err != nil {
		return err
	}
	_, err := s.sweeper.Orphans(ctx, s.Merchant.ID, false)
	return err
}

// SweepLeftovers makes the daily sweep of what belongs to no merchant: imports,
// uploads and files that were broken off.
func (s *Site) SweepLeftovers(ctx context.Context) error { return s.sweep(ctx, work.Sweep{}) }

func (s *Site) sweep(ctx context.Context, do work.Sweep) error {
	if s.sweeper == nil {
		s.sweeper = work.New(work.Options{Records: alike{s.Records, s.Now}, Garbage: s.Records, History: s.Records, Uploads: s.Records, Imports: s.Records,
			Store: s.Store, Now: s.Now, Elapsed: s.Elapsed})
	}
	kinds, err := s.sweeper.Kinds()
	if err != nil {
		return err
	}
	args, err := json.Marshal(do)
	if err != nil {
		return err
	}
	return kinds.Do(ctx, do.Kind(), args)
}

// alike are records whose clock is the site's: that of a database server cannot be
// set, and a sweep refuses to work where the two tell different times.
type alike struct {
	Records
	now func() time.Time
}

// Time implements [publish.Clock].
func (a alike) Time(context.Context) (time.Time, error) { return a.now(), nil }

// Edge makes a file server over the site's records and a store, which is the
// site's own when it is nil. Nobody is limited. The caller refreshes or runs it.
func (s *Site) Edge(public string, blobs download.Blobs) *download.Server {
	if blobs == nil {
		blobs = s.Store
	}
	return download.New(s.Records, blobs, download.Options{PublicURL: public, Now: s.Now, Log: slog.New(slog.DiscardHandler),
		Limits: download.Limits{GatewaysPerLink: -1, FilesPerLink: -1, WholesPerDay: -1, GatewaysPerAddress: -1, FilesPerAddress: -1,
			RunningPerLink: -1, RunningPerAddress: -1, Running: -1}})
}

// Client asks a handler, without a network between. An answer that the handler
// breaks off is an error.
func Client(h http.Handler) *http.Client { return &http.Client{Transport: handled{h}} }

type handled struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (h handled) RoundTrip(r *http.Request) (res *http.Response, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the answer breaks off: %v", v)
		}
	}()
	w := recorder{httptest.NewRecorder()}
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// recorder takes deadlines like a connection, and has all the time there is.
type recorder struct{ *httptest.ResponseRecorder }

func (recorder) SetWriteDeadline(time.Time) error { return nil }

// Prove has everything that is kept for the merchant proved from records and store alone.
func (s *Site) Prove(ctx context.Context) (verify.Report, error) {
	report, err := verify.Records(ctx, proof.Of(s.Records, s.Merchant.ID), s.Store, verify.Options{Now: s.Now(), Temp: s.Dir})
	if err != nil {
		return report, fmt.Errorf("prove what is kept: %w", err)
	}
	return report, nil
}
