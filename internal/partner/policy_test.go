package partner_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

func ExampleDecide() {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	m := &partner.Merchant{ID: partner.NewMerchantID(), SharingEnabled: true}
	p := &partner.Partner{ID: partner.NewID(), Merchant: m.ID, FeedEnabled: true}
	o := &partner.Offer{ID: partner.NewOfferID(), Merchant: m.ID, Partner: p.ID, FeedEnabled: true}
	l, _ := partner.NewLink(m.ID, o.ID, "shop software", now, time.Time{})
	fmt.Println(partner.Decide(m, p, o, &l, now) == partner.Allowed)
	p.FeedEnabled = false
	fmt.Println(partner.Decide(m, p, o, &l, now))
	p.FeedEnabled = true
	fmt.Println(partner.Decide(m, p, o, &l, now) == partner.Allowed)
	// Output:
	// true
	// partner-feed-off
	// true
}

// TestDecideEveryCombination goes through all positions of all switches: access
// is given in exactly one of them, and the reason is the first that holds.
func TestDecideEveryCombination(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	bools := []bool{false, true}
	allowed, total := 0, 0
	for _, sharing := range bools {
		for _, state := range []partner.State{partner.StateActive, partner.StateBlocked} {
			for _, partnerOn := range bools {
				for _, offerOn := range bools {
					for _, revoked := range []time.Time{{}, now.Add(-time.Hour), now, now.Add(time.Hour)} {
						for _, expires := range []time.Time{{}, now.Add(-time.Hour), now, now.Add(time.Nanosecond)} {
							for missing := range 8 {
								total++
								m := &partner.Merchant{ID: "m-a", SharingEnabled: sharing}
								p := &partner.Partner{ID: "p-a", Merchant: "m-a", State: state, FeedEnabled: partnerOn}
								o := &partner.Offer{ID: "o-a", Merchant: "m-a", Partner: "p-a", FeedEnabled: offerOn}
								l := &partner.Link{ID: "l-a", Merchant: "m-a", Offer: "o-a", Scopes: partner.ScopeFeedRead, RevokedAt: revoked, ExpiresAt: expires}
								switch missing {
								case 1:
									m = nil
								case 2:
									p = nil
								case 3:
									o = nil
								case 4:
									l = nil
								case 5:
									l.Offer = "o-b"
								case 6:
									o.Partner = "p-b"
								case 7:
									p.Merchant = "m-b"
								}
								want := partner.Allowed
								switch {
								case missing > 0:
									want = partner.RefusedUnknown
								case !revoked.IsZero():
									want = partner.RefusedRevoked
								case !expires.IsZero() && !expires.After(now):
									want = partner.RefusedExpired
								case !sharing:
									want = partner.RefusedSharingOff
								case state == partner.StateBlocked:
									want = partner.RefusedPartnerBlocked
								case !partnerOn:
									want = partner.RefusedPartnerFeedOff
								case !offerOn:
									want = partner.RefusedOfferFeedOff
								default:
									allowed++
								}
								if missing == 0 {
									var off []partner.Refusal
									for _, s := range []struct {
										on  bool
										why partner.Refusal
									}{{sharing, partner.RefusedSharingOff}, {state != partner.StateBlocked, partner.RefusedPartnerBlocked}, {partnerOn, partner.RefusedPartnerFeedOff}, {offerOn, partner.RefusedOfferFeedOff}} {
										if !s.on {
											off = append(off, s.why)
										}
									}
									if got := partner.ClosedBy(m, p, o, now); !slices.Equal(got, off) {
										t.Fatalf("closed by %v, want %v", got, off)
									}
								}
								got := partner.Decide(m, p, o, l, now)
								if got != want {
									t.Fatalf("sharing %v, %v, partner %v, offer %v, revoked %v, expires %v, missing %d: got %v, want %v",
										sharing, state, partnerOn, offerOn, revoked, expires, missing, got, want)
								}
								live := missing == 0 && revoked.IsZero() && want != partner.RefusedExpired
								if got.SwitchedOff() != (live && got != partner.Allowed) {
									t.Fatalf("%v.SwitchedOff() = %v", got, got.SwitchedOff())
								}
							}
						}
					}
				}
			}
		}
	}
	// Never revoked, and never expiring or only later.
	if allowed != 2 || total != 2*2*2*2*4*4*8 {
		t.Errorf("%d of %d allowed, want 2", allowed, total)
	}
}

