package postgres

import (
	"context"
	"errors"
	"testing"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// TestRetirementMeetsOffer lets an offer come to a feed while that is being
// retired, in both orders: a feed that is used keeps its generation, and an offer
// that comes to one that has none waits.
func TestRetirementMeetsOffer(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a, b := setupPlain(t)
	m := newMerchant(t, a)
	shop := partner.Shop{ID: partner.NewShopID(), Merchant: m, Number: 1, Name: "s"}
	p, err := a.CreatePartner(ctx, partner.Actor{}, partner.Partner{ID: partner.NewID(), Merchant: m, Name: "p"})
	if err := errors.Join(err, a.CreateShop(ctx, partner.Actor{}, shop)); err != nil {
		t.Fatal(err)
	}
	offerOf := func(currency string) partner.Offer {
		profile := feed.Profile{Currency: feed.MustCurrency(currency)}
		if err := publishNext(ctx, a, m, profile.FullKey()); err != nil {
			t.Fatal(err)
		}
		return partner.Offer{ID: partner.NewOfferID(), Merchant: m, Partner: p.ID, Shop: shop.ID, Name: "o", Profile: profile}
	}
	current := func(o *partner.Offer) bool {
		t.Helper()
		_, found, err := a.Current(ctx, publish.FeedRef{Merchant: string(m), Kind: feed.KindFull, Key: o.Profile.FullKey()})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}

	// The offer has the feed's lock and is not committed: the sweep passes by.
	o := offerOf("EUR")
	other := partner.Offer{ID: partner.NewOfferID(), Merchant: m, Partner: p.ID, Shop: shop.ID, Name: "o", Profile: feed.Profile{Currency: feed.MustCurrency("USD")}}
	if other, err = a.CreateOffer(ctx, partner.Actor{}, other); err != nil {
		t.Fatal(err)
	}
	other.Profile = o.Profile
	_, _, err = a.attempt(ctx, how{}, func(ctx context.Context, tt *tx) error {
		if err := tt.Attach(ctx, &other); err != nil {
			return err
		}
		n, err := b.RetireFeeds(ctx, m)
		if err == nil && n != 0 {
			t.Errorf("%d feeds are retired that an offer is coming to", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := b.RetireFeeds(ctx, m); err != nil || n != 0 || !current(&o) {
		t.Errorf("after the offer has come: %d feeds retired, %v, the feed is current: %v", n, err, current(&o))
	}

	// The sweep has the lock: the offer waits for it, and then for a run.
	late := offerOf("GBP")
	came := make(chan error, 1)
	_, _, err = a.attempt(ctx, how{}, func(ctx context.Context, tt *tx) error {
		n, err := tt.RetireFeeds(ctx, m)
		if err == nil && n != 1 {
			t.Errorf("%d feeds retired, want 1", n)
		}
		go func() {
			_, err := b.CreateOffer(ctx, partner.Actor{}, late)
			came <- err
		}()
		return err
	})
	if err := errors.Join(err, <-came); err != nil {
		t.Fatal(err)
	}
	if current(&late) {
		t.Error("the feed is current after its retirement")
	}
	accounts, err := a.Accounts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	waits := 0
	for _, at := range accounts.Attachments {
		if at.Offer == late.ID && at.Pending && at.Until.IsZero() {
			waits++
		}
	}
	if waits != 2 {
		t.Errorf("the offer waits for %d of its 2 feeds", waits)
	}
}
