package admin

import (
	"context"
	"sync"
	"time"

	"feedmill/internal/partner"
)

// Limits of what is kept of counts that cost much.
const (
	keptMerchants = 1000
	hoursKept     = 15 * time.Second
)

// kept remembers counts whose reading grows with the catalog. The zero value is empty.
type kept struct {
	mu sync.Mutex
	of map[partner.MerchantID]keptCounts
}

// keptCounts are those of one merchant.
type keptCounts struct {
	// products is of when the merchant's pulse was this one.
	pulse    partner.Pulse
	products int64
	counted  bool
	// changes are from the hour first on, as they were at looked.
	changes       []partner.HourCount
	first, looked time.Time
}

func (k *kept) get(m partner.MerchantID) keptCounts {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.of[m]
}

func (k *kept) change(m partner.MerchantID, fn func(*keptCounts)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == nil || len(k.of) >= keptMerchants {
		k.of = map[partner.MerchantID]keptCounts{}
	}
	c := k.of[m]
	fn(&c)
	k.of[m] = c
}

// products counts the products of a merchant anew once something was written
// into his audit: whatever changes a catalog writes there.
func (k *kept) products(ctx context.Context, j Journal, m partner.MerchantID) (int64, error) {
	pulse, err := j.Pulse(ctx, m)
	if err != nil {
		return 0, err
	}
	if c := k.get(m); c.counted && c.pulse.Audit == pulse.Audit && c.pulse.Imports == pulse.Imports {
		return c.products, nil
	}
	n, err := j.CatalogCount(ctx, m)
	if err == nil {
		k.change(m, func(c *keptCounts) { c.pulse, c.products, c.counted = pulse, n, true })
	}
	return n, err
}

// hours gives the changes by hour from one on, at most [hoursKept] old.
func (k *kept) hours(m partner.MerchantID, first, now time.Time, read func() ([]partner.HourCount, error)) ([]partner.HourCount, error) {
	if c := k.get(m); c.first.Equal(first) && now.Sub(c.looked) < hoursKept && !now.Before(c.looked) {
		return c.changes, nil
	}
	list, err := read()
	if err == nil {
		k.change(m, func(c *keptCounts) { c.changes, c.first, c.looked = list, first, now })
	}
	return list, err
}
