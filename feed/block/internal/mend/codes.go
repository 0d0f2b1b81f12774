package mend

import "math/bits"

// place is one of a tree and tells what a code stands for: how many bits it has, and how many
// with those that follow it; its literal, its smallest size or distance, or where the tree
// goes on for codes that are longer. That of two literals tells how many bits both
// have, and the first. 0 stands for no code.
type place uint32

const (
	bitsMask    = 63
	codeBits    = 6
	codeMask    = 15
	kindLiteral = 1 << 10
	kindMatch   = 1 << 11
	kindMore    = 1 << 12
	pairBit     = 13
	kindPair    = 1 << pairBit
	valueBits   = 16
)

// count is of its literals.
func (p place) count() uint32 { return 1 + uint32(p)>>pairBit&1 }

// bits are all that the place stands for, code those of its code, or of the first.
func (p place) bits() uint32 { return uint32(p) & bitsMask }
func (p place) code() uint32 { return uint32(p) >> codeBits & codeMask }

// value is the size or distance that bits say.
func (p place) value(v uint64) uint32 {
	return uint32(p>>valueBits) + uint32(v&(1<<(p&bitsMask)-1)>>(p>>codeBits&codeMask))
}

// behind is where the tree goes on, by the next n bits.
func (p place) behind(v uint64, n int) uint32 {
	return uint32(p>>valueBits) + uint32(v)&(1<<n-1)
}

const (
	// maxCode is the length of the longest codes (RFC 1951, section 3.2.7).
	maxCode = 15
	// literalBits and distanceBits are how many bits are looked up at once.
	literalBits, distanceBits = 10, 9

	literals, firstLength = 286, 257
	endOfBlock            = 256
	distancesUsed         = 30
	minMatch              = 3
	maxDistance           = 1 << 15
)

// base is what a code for a size or a distance stands for at least, and how many bits are added.
type base struct {
	base  uint16
	extra uint8
}

// lengths and distances are the tables of RFC 1951, section 3.2.5.
var (
	lengths      [literals - firstLength]base
	distances    [distancesUsed]base
	lengthSymbol [256]uint8 // by size less minMatch

	literalEntries  [literals]place
	distanceEntries [distancesUsed]place
	lengthOrder     = [...]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
)

func init() {
	size := minMatch
	for i := range lengths {
		extra := max(i/4-1, 0)
		if i == len(lengths)-1 { // the largest size has a code of its own
			size, extra = 258, 0
		}
		lengths[i] = base{uint16(size), uint8(extra)}
		for range min(1<<extra, 259-size) {
			lengthSymbol[size-minMatch] = uint8(i)
			size++
		}
	}
	distance := 1
	for i := range distances {
		extra := max(i/2-1, 0)
		distances[i] = base{uint16(distance), uint8(extra)}
		distance += 1 << extra
	}
	for i := range endOfBlock {
		literalEntries[i] = place(i)<<valueBits | kindLiteral
	}
	literalEntries[endOfBlock] = 0
	for i, b := range lengths {
		literalEntries[firstLength+i] = b.entry()
	}
	for i, b := range distances {
		distanceEntries[i] = b.entry()
	}
}

func (b base) entry() place {
	return place(b.base)<<valueBits | kindMatch | place(b.extra)
}

// distanceSymbol gives the code of a distance.
func distanceSymbol(distance uint32) int {
	if distance <= 2 {
		return int(distance) - 1
	}
	n := bits.Len32(distance-1) - 1
	return 2*n + int((distance-1)>>(n-1)&1)
}

// codes are those of a block for writing: bits and, above them, their number; 0
// for a symbol that the block has no code for.
type codes struct {
	literal  [literals]uint32
	distance [distancesUsed]uint32
}

const (
	numberBits = 16
	numberMask = 1<<numberBits - 1
)

// trees are what the codes of a block are read by.
type trees struct {
	literal  [1<<literalBits + literals<<(maxCode-literalBits)]place
	distance [1<<distanceBits + distancesUsed<<(maxCode-distanceBits)]place
	sizes    [literals + distancesUsed]uint8
}

// fixed makes the codes of RFC 1951, section 3.2.6.
func (t *trees) fixed(c *codes) bool {
	var sizes [288]uint8
	for i := range sizes {
		switch {
		case i < 144, i >= 280:
			sizes[i] = 8
		case i < 256:
			sizes[i] = 9
		default:
			sizes[i] = 7
		}
	}
	var far [32]uint8
	for i := range far {
		far[i] = 5
	}
	return t.grow(c, sizes[:], far[:])
}

