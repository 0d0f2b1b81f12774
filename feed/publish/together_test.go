package publish_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"

	"pgregory.net/rapid"
)

// paced is a shop of nine products of which those of one kind are published an
// hour after the last.
func paced(t *testing.T, slow feed.Kind, hints bool) *shop {
	s := newShop(t.TempDir())
	s.hints = hints
	s.settings.FullShare = 10_000
	if slow == feed.KindLight {
		s.settings.LightEvery = time.Hour
	} else {
		s.settings.ChangeEvery = time.Hour
	}
	s.groups = []feed.SizeGroup{{ID: "7", Name: "EU"}}
	for _, z := range []string{"41", "42"} {
		s.groups[0].Sizes = append(s.groups[0].Sizes, feed.SizeEntry{ID: z, Names: feed.Texts{{Lang: feed.MustLanguage("pol"), Value: z}}})
	}
	for id := range feed.ProductID(9) {
		s.set(id+1, 100, 1, "x")
		s.edit(id+1, func(p *feed.Product) {
			p.SizeGroup = feed.Ref{ID: "7", Name: "EU"}
			one := p.Sizes[0]
			p.Sizes = nil
			for _, z := range []string{"41", "42"} {
				one.ID, one.Name, one.Code = z, z, fmt.Sprintf("%d-%s", id+1, z)
				p.Sizes = append(p.Sizes, one)
			}
		})
	}
	s.edit(1, func(p *feed.Product) { p.Sizes = p.Sizes[:1] })
	s.mustRun(t)
	s.now = s.now.Add(time.Minute)
	return s
}

// edit makes a product another one.
func (s *shop) edit(id feed.ProductID, do func(*feed.Product)) {
	p := s.products[id]
	p.Sizes = slices.Clone(p.Sizes)
	do(&p)
	s.put(p)
}

// pieces sets the stock of a product's first size.
func pieces(n int64) func(*feed.Product) {
	return func(p *feed.Product) {
		p.Sizes[0].Stock = []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(n)}}
	}
}

// file gives the full or the light file that is current.
func (s *shop) file(k feed.Kind) string {
	g := s.generation(k)
	return s.bytes(g.File(k))
}

// told gives what a file says of a product's sizes that partners match by.
func told(node string) (list []string) {
	vat := node[strings.Index(node, ` vat="`):]
	list = append(list, vat[:strings.IndexByte(vat[6:], '"')+7])
	for _, z := range strings.Split(node, `<size id="`)[1:] {
		code := z[strings.Index(z, ` code="`):]
		list = append(list, z[:strings.IndexByte(z, '"')]+code[:strings.IndexByte(code[7:], '"')+8])
	}
	return list
}

// Light names the sizes that full and change files name, and no others, whoever
// of them has yet to wait: a product may take on a size that sizes.xml has
// already, drop one, or give it another code.
func TestSizesOfProductsDoNotWait(t *testing.T) {
	t.Parallel()
	edits := map[string]func(*feed.Product){
		"takes on": func(p *feed.Product) {
			z := p.Sizes[0]
			z.ID, z.Name, z.Code = "42", "42", "1-42"
			p.Sizes = append(p.Sizes, z)
		},
		"is another": func(p *feed.Product) { p.Sizes[0].ID, p.Sizes[0].Name = "42", "42" },
		"code":       func(p *feed.Product) { p.Sizes[0].Code = "1-other" },
		"rate": func(p *feed.Product) {
			p.VAT, _ = feed.ParsePercent("8")
			p.Prices.List, _ = feed.PriceFromNet(p.Prices.List.Net, p.VAT)
		},
	}
	for name, edit := range edits {
		for _, slow := range []feed.Kind{feed.KindFull, feed.KindLight} {
			for _, hints := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %v waits, hints %v", name, slow, hints), func(t *testing.T) {
					t.Parallel()
					s := paced(t, slow, hints)
					full, _ := nodes(s.file(feed.KindFull))
					var changes []string
					check := func(when string, want ...feed.Kind) {
						t.Helper()
						var got []feed.Kind
						for _, f := range s.mustRun(t).Feeds {
							if f.Published {
								got = append(got, f.Feed.Kind)
							}
							if f.Published && f.Feed.Kind == feed.KindFull {
								changes = append(changes, s.bytes(f.Generation.File(feed.KindFullChange)))
							}
						}
						if !slices.Equal(got, want) {
							t.Errorf("%s: published %v, want %v", when, got, want)
						}
						has := apply(full, changes)
						light, _ := nodes(s.file(feed.KindLight))
						for id, node := range light {
							if got, want := told(node), told(has[id]); !slices.Equal(got, want) {
								t.Errorf("%s: light tells %q of product %s, full and changes tell %q", when, got, id, want)
							}
						}
						s.now = s.now.Add(time.Minute)
					}
					for _, z := range []int{2, 3} {
						s.edit(feed.ProductID(z), pieces(7))
					}
					s.edit(4, func(p *feed.Product) { p.Names = feed.Texts{{Lang: p.Names[0].Lang, Value: "y"}} })
					check("what may wait", map[feed.Kind]feed.Kind{feed.KindFull: feed.KindLight, feed.KindLight: feed.KindFull}[slow])
					s.edit(1, edit)
					check("sizes", feed.KindFull, feed.KindLight)
					s.edit(2, func(p *feed.Product) { p.Sizes = p.Sizes[:1] })
					check("a size less", feed.KindFull, feed.KindLight)
					check("nothing")
				})
			}
		}
	}
}

