// Package iof is the XML of the Internet Offer Format (IOF) 3.0 by IAI S.A.:
// offers (full, light, change), the gateway, the dictionaries and the preset.
//
// It owns the shape of these documents: names and order of elements and
// attributes, escaping, which language stands where, and the dialects that
// importers disagree about ([feedmill/feed.Dialect], docs/format.md). It
// refuses to know what a partner pays or sees of the stock (an item comes
// priced), where files are kept, how they are compressed and who fetches them.
//
// The writers append to a byte slice and know neither reflection nor fmt. What
// stands in its memory behind what they append may be overwritten, because copies
// of whole registers cost least. Whatever they are given, what they append is well-formed XML 1.0: text is
// escaped, characters that XML forbids are dropped, and values that the
// published schemas type more narrowly than the vocabulary (names, codes,
// enumerations) are fitted or left out as each writer says.
//
// The readers stream what suppliers really send, 2.x and 3.0, with what the
// schemas forbid, into the same vocabulary; they report what they cannot make
// sense of and keep verbatim what the vocabulary has no word for.
package iof
