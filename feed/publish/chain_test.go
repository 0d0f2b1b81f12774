package publish_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"

	"pgregory.net/rapid"
)

// For every pair of generations, the older one's products and the change files
// since give the newer one's products, byte for byte, over edits that are
// undone, jumps of the clock, renewals, held generations and new full files;
// applying a change twice changes nothing, and labels ascend as text.
func TestChainAlgebra(t *testing.T) {
	t.Parallel()
	spool := spools(t)
	rapid.Check(t, func(t *rapid.T) {
		s := newShop(spool(t))
		s.settings = publish.Settings{ChainKeep: long, MaxPriceMove: -1, FullEvery: time.Duration(rapid.SampledFrom([]int64{1, 1000}).Draw(t, "full every hours")) * time.Hour,
			ChangeEvery: time.Duration(rapid.SampledFrom([]int64{0, 600}).Draw(t, "change every seconds")) * time.Second,
			FullShare:   rapid.SampledFrom([]int{30, 10_000}).Draw(t, "full share")}
		s.hints = rapid.Bool().Draw(t, "hints")
		for id := range rapid.IntRange(1, 30).Draw(t, "products") {
			s.set(feed.ProductID(id+1), 100, 1, "a")
		}
		// shown is what each generation shows, as a reader who was there has it.
		shown := map[int64]map[string]string{}
		var last publish.Generation
		for n := range rapid.IntRange(1, 10).Draw(t, "runs") {
			if _, err := s.run(); err != nil {
				t.Fatal(err)
			}
			g := s.generation(feed.KindFull)
			if g.Number != last.Number {
				s.checkChain(t, &g, &last, shown)
			}
			last = g
			edits := rapid.IntRange(0, 3).Draw(t, "edits")
			if n%4 == 3 {
				edits = 40 // perhaps enough for the guard
			}
			for range edits {
				id := feed.ProductID(rapid.IntRange(1, 32).Draw(t, "id"))
				if rapid.IntRange(0, 2).Draw(t, "remove") == 0 {
					s.remove(id)
				} else {
					s.set(id, rapid.Int64Range(100, 102).Draw(t, "price"), 1, "a")
				}
			}
			s.now = s.now.Add(time.Duration(rapid.SampledFrom([]int64{-90_000, -60, 0, 1, 900, 7000, 90_000, 310_000}).Draw(t, "seconds")) * time.Second)
		}
	})
}

// checkChain brings a reader of each earlier generation to a new one.
func (s *shop) checkChain(t *rapid.T, g, last *publish.Generation, shown map[int64]map[string]string) {
	var chain []publish.File
	label := ""
	for _, f := range slices.Backward(g.Files) {
		if f.Kind != feed.KindFullChange {
			continue
		}
		if f.Label <= label {
			t.Fatalf("label %s after %s", f.Label, label)
		}
		label = f.Label
		if n := len(chain); n > 0 && f.Base != chain[n-1].Target {
			t.Fatalf("change %d-%d follows one that leads to %d", f.Base, f.Target, chain[n-1].Target)
		}
		if byID, _ := nodes(s.bytes(&f)); len(byID) == 0 || int64(len(byID)) != f.Products {
			t.Fatalf("change %d-%d has %d products, its record says %d", f.Base, f.Target, len(byID), f.Products)
		}
		chain = append(chain, f)
	}
	full := g.File(feed.KindFull)
	at, _ := nodes(s.bytes(full))
	if full.Generation == g.Number {
		shown[g.Number] = at
	}
	if _, ok := shown[full.Generation]; !ok {
		t.Fatalf("full of generation %d was never seen", full.Generation)
	}
	follow := func(from int64) map[string]string {
		products := shown[from]
		position := from
		for i := range chain {
			f := &chain[i]
			if f.Target <= position {
				continue
			}
			if f.Base > position {
				return nil // this reader is told to take the full file
			}
			position = f.Target
			data := s.bytes(f)
			products = apply(products, []string{data})
			if twice := apply(products, []string{data}); !maps.Equal(twice, products) {
				t.Fatalf("change %d-%d applied twice differs", f.Base, f.Target)
			}
		}
		return products
	}
	now := follow(full.Generation)
	if now == nil {
		t.Fatalf("the change files do not lead on from full %d", full.Generation)
	}
	if int64(len(now)) != g.Products {
		t.Fatalf("generation %d: full and changes give %d products, its record says %d", g.Number, len(now), g.Products)
	}
	for from := range shown {
		// Who stands before the first change file takes the full file.
		if from == full.Generation || last.Epoch != g.Epoch || len(chain) > 0 && from < chain[0].Base {
			continue
		}
		if got := follow(from); got == nil || !maps.Equal(got, now) {
			t.Fatalf("from generation %d to %d: %d products, want %d, or other bytes", from, g.Number, len(got), len(now))
		}
	}
	shown[g.Number] = now
}