// A light feed that waits with a price stays as it is when another full feed
// beside it is new, or starts anew: nothing of it makes light be due.
func TestLightWaitsBesideFullThatStartsAnew(t *testing.T) {
	t.Parallel()
	edits := map[string]func(*shop){
		"a new profile": func(s *shop) {
			other := s.profiles[0]
			other.Dialect.NoBundles = true
			s.profiles = append(s.profiles, other)
		},
		"a damaged state": func(s *shop) {
			g := s.generation(feed.KindFull)
			s.blobs[g.State.Key][40] ^= 1 // in the leaf that is looked into
		},
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := paced(t, feed.KindLight, true)
			s.edit(3, pieces(5))
			edit(s)
			var fulls int
			for _, f := range s.mustRun(t).Feeds {
				if light := f.Feed.Kind == feed.KindLight; f.Published == light || f.Waiting != light {
					t.Errorf("%v: published %v, waiting %v", f.Feed.Kind, f.Published, f.Waiting)
				}
				if f.Full {
					fulls++
				}
			}
			if fulls != 1 {
				t.Errorf("%d full files are new, want 1", fulls)
			}
			s.now = s.now.Add(2 * time.Hour)
			s.mustRun(t)
			if doc := s.file(feed.KindLight); !strings.Contains(doc, `quantity="5"`) {
				t.Errorf("light is in the end\n%s", doc)
			}
		})
	}
}

// States of an older program lead to new full files, not to errors.
func TestStatesOfAnOlderProgram(t *testing.T) {
	t.Parallel()
	for _, hints := range []bool{false, true} {
		s := paced(t, feed.KindFull, hints)
		for _, kind := range []feed.Kind{feed.KindFull, feed.KindLight} {
			g := s.generation(kind)
			b := s.blobs[g.State.Key]
			old := bytes.Replace(b, []byte("feedmill state 4\n"), []byte("feedmill state 3\n"), 1)
			old = bytes.Replace(old, []byte("fms4"), []byte("fms3"), 1)
			if bytes.Equal(b, old) {
				t.Fatalf("the state starts with %q", b[:20])
			}
			s.blobs[g.State.Key] = old
		}
		before := s.generation(feed.KindFull)
		s.edit(3, pieces(5))
		for _, f := range s.mustRun(t).Feeds {
			if !f.Published || f.Generation.Epoch != before.Epoch+1 || f.Generation.File(feed.KindFullChange) != nil {
				t.Errorf("hints %v: %v is %+v", hints, f.Feed.Kind, f)
			}
		}
		full := s.generation(feed.KindFull)
		if f := full.File(feed.KindFull); f.Generation != full.Number || !strings.Contains(s.bytes(f), `quantity="5"`) {
			t.Errorf("hints %v: the full file is of generation %d, the newest is %d", hints, f.Generation, full.Number)
		}
		s.now = s.now.Add(time.Minute)
		s.edit(3, pieces(6))
		for _, f := range s.mustRun(t).Feeds {
			if f.Full || f.Generation.Epoch != before.Epoch+1 {
				t.Errorf("hints %v, afterwards: %v is %+v", hints, f.Feed.Kind, f)
			}
		}
	}
}

