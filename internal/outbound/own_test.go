package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"testing"

	"feedmill/internal/outbound/outboundtest"
)

// What the service listens on is refused under each address of the machine,
// though everything else there is admitted.
func TestOwnListeners(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", ":0") // on each address, IPv6 too where there is any
	if err != nil {
		t.Fatal(err)
	}
	own := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the service asked itself") })}}
	own.Start()
	t.Cleanup(own.Close)
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	c := New(Options{AllowHTTP: true, Allow: here, Own: &Own{Ports: []uint16{9, port}}})
	hosts := []string{"127.0.0.1", "127.0.0.9", "0.0.0.0", "localhost", "LOCALHOST.", "::ffff:127.0.0.1", "::1", "::"}
	for _, a := range machine() {
		if !a.IsLinkLocalUnicast() { // needs a zone
			hosts = append(hosts, a.String())
		}
	}
	for _, host := range hosts {
		_, _, err := get(t, c, "http://"+net.JoinHostPort(host, strconv.Itoa(int(port)))+"/o/x/gateway.xml")
		// Names and IPv6 may be unknown to a machine.
		ip, perr := netip.ParseAddr(host)
		if must := perr == nil && ip.Unmap().Is4(); err == nil || must && !errors.Is(err, ErrOwn) {
			t.Errorf("%s: got %v, want %v", host, err, ErrOwn)
		}
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "other") }))
	t.Cleanup(other.Close)
	if _, body, err := get(t, c, other.URL); err != nil || body != "other" {
		t.Errorf("another port of this machine: got %q, %v", body, err)
	}
}

// The service's public names are refused as names, however they are written, and
// their addresses where no certificate tells whose they are.
func TestOwnNames(t *testing.T) {
	t.Parallel()
	s, roots := server(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "fine") })
	secure := outboundtest.Start(t, false, s.Listener.Addr().String())
	p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "fine") }))
	t.Cleanup(p.Close)
	open := outboundtest.Start(t, false, p.Listener.Addr().String())
	// The service and example.com stand behind the same network of a deliverer.
	names := map[string][]string{"feeds.example": {"1.1.1.1", "2606:4700::1111"}, "panel.example": nil, "example.com": {"1.1.1.1"}, "1.1.1.1": {"1.1.1.1"},
		"2606:4700::1111": {"2606:4700::1111"}, "8.8.8.8": {"8.8.8.8"}, "other.example": {"8.8.8.8"}, "mine.example": {"9.9.9.9"}}
	for _, c := range []struct {
		address string
		own     bool
	}{
		{"https://feeds.example/o/x", true}, {"https://FEEDS.Example./o/x", true}, {"https://feeds.example:8443/", true}, {"http://feeds.example/", true}, {"https://panel.example/", true},
		{"https://example.com/", false}, {"http://example.com/", true}, {"http://1.1.1.1/", true}, {"http://[2606:4700::1111]/", true}, {"https://1.1.1.1/", true}, {"https://１.1.1.1/", true},
		{"http://other.example/", false}, {"http://8.8.8.8/", false},
		{"http://mine.example/", true}, {"http://mine.example:8443/", false},
	} {
		u, err := url.Parse(c.address)
		if err != nil {
			t.Fatal(err)
		}
		proxy := secure
		if u.Scheme == "http" {
			proxy = open
		}
		own := &Own{Hosts: []string{"feeds.example", "Panel.example"}, Ports: []uint16{80}}
		client := through(t, proxy.URL, "", Options{TLS: roots, AllowHTTP: true, Own: own}, func(host string) []string { return names[host] })
		client.Transport.(*guard).machine = func() []netip.Addr { return []netip.Addr{netip.MustParseAddr("9.9.9.9")} }
		_, body, err := get(t, client, c.address)
		asked := proxy.Requests()
		if c.own && (!errors.Is(err, ErrOwn) || !errors.Is(err, ErrRefused) || len(asked) != 0) || !c.own && (err != nil || body != "fine" || len(asked) != 1) {
			t.Errorf("%s: got %q, %v and %q asked of the proxy, want it refused: %v", c.address, body, err, asked, c.own)
		}
	}
}

// However a name is written that becomes one of the service's on its way to the
// resolver, it is one of the service's.
func TestOwnNamesInOtherLetters(t *testing.T) {
	t.Parallel()
	s, roots := server(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "fine") })
	e := outboundtest.Start(t, false, s.Listener.Addr().String())
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"ｅｘａｍｐｌｅ.com", "EXAMPLE。com", "example．com", "ex%C2%ADample.com", "examp%E2%84%93e.com"} {
		own := &Own{Hosts: []string{"example.com"}}
		proxied := through(t, e.URL, "", Options{TLS: roots, Own: own}, func(string) []string { return []string{"1.1.1.1"} })
		if _, body, err := get(t, proxied, "https://"+host+"/o/x"); !errors.Is(err, ErrOwn) || len(e.Requests()) != 0 {
			t.Errorf("%s through a proxy: got %q, %v", host, body, err)
		}
		if _, body, err := get(t, New(Options{TLS: roots, Allow: here, Own: own}), "https://"+host+":"+port+"/o/x"); !errors.Is(err, ErrOwn) {
			t.Errorf("%s: got %q, %v", host, body, err)
		}
	}
}

// A name that leads to the service at its second look-up is refused then.
func TestOwnAndRebinding(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "fine") }))
	t.Cleanup(s.Close)
	e := outboundtest.Start(t, false, s.Listener.Addr().String())
	n := 0
	c := through(t, e.URL, "", Options{AllowHTTP: true, Allow: here, Own: &Own{Ports: []uint16{80}}}, func(string) []string {
		n++
		return [][]string{{"1.1.1.1"}, {"127.0.0.1"}}[(n-1)%2]
	})
	for i := range 4 {
		_, _, err := get(t, c, "http://example.com/")
		if own := i%2 == 1; own != errors.Is(err, ErrOwn) || !own && err != nil {
			t.Errorf("look-up %d: got %v, want it refused: %v", i, err, own)
		}
		c.CloseIdleConnections()
	}
	if got, want := e.Requests(), []string{"CONNECT 1.1.1.1:80 1.1.1.1:80", "CONNECT 1.1.1.1:80 1.1.1.1:80"}; !slices.Equal(got, want) {
		t.Errorf("the proxy was asked for %q, want %q", got, want)
	}
}

func TestOwnNamed(t *testing.T) {
	t.Parallel()
	own := &Own{Hosts: []string{"feeds.example"}, Ports: []uint16{8080, 80}}
	for address, want := range map[string]bool{
		"https://feeds.example/o/x": true, "https://Feeds.Example:8443/": true, "http://127.0.0.1:8080/o/x": true, "http://localhost:8080": true, "http://[::1]:8080/": true, "http://127.0.0.1/": true,
		"http://0.0.0.0:8080/": true, "https://127.0.0.1/": false, "http://127.0.0.1:8081/": false, "http://localhost.example:8080/": false, "https://example.com/": false, "http://8.8.8.8:8080/": false,
		"": false, "http://": false, ":": false, "http://127.0.0.1:x/": false,
	} {
		if got := own.Named(address); got != want {
			t.Errorf("%s: got %v, want %v", address, got, want)
		}
	}
}

func ExampleOwn() {
	own := &Own{Ports: []uint16{8080}, Hosts: []string{"feeds.example.com"}}
	client := New(Options{Own: own})
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://feeds.example.com/o/link/gateway.xml", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Do(req)
	fmt.Println(errors.Is(err, ErrOwn), own.Named("http://127.0.0.1:8080/"), own.Named("https://supplier.example/"))
	// Output: true true false
}
