//go:build unix

package publish_test

import (
	"context"
	"crypto/sha512"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
)

// gauge notes the most that the heap holds during a run.
type gauge struct {
	mu    sync.Mutex
	worst int64
}

func (g *gauge) read() {
	g.mu.Lock()
	defer g.mu.Unlock()
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools let go of
	runtime.ReadMemStats(&m)
	g.worst = max(g.worst, int64(m.HeapAlloc))
}

// gaugedBin reads the gauge before files are stored: all of a run are made then.
type gaugedBin struct {
	*folderBin
	g *gauge
}

func (b gaugedBin) Put(ctx context.Context, key string, s publish.Spooled) error {
	b.g.read()
	return b.folderBin.Put(ctx, key, s)
}

// heapOfRuns gives what the heap holds at most, beyond what it held before, in a
// first publication, in one of changes, and in one of a new full file.
func heapOfRuns(t *testing.T, products int) (worst [3]int64) {
	s := newShop(t.TempDir())
	s.set(1, 1000, 1, "x")
	for i := range 3 {
		profile := s.profiles[0]
		profile.Stock.Cap = feed.Pieces(20 + int64(i))
		s.profiles = append(s.profiles, profile)
	}
	s.ledger.tried, s.ledger.stored = nil, nil
	base := s.products[1]
	version := map[feed.ProductID]int64{}
	// Texts that hardly compress, and feeds that all differ, fill the run's cache of
	// compressed blocks with any catalog.
	product := func(id feed.ProductID) *feed.Product {
		p := base
		p.ID = id
		sum := sha512.Sum512(fmt.Append(nil, id, version[id]))
		again := sha512.Sum512(sum[:])
		p.Names = feed.Texts{{Lang: feed.MustLanguage("pol"), Value: fmt.Sprintf("%x%x%x", sum, again, sha512.Sum512(again[:]))}}
		first := strconv.FormatInt(int64(id)/10*10+1, 10)
		p.Group = &feed.Group{ID: "g-" + first, First: first}
		p.Sizes = []feed.Size{{ID: "uniw", Code: fmt.Sprintf("%d-uniw", id), Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(int64(id)%50 + version[id])}}}}
		return &p
	}
	some := func(ids iter.Seq[feed.ProductID]) iter.Seq2[*feed.Product, error] {
		return func(yield func(*feed.Product, error) bool) {
			for id := range ids {
				if !yield(product(id), nil) {
					return
				}
			}
		}
	}
	var changed []feed.ProductID
	bin := &folderBin{dir: t.TempDir()}
	for run := range worst {
		changed = changed[:0]
		for i := range 50 * min(run, 1) {
			id := feed.ProductID(i*products/50 + run)
			version[id]++
			changed = append(changed, id)
		}
		c := s.catalog()
		c.Products = func(context.Context) iter.Seq2[*feed.Product, error] {
			return some(func(yield func(feed.ProductID) bool) {
				for i := range products {
					if !yield(feed.ProductID(i + 1)) {
						return
					}
				}
			})
		}
		c.Head = int64(run + 1)
		c.Changes = func(context.Context, int64) (publish.Hint, error) { return publish.Hint{Products: changed}, nil }
		c.ByID = func(_ context.Context, ids []feed.ProductID) iter.Seq2[*feed.Product, error] {
			return some(slices.Values(ids))
		}
		settings := publish.Settings{Gzip: true, Validity: long, CompareEvery: long, FullEvery: long, MaxPriceMove: -1}
		if run == 2 {
			settings.FullEvery = -1
		}
		s.now = s.now.Add(time.Minute)
		var before, during gauge
		before.read()
		r, err := publish.Do(t.Context(), s.ledger, gaugedBin{bin, &during}, publish.Request{Merchant: "m", Profiles: s.profiles, Settings: settings,
			Now: s.now, Spool: s.spool, Catalog: c, Progress: func(int64) { during.read() }})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Feeds) != 2*len(s.profiles) || run > 0 && r.Whole {
			t.Fatalf("run %d: %d feeds, whole: %v", run, len(r.Feeds), r.Whole)
		}
		for i := range r.Feeds {
			if !r.Feeds[i].Published {
				t.Fatalf("run %d: %v was not published", run, r.Feeds[i].Feed)
			}
		}
		worst[run] = during.worst - before.worst
	}
	return worst
}

// Three times as many products take hardly more memory. The test does not run
// beside others, whose memory it would count.
func TestMemoryOfRunsStaysFlat(t *testing.T) {
	const few, many = 20_000, 60_000
	small, large := heapOfRuns(t, few), heapOfRuns(t, many)
	// A set of ids has 20 bytes a product and feed or more; those named as leaders, a tenth of all, are let pass.
	const most = (many - few) * 20
	for run, name := range []string{"first publication", "change", "new full file"} {
		t.Logf("%s: %d products %d KiB, %d products %d KiB", name, few, small[run]>>10, many, large[run]>>10)
		if grown := large[run] - small[run]; grown > most {
			t.Errorf("%s: %d products take %d bytes more than %d do, want at most %d", name, many, grown, few, most)
		}
	}
}
