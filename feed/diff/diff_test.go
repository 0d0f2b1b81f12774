package diff_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/diff"

	"pgregory.net/rapid"
)

func entries(t *rapid.T) []diff.Entry {
	ids := rapid.SliceOfNDistinct(rapid.Int64Range(1, 400), 0, 60, rapid.ID[int64]).Draw(t, "ids")
	slices.Sort(ids)
	var list []diff.Entry
	for _, id := range ids {
		node := []byte(fmt.Sprintf("node %d %d", id, rapid.IntRange(0, 3).Draw(t, "version")))
		e := diff.Entry{ID: feed.ProductID(id), Size: len(node), Digest: diff.Sum(node)}
		if rapid.Bool().Draw(t, "gone") {
			e.Gone, e.Node, e.Since = true, node, time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "since"), 0).UTC()
		}
		list = append(list, e)
	}
	return list
}

func write(t interface{ Fatal(...any) }, header int, list []diff.Entry) []byte {
	var b bytes.Buffer
	w := diff.NewWriter(&b, header)
	for _, e := range list {
		if err := w.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(r io.Reader) (list []diff.Entry, offsets []int64, err error) {
	sr, err := diff.NewReader(r)
	for err == nil {
		var e diff.Entry
		var o int64
		if e, o, err = sr.Next(); err == nil {
			e.Node = bytes.Clone(e.Node)
			list, offsets = append(list, e), append(offsets, o)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return list, offsets, err
}

func equal(a, b diff.Entry) bool {
	return a.ID == b.ID && a.Size == b.Size && a.Digest == b.Digest && a.Gone == b.Gone && a.Since.Equal(b.Since) && bytes.Equal(a.Node, b.Node)
}

func TestStateRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := entries(t)
		got, offsets, err := read(bytes.NewReader(write(t, 100, list)))
		if err != nil || !slices.EqualFunc(got, list, equal) {
			t.Fatalf("read back %v, %v, want %v", got, err, list)
		}
		at := int64(100)
		for i, e := range list {
			if offsets[i] != at {
				t.Fatalf("offset of product %d is %d, want %d", e.ID, offsets[i], at)
			}
			at += int64(e.Size)
		}
	})
}

// Every shortened state and every state with one changed byte is refused.
func TestDamagedStateIsRefused(t *testing.T) {
	t.Parallel()
	node := []byte("a node")
	data := write(t, 10, []diff.Entry{{ID: 1, Size: 6, Digest: diff.Sum(node)}, {ID: 300, Size: 6, Digest: diff.Sum(node), Gone: true, Since: time.Unix(1, 0), Node: node}})
	for n := range data {
		if _, _, err := read(bytes.NewReader(data[:n])); !errors.Is(err, diff.ErrCorrupt) {
			t.Errorf("cut to %d bytes: %v, want %v", n, err, diff.ErrCorrupt)
		}
		bad := bytes.Clone(data)
		bad[n] ^= 0x11
		if _, _, err := read(bytes.NewReader(bad)); !errors.Is(err, diff.ErrCorrupt) {
			t.Errorf("byte %d changed: %v, want %v", n, err, diff.ErrCorrupt)
		}
	}
}

func TestWriterRefusesDisorder(t *testing.T) {
	t.Parallel()
	for _, ids := range [][]feed.ProductID{{2, 1}, {2, 2}, {0}, {-1}, {feed.MaxProductID + 1}} {
		w := diff.NewWriter(io.Discard, 0)
		var err error
		for _, id := range ids {
			err = w.Add(diff.Entry{ID: id})
		}
		if err == nil || w.Close() == nil {
			t.Errorf("ids %v are accepted", ids)
		}
	}
}

// The merge tells exactly the set difference of two states.
func TestMergeIsSetDifference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		old, now := entries(t), entries(t)
		r, err := diff.NewReader(bytes.NewReader(write(t, 0, old)))
		if err != nil {
			t.Fatal(err)
		}
		m := diff.NewMerge(r)
		var removed, same, added []feed.ProductID
		drop := func(e diff.Entry, _ int64) error { removed = append(removed, e.ID); return nil }
		for _, e := range now {
			if err := m.Before(e.ID, drop); err != nil {
				t.Fatal(err)
			}
			if _, ok, err := m.Take(e.ID); err != nil {
				t.Fatal(err)
			} else if ok {
				same = append(same, e.ID)
			} else {
				added = append(added, e.ID)
			}
		}
		if err := m.Rest(drop); err != nil {
			t.Fatal(err)
		}
		has := func(list []diff.Entry, id feed.ProductID) bool {
			return slices.ContainsFunc(list, func(e diff.Entry) bool { return e.ID == id })
		}
		var wantRemoved, wantSame, wantAdded []feed.ProductID
		for _, e := range old {
			if !has(now, e.ID) {
				wantRemoved = append(wantRemoved, e.ID)
			}
		}
		for _, e := range now {
			if has(old, e.ID) {
				wantSame = append(wantSame, e.ID)
			} else {
				wantAdded = append(wantAdded, e.ID)
			}
		}
		if !slices.Equal(removed, wantRemoved) || !slices.Equal(same, wantSame) || !slices.Equal(added, wantAdded) {
			t.Fatalf("removed %v same %v added %v, want %v %v %v", removed, same, added, wantRemoved, wantSame, wantAdded)
		}
	})
}

func FuzzReader(f *testing.F) {
	f.Add(write(f, 5, []diff.Entry{{ID: 7, Size: 3}, {ID: 9, Gone: true, Node: []byte("xyz")}}))
	f.Add([]byte("feedmill state 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, _, err := read(bytes.NewReader(data))
		if err != nil && !errors.Is(err, diff.ErrCorrupt) {
			t.Fatalf("error %v is not %v", err, diff.ErrCorrupt)
		}
		if err == nil {
			for i := 1; i < len(list); i++ {
				if list[i].ID <= list[i-1].ID {
					t.Fatalf("ids %d, %d do not ascend", list[i-1].ID, list[i].ID)
				}
			}
		}
	})
}

func ExampleMerge() {
	var before bytes.Buffer
	w := diff.NewWriter(&before, 0)
	for _, id := range []feed.ProductID{1, 2, 3} {
		_ = w.Add(diff.Entry{ID: id, Digest: diff.Sum([]byte("old"))})
	}
	_ = w.Close()
	r, _ := diff.NewReader(&before)
	m := diff.NewMerge(r)
	removed := func(e diff.Entry, _ int64) error { fmt.Println("removed", e.ID); return nil }
	for _, id := range []feed.ProductID{2, 4} {
		_ = m.Before(id, removed)
		if e, ok, _ := m.Take(id); !ok {
			fmt.Println("added", id)
		} else if e.Digest != diff.Sum([]byte("new")) {
			fmt.Println("changed", id)
		}
	}
	_ = m.Rest(removed)
	// Output:
	// removed 1
	// changed 2
	// removed 3
	// added 4
}
