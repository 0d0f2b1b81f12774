package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// Options says what a client may do. The zero value is the strict one.
type Options struct {
	// AllowHTTP admits http:// beside https://.
	AllowHTTP bool
	// Ports that may be called. Default 443, 80 and 8443.
	Ports []uint16
	// Allow admits a place that would be refused otherwise, by address or by
	// port: a private network that an operator named, a server of a test.
	Allow func(netip.AddrPort) bool
	// Own names the service's own addresses, which Allow admits neither. Default
	// none.
	Own *Own
	// MaxBytes bounds the body of a reply; reading beyond it fails with an
	// error that Is ErrTooLarge. Default 1 MiB.
	MaxBytes int64
	// Connect bounds the making of a connection, Headers the time from the
	// request to the head of the reply. Defaults 10 s and 30 s. The body as a
	// whole is bounded by the context of the request.
	Connect, Headers time.Duration
	// Silence is how long a body may bring nothing while it is read; then reading
	// fails with an error that Is ErrSilent. Default 1 minute.
	Silence time.Duration
	// TLS is a base for the configuration of connections, for other roots.
	TLS *tls.Config
	// UserAgent is sent with each request. Default "feedmill".
	UserAgent string
	// Proxy makes the connections, to addresses that were judged here. Default
	// none: they are made directly, whatever the environment says.
	Proxy *Proxy
}

// Errors of a client; they are wrapped with what was asked for.
var (
	// ErrRefused says that the address is one that the client does not call.
	ErrRefused = errors.New("address refused")
	// ErrTooLarge says that a reply goes beyond its bound.
	ErrTooLarge = errors.New("reply too large")
	// ErrSilent says that a reply has stopped coming without having ended.
	ErrSilent = errors.New("nothing came")
)

// ErrForm says that no option admits an address of this form. It Is ErrRefused too.
var ErrForm = fmt.Errorf("%w", ErrRefused)

// New makes a client. It returns redirects as they are, asks for no
// compression and undoes none. It is safe for concurrent use.
func New(opt Options) *http.Client {
	if opt.Ports == nil {
		opt.Ports = []uint16{443, 80, 8443}
	}
	if opt.MaxBytes <= 0 {
		opt.MaxBytes = 1 << 20
	}
	if opt.Connect <= 0 {
		opt.Connect = 10 * time.Second
	}
	if opt.Headers <= 0 {
		opt.Headers = 30 * time.Second
	}
	if opt.Silence <= 0 {
		opt.Silence = time.Minute
	}
	if opt.UserAgent == "" {
		opt.UserAgent = "feedmill"
	}
	g := &guard{opt: opt, lookup: net.DefaultResolver.LookupNetIP, machine: machine}
	dial := (&net.Dialer{Timeout: opt.Connect, ControlContext: g.control}).DialContext
	if opt.Proxy != nil {
		dial = g.dialThrough
	}
	base := &tls.Config{MinVersion: tls.VersionTLS12}
	if opt.TLS != nil {
		base = opt.TLS.Clone()
	}
	g.next = &http.Transport{
		Proxy:                  nil, // a proxy from the environment would be called instead of the address judged
		DialContext:            g.dialer(dial),
		TLSClientConfig:        base,
		TLSHandshakeTimeout:    opt.Connect,
		ResponseHeaderTimeout:  opt.Headers,
		MaxResponseHeaderBytes: maxHead,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
	return &http.Client{Transport: g, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// guard judges requests before and connections while they are made.
type guard struct {
	opt  Options
	next *http.Transport
	// lookup resolves names where a proxy makes the connections, and the service's own.
	lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
	// machine gives the addresses of this machine.
	machine func() []netip.Addr
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := g.check(req); err != nil {
		if req.Body != nil {
			err = errors.Join(err, req.Body.Close())
		}
		return nil, err
	}
	ctx := req.Context()
	if req.URL.Scheme != "https" {
		ctx = context.WithValue(ctx, unproven{}, true)
	}
	ctx, stop := context.WithCancelCause(ctx)
	req = req.Clone(ctx)
	req.Header.Set("User-Agent", g.opt.UserAgent)
	for _, secret := range []string{"Cookie", "Authorization", "Proxy-Authorization"} {
		req.Header.Del(secret)
	}
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		stop(nil)
		return nil, err
	}
	resp.Header.Del("Set-Cookie")
	b := &body{ReadCloser: resp.Body, left: g.opt.MaxBytes, most: g.opt.MaxBytes, silence: g.opt.Silence, ctx: ctx, stop: stop}
	if resp.ContentLength > g.opt.MaxBytes {
		return nil, errors.Join(fmt.Errorf("%w: %d bytes announced, %d allowed", ErrTooLarge, resp.ContentLength, g.opt.MaxBytes), b.Close())
	}
	resp.Body = b
	return resp, nil
}

// CloseIdleConnections lets http.Client close what is idle.
func (g *guard) CloseIdleConnections() { g.next.CloseIdleConnections() }

// check judges what can be judged before a name is resolved.
func (g *guard) check(req *http.Request) error {
	switch u := req.URL; {
	case u.Scheme == "http" && !g.opt.AllowHTTP:
		return fmt.Errorf("%w: scheme %q, want https", ErrRefused, u.Scheme)
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%w: scheme %q, want https", ErrForm, u.Scheme)
	case u.User != nil:
		return fmt.Errorf("%w: it carries a user name or password", ErrForm)
	case u.Hostname() == "":
		return fmt.Errorf("%w: no host", ErrForm)
	}
	return g.checkName(req.URL.Hostname())
}

// dialer judges the name that a connection is made to before dial does: by then
// letters of other scripts and widths have become those that names are looked up by.
func (g *guard) dialer(dial func(ctx context.Context, network, address string) (net.Conn, error)) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrRefused, err)
		}
		if err := g.checkName(host); err != nil {
			return nil, err
		}
		if _, err := netip.ParseAddr(host); err == nil {
			ctx = context.WithValue(ctx, unproven{}, true)
		}
		return dial(ctx, network, address)
	}
}

