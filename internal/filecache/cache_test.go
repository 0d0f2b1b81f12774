package filecache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/internal/filecache"
	"feedmill/internal/testclock"
	"feedmill/storage"
)

// TestParts reads parts of objects of telling lengths, the first time and later.
func TestParts(t *testing.T) {
	t.Parallel()
	const held = 64 << 10
	for _, wait := range []int64{1, 1 << 30} {
		for _, n := range []int{0, 1, held - 1, held, held + 1, 3*held + 17, 2<<20 + 5} {
			c, d := newCache(t, t.TempDir(), filecache.Options{Wait: wait})
			o := put(t, d, "a", n)
			for round := range 2 {
				for _, p := range [][2]int64{{0, o.size}, {0, o.size / 2}, {o.size / 2, o.size}, {o.size / 3, o.size / 2}, {o.size, o.size}, {0, min(1, o.size)}} {
					b, file, err := read(c, o, p[0], p[1])
					if err != nil || !bytes.Equal(b, o.b[p[0]:p[1]]) {
						t.Fatalf("%d bytes, round %d, %v: %d bytes, %v", n, round, p, len(b), err)
					}
					if round == 1 && !file {
						t.Errorf("%d bytes, %v: not handed out as a file", n, p)
					}
				}
			}
			if opens := d.opens.Load(); opens != 1 {
				t.Errorf("%d bytes: the store was asked %d times, want once", n, opens)
			}
			for _, p := range [][2]int64{{-1, 0}, {1, 0}, {0, o.size + 1}} {
				if _, _, err := read(c, o, p[0], p[1]); !errors.Is(err, storage.ErrRange) {
					t.Errorf("%d bytes, %v: got %v", n, p, err)
				}
			}
		}
	}
}

// TestSingleFlight has many ask for one object at once.
func TestSingleFlight(t *testing.T) {
	t.Parallel()
	for _, wait := range []int64{1, 1 << 30} {
		c, d := newCache(t, t.TempDir(), filecache.Options{Wait: wait})
		o := put(t, d, "a", 3<<20)
		var g atomic.Pointer[gate]
		opened := make(chan struct{})
		d.set(func(rc io.ReadCloser, _ *storage.Info) (io.ReadCloser, error) {
			g.Store(newGate(t.Context(), rc))
			close(opened)
			return g.Load(), nil
		})
		var work sync.WaitGroup
		for i := range 40 {
			work.Go(func() { want(t, c, o, int64(i), o.size-int64(i)) })
		}
		<-opened
		for range 30 {
			g.Load().pass(100_000)
		}
		g.Load().pass(o.size)
		work.Wait()
		if n := d.opens.Load(); n != 1 {
			t.Errorf("the store was asked %d times", n)
		}
	}
}

// TestFollow reads a large object while it arrives: what has arrived goes out,
// but for the end, which waits until all is verified.
func TestFollow(t *testing.T) {
	t.Parallel()
	c, d := newCache(t, t.TempDir(), filecache.Options{Wait: 1})
	o := put(t, d, "a", 4<<20)
	var g *gate
	d.set(func(rc io.ReadCloser, _ *storage.Info) (io.ReadCloser, error) {
		g = newGate(t.Context(), rc)
		g.open = o.size - 1
		return g, nil
	})
	rc, err := c.OpenVerified(t.Context(), o.key, o.size, o.sum, 0, o.size)
	check(t, err)
	defer rc.Close()
	b := make([]byte, 3<<20)
	if _, err := io.ReadFull(rc, b); err != nil || !bytes.Equal(b, o.b[:3<<20]) {
		t.Fatalf("the beginning: %v", err)
	}
	// A part that ends before the object's end waits as well.
	ctx, cancel := context.WithCancel(t.Context())
	part, err := c.OpenVerified(ctx, o.key, o.size, o.sum, 0, 10)
	check(t, err)
	defer part.Close()
	got := make(chan error, 1)
	go func() {
		_, err := io.ReadAll(part)
		got <- err
	}()
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("a part of an unverified object: %v", err)
	}
	g.pass(100)
	rest, err := io.ReadAll(rc)
	if err != nil || !bytes.Equal(rest, o.b[3<<20:]) {
		t.Errorf("the end: %d bytes, %v", len(rest), err)
	}
}

