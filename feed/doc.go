// Package feed is feedmill's vocabulary: products, prices, dictionaries,
// profiles and the kinds of file that an offer consists of, in the terms of
// the Internet Offer Format (IOF) 3.0.
//
// It owns what these things mean and which values they may take. Money,
// quantities, weights, percentages, language and currency codes are types
// whose constructors refuse nonsense, so code that holds one need not check
// it again. It refuses to know how anything is read, stored, priced, rendered
// or sent, and imports the standard library alone.
//
// Text that reaches a [Product] has passed [Clean]: it is valid UTF-8 with no
// character that XML 1.0 forbids and with line feeds as line ends. Writers may
// rely on that and only assert it.
package feed
