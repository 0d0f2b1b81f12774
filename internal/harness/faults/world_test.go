package faults_test

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/feed/publish"
	"feedmill/feed/record"
	"feedmill/feed/verify"
	"feedmill/internal/download"
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
	clock  *clock
	dir    string
	db     *sqlite.DB
	store  *memstore.Store
	m      partner.Merchant
	offers []offer
	runs   int
}

// offer is what a partner of the tests receives.
type offer struct {
	id     partner.OfferID
	secret partner.Secret
}

// The history before the run that is struck: a full file with change files
// beside it. There are as many markers as stay, so that the run removes one.
const (
	history = 3
	markers = 16 - history
)

// products of the catalog in its n-th state: prices move, something comes and
// something goes.
func products(n int) string {
	var b strings.Builder
	b.WriteString(`{"record":"catalog","language":"pol","currency":"PLN","vat":"23"}` + "\n")
	for id := 1; id <= 40; id++ {
		if id == 7 && n > history || id == 40 && n <= history {
			continue
		}
		price := 10 + id
		if id%20 == n%20 {
			price += n + 1
		}
		fmt.Fprintf(&b, `{"id":%d,"category":{"id":"%d","name":"Rzeczy %d"},"producer":{"id":"%d","name":"Firma %d"},"unit":{"id":"1","name":"szt."},`+
			`"name":{"pol":"Produkt %d","eng":"Product %d"},"price":"%d.00","code":"c%d","stock":[{"warehouse":1,"quantity":%d}]}`+"\n",
			id, id%3, id%3, id%2, id%2, id, id, price, id, id%7)
	}
	return b.String()
}

// base is the template that every world is a copy of.
type base struct {
	db      []byte
	objects map[string]object
	m       partner.Merchant
	offers  []offer
	now     time.Time
	runs    int
}

type object struct {
	attrs storage.Attrs
	data  []byte
}

var (
	template     base
	templateOnce sync.Once
)

// tempDir gives a folder, in memory where there is one: what is on disk after a
// loss of power is not at issue here, and each commit is synced.
func tempDir(t testing.TB) string {
	t.Helper()
	if dir, err := os.MkdirTemp("/dev/shm", "feedmill-harness"); err == nil {
		t.Cleanup(func() {
			if err := os.RemoveAll(dir); err != nil {
				t.Error(err)
			}
		})
		return dir
	}
	return t.TempDir()
}

// newWorld gives an installation with a history and one change that is not
// published yet.
func newWorld(t testing.TB) *world {
	t.Helper()
	templateOnce.Do(func() { template = makeTemplate(t) })
	if template.db == nil {
		t.Fatal("there is no template")
	}
	w := &world{clock: &clock{now: template.now}, dir: tempDir(t), m: template.m, offers: template.offers, runs: template.runs}
	path := filepath.Join(w.dir, "feedmill.db")
	if err := os.WriteFile(path, template.db, 0o600); err != nil {
		t.Fatal(err)
	}
	w.open(t, path)
	w.store = memstore.New(memstore.Options{Now: w.clock.Now})
	for key, o := range template.objects {
		if _, err := w.store.Put(t.Context(), key, strings.NewReader(string(o.data)), int64(len(o.data)), o.attrs); err != nil {
			t.Fatal(err)
		}
	}
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
	w.db = db
}

