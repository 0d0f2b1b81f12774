package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"feedmill/storage"
)

// testModel compares the store with a map through random sequences of calls.
func testModel(t testing.TB, h *harness) {
	s := h.open(t)
	ctx := context.Background()
	round := 0
	keys := []string{"a", "b/a", "b/b", "b-a", "c/d/e"}
	type object struct {
		data  []byte
		attrs storage.Attrs
	}
	check := func(rt *rapid.T) {
		round++
		prefix := fmt.Sprintf("model/%04d/", round)
		model := map[string]object{}
		for range rapid.IntRange(1, 12).Draw(rt, "calls") {
			key := prefix + rapid.SampledFrom(keys).Draw(rt, "key")
			old, exists := model[key]
			switch op := rapid.SampledFrom([]string{"put", "put", "delete", "stat", "open", "list"}).Draw(rt, "op"); op {
			case "put":
				b := rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(rt, "body")
				o := object{b, storage.Attrs{
					ContentType: rapid.SampledFrom([]string{"text/xml", "application/json"}).Draw(rt, "type"),
					Immutable:   rapid.Bool().Draw(rt, "immutable"),
					SHA256:      storage.Sum(b),
				}}
				_, err := s.Put(ctx, key, bytes.NewReader(b), int64(len(b)), o.attrs)
				if exists && (old.attrs.Immutable || o.attrs.Immutable) {
					if !errors.Is(err, storage.ErrExist) {
						rt.Fatalf("put: got error %v, want %v", err, storage.ErrExist)
					}
					continue
				}
				if err != nil {
					rt.Fatalf("put: %v", err)
				}
				model[key] = o
			case "delete":
				if err := s.Delete(ctx, key); err != nil {
					rt.Fatalf("delete: %v", err)
				}
				delete(model, key)
			case "stat":
				info, err := s.Stat(ctx, key)
				if exists && (err != nil || info.Attrs != old.attrs || info.Size != int64(len(old.data))) ||
					!exists && !errors.Is(err, storage.ErrNotExist) {
					rt.Fatalf("stat %q: got %+v, error %v, want %+v (exists: %v)", key, info, err, old.attrs, exists)
				}
			case "open":
				r := storage.Range{Off: rapid.Int64Range(-1, 60).Draw(rt, "offset"), Len: rapid.Int64Range(-1, 60).Draw(rt, "length")}
				got, _, err := read(s, key, r)
				n, clipErr := r.Clip(int64(len(old.data)))
				switch {
				case r.Off < 0 || r.Len < 0:
					// Both errors may be right; there must be one.
					if err == nil {
						rt.Fatalf("open %+v: got no error", r)
					}
				case !exists:
					if !errors.Is(err, storage.ErrNotExist) {
						rt.Fatalf("open: got error %v, want %v", err, storage.ErrNotExist)
					}
				case clipErr != nil:
					if !errors.Is(err, storage.ErrRange) {
						rt.Fatalf("open %+v of %d bytes: got error %v, want %v", r, len(old.data), err, storage.ErrRange)
					}
				case err != nil || !bytes.Equal(got, old.data[r.Off:r.Off+n]):
					rt.Fatalf("open %+v of %d bytes: got %d bytes, error %v", r, len(old.data), len(got), err)
				}
			case "list":
				sub := prefix + rapid.SampledFrom([]string{"", "b", "b/", "c/d"}).Draw(rt, "prefix")
				var got, want []string
				for info, err := range s.List(ctx, sub) {
					if err != nil {
						rt.Fatalf("list: %v", err)
					}
					got = append(got, info.Key)
				}
				for _, k := range slices.Sorted(maps.Keys(model)) {
					if strings.HasPrefix(k, sub) {
						want = append(want, k)
					}
				}
				if !slices.Equal(got, want) {
					rt.Fatalf("list %q: got %q, want %q", sub, got, want)
				}
			}
		}
	}
	rapid.Check(t, check)
}
