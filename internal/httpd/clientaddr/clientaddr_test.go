package clientaddr_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"feedmill/internal/httpd/clientaddr"
)

func Example() {
	r, err := clientaddr.Parse("10.0.0.0/8, 127.0.0.1")
	if err != nil {
		panic(err)
	}
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.RemoteAddr = "10.1.2.3:5555"
	req.Header.Set("X-Forwarded-For", "6.6.6.6, 203.0.113.9, 10.4.4.4")
	fmt.Println(r.Of(req))
	// Output: 203.0.113.9
}

func ExampleParse() {
	_, err := clientaddr.Parse("10.0.0.1/8")
	fmt.Println(err)
	// Output: network 10.0.0.1/8 has bits behind its prefix: write 10.0.0.0/8
}

func TestOf(t *testing.T) {
	t.Parallel()
	const proxies = "10.0.0.0/8,fd00::/8,127.0.0.1"
	for _, c := range []struct {
		trusted, remote string
		lines           []string
		want            string
	}{
		{"", "203.0.113.9:80", nil, "203.0.113.9"},
		{"", "203.0.113.9:80", []string{"1.2.3.4"}, "203.0.113.9"},
		{proxies, "203.0.113.9:80", []string{"1.2.3.4"}, "203.0.113.9"},
		{proxies, "10.0.0.1:80", nil, "10.0.0.1"},
		{proxies, "10.0.0.1:80", []string{"1.2.3.4"}, "1.2.3.4"},
		{proxies, "[::ffff:10.0.0.1]:80", []string{"::ffff:1.2.3.4"}, "1.2.3.4"},
		{proxies, "[fd00::1%eth0]:80", []string{"2001:db8::1%eth9"}, "2001:db8::1"},
		{proxies, "10.0.0.1:80", []string{"127.0.0.1, 1.2.3.4"}, "1.2.3.4"},
		{proxies, "10.0.0.1:80", []string{"1.2.3.4", "10.2.2.2"}, "1.2.3.4"},
		{proxies, "10.0.0.1:80", []string{"9.9.9.9,1.2.3.4", "10.2.2.2 ,10.3.3.3"}, "1.2.3.4"},
		{proxies, "10.0.0.1:80", []string{"10.9.9.9, 10.2.2.2"}, "10.9.9.9"},
		{proxies, "10.0.0.1:80", []string{"1.2.3.4:1234"}, "1.2.3.4"},
		{proxies, "10.0.0.1:80", []string{"[2001:db8::1]:1234"}, "2001:db8::1"},
		{proxies, "10.0.0.1:80", []string{"[2001:db8::1]"}, "2001:db8::1"},
		{proxies, "10.0.0.1:80", []string{"1.2.3.4, unknown"}, "invalid IP"},
		{proxies, "10.0.0.1:80", []string{"1.2.3.4,"}, "invalid IP"},
		{proxies, "10.0.0.1:80", []string{""}, "invalid IP"},
		{proxies, "10.0.0.1:80", []string{"unknown, 1.2.3.4"}, "1.2.3.4"},
		{proxies, "10.0.0.1:80", []string{strings.Repeat("10.0.0.1,", 10_000) + "1.2.3.4"}, "1.2.3.4"},
		{proxies, "10.0.0.1:80", []string{"1.2.3.4" + strings.Repeat(",10.0.0.1", 10_000)}, "invalid IP"},
		{proxies, "10.0.0.1:80", []string{strings.Repeat("1", 10_000)}, "invalid IP"},
		{proxies, "@", []string{"1.2.3.4"}, "invalid IP"},
		{"::ffff:10.0.0.0/104", "10.0.0.1:80", []string{"1.2.3.4"}, "1.2.3.4"},
	} {
		r, err := clientaddr.Parse(c.trusted)
		if err != nil {
			t.Fatal(err)
		}
		req := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": c.lines}}
		if got := r.Of(req).String(); got != c.want {
			t.Errorf("%q, %s, %.60q: got %s, want %s", c.trusted, c.remote, c.lines, got, c.want)
		}
	}
	for _, bad := range []string{"x", "10.0.0.0/33", "10.0.0.1/8", "fe80::1%eth0", "::/0,::ffff:0:0/90", "10.0.0.0/8;11.0.0.0/8"} {
		if _, err := clientaddr.Parse(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// FuzzOf: whatever a client writes before what the proxy adds changes nothing.
func FuzzOf(f *testing.F) {
	f.Add("1.2.3.4")
	f.Add("10.0.0.1, ")
	f.Add("[::1]:80,,")
	r, err := clientaddr.Parse("10.0.0.0/8")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		req := &http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{"X-Forwarded-For": {sent + ", 203.0.113.9"}}}
		if got := r.Of(req).String(); got != "203.0.113.9" {
			t.Errorf("%q: got %s", sent, got)
		}
	})
}
