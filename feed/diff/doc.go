// Package diff compares what a feed shows now with what it showed before.
//
// It owns the state of a feed: for each product in it, in ascending order of
// id, the digest of the node that was rendered and what a later run must know
// of it, in a compact immutable stream that lies beside the generation. Merging
// an old state with the nodes of a new run tells what was added, changed and
// removed; nothing else ever decides what a change file holds.
//
// A state can be read whole, or looked up: it is cut into leaves of some
// fifty entries, with an index behind them, so that asking for a few products
// reads a few leaves however large the feed is. What a run changes can be
// written as a layer, a small state whose entries replace those of the states
// below it, and layers are merged now and then.
//
// It knows bytes and ids only, not how a node is rendered or where a state is
// stored.
package diff
