package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// Journal tells what has happened to things of one merchant.
type Journal interface {
	// Pulse is cheap: it is asked every second while somebody looks.
	Pulse(ctx context.Context, merchant partner.MerchantID) (partner.Pulse, error)
	// AuditBefore gives lines of the audit below a number, 0 for all, the newest
	// first; object "" means those of all objects.
	AuditBefore(ctx context.Context, merchant partner.MerchantID, object string, before int64, limit int) ([]partner.AuditEntry, error)
	// CatalogCount counts the products of a catalog.
	CatalogCount(ctx context.Context, merchant partner.MerchantID) (int64, error)
}

// Limits of streams.
const (
	streamsPerSession = 4
	streamsInAll      = 400
	streamLife        = 10 * time.Minute
	streamBeat        = 15 * time.Second
	pulseEvery        = time.Second
	streamStep        = 10 * time.Second
)

// topics are what pages can follow, as the events name them.
func topics() []string { return []string{"audit", "runs", "held", "imports", "downloads"} }

// changed names what differs between two pulses.
func changed(p, now partner.Pulse) (list []string) {
	for i, pair := range [][2]int64{{p.Audit, now.Audit}, {p.Runs, now.Runs}, {p.Held, now.Held}, {p.Imports, now.Imports}, {p.Downloads, now.Downloads}} {
		if pair[0] != pair[1] {
			list = append(list, topics()[i])
		}
	}
	return list
}

// hub tells streams what has changed. One goroutine asks the journal, for the
// merchants that somebody looks at.
type hub struct {
	journal Journal
	log     *slog.Logger

	mu      sync.Mutex
	closed  bool
	streams map[*stream]struct{}
	last    map[partner.MerchantID]partner.Pulse
}

// stream is one page that follows what happens.
type stream struct {
	session  [32]byte
	merchant partner.MerchantID
	news     chan string // closed when the hub ends
}

func newHub(j Journal, log *slog.Logger) *hub {
	return &hub{journal: j, log: log, streams: map[*stream]struct{}{}, last: map[partner.MerchantID]partner.Pulse{}}
}

// open adds a stream; false when there are too many.
func (h *hub) open(session [32]byte, merchant partner.MerchantID) (*stream, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	same := 0
	for s := range h.streams {
		if s.session == session {
			same++
		}
	}
	if h.closed || same >= streamsPerSession || len(h.streams) >= streamsInAll {
		return nil, false
	}
	s := &stream{session, merchant, make(chan string, len(topics())*2)}
	h.streams[s] = struct{}{}
	return s, true
}

// leave removes a stream.
func (h *hub) leave(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.streams, s)
	if !slices.ContainsFunc(h.merchants(), func(m partner.MerchantID) bool { return m == s.merchant }) {
		delete(h.last, s.merchant)
	}
}

// merchants names those that somebody looks at. The lock is held.
func (h *hub) merchants() (list []partner.MerchantID) {
	for s := range h.streams {
		if !slices.Contains(list, s.merchant) {
			list = append(list, s.merchant)
		}
	}
	return list
}

// run asks the journal until the context ends; then all streams end.
func (h *hub) run(ctx context.Context) {
	tick := time.NewTicker(pulseEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			h.mu.Lock()
			defer h.mu.Unlock()
			h.closed = true
			for s := range h.streams {
				close(s.news)
			}
			clear(h.streams)
			return
		case <-tick.C:
			h.look(ctx)
		}
	}
}

// look asks the journal once.
func (h *hub) look(ctx context.Context) {
	h.mu.Lock()
	list := h.merchants()
	h.mu.Unlock()
	for _, m := range list {
		now, err := h.journal.Pulse(ctx, m)
		if err != nil {
			if ctx.Err() == nil {
				h.log.WarnContext(ctx, "what has changed cannot be told", slog.Any("error", err))
			}
			return
		}
		h.tell(m, now)
	}
}

// tell passes on what differs from the pulse before.
func (h *hub) tell(m partner.MerchantID, now partner.Pulse) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before, known := h.last[m]
	h.last[m] = now
	if !known {
		return
	}
	for _, topic := range changed(before, now) {
		for s := range h.streams {
			if s.merchant != m {
				continue
			}
			select {
			case s.news <- topic:
			default: // one that does not read has as much to look at already
			}
		}
	}
}

