package admin

import (
	"net/http"
	"strings"
	"testing"

	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// The card of a partner and the form of his offer tell what the offer names that
// the catalog does not have, in the language of the page, until it is mended.
func TestUnmatchedNamesAreOnThePages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	m := s.merchant("")
	s.goods(m.ID)
	id := b.part(b.follow(b.post("/partners/new", "name", "Nord", "offer", "on")), `/panel/partners/(p-[a-z2-7]{16})/`)
	offer := b.part(b.get("/partners/"+id), `/panel/offers/(o-[a-z2-7]{16})"`)
	write := func(act, exclude, houses string) answer {
		version := b.part(b.get("/offers/"+offer), `name="version" value="(\d+)"`)
		shop := b.part(b.get("/offers/"+offer), `<option value="(s-[a-z2-7]{16})"`)
		return b.post("/offers/"+offer, "version", version, "name", "Main", "shop", shop, "base", "retail", "lead", "net", "currency", "PLN", "exclude", exclude, "warehouses", houses, "partner-discounts", "on", "act", act)
	}
	b.see(write("preview", "product: Q", "7, 8"), http.StatusOK, "none of these warehouses: 7, 8", "no product “Q”")
	b.follow(write("save", "product: Q\nproduct: B\ntag: sale", "7, 8"))
	for _, page := range []string{"/offers/" + offer, "/partners/" + id} {
		b.see(b.get(page), http.StatusOK, "none of these warehouses: 7, 8", "shown to the partner as sold out, with stock 0", "no product “Q”", "The rule leaves nothing out", "No product has the tag “sale”")
	}
	b.post("/language", "language", "pl", "back", "/")
	a := b.see(b.get("/partners/"+id), http.StatusOK, "W katalogu nie ma żadnego z tych magazynów: 7, 8", "ze stanem 0", "nie ma produktu „Q”")
	if strings.Contains(a.body, "“B”") || strings.Contains(a.body, "„B”") {
		t.Error("a product that there is, is told of")
	}
	b.follow(write("save", "product: B", ""))
	if a := b.get("/partners/" + id); strings.Contains(a.body, "magazynów") || strings.Contains(a.body, "wskazują coś") {
		t.Errorf("all is right, and still told: %s", plain(a.body))
	}
}

// Of a catalog that is larger than what a page compares, what only the rest can
// have is said to be unknown, and found out by whoever asks for all of it.
func TestWhatWasNotComparedIsSaid(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.panel.opt.ComparedProducts = 2
	b := s.setUp("Hurtownia")
	s.goods(s.merchant("").ID)
	who := manage.Identity{Merchant: s.merchant("").ID, Role: manage.RoleOwner, Actor: partner.Actor{Name: "test", Role: "operator"}}
	if _, err := s.manage.UpsertLines(t.Context(), who, []byte(`{"id":9,"name":"Lock","price":"5","vat":23,"category":"Locks","unit":"pcs","tags":["sale"],"sizes":[{"id":"uniw","code":"L"}]}`), true); err != nil {
		t.Fatal(err)
	}
	id := b.part(b.follow(b.post("/partners/new", "name", "Nord", "offer", "on")), `/panel/partners/(p-[a-z2-7]{16})/`)
	offer := b.part(b.get("/partners/"+id), `/panel/offers/(o-[a-z2-7]{16})"`)
	exclude := func(rules string) {
		version := b.part(b.get("/offers/"+offer), `name="version" value="(\d+)"`)
		shop := b.part(b.get("/offers/"+offer), `<option value="(s-[a-z2-7]{16})"`)
		b.follow(b.post("/offers/"+offer, "version", version, "name", "Main", "shop", shop, "base", "retail", "lead", "net", "currency", "PLN", "exclude", rules, "partner-discounts", "on", "act", "save"))
	}
	exclude("tag: sale")
	for _, page := range []string{"/offers/" + offer, "/partners/" + id} {
		a := b.see(b.get(page), http.StatusOK, "The first 2 products of a larger catalog were compared", "is not known: sale.", `href="/panel/offers/`+offer+`?compare=all"`)
		if strings.Contains(a.body, "No product has the tag") {
			t.Error("a tag is said to be missing that nobody has looked for everywhere")
		}
	}
	b.see(b.get("/offers/"+offer+"?compare=all"), http.StatusOK, "All products were compared: the catalog has everything")
	exclude("tag: sale\ntag: sael")
	b.see(b.get("/offers/"+offer), http.StatusOK, "is not known: sale, sael.")
	a := b.see(b.get("/offers/"+offer+"?compare=all"), http.StatusOK, "No product has the tag “sael”")
	if strings.Contains(a.body, "“sale” ") || strings.Contains(a.body, "is not known") {
		t.Errorf("all was compared, and still: %s", plain(a.body))
	}
}

