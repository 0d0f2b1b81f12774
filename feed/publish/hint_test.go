package publish_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"

	"pgregory.net/rapid"
)

const long = 1000 * 24 * time.Hour

// spools gives folders for the runs of a property's histories.
func spools(t *testing.T) func(t *rapid.T) string {
	dir := t.TempDir()
	n := 0
	return func(t *rapid.T) string {
		n++
		spool := filepath.Join(dir, fmt.Sprint(n))
		if err := os.Mkdir(spool, 0o755); err != nil {
			t.Fatal(err)
		}
		return spool
	}
}

// drawProduct draws one of few products, so that edits undo each other, with
// groups and sets among them.
func drawProduct(t *rapid.T, s *shop, id feed.ProductID) feed.Product {
	s.set(id, rapid.Int64Range(1, 3).Draw(t, "price"), rapid.Int64Range(0, 2).Draw(t, "stock"), rapid.SampledFrom([]string{"a", "b & <c>"}).Draw(t, "name"))
	s.events = s.events[:len(s.events)-1]
	p := s.products[id]
	p.Category.ID = rapid.SampledFrom([]string{"1", "1", "2"}).Draw(t, "category")
	pol := feed.MustLanguage("pol")
	other := func(label string) string { return fmt.Sprint(rapid.IntRange(1, 24).Draw(t, label)) }
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		p.Group = &feed.Group{ID: other("group")}
		if rapid.Bool().Draw(t, "first?") {
			p.Group.First = other("first")
		}
		p.Group.Parameter.Names = feed.Texts{{Lang: pol, Value: "Kolor"}}
		p.Group.Value.Names = feed.Texts{{Lang: pol, Value: "a"}}
	case 1:
		p.Type, p.Bundled = feed.TypeBundle, &feed.Bundled{}
		for range rapid.IntRange(1, 2).Draw(t, "components") {
			p.Bundled.Components = append(p.Bundled.Components, feed.Component{ID: other("component"), Quantity: feed.Pieces(1)})
		}
	}
	return p
}