// TestDamaged asks for objects whose stored bytes are wrong, in all ways: never
// is the whole handed out, and the store is asked once.
func TestDamaged(t *testing.T) {
	t.Parallel()
	const n = 2 << 20
	flip := func(at int) func(io.ReadCloser, *storage.Info) (io.ReadCloser, error) {
		return func(rc io.ReadCloser, _ *storage.Info) (io.ReadCloser, error) {
			b, err := io.ReadAll(rc)
			b[at] ^= 1
			return replaced{bytes.NewReader(b), rc}, err
		}
	}
	for _, c := range []struct {
		name string
		bend func(io.ReadCloser, *storage.Info) (io.ReadCloser, error)
	}{
		{"first bit", flip(0)}, {"middle bit", flip(n / 2)}, {"last bit", flip(n - 1)},
		{"one byte more", func(rc io.ReadCloser, _ *storage.Info) (io.ReadCloser, error) {
			return replaced{io.MultiReader(rc, strings.NewReader("x")), rc}, nil
		}},
		{"another length", func(rc io.ReadCloser, i *storage.Info) (io.ReadCloser, error) { i.Size++; return rc, nil }},
		{"another hash", func(rc io.ReadCloser, i *storage.Info) (io.ReadCloser, error) { i.SHA256[3] ^= 1; return rc, nil }},
		{"says so", func(rc io.ReadCloser, _ *storage.Info) (io.ReadCloser, error) {
			rc.Close()
			return nil, storage.ErrDamaged
		}},
	} {
		for _, wait := range []int64{1, 1 << 30} {
			for _, part := range [][2]int64{{0, n}, {10, 20}, {n - 100_000, n}} {
				var told atomic.Int64
				clk := testclock.New(time.Unix(1e9, 0), 0)
				dir := t.TempDir()
				cache, d := newCache(t, dir, filecache.Options{Wait: wait, Now: clk.Now, OnDamage: func(string) { told.Add(1) }})
				o := put(t, d, "a", n)
				d.set(c.bend)
				b, _, err := read(cache, o, part[0], part[1])
				if !errors.Is(err, storage.ErrDamaged) || int64(len(b)) >= part[1]-part[0] {
					t.Errorf("%s, %v, waiting up to %d: %d bytes, %v", c.name, part, wait, len(b), err)
				}
				opens := d.opens.Load()
				if _, _, err := read(cache, o, 0, 1); !errors.Is(err, storage.ErrDamaged) || d.opens.Load() != opens {
					t.Errorf("%s again: %v, the store asked %d times more", c.name, err, d.opens.Load()-opens)
				}
				if told.Load() != 1 || cache.Stats().Damaged != 1 {
					t.Errorf("%s: told %d times, counted %d", c.name, told.Load(), cache.Stats().Damaged)
				}
				if used, names := diskUse(t, dir); used != 0 || cache.Stats().Bytes != 0 {
					t.Errorf("%s: the folder holds %v", c.name, names)
				}
				// Mended and a minute later it is served.
				d.set(nil)
				clk.Pass(2 * time.Minute)
				want(t, cache, o, part[0], part[1])
			}
		}
	}
}

// TestBreaks has the store break off: it is asked for the rest, three times.
func TestBreaks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		after int64
		end   io.Reader
	}{{"ends early", 1 << 19, strings.NewReader("")}, {"resets", 1 << 19, failing{}}, {"resets at once", 0, failing{}}} {
		for _, times := range []int{1, 2, 3} {
			cache, d := newCache(t, t.TempDir(), filecache.Options{Wait: 1 << 30})
			o := put(t, d, "a", 3<<20)
			left := times
			d.set(func(rc io.ReadCloser, _ *storage.Info) (io.ReadCloser, error) {
				if left == 0 {
					return rc, nil
				}
				left--
				return replaced{io.MultiReader(io.LimitReader(rc, c.after), c.end), rc}, nil
			})
			b, _, err := read(cache, o, 0, o.size)
			if (err == nil) != (times < 3) || err == nil && !bytes.Equal(b, o.b) {
				t.Errorf("%s, %d times: %d bytes, %v", c.name, times, len(b), err)
			}
			want(t, cache, o, 0, o.size) // what has failed is not remembered
		}
	}
	cache, _ := newCache(t, t.TempDir(), filecache.Options{})
	if _, err := cache.OpenVerified(t.Context(), "nothing", 5, storage.Digest{1}, 0, 5); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("an object that is not there: %v", err)
	}
	// A store that says nothing is given up on.
	stalling, d2 := newCache(t, t.TempDir(), filecache.Options{Stall: 10 * time.Millisecond})
	o := put(t, d2, "a", 1<<20)
	d2.Store = &cancelled{d2.Store}
	if _, _, err := read(stalling, o, 0, o.size); !errors.Is(err, context.Canceled) {
		t.Errorf("a store that stalls: %v", err)
	}
}

