package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"feedmill/storage"
)

func testRoundTrip(t testing.TB, h *harness) {
	s := h.open(t)
	ctx := context.Background()
	want := data(1000, 1)
	attrs := storage.Attrs{
		ContentType: "application/xml; charset=utf-8", ContentEncoding: "gzip",
		Immutable: true, SHA256: storage.Sum(want),
	}
	info := put(t, s, "m/shop/b/ab/object", want, attrs)
	if info.Modified.IsZero() {
		t.Errorf("put: got no time")
	}
	wantInfo(t, "put", info, storage.Info{Key: "m/shop/b/ab/object", Size: 1000, Attrs: attrs})
	wantObject(t, s, "m/shop/b/ab/object", want)

	stat, err := s.Stat(ctx, info.Key)
	if err != nil {
		t.Fatalf("stat: %v", err)
	}
	wantInfo(t, "stat", stat, info)
	if stat.SHA256.IsZero() || stat.Modified.IsZero() {
		t.Errorf("stat: got %+v, want hash and time", stat)
	}
	body, opened, err := s.Open(ctx, info.Key, storage.Range{Off: 10, Len: 5})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer body.Close()
	wantInfo(t, "open", opened, info)
	for listed, err := range s.List(ctx, "m/") {
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		wantInfo(t, "list", listed, storage.Info{Key: info.Key, Size: info.Size, Modified: stat.Modified})
	}

	if err := s.Delete(ctx, info.Key); err != nil {
		t.Fatalf("delete: %v", err)
	}
	wantNothing(t, s, info.Key)
	// A key that was deleted is free again, for a store at least.
	put(t, s, info.Key, want[:10], attrsOf(want[:10]))
	wantObject(t, s, info.Key, want[:10])
}

func attrsOf(b []byte) storage.Attrs {
	return storage.Attrs{Immutable: true, SHA256: storage.Sum(b)}
}

// sizesRoundTrip puts bodies with and without what is known beforehand.
func sizesRoundTrip(t testing.TB, s storage.Store, sizes []int) {
	ctx := context.Background()
	for i, n := range sizes {
		want := data(n, uint64(i))
		for _, c := range []struct {
			name  string
			size  int64
			attrs storage.Attrs
		}{
			{"declared", int64(n), storage.Attrs{SHA256: storage.Sum(want)}},
			{"undeclared", -1, storage.Attrs{Immutable: true}},
		} {
			key := fmt.Sprintf("sizes/%s-%d", c.name, n)
			// Only Read: a store must not depend on seeking in the body.
			info, err := s.Put(ctx, key, io.MultiReader(bytes.NewReader(want)), c.size, c.attrs)
			if err != nil {
				t.Errorf("put %s of %d bytes: %v", c.name, n, err)
				continue
			}
			if info.Size != int64(n) || info.SHA256 != storage.Sum(want) {
				t.Errorf("put %s of %d bytes: got size %d, sha-256 %s, want %s", c.name, n, info.Size, info.SHA256, storage.Sum(want))
			}
			stat, err := s.Stat(ctx, key)
			if err != nil {
				t.Errorf("stat %s of %d bytes: %v", c.name, n, err)
			}
			wantInfo(t, "stat", stat, info)
			if c.size >= 0 && stat.SHA256 != storage.Sum(want) {
				t.Errorf("stat of %d bytes with declared hash: got sha-256 %s, want %s", n, stat.SHA256, storage.Sum(want))
			}
			body, _, err := storage.OpenVerified(ctx, s, key, int64(n), storage.Sum(want))
			if err != nil {
				t.Errorf("open %s of %d bytes: %v", c.name, n, err)
				continue
			}
			got, err := io.ReadAll(body)
			if err := errors.Join(err, body.Close()); err != nil || !bytes.Equal(got, want) {
				t.Errorf("read %s of %d bytes: got %d bytes, error %v", c.name, n, len(got), err)
			}
		}
	}
}

func testSizes(t testing.TB, h *harness) {
	sizesRoundTrip(t, h.open(t), []int{0, 1, 2, 4095, 4096, 4097, 64 << 10, 64<<10 + 1, 1 << 20})
}

