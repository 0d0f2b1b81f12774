package download_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/download"
	"feedmill/internal/partner"
	"feedmill/internal/syncbuf"
	"feedmill/internal/testclock"
	"feedmill/storage"
	"feedmill/storage/fsstore"
	"feedmill/storage/sqlite"
	"feedmill/storage/sqlite/sqlitetest"
)

// world is a file server over a real database and a real folder, with one
// merchant, one partner, one offer and one link.
type world struct {
	db    *sqlite.DB
	path  string // of the database
	dir   string // of the store
	store storage.Store
	srv   *download.Server
	url   string
	clock *testclock.Clock
	log   *syncbuf.Buffer

	merchant partner.Merchant
	shop     partner.Shop
	partner  partner.Partner
	offer    partner.Offer
	link     partner.Link
	secret   string

	runs        int
	full, light publish.Generation
	content     map[string][]byte // by blob key

	secrets  []string // all that were made
	mu       sync.Mutex
	requests []download.Request // that an observer was told of
}

const twoSteps = 2<<20 + 12345

var actor = partner.Actor{Name: "anna", Role: "owner"}

// canary looks for secrets in everything that was logged.
func (w *world) canary(t testing.TB) func() {
	return func() {
		log := w.log.String()
		for _, s := range w.secrets {
			// Of a secret, the public id may be told.
			if strings.Contains(log, s[20:40]) || strings.Contains(log, s[40:60]) {
				t.Error("the log tells a secret")
			}
		}
		for _, r := range w.told() {
			if b := fmt.Sprintf("%+v", r); slices.ContainsFunc(w.secrets, func(s string) bool { return strings.Contains(b, s[20:40]) }) {
				t.Error("an observer is told a secret")
			}
		}
	}
}

// observe keeps what an observer is told.
func (w *world) observe(r download.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = append(w.requests, r)
}

func (w *world) told() []download.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.requests)
}

// unlimited is for tests that ask more than anybody does.
var unlimited = download.Limits{GatewaysPerLink: -1, GatewaysPerAddress: -1, FilesPerLink: -1, FilesPerAddress: -1, WholesPerDay: -1}

// config changes what setup makes.
type config struct {
	records func(download.Records) download.Records
	blobs   func(storage.Store) download.Blobs
	options func(*download.Options)
	offer   func(*partner.Offer)
	reveal  bool
	// bigFull is the size of a full.xml that has no compressed twin; 0 means a
	// small one that has.
	bigFull int
	// steps makes full.xml a little longer than two steps, with its twin.
	steps bool
	// ledger gives one that is made from the records.
	ledger func() *download.Ledger
	// quiet leaves the server without the subscription, as in another process.
	quiet bool
}

func setup(t testing.TB, cfg config) *world {
	t.Helper()
	w := &world{clock: testclock.New(testclock.Noon(), time.Microsecond), log: &syncbuf.Buffer{}, content: map[string][]byte{}}
	w.path = filepath.Join(t.TempDir(), "feedmill.db")
	w.db = sqlitetest.OpenAt(t, w.path, sqlite.Options{Now: w.clock.Now})
	w.dir = t.TempDir()
	files, err := fsstore.Open(w.dir, fsstore.Options{})
	check(t, err)
	t.Cleanup(func() { files.Close() })
	w.store = files

	vat, err := feed.ParsePercent("23")
	check(t, err)
	w.merchant, err = w.db.CreateMerchant(t.Context(), actor, partner.Merchant{
		ID: partner.NewMerchantID(), Name: "Hurtownia", SharingEnabled: true, RevealDisabled: cfg.reveal,
		Supplier: feed.Supplier{Name: "Hurtownia & Syn", ShortName: "hurt", Email: "b2b@example.com"},
		Language: feed.MustLanguage("pol"), Currency: feed.MustCurrency("PLN"), VAT: vat, ZoneOffset: time.Hour,
	})
	check(t, err)
	w.shop = partner.Shop{ID: partner.NewShopID(), Merchant: w.merchant.ID, Number: 3, Name: "Main"}
	check(t, w.db.CreateShop(t.Context(), actor, w.shop))
	w.partner, w.offer, w.link, w.secret = w.account(t, cfg.offer)

	if cfg.steps {
		cfg.bigFull = twoSteps
	}
	w.full = w.publish(t, w.offer.Profile.FullKey(), feed.KindFull, nil, cfg.bigFull)
	w.light = w.publish(t, w.offer.Profile.LightKey(), feed.KindLight, nil, 0)

	options := download.Options{PublicURL: "https://feeds.example.com", Now: w.clock.Now, Log: slog.New(slog.NewJSONHandler(w.log, nil)), Limits: unlimited, Observe: w.observe}
	if cfg.options != nil {
		cfg.options(&options)
	}
	var records download.Records = w.db
	if cfg.records != nil {
		records = cfg.records(w.db)
	}
	if cfg.ledger != nil {
		options.Ledger = cfg.ledger()
	}
	var blobs download.Blobs = w.store
	if cfg.blobs != nil {
		blobs = cfg.blobs(w.store)
	}
	t.Cleanup(w.canary(t))
	w.srv = download.New(records, blobs, options)
	if !cfg.quiet {
		w.db.Subscribe(w.srv.Changed)
	}
	check(t, w.srv.Refresh(t.Context()))
	w.url = serve(t, w.srv)
	return w
}

