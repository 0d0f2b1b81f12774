package publish_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
)

func (s *shop) heldBecause() map[feed.Kind]publish.HeldBecause {
	out := map[feed.Kind]publish.HeldBecause{}
	for ref, h := range s.held {
		out[ref.Kind] = h.Reason.Because
	}
	return out
}

// release publishes everything that is held.
func (s *shop) release(t *testing.T) {
	t.Helper()
	list := slices.Collect(maps.Values(s.held))
	if err := publish.ReleaseHeld(t.Context(), s, "m", "release", list); err != nil {
		t.Fatal(err)
	}
}

// People decide by what they are told.
func TestHeldTells(t *testing.T) {
	t.Parallel()
	pln, eur := feed.MustCurrency("PLN"), feed.MustCurrency("EUR")
	light := publish.FeedRef{Kind: feed.KindLight}
	const stays = ": it is held, and what was published before stays"
	for want, e := range map[string]publish.HeldError{
		"the light feed would lose 60 of its 100 products (more than 20 %)" + stays:                                           {Feed: light, Because: publish.HeldLoss, Before: 100, Now: 40, Removed: 60, AllowedPercent: 20},
		"the mean price of the light feed would move from 10.00 to 15.01 PLN (more than 30 %)" + stays:                        {Feed: light, Because: publish.HeldPrice, MeanBefore: 1000, MeanNow: 1501, AllowedPriceMove: 30, Currency: pln},
		"the prices of the light feed would be in EUR, no more in PLN (the mean was 10.00 PLN and would be 2.35 EUR)" + stays: {Feed: light, Because: publish.HeldPrice, MeanBefore: 1000, MeanNow: 235, Currency: eur, CurrencyBefore: pln},
		"the light feed would start without any product: it is held, and nothing is published":                                {Feed: light, Because: publish.HeldEmpty},
		"the full feed waits for the other feed of its profile, which is held":                                                {Feed: publish.FeedRef{Kind: feed.KindFull}, Because: publish.HeldCompanion},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// Prices that move too far are held, with the full feed of the profile; what is
// held can be released, once.
func TestPriceMoveIsHeld(t *testing.T) {
	t.Parallel()
	s := filled(t, 100)
	before := s.numbers()
	for id := range 100 {
		s.set(feed.ProductID(id+1), 1501, 1, "x")
	}
	for _, f := range s.mustRun(t).Feeds {
		if f.Held == nil || f.Published || f.Held.Error() == "" {
			t.Errorf("%v: %+v", f.Feed.Kind, f)
		}
	}
	because := s.heldBecause()
	if because[feed.KindLight] != publish.HeldPrice || because[feed.KindFull] != publish.HeldCompanion {
		t.Fatalf("held because %v", because)
	}
	// A run that finds nothing new leaves what is held, and stores nothing.
	stored := len(s.blobs)
	for _, f := range s.mustRun(t).Feeds {
		if f.Held == nil || f.Whole != "" {
			t.Errorf("again: %+v", f)
		}
	}
	if len(s.blobs) != stored || len(s.held) != 2 {
		t.Errorf("%d files are stored, before %d; %d feeds are held", len(s.blobs), stored, len(s.held))
	}
	var held []publish.Held
	for _, h := range s.held {
		held = append(held, h)
	}
	if err := publish.ReleaseHeld(t.Context(), s, "m", "release-1", held); err != nil {
		t.Fatal(err)
	}
	for ref, g := range s.current {
		if g.Number == before[ref] || g.Products != 100 {
			t.Errorf("%v is still generation %d", ref.Kind, g.Number)
		}
	}
	if err := publish.ReleaseHeld(t.Context(), s, "m", "release-2", held); feed.KindOf(err) != feed.KindConflict {
		t.Errorf("released twice: %v", err)
	}
	for _, f := range s.mustRun(t).Feeds {
		if f.Published || f.Held != nil {
			t.Errorf("after the release: %+v", f)
		}
	}
}

// A catalog that is mended is published again, and nothing stays held.
func TestMendedCatalogIsNotHeld(t *testing.T) {
	t.Parallel()
	s := filled(t, 100)
	before := s.numbers()
	gone := map[feed.ProductID]feed.Product{}
	for id := range feed.ProductID(40) {
		gone[id+1] = s.products[id+1]
		s.remove(id + 1)
	}
	s.mustRun(t)
	if because := s.heldBecause(); because[feed.KindFull] != publish.HeldLoss || because[feed.KindLight] != publish.HeldLoss {
		t.Fatalf("held because %v", because)
	}
	// Half an hour later a newer one takes its place.
	first := s.held[s.generation(feed.KindFull).Feed].Generation.Number
	s.set(50, 1001, 1, "x")
	s.mustRun(t)
	if n := s.held[s.generation(feed.KindFull).Feed].Generation.Number; n != first {
		t.Errorf("held generation %d is replaced by %d at once", first, n)
	}
	s.now = s.now.Add(31 * time.Minute)
	s.mustRun(t)
	if n := s.held[s.generation(feed.KindFull).Feed].Generation.Number; n == first {
		t.Errorf("held generation %d is not replaced after half an hour", first)
	}
	for _, p := range gone {
		s.put(p)
	}
	s.set(50, 1000, 1, "x")
	for _, f := range s.mustRun(t).Feeds {
		if f.Held != nil || f.Published {
			t.Errorf("mended: %+v", f)
		}
	}
	if now := s.numbers(); len(s.held) > 0 || now[s.generation(feed.KindFull).Feed] != before[s.generation(feed.KindFull).Feed] {
		t.Errorf("%d feeds are held; pointers %v, before %v", len(s.held), now, before)
	}
}

// A first offer without products is held, whether the catalog is empty or the
// profile shows none of it: a partner who comes from another supplier would empty
// his shop. People may release it, and what has products needs nobody.
func TestFirstOfferWithoutProductsIsHeld(t *testing.T) {
	t.Parallel()
	held := func(t *testing.T, s *shop, want bool) {
		t.Helper()
		for _, f := range s.mustRun(t).Feeds {
			if got := f.Held != nil && f.Held.Because == publish.HeldEmpty; got != want || f.Published == want {
				t.Errorf("%v: held %v, published %v, want held: %v", f.Feed.Kind, f.Held, f.Published, want)
			}
		}
		if got := len(s.held) == 2; got != want {
			t.Errorf("%d feeds are held", len(s.held))
		}
	}
	fill := map[string]func(*shop){
		"an empty catalog": func(s *shop) { s.events = append(s.events, 0) },
		"an empty profile": func(s *shop) {
			s.set(1, 100, 1, "x")
			s.profiles[0].Assortment.Include = []feed.Rule{{Field: feed.RuleCategory, Value: "nobody's"}}
		},
	}
	for name, do := range fill {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t.TempDir())
			do(s)
			held(t, s, true)
			stored := len(s.blobs)
			held(t, s, true)
			if len(s.blobs) != stored {
				t.Errorf("%d files are stored for what is held already, before %d", len(s.blobs), stored)
			}
			// What is held is made anew before it expires, so that it can be released.
			s.now = s.now.Add(4 * 24 * time.Hour)
			held(t, s, true)
			for _, h := range s.held {
				if left := h.Generation.Expires.Sub(s.now); left < 6*24*time.Hour {
					t.Errorf("the held %v is valid for %v", h.Generation.Feed.Kind, left)
				}
			}
			s.release(t)
			if g := s.generation(feed.KindLight); g.Number == 0 || g.Products != 0 {
				t.Errorf("after the release light is %+v", g)
			}
			for _, f := range s.mustRun(t).Feeds {
				if f.Held != nil || f.Published {
					t.Errorf("after the release: %+v", f)
				}
			}
		})
		t.Run(name+" that is mended", func(t *testing.T) {
			t.Parallel()
			s := newShop(t.TempDir())
			do(s)
			held(t, s, true)
			s.profiles[0].Assortment.Include = nil
			s.set(1, 100, 1, "x")
			if name == "an empty profile" {
				clear(s.held) // it was of another feed
			}
			held(t, s, false)
		})
		t.Run(name+" that is allowed", func(t *testing.T) {
			t.Parallel()
			s := newShop(t.TempDir())
			do(s)
			held(t, s, true)
			s.settings.MaxLoss = 100
			held(t, s, false)
		})
	}
}

