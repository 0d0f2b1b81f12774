// Package dbtest is the contract of the records, as a test suite that every
// database runs with one call of [Run].
//
// It owns what may be relied on: merchants never see each other's rows, a change
// names the version it was made from, a merge and a publication happen whole or
// not at all, of racing publications one wins, a snapshot does not move, and
// every change leaves its rows in the queue and the audit. It refuses to know
// how a database does it.
package dbtest

import (
	"context"
	"iter"
	"sync"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// DB is everything the suite asks of a database. Programs declare the few
// methods that they use themselves.
type DB interface {
	desk
	people
	prices
	publish.Ledger
	publish.Leases
	publish.Attempts
	publish.Holds
	publish.Floors
	publish.Moments
	publish.Clock

	HeldGenerations(ctx context.Context, merchant partner.MerchantID) ([]publish.HeldRecord, error)
	ReleaseHeld(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, runID string) ([]publish.HeldRecord, error)
	DiscardHeld(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, runID string) ([]publish.HeldRecord, error)
	FinishRun(ctx context.Context, merchant partner.MerchantID, runID string, end publish.RunEnd) error
	Runs(ctx context.Context, merchant partner.MerchantID, before int64, limit int) ([]publish.RunRecord, error)
	CountBlobs(ctx context.Context, merchant partner.MerchantID) (int64, error)
	JudgeKeys(ctx context.Context, merchant partner.MerchantID, keys []string, grace time.Duration, observe bool) (publish.Judgement, error)
	ForgetAttempt(ctx context.Context, merchant partner.MerchantID, key string) error
	PruneRuns(ctx context.Context, merchant partner.MerchantID) error

	CreateMerchant(ctx context.Context, actor partner.Actor, m partner.Merchant) (partner.Merchant, error)
	Merchant(ctx context.Context, id partner.MerchantID) (partner.Merchant, error)
	Merchants(ctx context.Context) ([]partner.Merchant, error)
	UpdateMerchant(ctx context.Context, actor partner.Actor, m partner.Merchant) (partner.Merchant, error)
	SetSharing(ctx context.Context, actor partner.Actor, id partner.MerchantID, on bool, version int64) (partner.Merchant, error)

	CreateShop(ctx context.Context, actor partner.Actor, s partner.Shop) error
	Shops(ctx context.Context, merchant partner.MerchantID) ([]partner.Shop, error)
	DeleteShop(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ShopID) error

	CreatePartner(ctx context.Context, actor partner.Actor, p partner.Partner) (partner.Partner, error)
	Partner(ctx context.Context, merchant partner.MerchantID, id partner.ID) (partner.Partner, error)
	Partners(ctx context.Context, merchant partner.MerchantID) ([]partner.Partner, error)
	UpdatePartner(ctx context.Context, actor partner.Actor, p partner.Partner) (partner.Partner, error)
	SetPartnerFeed(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, on bool, version int64) (partner.Partner, error)
	SetPartnerOrders(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, on bool, version int64) (partner.Partner, error)
	DeletePartner(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, version int64) error

	CreateOffer(ctx context.Context, actor partner.Actor, o partner.Offer) (partner.Offer, error)
	Offer(ctx context.Context, merchant partner.MerchantID, id partner.OfferID) (partner.Offer, error)
	Offers(ctx context.Context, merchant partner.MerchantID, of partner.ID) ([]partner.Offer, error)
	UpdateOffer(ctx context.Context, actor partner.Actor, o partner.Offer) (partner.Offer, error)
	SetOfferFeed(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.OfferID, on bool, version int64) (partner.Offer, error)
	SetOfferOrders(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.OfferID, on bool, version int64) (partner.Offer, error)
	DeleteOffer(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.OfferID, version int64) error
	RefreshKeys(ctx context.Context) (int, error)

	CreateLink(ctx context.Context, actor partner.Actor, l partner.Link) error
	RotateLink(ctx context.Context, actor partner.Actor, old partner.LinkID, l partner.Link, overlap time.Duration) error
	RevokeLink(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.LinkID) error
	Links(ctx context.Context, merchant partner.MerchantID, offer partner.OfferID) ([]partner.Link, error)

	StageProducts(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, seq iter.Seq2[partner.StagedProduct, error]) (int64, error)
	PlanMerge(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, mode partner.MergeMode, removed []feed.ProductID) (partner.MergePlan, error)
	Merge(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ImportID, mode partner.MergeMode, removed []feed.ProductID) (partner.MergePlan, error)
	DiscardImport(ctx context.Context, merchant partner.MerchantID, id partner.ImportID) error
	SweepImports(ctx context.Context, before time.Time) (int, error)
	Product(ctx context.Context, merchant partner.MerchantID, id feed.ProductID) ([]byte, error)
	ProductsByCode(ctx context.Context, merchant partner.MerchantID, code string) ([]feed.ProductID, error)
	CodeHolders(ctx context.Context, merchant partner.MerchantID, codes []string, most int) ([]partner.CodeHolder, error)
	Dictionaries(ctx context.Context, merchant partner.MerchantID) (partner.Document, error)
	StageDictionaries(ctx context.Context, merchant partner.MerchantID, id partner.ImportID, doc []byte, version int64) error
	SetDictionaries(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, doc []byte, version int64) (int64, error)
	Snapshot(ctx context.Context, merchant partner.MerchantID) (Snapshot, error)

	Changes(ctx context.Context, merchant partner.MerchantID, limit int) ([]partner.Change, error)
	Sequence(ctx context.Context) (int64, error)
	Events(ctx context.Context, merchant partner.MerchantID, after int64, limit int) ([]partner.Event, error)
	EventNumber(ctx context.Context, merchant partner.MerchantID, queue int64, wait time.Duration) (int64, bool, error)
	SettleEvents(ctx context.Context, merchant partner.MerchantID, upTo int64) error
	Unsettled(ctx context.Context) ([]partner.MerchantID, error)
	ChangeLag(ctx context.Context) (int64, time.Time, error)
	TrimEvents(ctx context.Context, merchant partner.MerchantID) (int64, error)
	Audit(ctx context.Context, merchant partner.MerchantID, after int64, limit int) ([]partner.AuditEntry, error)

	AccessVersion(ctx context.Context) (partner.Version, error)
	Accounts(ctx context.Context) (partner.Accounts, error)
	CurrentGenerations(ctx context.Context, known map[publish.FeedRef]int64) ([]publish.Generation, error)
	FileByAddress(ctx context.Context, merchant partner.MerchantID, offer partner.OfferID, generation int64, k feed.Kind, label string) (publish.File, bool, error)
	Subscribe(fn func()) (cancel func())

	RetireFeeds(ctx context.Context, merchant partner.MerchantID) (int64, error)
	CondemnBlobs(ctx context.Context, merchant partner.MerchantID, limit int) (int64, error)
	ObserveCondemned(ctx context.Context, merchant partner.MerchantID) error
	DeletingBlobs(ctx context.Context, merchant partner.MerchantID, grace time.Duration, limit int) ([]publish.Blob, error)
	ForgetBlob(ctx context.Context, merchant partner.MerchantID, key string) error
	PutOffBlob(ctx context.Context, merchant partner.MerchantID, key string) error
	PruneHistory(ctx context.Context, merchant partner.MerchantID) (int64, error)
}

// Snapshot is one state of a merchant's records.
type Snapshot interface {
	Products(ctx context.Context) iter.Seq2[partner.StoredProduct, error]
	Product(ctx context.Context, id feed.ProductID) ([]byte, error)
	Dictionaries(ctx context.Context) (partner.Document, error)
	Partners(ctx context.Context) ([]partner.Partner, error)
	Offers(ctx context.Context) ([]partner.Offer, error)
	Current(ctx context.Context, kind feed.Kind, key string) (publish.Generation, bool, error)
	Head(ctx context.Context) (int64, error)
	Changes(ctx context.Context, after int64, limit int) (publish.Hint, error)
	Unnumbered(ctx context.Context, limit int) (publish.Hint, error)
	ProductsByID(ctx context.Context, ids []feed.ProductID) iter.Seq2[partner.StoredProduct, error]
	Terms(ctx context.Context) (feed.Terms, error)
	partner.Pricer
	Close() error
}

// Run runs the suite. open gives a new, empty database whose clock is now, and
// closes it at the end of the test.
func Run(t *testing.T, open func(t *testing.T, now func() time.Time) DB) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, e *env)
	}{
		{"Merchants", testMerchants},
		{"Shops", testShops},
		{"Partners", testPartners},
		{"Offers", testOffers},
		{"Versions", testVersions},
		{"SwitchesKeepEverything", testSwitchesKeepEverything},
		{"AuditNeverRewritten", testAudit},
		{"Links", testLinks},
		{"Rotation", testRotation},
		{"Isolation", testIsolation},
		{"ComingBack", testComingBack},
		{"Stage", testStage},
		{"PlanIsMerge", testPlanIsMerge},
		{"MergeModes", testMergeModes},
		{"MergeIsAtomic", testMergeIsAtomic},
		{"MergeQueue", testMergeQueue},
		{"StageErrors", testStageErrors},
		{"Sweep", testSweep},
		{"Dictionaries", testDictionaries},
		{"SnapshotDoesNotMove", testSnapshotDoesNotMove},
		{"Ledger", testLedger},
		{"Archive", testArchive},
		{"LedgerFiles", testLedgerFiles},
		{"LedgerRefusals", testLedgerRefusals},
		{"LedgerIsAtomic", testLedgerIsAtomic},
		{"LedgerRace", testLedgerRace},
		{"NumbersNeverReused", testNumbersNeverReused},
		{"Access", testAccess},
		{"AccessVersion", testAccessVersion},
		{"Addresses", testAddresses},
		{"AddressesAfterTheClockWasSetBack", testAddressesAfterTheClockWasSetBack},
		{"AddressesAfterProfileChange", testAddressesAfterProfileChange},
		{"StaleRatherThanDown", testStaleRatherThanDown},
		{"Unnumbered", testUnnumbered},
		{"Garbage", testGarbage},
		{"RetireFeeds", testRetireFeeds},
		{"RetireHeld", testRetireHeld},
		{"Schedules", testSchedules},
		{"ScheduleByHand", testScheduleByHand},
		{"ChangeAll", testChangeAll},
		{"PartnerDiscounts", testPartnerDiscounts},
		{"Conflicts", testConflicts},
		{"ShopUpdate", testShopUpdate},
		{"LinkSettings", testLinkSettings},
		{"LinkSuspension", testLinkSuspension},
		{"LinksNeverMoreThanTwo", testLinksNeverMoreThanTwo},
		{"Keys", testKeys},
		{"Idempotency", testIdempotency},
		{"Downloads", testDownloads},
		{"LinkAlarm", testLinkAlarm},
		{"Freshness", testFreshness},
		{"PruneLedger", testPruneLedger},
		{"PutProducts", testPutProducts},
		{"Clashes", testClashes},
		{"EditProducts", testEditProducts},
		{"Rates", testRates},
		{"PriceLists", testPriceLists},
		{"ListPrices", testListPrices},
		{"ListPricesAreAtomic", testListPricesAreAtomic},
		{"AuditChain", testAuditChain},
		{"DeskIsolation", testDeskIsolation},
		{"Retained", testRetained},
		{"LedgerFacts", testLedgerFacts},
		{"Layers", testLayers},
		{"Lease", testLease},
		{"LeaseFences", testLeaseFences},
		{"NewEpoch", testNewEpoch},
		{"Hold", testHold},
		{"HeldOfNobody", testHeldOfNobody},
		{"Release", testRelease},
		{"HeldBlobsStay", testHeldBlobsStay},
		{"Runs", testRuns},
		{"LeftOver", testLeftOver},
		{"Events", testEvents},
		{"EventsRolledBack", testEventsRolledBack},
		{"EventNumbers", testEventNumbers},
		{"EventsAtOnce", testEventsAtOnce},
		{"Hints", testHints},
		{"HintScopes", testHintScopes},
		{"SnapshotSeesItsEvents", testSnapshotSeesItsEvents},
		{"TrimEvents", testTrimEvents},
		{"Unsettled", testUnsettled},
		{"People", testPeople},
		{"PortalPeople", testPortalPeople},
		{"Sessions", testSessions},
		{"Codes", testCodes},
		{"Failures", testFailures},
		{"Pulse", testPulse},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			clock := &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
			c.run(t, &env{DB: open(t, clock.Now), clock: clock, ctx: t.Context()})
		})
	}
}

