package admin

import (
	"bytes"
	"html/template"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"feedmill/internal/auth"
	"feedmill/internal/partner"
)

// TestHostileForms sends to each form what nobody should: scripts in texts, what
// is too long, ids of others, old versions. Each is refused with a message, and
// what was typed is on the page again, as text.
func TestHostileForms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	s.goods(s.merchant("").ID)
	script := `"><script>alert(1)</script>`
	long := strings.Repeat("ż", 400)
	shop := b.part(b.get("/shops"), `/panel/shops/(s-[a-z2-7]{16})`)
	for _, test := range []struct {
		path   string
		fields []string
		keeps  []string // fields whose values must come back
		says   string
	}{
		{"/settings", []string{"name", "", "zone", script, "vat", "1x", "language", "zzz", "currency", "EURO", "stale", "-4", "alarm", "9999999", "s_website", "javascript:alert(1)", "s_name", script, "version", "1"}, []string{"zone", "s_website", "s_name", "vat"}, "Please fill this in"},
		{"/settings", []string{"name", long, "zone", "+01:00", "vat", "23", "language", "pol", "currency", "PLN", "version", "1"}, []string{"name"}, "200"},
		{"/settings", []string{"name", "A", "base_url", `"><b>`, "vat", "23", "language", "pol", "currency", "PLN", "version", "1"}, []string{"base_url"}, "base address"},
		{"/settings", []string{"name", "A", "base_url", script, "vat", "23", "language", "pol", "currency", "PLN", "version", "1"}, []string{"base_url"}, "leave scripts out"},
		{"/settings", []string{"name", "A", "vat", "23", "language", "pol", "currency", "PLN"}, []string{"name"}, ""},
		{"/shops", []string{"number", script, "name", script}, []string{"number", "name"}, "99,999"},
		{"/shops", []string{"number", "2", "name", long}, []string{"name"}, "200"},
		{"/shops", []string{"number", "1", "name", "again"}, []string{"name"}, ""},
		{"/shops/" + shop, []string{"number", "x", "name", script, "version", "1"}, []string{"name"}, ""},
		{"/users/new", []string{"login", "a b" + script, "name", long, "role", "god"}, []string{"login", "name"}, ""},
		{"/users/new", []string{"login", "p@x.example", "role", "partner", "partner", "p-aaaaaaaaaaaaaaaa"}, []string{"login"}, ""},
		{"/users/new", []string{"login", "anna@example.com", "role", "manager"}, []string{"login"}, ""},
		{"/rates", []string{"from", "PLN", "to", "PLN", "rate", script}, []string{"rate"}, ""},
		{"/rates", []string{"from", script, "to", "EUR", "rate", "1"}, nil, ""},
		{"/rates", []string{"from", "PLN", "to", "EUR", "rate", "-0,25"}, []string{"rate"}, ""},
		{"/price-lists", []string{"name", script, "currency", "PLN", "lead", "net"}, []string{"name"}, "leave scripts out"},
	} {
		a := b.see(b.post(test.path, test.fields...), http.StatusUnprocessableEntity, test.says)
		if strings.Contains(a.body, "<script>alert") {
			t.Errorf("%s: a script stands on the page", test.path)
		}
		if !strings.Contains(a.body, `class="wrong"`) && !strings.Contains(a.body, "note bad") {
			t.Errorf("%s %v: no message", test.path, test.fields)
		}
		for i := 0; i < len(test.fields); i += 2 {
			for _, name := range test.keeps {
				if want := template.HTMLEscapeString(test.fields[i+1]); test.fields[i] == name && want != "" && !strings.Contains(a.body, want) {
					t.Errorf("%s: field %s has lost %q", test.path, name, test.fields[i+1])
				}
			}
		}
	}
	// An old version, a foreign id, another site.
	good := []string{"name", "Neu & mehr", "vat", "23", "language", "pol", "currency", "PLN", "zone", "+01:00", "version", "1"}
	b.see(b.follow(b.post("/settings", good...)), http.StatusOK, "Saved", "Neu &amp; mehr")
	b.see(b.post("/settings", append([]string{"name", "Alt"}, good[2:]...)...), http.StatusConflict, "Alt")
	b.see(b.post("/settings", append([]string{"!Origin", "https://evil.example", "!Sec-Fetch-Site", "cross-site"}, good...)...), http.StatusForbidden)
	b.see(b.post("/shops/s-aaaaaaaaaaaaaaaa", "number", "7", "name", "x", "version", "1"), http.StatusNotFound)
	for _, path := range []string{"/users/u-aaaaaaaaaaaaaaaa", "/products/0", "/products/x", "/products/99", "/products/1/why/o-aaaaaaaaaaaaaaaa", "/generations/o-aaaaaaaaaaaaaaaa", "/generations/%2e%2e/compare?a=1&b=2", "/import/nothing"} {
		b.see(b.get(path), http.StatusNotFound)
	}
	// Whoever only looks changes nothing, and whoever is not staff sees nothing.
	reader := s.staff(s.merchant("").ID, auth.Readonly, "")
	for _, path := range []string{"/settings", "/shops", "/rates", "/users/new", "/import"} {
		reader.see(reader.post(path, "name", "x"), http.StatusForbidden)
	}
	reader.see(reader.get("/users"), http.StatusForbidden)
	for _, path := range []string{"/products", "/products/1", "/generations", "/pictures", "/settings", "/shops", "/rates"} {
		reader.see(reader.get(path), http.StatusOK)
	}
	b.see(b.get("/products?q=Fra"), http.StatusOK, "Frame", "900.00")
	b.see(b.get("/products?q="+strings.Repeat("%3Cscript%3E", 40)), http.StatusOK)
}

