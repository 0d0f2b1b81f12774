package admin

import (
	"context"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
	"feedmill/internal/testclock"
	"feedmill/storage/memstore"
	"feedmill/storage/postgres"
	"feedmill/storage/sqlite"
	"feedmill/storage/sqlite/sqlitetest"
)

// records are what the panel and its tests need of a database.
type records interface {
	manage.Records
	auth.Records
	Journal
	RecordDownloads(ctx context.Context, list []partner.Download) error
	publish.Ledger
	Close() error
}

var (
	_ records = (*sqlite.DB)(nil)
	_ records = (*postgres.DB)(nil)
)

// site is a panel over real records, and a clock that the test turns.
type site struct {
	*testclock.Clock
	t      testing.TB
	db     records
	open   opener
	files  *memstore.Store
	auth   *auth.Service
	manage *manage.Service
	panel  *Panel
	server *httptest.Server
}

const goodPassword = "four good words here"

func newSite(t testing.TB) *site {
	t.Helper()
	return newSiteOver(t, func(s *site) (records, opener) {
		db := sqlitetest.Open(t, sqlite.Options{Now: s.Now})
		return db, func(ctx context.Context, m partner.MerchantID) (manage.Catalog, error) { return db.Snapshot(ctx, m) }
	})
}

// opener opens one state of a catalog.
type opener = func(ctx context.Context, m partner.MerchantID) (manage.Catalog, error)

// feedsAt is where partners reach their offers, which is not where the panel is.
const feedsAt = "https://feeds.example.com"

