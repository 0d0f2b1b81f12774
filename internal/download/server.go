package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/httpd/clientaddr"
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
	// offer is read from, but for those whose number is known already, and takes
	// from known those that no offer is read from any more.
	CurrentGenerations(ctx context.Context, known map[publish.FeedRef]int64) ([]publish.Generation, error)
	// FileByAddress gives a file that is, or was until lately, served to an offer.
	FileByAddress(ctx context.Context, merchant partner.MerchantID, offer partner.OfferID, generation int64, k feed.Kind, label string) (publish.File, bool, error)
}

// Blobs is what the server asks of an object store; any [storage.Store] is one.
type Blobs interface {
	Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error)
}

// VerifiedBlobs is an optional ability of Blobs: to answer for the bytes. Package
// filecache says what its readers yield; without it only files that are sent as
// a whole, and are none of the local disk, are verified.
type VerifiedBlobs interface {
	OpenVerified(ctx context.Context, key string, size int64, sum storage.Digest, from, to int64) (io.ReadCloser, error)
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
	// Lease is how old the accounts may be, counted from before the question to
	// the database that confirmed them. A request that finds them older has them
	// confirmed first, so a switch that was turned anywhere is in force after
	// this time, however late the poll comes. Default 900 ms.
	Lease time.Duration
	// ConfirmWait is how long requests wait for that. After it the database
	// counts as lost, and Grace begins to matter. Default 1 s.
	ConfirmWait time.Duration
	// Grace is how long the accounts are believed when the database does not
	// confirm them. Default 60 s; negative means not at all, beyond Lease.
	Grace time.Duration
	// OpenTimeout is how long the store may take until a file begins; then the
	// client is told that there is none at the moment. Default 20 s, less than
	// StepTimeout, behind which nothing can be told any more.
	OpenTimeout time.Duration
	// StepTimeout is how long a step of a mebibyte may take before it is looked at
	// whether the client still takes anything. One that has taken nothing for ten
	// times as long is cut off. Default 30 s.
	StepTimeout time.Duration
	// Limits bound what one link or address may use; beyond them the answer is 429.
	Limits Limits
	// ClientAddr says where a request comes from; nil means the other end of the
	// connection. A zero Addr is one that nobody knows.
	ClientAddr func(*http.Request) netip.Addr
	// Ledger is given every download; nil means that nobody writes them down.
	Ledger *Ledger
	// Observe is told of every request when it has ended; nil means nobody. It
	// must not block.
	Observe func(Request)
	// GeneratedBy names the generator in gateways. Default "feedmill".
	GeneratedBy string
	// Spool is a folder for files that are made on request and hold no names
	// there; "" means the system's.
	Spool string
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
	if o.Lease == 0 {
		o.Lease = 900 * time.Millisecond
	}
	if o.ConfirmWait == 0 {
		o.ConfirmWait = time.Second
	}
	switch {
	case o.Grace == 0:
		o.Grace = time.Minute
	case o.Grace < 0:
		o.Grace = 0
	}
	if o.OpenTimeout == 0 {
		o.OpenTimeout = 20 * time.Second
	}
	if o.StepTimeout == 0 {
		o.StepTimeout = 30 * time.Second
	}
	o.Limits = o.Limits.withDefaults()
	if o.ClientAddr == nil {
		o.ClientAddr = clientaddr.Resolver{}.Of
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
	limits  *limiter
	tags    documentTags

	refreshing sync.Mutex // around building a new directory
	dir        atomic.Pointer[directory]
	confirmed  atomic.Pointer[time.Time] // when the directory was last known to be right
	proof      atomic.Pointer[proof]     // the directory as it was then
	distrusted atomic.Bool               // something changed that could not be read
	lost       atomic.Bool               // the database did not answer lately
	confirms   atomic.Uint64             // requests that had to ask
	asking     sync.Mutex
	asked      chan struct{} // closed when the question under way is answered; nil for none
	running    register
	composed   *composedFiles
}

// New makes a server. The caller refreshes it, keeps [Server.Run] running,
// subscribes [Server.Changed] to the database where that is in the same
// process, and sets [ConnContext] on the http.Server.
func New(records Records, blobs Blobs, opt Options) *Server {
	s := &Server{records: records, blobs: blobs, opt: opt.withDefaults()}
	s.limits = newLimiter(s.opt.Limits, s.opt.Now())
	s.running.limits = s.opt.Limits
	s.composed = newComposedFiles(s.opt.Spool)
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
		{routeSince, s.serveSince},
		{routePresent, s.servePresent},
		{routeEdi, s.serveEdi},
	} {
		r.MatcherFunc(template(route.template)).Methods(http.MethodGet, http.MethodHead).Handler(s.handler(route.template, route.answer))
	}
	r.NotFoundHandler = s.handler(routeNone, func(c *call) { c.notFound(whyAddress) })
	r.MethodNotAllowedHandler = s.handler(routeNone, func(c *call) {
		c.w.Header().Set("Allow", "GET, HEAD")
		c.why = whyMethod
		c.problem(http.StatusMethodNotAllowed, "", "method not allowed", "files can be read by GET and HEAD alone")
	})
	return r
}