func TestDecideForeignMerchant(t *testing.T) {
	t.Parallel()
	base := func() (*partner.Merchant, *partner.Partner, *partner.Offer, *partner.Link) {
		return &partner.Merchant{ID: "m-a", SharingEnabled: true}, &partner.Partner{ID: "p-a", Merchant: "m-a", FeedEnabled: true},
			&partner.Offer{ID: "o-a", Merchant: "m-a", Partner: "p-a", FeedEnabled: true}, &partner.Link{ID: "l-a", Merchant: "m-a", Offer: "o-a", Scopes: partner.ScopeFeedRead}
	}
	m, p, o, l := base()
	if got := partner.Decide(m, p, o, l, time.Time{}); got != partner.Allowed {
		t.Fatalf("got %v", got)
	}
	for i := range 4 {
		m, p, o, l := base()
		switch i {
		case 0:
			m.ID = "m-b"
		case 1:
			p.Merchant = "m-b"
		case 2:
			o.Merchant = "m-b"
		case 3:
			l.Merchant = "m-b"
		}
		if got := partner.Decide(m, p, o, l, time.Time{}); got != partner.RefusedUnknown {
			t.Errorf("foreign part %d: got %v, want unknown", i, got)
		}
	}
}

func TestDecideSuspensionAndScope(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	m := &partner.Merchant{ID: "m-a", SharingEnabled: true}
	p := &partner.Partner{ID: "p-a", Merchant: "m-a", FeedEnabled: true}
	o := &partner.Offer{ID: "o-a", Merchant: "m-a", Partner: "p-a", FeedEnabled: true}
	for _, c := range []struct {
		name string
		link partner.Link
		want partner.Refusal
	}{
		{"live", partner.Link{Scopes: partner.ScopeFeedRead}, partner.Allowed},
		{"suspended", partner.Link{Scopes: partner.ScopeFeedRead, SuspendedAt: now}, partner.RefusedSuspended},
		{"revoked and suspended", partner.Link{Scopes: partner.ScopeFeedRead, SuspendedAt: now, RevokedAt: now}, partner.RefusedRevoked},
		{"without a scope", partner.Link{}, partner.RefusedScope},
		{"for orders alone", partner.Link{Scopes: partner.ScopeOrdersRead | partner.ScopeOrdersWrite}, partner.RefusedScope},
	} {
		l := c.link
		l.Merchant, l.Offer = "m-a", "o-a"
		if got := partner.Decide(m, p, o, &l, now); got != c.want || got.SwitchedOff() {
			t.Errorf("%s: got %v, switched off %v, want %v", c.name, got, got.SwitchedOff(), c.want)
		}
		if back := partner.ParseRefusal(c.want.String()); back != c.want {
			t.Errorf("%v is read back as %v", c.want, back)
		}
	}
}

func TestRefusalNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for r := partner.Allowed; r <= partner.RefusedOfferFeedOff; r++ {
		if seen[r.String()] || (r.String() == "") != (r == partner.Allowed) {
			t.Errorf("refusal %d is called %q", r, r)
		}
		seen[r.String()] = true
	}
	if partner.Refusal(200).String() != "unknown" {
		t.Error("a refusal that does not exist has a name of its own")
	}
}

func TestKindSet(t *testing.T) {
	t.Parallel()
	for k := feed.KindGateway; k <= feed.KindLightCSV; k++ {
		if !partner.KindSet(0).Has(k) {
			t.Errorf("the empty set lacks %v", k)
		}
	}
	s := partner.KindsOf(feed.KindFull, feed.KindSizes, feed.KindLightCSV)
	for k := feed.KindGateway; k <= feed.KindLightCSV; k++ {
		want := k == feed.KindGateway || k == feed.KindFull || k == feed.KindFullChange || k == feed.KindSizes || k == feed.KindLightCSV
		if s.Has(k) != want {
			t.Errorf("Has(%v) = %v, want %v", k, s.Has(k), want)
		}
	}
	if s.String() != "full,sizes,light.csv" {
		t.Errorf("String() = %q", s)
	}
	for _, set := range []partner.KindSet{0, s} {
		if got, err := partner.ParseKindSet(set.String()); got != set || err != nil {
			t.Errorf("ParseKindSet(%q) = %v, %v", set, got, err)
		}
	}
	for _, bad := range []string{",", "full,", "fulll", " full", "full light"} {
		if _, err := partner.ParseKindSet(bad); feed.KindOf(err) != feed.KindInvalid {
			t.Errorf("ParseKindSet(%q): got %v", bad, err)
		}
	}
}
