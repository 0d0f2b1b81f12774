// Package publish makes generations of feeds: one run takes one snapshot of a
// catalog, prices each product for each profile, renders the files, compares
// what it rendered with the state of the generation before and, where
// something differs, hands complete files to a [Ledger] that makes them
// visible all at once.
//
// It owns the rhythm of the files (what is due), the labels, and the order of
// steps that lets a reader see the old offer or the new one, whole. It refuses
// to know which database holds the pointer, which store holds the bytes and
// who may read them.
package publish

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"feedmill/feed"
)

// FeedRef names a feed: one rendered stream for one profile of one merchant.
// Kind is [feed.KindFull] (with its change files, dictionaries and preset) or
// [feed.KindLight].
type FeedRef struct {
	Merchant string
	Kind     feed.Kind
	// Key is the profile's FullKey or LightKey.
	Key string
}

// Blob is one immutable file of bytes.
type Blob struct {
	// Key is where it is stored; no two blobs ever share one.
	Key    string
	Size   int64
	MD5    MD5
	SHA256 SHA256
}

// MD5 is the format's checksum of a file (IOF 2.3); it identifies nothing.
type MD5 [md5.Size]byte

// SHA256 identifies the bytes of a file.
type SHA256 [sha256.Size]byte

// String gives 32 hex digits.
func (h MD5) String() string { return hex.EncodeToString(h[:]) }

// String gives 64 hex digits.
func (h SHA256) String() string { return hex.EncodeToString(h[:]) }

// MarshalText gives the hex digits, for JSON.
func (h MD5) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// MarshalText gives the hex digits, for JSON.
func (h SHA256) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads the hex digits.
func (h *MD5) UnmarshalText(b []byte) error { return unhex(h[:], b) }

// UnmarshalText reads the hex digits.
func (h *SHA256) UnmarshalText(b []byte) error { return unhex(h[:], b) }

func unhex(dst, b []byte) error {
	if len(b) != hex.EncodedLen(len(dst)) {
		return fmt.Errorf("%.80q is not %d hex digits", b, hex.EncodedLen(len(dst)))
	}
	_, err := hex.Decode(dst, b)
	return err
}

// IsZero says whether there is no blob.
func (b *Blob) IsZero() bool { return b.Key == "" }

// File is one file that a generation lists.
type File struct {
	Kind feed.Kind
	// Label is the stamp of a change file, else "".
	Label string
	// Generation is the number of the generation that made the file; with Kind
	// and Label it is the file's address, for good.
	Generation int64
	// Changed is the logical time at which it was made.
	Changed time.Time
	// Products counts the product nodes in it, tombstones included; entries for a dictionary.
	Products int64
	// Base and Target are the generations that a change file leads from and to.
	Base, Target int64
	// Plain is the file; Gzip the same compressed as one member, zero when not kept.
	Plain, Gzip Blob
}

// Generation is one numbered publication of a feed.
type Generation struct {
	Feed FeedRef
	// Number strictly increases over all feeds of a merchant, so no two files of
	// a merchant ever share an address. Base is the generation it was made from,
	// 0 for the first.
	Number, Base int64
	// Epoch is the incarnation of the chain of change files.
	Epoch int64
	// Time is the logical time: it strictly increases within a feed whatever
	// the clock does.
	Time time.Time
	// Expires is until when the offer is declared valid.
	Expires time.Time
	// Products counts the products in the feed.
	Products int64
	// State is the ordered list of products and digests, for the next run.
	State Blob
	// Languages and Currency are what the files were written in, the default
	// language first.
	Languages []feed.Language
	Currency  feed.Currency
	// Files are listed newest change first; a file may stem from an older generation.
	Files []File
}

// File finds the file of a kind, nil when there is none. Of change files it
// gives the newest.
func (g *Generation) File(k feed.Kind) *File {
	for i := range g.Files {
		if g.Files[i].Kind == k {
			return &g.Files[i]
		}
	}
	return nil
}

// ErrLost says that a pointer moved between the start of a run and its end:
// another run won, and nothing of this one is visible.
var ErrLost = errors.New("another run has published meanwhile")

// Ledger keeps generations and the one pointer of each feed.
type Ledger interface {
	// Current gives the current generation of a feed; ok is false when it has none.
	Current(ctx context.Context, f FeedRef) (g Generation, ok bool, err error)
	// Begin takes n generation numbers of the merchant that are larger than every
	// one taken before and gives the first. A number is never given twice, also
	// when its run fails.
	Begin(ctx context.Context, merchant string, n int) (first int64, err error)
	// Commit makes the generations current, all or none, in one step. It fails
	// with [ErrLost] when the current generation of any of the feeds is not the
	// new one's Base.
	Commit(ctx context.Context, gens []Generation) error
}
