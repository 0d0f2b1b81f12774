package publish_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"

	"feedmill/feed"
	"feedmill/feed/diff"
	"feedmill/feed/publish"
	"feedmill/schema/schematest"
)

// shop is a catalog with its ledger and bin, all in memory.
type shop struct {
	*ledger
	products map[feed.ProductID]feed.Product
	// events are the products that changed, an event each; 0 is everything.
	events   []feed.ProductID
	hints    bool
	mu       sync.Mutex
	blobs    map[string][]byte
	opened   map[string]int // how often each blob was read, when not nil
	marks    []publish.Mark
	putErr   error
	settings publish.Settings
	profiles []feed.Profile
	now      time.Time
	spool    string
	runsMade int
	// producers are those of the dictionaries.
	producers []feed.Ref
	// groups are groups of sizes besides that of products without sizes.
	groups []feed.SizeGroup
	// currency is the catalog's, PLN when zero.
	currency feed.Currency
	clock    publish.Monotonic
}

type fataler interface {
	schematest.TB
	Fatalf(string, ...any)
}

func newShop(spool string) *shop {
	s := &shop{ledger: newLedger(), products: map[feed.ProductID]feed.Product{}, blobs: map[string][]byte{},
		now: time.Date(2026, 11, 21, 19, 0, 0, 0, time.UTC), spool: spool, hints: true,
		profiles: []feed.Profile{{Languages: []feed.Language{feed.MustLanguage("pol")}, Currency: feed.MustCurrency("PLN")}}}
	s.ledger.time = func() time.Time { return s.now }
	s.ledger.stored = func(key string) bool { _, ok := s.blobs[key]; return ok }
	return s
}

func (s *shop) Key(merchant string, f publish.Spooled) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("%s/%d/%v%s%s-%d-%d", merchant, f.Generation, f.Kind, f.Label, f.Encoding, s.runsMade, len(s.tried)+len(s.blobs)), nil
}

func (s *shop) Put(_ context.Context, key string, f publish.Spooled) error {
	data, err := os.ReadFile(f.Path)
	if err != nil {
		return err
	}
	if err := os.Remove(f.Path); err != nil {
		return err
	}
	if s.putErr != nil {
		return s.putErr
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.tried[key] {
		return fmt.Errorf("the upload of %s was not announced", key)
	}
	if _, ok := s.blobs[key]; ok {
		return fmt.Errorf("%s is stored twice", key)
	}
	s.blobs[key] = data
	return nil
}

func (s *shop) Open(_ context.Context, b publish.Blob, offset, n int64) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened != nil {
		s.opened[b.Key]++
	}
	data, ok := s.blobs[b.Key]
	if !ok {
		return nil, fmt.Errorf("%s: %w", b.Key, diff.ErrCorrupt)
	}
	return io.NopCloser(bytes.NewReader(data[offset : offset+n])), nil
}

func (s *shop) Newest(context.Context, string) (publish.Mark, bool, error) {
	if len(s.marks) == 0 {
		return publish.Mark{}, false, nil
	}
	return s.marks[len(s.marks)-1], true, nil
}

func (s *shop) Mark(_ context.Context, _ string, m publish.Mark) error {
	s.marks = append(s.marks, m)
	return nil
}

var (
	_ publish.Bin     = (*shop)(nil)
	_ publish.Markers = (*shop)(nil)
)

// put makes a product what it is from now on.
func (s *shop) put(p feed.Product) {
	s.products[p.ID] = p
	s.events = append(s.events, p.ID)
}

// remove takes a product out of the catalog.
func (s *shop) remove(id feed.ProductID) {
	if _, ok := s.products[id]; ok {
		delete(s.products, id)
		s.events = append(s.events, id)
	}
}

// changes is what the log tells since an event.
func (s *shop) changes(_ context.Context, after int64) (h publish.Hint, err error) {
	for _, id := range s.events[after:] {
		if id == 0 {
			return publish.Hint{All: true}, nil
		}
		h.Products = append(h.Products, id)
	}
	slices.Sort(h.Products)
	h.Products = slices.Compact(h.Products)
	return h, nil
}