// dynamic reads the codes at the head of a block (RFC 1951, section 3.2.7) and
// gives the place behind them.
func (t *trees) dynamic(src []byte, bit, limit uint32, c *codes) (uint32, bool) {
	v := peek(src, bit)
	nl, nd, nc := int(v&31)+firstLength, int(v>>5&31)+1, int(v>>10&15)+4
	bit += 14
	if nl > literals || nd > distancesUsed || bit > limit {
		return 0, false
	}
	var sizes [len(lengthOrder)]uint8
	for _, i := range lengthOrder[:nc] {
		if bit > limit {
			return 0, false
		}
		sizes[i] = uint8(peek(src, bit) & 7)
		bit += 3
	}
	var entries [len(lengthOrder)]place
	var unused [len(lengthOrder)]uint32
	for i := range entries {
		entries[i] = place(i)<<valueBits | kindLiteral
	}
	var tree [1 << 7]place
	if !plant(tree[:], 7, sizes[:], entries[:], unused[:]) {
		return 0, false
	}
	list := t.sizes[:nl+nd]
	for i := 0; i < len(list); {
		if bit > limit {
			return 0, false
		}
		v := peek(src, bit)
		e := tree[v&(1<<7-1)]
		n := e.bits()
		if n == 0 {
			return 0, false // no code
		}
		v >>= n
		bit += n
		symbol := uint8(e >> valueBits)
		if symbol < 16 {
			list[i] = symbol
			i++
			continue
		}
		size, times := uint8(0), 0
		switch symbol {
		case 16:
			if i == 0 {
				return 0, false
			}
			size, times = list[i-1], 3+int(v&3)
			bit += 2
		case 17:
			times = 3 + int(v&7)
			bit += 3
		default:
			times = 11 + int(v&127)
			bit += 7
		}
		if i+times > len(list) {
			return 0, false
		}
		for range times {
			list[i] = size
			i++
		}
	}
	return bit, bit <= limit && t.grow(c, list[:nl], list[nl:])
}

// literalAt gives the place of the code that bits begin with.
func (t *trees) literalAt(v uint64) place {
	e := t.literal[v&(1<<literalBits-1)]
	if e&kindMore != 0 {
		e = t.literal[e.behind(v>>literalBits, maxCode-literalBits)]
	}
	return e
}

// distanceAt does the same for one of a distance.
func (t *trees) distanceAt(v uint64) place {
	f := t.distance[v&(1<<distanceBits-1)]
	if f&kindMore != 0 {
		f = t.distance[f.behind(v>>distanceBits, maxCode-distanceBits)]
	}
	return f
}

// grow makes both trees of the lengths of codes, and the codes for writing.
func (t *trees) grow(c *codes, literal, distance []uint8) bool {
	*c = codes{}
	if !plant(t.literal[:], literalBits, literal, literalEntries[:], c.literal[:]) {
		return false
	}
	t.pair()
	return plant(t.distance[:], distanceBits, distance, distanceEntries[:], c.distance[:])
}

// pair makes places tell of two literals where the codes of both are looked up at once.
func (t *trees) pair() {
	// From the end on, so that what stands before is of one literal still.
	for i := 1<<literalBits - 1; i >= 0; i-- {
		e := t.literal[i]
		if e&kindLiteral == 0 {
			continue
		}
		n := e.bits()
		f := t.literal[i>>n]
		if f&kindLiteral != 0 && n+f.bits() <= literalBits {
			t.literal[i] = e + f&bitsMask | kindPair | f>>valueBits<<(valueBits+8)
		}
	}
}

// plant makes a tree of the lengths of codes (RFC 1951, section 3.2.2): the first
// 2^first places are looked up at once, and longer codes in stretches behind them. It gives
// false where there are more codes than bits can tell. Symbols without an
// entry get no code.
func plant(tree []place, first int, sizes []uint8, entries []place, codes []uint32) bool {
	var count, code [maxCode + 1]int
	for _, n := range sizes {
		count[n]++
	}
	count[0] = 0
	next := 0
	for n := 1; n <= maxCode; n++ {
		next = (next + count[n-1]) << 1
		code[n] = next
		if next+count[n] > 1<<n {
			return false
		}
	}
	used := 1 << first
	clear(tree[:used])
	for symbol, n := range sizes {
		if n == 0 {
			continue
		}
		bits := int(bits.Reverse16(uint16(code[n]))) >> (16 - n)
		code[n]++
		if symbol >= len(entries) {
			continue
		}
		codes[symbol] = uint32(n)<<numberBits | uint32(bits)
		entry := entries[symbol] + place(n)<<codeBits + place(n)
		if int(n) <= first {
			for i := bits; i < 1<<first; i += 1 << n {
				tree[i] = entry
			}
			continue
		}
		root := &tree[bits&(1<<first-1)]
		if *root == 0 {
			*root = place(used)<<valueBits | kindMore
			used += 1 << (maxCode - first)
			clear(tree[used-1<<(maxCode-first) : used])
		}
		for i := bits >> first; i < 1<<(maxCode-first); i += 1 << (int(n) - first) {
			tree[int(*root>>valueBits)+i] = entry
		}
	}
	return true
}
