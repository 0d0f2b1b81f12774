package storage

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"time"
)

// Store keeps immutable bytes under keys. The package comment states what
// callers may assume; storage/storagetest proves it for an implementation.
type Store interface {
	// Put stores the bytes of body under key and returns what was stored, its
	// SHA-256 always included. size is the declared length in bytes, -1 when
	// unknown. The object becomes visible whole after body has ended well, or
	// not at all. Put reads body to its end or until the first error and does
	// not close it.
	//
	// Errors: ErrKey, ErrAttrs, ErrNested; ErrExist when the key is taken and
	// either the stored object or the new one is immutable; ErrLength and
	// ErrDigest when body is not what was declared; ErrUnsettled when the
	// store cannot say whether the object is there; the error of body itself.
	Put(ctx context.Context, key string, body io.Reader, size int64, attrs Attrs) (Info, error)

	// Open returns a reader of the object's bytes within r, and the Info of
	// the whole object. The zero Range means everything. The context governs
	// the reader too. The caller closes the reader.
	//
	// Errors: ErrKey, ErrNotExist, ErrRange, ErrDamaged.
	Open(ctx context.Context, key string, r Range) (io.ReadCloser, Info, error)

	// Stat returns the Info of the object.
	//
	// Errors: ErrKey, ErrNotExist, ErrDamaged.
	Stat(ctx context.Context, key string) (Info, error)

	// List yields every object whose key begins with prefix, in ascending byte
	// order of keys. prefix may end anywhere in a key; "" means all. An Info
	// from List holds Key, Size and Modified alone; Size is -1 where the store
	// found something under the key that is no whole object. The first error
	// is yielded with a zero Info and ends the listing.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]

	// Delete removes the object. A key that does not exist is no error.
	Delete(ctx context.Context, key string) error
}

// DefaultContentType is the media type of an object stored without one.
const DefaultContentType = "application/octet-stream"

// Attrs are what a caller says about an object when putting it. The zero value
// is a mutable object of unknown type and hash.
type Attrs struct {
	// ContentType is the media type; "" means DefaultContentType. At most 255
	// bytes of printable ASCII.
	ContentType string
	// ContentEncoding is the HTTP content coding of the stored bytes, such as
	// "gzip"; "" means none. At most 255 bytes of printable ASCII. The store
	// never encodes or decodes.
	ContentEncoding string
	// Immutable says that the key is put once: a second Put of it, with or
	// without this flag, reports ErrExist.
	Immutable bool
	// SHA256 is the hash of the body when it is known beforehand; the zero
	// Digest means it is not. A body with another hash is refused.
	SHA256 Digest
}

// Check reports ErrAttrs when a field cannot be stored everywhere.
func (a Attrs) Check() error {
	for _, f := range [...]struct{ name, value string }{
		{"content type", a.ContentType}, {"content encoding", a.ContentEncoding},
	} {
		if len(f.value) > 255 {
			return fmt.Errorf("%s of %d bytes: %w", f.name, len(f.value), ErrAttrs)
		}
		for i := range len(f.value) {
			// A space at either end would not survive an HTTP header.
			if c := f.value[i]; c < ' ' || c > '~' || c == ' ' && (i == 0 || i == len(f.value)-1) {
				return fmt.Errorf("%s %q: %w", f.name, f.value, ErrAttrs)
			}
		}
	}
	return nil
}

// Info describes a stored object. From Put, Stat and Open it is complete, but
// for SHA256: from Stat and Open that is the zero Digest if Put was not told
// the hash and the store had to write the attributes before the bytes (s3store
// for objects of more than one part).
type Info struct {
	Key string
	// Size is the length in bytes.
	Size int64
	Attrs
	// Modified is when the object became visible, by the store's clock, in UTC.
	// Its resolution is the store's, one second at worst. Put may return the
	// zero time where another Put replaced the object at once.
	Modified time.Time
}

// Range selects bytes of an object. The zero Range is the whole object.
type Range struct {
	// Off is the first byte, from 0.
	Off int64
	// Len is the number of bytes; 0 means up to the end. What reaches past the
	// end is cut off there.
	Len int64
}

// Clip returns the number of bytes that r selects of an object of size bytes.
// It reports ErrRange when Off or Len is negative or Off is not inside the
// object; Off 0 is inside every object, also an empty one.
func (r Range) Clip(size int64) (int64, error) {
	if r.Off < 0 || r.Len < 0 || r.Off > 0 && r.Off >= size {
		return 0, fmt.Errorf("bytes %d+%d of %d: %w", r.Off, r.Len, size, ErrRange)
	}
	n := size - r.Off
	if r.Len > 0 && r.Len < n {
		n = r.Len
	}
	return n, nil
}

// FileReader is an optional ability of a reader from Open: its bytes are those
// of a file, so that they can be sent with sendfile.
type FileReader interface {
	// File returns the open file, standing at the first byte of the range. The
	// caller reads no more than the range from it, does not read from the
	// reader as well, and does not use the file after closing the reader.
	File() *os.File
}

// FileAdopter is an optional ability of a Store that keeps objects as files.
type FileAdopter interface {
	// Adopt does what Put does with the bytes of a file of this machine, which it
	// moves instead of copying them. attrs.SHA256 must be that of the file: whoever
	// wrote it has hashed what he wrote, and it is not read again. The file must be
	// closed and nobody may write to it any more. The error is
	// errors.ErrUnsupported where the file cannot be moved; only then it stays.
	Adopt(ctx context.Context, key, path string, size int64, attrs Attrs) (Info, error)
}

// ExclusiveCreator is an optional ability of a Store.
type ExclusiveCreator interface {
	// ExclusiveCreate reports whether of several concurrent Puts of one
	// immutable key exactly one succeeds. Nothing in feedmill depends on it.
	ExclusiveCreate() bool
}
