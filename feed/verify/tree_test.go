package verify_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/publish/folder"
	"feedmill/feed/verify"
)

var (
	start = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	// now is when the trees are checked: a minute after their last run.
	now  = start.Add(5*time.Hour + time.Minute)
	zone = time.FixedZone("", 3600)
	pol  = feed.MustLanguage("pol")
)

func texts(s string) feed.Texts { return feed.Texts{{Lang: pol, Value: s}} }

// product makes a product that refers to every dictionary.
func product(t testing.TB, id feed.ProductID, minor, pieces int64) feed.Product {
	t.Helper()
	amount, err := feed.AmountOf(minor)
	if err != nil {
		t.Fatal(err)
	}
	vat, err := feed.ParsePercent("23")
	if err != nil {
		t.Fatal(err)
	}
	price, err := feed.PriceFromNet(amount, vat)
	if err != nil {
		t.Fatal(err)
	}
	return feed.Product{ID: id, Currency: feed.MustCurrency("PLN"), VAT: vat, DisplayCode: fmt.Sprintf("P-%d", id),
		Producer: feed.Ref{ID: "50", Name: "Zielony Dom"}, Category: feed.Reference{ID: "1", Names: texts("Rzeczy")},
		Unit: feed.Reference{ID: "0", Names: texts("szt.")}, Series: feed.Reference{ID: "9", Names: texts("Seria")},
		Warranty: feed.WarrantyRef{ID: "2"},
		Names:    texts(fmt.Sprintf("Produkt %d", id)), LongDescs: texts("<p>Opis</p>"), Prices: feed.Prices{List: price},
		SizeGroup: feed.Ref{ID: feed.OneSizeGroup, Name: "one size"},
		Sizes: []feed.Size{{ID: "uniw", Name: "one size", Code: fmt.Sprintf("%d-uniw", id), Prices: feed.Prices{List: price},
			Stock: []feed.Stock{{Warehouse: 1, Quantity: feed.Pieces(pieces)}}}},
		Group:      &feed.Group{ID: "1", First: "1", FirstCode: "1-uniw", Parameter: feed.GroupName{ID: "7", Names: texts("Kolor")}, Value: feed.GroupName{ID: "71", Names: texts("czerwony")}},
		Parameters: []feed.Parameter{{ID: "7", Names: texts("Kolor"), Values: []feed.ParameterValue{{ID: "71", Names: texts("czerwony")}}}},
	}
}

func dictionaries() *feed.Dictionaries {
	return &feed.Dictionaries{
		Producers:  []feed.Ref{{ID: "50", Name: "Zielony Dom"}},
		Categories: []feed.Category{{ID: "1", Names: texts("Rzeczy")}},
		Units:      []feed.Unit{{ID: "0", Names: texts("szt.")}},
		Series:     []feed.SeriesEntry{{ID: "9", Names: texts("Seria")}},
		Warranties: []feed.Warranty{{ID: "2", Kind: feed.WarrantyProducer, Names: texts("24 miesiące")}},
		Warehouses: []feed.Warehouse{{ID: 1, Names: texts("Magazyn")}},
		SizeGroups: []feed.SizeGroup{{ID: feed.OneSizeGroup, Name: "one size", Sizes: []feed.SizeEntry{{ID: "uniw", Names: texts("one size")}}}},
		Parameters: []feed.ParameterEntry{{ID: "7", Names: texts("Kolor")}},
		Values:     []feed.ParameterEntry{{ID: "71", Names: texts("czerwony")}},
	}
}

// catalog is a changing catalog.
type catalog map[feed.ProductID]feed.Product

