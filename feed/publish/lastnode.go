package publish

import (
	"context"
	"errors"
	"fmt"
	"io"

	"feedmill/feed"
	"feedmill/feed/diff"
)

// mostAhead bounds what is read ahead.
const mostAhead = 1 << 20

// lastNodes reads nodes of the light file before, in its order: what leaves light
// is shown once more, and may be a large part of a catalog. A store may be far,
// so each part that is read is twice as long as the one before it, up to
// mostAhead: a single node costs a small request, and many cost no more than the
// file read once.
type lastNodes struct {
	buf []byte
	at  int64 // where buf stands in the file
}

// lastNode gives a node of the light file before, until the next call.
func (p *plan) lastNode(ctx context.Context, bin Bin, offset, n int64) ([]byte, error) {
	l, file := &p.last, p.prev.File(feed.KindLight).Plain
	if n < 0 || offset < 0 || n > file.Size-offset {
		return nil, fmt.Errorf("%d bytes at %d of a light file of %d: %w", n, offset, file.Size, diff.ErrCorrupt)
	}
	if offset < l.at || offset+n > l.at+int64(len(l.buf)) {
		ahead := max(n, min(2*int64(len(l.buf)), mostAhead, file.Size-offset))
		r, err := bin.Open(ctx, file, offset, ahead)
		if err != nil {
			return nil, err
		}
		defer r.Close() // only read
		if int64(cap(l.buf)) < ahead {
			l.buf = make([]byte, ahead)
		}
		l.buf, l.at = l.buf[:ahead], offset
		if m, err := io.ReadFull(r, l.buf); err != nil {
			l.buf = l.buf[:0]
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = fmt.Errorf("%w: %w", diff.ErrCorrupt, err)
			}
			return nil, fmt.Errorf("after %d bytes: %w", m, err)
		}
	}
	return l.buf[offset-l.at:][:n:n], nil
}
