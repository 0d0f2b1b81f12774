package s3store

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// defaultStall is how long a transfer may stand still: as long as a server may
// take to begin its answer.
const defaultStall = time.Minute

// stallClient breaks off requests of which nothing moves any more. A server, or
// something on the way to it, that keeps a connection open and stays silent
// would hold its caller for as long as that wishes to wait, which may be hours.
type stallClient struct {
	HTTPClient
	after time.Duration
}

// Do implements HTTPClient.
func (c stallClient) Do(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	r = r.WithContext(ctx)
	sending := &stallWatch{after: c.after, cancel: cancel}
	if r.Body != nil && r.Body != http.NoBody {
		// A connection asks for more when what it has is gone. How long the answer
		// to the whole may take is the client's own limit.
		sending.begin()
		r.Body = &sentBody{ReadCloser: r.Body, watch: sending}
	}
	resp, err := c.HTTPClient.Do(r)
	sending.end()
	if err != nil {
		cancel()
		return nil, sending.told(err)
	}
	resp.Body = &receivedBody{ReadCloser: resp.Body, watch: &stallWatch{after: c.after, cancel: cancel}}
	return resp, nil
}

// stallWatch ends a request when nothing has moved for too long.
type stallWatch struct {
	after  time.Duration
	cancel context.CancelFunc

	mu      sync.Mutex
	timer   *time.Timer // nil while nothing is waited for
	stalled bool
}

// begin begins to wait.
func (w *stallWatch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	var t *time.Timer
	t = time.AfterFunc(w.after, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.timer == t { // else the wait has just ended
			w.stalled = true
			w.cancel()
		}
	})
	w.timer = t
}

// moved begins anew to wait, unless the wait is over.
func (w *stallWatch) moved() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil && w.timer.Stop() {
		w.timer.Reset(w.after)
	}
}

// end ends the wait.
func (w *stallWatch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}

// told puts the reason in place of the cancellation that it has caused, which
// would pass for the caller's.
func (w *stallWatch) told(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stalled && err != nil {
		return fmt.Errorf("%w for %s", errStill, w.after)
	}
	return err
}

// sentBody is what a request sends.
type sentBody struct {
	io.ReadCloser
	watch *stallWatch
}

// Read implements io.Reader.
func (b *sentBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.watch.end() // all is on its way
	} else {
		b.watch.moved()
	}
	return n, err
}

// receivedBody is what an answer brings. It waits while somebody reads: who
// reads slowly is not the server's fault.
type receivedBody struct {
	io.ReadCloser
	watch *stallWatch
}

// Read implements io.Reader.
func (b *receivedBody) Read(p []byte) (int, error) {
	b.watch.begin()
	n, err := b.ReadCloser.Read(p)
	b.watch.end()
	if err != io.EOF {
		err = b.watch.told(err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *receivedBody) Close() error {
	err := b.ReadCloser.Close()
	b.watch.cancel()
	return err
}
