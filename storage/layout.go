package storage

import (
	"fmt"
	"strconv"
	"strings"
)

// The key space. Every key feedmill stores is built here and nowhere else.
//
//	m/
//	└── <merchant id>/
//	    ├── b/                                             blobs: rendered files
//	    │   └── <first 2 hex of sha-256>/
//	    │       └── <sha-256>-<run id>-<n>
//	    ├── state/                                         blobs: state of feeds, to compute changes from
//	    │   └── <first 2 hex of sha-256>/
//	    │       └── <sha-256>-<run id>-<n>
//	    └── hw/                                            high-water markers
//	        └── <feed id>/
//	            └── <epoch, 19 digits>-<generation, 19 digits>-<run id>
//
// Merchant, feed and run ids are 1 to 64 of a-z, 0-9 and "-". n counts the
// uploads of a run, so a blob's key is unique to one attempt at uploading it
// and is never used again: a request thought lost can neither overwrite nor
// delete what came later. The hash in the name is for people and for checks;
// which blob belongs to what is recorded in the database alone.
//
// Markers are padded to the full width of an int64, so that their order as text
// is their order as numbers for ever.

const numberWidth = 19 // decimal digits of the greatest int64

// Blob names one attempt at uploading immutable bytes.
type Blob struct {
	Merchant string // merchant id
	State    bool   // state of a feed instead of a rendered file
	SHA256   Digest // of the bytes; not zero
	Run      string // run id
	N        int    // number of the upload within the run, from 0
}

// Key returns the blob's key. It reports ErrKey when an id is malformed, N is
// negative or SHA256 is zero.
func (b Blob) Key() (string, error) {
	if err := checkIDs("merchant", b.Merchant, "run", b.Run); err != nil {
		return "", err
	}
	if b.N < 0 || b.SHA256.IsZero() {
		return "", fmt.Errorf("blob %s number %d: %w", b.SHA256, b.N, ErrKey)
	}
	sum := b.SHA256.String()
	prefix, err := BlobPrefix(b.Merchant, b.State)
	if err != nil {
		return "", err
	}
	return prefix + sum[:2] + "/" + sum + "-" + b.Run + "-" + strconv.Itoa(b.N), nil
}

// ParseBlob is the inverse of Blob.Key. It reports ErrKey for every key that
// Blob.Key does not build.
func ParseBlob(key string) (Blob, error) {
	bad := fmt.Errorf("%q is no blob: %w", clip(key), ErrKey)
	merchant, rest, ok := cutMerchant(key)
	if !ok {
		return Blob{}, bad
	}
	b := Blob{Merchant: merchant}
	if rest, ok = strings.CutPrefix(rest, "state/"); ok {
		b.State = true
	} else if rest, ok = strings.CutPrefix(rest, "b/"); !ok {
		return Blob{}, bad
	}
	// 2 hex, "/", 64 hex, "-", run, "-", n
	const sumAt, runAt = 3, 3 + 64 + 1
	last := strings.LastIndexByte(rest, '-')
	if last <= runAt {
		return Blob{}, bad
	}
	var err error
	if b.SHA256, err = ParseDigest(rest[sumAt : runAt-1]); err != nil {
		return Blob{}, bad
	}
	b.Run = rest[runAt:last]
	if b.N, err = strconv.Atoi(rest[last+1:]); err != nil {
		return Blob{}, bad
	}
	// Building it again refuses every spelling that is not the one we write.
	if again, err := b.Key(); err != nil || again != key {
		return Blob{}, bad
	}
	return b, nil
}

// Marker names a high-water marker: the statement that a run has used a
// generation number, written before the pointer moves, so that a database
// restored from an older backup does not use the number again.
type Marker struct {
	Merchant   string // merchant id
	Feed       string // feed id
	Epoch      int64  // not negative
	Generation int64  // not negative
	Run        string // run id
}

// Key returns the marker's key. It reports ErrKey when an id is malformed or a
// number is negative.
func (m Marker) Key() (string, error) {
	if err := checkIDs("run", m.Run); err != nil {
		return "", err
	}
	if m.Epoch < 0 || m.Generation < 0 {
		return "", fmt.Errorf("marker of epoch %d, generation %d: %w", m.Epoch, m.Generation, ErrKey)
	}
	prefix, err := MarkerPrefix(m.Merchant, m.Feed)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s%0*d-%0*d-%s", prefix, numberWidth, m.Epoch, numberWidth, m.Generation, m.Run), nil
}

// ParseMarker is the inverse of Marker.Key. It reports ErrKey for every key
// that Marker.Key does not build.
func ParseMarker(key string) (Marker, error) {
	bad := fmt.Errorf("%q is no high-water marker: %w", clip(key), ErrKey)
	merchant, rest, ok := cutMerchant(key)
	if !ok {
		return Marker{}, bad
	}
	if rest, ok = strings.CutPrefix(rest, "hw/"); !ok {
		return Marker{}, bad
	}
	feed, rest, ok := strings.Cut(rest, "/")
	if !ok || len(rest) < 2*numberWidth+3 {
		return Marker{}, bad
	}
	m := Marker{Merchant: merchant, Feed: feed, Run: rest[2*numberWidth+2:]}
	var err error
	if m.Epoch, err = strconv.ParseInt(rest[:numberWidth], 10, 64); err != nil {
		return Marker{}, bad
	}
	if m.Generation, err = strconv.ParseInt(rest[numberWidth+1:2*numberWidth+1], 10, 64); err != nil {
		return Marker{}, bad
	}
	if again, err := m.Key(); err != nil || again != key {
		return Marker{}, bad
	}
	return m, nil
}

// MerchantPrefix returns what all keys of a merchant begin with.
func MerchantPrefix(merchant string) (string, error) {
	if err := checkIDs("merchant", merchant); err != nil {
		return "", err
	}
	return "m/" + merchant + "/", nil
}

// BlobPrefix returns what the keys of a merchant's blobs begin with: of its
// rendered files, or of the state of its feeds.
func BlobPrefix(merchant string, state bool) (string, error) {
	prefix, err := MerchantPrefix(merchant)
	if err != nil {
		return "", err
	}
	if state {
		return prefix + "state/", nil
	}
	return prefix + "b/", nil
}

// MarkerPrefix returns what the keys of a feed's high-water markers begin
// with. The last key under it is the highest marker.
func MarkerPrefix(merchant, feed string) (string, error) {
	prefix, err := MerchantPrefix(merchant)
	if err != nil {
		return "", err
	}
	if err := checkIDs("feed", feed); err != nil {
		return "", err
	}
	return prefix + "hw/" + feed + "/", nil
}

// CheckID reports ErrKey unless id can stand in a key: 1 to 64 of a-z, 0-9
// and "-".
func CheckID(id string) error {
	if len(id) == 0 || len(id) > 64 {
		return fmt.Errorf("id of %d bytes, 1 to 64 are allowed: %w", len(id), ErrKey)
	}
	for i := range len(id) {
		if c := id[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return fmt.Errorf("id %q: byte %q at %d is not allowed: %w", id, c, i, ErrKey)
		}
	}
	return nil
}

func checkIDs(pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		if err := CheckID(pairs[i+1]); err != nil {
			return fmt.Errorf("%s %w", pairs[i], err)
		}
	}
	return nil
}

func cutMerchant(key string) (merchant, rest string, ok bool) {
	rest, ok = strings.CutPrefix(key, "m/")
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "/")
}
