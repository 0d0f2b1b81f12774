package admin

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/record"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
	"feedmill/internal/pgtest"
	"feedmill/storage/postgres"
)

// server is the PostgreSQL of the benchmark, started when it is first asked for.
var server = &pgtest.Server{Prepare: func(ctx context.Context, url string) error {
	_, err := postgres.Migrate(ctx, url, postgres.Options{})
	return err
}}

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// BenchmarkPages asks for pages of a merchant with 100,000 products and 500
// partners who have published generations and downloads, over both databases,
// and tells the median of each. Nothing depends on how long it takes.
// PAGES_PRODUCTS sets another number of products.
func BenchmarkPages(b *testing.B) {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("PAGES_PRODUCTS"), "100000"))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("sqlite", func(b *testing.B) { newSite(b).pages(b, n) })
	b.Run("postgres", func(b *testing.B) {
		newSiteOver(b, func(s *site) (records, opener) {
			db, err := postgres.Open(b.Context(), server.Database(b), postgres.Options{Now: s.Now, Clock: s.Now})
			if err != nil {
				b.Fatal(err)
			}
			return db, func(ctx context.Context, m partner.MerchantID) (manage.Catalog, error) { return db.Snapshot(ctx, m) }
		}).pages(b, n)
	})
}

// crowd is what the benchmark's merchant has.
type crowd struct {
	owner    *browser
	guest    *browser // one of the last partner's people
	merchant partner.Merchant
	who      manage.Identity
	offers   []partner.Offer
	link     partner.Link
	runs     int
}

// pages fills the records and asks for each page.
func (s *site) pages(b *testing.B, products int) {
	c := &crowd{owner: s.setUp("Hurtownia"), merchant: s.merchant("")}
	c.who = manage.Identity{Merchant: c.merchant.ID, Role: manage.RoleOwner, Actor: partner.Actor{Name: "test", Role: "owner"}}
	s.catalog(b, c, products, 1, 1)
	s.partners(b, c, 500)
	s.publish(b, c)
	s.downloads(b, c)
	// What is published after the downloads is what partners are behind by.
	s.catalog(b, c, products, 100, 2)
	s.publish(b, c)
	last := c.offers[len(c.offers)-1]
	c.guest = s.staff(c.merchant.ID, auth.Portal, last.Partner)
	// Hours have passed.
	if a := c.owner.post("/sign-in", "login", "anna@example.com", "password", goodPassword); a.to() != "/" {
		b.Fatalf("got %d to %s", a.status, a.to())
	}
	at, offer, middle := "/partners/"+string(last.Partner), string(last.ID), strconv.Itoa(products/2)
	history := c.owner.get("/generations/" + offer + "?kind=full")
	numbers := regexp.MustCompile(`name="a" value="(\d+)"`).FindAllStringSubmatch(history.body, -1)
	if len(numbers) != 2 {
		b.Fatalf("got generations %v, want two: %s", numbers, plain(history.body))
	}
	compared := "/generations/" + offer + "/compare?kind=full&a=" + numbers[1][1] + "&b=" + numbers[0][1]
	ask := func(name string, by *browser, path string) {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if a := by.get(path); a.status != http.StatusOK {
					b.Fatalf("%s: got %d", path, a.status)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
		})
	}
	for _, p := range [][2]string{
		{"overview", "/"}, {"products", "/products"}, {"products-code", "/products?q=C-" + middle}, {"products-word", "/products?q=numer"}, {"products-rare-word", "/products?q=numer+" + middle}, {"products-nothing", "/products?q=unheard"},
		{"product", "/products/" + middle}, {"why", "/products/" + middle + "/why/" + offer},
		{"partners", "/partners"}, {"partners-tag", "/partners?tag=gold"}, {"partners-stale", "/partners?state=stale"}, {"partner", at}, {"partner-settings", at + "/settings"}, {"partner-downloads", at + "/ledger"}, {"partner-audit", at + "/audit"}, {"offer", "/offers/" + offer}, {"link", "/links/" + string(c.link.ID)},
		{"generations", "/generations"}, {"history", "/generations/" + offer}, {"compare", compared}, {"difference", strings.Replace(compared, "/compare?", "/compare/"+strconv.Itoa(products/200*100)+"?", 1)},
		{"runs", "/runs"}, {"held", "/held"}, {"audit", "/audit"}, {"pictures", "/pictures"}, {"settings", "/settings"}, {"shops", "/shops"}, {"rates", "/rates"}, {"users", "/users"}, {"import", "/import"}, {"account", "/account"},
	} {
		ask(p[0], c.owner, p[1])
	}
	for _, path := range []string{"/portal", "/portal/connect", "/portal/changes", "/portal/downloads"} {
		ask(strings.ReplaceAll(path[1:], "/", "-"), c.guest, path)
	}
}

// catalog stores every nth product at a price of its own round.
func (s *site) catalog(b *testing.B, c *crowd, products, step, round int) {
	b.Helper()
	var list []*feed.Product
	flush := func() {
		if _, err := s.manage.UpsertProducts(b.Context(), c.who, list, nil); err != nil {
			b.Fatal(err)
		}
		list = list[:0]
	}
	for i := step; i <= products; i += step {
		p := &feed.Product{ID: feed.ProductID(i), Currency: feed.MustCurrency("PLN"), SizeGroup: feed.Ref{ID: feed.OneSizeGroup}}
		p.Names = p.Names.Set(feed.MustLanguage("pol"), fmt.Sprintf("Rzecz numer %d", i)).Set(feed.MustLanguage("eng"), fmt.Sprintf("Thing number %d, for bicycles and those who ride them", i))
		p.Prices.List = samplePrice(int64(1000 + i + round))
		p.Sizes = []feed.Size{{ID: "uniw", Code: fmt.Sprintf("C-%d", i)}}
		if list = append(list, p); len(list) == 10_000 {
			flush()
		}
	}
	if len(list) > 0 {
		flush()
	}
}