// send sends a file to the import.
func (b *browser) send(name, content string) answer {
	b.t.Helper()
	return b.sendTo("/import", name, content)
}

// sendTo sends a file and fields beside it.
func (b *browser) sendTo(path, name, content string, pairs ...string) answer {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i+1 < len(pairs); i += 2 {
		if err := w.WriteField(pairs[i], pairs[i+1]); err != nil {
			b.t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("file", name)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := part.Write([]byte(content)); err != nil {
		b.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.server.URL+root+path, &body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", w.FormDataContentType())
	return b.do(r)
}

// TestImportPages uploads catalogs, good ones and others.
func TestImportPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	settled := func(a answer) answer {
		t.Helper()
		for a.status == http.StatusSeeOther {
			to := a.to()
			for a = b.get(to); strings.Contains(a.body, "<progress"); a = b.get(to) {
			}
		}
		return b.see(a, http.StatusOK)
	}
	b.see(b.send("empty.csv", ""), http.StatusUnprocessableEntity, "The file is empty")
	b.see(b.post("/import", "file", "x"), http.StatusUnprocessableEntity, "Please fill this in")
	a := settled(b.send(`..\"><script>alert(1)</script>.jsonl`, "=1+1\n"))
	if strings.Contains(a.body, "<script>alert") || !strings.Contains(a.body, "failed") && !strings.Contains(a.body, "refused") {
		t.Errorf("a file that is no catalog: %.900s", plain(a.body))
	}
	bad := `{"id":1,"name":"A","vat":"23","currency":"PLN","price":"x","sizes":[{"code":"=A"}]}` + "\n"
	a = settled(b.send("bad.jsonl", bad))
	list := b.get(strings.TrimPrefix(b.part(a, `href="/panel(/import/\w+/problems\.csv)"`), root))
	if !strings.Contains(list.body, "bad.jsonl,1,") || list.header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("the list of problems: got %s", list.body)
	}
	good := `{"id":7,"name":{"pol":"Dzwonek"},"vat":"23","currency":"PLN","category":"A","unit":"szt.","price":"12.00","sizes":[{"code":"D-7"}]}` + "\n"
	a = settled(b.send("good.jsonl", good))
	b.see(a, http.StatusOK, "waits for you", "What would change")
	at := b.part(a, `action="/panel(/import/\w+)/merge"`)
	b.see(b.get("/products/7"), http.StatusNotFound)
	b.see(settled(b.post(at+"/merge")), http.StatusOK, "What has changed", "To take it back, send the file that you had before.")
	b.see(b.get("/products?q=D-7"), http.StatusOK, "Dzwonek")
	settled(b.post(at + "/merge")) // once more is no second merge
	a = settled(b.send("good.jsonl", strings.ReplaceAll(good, "12.00", "13.00")))
	b.see(b.follow(b.post(b.part(a, `action="/panel(/import/\w+/discard)"`))), http.StatusOK, "discarded")
	b.see(b.get("/products/7"), http.StatusOK, "Dzwonek")
	// Another merchant's people do not see it.
	reader := s.staff(s.merchant("").ID, auth.Readonly, "")
	reader.see(reader.get(at), http.StatusForbidden)
}

// TestPortalShowsNothingForeign looks with one partner's eyes at another's things.
func TestPortalShowsNothingForeign(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	m := s.merchant("").ID
	s.goods(m)
	made := func(name string) (id partner.ID, offer string) {
		a := b.follow(b.post("/partners/new", "name", name, "offer", "on", "notes", "secret notes of "+name))
		return partner.ID(b.part(a, `/panel/partners/(p-[a-z2-7]{16})/settings`)), b.part(a, `/panel/offers/(o-[a-z2-7]{16})`)
	}
	nord, own := made("Nord")
	_, foreign := made("Velo")
	p := s.staff(m, auth.Portal, nord)
	for _, path := range []string{"/portal", "/portal/connect", "/portal/changes", "/portal/downloads"} {
		a := p.see(p.get(path), http.StatusOK)
		for _, word := range []string{"Velo", foreign, "secret notes", "/panel/partners"} {
			if strings.Contains(a.body, word) {
				t.Errorf("%s shows %q", path, word)
			}
		}
	}
	p.see(p.get("/portal"), http.StatusOK, "Nord", own)
	for _, path := range []string{"/portal/changes?offer=" + foreign, "/portal/downloads?offer=" + foreign, "/portal/" + foreign + "/sample/full.xml", "/portal/" + own + "/sample/..%2Ffull.xml"} {
		p.see(p.get(path), http.StatusNotFound)
	}
	p.see(p.post("/portal/"+foreign+"/check"), http.StatusNotFound)
	for _, path := range []string{"/products", "/partners", "/settings", "/users", "/generations", "/pictures", "/import", "/audit", "/partners/" + string(nord)} {
		p.see(p.get(path), http.StatusForbidden)
	}
	b.see(b.get("/portal"), http.StatusForbidden)
	// A request reaches the merchant, once.
	p.see(p.post("/portal/request", "text", ""), http.StatusUnprocessableEntity, "Please fill this in")
	p.see(p.post("/portal/request", "text", strings.Repeat("x", 1001)), http.StatusUnprocessableEntity, "1,000")
	p.see(p.follow(p.post("/portal/request", "text", "a new <link>, please")), http.StatusOK, "The merchant has your request")
	p.see(p.post("/portal/request", "text", "another"), http.StatusUnprocessableEntity, "waits for the merchant")
	b.see(b.get("/partners?tag="+askTag), http.StatusOK, "Nord")
	b.see(b.get("/partners/"+string(nord)), http.StatusOK, "a new &lt;link&gt;, please", "secret notes of Nord")
}
