package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
	"feedmill/storage"
)

// Records is what the server asks of a database.
type Records interface {
	// AccessVersion tells whether the other two have anything new.
	AccessVersion(ctx context.Context) (partner.Version, error)
	// Accounts gives everything that decides who may read what.
	Accounts(ctx context.Context) (partner.Accounts, error)
	// CurrentGenerations gives the current generations of all feeds that an
	// offer is read from, but for those whose number is known already.
	CurrentGenerations(ctx context.Context, known map[publish.FeedRef]int64) ([]publish.Generation, error)
	// FileByAddress gives a file that is, or was until lately, served to an offer.
	FileByAddress(ctx context.Context, merchant partner.MerchantID, offer partner.OfferID, generation int64, k feed.Kind, label string) (publish.File, bool, error)
}

// Blobs is what the server asks of an object store; any [storage.Store] is one.
type Blobs interface {
	Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error)
}

// Options are settings of a Server. The zero value works.
type Options struct {
	// PublicURL begins the addresses in gateways and manifests of merchants who
	// have no BaseURL of their own, such as "https://feeds.example.com". "" takes
	// the host that the request names, which is meant for trying things out.
	PublicURL string
	// Now is the clock for decisions; nil means time.Now.
	Now func() time.Time
	// Log receives a line for each request; nil means slog.Default.
	Log *slog.Logger
	// PollEvery is how often the version is asked for. Default 500 ms.
	PollEvery time.Duration
	// Grace is how long the accounts are believed when the database does not
	// confirm them. Default 60 s; negative means not at all, beyond PollEvery's
	// rhythm.
	Grace time.Duration
	// StepTimeout is how long a client may take for one step of a mebibyte.
	// Default 30 s.
	StepTimeout time.Duration
	// MaxPerLink is how many downloads of one link run at a time; further ones
	// are answered 429, which importers do not understand, so the limit stands
	// far above what they do. Default 32.
	MaxPerLink int
	// GeneratedBy names the generator in gateways. Default "feedmill".
	GeneratedBy string
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.PollEvery == 0 {
		o.PollEvery = 500 * time.Millisecond
	}
	switch {
	case o.Grace == 0:
		o.Grace = time.Minute
	case o.Grace < 0:
		o.Grace = 0
	}
	if o.StepTimeout == 0 {
		o.StepTimeout = 30 * time.Second
	}
	if o.MaxPerLink == 0 {
		o.MaxPerLink = 32
	}
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")
	return o
}

// Server answers partners. It is an [http.Handler]; until the first successful
// [Server.Refresh] it answers 503.
type Server struct {
	records Records
	blobs   Blobs
	opt     Options
	router  http.Handler

	refreshing sync.Mutex // around building a new directory
	dir        atomic.Pointer[directory]
	confirmed  atomic.Pointer[time.Time] // when the directory was last known to be right
	distrusted atomic.Bool               // something changed that could not be read
	running    register
}

// New makes a server. The caller refreshes it, keeps [Server.Run] running,
// subscribes [Server.Changed] to the database where that is in the same
// process, and sets [ConnContext] on the http.Server.
func New(records Records, blobs Blobs, opt Options) *Server {
	s := &Server{records: records, blobs: blobs, opt: opt.withDefaults()}
	s.running.max = s.opt.MaxPerLink
	s.router = s.routes()
	return s
}

// The route templates, which logs give in place of addresses.
const (
	routeGateway  = "/o/{link}/gateway.xml"
	routeManifest = "/o/{link}/manifest.json"
	routeFile     = "/o/{link}/{generation}/{file}"
	routePresent  = "/o/{link}/{file}"
	routeEdi      = "/edi/export-offer.php"
	routeNone     = "none"
)

