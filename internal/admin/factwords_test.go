package admin

import (
	"net/http"
	"strings"
	"testing"
)

// TestAConflictIsToldAsTheFormTellsIt has two people change one partner and one
// offer: the second is shown fields of the form, and nothing as it is kept.
func TestAConflictIsToldAsTheFormTellsIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	s.goods(s.merchant("").ID)
	a := b.follow(b.post("/partners/new", "name", "Nord", "offer", "on", "overall", "5", "categories", "Bikes = 20\nParts = 5"))
	id := b.part(a, `/panel/partners/(p-[a-z2-7]{16})/`)
	offer := b.part(a, `/panel/offers/(o-[a-z2-7]{16})`)
	asKept := func(a answer) {
		t.Helper()
		for _, raw := range []string{"&#34;", "{", "wholesale&", "T18:00:00Z", "no_bundles"} {
			if main := a.body[strings.Index(a.body, "<main"):strings.Index(a.body, "</main>")]; strings.Contains(main, raw) {
				t.Errorf("%q stands there: %s", raw, main)
			}
		}
	}

	// Partner: discounts, a timed switch and the state.
	version := b.part(b.get("/partners/"+id+"/settings"), `name="version" value="(\d+)"`)
	b.follow(b.post("/partners/"+id+"/schedule", "at", "2026-11-27T18:00", "to", "off", "version", version))
	b.follow(b.post("/partners/"+id+"/block", "on", "on", "version", "1"))
	a = b.see(b.post("/partners/"+id+"/settings", "version", version, "name", "Nord", "overall", "7,5", "categories", "Bikes = 25", "language", "pol"), http.StatusConflict,
		"Discount in percent</th>", "<pre>5.0</pre>", "<pre>7.5</pre>", "Discounts · By category</th>", "<pre>Bikes = 20.0\nParts = 5.0</pre>", "<pre>Bikes = 25.0</pre>", "polski (pol)")
	asKept(a)
	b.see(b.get("/audit"), http.StatusOK, "off at 27 Nov 2026, 18:00", "active → blocked", "<dt>Discount in percent</dt><dd><pre>– → 5.0</pre>")

	// Offer: what the form chooses among by its words, rules as they are written there.
	list := b.part(b.follow(b.post("/price-lists", "name", "Hurt 2026", "currency", "PLN", "lead", "net")), `/panel/price-lists/(t-[a-z2-7]{16})`)
	a = b.get("/offers/" + offer)
	version, shop := b.part(a, `name="version" value="(\d+)"`), b.part(a, `value="(s-[a-z2-7]{16})"`)
	sent := []string{"version", version, "name", "Nord", "shop", shop, "lead", "net", "act", "save"}
	b.see(b.follow(b.post("/offers/"+offer, append(sent, "base", "wholesale", "price-list", list, "include", "category: Bikes", "dialect", "no_bundles", "in-stock", "on")...)), http.StatusOK, "Saved")
	a = b.see(b.post("/offers/"+offer, append(sent, "base", "retail", "overall", "3", "rates", "EUR = 4,3", "currency", "PLN")...), http.StatusConflict,
		"<pre>Hurt 2026</pre>", "<pre>wholesale price</pre>", "<pre>retail price</pre>", "<pre>category: Bikes</pre>", "<pre>EUR = 4.3</pre>", "Exchange rates</th>", "<pre>yes</pre>", "<pre>no</pre>")
	asKept(a)
	b.see(b.get("/audit"), http.StatusOK, "retail price → wholesale price", "– → Hurt 2026")
}