// What is published does not depend on how it was found: with hints, runs
// publish the bytes that runs without them do.
func TestHintsPublishTheSameBytes(t *testing.T) {
	t.Parallel()
	spool := spools(t)
	looked, carried, wholes := 0, 0, map[string]int{}
	law := func(t *rapid.T) {
		with, without := newShop(spool(t)), newShop(spool(t))
		without.hints = false
		both := []*shop{with, without}
		narrow := with.profiles[0]
		narrow.Assortment.InStockOnly = rapid.Bool().Draw(t, "in stock only")
		narrow.Assortment.Exclude = []feed.Rule{{Field: feed.RuleCategory, Value: "2"}}
		// Mostly what lets full files be made of those before, which few draws must meet too.
		mostly, seldom := rapid.SampledFrom([]bool{true, true, true, false}), rapid.SampledFrom([]bool{false, false, false, true})
		settings := publish.Settings{MaxLoss: 100, MaxPriceMove: -1, Validity: long, CompareEvery: long, FullEvery: long, Gzip: mostly.Draw(t, "gzip"),
			FullShare: rapid.SampledFrom([]int{60, 10_000}).Draw(t, "full share"), GoneKeep: rapid.SampledFrom([]time.Duration{time.Hour, 0, -1}).Draw(t, "gone keep")}
		csv := seldom.Draw(t, "csv")
		for _, s := range both {
			s.settings = settings
			s.profiles = append(s.profiles[:1:1], narrow)
			for i := range s.profiles {
				s.profiles[i].CSV = csv
			}
		}
		edit := func(id feed.ProductID, p *feed.Product) {
			for _, s := range both {
				if p == nil {
					s.remove(id)
				} else {
					s.put(*p)
				}
			}
		}
		for id := range rapid.IntRange(1, 24).Draw(t, "products") {
			p := drawProduct(t, with, feed.ProductID(id+1))
			edit(p.ID, &p)
		}
		edit(99, ptr(drawProduct(t, with, 99)))
		for n := range rapid.IntRange(2, 6).Draw(t, "runs") {
			var reports []publish.Report
			fullEvery := rapid.SampledFrom([]time.Duration{-1, long, -1}).Draw(t, "full every")
			for _, s := range both {
				s.settings.FullEvery = fullEvery
				r, err := s.run() // other tests hold the files against the schema
				if err != nil {
					t.Fatal(err)
				}
				reports = append(reports, r)
			}
			for i, f := range reports[0].Feeds {
				g := reports[1].Feeds[i]
				// A comparison alone finds that the dictionaries of a narrow profile have
				// names that nothing refers to any more, and publishes that: from then on
				// the two histories have other times.
				if with.profiles[1].FullKey() == f.Feed.Key && g.Published && !f.Published && f.Added+f.Changed+f.Removed+g.Added+g.Changed+g.Removed == 0 {
					if a, b := f.Generation.File(feed.KindFull), g.Generation.File(feed.KindFull); a.Products != b.Products {
						t.Fatalf("run %d: nothing differs, but the full file has %d products with hints, %d without", n, a.Products, b.Products)
					}
					return
				}
				if f.Feed != g.Feed || f.Published != g.Published || f.Products != g.Products || f.Added != g.Added || f.Changed != g.Changed || f.Removed != g.Removed {
					t.Fatalf("run %d: with hints %+v\nwithout %+v", n, f, g)
				}
				if f.Generation.PriceSum != g.Generation.PriceSum || f.Generation.PriceCount != g.Generation.PriceCount {
					t.Fatalf("run %d, %v: prices %d of %d with hints, %d of %d without", n, f.Feed.Kind, f.Generation.PriceSum, f.Generation.PriceCount, g.Generation.PriceSum, g.Generation.PriceCount)
				}
				sameFiles(t, with, without, &f.Generation, &g.Generation)
				if n > 0 && f.Whole == "" && f.Published {
					looked++
					if f.Full {
						carried++
					}
				}
				wholes[f.Whole]++
			}
			for range rapid.IntRange(0, 4).Draw(t, "edits") {
				id := feed.ProductID(rapid.IntRange(1, 24).Draw(t, "id"))
				if rapid.IntRange(0, 3).Draw(t, "remove") == 0 {
					edit(id, nil)
					continue
				}
				p := drawProduct(t, with, id)
				edit(id, &p)
			}
			for _, s := range both {
				s.now = with.now
			}
			step := time.Duration(rapid.SampledFrom([]int64{-3600, 0, 60, 1800, 4000}).Draw(t, "seconds")) * time.Second
			with.now, without.now = with.now.Add(step), without.now.Add(step)
		}
		with.settings.CompareEvery = -1
		for _, f := range with.mustRun(t).Feeds {
			if f.Missed > 0 {
				t.Fatalf("%v: hints have missed %d differences", f.Feed.Kind, f.Missed)
			}
		}
	}
	// One round may miss it, most of all with -short, which tries a fifth of the cases.
	for range 20 {
		if rapid.Check(t, law); looked > 0 && carried > 0 {
			break
		}
	}
	if looked == 0 {
		t.Error("no run has published what hints named")
	}
	if carried == 0 {
		t.Error("no full file was made from the one before")
	}
	t.Logf("%d feeds were published from hints; compared as wholes: %v", looked, wholes)
}

func ptr[T any](v T) *T { return &v }

// sameFiles compares what two generations list, but for what they call it. A
// narrow profile's dictionaries may keep names until the next whole comparison.
func sameFiles(t *rapid.T, a, b *shop, g, h *publish.Generation) {
	list := func(s *shop, g *publish.Generation) (names, contents []string) {
		for i := range g.Files {
			f := &g.Files[i]
			names = append(names, fmt.Sprint(f.Kind, f.Label, f.Products, f.Base, f.Target, f.Generation, f.Changed))
			contents = append(contents, s.bytes(f))
			contents = append(contents, string(s.blobs[f.Gzip.Key]))
			if !f.Gzip.IsZero() && len(s.blobs[f.Gzip.Key]) == 0 {
				t.Fatalf("%v has no compressed twin", f.Kind)
			}
		}
		return names, contents
	}
	an, ac := list(a, g)
	bn, bc := list(b, h)
	if len(an) != len(bn) {
		t.Fatalf("%v lists %q with hints, %q without", g.Feed.Kind, an, bn)
	}
	narrow := a.profiles[1].FullKey() == g.Feed.Key
	for i := range an {
		if narrow && g.Files[i].Kind >= feed.KindCategories && g.Files[i].Kind <= feed.KindPreset {
			continue
		}
		if an[i] != bn[i] || ac[2*i] != bc[2*i] {
			t.Fatalf("%s with hints:\n%s\n%s without:\n%s", an[i], ac[2*i], bn[i], bc[2*i])
		}
		if ac[2*i+1] != bc[2*i+1] {
			t.Fatalf("%s: its compressed twin has other bytes with hints than without", an[i])
		}
	}
}

