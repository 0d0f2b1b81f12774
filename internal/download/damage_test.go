package download_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/download"
	"feedmill/internal/filecache"
	"feedmill/storage"
)

// bent is a store whose answers are changed on the way.
type bent struct {
	storage.Store
	// change gets the body of the object, which is no file, and its info.
	change func(io.ReadCloser, *storage.Info) (io.ReadCloser, error)
}

func (b *bent) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	body, info, err := b.Store.Open(ctx, key, r)
	if err != nil {
		return nil, info, err
	}
	body, err = b.change(noFile{body}, &info)
	return body, info, err
}

// noFile hides that a body is a file.
type noFile struct{ rc io.ReadCloser }

func (n noFile) Read(p []byte) (int, error) { return n.rc.Read(p) }
func (n noFile) Close() error               { return n.rc.Close() }

type replaced struct {
	io.Reader
	io.Closer
}

// TestBodiesThatAreNoFiles serves from a store without files: the same bytes,
// and of damaged ones never a whole answer.
func TestBodiesThatAreNoFiles(t *testing.T) {
	t.Parallel()
	type changer func(io.ReadCloser, *storage.Info) (io.ReadCloser, error)
	var change atomic.Pointer[changer]
	w := setup(t, config{steps: true, blobs: func(s storage.Store) download.Blobs {
		return &bent{s, func(rc io.ReadCloser, i *storage.Info) (io.ReadCloser, error) { return (*change.Load())(rc, i) }}
	}})
	f := &w.full.Files[0]
	want := w.content[f.Plain.Key]
	last := len(want) - 1
	flip := func(at int) changer {
		return func(rc io.ReadCloser, _ *storage.Info) (io.ReadCloser, error) {
			b, err := io.ReadAll(rc)
			b[at] ^= 1
			return replaced{bytes.NewReader(b), rc}, err
		}
	}
	for _, c := range []struct {
		name   string
		change changer
		status int // 0: the connection breaks before or within the answer
	}{
		{"as it is", func(rc io.ReadCloser, _ *storage.Info) (io.ReadCloser, error) { return rc, nil }, 200},
		{"first bit flipped", flip(0), 0},
		{"middle bit flipped", flip(1 << 20), 0},
		{"last bit flipped", flip(last), 0},
		{"cut short", func(rc io.ReadCloser, _ *storage.Info) (io.ReadCloser, error) {
			return replaced{io.LimitReader(rc, 1<<20), rc}, nil
		}, 0},
		{"one byte short", func(rc io.ReadCloser, _ *storage.Info) (io.ReadCloser, error) {
			return replaced{io.LimitReader(rc, int64(last)), rc}, nil
		}, 0},
		{"one byte more", func(rc io.ReadCloser, _ *storage.Info) (io.ReadCloser, error) {
			return replaced{io.MultiReader(rc, strings.NewReader("x")), rc}, nil
		}, 0},
		{"fails under way", func(rc io.ReadCloser, _ *storage.Info) (io.ReadCloser, error) {
			return replaced{io.MultiReader(io.LimitReader(rc, 1<<20), broken{}), rc}, nil
		}, 0},
		{"another length on record", func(rc io.ReadCloser, i *storage.Info) (io.ReadCloser, error) { i.Size--; return rc, nil }, 0},
		{"another hash on record", func(rc io.ReadCloser, i *storage.Info) (io.ReadCloser, error) { i.SHA256[0] ^= 1; return rc, nil }, 0},
		{"no hash on record", func(rc io.ReadCloser, i *storage.Info) (io.ReadCloser, error) {
			i.SHA256 = storage.Digest{}
			return rc, nil
		}, 200},
		{"damaged", func(io.ReadCloser, *storage.Info) (io.ReadCloser, error) { return nil, storage.ErrDamaged }, 0},
		{"not there", func(io.ReadCloser, *storage.Info) (io.ReadCloser, error) { return nil, storage.ErrNotExist }, 503},
		{"store away", func(io.ReadCloser, *storage.Info) (io.ReadCloser, error) {
			return nil, errors.New("dial tcp: refused")
		}, 503},
	} {
		change.Store(&c.change)
		got := w.get(t, w.pathOf(f))
		switch c.status {
		case 200:
			if got.status != 200 || got.err != nil || !bytes.Equal(got.body, want) {
				t.Errorf("%s: got %d, %d bytes, %v", c.name, got.status, len(got.body), got.err)
			}
			if part := w.get(t, w.pathOf(f), "Range", "bytes=1000000-1500000"); part.status != 206 || !bytes.Equal(part.body, want[1000000:1500001]) {
				t.Errorf("%s: part %d, %d bytes", c.name, part.status, len(part.body))
			}
		case 0:
			if got.err == nil || len(got.body) >= len(want) {
				t.Errorf("%s: got %d, %d of %d bytes, %v, want a broken connection", c.name, got.status, len(got.body), len(want), got.err)
			}
		default:
			if got.status != c.status || got.header.Get("ETag") != "" || got.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: got %d %v", c.name, got.status, got.header)
			}
		}
	}
}

