package publish_test

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
)

// What the snapshot shows and nobody could name yet was not missed: the next run
// is told of it. What nobody will ever name was.
func TestUnnumberedChangesAreNotMissed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		late func(context.Context) (publish.Hint, error)
		want int64
	}{
		{"nobody knows", nil, 2},
		{"nothing", func(context.Context) (publish.Hint, error) { return publish.Hint{}, nil }, 2},
		{"one", func(context.Context) (publish.Hint, error) {
			return publish.Hint{Products: []feed.ProductID{3, 9}}, nil
		}, 1},
		{"both", func(context.Context) (publish.Hint, error) {
			return publish.Hint{Products: []feed.ProductID{3, 5}}, nil
		}, 0},
		{"everything", func(context.Context) (publish.Hint, error) { return publish.Hint{All: true}, nil }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t.TempDir())
			for id := range 30 {
				s.set(feed.ProductID(id+1), 100, 1, "x")
			}
			s.mustRun(t)
			s.set(3, 200, 1, "y")
			s.remove(5)
			s.events = s.events[:len(s.events)-2] // they have no number yet
			s.set(4, 200, 1, "y")
			s.now = s.now.Add(25 * time.Hour)
			catalog := s.catalog()
			catalog.Unnumbered = c.late
			r, err := publish.Do(t.Context(), s, s, publish.Request{Merchant: "m", RunID: "late", Profiles: s.profiles, Now: s.now, Spool: s.spool, Catalog: catalog, Monotonic: s.clock})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range r.Feeds {
				if f.Missed != c.want || f.Changed != 2 || f.Removed != 1 || f.Whole == "" {
					t.Errorf("got %+v, want %d missed", f, c.want)
				}
			}
		})
	}
}

// guarded is a shop that tells whether its snapshot is open when files are stored.
type guarded struct {
	*shop
	mu         sync.Mutex
	left       int
	puts, open int
	err        error
}

func (g *guarded) Put(ctx context.Context, key string, s publish.Spooled) error {
	g.mu.Lock()
	g.puts++
	if g.left == 0 {
		g.open++
	}
	g.mu.Unlock()
	if g.err != nil {
		return g.err
	}
	return g.shop.Put(ctx, key, s)
}

func (g *guarded) catalog(t *testing.T) publish.Catalog {
	c := g.shop.catalog()
	used := func() {
		if g.left > 0 {
			t.Error("the snapshot is used after it was left")
		}
	}
	products, dicts, changes, byID := c.Products, c.Dictionaries, c.Changes, c.ByID
	c.Products = func(ctx context.Context) iter.Seq2[*feed.Product, error] { used(); return products(ctx) }
	c.Dictionaries = func() *feed.Dictionaries { used(); return dicts() }
	c.Changes = func(ctx context.Context, after int64) (publish.Hint, error) { used(); return changes(ctx, after) }
	c.ByID = func(ctx context.Context, ids []feed.ProductID) iter.Seq2[*feed.Product, error] {
		used()
		return byID(ctx, ids)
	}
	c.Done = func() error {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.left++
		return nil
	}
	return c
}

// The snapshot is left once, before the first file is stored, and in any case.
func TestSnapshotIsLeftBeforeUploads(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	s := &guarded{shop: newShop(t.TempDir())}
	s.settings.Gzip = true
	for id := range 30 {
		s.set(feed.ProductID(id+1), 100, 1, "x")
	}
	run := func(name string, settings publish.Settings, profiles []feed.Profile, want error, stores bool) {
		t.Helper()
		s.left, s.puts, s.open = 0, 0, 0
		s.runsMade++
		_, err := publish.Do(t.Context(), s, lonely{s}, publish.Request{Merchant: "m", Profiles: profiles, Settings: settings, Now: s.now, Spool: s.spool,
			Catalog: s.catalog(t), Monotonic: s.clock})
		if !errors.Is(err, want) {
			t.Errorf("%s: got error %v, want %v", name, err, want)
		}
		if s.left != 1 || s.open > 0 || stores != (s.puts > 0) {
			t.Errorf("%s: left %d times, %d of %d files were stored before", name, s.left, s.open, s.puts)
		}
		s.now = s.now.Add(time.Hour)
	}
	run("first", s.settings, s.profiles, nil, true)
	s.set(7, 300, 2, "z")
	run("from hints", s.settings, s.profiles, nil, true)
	forced := s.settings
	forced.Force = true
	run("everything", forced, s.profiles, nil, true)
	run("nothing new", s.settings, s.profiles, nil, false)
	run("no profiles", s.settings, nil, nil, false)
	s.set(7, 400, 2, "z")
	s.err = broken
	run("a store that fails", s.settings, s.profiles, broken, true)
	s.err = nil
	c := s.catalog(t)
	s.left = 0
	c.Done = func() error { return broken }
	if _, err := publish.Do(t.Context(), s, lonely{s}, publish.Request{Merchant: "m", Profiles: s.profiles, Now: s.now, Spool: s.spool, Catalog: c, Monotonic: s.clock}); !errors.Is(err, broken) {
		t.Errorf("a snapshot that cannot be left: got %v, want %v", err, broken)
	}
}

// lonely is a bin without markers.
type lonely struct{ publish.Bin }