// Layers grow, are merged, and become a base, and what they say stays right.
func TestLayersMerge(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	s.settings = publish.Settings{MaxPriceMove: -1, Validity: long, CompareEvery: long, FullEvery: long, FullShare: 1_000_000}
	for id := range 3000 {
		s.set(feed.ProductID(id+1), 100, 1, "x")
	}
	s.mustRun(t)
	first := s.generation(feed.KindFull)
	bases, most := 0, 0
	for n := range 24 {
		for i := range 20 + 40*(n%3) {
			id := feed.ProductID((n*977+i*31)%3000 + 1)
			if i%9 == 8 {
				s.remove(id)
				continue
			}
			s.set(id, int64(100+n), 1, "x")
		}
		s.now = s.now.Add(time.Minute)
		before := s.generation(feed.KindFull)
		for _, f := range s.mustRun(t).Feeds {
			if f.Whole != "" || !f.Published {
				t.Fatalf("run %d, %v: published %v, whole %q", n, f.Feed.Kind, f.Published, f.Whole)
			}
		}
		g := s.generation(feed.KindFull)
		most = max(most, len(g.Layers))
		if g.State.Key != before.State.Key {
			bases++
		}
	}
	if bases == 0 || most < 2 {
		t.Errorf("%d new bases, at most %d layers: nothing was merged", bases, most)
	}
	// A whole comparison finds the state right.
	s.settings.CompareEvery = -1
	for _, f := range s.mustRun(t).Feeds {
		if f.Published || f.Missed > 0 || f.Whole == "" {
			t.Errorf("%v after that: %+v", f.Feed.Kind, f)
		}
	}
	g := s.generation(feed.KindFull)
	full, _ := nodes(s.bytes(first.File(feed.KindFull)))
	var changes []string
	for _, f := range slices.Backward(g.Files) {
		if f.Kind == feed.KindFullChange {
			changes = append(changes, s.bytes(&f))
		}
	}
	if got := apply(full, changes); len(got) != len(s.products) {
		t.Errorf("full and changes give %d products, want %d", len(got), len(s.products))
	}
}

// A hint that forgets a product is found out by the daily comparison.
func TestMissedDifferencesAreCounted(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	for id := range 30 {
		s.set(feed.ProductID(id+1), 100, 1, "x")
	}
	s.mustRun(t)
	s.set(3, 200, 1, "y")
	s.events = s.events[:len(s.events)-1] // nobody tells of it
	s.remove(4)
	s.now = s.now.Add(time.Hour)
	for _, f := range s.mustRun(t).Feeds {
		if f.Removed != 1 || f.Changed != 0 || f.Whole != "" {
			t.Fatalf("from hints: %+v", f)
		}
	}
	s.now = s.now.Add(24 * time.Hour)
	for _, f := range s.mustRun(t).Feeds {
		if f.Missed != 1 || f.Changed != 1 || !f.Published || f.Whole == "" {
			t.Fatalf("after a day: %+v", f)
		}
	}
	for _, f := range s.mustRun(t).Feeds {
		if f.Whole != "" {
			t.Fatalf("compared as a whole again: %+v", f)
		}
	}
}

// A day without any change costs one comparison, not one in each run.
func TestQuietDaysAreRemembered(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	s.set(1, 100, 1, "x")
	s.mustRun(t)
	for range 2 {
		s.now = s.now.Add(25 * time.Hour)
		for i := range 3 {
			for _, f := range s.mustRun(t).Feeds {
				if f.Published || (f.Whole != "") != (i == 0) {
					t.Fatalf("run %d: %+v", i, f)
				}
			}
		}
	}
}