// A profile without a currency keeps its feeds, which its offers find by what it
// says, and starts them anew when the catalog comes to have another currency.
func TestProfileWithoutCurrency(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	s.settings.MaxPriceMove = -1
	s.profiles[0].Currency = feed.Currency{}
	for id := range feed.ProductID(9) {
		s.set(id+1, 100, 1, "x")
	}
	s.mustRun(t)
	keys := map[feed.Kind]string{feed.KindFull: s.profiles[0].FullKey(), feed.KindLight: s.profiles[0].LightKey()}
	before := map[feed.Kind]publish.Generation{}
	for kind, key := range keys {
		g := s.generation(kind)
		if g.Feed.Key != key || g.Currency != feed.MustCurrency("PLN") {
			t.Errorf("%v is feed %s in %v, want %s", kind, g.Feed.Key, g.Currency, key)
		}
		before[kind] = g
	}
	s.now = s.now.Add(time.Hour)
	s.remove(9)
	s.mustRun(t) // sold out in light
	s.currency = feed.MustCurrency("EUR")
	for id := range s.products {
		s.edit(id, func(p *feed.Product) { p.Currency = s.currency })
	}
	s.events = append(s.events, 0)
	s.now = s.now.Add(time.Hour)
	s.mustRun(t)
	for kind := range keys {
		g := s.generation(kind)
		if g.Currency != s.currency || g.Epoch != before[kind].Epoch+1 || strings.Contains(s.bytes(g.File(kind)), `<product id="9"`) {
			t.Errorf("%v in another currency: %+v", kind, g)
		}
	}
}

