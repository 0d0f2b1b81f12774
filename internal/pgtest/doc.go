// Package pgtest starts a real PostgreSQL server for tests and gives each test
// a database of its own in it.
//
// It owns finding the server's programs on the machine, starting one server a
// test binary and stopping it with that; it refuses to know what the tests put
// into their databases. Started by root, the server runs as the user postgres,
// because PostgreSQL refuses root.
//
// Tests that need the server are skipped only with -short; a server that is
// missing or does not start fails them. What the server stores is not meant to
// outlive a crash: it never waits for a disk.
package pgtest
