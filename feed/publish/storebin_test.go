package publish_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/diff"
	"feedmill/feed/publish"
	"feedmill/storage"
	"feedmill/storage/fsstore"
	"feedmill/storage/memstore"
)

func TestStoreBin(t *testing.T) {
	t.Parallel()
	store := memstore.New(memstore.Options{})
	bin := publish.NewStoreBin(store, "run-1")
	path := filepath.Join(t.TempDir(), "spooled")
	if err := os.WriteFile(path, []byte("<offer/>"), 0o644); err != nil {
		t.Fatal(err)
	}
	sum, err := storage.ParseDigest("0b6f1b1e4a1c7a1a2f6b3c1d7b0a2f3e4d5c6b7a8990a1b2c3d4e5f60718293a")
	if err != nil {
		t.Fatal(err)
	}
	wrong := publish.Spooled{Kind: feed.KindFull, Path: path, Size: 8, SHA256: publish.SHA256(sum)}
	key, err := bin.Key("m", wrong)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := bin.Key("m", wrong); err != nil || again == key {
		t.Errorf("two files have the key %s (%v)", again, err)
	}
	if err := bin.Put(t.Context(), key, wrong); !errors.Is(err, storage.ErrDigest) {
		t.Errorf("a file with another hash is stored: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the spooled file is left behind")
	}
	for name, b := range map[string]publish.Blob{"no file": {Key: "m/m/b/00/none", Size: 3}} {
		if _, err := bin.Open(t.Context(), b, 0, 3); !errors.Is(err, diff.ErrCorrupt) {
			t.Errorf("%s: %v, want %v", name, err, diff.ErrCorrupt)
		}
	}
}

// The newest marker is the one with the highest epoch, then number, and few stay.
func TestMarkers(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	store := memstore.New(memstore.Options{})
	bin := publish.NewStoreBin(store, "run-x")
	if _, ok, err := bin.Newest(ctx, "m"); ok || err != nil {
		t.Fatalf("a marker without any: %v, %v", ok, err)
	}
	at := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	lost := &publish.Mark{Run: "gone", Epoch: 2, Number: 7, Time: at}
	for i := range 40 {
		m := publish.Mark{Run: fmt.Sprintf("run-%d", i), Epoch: 1, Number: int64(10 * i), Time: at, Lost: lost}
		if err := bin.Mark(ctx, "m", m); err != nil {
			t.Fatal(err)
		}
	}
	if err := bin.Mark(ctx, "m", publish.Mark{Run: "high", Epoch: 2, Number: 5, Time: at}); err != nil {
		t.Fatal(err)
	}
	if err := bin.Mark(ctx, "other", publish.Mark{Run: "else", Epoch: 9, Number: 5, Time: at}); err != nil {
		t.Fatal(err)
	}
	if m, ok, err := bin.Newest(ctx, "m"); err != nil || !ok || m.Run != "high" || m.Lost != nil {
		t.Errorf("newest is %+v, %v, %v", m, ok, err)
	}
	n := 0
	for info, err := range store.List(ctx, "m/m/hw/") {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if strings.HasSuffix(info.Key, "run-39") {
			r, _, err := store.Open(ctx, info.Key, storage.Range{})
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r)
			if err = errors.Join(err, r.Close()); err != nil || !strings.Contains(string(body), `"run":"gone"`) {
				t.Errorf("marker %s is %s, %v", info.Key, body, err)
			}
		}
	}
	if n > 17 {
		t.Errorf("%d markers are kept", n)
	}
}

