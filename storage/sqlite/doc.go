// Package sqlite is the database under package records in one SQLite file:
// accounts, the catalog, generations and their pointers, the queue of changes
// and the audit.
//
// It owns the schema (numbered migrations, embedded), the transactions, imports
// and publications. What is stored in which row, and most of the statements, it
// leaves to package records, whose wording it puts into SQLite's. It refuses to
// know what a product's document says, where blobs are stored and how anything
// is served.
//
// One connection writes, others read. Each write transaction takes the write
// lock when it begins, so transactions commit in the order of their row
// numbers; each read of several statements is one transaction and sees one
// state, whatever is written meanwhile. A commit that has returned survives the
// loss of power (WAL, synchronous=FULL).
//
// Every change that a file server must see counts up auth_version in its own
// transaction, and calls the subscribers of this process before the changing
// method returns.
//
// Errors carry a kind of package feed: KindConflict for a version that has
// moved on and for a name that is taken, KindNotFound, KindInvalid, and
// KindUnavailable when the file is locked or full.
package sqlite
