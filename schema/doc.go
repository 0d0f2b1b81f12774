// Package schema says whether an Internet Offer Format 3.0 file is valid, and
// what is wrong with it in words a person can act on.
//
// It owns our own XML Schema documents for the thirteen kinds of file (folder
// xsd, served and printed by [Files] and [Open]) and a streaming validator
// that walks them: constant memory whatever the size of the file, one pass,
// every finding with line, column, path, rule and, where a remedy is known, a
// hint. It refuses to know how offers are made or stored and imports nothing
// of the project outside its own folder, because a checker must not trust
// what it checks.
//
// The schemas agree with the published ones except where [Differences] says
// otherwise and why. Rules that XML Schema cannot express plug in as
// [RuleFunc].
package schema