// checkName says whether a host is one of the service's by name.
func (g *guard) checkName(host string) error {
	if g.opt.Own != nil && g.opt.Own.named(host) {
		return fmt.Errorf("%w: %s is its own name", ErrOwn, plain(host))
	}
	return nil
}

// control judges a connection after the name was resolved, so that a name
// which changes its address between two look-ups gains nothing.
func (g *guard) control(ctx context.Context, network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%w: network %s", ErrRefused, network)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return g.judge(ctx, netip.AddrPortFrom(ip.Unmap(), uint16(n)))
}

// judge says whether an address may be called. An IPv4 address has its plain form.
func (g *guard) judge(ctx context.Context, a netip.AddrPort) error {
	if err := g.judgeOwn(ctx, a); err != nil {
		return err
	}
	if g.opt.Allow != nil && g.opt.Allow(a) {
		return nil
	}
	if !slices.Contains(g.opt.Ports, a.Port()) {
		return fmt.Errorf("%w: port %d, want one of %v", ErrRefused, a.Port(), g.opt.Ports)
	}
	if why := whySpecial(a.Addr()); why != "" {
		return fmt.Errorf("%w: %s is %s", ErrRefused, a.Addr(), why)
	}
	return nil
}

// body bounds what is read of a reply.
type body struct {
	io.ReadCloser
	left, most int64
	silence    time.Duration
	alarm      *time.Timer     // runs while a read waits
	ctx        context.Context // of the request, which stop ends
	stop       context.CancelCauseFunc
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.left <= 0 {
		// Whether anything is left decides whether it is too much.
		var one [1]byte
		n, err := b.read(one[:])
		if n > 0 {
			return 0, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, b.most)
		}
		return 0, err
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.read(p)
	b.left -= int64(n)
	return n, err
}

// read gives up on a server that says nothing more: it would hold whoever reads
// for as long as all files together may take. How long the reader itself takes
// between two reads does not count.
func (b *body) read(p []byte) (int, error) {
	if b.alarm == nil {
		b.alarm = time.AfterFunc(b.silence, func() { b.stop(ErrSilent) })
	} else {
		b.alarm.Reset(b.silence)
	}
	n, err := b.ReadCloser.Read(p)
	b.alarm.Stop()
	if err != nil && err != io.EOF && errors.Is(context.Cause(b.ctx), ErrSilent) {
		err = fmt.Errorf("%w for %s", ErrSilent, b.silence)
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.stop(nil)
	return err
}