// publishOnce makes one run of the real program into a folder.
func publishOnce(t testing.TB, dir string, at time.Time, c catalog, dicts *feed.Dictionaries, s publish.Settings) {
	t.Helper()
	f, err := folder.Open(dir, folder.Options{Now: at, Zone: zone, Supplier: feed.Supplier{Name: "Zielony Dom", ShortName: "zd", Email: "b2b@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	spool, err := f.Spool()
	if err != nil {
		t.Fatal(err)
	}
	s.MaxLoss, s.Gzip, s.Zone = 100, true, zone
	_, err = publish.Do(context.Background(), f, f, publish.Request{Merchant: "m", Now: at, Spool: spool, Settings: s,
		Profiles: []feed.Profile{{Languages: []feed.Language{pol}, Currency: feed.MustCurrency("PLN"), CSV: true}},
		Catalog: publish.Catalog{Language: pol, Currency: feed.MustCurrency("PLN"), Known: dicts, Dictionaries: func() *feed.Dictionaries { return dicts },
			Products: func(context.Context) iter.Seq2[*feed.Product, error] {
				return func(yield func(*feed.Product, error) bool) {
					for _, id := range slices.Sorted(maps.Keys(c)) {
						p := c[id]
						if !yield(&p, nil) {
							return
						}
					}
				}
			}}})
	if err != nil {
		t.Fatal(err)
	}
}

// kept is what the history of a folder was, run by run, for records.
type kept struct {
	gens  map[int64]verify.Generation
	bytes map[string][]byte // of every file that was ever stored, by its name in the folder
}

// history publishes the folder that the tests damage: three full files, change
// files before and after the last one, products added, changed, removed and
// brought back, and a generation that changed a dictionary alone.
func history(t testing.TB, dir string) *kept {
	t.Helper()
	k := &kept{gens: map[int64]verify.Generation{}, bytes: map[string][]byte{}}
	c, dicts := catalog{}, dictionaries()
	for id := feed.ProductID(1); id <= 8; id++ {
		c[id] = product(t, id, 1000+int64(id), 5)
	}
	step := 0
	run := func(s publish.Settings) {
		s.FullShare = 1000
		publishOnce(t, dir, start.Add(time.Duration(step)*time.Hour/2), c, dicts, s)
		step++
		k.note(t, dir)
	}
	run(publish.Settings{}) // 1: full, light
	c[3] = product(t, 3, 2000, 4)
	run(publish.Settings{}) // a change
	delete(c, 4)
	c[9] = product(t, 9, 500, 1)
	run(publish.Settings{}) // one gone, one new
	c[5] = product(t, 5, 700, 0)
	run(publish.Settings{FullEvery: -1}) // a change and a full
	dicts.Producers = append(dicts.Producers, feed.Ref{ID: "51", Name: "Another"})
	run(publish.Settings{}) // a dictionary alone
	c[4] = product(t, 4, 1004, 5)
	run(publish.Settings{}) // back again
	c[6] = product(t, 6, 600, 3)
	c[5] = product(t, 5, 701, 2)
	run(publish.Settings{FullEvery: -1}) // a change and a full
	delete(c, 8)
	run(publish.Settings{})
	c[1] = product(t, 1, 1111, 1)
	c[10] = product(t, 10, 100, 1)
	run(publish.Settings{})
	c[2] = product(t, 2, 1, 1)
	step = 10
	run(publish.Settings{})
	return k
}

// tree is a copy of the undamaged folder, to be damaged.
type tree struct {
	t   testing.TB
	dir string
}

func newTree(t testing.TB, from string) *tree {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "offer")
	// Links are cheap; whoever writes makes a file of his own.
	err := filepath.WalkDir(from, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(dir, rel), 0o755)
		}
		return os.Link(name, filepath.Join(dir, rel))
	})
	if err != nil {
		t.Fatal(err)
	}
	return &tree{t, dir}
}

func (d *tree) path(name string) string { return filepath.Join(d.dir, filepath.FromSlash(name)) }

func (d *tree) read(name string) []byte {
	d.t.Helper()
	data, err := os.ReadFile(d.path(name))
	if err != nil {
		d.t.Fatal(err)
	}
	return data
}

