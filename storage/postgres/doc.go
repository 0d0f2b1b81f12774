// Package postgres is the database under package records in PostgreSQL (14 or
// newer): accounts, the catalog, generations and their pointers, the queue of
// changes and the audit. Any number of processes on any number of machines may
// use one database at the same time.
//
// It owns the schema (numbered migrations, embedded, with the numbers of
// package sqlite), the transactions, the rights of the three roles, imports and
// publications. What is stored in which row, and most of the statements, it
// leaves to package records. It refuses to know what a product's document says,
// where blobs are stored and how anything is served.
//
// Transactions that write are READ COMMITTED and lock what they decide by: the
// row that they change, the row of the feed that they publish, the catalog that
// they merge into. Locks are of one merchant; what one merchant's transactions
// do never waits for another's. Locks are taken in one order (catalog, import,
// account, feeds by key, blobs by key, access_version); should the server find
// a deadlock nevertheless, or lose the connection before the end, the
// transaction is run again. A read of several statements is one REPEATABLE READ
// transaction and sees one state. Readers wait for nobody.
//
// Connections are used directly, or through a pooler that gives each session
// one of its own: a pooler that shares them between transactions breaks
// prepared statements, settings and LISTEN.
//
// Every change that a file server must see counts up its merchant's row of
// access_version in its own transaction; the subscribers of this process are
// called before the changing method returns, and those of other processes soon
// after, by NOTIFY. The notification is a hint that may get lost: whoever must
// not miss anything asks [DB.AccessVersion].
//
// Errors carry a kind of package feed: KindConflict for a version that has
// moved on and for a name that is taken, KindNotFound, KindInvalid,
// KindForbidden when the role lacks a right, and KindUnavailable when the
// server does not answer or gives up.
package postgres