// env is a database under test with its clock.
type env struct {
	DB
	clock *clock
	ctx   context.Context

	mu   sync.Mutex
	runs map[numberRef]publish.Run // that have taken each number
}

// numberRef is a generation number of a merchant.
type numberRef struct {
	merchant string
	number   int64
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now gives the time and moves on by a millisecond, so that times differ.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var actor = partner.Actor{Name: "anna", Role: "owner", Address: "192.0.2.7", Request: "r-1"}

func must[T any](t *testing.T, what string) func(v T, err error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return v
	}
}

func ok(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func wantKind(t *testing.T, what string, err error, kind feed.ErrorKind) {
	t.Helper()
	if err == nil || feed.KindOf(err) != kind {
		t.Errorf("%s: got error %v of kind %d, want kind %d", what, err, feed.KindOf(err), kind)
	}
}

// merchant makes a merchant with everything set.
func (e *env) merchant(t *testing.T) partner.Merchant {
	t.Helper()
	vat, err := feed.ParsePercent("23")
	ok(t, "percent", err)
	return must[partner.Merchant](t, "create merchant")(e.CreateMerchant(e.ctx, actor, partner.Merchant{
		ID: partner.NewMerchantID(), Name: "Sklep Zażółć", SharingEnabled: true, RevealDisabled: true,
		Supplier: feed.Supplier{Name: "Zażółć sp. z o.o.", ShortName: "zazolc", Email: "b2b@example.com", City: "Kraków"},
		Language: feed.MustLanguage("pol"), Currency: feed.MustCurrency("PLN"), VAT: vat,
		BaseURL: "https://feeds.example.com", ZoneOffset: time.Hour,
	}))
}

func (e *env) shop(t *testing.T, m partner.MerchantID) partner.Shop {
	t.Helper()
	s := partner.Shop{ID: partner.NewShopID(), Merchant: m, Number: 1, Name: "Main"}
	ok(t, "create shop", e.CreateShop(e.ctx, actor, s))
	return s
}

func (e *env) partner(t *testing.T, m partner.MerchantID) partner.Partner {
	t.Helper()
	return must[partner.Partner](t, "create partner")(e.CreatePartner(e.ctx, actor, partner.Partner{
		ID: partner.NewID(), Merchant: m, Name: "Bike & Co", Email: "bike@example.com", Phone: "+48 12 345", Wholesaler: true,
		Language: feed.MustLanguage("ger"), Currency: feed.MustCurrency("EUR"), Tags: []string{"gold", "eu"}, Notes: "pays late\nbut pays",
		FeedEnabled: true,
	}))
}

func (e *env) offer(t *testing.T, m partner.MerchantID, p partner.ID, s partner.ShopID, profile feed.Profile) partner.Offer {
	t.Helper()
	return must[partner.Offer](t, "create offer")(e.CreateOffer(e.ctx, actor, partner.Offer{
		ID: partner.NewOfferID(), Merchant: m, Partner: p, Shop: s, Name: "Main shop", Profile: profile,
		Files: partner.KindsOf(feed.KindFull, feed.KindLight), FeedEnabled: true,
	}))
}

// account makes a merchant, a shop, a partner and an offer.
func (e *env) account(t *testing.T) (partner.Merchant, partner.Offer) {
	t.Helper()
	m := e.merchant(t)
	return m, e.offer(t, m.ID, e.partner(t, m.ID).ID, e.shop(t, m.ID).ID, profileOf("PLN"))
}

// profileOf makes a profile that differs by its currency.
func profileOf(currency string) feed.Profile {
	return feed.Profile{Currency: feed.MustCurrency(currency), Languages: []feed.Language{feed.MustLanguage("pol"), feed.MustLanguage("eng")}}
}