// template matches paths of a template, whose names in braces stand for a
// segment each. It does what the router's own templates do, at a tenth of the
// cost: those are compiled to regular expressions.
func template(text string) mux.MatcherFunc {
	want := strings.Split(text, "/")
	return func(r *http.Request, match *mux.RouteMatch) bool {
		path := r.URL.EscapedPath()
		if strings.Count(path, "/") != len(want)-1 {
			return false
		}
		rest := path
		for _, w := range want {
			var segment string
			segment, rest, _ = strings.Cut(rest, "/")
			if variable := strings.HasPrefix(w, "{"); variable && segment == "" || !variable && segment != w {
				return false
			}
		}
		match.Vars = make(map[string]string, 3)
		rest = path
		for _, w := range want {
			var segment string
			segment, rest, _ = strings.Cut(rest, "/")
			if strings.HasPrefix(w, "{") {
				match.Vars[w[1:len(w)-1]] = segment
			}
		}
		return true
	}
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
	now   time.Time // by the server's clock
	addr  netip.Addr
	dir   *directory
	// gateway says that the address is one of a gateway or manifest.
	gateway bool
	// moving says that the address shows other bytes from time to time.
	moving bool
	// rest says that what is sent goes up to the end of the file, from where the
	// client says that it has got to.
	rest bool

	link  partner.LinkID // as far as known, for the log
	entry *entry         // once the link may be used
	// segment is what stands for the link in addresses of the answer.
	segment string
	file    fileName        // what is asked for, as far as known
	holder  *entry          // whose link was found, allowed or not, for the ledger
	refusal partner.Refusal // of the policy
	why     string          // reason of anything but success, see observe.go
	detail  string          // the same for people, in the log alone
	cut     bool            // ended because it may not go on
	broken  bool            // the body did not go out whole
	bodies  []*composed     // of files that are not stored
}

// fileName names a file of an offer; the zero one names none.
type fileName struct {
	kind       feed.Kind
	label      string
	generation int64
}

func (s *Server) handler(template string, answer func(c *call)) http.Handler {
	gateway := template == routeGateway || template == routeManifest
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		c := &call{s: s, w: &recorder{ResponseWriter: w}, r: r, rc: http.NewResponseController(w), route: template, gateway: gateway}
		c.now, c.addr = s.opt.Now(), s.opt.ClientAddr(r)
		// An aborted answer is told of too, and goes on aborting.
		defer func() { c.ended(time.Since(start)) }()
		// A deadline of the request before on this connection must not hit this one.
		_ = c.rc.SetWriteDeadline(start.Add(s.opt.StepTimeout))
		h := w.Header()
		h["X-Content-Type-Options"] = headerNosniff
		h["Referrer-Policy"] = headerNoReferrer
		h["X-Robots-Tag"] = headerNoindex
		if c.dir = s.current(); c.dir == nil {
			c.unavailable(whyUnconfirmed, nil)
			return
		}
		if template == routeEdi {
			c.gateway = ediGateway(r)
		}
		if c.enterAddress() {
			answer(c)
		}
	})
}

