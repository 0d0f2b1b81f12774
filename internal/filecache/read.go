package filecache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"feedmill/storage"
)

// heldBack is how many bytes at the end of what was asked for are not handed
// out before all of the object has been verified.
const heldBack = 64 << 10

// fileBody hands out a part of a verified copy.
type fileBody struct {
	f     *os.File
	left  int64
	close func() error // once
}

var _ storage.FileReader = (*fileBody)(nil)

// File implements storage.FileReader.
func (b *fileBody) File() *os.File { return b.f }

// Read implements io.Reader.
func (b *fileBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.f.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err == io.EOF && b.left > 0 {
		err = io.ErrUnexpectedEOF // somebody shortened the file under us
	}
	return n, err
}

// Close implements io.Closer.
func (b *fileBody) Close() error { return b.close() }

// follower hands out a part of an object while its copy is being made or
// verified.
type follower struct {
	ctx          context.Context
	p            *progress
	f            *os.File
	at, hold, to int64
	// instead gives the rest from elsewhere when the copy cannot be kept.
	instead func(at int64) (io.ReadCloser, error)
	other   io.ReadCloser
	close   func() error // once
}

// Next waits until more bytes may go out, and gives the file that holds them,
// standing at the first, and their number; io.EOF after the last. Without a file
// the rest is to be read. It is for who has the system send files.
func (r *follower) Next() (*os.File, int64, error) {
	n, err := r.await()
	if err != nil || n == 0 {
		return nil, 0, err
	}
	if _, err := r.f.Seek(r.at, io.SeekStart); err != nil {
		return nil, 0, err
	}
	r.at += n
	return r.f, n, nil
}

// Await waits until something may go out, and gives io.EOF where that is nothing.
func (r *follower) Await() error {
	_, err := r.await()
	return err
}

// await waits until more bytes of the copy may go out and gives their number, 0
// when the rest comes from elsewhere, and io.EOF after the last.
func (r *follower) await() (int64, error) {
	for r.other == nil {
		have, done, more, err := r.p.state()
		switch {
		case done && errors.Is(err, errNoRoom) && r.instead != nil:
			if r.other, err = r.instead(r.at); err != nil {
				return 0, err
			}
			continue
		case done && err != nil:
			return 0, err
		case done && r.at == r.to:
			return 0, io.EOF
		}
		limit := r.to
		if !done {
			limit = min(have, r.hold)
		}
		if r.at < limit {
			return limit - r.at, nil
		}
		select {
		case <-more:
		case <-r.ctx.Done():
			return 0, r.ctx.Err()
		}
	}
	return 0, nil
}

// Read implements io.Reader.
func (r *follower) Read(buf []byte) (int, error) {
	left, err := r.await()
	switch {
	case err != nil:
		return 0, err
	case r.other != nil:
		return r.other.Read(buf)
	}
	n, err := r.f.ReadAt(buf[:min(int64(len(buf)), left)], r.at)
	r.at += int64(n)
	if n > 0 {
		err = nil // it comes again with the next read
	} else if err == io.EOF {
		err = io.ErrUnexpectedEOF // somebody shortened the file under us
	}
	return n, err
}

// Close implements io.Closer.
func (r *follower) Close() error {
	err := r.close()
	if r.other != nil {
		err = errors.Join(err, r.other.Close())
	}
	return err
}

// bypass opens a part of an object without keeping it. All of the object is
// read, for only its whole can be verified.
func (c *Cache) bypass(ctx context.Context, key string, size int64, sum storage.Digest, from, to int64) (io.ReadCloser, error) {
	c.mu.Lock()
	c.stats.Bypasses++
	c.mu.Unlock()
	return c.passing.open(ctx, c.src, key, size, sum, from, to)
}

// passers bounds how many objects are passed on at a time: each takes some 200 KB
// of memory for as long as its client takes.
type passers chan struct{}

// passedOn is how many objects are passed on at a time.
const passedOn = 512

// open opens a part of an object that is read as a whole.
func (s passers) open(ctx context.Context, src Source, key string, size int64, sum storage.Digest, from, to int64) (io.ReadCloser, error) {
	select {
	case s <- struct{}{}:
	default:
		return nil, fmt.Errorf("open %q: %d files are passed on already", key, passedOn)
	}
	body, err := openWhole(ctx, src, key, size, sum, 0)
	if err != nil {
		<-s
		return nil, fmt.Errorf("open %q: %w", key, err)
	}
	p := newPassing(body, size, sum, from, to)
	p.close = sync.OnceValue(func() error { <-s; return body.Close() })
	return p, nil
}

// passing hands out a part of an object that is read as a whole, and the last
// of that part when all of the object has been verified.
type passing struct {
	close func() error // once
	all   io.Reader    // verifies as it is read
	skip  int64        // bytes before the part
	left  int64        // bytes of the part that may go out at once
	tail  int64        // bytes of the part that are held back
	held  []byte       // those, once verified
	done  bool
	err   error
}

func newPassing(body io.ReadCloser, size int64, sum storage.Digest, from, to int64) *passing {
	tail := min(to-from, heldBack)
	return &passing{close: body.Close, all: storage.NewVerifier(body, size, sum), skip: from, left: to - from - tail, tail: tail}
}

// Read implements io.Reader.
func (b *passing) Read(p []byte) (int, error) {
	if b.err == nil && b.skip > 0 {
		_, b.err = io.CopyN(io.Discard, b.all, b.skip)
		b.skip = 0
	}
	if b.err == nil && b.left > 0 {
		n, err := b.all.Read(p[:min(int64(len(p)), b.left)])
		b.left -= int64(n)
		if n > 0 {
			return n, nil
		}
		b.err = err
	}
	if b.err == nil && !b.done {
		b.done = true
		b.held = make([]byte, b.tail)
		if _, b.err = io.ReadFull(b.all, b.held); b.err == nil {
			_, b.err = io.Copy(io.Discard, b.all)
		}
	}
	switch {
	case b.err == io.EOF || b.err == io.ErrUnexpectedEOF:
		b.err = fmt.Errorf("the object ended early: %w", storage.ErrDamaged)
		fallthrough
	case b.err != nil:
		return 0, b.err
	case len(b.held) == 0:
		return 0, io.EOF
	}
	n := copy(p, b.held)
	b.held = b.held[n:]
	return n, nil
}

// Close implements io.Closer.
func (b *passing) Close() error { return b.close() }
