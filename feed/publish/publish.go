// Package publish makes generations of feeds: one run takes one snapshot of a
// catalog, prices each product for each profile, renders the files, compares
// what it rendered with the state of the generation before and, where
// something differs, hands complete files to a [Ledger] that makes them
// visible all at once.
//
// Hints of what may have changed spare a run the reading of the rest: it looks
// the named products up in the state, and copies what stays of the light file.
// They never decide what is published. Where they are of no use, and once a day
// in any case, the whole feed is compared.
//
// It owns the rhythm of the files (what is due), the labels, and the order of
// steps that lets a reader see the old offer or the new one, whole. It refuses
// to know which database holds the pointer, which store holds the bytes and
// who may read them.
package publish

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
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
	// Told is what the file says of that, local and without a zone, as if it was
	// UTC. Zero is not known.
	Told time.Time `json:",omitzero"`
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
	// Told is what gateways say of Time, local and without a zone, as if it was
	// UTC: it strictly increases within a feed whatever the zone does. Zero is not
	// known.
	Told time.Time `json:",omitzero"`
	// Expires is until when the offer is declared valid.
	Expires time.Time
	// Cursor is the number of the last change event that the feed includes. A
	// ledger gives with the current generation the cursor that was set last,
	// which moves on where changes show nowhere.
	Cursor int64
	// Compared is when the feed was last compared as a whole, by the same rule.
	Compared time.Time
	// Products counts the products in the feed.
	Products int64
	// PriceSum and PriceCount give the mean of the prices that a light feed
	// shows: the sum over products in minor units, and how many have a price.
	PriceSum, PriceCount int64
	// State is the ordered list of products and digests, for the next run, and
	// Layers are what came on top of it since, oldest first; at most sixteen.
	// Generations share these blobs.
	State  Blob
	Layers []Blob
	// Languages and Currency are what the files were written in, the default
	// language first.
	Languages []feed.Language
	Currency  feed.Currency `json:",omitzero"`
	// Files are listed newest change first; a file may stem from an older generation.
	Files []File
}

// Blobs yields every stored blob that the generation needs, once each: files,
// their compressed twins, state and layers.
func (g *Generation) Blobs() iter.Seq[*Blob] {
	return func(yield func(*Blob) bool) {
		for i := range g.Files {
			for _, b := range []*Blob{&g.Files[i].Plain, &g.Files[i].Gzip} {
				if !b.IsZero() && !yield(b) {
					return
				}
			}
		}
		if !g.State.IsZero() && !yield(&g.State) {
			return
		}
		for i := range g.Layers {
			if !yield(&g.Layers[i]) {
				return
			}
		}
	}
}

// Fresh says whether the generation made a file: one without only says that what
// was published before is valid for longer.
func (g *Generation) Fresh() bool {
	for i := range g.Files {
		if g.Files[i].Generation == g.Number {
			return true
		}
	}
	return false
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
