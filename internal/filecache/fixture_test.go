package filecache_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"feedmill/internal/filecache"
	"feedmill/storage"
	"feedmill/storage/memstore"
)

// object is a stored blob as the records know it.
type object struct {
	key  string
	b    []byte
	size int64
	sum  storage.Digest
}

// distant is a store whose answers can be bent, and which counts them.
type distant struct {
	storage.Store
	opens atomic.Int64
	bend  atomic.Pointer[func(io.ReadCloser, *storage.Info) (io.ReadCloser, error)]
}

func (d *distant) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	d.opens.Add(1)
	rc, info, err := d.Store.Open(ctx, key, r)
	if err != nil {
		return nil, info, err
	}
	if bend := d.bend.Load(); bend != nil {
		rc, err = (*bend)(rc, &info)
	}
	return rc, info, err
}

func (d *distant) set(f func(io.ReadCloser, *storage.Info) (io.ReadCloser, error)) {
	if f == nil {
		d.bend.Store(nil)
		return
	}
	d.bend.Store(&f)
}

// opener is what both ways of reading have in common.
type opener interface {
	OpenVerified(ctx context.Context, key string, size int64, sum storage.Digest, from, to int64) (io.ReadCloser, error)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, s storage.Store, name string, n int) object {
	t.Helper()
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)}).Read(b) // never fails
	o := object{key: name, b: b, size: int64(n), sum: sha256.Sum256(b)}
	_, err := s.Put(t.Context(), o.key, bytes.NewReader(b), o.size, storage.Attrs{Immutable: true, SHA256: o.sum})
	check(t, err)
	return o
}

func newCache(t testing.TB, dir string, opt filecache.Options) (*filecache.Cache, *distant) {
	t.Helper()
	d := &distant{Store: memstore.New(memstore.Options{})}
	return openCache(t, d, dir, opt), d
}

func openCache(t testing.TB, d *distant, dir string, opt filecache.Options) *filecache.Cache {
	t.Helper()
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	c, err := filecache.New(d, dir, opt)
	check(t, err)
	t.Cleanup(func() { _ = c.Close() }) // some tests have closed it
	return c
}

// read reads a part, and says whether it came as a file.
func read(c opener, o object, from, to int64) (b []byte, file bool, err error) {
	rc, err := c.OpenVerified(context.Background(), o.key, o.size, o.sum, from, to)
	if err != nil {
		return nil, false, err
	}
	defer rc.Close()
	if n, ok := rc.(interface {
		Next() (*os.File, int64, error)
	}); ok && from%2 == 0 {
		b, err = parts(rc, n.Next)
		return b, false, err
	}
	var r io.Reader = rc
	if f, ok := rc.(storage.FileReader); ok {
		file, r = true, io.LimitReader(f.File(), to-from)
	}
	b, err = io.ReadAll(r)
	return b, file, err
}

// parts reads as the system would send: from the file, as far as it may go out.
func parts(rc io.Reader, next func() (*os.File, int64, error)) (b []byte, err error) {
	for {
		f, n, err := next()
		switch {
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, err
		case f == nil:
			rest, err := io.ReadAll(rc)
			return append(b, rest...), err
		}
		part := make([]byte, n)
		m, err := io.ReadFull(f, part)
		if b = append(b, part[:m]...); err != nil {
			return b, err
		}
	}
}

func want(t testing.TB, c opener, o object, from, to int64) {
	t.Helper()
	b, _, err := read(c, o, from, to)
	if err != nil || !bytes.Equal(b, o.b[from:to]) {
		t.Errorf("bytes %d to %d of %s: got %d bytes, %v", from, to, o.key, len(b), err)
	}
}

// diskUse adds up the files below a folder.
func diskUse(t testing.TB, dir string) (bytes int64, names []string) {
	t.Helper()
	check(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "lock" {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		bytes += (info.Size() + 4095) / 4096 * 4096
		names = append(names, d.Name())
		return nil
	}))
	return bytes, names
}

// gate lets a reader through only as far as it is opened.
type gate struct {
	rc   io.ReadCloser
	ctx  context.Context
	mu   sync.Mutex
	open int64
	more chan struct{}
	at   int64
}

func newGate(ctx context.Context, rc io.ReadCloser) *gate {
	return &gate{rc: rc, ctx: ctx, more: make(chan struct{})}
}

func (g *gate) pass(n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open += n
	close(g.more)
	g.more = make(chan struct{})
}

func (g *gate) Read(p []byte) (int, error) {
	for {
		g.mu.Lock()
		left, more := g.open-g.at, g.more
		g.mu.Unlock()
		if left > 0 {
			n, err := g.rc.Read(p[:min(int64(len(p)), left)])
			g.at += int64(n)
			return n, err
		}
		select {
		case <-more:
		case <-g.ctx.Done():
			return 0, g.ctx.Err()
		}
	}
}

func (g *gate) Close() error { return g.rc.Close() }

type replaced struct {
	io.Reader
	io.Closer
}

var errReset = errors.New("connection reset by peer")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errReset }

// Example reads through a cache twice; the second time the store is not asked.
func Example() {
	dir, err := os.MkdirTemp("", "cache")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	store := memstore.New(memstore.Options{})
	body := []byte("<offer/>")
	info, err := store.Put(context.Background(), "m/x/full", bytes.NewReader(body), int64(len(body)), storage.Attrs{})
	if err != nil {
		panic(err)
	}
	cache, err := filecache.New(store, dir, filecache.Options{MaxBytes: 1 << 30})
	if err != nil {
		panic(err)
	}
	defer cache.Close()
	for range 2 {
		r, err := cache.OpenVerified(context.Background(), info.Key, info.Size, info.SHA256, 0, info.Size)
		if err != nil {
			panic(err)
		}
		b, err := io.ReadAll(r)
		r.Close()
		fmt.Println(string(b), err)
	}
	s := cache.Stats()
	fmt.Println(s.Misses, "miss,", s.Hits, "hit")
	// Output:
	// <offer/> <nil>
	// <offer/> <nil>
	// 1 miss, 1 hit
}

// ExampleNewChecked stands before a store whose objects are local files.
func ExampleNewChecked() {
	store := memstore.New(memstore.Options{})
	info, err := store.Put(context.Background(), "m/x/full", bytes.NewReader([]byte("<offer/>")), -1, storage.Attrs{})
	if err != nil {
		panic(err)
	}
	checked := filecache.NewChecked(store, filecache.Options{})
	defer checked.Close()
	r, err := checked.OpenVerified(context.Background(), info.Key, info.Size, info.SHA256, 1, 6)
	if err != nil {
		panic(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	fmt.Println(string(b), err)
	// Output: offer <nil>
}
