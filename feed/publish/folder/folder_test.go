package folder_test

import (
	"context"
	"crypto/md5"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/publish/folder"
	"feedmill/schema/schematest"
)

var start = time.Date(2026, 11, 21, 19, 0, 0, 0, time.UTC)

// product makes a product whose name is a token, so that files tell which run made them.
func product(t testing.TB, id feed.ProductID, token string) feed.Product {
	t.Helper()
	net, err := feed.AmountOf(100)
	if err != nil {
		t.Fatal(err)
	}
	price, err := feed.PriceFromNet(net, feed.Percent{})
	if err != nil {
		t.Fatal(err)
	}
	pol := feed.MustLanguage("pol")
	return feed.Product{ID: id, Currency: feed.MustCurrency("PLN"), DisplayCode: token,
		Category: feed.Reference{ID: "1", Names: feed.Texts{{Lang: pol, Value: "Rzeczy"}}},
		Names:    feed.Texts{{Lang: pol, Value: token}}, Prices: feed.Prices{List: price}, SizeGroup: feed.Ref{ID: feed.OneSizeGroup, Name: "one size"},
		Sizes: []feed.Size{{ID: "uniw", Name: "one size", Code: fmt.Sprintf("%d-%s", id, token), Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(1)}}}}}
}

// run publishes products into dir at a time.
func run(t testing.TB, dir string, at time.Time, opt folder.Options, products ...feed.Product) (r publish.Report) {
	t.Helper()
	opt.Now = at
	r, err := runOn(func() (*folder.Folder, error) { return folder.Open(dir, opt) }, at, products...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// runOn publishes products into a folder.
func runOn(open func() (*folder.Folder, error), at time.Time, products ...feed.Product) (r publish.Report, err error) {
	f, err := open()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	spool, err := f.Spool()
	if err != nil {
		return r, err
	}
	dicts := &feed.Dictionaries{Categories: []feed.Category{{ID: "1"}}, Warehouses: []feed.Warehouse{{ID: 1}}}
	r, err = publish.Do(context.Background(), f, f, publish.Request{Merchant: "m", Profiles: make([]feed.Profile, 1), Now: at, Spool: spool,
		Settings: publish.Settings{MaxLoss: 100, Gzip: true},
		Catalog: publish.Catalog{Language: feed.MustLanguage("pol"), Currency: feed.MustCurrency("PLN"), Known: dicts, Dictionaries: func() *feed.Dictionaries { return dicts },
			Products: func(context.Context) iter.Seq2[*feed.Product, error] {
				return func(yield func(*feed.Product, error) bool) {
					for i := range products {
						if !yield(&products[i], nil) {
							return
						}
					}
				}
			}}})
	if err != nil {
		return r, err
	}
	_, err = f.Refresh()
	return r, err
}

// check proves that a folder is whole: every file that the manifest names is
// there under its address and under its plain name, with its size and hash,
// and the gateway names nothing else.
func check(t testing.TB, dir string) publish.Manifest {
	t.Helper()
	var m publish.Manifest
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	gateway, err := os.ReadFile(filepath.Join(dir, "gateway.xml"))
	if err != nil {
		t.Fatal(err)
	}
	schematest.Valid(t, "gateway.xml", gateway)
	for _, f := range m.Files {
		for _, name := range []string{f.URL, filepath.Base(f.URL)} {
			data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
			if err != nil {
				t.Fatal(err)
			}
			schematest.Valid(t, filepath.Base(name), data)
			if int64(len(data)) != f.Size || md5.Sum(data) != f.MD5 {
				t.Fatalf("%s has %d bytes and MD5 %x, the manifest says %d and %s", name, len(data), md5.Sum(data), f.Size, f.MD5)
			}
		}
		if !strings.Contains(string(gateway), `url="`+f.URL+`"`) || !strings.Contains(string(gateway), f.MD5.String()) {
			t.Fatalf("the gateway does not name %s with its hash:\n%s", f.URL, gateway)
		}
	}
	return m
}

func TestPublishAndPublishAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "offer")
	run(t, dir, start, folder.Options{}, product(t, 1, "a"), product(t, 2, "a"), product(t, 3, "a"), product(t, 4, "a"))
	first := check(t, dir)
	before := tree(t, dir)
	run(t, dir, start.Add(time.Hour), folder.Options{}, product(t, 1, "a"), product(t, 2, "a"), product(t, 3, "a"), product(t, 4, "a"))
	if after := tree(t, dir); after != before {
		t.Fatalf("an unchanged catalog changes the folder:\n%s\nbefore:\n%s", after, before)
	}
	run(t, dir, start.Add(2*time.Hour), folder.Options{}, product(t, 1, "b"), product(t, 2, "a"), product(t, 3, "a"), product(t, 4, "a"))
	second := check(t, dir)
	if second.Sequence <= first.Sequence {
		t.Fatalf("sequence %d after %d", second.Sequence, first.Sequence)
	}
	if _, err := os.Stat(filepath.Join(dir, "full_change2026-11-21T21-00-00.xml")); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "offer" && e.Name() != ".offer.lock" {
			t.Errorf("%s is left beside the folder", e.Name())
		}
	}
}

