package history_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"feedmill/feed"
	"feedmill/feed/patch"
	"feedmill/feed/publish"
	"feedmill/feed/verify"
	"feedmill/internal/harness/site"
	"feedmill/internal/memdir"
	"feedmill/internal/partner"
	"feedmill/internal/pgtest"
	"feedmill/storage"
	"feedmill/storage/memstore"
	"feedmill/storage/postgres"
	"feedmill/storage/sqlite"
)

var database = pgtest.Server{Prepare: func(ctx context.Context, url string) error {
	_, err := postgres.Migrate(ctx, url, postgres.Options{})
	return err
}}

func TestMain(m *testing.M) { os.Exit(database.Main(m)) }

// house is an installation in whose records every history has a merchant of its
// own.
type house struct {
	records site.Records
	dir     string
	now     time.Time
	passed  time.Duration // by the clock that nobody can set
}

var began = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func TestHistoriesOverSQLite(t *testing.T) {
	t.Parallel()
	h := &house{dir: memdir.New(t), now: began}
	var err error
	h.records, err = site.OpenEmbedded(t.Context(), filepath.Join(h.dir, "feedmill.db"), sqlite.Options{Now: h.clock})
	if err != nil {
		t.Fatal(err)
	}
	h.check(t)
}

func TestHistoriesOverPostgreSQL(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("servers are not started with -short")
	}
	h := &house{dir: memdir.New(t), now: began}
	var err error
	h.records, err = site.OpenShared(t.Context(), database.Database(t), postgres.Options{Now: h.clock, Clock: h.clock})
	if err != nil {
		t.Fatal(err)
	}
	h.check(t)
}

func (h *house) clock() time.Time { return h.now }

// Elapsed and After implement publish.Monotonic.
func (h *house) Elapsed() time.Duration               { return h.passed }
func (h *house) After(time.Duration) <-chan time.Time { return nil }

// seen counts what all histories of a database have come to, so that laws that
// were never put to the test are noticed.
type seen struct{ pairs, changes, suffixes, gone, listed int }

// telling says that every law was put to the test.
func (s *seen) telling() bool {
	return s.pairs >= 20 && s.changes >= 20 && s.suffixes > 0 && s.gone > 0 && s.listed > 0
}

func (h *house) check(t *testing.T) {
	t.Cleanup(func() {
		if err := h.records.Close(); err != nil {
			t.Error(err)
		}
	})
	all := &seen{}
	// One round may be too tame, another is not.
	total := 0
	for range 8 {
		histories := 0
		rapid.Check(t, func(r *rapid.T) {
			histories++
			if limit := 25; histories > limit && !r.Failed() {
				return // small sizes, real databases
			}
			h.history(t, r, all)
		})
		total += min(histories, 25)
		if histories < 20 || all.telling() {
			break
		}
	}
	t.Logf("%d histories, %d pairs of generations, %d changes between them, %d suffixes, %d products that left", total, all.pairs, all.changes, all.suffixes, all.gone)
	if !t.Failed() && total >= 20 && !all.telling() {
		t.Errorf("the histories are too tame: %+v", *all)
	}
}

// story is one history under way.
type story struct {
	*house
	*rapid.T
	ctx      context.Context
	site     *site.Site
	offers   []site.Offer
	products map[int]site.Product
	list     partner.PriceList
	// truth is each full feed as a run of its own has rendered it from nothing, by
	// feed and generation.
	truth map[publish.FeedRef]map[int64][]byte
	all   *seen
}

