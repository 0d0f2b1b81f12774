package faults_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/verify"
	"feedmill/internal/harness/site"
	"feedmill/internal/memdir"
	"feedmill/internal/partner"
	"feedmill/storage"
	"feedmill/storage/memstore"
	"feedmill/storage/sqlite"
)

// ttl is how long a lease lives.
const ttl = 15 * time.Second

// clock is time for everything in a world: it stands until somebody moves it.
type clock struct {
	mu   sync.Mutex
	now  time.Time
	wait []*timer
}

type timer struct {
	at time.Time
	ch chan time.Time
}

var began = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Elapsed implements publish.Monotonic.
func (c *clock) Elapsed() time.Duration { return c.Now().Sub(began) }

// After implements publish.Monotonic.
func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{c.now.Add(d), make(chan time.Time, 1)}
	c.wait = append(c.wait, t)
	return t.ch
}

// advance moves the clock. In a process that is paused no timer fires.
func (c *clock) advance(d time.Duration, paused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	if paused {
		c.wait = nil
	}
	for _, t := range c.wait {
		if !t.at.After(c.now) {
			select {
			case t.ch <- c.now:
			default:
			}
		}
	}
}

// world is one installation.
type world struct {
	*site.Site
	clock    *clock
	scenario *scenario
	dir      string
	db       *sqlite.DB
	store    *memstore.Store
	offers   []site.Offer
	runs     int
}

// The history before the run that is struck: a full file with change files
// beside it. There are as many markers as stay, so that the run removes one.
const (
	history = 3
	markers = 16 - history
)

// products of the catalog in its n-th state: prices move, something comes and
// something goes.
func products(n int) (list []site.Product) {
	for id := 1; id <= 40; id++ {
		if id == 7 && n > history || id == 40 && n <= history {
			continue
		}
		price := 10 + id
		if id%20 == n%20 {
			price += n + 1
		}
		list = append(list, site.Product{ID: site.ID(id), Price: price, Stock: id % 7, Category: id % 3})
	}
	return list
}

// base is the template that every world of a scenario is a copy of.
type base struct {
	db      []byte
	objects map[string]object
	m       partner.Merchant
	offers  []site.Offer
	now     time.Time
	runs    int
}

type object struct {
	attrs storage.Attrs
	data  []byte
}

// newWorld gives an installation that is where a scenario's run begins.
func newWorld(t testing.TB, s *scenario) *world {
	t.Helper()
	s.once.Do(func() { s.template = makeTemplate(t, s) })
	if s.template.db == nil {
		t.Fatal("there is no template")
	}
	w := emptyWorld(t, s, s.template.now)
	w.offers, w.runs = s.template.offers, s.template.runs
	path := filepath.Join(w.dir, "feedmill.db")
	if err := os.WriteFile(path, s.template.db, 0o600); err != nil {
		t.Fatal(err)
	}
	w.open(t, path)
	w.Merchant = s.template.m
	for key, o := range s.template.objects {
		if _, err := w.store.Put(t.Context(), key, strings.NewReader(string(o.data)), int64(len(o.data)), o.attrs); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func emptyWorld(t testing.TB, s *scenario, now time.Time) *world {
	t.Helper()
	w := &world{clock: &clock{now: now}, scenario: s, dir: memdir.New(t)}
	w.store = memstore.New(memstore.Options{Now: w.clock.Now})
	w.Site = &site.Site{Store: w.store, Dir: w.dir, Now: w.clock.Now, Monotonic: w.clock}
	return w
}

func (w *world) open(t testing.TB, path string) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: w.clock.Now, Lease: ttl})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	w.db, w.Records = db, site.Embedded{DB: db}
}

func makeTemplate(t testing.TB, s *scenario) base {
	t.Helper()
	w := emptyWorld(t, s, began)
	path := filepath.Join(w.dir, "feedmill.db")
	if _, err := sqlite.Migrate(t.Context(), path, sqlite.Options{Now: w.clock.Now}); err != nil {
		t.Fatal(err)
	}
	w.open(t, path)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	shop, err := w.NewMerchant(t.Context())
	must(err)
	ten, err := feed.ParseDiscount("10")
	must(err)
	pol, eng, pln := feed.MustLanguage("pol"), feed.MustLanguage("eng"), feed.MustCurrency("PLN")
	// Two share a full file and differ in light; the third shares nothing.
	plain := feed.Profile{Languages: []feed.Language{pol}, Currency: pln}
	discounted := plain
	discounted.Discounts.Overall = ten
	for i, profile := range []feed.Profile{plain, discounted, {Languages: []feed.Language{eng, pol}, Currency: pln, CSV: true}} {
		o, err := w.NewOffer(t.Context(), shop, fmt.Sprint("Partner ", i), profile)
		must(err)
		w.offers = append(w.offers, o)
	}
	if !s.first {
		w.past(t)
	}
	s.ready(t, w)
	w.clock.advance(time.Minute, false)
	b := base{m: w.Merchant, offers: w.offers, objects: map[string]object{}, now: w.clock.Now(), runs: w.runs}
	copied := filepath.Join(w.dir, "copy")
	if _, err := w.db.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	b.db, err = os.ReadFile(copied)
	must(err)
	for info, err := range w.store.List(t.Context(), "") {
		must(err)
		b.objects[info.Key] = object{info.Attrs, w.read(t, info.Key)}
	}
	return b
}

