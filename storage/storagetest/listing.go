package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"feedmill/storage"
)

// parallel calls f for 0 to n-1 on a few goroutines.
func parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	const workers = 16
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				f(i)
			}
		})
	}
	wg.Wait()
}

func testListPaging(t testing.TB, h *harness) {
	s := h.open(t)
	key := func(i int) string { return fmt.Sprintf("page/%d/%04d", i%3, i) }
	var want []string
	for _, n := range []int{0, 1, 999, 1000, 1001, 2500} {
		have := len(want)
		for i := have; i < n; i++ {
			want = append(want, key(i))
		}
		parallel(n-have, func(i int) {
			if _, err := s.Put(context.Background(), key(have+i), bytes.NewReader([]byte{byte(i)}), 1, storage.Attrs{}); err != nil {
				t.Errorf("put: %v", err)
			}
		})
		sorted := slices.Sorted(slices.Values(want))
		for _, prefix := range []string{"", "page/"} {
			if got := list(t, s, prefix); !slices.Equal(got, sorted) {
				t.Errorf("list %q: got %d keys, want %d", prefix, len(got), n)
			}
		}
	}
	for info, err := range s.List(context.Background(), "page/1/0") {
		if err != nil || info.Size != 1 || info.Modified.IsZero() {
			t.Errorf("list: got %+v, error %v, want size 1 and a time", info, err)
		}
	}
}

func testListPrefix(t testing.TB, h *harness) {
	s := h.open(t)
	// In byte order: "-" < "." < "/" < "0" < "a".
	all := []string{"a-b", "a.b", "a/b", "a/b-c/d", "a/b.c", "a/b0/d", "a/c/d/e", "a0", "aa", "b/a"}
	for _, k := range all {
		put(t, s, k, []byte(k), storage.Attrs{})
	}
	for _, c := range []struct {
		prefix string
		want   []string
	}{
		{"", all},
		{"a", all[:9]},
		{"a/", all[2:7]},
		{"a/b", all[2:6]},
		{"a/b-", all[3:4]},
		{"a/b-c", all[3:4]},
		{"a/b-c/", all[3:4]},
		{"a/b-c/d", all[3:4]},
		{"a/b-c/de", nil},
		{"a/b/", nil},
		{"a/c/d", all[6:7]},
		{"b", all[9:]},
		{"c", nil},
		{"c/d/", nil},
	} {
		if got := list(t, s, c.prefix); !slices.Equal(got, c.want) {
			t.Errorf("list %q: got %q, want %q", c.prefix, got, c.want)
		}
	}
	for _, prefix := range []string{"/", "a//", "../", "a/../", "A", "a\x00"} {
		for info, err := range s.List(context.Background(), prefix) {
			if !errors.Is(err, storage.ErrKey) {
				t.Errorf("list %q: got %+v, error %v, want %v", prefix, info, err, storage.ErrKey)
			}
		}
	}
}

func testListStop(t testing.TB, h *harness) {
	s := h.open(t)
	for i := range 10 {
		put(t, s, fmt.Sprintf("d%d/x", i), nil, storage.Attrs{})
	}
	n := 0
	for _, err := range s.List(context.Background(), "") {
		if err != nil {
			t.Errorf("list: %v", err)
		}
		if n++; n == 4 {
			break
		}
	}
	if n != 4 {
		t.Errorf("list: got %d keys before the break, want 4", n)
	}
}

func testListWhileChanging(t testing.TB, h *harness) {
	s := h.open(t)
	ctx := context.Background()
	var stable []string
	for i := range 60 {
		stable = append(stable, fmt.Sprintf("change/%03d-stable", i))
	}
	parallel(len(stable), func(i int) {
		if _, err := s.Put(ctx, stable[i], strings.NewReader("x"), 1, storage.Attrs{}); err != nil {
			t.Errorf("put: %v", err)
		}
	})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				key := fmt.Sprintf("change/%03d-passing-%d", i%60, w)
				if _, err := s.Put(ctx, key, strings.NewReader("yy"), 2, storage.Attrs{}); err != nil {
					t.Errorf("put: %v", err)
				}
				if err := s.Delete(ctx, key); err != nil {
					t.Errorf("delete: %v", err)
				}
			}
		})
	}
	for range 10 {
		var got []string
		for _, k := range list(t, s, "change/") {
			if strings.HasSuffix(k, "-stable") {
				got = append(got, k)
			}
		}
		if !slices.Equal(got, stable) {
			t.Errorf("list while keys come and go: got %d of %d stable keys", len(got), len(stable))
		}
	}
	close(stop)
	wg.Wait()
}
