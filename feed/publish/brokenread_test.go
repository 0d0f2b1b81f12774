package publish_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/storage"
	"feedmill/storage/memstore"
)

// breaking is a store far away: the connection of one read breaks off after half
// of what was asked for, as [storage.Body] tells it.
type breaking struct {
	storage.Store
	mu sync.Mutex // several files are read at once
	// at counts down to that read.
	at int
	// broke says that it has come to that.
	broke bool
}

func (b *breaking) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	body, info, err := b.Store.Open(ctx, key, r)
	if err != nil {
		return nil, info, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.at--; b.at != 0 {
		return body, info, nil
	}
	n, err := r.Clip(info.Size)
	if err != nil {
		return nil, info, err
	}
	b.broke = true
	return struct {
		io.Reader
		io.Closer
	}{&storage.Body{Ctx: ctx, From: io.NopCloser(io.LimitReader(body, n/2)), Left: n}, body}, info, nil
}

// A connection to the store that breaks off says nothing of the files there: the
// run fails at most, and the next one goes on, without a new epoch, which would have each
// partner fetch everything anew.
func TestConnectionThatBreaksOffIsNoDamage(t *testing.T) {
	t.Parallel()
	failed := false
	for _, whole := range []bool{false, true} {
		for at := 1; ; at++ {
			t.Run(fmt.Sprintf("whole %v, read %d", whole, at), func(t *testing.T) {
				store := &breaking{Store: memstore.New(memstore.Options{})}
				s := &storeShop{shop: newShop(t.TempDir()), store: store}
				s.settings.Gzip = true
				s.ledger.stored = func(key string) bool { _, err := store.Stat(t.Context(), key); return err == nil }
				for id := range feed.ProductID(50) {
					s.set(id+1, 100, 1, "x")
				}
				if _, err := s.run(t.Context()); err != nil {
					t.Fatal(err)
				}
				s.now = s.now.Add(time.Minute)
				s.set(3, 101, 1, "x")
				s.remove(7)
				if whole {
					s.settings.CompareEvery = -1
				}
				store.at = at
				_, err := s.run(t.Context()) // blocks that cannot be read are compressed anew
				if err != nil && !store.broke {
					t.Fatal(err)
				}
				failed = failed || err != nil
				s.now = s.now.Add(time.Minute)
				store.at = 0
				if _, err := s.run(t.Context()); err != nil {
					t.Fatal(err)
				}
				for f, g := range s.current {
					if g.Epoch != 1 || f.Kind == feed.KindFull && g.File(feed.KindFullChange) == nil || g.Products != 49 {
						t.Errorf("%v is of epoch %d with %d products and change file %v", f.Kind, g.Epoch, g.Products, g.File(feed.KindFullChange))
					}
				}
				if !store.broke {
					if at < 4 {
						t.Errorf("the run reads the store %d times only", at-1)
					}
					at = -1
				}
			})
			if at < 0 {
				break
			}
		}
	}
	if !failed {
		t.Error("no run has told of it")
	}
}
