package admin

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// Accounts finds the merchant that somebody belongs to, and says whether there is any.
type Accounts interface {
	Merchants(ctx context.Context) ([]partner.Merchant, error)
	Merchant(ctx context.Context, id partner.MerchantID) (partner.Merchant, error)
}

// Options are settings of a Panel. PublicURL is needed.
type Options struct {
	// PublicURL is where people reach the panel, without a slash at the end:
	// "https://panel.example.com". Cookies are bound to https where it says so.
	PublicURL string
	// Hosts are further names under which the panel answers.
	Hosts []string
	// FeedURL begins the addresses that partners are given; "" takes PublicURL.
	// A merchant's own comes before it.
	FeedURL string
	// Manage carries out what people ask for, Auth knows the people.
	Manage   *manage.Service
	Auth     *auth.Service
	Accounts Accounts
	// Journal tells what has happened, for lists and for pages that follow it.
	Journal Journal
	// Jobs lists what is done in the background; nil where nobody knows.
	Jobs Jobs
	// ComparedProducts is how many products a page compares with what an offer
	// names before it leaves the rest to whoever asks for it; 0 takes 20,000.
	ComparedProducts int
	// Spool is the folder for uploads under way, "" the system's own.
	Spool string
	// ClientAddr says where a request came from; nil takes the connection's end.
	ClientAddr func(*http.Request) netip.Addr
	// RequestID gives the id of the request of a context; nil means there is none.
	RequestID func(context.Context) string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// Panel answers the requests of people. It is safe for concurrent use.
type Panel struct {
	opt       Options
	words     *lexicon
	assets    *assets
	templates *templates
	handler   http.Handler
	hosts     []string
	secure    bool
	live      *hub
	desk      desk
	kept      kept
	checks    checks
}

// New makes a panel. [Panel.Run] must run beside it for pages that follow what happens.
func New(opt Options) (*Panel, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.ComparedProducts <= 0 {
		opt.ComparedProducts = comparedProducts
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if opt.ClientAddr == nil {
		opt.ClientAddr = connection
	}
	if opt.RequestID == nil {
		opt.RequestID = func(context.Context) string { return "" }
	}
	base, err := url.Parse(opt.PublicURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.Path != "" {
		return nil, feed.Errorf(feed.KindInvalid, "the panel's address %.200q is not like https://panel.example.com", opt.PublicURL)
	}
	p := &Panel{opt: opt, secure: base.Scheme == "https", hosts: append(auth.HostNames(base), opt.Hosts...)}
	if !p.secure && !auth.Loopback(base.Hostname()) {
		return nil, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("the panel's address %s is neither https nor this machine's own", opt.PublicURL),
			Hint: "passwords need https: put a server that speaks it before feedmill, and set panel.public_url"}
	}
	if opt.FeedURL == "" {
		p.opt.FeedURL = opt.PublicURL
	}
	if p.words, err = loadLexicon(); err != nil {
		return nil, err
	}
	if p.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if p.templates, err = loadTemplates(p.words, p.assets, opt.Now); err != nil {
		return nil, err
	}
	p.live = newHub(opt.Journal, opt.Log)
	mux := http.NewServeMux()
	for _, pg := range pages() {
		if p.templates.plain[pg.name] == nil {
			return nil, fmt.Errorf("page %q has no template", pg.name)
		}
		for _, rt := range pg.routes {
			mux.HandleFunc(rt.pattern(), p.serve(rt))
		}
	}
	mux.HandleFunc(root+"/", p.serve(route{needs: everybody(), handle: func(*call) (reply, error) { return reply{}, notFound("such page") }}))
	guard := http.NewCrossOriginProtection()
	// Browsers that tell no more than an origin are compared by Host, from which
	// a proxy may have taken the port.
	if err := guard.AddTrustedOrigin(auth.Origin(base)); err != nil {
		return nil, err
	}
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.opt.Log.WarnContext(r.Context(), "refused a request from another site", slog.String("method", r.Method))
		p.serve(route{needs: everybody(), handle: func(*call) (reply, error) {
			return reply{status: http.StatusForbidden, page: "problem", data: problemView{Status: 403, Key: "problem.crosssite"}}, nil
		}})(w, r)
	}))
	p.handler = guard.Handler(mux)
	return p, nil
}

