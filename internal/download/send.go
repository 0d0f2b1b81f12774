package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"feedmill/feed/publish"
	"feedmill/storage"
)

// step is how much is handed to the system at a time: each step has a deadline
// of its own, and a look at whether the download may go on.
const step = 1 << 20

// errDamaged says that the store holds other bytes than the records say.
var errDamaged = errors.New("stored bytes are not the recorded ones")

// begin registers the request as a running download, or answers and gives
// false. What has begun is ended with [call.finish].
func (c *call) begin() (*transfer, bool) {
	// Finding the file may have taken longer than the accounts are believed: that
	// says nothing of the link.
	if c.s.trusted() == nil && c.s.current() == nil {
		clearBody(c.w.Header())
		c.unavailable(whyUnconfirmed, nil)
		return nil, false
	}
	t := &transfer{
		Transfer: Transfer{Link: c.link, Offer: c.entry.offer.ID, Partner: c.entry.partner.ID, Merchant: c.entry.merchant.ID, Address: c.addr, Started: c.now},
		rc:       c.rc,
	}
	t.conn, _ = c.r.Context().Value(connKey{}).(net.Conn)
	t.ctx, t.stop = context.WithCancel(context.WithoutCancel(c.r.Context()))
	switch why := c.s.running.add(t); why {
	case "":
		if t.crowded {
			limitUnsent(t.conn)
		}
	case whyRunning:
		t.stop()
		clearBody(c.w.Header())
		c.unavailable(why, nil)
		return nil, false
	default:
		t.stop()
		clearBody(c.w.Header())
		c.tooMany(why, time.Minute)
		return nil, false
	}
	// Registered first and looked at again now: a switch that was turned
	// between the decision and the registration is seen here or cuts us.
	d := c.s.trusted()
	if d != nil && d.allowed(c.link, c.addr, c.s.opt.Now()) {
		return t, true
	}
	c.leave(t)
	clearBody(c.w.Header())
	if d == nil {
		c.unavailable(whyUnconfirmed, nil)
	} else {
		c.refusal = d.refusal(c.link, c.addr, c.s.opt.Now())
		c.notFound(whyCut)
	}
	return nil, false
}

// leave takes a download out of the register.
func (c *call) leave(t *transfer) {
	t.stop()
	c.s.running.remove(t)
}

// finish ends what begin has begun. err is what has kept the body from going out
// whole: then the connection breaks, for it must never end cleanly.
func (c *call) finish(t *transfer, err error) {
	c.leave(t)
	if err == nil {
		return
	}
	c.broken = true
	switch c.cut = t.wasCut(); {
	case c.cut:
		c.why = whyCut
	case errors.Is(err, storage.ErrDamaged) || errors.Is(err, errDamaged):
		c.why, c.detail = whyDamaged, err.Error()
		c.s.opt.Log.ErrorContext(c.r.Context(), "stored file is damaged", slog.Any("error", err))
	default:
		c.why, c.detail = whyBroken, err.Error()
	}
	panic(http.ErrAbortHandler)
}

// sendBlob sends the bytes [from, to) of a blob.
func (c *call) sendBlob(b *publish.Blob, from, to int64, status int) {
	unsent, ok := c.enterWhole(to-from, b.Size)
	if !ok {
		return
	}
	t, ok := c.begin()
	if !ok {
		unsent(to - from)
		return
	}
	body, err := c.openInTime(t, b, from, to)
	if err != nil {
		unsent(to - from)
		if t.wasCut() || errors.Is(err, storage.ErrDamaged) || errors.Is(err, errDamaged) {
			c.finish(t, err)
		}
		c.leave(t)
		clearBody(c.w.Header())
		c.unavailable(whyStore, err)
		return
	}
	defer body.Close()
	c.w.WriteHeader(status)
	t.unfinished(true)
	err = c.copyBody(t, body, b, from, to)
	if err != nil {
		unsent(to - from - c.w.bytes)
	} else {
		t.unfinished(false)
	}
	c.finish(t, err)
}

// clearBody takes out of a header what describes the file.
func clearBody(h http.Header) {
	for _, name := range []string{"Content-Encoding", "Content-Range", "Content-Length", "ETag", "Last-Modified", "Accept-Ranges", "Repr-Digest", "Vary",
		headerGeneration, headerBase, headerTarget, headerLabel} {
		h.Del(name)
	}
}

// errSlow says that the store has not answered in time.
var errSlow = errors.New("the store does not answer")

// openInTime opens a part of a blob, and gives up on a store that says nothing,
// while there is time left to tell the client so: what is sent later than a step
// after the request does not reach him.
func (c *call) openInTime(t *transfer, b *publish.Blob, from, to int64) (io.ReadCloser, error) {
	opening := time.AfterFunc(c.s.opt.OpenTimeout, t.stop)
	body, err := c.openBlob(t, b, from, to)
	if w, ok := body.(interface{ Await() error }); ok && err == nil && from == 0 {
		// The end of a large file may take its time, its beginning may not.
		if err = w.Await(); err != nil && err != io.EOF {
			body.Close()
		} else {
			err = nil
		}
	}
	if opening.Stop() {
		return body, err
	}
	if err == nil {
		body.Close()
	}
	return nil, errors.Join(errSlow, err)
}

