package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"feedmill/feed"
)

// Listen opens the listener for [Metrics.Serve]. Unless public is set, an
// address that others than this machine can reach is refused with KindInvalid:
// what is shown there is nobody else's business.
func Listen(ctx context.Context, address string, public bool) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s for metrics: %w", address, err)
	}
	if at, ok := l.Addr().(*net.TCPAddr); public || ok && at.IP.IsLoopback() {
		return l, nil
	}
	return nil, errors.Join(&feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("server.metrics_listen %s can be reached from other machines", address),
		Hint: "take a loopback address such as 127.0.0.1:9464, or set server.metrics_public where nobody but the monitoring reaches it"}, l.Close())
}

// Handler answers /metrics, and /debug/pprof/ for this machine alone.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 15 * time.Second}))
	// What Go shows of a process can hold what passes through it, so that it is
	// for this machine alone, also where the numbers are for others.
	for pattern, handler := range map[string]http.HandlerFunc{
		"GET /debug/pprof/":        pprof.Index,
		"GET /debug/pprof/cmdline": pprof.Cmdline,
		"GET /debug/pprof/profile": pprof.Profile,
		"GET /debug/pprof/symbol":  pprof.Symbol,
		"GET /debug/pprof/trace":   pprof.Trace,
	} {
		mux.Handle(pattern, local(handler))
	}
	return mux
}

// local lets requests through that come from this machine and name it: a page
// of somebody else's in a browser here may send requests too, by a name of his.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil || !loopback(from) || !loopback(hostOf(r.Host)) {
			http.Error(w, "for this machine alone", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Serve answers requests that come to l until the context ends, and closes it.
func (m *Metrics) Serve(ctx context.Context, l net.Listener, log *slog.Logger) error {
	server := &http.Server{Handler: m.Handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		// A profile takes as long as was asked for; nothing here takes longer than this.
		WriteTimeout: 5 * time.Minute, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), BaseContext: func(net.Listener) context.Context { return ctx }}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve metrics on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	// Nobody misses a look at a process that ends.
	err := server.Close()
	if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}
