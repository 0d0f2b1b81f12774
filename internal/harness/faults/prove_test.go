package faults_test

import (
	"context"
	"errors"
	"iter"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/verify"
	"feedmill/internal/partner"
	"feedmill/storage/sqlite"
)

// ledgerOf shows the records to the verifier, in its words.
type ledgerOf struct{ db *sqlite.DB }

// Merchants implements verify.Ledger.
func (l ledgerOf) Merchants(ctx context.Context) (ids []string, err error) {
	list, err := l.db.Merchants(ctx)
	for _, m := range list {
		ids = append(ids, string(m.ID))
	}
	return ids, err
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
func (l ledgerOf) Blobs(ctx context.Context, merchant string) iter.Seq2[verify.Blob, error] {
	return each(func(yield func(verify.Blob) error) error {
		return l.db.EachBlob(ctx, partner.MerchantID(merchant), func(b publish.Blob, state string) error {
			return yield(verify.Blob{Key: b.Key, Size: b.Size, MD5: b.MD5, SHA256: b.SHA256, State: state})
		})
	})
}

// Generations implements verify.Ledger.
func (l ledgerOf) Generations(ctx context.Context, merchant string) iter.Seq2[verify.Generation, error] {
	return each(func(yield func(verify.Generation) error) error {
		states := map[string]string{}
		for b, err := range l.Blobs(ctx, merchant) {
			if err != nil {
				return err
			}
			states[b.Key] = b.State
		}
		blob := func(b *publish.Blob) verify.Blob {
			if b.IsZero() {
				return verify.Blob{}
			}
			return verify.Blob{Key: b.Key, Size: b.Size, MD5: b.MD5, SHA256: b.SHA256, State: states[b.Key]}
		}
		return l.db.EachRetained(ctx, partner.MerchantID(merchant), func(g publish.Generation, retired time.Time, current bool) error {
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
			return yield(out)
		})
	})
}

// Offers implements verify.Ledger.
func (l ledgerOf) Offers(ctx context.Context, merchant string) iter.Seq2[verify.Offer, error] {
	return each(func(yield func(verify.Offer) error) error {
		accounts, err := l.db.Accounts(ctx)
		if err != nil {
			return err
		}
		for _, o := range accounts.Offers {
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
