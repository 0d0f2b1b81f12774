package manage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/diff"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
	"feedmill/storage"
)

// Archive is what records may offer beside [Records]: what was published before
// and counts over time. Both databases do.
type Archive interface {
	FeedGenerations(ctx context.Context, f publish.FeedRef, before int64, limit int) ([]publish.Generation, error)
	GenerationAt(ctx context.Context, merchant partner.MerchantID, number int64) (publish.Generation, error)
	ChangeHours(ctx context.Context, merchant partner.MerchantID, from time.Time) ([]partner.HourCount, error)
	DownloadSums(ctx context.Context, merchant partner.MerchantID, from time.Time) ([]partner.DownloadSum, error)
}

// archive gives the records as an [Archive].
func (s *Service) archive() (Archive, error) {
	if a, ok := s.db.(Archive); ok {
		return a, nil
	}
	return nil, feed.Errorf(feed.KindUnavailable, "these records keep no history")
}

// refOf names the feed of a kind that an offer is made from.
func refOf(o *partner.Offer, kind feed.Kind) publish.FeedRef {
	ref := publish.FeedRef{Merchant: string(o.Merchant), Kind: feed.KindFull, Key: o.Profile.FullKey()}
	if kind == feed.KindLight {
		ref.Kind, ref.Key = kind, o.Profile.LightKey()
	}
	return ref
}

// Published gives what an offer's recipient reads now: the current generations
// of its full and its light feed, nil for one that was never published.
func (s *Service) Published(ctx context.Context, who Identity, offer partner.OfferID) (full, light *publish.Generation, err error) {
	if err := allow(who, ReadLedger); err != nil {
		return nil, nil, err
	}
	o, err := s.db.Offer(ctx, who.Merchant, offer)
	if err != nil {
		return nil, nil, err
	}
	for kind, to := range map[feed.Kind]**publish.Generation{feed.KindFull: &full, feed.KindLight: &light} {
		g, ok, err := s.db.Current(ctx, refOf(&o, kind))
		if err != nil {
			return nil, nil, err
		}
		if ok {
			*to = &g
		}
	}
	return full, light, nil
}

// History gives generations of an offer's full or light feed that are still
// recorded, the newest first, below a number; 0 begins at the newest.
func (s *Service) History(ctx context.Context, who Identity, offer partner.OfferID, kind feed.Kind, before int64, limit int) ([]publish.Generation, error) {
	if err := allow(who, ReadLedger); err != nil {
		return nil, err
	}
	a, err := s.archive()
	if err != nil {
		return nil, err
	}
	o, err := s.db.Offer(ctx, who.Merchant, offer)
	if err != nil {
		return nil, err
	}
	return a.FeedGenerations(ctx, refOf(&o, kind), before, min(page(limit), 100))
}

// Generation gives a generation by its number, as long as it is recorded.
func (s *Service) Generation(ctx context.Context, who Identity, number int64) (publish.Generation, error) {
	if err := allow(who, ReadLedger); err != nil {
		return publish.Generation{}, err
	}
	a, err := s.archive()
	if err != nil {
		return publish.Generation{}, err
	}
	return a.GenerationAt(ctx, who.Merchant, number)
}

// ChangeHours counts the changes of the catalog and of settings since a moment,
// by hour; hours without any are left out.
func (s *Service) ChangeHours(ctx context.Context, who Identity, from time.Time) ([]partner.HourCount, error) {
	if err := allow(who, ReadLedger); err != nil {
		return nil, err
	}
	a, err := s.archive()
	if err != nil {
		return nil, err
	}
	return a.ChangeHours(ctx, who.Merchant, from)
}

// DownloadSums sums up what was fetched of each offer from a day on.
func (s *Service) DownloadSums(ctx context.Context, who Identity, from time.Time) ([]partner.DownloadSum, error) {
	if err := allow(who, ReadLedger); err != nil {
		return nil, err
	}
	a, err := s.archive()
	if err != nil {
		return nil, err
	}
	return a.DownloadSums(ctx, who.Merchant, from)
}

// ProductChange is one product in which two generations differ.
type ProductChange struct {
	Product feed.ProductID
	// Kind is "added", "removed" or "changed".
	Kind string
}

// Comparison tells in which products two generations differ.
type Comparison struct {
	Old, New publish.Generation
	// Added, Changed and Removed count all of them, Same the others.
	Added, Changed, Removed, Same int64
	// Changes are a page of them in order of id; Next is where the next page
	// begins after, 0 at the end.
	Changes []ProductChange
	Next    feed.ProductID
}