func (d *tree) write(name string, data []byte) {
	d.t.Helper()
	if err := os.MkdirAll(filepath.Dir(d.path(name)), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Remove(d.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(d.path(name), data, 0o644); err != nil {
		d.t.Fatal(err)
	}
}

func (d *tree) remove(names ...string) {
	d.t.Helper()
	for _, name := range names {
		if err := os.Remove(d.path(name)); err != nil {
			d.t.Fatal(err)
		}
	}
}

// replace changes text in a file, exactly once, and nothing else.
func (d *tree) replace(name, old, new string) {
	d.t.Helper()
	data := string(d.read(name))
	if n := strings.Count(data, old); n != 1 {
		d.t.Fatalf("%s has %q %d times, want once", name, old, n)
	}
	d.write(name, []byte(strings.Replace(data, old, new, 1)))
}

// jsonDoc edits a JSON document.
func (d *tree) jsonDoc(name string, edit func(doc map[string]any)) {
	d.t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(d.read(name), &doc); err != nil {
		d.t.Fatal(err)
	}
	edit(doc)
	data, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		d.t.Fatal(err)
	}
	d.write(name, data)
}

// manifestFiles gives the entries of a manifest.
func manifestFiles(doc map[string]any) (list []map[string]any) {
	for _, f := range doc["files"].([]any) {
		list = append(list, f.(map[string]any))
	}
	return list
}

// entry edits the entry of an address in the manifest; nil fields are removed.
func (d *tree) entry(address string, fields map[string]any) {
	d.t.Helper()
	found := false
	d.jsonDoc("manifest.json", func(doc map[string]any) {
		for _, f := range manifestFiles(doc) {
			if f["url"] == address {
				found = true
				for k, v := range fields {
					if f[k] = v; v == nil {
						delete(f, k)
					}
				}
			}
		}
	})
	if !found {
		d.t.Fatalf("the manifest does not list %s", address)
	}
}

// top edits the manifest as a whole.
func (d *tree) top(field string, v any) {
	d.t.Helper()
	d.jsonDoc("manifest.json", func(doc map[string]any) {
		if doc[field] = v; v == nil {
			delete(doc, field)
		}
	})
}

// find gives the address of the present file of a kind, for change files of
// the i-th newest.
func (d *tree) find(kind string, i int) string {
	d.t.Helper()
	var list []string
	var doc map[string]any
	if err := json.Unmarshal(d.read("manifest.json"), &doc); err != nil {
		d.t.Fatal(err)
	}
	for _, f := range manifestFiles(doc) {
		if f["kind"] == kind {
			list = append(list, f["url"].(string))
		}
	}
	if i >= len(list) {
		d.t.Fatalf("the manifest lists %d files of kind %s", len(list), kind)
	}
	return list[i]
}

// changesAfterFull counts the change files that are newer than the full one.
func (d *tree) changesAfterFull() (n int) {
	full := number(d.find("full", 0))
	var doc map[string]any
	if err := json.Unmarshal(d.read("manifest.json"), &doc); err != nil {
		d.t.Fatal(err)
	}
	for _, f := range manifestFiles(doc) {
		if f["kind"] == "full_change" && int64(f["generation"].(float64)) > full {
			n++
		}
	}
	return n
}

func number(address string) (n int64) {
	dir, _, _ := strings.Cut(address, "/")
	fmt.Sscan(dir, &n)
	return n
}

// edit changes a file and everything that is said of it: manifest, gateway,
// notes, plain copy and compressed twin, as a run would that wrote such a file.
func (d *tree) edit(address string, change func(text string) string) {
	d.t.Helper()
	before := d.read(address)
	after := []byte(change(string(before)))
	if bytes.Equal(before, after) {
		d.t.Fatalf("nothing was changed in %s", address)
	}
	d.write(address, after)
	d.write(path.Base(address), after)
	fields := map[string]any{"size": len(after), "md5": fmt.Sprintf("%x", md5.Sum(after)), "sha256": fmt.Sprintf("%x", sha256.Sum256(after))}
	if _, err := os.Stat(d.path(address + ".gz")); err == nil {
		packed := pack(d.t, after)
		d.write(address+".gz", packed)
		d.write(path.Base(address)+".gz", packed)
		fields["gzip_size"], fields["gzip_sha256"] = len(packed), fmt.Sprintf("%x", sha256.Sum256(packed))
		d.note(address+".gz", packed)
	}
	d.entry(address, fields)
	d.note(address, after)
	old, sum := fmt.Sprintf("%x", md5.Sum(before)), fmt.Sprintf("%x", md5.Sum(after))
	d.write("gateway.xml", []byte(strings.ReplaceAll(string(d.read("gateway.xml")), old, sum)))
}

// signGzip puts other bytes into a compressed twin and says so everywhere.
func (d *tree) signGzip(address string, packed []byte) {
	d.t.Helper()
	d.write(address+".gz", packed)
	d.write(path.Base(address)+".gz", packed)
	d.entry(address, map[string]any{"gzip_size": len(packed), "gzip_sha256": fmt.Sprintf("%x", sha256.Sum256(packed))})
	d.note(address+".gz", packed)
}

// note says in the notes of the folder what a file is now.
func (d *tree) note(key string, data []byte) {
	d.t.Helper()
	d.jsonDoc(".feedmill/offer.json", func(doc map[string]any) {
		walk(doc, func(m map[string]any) {
			if m["Key"] == key {
				m["Size"], m["MD5"], m["SHA256"] = len(data), fmt.Sprintf("%x", md5.Sum(data)), fmt.Sprintf("%x", sha256.Sum256(data))
			}
		})
	})
}

func walk(v any, fn func(map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			walk(x, fn)
		}
	case map[string]any:
		fn(v)
		for _, x := range v {
			walk(x, fn)
		}
	}
}

