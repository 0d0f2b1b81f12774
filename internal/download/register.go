package download

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"feedmill/internal/partner"
)

// Transfer describes a download that is running.
type Transfer struct {
	Link     partner.LinkID
	Offer    partner.OfferID
	Partner  partner.ID
	Merchant partner.MerchantID
	Started  time.Time
}

type connKey struct{}

// ConnContext is for http.Server.ConnContext: it lets a download that may not
// go on be cut at its connection. Without it only the rest that has not been
// handed to the system yet is held back.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// errCut ends a download that may not go on.
var errCut = errors.New("no longer allowed")

// transfer is a running download.
type transfer struct {
	Transfer
	rc   *http.ResponseController
	conn net.Conn // nil when ConnContext is not set

	mu   sync.Mutex
	gone bool
}

// extend gives the next step its time, unless the download has been cut.
func (t *transfer) extend(d time.Duration) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone {
		return errCut
	}
	return t.rc.SetWriteDeadline(time.Now().Add(d))
}

func (t *transfer) cut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone {
		return
	}
	t.gone = true
	// Wakes a write that waits for the client.
	_ = t.rc.SetWriteDeadline(time.Unix(1, 0))
	if t.conn == nil {
		return
	}
	// What lies in the system's buffers would still go out: a reset drops it.
	raw := t.conn
	if tls, ok := raw.(interface{ NetConn() net.Conn }); ok {
		raw = tls.NetConn()
	}
	if tcp, ok := raw.(interface{ SetLinger(sec int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	_ = raw.Close()
}

func (t *transfer) wasCut() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.gone
}

// register holds the running downloads.
type register struct {
	max int

	mu      sync.Mutex
	all     map[*transfer]struct{}
	perLink map[partner.LinkID]int
}

// add registers a download; ok is false when the link has too many.
func (r *register) add(t *transfer) (ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.perLink[t.Link] >= r.max {
		return false
	}
	if r.all == nil {
		r.all, r.perLink = map[*transfer]struct{}{}, map[partner.LinkID]int{}
	}
	r.all[t] = struct{}{}
	r.perLink[t.Link]++
	return true
}

func (r *register) remove(t *transfer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, t)
	if r.perLink[t.Link]--; r.perLink[t.Link] == 0 {
		delete(r.perLink, t.Link)
	}
}

func (r *register) list() []Transfer {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Transfer, 0, len(r.all))
	for t := range r.all {
		list = append(list, t.Transfer)
	}
	return list
}

func (r *register) cut(match func(Transfer) bool) (n int) {
	r.mu.Lock()
	var cut []*transfer
	for t := range r.all {
		if match(t.Transfer) {
			cut = append(cut, t)
		}
	}
	r.mu.Unlock()
	for _, t := range cut {
		t.cut()
	}
	return len(cut)
}
