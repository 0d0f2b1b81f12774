package postgres_test

import (
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
	"feedmill/storage/postgres"
)

// Two programs on machines whose clocks are days apart share one history: a file
// that one of them has replaced is answered by both for as long as is promised,
// and what they record lies in the order in which it was done.
func TestClocksApart(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"behind": -100 * time.Hour, "ahead": 100 * time.Hour, "local time taken for UTC": -3 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, ctx := server.Database(t), t.Context()
			right, wrong := open(t, url, postgres.Options{}), open(t, url, postgres.Options{Now: func() time.Time { return time.Now().Add(off) }})
			m := merchant(t, right)
			shop := partner.Shop{ID: partner.NewShopID(), Merchant: m, Number: 1, Name: "s"}
			must(t, right.CreateShop(ctx, partner.Actor{}, shop))
			p, err := right.CreatePartner(ctx, partner.Actor{}, partner.Partner{ID: partner.NewID(), Merchant: m, Name: "p"})
			must(t, err)
			o, err := right.CreateOffer(ctx, partner.Actor{}, partner.Offer{ID: partner.NewOfferID(), Merchant: m, Partner: p.ID, Shop: shop.ID, Name: "o", Profile: profileOf("PLN")})
			must(t, err)
			base, last := int64(0), time.Time{}
			for _, db := range []*postgres.DB{right, wrong, wrong, right, wrong} {
				run, err := db.Begin(ctx, string(m), "run-"+string(partner.NewID()), 1)
				must(t, err)
				g := generation(m, o.Profile.FullKey(), run.First, base)
				must(t, db.Commit(ctx, run, []publish.Generation{g}, nil))
				at, err := right.Published(ctx, g.Feed, g.Number)
				must(t, err)
				if at.Before(last) || time.Since(at).Abs() > time.Hour {
					t.Errorf("generation %d was published at %v, after %v", g.Number, at, last)
				}
				for who, db := range map[string]*postgres.DB{"right": right, "wrong": wrong} {
					_, err := db.AccessVersion(ctx)
					must(t, err)
					if base == 0 {
						continue
					}
					if _, found, err := db.FileByAddress(ctx, m, o.ID, base, feed.KindFull, ""); err != nil || !found {
						t.Errorf("the file of generation %d, which %d has just replaced, is not there for the %s clock: %v", base, g.Number, who, err)
					}
				}
				base, last = g.Number, at.Add(-3*time.Second)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
