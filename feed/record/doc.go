// Package record is the stored form of a product: a compact, versioned binary
// document that decodes fast into memory that is used again and again.
//
// It owns the bytes of such documents, of products and of dictionaries, and
// nothing else. It refuses to know where they are kept and what products mean:
// it stores whatever a [feed.Product] can hold, clean or not, valid or not.
//
// # The document
//
// The first byte is the version; it also tells products from dictionaries. The
// fields follow in the order of the Go structures, without names: numbers as
// variable-length integers, strings with their length before them, lists with
// their count. A price list begins with a mask of the prices that are there.
// Languages and currencies are stored by code, a language once in a document
// and afterwards by its number there. Equal products have equal documents, so
// a digest of the document is a digest of the product.
//
// A change of what a field means, or a field more or less, takes a new version
// number; readers of old versions stay, so that stored documents need not be
// rewritten. Unknown versions, truncated and damaged documents give an error
// and never a panic, and decoding never asks for more than a fixed multiple of
// the document's length. Text is not looked at: who stores a product has
// cleaned it.
//
// # Numbers
//
// A product with 6 sizes, 5 pictures, 12 parameters and texts in 3 languages,
// on one core of a small server (BenchmarkEncodings; see also
// docs/decisions/0003-product-documents.md):
//
//	              bytes  deflated  encode   decode  allocations of a decode
//	this package   6290       934  6.0 µs   6.6 µs  0 (1 with a copy of the document)
//	encoding/json 13078      1458   71 µs   297 µs  293
//	encoding/gob  18921      3084  225 µs   258 µs  1663
package record
