package admin

import (
	"net/http"
	"strings"
	"testing"
)

// TestPartnersAreFoundAsPeopleType finds names by letters that any keyboard has,
// and in the capitals of a language that leaves its accents out there.
func TestPartnersAreFoundAsPeopleType(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	for _, name := range []string{"Przedsiębiorstwo Łódź", "Κατάστημα Ποδήλατος", "Žiga Črešnjevec", "Велосипеды Ёж", "Nord"} {
		b.follow(b.post("/partners/new", "name", name, "offer", "on"))
	}
	for query, want := range map[string]string{
		"przedsiebiorstwo": "Przedsiębiorstwo", "LODZ": "Łódź", "łódź": "Łódź", "ΚΑΤΑΣΤΗΜΑ": "Κατάστημα", "ποδηλατος": "Ποδήλατος", "ΠΟΔΗΛΑΤΟΣ": "Ποδήλατος",
		"ziga cres": "Žiga", "ВЕЛОСИПЕДЫ ЕЖ": "Ёж", "nord": "Nord", "łódź przeds": "Przedsiębiorstwo Łódź",
	} {
		for _, page := range []string{"/partners?q=", "/generations?q="} {
			a := b.see(b.get(page+queryEscape(query)), http.StatusOK, want)
			if n := strings.Count(a.body, "<tbody"); n != 1 || strings.Count(a.body, "<tr") != 2 {
				t.Errorf("%s%s: got %d rows: %s", page, query, strings.Count(a.body, "<tr")-1, plain(a.body))
			}
		}
	}
}

// TestASwitchIsComeBackTo turns switches as a browser without scripts does: it is
// led back to the switch, on the page and with the search that it came from.
func TestASwitchIsComeBackTo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	id := b.part(b.follow(b.post("/partners/new", "name", "Nord", "offer", "on")), `/panel/partners/(p-[a-z2-7]{16})/`)
	offer := b.part(b.get("/partners/"+id), `/panel/offers/(o-[a-z2-7]{16})"`)
	for _, c := range []struct{ page, action string }{
		{"/partners?q=no", "/partners/" + id + "/feed"}, {"/partners/" + id, "/partners/" + id + "/feed"}, {"/partners/" + id, "/partners/" + id + "/block"}, {"/partners/" + id, "/offers/" + offer + "/orders"},
	} {
		version := b.part(b.get(c.page), `(?s)action="/panel`+c.action+`"[^>]*>\s*<input type="hidden" name="version" value="(\d+)"`)
		a := b.post(c.action, "version", version, "on", "off", "back", c.page)
		page, button, _ := strings.Cut(a.to(), "#")
		if page != c.page {
			t.Errorf("%s: got to %q, want %q", c.action, a.to(), c.page)
		}
		b.see(b.get(page), http.StatusOK, `<button id="`+button+`" role="switch"`)
	}
}