// TestBrokenOffIsNoEnd: a body that is not sent to its end is followed by a
// reset, whatever has kept it. Programs that read until the connection ends take
// an end for one.
func TestBrokenOffIsNoEnd(t *testing.T) {
	t.Parallel()
	w := setup(t, config{bigFull: 24 << 20, blobs: func(s storage.Store) download.Blobs {
		return &bent{s, func(rc io.ReadCloser, i *storage.Info) (io.ReadCloser, error) {
			if i.Size < 24<<20 {
				return rc, nil
			}
			return replaced{io.MultiReader(io.LimitReader(rc, 1<<20), broken{}), rc}, nil
		}}
	}})
	c := w.slow(t, w.pathOf(&w.full.Files[0]))
	if err := c.rest(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after %d bytes: got %v, want a reset", c.read, err)
	}
	// What was sent whole is not followed by one.
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.url[len("http://"):])
	check(t, err)
	defer conn.Close()
	check(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = fmt.Fprintf(conn, "GET /o/%s/light.xml HTTP/1.0\r\n\r\n", w.secret)
	check(t, err)
	if got, err := io.ReadAll(conn); err != nil || !bytes.HasSuffix(got, w.content[w.light.Files[0].Plain.Key]) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

// TestDamagedFile shortens and lengthens the file that is sent by the system.
func TestDamagedFile(t *testing.T) {
	t.Parallel()
	w := setup(t, config{steps: true})
	f := &w.full.Files[0]
	matches, err := filepath.Glob(filepath.Join(w.dir, filepath.FromSlash(f.Plain.Key)) + "#*")
	if err != nil || len(matches) != 1 {
		t.Fatalf("data files of the blob: %v, %v", matches, err)
	}
	check(t, os.Chmod(matches[0], 0o600))
	for _, size := range []int64{f.Plain.Size - 1, 100, 0, f.Plain.Size + 1} {
		check(t, os.Truncate(matches[0], size))
		got := w.get(t, w.pathOf(f))
		if got.status == 200 && got.err == nil {
			t.Errorf("a file of %d instead of %d bytes is served: %d bytes", size, f.Plain.Size, len(got.body))
		}
	}
	if got := w.get(t, "/o/"+w.secret+"/light.xml"); got.status != 200 {
		t.Errorf("another file: %d", got.status)
	}
}

// TestShortenedUnderWay shortens the file while it is being sent.
func TestShortenedUnderWay(t *testing.T) {
	t.Parallel()
	w := setup(t, config{bigFull: 24 << 20})
	f := &w.full.Files[0]
	client := w.slow(t, w.pathOf(f))
	matches, err := filepath.Glob(filepath.Join(w.dir, filepath.FromSlash(f.Plain.Key)) + "#*")
	if err != nil || len(matches) != 1 {
		t.Fatalf("data files of the blob: %v, %v", matches, err)
	}
	check(t, os.Chmod(matches[0], 0o600))
	check(t, os.Truncate(matches[0], 20<<20))
	if err := client.rest(); client.read >= 24<<20 {
		t.Errorf("read %d bytes, %v", client.read, err)
	}
	if !strings.Contains(w.log.String(), "stored file is damaged") {
		t.Error("the log does not tell of the damage")
	}
}

// TestMissing deletes a blob that the records still name.
func TestMissing(t *testing.T) {
	t.Parallel()
	w := setup(t, config{})
	check(t, w.store.Delete(t.Context(), w.light.File(feed.KindLight).Plain.Key))
	got := w.get(t, "/o/"+w.secret+"/light.xml")
	if got.status != http.StatusServiceUnavailable || got.header.Get("Vary") != "" {
		t.Errorf("got %d %v", got.status, got.header)
	}
}

// TestLocalCopies serves through package filecache, in both its forms, while
// files are verified for the first time and later.
func TestLocalCopies(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	for name, blobs := range map[string]func(s storage.Store) download.Blobs{
		"copied": func(s storage.Store) download.Blobs {
			c, err := filecache.New(&bent{s, func(rc io.ReadCloser, _ *storage.Info) (io.ReadCloser, error) { return rc, nil }}, t.TempDir(), filecache.Options{Wait: 1, Log: log})
			check(t, err)
			t.Cleanup(func() { check(t, c.Close()) })
			return c
		},
		"passed on": func(s storage.Store) download.Blobs {
			c, err := filecache.New(&bent{s, func(rc io.ReadCloser, _ *storage.Info) (io.ReadCloser, error) { return rc, nil }}, t.TempDir(), filecache.Options{MaxBytes: 1, Log: log})
			check(t, err)
			t.Cleanup(func() { check(t, c.Close()) })
			return c
		},
		"checked": func(s storage.Store) download.Blobs {
			c := filecache.NewChecked(s, filecache.Options{Wait: 1, Log: log})
			t.Cleanup(func() { check(t, c.Close()) })
			return c
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, config{steps: true, blobs: blobs})
			f := &w.full.Files[0]
			want := w.content[f.Plain.Key]
			for range 2 {
				var work sync.WaitGroup
				for i := range 8 {
					work.Go(func() {
						if got := w.get(t, w.pathOf(f)); got.status != 200 || got.err != nil || !bytes.Equal(got.body, want) {
							t.Errorf("whole: %d, %d bytes, %v", got.status, len(got.body), got.err)
						}
						from := i * 200_000
						got := w.get(t, w.pathOf(f), "Range", fmt.Sprintf("bytes=%d-", from))
						if got.status != 206 || got.err != nil || !bytes.Equal(got.body, want[from:]) {
							t.Errorf("from %d: %d, %d bytes, %v", from, got.status, len(got.body), got.err)
						}
						got = w.get(t, w.pathOf(f), "Accept-Encoding", "gzip")
						if got.status != 200 || got.err != nil || !bytes.Equal(got.body, w.content[f.Gzip.Key]) {
							t.Errorf("compressed: %d, %d bytes, %v", got.status, len(got.body), got.err)
						}
					})
				}
				work.Wait()
			}
			// A file whose stored bytes are wrong is never whole.
			sizes := w.full.File(feed.KindSizes)
			matches, err := filepath.Glob(filepath.Join(w.dir, filepath.FromSlash(sizes.Plain.Key)) + "#*")
			if err != nil || len(matches) != 1 {
				t.Fatalf("data files of the blob: %v, %v", matches, err)
			}
			check(t, os.Chmod(matches[0], 0o600))
			wrong := bytes.Clone(w.content[sizes.Plain.Key])
			wrong[len(wrong)/2] ^= 1
			check(t, os.WriteFile(matches[0], wrong, 0o600))
			for range 2 {
				if got := w.get(t, w.pathOf(sizes)); got.err == nil {
					t.Errorf("a damaged file: %d, %d bytes", got.status, len(got.body))
				}
			}
		})
	}
}
