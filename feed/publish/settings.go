package publish

import (
	"context"
	"io"
	"iter"
	"slices"
	"time"

	"feedmill/feed"
	"feedmill/feed/pricing"
)

// Settings are a merchant's choices about the rhythm of his files. The zero
// value of each field means its default.
type Settings struct {
	// FullEvery is how old a full file may grow while changes are listed beside
	// it. Default 24 h; negative makes one in every run that changes something.
	FullEvery time.Duration
	// FullShare is the percentage of products changed since the last full file
	// at which a new one is made at once. Default 30.
	FullShare int
	// Validity is how long a generation is declared valid; it is renewed
	// without changes before half of it has passed. Default 7 days.
	Validity time.Duration
	// ChainKeep is how long change files stay listed; those since the listed
	// full file always do. Default 7 days.
	ChainKeep time.Duration
	// GoneKeep is how long a product that left an offer stays in light with
	// quantity 0 (CONSUMERS 18). Default 14 days; negative means not at all.
	GoneKeep time.Duration
	// LightEvery and ChangeEvery are how old the last light and the last full or
	// change file of a feed must be before a run that finds something new makes
	// the next one. Default 0: every run does. A light file and the change file
	// of one profile that add or remove products, or change which sizes one has,
	// their codes or its VAT rate, are published together, so that light names
	// nothing that the partner was not given.
	LightEvery, ChangeEvery time.Duration
	// CompareEvery is how often each feed is compared as a whole, whatever the
	// hints say. Default 24 h; negative does it in every run.
	CompareEvery time.Duration
	// MaxLoss is the percentage of products that a generation may lose before
	// it is held. Default 20; 100 or more holds nothing. Losing fewer than
	// twenty products is never held, except losing all, or having none in the
	// first generation.
	MaxLoss int
	// MaxPriceMove is by how many percent, up or down, the mean of a light feed's
	// prices may move before the generation is held. Default 50; negative holds
	// nothing. The prices of fewer than twenty products are not looked at.
	MaxPriceMove int
	// Full makes a full file for every feed that lists change files since the last.
	Full bool
	// Force makes every file anew.
	Force bool
	// Gzip keeps a compressed twin of full, change and light files.
	Gzip bool
	// GeneratedBy names the generator in the files. Default "feedmill".
	GeneratedBy string
	// Zone is the fixed offset in which times are rendered. Default UTC.
	Zone *time.Location
}

func (s Settings) withDefaults() Settings {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&s.FullEvery, 24*time.Hour)
	def(&s.Validity, 7*24*time.Hour)
	def(&s.ChainKeep, 7*24*time.Hour)
	def(&s.GoneKeep, 14*24*time.Hour)
	def(&s.CompareEvery, 24*time.Hour)
	if s.MaxPriceMove == 0 {
		s.MaxPriceMove = 50
	}
	if s.FullShare == 0 {
		s.FullShare = 30
	}
	if s.MaxLoss == 0 {
		s.MaxLoss = 20
	}
	if s.GeneratedBy == "" {
		s.GeneratedBy = "feedmill"
	}
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	return s
}

// Catalog is one snapshot of a merchant's catalog.
type Catalog struct {
	// Products yields the snapshot in ascending order of id. It may be called
	// again and then yields the same.
	Products func(context.Context) iter.Seq2[*feed.Product, error]
	// Known are the dictionaries as far as they are known before the products;
	// their names win over those that come with a product.
	Known *feed.Dictionaries
	// Dictionaries gives them complete, after a pass over the products.
	Dictionaries func() *feed.Dictionaries
	// Language is taken for texts without one, and for profiles that list none.
	Language feed.Language
	// Languages are the catalog's further ones as far as they are known, for
	// profiles that list none.
	Languages []feed.Language
	// Currency is taken for profiles that name none.
	Currency feed.Currency
	// Supplier is written into the preset.
	Supplier feed.Supplier
	// Terms are the merchant's rates and price lists in the snapshot. Products come
	// with what the lists that profiles name say of them ([feed.Product].Listed).
	Terms feed.Terms

	// Changes tells where to look for what is new since a change event; nil where
	// nobody knows. It never decides what is published: where it tells of too
	// much, too little or nothing, states are compared as wholes.
	Changes func(ctx context.Context, after int64) (Hint, error)
	// Unnumbered tells, when set, of changes that the snapshot shows and that come
	// after Head: Changes will tell of them to a later run, so what differs for
	// them was not missed.
	Unnumbered func(ctx context.Context) (Hint, error)
	// ByID yields the products of the snapshot with these ascending ids, in
	// ascending order; those that do not exist are left out. Needed with Changes.
	ByID func(ctx context.Context, ids []feed.ProductID) iter.Seq2[*feed.Product, error]
	// Head is the number of the last change event that the snapshot includes.
	Head int64

	// Done, when set, is called once: when the run has read all that it needs of
	// the snapshot and is about to finish and store files, or when it ends before.
	// Nothing else of the catalog is called afterwards.
	Done func() error
}