// Prices in another currency are held however near the numbers are, and told of in
// both currencies; nothing is made anew while people think.
func TestAnotherCurrencyIsHeld(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	s.profiles[0].Currency = feed.Currency{}
	for id := range feed.ProductID(30) {
		s.set(id+1, 100, 1, "x")
	}
	s.mustRun(t)
	s.currency = feed.MustCurrency("JPY")
	for id := range s.products {
		s.edit(id, func(p *feed.Product) { p.Currency = s.currency })
	}
	s.events = append(s.events, 0)
	s.now = s.now.Add(time.Minute)
	s.mustRun(t)
	for f, h := range s.held {
		want := "the full feed waits for the other feed of its profile, which is held"
		if f.Kind == feed.KindLight {
			want = "the prices of the light feed would be in JPY, no more in PLN (the mean was 1.23 PLN and would be 123 JPY): it is held, and what was published before stays"
		}
		if got := h.Reason.Error(); got != want {
			t.Errorf("%v: got %q, want %q", f.Kind, got, want)
		}
	}
	stored := len(s.blobs)
	s.now = s.now.Add(time.Hour)
	s.mustRun(t)
	if len(s.blobs) != stored || len(s.held) != 2 {
		t.Errorf("%d files are stored, before %d; %d feeds are held", len(s.blobs), stored, len(s.held))
	}
	s.release(t)
	s.now = s.now.Add(time.Minute)
	for _, f := range s.mustRun(t).Feeds {
		if g := s.current[f.Feed]; f.Published || f.Held != nil || g.Currency != s.currency || g.Epoch != 2 {
			t.Errorf("after the release: %+v", f)
		}
	}
}