// cancelled gives the gate of its caller the context of the reading.
type cancelled struct{ storage.Store }

func (c *cancelled) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	_, info, err := c.Store.Open(ctx, key, r)
	return stuck{ctx}, info, err
}

// stuck yields nothing until its context ends.
type stuck struct{ ctx context.Context }

func (s stuck) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, s.ctx.Err() }
func (s stuck) Close() error             { return nil }

// TestBounded asks for more than fits: what was used longest ago goes, what is
// being read stays, and the folder never holds more than is allowed.
func TestBounded(t *testing.T) {
	t.Parallel()
	const room = 10 * 104 << 10
	dir := t.TempDir()
	c, d := newCache(t, dir, filecache.Options{MaxBytes: room})
	var list []object
	for i := range 30 {
		list = append(list, put(t, d, fmt.Sprintf("o%d", i), 100<<10+i))
	}
	pinned, err := c.OpenVerified(t.Context(), list[0].key, list[0].size, list[0].sum, 0, list[0].size)
	check(t, err)
	for round := range 3 {
		for _, o := range list {
			want(t, c, o, 0, o.size)
			if used, _ := diskUse(t, dir); used > room || c.Stats().Bytes > room || used > c.Stats().Bytes {
				t.Fatalf("round %d: %d bytes on disk, %d counted, %d allowed", round, used, c.Stats().Bytes, room)
			}
		}
	}
	opens := d.opens.Load()
	want(t, c, list[0], 0, list[0].size)
	want(t, c, list[29], 0, list[29].size)
	if d.opens.Load() != opens {
		t.Error("what is being read, or was used last, had gone")
	}
	want(t, c, list[20], 0, list[20].size) // it was used longest ago
	if d.opens.Load() != opens+1 {
		t.Errorf("the store was asked %d times", d.opens.Load()-opens)
	}
	check(t, pinned.Close())
	// One that does not fit at all is passed on.
	big := put(t, d, "big", 2<<20)
	before := c.Stats()
	for _, p := range [][2]int64{{0, big.size}, {5, 6}, {1 << 20, 2 << 20}, {7, 7}, {100, 1<<20 + 100}} {
		want(t, c, big, p[0], p[1])
	}
	if s := c.Stats(); s.Bypasses-before.Bypasses != 5 || s.Bytes != before.Bytes || s.Evicted == 0 {
		t.Errorf("stats %+v, before %+v", s, before)
	}
	d.set(func(rc io.ReadCloser, _ *storage.Info) (io.ReadCloser, error) {
		b, err := io.ReadAll(rc)
		b[len(b)-1] ^= 1
		return replaced{bytes.NewReader(b), rc}, err
	})
	for _, p := range [][2]int64{{0, big.size}, {5, 6}, {1 << 20, 2 << 20}} {
		if b, _, err := read(c, big, p[0], p[1]); !errors.Is(err, storage.ErrDamaged) || int64(len(b)) >= p[1]-p[0] {
			t.Errorf("passed on, damaged, %v: %d bytes, %v", p, len(b), err)
		}
	}
}

