package site

import (
	"cmp"
	"context"
	"iter"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/download"
	"feedmill/internal/job/work"
	"feedmill/internal/partner"
	"feedmill/internal/proof"
	"feedmill/storage/postgres"
	"feedmill/storage/sqlite"
)

// Records is what a site asks of a database, whichever it is.
type Records interface {
	publish.Ledger
	publish.Leases
	publish.Attempts
	publish.Holds
	publish.Floors
	publish.Clock
	download.Records
	work.Garbage
	work.History
	work.Uploads
	work.Imports
	proof.Retained
	accounts
	prices
	catalogs
	Sequence(ctx context.Context) (int64, error)
	EventNumber(ctx context.Context, merchant partner.MerchantID, queue int64, wait time.Duration) (number int64, ok bool, err error)
	Unsettled(ctx context.Context) ([]partner.MerchantID, error)
	Snapshot(ctx context.Context, merchant partner.MerchantID) (Snapshot, error)
	Subscribe(fn func()) (cancel func())
	Close() error
}

type accounts interface {
	CreateMerchant(ctx context.Context, actor partner.Actor, m partner.Merchant) (partner.Merchant, error)
	Merchants(ctx context.Context) ([]partner.Merchant, error)
	CreateShop(ctx context.Context, actor partner.Actor, s partner.Shop) error
	CreatePartner(ctx context.Context, actor partner.Actor, p partner.Partner) (partner.Partner, error)
	Partner(ctx context.Context, merchant partner.MerchantID, id partner.ID) (partner.Partner, error)
	SetPartnerFeed(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, on bool, version int64) (partner.Partner, error)
	CreateOffer(ctx context.Context, actor partner.Actor, o partner.Offer) (partner.Offer, error)
	Offer(ctx context.Context, merchant partner.MerchantID, id partner.OfferID) (partner.Offer, error)
	UpdateOffer(ctx context.Context, actor partner.Actor, o partner.Offer) (partner.Offer, error)
	CreateLink(ctx context.Context, actor partner.Actor, l partner.Link) error
	RevokeLink(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.LinkID) error
}

type prices interface {
	Rates(ctx context.Context, merchant partner.MerchantID) ([]partner.Rate, error)
	SetRate(ctx context.Context, actor partner.Actor, r partner.Rate) (partner.Rate, error)
	DeleteRate(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, from, to feed.Currency, version int64) error
	CreatePriceList(ctx context.Context, actor partner.Actor, l partner.PriceList) (partner.PriceList, error)
	PutListPrices(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id feed.PriceListID, edit partner.PriceEdit, version int64) (partner.PriceList, partner.PricePut, error)
}

type catalogs interface {
	StageProducts(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, seq iter.Seq2[partner.StagedProduct, error]) (int64, error)
	StageDictionaries(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, doc []byte, version int64) error
	Dictionaries(ctx context.Context, merchant partner.MerchantID) (partner.Document, error)
	PutProducts(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, put []partner.StagedProduct, removed []feed.ProductID) (partner.PutResult, error)
}

// Snapshot is one state of a merchant's records.
type Snapshot interface {
	Products(ctx context.Context) iter.Seq2[partner.StoredProduct, error]
	ProductsByID(ctx context.Context, ids []feed.ProductID) iter.Seq2[partner.StoredProduct, error]
	Terms(ctx context.Context) (feed.Terms, error)
	partner.Pricer
	Dictionaries(ctx context.Context) (partner.Document, error)
	Offers(ctx context.Context) ([]partner.Offer, error)
	Head(ctx context.Context) (int64, error)
	Changes(ctx context.Context, after int64, limit int) (publish.Hint, error)
	Unnumbered(ctx context.Context, limit int) (publish.Hint, error)
	Close() error
}

// Embedded is the records in one SQLite file.
type Embedded struct{ *sqlite.DB }

// Snapshot implements [Records].
func (e Embedded) Snapshot(ctx context.Context, merchant partner.MerchantID) (Snapshot, error) {
	return e.DB.Snapshot(ctx, merchant)
}

// Shared is the records in PostgreSQL.
type Shared struct{ *postgres.DB }

// Snapshot implements [Records].
func (s Shared) Snapshot(ctx context.Context, merchant partner.MerchantID) (Snapshot, error) {
	return s.DB.Snapshot(ctx, merchant)
}

var (
	_ Records = Embedded{}
	_ Records = Shared{}
)

// patience is how long a statement may take: an installation that is tested is to
// fail by one that hangs, and not because the machine is busy.
const patience = 5 * time.Minute

// OpenEmbedded opens the SQLite file at path, made where it is missing. Statements,
// and waits for another that writes, may take minutes unless opt sets a limit.
func OpenEmbedded(ctx context.Context, path string, opt sqlite.Options) (Records, error) {
	opt.StatementTimeout = cmp.Or(opt.StatementTimeout, patience)
	opt.BusyTimeout = cmp.Or(opt.BusyTimeout, patience)
	if _, err := sqlite.Migrate(ctx, path, opt); err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, path, opt)
	if err != nil {
		return nil, err
	}
	return Embedded{db}, nil
}

// OpenShared opens a PostgreSQL database whose schema is up to date.
func OpenShared(ctx context.Context, url string, opt postgres.Options) (Records, error) {
	db, err := postgres.Open(ctx, url, opt)
	if err != nil {
		return nil, err
	}
	return Shared{db}, nil
}