// While people decide, the good one does not expire.
func TestHeldOfferIsRenewed(t *testing.T) {
	t.Parallel()
	s := filled(t, 100)
	before := s.generation(feed.KindFull)
	for id := range 50 {
		s.remove(feed.ProductID(id + 1))
	}
	s.now = s.now.Add(80 * time.Hour)
	s.mustRun(t)
	s.now = s.now.Add(5 * time.Hour)
	s.mustRun(t)
	g := s.generation(feed.KindFull)
	if !g.Expires.After(before.Expires) || g.Products != 100 || g.File(feed.KindFull).Generation != before.Number || g.Number == before.Number {
		t.Fatalf("generation %d of %d products, full of %d, expires %v; before %v", g.Number, g.Products, g.File(feed.KindFull).Generation, g.Expires, before.Expires)
	}
	s.now = s.now.Add(time.Minute)
	s.mustRun(t)
	if h := s.held[g.Feed]; h.Generation.Base != g.Number || h.Generation.Products != 50 {
		t.Fatalf("held: %d products on %d", h.Generation.Products, h.Generation.Base)
	}
}

// What is held of one profile does not stop another.
func TestOtherProfilesArePublished(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	for id := range 100 {
		s.set(feed.ProductID(id+1), 1000, 1, "x")
		p := s.products[feed.ProductID(id+1)]
		if id < 60 {
			p.Producer = feed.Ref{ID: "1", Name: "Acme"}
		}
		s.put(p)
	}
	acme := s.profiles[0]
	acme.Assortment.Include = []feed.Rule{{Field: feed.RuleProducer, Value: "1"}}
	s.profiles = append(s.profiles, acme)
	s.mustRun(t)
	s.now = s.now.Add(time.Minute)
	for id := range 20 { // a third of Acme's, a fifth of all
		s.remove(feed.ProductID(id + 1))
	}
	for _, f := range s.mustRun(t).Feeds {
		if narrow := f.Feed.Key == acme.FullKey() || f.Feed.Key == acme.LightKey(); narrow != (f.Held != nil) || narrow == f.Published {
			t.Errorf("narrow %v: %+v", narrow, f)
		}
	}
}

