package verify_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/feed/verify"
	"feedmill/storage"
	"feedmill/storage/memstore"
)

// note remembers the generations and files of a folder after a run.
func (k *kept) note(t testing.TB, dir string) {
	t.Helper()
	var notes struct {
		Full, Light publish.Generation
	}
	data, err := os.ReadFile(filepath.Join(dir, ".feedmill", "offer.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &notes); err != nil {
		t.Fatal(err)
	}
	for _, g := range []*publish.Generation{&notes.Full, &notes.Light} {
		k.gens[g.Number] = generation(g)
	}
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			k.bytes[name], err = os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func generation(g *publish.Generation) verify.Generation {
	blob := func(b *publish.Blob) verify.Blob {
		if b.IsZero() {
			return verify.Blob{}
		}
		return verify.Blob{Key: b.Key, Size: b.Size, MD5: b.MD5, SHA256: b.SHA256, State: "live"}
	}
	out := verify.Generation{Feed: verify.Feed{Merchant: "m1", Kind: g.Feed.Kind, Key: "k-" + g.Feed.Kind.String()}, Number: g.Number, Base: g.Base, Epoch: g.Epoch,
		Time: g.Time, Expires: g.Expires, Products: g.Products, States: []verify.Blob{blob(&g.State)}}
	for i := range g.Layers {
		out.States = append(out.States, blob(&g.Layers[i]))
	}
	for i := range g.Files {
		f := &g.Files[i]
		out.Files = append(out.Files, verify.File{Kind: f.Kind, Label: f.Label, Generation: f.Generation, Changed: f.Changed, Products: f.Products,
			Base: f.Base, Target: f.Target, Plain: blob(&f.Plain), Gzip: blob(&f.Gzip)})
	}
	return out
}

// installation is the history of a folder as records and a store would hold it.
type installation struct {
	t      testing.TB
	gens   []verify.Generation
	blobs  []verify.Blob
	offers []verify.Offer
	err    error // of every listing
	store  *memstore.Store
	at     time.Time // of what is put into the store
}

// newInstallation puts the files of a history into a store, under keys as a
// run gives them, and its generations into records.
func newInstallation(t testing.TB, k *kept) *installation {
	t.Helper()
	in := &installation{t: t, at: now.Add(-48 * time.Hour)}
	in.store = memstore.New(memstore.Options{Now: func() time.Time { return in.at }})
	in.offers = []verify.Offer{{Merchant: "m1", Name: "Nord Shop", Full: "k-full", Light: "k-light"}}
	keys := map[string]string{}
	move := func(b *verify.Blob, state bool) {
		if b.Key == "" {
			return
		}
		data, ok := k.bytes[b.Key]
		if !ok {
			t.Fatalf("there was no file %s", b.Key)
		}
		if keys[b.Key] == "" {
			key, err := storage.Blob{Merchant: "m1", State: state, SHA256: storage.Sum(data), Run: "run", N: len(keys)}.Key()
			if err != nil {
				t.Fatal(err)
			}
			keys[b.Key] = key
			in.put(key, data)
			copied := *b
			copied.Key = key
			in.blobs = append(in.blobs, copied)
		}
		b.Key = keys[b.Key]
	}
	for _, g := range k.gens {
		g.Files, g.States = slices.Clone(g.Files), slices.Clone(g.States)
		for i := range g.Files {
			move(&g.Files[i].Plain, false)
			move(&g.Files[i].Gzip, false)
		}
		for i := range g.States {
			move(&g.States[i], true)
		}
		in.gens = append(in.gens, g)
	}
	slices.SortFunc(in.gens, func(a, b verify.Generation) int {
		return cmp.Or(cmp.Compare(a.Feed.Kind, b.Feed.Kind), cmp.Compare(a.Number, b.Number))
	})
	for i := range in.gens {
		g := &in.gens[i]
		if i+1 < len(in.gens) && in.gens[i+1].Feed == g.Feed {
			g.Retired = in.gens[i+1].Time
		} else {
			g.Current = true
		}
	}
	return in
}

func (in *installation) put(key string, data []byte) {
	in.t.Helper()
	if _, err := in.store.Put(context.Background(), key, bytes.NewReader(data), int64(len(data)), storage.Attrs{}); err != nil {
		in.t.Fatal(err)
	}
}

// damage changes the stored bytes of a blob.
func (in *installation) damage(key string, change func([]byte) []byte) {
	in.t.Helper()
	r, _, err := in.store.Open(context.Background(), key, storage.Range{})
	if err != nil {
		in.t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil {
		in.t.Fatal(err)
	}
	in.put(key, change(b.Bytes()))
}

// current gives the current generation of a kind.
func (in *installation) current(k feed.Kind) *verify.Generation {
	for i := range in.gens {
		if in.gens[i].Current && in.gens[i].Feed.Kind == k {
			return &in.gens[i]
		}
	}
	in.t.Fatalf("no current %v", k)
	return nil
}

// first gives the oldest generation of a kind.
func (in *installation) first(k feed.Kind) *verify.Generation {
	for i := range in.gens {
		if in.gens[i].Feed.Kind == k {
			return &in.gens[i]
		}
	}
	in.t.Fatalf("no %v", k)
	return nil
}

// file gives a file of a generation.
func (in *installation) file(g *verify.Generation, k feed.Kind) *verify.File {
	for i := range g.Files {
		if g.Files[i].Kind == k {
			return &g.Files[i]
		}
	}
	in.t.Fatalf("generation %d lists no %v", g.Number, k)
	return nil
}

// each calls fn for every mention of a file in all generations.
func (in *installation) each(k feed.Kind, generation int64, fn func(f *verify.File)) {
	n := 0
	for i := range in.gens {
		for j := range in.gens[i].Files {
			if f := &in.gens[i].Files[j]; f.Kind == k && f.Generation == generation {
				fn(f)
				n++
			}
		}
	}
	if n == 0 {
		in.t.Fatalf("no %v of generation %d", k, generation)
	}
}

func (in *installation) Merchants(context.Context) ([]string, error) { return []string{"m1"}, nil }

func (in *installation) Generations(context.Context, string) iter.Seq2[verify.Generation, error] {
	return list(in.gens, in.err)
}

func (in *installation) Offers(context.Context, string) iter.Seq2[verify.Offer, error] {
	return list(in.offers, in.err)
}

func (in *installation) Blobs(context.Context, string) iter.Seq2[verify.Blob, error] {
	return list(in.blobs, in.err)
}

func list[T any](items []T, err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range items {
			if !yield(v, nil) {
				return
			}
		}
		var none T
		if err != nil {
			yield(none, err)
		}
	}
}

var errLedger = errors.New("the database is away")