func makeTemplate(t testing.TB) base {
	t.Helper()
	w := &world{clock: &clock{now: began}, dir: tempDir(t)}
	path := filepath.Join(w.dir, "feedmill.db")
	if _, err := sqlite.Migrate(t.Context(), path, sqlite.Options{Now: w.clock.Now}); err != nil {
		t.Fatal(err)
	}
	w.open(t, path)
	w.store = memstore.New(memstore.Options{Now: w.clock.Now})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	w.m, err = w.db.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "Nord", SharingEnabled: true,
		Language: feed.MustLanguage("pol"), Currency: feed.MustCurrency("PLN"), Supplier: feed.Supplier{Name: "Nord"}})
	must(err)
	shop := partner.Shop{ID: partner.NewShopID(), Merchant: w.m.ID, Number: 1, Name: "Main"}
	must(w.db.CreateShop(t.Context(), partner.Actor{}, shop))
	ten, err := feed.ParseDiscount("10")
	must(err)
	pol, eng, pln := feed.MustLanguage("pol"), feed.MustLanguage("eng"), feed.MustCurrency("PLN")
	// Two share a full file and differ in light; the third shares nothing.
	plain := feed.Profile{Languages: []feed.Language{pol}, Currency: pln}
	discounted := plain
	discounted.Discounts.Overall = ten
	for i, profile := range []feed.Profile{plain, discounted, {Languages: []feed.Language{eng, pol}, Currency: pln, CSV: true}} {
		p, err := w.db.CreatePartner(t.Context(), partner.Actor{}, partner.Partner{ID: partner.NewID(), Merchant: w.m.ID, Name: fmt.Sprint("Partner ", i), State: partner.StateActive, FeedEnabled: true})
		must(err)
		o, err := w.db.CreateOffer(t.Context(), partner.Actor{}, partner.Offer{ID: partner.NewOfferID(), Merchant: w.m.ID, Partner: p.ID, Shop: shop.ID, Name: "offer", Profile: profile, FeedEnabled: true})
		must(err)
		link, secret := partner.NewLink(w.m.ID, o.ID, "link", w.clock.Now(), time.Time{})
		must(w.db.CreateLink(t.Context(), partner.Actor{}, link))
		w.offers = append(w.offers, offer{o.ID, secret})
	}
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
		key, err := storage.Marker{Merchant: string(w.m.ID), Feed: "all", Run: fmt.Sprint("old", i)}.Key()
		must(err)
		_, err = w.store.Put(t.Context(), key, strings.NewReader("{}"), 2, storage.Attrs{Immutable: true})
		must(err)
	}
	w.load(t, products(history+1))
	w.clock.advance(time.Minute, false)
	b := base{m: w.m, offers: w.offers, objects: map[string]object{}, now: w.clock.Now(), runs: w.runs}
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

