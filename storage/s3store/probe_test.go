package s3store_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/storage"
	"feedmill/storage/s3store"
)

// Where all is as it should be the probe says so, and leaves nothing behind.
func TestProbe(t *testing.T) {
	onKinds(t, func(t *testing.T, c s3store.Config) {
		s, other := open(t, c), open(t, c)
		for _, sweeper := range []*s3store.Store{s.Store, other.Store} {
			f := s.Probe(t.Context(), sweeper)
			if n := map[bool]int{true: 9, false: 12}[sweeper == s.Store]; len(f.Steps) != n || f.Versions || len(f.Left) != 0 {
				t.Errorf("got %+v, want %d steps, no versions, nothing left", f, n)
			}
			for _, step := range slices.Concat(f.Steps, s.Look(t.Context(), true)) {
				if step.Err != nil {
					t.Errorf("%s: %v", step.Name, step.Err)
				}
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, step := range s.Probe(ctx, s.Store).Steps {
			if !errors.Is(step.Err, context.Canceled) && !errors.Is(step.Err, s3store.ErrSkipped) {
				t.Errorf("cancelled: %s: got %v, want %v", step.Name, step.Err, context.Canceled)
			}
		}
		for info, err := range s.List(t.Context(), "") {
			t.Errorf("after the probe: got %+v, error %v, want nothing left", info, err)
		}
		if n, err := s.SweepUploads(t.Context(), -time.Hour); n != 0 || err != nil {
			t.Errorf("after the probe: got %d open uploads, error %v, want none", n, err)
		}
	})
}

// Each right that is missing is named, by a probe that puts nothing which it
// cannot delete.
func TestProbeNamesTheMissingRight(t *testing.T) {
	t.Parallel()
	is := func(method string, query ...string) func(*http.Request) bool {
		return func(r *http.Request) bool {
			q := r.URL.Query()
			return r.Method == method && !slices.ContainsFunc(query, func(name string) bool { return !q.Has(name) })
		}
	}
	plain := func(method string) func(*http.Request) bool {
		return func(r *http.Request) bool {
			q := r.URL.Query()
			return r.Method == method && !q.Has("uploads") && !q.Has("uploadId") && !q.Has("list-type")
		}
	}
	reads := func(r *http.Request) bool { return plain(http.MethodGet)(r) || plain(http.MethodHead)(r) }
	for _, c := range []struct {
		name    string
		deny    func(*http.Request) bool
		denied  []string
		skipped int
	}{
		{"list", is(http.MethodGet, "list-type"), []string{"s3:ListBucket", "s3:ListBucket"}, 1},
		{"put", plain(http.MethodPut), []string{"s3:PutObject"}, 2},
		{"delete", plain(http.MethodDelete), []string{"s3:DeleteObject"}, 5},
		{"uploads", is(http.MethodGet, "uploads"), []string{"s3:ListBucketMultipartUploads"}, 0},
		{"begin", is(http.MethodPost, "uploads"), []string{"s3:PutObject"}, 1},
		{"abort", is(http.MethodDelete, "uploadId"), []string{"s3:AbortMultipartUpload"}, 0},
		{"everything", func(*http.Request) bool { return true }, []string{"s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:DeleteObject"}, 6},
	} {
		server := &stub{deny: c.deny}
		s := onStub(t, server)
		f := s.Probe(t.Context(), s.Store)
		var denied []string
		skipped := 0
		for _, step := range f.Steps {
			switch {
			case errors.Is(step.Err, s3store.ErrSkipped):
				skipped++
			case errors.Is(step.Err, storage.ErrDenied):
				denied = append(denied, step.Right)
			case step.Err != nil:
				t.Errorf("without %s: %s: got %v, want %v", c.name, step.Name, step.Err, storage.ErrDenied)
			}
		}
		if !slices.Equal(denied, c.denied) || skipped != c.skipped {
			t.Errorf("without %s: denied %s, %d skipped, want %s, %d (%+v)", c.name, denied, skipped, c.denied, c.skipped, f.Steps)
		}
		if len(f.Left) != 0 || len(server.objects) != 0 {
			t.Errorf("without %s: left %s, the store has %d objects, want none", c.name, f.Left, len(server.objects))
		}
	}
	s := onStub(t, &stub{deny: reads})
	if steps := s.Look(t.Context(), false); steps[0].Err != nil || !errors.Is(steps[1].Err, storage.ErrDenied) {
		t.Errorf("without reading: got %+v, want it denied", steps)
	}
}

// What is wrong with a store that lets everything be done is told too.
func TestProbeFindsOddStores(t *testing.T) {
	t.Parallel()
	failed := func(f s3store.Findings) (name string, err error) {
		for _, step := range f.Steps {
			if step.Err != nil && !errors.Is(step.Err, s3store.ErrSkipped) {
				return step.Name, step.Err
			}
		}
		return "", nil
	}
	s := onStub(t, &stub{forget: true})
	f := s.Probe(t.Context(), s.Store)
	if name, err := failed(f); name != "put an object" || !strings.Contains(err.Error(), "drops x-amz-meta- headers") || len(f.Left) != 0 {
		t.Errorf("without metadata: got %q, %v, left %s", name, err, f.Left)
	}
	s = onStub(t, &stub{versions: true})
	f = s.Probe(t.Context(), s.Store)
	if name, err := failed(f); !f.Versions || err != nil {
		t.Errorf("with versions: got %+v, %q, %v", f, name, err)
	}
	// As one that keeps objects for a time.
	deletions := 0
	s = onStub(t, &stub{deny: func(r *http.Request) bool {
		if r.Method == http.MethodDelete && !r.URL.Query().Has("uploadId") {
			deletions++
			return deletions > 1
		}
		return false
	}})
	f = s.Probe(t.Context(), s.Store)
	if name, err := failed(f); name != "delete an object" || !errors.Is(err, storage.ErrDenied) || len(f.Left) != 2 {
		t.Errorf("a store that keeps what it has: got %q, %v, left %s", name, err, f.Left)
	}
}

// What a probe that was killed has left goes with the objects of one a day later;
// what others keep beside it stays.
func TestProbeClearsWhatProbesHaveLeft(t *testing.T) {
	onKinds(t, func(t *testing.T, c s3store.Config) {
		now := time.Now()
		c.Now = func() time.Time { return now }
		s := open(t, c)
		const id = "probe/abcdefghijklmnopqrstuvwxyz"
		left := []string{id + "-object", id + "-parts"}
		others := []string{"probe/readme.txt", id, id + "-objects", "probe/0bcdefghijklmnopqrstuvwxyz-object", "probe/abc-object", "probes/x"}
		for _, key := range slices.Concat(left, others) {
			if _, err := s.Put(t.Context(), key, strings.NewReader("x"), 1, storage.Attrs{}); err != nil {
				t.Fatal(err)
			}
		}
		there := func() (keys []string) {
			for info, err := range s.List(t.Context(), "probe") {
				if err != nil {
					t.Fatal(err)
				}
				keys = append(keys, info.Key)
			}
			return keys
		}
		if f := s.Probe(t.Context(), s.Store); len(f.Cleared) != 0 || len(there()) != len(left)+len(others) {
			t.Errorf("at once: cleared %s, which may be of a probe under way", f.Cleared)
		}
		now = now.Add(25 * time.Hour)
		want := []string{c.Prefix + left[0], c.Prefix + left[1]}
		if f := s.Probe(t.Context(), s.Store); !slices.Equal(f.Cleared, want) || len(f.Left) != 0 {
			t.Errorf("a day later: cleared %s, left %s, want %s", f.Cleared, f.Left, want)
		}
		slices.Sort(others)
		if got := there(); !slices.Equal(got, others) {
			t.Errorf("a day later: there are %s, want %s", got, others)
		}
	})
}