// What others have put among the markers is none, and stays.
func TestForeignAmongMarkers(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	store := memstore.New(memstore.Options{})
	bin := publish.NewStoreBin(store, "run-x")
	foreign := []string{"m/m/hw/all/!first.txt", "m/m/hw/all/notes.txt", "m/m/hw/all/zz/deep"}
	for _, key := range foreign {
		if _, err := store.Put(ctx, key, strings.NewReader("not ours"), 8, storage.Attrs{}); err != nil {
			t.Fatal(err)
		}
	}
	if m, ok, err := bin.Newest(ctx, "m"); ok || err != nil {
		t.Errorf("where there is none: %+v, %v, %v", m, ok, err)
	}
	for i := range 40 {
		want := publish.Mark{Run: fmt.Sprintf("run-%d", i), Epoch: 1, Number: int64(i)}
		if err := bin.Mark(ctx, "m", want); err != nil {
			t.Fatal(err)
		}
		if m, ok, err := bin.Newest(ctx, "m"); err != nil || !ok || m != want {
			t.Errorf("newest is %+v, %v, %v, want %+v", m, ok, err, want)
		}
	}
	for _, key := range foreign {
		if _, err := store.Stat(ctx, key); err != nil {
			t.Errorf("what is not ours: %v", err)
		}
	}
}

// A marker whose body is damaged still tells by its key which run left it, so
// that publication goes on.
func TestDamagedMarker(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	store := memstore.New(memstore.Options{})
	key, err := storage.Marker{Merchant: "m", Feed: "all", Epoch: 3, Generation: 41, Run: "run-9"}.Key()
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"", "\x00\x00", "{}", `{"run":`} {
		if err := store.Delete(ctx, key); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Put(ctx, key, strings.NewReader(body), int64(len(body)), storage.Attrs{}); err != nil {
			t.Fatal(err)
		}
		m, ok, err := publish.NewStoreBin(store, "run-x").Newest(ctx, "m")
		if want := (publish.Mark{Run: "run-9", Epoch: 3, Number: 41}); err != nil || !ok || m != want {
			t.Errorf("%q: newest is %+v, %v, %v", body, m, ok, err)
		}
	}
	// One that a rule of the bucket has moved to an archive is no other case.
	m, ok, err := publish.NewStoreBin(archive{store}, "run-x").Newest(ctx, "m")
	if want := (publish.Mark{Run: "run-9", Epoch: 3, Number: 41}); err != nil || !ok || m != want {
		t.Errorf("in an archive: newest is %+v, %v, %v", m, ok, err)
	}
}

// archive is a store of which nothing can be read before it is restored.
type archive struct{ storage.Store }

func (archive) Open(context.Context, string, storage.Range) (io.ReadCloser, storage.Info, error) {
	return nil, storage.Info{}, storage.ErrArchived
}

// storeShop is a shop whose files lie in an object store.
type storeShop struct {
	*shop
	store storage.Store
}

func (s *storeShop) run(ctx context.Context) (publish.Report, error) {
	s.runsMade++
	id := fmt.Sprintf("run-%d", s.runsMade)
	return publish.Do(ctx, s.ledger, publish.NewStoreBin(s.store, id), publish.Request{Merchant: "m", RunID: id, Profiles: s.profiles,
		Settings: s.settings, Now: s.now, Spool: s.spool, Catalog: s.catalog()})
}