func testPartSizes(t testing.TB, h *harness) {
	sizesRoundTrip(t, h.open(t), []int{h.part - 1, h.part, h.part + 1, 2*h.part - 1, 2 * h.part, 2*h.part + 1})
}

func testRanges(t testing.TB, h *harness) {
	s := h.open(t)
	const size = 1000
	all := data(size, 7)
	put(t, s, "object", all, attrsOf(all))
	put(t, s, "empty", nil, attrsOf(nil))
	for _, c := range []struct {
		key      string
		r        storage.Range
		from, to int // -1: ErrRange
	}{
		{"object", storage.Range{}, 0, size},
		{"object", storage.Range{Len: 1}, 0, 1},
		{"object", storage.Range{Len: 100}, 0, 100},
		{"object", storage.Range{Off: 450, Len: 100}, 450, 550},
		{"object", storage.Range{Off: 900, Len: 100}, 900, size},
		{"object", storage.Range{Off: 900}, 900, size},
		{"object", storage.Range{Off: 999}, 999, size},
		{"object", storage.Range{Off: 999, Len: 1}, 999, size},
		{"object", storage.Range{Off: 990, Len: 100}, 990, size},
		{"object", storage.Range{Len: size}, 0, size},
		{"object", storage.Range{Len: size + 1}, 0, size},
		{"object", storage.Range{Off: 1, Len: 1<<63 - 1}, 1, size},
		{"object", storage.Range{Off: size}, -1, 0},
		{"object", storage.Range{Off: size, Len: 1}, -1, 0},
		{"object", storage.Range{Off: size + 1}, -1, 0},
		{"object", storage.Range{Off: 1<<63 - 1, Len: 1<<63 - 1}, -1, 0},
		{"object", storage.Range{Off: -1}, -1, 0},
		{"object", storage.Range{Len: -1}, -1, 0},
		{"empty", storage.Range{}, 0, 0},
		{"empty", storage.Range{Len: 5}, 0, 0},
		{"empty", storage.Range{Off: 1}, -1, 0},
	} {
		got, info, err := read(s, c.key, c.r)
		if c.from < 0 {
			if !errors.Is(err, storage.ErrRange) {
				t.Errorf("%s %+v: got %d bytes, error %v, want %v", c.key, c.r, len(got), err, storage.ErrRange)
			}
			continue
		}
		want := all[c.from:c.to]
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s %+v: got %d bytes, error %v, want %d bytes", c.key, c.r, len(got), err, len(want))
		}
		if c.key == "object" && err == nil && info.Size != size {
			t.Errorf("%s %+v: got size %d, want that of the whole object, %d", c.key, c.r, info.Size, size)
		}
	}
}

func testMissing(t testing.TB, h *harness) {
	s := h.open(t)
	wantNothing(t, s, "absent")
	wantNothing(t, s, "absent/below/it")
	_, _, err := s.Open(context.Background(), "absent", storage.Range{Off: 5, Len: 5})
	if !errors.Is(err, storage.ErrNotExist) || !storage.IsPermanent(err) {
		t.Errorf("open range: got error %v, want permanent %v", err, storage.ErrNotExist)
	}
	put(t, s, "folder/object", []byte("x"), storage.Attrs{})
	// A folder is no object, and nothing is below an object.
	for _, key := range []string{"folder", "folder/object/below", "folder/object2", "folder/objec"} {
		if _, err := s.Stat(context.Background(), key); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("stat %q: got error %v, want %v", key, err, storage.ErrNotExist)
		}
		if _, _, err := s.Open(context.Background(), key, storage.Range{}); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("open %q: got error %v, want %v", key, err, storage.ErrNotExist)
		}
		if err := s.Delete(context.Background(), key); err != nil {
			t.Errorf("delete %q: %v", key, err)
		}
	}
	wantObject(t, s, "folder/object", []byte("x"))
}

