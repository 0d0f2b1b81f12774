package httpd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sort"
	"sync/atomic"
	"time"
)

// DefaultAddress is loopback: who wants to be reached from outside says so.
const DefaultAddress = "127.0.0.1:8080"

// Options are settings of a Server. The zero value works.
type Options struct {
	// Log receives panics, faults of connections and requests to the panel and
	// the API; nil means slog.Default. With [LogHandler] every line tells its request.
	Log *slog.Logger
	// StopTimeout is how long running requests may go on after the server has
	// been told to stop. Default 20 s.
	StopTimeout time.Duration
	// MaxConns is the number of connections at a time; further ones wait to be
	// accepted. Default 12000.
	MaxConns int
	// MaxConnsPerAddress is the same for one client address; further ones are
	// closed at once. 0 means no limit, which is right behind a proxy.
	MaxConnsPerAddress int
	// ConnContext is called for each connection; internal/download has one.
	ConnContext func(ctx context.Context, c net.Conn) context.Context
	// Observe, when set, is called for each request of a group that this package
	// logs, with the group in place of the address. It must not block.
	Observe func(group, method string, status int, took time.Duration)
	// Ready are the checks behind /readyz, by a name that may be shown.
	Ready map[string]func(context.Context) error
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.StopTimeout == 0 {
		o.StopTimeout = 20 * time.Second
	}
	if o.MaxConns == 0 {
		o.MaxConns = 12_000
	}
	return o
}

// The time limits. There is none for a whole answer: a large
// file to a slow client is right as long as it moves, which is looked at step by step.
const (
	readHeaderTimeout = 5 * time.Second
	// Longer than the minute for which nginx and the balancers of clouds keep a
	// connection: one that ends just when they send a request on it is a 502 for
	// somebody who does not ask again.
	idleTimeout      = 75 * time.Second
	writeStepTimeout = 30 * time.Second
	maxHeaderBytes   = 16 << 10
	readyTimeout     = 3 * time.Second
)

// Server answers HTTP.
type Server struct {
	routes   Routes
	opt      Options
	http     *http.Server
	stopping atomic.Bool
	alive    context.Context // until what still runs is broken off
	breakOff context.CancelFunc
}

// New makes a server; [Server.Serve] runs it.
func New(routes Routes, opt Options) *Server {
	s := &Server{routes: routes, opt: opt.withDefaults()}
	s.alive, s.breakOff = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler:           s.contained(s.handler()),
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       s.opt.ConnContext,
		ErrorLog:          slog.NewLogLogger(s.opt.Log.Handler(), slog.LevelWarn),
		// "OPTIONS *" is a request like any other.
		DisableGeneralOptionsHandler: true,
	}
	return s
}

// ServeHTTP implements http.Handler with everything but the connections' limits.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.http.Handler.ServeHTTP(w, r) }

// Listen opens a listener for [Server.Serve]; "" is [DefaultAddress].
func Listen(ctx context.Context, address string) (net.Listener, error) {
	if address == "" {
		address = DefaultAddress
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}

// Serve answers requests that come to l until the context ends. Then /readyz
// says no, no new connection is taken, and running requests get StopTimeout to
// end; what still runs after that is broken off. It closes l.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ended := make(chan error, 1)
	go func() { ended <- s.http.Serve(newLimiter(l, s.opt.MaxConns, s.opt.MaxConnsPerAddress)) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	s.opt.Log.Info("stopping", slog.Duration("at_most", s.opt.StopTimeout))
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opt.StopTimeout)
	defer cancel()
	err := s.http.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		s.opt.Log.Warn("breaking off what still runs")
		s.breakOff()
		err = s.http.Close()
	}
	if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// contained gives each request an id and its answer a deadline, and turns a panic into an
// answer, or a broken connection when the answer had begun.
func (s *Server) contained(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := newRequestID()
		r = r.WithContext(withRequestID(r.Context(), id))
		out := &tracked{ResponseWriter: w, limit: writeStepTimeout}
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			s.opt.Log.ErrorContext(r.Context(), "panic", slog.Any("value", v), slog.String("stack", string(debug.Stack())))
			if out.status != 0 {
				panic(http.ErrAbortHandler)
			}
			h := w.Header()
			clear(h)
			h.Set("Content-Type", "application/problem+json")
			h.Set("Cache-Control", "no-store")
			h.Set("X-Content-Type-Options", "nosniff")
			out.WriteHeader(http.StatusInternalServerError)
			fmt.Fprintf(out, `{"type":"about:blank","title":"internal error","status":500,"instance":"urn:feedmill:request:%s"}`, id)
		}()
		// The deadline that the request before has left must not hit this one.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
		if r.ContentLength != 0 && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			// Nobody reads a body that means nothing; the connection ends instead.
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(out, r)
		out.begin(http.StatusOK) // of one without a body
	})
}

// logged logs requests of a group by its path's template, never by the path.
func (s *Server) logged(group string, next http.Handler) http.Handler {
	if next == nil {
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		out := &tracked{ResponseWriter: w}
		defer func() {
			took := time.Since(start)
			if s.opt.Observe != nil {
				s.opt.Observe(group, r.Method, out.status, took)
			}
			s.opt.Log.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.String("group", group), slog.String("method", r.Method),
				slog.Int("status", out.status), slog.Duration("took", took), slog.String("remote", r.RemoteAddr))
		}()
		next.ServeHTTP(out, r)
	})
}

// serveHealth says that the process answers; it asks nobody.
func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request) {
	state(w, r, http.StatusOK, map[string]any{"status": "ok"})
}

// serveReady says whether requests should be sent here, and which part says no.
func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	failing := []string{}
	if s.stopping.Load() {
		failing = append(failing, "stopping")
	}
	for name, check := range s.opt.Ready {
		if err := check(ctx); err != nil {
			failing = append(failing, name)
			s.opt.Log.WarnContext(ctx, "not ready", slog.String("part", name), slog.Any("error", err))
		}
	}
	if len(failing) > 0 {
		sort.Strings(failing)
		state(w, r, http.StatusServiceUnavailable, map[string]any{"status": "not ready", "failing": failing})
		return
	}
	state(w, r, http.StatusOK, map[string]any{"status": "ready"})
}

func state(w http.ResponseWriter, r *http.Request, status int, doc map[string]any) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A client that has gone away needs no answer.
	_ = json.NewEncoder(w).Encode(doc)
}
