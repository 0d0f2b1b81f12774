package download

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
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
	// Address is where it goes to, the zero Addr when nobody knows.
	Address netip.Addr
	Started time.Time
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
	// ctx is of reading from the store. It does not end with the request's:
	// clients exist that close their sending side when they have asked.
	ctx  context.Context
	stop context.CancelFunc
	// crowded says that many others run.
	crowded bool
	// taken is how many bytes the client had taken when a step's time was over.
	taken int64

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
	t.stop()
	// Wakes a write that waits for the client.
	_ = t.rc.SetWriteDeadline(time.Unix(1, 0))
	if t.conn == nil {
		return
	}
	// What lies in the system's buffers would still go out: a reset drops it.
	linger(t.conn, 0)
	_ = beneath(t.conn).Close()
}

// unfinished says whether the connection is to end with a reset, whatever ends
// it, the end of this process too. Without one many programs take the beginning
// of a file for all of it: they read to the end, and look at no length.
func (t *transfer) unfinished(yes bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.gone:
	case yes:
		linger(t.conn, 0)
	default:
		linger(t.conn, -1)
	}
}

// linger says what closing a connection does with what lies in the system: 0
// drops it by a reset, -1 sends it.
func linger(c net.Conn, sec int) {
	if tcp, ok := beneath(c).(interface{ SetLinger(sec int) error }); ok {
		_ = tcp.SetLinger(sec)
	}
}

// beneath gives what a connection speaks TLS over.
func beneath(c net.Conn) net.Conn {
	if tls, ok := c.(interface{ NetConn() net.Conn }); ok {
		return tls.NetConn()
	}
	return c
}

func (t *transfer) wasCut() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.gone
}

// register holds the running downloads.
type register struct {
	limits Limits

	mu       sync.Mutex
	all      map[*transfer]struct{}
	perLink  map[partner.LinkID]int
	perPlace map[netip.Addr]int
}

// crowd is from how many downloads on a connection is given less of the system's
// memory, at the cost of more processor time.
const crowd = 256

// add registers a download, or says of which there are too many.
func (r *register) add(t *transfer) (why string) {
	at := place(t.Address)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case over(r.perLink[t.Link], r.limits.RunningPerLink):
		return whyRunningLink
	case counted(t.Address) && over(r.perPlace[at], r.limits.RunningPerAddress):
		return whyRunningPlace
	case over(len(r.all), r.limits.Running):
		return whyRunning
	}
	if r.all == nil {
		r.all, r.perLink, r.perPlace = map[*transfer]struct{}{}, map[partner.LinkID]int{}, map[netip.Addr]int{}
	}
	r.all[t] = struct{}{}
	r.perLink[t.Link]++
	r.perPlace[at]++
	t.crowded = len(r.all) > crowd
	return ""
}

func over(n, limit int) bool { return limit >= 0 && n >= limit }

func (r *register) remove(t *transfer) {
	at := place(t.Address)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, t)
	if r.perLink[t.Link]--; r.perLink[t.Link] == 0 {
		delete(r.perLink, t.Link)
	}
	if r.perPlace[at]--; r.perPlace[at] == 0 {
		delete(r.perPlace, at)
	}
}

func (r *register) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.all)
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