func (s *Server) routes() http.Handler {
	// Encoded and uncleaned paths: "%2e", "//" and "/./" are themselves and
	// match nothing, instead of being redirected to what they resemble.
	r := mux.NewRouter().SkipClean(true).UseEncodedPath()
	for _, route := range []struct {
		template string
		answer   func(c *call)
	}{
		{routeGateway, s.serveGateway},
		{routeManifest, s.serveManifest},
		{routeFile, s.serveAddress},
		{routePresent, s.servePresent},
		{routeEdi, s.serveEdi},
	} {
		r.Handle(route.template, s.handler(route.template, route.answer)).Methods(http.MethodGet, http.MethodHead)
	}
	r.NotFoundHandler = s.handler(routeNone, func(c *call) { c.notFound("no such address") })
	r.MethodNotAllowedHandler = s.handler(routeNone, func(c *call) {
		c.w.Header().Set("Allow", "GET, HEAD")
		c.problem(http.StatusMethodNotAllowed, "", "method not allowed", "files can be read by GET and HEAD alone")
	})
	return r
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.router.ServeHTTP(w, r) }

// call is one request on its way.
type call struct {
	s     *Server
	w     *recorder
	r     *http.Request
	rc    *http.ResponseController
	route string
	dir   *directory

	link  partner.LinkID // as far as known, for the log
	entry *entry
	// segment is what stands for the link in addresses of the answer.
	segment string
	why     string // why it was refused, for the log alone
	cut     bool   // ended because it may not go on
}

func (s *Server) handler(template string, answer func(c *call)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		c := &call{s: s, w: rec, r: r, rc: http.NewResponseController(w), route: template}
		defer func() {
			// An aborted answer is logged too, and goes on aborting.
			c.log(time.Since(start))
		}()
		// A deadline of the request before on this connection must not hit this one.
		_ = c.rc.SetWriteDeadline(start.Add(s.opt.StepTimeout))
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Robots-Tag", "noindex, nofollow")
		if c.dir = s.trusted(); c.dir == nil {
			c.unavailable("the accounts could not be confirmed lately")
			return
		}
		answer(c)
	})
}

// trusted gives the directory, or nil when it may not be believed any more.
func (s *Server) trusted() *directory {
	d, at := s.dir.Load(), s.confirmed.Load()
	if d == nil || at == nil || s.distrusted.Load() || s.opt.Now().Sub(*at) > s.opt.Grace+2*s.opt.PollEvery {
		return nil
	}
	return d
}

// Ready says whether the server can answer, and whether its accounts are fresh.
func (s *Server) Ready(context.Context) error {
	at := s.confirmed.Load()
	switch {
	case s.dir.Load() == nil || at == nil:
		return errors.New("the accounts have not been read yet")
	case s.trusted() == nil:
		return errors.New("the accounts could not be confirmed for too long")
	}
	if age := s.opt.Now().Sub(*at); age > 10*s.opt.PollEvery {
		return fmt.Errorf("the accounts were last confirmed %s ago", age.Round(time.Second))
	}
	return nil
}

// Running gives the downloads that are under way, in no order.
func (s *Server) Running() []Transfer { return s.running.list() }

// Revoke cuts the running downloads that match and gives their number. The
// switches need no call of it: every refresh cuts what is no longer allowed.
func (s *Server) Revoke(match func(Transfer) bool) int { return s.running.cut(match) }

func (c *call) log(took time.Duration) {
	level := slog.LevelInfo
	if c.w.status >= 500 {
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("route", c.route), slog.String("method", clip(c.r.Method, 16)), slog.Int("status", c.w.status), slog.Int64("bytes", c.w.bytes),
		slog.Duration("took", took), slog.String("remote", c.r.RemoteAddr), slog.String("agent", clip(c.r.UserAgent(), 120)),
	}
	if c.link != "" {
		attrs = append(attrs, slog.String("link", string(c.link)))
	}
	if c.entry != nil {
		attrs = append(attrs, slog.String("merchant", string(c.entry.offer.Merchant)), slog.String("offer", string(c.entry.offer.ID)))
	}
	if c.why != "" {
		attrs = append(attrs, slog.String("why", c.why))
	}
	if c.cut {
		attrs = append(attrs, slog.Bool("cut", true))
	}
	c.s.opt.Log.LogAttrs(c.r.Context(), level, "download", attrs...)
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}

// recorder remembers status and length for the log. It passes on ReadFrom, by
// which the connection recognises a file and has the system send it.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader implements http.ResponseWriter.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (w *recorder) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom.
func (w *recorder) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, r)
	w.bytes += n
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
