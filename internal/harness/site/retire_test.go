package site_test

import (
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/harness/site"
	"feedmill/internal/partner"
	"feedmill/internal/testclock"
)

// A feed that its last offer leaves goes from the store in the ordinary way, the
// installation is proved whole at each step, and an offer that comes back starts a
// new chain whose labels go on.
func TestFeedThatNobodyUses(t *testing.T) {
	t.Parallel()
	places := map[string]func(t *testing.T) site.Place{
		"sqlite":   func(t *testing.T) site.Place { return site.Place{Data: t.TempDir()} },
		"postgres": func(t *testing.T) site.Place { return site.Place{Data: t.TempDir(), Postgres: database.Database(t)} },
	}
	if testing.Short() {
		delete(places, "postgres") // servers are not started with -short
	}
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			retireAndReturn(t, place(t))
		})
	}
}

func retireAndReturn(t *testing.T, place site.Place) {
	ctx, clock := t.Context(), testclock.New(testclock.Noon(), time.Millisecond)
	s, closeAll, err := place.Open(ctx, clock.Now)
	do := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	do("open", err)
	t.Cleanup(func() { do("close", closeAll()) })
	s.Elapsed = clock.Elapsed
	shop, err := s.NewMerchant(ctx)
	do("merchant", err)
	pol := feed.Profile{Languages: []feed.Language{feed.MustLanguage("pol")}, Currency: feed.MustCurrency("PLN")}
	eng := pol
	eng.Languages = []feed.Language{feed.MustLanguage("eng")}
	o, err := s.NewOffer(ctx, shop, "Partner", pol)
	do("offer", err)
	prove := func(when string) {
		t.Helper()
		report, err := s.Prove(ctx)
		do(when, err)
		if !report.Clean() || len(report.Findings) > 0 {
			t.Errorf("%s: %+v", when, report.Findings)
		}
	}
	stock := 0
	run := func(when string) {
		t.Helper()
		stock++
		var list []site.Product
		for id := 1; id <= 20; id++ {
			list = append(list, site.Product{ID: site.ID(id), Price: 10 + id, Stock: stock, Category: 1})
		}
		_, err := s.Load(ctx, site.Text(list), true)
		do(when, err)
		_, err = s.Publish(ctx, site.Run{})
		do(when, err)
	}
	move := func(to feed.Profile) {
		t.Helper()
		o.Offer.Profile = to
		o.Offer, err = s.Records.UpdateOffer(ctx, site.Actor, o.Offer)
		do("move", err)
	}
	current := func(p *feed.Profile) (full, light publish.Generation, both bool) {
		t.Helper()
		full, ok, err := s.Records.Current(ctx, publish.FeedRef{Merchant: string(s.Merchant.ID), Kind: feed.KindFull, Key: p.FullKey()})
		do("current", err)
		light, alike, err := s.Records.Current(ctx, publish.FeedRef{Merchant: string(s.Merchant.ID), Kind: feed.KindLight, Key: p.LightKey()})
		do("current", err)
		return full, light, ok && alike
	}
	stored := func() (n int) {
		t.Helper()
		do("blobs", s.Records.EachBlob(ctx, s.Merchant.ID, func(publish.Blob, string) error { n++; return nil }))
		return n
	}
	// gone lets the feeds of a profile be swept, proving the site at each step.
	gone := func(p *feed.Profile) {
		t.Helper()
		for i, step := range []time.Duration{time.Minute, publish.LightRetention, time.Hour, 68 * time.Hour, 2 * time.Hour, 25 * time.Hour, time.Hour, time.Hour} {
			clock.Pass(step)
			prove("before a sweep")
			do("sweep", s.Sweep(ctx))
			prove("after a sweep")
			if _, _, both := current(p); both != (i < 2) {
				t.Errorf("after %d sweeps both feeds are current: %v", i+1, both)
			}
		}
		do("kept", s.Records.EachRetained(ctx, s.Merchant.ID, func(g publish.Generation, _ time.Time, _ bool) error {
			if g.Feed.Key == p.FullKey() || g.Feed.Key == p.LightKey() {
				t.Errorf("generation %d of the %s feed that nobody uses is kept", g.Number, g.Feed.Kind)
			}
			return nil
		}))
	}

	run("first")
	alone := stored()
	clock.Pass(time.Hour)
	run("change")
	last, lastLight, both := current(&pol)
	if !both {
		t.Fatal("nothing is published")
	}
	move(eng)
	clock.Pass(time.Minute)
	run("moved")
	prove("moved")
	before := stored()
	gone(&pol)
	if n := stored(); n >= before || n > alone+1 {
		t.Errorf("%d blobs are stored in the end, of %d; one profile alone had %d", n, before, alone)
	}

	// Back: what was shown goes on until the run, which starts anew.
	move(pol)
	prove("on the way back")
	run("back")
	prove("back")
	full, light, both := current(&pol)
	if !both || full.Base != 0 || full.Epoch <= last.Epoch || light.Epoch <= lastLight.Epoch || full.File(feed.KindFullChange) != nil {
		t.Errorf("the feed goes on with %+v after %+v, want a new chain", full, last)
	}
	if !full.Time.After(last.Time) || !light.Time.After(lastLight.Time) {
		t.Errorf("labels %s and %s are not after %s and %s", full.Time, light.Time, last.Time, lastLight.Time)
	}
	clock.Pass(time.Hour)
	run("goes on")
	prove("goes on")
	if next, _, _ := current(&pol); next.Base != full.Number || next.File(feed.KindFullChange) == nil {
		t.Errorf("generation %d goes on from %d, want change files from %d", next.Number, next.Base, full.Number)
	}

	// Once more, with a clock that was set back by then.
	last, lastLight, _ = current(&pol)
	move(eng)
	run("moved again")
	gone(&pol)
	clock.Set(-10 * 24 * time.Hour)
	clock.Pass(partner.EdgeBehind)
	move(pol)
	run("back on a bad clock")
	full, light, both = current(&pol)
	if !both || !full.Time.After(last.Time) || !light.Time.After(lastLight.Time) || full.Epoch <= last.Epoch {
		t.Errorf("labels %s and %s of epoch %d are not after %s and %s of epoch %d", full.Time, light.Time, full.Epoch, last.Time, lastLight.Time, last.Epoch)
	}
}