func testImmutable(t testing.TB, h *harness) {
	s := h.open(t)
	ctx := context.Background()
	first, second := data(100, 1), data(100, 2)
	put(t, s, "immutable", first, storage.Attrs{Immutable: true})
	put(t, s, "mutable", first, storage.Attrs{})
	for _, c := range []struct {
		key   string
		body  []byte
		attrs storage.Attrs
	}{
		{"immutable", second, storage.Attrs{Immutable: true}},
		{"immutable", second, storage.Attrs{}},
		{"immutable", first, storage.Attrs{Immutable: true, SHA256: storage.Sum(first)}},
		{"mutable", second, storage.Attrs{Immutable: true}},
	} {
		_, err := s.Put(ctx, c.key, bytes.NewReader(c.body), -1, c.attrs)
		if !errors.Is(err, storage.ErrExist) || !storage.IsPermanent(err) {
			t.Errorf("put %q again (immutable %v): got error %v, want permanent %v", c.key, c.attrs.Immutable, err, storage.ErrExist)
		}
		wantObject(t, s, c.key, first)
	}
	stat, err := s.Stat(ctx, "immutable")
	if err != nil || !stat.Immutable {
		t.Errorf("stat: got %+v, error %v, want immutable", stat, err)
	}
}

func testReplace(t testing.TB, h *harness) {
	s := h.open(t)
	for i, n := range []int{100, 10, 0, 5000, 100} {
		b := data(n, uint64(i))
		attrs := storage.Attrs{ContentType: fmt.Sprintf("text/x-%d", i), SHA256: storage.Sum(b)}
		info := put(t, s, "folder/object", b, attrs)
		wantObject(t, s, "folder/object", b)
		stat, err := s.Stat(context.Background(), "folder/object")
		if err != nil {
			t.Fatalf("stat: %v", err)
		}
		wantInfo(t, "stat after replacing", stat, info)
		wantInfo(t, "put", info, storage.Info{Key: "folder/object", Size: int64(n), Attrs: attrs})
	}
	if got := list(t, s, ""); len(got) != 1 {
		t.Errorf("list: got %q, want one key", got)
	}
}

func testAttrs(t testing.TB, h *harness) {
	s := h.open(t)
	ctx := context.Background()
	for i, a := range []storage.Attrs{
		{},
		{ContentType: "text/plain"},
		{ContentType: `multipart/mixed; boundary="a b;c=d"`},
		{ContentEncoding: "gzip"},
		{ContentType: "text/csv", ContentEncoding: "br", Immutable: true},
	} {
		key := fmt.Sprintf("attrs/%d", i)
		put(t, s, key, []byte("x"), a)
		stat, err := s.Stat(ctx, key)
		if err != nil {
			t.Fatalf("stat: %v", err)
		}
		want := a
		if want.ContentType == "" {
			want.ContentType = storage.DefaultContentType
		}
		want.SHA256 = stat.SHA256
		if stat.Attrs != want {
			t.Errorf("stat: got %+v, want %+v", stat.Attrs, want)
		}
		// Stored bytes are never decoded on the way.
		wantObject(t, s, key, []byte("x"))
	}
	for _, a := range []storage.Attrs{
		{ContentType: "text/plain\r\nX-Evil: 1"},
		{ContentType: "text/pläin"},
		{ContentType: strings.Repeat("x", 256)},
		{ContentEncoding: "gzip\x00"},
		{ContentEncoding: " gzip"},
		{ContentEncoding: "gzip "},
	} {
		_, err := s.Put(ctx, "attrs/bad", strings.NewReader("x"), 1, a)
		if !errors.Is(err, storage.ErrAttrs) || !storage.IsPermanent(err) {
			t.Errorf("put with %+v: got error %v, want permanent %v", a, err, storage.ErrAttrs)
		}
	}
	wantNothing(t, s, "attrs/bad")
}

func testDeleteAbsent(t testing.TB, h *harness) {
	s := h.open(t)
	ctx := context.Background()
	put(t, s, "there/kept", []byte("x"), storage.Attrs{})
	put(t, s, "there/deleted", []byte("x"), storage.Attrs{})
	for _, key := range []string{"absent", "absent/below", "there/absent", "there/deleted", "there/deleted"} {
		if err := s.Delete(ctx, key); err != nil {
			t.Errorf("delete %q: %v", key, err)
		}
	}
	wantNothing(t, s, "there/deleted")
	wantObject(t, s, "there/kept", []byte("x"))
}
