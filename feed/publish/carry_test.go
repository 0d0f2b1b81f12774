package publish_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
)

// localBin is the bin of a shop whose store keeps files at hand.
type localBin struct {
	*shop
	dir string
}

type localReader struct {
	io.Reader
	io.Closer
	file *os.File
}

// File implements storage.FileReader.
func (r localReader) File() *os.File { return r.file }

func (b localBin) Open(ctx context.Context, blob publish.Blob, off, n int64) (io.ReadCloser, error) {
	r, err := b.shop.Open(ctx, blob, off, n)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(b.dir, "stored-*")
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(b.blobs[blob.Key]); err != nil {
		return nil, err
	}
	if _, err := f.Seek(off, io.SeekStart); err != nil {
		return nil, err
	}
	return localReader{r, f, f}, nil
}

// carryShop is a stockroom whose files lie in memory or at hand.
func carryShop(t *testing.T, products int, atHand bool) (*shop, func(t *testing.T) publish.Report) {
	s := stockroom(t, products)
	dir := t.TempDir()
	run := func(t *testing.T) publish.Report {
		t.Helper()
		s.runsMade++
		s.now = s.now.Add(time.Minute)
		var bin publish.Bin = s
		if atHand {
			bin = localBin{s, dir}
		}
		r, err := publish.Do(t.Context(), s, bin, publish.Request{Merchant: "m", Profiles: s.profiles, Settings: s.settings, Now: s.now, Spool: s.spool, Catalog: s.catalog()})
		if err != nil {
			t.Fatal(err)
		}
		if left, err := filepath.Glob(filepath.Join(s.spool, "*")); err != nil || len(left) > 0 {
			t.Fatalf("the spool folder holds %v, %v after a run", left, err)
		}
		return r
	}
	run(t)
	return s, run
}

// hostile is a text that looks like the end of a node and the start of another.
const hostile = "a</product>\n<product id=\"7\" removed=\"yes\"/>\n<![CDATA[b]]></product>\n"

// disturb changes, adds and removes a few products.
func disturb(s *shop, round int) {
	for i := range 6 {
		id := feed.ProductID((round*977+i*311)%1600 + 1)
		switch i {
		case 0:
			s.remove(id)
		case 1:
			s.set(id+2000, 300, 2, "new")
		default:
			s.set(id, int64(110+round), 1, hostile)
			p := s.products[id]
			p.LongDescs = feed.Texts{{Lang: feed.MustLanguage("pol"), Value: hostile + strings.Repeat("x", round)}}
			s.products[id] = p
		}
	}
}

// full gives the feed's full file with its compressed form and state.
func (s *shop) full(t *testing.T) (plain, packed, state []byte) {
	t.Helper()
	g := s.generation(feed.KindFull)
	f := g.File(feed.KindFull)
	if f.Generation != g.Number {
		t.Fatal("no new full file was made")
	}
	if unzip(t, s, f) != s.bytes(f) {
		t.Fatal("the compressed twin holds something else")
	}
	return s.blobs[f.Plain.Key], s.blobs[f.Gzip.Key], s.blobs[g.State.Key]
}

// A full file that is made of the blocks of the one before, and of change
// files, has the bytes of one that is rendered, and so has its state.
func TestCarriedFullIsTheRenderedOne(t *testing.T) {
	t.Parallel()
	for name, atHand := range map[string]bool{"far": false, "at hand": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			carried, run := carryShop(t, 1500, atHand)
			rendered, render := carryShop(t, 1500, false)
			for n := range 9 {
				for range 2 {
					disturb(carried, n)
					disturb(rendered, n)
				}
				for _, s := range []*shop{carried, rendered} {
					s.settings.FullEvery, s.settings.CompareEvery = long, long
				}
				switch n % 3 {
				case 1:
					carried.settings.CompareEvery = -1 // the state is written anew, the full file stays
				case 2:
					carried.settings.FullEvery = -1
					rendered.settings.FullEvery, rendered.settings.CompareEvery = -1, -1
				}
				got, want := run(t), render(t)
				if n%3 != 2 {
					continue
				}
				if !got.Feeds[0].Full || got.Feeds[0].Whole != "" {
					t.Fatalf("round %d: the full file was not made of the one before: %+v", n, got.Feeds[0])
				}
				if want.Feeds[0].Whole == "" {
					t.Fatalf("round %d: the other one was not rendered", n)
				}
				plain, packed, state := carried.full(t)
				wantPlain, wantPacked, wantState := rendered.full(t)
				if !bytes.Equal(plain, wantPlain) || !bytes.Equal(packed, wantPacked) {
					t.Fatalf("round %d: the carried full file has other bytes", n)
				}
				if !bytes.Equal(state, wantState) {
					t.Fatalf("round %d: the state beside it has other bytes", n)
				}
			}
			// A comparison that finds that much has changed makes its file the same way.
			carried.settings.FullEvery, carried.settings.CompareEvery, carried.settings.FullShare = long, -1, 1
			disturb(carried, 50)
			for i := range 20 {
				carried.set(feed.ProductID(i*17+3), 500, 1, "y")
			}
			if f := run(t).Feeds[0]; !f.Full || f.Whole == "" || f.Whole == "a full file is due" {
				t.Errorf("after a comparison: got %q, full %v, want a full file without a second pass", f.Whole, f.Full)
			}
			carried.full(t)
		})
	}
}

