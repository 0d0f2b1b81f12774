// Package storagetest proves that an object store fulfils the contract of
// package storage. [Run] is the whole suite, one call in a store's test;
// [RunFaults] repeats what must hold when requests fail, through [Faulty].
//
// It owns the cases and the faults; it refuses to know any particular store.
package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"feedmill/storage"
)

// Option is a fact about the store under test.
type Option func(*harness)

// Second gives the suite another client of the same objects, to prove that one
// sees at once what the other has written.
func Second(open func(t testing.TB, first storage.Store) storage.Store) Option {
	return func(h *harness) { h.second = open }
}

// PartSize tells the suite at which lengths, in bytes, the store begins to
// treat bodies in parts; the default is 5 MiB.
func PartSize(n int) Option { return func(h *harness) { h.part = n } }

// LooseAttrs says that the store is a server which keeps bytes and attributes
// apart: while a key is being replaced or created twice, attributes may be
// those of another Put. The bytes must still be whole.
func LooseAttrs() Option { return func(h *harness) { h.looseAttrs = true } }

// LooseRaces says that the store is a server which does not arbitrate between
// requests for one key: while a key is being replaced, created twice or
// deleted, a reader may break off with io.ErrUnexpectedEOF or be given a
// mixture, and attributes may be those of another Put. Such a server is fit
// only for keys that are never used twice, the only kind feedmill makes. When
// the requests have ended the object must be whole as everywhere.
func LooseRaces() Option { return func(h *harness) { h.loose, h.looseAttrs = true, true } }

// Only restricts Run to the cases named.
func Only(names ...string) Option { return func(h *harness) { h.only = names } }

// Run runs the contract suite. open returns an empty store that nobody else
// uses, and is called once per case.
func Run(t *testing.T, open func(t testing.TB) storage.Store, opts ...Option) {
	h := newHarness(open, opts)
	for _, c := range cases() {
		if h.only != nil && !slices.Contains(h.only, c.name) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, h)
		})
	}
}

type harness struct {
	open   func(t testing.TB) storage.Store
	second func(t testing.TB, first storage.Store) storage.Store
	part   int
	only   []string

	loose, looseAttrs bool
}

// broke reports whether err is a reader's breaking off that is allowed.
func (h *harness) broke(err error) bool { return h.loose && errors.Is(err, io.ErrUnexpectedEOF) }

func newHarness(open func(t testing.TB) storage.Store, opts []Option) *harness {
	h := &harness{open: open, part: 5 << 20}
	for _, o := range opts {
		o(h)
	}
	return h
}

// testCase runs on a testing.TB without subtests, so that the suite's own test
// can watch a case fail on a store that is broken on purpose.
type testCase struct {
	name string
	run  func(testing.TB, *harness)
}

func cases() []testCase {
	return []testCase{
		{"RoundTrip", testRoundTrip},
		{"Sizes", testSizes},
		{"PartSizes", testPartSizes},
		{"Ranges", testRanges},
		{"Missing", testMissing},
		{"Immutable", testImmutable},
		{"Replace", testReplace},
		{"Attrs", testAttrs},
		{"DeleteAbsent", testDeleteAbsent},
		{"FailingBody", testFailingBody},
		{"WrongLength", testWrongLength},
		{"WrongDigest", testWrongDigest},
		{"CancelBefore", testCancelBefore},
		{"CancelDuring", testCancelDuring},
		{"CancelAfter", testCancelAfter},
		{"ListPaging", testListPaging},
		{"ListPrefix", testListPrefix},
		{"ListStop", testListStop},
		{"ListWhileChanging", testListWhileChanging},
		{"OddKeys", testOddKeys},
		{"BadKeys", testBadKeys},
		{"NestedKeys", testNestedKeys},
		{"ConcurrentCreate", testConcurrentCreate},
		{"ConcurrentReplace", testConcurrentReplace},
		{"ReadWhileDeleting", testReadWhileDeleting},
		{"TwoClients", testTwoClients},
		{"Model", testModel},
	}
}

// data returns n bytes that look random and are the same for the same seed.
func data(n int, seed uint64) []byte {
	b := make([]byte, n)
	var key [32]byte
	key[0], key[1], key[2] = byte(seed), byte(seed>>8), byte(n)
	if _, err := rand.NewChaCha8(key).Read(b); err != nil {
		panic(err) // documented never to fail
	}
	return b
}

func put(t testing.TB, s storage.Store, key string, b []byte, attrs storage.Attrs) storage.Info {
	t.Helper()
	info, err := s.Put(context.Background(), key, bytes.NewReader(b), int64(len(b)), attrs)
	if err != nil {
		t.Fatalf("put: %v", err)
	}
	return info
}

// read opens and reads to the end.
func read(s storage.Store, key string, r storage.Range) ([]byte, storage.Info, error) {
	body, info, err := s.Open(context.Background(), key, r)
	if err != nil {
		return nil, storage.Info{}, err
	}
	b, err := io.ReadAll(body)
	return b, info, errors.Join(err, body.Close())
}

// wantObject checks that the object is there, whole.
func wantObject(t testing.TB, s storage.Store, key string, want []byte) {
	t.Helper()
	got, info, err := read(s, key, storage.Range{})
	if err != nil {
		t.Errorf("read %q: %v", key, err)
		return
	}
	if info.Size != int64(len(want)) || !bytes.Equal(got, want) {
		t.Errorf("read %q: got %d bytes (size %d, sha-256 %s), want %d bytes (sha-256 %s)",
			key, len(got), info.Size, storage.Sum(got), len(want), storage.Sum(want))
	}
}

// wantNothing checks that no method finds anything under the key.
func wantNothing(t testing.TB, s storage.Store, key string) {
	t.Helper()
	if _, err := s.Stat(context.Background(), key); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("stat %q: got error %v, want %v", key, err, storage.ErrNotExist)
	}
	if b, _, err := read(s, key, storage.Range{}); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("open %q: got %d bytes and error %v, want %v", key, len(b), err, storage.ErrNotExist)
	}
	for _, k := range list(t, s, key) {
		if k == key {
			t.Errorf("list: got %q, want it absent", key)
		}
	}
}

// list returns the keys with the prefix and checks their order.
func list(t testing.TB, s storage.Store, prefix string) []string {
	t.Helper()
	var keys []string
	for info, err := range s.List(context.Background(), prefix) {
		if err != nil {
			t.Errorf("list %q: %v", prefix, err)
			return keys
		}
		if n := len(keys); n > 0 && keys[n-1] >= info.Key {
			t.Errorf("list %q: got %q after %q, want ascending order", prefix, info.Key, keys[n-1])
		}
		keys = append(keys, info.Key)
	}
	return keys
}

// wantInfo compares two Infos of one object. A hash or time may be missing
// where the contract says so.
func wantInfo(t testing.TB, what string, got, want storage.Info) {
	t.Helper()
	if got.SHA256.IsZero() || want.SHA256.IsZero() {
		got.SHA256, want.SHA256 = storage.Digest{}, storage.Digest{}
	}
	if got.Modified.IsZero() || want.Modified.IsZero() || got.Modified.Equal(want.Modified) {
		got.Modified = want.Modified
	}
	if got != want {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}