// accountsChanged changes what the records say of accounts, as another process
// would, whose change the server learns of by asking.
type accountsChanged struct {
	download.Records
	mu     sync.Mutex
	change func(*partner.Accounts)
	number int64
	asked  atomic.Int64
}

func (a *accountsChanged) AccessVersion(ctx context.Context) (partner.Version, error) {
	a.asked.Add(1)
	v, err := a.Records.AccessVersion(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	v.Accounts += a.number
	return v, err
}

func (a *accountsChanged) Accounts(ctx context.Context) (partner.Accounts, error) {
	list, err := a.Records.Accounts(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	list.Version.Accounts += a.number
	if a.change != nil {
		a.change(&list)
	}
	return list, err
}

// commit changes the accounts; nobody is told.
func (a *accountsChanged) commit(change func(*partner.Accounts)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.change = change
	a.number++
}

// set changes the accounts and tells the server.
func (a *accountsChanged) set(t testing.TB, w *world, change func(*partner.Accounts)) {
	t.Helper()
	a.commit(change)
	check(t, w.srv.Refresh(t.Context()))
}

// account makes a partner with an offer and a link.
func (w *world) account(t testing.TB, change func(*partner.Offer)) (p partner.Partner, o partner.Offer, l partner.Link, secret string) {
	t.Helper()
	p, err := w.db.CreatePartner(t.Context(), actor, partner.Partner{ID: partner.NewID(), Merchant: w.merchant.ID, Name: "Bike", FeedEnabled: true})
	check(t, err)
	o = partner.Offer{
		ID: partner.NewOfferID(), Merchant: w.merchant.ID, Partner: p.ID, Shop: w.shop.ID, Name: "Main shop", FeedEnabled: true,
		Profile: feed.Profile{Currency: feed.MustCurrency("PLN"), Languages: []feed.Language{feed.MustLanguage("pol")}, CSV: true},
	}
	if change != nil {
		change(&o)
	}
	o, err = w.db.CreateOffer(t.Context(), actor, o)
	check(t, err)
	l, s := partner.NewLink(w.merchant.ID, o.ID, "shop software", w.clock.Now(), time.Time{})
	check(t, w.db.CreateLink(t.Context(), actor, l))
	w.secrets = append(w.secrets, s.Reveal())
	return p, o, l, s.Reveal()
}

// serve runs a handler on loopback.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	srv := &http.Server{Handler: h, ConnContext: download.ConnContext, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0), DisableGeneralOptionsHandler: true}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return "http://" + l.Addr().String()
}

// kindsOf lists what a feed of the fixture holds.
func kindsOf(kind feed.Kind) []feed.Kind {
	if kind == feed.KindLight {
		return []feed.Kind{feed.KindLight, feed.KindLightCSV}
	}
	return append([]feed.Kind{feed.KindFull, feed.KindFullCSV}, feed.DictionaryKinds()...)
}

// publish makes the generation after base and keeps its bytes: a file of each
// kind, and one change file more than base has.
func (w *world) publish(t testing.TB, key string, kind feed.Kind, base *publish.Generation, size int) publish.Generation {
	t.Helper()
	run := w.begin(t)
	number := run.First
	g := publish.Generation{
		Feed: publish.FeedRef{Merchant: string(w.merchant.ID), Kind: kind, Key: key}, Number: number,
		Time: w.clock.Now().Truncate(time.Second), Products: 3,
		Languages: []feed.Language{feed.MustLanguage("pol")}, Currency: feed.MustCurrency("PLN"),
	}
	if base != nil {
		g.Base, g.Time = base.Number, feed.NextTime(base.Time, g.Time)
	}
	g.Expires = g.Time.Add(7 * 24 * time.Hour)
	add := func(f publish.File, n int, zip bool) {
		f.Generation, f.Changed, f.Products = number, g.Time, 3
		b := text(int64(number)*100+int64(f.Kind), n)
		f.Plain = w.keep(t, number, int(f.Kind)*2, b)
		if zip {
			f.Gzip = w.keep(t, number, int(f.Kind)*2+1, compress(t, b))
		}
		g.Files = append(g.Files, f)
	}
	for _, k := range kindsOf(kind) {
		switch {
		case k == feed.KindFull && size > 0:
			add(publish.File{Kind: k}, size, size == twoSteps)
		case k == feed.KindFull:
			add(publish.File{Kind: k}, 70_000, true)
		default:
			add(publish.File{Kind: k}, 1000+int(k), k != feed.KindSizes)
		}
	}
	if base != nil && kind == feed.KindFull {
		add(publish.File{Kind: feed.KindFullChange, Label: feed.Label(g.Time), Base: base.Number, Target: number}, 700, true)
		for _, f := range base.Files {
			if f.Kind == feed.KindFullChange {
				g.Files = append(g.Files, f)
			}
		}
	}
	check(t, w.db.Commit(t.Context(), run, []publish.Generation{g}, nil))
	return g
}

// begin begins a run of one generation.
func (w *world) begin(t testing.TB) publish.Run {
	t.Helper()
	w.runs++
	run, err := w.db.Begin(t.Context(), string(w.merchant.ID), fmt.Sprintf("run-%d", w.runs), 1)
	check(t, err)
	return run
}

func (w *world) keep(t testing.TB, number int64, n int, b []byte) publish.Blob {
	t.Helper()
	blob := publish.Blob{Size: int64(len(b)), MD5: md5.Sum(b), SHA256: sha256.Sum256(b)}
	key, err := storage.Blob{Merchant: string(w.merchant.ID), SHA256: storage.Digest(blob.SHA256), Run: fmt.Sprintf("run%d", number), N: n}.Key()
	check(t, err)
	blob.Key = key
	_, err = w.store.Put(t.Context(), key, bytes.NewReader(b), blob.Size, storage.Attrs{Immutable: true, SHA256: storage.Digest(blob.SHA256)})
	check(t, err)
	w.content[key] = b
	return blob
}

// text makes n bytes that compress, and differ for each seed and place.
func text(seed int64, n int) []byte {
	r := rand.New(rand.NewPCG(uint64(seed), 7))
	block := make([]byte, 0, 40_000)
	for len(block) < 39_000 {
		block = fmt.Appendf(block, "<p id=\"%d\"/>\n", r.Uint32())
	}
	b := make([]byte, 0, n+len(block)+20)
	for i := 0; len(b) < n; i++ {
		b = append(fmt.Appendf(b, "<!--%d-->", i), block...)
	}
	return b[:n]
}

func compress(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(b)
	check(t, err)
	check(t, z.Close())
	return out.Bytes()
}

// answer is what came back, with its body read.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // of reading the body
}

