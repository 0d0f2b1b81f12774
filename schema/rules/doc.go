// Package rules judges Internet Offer Format 3.0 files by what XML Schema
// cannot say: whether every id resolves, whether prices, codes, times and
// hashes agree, and whether the importers that are known will read a feed as
// it was meant.
//
// It owns the table of rules, each with its level, the harm it prevents and
// the way to mend it ([All], [Lookup]; docs/rules.md is written from it), and
// the check of a [Family] of files as one offer ([Check]): every file is
// streamed once through the validator of package schema with the rules in the
// same pass, and what must be remembered across files is kept in tables of a
// few words a product, within a bound that the caller sets.
//
// It refuses to know how offers are made, stored, fetched or served, and
// imports nothing of the project but package schema, because a checker must
// not trust what it checks.
//
// Clause numbers such as "IOF 4.7" and "CONSUMERS 14" count as docs/format.md
// says.
package rules