// Whatever comes and goes, in whatever order feeds are due and whoever is in a
// run: light names the products and sizes of full and the change files after it,
// and when nothing waits both are what a catalog without a past shows.
func TestLightGoesWithFull(t *testing.T) {
	t.Parallel()
	spool := spools(t)
	alone, waited := 0, 0
	law := func(t *rapid.T) {
		s := newShop(spool(t))
		s.hints = rapid.Bool().Draw(t, "hints")
		pace := rapid.SampledFrom([]time.Duration{0, 5 * time.Minute, time.Hour})
		s.settings = publish.Settings{MaxLoss: 100, MaxPriceMove: -1, LightEvery: pace.Draw(t, "light every"), ChangeEvery: pace.Draw(t, "change every"),
			FullShare: rapid.SampledFrom([]int{30, 10_000}).Draw(t, "full share"), CompareEvery: rapid.SampledFrom([]time.Duration{-1, 0, long}).Draw(t, "compare every"),
			GoneKeep: rapid.SampledFrom([]time.Duration{time.Hour, 0, -1}).Draw(t, "gone keep"), Gzip: rapid.Bool().Draw(t, "gzip")}
		percent, err := feed.ParsePercent("10")
		if err != nil {
			t.Fatal(err)
		}
		all := []feed.Profile{s.profiles[0], s.profiles[0], s.profiles[0]}
		all[1].Discounts.Overall = percent // shares the full feed
		all[2].Dialect.NoBundles = true    // shares the light feed
		vats := rapid.SampledFrom([]string{"23", "23", "8"})
		edit := func(id feed.ProductID) {
			s.set(id, rapid.Int64Range(1, 3).Draw(t, "price"), rapid.Int64Range(0, 2).Draw(t, "stock"), rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name"))
			s.events = s.events[:len(s.events)-1]
			s.edit(id, func(p *feed.Product) {
				if p.VAT, err = feed.ParsePercent(vats.Draw(t, "vat")); err == nil {
					p.Prices.List, err = feed.PriceFromNet(p.Prices.List.Net, p.VAT)
				}
				if err != nil {
					t.Fatal(err)
				}
				p.SizeGroup = feed.Ref{ID: "7", Name: "EU"}
				one := p.Sizes[0]
				p.Sizes = nil
				for _, z := range rapid.SampledFrom([][]string{{"41"}, {"41", "42"}, {"42"}, {"41", "42", "43"}}).Draw(t, "sizes") {
					one.ID, one.Name, one.Code = z, z, fmt.Sprint(id, "-", z, rapid.SampledFrom([]string{"", "", "x"}).Draw(t, "code"))
					p.Sizes = append(p.Sizes, one)
				}
			})
		}
		s.groups = []feed.SizeGroup{{ID: "7", Name: "EU"}}
		for _, z := range []string{"41", "42", "43"} {
			s.groups[0].Sizes = append(s.groups[0].Sizes, feed.SizeEntry{ID: z, Names: feed.Texts{{Lang: feed.MustLanguage("pol"), Value: z}}})
		}
		for id := range feed.ProductID(12) {
			edit(id + 1)
		}
		for n := range rapid.IntRange(2, 8).Draw(t, "runs") {
			s.profiles = nil
			for i := range all {
				if n == 0 || rapid.IntRange(0, 3).Draw(t, "who") > 0 {
					s.profiles = append(s.profiles, all[i])
				}
			}
			r, err := s.run()
			if err != nil {
				t.Fatal(err)
			}
			waits := map[publish.FeedRef]bool{}
			some := 0
			for _, f := range r.Feeds {
				if waits[f.Feed] = f.Waiting; f.Waiting {
					waited++
				}
				if f.Published {
					some++
				}
			}
			if some > 0 && some < len(r.Feeds) {
				alone++
			}
			for i := range s.profiles {
				s.checkTogether(t, &s.profiles[i], waits)
			}
			for range rapid.IntRange(0, 3).Draw(t, "edits") {
				if id := feed.ProductID(rapid.IntRange(1, 14).Draw(t, "id")); rapid.IntRange(0, 4).Draw(t, "remove") == 0 && len(s.products) > 1 {
					s.remove(id)
				} else {
					edit(id)
				}
			}
			if rapid.IntRange(0, 9).Draw(t, "damage") == 0 && len(s.profiles) > 0 {
				g := s.current[publish.FeedRef{Merchant: "m", Kind: feed.KindFull, Key: s.profiles[0].FullKey()}]
				s.blobs[g.State.Key] = s.blobs[g.State.Key][:20]
			}
			s.now = s.now.Add(time.Duration(rapid.SampledFrom([]int64{-90_000, -60, 1, 200, 400, 4000, 90_000}).Draw(t, "seconds")) * time.Second)
		}
	}
	// One round may miss it, most of all with -short, which tries a fifth of the cases.
	for range 20 {
		if rapid.Check(t, law); alone > 0 && waited > 0 {
			break
		}
	}
	if alone == 0 || waited == 0 {
		t.Errorf("feeds went alone %d times and waited %d times: the histories are too tame", alone, waited)
	}
}

// checkTogether holds the files of a profile against each other, and against
// those of a shop that begins now where nothing waits.
func (s *shop) checkTogether(t *rapid.T, p *feed.Profile, waits map[publish.FeedRef]bool) {
	t.Helper()
	fullRef := publish.FeedRef{Merchant: "m", Kind: feed.KindFull, Key: p.FullKey()}
	lightRef := publish.FeedRef{Merchant: "m", Kind: feed.KindLight, Key: p.LightKey()}
	g, lg := s.current[fullRef], s.current[lightRef]
	file := g.File(feed.KindFull)
	has, _ := nodes(s.bytes(file))
	for _, f := range slices.Backward(g.Files) {
		if f.Kind == feed.KindFullChange && f.Generation > file.Generation {
			has = apply(has, []string{s.bytes(&f)})
		}
	}
	light, _ := nodes(s.bytes(lg.File(feed.KindLight)))
	sellable := map[string]string{}
	for id, node := range light {
		if full, ok := has[id]; ok {
			sellable[id] = node
			if got, want := told(node), told(full); !slices.Equal(got, want) {
				t.Fatalf("light tells %q of product %s, full and changes tell %q", got, id, want)
			}
		} else if strings.Count(node, ` quantity="`) != strings.Count(node, ` quantity="0"`) {
			t.Fatalf("light sells product %s, which full and changes do not have:\n%s", id, node)
		}
	}
	if int64(len(has)) != g.Products || len(sellable) != len(has) {
		t.Fatalf("full and changes have %d products, %d of them in light; the generation has %d", len(has), len(sellable), g.Products)
	}
	if waits[fullRef] && waits[lightRef] {
		return
	}
	fresh := newShop(s.spool)
	fresh.settings, fresh.now, fresh.products, fresh.groups, fresh.profiles = s.settings, s.now, s.products, s.groups, []feed.Profile{*p}
	if _, err := fresh.run(); err != nil {
		t.Fatal(err)
	}
	if want, _ := nodes(fresh.file(feed.KindFull)); !waits[fullRef] && !maps.Equal(has, want) {
		t.Fatalf("full and changes are\n%v\na new full file is\n%v", has, want)
	}
	if want, _ := nodes(fresh.file(feed.KindLight)); !waits[lightRef] && !maps.Equal(sellable, want) {
		t.Fatalf("light is\n%v\na new one is\n%v", sellable, want)
	}
}
