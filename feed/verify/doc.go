// Package verify proves that what is published is whole: it reads an offer as
// partners do, from a folder ([Folder]), from its gateway's address
// ([Gateway]), or all offers of an installation from records and store
// ([Records]), and says what does not hold.
//
// It owns the table of rules ([All]; docs/verify.md lists it), the order in
// which they are judged, and the report. What it proves: every file that
// gateway or manifest names is there with the length and digests that were
// promised, its compressed twin is the same bytes in one gzip member, it is
// well-formed, valid and free of open references, and the change files link
// the generations that are kept: full(a) + changes(a..b) = full(b), product by
// product and byte for byte. [Scrub] reads everything that is stored once more
// and compares digests alone.
//
// It refuses to know how offers are made: it imports no writer and nothing of
// feed/publish or feed/diff, and reads gateway, manifest and the notes of a
// folder with structures of its own, because a checker must not trust what it
// checks. It changes nothing and repairs nothing.
//
// Where something is wrong, what depends on it is not judged any further: a
// damaged full file is one finding, and no thousand products missing from
// light. Memory is a few words a product: 24 bytes for each product of the
// files that are compared at one time.
package verify