// pruneEvery is how often sessions and codes that have ended are forgotten.
const pruneEvery = time.Hour

// Run lets pages follow what happens and forgets sessions that have ended, until
// the context ends.
func (p *Panel) Run(ctx context.Context) {
	var prune sync.WaitGroup
	prune.Go(func() {
		tick := time.NewTicker(pruneEvery)
		defer tick.Stop()
		for {
			if err := p.opt.Auth.Prune(ctx); err != nil && ctx.Err() == nil {
				p.opt.Log.WarnContext(ctx, "sessions that have ended are not forgotten", slog.Any("error", err))
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	p.live.run(ctx)
	prune.Wait()
}

// connection gives the address at the other end of the connection.
func connection(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	a, _ := netip.ParseAddr(host)
	return a.Unmap()
}

// ServeHTTP implements http.Handler.
func (p *Panel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	// Everything comes from here, and nothing from within a page.
	h.Set("Content-Security-Policy", "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Cache-Control", "no-store")
	if p.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	// Another name that leads here is somebody's attempt to read with our cookies.
	if !auth.HostAllowed(r.Host, p.hosts) {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusMisdirectedRequest)
		fmt.Fprintf(w, "There is no panel under the name %.100q. The setting panel.hosts lists names beside that of panel.public_url.\n"+
			"If that is not the name in the address of this page, the proxy before feedmill has changed it: have it pass on Host as it came.\n", r.Host)
		return
	}
	if (r.Method == http.MethodGet || r.Method == http.MethodHead) && p.assets.serve(w, r) {
		return
	}
	p.handler.ServeHTTP(w, r)
}

// cookie gives the name of a cookie: over https one that no other host can set.
func (p *Panel) cookie(name string) string {
	if p.secure {
		return "__Host-feedmill-" + name
	}
	return "feedmill-" + name
}

// setCookie sets a cookie, or removes it when the value is "".
func (p *Panel) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	c := &http.Cookie{Name: p.cookie(name), Value: value, Path: "/", HttpOnly: true, Secure: p.secure, SameSite: http.SameSiteLaxMode, MaxAge: int(life / time.Second)}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// The cookies.
const (
	sessionCookie = "session"
	flashCookie   = "flash"
	langCookie    = "lang"
)

// sessionID gives the session that the browser holds.
func (p *Panel) sessionID(r *http.Request) (auth.SessionID, bool) {
	c, err := r.Cookie(p.cookie(sessionCookie))
	if err != nil {
		return auth.SessionID{}, false
	}
	return auth.ParseSessionID(c.Value)
}

// signIn gives the browser a session.
func (c *call) signIn(id auth.SessionID, life time.Duration) {
	c.panel.setCookie(c.w, sessionCookie, id.Reveal(), life)
}

// serve makes the handler of a route.
func (p *Panel) serve(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{panel: p, w: w, r: r, ctx: r.Context(), zone: time.UTC}
		c.lang = p.words.choose(r, p.cookie(langCookie), "")
		rep, err := p.answer(c, rt)
		if err != nil {
			rep = c.problem(err)
		}
		if rep.done {
			return
		}
		if err := c.write(rep); err != nil {
			p.opt.Log.ErrorContext(c.ctx, "page cannot be made", slog.String("page", rep.page), slog.Any("error", err))
			http.Error(w, "The page cannot be made. Its makers have been told.", http.StatusInternalServerError)
		}
	}
}

// answer finds out who asks, whether he may, and has the route answer.
func (p *Panel) answer(c *call, rt route) (reply, error) {
	if id, held := p.sessionID(c.r); held && p.opt.Auth != nil {
		s, u, err := p.opt.Auth.Session(c.ctx, id)
		switch {
		case err == nil:
			if err := c.enter(s, u); err != nil {
				return reply{}, err
			}
		case feed.KindOf(err) == feed.KindNotFound:
			p.setCookie(c.w, sessionCookie, "", 0)
		default:
			return reply{}, err
		}
	}
	c.flash = p.takeFlash(c)
	switch {
	case rt.needs.open:
	case c.session.Stage == auth.StageFactor && !rt.needs.factor:
		return move("/second-factor"), nil
	case c.session.Stage == "" || rt.needs.factor && c.session.Stage != auth.StageFactor:
		return c.ended()
	case !rt.needs.met(c.who, c.user.Role):
		if c.user.Role == auth.Portal && c.r.URL.Path == root+"/" {
			return move("/portal"), nil
		}
		p.opt.Log.WarnContext(c.ctx, "refused", slog.String("route", rt.pattern()), slog.String("user", string(c.user.ID)), slog.String("role", string(c.user.Role)))
		return reply{}, &feed.Error{Kind: feed.KindForbidden, Message: "you may not do that"}
	case c.mustSetFactor() && !rt.needs.anyone:
		return c.firstFactor()
	}
	return rt.handle(c)
}

// enter takes in who it is that asks.
func (c *call) enter(s auth.Session, u auth.User) (err error) {
	c.session, c.user = s, u
	c.lang = c.panel.words.choose(c.r, c.panel.cookie(langCookie), u.Language)
	c.who = manage.Identity{Merchant: u.Merchant, Actor: u.Actor(c.address(), c.panel.opt.RequestID(c.ctx))}
	if u.Role.Staff() && s.Stage == auth.StageIn {
		if c.who.Role, err = manage.ParseRole(string(u.Role)); err != nil {
			return err
		}
	}
	if s.Stage == auth.StageIn {
		if cookie, err := c.r.Cookie(c.panel.cookie(writerCookie)); err != nil || cookie.Value != string(u.ID) {
			c.remember()
		}
	}
	if c.panel.opt.Accounts != nil {
		if c.merchant, err = c.panel.opt.Accounts.Merchant(c.ctx, u.Merchant); err != nil {
			return err
		}
		c.zone = c.merchant.Zone()
	}
	return nil
}

// address gives where the request came from.
func (c *call) address() string {
	if a := c.panel.opt.ClientAddr(c.r); a.IsValid() {
		return a.String()
	}
	return ""
}

// mustSetFactor says that an owner has yet to set up a second factor. On a
// machine's own loopback, where somebody has a first look, it is only advised.
func (c *call) mustSetFactor() bool {
	return c.panel.secure && c.user.Role == auth.Owner && !c.user.Factor.On() && c.session.Stage == auth.StageIn
}

// queryEscape writes a path as a value of a query.
func queryEscape(s string) string { return url.QueryEscape(s) }

// safeBack gives where to go on after signing in: a page of the panel, or "/".
func safeBack(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n") {
		return "/"
	}
	if slices.Contains([]string{"/sign-in", "/sign-out", "/second-factor", "/prove", "/setup"}, u.Path) {
		return "/"
	}
	return s
}

// Job is one thing that is done in the background.
type Job struct {
	ID int64
	// Kind and State are the names that internal/job gives them.
	Kind, State       string
	Attempt, Attempts int
	// Times that have not come are zero.
	Created, Due, Started, Ended time.Time
	// Error is what the last failed run has said.
	Error string
}

// Jobs lists what is done in the background for a merchant, the newest first,
// below an id or from the newest on when before is 0.
type Jobs interface {
	Jobs(ctx context.Context, merchant partner.MerchantID, before int64, limit int) ([]Job, error)
}
