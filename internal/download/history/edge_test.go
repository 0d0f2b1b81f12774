package history

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/download"
	"feedmill/internal/partner"
	"feedmill/internal/pgtest"
	"feedmill/storage"
	"feedmill/storage/fsstore"
	"feedmill/storage/postgres"
	"feedmill/storage/sqlite"
	"feedmill/storage/sqlite/sqlitetest"
)

var pg = pgtest.Server{Prepare: func(ctx context.Context, url string) error {
	_, err := postgres.Migrate(ctx, url, postgres.Options{})
	return err
}}

func TestMain(m *testing.M) { os.Exit(pg.Main(m)) }

// records is one process's handle on a database.
type records interface {
	download.Records
	Subscribe(fn func()) (cancel func())
	CreateMerchant(ctx context.Context, actor partner.Actor, m partner.Merchant) (partner.Merchant, error)
	CreateShop(ctx context.Context, actor partner.Actor, s partner.Shop) error
	CreatePartner(ctx context.Context, actor partner.Actor, p partner.Partner) (partner.Partner, error)
	CreateOffer(ctx context.Context, actor partner.Actor, o partner.Offer) (partner.Offer, error)
	CreateLink(ctx context.Context, actor partner.Actor, l partner.Link) error
	RevokeLink(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.LinkID) error
	SetPartnerFeed(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.ID, on bool, version int64) (partner.Partner, error)
	SetOfferFeed(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id partner.OfferID, on bool, version int64) (partner.Offer, error)
}

var (
	_ records = (*sqlite.DB)(nil)
	_ records = (*postgres.DB)(nil)
)

var actor = partner.Actor{Name: "anna", Role: "owner"}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// databases opens two handles, as two processes have them, on each kind of database.
var databases = []struct {
	name string
	open func(t *testing.T) [2]records
}{
	{"sqlite", func(t *testing.T) (both [2]records) {
		path := t.TempDir() + "/feedmill.db"
		for i := range both {
			both[i] = sqlitetest.OpenAt(t, path, sqlite.Options{})
		}
		return both
	}},
	{"postgres", func(t *testing.T) (both [2]records) {
		url := pg.Database(t)
		for i := range both {
			db, err := postgres.Open(t.Context(), url, postgres.Options{})
			check(t, err)
			t.Cleanup(func() { check(t, db.Close()) })
			both[i] = db
		}
		return both
	}},
}

// published adds to a database's accounts generations that nobody has made:
// every feed has one with the same large file.
type published struct {
	records
	mu    sync.Mutex
	feeds map[publish.FeedRef]bool
	blob  publish.Blob
}

