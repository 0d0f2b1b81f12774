package publish

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync/atomic"

	"feedmill/feed"
	"feedmill/feed/diff"
	"feedmill/internal/crash"
	"feedmill/storage"
)

// StoreBin keeps the files of one run in an object store, each under a key of
// its own that no other attempt shares.
type StoreBin struct {
	store storage.Store
	run   string
	n     atomic.Int64
}

// NewStoreBin makes the bin of a run; the run's id is unlike every other's.
func NewStoreBin(store storage.Store, run string) *StoreBin {
	return &StoreBin{store: store, run: run}
}

// Key implements [Bin].
func (b *StoreBin) Key(merchant string, s Spooled) (string, error) {
	n := int(b.n.Add(1)) - 1
	return storage.Blob{Merchant: merchant, State: s.Kind == 0, SHA256: storage.Digest(s.SHA256), Run: b.run, N: n}.Key()
}

// Put implements [Bin]: a store that keeps files takes the spooled one as it is,
// others verify length and hash of its bytes. The file is gone afterwards.
func (b *StoreBin) Put(ctx context.Context, key string, s Spooled) (err error) {
	attrs := storage.Attrs{ContentEncoding: s.Encoding, Immutable: true, SHA256: storage.Digest(s.SHA256)}
	if s.Kind != 0 {
		attrs.ContentType = s.Kind.ContentType()
	}
	if files, ok := b.store.(storage.FileAdopter); ok {
		if _, err := files.Adopt(ctx, key, s.Path, s.Size, attrs); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	f, err := os.Open(s.Path)
	if err != nil {
		return fmt.Errorf("read the spooled file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(s.Path)) }()
	_, err = b.store.Put(ctx, key, f, s.Size, attrs)
	return err
}

// AtHand implements [AtHand].
func (b *StoreBin) AtHand() bool { _, ok := b.store.(storage.FileAdopter); return ok }

// TakeBack implements [TakeBack], for stores on this machine alone. Elsewhere a
// request may take effect long after it has failed, keys that store may not
// delete, and there is room.
func (b *StoreBin) TakeBack(ctx context.Context, keys []string) error {
	if !b.AtHand() {
		return nil
	}
	var errs []error
	for _, key := range keys {
		errs = append(errs, b.store.Delete(ctx, key))
	}
	return errors.Join(errs...)
}

// Open implements [Bin].
func (b *StoreBin) Open(ctx context.Context, blob Blob, offset, n int64) (io.ReadCloser, error) {
	if n == 0 {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	r, info, err := b.store.Open(ctx, blob.Key, storage.Range{Off: offset, Len: n})
	if errors.Is(err, storage.ErrNotExist) || errors.Is(err, storage.ErrDamaged) || errors.Is(err, storage.ErrArchived) || errors.Is(err, storage.ErrRange) {
		return nil, fmt.Errorf("%w: %w", diff.ErrCorrupt, err)
	}
	if err != nil {
		return nil, err
	}
	if info.Size != blob.Size {
		return nil, errors.Join(diff.ErrCorrupt, feed.Errorf(feed.KindInternal, "stored file %s has %d bytes, the records say %d", blob.Key, info.Size, blob.Size), r.Close())
	}
	if _, local := r.(storage.FileReader); local {
		return r, nil
	}
	return &sent{r, blob.Key}, nil
}

// sent reads what a store sends of a file that is as long as it should be. An end
// before that is no damage, which readers would take it for: the connection has
// broken off, and the next run may have better luck.
type sent struct {
	io.ReadCloser
	key string
}

// Read implements io.Reader.
func (s *sent) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("read stored file %s: the connection to the store broke off: %s", s.key, err.Error())
	}
	return n, err
}

const (
	// markerFeed stands in the keys of markers: one tells of all feeds.
	markerFeed = "all"
	// markersKept is how many markers of a merchant stay. The newest alone decides;
	// the others are for people.
	markersKept = 16
	// markerSize bounds a marker's body.
	markerSize = 4 << 10
)

// Newest implements [Markers].
func (b *StoreBin) Newest(ctx context.Context, merchant string) (m Mark, ok bool, err error) {
	keys, err := b.markers(ctx, merchant)
	if err != nil || len(keys) == 0 {
		return m, false, err
	}
	last := keys[len(keys)-1]
	var body []byte
	switch r, _, err := b.store.Open(ctx, last, storage.Range{}); {
	case errors.Is(err, storage.ErrDamaged), errors.Is(err, storage.ErrArchived):
	case err != nil:
		return m, false, err
	default:
		body, err = io.ReadAll(io.LimitReader(&sent{r, last}, markerSize))
		if err = errors.Join(err, r.Close()); err != nil {
			return m, false, err
		}
	}
	if err := json.Unmarshal(body, &m); err != nil || m.Run == "" {
		// A damaged marker must not stop publication for good: what decides
		// stands in its key too.
		k, err := storage.ParseMarker(last)
		if err != nil {
			return m, false, fmt.Errorf("marker %s: %w", last, err)
		}
		return Mark{Run: k.Run, Epoch: k.Epoch, Number: k.Generation}, true, nil
	}
	return m, true, nil
}

// markers lists a merchant's markers in order. Among them may stand what others
// have put there, a note or the sign of a folder.
func (b *StoreBin) markers(ctx context.Context, merchant string) (keys []string, err error) {
	prefix, err := storage.MarkerPrefix(merchant, markerFeed)
	if err != nil {
		return nil, err
	}
	for info, err := range b.store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		if _, err := storage.ParseMarker(info.Key); err == nil {
			keys = append(keys, info.Key)
		}
	}
	return keys, nil
}

// Mark implements [Markers]. The order of the keys is that of epochs, then of
// numbers, so the newest marker is the last. All but some of those before it
// are removed.
func (b *StoreBin) Mark(ctx context.Context, merchant string, m Mark) error {
	key, err := storage.Marker{Merchant: merchant, Feed: markerFeed, Epoch: m.Epoch, Generation: m.Number, Run: m.Run}.Key()
	if err != nil {
		return err
	}
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if _, err = b.store.Put(ctx, key, bytes.NewReader(body), int64(len(body)), storage.Attrs{ContentType: "application/json", Immutable: true, SHA256: sha256.Sum256(body)}); err != nil {
		return err
	}
	crash.Point("publish.marked")
	keys, err := b.markers(ctx, merchant)
	if err != nil {
		return err
	}
	keys = slices.DeleteFunc(keys, func(k string) bool { return k >= key })
	for len(keys) >= markersKept {
		// A marker that cannot be removed does no harm, and is met again next time.
		if b.store.Delete(ctx, keys[0]) != nil {
			break
		}
		crash.Point("publish.marker.removed")
		keys = keys[1:]
	}
	return nil
}

var (
	_ Bin     = (*StoreBin)(nil)
	_ Markers = (*StoreBin)(nil)
	_ AtHand  = (*StoreBin)(nil)
)