// openBlob opens a part of a blob and holds what the store says of it against
// the records.
func (c *call) openBlob(t *transfer, b *publish.Blob, from, to int64) (io.ReadCloser, error) {
	if body, ok := c.openComposed(b, from, to); ok {
		return body, nil
	}
	if v, ok := c.s.blobs.(VerifiedBlobs); ok {
		return v.OpenVerified(t.ctx, b.Key, b.Size, storage.Digest(b.SHA256), from, to)
	}
	r := storage.Range{Off: from, Len: to - from}
	if to == from {
		r = storage.Range{} // an empty file
	}
	body, info, err := c.s.blobs.Open(t.ctx, b.Key, r)
	if err != nil {
		return nil, err
	}
	if info.Size != b.Size || !info.SHA256.IsZero() && info.SHA256 != storage.Digest(b.SHA256) {
		body.Close()
		return nil, fmt.Errorf("%s: %d bytes with sha-256 %s instead of %d with %s: %w",
			b.Key, info.Size, info.SHA256, b.Size, storage.Digest(b.SHA256), errDamaged)
	}
	return body, nil
}

func (c *call) copyBody(t *transfer, body io.ReadCloser, b *publish.Blob, from, to int64) error {
	if f, ok := body.(storage.FileReader); ok {
		return c.copyFile(t, f.File(), to-from)
	}
	if g, ok := body.(growing); ok {
		return c.copyGrowing(t, g, to-from)
	}
	var r io.Reader = body
	if _, verified := c.s.blobs.(VerifiedBlobs); !verified && from == 0 && to == b.Size {
		// The last bytes are held back until the hash of all is right. Of a part
		// only the length can be known.
		r = storage.NewVerifier(body, b.Size, storage.Digest(b.SHA256))
	}
	return c.copyReader(t, r, to-from)
}

// growing is what a body can do that is a file which is still being made or
// verified; see package filecache.
type growing interface {
	io.Reader
	// Next waits until more may go out, and gives the file that holds it and its
	// length; without a file the rest is to be read.
	Next() (*os.File, int64, error)
}

// copyGrowing has the system send a file as far as it may go out.
func (c *call) copyGrowing(t *transfer, g growing, left int64) error {
	for left > 0 {
		f, n, err := g.Next()
		switch {
		case err == io.EOF:
			return fmt.Errorf("%d bytes are missing: %w", left, errDamaged)
		case err != nil:
			return err
		case f == nil:
			return c.copyReader(t, g, left)
		}
		if err := c.copyFile(t, f, n); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// patience is how many steps' time a client may let pass without taking
// anything: five minutes with the default. Importers read a large file as they
// go, and stop reading while they write to their shop; and the system opens the
// window of a slow reader by large pieces, minutes apart.
const patience = 10

// copyFile has the system send a file from where it stands. A step that is not
// over in time goes on as long as the client takes anything.
func (c *call) copyFile(t *transfer, f *os.File, n int64) error {
	for idle := 0; n > 0; {
		if err := c.nextStep(t, 1); err != nil {
			return err
		}
		m, err := io.CopyN(c.w, f, min(n, step))
		n -= m
		switch {
		case err == io.EOF:
			return fmt.Errorf("%d bytes are missing: %w", n, errDamaged)
		case errors.Is(err, os.ErrDeadlineExceeded):
			taken := c.w.bytes
			if q, ok := queued(t.conn); ok {
				taken -= q
			}
			if idle++; taken > t.taken {
				idle = 0
			}
			if idle == patience {
				return err
			}
			t.taken = taken
		case err != nil:
			return err
		default:
			idle = 0
		}
	}
	return c.rc.Flush()
}

// readStep is step for bodies that are no files: a write that is not over in
// time cannot be taken up again.
const readStep = 64 << 10

// buffers serve bodies that are no files.
var buffers = sync.Pool{New: func() any { return new([readStep]byte) }}

func (c *call) copyReader(t *transfer, r io.Reader, n int64) error {
	buf := buffers.Get().(*[readStep]byte)
	defer buffers.Put(buf)
	// A write that waits is woken when a good part of what the system holds has
	// been taken: of all that it would hold, a slow client takes none in time.
	limitUnsent(t.conn)
	// A store that says nothing for so long is given up on.
	silent := time.AfterFunc(c.s.opt.StepTimeout, t.stop)
	defer silent.Stop()
	for left, inStep := n, int64(0); ; {
		if inStep <= 0 {
			if err := c.nextStep(t, patience); err != nil {
				return err
			}
			inStep = readStep
		}
		silent.Reset(c.s.opt.StepTimeout)
		m, err := r.Read(buf[:])
		silent.Stop()
		if int64(m) > left {
			return fmt.Errorf("more than %d bytes: %w", n, errDamaged)
		}
		if m > 0 {
			if _, err := c.w.Write(buf[:m]); err != nil {
				return err
			}
		}
		left, inStep = left-int64(m), inStep-int64(m)
		switch {
		case err == io.EOF && left > 0:
			return fmt.Errorf("%d bytes are missing: %w", left, errDamaged)
		case err == io.EOF:
			return c.rc.Flush()
		case err != nil:
			return err
		}
	}
}

// nextStep gives the next step the time of so many if the download may go on.
func (c *call) nextStep(t *transfer, times time.Duration) error {
	if d := c.s.dir.Load(); !d.allowed(c.link, c.addr, c.s.opt.Now()) {
		t.cut()
		return errCut
	}
	return t.extend(times * c.s.opt.StepTimeout)
}
