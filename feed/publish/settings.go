package publish

import (
	"context"
	"io"
	"iter"
	"time"

	"feedmill/feed"
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
	// MaxLoss is the percentage of products that a generation may lose before
	// it is refused. Default 20; 100 or more refuses nothing. Losing fewer than
	// twenty products is never refused, except losing all.
	MaxLoss int
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
}

// Bin keeps the bytes of finished files.
type Bin interface {
	// Put stores a spooled file for a merchant under a key that no other file
	// has or will have, durably, and gives the key. The file at s.Path is the
	// Bin's afterwards.
	Put(ctx context.Context, merchant string, s Spooled) (key string, err error)
	// Open reads n bytes of a stored file from an offset on; fewer than n are
	// an error of the reader.
	Open(ctx context.Context, b Blob, offset, n int64) (io.ReadCloser, error)
}

// Request asks for one run.
type Request struct {
	Merchant string
	Catalog  Catalog
	// Profiles are what the offers of the run want; equal ones are made once.
	Profiles []feed.Profile
	Settings Settings
	// Now is the time of the run.
	Now time.Time
	// Spool is a folder for files under way; the run leaves it empty.
	Spool string
	// Progress, when set, is called now and then with the products done.
	Progress func(products int64)
}

// Report tells what a run did.
type Report struct {
	Feeds []FeedReport
	// Products counts the catalog's.
	Products int64
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
	// LeftOut counts the catalog's products that the profile does not show.
	LeftOut []LeftOut
}

// LeftOut counts products that a profile leaves out for one reason.
type LeftOut struct {
	Reason   string
	Products int64
	// Example describes the first of them.
	Example string
}
