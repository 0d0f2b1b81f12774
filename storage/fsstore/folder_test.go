package fsstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/storage"
	"feedmill/storage/fsstore"
)

func files(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDataIsAPlainFile: what lies in the folder can be read and sent as it is.
func TestDataIsAPlainFile(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	if err := put(s, newBody, true); err != nil {
		t.Fatal(err)
	}
	got := files(t, s.dir)
	if len(got) != 2 || got[0] != key || !strings.HasPrefix(got[1], key+"#") {
		t.Fatalf("got files %q, want the entry and the data", got)
	}
	b, err := os.ReadFile(filepath.Join(s.dir, got[1]))
	if err != nil || !bytes.Equal(b, newBody) {
		t.Errorf("data file: got %d bytes, error %v, want the body", len(b), err)
	}
	for _, name := range got {
		st, err := os.Stat(filepath.Join(s.dir, name))
		if err != nil || st.Mode().Perm()&0o227 != 0 {
			t.Errorf("%s: got mode %v, error %v, want no right to write and none for others", name, st.Mode(), err)
		}
	}
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	path, err := written(newBody)
	if err != nil {
		t.Fatal(err)
	}
	attrs := storage.Attrs{ContentType: "text/new", ContentEncoding: "gzip", Immutable: true, SHA256: storage.Sum(newBody)}
	// Of a file that is not what it should be nothing becomes visible.
	if _, err := s.Adopt(t.Context(), key, path, int64(len(newBody))+1, attrs); !errors.Is(err, storage.ErrLength) {
		t.Errorf("another length: got error %v, want %v", err, storage.ErrLength)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) || len(files(t, s.dir)) != 0 {
		t.Errorf("after it: got %v, files %q, want none", err, files(t, s.dir))
	}
	if path, err = written(newBody); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	// Without a hash there is nothing to believe, and the file stays for a Put.
	if _, err := s.Adopt(t.Context(), key, path, int64(len(newBody)), storage.Attrs{Immutable: true}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("without a hash: got error %v, want %v", err, errors.ErrUnsupported)
	}
	put, err := s.Adopt(t.Context(), key, path, int64(len(newBody)), attrs)
	if err != nil {
		t.Fatal(err)
	}
	r, info, err := s.Open(t.Context(), key, storage.Range{})
	if err != nil || info != put || info.Attrs != attrs {
		t.Fatalf("got %+v, error %v, want %+v as put", info, err, put)
	}
	defer r.Close()
	after, err := r.(storage.FileReader).File().Stat()
	if err != nil || !os.SameFile(before, after) || after.Mode().Perm()&0o227 != 0 {
		t.Errorf("got %v, error %v, want the very file, without rights to write", after.Mode(), err)
	}
	if b, err := io.ReadAll(r); err != nil || !bytes.Equal(b, newBody) {
		t.Errorf("got %d bytes, error %v, want the file's", len(b), err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the spooled name: got %v, want it gone", err)
	}
	if path, err = written(newBody); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Adopt(t.Context(), key, path, int64(len(newBody)), attrs); !errors.Is(err, storage.ErrExist) {
		t.Errorf("the key is taken: got error %v, want %v", err, storage.ErrExist)
	}
	if got := files(t, s.dir); len(got) != 2 {
		t.Errorf("got files %q, want the entry and the data", got)
	}
}

func TestFileReader(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	if err := put(s, newBody, true); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	body, _, err := s.Open(ctx, key, storage.Range{Off: 100, Len: 50})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	got := make([]byte, 50)
	if _, err := io.ReadFull(body.(storage.FileReader).File(), got); err != nil || !bytes.Equal(got, newBody[100:150]) {
		t.Errorf("file: got %q, error %v, want %q", got, err, newBody[100:150])
	}
	for _, r := range []storage.Range{{}, {Off: 7}, {Off: 100, Len: 50}, {Len: 1}} {
		body, info, err := s.Open(ctx, key, r)
		if err != nil {
			t.Fatal(err)
		}
		n, err := r.Clip(info.Size)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		wrote, err := body.(io.WriterTo).WriteTo(&b)
		if err != nil || wrote != n || !bytes.Equal(b.Bytes(), newBody[r.Off:r.Off+n]) {
			t.Errorf("write %+v: got %d bytes, error %v, want %d", r, wrote, err, n)
		}
		if rest, err := io.ReadAll(body); len(rest) != 0 || err != nil {
			t.Errorf("after the end: got %d bytes, error %v", len(rest), err)
		}
		body.Close()
	}
}

// TestDamage plants what must not happen and looks at who notices.
func TestDamage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		damage func(entry, data string) error
	}{
		{"data missing", func(_, data string) error { return os.Remove(data) }},
		{"data too short", func(_, data string) error { return errors.Join(os.Chmod(data, 0o600), os.Truncate(data, 10)) }},
		{"data is a folder", func(_, data string) error { return errors.Join(os.Remove(data), os.Mkdir(data, 0o700)) }},
		{"entry empty", func(entry, _ string) error { return rewrite(entry, func(string) string { return "" }) }},
		{"entry cut off", func(entry, _ string) error { return rewrite(entry, func(s string) string { return s[:len(s)/2] }) }},
		{"entry without end", func(entry, _ string) error { return rewrite(entry, strings.TrimSpace) }},
		{"entry too long", func(entry, _ string) error {
			return rewrite(entry, func(s string) string { return strings.TrimSpace(s) + strings.Repeat(" ", 10_000) + "\n" })
		}},
		{"entry of another version", func(entry, _ string) error {
			return rewrite(entry, func(s string) string { return strings.Replace(s, `"v":1`, `"v":2`, 1) })
		}},
		{"entry points elsewhere", func(entry, _ string) error {
			return rewrite(entry, func(s string) string {
				return strings.Replace(s, `"token":"`, `"token":"/../../../etc/passwd`, 1)
			})
		}},
		{"entry with a bad hash", func(entry, _ string) error {
			return rewrite(entry, func(s string) string { return strings.Replace(s, `"sha256":"`, `"sha256":"zz`, 1) })
		}},
		{"entry with a negative size", func(entry, _ string) error {
			return rewrite(entry, func(s string) string { return strings.Replace(s, `"size":`, `"size":-`, 1) })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, t.TempDir())
			ctx := context.Background()
			if err := put(s, newBody, true); err != nil {
				t.Fatal(err)
			}
			names := files(t, s.dir)
			if err := c.damage(filepath.Join(s.dir, names[0]), filepath.Join(s.dir, names[1])); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Stat(ctx, key); !errors.Is(err, storage.ErrDamaged) {
				t.Errorf("stat: got error %v, want %v", err, storage.ErrDamaged)
			}
			if _, _, err := s.Open(ctx, key, storage.Range{}); !errors.Is(err, storage.ErrDamaged) {
				t.Errorf("open: got error %v, want %v", err, storage.ErrDamaged)
			}
			n := 0
			for info, err := range s.List(ctx, "m/") {
				if n++; err != nil || info.Key != key || info.Size != -1 {
					t.Errorf("list: got %+v, error %v, want size -1", info, err)
				}
			}
			if n != 1 {
				t.Errorf("list: got %d results, want 1", n)
			}
			// Nothing is thrown away that may be of use to somebody.
			if n, err := s.Sweep(ctx, -time.Hour); n != 0 && strings.HasPrefix(c.name, "entry") || err != nil {
				t.Errorf("sweep: got %d, error %v, want 0", n, err)
			}
			if err := s.Delete(ctx, key); err != nil {
				t.Errorf("delete: %v", err)
			}
			if _, err := s.Stat(ctx, key); !errors.Is(err, storage.ErrNotExist) {
				t.Errorf("stat after deleting: got error %v, want %v", err, storage.ErrNotExist)
			}
		})
	}
}