var client = &http.Client{
	Transport:     &http.Transport{DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// do sends a request; headers are name, value, name, value …
func do(t testing.TB, method, url string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	check(t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	res, err := client.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	a.body, a.err = io.ReadAll(res.Body)
	a.header.Del("Date")
	return a
}

func (w *world) get(t testing.TB, path string, headers ...string) answer {
	t.Helper()
	return do(t, http.MethodGet, w.url+path, headers...)
}

// path gives the address of a file below the link.
func (w *world) pathOf(f *publish.File) string { return "/o/" + w.secret + "/" + f.Address() }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// slow is a client that has read the head of an answer and a little of the
// body, and then stops reading.
type slow struct {
	conn net.Conn
	read int64
}

func (w *world) slow(t testing.TB, path string) *slow {
	t.Helper()
	d := net.Dialer{}
	conn, err := d.DialContext(t.Context(), "tcp", w.url[len("http://"):])
	check(t, err)
	t.Cleanup(func() { conn.Close() })
	check(t, conn.(*net.TCPConn).SetReadBuffer(16<<10))
	check(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	check(t, err)
	s := &slow{conn: conn}
	buf := make([]byte, 4096)
	n, err := io.ReadFull(conn, buf)
	check(t, err)
	if !bytes.HasPrefix(buf, []byte("HTTP/1.1 200 OK\r\n")) {
		t.Fatalf("got %.60q", buf)
	}
	s.read = int64(n)
	return s
}

// rest reads on until the connection ends, and gives how it did.
func (s *slow) rest() error {
	n, err := io.Copy(io.Discard, s.conn)
	s.read += n
	if err == nil {
		err = io.EOF
	}
	return err
}

// await repeats a question until it is answered with yes, within half a minute.
func await(t testing.TB, what string, yes func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !yes() {
		if ctx.Err() != nil {
			t.Fatalf("%s: not within half a minute", what)
		}
	}
}