// Runs over a real store publish from hints, and notice when the store's files
// are ahead of the ledger.
func TestRunsOverStore(t *testing.T) {
	t.Parallel()
	s := &storeShop{shop: newShop(t.TempDir()), store: memstore.New(memstore.Options{})}
	s.settings.Gzip = true
	s.ledger.stored = func(key string) bool { _, err := s.store.Stat(t.Context(), key); return err == nil }
	for id := range 50 {
		s.set(feed.ProductID(id+1), 100, 1, "x")
	}
	must := func() publish.Report {
		t.Helper()
		s.now = s.now.Add(time.Minute)
		r, err := s.run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	must()
	old := s.ledger.copy()
	s.set(3, 101, 1, "x")
	for _, f := range must().Feeds {
		if !f.Published || f.Whole != "" || f.Changed != 1 {
			t.Errorf("from hints: %+v", f)
		}
	}
	s.ledger = old
	if r := must(); !r.Restored || r.Feeds[0].Generation.Epoch != 2 {
		t.Errorf("a restored ledger is not noticed: %+v", r)
	}
	if r := must(); r.Restored {
		t.Error("it is noticed twice")
	}
}

// A profile with an assortment learns new names of dictionaries from a few
// products, without all being compared.
func TestDictionariesGrowFromHints(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	s.profiles[0].Assortment.Exclude = []feed.Rule{{Field: feed.RuleProduct, Value: "77"}}
	s.producers = []feed.Ref{{ID: "1", Name: "Acme"}, {ID: "2", Name: "Bolt"}, {ID: "3", Name: "Crane"}}
	produced := func(id feed.ProductID, by int) {
		s.set(id, 100, 1, "x")
		p := s.products[id]
		p.Producer = s.producers[by-1]
		s.put(p)
	}
	for id := range 30 {
		produced(feed.ProductID(id+1), 1)
	}
	s.mustRun(t)
	names := func() string {
		g := s.generation(feed.KindFull)
		return s.bytes(g.File(feed.KindProducers))
	}
	if got := names(); !strings.Contains(got, "Acme") || strings.Contains(got, "Bolt") {
		t.Fatalf("producers at first:\n%s", got)
	}
	for i, step := range []struct {
		by   int
		want []string
	}{{2, []string{"Acme", "Bolt"}}, {2, []string{"Acme", "Bolt"}}, {3, []string{"Acme", "Bolt", "Crane"}}} {
		s.now = s.now.Add(time.Minute)
		produced(feed.ProductID(40+i), step.by)
		for _, f := range s.mustRun(t).Feeds {
			if f.Whole != "" || !f.Published {
				t.Errorf("step %d: %+v", i, f)
			}
		}
		for _, want := range step.want {
			if got := names(); !strings.Contains(got, want) {
				t.Errorf("step %d: no %s in\n%s", i, want, got)
			}
		}
	}
	// The comparison drops what nobody refers to any more.
	for i := range 3 {
		s.remove(feed.ProductID(40 + i))
	}
	s.now = s.now.Add(25 * time.Hour)
	s.mustRun(t)
	if got := names(); strings.Contains(got, "Bolt") || strings.Contains(got, "Crane") || !strings.Contains(got, "Acme") {
		t.Errorf("producers after the comparison:\n%s", got)
	}
}

// fullDisk is a folder's store with room for some files; the first beyond them
// waits until they are stored.
type fullDisk struct {
	*fsstore.Store
	mu      sync.Mutex
	puts    int
	room    int
	storing sync.WaitGroup
}

func (f *fullDisk) Adopt(ctx context.Context, key, path string, size int64, attrs storage.Attrs) (storage.Info, error) {
	f.mu.Lock()
	f.puts++
	full := f.puts > f.room
	if !full {
		f.storing.Add(1)
		defer f.storing.Done()
	}
	f.mu.Unlock()
	if full {
		f.storing.Wait()
		return storage.Info{}, syscall.ENOSPC
	}
	return f.Store.Adopt(ctx, key, path, size, attrs)
}

// A run that fails before its commit takes back what it has stored on this
// machine: on a full disk it would be in the way of those after it. What was
// published stays, to the last file.
func TestFailedRunTakesBackItsFiles(t *testing.T) {
	t.Parallel()
	folder, err := fsstore.Open(filepath.Join(t.TempDir(), "store"), fsstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	disk := &fullDisk{Store: folder, room: 1000}
	s := &storeShop{shop: newShop(t.TempDir()), store: disk}
	s.settings.Gzip = true
	s.ledger.stored = func(key string) bool { _, err := disk.Stat(t.Context(), key); return err == nil }
	stored := func() (keys []string) {
		t.Helper()
		for info, err := range disk.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, info.Key)
		}
		return keys
	}
	for id := range 50 {
		s.set(feed.ProductID(id+1), 100, 1, "x")
	}
	if _, err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := stored()
	s.set(3, 101, 1, "x")
	for room := range 4 {
		s.now, disk.puts, disk.room = s.now.Add(time.Minute), 0, room
		if _, err := s.run(t.Context()); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("room for %d files: got %v", room, err)
		}
		if got := stored(); !slices.Equal(got, before) {
			t.Errorf("room for %d files: stored are %q, before %q", room, got, before)
		}
	}
	disk.room = 1000
	s.now = s.now.Add(time.Minute)
	if _, err := s.run(t.Context()); err != nil {
		t.Error(err)
	}
}
