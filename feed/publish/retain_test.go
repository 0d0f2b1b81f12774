package publish_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
)

// The dictionaries name what the full file names for as long as it is listed,
// whatever the dialect, and a run with the same catalog publishes nothing. What
// a damaged dictionary has named is lost, and nothing else.
func TestDictionariesKeepWhatFullNames(t *testing.T) {
	t.Parallel()
	for name, dialect := range map[string]feed.Dialect{"default": {}, "namespace": {DefaultNamespace: true}, "escaped": {EscapedText: true},
		"single language": {SingleLanguage: true}, "zero": {OneSizeZero: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t.TempDir())
			s.profiles[0].Dialect = dialect
			s.settings.FullShare = 10_000
			by := func(names ...string) {
				s.producers = nil
				for i, n := range names {
					s.producers = append(s.producers, feed.Ref{ID: n, Name: n})
					p := s.products[feed.ProductID(i+1)]
					p.Producer = s.producers[i]
					s.put(p)
				}
				s.events = append(s.events, 0)
				s.now = s.now.Add(time.Minute)
			}
			must := func() publish.Report {
				if !dialect.DefaultNamespace {
					return s.mustRun(t)
				}
				r, err := s.run() // the schemas refuse such files
				if err != nil {
					t.Fatalf("run: %v", err)
				}
				return r
			}
			listed := func() string {
				g := s.generation(feed.KindFull)
				doc := s.bytes(g.File(feed.KindProducers))
				var ids []string
				for _, part := range strings.Split(doc, `<producer id="`)[1:] {
					ids = append(ids, part[:strings.IndexByte(part, '"')])
				}
				return fmt.Sprint(ids)
			}
			for id := range feed.ProductID(9) {
				s.set(id+1, 100, 1, "x")
			}
			by("a", "b")
			must()
			sizes := s.sizesFile()
			by("c", "b")
			must()
			if got, want := listed(), "[c b a]"; got != want {
				t.Errorf("producers beside an older full file: %s, want %s", got, want)
			}
			by("c", "b")
			if r := must(); slices.ContainsFunc(r.Feeds, func(f publish.FeedReport) bool { return f.Published }) {
				t.Errorf("the same catalog was published again: %+v", r.Feeds)
			}
			if got := s.sizesFile(); got != sizes {
				t.Errorf("sizes.xml is\n%s\nwant\n%s", got, sizes)
			}
			g := s.generation(feed.KindFull)
			delete(s.blobs, g.File(feed.KindProducers).Plain.Key)
			by("d", "b")
			must()
			if got, want := listed(), "[d b]"; got != want {
				t.Errorf("producers after a damaged file: %s, want %s", got, want)
			}
			s.settings.FullShare = 1
			by("e", "b")
			must()
			if got, want := listed(), "[e b]"; got != want {
				t.Errorf("producers beside a new full file: %s, want %s", got, want)
			}
		})
	}
}

func (s *shop) sizesFile() string {
	g := s.generation(feed.KindFull)
	return s.bytes(g.File(feed.KindSizes))
}

// A size stays in sizes.xml for as long as light shows a product with it as sold
// out, also when light itself stays as it is or the product leaves in the run
// that makes the full file; then it goes.
func TestSizesStayWithSoldOutProducts(t *testing.T) {
	t.Parallel()
	for _, csv := range []bool{false, true} {
		s := newShop(t.TempDir())
		s.profiles[0].CSV = csv
		s.settings.FullShare, s.settings.MaxLoss = 1, 100
		sized := func(id feed.ProductID, size string) {
			s.set(id, 100, 1, "x")
			p := s.products[id]
			p.SizeGroup = feed.Ref{ID: "7", Name: "EU"}
			p.Sizes[0].ID, p.Sizes[0].Name = size, size
			s.put(p)
		}
		group := func(sizes ...string) {
			s.groups = []feed.SizeGroup{{ID: "7", Name: "EU"}}
			for _, z := range sizes {
				s.groups[0].Sizes = append(s.groups[0].Sizes, feed.SizeEntry{ID: z, Names: feed.Texts{{Lang: feed.MustLanguage("pol"), Value: z}}})
			}
			s.events = append(s.events, 0)
		}
		for id := range feed.ProductID(9) {
			s.set(id+1, 100, 1, "x")
		}
		sized(20, "41&amp")
		sized(21, "42")
		group("41&amp", "42", "43")
		s.mustRun(t)
		check := func(when string, want ...string) {
			t.Helper()
			doc := s.sizesFile()
			for _, z := range []string{"41&amp;amp", "42", "43"} {
				if got := strings.Contains(doc, `<size id="`+z+`"`); got != slices.Contains(want, z) {
					t.Errorf("csv %v, %s: size %s is listed: %v, in\n%s", csv, when, z, got, doc)
				}
			}
		}
		s.now = s.now.Add(time.Hour)
		s.remove(20)
		group("42")
		s.mustRun(t)
		check("when its product leaves", "41&amp;amp", "42")
		s.now = s.now.Add(25 * time.Hour)
		s.set(1, 100, 1, "another text, which light does not show")
		s.events = append(s.events, 0)
		s.mustRun(t)
		check("when light stays", "41&amp;amp", "42")
		s.now = s.now.Add(15 * 24 * time.Hour)
		s.set(1, 100, 1, "x")
		s.events = append(s.events, 0)
		s.mustRun(t)
		check("when light has forgotten it", "42")
	}
}

// A size that nobody had before does not wait for the pace of change files:
// light names it at once.
func TestNewSizesDoNotWait(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	s.settings.ChangeEvery = time.Hour
	s.settings.FullShare = 100
	for id := range feed.ProductID(9) {
		s.set(id+1, 100, 1, "x")
	}
	s.mustRun(t)
	s.now = s.now.Add(time.Minute)
	s.set(1, 100, 2, "x")
	for _, f := range s.mustRun(t).Feeds {
		if want := f.Feed.Kind == feed.KindLight; f.Published != want || f.Waiting == want {
			t.Errorf("stock alone: %v is published: %v, waits: %v", f.Feed.Kind, f.Published, f.Waiting)
		}
	}
	s.now = s.now.Add(time.Minute)
	p := s.products[1]
	p.SizeGroup = feed.Ref{ID: "7", Name: "EU"}
	p.Sizes = slices.Clone(p.Sizes)
	p.Sizes[0].ID, p.Sizes[0].Name = "41", "41"
	s.put(p)
	s.groups = []feed.SizeGroup{{ID: "7", Name: "EU", Sizes: []feed.SizeEntry{{ID: "41", Names: feed.Texts{{Lang: feed.MustLanguage("pol"), Value: "41"}}}}}}
	s.events = append(s.events, 0)
	s.mustRun(t)
	light := s.generation(feed.KindLight)
	if doc := s.bytes(light.File(feed.KindLight)); !strings.Contains(doc, `<size id="41"`) {
		t.Errorf("light is\n%s", doc)
	}
	if doc := s.sizesFile(); !strings.Contains(doc, `<size id="41"`) {
		t.Errorf("sizes.xml is\n%s", doc)
	}
}
