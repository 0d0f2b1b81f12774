package manage

import (
	"context"
	"io"
	"iter"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
	"feedmill/storage"
)

// Merchants are the merchants and their one switch.
type Merchants interface {
	Merchant(ctx context.Context, id partner.MerchantID) (partner.Merchant, error)
	UpdateMerchant(ctx context.Context, actor partner.Actor, m partner.Merchant) (partner.Merchant, error)
	SetSharing(ctx context.Context, actor partner.Actor, id partner.MerchantID, on bool, version int64) (partner.Merchant, error)
}

// Shops are a merchant's shops.
type Shops interface {
	Shops(ctx context.Context, merchant partner.MerchantID) ([]partner.Shop, error)
	CreateShop(ctx context.Context, actor partner.Actor, s partner.Shop) error
	UpdateShop(ctx context.Context, actor partner.Actor, s partner.Shop) (partner.Shop, error)
	DeleteShop(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ShopID) error
}

// Partners are a merchant's partners.
type Partners interface {
	Partners(ctx context.Context, merchant partner.MerchantID) ([]partner.Partner, error)
	Partner(ctx context.Context, merchant partner.MerchantID, id partner.ID) (partner.Partner, error)
	CreatePartner(ctx context.Context, actor partner.Actor, p partner.Partner) (partner.Partner, error)
	DeletePartner(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, version int64) error
}

// Offers are what partners receive.
type Offers interface {
	Offers(ctx context.Context, merchant partner.MerchantID, of partner.ID) ([]partner.Offer, error)
	Offer(ctx context.Context, merchant partner.MerchantID, id partner.OfferID) (partner.Offer, error)
	CreateOffer(ctx context.Context, actor partner.Actor, o partner.Offer) (partner.Offer, error)
	DeleteOffer(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.OfferID, version int64) error
}

// Switches change accounts, one or many in one act.
type Switches interface {
	ChangeAll(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, set partner.Changeset) (partner.Changeset, error)
	ApplySchedules(ctx context.Context, merchant partner.MerchantID) (int, error)
}

// Links are the addresses of offers.
type Links interface {
	Links(ctx context.Context, merchant partner.MerchantID, offer partner.OfferID) ([]partner.Link, error)
	Link(ctx context.Context, merchant partner.MerchantID, id partner.LinkID) (partner.Link, error)
	CreateLink(ctx context.Context, actor partner.Actor, l partner.Link) error
	RotateLink(ctx context.Context, actor partner.Actor, old partner.LinkID, l partner.Link, overlap time.Duration) error
}

// LinkStates are what becomes of a link.
type LinkStates interface {
	UpdateLink(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.LinkID, s partner.LinkSettings, version int64) (partner.Link, error)
	SuspendLink(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.LinkID) error
	ResumeLink(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.LinkID) error
	RevokeLink(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.LinkID) error
}

// Keys are the keys of the API.
type Keys interface {
	Keys(ctx context.Context, merchant partner.MerchantID) ([]partner.Key, error)
	CreateKey(ctx context.Context, actor partner.Actor, k partner.Key) error
	RevokeKey(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.KeyID) error
	KeyFinder
}

// KeyFinder finds keys whosever they are: it is how a request comes to be a merchant's.
type KeyFinder interface {
	FindKey(ctx context.Context, id partner.KeyID) (partner.Key, error)
	UseKey(ctx context.Context, merchant partner.MerchantID, id partner.KeyID, at time.Time) error
}

// Products read the catalog.
type Products interface {
	Product(ctx context.Context, merchant partner.MerchantID, id feed.ProductID) ([]byte, error)
	ProductsByCode(ctx context.Context, merchant partner.MerchantID, code string) ([]feed.ProductID, error)
	CodeHolders(ctx context.Context, merchant partner.MerchantID, codes []string, most int) ([]partner.CodeHolder, error)
	ProductsByPrefix(ctx context.Context, merchant partner.MerchantID, prefix string, limit int) ([]feed.ProductID, error)
	ProductPage(ctx context.Context, merchant partner.MerchantID, after feed.ProductID, limit int) ([]partner.StoredProduct, error)
}

// ProductWriter writes to the catalog.
type ProductWriter interface {
	PutProducts(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, put []partner.StagedProduct, removed []feed.ProductID) (partner.PutResult, error)
	EditProducts(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, ids []feed.ProductID, edit func(partner.StoredProduct) (partner.StagedProduct, error)) (partner.PutResult, error)
	DictionaryWriter
}

// DictionaryWriter reads and writes the one document of all dictionaries.
type DictionaryWriter interface {
	Dictionaries(ctx context.Context, merchant partner.MerchantID) (partner.Document, error)
	SetDictionaries(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, doc []byte, version int64) (int64, error)
}

// Rates are the merchant's exchange rates.
type Rates interface {
	Rates(ctx context.Context, merchant partner.MerchantID) ([]partner.Rate, error)
	SetRate(ctx context.Context, actor partner.Actor, r partner.Rate) (partner.Rate, error)
	DeleteRate(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, from, to feed.Currency, version int64) error
}