// Why a price is what it is, is told in the language of the page, with its comma.
func TestWhyIsToldInTheLanguageOfThePage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	s.goods(s.merchant("").ID)
	id := b.part(b.follow(b.post("/partners/new", "name", "Nord", "offer", "on", "overall", "12.5", "currency", "PLN")), `/panel/partners/(p-[a-z2-7]{16})/`)
	offer := b.part(b.get("/partners/"+id), `/panel/offers/(o-[a-z2-7]{16})"`)
	for lang, texts := range map[string][]string{
		"en": {"list price, net", "less 12.5 % on everything", "no stock is known", "no assortment rules: every product is in"},
		"pl": {"cena katalogowa, netto", "minus 12,5 % na wszystko", "= 10,50", "stan magazynowy nie jest znany", "brak reguł asortymentu: wchodzi każdy produkt"},
		"ru": {"цена по прайсу, нетто", "минус 12,5 % на всё"},
	} {
		b.post("/language", "language", lang, "back", "/")
		a := b.see(b.get("/products/1/why/"+offer), http.StatusOK, texts...)
		_, page, _ := strings.Cut(a.body, "<main")
		if page, _, _ = strings.Cut(page, "</main>"); strings.Contains(page, `lang="en"`) && lang != "en" {
			t.Errorf("%s: a part of the page is English: %s", lang, plain(page))
		}
	}
}

// A partner in another currency without a rate gets nothing: his card and the form of
// his offer say so until there is one, of the merchant's or of the offer's own.
func TestMissingRateIsOnThePages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	s.goods(s.merchant("").ID)
	const told = "There is no exchange rate from PLN to EUR"
	pages := func(want bool, id, offer string) {
		t.Helper()
		for _, page := range []string{"/partners/" + id, "/offers/" + offer} {
			if a := b.see(b.get(page), http.StatusOK); strings.Contains(a.body, told) != want {
				t.Errorf("%s tells of the rate: %v, want %v", page, !want, want)
			}
		}
	}
	partnerOf := func(name, currency string) (id, offer string) {
		a := b.follow(b.post("/partners/new", "name", name, "offer", "on", "currency", currency))
		return b.part(a, `/panel/partners/(p-[a-z2-7]{16})/`), b.part(a, `/panel/offers/(o-[a-z2-7]{16})"`)
	}
	id, offer := partnerOf("Euro", "EUR")
	zloty, same := partnerOf("Nord", "PLN")
	own, rated := partnerOf("Sud", "EUR")
	shop := b.part(b.get("/offers/"+rated), `<option value="(s-[a-z2-7]{16})"`)
	b.follow(b.post("/offers/"+rated, "version", "1", "name", "Sud", "shop", shop, "base", "retail", "lead", "net", "currency", "EUR", "rates", "PLN = 0.23", "partner-discounts", "on", "act", "save"))
	pages(true, id, offer)
	pages(false, zloty, same)
	pages(false, own, rated)
	b.follow(b.post("/rates", "from", "PLN", "to", "EUR", "rate", "0,25"))
	pages(false, id, offer)
}
