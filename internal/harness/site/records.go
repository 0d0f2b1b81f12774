package site

import (
	"context"
	"errors"
	"iter"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/verify"
	"feedmill/internal/download"
	"feedmill/internal/job/work"
	"feedmill/internal/partner"
	"feedmill/storage/postgres"
	"feedmill/storage/sqlite"
)

// Records is what a site asks of a database, whichever it is.
type Records interface {
	publish.Ledger
	publish.Leases
	publish.Attempts
	publish.Holds
	publish.Clock
	download.Records
	work.Garbage
	work.History
	work.Uploads
	work.Imports
	accounts
	catalogs
	Sequence(ctx context.Context) (int64, error)
	EventNumber(ctx context.Context, merchant partner.MerchantID, queue int64, wait time.Duration) (number int64, ok bool, err error)
	Unsettled(ctx context.Context) ([]partner.MerchantID, error)
	Snapshot(ctx context.Context, merchant partner.MerchantID) (Snapshot, error)
	EachRetained(ctx context.Context, merchant partner.MerchantID, fn func(g publish.Generation, retired time.Time, current bool) error) error
	EachBlob(ctx context.Context, merchant partner.MerchantID, fn func(b publish.Blob, state string) error) error
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
	Dictionaries(ctx context.Context) (partner.Document, error)
	Offers(ctx context.Context) ([]partner.Offer, error)
	Head(ctx context.Context) (int64, error)
	Changes(ctx context.Context, after int64, limit int) (publish.Hint, error)
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

// OpenEmbedded opens the SQLite file at path, made where it is missing.
func OpenEmbedded(ctx context.Context, path string, opt sqlite.Options) (Records, error) {
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

// ledger shows one merchant's records to the verifier, in its words.
type ledger struct {
	Records
	merchant partner.MerchantID
}

// Merchants implements verify.Ledger.
func (l ledger) Merchants(context.Context) ([]string, error) {
	return []string{string(l.merchant)}, nil
}

var errEnough = errors.New("enough")

func each[T any](list func(yield func(T) error) error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := list(func(v T) error {
			if !yield(v, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			var none T
			yield(none, err)
		}
	}
}

// Blobs implements verify.Ledger.
func (l ledger) Blobs(ctx context.Context, merchant string) iter.Seq2[verify.Blob, error] {
	return each(func(yield func(verify.Blob) error) error {
		return l.EachBlob(ctx, partner.MerchantID(merchant), func(b publish.Blob, state string) error {
			return yield(verify.Blob{Key: b.Key, Size: b.Size, MD5: b.MD5, SHA256: b.SHA256, State: state})
		})
	})
}

// Generations implements verify.Ledger.
func (l ledger) Generations(ctx context.Context, merchant string) iter.Seq2[verify.Generation, error] {
	return each(func(yield func(verify.Generation) error) error {
		states := map[string]string{}
		for b, err := range l.Blobs(ctx, merchant) {
			if err != nil {
				return err
			}
			states[b.Key] = b.State
		}
		return l.EachRetained(ctx, partner.MerchantID(merchant), func(g publish.Generation, retired time.Time, current bool) error {
			return yield(generation(&g, retired, current, states))
		})
	})
}

func generation(g *publish.Generation, retired time.Time, current bool, states map[string]string) verify.Generation {
	blob := func(b *publish.Blob) verify.Blob {
		if b.IsZero() {
			return verify.Blob{}
		}
		return verify.Blob{Key: b.Key, Size: b.Size, MD5: b.MD5, SHA256: b.SHA256, State: states[b.Key]}
	}
	out := verify.Generation{Feed: verify.Feed{Merchant: g.Feed.Merchant, Kind: g.Feed.Kind, Key: g.Feed.Key}, Number: g.Number, Base: g.Base, Epoch: g.Epoch,
		Time: g.Time, Expires: g.Expires, Retired: retired, Current: current, Products: g.Products, States: []verify.Blob{blob(&g.State)}}
	for i := range g.Layers {
		out.States = append(out.States, blob(&g.Layers[i]))
	}
	for i := range g.Files {
		f := &g.Files[i]
		out.Files = append(out.Files, verify.File{Kind: f.Kind, Label: f.Label, Generation: f.Generation, Changed: f.Changed, Products: f.Products,
			Base: f.Base, Target: f.Target, Plain: blob(&f.Plain), Gzip: blob(&f.Gzip)})
	}
	return out
}

// Offers implements verify.Ledger.
func (l ledger) Offers(ctx context.Context, merchant string) iter.Seq2[verify.Offer, error] {
	return each(func(yield func(verify.Offer) error) error {
		accounts, err := l.Accounts(ctx)
		if err != nil {
			return err
		}
		for i := range accounts.Offers {
			o := &accounts.Offers[i]
			if string(o.Merchant) != merchant {
				continue
			}
			v := verify.Offer{Merchant: merchant, Name: string(o.ID)}
			for _, a := range accounts.Attachments {
				switch {
				case a.Offer != o.ID || !a.Until.IsZero():
				case a.Kind == feed.KindFull:
					v.Full = a.Key
				case a.Kind == feed.KindLight:
					v.Light = a.Key
				}
			}
			if err := yield(v); err != nil {
				return err
			}
		}
		return nil
	})
}