// Compare tells two generations of one kind apart, product by product, from
// their states: nothing else decides what a change file holds either. Changes
// are listed after a product, at most limit of them.
func (s *Service) Compare(ctx context.Context, who Identity, before, now int64, after feed.ProductID, limit int) (c Comparison, err error) {
	if c.Old, err = s.Generation(ctx, who, before); err != nil {
		return c, err
	}
	if c.New, err = s.Generation(ctx, who, now); err != nil {
		return c, err
	}
	if c.Old.Feed.Kind != c.New.Feed.Kind {
		return c, feed.Errorf(feed.KindInvalid, "generation %d is of a %v feed and %d of a %v one: only those of one kind can be compared", before, c.Old.Feed.Kind, now, c.New.Feed.Kind)
	}
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	old, err := s.state(ctx, &c.Old, &open)
	if err != nil {
		return c, err
	}
	fresh, err := s.state(ctx, &c.New, &open)
	if err != nil {
		return c, err
	}
	limit = page(limit)
	note := func(id feed.ProductID, kind string) {
		switch {
		case id <= after:
		case len(c.Changes) < limit:
			c.Changes = append(c.Changes, ProductChange{id, kind})
		case c.Next == 0:
			c.Next = c.Changes[limit-1].Product
		}
	}
	a, aOK, err := nextLive(old)
	if err != nil {
		return c, err
	}
	b, bOK, err := nextLive(fresh)
	for err == nil && (aOK || bOK) {
		switch {
		case !bOK || aOK && a.ID < b.ID:
			c.Removed++
			note(a.ID, "removed")
			a, aOK, err = nextLive(old)
		case !aOK || b.ID < a.ID:
			c.Added++
			note(b.ID, "added")
			b, bOK, err = nextLive(fresh)
		default:
			if a.Digest == b.Digest {
				c.Same++
			} else {
				c.Changed++
				note(b.ID, "changed")
			}
			if a, aOK, err = nextLive(old); err == nil {
				b, bOK, err = nextLive(fresh)
			}
		}
	}
	return c, err
}

// live is what a comparison needs of an entry, whose memory the next one uses.
type live struct {
	ID     feed.ProductID
	Digest diff.Digest
}

// nextLive gives the next product that is in the feed.
func nextLive(in diff.Entries) (live, bool, error) {
	for {
		e, _, err := in.Next()
		if err == io.EOF {
			return live{}, false, nil
		}
		if err != nil {
			return live{}, false, err
		}
		if !e.Gone && !e.Absent && !e.Removed {
			return live{e.ID, e.Digest}, true, nil
		}
	}
}

// closers are files to be closed together.
type closers []io.Closer

func (c *closers) close() (err error) {
	for _, one := range *c {
		err = errors.Join(err, one.Close())
	}
	return err
}

// state reads the state of a generation.
func (s *Service) state(ctx context.Context, g *publish.Generation, open *closers) (diff.Entries, error) {
	if g.State.IsZero() {
		return nil, gone(g.Number)
	}
	var states []diff.Entries
	for _, b := range append([]publish.Blob{g.State}, g.Layers...) {
		r, _, err := s.files.Open(ctx, b.Key, storage.Range{})
		if errors.Is(err, storage.ErrNotExist) {
			return nil, gone(g.Number)
		}
		if err != nil {
			return nil, fmt.Errorf("read the state of generation %d: %w", g.Number, err)
		}
		*open = append(*open, r)
		one, err := diff.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("generation %d: %w", g.Number, err)
		}
		states = append(states, one)
	}
	return diff.Layered(false, states...), nil
}

func gone(number int64) error {
	return &feed.Error{Kind: feed.KindNotFound, Message: fmt.Sprintf("the files of generation %d are not kept any more", number), Hint: "files that were replaced are kept for 72 hours, light ones for 2"}
}

// NodeAt gives what the files of a generation say of a product, as it was sent.
func (s *Service) NodeAt(ctx context.Context, who Identity, number int64, id feed.ProductID) (Sent, error) {
	g, err := s.Generation(ctx, who, number)
	if err != nil {
		return Sent{}, err
	}
	sent, err := s.sentIn(ctx, &g, id)
	if errors.Is(err, storage.ErrNotExist) {
		return sent, gone(number)
	}
	return sent, err
}

// sentIn finds a product's node in the files that a generation lists: of change
// files, which are listed newest first, the newest that has the product counts.
func (s *Service) sentIn(ctx context.Context, g *publish.Generation, id feed.ProductID) (sent Sent, err error) {
	sent.Generation, sent.Time = g.Number, g.Time
	for _, kind := range []feed.Kind{feed.KindFullChange, g.Feed.Kind} {
		for i := range g.Files {
			f := &g.Files[i]
			if f.Kind != kind {
				continue
			}
			node, removed, err := s.node(ctx, f, id)
			if err != nil {
				return sent, fmt.Errorf("read %s of generation %d: %w", f.Kind.FileName(f.Label), f.Generation, err)
			}
			if node != "" {
				sent.File, sent.Made, sent.XML, sent.Removed = f.Kind.FileName(f.Label), f.Generation, node, removed
				return sent, nil
			}
		}
	}
	return sent, nil
}

// OpenFile opens a file that the current generations of an offer list, as it is
// served: "full.xml", or a change file by its name. The caller closes it.
func (s *Service) OpenFile(ctx context.Context, who Identity, offer partner.OfferID, name string) (io.ReadCloser, publish.File, error) {
	full, light, err := s.Published(ctx, who, offer)
	if err != nil {
		return nil, publish.File{}, err
	}
	for _, g := range []*publish.Generation{full, light} {
		if g == nil {
			continue
		}
		i := slices.IndexFunc(g.Files, func(f publish.File) bool { return f.Kind.FileName(f.Label) == name })
		if i < 0 {
			continue
		}
		body, _, err := s.files.Open(ctx, g.Files[i].Plain.Key, storage.Range{})
		return body, g.Files[i], err
	}
	return nil, publish.File{}, feed.Errorf(feed.KindNotFound, "the offer has no file %.80q", strings.ToValidUTF8(name, "?"))
}
