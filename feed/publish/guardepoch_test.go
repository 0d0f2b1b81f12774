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
