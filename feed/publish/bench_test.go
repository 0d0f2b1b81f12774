//go:build unix

package publish_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
)

// folderBin keeps files in a folder, so that a million products need no memory.
type folderBin struct {
	dir string
	n   int
}

func (b *folderBin) Key(_ string, s publish.Spooled) (string, error) {
	b.n++
	return fmt.Sprintf("%d-%d-%v%s", b.n, s.Generation, s.Kind, s.Encoding), nil
}

func (b *folderBin) Put(_ context.Context, key string, s publish.Spooled) error {
	return os.Rename(s.Path, filepath.Join(b.dir, key))
}

func (b *folderBin) Open(_ context.Context, blob publish.Blob, off, n int64) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(b.dir, blob.Key))
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(off, io.SeekStart); err != nil {
		return nil, err
	}
	return localReader{io.LimitReader(f, n), f, f}, nil
}

func (b *folderBin) AtHand() bool { return true }

// keepOnly removes what the current generations do not need.
func (b *folderBin) keepOnly(tb testing.TB, l *ledger) {
	need := map[string]bool{}
	for _, g := range l.current {
		for blob := range g.Blobs() {
			need[blob.Key] = true
		}
	}
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range entries {
		if !need[e.Name()] {
			if err := os.Remove(filepath.Join(b.dir, e.Name())); err != nil {
				tb.Fatal(err)
			}
		}
	}
}

// warehouse is a catalog of n products that are made as they are read.
type warehouse struct {
	shop    *shop
	n       int
	version map[feed.ProductID]int64
	changed []feed.ProductID
}

func (w *warehouse) product(id feed.ProductID) *feed.Product {
	p := w.shop.products[1]
	v := w.version[id]
	p.ID = id
	p.Names = feed.Texts{{Lang: feed.MustLanguage("pol"), Value: fmt.Sprintf("Wiertarka udarowa 750 W, wariant %d", id)}}
	p.LongDescs = feed.Texts{{Lang: feed.MustLanguage("pol"), Value: strings.Repeat("<p>Mocna, lekka & cicha.</p> ", 12)}}
	amount, err := feed.AmountOf(1000 + int64(id)%977 + v)
	if err != nil {
		panic(err)
	}
	if p.Prices.List, err = feed.PriceFromNet(amount, p.VAT); err != nil {
		panic(err)
	}
	p.Sizes = []feed.Size{{ID: "uniw", Code: fmt.Sprintf("%d-uniw", id), Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(int64(id)%50 + v)}}}}
	return &p
}

func (w *warehouse) yield(ids iter.Seq[feed.ProductID]) iter.Seq2[*feed.Product, error] {
	return func(yield func(*feed.Product, error) bool) {
		for id := range ids {
			if !yield(w.product(id), nil) {
				return
			}
		}
	}
}

func (w *warehouse) run(tb testing.TB, bin publish.Bin, s publish.Settings) publish.Report {
	c := w.shop.catalog()
	c.Products = func(context.Context) iter.Seq2[*feed.Product, error] {
		return w.yield(func(yield func(feed.ProductID) bool) {
			for i := range w.n {
				if !yield(feed.ProductID(i + 1)) {
					return
				}
			}
		})
	}
	w.shop.runsMade++
	c.Head = int64(w.shop.runsMade)
	c.Changes = func(context.Context, int64) (publish.Hint, error) { return publish.Hint{Products: w.changed}, nil }
	c.ByID = func(_ context.Context, ids []feed.ProductID) iter.Seq2[*feed.Product, error] {
		return w.yield(slices.Values(ids))
	}
	w.shop.now = w.shop.now.Add(time.Minute)
	r, err := publish.Do(tb.Context(), w.shop.ledger, bin, publish.Request{Merchant: "m", Profiles: w.shop.profiles, Settings: s, Now: w.shop.now, Spool: w.shop.spool, Catalog: c})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// change alters n products spread over the catalog.
func (w *warehouse) change(n, round int) {
	w.changed = w.changed[:0]
	for i := range n {
		id := feed.ProductID((i*(w.n/n)+round*7919)%w.n + 1)
		w.version[id]++
		w.changed = append(w.changed, id)
	}
	slices.Sort(w.changed)
	w.changed = slices.Compact(w.changed)
}

// BenchmarkChangeRun measures a run that publishes what has changed. "change"
// makes the change file alone, "light" the light file besides. The first costs
// what the changes cost, the second what copying the light file costs. The
// environment may ask for more profiles than one, each with a full feed of its
// own: CHANGE_PROFILES=50.
func BenchmarkChangeRun(b *testing.B) {
	profiles := 1
	if text := os.Getenv("CHANGE_PROFILES"); text != "" {
		var err error
		if profiles, err = strconv.Atoi(text); err != nil {
			b.Fatalf("CHANGE_PROFILES: %v", err)
		}
	}
	for _, products := range []int{10_000, 100_000, 1_000_000} {
		for _, kind := range []string{"change", "light"} {
			b.Run(fmt.Sprintf("%s/products=%d", kind, products), func(b *testing.B) {
				if products > 100_000 && testing.Short() {
					b.Skip("a million products take a while")
				}
				s := newShop(b.TempDir())
				s.set(1, 1000, 1, "x")
				for i := 1; i < profiles; i++ {
					profile := s.profiles[0]
					profile.Stock.Cap = feed.Pieces(1000 + int64(i))
					s.profiles = append(s.profiles, profile)
				}
				s.ledger.tried, s.ledger.stored = nil, nil
				w := &warehouse{shop: s, n: products, version: map[feed.ProductID]int64{}}
				bin := &folderBin{dir: b.TempDir()}
				settings := publish.Settings{Validity: long, CompareEvery: long, FullEvery: long, FullShare: 1_000_000, ChainKeep: 1, MaxPriceMove: -1}
				w.run(b, bin, settings)
				if kind == "change" {
					settings.LightEvery = long
				}
				round := 0
				for _, changed := range []int{10, 100, 1000, 10_000} {
					if changed*10 > products {
						continue
					}
					b.Run(fmt.Sprintf("changed=%d", changed), func(b *testing.B) {
						b.ReportAllocs()
						var full publish.FeedReport
						var cpu time.Duration
						for b.Loop() {
							b.StopTimer()
							round++
							w.change(changed, round)
							bin.keepOnly(b, s.ledger)
							runtime.GC()
							b.StartTimer()
							before := cpuTime(b)
							full = w.run(b, bin, settings).Feeds[0]
							cpu += cpuTime(b) - before
						}
						if full.Whole != "" || full.Changed == 0 {
							b.Fatalf("not made from hints: %+v", full)
						}
						b.ReportMetric(float64(cpu.Microseconds())/float64(b.N)/1000, "cpu-ms/op")
						b.ReportMetric(float64(cpu.Microseconds())/float64(b.N)/float64(changed), "cpu-µs/changed")
						b.ReportMetric(float64(len(full.Generation.Layers)), "layers")
					})
				}
			})
		}
	}
}

// cpuTime is what the process has used of all processors.
func cpuTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
