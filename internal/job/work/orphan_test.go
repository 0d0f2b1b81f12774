package work_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/feed/publish"
	"feedmill/internal/job"
	"feedmill/internal/job/work"
	"feedmill/storage"
)

// put stores an object as a run would, with or without a record of the upload.
func (h *house) put(key string, run *publish.Run) {
	h.t.Helper()
	if run != nil {
		check(h.t, h.db.Attempt(h.t.Context(), *run, []string{key}))
	}
	body := []byte(key)
	_, err := h.store.Put(h.t.Context(), key, bytes.NewReader(body), int64(len(body)), storage.Attrs{Immutable: true})
	check(h.t, err)
}

func (h *house) blobKey(run string, n int) string {
	h.t.Helper()
	key, err := storage.Blob{Merchant: string(h.merchant), SHA256: storage.Digest{byte(n), 1}, Run: run, N: n}.Key()
	check(h.t, err)
	return key
}

// A run is killed after its uploads: what it left goes, late enough, a little at
// a time, and nothing else does.
func TestOrphans(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.merge(30, "1")
	check(t, h.do(work.Publish{Merchant: h.merchant}))
	published := h.keys()
	dead, err := h.db.Begin(t.Context(), string(h.merchant), "dead", 2)
	check(t, err)
	var left []string
	for n := range 25 {
		left = append(left, h.blobKey("dead", n))
		h.put(left[n], &dead)
	}
	unknown := h.blobKey("elsewhere", 1)
	h.put(unknown, nil)
	foreign := "m/" + string(h.merchant) + "/notes.txt"
	h.put(foreign, nil)
	look := func(dry bool) work.Orphans {
		t.Helper()
		o, err := h.work.Orphans(t.Context(), h.merchant, dry)
		check(t, err)
		if o.Unknown.Count != 1 || o.Unknown.Examples[0] != unknown || o.Foreign.Count != 1 || o.Foreign.Examples[0] != foreign {
			t.Errorf("unknown %+v, foreign %+v", o.Unknown, o.Foreign)
		}
		h.readable()
		return o
	}
	if o := look(false); o.Left.Count+o.Fresh.Count+o.Deleted != 0 || o.Objects != int64(len(published)+27) {
		t.Errorf("while the run may live: %+v", o)
	}
	h.pass(25 * time.Hour)
	for range 2 { // to look without deleting counts for nothing
		if o := look(true); o.Fresh.Count != 25 || o.Left.Count+o.Deleted != 0 {
			t.Errorf("looking on: %+v", o)
		}
	}
	if o := look(false); o.Fresh.Count != 25 || o.Deleted != 0 {
		t.Errorf("seen for the first time: %+v", o)
	}
	gone := 0
	for _, want := range []int64{10, 10, 5, 0} {
		if o := look(true); o.Left.Count != int64(25-gone) || o.Deleted != 0 {
			t.Errorf("looking on: %+v", o)
		}
		list := h.due("orphans")
		if len(list) != 1 {
			t.Fatalf("orphans: %v", list)
		}
		before := len(h.keys())
		check(t, h.do(list[0]))
		if n := int64(before - len(h.keys())); n != want {
			t.Errorf("deleted %d objects, want %d", n, want)
		}
		gone += int(want)
	}
	keys := h.keys()
	for _, key := range append(slices.Clone(published), unknown, foreign) {
		if !slices.Contains(keys, key) {
			t.Errorf("%s is gone", key)
		}
	}
	if len(keys) != len(published)+2 {
		t.Errorf("%d objects are left, want %d", len(keys), len(published)+2)
	}
	// A clock that jumps makes nothing an orphan.
	h.now = h.now.Add(365 * 24 * time.Hour)
	if err := h.do(work.SweepOrphans{Merchant: h.merchant}); err == nil || !job.IsPermanent(err) {
		t.Errorf("after a jump of the clock: %v", err)
	}
}

// Of high-water markers the newest stay.
func TestOldMarkers(t *testing.T) {
	t.Parallel()
	h := setup(t)
	var keys []string
	for n := range 40 {
		key, err := storage.Marker{Merchant: string(h.merchant), Feed: "all", Generation: int64(n + 1), Run: fmt.Sprint("r", n)}.Key()
		check(t, err)
		keys = append(keys, key)
		h.put(key, nil)
	}
	o, err := h.work.Orphans(t.Context(), h.merchant, true)
	if check(t, err); o.Markers != 24 || len(h.keys()) != 40 {
		t.Errorf("looking on: %+v", o)
	}
	o, err = h.work.Orphans(t.Context(), h.merchant, false)
	if check(t, err); o.Markers != 24 || !slices.Equal(h.keys(), keys[24:]) {
		t.Errorf("%+v, left %s", o, strings.Join(h.keys(), " "))
	}
}

// A store that does not delete is asked again another day.
func TestOrphansRemain(t *testing.T) {
	t.Parallel()
	h := setup(t)
	dead, err := h.db.Begin(t.Context(), string(h.merchant), "dead", 2)
	check(t, err)
	for n := range 3 {
		h.put(h.blobKey("dead", n), &dead)
	}
	h.pass(25 * time.Hour)
	broken := &brokenStore{Store: h.store, fail: true}
	w := work.New(work.Options{Uploads: h.db, Store: broken, Now: func() time.Time { return h.now }})
	o, err := w.Orphans(t.Context(), h.merchant, false)
	check(t, err)
	if o, err = w.Orphans(t.Context(), h.merchant, false); err == nil || !strings.Contains(err.Error(), "access denied") || o.Left.Count != 3 || o.Deleted != 0 {
		t.Errorf("a store that does not delete: %+v, %v", o, err)
	}
	broken.fail = false
	if o, err = w.Orphans(t.Context(), h.merchant, false); err != nil || o.Deleted != 3 || len(h.keys()) != 0 {
		t.Errorf("a store that deletes again: %+v, %v", o, err)
	}
}

// Markers that a store has to keep hold up nothing else.
func TestOrphansPassMarkersThatAreKept(t *testing.T) {
	t.Parallel()
	h := setup(t)
	dead, err := h.db.Begin(t.Context(), string(h.merchant), "dead", 2)
	check(t, err)
	for n := range 3 {
		h.put(h.blobKey("dead", n), &dead)
	}
	locked := &brokenStore{Store: h.store, keep: map[string]bool{}}
	for n := range 40 {
		key, err := storage.Marker{Merchant: string(h.merchant), Feed: "all", Generation: int64(n + 1), Run: fmt.Sprint("r", n)}.Key()
		check(t, err)
		h.put(key, nil)
		locked.keep[key] = true
	}
	foreign := "m/" + string(h.merchant) + "/notes.txt"
	h.put(foreign, nil)
	h.pass(25 * time.Hour)
	w := work.New(work.Options{Uploads: h.db, Store: locked, Now: func() time.Time { return h.now }})
	for _, deleted := range []int64{0, 3} { // what is left over is seen twice before it goes
		locked.asked = 0
		o, err := w.Orphans(t.Context(), h.merchant, false)
		if err == nil || !strings.Contains(err.Error(), "access denied") {
			t.Errorf("got %v, want it to tell of what is kept", err)
		}
		if o.Markers != 0 || o.Deleted != deleted || o.Foreign.Count != 1 || o.Objects != int64(44) || locked.asked != 10+int(deleted) {
			t.Errorf("got %+v after asking %d times, want %d deleted and everything told", o, locked.asked, deleted)
		}
	}
}
