// Package records keeps the records of merchants in an SQL database, and is
// written once for all of them: accounts, offers, links and keys, prices, the
// counts of downloads, the queue of changes and the audit.
//
// It owns what is stored in which row, the statements, what a transaction
// decides by and what it leaves in the queue and in the audit. It refuses to
// know which database it talks to: how a transaction is begun, repeated and
// committed, how the server's errors are told apart and what is loaded in bulk
// is up to whoever implements [Database] and [Conn].
//
// Statements are worded for PostgreSQL, which says more than SQLite needs:
// $1 names an argument; FOR UPDATE, FOR SHARE and their kind, always last,
// lock rows where transactions write side by side; and a list of values is one
// argument, made by [Lister] and taken as "= ANY ($1)" or as a table,
// "unnest($1::text[]) AS n (value)", of which lists that go along with each
// other make several columns. Nothing else of PostgreSQL's own may stand
// in them. Every statement on a merchant's rows names the merchant, as the
// package's tests see to.
package records
