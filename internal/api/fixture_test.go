package api_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/record"
	"feedmill/internal/api"
	"feedmill/internal/job"
	"feedmill/internal/job/desk"
	"feedmill/internal/job/localjob"
	"feedmill/internal/job/work"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
	"feedmill/internal/pgtest"
	"feedmill/internal/syncbuf"
	"feedmill/internal/testclock"
	"feedmill/storage/memstore"
	"feedmill/storage/postgres"
	"feedmill/storage/sqlite"
	"feedmill/storage/sqlite/sqlitetest"
)

var server = &pgtest.Server{Prepare: func(ctx context.Context, url string) error {
	_, err := postgres.Migrate(ctx, url, postgres.Options{})
	return err
}}

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// records is what the fixture asks of a database beside what the API does.
type records interface {
	manage.Records
	api.Repeats
	publish.Ledger
	CreateMerchant(ctx context.Context, actor partner.Actor, m partner.Merchant) (partner.Merchant, error)
	Sequence(ctx context.Context) (int64, error)
	FinishRun(ctx context.Context, merchant partner.MerchantID, runID string, end publish.RunEnd) error
	RecordDownloads(ctx context.Context, list []partner.Download) error
}

// reader is a snapshot as the fixture publishes from it.
type reader interface {
	manage.Catalog
	Offers(ctx context.Context) ([]partner.Offer, error)
	Head(ctx context.Context) (int64, error)
}

// world is an API over a real database, with two merchants.
type world struct {
	*testclock.Clock
	t        testing.TB
	ctx      context.Context
	db       records
	snapshot func(m partner.MerchantID) (reader, error)
	store    *memstore.Store
	manage   *manage.Service
	api      http.Handler
	log      *syncbuf.Buffer
	roles    map[string]manage.Identity // credentials of tests, by what is sent
	spec     *spec
	runs     int
	jobs     *localjob.Client

	mine, foreign merchant
}

// merchant is one of the two, and what acts for him.
type merchant struct {
	partner.Merchant
	owner manage.Identity
	shop  partner.Shop
}

var databases = []string{"sqlite", "postgres"}

func setup(t testing.TB, database string, opt api.Options) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context(), Clock: testclock.New(testclock.Noon(), 0), store: memstore.New(memstore.Options{}), log: &syncbuf.Buffer{}, roles: map[string]manage.Identity{}}
	w.open(database)
	jobs := w.runJobs()
	w.manage = manage.New(w.db, func(_ context.Context, m partner.MerchantID) (manage.Catalog, error) { return w.snapshot(m) }, w.store, w.Now, manage.WithJobs(desk.New(jobs)))
	opt.Now = w.Now
	opt.Log = slog.New(slog.NewJSONHandler(w.log, nil))
	opt.RequestID = func(context.Context) string { return "req-1" }
	opt.ChangeWait = 30 * time.Second // a slow machine is no failure
	if opt.PerMinute == 0 {
		opt.PerMinute = -1
	}
	if opt.RefusedPerMinute == 0 {
		opt.RefusedPerMinute = -1
	}
	opt.Authenticate = func(ctx context.Context, key string, from netip.Addr) (manage.Identity, error) {
		if who, ok := w.roles[key]; ok {
			return who, nil
		}
		return w.manage.AuthenticateFrom(ctx, key, from)
	}
	a, err := api.New(w.manage, w.db, opt)
	check(t, err)
	w.api, w.spec = a, newSpec(t, a)
	w.mine, w.foreign = w.newMerchant("Mine"), w.newMerchant("Foreign")
	return w
}

// runJobs has a process work on jobs. Imports run until they are told to stop, and
// as long as one runs nothing else of its merchant does.
func (w *world) runJobs() *localjob.Client {
	w.t.Helper()
	kinds := job.NewKinds()
	check(w.t, job.Add(kinds, job.KindOptions{}, func(ctx context.Context, _ work.Publish) error { return nil }))
	check(w.t, job.Add(kinds, job.KindOptions{}, func(ctx context.Context, _ work.Import) error {
		<-ctx.Done()
		return ctx.Err()
	}))
	c, err := localjob.New(filepath.Join(w.t.TempDir(), "jobs"), job.Config{Kinds: kinds, Soft: time.Millisecond}, localjob.Options{Now: w.Now, Poll: 5 * time.Millisecond, Patience: time.Minute})
	check(w.t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	w.t.Cleanup(func() {
		stop()
		check(w.t, <-ended)
	})
	w.jobs = c
	return c
}

// jobIs waits until a job has come to a state.
func (w *world) jobIs(id int64, state job.State) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	for {
		i, err := w.jobs.Get(ctx, id)
		check(w.t, err)
		if i.State == state {
			return
		}
	}
}

