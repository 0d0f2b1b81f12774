package storagetest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/storage"
	"feedmill/storage/memstore"
)

// TestMain keeps rapid from writing down the failures that are expected here.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		panic(err)
	}
	m.Run()
}

// recorder is a testing.TB that only notes that a case has failed.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
}

func (r *recorder) note(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, s)
}

func (r *recorder) Helper()                           {}
func (r *recorder) Error(args ...any)                 { r.note(fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.note(fmt.Sprintf(format, args...)) }
func (r *recorder) Fail()                             { r.note("fail") }
func (r *recorder) Fatal(args ...any)                 { r.note(fmt.Sprint(args...)); runtime.Goexit() }
func (r *recorder) FailNow()                          { r.note("fail now"); runtime.Goexit() }
func (r *recorder) Log(...any)                        {}
func (r *recorder) Logf(string, ...any)               {}
func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failures) > 0
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.note(fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// broken is a memory store with one method spoiled.
type broken struct {
	*memstore.Store
	put    func(s storage.Store, ctx context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (storage.Info, error)
	open   func(s storage.Store, ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error)
	stat   func(s storage.Store, ctx context.Context, key string) (storage.Info, error)
	list   func(s storage.Store, ctx context.Context, prefix string) iter.Seq2[storage.Info, error]
	delete func(s storage.Store, ctx context.Context, key string) error
}

func (b broken) Put(ctx context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (storage.Info, error) {
	if b.put != nil {
		return b.put(b.Store, ctx, key, body, size, attrs)
	}
	return b.Store.Put(ctx, key, body, size, attrs)
}

func (b broken) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	if b.open != nil {
		return b.open(b.Store, ctx, key, r)
	}
	return b.Store.Open(ctx, key, r)
}

func (b broken) Stat(ctx context.Context, key string) (storage.Info, error) {
	if b.stat != nil {
		return b.stat(b.Store, ctx, key)
	}
	return b.Store.Stat(ctx, key)
}

func (b broken) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	if b.list != nil {
		return b.list(b.Store, ctx, prefix)
	}
	return b.Store.List(ctx, prefix)
}

func (b broken) Delete(ctx context.Context, key string) error {
	if b.delete != nil {
		return b.delete(b.Store, ctx, key)
	}
	return b.Store.Delete(ctx, key)
}

type putFunc = func(s storage.Store, ctx context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (storage.Info, error)

// keepsPrefix stores what was read of a body before it failed.
func keepsPrefix(s storage.Store, ctx context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (storage.Info, error) {
	b, err := io.ReadAll(body)
	if err != nil {
		_, _ = s.Put(context.Background(), key, bytes.NewReader(b), -1, storage.Attrs{})
		return storage.Info{}, err
	}
	return s.Put(ctx, key, bytes.NewReader(b), size, attrs)
}

func rewrites(change func(key *string, size *int64, attrs *storage.Attrs)) putFunc {
	return func(s storage.Store, ctx context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (storage.Info, error) {
		change(&key, &size, &attrs)
		return s.Put(ctx, key, body, size, attrs)
	}
}

// TestSuiteFindsFaults runs single cases on stores that break one rule each, and
// expects them to notice. Otherwise the suite would prove nothing.
func TestSuiteFindsFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule  string
		by    string // the case that must fail
		store broken
	}{
		{"a failed body leaves nothing", "FailingBody", broken{put: keepsPrefix}},
		{"a cancelled put leaves nothing", "CancelDuring", broken{put: func(s storage.Store, _ context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (storage.Info, error) {
			return s.Put(context.Background(), key, body, size, attrs)
		}}},
		{"the length is checked", "WrongLength", broken{put: rewrites(func(_ *string, size *int64, attrs *storage.Attrs) { *size = -1 })}},
		{"the hash is checked", "WrongDigest", broken{put: rewrites(func(_ *string, _ *int64, attrs *storage.Attrs) { attrs.SHA256 = storage.Digest{} })}},
		{"immutable keys are put once", "Immutable", broken{put: rewrites(func(_ *string, _ *int64, attrs *storage.Attrs) { attrs.Immutable = false })}},
		{"one creator wins", "ConcurrentCreate", broken{put: rewrites(func(_ *string, _ *int64, attrs *storage.Attrs) { attrs.Immutable = false })}},
		{"attributes are kept", "RoundTrip", broken{put: rewrites(func(_ *string, _ *int64, attrs *storage.Attrs) { attrs.ContentEncoding = "" })}},
		{"the type has a default", "Attrs", broken{stat: func(s storage.Store, ctx context.Context, key string) (storage.Info, error) {
			info, err := s.Stat(ctx, key)
			if info.ContentType == storage.DefaultContentType {
				info.ContentType = ""
			}
			return info, err
		}}},
		{"keys are checked", "BadKeys", broken{delete: func(storage.Store, context.Context, string) error { return nil }}},
		{"nested keys do no harm", "NestedKeys", broken{put: func(s storage.Store, ctx context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (storage.Info, error) {
			if i := strings.IndexByte(key, '/'); i > 0 {
				_ = s.Delete(ctx, key[:i])
			}
			return s.Put(ctx, key, body, size, attrs)
		}}},
		{"ranges end where they should", "Ranges", broken{open: func(s storage.Store, ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
			if r.Len > 0 {
				r.Len++
			}
			return s.Open(ctx, key, r)
		}}},
		{"ranges outside are refused", "Ranges", broken{open: func(s storage.Store, ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
			body, info, err := s.Open(ctx, key, r)
			if errors.Is(err, storage.ErrRange) {
				return io.NopCloser(strings.NewReader("")), info, nil
			}
			return body, info, err
		}}},
		{"cancelled readers do not end cleanly", "CancelDuring", broken{open: func(s storage.Store, ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
			return s.Open(context.WithoutCancel(ctx), key, r)
		}}},
		{"listings go past 1000", "ListPaging", broken{list: func(s storage.Store, ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
			return func(yield func(storage.Info, error) bool) {
				n := 0
				for info, err := range s.List(ctx, prefix) {
					if n++; n > 1000 || !yield(info, err) {
						return
					}
				}
			}
		}}},
		{"listings are sorted", "ListPrefix", broken{list: func(s storage.Store, ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
			return func(yield func(storage.Info, error) bool) {
				var all []storage.Info
				for info, err := range s.List(ctx, prefix) {
					if err != nil {
						yield(info, err)
						return
					}
					all = append(all, info)
				}
				// As a walk of folders does that sorts names without slashes.
				slices.SortFunc(all, func(a, b storage.Info) int {
					return strings.Compare(strings.ReplaceAll(a.Key, "/", "\x00"), strings.ReplaceAll(b.Key, "/", "\x00"))
				})
				for _, info := range all {
					if !yield(info, nil) {
						return
					}
				}
			}
		}}},
		{"deleting nothing succeeds", "DeleteAbsent", broken{delete: func(s storage.Store, ctx context.Context, key string) error {
			if _, err := s.Stat(ctx, key); err != nil {
				return err
			}
			return s.Delete(ctx, key)
		}}},
		{"replacing is seen at once", "Replace", broken{stat: staleStat()}},
		{"missing is missing", "Missing", broken{stat: func(s storage.Store, ctx context.Context, key string) (storage.Info, error) {
			for info := range s.List(ctx, key) {
				info.Key = key
				return info, nil // a folder taken for an object
			}
			return s.Stat(ctx, key)
		}}},
		{"calls agree with a model", "Model", broken{delete: func(storage.Store, context.Context, string) error { return nil }}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			h := newHarness(func(testing.TB) storage.Store {
				c.store.Store = memstore.New(memstore.Options{})
				return c.store
			}, []Option{PartSize(1 << 16)})
			at := slices.IndexFunc(cases(), func(tc testCase) bool { return tc.name == c.by })
			if at < 0 {
				t.Fatalf("no case %q", c.by)
			}
			// A case that draws its calls may miss the fault once, above all with
			// the few draws of short runs, but not again and again.
			rec := &recorder{TB: t}
			for range 50 {
				done := make(chan struct{})
				go func() {
					defer close(done)
					cases()[at].run(rec, h)
				}()
				if <-done; rec.Failed() {
					break
				}
			}
			if !rec.Failed() {
				t.Errorf("case %s: got no failure on a store that breaks the rule %q", c.by, c.rule)
			}
		})
	}
}

// staleStat remembers the first Info of each key.
func staleStat() func(s storage.Store, ctx context.Context, key string) (storage.Info, error) {
	var seen sync.Map
	return func(s storage.Store, ctx context.Context, key string) (storage.Info, error) {
		if info, ok := seen.Load(key); ok {
			return info.(storage.Info), nil
		}
		info, err := s.Stat(ctx, key)
		if err == nil {
			seen.Store(key, info)
		}
		return info, err
	}
}

func TestRandomIsRepeatable(t *testing.T) {
	t.Parallel()
	calls := []Call{{Put, "a", 1}, {Open, "a", 1}, {Stat, "a", 1}, {List, "", 1}, {Delete, "a", 1}}
	fates := func(seed uint64) (out []Fault) {
		plan := Random(seed, 0.5, ErrorBefore, ErrorAfter, Truncated, Short, Stale)
		for range 50 {
			for _, c := range calls {
				f := plan(c)
				if !f.strikes(c.Op) {
					t.Errorf("%v: got fault %v, which cannot happen there", c.Op, f)
				}
				out = append(out, f)
			}
		}
		return out
	}
	if !slices.Equal(fates(7), fates(7)) {
		t.Errorf("same seed: got different faults")
	}
	if slices.Equal(fates(7), fates(8)) {
		t.Errorf("other seed: got the same faults")
	}
}

func ExampleNewFaulty() {
	store := NewFaulty(memstore.New(memstore.Options{}), Script(
		Step{Put, 1, ErrorAfter}, // the answer gets lost
	), nil)
	ctx := context.Background()
	_, err := store.Put(ctx, "key", strings.NewReader("hello"), 5, storage.Attrs{})
	fmt.Println(err)
	info, err := store.Stat(ctx, "key")
	fmt.Println(info.Size, err, store.Fired(Put, ErrorAfter))
	// Output:
	// Put "key" (done): injected fault
	// 5 <nil> 1
}

func ExampleScript() {
	plan := Script(Step{Open, 2, Stale})
	fmt.Println(plan(Call{Open, "key", 1}), plan(Call{Open, "key", 2}))
	// Output: None Stale
}

func ExampleRandom() {
	store := NewFaulty(memstore.New(memstore.Options{}), Random(1, 1, Delayed), func(_ context.Context, d time.Duration) error {
		fmt.Println("asked to wait", d)
		return nil
	})
	fmt.Println(store.Delete(context.Background(), "key"))
	// Output:
	// asked to wait 1m0s
	// <nil>
}
