package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"feedmill/feed"
	"feedmill/storage"
)

// StoreBin keeps the files of one run in an object store, each under a key of
// its own that no other attempt shares.
type StoreBin struct {
	store storage.Store
	run   string
	n     int
}

// NewStoreBin makes the bin of a run; the run's id is unlike every other's.
func NewStoreBin(store storage.Store, run string) *StoreBin {
	return &StoreBin{store: store, run: run}
}

// Put implements [Bin]: the store verifies length and hash, and the spooled
// file is removed once it is stored.
func (b *StoreBin) Put(ctx context.Context, merchant string, s Spooled) (key string, err error) {
	key, err = storage.Blob{Merchant: merchant, State: s.Kind == 0, SHA256: storage.Digest(s.SHA256), Run: b.run, N: b.n}.Key()
	if err != nil {
		return "", err
	}
	b.n++
	f, err := os.Open(s.Path)
	if err != nil {
		return "", fmt.Errorf("read the spooled file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(s.Path)) }()
	attrs := storage.Attrs{ContentEncoding: s.Encoding, Immutable: true, SHA256: storage.Digest(s.SHA256)}
	if s.Kind != 0 {
		attrs.ContentType = s.Kind.ContentType()
	}
	_, err = b.store.Put(ctx, key, f, s.Size, attrs)
	return key, err
}

// Open implements [Bin].
func (b *StoreBin) Open(ctx context.Context, blob Blob, offset, n int64) (io.ReadCloser, error) {
	r, info, err := b.store.Open(ctx, blob.Key, storage.Range{Off: offset, Len: n})
	if err != nil {
		return nil, err
	}
	if info.Size != blob.Size {
		return nil, errors.Join(feed.Errorf(feed.KindInternal, "stored file %s has %d bytes, the records say %d", blob.Key, info.Size, blob.Size), r.Close())
	}
	return r, nil
}

var _ Bin = (*StoreBin)(nil)