// Light and change files keep their intervals, but light never names a product
// that no change file gave.
func TestRhythm(t *testing.T) {
	t.Parallel()
	s := filled(t, 30)
	s.settings.ChangeEvery, s.settings.LightEvery = 30*time.Minute, 5*time.Minute
	step := func(what string, after time.Duration, wantFull, wantLight bool) {
		t.Helper()
		s.now = s.now.Add(after)
		for _, f := range s.mustRun(t).Feeds {
			want := wantFull
			if f.Feed.Kind == feed.KindLight {
				want = wantLight
			}
			if f.Published != want || f.Published == f.Waiting && f.Changed > 0 {
				t.Errorf("%s: %v is published %v, waits %v; want it published: %v", what, f.Feed.Kind, f.Published, f.Waiting, want)
			}
		}
	}
	s.set(1, 1001, 1, "x")
	step("a price, too early", 0, false, false)
	step("after five minutes", 5*time.Minute, false, true)
	s.set(2, 1001, 1, "x")
	step("another, too early", time.Minute, false, false)
	s.set(99, 1000, 1, "x")
	step("a new product, too early", 0, false, false)
	step("when light is due", 5*time.Minute, true, true)
	g := s.generation(feed.KindFull)
	byID, _ := nodes(s.bytes(g.File(feed.KindFullChange)))
	for _, id := range []string{"1", "2", "99"} {
		if byID[id] == "" {
			t.Errorf("the change file lacks product %s", id)
		}
	}
	step("nothing", time.Hour, false, false)
	s.set(3, 1001, 1, "x")
	step("a price after an hour", 0, true, true)
	// Labels of the future do not make changes wait until it has come.
	ahead := s.generation(feed.KindLight).Time
	step("the clock is set back", -400*24*time.Hour, false, false)
	s.set(4, 1001, 1, "x")
	step("a price", 0, true, true)
	s.set(5, 1001, 1, "x")
	step("another, too early", 4*time.Minute, false, false)
	step("after five minutes", time.Minute, false, true)
	s.set(6, 1001, 1, "x")
	step("when all is due", 25*time.Minute, true, true)
	for _, k := range []feed.Kind{feed.KindFull, feed.KindLight} {
		if g := s.generation(k); !g.Time.After(ahead) || g.Time.Sub(ahead) > time.Minute {
			t.Errorf("%v is labelled %v, want soon after %v", k, g.Time, ahead)
		}
	}
}

// Full files and the list of change files go by the clock as it stands, also
// while labels are ahead of it.
func TestFullFilesAfterTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	s := filled(t, 30)
	s.settings.FullEvery, s.settings.ChainKeep = 24*time.Hour, 72*time.Hour
	s.now = s.now.Add(400 * 24 * time.Hour)
	s.set(1, 1001, 1, "x")
	s.mustRun(t)
	ahead := s.generation(feed.KindFull).Time
	s.now = s.now.Add(-400 * 24 * time.Hour)
	for i := range int64(20) {
		s.now = s.now.Add(12 * time.Hour)
		s.set(1, 2000+i, 1, "x")
		s.mustRun(t)
		g := s.generation(feed.KindFull)
		if made, want := g.File(feed.KindFull).Generation == g.Number, i%2 == 0; made != want {
			t.Errorf("after %d half days a full file is made: %v, want %v", i, made, want)
		}
		changes := 0
		for _, f := range g.Files {
			if f.Kind == feed.KindFullChange {
				changes++
			}
		}
		// One for each half day of three days; that of before goes with the first.
		want := int(i + 2)
		if i >= 6 {
			want = 6
		}
		if changes != want {
			t.Errorf("after %d half days there are %d change files, want %d", i, changes, want)
		}
		if !g.Time.After(ahead) || g.Time.Sub(ahead) > time.Minute {
			t.Errorf("the label is %v, want soon after %v", g.Time, ahead)
		}
	}
}
