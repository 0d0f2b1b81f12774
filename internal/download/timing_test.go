package download_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/download"
	"feedmill/internal/partner"
)

// tally counts what a request asks of the records.
type tally struct {
	download.Records
	asked atomic.Int64
}

func (c *tally) FileByAddress(ctx context.Context, m partner.MerchantID, o partner.OfferID, g int64, k feed.Kind, label string) (publish.File, bool, error) {
	c.asked.Add(1)
	return c.Records.FileByAddress(ctx, m, o, g, k, label)
}

func (c *tally) AccessVersion(ctx context.Context) (partner.Version, error) {
	c.asked.Add(1)
	return c.Records.AccessVersion(ctx)
}

func (c *tally) Accounts(ctx context.Context) (partner.Accounts, error) {
	c.asked.Add(1)
	return c.Records.Accounts(ctx)
}

// refusals gives links that are refused, by why, and links of a server that holds
// them all.
func (w *world) refusals(t testing.TB) map[string]string {
	_, _, _, off := w.account(t, func(o *partner.Offer) { o.FeedEnabled = false })
	_, _, ended, revoked := w.account(t, nil)
	check(t, w.db.RevokeLink(t.Context(), actor, w.merchant.ID, ended.ID))
	v := &world{db: w.db, clock: w.clock, merchant: w.merchant}
	var err error
	v.merchant.ID = partner.NewMerchantID()
	v.merchant, err = w.db.CreateMerchant(t.Context(), actor, v.merchant)
	check(t, err)
	v.shop = partner.Shop{ID: partner.NewShopID(), Merchant: v.merchant.ID, Number: 3, Name: "Main"}
	check(t, w.db.CreateShop(t.Context(), actor, v.shop))
	_, _, _, foreign := v.account(t, func(o *partner.Offer) { o.FeedEnabled = false })
	_, unknown := partner.NewLink(w.merchant.ID, w.offer.ID, "never stored", time.Now(), time.Time{})
	check(t, w.srv.Refresh(t.Context()))
	return map[string]string{"unknown": unknown.Reveal(), "revoked": revoked, "off": off, "foreign": foreign, "grafted": graft(w.secret, unknown.Reveal())}
}

// TestRefusalsDoTheSameWork asks for everything with links that are refused for
// different reasons: no answer asks the records for anything, so none takes longer
// for what it knows.
func TestRefusalsDoTheSameWork(t *testing.T) {
	t.Parallel()
	var db *tally
	w := setup(t, config{quiet: true, records: func(r download.Records) download.Records { db = &tally{Records: r}; return db }})
	before := map[string]int64{}
	for why, secret := range w.refusals(t) {
		from := db.asked.Load()
		for _, path := range []string{"/gateway.xml", "/manifest.json", "/full.xml", "/light.xml", "/77/full.xml", "/1/full.xml", "/full_change-since.xml?label=2026-01-01T00-00-00", "/nothing"} {
			if got := w.get(t, "/o/"+secret+path); got.status != http.StatusNotFound {
				t.Errorf("%s, %s: %d", why, path, got.status)
			}
		}
		before[why] = db.asked.Load() - from
	}
	for why, n := range before {
		if n != 0 {
			t.Errorf("%s: the records were asked %d times", why, n)
		}
	}
	// Whoever may read is looked up, so the counting counts.
	from := db.asked.Load()
	w.get(t, "/o/"+w.secret+"/77/full.xml")
	if db.asked.Load() == from {
		t.Error("nothing is counted")
	}
}

// BenchmarkRefusals tells how long refusals take, by why. What is measured is one
// request at a time within the process, the reasons in turn.
func BenchmarkRefusals(b *testing.B) {
	w := setup(b, config{})
	links := w.refusals(b)
	times := map[string][]time.Duration{}
	names := []string{"unknown", "revoked", "off", "foreign", "grafted"}
	for b.Loop() {
		for _, why := range names {
			req := httptest.NewRequest(http.MethodGet, "/o/"+links[why]+"/full.xml", nil)
			rec := httptest.NewRecorder()
			start := time.Now()
			w.srv.ServeHTTP(rec, req)
			times[why] = append(times[why], time.Since(start))
		}
	}
	for _, why := range names {
		slices.Sort(times[why])
		b.ReportMetric(float64(times[why][len(times[why])/2].Nanoseconds()), why+"-p50-ns")
		b.ReportMetric(float64(times[why][len(times[why])*99/100].Nanoseconds()), why+"-p99-ns")
	}
}