// tree lists names, sizes, times and contents' lengths of everything in a folder.
func tree(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintln(&b, path, info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A reader who resolves the folder's name at any moment finds a whole offer.
func TestReadersSeeWholeOffers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "offer")
	run(t, dir, start, folder.Options{}, product(t, 1, "run0"))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for reads := 0; ; reads++ {
				select {
				case <-stop:
					if reads == 0 {
						t.Error("nothing was read")
					}
					return
				default:
				}
				// Every file that a gateway names stays readable while it is read.
				var m publish.Manifest
				data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
				if err != nil {
					t.Error(err)
					return
				}
				if err := json.Unmarshal(data, &m); err != nil {
					t.Error(err)
					return
				}
				for _, f := range m.Files {
					data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(f.URL)))
					if err != nil || md5.Sum(data) != f.MD5 {
						t.Errorf("%s: %v, or its hash is another", f.URL, err)
						return
					}
				}
			}
		})
	}
	for i := range 8 {
		run(t, dir, start.Add(time.Duration(i+1)*time.Minute), folder.Options{}, product(t, 1, fmt.Sprint("run", i+1)))
	}
	close(stop)
	wg.Wait()
	check(t, dir)
}

func TestReplacedFilesAreKeptForAWhile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "offer")
	run(t, dir, start, folder.Options{}, product(t, 1, "a"))
	first := check(t, dir)
	var full, light string
	for _, f := range first.Files {
		switch f.Kind {
		case feed.KindFull:
			full = f.URL
		case feed.KindLight:
			light = f.URL
		}
	}
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
		return err == nil
	}
	at := start.Add(time.Hour)
	run(t, dir, at, folder.Options{}, product(t, 1, "b"))
	if !there(full) || !there(light) {
		t.Fatal("a replaced file is gone at once")
	}
	run(t, dir, at.Add(3*time.Hour), folder.Options{}, product(t, 1, "c"))
	if !there(full) || there(light) {
		t.Fatalf("three hours later full is there: %v (want true), light: %v (want false)", there(full), there(light))
	}
	run(t, dir, at.Add(73*time.Hour), folder.Options{}, product(t, 1, "d"))
	if there(full) {
		t.Fatal("full is still there 73 hours after it was replaced")
	}
	check(t, dir)
}

func TestBaseURLAndSupplierAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "offer")
	run(t, dir, start, folder.Options{}, product(t, 1, "a"))
	run(t, dir, start, folder.Options{BaseURL: "https://feeds.example.com/x/", Supplier: feed.Supplier{Name: "Żółw"}}, product(t, 1, "a"))
	gateway, err := os.ReadFile(filepath.Join(dir, "gateway.xml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`url="https://feeds.example.com/x/1/full.xml"`, "Zolw"} {
		if !strings.Contains(string(gateway), want) {
			t.Errorf("the gateway lacks %s:\n%s", want, gateway)
		}
	}
}

func TestForeignFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Open(dir, folder.Options{Now: start}); feed.KindOf(err) != feed.KindInvalid {
		t.Fatalf("a folder with foreign files: %v, want it refused", err)
	}
	out := filepath.Join(t.TempDir(), "offer")
	run(t, out, start, folder.Options{}, product(t, 1, "a"))
	if err := os.WriteFile(filepath.Join(out, "robots.txt"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, out, start.Add(time.Hour), folder.Options{}, product(t, 1, "b"))
	if data, err := os.ReadFile(filepath.Join(out, "robots.txt")); err != nil || string(data) != "mine" {
		t.Fatalf("a file that was put into the folder: %q, %v", data, err)
	}
	if err := os.Mkdir(filepath.Join(out, "images"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Open(out, folder.Options{Now: start}); feed.KindOf(err) != feed.KindInvalid {
		t.Fatalf("a foreign folder inside: %v, want it refused", err)
	}
}

func TestFolderIsHeldByOne(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "offer")
	f, err := folder.Open(dir, folder.Options{Now: start})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Open(dir, folder.Options{Now: start}); err == nil {
		t.Fatal("two hold the folder")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	run(t, dir, start, folder.Options{}, product(t, 1, "a"))
}

// What a killed run leaves beside the folder is removed by the next.
func TestLeftoversAreSwept(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	left := filepath.Join(parent, ".offer.next-123")
	if err := os.MkdirAll(filepath.Join(left, "12"), 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, filepath.Join(parent, "offer"), start, folder.Options{}, product(t, 1, "a"))
	if _, err := os.Stat(left); err == nil {
		t.Fatal("the leftover is still there")
	}
}

func TestCheckBaseURL(t *testing.T) {
	t.Parallel()
	for s, ok := range map[string]bool{"": true, "https://a.example/x": true, "http://a:8080": true, "ftp://a": false, "a/b": false,
		"https://a/?x=1": false, "https://a/#x": false, "https:///x": false, "https://a/b&c": false} {
		if err := folder.CheckBaseURL(s); (err == nil) != ok {
			t.Errorf("CheckBaseURL(%q) = %v", s, err)
		}
	}
}
