// Package proof shows the records of what is published to the checker, in the
// checker's words: whoever has package verify prove an installation joins the two
// here.
//
// It owns that translation and nothing else; it refuses to know how records are
// kept and what is right about them. The checker trusts neither it nor them more
// than it must: what it is told is held against the bytes.
package proof

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/verify"
	"feedmill/internal/partner"
)

// Retained is what is asked of the records about all that is kept.
type Retained interface {
	// EachRetained calls fn for every generation that is kept, of one feed
	// together and ascending by number, with the time at which another took its
	// place, zero for none, and whether the pointer names it.
	EachRetained(ctx context.Context, merchant partner.MerchantID, fn func(g publish.Generation, retired time.Time, current bool) error) error
	// EachBlob calls fn for every stored blob and its state.
	EachBlob(ctx context.Context, merchant partner.MerchantID, fn func(b publish.Blob, state string) error) error
}

// Records is what is asked of a database.
type Records interface {
	Retained
	// Merchants lists all merchants.
	Merchants(ctx context.Context) ([]partner.Merchant, error)
	// Accounts gives everything that decides who may read what.
	Accounts(ctx context.Context) (partner.Accounts, error)
	// Current gives the generation that a feed's pointer names.
	Current(ctx context.Context, f publish.FeedRef) (publish.Generation, bool, error)
}

// Ledger is records as the checker reads them.
type Ledger struct {
	records Records
	only    []partner.MerchantID
}

var _ verify.Ledger = Ledger{}

// Of shows the records of the merchants named, or of all.
func Of(records Records, only ...partner.MerchantID) Ledger { return Ledger{records, only} }

// Merchants implements verify.Ledger.
func (l Ledger) Merchants(ctx context.Context) (ids []string, err error) {
	list, err := l.records.Merchants(ctx)
	for i := range list {
		if id := list[i].ID; len(l.only) == 0 || slices.Contains(l.only, id) {
			ids = append(ids, string(id))
		}
	}
	return ids, err
}

// errStop ends a listing that nobody wants more of.
var errStop = errors.New("stop")

// each makes a sequence of a listing.
func each[T any](list func(yield func(T) error) error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := list(func(v T) error {
			if !yield(v, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			var none T
			yield(none, err)
		}
	}
}

// Blobs implements verify.Ledger.
func (l Ledger) Blobs(ctx context.Context, merchant string) iter.Seq2[verify.Blob, error] {
	return each(func(yield func(verify.Blob) error) error {
		return l.records.EachBlob(ctx, partner.MerchantID(merchant), func(b publish.Blob, state string) error {
			return yield(blob(&b, state))
		})
	})
}

func blob(b *publish.Blob, state string) verify.Blob {
	if b.IsZero() {
		return verify.Blob{}
	}
	return verify.Blob{Key: b.Key, Size: b.Size, MD5: b.MD5, SHA256: b.SHA256, State: state}
}

// Generations implements verify.Ledger.
func (l Ledger) Generations(ctx context.Context, merchant string) iter.Seq2[verify.Generation, error] {
	return each(func(yield func(verify.Generation) error) error {
		s := &states{l.records, partner.MerchantID(merchant), nil}
		if err := s.ask(ctx); err != nil {
			return err
		}
		return l.records.EachRetained(ctx, s.merchant, func(g publish.Generation, retired time.Time, current bool) error {
			if current {
				if err := s.refresh(ctx, &g); err != nil {
					return err
				}
			}
			return yield(s.generation(&g, retired, current))
		})
	})
}

// states knows which blobs are not live.
type states struct {
	records  Records
	merchant partner.MerchantID
	other    map[string]string // by key
}

func (s *states) ask(ctx context.Context) error {
	s.other = map[string]string{}
	return s.records.EachBlob(ctx, s.merchant, func(b publish.Blob, state string) error {
		if state != live {
			s.other[b.Key] = state
		}
		return nil
	})
}

// live is the state of a blob that stays.
const live = "live"

// refresh asks again where a generation names what was not live: a publication
// makes condemned bytes live again.
func (s *states) refresh(ctx context.Context, g *publish.Generation) error {
	for b := range g.Blobs() {
		if s.other[b.Key] != "" {
			return s.ask(ctx)
		}
	}
	return nil
}

func (s *states) blob(b *publish.Blob) verify.Blob {
	state := s.other[b.Key]
	// The state of a generation that was replaced is swept before the generation
	// is forgotten; then nothing is recorded of its bytes.
	if recorded := b.SHA256 != [32]byte{}; state == "" && recorded {
		state = live
	}
	return blob(b, state)
}

func (s *states) generation(g *publish.Generation, retired time.Time, current bool) verify.Generation {
	out := verify.Generation{Feed: verify.Feed{Merchant: g.Feed.Merchant, Kind: g.Feed.Kind, Key: g.Feed.Key},
		Number: g.Number, Base: g.Base, Epoch: g.Epoch, Time: g.Time, Expires: g.Expires, Retired: retired, Current: current, Products: g.Products,
		States: []verify.Blob{s.blob(&g.State)}}
	for i := range g.Layers {
		out.States = append(out.States, s.blob(&g.Layers[i]))
	}
	for i := range g.Files {
		f := &g.Files[i]
		out.Files = append(out.Files, verify.File{Kind: f.Kind, Label: f.Label, Generation: f.Generation, Changed: f.Changed, Products: f.Products,
			Base: f.Base, Target: f.Target, Plain: s.blob(&f.Plain), Gzip: s.blob(&f.Gzip)})
	}
	return out
}

// Offers implements verify.Ledger: each offer with the feeds that it shows, the
// oldest that it has not left.
func (l Ledger) Offers(ctx context.Context, merchant string) iter.Seq2[verify.Offer, error] {
	return each(func(yield func(verify.Offer) error) error {
		accounts, err := l.records.Accounts(ctx)
		if err != nil {
			return err
		}
		shown := map[partner.OfferID]*[2]string{}
		for _, o := range accounts.Offers {
			if string(o.Merchant) == merchant {
				shown[o.ID] = new([2]string)
			}
		}
		for _, a := range accounts.Attachments {
			keys := shown[a.Offer]
			if keys == nil || !a.Until.IsZero() || a.Pending {
				continue
			}
			place := 0
			if a.Kind == feed.KindLight {
				place = 1
			}
			_, ok, err := l.records.Current(ctx, publish.FeedRef{Merchant: merchant, Kind: a.Kind, Key: a.Key})
			if feed.KindOf(err) == feed.KindNotFound {
				ok, err = true, nil // it leads nowhere, which the checker finds in the generations
			}
			if err != nil {
				return err
			}
			if ok {
				keys[place] = a.Key // one that was listed before is newer
			}
		}
		var offers []verify.Offer
		for i := range accounts.Offers {
			o := &accounts.Offers[i]
			if keys := shown[o.ID]; keys != nil && keys[0] != "" && keys[1] != "" {
				offers = append(offers, verify.Offer{Merchant: merchant, Name: name(&accounts, o), Full: keys[0], Light: keys[1]})
			}
		}
		slices.SortStableFunc(offers, func(a, b verify.Offer) int { return strings.Compare(a.Name, b.Name) })
		for _, o := range offers {
			if err := yield(o); err != nil {
				return err
			}
		}
		return nil
	})
}

// name names an offer for people: by its partner and itself.
func name(a *partner.Accounts, o *partner.Offer) string {
	for i := range a.Partners {
		if p := &a.Partners[i]; p.ID == o.Partner {
			if o.Name == "" {
				return p.Name
			}
			return p.Name + " / " + o.Name
		}
	}
	return o.Name
}
