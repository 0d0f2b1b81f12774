package filecache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"feedmill/storage"
	"feedmill/storage/memstore"
)

// TestFullDisk writes to a device that is full: everything is served all the
// same, nothing is left behind, and the disk is not tried again at once.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full here")
	}
	for _, wait := range []int64{1, 1 << 30} {
		for _, after := range []int{0, 1} { // files that can be made before
			store := memstore.New(memstore.Options{})
			now := time.Unix(1e9, 0)
			dir := t.TempDir()
			c, err := New(store, dir, Options{Wait: wait, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			tries := 0
			normal := c.create
			c.create = func(path string) (*os.File, error) {
				tries++
				switch {
				case tries <= after:
					return normal(path)
				case tries == after+2:
					return nil, errors.New("no space left on device")
				}
				// Followers read the path, so there is a file under it.
				if err := os.WriteFile(path, nil, 0o600); err != nil {
					return nil, err
				}
				return os.OpenFile("/dev/full", os.O_RDWR, 0)
			}
			for i := range 4 {
				body := bytes.Repeat([]byte{byte(i), 'x'}, 1<<20)
				sum := storage.Digest(sha256.Sum256(body))
				key := "o" + string(rune('a'+i))
				if _, err := store.Put(t.Context(), key, bytes.NewReader(body), -1, storage.Attrs{}); err != nil {
					t.Fatal(err)
				}
				for _, p := range [][2]int64{{0, 2 << 20}, {5, 1 << 20}} {
					rc, err := c.OpenVerified(context.Background(), key, int64(len(body)), sum, p[0], p[1])
					if err != nil {
						t.Fatal(err)
					}
					got, err := io.ReadAll(rc)
					if err != nil || !bytes.Equal(got, body[p[0]:p[1]]) {
						t.Errorf("object %d, %v: %d bytes, %v", i, p, len(got), err)
					}
					if err := rc.Close(); err != nil {
						t.Error(err)
					}
				}
				if i == 2 {
					now = now.Add(time.Minute)
				}
			}
			if want := after + 2; tries != want {
				t.Errorf("%d files were tried, want %d", tries, want)
			}
			if s := c.Stats(); s.Files != int64(after) || s.Bytes != int64(after)*(2<<20+blockSize) || s.Bypasses == 0 {
				t.Errorf("stats %+v", s)
			}
		}
	}
}
