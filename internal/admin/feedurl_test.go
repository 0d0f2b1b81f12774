package admin

import (
	"net/http"
	"strings"
	"testing"

	"feedmill/internal/auth"
	"feedmill/internal/partner"
)

// Partners are given addresses where the feeds are served, not where the panel
// is: those of the server, until the merchant has some of his own.
func TestAddressesOfFeeds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	e := s.estate(b, "Hurtownia")
	shop := s.staff(e.merchant.ID, auth.Portal, partner.ID(e.ids["p"]))
	b.see(b.get("/settings"), http.StatusOK, feedsAt)
	shows := func(base string) {
		t.Helper()
		a := b.see(b.post("/links/"+e.ids["l"]+"/rotate", "overlap", "0"), http.StatusOK)
		address := b.part(a, `value="(http[^"]*/gateway\.xml)"`)
		if !strings.HasPrefix(address, base+"/o/") {
			t.Errorf("got a link to %s, want one below %s", address[:min(len(address), 60)], base)
		}
		e.ids["l"] = b.part(a, `/panel/links/(l-[a-z2-7]{16})`)
		shop.see(shop.get("/portal/connect"), http.StatusOK, base+"/o/")
	}
	shows(feedsAt)
	own := "https://offers.hurtownia.example"
	version := b.part(b.get("/settings"), `name="version" value="(\d+)"`)
	b.see(b.follow(b.post("/settings", "name", "Hurtownia", "vat", "23", "language", "pol", "currency", "PLN", "zone", "+01:00", "base_url", own, "version", version)), http.StatusOK, "Saved", own)
	shows(own)
}

// A VAT of 0 is a rate that a merchant may say, and an empty field is none.
func TestSettingsTellNoVAT(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	shown := func() string {
		t.Helper()
		return b.part(b.see(b.get("/settings"), http.StatusOK), `name="vat"[^>]*value="([^"]*)"`)
	}
	for _, c := range []struct{ typed, want string }{{"0", "0.0"}, {" ", ""}, {"0 %", "0.0"}, {"8", "8.0"}, {"", ""}} {
		version := b.part(b.get("/settings"), `name="version" value="(\d+)"`)
		b.see(b.follow(b.post("/settings", "name", "Hurtownia", "vat", c.typed, "language", "pol", "currency", "PLN", "zone", "+01:00", "version", version)), http.StatusOK, "Saved")
		if got := shown(); got != c.want {
			t.Errorf("typed %q: the field shows %q, want %q", c.typed, got, c.want)
		}
	}
}