// load makes a text the catalog.
func (w *world) load(t testing.TB, text string) {
	t.Helper()
	s, err := catalog.Open([]string{"-"}, catalog.Options{Stdin: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	id := partner.NewImportID()
	if _, err := w.db.StageProducts(t.Context(), w.m.ID, id, stage(s.Products(t.Context()))); err != nil {
		t.Fatal(err)
	}
	if err := s.Err(); err != nil {
		t.Fatalf("the catalog: %v, %v", err, s.Problems())
	}
	before, err := w.db.Dictionaries(t.Context(), w.m.ID)
	if err != nil {
		t.Fatal(err)
	}
	if doc := record.AppendDictionaries(nil, s.Dictionaries()); before.Version == 0 {
		if err := w.db.StageDictionaries(t.Context(), w.m.ID, id, doc, before.Version); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.db.Merge(t.Context(), partner.Actor{}, w.m.ID, id, partner.MergeReplace, nil); err != nil {
		t.Fatal(err)
	}
}

func stage(in iter.Seq2[*feed.Product, error]) iter.Seq2[partner.StagedProduct, error] {
	return func(yield func(partner.StagedProduct, error) bool) {
		for p, err := range in {
			if err != nil {
				yield(partner.StagedProduct{}, err)
				return
			}
			doc := record.Append(nil, p)
			if !yield(partner.StagedProduct{ID: p.ID, Doc: doc, Digest: sha256.Sum256(doc)}, nil) {
				return
			}
		}
	}
}

// publish makes one run over a ledger and a store, as the program does.
func (w *world) publish(ctx context.Context, ledger publish.Ledger, store storage.Store, s publish.Settings) (report publish.Report, err error) {
	if _, err := w.db.Sequence(ctx); err != nil {
		return report, err
	}
	snap, err := w.db.Snapshot(ctx, w.m.ID)
	if err != nil {
		return report, err
	}
	defer snap.Close()
	head, err := snap.Head(ctx)
	if err != nil {
		return report, err
	}
	doc, err := snap.Dictionaries(ctx)
	if err != nil {
		return report, err
	}
	dicts := &feed.Dictionaries{}
	if err := record.DecodeDictionaries(doc.Doc, dicts); err != nil {
		return report, err
	}
	offers, err := snap.Offers(ctx)
	if err != nil {
		return report, err
	}
	var profiles []feed.Profile
	for _, o := range offers {
		profiles = append(profiles, o.Profile)
	}
	spool, err := os.MkdirTemp(w.dir, "spool")
	if err != nil {
		return report, err
	}
	defer os.RemoveAll(spool)
	w.runs++
	run := fmt.Sprintf("run%d", w.runs)
	s.Gzip, s.FullShare = true, 100
	return publish.Do(ctx, ledger, publish.NewStoreBin(store, run), publish.Request{Merchant: string(w.m.ID), RunID: run, Profiles: profiles, Settings: s,
		Now: w.clock.Now(), Spool: spool, Monotonic: w.clock,
		Catalog: publish.Catalog{Known: dicts, Dictionaries: func() *feed.Dictionaries { return dicts }, Language: w.m.Language, Currency: w.m.Currency, Supplier: w.m.Supplier,
			Head: head,
			Products: func(ctx context.Context) iter.Seq2[*feed.Product, error] {
				return decode(snap.Products(ctx))
			},
			Changes: func(ctx context.Context, after int64) (publish.Hint, error) { return snap.Changes(ctx, after, 0) },
			ByID: func(ctx context.Context, ids []feed.ProductID) iter.Seq2[*feed.Product, error] {
				return decode(snap.ProductsByID(ctx, ids))
			},
		}})
}

func decode(in iter.Seq2[partner.StoredProduct, error]) iter.Seq2[*feed.Product, error] {
	return func(yield func(*feed.Product, error) bool) {
		var dec record.Decoder
		var p feed.Product
		for stored, err := range in {
			if err == nil {
				err = dec.Decode(stored.Doc, &p)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&p, nil) {
				return
			}
		}
	}
}

// handled is an HTTP transport that calls a handler.
type handled struct{ http.Handler }

// RoundTrip implements http.RoundTripper. An answer that the handler breaks off
// is an error.
func (h handled) RoundTrip(r *http.Request) (res *http.Response, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the answer breaks off: %v", v)
		}
	}()
	w := recorder{httptest.NewRecorder()}
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// recorder takes deadlines like a connection, and has all the time there is.
type recorder struct{ *httptest.ResponseRecorder }

func (recorder) SetWriteDeadline(time.Time) error { return nil }

const host = "http://feeds.example.com"

// seen is what a reader of every offer sees: gateways, and the contents of the
// light files without their times.
type seen struct {
	gateways []string
	lights   []string
}

// look reads everything that every gateway names, and proves it whole.
func (w *world) look(t testing.TB) seen {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	server := download.New(w.db, w.store, download.Options{PublicURL: host, Now: w.clock.Now, Log: quiet,
		Limits: download.Limits{GatewaysPerLink: -1, FilesPerLink: -1, WholesPerDay: -1, GatewaysPerAddress: -1, FilesPerAddress: -1}})
	if err := server.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: handled{server}}
	var s seen
	for i, o := range w.offers {
		address := host + "/o/" + o.secret.Reveal() + "/"
		gateway := get(t, client, address+"gateway.xml")
		for _, m := range named.FindAllStringSubmatch(gateway, -1) {
			if sum := md5.Sum([]byte(get(t, client, m[1]))); hex.EncodeToString(sum[:]) != m[2] {
				t.Errorf("offer %d: %s is not what the gateway says", i, strings.ReplaceAll(m[1], o.secret.Reveal(), "…"))
			}
		}
		// The same gateway names the same bytes, which are judged once.
		if _, judged := judged.LoadOrStore(gateway, true); !judged {
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

var (
	named  = regexp.MustCompile(` url="([^"]+)" hash="([0-9a-f]{32})"`)
	judged sync.Map // by gateway
)

func get(t testing.TB, client *http.Client, address string) string {
	t.Helper()
	res, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%d, %v", res.StatusCode, err)
	}
	return string(body)
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
	report, err := verify.Records(t.Context(), ledgerOf{w.db}, w.store, verify.Options{Now: w.clock.Now()})
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
	j, err := w.db.JudgeKeys(t.Context(), w.m.ID, keys, 0, false)
	if err != nil || len(j.Unknown) > 0 {
		t.Errorf("unknown to the records: %v, %v", j.Unknown, err)
	}
}