func (s *shop) set(id feed.ProductID, minor, pieces int64, name string) {
	amount, err := feed.AmountOf(minor)
	if err != nil {
		panic(err)
	}
	vat, err := feed.ParsePercent("23")
	if err != nil {
		panic(err)
	}
	price, err := feed.PriceFromNet(amount, vat)
	if err != nil {
		panic(err)
	}
	pol := feed.MustLanguage("pol")
	s.put(feed.Product{ID: id, Currency: feed.MustCurrency("PLN"), VAT: vat,
		Category: feed.Reference{ID: "1", Names: feed.Texts{{Lang: pol, Value: "Rzeczy"}}},
		Unit:     feed.Reference{ID: "0", Names: feed.Texts{{Lang: pol, Value: "szt."}}},
		Names:    feed.Texts{{Lang: pol, Value: name}}, Prices: feed.Prices{List: price}, SizeGroup: feed.Ref{ID: feed.OneSizeGroup, Name: "one size"},
		Sizes: []feed.Size{{ID: "uniw", Name: "one size", Code: fmt.Sprintf("%d-uniw", id), Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(pieces)}}}}})
}

// catalog gives a snapshot of what the shop has now.
func (s *shop) catalog() publish.Catalog {
	pol := feed.MustLanguage("pol")
	dicts := &feed.Dictionaries{
		Producers:  s.producers,
		Categories: []feed.Category{{ID: "1", Names: feed.Texts{{Lang: pol, Value: "Rzeczy"}}}},
		Units:      []feed.Unit{{ID: "0", Names: feed.Texts{{Lang: pol, Value: "szt."}}}},
		Warehouses: []feed.Warehouse{{ID: 1, Names: feed.Texts{{Lang: pol, Value: "Magazyn"}}}},
		SizeGroups: []feed.SizeGroup{{ID: feed.OneSizeGroup, Name: "one size", Sizes: []feed.SizeEntry{{ID: "uniw", Names: feed.Texts{{Lang: pol, Value: "one size"}}}}}},
	}
	dicts.SizeGroups = append(dicts.SizeGroups, s.groups...)
	yield := func(ids []feed.ProductID) iter.Seq2[*feed.Product, error] {
		return func(yield func(*feed.Product, error) bool) {
			for _, id := range ids {
				if p, ok := s.products[id]; ok && !yield(&p, nil) {
					return
				}
			}
		}
	}
	catalog := publish.Catalog{Language: pol, Currency: cmp.Or(s.currency, feed.MustCurrency("PLN")), Known: dicts, Dictionaries: func() *feed.Dictionaries { return dicts },
		Products: func(context.Context) iter.Seq2[*feed.Product, error] {
			return yield(slices.Sorted(maps.Keys(s.products)))
		}}
	if s.hints {
		catalog.Head, catalog.Changes = int64(len(s.events)), s.changes
		catalog.ByID = func(_ context.Context, ids []feed.ProductID) iter.Seq2[*feed.Product, error] { return yield(ids) }
	}
	return catalog
}

func (s *shop) run() (publish.Report, error) {
	s.runsMade++
	return publish.Do(context.Background(), s, s, publish.Request{Merchant: "m", RunID: fmt.Sprintf("run-%d", s.runsMade), Profiles: s.profiles,
		Settings: s.settings, Now: s.now, Spool: s.spool, Catalog: s.catalog(), Monotonic: s.clock})
}

func (s *shop) mustRun(t fataler) publish.Report {
	t.Helper()
	r, err := s.run()
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	left, err := os.ReadDir(s.spool)
	if err != nil || len(left) > 0 {
		t.Fatalf("the spool folder holds %v, %v after a run", left, err)
	}
	for _, f := range r.Feeds {
		for i := range f.Generation.Files {
			if file := &f.Generation.Files[i]; f.Published && file.Generation == f.Generation.Number && file.Kind < feed.KindFullCSV {
				schematest.Valid(t, file.Kind.FileName(file.Label), s.blobs[file.Plain.Key])
			}
		}
	}
	return r
}

func (s *shop) generation(k feed.Kind) publish.Generation { return s.of(k) }

func (s *shop) bytes(f *publish.File) string { return string(s.blobs[f.Plain.Key]) }

var node = regexp.MustCompile(`(?s)<product id="(\d+)"(?: removed="yes"/>|.*?</product>)\n?`)

// nodes splits a file into its product nodes, by id and in order.
func nodes(xml string) (byID map[string]string, order []string) {
	byID = map[string]string{}
	for _, m := range node.FindAllStringSubmatch(xml, -1) {
		byID[m[1]] = m[0]
		order = append(order, m[1])
	}
	return byID, order
}

// apply puts the change files, oldest first, onto a full file.
func apply(full map[string]string, changes []string) map[string]string {
	out := maps.Clone(full)
	for _, c := range changes {
		byID, _ := nodes(c)
		for id, n := range byID {
			if regexp.MustCompile(`removed="yes"/>`).MatchString(n) {
				delete(out, id)
			} else {
				out[id] = n
			}
		}
	}
	return out
}