func (h *house) history(t *testing.T, r *rapid.T, all *seen) {
	s := &story{house: h, T: r, ctx: t.Context(), products: map[int]site.Product{}, truth: map[publish.FeedRef]map[int64][]byte{}, all: all}
	s.site = &site.Site{Records: h.records, Store: memstore.New(memstore.Options{Now: h.clock}), Dir: h.dir, Now: h.clock,
		Elapsed: h.Elapsed, Monotonic: h, Settings: publish.Settings{Gzip: true, MaxLoss: 100, MaxPriceMove: -1, FullShare: 60}}
	shop, err := s.site.NewMerchant(s.ctx)
	s.must(err)
	pol := []feed.Language{feed.MustLanguage("pol")}
	s.rate()
	s.list, err = s.records.CreatePriceList(s.ctx, site.Actor, partner.PriceList{ID: partner.NewPriceListID(), Merchant: s.site.Merchant.ID, Name: "Trade", Currency: pln})
	s.must(err)
	for i, profile := range []feed.Profile{{Languages: pol, Currency: pln}, {Languages: []feed.Language{feed.MustLanguage("eng"), pol[0]}, Currency: eur}} {
		o, err := s.site.NewOffer(s.ctx, shop, fmt.Sprint("Partner ", i), profile)
		s.must(err)
		s.offers = append(s.offers, o)
	}
	for id := 1; id <= 6; id++ {
		s.products[id] = site.Product{ID: site.ID(id), Price: 10 + id, Stock: id}
	}
	s.load()
	s.publish(publish.Settings{})
	steps := map[string]func(){"put": s.put, "import": s.edit, "rule": s.rule, "rate": s.rate, "prices": s.prices, "switch": s.flip, "time": s.time, "publish": s.due, "sweep": s.sweep}
	names := slices.Sorted(maps.Keys(steps))
	for range rapid.IntRange(4, 14).Draw(r, "steps") {
		// Every second step is a publication, or there were nothing to compare.
		name := "publish"
		if rapid.Bool().Draw(r, "else") {
			name = rapid.SampledFrom(names).Draw(r, "step")
		}
		steps[name]()
	}
	s.publish(publish.Settings{})
	s.laws()
	report, err := s.site.Prove(s.ctx)
	s.must(err)
	for i := range report.Findings {
		if f := &report.Findings[i]; f.Severity == verify.SeverityError {
			s.Errorf("verify: %v", f)
		}
	}
}

func (s *story) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("%v", err)
	}
}

func (s *story) sorted() (list []site.Product) {
	for _, id := range slices.Sorted(maps.Keys(s.products)) {
		list = append(list, s.products[id])
	}
	return list
}

func (s *story) load() {
	_, err := s.site.Load(s.ctx, site.Text(s.sorted()), false)
	s.must(err)
}

// draw changes the catalog at hand at some places.
func (s *story) draw() (put []site.Product, removed []feed.ProductID) {
	for _, id := range rapid.SliceOfNDistinct(rapid.IntRange(1, 9), 1, 3, rapid.ID).Draw(s.T, "ids") {
		p, ok := s.products[id]
		switch {
		case !ok:
			p = site.Product{ID: site.ID(id), Price: rapid.IntRange(1, 20).Draw(s.T, "price"), Stock: 3}
		case len(s.products) > 3 && rapid.IntRange(0, 3).Draw(s.T, "gone") == 0:
			delete(s.products, id)
			removed = append(removed, site.ID(id))
			s.all.gone++
			continue
		case rapid.Bool().Draw(s.T, "stock"):
			p.Stock = rapid.IntRange(0, 9).Draw(s.T, "quantity")
		default:
			p.Price = rapid.IntRange(1, 20).Draw(s.T, "price")
		}
		s.products[id] = p
		put = append(put, p)
	}
	return put, removed
}

func (s *story) put() {
	put, removed := s.draw()
	s.must(s.site.Put(s.ctx, put, removed))
}

// edit brings in a whole catalog.
func (s *story) edit() {
	s.draw()
	s.load()
}

// rule moves an offer to another feed, or back.
func (s *story) rule() {
	o, err := s.records.Offer(s.ctx, s.site.Merchant.ID, s.offers[rapid.IntRange(0, 1).Draw(s.T, "offer")].Offer.ID)
	s.must(err)
	o.Profile.Discounts.Overall, err = feed.ParseDiscount(fmt.Sprint(10 * rapid.IntRange(0, 2).Draw(s.T, "discount")))
	s.must(err)
	if rapid.Bool().Draw(s.T, "full too") {
		o.Profile.CSV = !o.Profile.CSV
	}
	_, err = s.records.UpdateOffer(s.ctx, site.Actor, o)
	s.must(err)
}

var (
	pln = feed.MustCurrency("PLN")
	eur = feed.MustCurrency("EUR")
)

// rate sets what the second offer's prices are converted by.
func (s *story) rate() {
	rates, err := s.records.Rates(s.ctx, s.site.Merchant.ID)
	s.must(err)
	r := partner.Rate{Merchant: s.site.Merchant.ID, From: pln, To: eur}
	if len(rates) > 0 {
		r.Version = rates[0].Version
	}
	r.Rate, err = feed.ParseRate(rapid.SampledFrom([]string{"0.2", "0.25", "0.5"}).Draw(s.T, "rate"))
	s.must(err)
	_, err = s.records.SetRate(s.ctx, site.Actor, r)
	s.must(err)
}

