package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/config"
	"feedmill/internal/download"
	"feedmill/internal/partner"
	"feedmill/storage/postgres"
	"feedmill/storage/sqlite"
)

// records is what the commands ask of a database, whichever it is.
type records interface {
	publish.Ledger
	download.Records
	accounts
	catalogs
	garbage
	Snapshot(ctx context.Context, merchant partner.MerchantID) (snapshot, error)
	// RefreshKeys moves offers whose profile a newer program names otherwise.
	RefreshKeys(ctx context.Context) (int, error)
	Subscribe(fn func()) (cancel func())
	Ping(ctx context.Context) error
	Close() error
}

// accounts are the people and their switches.
type accounts interface {
	CreateMerchant(ctx context.Context, actor partner.Actor, m partner.Merchant) (partner.Merchant, error)
	Merchants(ctx context.Context) ([]partner.Merchant, error)
	CreateShop(ctx context.Context, actor partner.Actor, s partner.Shop) error
	Shops(ctx context.Context, merchant partner.MerchantID) ([]partner.Shop, error)
	CreatePartner(ctx context.Context, actor partner.Actor, p partner.Partner) (partner.Partner, error)
	Partners(ctx context.Context, merchant partner.MerchantID) ([]partner.Partner, error)
	SetPartnerFeed(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, on bool, version int64) (partner.Partner, error)
	CreateOffer(ctx context.Context, actor partner.Actor, o partner.Offer) (partner.Offer, error)
	Offers(ctx context.Context, merchant partner.MerchantID, of partner.ID) ([]partner.Offer, error)
	CreateLink(ctx context.Context, actor partner.Actor, l partner.Link) error
}

// catalogs are the products on their way in, and what they change.
type catalogs interface {
	StageProducts(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, seq iter.Seq2[partner.StagedProduct, error]) (int64, error)
	StageDictionaries(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, doc []byte, version int64) error
	PlanMerge(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, mode partner.MergeMode, removed []feed.ProductID) (partner.MergePlan, error)
	Merge(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ImportID, mode partner.MergeMode, removed []feed.ProductID) (partner.MergePlan, error)
	DiscardImport(ctx context.Context, merchant partner.MerchantID, id partner.ImportID) error
	Dictionaries(ctx context.Context, merchant partner.MerchantID) (partner.Document, error)
	Changes(ctx context.Context, merchant partner.MerchantID, limit int) ([]partner.Change, error)
	DropChanges(ctx context.Context, merchant partner.MerchantID, seqs []int64) error
}

// snapshot is one state of a merchant's records.
type snapshot struct {
	Merchant partner.Merchant
	snapshotReader
}

type snapshotReader interface {
	Products(ctx context.Context) iter.Seq2[partner.StoredProduct, error]
	Dictionaries(ctx context.Context) (partner.Document, error)
	Partners(ctx context.Context) ([]partner.Partner, error)
	Offers(ctx context.Context) ([]partner.Offer, error)
	Close() error
}

// embedded is the records in one SQLite file.
type embedded struct{ *sqlite.DB }

// Snapshot implements records.
func (e embedded) Snapshot(ctx context.Context, merchant partner.MerchantID) (snapshot, error) {
	s, err := e.DB.Snapshot(ctx, merchant)
	if err != nil {
		return snapshot{}, err
	}
	return snapshot{s.Merchant, s}, nil
}

// openEmbedded opens the SQLite file at path, made and brought up to date
// where it is missing.
func openEmbedded(ctx context.Context, path string, opt sqlite.Options) (records, error) {
	if _, err := sqlite.Migrate(ctx, path, opt); err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, path, opt)
	if err != nil {
		return nil, err
	}
	// A newer program may name the feeds of profiles otherwise.
	if _, err := db.RefreshKeys(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return embedded{db}, nil
}

// shared is the records in PostgreSQL, which any number of processes share.
type shared struct{ *postgres.DB }

// Snapshot implements records.
func (s shared) Snapshot(ctx context.Context, merchant partner.MerchantID) (snapshot, error) {
	snap, err := s.DB.Snapshot(ctx, merchant)
	if err != nil {
		return snapshot{}, err
	}
	return snapshot{snap.Merchant, snap}, nil
}

// databaseURL reads the connection URL, a secret, from the file that the
// settings name.
func databaseURL(d *config.Database) (string, error) {
	if d.URLFile == "" {
		return "", &feed.Error{Kind: feed.KindInvalid, Message: "setting database.url_file is missing",
			Hint: "name a file that holds a URL such as postgres://feedmill:password@db.example.com/feedmill"}
	}
	data, err := os.ReadFile(d.URLFile)
	if err != nil {
		return "", fmt.Errorf("setting database.url_file: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// openRecords opens the database that the settings name. The embedded one is
// made and brought up to date where it is missing; the schema of a shared one
// changes by 'feedmill migrate' alone.
func openRecords(ctx context.Context, cfg *config.Config, now func() time.Time) (records, error) {
	if cfg.Database.Kind != "postgres" {
		return openEmbedded(ctx, filepath.Join(cfg.Data, "feedmill.db"), sqlite.Options{Now: now})
	}
	url, err := databaseURL(&cfg.Database)
	if err != nil {
		return nil, err
	}
	db, err := postgres.Open(ctx, url, postgres.Options{Now: now})
	if err != nil {
		return nil, err
	}
	return shared{db}, nil
}

var (
	_ records = embedded{}
	_ records = shared{}
)