func rewrite(path string, change func(string) string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte(change(string(b))), 0o600))
}

// TestFlippedByte: the store does not hash what it reads, who compares does.
func TestFlippedByte(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	if err := put(s, newBody, true); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(s.dir, files(t, s.dir)[1])
	if err := rewrite(data, func(b string) string { return "N" + b[1:] }); err != nil {
		t.Fatal(err)
	}
	body, _, err := storage.OpenVerified(context.Background(), s, key, int64(len(newBody)), storage.Sum(newBody))
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); !errors.Is(err, storage.ErrDamaged) || len(got) != 0 {
		t.Errorf("got %d bytes, error %v, want none and %v", len(got), err, storage.ErrDamaged)
	}
}

func TestForeignFiles(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	ctx := context.Background()
	if err := put(s, newBody, true); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README", "m/notes.txt", "m/.hidden", "m/x#y", "m/shop/Upper", "zażółć"} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte("hello\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("README", filepath.Join(s.dir, "m/link")); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for info, err := range s.List(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		got[info.Key] = info.Size
	}
	want := map[string]int64{key: int64(len(newBody)), "README": -1, "m/notes.txt": -1, "m/shop/Upper": -1, "zażółć": -1, "m/link": -1}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("list: got %v, want %v", got, want)
	}
	before := len(files(t, s.dir))
	if n, err := s.Sweep(ctx, -time.Hour); n != 0 || err != nil || len(files(t, s.dir)) != before {
		t.Errorf("sweep: got %d, error %v, want nothing removed", n, err)
	}
}

