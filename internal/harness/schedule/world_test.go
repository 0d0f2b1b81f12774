package schedule_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/feed/patch"
	"feedmill/feed/publish"
	"feedmill/feed/record"
	"feedmill/internal/harness/memledger"
	"feedmill/internal/harness/site"
	"feedmill/internal/memdir"
	"feedmill/storage"
	"feedmill/storage/memstore"
)

const (
	merchant = "m-schedule"
	ttl      = 15 * time.Second
	edits    = 2
)

// shop is a catalog that is edited step by step: states[n] is what it holds
// after n edits, hints[n] what the n-th edit named.
type shop struct {
	states [edits + 3][]stored
	hints  [edits + 3][]feed.ProductID
	dicts  *feed.Dictionaries
	// full and light are the nodes that each state shows, by product.
	full, light [edits + 3]map[string]string
	gone        map[string]bool
	base        *memledger.Ledger
	objects     map[string]object
	dir         string
}

type stored struct {
	id  feed.ProductID
	doc []byte
}

type object struct {
	attrs storage.Attrs
	data  []byte
}

// state gives what the catalog holds after n edits; the first two states are
// published before a schedule begins.
func state(n int) (list []site.Product, edited []feed.ProductID) {
	all := map[int]site.Product{}
	for id := 1; id <= 6; id++ {
		all[id] = site.Product{ID: site.ID(id), Price: 10 + id, Stock: id}
	}
	steps := []func() int{
		func() int { all[1] = site.Product{ID: 1, Price: 50, Stock: 1}; return 1 },
		func() int { all[2] = site.Product{ID: 2, Price: 60, Stock: 9}; return 2 },
		func() int { all[9] = site.Product{ID: 9, Price: 70, Stock: 3}; return 9 },
		func() int { delete(all, 3); return 3 },
	}
	for i := range n {
		id := steps[i]()
		edited = []feed.ProductID{site.ID(id)}
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[id])
	}
	return list, edited
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{gone: map[string]bool{"3": true}, objects: map[string]object{}, dir: memdir.New(t)}
	for n := range s.states {
		list, edited := state(n)
		src, err := catalog.Open([]string{"-"}, catalog.Options{Stdin: strings.NewReader(site.Text(list))})
		if err != nil {
			t.Fatal(err)
		}
		for p, err := range src.Products(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			s.states[n] = append(s.states[n], stored{p.ID, record.Append(nil, p)})
		}
		s.hints[n] = edited
		if n == 0 {
			s.dicts = src.Dictionaries()
		}
		if err := errors.Join(src.Err(), src.Close()); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	// What each state shows is what a first publication of it says.
	for n := range s.states {
		l, st := memledger.New(memledger.Options{Now: clock, Lease: ttl}), memstore.New(memstore.Options{Now: clock})
		if err := s.publish(t.Context(), l, st, "r", n, now, publish.Settings{}); err != nil {
			t.Fatal(err)
		}
		for _, g := range l.History() {
			nodes, err := s.nodes(t.Context(), st, &g)
			if err != nil {
				t.Fatal(err)
			}
			if g.Feed.Kind == feed.KindLight {
				s.light[n] = nodes
			} else {
				s.full[n] = nodes
			}
		}
		if n > 0 && (maps.Equal(s.full[n], s.full[n-1]) || maps.Equal(s.light[n], s.light[n-1])) {
			t.Fatalf("edit %d shows nowhere", n)
		}
	}
	// Two publications are there before every schedule.
	s.base = memledger.New(memledger.Options{Now: clock, Lease: ttl})
	st := memstore.New(memstore.Options{Now: clock})
	for n := range 2 {
		now = now.Add(time.Minute)
		if err := s.publish(t.Context(), s.base, st, fmt.Sprint("base", n), n, now, publish.Settings{}); err != nil {
			t.Fatal(err)
		}
	}
	for info, err := range st.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		data, err := read(t.Context(), st, info.Key)
		if err != nil {
			t.Fatal(err)
		}
		s.objects[info.Key] = object{info.Attrs, data}
	}
	return s
}

func read(ctx context.Context, st storage.Store, key string) ([]byte, error) {
	body, _, err := st.Open(ctx, key, storage.Range{})
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(body)
	return data, errors.Join(err, body.Close())
}

// store gives a store that holds what the base has published.
func (s *shop) store(ctx context.Context, now func() time.Time) (*memstore.Store, error) {
	st := memstore.New(memstore.Options{Now: now})
	for key, o := range s.objects {
		if _, err := st.Put(ctx, key, bytes.NewReader(o.data), int64(len(o.data)), o.attrs); err != nil {
			return nil, err
		}
	}
	return st, nil
}

// publish makes one run from the catalog after head edits.
func (s *shop) publish(ctx context.Context, l publish.Ledger, st storage.Store, run string, head int, now time.Time, settings publish.Settings) error {
	_, err := s.report(ctx, l, st, run, head, now, settings)
	return err
}

