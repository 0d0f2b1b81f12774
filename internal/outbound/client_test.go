package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestSpecial(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1", "172.31.255.255",
		"192.0.0.1", "192.0.2.9", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.1.1", "192.175.48.1", "198.18.0.1", "198.19.255.255",
		"198.51.100.7", "203.0.113.7", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:10::1",
		"2001:db8::1", "2002:7f00:1::", "2620:4f:8000::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1", "4000::1", "fe80::1%eth0", "2606:4700::1%eth0",
	} {
		if whySpecial(netip.MustParseAddr(s)) == "" {
			t.Errorf("%s is taken for a public address", s)
		}
	}
	for _, s := range []string{"8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.255.255", "172.32.0.1", "198.17.255.255", "198.20.0.1", "223.255.255.255",
		"::ffff:8.8.8.8", "2606:4700:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "2003::1", "3ffe::1"} {
		if why := whySpecial(netip.MustParseAddr(s)); why != "" {
			t.Errorf("%s is refused: %s", s, why)
		}
	}
}

// here admits the test's own servers.
func here(netip.AddrPort) bool { return true }

func server(t *testing.T, h http.HandlerFunc) (*httptest.Server, *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s, &tls.Config{RootCAs: pool}
}

func get(t *testing.T, c *http.Client, address string) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer secret")
	req.Header.Set("Cookie", "a=b")
	resp, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s, roots := server(t, func(http.ResponseWriter, *http.Request) { t.Error("a refused address was called") })
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	for name, address := range map[string]string{
		"loopback": s.URL, "loopback by name": "https://localhost:" + u.Port(), "http": "http://example.com/", "ftp": "ftp://example.com/", "user": "https://a:b@" + u.Host + "/",
		"mapped": "https://[::ffff:127.0.0.1]:" + u.Port(), "octal": "https://127.1:" + u.Port(), "no host": "https:///x", "private": "https://10.255.255.1/",
	} {
		if _, _, err := get(t, New(Options{TLS: roots, Ports: []uint16{443, port(t, u)}}), address); name != "octal" && !errors.Is(err, ErrRefused) || err == nil {
			t.Errorf("%s: got %v, want %v", name, err, ErrRefused)
		}
	}
	// The port alone is refused too.
	only := Options{TLS: roots, Allow: func(a netip.AddrPort) bool { return a.Port() != port(t, u) }}
	if _, _, err := get(t, New(only), s.URL); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "port") {
		t.Errorf("got %v, want the port refused", err)
	}
}

func port(t *testing.T, u *url.URL) uint16 {
	t.Helper()
	a, err := netip.ParseAddrPort(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	return a.Port()
}

func TestRequestsCarryNoSecrets(t *testing.T) {
	t.Parallel()
	s, roots := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" || r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("got headers %v", r.Header)
		}
		if r.UserAgent() != "feedmill" {
			t.Errorf("got user agent %q", r.UserAgent())
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		fmt.Fprint(w, "fine")
	})
	c := New(Options{TLS: roots, Allow: here})
	for range 2 {
		resp, body, err := get(t, c, s.URL)
		if err != nil || body != "fine" || resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("got %q, %v", body, err)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	s, roots := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/secret" {
			t.Error("the redirect was followed")
		}
		http.Redirect(w, r, "/secret", http.StatusFound)
	})
	resp, _, err := get(t, New(Options{TLS: roots, Allow: here}), s.URL)
	if err != nil || resp.StatusCode != http.StatusFound {
		t.Errorf("got %v, %v, want the redirect itself", resp, err)
	}
}

func TestRepliesAreBounded(t *testing.T) {
	t.Parallel()
	s, roots := server(t, func(w http.ResponseWriter, r *http.Request) {
		n := 100
		if r.URL.Path == "/101" || r.URL.Path == "/unsaid" {
			n = 101
		}
		if r.URL.Path == "/unsaid" || r.URL.Path == "/exact" {
			w.(http.Flusher).Flush()
		}
		fmt.Fprint(w, strings.Repeat("x", n))
	})
	c := New(Options{TLS: roots, Allow: here, MaxBytes: 100})
	for path, fits := range map[string]bool{"/100": true, "/exact": true, "/101": false, "/unsaid": false} {
		_, body, err := get(t, c, s.URL+path)
		if fits && (err != nil || len(body) != 100) || !fits && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: got %d bytes, %v", path, len(body), err)
		}
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s, roots := server(t, func(_ http.ResponseWriter, r *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	var timeout net.Error
	if _, _, err := get(t, New(Options{TLS: roots, Allow: here, Headers: 20 * time.Millisecond}), s.URL); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("got %v, want a timeout", err)
	}
}

// TestSilence: a server that stops in the middle of a body holds nobody, and one
// that has said everything is none that has stopped.
func TestSilence(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s, roots := server(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "half")
		w.(http.Flusher).Flush()
		if r.URL.Path == "/silent" {
			<-release
		}
	})
	t.Cleanup(func() { close(release) })
	if _, _, err := get(t, New(Options{TLS: roots, Allow: here, Silence: 20 * time.Millisecond}), s.URL+"/silent"); !errors.Is(err, ErrSilent) {
		t.Errorf("got %v, want that nothing came", err)
	}
	if _, body, err := get(t, New(Options{TLS: roots, Allow: here}), s.URL+"/whole"); err != nil || body != "half" {
		t.Errorf("got %q, %v from a server that has ended", body, err)
	}
}

func TestProxyOfTheEnvironmentIsIgnored(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the proxy was called") }))
	t.Cleanup(proxy.Close)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("HTTPS_PROXY", proxy.URL)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "direct") }))
	t.Cleanup(s.Close)
	if _, body, err := get(t, New(Options{AllowHTTP: true, Allow: here}), s.URL); err != nil || body != "direct" {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestPlainHTTPIsAnOption(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "plain") }))
	t.Cleanup(s.Close)
	if _, _, err := get(t, New(Options{Allow: here}), s.URL); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v, want %v", err, ErrRefused)
	}
	if _, body, err := get(t, New(Options{Allow: here, AllowHTTP: true}), s.URL); err != nil || body != "plain" {
		t.Errorf("got %q, %v", body, err)
	}
}

func FuzzSpecial(f *testing.F) {
	for _, s := range []string{"127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "8.8.8.8", "fe80::1%1", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ip, err := netip.ParseAddr(s)
		if err != nil {
			return
		}
		public := whySpecial(ip) == ""
		if plain := ip.Unmap(); public && (plain.IsPrivate() || plain.IsLoopback() || plain.IsLinkLocalUnicast() || plain.IsMulticast() || plain.IsUnspecified() || !plain.IsGlobalUnicast()) {
			t.Fatalf("%s is taken for a public address", ip)
		}
		if mapped := netip.AddrFrom16(ip.As16()); ip.Is4() && (whySpecial(mapped) == "") != public {
			t.Fatalf("%s and %s are judged differently", ip, mapped)
		}
	})
}

func ExampleNew() {
	client := New(Options{MaxBytes: 1 << 20})
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://127.0.0.1/", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Do(req)
	fmt.Println(errors.Is(err, ErrRefused))
	// Output: true
}
