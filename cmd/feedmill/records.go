package main

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/admin"
	"feedmill/internal/auth"
	"feedmill/internal/config"
	"feedmill/internal/download"
	"feedmill/internal/job/work"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
	"feedmill/internal/proof"
	"feedmill/storage/postgres"
	"feedmill/storage/sqlite"
)

// records is what the commands ask of a database, whichever it is.
type records interface {
	publish.Ledger
	download.Records
	download.LedgerRecords
	accounts
	auth.Records
	admin.Journal
	manage.Records
	work.Accounts
	catalogs
	publications
	garbage
	proof.Retained
	Snapshot(ctx context.Context, merchant partner.MerchantID) (snapshot, error)
	// ChangeLag gives the number of changes that are not in every feed, and when
	// the oldest of them was made.
	ChangeLag(ctx context.Context) (n int64, oldest time.Time, err error)
	// RefreshKeys moves offers whose profile a newer program names otherwise.
	RefreshKeys(ctx context.Context) (int, error)
	Subscribe(fn func()) (cancel func())
	Ping(ctx context.Context) error
	Close() error
}

// accounts are what only the operator makes and finds.
type accounts interface {
	CreateMerchant(ctx context.Context, actor partner.Actor, m partner.Merchant) (partner.Merchant, error)
	Merchants(ctx context.Context) ([]partner.Merchant, error)
}

// catalogs are the products on their way in, and what they change.
type catalogs interface {
	StageProducts(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, seq iter.Seq2[partner.StagedProduct, error]) (int64, error)
	StageDictionaries(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, doc []byte, version int64) error
	PlanMerge(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, mode partner.MergeMode, removed []feed.ProductID) (partner.MergePlan, error)
	Merge(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ImportID, mode partner.MergeMode, removed []feed.ProductID) (partner.MergePlan, error)
	DiscardImport(ctx context.Context, merchant partner.MerchantID, id partner.ImportID) error
	SweepImports(ctx context.Context, before time.Time) (int, error)
	Dictionaries(ctx context.Context, merchant partner.MerchantID) (partner.Document, error)
}

// publications are what lies between a change and the files that show it.
type publications interface {
	publish.Holds
	Sequence(ctx context.Context) (int64, error)
	SettleEvents(ctx context.Context, merchant partner.MerchantID, upTo int64) error
	Unsettled(ctx context.Context) ([]partner.MerchantID, error)
	FinishRun(ctx context.Context, merchant partner.MerchantID, runID string, end publish.RunEnd) error
	Runs(ctx context.Context, merchant partner.MerchantID, before int64, limit int) ([]publish.RunRecord, error)
	HeldGenerations(ctx context.Context, merchant partner.MerchantID) ([]publish.HeldRecord, error)
	ReleaseHeld(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, runID string) ([]publish.HeldRecord, error)
	DiscardHeld(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, runID string) ([]publish.HeldRecord, error)
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
	Head(ctx context.Context) (int64, error)
	Changes(ctx context.Context, after int64, limit int) (publish.Hint, error)
	Unnumbered(ctx context.Context, limit int) (publish.Hint, error)
	ProductsByID(ctx context.Context, ids []feed.ProductID) iter.Seq2[partner.StoredProduct, error]
	Terms(ctx context.Context) (feed.Terms, error)
	partner.Pricer
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
type shared struct {
	*postgres.DB
	close func()
}

// Close implements records.
func (s shared) Close() error {
	err := s.DB.Close()
	s.close()
	return err
}

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
	return secretFile("database.url_file", d.URLFile, "name a file that holds a URL such as postgres://feedmill:password@db.example.com/feedmill")
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
	jobs := newChangeJobs(url, cfg.Jobs.PublishEvery)
	db, err := postgres.Open(ctx, url, postgres.Options{Now: now, OnChange: jobs.onChange()})
	if err != nil {
		return nil, err
	}
	return shared{db, jobs.Close}, nil
}

var (
	_ records = embedded{}
	_ records = shared{}
)