func (s *shop) report(ctx context.Context, l publish.Ledger, st storage.Store, run string, head int, now time.Time, settings publish.Settings) (publish.Report, error) {
	spool, err := os.MkdirTemp(s.dir, "spool")
	if err != nil {
		return publish.Report{}, err
	}
	products := s.states[head]
	settings.FullShare = 1000
	report, err := publish.Do(ctx, l, publish.NewStoreBin(st, run), publish.Request{Merchant: merchant, RunID: run, Settings: settings, Now: now, Spool: spool,
		Profiles: []feed.Profile{{Languages: []feed.Language{feed.MustLanguage("pol")}, Currency: feed.MustCurrency("PLN")}},
		Catalog: publish.Catalog{Known: s.dicts, Dictionaries: func() *feed.Dictionaries { return s.dicts }, Language: feed.MustLanguage("pol"),
			Currency: feed.MustCurrency("PLN"), Supplier: feed.Supplier{Name: "Nord"}, Head: int64(head),
			Products: func(context.Context) iter.Seq2[*feed.Product, error] { return decode(products, nil) },
			ByID: func(_ context.Context, ids []feed.ProductID) iter.Seq2[*feed.Product, error] {
				return decode(products, ids)
			},
			Changes: func(_ context.Context, after int64) (publish.Hint, error) {
				var h publish.Hint
				for n := int(after) + 1; n <= head; n++ {
					h.Products = append(h.Products, s.hints[n]...)
				}
				slices.Sort(h.Products)
				return h, nil
			},
		}})
	return report, errors.Join(err, os.RemoveAll(spool))
}

func decode(list []stored, ids []feed.ProductID) iter.Seq2[*feed.Product, error] {
	return func(yield func(*feed.Product, error) bool) {
		var dec record.Decoder
		var p feed.Product
		for _, s := range list {
			if ids != nil && !slices.Contains(ids, s.id) {
				continue
			}
			if err := dec.Decode(s.doc, &p); err != nil {
				yield(nil, err)
				return
			}
			if !yield(&p, nil) {
				return
			}
		}
	}
}

// nodes gives what a reader of a generation has: the light file's nodes, or
// those of the full file after all its change files. Every file is compared with
// what the ledger says of it.
func (s *shop) nodes(ctx context.Context, st storage.Store, g *publish.Generation) (map[string]string, error) {
	for b := range g.Blobs() {
		data, err := read(ctx, st, b.Key)
		if err != nil {
			return nil, fmt.Errorf("generation %d: %w", g.Number, err)
		}
		if int64(len(data)) != b.Size || sha256.Sum256(data) != b.SHA256 {
			return nil, fmt.Errorf("generation %d: %s has other bytes", g.Number, b.Key)
		}
	}
	main := g.File(g.Feed.Kind)
	if main == nil {
		return nil, fmt.Errorf("generation %d lists no file", g.Number)
	}
	nodes := map[string]string{}
	if err := apply(ctx, st, nodes, main); err != nil {
		return nil, err
	}
	position := main.Generation
	for i := len(g.Files) - 1; i >= 0; i-- {
		f := &g.Files[i]
		if f.Kind != feed.KindFullChange || f.Target <= position {
			continue
		}
		if f.Base > position {
			return nil, fmt.Errorf("generation %d: the change to %d leads from %d, the reader stands at %d", g.Number, f.Target, f.Base, position)
		}
		if err := apply(ctx, st, nodes, f); err != nil {
			return nil, err
		}
		position = f.Target
	}
	return nodes, nil
}

func apply(ctx context.Context, st storage.Store, nodes map[string]string, f *publish.File) error {
	data, err := read(ctx, st, f.Plain.Key)
	if err != nil {
		return err
	}
	for r := patch.NewReader(bytes.NewReader(data)); ; {
		n, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.Address(), err)
		}
		if n.Removed {
			delete(nodes, n.ID)
		} else {
			nodes[n.ID] = string(n.Raw)
		}
	}
}

// check proves the history of a ledger: I4, I5, I7, I8 and I9.
func (s *shop) check(ctx context.Context, l *memledger.Ledger, st storage.Store, from int) error {
	last := map[publish.FeedRef]publish.Generation{}
	for i, g := range l.History() {
		before, any := last[g.Feed]
		last[g.Feed] = g
		switch {
		case !any:
		case g.Base != before.Number:
			return fmt.Errorf("generation %d has base %d, current was %d: the history is not one", g.Number, g.Base, before.Number)
		case g.Number <= before.Number:
			return fmt.Errorf("generation %d comes after %d", g.Number, before.Number)
		case g.Time.UTC().Format(time.DateTime) <= before.Time.UTC().Format(time.DateTime):
			return fmt.Errorf("generation %d is of %v, that before it of %v", g.Number, g.Time, before.Time)
		case g.Cursor < before.Cursor:
			return fmt.Errorf("generation %d goes back to change %d from %d", g.Number, g.Cursor, before.Cursor)
		}
		if i < from {
			continue
		}
		nodes, err := s.nodes(ctx, st, &g)
		if err != nil {
			return err
		}
		want := s.full[g.Cursor]
		if g.Feed.Kind == feed.KindLight {
			want = s.light[g.Cursor]
			for id := range nodes {
				if s.gone[id] && want[id] == "" {
					delete(nodes, id) // it is shown as sold out for a time
				}
			}
		}
		if !maps.Equal(nodes, want) {
			return fmt.Errorf("generation %d of %v shows something else than the catalog after change %d: %d nodes, want %d", g.Number, g.Feed.Kind, g.Cursor, len(nodes), len(want))
		}
	}
	return nil
}