func (w *world) open(database string) {
	w.t.Helper()
	if database == "sqlite" {
		db := sqlitetest.Open(w.t, sqlite.Options{Now: w.Now})
		w.db, w.snapshot = db, func(m partner.MerchantID) (reader, error) { return db.Snapshot(context.Background(), m) }
		return
	}
	db, err := postgres.Open(w.ctx, server.Database(w.t), postgres.Options{Now: w.Now, Clock: w.Now})
	check(w.t, err)
	w.t.Cleanup(func() { check(w.t, db.Close()) })
	w.db, w.snapshot = db, func(m partner.MerchantID) (reader, error) { return db.Snapshot(context.Background(), m) }
}

func (w *world) newMerchant(name string) merchant {
	w.t.Helper()
	vat, err := feed.ParsePercent("23")
	check(w.t, err)
	m, err := w.db.CreateMerchant(w.ctx, partner.Actor{Name: "setup"}, partner.Merchant{ID: partner.NewMerchantID(), Name: name, SharingEnabled: true,
		Language: feed.MustLanguage("pol"), Currency: feed.MustCurrency("PLN"), VAT: vat})
	check(w.t, err)
	owner := manage.Identity{Merchant: m.ID, Role: manage.RoleOwner, Actor: partner.Actor{Name: "anna", Role: "owner"}}
	shop, err := w.manage.CreateShop(w.ctx, owner, partner.Shop{Number: 1, Name: "Main"})
	check(w.t, err)
	return merchant{m, owner, shop}
}

// key makes a key of a merchant and gives its secret.
func (w *world) key(m merchant, scopes partner.Scopes) string {
	w.t.Helper()
	_, secret, err := w.manage.CreateKey(w.ctx, m.owner, "test", scopes, time.Time{})
	check(w.t, err)
	return secret.Reveal()
}

// request is one request of a test.
type request struct {
	method, path, key string
	header            http.Header
	body              string
}

// answer is what came of it.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request and holds the answer to the document.
func (w *world) do(r request) answer {
	w.t.Helper()
	a := w.send(r)
	if err := w.spec.check(r, a); err != nil {
		w.t.Errorf("%s %s: status %d: the answer is not as the document says: %v\n%s", r.method, r.path, a.status, err, a.body)
	}
	return a
}

func (w *world) send(r request) answer {
	w.t.Helper()
	var body io.Reader = http.NoBody
	if r.body != "" {
		body = strings.NewReader(r.body)
	}
	req := httptest.NewRequestWithContext(w.ctx, r.method, api.Prefix+r.path, body)
	req.RemoteAddr = "203.0.113.9:4711"
	for name, values := range r.header {
		req.Header[name] = values
	}
	if r.key != "" {
		req.Header.Set("Authorization", "Bearer "+r.key)
	}
	if r.body != "" && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, req)
	return answer{rec.Code, rec.Result().Header, rec.Body.Bytes()}
}

// publish runs once for all offers of a merchant, as the program does.
func (w *world) publish(m merchant) {
	w.t.Helper()
	w.runs++
	_, err := w.db.Sequence(w.ctx)
	check(w.t, err)
	snap, err := w.snapshot(m.ID)
	check(w.t, err)
	defer snap.Close()
	offers, err := snap.Offers(w.ctx)
	check(w.t, err)
	var profiles []feed.Profile
	for _, o := range offers {
		profiles = append(profiles, o.Profile)
	}
	head, err := snap.Head(w.ctx)
	check(w.t, err)
	doc, err := snap.Dictionaries(w.ctx)
	check(w.t, err)
	dicts := &feed.Dictionaries{}
	if doc.Version > 0 {
		check(w.t, record.DecodeDictionaries(doc.Doc, dicts))
	}
	run := fmt.Sprintf("run%d", w.runs)
	_, err = publish.Do(w.ctx, w.db, publish.NewStoreBin(w.store, run), publish.Request{
		Merchant: string(m.ID), RunID: run, Profiles: profiles, Now: w.Now(), Spool: w.t.TempDir(),
		Settings: publish.Settings{Zone: time.UTC, FullEvery: 1000 * time.Hour, FullShare: 101, MaxLoss: 20, Gzip: true},
		Catalog: publish.Catalog{Products: decoded(snap.Products), Known: dicts, Dictionaries: func() *feed.Dictionaries { return dicts },
			Language: m.Language, Currency: m.Currency, Head: head}})
	check(w.t, err)
	check(w.t, w.db.FinishRun(w.ctx, m.ID, run, publish.RunEnd{Counts: []byte(`{"products":1}`)}))
}

func decoded(stored func(context.Context) iter.Seq2[partner.StoredProduct, error]) func(context.Context) iter.Seq2[*feed.Product, error] {
	return func(ctx context.Context) iter.Seq2[*feed.Product, error] {
		return func(yield func(*feed.Product, error) bool) {
			var p feed.Product
			for s, err := range stored(ctx) {
				if err == nil {
					err = record.Decode(s.Doc, &p)
				}
				if !yield(&p, err) || err != nil {
					return
				}
			}
		}
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
