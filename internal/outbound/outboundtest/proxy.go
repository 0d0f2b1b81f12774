// Package outboundtest is a real HTTP proxy on loopback, for tests of what goes
// out through one.
//
// It owns the making of connections and the list of what it was asked for; it
// refuses to know what goes through them.
package outboundtest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Proxy answers CONNECT. It is safe for concurrent use.
type Proxy struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
	auth  []string
}

// Start starts a proxy that ends with the test, and that is reached over TLS if
// secure is set. It connects to the address that it is asked for, or always to
// one server, as if that were there, where to is not empty.
func Start(t *testing.T, secure bool, to string) *Proxy {
	t.Helper()
	p := &Proxy{}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked, p.auth = append(p.asked, r.Method+" "+r.RequestURI+" "+r.Host), append(p.auth, r.Header.Get("Proxy-Authorization"))
		p.mu.Unlock()
		address := r.RequestURI
		if to != "" {
			address = to
		}
		there, err := net.Dial("tcp", address)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer there.Close()
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("take the connection over: %v", err)
			return
		}
		defer here.Close()
		if _, err := io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
			return
		}
		var both sync.WaitGroup
		both.Go(func() { _, _ = io.Copy(there, here); there.Close() }) // either may end first
		both.Go(func() { _, _ = io.Copy(here, there); here.Close() })
		both.Wait()
	}))
	if secure {
		p.StartTLS()
	} else {
		p.Server.Start()
	}
	t.Cleanup(p.Close)
	return p
}

// Requests gives what the proxy was asked for since the last call: method,
// target and host.
func (p *Proxy) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.asked
	p.asked = nil
	return list
}

// Credentials gives Proxy-Authorization of all requests.
func (p *Proxy) Credentials() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.auth...)
}
