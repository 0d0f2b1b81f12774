// Package feedtest makes products and dictionaries for the tests of other
// packages, and tells products apart.
//
// What it makes is valid in the sense of package feed: clean strings, codes
// without blanks, languages once in a text, prices whose sides agree, ids that
// are unique where they must be. Within that it is as nasty as a merchant's
// catalog: markup in names, characters beyond the basic plane, texts in many
// languages, sizes without stock. It refuses to know any package that it tests.
package feedtest