// forget takes a file out of manifest, gateway and notes, and off the disk.
func (d *tree) forget(address string) {
	d.t.Helper()
	d.jsonDoc("manifest.json", func(doc map[string]any) {
		doc["files"] = slices.DeleteFunc(doc["files"].([]any), func(f any) bool { return f.(map[string]any)["url"] == address })
	})
	d.jsonDoc(".feedmill/offer.json", func(doc map[string]any) {
		for _, g := range []string{"full", "light"} {
			gen := doc[g].(map[string]any)
			gen["Files"] = slices.DeleteFunc(gen["Files"].([]any), func(f any) bool {
				return f.(map[string]any)["Plain"].(map[string]any)["Key"] == address
			})
		}
	})
	text := string(d.read("gateway.xml"))
	from := strings.Index(text, `<change url="`+address)
	if from < 0 {
		d.t.Fatalf("the gateway does not name %s as a change file", address)
	}
	to := from + strings.Index(text[from:], "\n") + 1
	d.write("gateway.xml", []byte(text[:from]+text[to:]))
	for _, ending := range []string{"", ".gz"} {
		d.remove(address+ending, path.Base(address)+ending)
	}
}

// gatewayLine edits the line of the gateway that names an address.
func (d *tree) gatewayLine(address string, change func(line string) string) {
	d.t.Helper()
	lines := strings.Split(string(d.read("gateway.xml")), "\n")
	i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, `url="`+address) })
	if i < 0 {
		d.t.Fatalf("the gateway does not name %s", address)
	}
	lines[i] = change(lines[i])
	d.write("gateway.xml", []byte(strings.Join(lines, "\n")))
}

func pack(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// nodeOf gives the node of a product in a file.
func nodeOf(t testing.TB, text string, id int) string {
	t.Helper()
	from := strings.Index(text, fmt.Sprintf(`<product id="%d"`, id))
	if from < 0 {
		t.Fatalf("there is no product %d in\n%s", id, text)
	}
	rest := text[from:]
	if i := strings.Index(rest, ">"); rest[i-1] == '/' {
		return rest[:i+1] + "\n"
	}
	return rest[:strings.Index(rest, "</product>\n")+len("</product>\n")]
}

// in changes text within the node of a product.
func in(t testing.TB, id int, old, new string) func(string) string {
	return func(text string) string {
		n := nodeOf(t, text, id)
		if !strings.Contains(n, old) {
			t.Fatalf("product %d has no %q in\n%s", id, old, n)
		}
		return strings.Replace(text, n, strings.Replace(n, old, new, 1), 1)
	}
}

// without takes the node of a product out of a file.
func without(t testing.TB, id int) func(string) string {
	return func(text string) string { return strings.Replace(text, nodeOf(t, text, id), "", 1) }
}
