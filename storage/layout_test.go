package storage_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"feedmill/storage"
)

func ids() *rapid.Generator[string] { return rapid.StringMatching(`[a-z0-9-]{1,64}`) }

func digests() *rapid.Generator[storage.Digest] {
	return rapid.Custom(func(t *rapid.T) storage.Digest {
		return storage.Sum(rapid.SliceOf(rapid.Byte()).Draw(t, "hashed"))
	})
}

func TestBlobKeysRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := storage.Blob{
			Merchant: ids().Draw(t, "merchant"), State: rapid.Bool().Draw(t, "state"),
			SHA256: digests().Draw(t, "sha256"), Run: ids().Draw(t, "run"), N: rapid.IntRange(0, math.MaxInt).Draw(t, "n"),
		}
		key, err := b.Key()
		if err != nil {
			t.Fatalf("key of %+v: %v", b, err)
		}
		if err := storage.CheckKey(key); err != nil {
			t.Errorf("key: %v", err)
		}
		if got, err := storage.ParseBlob(key); err != nil || got != b {
			t.Errorf("parse %q: got %+v, error %v, want %+v", key, got, err, b)
		}
		if _, err := storage.ParseMarker(key); !errors.Is(err, storage.ErrKey) {
			t.Errorf("blob %q taken for a marker", key)
		}
		prefix, err := storage.BlobPrefix(b.Merchant, b.State)
		if err != nil || !strings.HasPrefix(key, prefix) || storage.CheckPrefix(prefix) != nil {
			t.Errorf("prefix %q of %q: error %v", prefix, key, err)
		}
	})
}

func TestMarkersRoundTripInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := storage.Marker{
			Merchant: ids().Draw(t, "merchant"), Feed: ids().Draw(t, "feed"), Run: ids().Draw(t, "run"),
			Epoch: rapid.Int64Range(0, math.MaxInt64).Draw(t, "epoch"), Generation: rapid.Int64Range(0, math.MaxInt64).Draw(t, "generation"),
		}
		b := a
		b.Epoch, b.Generation = rapid.Int64Range(0, math.MaxInt64).Draw(t, "epoch"), rapid.Int64Range(0, math.MaxInt64).Draw(t, "generation")
		keyA, errA := a.Key()
		keyB, errB := b.Key()
		if err := errors.Join(errA, errB, storage.CheckKey(keyA)); err != nil {
			t.Fatal(err)
		}
		if got, err := storage.ParseMarker(keyA); err != nil || got != a {
			t.Errorf("parse %q: got %+v, error %v, want %+v", keyA, got, err, a)
		}
		if _, err := storage.ParseBlob(keyA); !errors.Is(err, storage.ErrKey) {
			t.Errorf("marker %q taken for a blob", keyA)
		}
		less := a.Epoch < b.Epoch || a.Epoch == b.Epoch && a.Generation < b.Generation
		if less != (keyA < keyB) {
			t.Errorf("order: got %q < %q: %v, want %v", keyA, keyB, keyA < keyB, less)
		}
		prefix, err := storage.MarkerPrefix(a.Merchant, a.Feed)
		if err != nil || !strings.HasPrefix(keyA, prefix) {
			t.Errorf("prefix %q of %q: error %v", prefix, keyA, err)
		}
	})
}

func TestKeysOfWrongParts(t *testing.T) {
	t.Parallel()
	if err := storage.CheckID(strings.Repeat("a", 64)); err != nil {
		t.Errorf("the longest id: %v", err)
	}
	sum := storage.Sum(nil)
	for _, id := range []string{"", "A", "a_b", "a/b", "..", "a b", "ż", strings.Repeat("a", 65), "a\x00"} {
		for i, build := range []func() (string, error){
			storage.Blob{Merchant: id, SHA256: sum, Run: "r"}.Key,
			storage.Blob{Merchant: "m", SHA256: sum, Run: id}.Key,
			storage.Marker{Merchant: id, Feed: "f", Run: "r"}.Key,
			storage.Marker{Merchant: "m", Feed: id, Run: "r"}.Key,
			storage.Marker{Merchant: "m", Feed: "f", Run: id}.Key,
			func() (string, error) { return storage.MerchantPrefix(id) },
			func() (string, error) { return storage.BlobPrefix(id, true) },
			func() (string, error) { return storage.MarkerPrefix("m", id) },
		} {
			if key, err := build(); !errors.Is(err, storage.ErrKey) || key != "" {
				t.Errorf("builder %d with id %q: got %q, error %v, want %v", i, id, key, err, storage.ErrKey)
			}
		}
	}
	for i, build := range []func() (string, error){
		storage.Blob{Merchant: "m", SHA256: sum, Run: "r", N: -1}.Key,
		storage.Blob{Merchant: "m", Run: "r"}.Key,
		storage.Marker{Merchant: "m", Feed: "f", Run: "r", Epoch: -1}.Key,
		storage.Marker{Merchant: "m", Feed: "f", Run: "r", Generation: -1}.Key,
	} {
		if key, err := build(); !errors.Is(err, storage.ErrKey) {
			t.Errorf("builder %d with a wrong number: got %q, error %v, want %v", i, key, err, storage.ErrKey)
		}
	}
}

const sumOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestForeignKeysDoNotParse(t *testing.T) {
	t.Parallel()
	good := "m/shop/b/e3/" + sumOfNothing + "-run-7"
	if _, err := storage.ParseBlob(good); err != nil {
		t.Fatalf("parse %q: %v", good, err)
	}
	for _, key := range []string{
		"", "m", "m/", "m/shop", "m/shop/b/", "x/" + good, good + "/", good + "x", good + "-",
		strings.Replace(good, "/e3/", "/e4/", 1),
		strings.Replace(good, "/e3/", "/", 1),
		strings.Replace(good, "e3b0", "E3B0", 1),
		strings.Replace(good, "-7", "-07", 1),
		strings.Replace(good, "-7", "-+7", 1),
		strings.Replace(good, "-7", "--7x", 1),
		strings.Replace(good, "-run", "-Run", 1),
		strings.Replace(good, "-run-7", "-7", 1),
		strings.Replace(good, "/b/", "/c/", 1),
		strings.Replace(good, "-7", "-99999999999999999999", 1),
		strings.Replace(good, sumOfNothing, strings.Repeat("0", 64), 1),
		"m/shop/hw/feed/1-2-run", "m/shop/hw/feed", "m/shop/hw/feed/" + strings.Repeat("0", 19) + "-" + strings.Repeat("0", 19) + "-",
		"m/shop/hw/feed/-000000000000000001-" + strings.Repeat("0", 19) + "-run",
		"m/shop/hw/feed/" + strings.Repeat("9", 19) + "-" + strings.Repeat("0", 19) + "-run",
		"m/shop/hw/feed/" + strings.Repeat("0", 19) + "_" + strings.Repeat("0", 19) + "-run",
	} {
		if b, err := storage.ParseBlob(key); !errors.Is(err, storage.ErrKey) {
			t.Errorf("parse blob %q: got %+v, error %v, want %v", key, b, err, storage.ErrKey)
		}
		if m, err := storage.ParseMarker(key); !errors.Is(err, storage.ErrKey) {
			t.Errorf("parse marker %q: got %+v, error %v, want %v", key, m, err, storage.ErrKey)
		}
	}
}

// FuzzParse: a key that parses is the key that the parts build.
func FuzzParse(f *testing.F) {
	f.Add("m/shop/b/e3/" + sumOfNothing + "-run-7")
	f.Add("m/shop/state/e3/" + sumOfNothing + "--run---0")
	f.Add("m/shop/hw/feed/0000000000000000001-0000000000000000042-run")
	f.Add("m/../b/e3/x")
	f.Fuzz(func(t *testing.T, key string) {
		if b, err := storage.ParseBlob(key); err == nil {
			if again, err := b.Key(); err != nil || again != key {
				t.Errorf("blob %q: got %q, error %v", key, again, err)
			}
		}
		if m, err := storage.ParseMarker(key); err == nil {
			if again, err := m.Key(); err != nil || again != key {
				t.Errorf("marker %q: got %q, error %v", key, again, err)
			}
		}
	})
}

func ExampleBlob() {
	key, err := storage.Blob{Merchant: "shop", SHA256: storage.Sum(nil), Run: "run-1", N: 3}.Key()
	fmt.Println(key, err)
	b, err := storage.ParseBlob(key)
	fmt.Println(b.Merchant, b.Run, b.N, err)
	// Output:
	// m/shop/b/e3/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855-run-1-3 <nil>
	// shop run-1 3 <nil>
}

func ExampleMarker() {
	key, err := storage.Marker{Merchant: "shop", Feed: "full-pl", Epoch: 1, Generation: 42, Run: "run-1"}.Key()
	fmt.Println(key, err)
	// Output: m/shop/hw/full-pl/0000000000000000001-0000000000000000042-run-1 <nil>
}
