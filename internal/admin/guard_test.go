package admin

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// TestEveryRouteRefuses asks every route as everybody who may not use it, and
// with the ids of another merchant. A new route is asked too.
func TestEveryRouteRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	owner := s.setUp("Hurtownia")
	m := s.merchant("")
	a := owner.follow(owner.post("/partners/new", "name", "Nord", "offer", "on"))
	ids := map[string]string{"{partner}": owner.part(a, `/panel/partners/(p-[a-z2-7]{16})/`), "{offer}": owner.part(a, `/panel/offers/(o-[a-z2-7]{16})`),
		"{run}": "run-of-somebody", "{import}": string(partner.NewImportID()), "{product}": "1", "{user}": string(auth.NewUserID()), "{shop}": string(partner.NewShopID())}
	a = owner.post("/offers/" + ids["{offer}"] + "/links")
	ids["{link}"] = owner.part(a, `/panel/links/(l-[a-z2-7]{16})`)
	// Another merchant with an owner and a partner of his own.
	other, err := s.db.CreateMerchant(t.Context(), partner.Actor{Name: "test"}, partner.Merchant{ID: partner.NewMerchantID(), Name: "Other", Language: m.Language, Currency: m.Currency, SharingEnabled: true})
	if err != nil {
		t.Fatal(err)
	}
	visitors := map[string]*browser{"nobody": s.browser(), "foreign owner": s.staff(other.ID, auth.Owner, ""), "readonly": s.staff(m.ID, auth.Readonly, ""), "manager": s.staff(m.ID, auth.Manager, ""),
		"partner": s.staff(m.ID, auth.Portal, partner.ID(ids["{partner}"]))}
	holes := regexp.MustCompile(`\{[a-z]+\}`)
	before := s.facts(m.ID)
	asked := 0
	for _, pg := range pages() {
		for _, rt := range pg.routes {
			if rt.needs.open || strings.HasSuffix(rt.path, "/events") {
				continue
			}
			path := holes.ReplaceAllStringFunc(rt.path, func(h string) string {
				if id, ok := ids[h]; ok {
					return id
				}
				return "x"
			})
			for name, b := range visitors {
				who := manage.Identity{Merchant: m.ID}
				role := auth.Role("")
				switch name {
				case "readonly":
					who.Role, role = manage.RoleReadonly, auth.Readonly
				case "manager":
					who.Role, role = manage.RoleManager, auth.Manager
				case "partner":
					role = auth.Portal
				}
				foreign := name == "foreign owner"
				if foreign && !holes.MatchString(rt.path) || !foreign && name != "nobody" && rt.needs.met(who, role) {
					continue
				}
				asked++
				var a answer
				if rt.method == "GET" {
					a = b.get(path)
				} else {
					a = b.post(path, "version", "1", "on", "off", "name", "Hacked", "overlap", "0", "to", "off", "at", "2027-01-01T00:00", "act", "save", "password", "x")
				}
				switch {
				case name == "nobody" && strings.HasPrefix(a.to(), "/sign-in"):
				case a.status == http.StatusForbidden, a.status == http.StatusNotFound:
				case name == "partner" && path == "/" && a.to() == "/portal":
				case foreign && a.status == http.StatusUnprocessableEntity && !strings.Contains(a.body, "Nord"):
				case foreign && a.status == http.StatusSeeOther && strings.HasPrefix(a.to(), "/prove"):
				default:
					t.Errorf("%s %s by %s: got %d to %q: %.300s", rt.method, rt.path, name, a.status, a.to(), plain(a.body))
				}
				if strings.Contains(a.body, "Nord") && name != "readonly" && name != "manager" && name != "partner" {
					t.Errorf("%s %s by %s tells of a partner", rt.method, rt.path, name)
				}
			}
		}
	}
	if asked < 60 {
		t.Fatalf("only %d requests were made: the search is broken", asked)
	}
	if after := s.facts(m.ID); after != before {
		t.Errorf("somebody has changed something:\n%s\nbefore:\n%s", after, before)
	}
}

// facts tells everything that the test above must not change.
func (s *site) facts(m partner.MerchantID) string {
	s.t.Helper()
	ctx := context.Background()
	partners, err1 := s.db.Partners(ctx, m)
	offers, err2 := s.db.Offers(ctx, m, "")
	links, err3 := s.db.Links(ctx, m, "")
	merchant, err4 := s.db.Merchant(ctx, m)
	shops, err5 := s.db.Shops(ctx, m)
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return fmt.Sprintf("%+v\n%+v\n%+v\n%+v\n%+v", partners, offers, links, merchant, shops)
}