// Values of headers that every answer has; nobody changes them.
var (
	headerNosniff    = []string{"nosniff"}
	headerNoReferrer = []string{"no-referrer"}
	headerNoindex    = []string{"noindex, nofollow"}
	headerVary       = []string{"Accept-Encoding"}
	headerPrivate    = []string{"private, no-cache, no-transform"}
	headerNo         = []string{"no"}
	headerBytes      = []string{"bytes"}
	headerGzip       = []string{"gzip"}
)

// Ready says whether the server can answer, and whether its accounts are fresh.
func (s *Server) Ready(context.Context) error {
	at := s.confirmed.Load()
	switch {
	case s.dir.Load() == nil || at == nil:
		return errors.New("the accounts have not been read yet")
	case s.trusted() == nil:
		return errors.New("the accounts could not be confirmed for too long")
	}
	if age := s.opt.Now().Sub(*at); s.lost.Load() && age > 10*s.opt.PollEvery {
		return fmt.Errorf("the accounts were last confirmed %s ago", age.Round(time.Second))
	}
	return nil
}

// Running gives the downloads that are under way, in no order.
func (s *Server) Running() []Transfer { return s.running.list() }

// Revoke cuts the running downloads that match and gives their number. The
// switches need no call of it: every refresh cuts what is no longer allowed.
func (s *Server) Revoke(match func(Transfer) bool) int { return s.running.cut(match) }

// ended tells of a request that has ended: the log, the ledger and whoever watches.
func (c *call) ended(took time.Duration) {
	c.log(took)
	c.account(took)
	if c.s.opt.Observe != nil {
		c.s.opt.Observe(Request{Route: c.route, Method: c.r.Method, Status: c.w.status, Bytes: c.w.bytes, Took: took, Why: c.why, Cut: c.cut})
	}
}

func (c *call) log(took time.Duration) {
	level := slog.LevelInfo
	if c.w.status >= 500 {
		level = slog.LevelError
	}
	if !c.s.opt.Log.Enabled(c.r.Context(), level) {
		return
	}
	var room [16]slog.Attr
	attrs := append(room[:0],
		slog.String("route", c.route), slog.String("method", clip(c.r.Method, 16)), slog.Int("status", c.w.status), slog.Int64("bytes", c.w.bytes),
		slog.Duration("took", took), slog.String("client", partner.TruncateAddress(c.addr).String()), slog.String("agent", partner.CleanClient(c.r.UserAgent())),
	)
	if c.link != "" {
		attrs = append(attrs, slog.String("link", string(c.link)))
	}
	if c.entry != nil {
		attrs = append(attrs, slog.String("merchant", string(c.entry.offer.Merchant)), slog.String("offer", string(c.entry.offer.ID)))
	}
	if c.why != "" {
		attrs = append(attrs, slog.String("why", c.why))
	}
	if c.detail != "" {
		attrs = append(attrs, slog.String("detail", c.detail))
	}
	if c.cut {
		attrs = append(attrs, slog.Bool("cut", true))
	}
	c.s.opt.Log.LogAttrs(c.r.Context(), level, "download", attrs...)
}

// account gives the ledger what a link was used for. What is not there, or may
// not be asked for so often, is no use of it.
func (c *call) account(took time.Duration) {
	if c.s.opt.Ledger == nil || c.holder == nil || c.file.kind == 0 {
		return
	}
	outcome := partner.OutcomeComplete
	switch {
	case c.refusal != partner.Allowed:
		outcome = partner.OutcomeRefused
	case c.broken:
		outcome = partner.OutcomeBroken
	case c.w.status == http.StatusNotModified:
		outcome = partner.OutcomeUnchanged
	case c.w.status == http.StatusPartialContent && c.rest:
	case c.w.status == http.StatusPartialContent || c.w.status == http.StatusOK && c.r.Method == http.MethodHead:
		outcome = partner.OutcomePart
	case c.w.status != http.StatusOK:
		return
	}
	c.s.opt.Ledger.add(partner.Download{
		Merchant: c.holder.offer.Merchant, Link: c.link, Offer: c.holder.offer.ID, Kind: c.file.kind, Label: c.file.label, Generation: c.file.generation,
		Bytes: c.w.bytes, Outcome: outcome, Refusal: c.refusal, Address: c.addr, Client: c.r.UserAgent(), Started: c.now, Took: took,
	})
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