// Hint tells what may have changed between an event and a snapshot.
type Hint struct {
	// All says that it may be everything: dictionaries, the merchant's settings,
	// more products than are worth naming, or events that are forgotten.
	All bool
	// Products are those that may have changed, ascending, each once.
	Products []feed.ProductID
}

// names says whether a product may have changed.
func (h *Hint) names(id feed.ProductID) bool {
	if h == nil {
		return false
	}
	_, ok := slices.BinarySearch(h.Products, id)
	return ok || h.All
}

// Bin keeps the bytes of finished files. It may offer [Markers] besides.
type Bin interface {
	// Key gives the key under which a file of this run will be stored for a
	// merchant: one that no other file has or will have.
	Key(merchant string, s Spooled) (key string, err error)
	// Put stores a spooled file under its key, verified and durably. The file at
	// s.Path is the Bin's afterwards. It is called for several files at once.
	Put(ctx context.Context, key string, s Spooled) error
	// Open reads n bytes of a stored file from an offset on; fewer than n are
	// an error of the reader. A file that is not there, or not what was stored,
	// gives an error that wraps [diff.ErrCorrupt].
	Open(ctx context.Context, b Blob, offset, n int64) (io.ReadCloser, error)
}

// Request asks for one run.
type Request struct {
	Merchant string
	// RunID names the run; it is unlike every other's and the one that the Bin was
	// made for. Default: a random one.
	RunID   string
	Catalog Catalog
	// Profiles are what the offers of the run want; equal ones are made once.
	Profiles []feed.Profile
	Settings Settings
	// Now is the time of the run.
	Now time.Time
	// Spool is a folder for files under way; the run leaves it empty.
	Spool string
	// Progress, when set, is called now and then with the products done.
	Progress func(products int64)
	// Monotonic measures how long the lease is held. Default: the machine's.
	Monotonic Monotonic
}

// Report tells what a run did.
type Report struct {
	Feeds []FeedReport
	// Products counts those that were read: all of the catalog when Whole, else
	// those that hints named.
	Products int64
	Whole    bool
	// Behind is how far the clock is behind what has been published, beyond a day.
	Behind time.Duration
	// Restored says that files have been published which the ledger does not
	// know, as after it was restored from an older copy: every feed of the run
	// starts a new epoch. Somebody must be told.
	Restored bool
	// Unmatched tells of each profile of the request, in their order, what it names
	// that the catalog does not have; nil when there is no such thing, or when the
	// run has not read the whole catalog.
	Unmatched [][]pricing.Unmatched
}

// FeedReport tells what a run did for one feed.
type FeedReport struct {
	Feed FeedRef
	// Generation is what is current after the run.
	Generation Generation
	// Published says that Generation is new.
	Published bool
	// Products counts those in the feed; Added, Changed and Removed compare with
	// the generation before.
	Products, Added, Changed, Removed int64
	// Full says that a new full file was made.
	Full bool
	// Waiting says that something is new but not due yet.
	Waiting bool
	// Held tells why what is new is held for people to decide about.
	Held *HeldError
	// Whole tells why the whole feed was compared; "" when hints were enough.
	Whole string
	// Missed counts differences that hints should have named and did not.
	Missed int64
	// LeftOut counts the catalog's products that the profile does not show; only
	// known when the whole feed was compared.
	LeftOut []LeftOut
}

// LeftOut counts products that a profile leaves out for one reason.
type LeftOut struct {
	Reason   string
	Products int64
	// Example describes the first of them.
	Example string
}
