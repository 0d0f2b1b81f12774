package main

import (
	"bufio"
	"errors"
	"fmt"
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

	"feedmill/internal/outbound/outboundtest"
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

	proxy := outboundtest.Start(t, false, "")
	took := func() []string { return slices.Compact(proxy.Requests()) }

	secret := d.write("proxy-auth", "feeds:opensesame")
	through := []string{"--outbound.proxy", proxy.URL, "--outbound.proxy_auth_file", secret, "--allow-http"}
	copied := filepath.Join(d.dir, "copy")
	for _, args := range [][]string{{"mirror", base + link, "--dir", copied}, {"validate", base + link}, {"verify", base + link}} {
		d.run(append(append(args, through...), "--allow-private")...)
		if got, want := took(), []string{"CONNECT " + host + " " + host}; !slices.Equal(got, want) {
			t.Errorf("%s: the proxy was asked for %q, want %q", args[0], got, want)
		}
		if want := "Basic ZmVlZHM6b3BlbnNlc2FtZQ=="; proxy.Credentials()[0] != want {
			t.Errorf("%s: the proxy was given %q, want %q", args[0], proxy.Credentials()[0], want)
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

// at serves on an address until the test ends, and gives it with its port.
func at(t *testing.T, address string, h http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}}
	s.Start()
	t.Cleanup(s.Close)
	return l.Addr().String()
}

// A supplier's gateway that names feedmill's own addresses has nobody ask them,
// even where this machine is admitted. The own offer is read when the operator
// asks for it by its own address.
func TestSelfCalls(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	d.run("import", "--catalog", filepath.Join("sample", "catalog.jsonl"))
	link := d.first(d.run("partner", "add", "Nord Shop", "--json"), `(/o/fm1_[0-9A-Za-z]+/gateway\.xml)`)
	d.run("publish")
	base, _, _ := d.serve("all")
	status, gateway := d.ask(http.DefaultClient, http.MethodGet, base+link, "")
	if status != http.StatusOK {
		t.Fatalf("the gateway: %d", status)
	}
	// What passes to the service goes by here, and is counted.
	var mu sync.Mutex
	calls := 0
	own := at(t, "0.0.0.0:0", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		calls++
		mu.Unlock()
		_, body := d.ask(http.DefaultClient, http.MethodGet, base+r.URL.Path, "")
		w.Header().Set("Content-Type", "application/xml")
		_, _ = io.WriteString(w, strings.ReplaceAll(body, base, "http://"+r.Host)) // the client may have enough
	})
	took := func() int {
		mu.Lock()
		defer mu.Unlock()
		n := calls
		calls = 0
		return n
	}
	_, port, err := net.SplitHostPort(own)
	d.must(err)
	for name, c := range map[string]struct{ host, setting, value string }{
		"listener":            {"127.0.0.1", "--server.listen", "127.0.0.1:" + port},
		"on another address":  {"127.9.9.9", "--server.listen", ":" + port},
		"found by name":       {"localhost", "--server.listen", "192.0.2.1:" + port},
		"metrics":             {"127.0.0.1", "--server.metrics_listen", "127.0.0.1:" + port},
		"public address":      {"localhost", "--server.public_url", "http://localhost:8443"},
		"address of its name": {"127.0.0.1", "--server.public_url", "https://localhost"},
		"panel":               {"localhost", "--panel.public_url", "https://localhost"},
		"panel's other name":  {"localhost", "--panel.hosts", "p.example, LOCALHOST"},
	} {
		supplier := at(t, "127.0.0.2:0", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/gateway.xml" {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/xml")
			_, _ = io.WriteString(w, strings.ReplaceAll(gateway, base, "http://"+net.JoinHostPort(c.host, port))) // the client may have enough
		})
		foreign := "http://" + supplier + "/gateway.xml"
		itself := "http://" + net.JoinHostPort(c.host, port) + link
		for _, args := range [][]string{{"mirror", "", "--dir", ""}, {"validate", ""}, {"verify", ""}} {
			run := func(address string) (string, error) {
				args[1] = address
				if args[0] == "mirror" {
					args[3] = filepath.Join(t.TempDir(), "copy")
				}
				cmd := exec.Command(d.program, append(slices.Clone(args), "--allow-http", "--allow-private", c.setting, c.value)...)
				cmd.Env = d.env
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			out, err := run(foreign)
			if n := took(); err == nil || n != 0 || !strings.Contains(out, "leads to feedmill itself") {
				t.Errorf("%s, %s of a supplier: %v, and it was asked %d times, want none:\n%s", name, args[0], err, n, out)
			}
			if name != "metrics" && name != "address of its name" {
				if out, err := run(itself); took() == 0 || strings.Contains(out, "leads to feedmill itself") {
					t.Errorf("%s, %s of the own offer: %v\n%s", name, args[0], err, out)
				}
			}
		}
	}
	d.end()
}

// What a server sends beyond the length that it has announced is on no terminal
// and in no log: it is a supplier's prices, or his customers' data.
func TestWhatNobodyAskedForIsNotShown(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					if lines.Text() == "" {
						const answer = "<units/>"
						fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%s<price net=\"canary\"/>", len(answer), answer)
					}
				}
			}()
		}
	}()
	for _, command := range []string{"validate", "verify", "mirror"} {
		args := []string{command, "http://" + l.Addr().String() + "/gateway.xml", "--allow-http", "--allow-private"}
		if command == "mirror" {
			args = append(args, "--dir", filepath.Join(t.TempDir(), "copy"))
		}
		// The answers are no offer, so the commands end as they like.
		if out, _ := exec.Command(program(t), args...).CombinedOutput(); len(out) == 0 || strings.Contains(string(out), "canary") {
			t.Errorf("%s: got\n%s", command, out)
		}
	}
}

// A check that runs out of time says so, and by which option it gets more.
func TestVerifyRunsOutOfTime(t *testing.T) {
	t.Parallel()
	host := at(t, "127.0.0.1:0", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	out, err := exec.Command(program(t), "verify", "http://"+host+"/gateway.xml", "--allow-http", "--allow-private", "--timeout", "200ms").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitProblem || !regexp.MustCompile(`it took more than 200ms: .*gateway\.xml(?s:.*)hint: --timeout`).Match(out) {
		t.Errorf("got %v and\n%s", err, out)
	}
}
