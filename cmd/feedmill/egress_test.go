package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The commands that fetch from addresses go through the proxy that the settings
// name, and through none for an address that they would not call.
func TestEgressProxy(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	d.run("import", "--catalog", filepath.Join("sample", "catalog.jsonl"))
	link := d.first(d.run("partner", "add", "Nord Shop", "--json"), `(/o/fm1_[0-9A-Za-z]+/gateway\.xml)`)
	d.run("publish")
	base, _, _ := d.serve("all")
	host := strings.TrimPrefix(base, "http://")

	var mu sync.Mutex
	var asked, auth []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked, auth = append(asked, r.Method+" "+r.RequestURI), append(auth, r.Header.Get("Proxy-Authorization"))
		mu.Unlock()
		there, err := net.Dial("tcp", r.RequestURI)
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
		if _, err := io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
			return
		}
		var both sync.WaitGroup
		both.Go(func() { _, _ = io.Copy(there, here); there.Close() }) // either may end first
		both.Go(func() { _, _ = io.Copy(here, there); here.Close() })
		both.Wait()
	}))
	defer proxy.Close()
	took := func() []string {
		mu.Lock()
		defer mu.Unlock()
		list := slices.Compact(slices.Clone(asked))
		asked = nil
		return list
	}

	secret := d.write("proxy-auth", "feeds:opensesame")
	through := []string{"--outbound.proxy", proxy.URL, "--outbound.proxy_auth_file", secret, "--allow-http"}
	copied := filepath.Join(d.dir, "copy")
	for _, args := range [][]string{{"mirror", base + link, "--dir", copied}, {"validate", base + link}, {"verify", base + link}} {
		d.run(append(append(args, through...), "--allow-private")...)
		if got, want := took(), []string{"CONNECT " + host}; !slices.Equal(got, want) {
			t.Errorf("%s: the proxy was asked for %q, want %q", args[0], got, want)
		}
		if want := "Basic ZmVlZHM6b3BlbnNlc2FtZQ=="; auth[0] != want {
			t.Errorf("%s: the proxy was given %q, want %q", args[0], auth[0], want)
		}
		// What is refused without a proxy is refused with one.
		cmd := exec.Command(d.program, append(args, through...)...)
		cmd.Env = d.env
		out, err := cmd.CombinedOutput()
		if err == nil || !regexp.MustCompile(`refused|127\.0\.0\.1 is loopback|port`).Match(out) {
			t.Errorf("%s without --allow-private: %v\n%s", args[0], err, out)
		}
		if strings.Contains(string(out), "opensesame") {
			t.Errorf("%s tells the proxy's password: %s", args[0], out)
		}
		if got := took(); len(got) != 0 {
			t.Errorf("%s without --allow-private: the proxy was asked for %q, want nothing", args[0], got)
		}
	}
	for _, bad := range [][]string{{"--outbound.proxy", "socks5://" + host}, {"--outbound.proxy", "http://user:opensesame@" + host}, {"--outbound.proxy_auth_file", secret}} {
		cmd := exec.Command(d.program, append([]string{"validate", base + link}, bad...)...)
		cmd.Env = d.env
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "setting outbound.proxy") || strings.Contains(string(out), "opensesame") {
			t.Errorf("%q: %v\n%s", bad[0], err, out)
		}
	}
	d.end()
}