// TestRestart opens the folder again: whole copies are believed after another
// look, everything else is swept.
func TestRestart(t *testing.T) {
	t.Parallel()
	for _, wait := range []int64{1, 1 << 30} {
		dir := t.TempDir()
		c, d := newCache(t, dir, filecache.Options{Wait: wait})
		good, bad, short := put(t, d, "good", 1<<20), put(t, d, "bad", 1<<20+1), put(t, d, "short", 1<<20+2)
		for _, o := range []object{good, bad, short} {
			want(t, c, o, 0, o.size)
		}
		check(t, c.Close())
		part := filepath.Join(dir, "0")
		name := func(o object) string {
			_, names := diskUse(t, dir)
			i := slices.IndexFunc(names, func(n string) bool { return strings.HasPrefix(n, o.sum.String()) })
			return filepath.Join(part, names[i])
		}
		f, err := os.OpenFile(name(bad), os.O_RDWR, 0)
		check(t, err)
		_, err = f.WriteAt([]byte{bad.b[1000] ^ 1}, 1000)
		check(t, errors.Join(err, f.Close()))
		check(t, os.Truncate(name(short), 1<<20))
		check(t, os.WriteFile(filepath.Join(part, "tmp-77"), make([]byte, 5000), 0o600))
		check(t, os.WriteFile(filepath.Join(part, "stranger"), nil, 0o600))

		c = openCache(t, d, dir, filecache.Options{Wait: wait})
		if s := c.Stats(); s.Files != 2 {
			t.Errorf("after the restart %d files, want 2", s.Files)
		}
		opens := d.opens.Load()
		want(t, c, good, 10, good.size)
		if d.opens.Load() != opens {
			t.Error("a whole copy was not used")
		}
		b, _, err := read(c, bad, 0, bad.size)
		if wait > 1 && (err != nil || !bytes.Equal(b, bad.b)) {
			t.Errorf("a damaged copy: %d bytes, %v", len(b), err)
		}
		if wait == 1 && (err == nil || len(b) >= len(bad.b)) {
			t.Errorf("a damaged large copy: %d bytes, %v, want what is broken off", len(b), err)
		}
		want(t, c, bad, 0, bad.size)
		want(t, c, short, 0, short.size)
		if s := c.Stats(); s.Damaged != 1 {
			t.Errorf("%d damaged copies were counted, want 1", s.Damaged)
		}
		_, names := diskUse(t, dir)
		if len(names) != 4 || !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "damaged-") }) {
			t.Errorf("the folder holds %v", names)
		}
	}
}

// TestWrongWhileServing damages copies behind the cache's back.
func TestWrongWhileServing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clk := testclock.New(time.Unix(1e9, 0), 0)
	c, d := newCache(t, dir, filecache.Options{Now: clk.Now})
	o := put(t, d, "a", 1<<20)
	want(t, c, o, 0, o.size)
	_, names := diskUse(t, dir)
	path := filepath.Join(dir, "0", names[0])
	check(t, os.Truncate(path, 100))
	want(t, c, o, 0, o.size)
	check(t, os.Remove(path))
	want(t, c, o, 0, o.size)
	// Wrong bytes of the right length are found by the next look, a day later.
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	check(t, err)
	_, err = f.WriteAt([]byte{o.b[7] ^ 1}, 7)
	check(t, errors.Join(err, f.Close()))
	clk.Pass(25 * time.Hour)
	_, _, err = read(c, o, 0, o.size)
	check(t, err)
	for c.Stats().Damaged != 3 {
		if t.Context().Err() != nil {
			t.Fatal("the wrong copy was not found")
		}
	}
	want(t, c, o, 0, o.size)
	if n := d.opens.Load(); n != 4 {
		t.Errorf("the store was asked %d times, want 4", n)
	}
	if s := c.Stats(); s.Bytes > 4*(1<<20+8192) {
		t.Errorf("%d bytes are counted", s.Bytes)
	}
}

// TestShared has two processes name one folder, and closes a cache under way.
func TestShared(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, d := newCache(t, dir, filecache.Options{})
	b := openCache(t, d, dir, filecache.Options{})
	o := put(t, d, "a", 1<<20)
	want(t, a, o, 0, o.size)
	want(t, b, o, 0, o.size)
	if n := d.opens.Load(); n != 2 {
		t.Errorf("the store was asked %d times", n)
	}
	p := put(t, d, "b", 9<<20)
	d.Store = &cancelled{d.Store}
	rc, err := a.OpenVerified(t.Context(), p.key, p.size, p.sum, 0, p.size)
	check(t, err)
	check(t, a.Close())
	if _, err := io.ReadAll(rc); !errors.Is(err, context.Canceled) {
		t.Errorf("a reader of a closed cache: %v", err)
	}
	check(t, rc.Close())
	want(t, a, o, 5, 10) // what is there is still read
	if _, names := diskUse(t, filepath.Join(dir, "0")); len(names) != 1 {
		t.Errorf("the folder holds %v", names)
	}
}