// PriceLists are the merchant's price lists, and what offers show of products by them.
type PriceLists interface {
	PriceLists(ctx context.Context, merchant partner.MerchantID) ([]partner.PriceList, error)
	PriceList(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID) (partner.PriceList, error)
	ListedOf(ctx context.Context, merchant partner.MerchantID, lists []feed.PriceListID, products []feed.ProductID) ([]partner.ListedAt, error)
	ListPrices(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID, after partner.PriceKey, limit int) ([]partner.ListPrice, error)
}

// PriceListWriter changes price lists.
type PriceListWriter interface {
	CreatePriceList(ctx context.Context, actor partner.Actor, l partner.PriceList) (partner.PriceList, error)
	UpdatePriceList(ctx context.Context, actor partner.Actor, l partner.PriceList) (partner.PriceList, error)
	DeletePriceList(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id feed.PriceListID, version int64) error
	PutListPrices(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id feed.PriceListID, edit partner.PriceEdit, version int64) (partner.PriceList, partner.PricePut, error)
}

// Changes number what was written.
type Changes interface {
	EventNumber(ctx context.Context, merchant partner.MerchantID, queue int64, wait time.Duration) (number int64, ok bool, err error)
}

// Ledger is who has downloaded what.
type Ledger interface {
	Downloads(ctx context.Context, merchant partner.MerchantID, f partner.LedgerFilter, limit int) ([]partner.LedgerEntry, error)
	DownloadDays(ctx context.Context, merchant partner.MerchantID, offer partner.OfferID, from time.Time) ([]partner.DownloadDay, error)
	LinkDays(ctx context.Context, merchant partner.MerchantID, link partner.LinkID, from time.Time) ([]partner.LinkDay, error)
	Freshness(ctx context.Context, merchant partner.MerchantID) ([]partner.Freshness, error)
}

// Audit is who has done what.
type Audit interface {
	Audit(ctx context.Context, merchant partner.MerchantID, after int64, limit int) ([]partner.AuditEntry, error)
	AuditHead(ctx context.Context, merchant partner.MerchantID) (partner.AuditHead, error)
	VerifyAudit(ctx context.Context, merchant partner.MerchantID, noted ...partner.AuditHead) (partner.AuditReport, error)
	NoteAct(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, action, object string, before, after partner.Facts) error
}

// Publications are the runs, what they have published and what was held.
type Publications interface {
	Current(ctx context.Context, f publish.FeedRef) (publish.Generation, bool, error)
	Runs(ctx context.Context, merchant partner.MerchantID, before int64, limit int) ([]publish.RunRecord, error)
	HeldGenerations(ctx context.Context, merchant partner.MerchantID) ([]publish.HeldRecord, error)
	HeldDecisions
}

// HeldDecisions end what is held.
type HeldDecisions interface {
	ReleaseHeld(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, runID string) ([]publish.HeldRecord, error)
	DiscardHeld(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, runID string) ([]publish.HeldRecord, error)
}

// Requests are answers to requests that may be sent again.
type Requests interface {
	BeginIdempotent(ctx context.Context, merchant partner.MerchantID, key string, fingerprint [32]byte) (*partner.IdempotentAnswer, error)
	EndIdempotent(ctx context.Context, merchant partner.MerchantID, key string, answer partner.IdempotentAnswer) error
	ForgetIdempotent(ctx context.Context, merchant partner.MerchantID, key string) error
	// EventNumber gives the number that a change has in the log of changes.
	EventNumber(ctx context.Context, merchant partner.MerchantID, queue int64, wait time.Duration) (int64, bool, error)
}

// Records are all of them. Both databases are.
type Records interface {
	Merchants
	Shops
	Partners
	Offers
	Switches
	Links
	LinkStates
	Keys
	Products
	ProductWriter
	Rates
	PriceLists
	PriceListWriter
	Changes
	Ledger
	Audit
	Publications
	Requests
}

// Catalog is one state of a merchant's catalog.
type Catalog interface {
	Products(ctx context.Context) iter.Seq2[partner.StoredProduct, error]
	Dictionaries(ctx context.Context) (partner.Document, error)
	// Terms are the merchant's rates and price lists in that state.
	Terms(ctx context.Context) (feed.Terms, error)
	partner.Pricer
	Close() error
}

// Files are the stored files: a [storage.Store], or whatever can be read like one.
type Files interface {
	Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error)
}

// Service carries out a merchant's operations. It is safe for concurrent use.
type Service struct {
	db    Records
	open  func(ctx context.Context, merchant partner.MerchantID) (Catalog, error)
	files Files
	now   func() time.Time
	jobs  Jobs // nil where nobody knows of any
}

// Option is something that a service may have beside what it needs.
type Option func(*Service)

// New makes a service over records, a way to open one state of a catalog, the
// stored files and a clock.
func New(db Records, open func(ctx context.Context, merchant partner.MerchantID) (Catalog, error), files Files, now func() time.Time, options ...Option) *Service {
	s := &Service{db: db, open: open, files: files, now: now}
	for _, o := range options {
		o(s)
	}
	return s
}