// prices changes the price list, or who takes prices from it and what becomes of
// products that it does not price.
func (s *story) prices() {
	if rapid.IntRange(0, 2).Draw(s.T, "whose") == 0 {
		o, err := s.records.Offer(s.ctx, s.site.Merchant.ID, s.offers[rapid.IntRange(0, 1).Draw(s.T, "offer")].Offer.ID)
		s.must(err)
		o.Profile.PriceList, o.Profile.OnlyListed = "", false
		if rapid.IntRange(0, 3).Draw(s.T, "list") > 0 {
			o.Profile.PriceList, o.Profile.OnlyListed = s.list.ID, rapid.Bool().Draw(s.T, "only listed")
		}
		_, err = s.records.UpdateOffer(s.ctx, site.Actor, o)
		s.must(err)
		return
	}
	edit := partner.PriceEdit{Replace: rapid.IntRange(0, 3).Draw(s.T, "replace") == 0}
	for _, id := range rapid.SliceOfNDistinct(rapid.IntRange(1, 9), 1, 4, rapid.ID).Draw(s.T, "ids") {
		key := partner.PriceKey{Product: site.ID(id)}
		if rapid.IntRange(0, 3).Draw(s.T, "gone") == 0 {
			edit.Remove = append(edit.Remove, key)
			continue
		}
		amount, err := feed.AmountOf(rapid.Int64Range(500, 2000).Draw(s.T, "price"))
		s.must(err)
		edit.Put = append(edit.Put, partner.ListPrice{PriceKey: key, Amount: amount})
	}
	_, put, err := s.records.PutListPrices(s.ctx, site.Actor, s.site.Merchant.ID, s.list.ID, edit, 0)
	s.must(err)
	s.all.listed += int(put.Added + put.Changed)
}

func (s *story) flip() {
	p, err := s.records.Partner(s.ctx, s.site.Merchant.ID, s.offers[0].Partner.ID)
	s.must(err)
	_, err = s.records.SetPartnerFeed(s.ctx, site.Actor, p.Merchant, p.ID, !p.FeedEnabled, p.Version)
	s.must(err)
}

// time passes, or the clock is set.
func (s *story) time() {
	jump := rapid.SampledFrom([]time.Duration{time.Second, time.Hour, 5 * time.Hour, 30 * time.Hour, 80 * time.Hour, 100 * time.Hour, -time.Minute, -3 * time.Hour, -40 * time.Hour}).Draw(s.T, "time")
	s.now = s.now.Add(jump)
	s.passed += max(jump, time.Second)
}

func (s *story) due() {
	s.publish(rapid.SampledFrom([]publish.Settings{{}, {}, {}, {}, {CompareEvery: -1}, {Force: true}, {ChangeEvery: 4 * time.Hour}}).Draw(s.T, "run"))
}

// publish makes a run, and notes what each full feed is from then on, rendered
// from nothing in a ledger and a store that know no history.
func (s *story) publish(more publish.Settings) {
	set := s.site.Settings
	set.CompareEvery, set.Force, set.ChangeEvery = more.CompareEvery, more.Force, more.ChangeEvery
	s.now, s.passed = s.now.Add(20*time.Second), s.passed+20*time.Second
	report, err := s.site.Publish(s.ctx, site.Run{Settings: &set})
	s.must(err)
	for i := range report.Feeds {
		f := &report.Feeds[i]
		if f.Missed > 0 {
			s.Errorf("%v: a comparison finds %d changes that nothing had announced", f.Feed.Kind, f.Missed)
		}
		if f.Feed.Kind != feed.KindFull || !f.Published {
			continue
		}
		if s.truth[f.Feed] == nil {
			s.truth[f.Feed] = map[int64][]byte{}
		}
		s.truth[f.Feed][f.Generation.Number] = nil
	}
	s.anew()
}

// anew renders the catalog of now, and takes that for the truth of the full
// generations that have just come to be.
func (s *story) anew() {
	fresh := *s.site
	fresh.Store = memstore.New(memstore.Options{Now: s.clock})
	led := newBlank(s.clock)
	_, err := fresh.Publish(s.ctx, site.Run{Ledger: led})
	s.must(err)
	for _, g := range led.History() {
		at := s.truth[g.Feed]
		for n, doc := range at {
			if doc == nil {
				at[n] = s.read(fresh.Store, g.File(feed.KindFull))
			}
		}
	}
}

