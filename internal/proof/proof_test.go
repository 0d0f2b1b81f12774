package proof_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/verify"
	"feedmill/internal/harness/site"
	"feedmill/internal/partner"
	"feedmill/internal/proof"
	"feedmill/storage"
	"feedmill/storage/memstore"
	"feedmill/storage/sqlite"
)

// published makes an installation that has published twice for two offers.
func published(t testing.TB) *site.Site {
	t.Helper()
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	dir := t.TempDir()
	db, err := site.OpenEmbedded(t.Context(), filepath.Join(dir, "feedmill.db"), sqlite.Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &site.Site{Records: db, Store: memstore.New(memstore.Options{Now: clock}), Dir: dir, Now: clock, Settings: publish.Settings{Gzip: true, FullShare: 100}}
	shop, err := s.NewMerchant(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	profile := feed.Profile{Languages: []feed.Language{feed.MustLanguage("pol")}, Currency: feed.MustCurrency("PLN")}
	for _, name := range []string{"Sklep", "Nord"} {
		if _, err := s.NewOffer(t.Context(), shop, name, profile); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 2 {
		var list []site.Product
		for id := 1; id <= 8; id++ {
			list = append(list, site.Product{ID: site.ID(id), Price: 10 + n*(id%2), Stock: id})
		}
		now = now.Add(time.Hour)
		_, err := s.Load(t.Context(), site.Text(list), false)
		if err == nil {
			_, err = s.Publish(t.Context(), site.Run{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestLedger(t *testing.T) {
	t.Parallel()
	s := published(t)
	l := proof.Of(s.Records)
	merchants, err := l.Merchants(t.Context())
	if err != nil || !slices.Equal(merchants, []string{string(s.Merchant.ID)}) {
		t.Fatalf("got merchants %v, error %v", merchants, err)
	}
	if none, err := proof.Of(s.Records, "m-other").Merchants(t.Context()); err != nil || len(none) != 0 {
		t.Errorf("of another merchant: got %v, error %v", none, err)
	}
	var names []string
	for o, err := range l.Offers(t.Context(), merchants[0]) {
		if err != nil {
			t.Fatal(err)
		}
		if names = append(names, o.Name); o.Full == "" || o.Light == "" {
			t.Errorf("%s has feeds %q and %q", o.Name, o.Full, o.Light)
		}
	}
	if want := []string{"Nord / offer", "Sklep / offer"}; !slices.Equal(names, want) {
		t.Errorf("got offers %q, want %q", names, want)
	}
	current, gens := map[feed.Kind]int64{}, 0
	for g, err := range l.Generations(t.Context(), merchants[0]) {
		if err != nil {
			t.Fatal(err)
		}
		gens++
		if g.Current {
			current[g.Feed.Kind] = g.Number
		}
		for _, f := range g.Files {
			if f.Plain.State != "live" || f.Plain.Size == 0 {
				t.Errorf("generation %d: %v is %+v", g.Number, f.Kind, f.Plain)
			}
		}
	}
	if gens != 4 || len(current) != 2 || current[feed.KindFull] < 3 || current[feed.KindLight] < 3 {
		t.Errorf("got %d generations, current are %v", gens, current)
	}
	// Who has seen enough is not shown more.
	for range l.Blobs(t.Context(), merchants[0]) {
		break
	}
	if report, err := verify.Records(t.Context(), l, s.Store, verify.Options{Now: s.Now(), Temp: s.Dir}); err != nil || !report.Clean() || report.Generations != 4 {
		t.Errorf("%+v, error %v", report, err)
	}
}

// moving are records in which a publication makes a condemned blob live again
// while its generations are being read.
type moving struct {
	site.Records
	key   string
	asked int
}

func (m *moving) EachBlob(ctx context.Context, merchant partner.MerchantID, fn func(b publish.Blob, state string) error) error {
	m.asked++
	return m.Records.EachBlob(ctx, merchant, func(b publish.Blob, state string) error {
		if b.Key == m.key && m.asked == 1 {
			state = "condemned"
		}
		return fn(b, state)
	})
}

func TestCondemnedAndLiveAgain(t *testing.T) {
	t.Parallel()
	s := published(t)
	m := &moving{Records: s.Records}
	for g, err := range proof.Of(s.Records).Generations(t.Context(), string(s.Merchant.ID)) {
		if err != nil {
			t.Fatal(err)
		}
		if g.Current {
			m.key = g.Files[0].Plain.Key
		}
	}
	for g, err := range proof.Of(m).Generations(t.Context(), string(s.Merchant.ID)) {
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range g.Files {
			if g.Current && f.Plain.State != "live" {
				t.Errorf("generation %d, which is current, lists %s as %q", g.Number, f.Plain.Key, f.Plain.State)
			}
		}
	}
	if m.asked < 2 {
		t.Error("the state was not asked for again")
	}
}

// lost are records whose pointers name generations that are not there.
type lost struct{ site.Records }

func (l lost) Current(context.Context, publish.FeedRef) (publish.Generation, bool, error) {
	return publish.Generation{}, false, partner.Missing("generation", "77")
}

func (l lost) EachRetained(ctx context.Context, merchant partner.MerchantID, fn func(g publish.Generation, retired time.Time, current bool) error) error {
	return l.Records.EachRetained(ctx, merchant, func(g publish.Generation, retired time.Time, _ bool) error { return fn(g, retired, false) })
}

// A pointer that leads nowhere is a finding about one feed, and ends no check.
func TestPointerThatLeadsNowhere(t *testing.T) {
	t.Parallel()
	s := published(t)
	report, err := verify.Records(t.Context(), proof.Of(lost{s.Records}), s.Store, verify.Options{Now: s.Now(), Temp: s.Dir})
	if err != nil || !report.Has("VER-GENERATION-POINTER") || report.Offers != 2 {
		t.Errorf("%+v, error %v", report, err)
	}
}

// Everything that an installation keeps is proved from its records and its store.
func ExampleOf() {
	prove := func(ctx context.Context, records proof.Records, store storage.Store) (verify.Report, error) {
		return verify.Records(ctx, proof.Of(records), store, verify.Options{Now: time.Now()})
	}
	_ = prove
}
