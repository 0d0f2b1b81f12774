package block_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"testing"

	"feedmill/feed"
	"feedmill/feed/block"
	"feedmill/feed/iof"
)

// write writes a document node by node.
func write(t testing.TB, out io.Writer, d *document, opt block.Options) block.Result {
	t.Helper()
	w, err := block.NewWriter(context.Background(), out, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Header(d.header); err != nil {
		t.Fatal(err)
	}
	for i, id := range d.ids {
		if err := w.Node(id, d.nodes[i]); err != nil {
			t.Fatal(err)
		}
	}
	return finish(t, w, d)
}

func finish(t testing.TB, w *block.Writer, d *document) block.Result {
	t.Helper()
	if err := w.Footer(d.footer); err != nil {
		t.Fatal(err)
	}
	r, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func build(t testing.TB, d *document, opt block.Options) block.Result {
	t.Helper()
	return write(t, io.Discard, d, opt)
}

// update writes the document with edits; an edit without bytes removes.
func update(t testing.TB, out io.Writer, d *document, edits map[feed.ProductID][]byte, opt block.Options) block.Result {
	t.Helper()
	w, err := block.NewWriter(context.Background(), out, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Header(d.header); err != nil {
		t.Fatal(err)
	}
	if err := w.Update(sorted(edits), d.in(opt.Previous.Index)); err != nil {
		t.Fatal(err)
	}
	return finish(t, w, d)
}

func sorted(edits map[feed.ProductID][]byte) iter.Seq2[block.Edit, error] {
	return func(yield func(block.Edit, error) bool) {
		for _, id := range slices.Sorted(maps.Keys(edits)) {
			if !yield(block.Edit{ID: id, Node: edits[id]}, nil) {
				return
			}
		}
	}
}

// in lists the nodes of the blocks of an index of the document.
func (d *document) in(x *block.Index) func(int) ([]block.Node, error) {
	first := make([]int, len(x.Blocks))
	n := 0
	for i := range x.Blocks {
		first[i] = n
		n += int(x.Blocks[i].Nodes)
	}
	var list []block.Node
	return func(i int) ([]block.Node, error) {
		list = list[:0]
		for k := first[i]; k < first[i]+int(x.Blocks[i].Nodes); k++ {
			list = append(list, block.Node{ID: d.ids[k], Size: len(d.nodes[k])})
		}
		return list, nil
	}
}

// edited is the document with edits.
func (d *document) edited(edits map[feed.ProductID][]byte) *document {
	all := make(map[feed.ProductID][]byte)
	for i, id := range d.ids {
		all[id] = d.nodes[i]
	}
	maps.Copy(all, edits)
	out := &document{header: d.header, footer: d.footer}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if len(all[id]) > 0 {
			out.ids, out.nodes = append(out.ids, id), append(out.nodes, all[id])
		}
	}
	return out
}

// rewriter renders single nodes as [offer] does.
func rewriter(light bool) func(it *feed.Item) []byte {
	w := iof.NewWriter(&feed.Profile{Languages: shopLanguages[:2], Currency: feed.MustCurrency("PLN")}, nil, iof.Options{GeneratedBy: "feedmill"})
	return func(it *feed.Item) []byte {
		if light {
			return w.AppendLight(nil, it)
		}
		return w.AppendFull(nil, it)
	}
}

// discard is where a plain form goes that is wanted, but not looked at.
func discard(wanted bool) io.Writer {
	if wanted {
		return io.Discard
	}
	return nil
}

// previous is a written file as the generation before.
func previous(r block.Result, file []byte) *block.Previous {
	return &block.Previous{Index: r.Index, Gzip: block.At(bytes.NewReader(file))}
}

// lending is a source that lends pieces of at most some bytes, and overwrites them
// when they are given back. Some will not lend the second half.
func lending(b []byte, most int) block.Source {
	return func(_ context.Context, off, n int64) (io.ReadCloser, error) {
		return &lender{Reader: bytes.NewReader(b[off:][:n]), most: most}, nil
	}
}

type lender struct {
	*bytes.Reader
	most int
	lent [][]byte
}

func (l *lender) Lend(n int) ([]byte, error) {
	if l.most%7 == 0 && l.Len() < n/2 {
		return nil, errors.ErrUnsupported
	}
	b := make([]byte, min(n, l.most, l.Len()))
	l.Read(b)
	l.lent = append(l.lent, b)
	return b, nil
}

func (l *lender) Close() error {
	for _, b := range l.lent {
		for i := range b {
			b[i] = '!'
		}
	}
	return nil
}