func (s *story) read(store storage.Store, f *publish.File) []byte {
	body, _, err := store.Open(s.ctx, f.Plain.Key, storage.Range{})
	s.must(err)
	data, err := io.ReadAll(body)
	s.must(errors.Join(err, body.Close()))
	return data
}

func (s *story) sweep() { s.must(s.site.Sweep(s.ctx)) }

func stream(doc []byte) patch.Stream { return patch.NewReader(bytes.NewReader(doc)) }

func (s *story) apply(full []byte, changes ...[]byte) []byte {
	var out bytes.Buffer
	var list []patch.Stream
	for _, c := range changes {
		list = append(list, stream(c))
	}
	_, err := patch.Apply(&out, stream(full), list...)
	s.must(err)
	return out.Bytes()
}

func (s *story) compose(changes ...[]byte) []byte {
	var out bytes.Buffer
	var list []patch.Stream
	for _, c := range changes {
		list = append(list, stream(c))
	}
	_, err := patch.Compose(&out, list...)
	s.must(err)
	return out.Bytes()
}

// nodes gives the products of a document as they are written.
func (s *story) nodes(doc []byte) map[string]string {
	out := map[string]string{}
	for r := patch.NewReader(bytes.NewReader(doc)); ; {
		n, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		s.must(err)
		out[n.ID] = string(n.Raw)
	}
}

func (s *story) same(what string, got, want []byte) {
	s.Helper()
	if g, w := s.nodes(got), s.nodes(want); !maps.Equal(g, w) {
		s.Fatalf("%s: got %d products\n%s\nwant %d\n%s", what, len(g), got, len(w), want)
	}
}

// laws compares every two generations of each full feed that are kept.
func (s *story) laws() {
	byFeed := map[publish.FeedRef][]publish.Generation{}
	s.must(s.records.EachRetained(s.ctx, s.site.Merchant.ID, func(g publish.Generation, _ time.Time, _ bool) error {
		if g.Feed.Kind == feed.KindFull {
			byFeed[g.Feed] = append(byFeed[g.Feed], g)
		}
		return nil
	}))
	for ref, gens := range byFeed {
		for i := range gens {
			for j := i + 1; j < len(gens); j++ {
				s.pair(ref, &gens[i], &gens[j])
			}
		}
	}
}

// pair compares a generation with a later one that lists the way there.
func (s *story) pair(ref publish.FeedRef, a, b *publish.Generation) {
	from, to := s.truth[ref][a.Number], s.truth[ref][b.Number]
	if from == nil || to == nil || a.Epoch != b.Epoch {
		return
	}
	var changes [][]byte
	position := a.Number
	for k := len(b.Files) - 1; k >= 0; k-- {
		f := &b.Files[k]
		if f.Kind != feed.KindFullChange || f.Target <= a.Number {
			continue
		}
		if len(changes) == 0 && f.Base > position {
			return // the way from there is listed no more
		}
		if len(changes) > 0 && f.Base != position {
			s.Fatalf("generation %d lists a change from %d behind one to %d", b.Number, f.Base, position)
		}
		changes, position = append(changes, s.read(s.site.Store, f)), f.Target
	}
	s.all.pairs++
	s.all.changes += len(changes)
	if len(changes) == 0 {
		s.same(fmt.Sprintf("generation %d follows %d without a change", b.Number, a.Number), from, to)
		return
	}
	once := s.apply(from, changes...)
	s.same(fmt.Sprintf("full(%d) + changes = full(%d)", a.Number, b.Number), once, to)
	if twice := s.apply(once, changes...); !bytes.Equal(twice, once) {
		s.Fatalf("applied twice, the changes from %d to %d do something else", a.Number, b.Number)
	}
	for k := 1; k < len(changes); k++ {
		s.all.suffixes++
		if again := s.apply(once, changes[k:]...); !bytes.Equal(again, once) {
			s.Fatalf("the last %d changes to %d, applied again, do something", len(changes)-k, b.Number)
		}
		left, right := s.compose(changes[:k]...), s.compose(changes[k:]...)
		if !bytes.Equal(s.compose(left, right), s.compose(changes...)) {
			s.Fatalf("compose is not associative between change %d and %d", k, k+1)
		}
		s.same("apply of what is composed", s.apply(from, left, right), to)
	}
}
