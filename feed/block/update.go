package block

import (
	"errors"
	"fmt"
	"iter"

	"feedmill/feed"
	"feedmill/feed/block/internal/mend"
)

// Node is where a node lies in a block: its product and its size in bytes.
type Node struct {
	ID   feed.ProductID
	Size int
}

// Edit is a change to a file: the new node of a product, or no bytes where the
// product has gone. A product that was not there is added; one that was not
// there and has no bytes is passed over. Node may be overwritten once the
// sequence goes on.
type Edit struct {
	ID   feed.ProductID
	Node []byte
}

// Update writes all nodes of the previous file with edits in ascending order
// of id. Blocks without edits are kept. nodes tells which nodes the previous
// file has in its block i, in the order of the file; it is asked for blocks
// with edits alone, in ascending order, and its slice is not used after the
// next question.
//
// The file is the one, byte for byte, that writing every node beside the same
// previous file would make.
func (w *Writer) Update(edits iter.Seq2[Edit, error], nodes func(i int) ([]Node, error)) error {
	if w.opt.Previous == nil {
		return w.fail(errors.New("update: there is no previous file"))
	}
	x := w.opt.Previous.Index
	next, stop := iter.Pull2(edits)
	defer stop()
	block := 0
	keep := func(to int) error {
		for ; block < to; block++ {
			if err := w.Keep(block); err != nil {
				return err
			}
		}
		return nil
	}
	e, err, more := next()
	for more {
		if err != nil {
			return w.fail(err)
		}
		i, in := x.Find(e.ID)
		if i < block {
			return w.fail(fmt.Errorf("edit of product %d: edits come in ascending order of id, each product once", e.ID))
		}
		if err := keep(i); err != nil {
			return err
		}
		if !in {
			if len(e.Node) > 0 {
				if err := w.Node(e.ID, e.Node); err != nil {
					return err
				}
			}
			e, err, more = next()
			continue
		}
		list, lerr := nodes(i)
		if lerr != nil {
			return w.fail(fmt.Errorf("list the nodes of block %d: %w", i, lerr))
		}
		end := x.Blocks[i].end()
		within := func(yield func(Edit, error) bool) {
			for more && (err != nil || e.ID < end) {
				if !yield(e, err) || err != nil {
					return
				}
				e, err, more = next()
			}
		}
		if err := w.Splice(i, list, within); err != nil {
			return err
		}
		block = i + 1
	}
	return keep(len(x.Blocks))
}

// Load appends the plain bytes of block i of the previous file, proved by the
// index.
func (w *Writer) Load(dst []byte, i int) ([]byte, error) {
	p := w.opt.Previous
	if p == nil || i < 0 || i >= len(p.Index.Blocks) {
		return dst, w.fail(fmt.Errorf("load block %d: there is no such block before", i))
	}
	var err error
	start := len(dst)
	if dst, w.prev.scratch, err = p.load(w.ctx, &w.prev.inflater, dst, w.prev.scratch, i+1); err != nil {
		return dst, w.fail(fmt.Errorf("read block %d of the previous file: %w", i, err))
	}
	w.remember(i, dst[start:])
	return dst, nil
}

// loaded is a block of the previous file and its bytes; none stands for no block.
type loaded struct {
	block int
	plain []byte
}

// remember keeps the bytes of a block that was loaded: what is written of its ids is likely to
// be mended, which costs less with them. Nearly always it is on its way by the time that the
// block after the next one is loaded.
func (w *Writer) remember(i int, plain []byte) {
	if w.opt.Previous.Gzip == nil || len(plain) > mend.MaxSize {
		return // it will not be mended
	}
	l := w.loaded[1]
	w.loaded[1] = w.loaded[0]
	w.loaded[0] = loaded{i, append(l.plain[:0], plain...)}
}

// lend gives a job the bytes that the block of the same ids has in the previous file, where
// they are at hand.
func (w *Writer) lend(j *job, b *Block) {
	for k := range w.loaded {
		l := &w.loaded[k]
		if len(l.plain) == 0 {
			continue
		}
		if p := &w.opt.Previous.Index.Blocks[l.block]; p.Bits == b.Bits && p.start() == b.start() {
			j.before, l.plain = l.plain, j.before
			return
		}
	}
}

// Span gives the ids that belong into block i: from first on, and below end.
func (x *Index) Span(i int) (first, end feed.ProductID) {
	b := &x.Blocks[i]
	return b.start(), b.end()
}

// Splice writes the nodes of block i of the previous file with edits. The
// nodes are all that the block has; edits ascend and lie in the block's range
// of ids.
func (w *Writer) Splice(i int, nodes []Node, edits iter.Seq2[Edit, error]) error {
	p := w.opt.Previous
	if p == nil || i < 0 || i >= len(p.Index.Blocks) {
		return w.fail(fmt.Errorf("splice block %d: there is no such block before", i))
	}
	b := &p.Index.Blocks[i]
	size := 0
	for n, node := range nodes {
		if node.Size < 1 || node.Size > int(b.Plain) || n > 0 && node.ID <= nodes[n-1].ID {
			return w.fail(fmt.Errorf("%w: the nodes said to be in block %d cannot be", ErrCorrupt, i))
		}
		size += node.Size
	}
	if size != int(b.Plain) || len(nodes) != int(b.Nodes) || nodes[0].ID != b.First {
		return w.fail(fmt.Errorf("%w: block %d has %d nodes of %d bytes from product %d on, not the %d of %d bytes that it is said to have",
			ErrCorrupt, i, b.Nodes, b.Plain, b.First, len(nodes), size))
	}
	var err error
	if w.prev.plain, err = w.Load(w.prev.plain[:0], i); err != nil {
		return err
	}
	rest := w.prev.plain
	// old passes nodes on up to an id, and says whether the next one has it.
	old := func(id feed.ProductID) (bool, error) {
		for len(nodes) > 0 && nodes[0].ID < id {
			if err := w.Node(nodes[0].ID, rest[:nodes[0].Size]); err != nil {
				return false, err
			}
			rest, nodes = rest[nodes[0].Size:], nodes[1:]
		}
		return len(nodes) > 0 && nodes[0].ID == id, nil
	}
	var last feed.ProductID
	for e, err := range edits {
		if err != nil {
			return w.fail(err)
		}
		if e.ID < b.start() || e.ID >= b.end() || e.ID <= last {
			return w.fail(fmt.Errorf("edit of product %d in block %d: edits ascend and lie in the block's range of ids", e.ID, i))
		}
		last = e.ID
		had, err := old(e.ID)
		if err != nil {
			return err
		}
		if had {
			rest, nodes = rest[nodes[0].Size:], nodes[1:]
		}
		if len(e.Node) > 0 {
			if err := w.Node(e.ID, e.Node); err != nil {
				return err
			}
		}
	}
	_, err = old(feed.MaxProductID + 1)
	return err
}
