package hammer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/download"
	"feedmill/internal/harness/hammer"
	"feedmill/internal/harness/site"
	"feedmill/internal/partner"
	"feedmill/storage"
)

// swapped is a store that exchanges bytes on their way out, and keeps the length.
type swapped struct{ download.Blobs }

func (s swapped) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	body, info, err := s.Blobs.Open(ctx, key, r)
	if err != nil {
		return body, info, err
	}
	return &swappedBody{ReadCloser: body}, info, nil
}

type swappedBody struct {
	io.ReadCloser
	passed int
}

func (b *swappedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	for i := range n {
		if b.passed++; b.passed == 700 {
			p[i] ^= 1
		}
	}
	return n, err
}

// deaf are records that never tell an edge of anything new.
type deaf struct {
	download.Records
	first *partner.Version
}

func (d deaf) AccessVersion(ctx context.Context) (partner.Version, error) {
	v, err := d.Records.AccessVersion(ctx)
	if err == nil && *d.first == (partner.Version{}) {
		*d.first = v
	}
	return *d.first, err
}

// careless is a ledger that forgets the check: what has lost the race is
// committed all the same, as if it were made from what is current now.
type careless struct {
	site.Records
	clock *hammer.Clock
	// during is called before each commit.
	during func(ctx context.Context) error
}

func (c careless) Commit(ctx context.Context, run publish.Run, gens []publish.Generation, cursors map[publish.FeedRef]publish.Cursor) error {
	if err := c.during(ctx); err != nil {
		return err
	}
	err := c.Records.Commit(ctx, run, gens, cursors)
	if !errors.Is(err, publish.ErrLost) {
		return err
	}
	again, err := c.Begin(ctx, run.Merchant, run.ID+"-again", len(gens))
	// It waits for nobody: whoever holds the lease by now loses it as well.
	for busy := new(publish.BusyError); errors.As(err, &busy); {
		c.clock.Leap(time.Minute)
		again, err = c.Begin(ctx, run.Merchant, run.ID+"-again", len(gens))
	}
	if err != nil {
		return err
	}
	for i := range gens {
		g := &gens[i]
		before, _, err := c.Current(ctx, g.Feed)
		if err != nil {
			return err
		}
		number := again.First + int64(i)
		for j := range g.Files {
			if f := &g.Files[j]; f.Generation == g.Number {
				f.Generation = number
				f.Target = min(f.Target, number)
			}
		}
		g.Number, g.Base, g.Time = number, before.Number, feed.NextTime(before.Time, g.Time)
	}
	if c.Records.Commit(ctx, again, gens, nil) != nil {
		return publish.ErrLost // not every loser can be forced in
	}
	return nil
}

// forgetful are records whose hints forget a product now and then.
type forgetful struct{ site.Records }

func (f forgetful) Snapshot(ctx context.Context, merchant partner.MerchantID) (site.Snapshot, error) {
	s, err := f.Records.Snapshot(ctx, merchant)
	return forgetfulSnapshot{s}, err
}

type forgetfulSnapshot struct{ site.Snapshot }

func (f forgetfulSnapshot) Changes(ctx context.Context, after int64, limit int) (publish.Hint, error) {
	h, err := f.Snapshot.Changes(ctx, after, limit)
	if after%3 == 0 && len(h.Products) > 0 {
		h.Products = h.Products[1:]
	}
	return h, err
}

// stale are records that go on with the rate of the beginning.
type stale struct {
	site.Records
	first *atomic.Pointer[feed.Terms]
}

func (r stale) Snapshot(ctx context.Context, merchant partner.MerchantID) (site.Snapshot, error) {
	s, err := r.Records.Snapshot(ctx, merchant)
	return staleSnapshot{s, r.first}, err
}

type staleSnapshot struct {
	site.Snapshot
	first *atomic.Pointer[feed.Terms]
}

func (s staleSnapshot) Terms(ctx context.Context) (feed.Terms, error) {
	terms, err := s.Snapshot.Terms(ctx)
	if err == nil {
		s.first.CompareAndSwap(nil, &terms)
		terms = *s.first.Load()
	}
	return terms, err
}

// unpriced are records whose price lists lose a price that was just changed.
type unpriced struct{ site.Records }

func (u unpriced) PutListPrices(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id feed.PriceListID, edit partner.PriceEdit, version int64) (partner.PriceList, partner.PricePut, error) {
	list, put, err := u.Records.PutListPrices(ctx, actor, merchant, id, edit, version)
	if err == nil && len(edit.Put) > 0 {
		lost := partner.PriceEdit{Remove: []partner.PriceKey{edit.Put[0].PriceKey}}
		list, _, err = u.Records.PutListPrices(context.WithoutCancel(ctx), actor, merchant, id, lost, 0)
	}
	return list, put, err
}

// The hammer finds what is broken on purpose, or it proves nothing.
func TestPlantedFaultsAreFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		want  []string // one of these invariants
		plant func(*hammer.Options)
	}{
		"swapped bytes": {[]string{"I1:", "I2:", "I1-I5:"}, func(o *hammer.Options) {
			o.Blobs = func(b download.Blobs) download.Blobs { return swapped{b} }
		}},
		"an edge that hears of no switch": {[]string{"I11:"}, func(o *hammer.Options) {
			o.Records = func(r download.Records) download.Records { return deaf{r, &partner.Version{}} }
		}},
		"hints that forget": {[]string{"I6:", "I3, I4, I6, I7:"}, func(o *hammer.Options) { o.Site.Records = forgetful{o.Site.Records} }},
		"a rate of yesterday": {[]string{"I6:", "I3, I4, I6, I7:", "I4, I6, I15:"}, func(o *hammer.Options) {
			o.Site.Records = stale{o.Site.Records, &atomic.Pointer[feed.Terms]{}}
		}},
		"a list that loses prices": {[]string{"I6:", "I3, I4, I6, I7:", "I4, I6, I15:"}, func(o *hammer.Options) { o.Site.Records = unpriced{o.Site.Records} }},
		"a ledger that forgets the check": {[]string{"I6, I9:", "I8:", "I9:", "I3, I4, I6, I7:", "I2-I9, I14:"}, func(o *hammer.Options) {
			runs := 0
			s := o.Site
			o.Ledger = func(at *site.Site) publish.Ledger {
				if runs++; runs%3 != 1 {
					return careless{at.Records, o.Clock, func(context.Context) error { return nil }}
				}
				return careless{at.Records, o.Clock, func(ctx context.Context) error {
					// The lease ends, and another run is first.
					o.Clock.Leap(time.Minute)
					set := s.Settings
					set.Force = true
					_, err := s.Publish(ctx, site.Run{Settings: &set})
					var busy *publish.BusyError
					if errors.As(err, &busy) || errors.Is(err, publish.ErrLost) {
						return nil
					}
					return err
				}}
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wanted := func(v string) bool {
				return slices.ContainsFunc(c.want, func(i string) bool { return strings.HasPrefix(v, i) })
			}
			opt := installation(t)
			opt.Log, opt.Seed, opt.Duration, opt.Enough, opt.Needed = nil, 7, 20*time.Second, wanted, []string{"publications"}
			c.plant(&opt)
			report, err := hammer.Run(t.Context(), opt)
			if !slices.ContainsFunc(report.Violations, wanted) {
				t.Errorf("no violation of %s is found (%v): %s", c.want, err, fmt.Sprint(report.Violations))
			}
			t.Logf("found %s: %v", report.Violations, report.Done)
		})
	}
}
