package hammer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/harness/site"
	"feedmill/internal/partner"
	"feedmill/storage"
	"feedmill/storage/storagetest"
)

// writers is how many change the catalog at once; each has products of its own.
const writers = 3

// write changes, adds and removes products. What an event number means is known
// when the write has its number.
func (h *hammer) write(r *rand.Rand, w int) error {
	for h.ctx.Err() == nil {
		// Beyond the products of the start there are as many that come and go.
		id := site.ID(r.IntN(2*h.Products/writers)*writers + w + 1)
		p := h.model.last(id)
		what := "edits"
		var put []site.Product
		var removed []feed.ProductID
		switch {
		case p == nil:
			what = "additions"
			p = &site.Product{ID: id, Price: 10 + r.IntN(500), Stock: 1 + r.IntN(9), Category: int(id) % 3}
			put = []site.Product{*p}
		case r.IntN(5) == 0:
			what, p, removed = "removals", nil, []feed.ProductID{id}
		default:
			changed := *p
			if r.IntN(2) == 0 {
				changed.Stock = r.IntN(20)
			} else {
				changed.Price = 10 + r.IntN(500)
			}
			if p = &changed; *p == *h.model.last(id) {
				continue
			}
			put = []site.Product{changed}
		}
		if err := h.change(id, p, put, removed); err != nil {
			return fmt.Errorf("writer: %w", err)
		}
		h.count(what, 1)
		h.pause(r, 40*time.Millisecond)
	}
	return nil
}

func (h *hammer) change(id feed.ProductID, p *site.Product, put []site.Product, removed []feed.ProductID) error {
	h.model.RLock()
	defer h.model.RUnlock()
	// A write is not given up half-way: whether it happened must be known.
	ctx, receipt := partner.WithReceipt(context.WithoutCancel(h.ctx))
	if err := h.Site.Put(ctx, put, removed); err != nil {
		return err
	}
	event, ok, err := h.Site.Records.EventNumber(context.WithoutCancel(h.ctx), h.Site.Merchant.ID, receipt.Queue, 30*time.Second)
	if err != nil {
		return err
	}
	if !ok {
		h.violate("I6", "a change of product %d has no number after 30 s", id)
		return nil
	}
	h.model.set(id, event, p)
	return nil
}

// publish makes run after run; some over a store that fails now and then.
func (h *hammer) publish(r *rand.Rand) error {
	for h.ctx.Err() == nil {
		s := h.Site.Settings
		if r.IntN(8) == 0 {
			s.CompareEvery = -1
		}
		var over storage.Store
		if r.IntN(3) == 0 {
			over = storagetest.NewFaulty(h.Site.Store, storagetest.Random(r.Uint64(), 0.05, storagetest.ErrorBefore, storagetest.ErrorAfter), nil)
		}
		if err := h.run(h.ctx, s, over); err != nil {
			return fmt.Errorf("publisher: %w", err)
		}
		h.pause(r, 120*time.Millisecond)
	}
	return nil
}

// run makes one run, and takes whatever may become of it.
func (h *hammer) run(ctx context.Context, s publish.Settings, over storage.Store) error {
	run := site.Run{Settings: &s, Store: over}
	if h.Ledger != nil {
		h.mu.Lock()
		run.Ledger = h.Ledger(h.Site)
		h.mu.Unlock()
	}
	report, err := h.Site.Publish(ctx, run)
	var busy *publish.BusyError
	switch {
	case errors.As(err, &busy):
		h.count("runs that met a lease", 1)
		return nil
	case errors.Is(err, publish.ErrLost):
		h.count("runs that were overtaken", 1)
		return nil
	case err != nil && (ctx.Err() != nil || errors.Is(err, storagetest.ErrInjected)):
		h.count("runs that failed", 1)
		return nil
	case err != nil:
		return err
	}
	h.runs.Add(1)
	for i := range report.Feeds {
		f := &report.Feeds[i]
		if f.Published {
			h.count("publications", 1)
		}
		switch {
		case f.Whole != "":
			h.count("whole comparisons", 1)
		case f.Published:
			h.count("publications from hints", 1)
		}
		if f.Missed > 0 {
			h.violate("I6", "a comparison of everything in %v feed %s finds %d changes that no hint has named", f.Feed.Kind, f.Feed.Key, f.Missed)
		}
	}
	return nil
}

