package outbound

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/internal/outbound/outboundtest"
)

// through makes a client that goes through a proxy, and resolves names by names.
func through(t *testing.T, address, auth string, opt Options, names func(host string) []string) *http.Client {
	t.Helper()
	var err error
	if opt.Proxy, err = ParseProxy(address, auth); err != nil {
		t.Fatal(err)
	}
	c := New(opt)
	t.Cleanup(c.CloseIdleConnections)
	if names != nil {
		c.Transport.(*guard).lookup = func(_ context.Context, _, host string) (list []netip.Addr, err error) {
			for _, a := range names(host) {
				list = append(list, netip.MustParseAddr(a))
			}
			return list, nil
		}
	}
	return c
}

func TestProxyIsToldAddresses(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		s, roots := server(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Proxy-Authorization") != "" || r.Header.Get("Authorization") != "" || r.Host != "example.com" {
				t.Errorf("got host %q and headers %v", r.Host, r.Header)
			}
			fmt.Fprint(w, "fine")
		})
		e := outboundtest.Start(t, secure, s.Listener.Addr().String())
		if secure {
			roots.RootCAs.AddCert(e.Certificate())
		}
		c := through(t, e.URL, "feeds:opensesame", Options{TLS: roots}, func(string) []string { return []string{"::ffff:10.0.0.1", "1.1.1.1", "8.8.8.8"} })
		for range 2 {
			resp, body, err := get(t, c, "https://example.com/o/secret")
			if err != nil || body != "fine" {
				t.Fatalf("TLS to the proxy %v: got %v %q, %v", secure, resp, body, err)
			}
		}
		// The private address was left out, the second public one not needed, the
		// connection used again, and no name told.
		if got, want := e.Requests(), []string{"CONNECT 1.1.1.1:443 1.1.1.1:443"}; !slices.Equal(got, want) {
			t.Errorf("TLS to the proxy %v: it was asked for %q, want %q", secure, got, want)
		}
		if want := "Basic ZmVlZHM6b3BlbnNlc2FtZQ=="; e.Credentials()[0] != want {
			t.Errorf("got credentials %q, want %q", e.Credentials()[0], want)
		}
	}
}

func TestProxyOpensNothing(t *testing.T) {
	t.Parallel()
	s, roots := server(t, func(http.ResponseWriter, *http.Request) { t.Error("a refused address was called") })
	e := outboundtest.Start(t, false, s.Listener.Addr().String())
	names := map[string][]string{"private.example": {"10.0.0.1", "fd00::1"}, "meta.example": {"169.254.169.254"}, "mapped.example": {"::ffff:127.0.0.1"}, "nat64.example": {"64:ff9b::7f00:1"}, "public.example": {"1.1.1.1"}}
	c := through(t, e.URL, "", Options{TLS: roots, AllowHTTP: true}, func(host string) []string { return names[host] })
	for host := range names {
		address := "https://" + host + "/"
		if host == "public.example" {
			address = "https://public.example:22/"
		}
		if _, _, err := get(t, c, address); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: got %v, want %v", address, err, ErrRefused)
		}
	}
	// As the machine itself resolves them.
	c = through(t, e.URL, "", Options{TLS: roots, AllowHTTP: true}, nil)
	for _, address := range []string{"https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://10.1.2.3/", "https://[fd00::1]/", "http://169.254.169.254/latest/meta-data/", "https://[::ffff:127.0.0.1]/", "https://[fe80::1%25eth0]/", "https://1.1.1.1:25/"} {
		if _, _, err := get(t, c, address); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: got %v, want %v", address, err, ErrRefused)
		}
	}
	if got := e.Requests(); len(got) != 0 {
		t.Errorf("the proxy was asked for %q, want nothing", got)
	}
}

// A name that has another address for each look-up is judged by the one that the
// proxy is asked for.
func TestProxyAndRebinding(t *testing.T) {
	t.Parallel()
	s, roots := server(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "fine") })
	e := outboundtest.Start(t, false, s.Listener.Addr().String())
	n := 0
	c := through(t, e.URL, "", Options{TLS: roots}, func(string) []string {
		n++
		return [][]string{{"1.1.1.1"}, {"127.0.0.1"}, {"8.8.8.8"}}[(n-1)%3]
	})
	for i, refused := range []bool{false, true, false} {
		_, _, err := get(t, c, "https://example.com/")
		if refused && !errors.Is(err, ErrRefused) || !refused && err != nil {
			t.Errorf("look-up %d: got %v, want it refused: %v", i, err, refused)
		}
		c.CloseIdleConnections()
	}
	if got, want := e.Requests(), []string{"CONNECT 1.1.1.1:443 1.1.1.1:443", "CONNECT 8.8.8.8:443 8.8.8.8:443"}; !slices.Equal(got, want) {
		t.Errorf("the proxy was asked for %q, want %q", got, want)
	}
}

// A proxy that leads elsewhere is found out by the certificate.
func TestProxyCannotStandInForTheHost(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request was told to another server") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	e := outboundtest.Start(t, false, s.Listener.Addr().String())
	c := through(t, e.URL, "", Options{}, func(string) []string { return []string{"1.1.1.1"} })
	if _, _, err := get(t, c, "https://example.com/"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v, want an error about the certificate", err)
	}
}

