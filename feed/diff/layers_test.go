package diff_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync/atomic"
	"testing"

	"feedmill/feed"
	"feedmill/feed/diff"

	"pgregory.net/rapid"
)

func open(t interface{ Fatal(...any) }, data []byte) *diff.State {
	s, err := diff.Open(context.Background(), source(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Whatever a state and its layers hold, looking up, reading them as one and
// merging them agree with a map.
func TestLayersAreAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := map[feed.ProductID]diff.Entry{}
		var stack diff.Stack
		var data [][]byte
		for i := range rapid.IntRange(1, 4).Draw(t, "states") {
			list := entries(t, diff.Shape{}, i > 0)
			for _, e := range list {
				if e.Removed {
					delete(want, e.ID)
				} else {
					want[e.ID] = e
				}
			}
			data = append(data, write(t, diff.Shape{}, list))
			stack = append(stack, open(t, data[i]))
			if extra, err := stack[i].Extra(context.Background()); err != nil || string(extra) != "extra" {
				t.Fatalf("extra bytes %q, %v", extra, err)
			}
			if got := stack[i].Summary.Entries; got != int64(len(list)) {
				t.Fatalf("%d entries, want %d", got, len(list))
			}
		}
		ids := rapid.SliceOfNDistinct(rapid.Map(rapid.Int64Range(1, 420), func(n int64) feed.ProductID { return feed.ProductID(n) }), 0, 80, rapid.ID).Draw(t, "asked")
		slices.Sort(ids)
		found := make([]diff.Found, len(ids))
		if err := stack.Find(context.Background(), ids, found); err != nil {
			t.Fatal(err)
		}
		for i, id := range ids {
			e, ok := want[id]
			e.Node = nil
			if found[i].OK != ok || ok && !equal(found[i].Entry, e) {
				t.Fatalf("product %d: found %+v, want %+v, %v", id, found[i], e, ok)
			}
		}
		readers := func(from int) (list []diff.Entries) {
			for _, d := range data[from:] {
				r, err := diff.NewReader(bytes.NewReader(d))
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, r)
			}
			return list
		}
		check := func(what string, e diff.Entries) {
			list, _, err := drain(e)
			if err != nil {
				t.Fatal(err)
			}
			for i, id := range slices.Sorted(maps.Keys(want)) {
				if i >= len(list) || !equal(list[i], want[id]) {
					t.Fatalf("%s: %v, want %v", what, list, want)
				}
			}
			if len(list) != len(want) {
				t.Fatalf("%s: %d entries, want %d", what, len(list), len(want))
			}
		}
		check("read as one", diff.Layered(false, readers(0)...))
		if len(data) > 1 {
			upper, _, err := drain(diff.Layered(true, readers(1)...))
			if err != nil {
				t.Fatal(err)
			}
			merged, err := diff.NewReader(bytes.NewReader(write(t, diff.Shape{}, upper)))
			if err != nil {
				t.Fatal(err)
			}
			check("layers merged", diff.Layered(false, readers(0)[0], merged))
		}
	})
}

// Looking up in a large state reads little of it.
func TestFindReadsLittle(t *testing.T) {
	t.Parallel()
	const n = 300_000
	var b bytes.Buffer
	w := diff.NewWriter(&b, diff.Shape{})
	for i := range n {
		if err := w.Add(diff.Entry{ID: feed.ProductID(3*i + 1), Digest: diff.Sum(fmt.Append(nil, i))}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(nil); err != nil {
		t.Fatal(err)
	}
	data := b.Bytes()
	var bytesRead atomic.Int64
	s, err := diff.Open(t.Context(), func(_ context.Context, off, n int64) (io.ReadCloser, error) {
		bytesRead.Add(n)
		return io.NopCloser(bytes.NewReader(data[off : off+n])), nil
	}, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	ids := []feed.ProductID{1, 2, 3 * 777, 3*777 + 1, 3*(n-1) + 1, 3 * n}
	found := make([]diff.Found, len(ids))
	if err := (diff.Stack{s}).Find(t.Context(), ids, found); err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		if want := (id-1)%3 == 0 && id <= 3*(n-1)+1; found[i].OK != want || want && found[i].Digest != diff.Sum(fmt.Append(nil, (id-1)/3)) {
			t.Errorf("product %d: %+v, want it there: %v", id, found[i], want)
		}
	}
	if n := bytesRead.Load(); n > 64<<10 {
		t.Errorf("%d of %d bytes were read for %d products", n, len(data), len(ids))
	}
}

// A damaged state gives ErrCorrupt or what was written, never something else.
func TestDamagedLookUp(t *testing.T) {
	t.Parallel()
	var list []diff.Entry
	var ids []feed.ProductID
	for i := range 400 {
		list = append(list, diff.Entry{ID: feed.ProductID(2*i + 1), Digest: diff.Sum(fmt.Append(nil, i)), Price: -1})
		ids = append(ids, feed.ProductID(2*i+1))
	}
	data := write(t, diff.Shape{}, list)
	for n := range data {
		bad := bytes.Clone(data)
		bad[n] ^= 0x21
		s, err := diff.Open(t.Context(), source(bad), int64(len(bad)))
		found := make([]diff.Found, len(ids))
		if err == nil {
			err = (diff.Stack{s}).Find(t.Context(), ids, found)
		}
		if err != nil {
			if !errors.Is(err, diff.ErrCorrupt) {
				t.Fatalf("byte %d changed: %v", n, err)
			}
			continue
		}
		for i := range found {
			if !found[i].OK || !equal(found[i].Entry, list[i]) {
				t.Fatalf("byte %d changed: product %d is found as %+v", n, ids[i], found[i])
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(write(f, diff.Shape{Positions: true, Header: 5}, []diff.Entry{{ID: 7, Size: 3}, {ID: 9, Gone: true, Node: []byte("xyz")}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := diff.Open(t.Context(), source(data), int64(len(data)))
		if err == nil {
			_, err = s.Extra(t.Context())
		}
		if err == nil {
			err = (diff.Stack{s}).Find(t.Context(), []feed.ProductID{1, 7, 9}, make([]diff.Found, 3))
		}
		if err != nil && !errors.Is(err, diff.ErrCorrupt) {
			t.Fatalf("error %v is not %v", err, diff.ErrCorrupt)
		}
	})
}

func ExampleStack() {
	ctx := context.Background()
	state := func(entries ...diff.Entry) *diff.State {
		var b bytes.Buffer
		w := diff.NewWriter(&b, diff.Shape{})
		for _, e := range entries {
			_ = w.Add(e)
		}
		_ = w.Close(nil)
		s, _ := diff.Open(ctx, source(b.Bytes()), int64(b.Len()))
		return s
	}
	stack := diff.Stack{
		state(diff.Entry{ID: 1, Digest: diff.Sum([]byte("a"))}, diff.Entry{ID: 2, Digest: diff.Sum([]byte("a"))}),
		state(diff.Entry{ID: 1, Removed: true}, diff.Entry{ID: 2, Digest: diff.Sum([]byte("b"))}),
	}
	found := make([]diff.Found, 2)
	_ = stack.Find(ctx, []feed.ProductID{1, 2}, found)
	fmt.Println(found[0].OK, found[1].Digest == diff.Sum([]byte("b")))
	// Output: false true
}
