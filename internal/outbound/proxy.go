package outbound

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"
)

// Proxy is an HTTP proxy of the operator's own that makes a client's
// connections for it (CONNECT, RFC 9110, section 9.3.6), where this machine may
// not, or where somebody wants to see or bound what goes out.
//
// It opens nothing. The name of a host is resolved here, each address of it is
// judged here by the rules for direct connections, and the proxy is asked for
// the address that was judged and never for a name: what it would find under
// the name does not matter, and a name that changes its address between two
// look-ups gains nothing. TLS runs through the proxy, from here to the host, so
// it is the host's certificate that is checked, and the proxy reads nothing.
// The proxy's own address is the operator's word and is not judged.
type Proxy struct {
	host   string // with port
	name   string // of the host, for TLS
	secure bool   // TLS up to the proxy
	auth   string // value of Proxy-Authorization, "" for none
}

// maxTried is how many addresses of one host the proxy is asked for.
const maxTried = 4

// ParseProxy reads the address of a proxy, such as http://proxy.internal:3128
// or https://proxy.internal; auth is "user:password" for one that wants it, or
// empty. No error repeats either of them.
func ParseProxy(address, auth string) (*Proxy, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "":
		return nil, errors.New("the proxy's address is none, want http://HOST:PORT or https://HOST:PORT")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the proxy's address begins with %q, want http:// or https://", u.Scheme)
	case u.User != nil:
		return nil, errors.New("the proxy's address carries a user name or password, which belong into a file of their own")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("the proxy's address goes on behind host and port")
	}
	p := &Proxy{name: u.Hostname(), secure: u.Scheme == "https"}
	port := u.Port()
	if port == "" {
		port = map[bool]string{false: "80", true: "443"}[p.secure]
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, fmt.Errorf("the proxy's port is %q, want 1 to 65535", port)
	}
	p.host = net.JoinHostPort(p.name, port)
	if auth != "" {
		for _, r := range auth {
			if r < ' ' || r == 0x7f {
				return nil, errors.New("user name and password for the proxy are more than one line")
			}
		}
		p.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(auth))
	}
	return p, nil
}

// dialThrough makes a connection to address through the proxy. It is judged
// here, as control judges direct ones.
func (g *guard) dialThrough(ctx context.Context, _, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, g.opt.Connect)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	ips, err := g.lookup(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var errs []error
	tried := 0
	for _, ip := range ips {
		target := netip.AddrPortFrom(ip.Unmap(), uint16(n))
		if err := g.judge(ctx, target); err != nil {
			errs = append(errs, err)
			continue
		}
		if tried++; tried > maxTried || ctx.Err() != nil {
			break
		}
		conn, err := g.opt.Proxy.connect(ctx, g.opt, target)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return nil, &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
	}
	if len(errs) == 1 || ctx.Err() != nil {
		return nil, errs[len(errs)-1]
	}
	return nil, errors.Join(errs...)
}

// connect asks the proxy for a connection to an address.
func (p *Proxy) connect(ctx context.Context, opt Options, to netip.AddrPort) (_ net.Conn, err error) {
	defer func() {
		if err != nil {
			// Who asks whether it was a timeout asks the outermost error that can tell.
			err = &net.OpError{Op: "connect through proxy " + p.host, Err: err}
		}
	}()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.host)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = conn.Close() // nothing was entrusted to it
		}
	}()
	raw := conn
	// What does not answer in time, or nobody waits for any more, is broken off.
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) }) // fails where the connection has ended
	defer stop()
	if p.secure {
		conf := &tls.Config{MinVersion: tls.VersionTLS12}
		if opt.TLS != nil {
			conf = opt.TLS.Clone()
		}
		conf.ServerName, conf.NextProtos = p.name, []string{"http/1.1"}
		secure := tls.Client(conn, conf)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		conn = secure
	}
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: to.String()}, Host: to.String(), Header: http.Header{"User-Agent": {opt.UserAgent}}}
	if p.auth != "" {
		req.Header.Set("Proxy-Authorization", p.auth)
	}
	if err := req.Write(conn); err != nil {
		return nil, timely(ctx, err)
	}
	r := bufio.NewReader(io.LimitReader(conn, maxHead))
	resp, err := http.ReadResponse(r, req)
	if err != nil {
		return nil, timely(ctx, err)
	}
	switch {
	case resp.StatusCode == http.StatusProxyAuthRequired:
		return nil, errors.New("it wants a user name and password, or others")
	case resp.StatusCode/100 != 2:
		// Its words are not repeated: they may be anything.
		return nil, fmt.Errorf("it answers %d when asked for %s", resp.StatusCode, to)
	case r.Buffered() > 0:
		return nil, fmt.Errorf("it sends more than its answer when asked for %s", to)
	case !stop():
		return nil, context.Cause(ctx)
	}
	return conn, nil
}

// maxHead bounds the head of a reply.
const maxHead = 64 << 10

// timely gives the reason why a connection was broken off, where it was.
func timely(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