func TestPlainHTTPThroughAProxy(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host, r.RequestURI) }))
	t.Cleanup(s.Close)
	e := outboundtest.Start(t, false, s.Listener.Addr().String())
	c := through(t, e.URL, "", Options{AllowHTTP: true}, func(string) []string { return []string{"2606:4700::1111"} })
	if _, body, err := get(t, c, "http://example.com/x"); err != nil || body != "example.com/x" {
		t.Errorf("got %q, %v", body, err)
	}
	if got, want := e.Requests(), []string{"CONNECT [2606:4700::1111]:80 [2606:4700::1111]:80"}; !slices.Equal(got, want) {
		t.Errorf("the proxy was asked for %q, want %q", got, want)
	}
}

// The next address is tried when the proxy cannot reach one, a few times.
func TestProxyTriesOtherAddresses(t *testing.T) {
	t.Parallel()
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.RequestURI) // one after the other
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(proxy.Close)
	c := through(t, proxy.URL, "", Options{}, func(string) []string {
		return []string{"1.1.1.1", "2606:4700::1111", "127.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9"}
	})
	if _, _, err := get(t, c, "https://example.com/"); err == nil || !strings.Contains(err.Error(), "502 when asked for 1.1.1.1:443") {
		t.Errorf("got %v, want an error that names status and address", err)
	}
	proxy.Close()
	if want := []string{"1.1.1.1:443", "[2606:4700::1111]:443", "8.8.8.8:443", "8.8.4.4:443"}; !slices.Equal(asked, want) {
		t.Errorf("the proxy was asked for %q, want %q", asked, want)
	}
}

func TestBadProxies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer, want string
	}{
		"no credentials": {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "wants a user name"},
		"refusal":        {"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\n<html>", "it answers 403 when asked for 1.1.1.1:443"},
		"no HTTP":        {"SSH-2.0-x\r\n\r\n", "malformed"},
		"more":           {"HTTP/1.1 200 OK\r\n\r\nhello", "more than its answer"},
		"a long head":    {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 70<<10) + "\r\n\r\n", "EOF"},
		"the end":        {"", "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := through(t, answering(t, tt.answer, true), "", Options{}, func(string) []string { return []string{"1.1.1.1"} })
			if _, _, err := get(t, c, "https://example.com/"); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "proxy 127.0.0.1:") {
				t.Errorf("got %v, want the proxy's name and %q", err, tt.want)
			}
		})
	}
	// One that says nothing is not waited for.
	var timeout net.Error
	c := through(t, answering(t, "", false), "", Options{Connect: 20 * time.Millisecond}, func(string) []string { return []string{"1.1.1.1"} })
	if _, _, err := get(t, c, "https://example.com/"); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("got %v, want a timeout", err)
	}
}

// answering is a server that reads a request and gives one answer, whatever it is.
func answering(t *testing.T, answer string, end bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	over := make(chan struct{})
	t.Cleanup(func() {
		close(over)
		l.Close()
		all.Wait()
	})
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
					return
				}
				_, _ = io.WriteString(conn, answer) // it may not be read to its end
				if !end {
					<-over
				}
			})
		}
	})
	return "http://" + l.Addr().String()
}

func TestParseProxy(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"http://proxy.internal:3128": "proxy.internal:3128", "http://10.0.0.5/": "10.0.0.5:80", "https://proxy.internal": "proxy.internal:443", "http://[fd00::5]:8080": "[fd00::5]:8080"} {
		p, err := ParseProxy(address, "")
		if err != nil || p.host != want || p.secure != strings.HasPrefix(address, "https") {
			t.Errorf("%s: got %+v, %v, want %s", address, p, err, want)
		}
	}
	for _, address := range []string{"", "proxy.internal:3128", "socks5://proxy.internal", "http://", "http://user:opensesame@proxy.internal", "http://proxy.internal:0", "http://proxy.internal:70000",
		"http://proxy.internal/opensesame", "http://proxy.internal?opensesame", "http://proxy.internal#opensesame", "http://[proxy/opensesame"} {
		if p, err := ParseProxy(address, ""); err == nil || strings.Contains(err.Error(), "opensesame") {
			t.Errorf("%s: got %+v, %v, want an error that repeats no secret", address, p, err)
		}
	}
	if _, err := ParseProxy("http://proxy.internal", "user:opensesame\r\nX: y"); err == nil || strings.Contains(err.Error(), "opensesame") {
		t.Errorf("got %v, want an error that repeats no secret", err)
	}
}

func ExampleParseProxy() {
	proxy, err := ParseProxy("http://proxy.internal:3128", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	// Private addresses are refused before the proxy is asked.
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://10.0.0.1/", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = New(Options{Proxy: proxy}).Do(req)
	fmt.Println(errors.Is(err, ErrRefused))
	var u *url.Error
	fmt.Println(errors.As(err, &u))
	// Output:
	// true
	// true
}
