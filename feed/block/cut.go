package block

import "feedmill/feed"

// maxCut bounds the number of nodes in a block.
const maxCut = 1 << 20

// CutFor gives the cut that makes blocks of about size bytes of nodes of which
// so many have so many bytes; 0 nodes give the cut of nodes of 4 KB. Measured
// well: 64 KB for nodes of kilobytes, 32 KB for nodes of hundreds of bytes.
func CutFor(size int, nodes, bytes int64) int {
	mean := int64(4096)
	if nodes > 0 && bytes >= nodes {
		mean = bytes / nodes
	}
	// A block is full to between half and all of its cut, on the average to
	// 1/(2 ln 2) = 0.72 of it.
	return int(min(max((int64(size)*100/72+mean/2)/mean, 1), maxCut))
}

// item is something that waits for its place: a node whose bytes are in the
// queue, or a block kept from the generation before.
type item struct {
	first feed.ProductID
	// bits is of the range that belongs to the item, 0 for a node.
	bits uint8
	// nodes counts the nodes, size the bytes in the queue (none for a kept block).
	nodes, size int
	// kept is the number of the block in the previous index, -1 for a node.
	kept int
}

// leaf tells how many items the first block takes and which range it covers:
// the largest aligned range of a power of two of ids that has the first item,
// nothing before floor and at most cut nodes. It needs to see more than cut
// nodes, or the last.
//
// Such ranges are the leaves of a binary trie over the ids in which a branch
// is divided while it holds more than cut of them. So blocks depend on ids
// alone, one id more divides at most one block in two, and one less joins at
// most two. Nothing runs on from block to block that would need to find its
// feet again.
func leaf(items []item, floor feed.ProductID, cut int) (n int, bits uint8) {
	first := items[0].first
	n, bits = 1, items[0].bits
	nodes := items[0].nodes
	for bits < maxBits {
		start := first >> (bits + 1) << (bits + 1)
		if start < floor {
			break
		}
		end := start + 1<<(bits+1)
		more, with := n, nodes
		for more < len(items) && items[more].first < end && with <= cut {
			with += items[more].nodes
			more++
		}
		if with > cut {
			break
		}
		n, nodes = more, with
		bits++
	}
	return n, bits
}