// TestNothingChangesByGet: whatever a route changes has a method of its own.
func TestNothingChangesByGet(t *testing.T) {
	t.Parallel()
	for _, pg := range pages() {
		for _, rt := range pg.routes {
			if rt.method != "GET" && rt.method != "POST" {
				t.Errorf("%s: only GET and POST are for browsers without scripts", rt.pattern())
			}
		}
	}
	s := newSite(t)
	b := s.setUp("Hurtownia")
	for _, path := range []string{"/sharing", "/sign-out", "/audit/verify", "/language"} {
		if a := b.get(path); a.status != http.StatusNotFound {
			t.Errorf("GET %s: got %d, want 404", path, a.status)
		}
	}
	b.see(b.get("/"), http.StatusOK)
}

func TestOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	for _, header := range [][2]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}} {
		b.see(b.post("/sharing", "!"+header[0], header[1], "on", "off", "version", "1"), http.StatusForbidden, "came from another site")
	}
	if !s.merchant("").SharingEnabled {
		t.Error("another site has turned the switch")
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+root+"/", nil)
	r.Host = "rebound.example"
	if a := b.do(r); a.status != http.StatusMisdirectedRequest || strings.Contains(a.body, "Hurtownia") {
		t.Errorf("under another name: got %d %s", a.status, a.body)
	} else if !strings.Contains(a.body, `"rebound.example"`) || !strings.Contains(a.body, "proxy") {
		t.Errorf("does not say under which name, nor who changes names: %s", a.body)
	}
}

// TestProxiesThatDropThePort signs in through a proxy that passes on the name
// without its port, with browsers that tell where a request comes from by its
// origin alone.
func TestProxiesThatDropThePort(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"https://panel.example.com:8443", "https://panel.example.com:443"} {
		p, err := New(Options{PublicURL: base})
		if err != nil {
			t.Fatal(err)
		}
		for origin, want := range map[string]int{strings.TrimSuffix(base, ":443"): http.StatusNotFound, "https://panel.example.com:9443": http.StatusForbidden, "https://evil.example": http.StatusForbidden} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://panel.example.com"+root+"/nothing", nil)
			r.Header.Set("Origin", origin)
			w := httptest.NewRecorder()
			p.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s, from %s: got %d, want %d", base, origin, w.Code, want)
			}
		}
	}
}

func TestHeadersAndAssets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	a := b.get("/")
	for name, want := range map[string]string{"Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'", "X-Content-Type-Options": "nosniff",
		"Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store"} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	total := len(a.body)
	for _, m := range regexp.MustCompile(`(?:src|href)="(/panel/assets/[^"]+)"`).FindAllStringSubmatch(a.body, -1) {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+m[1], nil)
		r.Header.Set("Accept-Encoding", "gzip")
		asset := b.do(r)
		if asset.status != http.StatusOK || asset.header.Get("Cache-Control") != "public, max-age=31536000, immutable" || asset.header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: got %d %v", m[1], asset.status, asset.header)
		}
		total += len(asset.body)
	}
	if total > 150<<10 {
		t.Errorf("the first page with everything it names takes %d bytes, want at most 150 KiB", total)
	}
	for _, c := range []struct {
		url, name string
		secure    bool
	}{{"https://panel.example.com", "__Host-feedmill-session", true}, {"http://127.0.0.1:8080", "feedmill-session", false}} {
		p, err := New(Options{PublicURL: c.url})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		p.setCookie(w, sessionCookie, "x", time.Hour)
		got := w.Result().Cookies()[0]
		if got.Name != c.name || got.Secure != c.secure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Path != "/" || got.Domain != "" {
			t.Errorf("%s: got %+v", c.url, got)
		}
	}
	for _, bad := range []string{"http://panel.example.com", "panel.example.com", "https://x/y", "ftp://x", ""} {
		if _, err := New(Options{PublicURL: bad}); err == nil {
			t.Errorf("%q was taken for the panel's address", bad)
		}
	}
}