// newSiteOver makes a panel over the records that open gives.
func newSiteOver(t testing.TB, open func(s *site) (records, opener)) *site {
	t.Helper()
	s := &site{t: t, Clock: testclock.New(testclock.Noon(), time.Microsecond), files: memstore.New(memstore.Options{})}
	db, catalog := open(s)
	s.db, s.open = db, catalog
	t.Cleanup(func() { _ = s.db.Close() })
	sealer, err := auth.NewSealer(make([]byte, auth.SealKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	s.auth = auth.New(s.db, auth.Options{Sealer: sealer, Hasher: auth.NewHasher(auth.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}, 2), Now: s.Now, Log: log})
	s.manage = manage.New(s.db, catalog, s.files, s.Now)
	s.server = httptest.NewUnstartedServer(nil)
	base := "http://" + s.server.Listener.Addr().String()
	if s.panel, err = New(Options{PublicURL: base, FeedURL: feedsAt, Manage: s.manage, Auth: s.auth, Accounts: s.db, Journal: s.db, Now: s.Now, Log: log}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { s.panel.Run(ctx) })
	s.server.Config.Handler = s.panel
	s.server.Start()
	t.Cleanup(func() {
		stop()
		running.Wait()
		s.server.Close()
	})
	return s
}

// browser is somebody at the panel. It follows no redirect by itself.
type browser struct {
	*site
	client *http.Client
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{s, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// to gives where a redirect leads, without what lies above the panel.
func (a answer) to() string { return strings.TrimPrefix(a.header.Get("Location"), root) }

func (b *browser) do(r *http.Request) answer {
	b.t.Helper()
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.server.URL+root+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

// post sends a form; pairs are names and values, and "!" before a name sets a header.
func (b *browser) post(path string, pairs ...string) answer {
	b.t.Helper()
	v, h := url.Values{}, http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if name, ok := strings.CutPrefix(pairs[i], "!"); ok {
			h.Set(name, pairs[i+1])
			continue
		}
		v.Add(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.server.URL+root+path, strings.NewReader(v.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header = h
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

// see wants a page with some texts on it, and that nothing is wrong with its HTML.
func (b *browser) see(a answer, status int, texts ...string) answer {
	b.t.Helper()
	if a.status != status {
		b.t.Fatalf("got %d %.600s, want %d", a.status, plain(a.body), status)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			b.t.Errorf("%q is not on the page: %.1500s", text, plain(a.body))
		}
	}
	for _, complaint := range lint(a.body, strings.HasPrefix(a.body, "<!doctype")) {
		b.t.Errorf("page: %s", complaint)
	}
	return a
}

// follow wants a redirect and gives the page that it leads to.
func (b *browser) follow(a answer) answer {
	b.t.Helper()
	if a.status != http.StatusSeeOther {
		b.t.Fatalf("got %d %.600s, want a redirect", a.status, plain(a.body))
	}
	return b.get(a.to())
}

var tags = regexp.MustCompile(`(?s)<head>.*?</head>|<footer.*?</footer>|<[^>]*>`)

// plain gives the text of a page.
func plain(body string) string {
	return strings.Join(strings.Fields(tags.ReplaceAllString(body, " ")), " ")
}

// part finds a piece of a page by a pattern with one group.
func (b *browser) part(a answer, pattern string) string {
	b.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(a.body)
	if m == nil {
		b.t.Fatalf("%s is not on the page: %.1500s", pattern, a.body)
	}
	return m[1]
}

// setUp makes the first owner in a browser, with a merchant of this name.
func (s *site) setUp(merchant string) *browser {
	s.t.Helper()
	b := s.browser()
	code, err := s.auth.SetupCode(s.t.Context(), "")
	if err != nil {
		s.t.Fatal(err)
	}
	a := b.post("/setup", "code", code, "merchant", merchant, "language", "pol", "currency", "PLN", "login", "anna@example.com", "name", "Anna", "new-password", goodPassword)
	b.see(b.follow(a), http.StatusOK, template.HTMLEscapeString(merchant))
	return b
}

// staff makes another account and signs it in.
func (s *site) staff(m partner.MerchantID, role auth.Role, of partner.ID) *browser {
	s.t.Helper()
	ctx := s.t.Context()
	login := string(role) + "-" + string(auth.NewUserID())
	_, code, err := s.auth.NewUser(ctx, partner.Actor{Name: "test"}, auth.User{Merchant: m, Partner: of, Login: login, Role: role})
	if err != nil {
		s.t.Fatal(err)
	}
	b := s.browser()
	b.see(b.get("/reset?code="+code), http.StatusOK, login)
	if a := b.post("/reset", "code", code, "new-password", goodPassword); a.to() != "/sign-in" {
		s.t.Fatalf("got %d %s", a.status, a.body)
	}
	if a := b.post("/sign-in", "login", login, "password", goodPassword); a.status != http.StatusSeeOther {
		s.t.Fatalf("got %d %s", a.status, a.body)
	}
	return b
}

// merchant gives the only merchant, or the one of a name.
func (s *site) merchant(name string) partner.Merchant {
	s.t.Helper()
	list, err := s.db.Merchants(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range list {
		if name == "" || m.Name == name {
			return m
		}
	}
	s.t.Fatalf("there is no merchant %q", name)
	return partner.Merchant{}
}

// goods puts a few products into a catalog.
func (s *site) goods(m partner.MerchantID) {
	s.t.Helper()
	who := manage.Identity{Merchant: m, Role: manage.RoleOwner, Actor: partner.Actor{Name: "test", Role: "operator"}}
	pln := feed.MustCurrency("PLN")
	price := func(text string) feed.Price {
		net, err := feed.ParseAmount(text, pln)
		if err != nil {
			s.t.Fatal(err)
		}
		vat, _ := feed.ParsePercent("23")
		p, err := feed.PriceFromNet(net, vat)
		if err != nil {
			s.t.Fatal(err)
		}
		return p
	}
	var list []*feed.Product
	for i, name := range []string{"Bell", "Frame", "Wheel"} {
		p := &feed.Product{ID: feed.ProductID(i + 1), Currency: pln}
		p.Names = p.Names.Set(feed.MustLanguage("pol"), name)
		p.Prices.List = price([]string{"12.00", "900.00", "100.00"}[i])
		p.SizeGroup.ID = feed.OneSizeGroup
		p.Sizes = []feed.Size{{ID: "uniw", Code: string(rune('A' + i))}}
		list = append(list, p)
	}
	if _, err := s.manage.UpsertProducts(s.t.Context(), who, list, nil); err != nil {
		s.t.Fatal(err)
	}
}