// eventsPage is no page: it is what pages listen to.
func eventsPage() page {
	return page{name: "problem", routes: []route{get("/events", may(manage.ReadLedger), serveEvents), get("/portal/events", portal(), servePortalEvents)}}
}

// serveEvents sends the names of what has changed, as server-sent events.
func serveEvents(c *call) (reply, error) {
	return c.follow(func(topic string) ([]string, error) { return []string{topic}, nil })
}

// servePortalEvents sends those of what a partner can see: that something of the
// merchant has changed is only a reason to look whether his own things have.
func servePortalEvents(c *call) (reply, error) {
	before, err := c.ownPulse()
	if err != nil {
		return reply{}, err
	}
	return c.follow(func(string) (topics []string, err error) {
		now, err := c.ownPulse()
		if now.files != before.files {
			topics = append(topics, "runs")
		}
		if now.downloads != before.downloads {
			topics = append(topics, "downloads")
		}
		before = now
		return topics, err
	})
}

// ownPulse is another one when a partner's offers, or what was fetched of them, have changed.
type ownPulse struct{ files, downloads string }

func (c *call) ownPulse() (p ownPulse, err error) {
	r, err := c.recipient()
	if err != nil {
		return p, err
	}
	p.files = fmt.Sprint(r.partner.Version)
	for i := range r.offers {
		o := &r.offers[i]
		full, light, err := c.panel.opt.Manage.Published(c.ctx, r.reads, o.ID)
		if err != nil {
			return p, err
		}
		p.files += fmt.Sprint(" ", o.ID, o.Version)
		for _, g := range []*publish.Generation{full, light} {
			if g != nil {
				p.files += fmt.Sprint(" ", g.Number)
			}
		}
		last, err := c.panel.opt.Manage.Downloads(c.ctx, r.reads, partner.LedgerFilter{Offer: o.ID}, 1)
		if err != nil {
			return p, err
		}
		for i := range last {
			p.downloads += fmt.Sprint(last[i].Number, " ")
		}
	}
	return p, nil
}

// follow sends what tell makes of the topics that have changed, until somebody goes.
func (c *call) follow(tell func(topic string) ([]string, error)) (reply, error) {
	if c.panel.opt.Journal == nil {
		return reply{}, notFound("such page")
	}
	s, ok := c.panel.live.open(c.session.Hash, c.user.Merchant)
	if !ok {
		return reply{}, feed.Errorf(feed.KindUnavailable, "too many pages listen at once")
	}
	defer c.panel.live.leave(s)
	ctl := http.NewResponseController(c.w)
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	c.w.WriteHeader(http.StatusOK)
	send := func(text string) error {
		// A connection that takes nothing is given up; not all of them know deadlines.
		if err := ctl.SetWriteDeadline(time.Now().Add(streamStep)); err != nil && c.ctx.Err() != nil {
			return err
		}
		if _, err := fmt.Fprint(c.w, text); err != nil {
			return err
		}
		return ctl.Flush()
	}
	if err := send("retry: 3000\nevent: hello\ndata: 1\n\n"); err != nil {
		return written(), nil
	}
	end := time.NewTimer(streamLife)
	defer end.Stop()
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-c.ctx.Done():
			return written(), nil
		case <-end.C:
			return written(), nil
		case topic, open := <-s.news:
			if !open {
				return written(), nil
			}
			var topics []string
			topics, err = tell(topic)
			for _, one := range topics {
				err = errors.Join(err, send("event: "+one+"\ndata: 1\n\n"))
			}
		case <-beat.C:
			// A session that was ended elsewhere must not go on listening.
			if _, live := c.panel.stillIn(c.ctx, c.session); !live {
				return written(), nil
			}
			err = send(": beat\n\n")
		}
		if err != nil {
			return written(), nil
		}
	}
}

// stillIn says whether a session has not been ended meanwhile. Looking does not
// count as use.
func (p *Panel) stillIn(ctx context.Context, s auth.Session) (auth.User, bool) {
	u, err := p.opt.Auth.Peek(ctx, s.Hash)
	return u, err == nil
}
