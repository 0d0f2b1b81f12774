// Package download is the file server that partners see: it turns a link into
// an offer, the offer into the generation that is current, and that into bytes.
//
// It owns the addresses, the HTTP rules of what is sent (conditional requests,
// ranges, compression only for who asks), the answers to everybody who may not
// have it, and the register of downloads that are running, so that a switch
// turned off ends them too. It refuses to know how files are made, how accounts
// are changed, which database keeps the records and which store the bytes.
//
// # Addresses
//
//	/o/{link}/gateway.xml               what there is, for importers (IOF 2)
//	/o/{link}/manifest.json             the same with hashes and numbers, for programs
//	/o/{link}/{generation}/{file}       a file, for ever the same bytes
//	/o/{link}/{file}                    the present one of its kind: full.xml, light.xml, categories.xml, full.csv …
//	/edi/export-offer.php?token={link}&type={type}&…
//	                                    the present one, for importers that know IdoSell's addresses
//
// {link} is the link's secret, or "-" when it comes as a bearer token or as the
// password of Basic authentication; addresses in the answer then have "-" too.
// In /edi/, client and language are not looked at, shop must be the offer's
// shop when it is given, format may be xml or csv, and "&amp;" counts as "&"
// because importers exist that never undo it.
//
// Only GET and HEAD are answered, and never by a redirect: importers do not
// follow them, and they would carry the secret elsewhere.
//
// # Refusals
//
// A link that is malformed, unknown, expired, revoked or another's, a switch
// that is off and a file that is not there are one answer, byte for byte, so
// that nobody learns from it what exists. Only where the merchant says so, the
// holder of a live link is told that the feed is switched off.
//
// # Freshness
//
// Decisions are made from a copy of the accounts in memory. Who commits a change
// in the same process calls [Server.Changed]; changes of other processes are seen
// by asking for a version twice a second. A request that finds the copy older
// than the lease has it confirmed before it is answered, so the bound does not
// depend on when the poll comes round. A copy that cannot be confirmed is used
// for a minute more, then everything is answered 503: while the database is down
// nobody can revoke anything, but a node cut off alone would not hear of it.
//
// # Bounds
//
// What one link or address may use is limited (see [Limits]), and so is the memory
// for knowing it. What was downloaded is written down by a [Ledger], in batches,
// never while a request waits. A client may be slow; one that takes next to
// nothing is cut off.
package download
