package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"feedmill/storage"
	"feedmill/storage/memstore"
)

// FuzzCheckKey: what is accepted is a clean relative path that stays below its
// folder, and each beginning of it is accepted as a prefix.
func FuzzCheckKey(f *testing.F) {
	for _, k := range []string{"a", "a/b", "../a", "a//b", "a.", ".a", "A", "a b", strings.Repeat("k/", 512), strings.Repeat("s", 201)} {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if err := storage.CheckKey(key); err != nil {
			if !errors.Is(err, storage.ErrKey) {
				t.Errorf("check %q: got error %v, want %v", key, err, storage.ErrKey)
			}
			return
		}
		if !fs.ValidPath(key) || path.Clean(key) != key || key == "." || len(key) > storage.MaxKey || strings.ToLower(key) != key {
			t.Errorf("check %q: got it accepted", key)
		}
		for i := range len(key) {
			if err := storage.CheckPrefix(key[:i]); err != nil {
				t.Errorf("check prefix %q of %q: %v", key[:i], key, err)
			}
		}
	})
}

func TestCheckPrefix(t *testing.T) {
	t.Parallel()
	for prefix, ok := range map[string]bool{
		"": true, "a": true, "a/": true, "a.": true, "a ": true, "a/b": true, "a./": false, "/": false, "a//": false,
		".": false, "a/.": false, " ": false, "A": false, strings.Repeat("s", 200): true, strings.Repeat("s", 201): false,
		strings.Repeat("s/", 513): false,
	} {
		if err := storage.CheckPrefix(prefix); (err == nil) != ok || err != nil && !errors.Is(err, storage.ErrKey) {
			t.Errorf("check prefix %.20q: got error %v, want accepted %v", prefix, err, ok)
		}
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(0, 20).Draw(t, "size")
		r := storage.Range{Off: rapid.Int64Range(-2, 25).Draw(t, "off"), Len: rapid.Int64Range(-2, 25).Draw(t, "len")}
		n, err := r.Clip(size)
		bad := r.Off < 0 || r.Len < 0 || r.Off > 0 && r.Off >= size
		if bad != errors.Is(err, storage.ErrRange) {
			t.Fatalf("%+v of %d: got error %v", r, size, err)
		}
		if !bad && (n < 0 || r.Off+n > size || r.Len == 0 && n != size-r.Off || r.Len > 0 && n != min(r.Len, size-r.Off)) {
			t.Errorf("%+v of %d: got %d bytes", r, size, n)
		}
	})
	if n, err := (storage.Range{Off: 1, Len: math.MaxInt64}).Clip(10); n != 9 || err != nil {
		t.Errorf("huge length: got %d, error %v, want 9", n, err)
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	d := storage.Sum([]byte("hello"))
	if got, err := storage.ParseDigest(d.String()); err != nil || got != d || d.IsZero() || !(storage.Digest{}).IsZero() {
		t.Errorf("round trip: got %v, error %v, want %v", got, err, d)
	}
	for _, s := range []string{"", "00", strings.ToUpper(d.String()), d.String() + "0", strings.Repeat("g", 64), d.String()[:63] + " "} {
		if got, err := storage.ParseDigest(s); err == nil {
			t.Errorf("parse %q: got %v, want an error", s, got)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err       error
		permanent bool
	}{
		{storage.ErrNotExist, true}, {storage.ErrExist, true}, {storage.ErrNested, true}, {storage.ErrKey, true},
		{storage.ErrAttrs, true}, {storage.ErrRange, true}, {storage.ErrLength, true}, {storage.ErrDigest, true},
		{storage.ErrDamaged, true}, {storage.ErrArchived, true}, {storage.ErrExpired, false}, {storage.ErrPermanent, true}, {storage.ErrUnsettled, false},
		{storage.Permanent(io.ErrClosedPipe), true}, {io.ErrClosedPipe, false}, {context.Canceled, false}, {nil, false},
	} {
		for _, err := range []error{c.err, fmt.Errorf("wrapped: %w", c.err)} {
			if got := storage.IsPermanent(err); got != c.permanent && c.err != nil {
				t.Errorf("%v: got permanent %v, want %v", err, got, c.permanent)
			}
		}
	}
	if storage.Permanent(nil) != nil || storage.IsPermanent(nil) {
		t.Errorf("nil: got an error")
	}
	err := storage.Permanent(io.ErrClosedPipe)
	if !errors.Is(err, io.ErrClosedPipe) || err.Error() != io.ErrClosedPipe.Error() {
		t.Errorf("permanent: got %q, want the error itself", err)
	}
	if !errors.Is(storage.ErrNotExist, fs.ErrNotExist) || !errors.Is(storage.ErrExist, fs.ErrExist) {
		t.Errorf("sentinels do not match those of package fs")
	}
}

func TestIntake(t *testing.T) {
	t.Parallel()
	body := []byte("some bytes")
	n := int64(len(body))
	broken := errors.New("broken")
	for _, c := range []struct {
		name string
		body io.Reader
		size int64
		sum  storage.Digest
		want error
	}{
		{"nothing declared", bytes.NewReader(body), -1, storage.Digest{}, nil},
		{"all declared", bytes.NewReader(body), n, storage.Sum(body), nil},
		{"end with the last bytes", iotest.DataErrReader(bytes.NewReader(body)), n, storage.Sum(body), nil},
		{"byte by byte", iotest.OneByteReader(bytes.NewReader(body)), n, storage.Sum(body), nil},
		{"short", bytes.NewReader(body), n + 1, storage.Sum(body), storage.ErrLength},
		{"long", bytes.NewReader(body), n - 1, storage.Sum(body), storage.ErrLength},
		{"long, never ending", io.MultiReader(bytes.NewReader(body), neverEnding{}), n, storage.Digest{}, storage.ErrLength},
		{"other hash", bytes.NewReader(body), n, storage.Sum(nil), storage.ErrDigest},
		{"broken", io.MultiReader(bytes.NewReader(body), iotest.ErrReader(broken)), -1, storage.Digest{}, broken},
	} {
		in := storage.NewIntake(context.Background(), c.body, c.size, c.sum)
		if in.Err() == nil {
			t.Errorf("%s: got no error before reading", c.name)
		}
		got, err := io.ReadAll(in)
		if !errors.Is(err, c.want) || !errors.Is(in.Err(), c.want) {
			t.Errorf("%s: got error %v (%v), want %v", c.name, err, in.Err(), c.want)
		}
		if c.want == nil && (!bytes.Equal(got, body) || in.Size() != n || in.Sum() != storage.Sum(body)) {
			t.Errorf("%s: got %q, size %d, sha-256 %s", c.name, got, in.Size(), in.Sum())
		}
		if _, again := in.Read(make([]byte, 1)); again != err && !(again == io.EOF && err == nil) {
			t.Errorf("%s: got error %v afterwards, want %v", c.name, again, err)
		}
	}
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { return len(p), nil }

// TestVerifier: whatever is wrong, and however the reader beneath hands out its
// bytes, the error comes while the last 64 KiB are still held back.
func TestVerifier(t *testing.T) {
	t.Parallel()
	const held = 64 << 10
	for _, n := range []int{0, 1, held - 1, held, held + 1, 2*held - 1, 2 * held, 2*held + 1, 5*held + 17} {
		body := make([]byte, n)
		for i := range body {
			body[i] = byte(i * 7)
		}
		sum := storage.Sum(body)
		readers := map[string]func(io.Reader) io.Reader{
			"plain": func(r io.Reader) io.Reader { return r }, "half": iotest.HalfReader, "with end": iotest.DataErrReader,
		}
		for name, wrap := range readers {
			got, err := io.ReadAll(storage.NewVerifier(wrap(bytes.NewReader(body)), int64(n), sum))
			if err != nil || !bytes.Equal(got, body) {
				t.Errorf("%d bytes, %s: got %d, error %v", n, name, len(got), err)
			}
			for _, at := range []int{0, n / 2, n - 1} {
				if at < 0 || at >= n {
					continue
				}
				flipped := bytes.Clone(body)
				flipped[at] ^= 1
				wantDamaged(t, fmt.Sprintf("%d bytes, flipped at %d, %s", n, at, name), wrap(bytes.NewReader(flipped)), body, flipped, sum)
				wantDamaged(t, fmt.Sprintf("%d bytes, cut at %d, %s", n, at, name), wrap(bytes.NewReader(body[:at])), body, body, sum)
			}
			wantDamaged(t, fmt.Sprintf("%d bytes, one more, %s", n, name), wrap(bytes.NewReader(append(bytes.Clone(body), 0))), body, body, sum)
		}
		broken := errors.New("broken")
		got, err := io.ReadAll(storage.NewVerifier(io.MultiReader(bytes.NewReader(body), iotest.ErrReader(broken)), int64(n), sum))
		if !errors.Is(err, broken) || len(got) > max(0, n-held) {
			t.Errorf("%d bytes, broken: got %d bytes, error %v, want %v", n, len(got), err, broken)
		}
	}
}

func wantDamaged(t *testing.T, what string, r io.Reader, whole, sent []byte, sum storage.Digest) {
	t.Helper()
	const held = 64 << 10
	v := storage.NewVerifier(r, int64(len(whole)), sum)
	got, err := io.ReadAll(v)
	if !errors.Is(err, storage.ErrDamaged) {
		t.Errorf("%s: got error %v, want %v", what, err, storage.ErrDamaged)
	}
	if len(got) > max(0, len(whole)-held) {
		t.Errorf("%s: got %d of %d bytes before the error, want the last %d held back", what, len(got), len(whole), held)
	}
	if !bytes.Equal(got, sent[:len(got)]) {
		t.Errorf("%s: got bytes in wrong order", what)
	}
	if n, again := v.Read(make([]byte, 10)); n != 0 || again != err {
		t.Errorf("%s: got %d bytes, error %v after the error", what, n, again)
	}
}

func TestOpenVerified(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := memstore.New(memstore.Options{})
	body := []byte("some bytes")
	if _, err := s.Put(ctx, "key", bytes.NewReader(body), -1, storage.Attrs{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := storage.OpenVerified(ctx, s, "key", 9, storage.Sum(body)); !errors.Is(err, storage.ErrDamaged) {
		t.Errorf("other size: got error %v, want %v", err, storage.ErrDamaged)
	}
	if _, _, err := storage.OpenVerified(ctx, s, "absent", 10, storage.Sum(body)); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("absent: got error %v, want %v", err, storage.ErrNotExist)
	}
	r, info, err := storage.OpenVerified(ctx, s, "key", 10, storage.Sum(body[1:]))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); !errors.Is(err, storage.ErrDamaged) || len(got) != 0 || info.Size != 10 {
		t.Errorf("other hash: got %q, error %v, want nothing and %v", got, err, storage.ErrDamaged)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func ExampleOpenVerified() {
	ctx := context.Background()
	store := memstore.New(memstore.Options{})
	info, err := store.Put(ctx, "key", strings.NewReader("hello"), -1, storage.Attrs{})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, _, err := storage.OpenVerified(ctx, store, "key", info.Size, info.SHA256)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	fmt.Println(string(b), err)
	// Output: hello <nil>
}

func ExampleNewVerifier() {
	v := storage.NewVerifier(strings.NewReader("hellO"), 5, storage.Sum([]byte("hello")))
	b, err := io.ReadAll(v)
	fmt.Println(len(b), errors.Is(err, storage.ErrDamaged))
	// Output: 0 true
}

func ExampleIsPermanent() {
	fmt.Println(storage.IsPermanent(storage.ErrKey), storage.IsPermanent(io.ErrUnexpectedEOF))
	// Output: true false
}

func TestVerifierGivesUpOnAnIdleReader(t *testing.T) {
	t.Parallel()
	idle := io.MultiReader(strings.NewReader("hello"), idleReader{})
	if got, err := io.ReadAll(storage.NewVerifier(idle, 10, storage.Sum(nil))); err != io.ErrNoProgress || len(got) != 0 {
		t.Errorf("got %q, error %v, want nothing and %v", got, err, io.ErrNoProgress)
	}
}

type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }
