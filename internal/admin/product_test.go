package admin

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// TestOnePartnerAmongMany asks what one partner of many sees of a product.
func TestOnePartnerAmongMany(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	m := s.merchant("")
	s.goods(m.ID)
	who := manage.Identity{Merchant: m.ID, Role: manage.RoleOwner, Actor: partner.Actor{Name: "test", Role: "operator"}}
	shops, err := s.manage.Shops(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	for i := range perPage + 2 {
		name := fmt.Sprintf("Partner %02d", i)
		if i == 0 {
			name = "Łódź"
		}
		p, err := s.manage.CreatePartner(t.Context(), who, partner.Partner{Name: name, FeedEnabled: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.manage.CreateOffer(t.Context(), who, partner.Offer{Partner: p.ID, Shop: shops[0].ID, Name: "Main", FeedEnabled: true}); err != nil {
			t.Fatal(err)
		}
	}
	// Letters with accents stand among those that have none.
	for _, page := range []string{"/partners", "/generations", "/products/1"} {
		a := b.see(b.get(page), http.StatusOK, "Łódź", "Partner 01")
		if strings.Index(a.body, "Łódź") > strings.Index(a.body, "Partner 01") {
			t.Errorf("%s: Łódź stands behind Partner 01", page)
		}
	}
	a := b.see(b.get("/products/1?q=lodz"), http.StatusOK, "Łódź", `name="q" value="lodz"`)
	if strings.Contains(a.body, "Partner 0") {
		t.Errorf("others are there too: %s", plain(a.body))
	}
	b.see(b.get("/products/1?q=nobody"), http.StatusOK, "No partner of that name has an offer.", `name="q" value="nobody"`)
	if a := b.get("/products/1?page=1"); !strings.Contains(a.body, fmt.Sprintf("%d–%d of %d", perPage+1, perPage+2, perPage+2)) {
		t.Errorf("the second page: %s", plain(a.body))
	}
}

// TestAProductIsRemoved takes a product out of all offers, after a question.
func TestAProductIsRemoved(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	m := s.merchant("")
	s.goods(m.ID)
	b.see(b.get("/products/1"), http.StatusOK, `action="/panel/products/1/delete"`)
	readonly := s.staff(m.ID, auth.Readonly, "")
	if a := readonly.get("/products/1"); strings.Contains(a.body, "/delete") {
		t.Errorf("who may only look is offered it: %s", plain(a.body))
	}
	if a := readonly.post("/products/1/delete", sureField, "1"); a.status != http.StatusForbidden {
		t.Errorf("who may only look: got %d", a.status)
	}
	b.see(b.post("/products/1/delete"), http.StatusOK, "Remove Bell from the catalog, and so from all offers?", `name="sure" value="1"`)
	b.see(b.get("/products/1"), http.StatusOK, "Bell")
	b.see(b.follow(b.post("/products/1/delete", sureField, "1")), http.StatusOK, "Bell is removed from the catalog.", "Frame")
	const gone = "The catalog has no such product any more."
	b.see(b.get("/products/1"), http.StatusNotFound, gone, `<h1>Product 1</h1>`)
	// A second tap finds nothing more to do.
	b.see(b.post("/products/1/delete", sureField, "1"), http.StatusNotFound, gone)
	b.see(b.get("/audit"), http.StatusOK, "<dt>removed</dt>")
}

// TestEverySwitchIsTold looks for all switches that close an offer, in words of
// every language, where one alone would send the reader to turn it on for nothing.
func TestEverySwitchIsTold(t *testing.T) {
	t.Parallel()
	book, err := Storybook()
	if err != nil {
		t.Fatal(err)
	}
	b := book.(*storybook)
	words := map[string][]string{
		"en": {"sharing is switched off", "he is blocked", "his offers are switched off", "the offer is switched off"},
		"pl": {"udostępnianie jest wyłączone", "jest zablokowany", "jego oferty są wyłączone", "oferta jest wyłączona"},
		"sl": {"deljenje je izklopljeno", "je blokiran", "njegove ponudbe so izklopljene", "ponudba je izklopljena"},
		"el": {"ο διαμοιρασμός είναι ανενεργός", "είναι αποκλεισμένος", "οι προσφορές του είναι ανενεργές", "η προσφορά είναι ανενεργή"},
		"ru": {"передача выключена", "он заблокирован", "его предложения выключены", "предложение выключено"},
	}
	closed := []string{"sharing-off", "partner-blocked", "partner-feed-off", "offer-feed-off"}
	for _, tg := range tongues() {
		for _, pg := range pages() {
			if pg.name != "why" && pg.name != "product" {
				continue
			}
			st := pg.stories(b.scene)[0]
			switch v := st.data.(type) {
			case whyView:
				v.ClosedBy = closed
				st.data = v
			case productView:
				v.Shown = []shownLine{{Partner: "Nord", ClosedBy: closed}}
				st.data = v
			}
			body, err := b.panel.render(b.scene.screenOf(pg.name, st, tg.Code), pg.name, st.part, b.scene.zone)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range words[tg.Code] {
				if !strings.Contains(string(body), ">"+want+"<") {
					t.Errorf("%s in %s: no %q", pg.name, tg.Code, want)
				}
			}
		}
		if words[tg.Code] == nil {
			t.Errorf("no words for %s", tg.Code)
		}
	}
}
