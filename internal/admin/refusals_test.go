package admin

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

var refusedField = regexp.MustCompile(`(?s)<p class="(?:wrong|note bad)"[^>]*>(.*?)</p>`)

// TestRefusalsAreToldInTheReadersLanguage sends what the domain refuses to forms
// in Polish: what is wrong, and what to do, is Polish too.
func TestRefusalsAreToldInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	s.goods(s.merchant("").ID)
	a := b.follow(b.post("/partners/new", "name", "Nord", "offer", "on", "currency", "PLN"))
	id := b.part(a, `/panel/partners/(p-[a-z2-7]{16})/`)
	offer := b.part(a, `/panel/offers/(o-[a-z2-7]{16})`)
	shop := b.part(b.get("/offers/"+offer), `value="(s-[a-z2-7]{16})"`)
	link := b.part(b.see(b.post("/offers/"+offer+"/links"), http.StatusOK), `/panel/links/(l-[a-z2-7]{16})`)
	b.follow(b.post("/language", "language", "pl", "back", "/"))

	settings, form := "/partners/"+id+"/settings", "/offers/"+offer
	own := []string{"version", "1", "name", "Nord", "shop", shop, "base", "retail", "lead", "net", "currency", "PLN"}
	merchant := []string{"version", "1", "name", "Hurtownia", "language", "pol", "currency", "PLN"}
	for _, c := range []struct {
		path, name, value, want string
		more                    []string
	}{
		{settings, "overall", "1 2", "„1 2” nie jest liczbą", nil},
		{settings, "overall", "120", "„120” to za dużo: rabat wynosi najwyżej 100", nil},
		{settings, "categories", "Bikes = x", "Bikes = x: „x” nie jest liczbą", nil},
		{settings, "categories", "Bikes = 5\nBikes = 6", "„Bikes” ma dwa rabaty", nil},
		{settings, "email", "jan", "„jan” nie jest adresem e-mail", nil},
		{settings, "tags", strings.Repeat("Ω", 40), "nie może być etykietą", nil},
		{settings, "notes", strings.Repeat("🚲", 6000), "uwagi mają ponad 20000 bajtów", nil},
		{form, "languages", "klingon", "„klingon” nie jest", own},
		{form, "languages", "pol, pol, pl", "język pol jest podany dwa razy", own},
		{form, "rates", "EUR = 0", "„0” nie jest kursem", own},
		{form, "rates", "PLN = 2", "kurs z PLN na tę samą walutę", own},
		{form, "rates", "EUR = 2\nEUR = 3", "są dwa kursy z EUR", own},
		{form, "buffer", "1 000", "„1 000” nie jest liczbą", own},
		{form, "buffer", "-1", "rezerwa i limit stanu to liczby", own},
		{"/links/" + link, "cidrs", "nord", "„nord” nie jest siecią (wpisz 203.0.113.0/24", []string{"name", "x", "version", "1"}},
		{"/links/" + link, "cidrs", "203.0.113.1/24", "sieć 203.0.113.1/24 ma bity za prefiksem (wpisz 203.0.113.0/24)", []string{"name", "x", "version", "1"}},
		{"/settings", "base_url", "https://feeds.example.com/?a", "adresy nie mogą się tak zaczynać (podaj protokół", merchant},
		{"/settings", "base_url", "https://łódź.example.com", "adres zawiera litery spoza ASCII (wpisz go tak", merchant},
		{"/settings", "vat", "dużo", "„dużo” nie jest liczbą", merchant},
		{"/users/new", "login", "Jan Kowalski", "login ma od 1 do 120 znaków", []string{"name", "Jan", "role", "readonly"}},
	} {
		fields := append([]string{c.name, c.value}, c.more...)
		if c.more == nil {
			fields = append(fields, "version", "1", "name", "Nord")
		}
		a := b.see(b.post(c.path, fields...), http.StatusUnprocessableEntity)
		var told []string
		for _, m := range refusedField.FindAllStringSubmatch(a.body, -1) {
			told = append(told, html.UnescapeString(m[1]))
		}
		if !strings.Contains(strings.Join(told, "\n"), c.want) {
			t.Errorf("%s of %.30q: got %q, want %q", c.name, c.value, told, c.want)
		}
	}
	// Each sentence has words in each language.
	words, err := loadLexicon()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range refusals() {
		for _, tg := range tongues()[1:] {
			sp := &speaker{words: words, lang: tg.Code}
			if text := strings.NewReplacer("{}", "x", "{n}", "7").Replace(r.Text); sp.said(newPhrases(), said{"form.said", []any{text}}) == sp.T("form.said", text) {
				t.Errorf("%q is told in English to readers of %s", text, tg.Code)
			}
		}
	}
}
