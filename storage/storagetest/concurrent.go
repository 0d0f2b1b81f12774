package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"feedmill/storage"
)

func testConcurrentCreate(t testing.TB, h *harness) {
	s := h.open(t)
	exclusive := false
	if e, ok := s.(storage.ExclusiveCreator); ok {
		exclusive = e.ExclusiveCreate()
	}
	for round := range 8 {
		const creators = 8
		key := fmt.Sprintf("race/%d", round)
		n := 1000
		if round == 0 {
			n = h.part + 1 // in parts
		}
		bodies := make([][]byte, creators)
		errs := make([]error, creators)
		var wg sync.WaitGroup
		for i := range creators {
			bodies[i] = data(n+i, uint64(i))
			wg.Go(func() {
				_, errs[i] = s.Put(context.Background(), key, bytes.NewReader(bodies[i]), -1, attrsOf(bodies[i]))
			})
		}
		wg.Wait()
		got, info, err := read(s, key, storage.Range{})
		if err != nil {
			t.Errorf("read: %v", err)
			continue
		}
		winners, whose := 0, -1
		for i, err := range errs {
			switch {
			case err == nil:
				winners++
			case !errors.Is(err, storage.ErrExist) && !(h.loose && errors.Is(err, storage.ErrDamaged)):
				t.Errorf("creator %d: got error %v, want %v", i, err, storage.ErrExist)
			}
			if bytes.Equal(got, bodies[i]) && (h.looseAttrs || info.SHA256 == storage.Sum(bodies[i]) || info.SHA256.IsZero()) {
				whose = i
			}
		}
		switch {
		case whose < 0:
			t.Errorf("round %d: what is stored (%d bytes, said to have sha-256 %s) is nobody's body", round, len(got), info.SHA256)
		case errs[whose] != nil && !(h.looseAttrs && !exclusive):
			t.Errorf("round %d: creator %d got error %v, but his body is stored", round, whose, errs[whose])
		}
		// Where nothing is arbitrated each may take the others' traces for a
		// rival who was first.
		if winners == 0 && !(h.loose && !exclusive) || exclusive && winners != 1 {
			t.Errorf("round %d: got %d winners of %d (exclusive: %v)", round, winners, creators, exclusive)
		}
	}
}

func testConcurrentReplace(t testing.TB, h *harness) {
	s := h.open(t)
	const writers, versions = 4, 10
	// Every version has its own length, type and bytes, so that any mixture shows.
	version := func(w, v int) ([]byte, storage.Attrs) {
		b := data(1000+w*versions+v, uint64(w*versions+v))
		return b, storage.Attrs{ContentType: fmt.Sprintf("text/x-%d", len(b)), SHA256: storage.Sum(b)}
	}
	known := map[storage.Digest]bool{}
	for w := range writers {
		for v := range versions {
			b, _ := version(w, v)
			known[storage.Sum(b)] = true
		}
	}
	b, attrs := version(0, 0)
	put(t, s, "folder/hot", b, attrs)

	var writing, reading sync.WaitGroup
	var done atomic.Bool
	for w := range writers {
		writing.Go(func() {
			for v := range versions {
				b, attrs := version(w, v)
				_, err := s.Put(context.Background(), "folder/hot", bytes.NewReader(b), int64(len(b)), attrs)
				// The store may find its own attributes beside a rival's bytes.
				if err != nil && !(h.loose && errors.Is(err, storage.ErrDamaged)) {
					t.Errorf("put: %v", err)
				}
			}
		})
	}
	for range 4 {
		reading.Go(func() {
			for last := false; !last; {
				last = done.Load() // once more when all is quiet
				got, info, err := read(s, "folder/hot", storage.Range{})
				if h.loose && !last {
					continue
				}
				if err != nil {
					t.Errorf("read while replacing: %v", err)
					return
				}
				if sum := storage.Sum(got); !known[sum] || info.Size != int64(len(got)) ||
					!h.looseAttrs && (info.SHA256 != sum || info.ContentType != fmt.Sprintf("text/x-%d", len(got))) {
					t.Errorf("read while replacing: got %d bytes of sha-256 %s with %+v", len(got), sum, info)
				}
				if stat, err := s.Stat(context.Background(), "folder/hot"); err != nil || !h.looseAttrs && stat.ContentType != fmt.Sprintf("text/x-%d", stat.Size) {
					t.Errorf("stat while replacing: got %+v, error %v", stat, err)
				}
			}
		})
	}
	writing.Wait()
	done.Store(true)
	reading.Wait()
	if got := list(t, s, ""); len(got) != 1 {
		t.Errorf("list: got %q, want one key", got)
	}
}