// partners adds partners with an offer and a link each, in five kinds of settings.
func (s *site) partners(b *testing.B, c *crowd, n int) {
	b.Helper()
	shops, err := s.manage.Shops(b.Context(), c.who)
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		p := partner.Partner{Name: fmt.Sprintf("Partner %03d", i), Email: fmt.Sprintf("it@p%d.example", i), FeedEnabled: true, Tags: []string{[]string{"gold", "silver"}[i%2], "north"}}
		if p.Discounts.Overall, err = feed.ParseDiscount(strconv.Itoa(i % 5)); err != nil {
			b.Fatal(err)
		}
		if p, err = s.manage.CreatePartner(b.Context(), c.who, p); err != nil {
			b.Fatal(err)
		}
		o, err := s.manage.CreateOffer(b.Context(), c.who, partner.Offer{Partner: p.ID, Shop: shops[0].ID, Name: "Main", FeedEnabled: true, PartnerDiscounts: true, Profile: feed.Profile{Currency: feed.MustCurrency("PLN")}})
		if err != nil {
			b.Fatal(err)
		}
		l, _, err := s.manage.CreateLink(b.Context(), c.who, o.ID, manage.NewLink{Name: "shop software"})
		if err != nil {
			b.Fatal(err)
		}
		c.offers, c.link = append(c.offers, o), l
	}
}

// downloads writes down a fortnight of downloads.
func (s *site) downloads(b *testing.B, c *crowd) {
	b.Helper()
	links, err := s.manage.Links(b.Context(), c.who, "")
	if err != nil {
		b.Fatal(err)
	}
	now := s.Now()
	for day := range 14 {
		var list []partner.Download
		for i, l := range links {
			for _, k := range []feed.Kind{feed.KindGateway, feed.KindFull, feed.KindLight, feed.KindLight} {
				list = append(list, partner.Download{Merchant: c.merchant.ID, Link: l.ID, Offer: l.Offer, Kind: k, Generation: 1, Bytes: 1 << 20, Outcome: partner.OutcomeComplete,
					Address: netip.AddrFrom4([4]byte{192, 0, byte(i), 1}), Client: "bench", Started: now.Add(time.Duration(day-14) * 24 * time.Hour), Took: time.Second})
			}
		}
		if err := s.db.RecordDownloads(b.Context(), list); err != nil {
			b.Fatal(err)
		}
	}
}

// publish publishes what is due, as the program does.
func (s *site) publish(b testing.TB, c *crowd) {
	b.Helper()
	s.Pass(time.Hour)
	ctx := b.Context()
	check := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	db := s.db.(interface {
		Sequence(ctx context.Context) (int64, error)
		FinishRun(ctx context.Context, merchant partner.MerchantID, runID string, end publish.RunEnd) error
	})
	_, err := db.Sequence(ctx)
	check(err)
	snap, err := s.open(ctx, c.merchant.ID)
	check(err)
	defer snap.Close()
	head, err := snap.(interface {
		Head(ctx context.Context) (int64, error)
	}).Head(ctx)
	check(err)
	// The partners' discounts are in the profiles of stored offers.
	offers, err := s.manage.Offers(ctx, c.who, "")
	check(err)
	var profiles []feed.Profile
	for i := range offers {
		profiles = append(profiles, offers[i].Profile)
	}
	dicts := &feed.Dictionaries{}
	c.runs++
	run := fmt.Sprintf("run%d", c.runs)
	report, err := publish.Do(ctx, s.db, publish.NewStoreBin(s.files, run), publish.Request{Merchant: string(c.merchant.ID), RunID: run, Profiles: profiles, Now: s.Now(), Spool: filepath.Clean(b.TempDir()),
		Settings: publish.Settings{Zone: time.UTC, Gzip: true},
		Catalog: publish.Catalog{Products: decoded(snap.Products), Known: dicts, Dictionaries: func() *feed.Dictionaries { return dicts },
			Language: c.merchant.Language, Currency: c.merchant.Currency, Head: head}})
	check(err)
	for _, f := range report.Feeds {
		if !f.Published {
			b.Fatalf("run %d published nothing of a feed: %+v", c.runs, f)
		}
	}
	check(db.FinishRun(ctx, c.merchant.ID, run, publish.RunEnd{Counts: []byte(`{"products":1}`)}))
}

// decoded reads stored products.
func decoded(stored func(context.Context) iter.Seq2[partner.StoredProduct, error]) func(context.Context) iter.Seq2[*feed.Product, error] {
	return func(ctx context.Context) iter.Seq2[*feed.Product, error] {
		return func(yield func(*feed.Product, error) bool) {
			for one, err := range stored(ctx) {
				p := new(feed.Product)
				if err == nil {
					err = record.Decode(one.Doc, p)
				}
				if !yield(p, err) || err != nil {
					return
				}
			}
		}
	}
}
