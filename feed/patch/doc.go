// Package patch works on offer documents of IOF as texts: full files and change
// files, ours or anybody's.
//
// It owns three operations over product nodes: [Apply] brings a full document
// up to date with change documents, [Diff] tells two full documents apart, and
// [Compose] makes one change document of several. A node is never taken apart
// and written anew: its bytes go from the input to the output as they are, so
// that a full document of feedmill that was brought up to date is, node for
// node and byte for byte, the one that feedmill publishes.
//
// The laws: applying a change twice, or a whole suffix of a chain again,
// changes nothing; Compose is associative and applying what it gives is
// applying its inputs in order; Apply(a, Diff(a, b)) is b.
//
// All operations merge streams in ascending order of product id and hold one
// node of each. Documents in any other order are sorted in a spool folder first
// ([Read]). The package refuses to know where documents come from, what a
// price is and how a node is made.
package patch
