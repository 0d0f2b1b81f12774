package catalog

import (
	"bufio"
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strconv"

	"feedmill/feed"
	"feedmill/feed/record"
)

// ErrUnordered says that a product's id is not larger than that of the one
// before. The stream ends with it, wrapped with both ids.
var ErrUnordered = errors.New("products are not in ascending order of their ids")

// Ascending passes products through as long as each id is larger than the one
// before. At the first that is not it yields [ErrUnordered] and ends; the
// caller may then start again with [Sorted]. Two equal ids in a row are
// reported as [Sorted] reports them: sorting cannot help.
func Ascending(products iter.Seq2[*feed.Product, error]) iter.Seq2[*feed.Product, error] {
	return func(yield func(*feed.Product, error) bool) {
		last := feed.ProductID(0)
		for p, err := range products {
			switch {
			case err != nil:
			case p.ID == last:
				err = duplicate(p.ID)
			case p.ID < last:
				err = fmt.Errorf("product %d behind %d: %w", p.ID, last, ErrUnordered)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			last = p.ID
			if !yield(p, nil) {
				return
			}
		}
	}
}

// DuplicateError says that a product's id occurs twice. It is of kind
// [feed.KindInvalid]; where the product stands [Stream.Place] tells who reads
// the catalog once more.
type DuplicateError struct{ ID feed.ProductID }

// Error implements error.
func (e *DuplicateError) Error() string { return e.invalid().Error() }

// Unwrap gives the error that tells kind and hint.
func (e *DuplicateError) Unwrap() error { return e.invalid() }

func (e *DuplicateError) invalid() *feed.Error {
	return &feed.Error{Kind: feed.KindInvalid, Message: "product " + strconv.FormatInt(int64(e.ID), 10) + " occurs twice", Hint: "give each product once, with all its sizes"}
}

func duplicate(id feed.ProductID) error { return &DuplicateError{id} }

// Limits of sorting.
const (
	leastSortMemory = 1 << 20
	defaultSort     = 64 << 20
	// fanIn is how many runs of a level are merged at once; fewer are open in each.
	fanIn = 64
	// runBuffer is what is read of a run at a time.
	runBuffer = 64 << 10
	// maxDocument bounds what is believed of the length of a document in a run.
	maxDocument = 1 << 30
)

// Sorted yields products in ascending order of their ids, whatever order they
// come in. Up to memory bytes (64 MiB when not positive, 1 MiB at least) are
// held; the rest lies in temporary files in the folder dir ("" for the system's
// own), which are gone when the loop ends for any reason. An id that occurs
// twice ends the stream with an error of kind [feed.KindInvalid] that names it;
// so does the first error of products. A product is valid until the loop goes on.
func Sorted(ctx context.Context, products iter.Seq2[*feed.Product, error], dir string, memory int64) iter.Seq2[*feed.Product, error] {
	return func(yield func(*feed.Product, error) bool) {
		if memory <= 0 {
			memory = defaultSort
		}
		s := &sorter{ctx: ctx, dir: dir, memory: max(memory, leastSortMemory)}
		defer s.close()
		if err := s.fill(products); err != nil {
			yield(nil, err)
			return
		}
		if err := s.drain(yield); err != nil {
			yield(nil, err)
		}
	}
}

// sorter is an external merge sort.
type sorter struct {
	ctx    context.Context
	dir    string
	memory int64
	buf    []byte
	docs   []document
	// alike says that several may have one id, which is an error else.
	alike bool
	// levels hold the runs: those of one level are merged into one of the next,
	// so each product is written once a level.
	levels [][]*run
}

// document is a product in the buffer.
type document struct {
	id       feed.ProductID
	from, to int
}

// fill takes all products in, writing a run whenever memory is full.
func (s *sorter) fill(products iter.Seq2[*feed.Product, error]) error {
	for p, err := range products {
		if err == nil {
			err = s.ctx.Err()
		}
		if err != nil {
			return err
		}
		from := len(s.buf)
		s.buf = record.Append(s.buf, p)
		s.docs = append(s.docs, document{p.ID, from, len(s.buf)})
		if s.full() {
			if err := s.spill(); err != nil {
				return err
			}
		}
	}
	return s.sortBuffer()
}

// full says whether what is in memory is to be written. A document in the list
// costs three words beside its bytes.
func (s *sorter) full() bool { return int64(len(s.buf))+24*int64(len(s.docs)) >= s.memory }

// sortBuffer orders the documents in memory and finds equal ids among them.
func (s *sorter) sortBuffer() error {
	slices.SortFunc(s.docs, func(a, b document) int {
		switch {
		case a.id < b.id:
			return -1
		case a.id > b.id:
			return 1
		}
		return 0
	})
	for i := 1; i < len(s.docs) && !s.alike; i++ {
		if s.docs[i].id == s.docs[i-1].id {
			return duplicate(s.docs[i].id)
		}
	}
	return nil
}

// spill writes what is in memory as a run, and merges the runs when they are
// as many as can be merged at once.
func (s *sorter) spill() error {
	if err := s.sortBuffer(); err != nil {
		return err
	}
	r, err := s.create(func(w *runWriter) error {
		for _, d := range s.docs {
			if err := w.add(d.id, s.buf[d.from:d.to]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.buf, s.docs = s.buf[:0], s.docs[:0]
	for level := 0; ; level++ {
		if level == len(s.levels) {
			s.levels = append(s.levels, nil)
		}
		s.levels[level] = append(s.levels[level], r)
		full := s.levels[level]
		if len(full) < fanIn {
			return nil
		}
		if r, err = s.create(func(w *runWriter) error { return s.merge(full, w.add) }); err != nil {
			return err
		}
		for _, old := range full {
			old.close()
		}
		s.levels[level] = full[:0]
	}
}

// drain yields everything in order.
func (s *sorter) drain(yield func(*feed.Product, error) bool) error {
	var p feed.Product
	var dec record.Decoder
	emit := func(id feed.ProductID, doc []byte) error {
		if err := dec.Decode(doc, &p); err != nil {
			return fmt.Errorf("sort catalog: product %d: %w", id, err)
		}
		if !yield(&p, nil) {
			return errStopped
		}
		return nil
	}
	if len(s.levels) == 0 {
		for _, d := range s.docs {
			if err := s.ctx.Err(); err != nil {
				return err
			}
			if err := emit(d.id, s.buf[d.from:d.to]); err != nil {
				return stopped(err)
			}
		}
		return nil
	}
	return stopped(s.merge(s.runs(), emit))
}

// runs gives all that there are, with what is in memory, which must be in order.
func (s *sorter) runs() []*run {
	return append(slices.Concat(s.levels...), &run{docs: s.docs, buf: s.buf})
}

// errStopped says that the loop was left.
var errStopped = errors.New("stopped")

func stopped(err error) error {
	if err == errStopped {
		return nil
	}
	return err
}

// merge hands the documents of all runs to emit, in order.
func (s *sorter) merge(runs []*run, emit func(feed.ProductID, []byte) error) error {
	h := make(runHeap, 0, len(runs))
	for _, r := range runs {
		switch err := r.rewind(); {
		case err != nil:
			return err
		case !r.done:
			h = append(h, r)
		}
	}
	heap.Init(&h)
	last := feed.ProductID(0)
	for len(h) > 0 {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		r := h[0]
		if r.id == last && !s.alike {
			return duplicate(r.id)
		}
		last = r.id
		if err := emit(r.id, r.doc); err != nil {
			return err
		}
		if err := r.next(); err != nil {
			return err
		}
		if r.done {
			heap.Pop(&h)
		} else {
			heap.Fix(&h, 0)
		}
	}
	return nil
}

func (s *sorter) close() {
	for _, level := range s.levels {
		for _, r := range level {
			r.close()
		}
	}
	s.levels = nil
}

// create writes a run to a temporary file.
func (s *sorter) create(write func(*runWriter) error) (*run, error) {
	f, err := os.CreateTemp(s.dir, "feedmill-sort-*")
	if err != nil {
		return nil, fmt.Errorf("sort catalog: %w", err)
	}
	r := &run{file: f, name: f.Name()}
	// Where the system allows it the file loses its name at once, so that
	// nothing stays behind even when the process is killed.
	if os.Remove(r.name) == nil {
		r.name = ""
	}
	w := &runWriter{w: bufio.NewWriterSize(f, runBuffer)}
	if err = write(w); err == nil {
		if err = w.w.Flush(); err != nil {
			err = fmt.Errorf("sort catalog: %w", err)
		}
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// runWriter writes documents with their ids and lengths before them.
type runWriter struct {
	w      *bufio.Writer
	header [12]byte
}

func (w *runWriter) add(id feed.ProductID, doc []byte) error {
	binary.LittleEndian.PutUint64(w.header[:], uint64(id))
	binary.LittleEndian.PutUint32(w.header[8:], uint32(len(doc)))
	if _, err := w.w.Write(w.header[:]); err != nil {
		return fmt.Errorf("sort catalog: %w", err)
	}
	if _, err := w.w.Write(doc); err != nil {
		return fmt.Errorf("sort catalog: %w", err)
	}
	return nil
}

// run is a sorted part of the catalog: a file, or what is left in memory.
type run struct {
	file *os.File
	name string // "" when the file has lost its name already
	in   *bufio.Reader
	docs []document
	buf  []byte
	at   int
	// id and doc are the current document, valid until next.
	id   feed.ProductID
	doc  []byte
	done bool
}

// rewind goes to the first document.
func (r *run) rewind() error {
	if r.file != nil {
		if _, err := r.file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("sort catalog: %w", err)
		}
		r.in = bufio.NewReaderSize(r.file, runBuffer)
	}
	r.at = 0
	return r.next()
}

// next goes to the next document, or sets done.
func (r *run) next() error {
	if r.file == nil {
		if r.done = r.at == len(r.docs); !r.done {
			d := r.docs[r.at]
			r.id, r.doc = d.id, r.buf[d.from:d.to]
			r.at++
		}
		return nil
	}
	var header [12]byte
	if _, err := io.ReadFull(r.in, header[:]); err == io.EOF {
		r.done = true
		return nil
	} else if err != nil {
		return fmt.Errorf("sort catalog: read back: %w", err)
	}
	r.id = feed.ProductID(binary.LittleEndian.Uint64(header[:]))
	n := int(binary.LittleEndian.Uint32(header[8:]))
	if n > maxDocument {
		return fmt.Errorf("sort catalog: read back: product %d is said to have %d bytes", r.id, n)
	}
	r.doc = slices.Grow(r.doc[:0], n)[:n]
	if _, err := io.ReadFull(r.in, r.doc); err != nil {
		return fmt.Errorf("sort catalog: read back: %w", err)
	}
	return nil
}

func (r *run) close() {
	if r.file == nil {
		return
	}
	r.file.Close()
	if r.name != "" {
		os.Remove(r.name)
	}
	r.file = nil
}

// runHeap orders runs by their current document.
type runHeap []*run

func (h runHeap) Len() int           { return len(h) }
func (h runHeap) Less(i, j int) bool { return h[i].id < h[j].id }
func (h runHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *runHeap) Push(x any)        { *h = append(*h, x.(*run)) }
func (h *runHeap) Pop() any {
	old := *h
	r := old[len(old)-1]
	*h = old[:len(old)-1]
	return r
}