// past publishes a history.
func (w *world) past(t testing.TB) {
	t.Helper()
	for n := range history {
		w.load(t, products(n))
		w.clock.advance(time.Minute, false)
		report, err := w.publish(t.Context(), w.db, w.store, publish.Settings{})
		if err != nil {
			t.Fatalf("publication %d: %v", n, err)
		}
		if len(report.Feeds) != 5 {
			t.Fatalf("publication %d is of %d feeds, want 5", n, len(report.Feeds))
		}
		for _, f := range report.Feeds {
			if !f.Published {
				t.Fatalf("publication %d leaves %v as it was: %+v", n, f.Feed, f)
			}
		}
	}
	for i := range markers {
		key, err := storage.Marker{Merchant: string(w.Merchant.ID), Feed: "all", Run: fmt.Sprint("old", i)}.Key()
		if err == nil {
			_, err = w.store.Put(t.Context(), key, strings.NewReader("{}"), 2, storage.Attrs{Immutable: true})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) read(t testing.TB, key string) []byte {
	t.Helper()
	body, _, err := w.store.Open(t.Context(), key, storage.Range{})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// load makes a list the catalog.
func (w *world) load(t testing.TB, list []site.Product) {
	t.Helper()
	if _, err := w.Load(t.Context(), site.Text(list), false); err != nil {
		t.Fatal(err)
	}
}

// publish makes one run over a ledger and a store, as the program does.
func (w *world) publish(ctx context.Context, ledger publish.Ledger, store storage.Store, s publish.Settings) (publish.Report, error) {
	w.runs++
	s.Gzip, s.FullShare = true, 100
	return w.Publish(ctx, site.Run{Ledger: ledger, Store: store, ID: fmt.Sprintf("run%d", w.runs), Settings: &s})
}

const host = "http://feeds.example.com"

// seen is what a reader of every offer sees: gateways, and the contents of the
// light files without their times; "" where there is nothing yet.
type seen struct {
	gateways []string
	lights   []string
}

// look reads everything that every gateway names, and proves it whole.
func (w *world) look(t testing.TB) seen {
	t.Helper()
	server := w.Edge(host, nil)
	if err := server.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	client := site.Client(server)
	var s seen
	for i := range w.offers {
		o := &w.offers[i]
		address := strings.TrimSuffix(host+o.Address(), "gateway.xml")
		status, gateway := ask(t, client, address+"gateway.xml")
		if status == http.StatusServiceUnavailable && w.scenario.first {
			s.gateways, s.lights = append(s.gateways, ""), append(s.lights, "")
			continue
		}
		if status != http.StatusOK {
			t.Fatalf("offer %d: the gateway is answered with %d: %s", i, status, gateway)
		}
		for _, m := range named.FindAllStringSubmatch(gateway, -1) {
			if sum := md5.Sum([]byte(get(t, client, m[1]))); hex.EncodeToString(sum[:]) != m[2] {
				t.Errorf("offer %d: %s is not what the gateway says", i, strings.ReplaceAll(m[1], o.Secret.Reveal(), "…"))
			}
		}
		// The same gateway names the same bytes, which are judged once.
		if _, judged := w.scenario.judged.LoadOrStore(gateway, true); !judged {
			report, err := verify.Gateway(t.Context(), client, address+"gateway.xml", verify.Options{Now: w.clock.Now(), Temp: w.dir})
			if err != nil {
				t.Fatalf("offer %d: %v", i, err)
			}
			if !report.Clean() || report.Files < 6 {
				t.Errorf("offer %d: of %d files are not right: %v", i, report.Files, report.Findings)
			}
		}
		s.gateways = append(s.gateways, gateway)
		s.lights = append(s.lights, timeless(get(t, client, address+"light.xml")))
	}
	return s
}

var named = regexp.MustCompile(` url="([^"]+)" hash="([0-9a-f]{32})"`)

func ask(t testing.TB, client *http.Client, address string) (status int, text string) {
	t.Helper()
	res, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func get(t testing.TB, client *http.Client, address string) string {
	t.Helper()
	status, body := ask(t, client, address)
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, body)
	}
	return body
}

var times = regexp.MustCompile(` (generated|expires|changed|created)="[^"]*"`)

// timeless takes out of a file when it was made.
func timeless(text string) string {
	head, body, _ := strings.Cut(text, "<product")
	return times.ReplaceAllString(head, "") + "<product" + body
}

// proveChains has everything that is kept proved from records and store alone.
func (w *world) proveChains(t testing.TB) {
	t.Helper()
	report, err := w.Prove(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !report.Clean() {
		t.Errorf("the records are not clean: %v", report.Findings)
	}
	if report.Generations < history || report.Compared == 0 {
		t.Errorf("%d generations were looked at and %d full files compared: the check is broken", report.Generations, report.Compared)
	}
}

// prove is proveChains, and proves that what runs have left behind can be told
// from what nobody knows.
func (w *world) prove(t testing.TB) {
	t.Helper()
	w.proveChains(t)
	var keys []string
	for info, err := range w.store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := storage.ParseMarker(info.Key); err != nil {
			keys = append(keys, info.Key)
		}
	}
	j, err := w.db.JudgeKeys(t.Context(), w.Merchant.ID, keys, 0, false)
	if err != nil || len(j.Unknown) > 0 {
		t.Errorf("unknown to the records: %v, %v", j.Unknown, err)
	}
}
