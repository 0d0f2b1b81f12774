package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"feedmill/storage"
)

var errBody = errors.New("the body broke")

// refused checks that a Put that must fail does so with the error wanted, and
// leaves nothing under a new key and the old object under a taken one.
func refused(t testing.TB, s storage.Store, name string, body func() (context.Context, io.Reader), size int64, attrs storage.Attrs, want error) {
	t.Helper()
	old := []byte("what was there before")
	oldKey, newKey := "refused/old-"+name, "refused/new-"+name
	put(t, s, oldKey, old, storage.Attrs{})
	for _, key := range []string{oldKey, newKey} {
		ctx, r := body()
		a := attrs
		a.Immutable = key == newKey
		_, err := s.Put(ctx, key, r, size, a)
		if !errors.Is(err, want) {
			t.Errorf("%s: got error %v, want %v", name, err, want)
		}
	}
	wantObject(t, s, oldKey, old)
	wantNothing(t, s, newKey)
}

func testFailingBody(t testing.TB, h *harness) {
	s := h.open(t)
	for _, n := range []int{0, 1, 1000, h.part - 1, h.part, h.part + 1, 2*h.part + 7} {
		b := data(n, 3)
		for _, size := range []int64{-1, int64(n), int64(n) + 1000} {
			if n > 1000 && size == int64(n) {
				continue // as with more, only longer
			}
			refused(t, s, fmt.Sprintf("after-%d-of-%d", n, size), func() (context.Context, io.Reader) {
				return context.Background(), io.MultiReader(bytes.NewReader(b), failingReader{})
			}, size, storage.Attrs{}, errBody)
		}
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errBody }

func testWrongLength(t testing.TB, h *harness) {
	s := h.open(t)
	for _, c := range []struct{ n, declared int }{
		{0, 1}, {1, 0}, {999, 1000}, {1001, 1000},
		{h.part, h.part + 1}, {h.part + 1, h.part}, {h.part - 1, h.part},
		{2*h.part + 1, 2*h.part + 2}, {2*h.part + 2, 2*h.part + 1},
		{10, 3 * h.part}, {2 * h.part, 10},
	} {
		b := data(c.n, 4)
		refused(t, s, fmt.Sprintf("%d-as-%d", c.n, c.declared), func() (context.Context, io.Reader) {
			return context.Background(), bytes.NewReader(b)
		}, int64(c.declared), storage.Attrs{SHA256: storage.Sum(b)}, storage.ErrLength)
	}
}

func testWrongDigest(t testing.TB, h *harness) {
	s := h.open(t)
	for _, n := range []int{0, 1, 1000, h.part, 2*h.part + 1} {
		b := data(n, 5)
		for _, size := range []int64{-1, int64(n)} {
			refused(t, s, fmt.Sprintf("%d-as-%d", n, size), func() (context.Context, io.Reader) {
				return context.Background(), bytes.NewReader(b)
			}, size, storage.Attrs{SHA256: storage.Sum([]byte("something else"))}, storage.ErrDigest)
		}
	}
}

func testCancelBefore(t testing.TB, h *harness) {
	s := h.open(t)
	put(t, s, "object", []byte("x"), storage.Attrs{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	refused(t, s, "cancelled", func() (context.Context, io.Reader) {
		return ctx, bytes.NewReader([]byte("new"))
	}, 3, storage.Attrs{}, context.Canceled)
	if _, err := s.Stat(ctx, "object"); !errors.Is(err, context.Canceled) {
		t.Errorf("stat: got error %v, want %v", err, context.Canceled)
	}
	if _, _, err := s.Open(ctx, "object", storage.Range{}); !errors.Is(err, context.Canceled) {
		t.Errorf("open: got error %v, want %v", err, context.Canceled)
	}
	if err := s.Delete(ctx, "object"); !errors.Is(err, context.Canceled) {
		t.Errorf("delete: got error %v, want %v", err, context.Canceled)
	}
	n := 0
	for _, err := range s.List(ctx, "") {
		if n++; n > 1 || !errors.Is(err, context.Canceled) {
			t.Errorf("list: got error %v, want %v once", err, context.Canceled)
		}
	}
	if n != 1 {
		t.Errorf("list: got %d results, want 1 error", n)
	}
	wantObject(t, s, "object", []byte("x"))
}

// cancelAt cancels when n bytes have been read.
type cancelAt struct {
	r      io.Reader
	n      int
	cancel context.CancelFunc
}

func (c *cancelAt) Read(p []byte) (int, error) {
	if c.n <= 0 {
		c.cancel()
	}
	if len(p) > 4096 {
		p = p[:4096]
	}
	n, err := c.r.Read(p)
	c.n -= n
	return n, err
}

func testCancelDuring(t testing.TB, h *harness) {
	s := h.open(t)
	for _, n := range []int{5000, 2*h.part + 5000} {
		b := data(n, 6)
		for _, at := range []int{1, n / 2, n} {
			refused(t, s, fmt.Sprintf("at-%d-of-%d", at, n), func() (context.Context, io.Reader) {
				ctx, cancel := context.WithCancel(context.Background())
				t.Cleanup(cancel)
				return ctx, &cancelAt{bytes.NewReader(b), at, cancel}
			}, int64(n), storage.Attrs{}, context.Canceled)
		}
	}
	// Reading: bytes that do come are right, and the end is not reported.
	b := data(1<<20, 6)
	put(t, s, "object", b, storage.Attrs{})
	ctx, cancel := context.WithCancel(context.Background())
	body, _, err := s.Open(ctx, "object", storage.Range{})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer body.Close()
	begin := make([]byte, 1000)
	if _, err := io.ReadFull(body, begin); err != nil || !bytes.Equal(begin, b[:1000]) {
		t.Errorf("read the beginning: error %v", err)
	}
	cancel()
	rest, err := io.ReadAll(body)
	if !errors.Is(err, context.Canceled) || !bytes.Equal(rest, b[1000:1000+len(rest)]) {
		t.Errorf("read on after cancelling: got %d bytes, error %v, want %v", len(rest), err, context.Canceled)
	}
	for i := range 30 {
		put(t, s, fmt.Sprintf("list/%02d", i), nil, storage.Attrs{})
	}
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	keys, ended := 0, error(nil)
	for _, err := range s.List(ctx, "list/") {
		if err != nil {
			ended = err
			continue
		}
		if keys++; keys == 3 {
			cancel()
		}
	}
	if !errors.Is(ended, context.Canceled) || keys >= 30 {
		t.Errorf("list: got %d keys, error %v, want fewer and %v", keys, ended, context.Canceled)
	}
}

func testCancelAfter(t testing.TB, h *harness) {
	s := h.open(t)
	for _, n := range []int{100, h.part + 1} {
		ctx, cancel := context.WithCancel(context.Background())
		key, b := fmt.Sprintf("object-%d", n), data(n, 8)
		if _, err := s.Put(ctx, key, bytes.NewReader(b), int64(n), attrsOf(b)); err != nil {
			t.Fatalf("put: %v", err)
		}
		cancel()
		wantObject(t, s, key, b)
	}
}