// overHTTPS gives the panel of a site that has no owner yet, and the code for
// setting him up.
func (s *site) overHTTPS(t *testing.T) (p *Panel, code string) {
	t.Helper()
	p, err := New(Options{PublicURL: "https://panel.example.com", Manage: s.manage, Auth: s.auth, Accounts: s.db, Journal: s.db, Now: s.Now})
	if err != nil {
		t.Fatal(err)
	}
	code, err = s.auth.SetupCode(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return p, code
}

// Over https an owner sets a second factor up before anything else.
func TestOwnersNeedASecondFactor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, code := s.overHTTPS(t)
	ask := func(method, path, body, cookie string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "https://panel.example.com"+root+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if cookie != "" {
			r.Header.Set("Cookie", cookie)
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		return w
	}
	w := ask("POST", "/setup", "merchant=H&language=pol&currency=PLN&login=anna&new-password=four+good+words+here&code="+code, "")
	if w.Code != http.StatusSeeOther || w.Header().Get("Strict-Transport-Security") == "" {
		t.Fatalf("got %d %v %s", w.Code, w.Header(), plain(w.Body.String()))
	}
	var cookie string
	for _, c := range w.Result().Cookies() {
		if strings.HasSuffix(c.Name, "session") {
			cookie = c.Name + "=" + c.Value
		}
	}
	if w := ask("GET", "/partners", "", cookie); w.Header().Get("Location") != root+"/account/second-factor" {
		t.Errorf("got %d to %s", w.Code, w.Header().Get("Location"))
	}
	if w := ask("GET", "/account/second-factor", "", cookie); w.Code != http.StatusOK {
		t.Errorf("the way to it: got %d", w.Code)
	}
}

// TestEvents follows what happens, as a page does.
func TestEvents(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.setUp("Hurtownia")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	listen := func() (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.URL+root+"/events", nil)
		if err != nil {
			return nil, err
		}
		return b.client.Do(r)
	}
	res, err := listen()
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if ct := res.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Fatalf("got %s", ct)
	}
	lines := bufio.NewScanner(res.Body)
	wait := func(want string) {
		t.Helper()
		for lines.Scan() {
			if lines.Text() == want {
				return
			}
		}
		t.Fatalf("the stream has ended without %q: %v", want, lines.Err())
	}
	wait("event: hello")
	m := s.merchant("")
	// The hub compares with what it has seen: it has to look before and after.
	s.panel.live.look(ctx)
	b.post("/partners/new", "name", "Nord")
	s.panel.live.look(ctx)
	wait("event: audit")
	_ = m

	// A session has so many streams and no more.
	for range streamsPerSession - 1 {
		more, err := listen()
		if err != nil {
			t.Fatal(err)
		}
		defer more.Body.Close()
		if more.StatusCode != http.StatusOK {
			t.Errorf("got %d", more.StatusCode)
		}
	}
	if a := b.get("/events"); a.status != http.StatusServiceUnavailable {
		t.Errorf("one too many: got %d", a.status)
	}
}

func TestPulseNames(t *testing.T) {
	t.Parallel()
	base := partner.Pulse{Audit: 1, Runs: 2, Held: 3, Imports: 4, Downloads: 5}
	for i, next := range []partner.Pulse{{Audit: 9, Runs: 2, Held: 3, Imports: 4, Downloads: 5}, {Audit: 1, Runs: 9, Held: 3, Imports: 4, Downloads: 5}, {Audit: 1, Runs: 2, Held: 9, Imports: 4, Downloads: 5},
		{Audit: 1, Runs: 2, Held: 3, Imports: 9, Downloads: 5}, {Audit: 1, Runs: 2, Held: 3, Imports: 4, Downloads: 9}} {
		if got := changed(base, next); len(got) != 1 || got[0] != topics()[i] {
			t.Errorf("got %v, want %s", got, topics()[i])
		}
	}
	if got := changed(base, base); got != nil {
		t.Errorf("got %v, want nothing", got)
	}
}

func TestSafeBack(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ back, want string }{
		{"/partners?q=x", "/partners?q=x"}, {"", "/"}, {"//evil.example", "/"}, {"https://evil.example/", "/"}, {`/\evil.example`, "/"}, {"/\r\nSet-Cookie: x", "/"}, {"/sign-out", "/"}, {"evil", "/"}, {"/a//b", "/a//b"},
	} {
		if got := safeBack(test.back); got != test.want {
			t.Errorf("%q: got %q, want %q", test.back, got, test.want)
		}
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	words, err := loadLexicon()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 21, 23, 30, 0, 0, time.UTC)
	for _, test := range []struct{ lang, day, num, size, ago string }{
		{"en", "22 Nov 2026", "1,234,567", "1.2 MB", "2 hours ago"}, {"pl", "22 lis 2026", "1 234 567", "1,2 MB", "2 godziny temu"}, {"sl", "22. nov. 2026", "1.234.567", "1,2 MB", "pred 2 urama"},
		{"el", "22 Νοε 2026", "1.234.567", "1,2 MB", "πριν από 2 ώρες"}, {"ru", "22 нояб. 2026", "1 234 567", "1,2 MB", "2 часа назад"},
	} {
		s := &speaker{words: words, lang: test.lang, zone: time.FixedZone("", 3600), now: func() time.Time { return at.Add(2 * time.Hour) }}
		got := []string{s.day(at), s.num(1_234_567), s.bytes(1_234_567), s.ago(at)}
		want := []string{test.day, test.num, test.size, test.ago}
		for i := range want {
			if g := strings.ReplaceAll(strings.ReplaceAll(got[i], "\u00a0", " "), "\u202f", " "); g != want[i] {
				t.Errorf("%s: got %q, want %q", test.lang, g, want[i])
			}
		}
		if !strings.Contains(string(s.when(at)), `datetime="2026-11-21T23:30:00Z"`) {
			t.Errorf("%s: %s", test.lang, s.when(at))
		}
	}
	for _, test := range []struct {
		v    int64
		exp  int
		want string
	}{{12345, 2, "123.45"}, {5, 2, "0.05"}, {-5, 2, "-0.05"}, {0, 2, "0.00"}, {7, 0, "7"}, {1234, 3, "1.234"}} {
		if got := minorUnits(test.v, test.exp); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