func (p *published) Accounts(ctx context.Context) (partner.Accounts, error) {
	a, err := p.records.Accounts(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.feeds = map[publish.FeedRef]bool{}
	for i, at := range a.Attachments {
		a.Attachments[i].Pending = false
		for _, o := range a.Offers {
			if o.ID == at.Offer {
				p.feeds[publish.FeedRef{Merchant: string(o.Merchant), Kind: at.Kind, Key: at.Key}] = true
			}
		}
	}
	return a, err
}

func (p *published) CurrentGenerations(context.Context, map[publish.FeedRef]int64) ([]publish.Generation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []publish.Generation
	for ref := range p.feeds {
		at := time.Unix(1_700_000_000, 0)
		list = append(list, publish.Generation{Feed: ref, Number: 1, Time: at, Expires: at.Add(time.Hour), Languages: []feed.Language{feed.MustLanguage("pol")}, Currency: feed.MustCurrency("PLN"),
			Files: []publish.File{{Kind: ref.Kind, Generation: 1, Changed: at, Plain: p.blob}}})
	}
	return list, nil
}

// edge is a node of the file server, which can be restarted.
type edge struct {
	t       *testing.T
	records *published
	store   storage.Store
	// hears says whether a notification reaches the node; nil: none does.
	hears func() bool
	opt   download.Options
	now   atomic.Pointer[download.Server]
	stop  context.CancelFunc
	ended chan struct{}
	url   string // where it listens
}

// start begins a new life of the node; the one before ends once it has begun.
func (e *edge) start() {
	srv := download.New(e.records, e.store, e.opt)
	check(e.t, srv.Refresh(e.t.Context()))
	ctx, cancel := context.WithCancel(context.Background())
	unsubscribe := func() {}
	if e.hears != nil {
		unsubscribe = e.records.Subscribe(func() {
			if e.hears() {
				srv.Changed()
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		srv.Run(ctx)
	}()
	before, wait := e.stop, e.ended
	e.now.Store(srv)
	e.stop, e.ended = func() { unsubscribe(); cancel() }, ended
	if before != nil {
		before()
		<-wait
	}
}

func (e *edge) close() {
	e.stop()
	<-e.ended
}

// status asks for a gateway, within the process.
func (e *edge) status(secret string) int {
	rec := httptest.NewRecorder()
	e.now.Load().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/o/"+secret+"/gateway.xml", nil))
	return rec.Code
}

// account is a partner whose switches are turned.
type account struct {
	merchant partner.MerchantID
	partner  partner.ID
	offer    partner.OfferID
	link     partner.LinkID
	secret   string
	pv, ov   int64 // versions
}

// world is two nodes over one database.
type world struct {
	handles  [2]records
	edges    [2]*edge
	accounts []*account
	size     int64
}

const fileSize = 24 << 20

func setup(t *testing.T, handles [2]records, accounts int, opt download.Options, hears [2]func() bool) *world {
	t.Helper()
	w := &world{handles: handles, size: fileSize}
	store, err := fsstore.Open(t.TempDir(), fsstore.Options{})
	check(t, err)
	t.Cleanup(func() { check(t, store.Close()) })
	body := make([]byte, fileSize)
	_, _ = rand.NewChaCha8([32]byte{}).Read(body) // never fails
	sum := sha256.Sum256(body)
	key, err := storage.Blob{Merchant: "m", SHA256: sum, Run: "r"}.Key()
	check(t, err)
	_, err = store.Put(t.Context(), key, bytes.NewReader(body), fileSize, storage.Attrs{Immutable: true, SHA256: sum})
	check(t, err)
	blob := publish.Blob{Key: key, Size: fileSize, SHA256: sum}

	vat, err := feed.ParsePercent("23")
	check(t, err)
	db := handles[0]
	m, err := db.CreateMerchant(t.Context(), actor, partner.Merchant{ID: partner.NewMerchantID(), Name: "Hurtownia", SharingEnabled: true,
		Language: feed.MustLanguage("pol"), Currency: feed.MustCurrency("PLN"), VAT: vat})
	check(t, err)
	shop := partner.Shop{ID: partner.NewShopID(), Merchant: m.ID, Number: 1, Name: "Main"}
	check(t, db.CreateShop(t.Context(), actor, shop))
	for i := range accounts {
		p, err := db.CreatePartner(t.Context(), actor, partner.Partner{ID: partner.NewID(), Merchant: m.ID, Name: fmt.Sprintf("Partner %d", i), FeedEnabled: true})
		check(t, err)
		o, err := db.CreateOffer(t.Context(), actor, partner.Offer{ID: partner.NewOfferID(), Merchant: m.ID, Partner: p.ID, Shop: shop.ID, Name: "Main", FeedEnabled: true,
			Profile: feed.Profile{Currency: feed.MustCurrency("PLN"), Languages: []feed.Language{feed.MustLanguage("pol")}}})
		check(t, err)
		l, s := partner.NewLink(m.ID, o.ID, "shop", time.Now(), time.Time{})
		check(t, db.CreateLink(t.Context(), actor, l))
		w.accounts = append(w.accounts, &account{merchant: m.ID, partner: p.ID, offer: o.ID, link: l.ID, secret: s.Reveal(), pv: p.Version, ov: o.Version})
	}
	opt.Log = slog.New(slog.DiscardHandler)
	opt.PublicURL = "https://feeds.example.com"
	opt.Limits = download.Limits{GatewaysPerLink: -1, FilesPerLink: -1, WholesPerDay: -1, RunningPerLink: -1}
	for i := range w.edges {
		e := &edge{t: t, records: &published{records: handles[i], blob: blob}, store: store, hears: hears[i], opt: opt}
		e.start()
		t.Cleanup(e.close)
		w.edges[i] = e
	}
	return w
}

// listen has the nodes answer over the network.
func (w *world) listen(t *testing.T) {
	t.Helper()
	for _, e := range w.edges {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { e.now.Load().ServeHTTP(rw, r) }))
		srv.Config.ConnContext = download.ConnContext
		srv.Start()
		t.Cleanup(srv.Close)
		e.url = srv.URL
	}
}

// reader has asked for the large file, and reads it no further than its head.
func (w *world) reader(node int, a *account) (net.Conn, error) {
	conn, err := net.Dial("tcp", w.edges[node].url[len("http://"):])
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(conn, "GET /o/%s/full.xml HTTP/1.1\r\nHost: x\r\n\r\n", a.secret)
	head := make([]byte, 64)
	if _, err := conn.Read(head); err != nil || !bytes.HasPrefix(head, []byte("HTTP/1.1 200")) {
		conn.Close()
		return nil, fmt.Errorf("got %q, %w", head, err)
	}
	return conn, nil
}
