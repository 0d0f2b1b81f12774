package feed

// Mark tells that a part of a product comes again: whoever reads a catalog may
// put the same mark on parts of several products that say the same, and whoever
// writes them need not look at a part whose mark it has met.
//
// Two parts with the same mark are equal in all that the mark stands for, and
// two readers never give the same mark. Who changes a marked part takes the mark
// away, and gives it texts of its own: those that it has are the reader's, and
// stand in other parts too. A mark is no part of the product: it is stored nowhere, and products that
// differ in their marks alone are the same.
type Mark struct{ place uint32 }

// NewMark makes a mark that is like no other. The place is a hint where what is
// known of the part may be kept: marks that are in use together should differ
// in its low bits.
func NewMark(place uint32) *Mark { return &Mark{place} }

// Place gives what [NewMark] was given.
func (m *Mark) Place() uint32 { return m.place }
