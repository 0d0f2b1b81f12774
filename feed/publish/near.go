package publish

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	"feedmill/feed/diff"
	"feedmill/storage"
)

// AtHand is what a [Bin] offers whose stored files lie on this machine.
type AtHand interface {
	// AtHand says that Open of a whole file costs no more than opening it, and that
	// its reader is a [storage.FileReader].
	AtHand() bool
}

// TakeBack is what a [Bin] offers from which a run that fails may remove what it
// has stored.
type TakeBack interface {
	// TakeBack removes files of this run, of which some may not be there.
	TakeBack(ctx context.Context, keys []string) error
}

// atHand says whether a bin keeps its files on this machine.
func atHand(bin Bin) bool {
	h, ok := bin.(AtHand)
	return ok && h.AtHand()
}

// smallState is up to which size opening a state reads all of it, so that no
// file need stay open for it: a run may look into hundreds.
const smallState = 16 << 10

// lookIn opens a stored state for looking up. A file at hand is opened once for
// all that is read of it.
func (p *plan) lookIn(ctx context.Context, bin Bin, b Blob) (*diff.State, error) {
	if atHand(bin) && b.Size > smallState {
		rd, err := bin.Open(ctx, b, 0, b.Size)
		if err != nil {
			return nil, err
		}
		if local, ok := rd.(storage.FileReader); ok {
			p.readers = append(p.readers, rd)
			s, err := diff.Open(ctx, fileSource(local.File()), b.Size)
			if err == nil {
				s.Near = true
			}
			return s, err
		}
		if err := rd.Close(); err != nil {
			return nil, err
		}
	}
	return diff.Open(ctx, func(ctx context.Context, off, n int64) (io.ReadCloser, error) { return bin.Open(ctx, b, off, n) }, b.Size)
}

// fileSource reads a file by offsets.
func fileSource(f *os.File) diff.Source {
	return func(_ context.Context, off, n int64) (io.ReadCloser, error) {
		b := make([]byte, n)
		got, err := f.ReadAt(b, off)
		if errors.Is(err, io.EOF) {
			err = nil // whoever asked for more finds out
		}
		return io.NopCloser(bytes.NewReader(b[:got])), err
	}
}
