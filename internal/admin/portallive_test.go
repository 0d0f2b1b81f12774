package admin

import (
	"bufio"
	"context"
	"net/http"
	"testing"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// TestPortalEvents follows a partner's own things, and hears of nobody else's.
func TestPortalEvents(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	m := s.merchant("").ID
	made := func(name string) (partner.ID, partner.Link) {
		a := b.follow(b.post("/partners/new", "name", name, "offer", "on"))
		id, offer := b.part(a, `/panel/partners/(p-[a-z2-7]{16})/settings`), b.part(a, `/panel/offers/(o-[a-z2-7]{16})`)
		b.post("/offers/" + offer + "/links")
		links, err := s.manage.Links(t.Context(), manage.Identity{Merchant: m, Role: manage.RoleReadonly}, partner.OfferID(offer))
		if err != nil || len(links) != 1 {
			t.Fatalf("got %v, %v", links, err)
		}
		return partner.ID(id), links[0]
	}
	nord, own := made("Nord")
	_, foreign := made("Velo")
	fetched := func(l partner.Link, kind feed.Kind) {
		t.Helper()
		if err := s.db.RecordDownloads(t.Context(), []partner.Download{{Merchant: m, Link: l.ID, Offer: l.Offer, Kind: kind, Generation: 1, Outcome: partner.OutcomeComplete, Started: s.Now()}}); err != nil {
			t.Fatal(err)
		}
		s.panel.live.look(t.Context())
	}
	guest := s.staff(m, auth.Portal, nord)
	guest.see(guest.get("/portal"), http.StatusOK, `data-events="/panel/portal/events"`)
	if a := guest.get("/events"); a.status != http.StatusForbidden {
		t.Errorf("the merchant's events: got %d", a.status)
	}
	if a := b.get("/portal/events"); a.status != http.StatusForbidden {
		t.Errorf("a partner's events by the owner: got %d", a.status)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.URL+root+"/portal/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := guest.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	next := func() string {
		for lines.Scan() {
			if text := lines.Text(); len(text) > 7 && text[:7] == "event: " {
				return text[7:]
			}
		}
		t.Fatalf("the stream has ended: %v", lines.Err())
		return ""
	}
	if got := next(); got != "hello" {
		t.Fatalf("got %s", got)
	}
	s.panel.live.look(ctx)
	// Of Velo's downloads nothing is told: the first event is of the partner's own switch.
	fetched(foreign, feed.KindFull)
	fetched(foreign, feed.KindLight)
	b.post("/offers/"+string(own.Offer)+"/feed", "on", "off", "version", "1")
	s.panel.live.look(ctx)
	if got := next(); got != "runs" {
		t.Errorf("got %s, want what tells of his own offer", got)
	}
	fetched(own, feed.KindFull)
	if got := next(); got != "downloads" {
		t.Errorf("got %s, want his own download", got)
	}
}
