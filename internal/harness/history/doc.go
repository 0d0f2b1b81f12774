// Package history holds the laws of published offers, tried on random histories
// over both databases: edits, imports, changed rules, switches, clocks that jump
// either way, publications, renewals, runs that make everything anew, and sweeps.
//
// Any two generations that are kept obey full(a) + changes = full(b), product by
// product and byte for byte; changes may be applied twice, in any number of parts
// and again from any point.
package history
