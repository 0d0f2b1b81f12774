package admin

import (
	"net/http"
	"regexp"
	"testing"

	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// TestTheAuditNamesThings finds everything in the audit by what people call it
// now, and what is gone by its last name.
func TestTheAuditNamesThings(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	m := s.merchant("")
	who := manage.Identity{Merchant: m.ID, Role: manage.RoleOwner, Actor: partner.Actor{Name: "test", Role: "operator"}}
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	id := b.part(b.follow(b.post("/partners/new", "name", "Nord", "offer", "on")), `/panel/partners/(p-[a-z2-7]{16})/`)
	offers, err := s.manage.Offers(ctx, who, partner.ID(id))
	must(err)
	link, _, err := s.manage.CreateLink(ctx, who, offers[0].ID, manage.NewLink{Name: "robot"})
	must(err)
	p, err := s.manage.Partner(ctx, who, id)
	must(err)
	p.Name = "Süd"
	_, err = s.manage.UpdatePartner(ctx, who, p)
	must(err)
	list, err := s.manage.CreatePriceList(ctx, who, partner.PriceList{Name: "Hurt 2", Currency: m.Currency})
	must(err)
	_, _, err = s.manage.CreateKey(ctx, who, "magazyn", partner.ScopeProductsRead, s.Now().AddDate(1, 0, 0))
	must(err)
	s.staff(m.ID, auth.Portal, partner.ID(id))
	readonly := s.staff(m.ID, auth.Readonly, "")

	line := func(a answer, act, want string) {
		t.Helper()
		if !regexp.MustCompile(`<td class="free" data-label="What"><span>` + act + `<br>` + want + `<br><small>[a-z]-[a-z2-7]+</small>`).MatchString(a.body) {
			t.Errorf("no line says %s %s: %s", act, want, plain(a.body)[200:2000])
		}
	}
	a := b.see(b.get("/audit"), http.StatusOK)
	line(a, "partner added", `<a href="/panel/partners/`+id+`">Süd</a>`)
	line(a, "offer added", `<a href="/panel/offers/`+string(offers[0].ID)+`">Süd › `+offers[0].Name+`</a>`)
	line(a, "link made", `<a href="/panel/links/`+string(link.ID)+`">Süd › `+offers[0].Name+` › robot</a>`)
	line(a, "price list added", `<a href="/panel/price-lists/`+string(list.ID)+`">Hurt 2</a>`)
	line(a, "API key made", `magazyn`)
	line(a, "user added", `partner-u-[a-z2-7]+`)
	// The partner that a fact names is called by his name too.
	b.see(a, http.StatusOK, "<dt>Partner</dt><dd><pre>– → Süd</pre></dd>")
	b.see(readonly.get("/audit"), http.StatusOK, ">Süd</a>")
	b.see(b.get("/partners/"+id+"/audit"), http.StatusOK, ">Süd › "+offers[0].Name+" › robot</a>")
	b.see(b.get("/audit?object="+id), http.StatusOK, "Only what was done to Süd.")

	must(s.manage.RevokeLink(ctx, who, link.ID))
	o, err := s.manage.Offer(ctx, who, "", string(offers[0].ID))
	must(err)
	must(s.manage.DeleteOffer(ctx, who, o.ID, o.Version))
	p, err = s.manage.Partner(ctx, who, id)
	must(err)
	must(s.manage.DeletePartner(ctx, who, p.ID, p.Version))
	a = b.see(b.get("/audit"), http.StatusOK)
	for _, act := range []string{"partner added", "partner changed", "partner deleted"} {
		line(a, act, `Süd \(removed\)`)
	}
	line(a, "offer added", `Süd › `+offers[0].Name+` \(removed\)`)
	line(a, "offer deleted", `Süd › `+offers[0].Name+` \(removed\)`)
	// A link and an account go with what they belong to.
	line(a, "link revoked", `Süd › `+offers[0].Name+` › robot \(removed\)`)
	line(a, "user added", `partner-u-[a-z2-7]+ \(removed\)`)
	b.see(b.get("/audit?object="+id), http.StatusOK, "Only what was done to Süd (removed).")
}
