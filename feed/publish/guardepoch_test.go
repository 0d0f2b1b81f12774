package publish_test

import (
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
)

// A new epoch has no state that tells which products have gone; that so many
// fewer are there holds it all the same, and people may release it.
func TestLossInNewEpochIsHeld(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gone int
		held bool
	}{"half": {50, true}, "a fifth": {20, false}, "all": {100, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := filled(t, 100)
			before := s.numbers()
			for _, k := range []feed.Kind{feed.KindFull, feed.KindLight} {
				state := s.blobs[s.generation(k).State.Key]
				state[len(state)/2] ^= 0xff
			}
			for id := range feed.ProductID(c.gone) {
				s.remove(id + 1)
			}
			s.now = s.now.Add(time.Minute)
			s.mustRun(t)
			because := s.heldBecause()
			for _, k := range []feed.Kind{feed.KindFull, feed.KindLight} {
				f := s.generation(k).Feed
				if held := because[k] == publish.HeldLoss; held != c.held {
					t.Errorf("%v: held because %q, want held: %v", k, because[k], c.held)
				}
				if !c.held {
					continue
				}
				if now := s.numbers(); now[f] != before[f] {
					t.Errorf("%v: generation %d took the place of %d", k, now[f], before[f])
				}
				if h := s.held[f]; h.Reason.Before != 100 || h.Reason.Removed != int64(c.gone) || h.Generation.Epoch <= s.generation(k).Epoch {
					t.Errorf("%v: held as %+v of epoch %d", k, h.Reason, h.Generation.Epoch)
				}
			}
		})
	}
}

// While people decide about a new epoch, the good one before does not expire,
// though its state is damaged.
func TestHeldNewEpochIsRenewed(t *testing.T) {
	t.Parallel()
	s := filled(t, 100)
	before := s.generation(feed.KindFull)
	for _, k := range []feed.Kind{feed.KindFull, feed.KindLight} {
		state := s.blobs[s.generation(k).State.Key]
		state[len(state)/2] ^= 0xff
	}
	for id := range feed.ProductID(50) {
		s.remove(id + 1)
	}
	for range 12 { // days, of which a generation is valid for seven
		s.now = s.now.Add(24 * time.Hour)
		s.mustRun(t)
	}
	s.now = s.now.Add(time.Minute)
	s.mustRun(t)
	for _, k := range []feed.Kind{feed.KindFull, feed.KindLight} {
		g := s.generation(k)
		if !g.Expires.After(s.now) || g.Products != 100 || g.Epoch != before.Epoch || s.held[g.Feed].Reason.Because != publish.HeldLoss {
			t.Errorf("%v of %d products, epoch %d, expires %v; it is %v, held is %+v", k, g.Products, g.Epoch, g.Expires, s.now, s.held[g.Feed].Reason)
		}
	}
	// And what is held can be released.
	s.release(t)
	s.now = s.now.Add(time.Minute)
	for _, f := range s.mustRun(t).Feeds {
		if g := s.current[f.Feed]; g.Products != 50 || g.Epoch != before.Epoch+1 || f.Held != nil {
			t.Errorf("after the release %v has %d products in epoch %d, held: %v", f.Feed.Kind, g.Products, g.Epoch, f.Held)
		}
	}
}