// counted counts what is deleted from a store.
type counted struct {
	storage.Store
	deleted func()
}

// Delete implements storage.Store.
func (c counted) Delete(ctx context.Context, key string) error {
	err := c.Store.Delete(ctx, key)
	if err == nil {
		c.deleted()
	}
	return err
}

// sweep removes what nobody needs any more.
func (h *hammer) sweep(r *rand.Rand) error {
	s := *h.Site
	s.Store = counted{h.Site.Store, func() { h.count("files swept", 1) }}
	for h.ctx.Err() == nil {
		h.pause(r, 600*time.Millisecond)
		if err := s.Sweep(h.ctx); err != nil {
			if h.ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("sweep: %w", err)
		}
		h.count("sweeps", 1)
	}
	return nil
}

// leap lets hours pass at once, so that leases end, files grow old and
// generations have to be renewed. Between two leaps runs come to their end, as
// they do in so many hours.
func (h *hammer) leap(r *rand.Rand) error {
	for seen := h.runs.Load(); h.ctx.Err() == nil; {
		h.pause(r, 500*time.Millisecond)
		if h.runs.Load() < seen+2 {
			continue
		}
		seen = h.runs.Load()
		h.Clock.Leap(time.Duration(r.IntN(12)+12) * time.Hour)
		h.count("leaps of time", 1)
	}
	return nil
}

// restart ends edges and starts them again.
func (h *hammer) restart(r *rand.Rand) error {
	for h.ctx.Err() == nil {
		h.pause(r, 1500*time.Millisecond)
		if h.ctx.Err() != nil {
			return nil
		}
		if err := h.edges[r.IntN(len(h.edges))].restart(context.WithoutCancel(h.ctx)); err != nil {
			return err
		}
		h.count("edges restarted", 1)
	}
	return nil
}

// rule changes an offer's rules while it is being read, and while runs are under
// way, so that it moves to other feeds: to new ones, to such as nobody has used for
// days, and to those of its neighbours. Light depends on all of them, full on the
// languages alone.
func (h *hammer) rule(r *rand.Rand) error {
	for n := 1; h.ctx.Err() == nil; n++ {
		h.pause(r, 1500*time.Millisecond)
		if h.ctx.Err() != nil {
			return nil
		}
		discount := fmt.Sprint(5 * r.IntN(4))
		if r.IntN(3) == 0 {
			discount = fmt.Sprintf("%d.%d", n/10%90, n%10)
		}
		if err := h.newRule(context.WithoutCancel(h.ctx), h.offers[1], discount, r.IntN(3) == 0); err != nil {
			return fmt.Errorf("change a rule: %w", err)
		}
		h.count("rules changed", 1)
	}
	return nil
}

func (h *hammer) newRule(ctx context.Context, o *offer, discount string, english bool) error {
	now, err := h.Site.Records.Offer(ctx, h.Site.Merchant.ID, o.Offer.Offer.ID)
	if err != nil {
		return err
	}
	if now.Profile.Discounts.Overall, err = feed.ParseDiscount(discount); err != nil {
		return err
	}
	now.Profile.Languages = []feed.Language{feed.MustLanguage("pol")}
	if english {
		now.Profile.Languages = append(now.Profile.Languages, feed.MustLanguage("eng"))
	}
	tenths, err := strconv.ParseFloat(discount, 64)
	if err != nil {
		return err
	}
	h.model.setDiscount(now.Profile.LightKey(), int64(tenths*10+0.5))
	_, err = h.Site.Records.UpdateOffer(ctx, site.Actor, now)
	return err
}
