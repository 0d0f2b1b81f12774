package download_test

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/internal/download"
	"feedmill/internal/filecache"
	"feedmill/storage"
)

// silent is a store that may say nothing at all, as one does that hangs.
type silent struct {
	storage.Store
	hangs *atomic.Bool
	// late has it open files, and say nothing of what is in them.
	late bool
}

func (s silent) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	if s.hangs.Load() && !s.late {
		<-ctx.Done()
		return nil, storage.Info{}, ctx.Err()
	}
	body, info, err := s.Store.Open(ctx, key, r)
	if err == nil && s.hangs.Load() {
		body = mute{body, ctx}
	}
	return body, info, err
}

type mute struct {
	io.ReadCloser
	ctx context.Context
}

func (m mute) Read([]byte) (int, error) {
	<-m.ctx.Done()
	return 0, m.ctx.Err()
}

// TestHangingStore: a store that says nothing costs the client a while, and then
// he is told that there is nothing at the moment: in time, and not by silence.
func TestHangingStore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		cache bool
		late  bool
		file  string
	}{
		{"passed on", false, false, "light.xml"},
		{"small file through the cache", true, false, "light.xml"},
		{"small file that never comes", true, true, "light.xml"},
		{"large file through the cache", true, false, "full.xml"},
		{"large file that never comes", true, true, "full.xml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			hangs := &atomic.Bool{}
			hangs.Store(true)
			w := setup(t, config{bigFull: 24 << 20, options: func(o *download.Options) { o.OpenTimeout = 50 * time.Millisecond },
				blobs: func(s storage.Store) download.Blobs {
					s = silent{s, hangs, c.late}
					if !c.cache {
						return s
					}
					cache, err := filecache.New(s, t.TempDir(), filecache.Options{MaxBytes: 1 << 30, Log: slog.New(slog.DiscardHandler), Stall: 500 * time.Millisecond})
					check(t, err)
					t.Cleanup(func() { cache.Close() })
					return cache
				}})
			path := "/o/" + w.secret + "/" + c.file
			got := w.get(t, path)
			if got.status != 503 || got.header.Get("Retry-After") == "" || got.header.Get("ETag") != "" || got.header.Get("Content-Type") != "application/problem+json" {
				t.Fatalf("got %d with %v, want 503 and when to come again", got.status, got.header)
			}
			if n := len(w.srv.Running()); n != 0 {
				t.Errorf("%d downloads still run", n)
			}
			// The store is back; who has asked it before may need to give up first.
			hangs.Store(false)
			await(t, "the file is served again", func() bool { return w.get(t, path).status == 200 })
		})
	}
}
