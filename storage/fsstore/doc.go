// Package fsstore keeps objects in a folder. It owns the files in that folder
// and how they are made durable; it refuses to know what the objects mean.
//
// Each object is two files in one folder:
//
//	<key>           the entry: the attributes as one line of JSON, and the name of the data
//	<key>#<token>   the data: the object's bytes, nothing else
//
// The data is written first, under a name that is never used again and that
// nobody looks at. Then the entry is put in place by one link or rename. That
// single step makes bytes and attributes visible together, so no crash and no
// race can pair the bytes of one Put with the attributes of another, as could
// happen with two files that are both replaced. Extended attributes would be
// atomic too, but are missing on some file systems and lost by ordinary copying
// tools; a header or footer inside the data would keep the file from being
// sent, read and checked as it is. "#" is not allowed in keys, so the files of
// the store are never taken for objects.
//
// Order of a Put: data written and synced; entry written under a temporary
// name ("<key>#<token>~") and synced; folder synced, so that no entry can
// survive a crash which its data did not; entry linked (immutable, never
// replacing one) or renamed; folder synced. Delete goes the other way round:
// entry removed, folder synced, data removed. What a crash leaves behind is
// data or temporary files that no entry names; Sweep removes them.
//
// Adopt differs from Put in the first step alone: the bytes are in a file of
// the same file system already, which is synced and then linked under the name
// of the data. Nothing is copied, so there is no copy to prove.
//
// Several processes may use one folder. Only replacing mutable keys is not
// arbitrated between processes: each reader still sees one Put whole, but the
// data of a loser may stay until the next Sweep.
package fsstore