// What is damaged costs a full rendering, and changes no byte.
func TestCarryOfDamage(t *testing.T) {
	t.Parallel()
	spoil := func(b []byte) {
		for i := len(b) / 3; i < len(b)/2; i++ {
			b[i] ^= 0x15
		}
	}
	full := func(g *publish.Generation) *publish.File { return g.File(feed.KindFull) }
	for _, c := range []struct {
		name     string
		blob     func(*publish.Generation) publish.Blob
		rendered bool
	}{
		{"plain file", func(g *publish.Generation) publish.Blob { return full(g).Plain }, false}, // the compressed one stands in
		{"compressed file", func(g *publish.Generation) publish.Blob { return full(g).Gzip }, true},
		{"change file", func(g *publish.Generation) publish.Blob { return g.File(feed.KindFullChange).Plain }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			hurt, run := carryShop(t, 1500, true)
			sound, soundly := carryShop(t, 1500, true)
			disturb(hurt, 1)
			disturb(sound, 1)
			run(t)
			soundly(t)
			g := hurt.generation(feed.KindFull)
			spoil(hurt.blobs[c.blob(&g).Key])
			hurt.settings.FullEvery, sound.settings.FullEvery = -1, -1
			disturb(hurt, 2)
			disturb(sound, 2)
			got, want := run(t).Feeds[0], soundly(t).Feeds[0]
			if want.Whole != "" || got.Whole == "" == c.rendered {
				t.Errorf("compared as a whole: %q with damage, %q without; want it rendered: %v", got.Whole, want.Whole, c.rendered)
			}
			plain, packed, _ := hurt.full(t)
			wantPlain, wantPacked, _ := sound.full(t)
			if !bytes.Equal(plain, wantPlain) || !bytes.Equal(packed, wantPacked) {
				t.Error("damage has changed the bytes")
			}
		})
	}
}

// A full file that holds something else than its state says is not carried on,
// even where all checksums fit.
func TestCarryProvesBlocks(t *testing.T) {
	t.Parallel()
	a, run := carryShop(t, 1500, false)
	b := stockroom(t, 1500)
	b.set(700, 999, 1, "other")
	b.now = b.now.Add(time.Minute)
	b.mustRun(t)
	// The files of another shop, with its index: only the marks of the state tell.
	mine, theirs := a.generation(feed.KindFull), b.generation(feed.KindFull)
	a.blobs[mine.File(feed.KindFull).Plain.Key] = b.blobs[theirs.File(feed.KindFull).Plain.Key]
	a.blobs[mine.File(feed.KindFull).Gzip.Key] = b.blobs[theirs.File(feed.KindFull).Gzip.Key]
	a.settings.FullEvery = -1
	a.set(3, 400, 1, "z")
	run(t)
	plain, _, _ := a.full(t)
	if bytes.Contains(plain, []byte("other")) {
		t.Error("what another file holds was carried on")
	}
}

// A full file that is asked for is made where change files lie beside the last,
// also when nothing else is new, and its feed shows what it showed.
func TestFullIsAskedFor(t *testing.T) {
	t.Parallel()
	for name, csv := range map[string]bool{"carried": false, "rendered": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stockroom(t, 1500)
			s.profiles[0].Assortment.Exclude = []feed.Rule{{Field: feed.RuleCategory, Value: "2"}}
			s.profiles[0].CSV = csv
			s.mustRun(t)
			next := func() publish.FeedReport {
				s.now = s.now.Add(time.Minute)
				return s.mustRun(t).Feeds[0]
			}
			s.settings.Full = true
			if f := next(); f.Published {
				t.Fatal("a full file was made although no change file lies beside the last")
			}
			s.settings.Full = false
			alter(s, 1)
			next()
			alter(s, 2)
			if f := next(); !f.Published || f.Full {
				t.Fatalf("no change was published: %+v", f)
			}
			before := s.generation(feed.KindFull)
			shown, _ := nodes(s.bytes(before.File(feed.KindFull)))
			var changes []string
			for i := len(before.Files) - 1; i >= 0; i-- {
				if before.Files[i].Kind == feed.KindFullChange {
					changes = append(changes, s.bytes(&before.Files[i]))
				}
			}
			want := apply(shown, changes)
			s.settings.Full = true
			f := next()
			if !f.Full || f.Added+f.Changed+f.Removed != 0 || (f.Whole != "") != csv {
				t.Fatalf("got %+v, want a full file and nothing new", f)
			}
			g := s.generation(feed.KindFull)
			got, _ := nodes(s.bytes(g.File(feed.KindFull)))
			if !maps.Equal(got, want) {
				t.Errorf("the full file has %d products, want the %d of the one before and the changes", len(got), len(want))
			}
			if newest := g.File(feed.KindFullChange); newest == nil || newest.Generation == g.Number {
				t.Errorf("the newest change file is %+v, want that of the generation before", newest)
			}
			for _, k := range feed.DictionaryKinds() {
				if a, b := before.File(k), g.File(k); a == nil || b == nil || a.Plain.SHA256 != b.Plain.SHA256 {
					t.Errorf("%v has changed", k)
				}
			}
			if f := next(); f.Published {
				t.Error("it was made once more")
			}
			s.settings.Full = false
			alter(s, 3)
			if f := next(); f.Whole != "" || !f.Published || f.Full {
				t.Errorf("the next run: %+v, want a change file", f)
			}
		})
	}
}

// alter changes, adds and removes a few products.
func alter(s *shop, round int) {
	for i := range 5 {
		s.set(feed.ProductID(round*100+i*211+1), int64(120+round), 1, "x")
	}
	s.set(feed.ProductID(3000+round), 100, 1, "new")
	s.remove(feed.ProductID(50 + round))
}