func testReadWhileDeleting(t testing.TB, h *harness) {
	s := h.open(t)
	ctx := context.Background()
	want := data(3<<20, 9)
	for round := range 6 {
		key := fmt.Sprintf("doomed/%d", round)
		put(t, s, key, want, attrsOf(want))
		body, _, err := s.Open(ctx, key, storage.Range{})
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		var wg sync.WaitGroup
		begin := make([]byte, 1000*round)
		if _, err := io.ReadFull(body, begin); err != nil {
			t.Errorf("read the beginning: %v", err)
		}
		wg.Go(func() {
			if err := s.Delete(ctx, key); err != nil {
				t.Errorf("delete: %v", err)
			}
		})
		rest, err := io.ReadAll(body)
		wg.Wait()
		got := append(begin, rest...)
		// The open object may be cut off, but then it must say so.
		if err == nil && !bytes.Equal(got, want) || err != nil && !bytes.HasPrefix(want, got) {
			t.Errorf("read while deleting: got %d bytes, error %v, want %d bytes or an error", len(got), err, len(want))
		}
		body.Close()
		wantNothing(t, s, key)
	}
	// Opening while the object goes and comes back.
	var wg sync.WaitGroup
	var done atomic.Bool
	wg.Go(func() {
		defer done.Store(true)
		for range 20 {
			if _, err := s.Put(ctx, "blinking", bytes.NewReader(want[:5000]), 5000, attrsOf(want[:5000])); err != nil {
				t.Errorf("put: %v", err)
			}
			if err := s.Delete(ctx, "blinking"); err != nil {
				t.Errorf("delete: %v", err)
			}
		}
	})
	for !done.Load() {
		got, _, err := read(s, "blinking", storage.Range{})
		if err == nil && !bytes.Equal(got, want[:5000]) || err != nil && !errors.Is(err, storage.ErrNotExist) && !h.broke(err) {
			t.Errorf("read: got %d bytes, error %v, want all or %v", len(got), err, storage.ErrNotExist)
		}
	}
	wg.Wait()
}

func testTwoClients(t testing.TB, h *harness) {
	first := h.open(t)
	second := first
	if h.second != nil {
		second = h.second(t, first)
	}
	ctx := context.Background()
	for i := range 20 {
		key := fmt.Sprintf("shared/%02d", i)
		// The absence was seen before, so it could have been remembered.
		wantNothing(t, second, key)
		b := data(500+i, uint64(i))
		info := put(t, first, key, b, attrsOf(b))
		wantObject(t, second, key, b)
		stat, err := second.Stat(ctx, key)
		if err != nil {
			t.Errorf("stat by the second client: %v", err)
		}
		wantInfo(t, "stat by the second client", stat, info)
		if got := list(t, second, "shared/"); len(got) != 1 || got[0] != key {
			t.Errorf("list by the second client: got %q, want %q", got, key)
		}
		if _, err := second.Put(ctx, key, bytes.NewReader(b), -1, attrsOf(b)); !errors.Is(err, storage.ErrExist) {
			t.Errorf("put by the second client: got error %v, want %v", err, storage.ErrExist)
		}
		if err := second.Delete(ctx, key); err != nil {
			t.Errorf("delete by the second client: %v", err)
		}
		wantNothing(t, first, key)
	}
}
