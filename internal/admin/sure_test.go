package admin

import (
	"net/http"
	"strings"
	"testing"

	"feedmill/internal/partner"
)

// TestNothingIsLostWithoutBeingAsked does everything that cannot be undone as a
// browser without scripts does: the first time asks, the second does it.
func TestNothingIsLostWithoutBeingAsked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	m := s.merchant("")
	a := b.follow(b.post("/partners/new", "name", "Nord & Co", "offer", "on"))
	id := b.part(a, `/panel/partners/(p-[a-z2-7]{16})/settings`)
	offer := b.part(a, `/panel/offers/(o-[a-z2-7]{16})`)
	link := b.part(b.post("/offers/"+offer+"/links"), `/panel/links/(l-[a-z2-7]{16})`)
	b.follow(b.post("/price-lists", "name", "Hurt", "currency", "PLN", "lead", "net"))
	list := b.part(b.get("/price-lists"), `/panel/price-lists/(t-[a-z2-7]{16})`)
	b.follow(b.post("/rates", "from", "PLN", "to", "EUR", "rate", "0,23", "act", "save"))
	b.follow(b.post("/shops", "number", "7", "name", "Seven"))
	shop := b.part(b.get("/shops"), `(?s)/panel/shops/(s-[a-z2-7]{16})".{0,900}value="Seven"`)

	// version gives what the form of an address says, on the page that it stands on.
	version := func(page, action string) string {
		t.Helper()
		return b.part(b.get(page), `(?s)action="/panel`+action+`"[^>]*><input type="hidden" name="version" value="(\d+)"`)
	}
	for _, act := range []struct {
		page, action, question, done string
		fields                       []string
		unversioned                  bool
	}{
		{"/links/" + link, "/links/" + link + "/revoke", "Revoke this link for good?", "revoked", nil, true},
		{"/partners/" + id, "/offers/" + offer + "/delete", "Delete the offer Nord &amp; Co for good?", "is deleted", nil, false},
		{"/partners/" + id, "/partners/" + id + "/delete", "Delete Nord &amp; Co for good?", "is deleted", nil, false},
		{"/price-lists/" + list, "/price-lists/" + list, "Delete price list Hurt", "is deleted", []string{"name", "Hurt", "currency", "PLN", "lead", "net", "act", "delete"}, false},
		{"/rates", "/rates/PLN-EUR", "Delete the rate from PLN to EUR?", "is deleted", []string{"act", "delete"}, false},
		{"/shops", "/shops/" + shop, "Delete Seven?", "Seven is deleted", []string{"number", "7", "name", "Seven", "act", "delete"}, false},
	} {
		before := b.get(act.page).body
		fields := act.fields
		if !act.unversioned {
			fields = append(fields, "version", version(act.page, act.action))
		}
		a := b.see(b.post(act.action, fields...), http.StatusOK, "Are you sure?", act.question, `action="/panel`+act.action+`"`, `name="sure" value="1"`, `href="/panel`+act.page+`"`)
		if after := b.get(act.page).body; after != before {
			t.Errorf("%s: something was done before anybody was asked: %.300s", act.action, plain(after))
		}
		for i := 0; i+1 < len(fields); i += 2 {
			if want := `name="` + fields[i] + `" value="` + fields[i+1] + `"`; !strings.Contains(a.body, want) {
				t.Errorf("%s: the question does not keep %s", act.action, want)
			}
		}
		b.see(b.follow(b.post(act.action, append(fields, "sure", "1")...)), http.StatusOK, act.done)
	}
	// Who had one of them open is told what has become of what he sends.
	for _, at := range []string{"/partners/" + id + "/settings", "/offers/" + offer + "/delete", "/shops/" + shop} {
		b.see(b.post(at, "name", "Nord", "number", "7", "sure", "1", "version", "1"), http.StatusNotFound, "somebody has deleted it meanwhile. Nothing was changed.")
	}
	b.see(b.get("/partners/"+id), http.StatusNotFound, "There is no such page.")
	if list, err := s.db.Partners(t.Context(), m.ID); err != nil || len(list) != 0 {
		t.Errorf("got %d partners and %v, want none", len(list), err)
	}
	if l, err := s.db.Link(t.Context(), m.ID, partner.LinkID(link)); err == nil && l.Live(s.Now()) {
		t.Error("the link lives on")
	}
}
