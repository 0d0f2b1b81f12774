package patch

import (
	"bufio"
	"cmp"
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// runBytes is how much of a document is sorted in memory at a time.
const runBytes = 32 << 20

// sorted gives a document in order that is in none. Of several nodes of one
// product the last one counts: who writes a product twice has changed his mind.
type sorted struct {
	head *Head
	foot []byte
	file *os.File // nil when all of it is in memory
	runs []*run
	heap runHeap
	last string
	some bool
}

// run is a sorted stretch of the document.
type run struct {
	index   int
	records []record      // in memory
	r       *bufio.Reader // on disk
	cur     record
}

type record struct {
	id      string
	removed bool
	raw     []byte
}

// newSorted reads the whole document. The caller closes the result.
func newSorted(ctx context.Context, r *Reader, spool string, limit int) (_ *sorted, err error) {
	r.any = true
	s := &sorted{}
	if s.head, err = r.Head(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	var records []record
	var size int
	var at int64
	var ends []int64
	for i := 0; ; i++ {
		if i%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		n, err := r.Next()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if err == nil {
			records = append(records, record{n.ID, n.Removed, slices.Clone(n.Raw)})
			size += len(n.Raw) + len(n.ID) + 64
		}
		done := err != nil
		if done && s.file == nil {
			s.runs = []*run{{records: arrange(records)}}
			break
		}
		if done || size >= limit {
			if at, err = s.spill(spool, arrange(records), at); err != nil {
				return nil, err
			}
			ends = append(ends, at)
			records, size = nil, 0
		}
		if done {
			break
		}
	}
	s.foot = r.Foot()
	from := int64(0)
	for i, end := range ends {
		s.runs = append(s.runs, &run{index: i, r: bufio.NewReaderSize(io.NewSectionReader(s.file, from, end-from), 64<<10)})
		from = end
	}
	for _, r := range s.runs {
		if err := s.push(r); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// arrange sorts records and keeps the last one of each product.
func arrange(records []record) []record {
	slices.SortStableFunc(records, func(a, b record) int { return CompareID(a.id, b.id) })
	out := records[:0]
	for i, r := range records {
		if i+1 < len(records) && records[i+1].id == r.id {
			continue
		}
		out = append(out, r)
	}
	return out
}

// spill writes a run behind the ones before and gives where it ends.
func (s *sorted) spill(spool string, records []record, at int64) (end int64, err error) {
	if s.file == nil {
		if s.file, err = os.CreateTemp(spool, "feedmill-sort-*"); err != nil {
			return 0, fmt.Errorf("make a file for sorting: %w", err)
		}
	}
	w := bufio.NewWriterSize(s.file, 256<<10)
	var head []byte
	for _, r := range records {
		head = binary.AppendUvarint(head[:0], uint64(len(r.id)))
		head = append(head, r.id...)
		head = append(head, 0)
		if r.removed {
			head[len(head)-1] = 1
		}
		head = binary.AppendUvarint(head, uint64(len(r.raw)))
		at += int64(len(head) + len(r.raw))
		w.Write(head) // a bufio.Writer keeps the first error for Flush
		w.Write(r.raw)
	}
	if err := w.Flush(); err != nil {
		return 0, fmt.Errorf("write to the file for sorting: %w", err)
	}
	return at, nil
}

// push reads the next record of a run and puts it into the heap.
func (s *sorted) push(r *run) error {
	err := r.next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the file for sorting: %w", err)
	}
	heap.Push(&s.heap, r)
	return nil
}

func (r *run) next() error {
	if r.r == nil {
		if len(r.records) == 0 {
			return io.EOF
		}
		r.cur, r.records = r.records[0], r.records[1:]
		return nil
	}
	n, err := binary.ReadUvarint(r.r)
	if err != nil {
		return err
	}
	id := make([]byte, n+1)
	if _, err := io.ReadFull(r.r, id); err != nil {
		return noEOF(err)
	}
	if n, err = binary.ReadUvarint(r.r); err != nil {
		return noEOF(err)
	}
	r.cur = record{string(id[:len(id)-1]), id[len(id)-1] == 1, slices.Grow(r.cur.raw[:0], int(n))[:n]}
	_, err = io.ReadFull(r.r, r.cur.raw)
	return noEOF(err)
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Head implements [Stream].
func (s *sorted) Head() (*Head, error) { return s.head, nil }

// Foot implements [Stream].
func (s *sorted) Foot() []byte { return s.foot }

// Next implements [Stream].
func (s *sorted) Next() (Node, error) {
	// The node before was handed out of the first run, which goes on only now.
	for s.some && len(s.heap) > 0 && s.heap[0].cur.id == s.last {
		r := heap.Pop(&s.heap).(*run)
		if err := s.push(r); err != nil {
			return Node{}, err
		}
	}
	if len(s.heap) == 0 {
		return Node{}, io.EOF
	}
	cur := &s.heap[0].cur
	s.last, s.some = cur.id, true
	return Node{cur.id, cur.removed, cur.raw}, nil
}

// Close removes what lies on disk.
func (s *sorted) Close() error {
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// runHeap orders runs by their next product, of equal ones the later run first.
type runHeap []*run

// Len implements heap.Interface.
func (h runHeap) Len() int { return len(h) }

// Less implements heap.Interface.
func (h runHeap) Less(i, j int) bool {
	return cmp.Or(CompareID(h[i].cur.id, h[j].cur.id), cmp.Compare(h[j].index, h[i].index)) < 0
}

// Swap implements heap.Interface.
func (h runHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *runHeap) Push(x any) { *h = append(*h, x.(*run)) }

// Pop implements heap.Interface.
func (h *runHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
