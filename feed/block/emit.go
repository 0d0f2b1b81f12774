package block

import (
	"fmt"
	"io"
)

// output is where bytes go.
type output struct {
	w    io.Writer
	size int64
}

func (o *output) write(b []byte) error {
	n, err := o.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	o.size += int64(len(b))
	return err
}

// dispatch gives a job to the pool and to those who wait for it in the order
// of the file.
func (w *Writer) dispatch(j *job) error {
	j.uses.Store(1)
	if w.plains != nil {
		j.uses.Store(2)
	}
	w.pool.do(j)
	w.streams <- j
	if w.plains != nil {
		w.plains <- j
	}
	return w.failed()
}

// release gives a job back once nobody reads it any more.
func (w *Writer) release(j *job) {
	if j.uses.Add(-1) == 0 {
		j.giveBack()
		w.free <- j
	}
}

// emitStreams puts the segments into the file in the order of the file.
func (w *Writer) emitStreams() {
	if err := w.gzip.write([]byte(gzipHeader)); err != nil {
		w.fail(fmt.Errorf("write the gzip file: %w", err))
	}
	for j := range w.streams {
		j.ready.Wait()
		switch {
		case j.err != nil:
			w.fail(j.err)
		case w.failed() == nil:
			w.enlist(j)
		}
		w.release(j)
	}
}

// enlist writes the segments of a job and puts them into the index.
func (w *Writer) enlist(j *job) {
	if len(j.blocks) == 1 && j.blocks[0].Plain == 0 {
		return // an empty header or footer has no segment
	}
	if err := j.stream.each(w.gzip.write); err != nil {
		w.fail(fmt.Errorf("write the gzip file: %w", err))
		return
	}
	for i := range j.blocks {
		b := &j.blocks[i]
		if b.Packed > maxSegment {
			w.fail(fmt.Errorf("a segment of %d bytes: at most %d", b.Packed, maxSegment))
			return
		}
		w.crc = crcCombine(w.crc, b.CRC, int64(b.Plain))
		w.size += int64(b.Plain)
		switch {
		case b.Nodes > 0 && w.opt.Stored != nil:
			if err := w.stored.add(&w.index, b); err != nil {
				w.fail(err)
				return
			}
		case b.Nodes > 0:
			w.index.Blocks = append(w.index.Blocks, *b)
		case stage(b.Bits) == stageFooter:
			w.index.Footer = b.Segment
		default:
			w.index.Header = b.Segment
		}
	}
}

// emitPlain passes the plain form on.
func (w *Writer) emitPlain() {
	plain := output{w: w.opt.Plain}
	for j := range w.plains {
		j.ready.Wait()
		if j.err == nil && w.failed() == nil {
			if err := j.plainLent.each(plain.write); err != nil {
				w.fail(fmt.Errorf("write the plain form: %w", err))
			}
		}
		w.release(j)
	}
}
