package publish_test

import (
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
)

// What is held for the sake of another feed is held no longer than that one, though
// nothing in the catalog changes after people have decided: a partner whose offer
// shares the light feed of one that is held would wait for days.
func TestCompanionIsHeldNoLongerThanTheOther(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"a first offer": false, "an offer that was blocked": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t.TempDir())
			for id := range feed.ProductID(100) {
				s.set(id+1, 100, 1, "x")
			}
			one := s.profiles[0]
			other := one
			other.Dialect.NoBundles = true // shares the light feed
			both := []feed.Profile{one, other}
			if known {
				s.profiles = both
			}
			s.mustRun(t)
			// The mean price moves, which only light tells.
			for id := range feed.ProductID(100) {
				s.set(id+1, 1000, 1, "x")
			}
			s.profiles = both[:1]
			s.now = s.now.Add(time.Minute)
			s.mustRun(t)
			var held []publish.Held
			for _, h := range s.held {
				held = append(held, h)
			}
			if len(held) != 2 {
				t.Fatalf("held: %v", s.heldBecause())
			}
			s.profiles = both
			feed2 := publish.FeedRef{Merchant: "m", Kind: feed.KindFull, Key: other.FullKey()}
			for try := range 2 { // and it stays while people think
				s.now = s.now.Add(time.Minute)
				stored := len(s.blobs)
				s.mustRun(t)
				if h, ok := s.held[feed2]; !ok || h.Reason.Because != publish.HeldCompanion || len(s.held) != 3 {
					t.Fatalf("%d feeds are held, the second full one as %+v", len(s.held), h.Reason)
				}
				if try > 0 && len(s.blobs) != stored {
					t.Errorf("%d files are stored for what is held already, before %d", len(s.blobs), stored)
				}
			}
			if err := publish.ReleaseHeld(t.Context(), s, "m", "release", held); err != nil {
				t.Fatal(err)
			}
			s.now = s.now.Add(time.Minute)
			s.mustRun(t)
			if g := s.current[feed2]; !g.Time.Equal(s.now) || g.Products != 100 || len(s.held) != 0 {
				t.Errorf("the second full feed is of %v with %d products, and %d feeds are held", g.Time, g.Products, len(s.held))
			}
			for _, f := range s.mustRun(t).Feeds {
				if f.Published || f.Held != nil {
					t.Errorf("afterwards: %+v", f)
				}
			}
		})
	}
}
