package diff_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/diff"

	"pgregory.net/rapid"
)

// shapes are what states may hold.
var shapes = []diff.Shape{{}, {Positions: true, Header: 100, TwinHeader: 7}}

// entries draws what a state of a shape, or a layer on it, may hold.
func entries(t *rapid.T, shape diff.Shape, layer bool) []diff.Entry {
	ids := rapid.SliceOfNDistinct(rapid.Int64Range(1, 400), 0, 60, rapid.ID[int64]).Draw(t, "ids")
	slices.Sort(ids)
	var list []diff.Entry
	for _, id := range ids {
		node := fmt.Appendf(nil, "node %d %d", id, rapid.IntRange(0, 3).Draw(t, "version"))
		e := diff.Entry{ID: feed.ProductID(id), Price: -1, Named: rapid.Bool().Draw(t, "named")}
		switch k := rapid.IntRange(0, 3).Draw(t, "what"); {
		case k == 0 && layer:
			e.Removed, e.Named = true, false
		case k == 1 && !shape.Positions:
			e.Absent, e.Named = true, true
		default:
			e.Digest, e.Alike = diff.Sum(node), rapid.Uint32().Draw(t, "alike")
			if shape.Positions {
				e.Size, e.Twin, e.Price = len(node), len(node)/2, rapid.Int64Range(-1, 1<<50).Draw(t, "price")
			}
			if rapid.Bool().Draw(t, "leads") {
				e.Lead, e.Leader = rapid.Uint64().Draw(t, "lead"), feed.ProductID(rapid.Int64Range(0, 500).Draw(t, "leader"))
			}
			if shape.Positions && rapid.Bool().Draw(t, "gone") {
				e.Gone, e.Node, e.Since = true, node, time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "since"), 0).UTC()
			}
		}
		list = append(list, e)
	}
	return list
}

func write(t interface{ Fatal(...any) }, shape diff.Shape, list []diff.Entry) []byte {
	var b bytes.Buffer
	w := diff.NewWriter(&b, shape)
	for _, e := range list {
		if err := w.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close([]byte("extra")); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func drain(sr diff.Entries) (list []diff.Entry, places []diff.Place, err error) {
	for err == nil {
		var e diff.Entry
		var p diff.Place
		if e, p, err = sr.Next(); err == nil {
			e.Node = bytes.Clone(e.Node)
			list, places = append(list, e), append(places, p)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return list, places, err
}

func read(r io.Reader) (list []diff.Entry, places []diff.Place, err error) {
	sr, err := diff.NewReader(r)
	if err != nil {
		return nil, nil, err
	}
	return drain(sr)
}

// source gives ranges of a state in memory.
func source(data []byte) diff.Source {
	return func(_ context.Context, off, n int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data[off : off+n])), nil
	}
}

func equal(a, b diff.Entry) bool {
	at, bt := a.Since, b.Since
	a.Since, b.Since = time.Time{}, time.Time{}
	return at.Equal(bt) && reflect.DeepEqual(a, b)
}

func TestStateRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SampledFrom(shapes).Draw(t, "shape")
		list := entries(t, shape, true)
		got, places, err := read(bytes.NewReader(write(t, shape, list)))
		if err != nil || !slices.EqualFunc(got, list, equal) {
			t.Fatalf("read back %v, %v, want %v", got, err, list)
		}
		at := diff.Place{Node: shape.Header, Twin: shape.TwinHeader}
		for i, e := range list {
			if places[i] != at {
				t.Fatalf("place of product %d is %v, want %v", e.ID, places[i], at)
			}
			at.Node += int64(e.Size)
			at.Twin += int64(e.Twin)
		}
	})
}

// Every shortened state and every state with one changed byte is refused.
func TestDamagedStateIsRefused(t *testing.T) {
	t.Parallel()
	node := []byte("a node")
	data := write(t, diff.Shape{Positions: true, Header: 10}, []diff.Entry{{ID: 1, Size: 6, Digest: diff.Sum(node)},
		{ID: 300, Size: 6, Digest: diff.Sum(node), Gone: true, Since: time.Unix(1, 0), Node: node}})
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
		w := diff.NewWriter(io.Discard, diff.Shape{})
		var err error
		for _, id := range ids {
			err = w.Add(diff.Entry{ID: id})
		}
		if err == nil || w.Close(nil) == nil {
			t.Errorf("ids %v are accepted", ids)
		}
	}
}

