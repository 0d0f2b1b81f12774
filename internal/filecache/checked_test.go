package filecache_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"feedmill/internal/filecache"
	"feedmill/internal/testclock"
	"feedmill/storage"
	"feedmill/storage/fsstore"
	"feedmill/storage/memstore"
)

func newChecked(t testing.TB, opt filecache.Options) (*filecache.Checked, *distant, string) {
	t.Helper()
	dir := t.TempDir()
	s, err := fsstore.Open(dir, fsstore.Options{})
	check(t, err)
	t.Cleanup(func() { s.Close() })
	d := &distant{Store: s}
	opt.Log = slog.New(slog.DiscardHandler)
	c := filecache.NewChecked(d, opt)
	t.Cleanup(func() { check(t, c.Close()) })
	return c, d, dir
}

func TestChecked(t *testing.T) {
	t.Parallel()
	for _, wait := range []int64{1, 1 << 30} {
		c, d, _ := newChecked(t, filecache.Options{Wait: wait})
		for _, n := range []int{0, 1, 64 << 10, 2<<20 + 3} {
			o := put(t, d, "o"+string(rune('a'+n%20)), n)
			var work sync.WaitGroup
			for i := range min(int64(20), o.size) {
				work.Go(func() { want(t, c, o, i, o.size) })
			}
			want(t, c, o, 0, o.size/2)
			work.Wait()
			b, file, err := read(c, o, o.size/3, o.size)
			if err != nil || !bytes.Equal(b, o.b[o.size/3:]) || !file && o.size > 0 {
				t.Errorf("%d bytes: got %d, file %v, %v", n, len(b), file, err)
			}
		}
		if s := c.Stats(); s.Hits == 0 || s.Damaged != 0 || s.Files != 4 || s.Filling != 0 {
			t.Errorf("stats %+v", s)
		}
	}
}

// TestCheckedDamaged flips a bit of a stored file before it is first asked for.
func TestCheckedDamaged(t *testing.T) {
	t.Parallel()
	for _, wait := range []int64{1, 1 << 30} {
		for _, at := range []int64{0, 1 << 20, 2<<20 - 1} {
			clk := testclock.New(time.Unix(1e9, 0), 0)
			c, d, dir := newChecked(t, filecache.Options{Wait: wait, Now: clk.Now})
			o := put(t, d, "a", 2<<20)
			files, err := filepath.Glob(filepath.Join(dir, "a#*"))
			if err != nil || len(files) != 1 {
				t.Fatalf("data files: %v, %v", files, err)
			}
			check(t, os.Chmod(files[0], 0o600))
			set := func(b byte) {
				f, err := os.OpenFile(files[0], os.O_RDWR, 0)
				check(t, err)
				_, err = f.WriteAt([]byte{b}, at)
				check(t, errors.Join(err, f.Close()))
			}
			set(o.b[at] ^ 1)
			for _, p := range [][2]int64{{0, o.size}, {100, 200}} {
				if b, _, err := read(c, o, p[0], p[1]); !errors.Is(err, storage.ErrDamaged) || int64(len(b)) >= p[1]-p[0] {
					t.Errorf("bit at %d, waiting up to %d: %d bytes, %v", at, wait, len(b), err)
				}
			}
			if s := c.Stats(); s.Damaged != 1 {
				t.Errorf("counted %d", s.Damaged)
			}
			set(o.b[at])
			clk.Pass(2 * time.Minute)
			want(t, c, o, 0, o.size)
		}
	}
}

// TestCheckedWithoutFiles stands before a store that has none.
func TestCheckedWithoutFiles(t *testing.T) {
	t.Parallel()
	d := &distant{Store: memstore.New(memstore.Options{})}
	c := filecache.NewChecked(d, filecache.Options{})
	o := put(t, d, "a", 1<<20)
	for _, p := range [][2]int64{{0, o.size}, {5, 6}, {1 << 19, 1 << 20}, {o.size, o.size}} {
		want(t, c, o, p[0], p[1])
	}
	check(t, c.Close())
	if _, err := c.OpenVerified(t.Context(), "nothing", 1, storage.Digest{1}, 0, 1); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