// Where hints are of no use everything is compared, and the reason is told.
func TestFallBacks(t *testing.T) {
	t.Parallel()
	group := func(s *shop, id feed.ProductID, first string) {
		p := s.products[id]
		p.Group = &feed.Group{ID: "g", First: first}
		p.Group.Parameter.Names = feed.Texts{{Lang: feed.MustLanguage("pol"), Value: "Kolor"}}
		p.Group.Value.Names = p.Group.Parameter.Names
		s.put(p)
	}
	for name, c := range map[string]struct {
		do   func(*shop)
		full string // part of the reason for full; "" when hints are enough
	}{
		"nothing":                    {func(*shop) {}, ""},
		"a price":                    {func(s *shop) { s.set(1, 5, 5, "x") }, ""},
		"a new product":              {func(s *shop) { s.set(900, 5, 5, "x") }, ""},
		"a product that goes":        {func(s *shop) { s.remove(9) }, ""},
		"everything":                 {func(s *shop) { s.events = append(s.events, 0) }, "everything"},
		"a fifth of the products":    {func(s *shop) { touch(s, 180) }, "much"},
		"a leader that goes":         {func(s *shop) { s.remove(20) }, "name has left"},
		"a leader that changes":      {func(s *shop) { s.set(20, 7, 7, "x") }, ""},
		"a member that changes":      {func(s *shop) { s.set(21, 7, 7, "x"); group(s, 21, "20") }, ""},
		"a member that goes":         {func(s *shop) { s.remove(22) }, ""},
		"a member that comes":        {func(s *shop) { s.set(950, 7, 7, "x"); group(s, 950, "20") }, ""},
		"a missing leader that came": {func(s *shop) { s.set(999, 7, 7, "x") }, "name has come"},
		"a substitute that changes":  {func(s *shop) { s.set(30, 7, 7, "x"); group(s, 30, "999") }, ""},
		"a substitute that goes":     {func(s *shop) { s.remove(30) }, "name has left"},
		"one led by a substitute":    {func(s *shop) { s.set(31, 7, 7, "x"); group(s, 31, "999") }, ""},
		"a new one led by nobody":    {func(s *shop) { s.set(960, 7, 7, "x"); group(s, 960, "998") }, "who leads"},
		"a substitute that moves":    {func(s *shop) { group(s, 30, "20") }, "leads others has changed"},
		"a forced run":               {func(s *shop) { s.settings.Force = true }, "asked for"},
		"a day":                      {func(s *shop) { s.now = s.now.Add(24 * time.Hour) }, "time to"},
		"half of the validity":       {func(s *shop) { s.now = s.now.Add(84 * time.Hour) }, "renewed"},
		"a damaged state":            {func(s *shop) { s.set(1, 5, 5, "x"); g := s.of(feed.KindFull); s.blobs[g.State.Key][30] ^= 1 }, "damaged"},
		"a lost state": {func(s *shop) {
			s.set(1, 5, 5, "x")
			g := s.of(feed.KindFull)
			delete(s.blobs, g.State.Key)
			s.stored = nil
		}, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t.TempDir())
			for id := range 400 {
				s.set(feed.ProductID(id+1), 100, 1, "x")
			}
			for _, id := range []feed.ProductID{20, 21, 22} {
				group(s, id, "20")
			}
			for _, id := range []feed.ProductID{30, 31, 32} {
				group(s, id, "999")
			}
			s.mustRun(t)
			s.now = s.now.Add(time.Minute)
			c.do(s)
			for _, f := range s.mustRun(t).Feeds {
				if f.Feed.Kind == feed.KindFull && ((f.Whole == "") != (c.full == "") || !strings.Contains(f.Whole, c.full)) {
					t.Errorf("full is compared as a whole because %q, want %q", f.Whole, c.full)
				}
			}
			// Whatever the way was, the result is that of a comparison.
			s.settings.CompareEvery = -1
			s.settings.Force = false
			for _, f := range s.mustRun(t).Feeds {
				if f.Published {
					t.Errorf("a comparison finds more: %+v", f)
				}
			}
		})
	}
}

func touch(s *shop, n int) {
	for id := range n {
		s.set(feed.ProductID(id+100), 300, 1, "x")
	}
}
