// Package storage is the contract between feedmill and the place where its
// immutable bytes are kept: a folder, memory, or any S3 server.
//
// It owns the [Store] interface, the attributes an object carries, the errors
// every store reports, the syntax of keys, and the layout of the key space
// ([Blob], [Marker]). It refuses to know what the bytes mean, which of them are
// current (the database alone says that), and how long they must be kept.
//
// Four stores fulfil the contract or help to prove it: storage/fsstore,
// storage/s3store and storage/memstore, each run through the one suite in
// storage/storagetest.
//
// # What a caller may assume
//
// Atomicity. An object is visible whole or not at all. A Put that returns an
// error because its body failed, was shorter or longer than declared, had
// another hash than declared, or because its context ended before the last
// byte was handed over, has made nothing visible; what stood under the key
// before stands there still. Any other error of Put or Delete leaves old or
// new, never a mixture, and does not say which: ask with Stat. A request given
// up on may even take effect later, which is why feedmill never uses a key
// twice.
//
// Durability. When Put or Delete returns nil the effect survives the loss of
// power, as far as the medium keeps its own promises.
//
// Read after write. When Put has returned, every Stat, Open and List begun
// afterwards by any client sees the object; after Delete none does. A provider
// that serves stale answers does not fulfil the contract.
//
// Concurrency. All methods may be called from any number of goroutines and
// processes. Of several Puts of one mutable key one wins whole. Of several
// Puts of one immutable key at most one succeeds if the store says so through
// [ExclusiveCreator]; otherwise several may, and the last one's bytes stay.
// An open reader goes on reading the object it opened while that is replaced
// or deleted, or reports an error; it never returns bytes of two objects.
//
// Missing keys. Stat and Open report [ErrNotExist]; Delete succeeds.
//
// Order. List yields keys in ascending byte order. A key that exists during
// the whole listing is yielded exactly once; one that is put or deleted
// meanwhile may be yielded or not.
//
// Bytes. A reader from Open yields exactly the bytes asked for or an error;
// it never ends early with io.EOF. Damage by the medium is found only by who
// compares hashes: see [OpenVerified].
//
// # Keys
//
// A key is one or more segments joined by "/". A segment is 1 to 200 bytes
// out of a-z, 0-9 and "-_.+=@,~%!() ", does not begin with "." or " " and does
// not end with "." or " ". A key is at most 1024 bytes. There are no empty
// segments, no "." or "..", no leading or trailing "/".
//
// Upper case and bytes outside ASCII are refused because file systems exist
// that fold them: two keys would be one file. 200 bytes leave room for the
// suffixes a folder store adds within the usual limit of 255.
//
// No key may be a folder of another: "a" and "a/b" cannot both exist. A folder
// cannot hold them and neither can several S3 servers, so stores may refuse the
// second one with [ErrNested] or, where a provider answers differently, with
// another error. One that accepts it keeps both intact.
package storage
