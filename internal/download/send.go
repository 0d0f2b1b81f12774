package download

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"

	"feedmill/feed/publish"
	"feedmill/storage"
)

// step is how much is handed to the system at a time: each step has a deadline
// of its own, and a look at whether the download may go on.
const step = 1 << 20

// errDamaged says that the store holds other bytes than the records say.
var errDamaged = errors.New("stored bytes are not the recorded ones")

// sendBlob sends the bytes [from, to) of a blob. Once the header is out, a body
// that cannot be finished breaks the connection: it never ends cleanly.
func (c *call) sendBlob(b *publish.Blob, from, to int64, status int) {
	t := &transfer{
		Transfer: Transfer{Link: c.link, Offer: c.entry.offer.ID, Partner: c.entry.partner.ID, Merchant: c.entry.merchant.ID, Started: c.s.opt.Now()},
		rc:       c.rc,
	}
	t.conn, _ = c.r.Context().Value(connKey{}).(net.Conn)
	if !c.s.running.add(t) {
		c.why = "too many downloads at a time"
		clearBody(c.w.Header())
		c.w.Header().Set("Retry-After", "60")
		c.problem(http.StatusTooManyRequests, "", "too many downloads at a time", "wait until others have ended")
		return
	}
	defer c.s.running.remove(t)
	// Registered first and looked at again now: a switch that was turned
	// between the decision and the registration is seen here or cuts us.
	if d := c.s.trusted(); d == nil || !d.allowed(c.link, c.s.opt.Now()) {
		clearBody(c.w.Header())
		c.notFound("switched off meanwhile")
		return
	}
	body, err := c.openBlob(b, from, to)
	if err != nil {
		if errors.Is(err, storage.ErrDamaged) || errors.Is(err, errDamaged) {
			c.s.opt.Log.ErrorContext(c.r.Context(), "stored file is damaged", slog.String("key", b.Key), slog.Any("error", err))
			panic(http.ErrAbortHandler)
		}
		clearBody(c.w.Header())
		c.unavailable("open file: " + err.Error())
		return
	}
	defer body.Close()
	c.w.WriteHeader(status)
	if err := c.copyBody(t, body, b, from, to); err != nil {
		c.cut = t.wasCut()
		if c.cut {
			c.why = "switched off meanwhile"
		} else {
			c.why = "broken off: " + err.Error()
			if errors.Is(err, storage.ErrDamaged) || errors.Is(err, errDamaged) {
				c.s.opt.Log.ErrorContext(c.r.Context(), "stored file is damaged", slog.String("key", b.Key), slog.Any("error", err))
			}
		}
		panic(http.ErrAbortHandler)
	}
}

// clearBody takes out of a header what describes the file.
func clearBody(h http.Header) {
	for _, name := range []string{"Content-Encoding", "Content-Range", "Content-Length", "ETag", "Last-Modified", "Accept-Ranges", "Repr-Digest", "Vary"} {
		h.Del(name)
	}
}

// openBlob opens a part of a blob and holds what the store says of it against
// the records.
func (c *call) openBlob(b *publish.Blob, from, to int64) (io.ReadCloser, error) {
	r := storage.Range{Off: from, Len: to - from}
	if to == from {
		r = storage.Range{} // an empty file
	}
	body, info, err := c.s.blobs.Open(c.r.Context(), b.Key, r)
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
	var r io.Reader = body
	if from == 0 && to == b.Size {
		// The last bytes are held back until the hash of all is right. Of a part
		// only the length can be known.
		r = storage.NewVerifier(body, b.Size, storage.Digest(b.SHA256))
	}
	return c.copyReader(t, r, to-from)
}

// copyFile has the system send a file from where it stands.
func (c *call) copyFile(t *transfer, f *os.File, n int64) error {
	for n > 0 {
		if err := c.nextStep(t); err != nil {
			return err
		}
		sent, err := io.CopyN(c.w, f, min(n, step))
		n -= sent
		if err == io.EOF {
			return fmt.Errorf("%d bytes are missing: %w", n, errDamaged)
		}
		if err != nil {
			return err
		}
	}
	return c.rc.Flush()
}

// buffers serve bodies that are no files.
var buffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

func (c *call) copyReader(t *transfer, r io.Reader, n int64) error {
	buf := buffers.Get().(*[64 << 10]byte)
	defer buffers.Put(buf)
	for left, inStep := n, int64(0); ; {
		if inStep <= 0 {
			if err := c.nextStep(t); err != nil {
				return err
			}
			inStep = step
		}
		m, err := r.Read(buf[:])
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

// nextStep gives the next step its time if the download may go on.
func (c *call) nextStep(t *transfer) error {
	if d := c.s.dir.Load(); !d.allowed(c.link, c.s.opt.Now()) {
		t.cut()
		return errCut
	}
	return t.extend(c.s.opt.StepTimeout)
}