// TestSymlinkOut: a link that leads out of the folder is not followed.
func TestSymlinkOut(t *testing.T) {
	t.Parallel()
	outside := open(t, t.TempDir())
	if err := put(outside, oldBody, true); err != nil {
		t.Fatal(err)
	}
	s := open(t, t.TempDir())
	if err := os.Symlink(filepath.Join(outside.dir, "m"), filepath.Join(s.dir, "m")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Open(context.Background(), key, storage.Range{}); err == nil {
		t.Errorf("open through a link to outside: got no error")
	}
	if err := put(s, newBody, true); err == nil {
		t.Errorf("put through a link to outside: got no error")
	}
	if err := s.Delete(context.Background(), key); err == nil {
		t.Errorf("delete through a link to outside: got no error")
	}
	if got := len(files(t, outside.dir)); got != 2 {
		t.Errorf("outside: got %d files, want 2", got)
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	clock := time.Now()
	dir := t.TempDir()
	s, err := fsstore.Open(dir, fsstore.Options{Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	if err := put(s, newBody, true); err != nil {
		t.Fatal(err)
	}
	litter := []string{key + "#AAAAAAAAAAAAAAAAAAAAAAAAAA", key + "#BBBBBBBBBBBBBBBBBBBBBBBBBB~", "m/shop/gone#CCCCCCCCCCCCCCCCCCCCCCCCCC"}
	for _, name := range litter {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// An upload of this store that has gone on for long is not litter.
	slow, feed := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := s.Put(ctx, "slow", slow, 4, storage.Attrs{Immutable: true})
		done <- err
	}()
	if _, err := feed.Write([]byte("ab")); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Sweep(ctx, time.Hour); n != 0 || err != nil {
		t.Errorf("sweep at once: got %d, error %v, want 0", n, err)
	}
	clock = clock.Add(2 * time.Hour)
	if n, err := s.CountLitter(ctx, time.Hour); n != len(litter) || err != nil {
		t.Errorf("count later: got %d, error %v, want %d", n, err, len(litter))
	}
	if n, err := s.Sweep(ctx, time.Hour); n != len(litter) || err != nil {
		t.Errorf("sweep later: got %d, error %v, want %d", n, err, len(litter))
	}
	if n, err := s.CountLitter(ctx, time.Hour); n != 0 || err != nil {
		t.Errorf("count after the sweep: got %d, error %v, want 0", n, err)
	}
	if _, err := feed.Write([]byte("cd")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(feed.Close(), <-done); err != nil {
		t.Errorf("slow put: %v", err)
	}
	if got := files(t, dir); len(got) != 4 {
		t.Errorf("got files %q, want two objects", got)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Sweep(ended, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("sweep, cancelled: got error %v, want %v", err, context.Canceled)
	}
}

// TestFolderRemovedByHand: the store makes its folders again.
func TestFolderRemovedByHand(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	if err := errors.Join(put(s, oldBody, true), s.Delete(context.Background(), key)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(s.dir, "m")); err != nil {
		t.Fatal(err)
	}
	if err := put(s, newBody, true); err != nil {
		t.Errorf("put: %v", err)
	}
}

// TestTwoStoresOneFolder stands for two processes: nothing but the folder is
// shared, and still one creator wins and readers see whole objects.
func TestTwoStoresOneFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stores := []folder{open(t, dir), open(t, dir), open(t, dir), open(t, dir)}
	ctx := context.Background()
	for round := range 20 {
		key := fmt.Sprintf("race/%d", round)
		errs := make([]error, len(stores))
		bodies := make([]string, len(stores))
		var wg sync.WaitGroup
		for i, s := range stores {
			bodies[i] = strings.Repeat(fmt.Sprint(i), 1000+i)
			wg.Go(func() {
				_, errs[i] = s.Put(ctx, key, strings.NewReader(bodies[i]), -1, storage.Attrs{Immutable: true})
			})
		}
		wg.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner < 0:
				winner = i
			case !errors.Is(err, storage.ErrExist):
				t.Errorf("round %d: store %d: got error %v after winner %d", round, i, err, winner)
			}
		}
		if winner < 0 {
			t.Fatalf("round %d: got no winner", round)
		}
		body, info, err := stores[0].Open(ctx, key, storage.Range{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(body); err != nil || string(got) != bodies[winner] || info.SHA256 != storage.Sum(got) {
			t.Errorf("round %d: got %d bytes, error %v, want those of store %d", round, len(got), err, winner)
		}
		body.Close()
	}
	// Losers leave nothing behind.
	if got := files(t, dir); len(got) != 40 {
		t.Errorf("got %d files, want 2 for each of 20 objects", len(got))
	}
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		if _, err := fsstore.Open(dir, fsstore.Options{}); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("open %q: got error %v, want one that names it", dir, err)
		}
	}
	s, err := fsstore.Open(filepath.Join(t.TempDir(), "new", "folder"), fsstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stat(context.Background(), key); err == nil || errors.Is(err, storage.ErrNotExist) {
		t.Errorf("stat after closing: got error %v, want another", err)
	}
}

func FuzzEntry(f *testing.F) {
	f.Add([]byte(`{"v":1,"token":"AAAAAAAAAAAAAAAAAAAAAAAAAA","size":3,"sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae","type":"text/plain","modified":"2026-11-21T19:30:00Z"}` + "\n"))
	f.Add([]byte("{}\n"))
	f.Add([]byte("null\n"))
	f.Add([]byte(`{"v":1,"token":"../../../../etc/passwd"}` + "\n"))
	dir := f.TempDir()
	s, err := fsstore.Open(dir, fsstore.Options{})
	if err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "key#AAAAAAAAAAAAAAAAAAAAAAAAAA"), []byte("foo"), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, "key"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		body, info, err := s.Open(context.Background(), "key", storage.Range{})
		if err != nil {
			if !errors.Is(err, storage.ErrDamaged) {
				t.Errorf("entry %q: got error %v, want %v", b, err, storage.ErrDamaged)
			}
			return
		}
		defer body.Close()
		if got, err := io.ReadAll(body); err != nil || string(got) != "foo" || info.Size != 3 {
			t.Errorf("entry %q: got %q, size %d, error %v, want the one data file there is", b, got, info.Size, err)
		}
	})
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	store, err := fsstore.Open(dir, fsstore.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx := context.Background()
	info, err := store.Put(ctx, "greetings/first", strings.NewReader("hello"), 5, storage.Attrs{ContentType: "text/plain", Immutable: true})
	fmt.Println(info.Size, info.SHA256, err)
	_, err = store.Put(ctx, "greetings/first", strings.NewReader("other"), 5, storage.Attrs{Immutable: true})
	fmt.Println(errors.Is(err, storage.ErrExist))
	// Output:
	// 5 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 <nil>
	// true
}

func ExampleStore_Sweep() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	store, err := fsstore.Open(dir, fsstore.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	fmt.Println(store.Sweep(context.Background(), 24*time.Hour))
	// Output: 0 <nil>
}

// TestFolderThatWasReplaced moves the folder away under an open store, as somebody
// does who wants it on a larger disk: nothing is written or deleted where nobody
// would look, and what was stored is still read.
func TestFolderThatWasReplaced(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "store")
	s, err := fsstore.Open(dir, fsstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Put(ctx, "m/a", strings.NewReader("old"), 3, storage.Attrs{Immutable: true}); err != nil {
		t.Fatal(err)
	}
	check := func(what string, want error) {
		t.Helper()
		if err := s.InPlace(); !errors.Is(err, want) {
			t.Errorf("%s: in place: got error %v, want %v", what, err, want)
		}
		_, err := s.Put(ctx, "m/"+strings.ReplaceAll(what, " ", "-"), strings.NewReader("new"), 3, storage.Attrs{})
		if !errors.Is(err, want) || storage.IsPermanent(err) != (want != nil) {
			t.Errorf("%s: put: got error %v, want %v", what, err, want)
		}
		if err := s.Delete(ctx, "m/never"); !errors.Is(err, want) {
			t.Errorf("%s: delete: got error %v, want %v", what, err, want)
		}
		if info, err := s.Stat(ctx, "m/a"); err != nil || info.Size != 3 {
			t.Errorf("%s: stat: got %d bytes, error %v, want 3", what, info.Size, err)
		}
	}
	check("at first", nil)
	if err := os.Rename(dir, dir+".old"); err != nil {
		t.Fatal(err)
	}
	check("moved away", storage.ErrMoved)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	check("replaced", storage.ErrMoved)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir+".old", dir); err != nil {
		t.Fatal(err)
	}
	check("linked to where it went", nil)
}