// The merge tells exactly the set difference of two states.
func TestMergeIsSetDifference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		old, now := entries(t, diff.Shape{}, false), entries(t, diff.Shape{}, false)
		r, err := diff.NewReader(bytes.NewReader(write(t, diff.Shape{}, old)))
		if err != nil {
			t.Fatal(err)
		}
		m := diff.NewMerge(r)
		var removed, same, added []feed.ProductID
		drop := func(e diff.Entry, _ diff.Place) error { removed = append(removed, e.ID); return nil }
		for _, e := range now {
			if err := m.Before(e.ID, drop); err != nil {
				t.Fatal(err)
			}
			if _, _, ok, err := m.Take(e.ID); err != nil {
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
		all := slices.Clone(now)
		for i := range all {
			all[i].Absent = false // the run shows them all
		}
		has := func(list []diff.Entry, id feed.ProductID) bool {
			return slices.ContainsFunc(list, func(e diff.Entry) bool { return e.ID == id && !e.Absent })
		}
		var wantRemoved, wantSame, wantAdded []feed.ProductID
		for _, e := range old {
			if e.Absent {
				continue
			}
			if !has(all, e.ID) {
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

// What is done with a product that is gone can fail: a change file that lacks
// a removal must not be taken for a whole one.
func TestMergeTellsWhatFails(t *testing.T) {
	t.Parallel()
	list := []diff.Entry{{ID: 1, Digest: diff.Sum([]byte("a"))}, {ID: 2, Digest: diff.Sum([]byte("b"))}, {ID: 3, Digest: diff.Sum([]byte("c"))}}
	full := errors.New("the disk is full")
	for failing := range 3 {
		for name, run := range map[string]func(m *diff.Merge, fn func(diff.Entry, diff.Place) error) error{
			"before": func(m *diff.Merge, fn func(diff.Entry, diff.Place) error) error { return m.Before(4, fn) },
			"rest":   func(m *diff.Merge, fn func(diff.Entry, diff.Place) error) error { return m.Rest(fn) },
		} {
			r, err := diff.NewReader(bytes.NewReader(write(t, diff.Shape{}, list)))
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			err = run(diff.NewMerge(r), func(diff.Entry, diff.Place) error {
				if n++; n > failing {
					return full
				}
				return nil
			})
			if !errors.Is(err, full) || n != failing+1 {
				t.Errorf("%s: product %d cannot be removed: %v after %d", name, failing+1, err, n)
			}
		}
	}
}

// A state whose end cannot be read any more is not one that ends there: the
// products after it would be taken for new ones, or for none.
func TestMergeOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	list := []diff.Entry{{ID: 1, Digest: diff.Sum([]byte("a"))}, {ID: 2, Digest: diff.Sum([]byte("b"))}}
	data := write(t, diff.Shape{}, list)
	none := func(diff.Entry, diff.Place) error { return nil }
	for n := len("feedmill state 4\n") + 8; n < len(data); n++ {
		r, err := diff.NewReader(bytes.NewReader(data[:n]))
		if err != nil {
			continue
		}
		if err := diff.NewMerge(r).Rest(none); !errors.Is(err, diff.ErrCorrupt) {
			t.Errorf("cut to %d of %d bytes: %v, want %v", n, len(data), err, diff.ErrCorrupt)
		}
	}
}

// A state tells of itself what was written, to who reads it and to who looks
// something up in it.
func TestStateTellsOfItself(t *testing.T) {
	t.Parallel()
	node, since := []byte("a node"), time.Unix(1_700_000_000, 0).UTC()
	for _, shape := range shapes {
		list := []diff.Entry{{ID: 1, Digest: diff.Sum(node)}, {ID: 2, Digest: diff.Sum(node)}}
		want := diff.Summary{Shape: shape, Entries: 2, Live: 2}
		if shape.Positions {
			list = append(list, diff.Entry{ID: 9, Digest: diff.Sum(node), Gone: true, Since: since, Node: node}, diff.Entry{ID: 10, Digest: diff.Sum(node), Gone: true, Since: since.Add(time.Hour), Node: node})
			want.Entries, want.Oldest = 4, since
		}
		data := write(t, shape, list)
		var b bytes.Buffer
		w := diff.NewWriter(&b, shape)
		for _, e := range list {
			if err := w.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close([]byte("extra")); err != nil {
			t.Fatal(err)
		}
		if got := w.Summary(); !reflect.DeepEqual(got, want) {
			t.Errorf("written: %+v, want %+v", got, want)
		}
		s, err := diff.Open(t.Context(), source(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Summary; !reflect.DeepEqual(got, want) {
			t.Errorf("looked up: %+v, want %+v", got, want)
		}
		extra, err := s.Extra(t.Context())
		if err != nil || string(extra) != "extra" {
			t.Errorf("beside the entries stands %q, %v", extra, err)
		}
		at := bytes.LastIndex(data, []byte("extra"))
		bad := bytes.Clone(data)
		bad[at] ^= 0x11
		if s, err = diff.Open(t.Context(), source(bad), int64(len(bad))); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Extra(t.Context()); !errors.Is(err, diff.ErrCorrupt) {
			t.Errorf("damaged beside the entries: %v, want %v", err, diff.ErrCorrupt)
		}
	}
}

// A state of an older program is taken for a damaged one.
func TestOlderStateIsDamaged(t *testing.T) {
	t.Parallel()
	state := write(t, diff.Shape{}, []diff.Entry{{ID: 7, Digest: diff.Sum([]byte("x"))}})
	state = bytes.Replace(state, []byte("feedmill state 4\n"), []byte("feedmill state 3\n"), 1)
	if _, _, err := read(bytes.NewReader(state)); !errors.Is(err, diff.ErrCorrupt) {
		t.Errorf("read: got %v, want %v", err, diff.ErrCorrupt)
	}
	state = bytes.Replace(state, []byte("fms4"), []byte("fms3"), 1)
	if _, err := diff.Open(t.Context(), source(state), int64(len(state))); !errors.Is(err, diff.ErrCorrupt) {
		t.Errorf("looked up: got %v, want %v", err, diff.ErrCorrupt)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(write(f, diff.Shape{Positions: true, Header: 5}, []diff.Entry{{ID: 7, Size: 3}, {ID: 9, Gone: true, Node: []byte("xyz")}}))
	f.Add([]byte("feedmill state 4\n"))
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
	w := diff.NewWriter(&before, diff.Shape{})
	for _, id := range []feed.ProductID{1, 2, 3} {
		_ = w.Add(diff.Entry{ID: id, Digest: diff.Sum([]byte("old"))})
	}
	_ = w.Close(nil)
	r, _ := diff.NewReader(&before)
	m := diff.NewMerge(r)
	removed := func(e diff.Entry, _ diff.Place) error { fmt.Println("removed", e.ID); return nil }
	for _, id := range []feed.ProductID{2, 4} {
		_ = m.Before(id, removed)
		if e, _, ok, _ := m.Take(id); !ok {
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
