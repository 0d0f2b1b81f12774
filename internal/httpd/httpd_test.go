package httpd_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/internal/httpd"
	"feedmill/internal/syncbuf"
)

func Example() {
	ctx, stop := context.WithCancel(context.Background())
	l, err := httpd.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	srv := httpd.New(httpd.Routes{Files: http.NotFoundHandler()}, httpd.Options{Log: slog.New(slog.DiscardHandler)})
	done := make(chan error)
	go func() { done <- srv.Serve(ctx, l) }()
	res, err := http.Get("http://" + l.Addr().String() + "/healthz")
	if err != nil {
		panic(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	fmt.Print(res.StatusCode, " ", string(body))
	stop()
	fmt.Println(<-done)
	// Output:
	// 200 {"status":"ok"}
	// <nil>
}

func ExampleLogHandler() {
	plain := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		if a.Key == "request" {
			return slog.Int("request_length", len(a.Value.String()))
		}
		return a
	}})
	log := slog.New(httpd.LogHandler(plain))
	srv := httpd.New(httpd.Routes{Files: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		log.InfoContext(r.Context(), "within")
	})}, httpd.Options{Log: log})
	srv.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/o/x", nil))
	log.Info("outside")
	// Output:
	// level=INFO msg=within request_length=16
	// level=INFO msg=outside
}

// start runs a server on loopback and gives its address, and a function that
// stops it and gives what Serve returned.
func start(t *testing.T, routes httpd.Routes, opt httpd.Options) (addr string, stop func() error) {
	t.Helper()
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(t.Context())
	l, err := httpd.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- httpd.New(routes, opt).Serve(ctx, l) }()
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = stop() })
	return l.Addr().String(), stop
}

func get(t *testing.T, url string) (int, http.Header, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

// says answers with its name and the path.
func says(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, name, " ", r.URL.EscapedPath()) })
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	var log, seen syncbuf.Buffer
	addr, _ := start(t, httpd.Routes{Files: says("files"), Panel: says("panel")}, httpd.Options{Log: slog.New(slog.NewJSONHandler(&log, nil)),
		Observe: func(group, method string, status int, _ time.Duration) { fmt.Fprintln(&seen, group, method, status) }})
	for path, want := range map[string]string{
		"/o/x/gateway.xml": "files", "/edi/export-offer.php?token=abc": "files", "/": "files", "/nothing": "files", "/api/v1": "files",
		"/panel/": "panel", "/panel/partners?token=secret": "panel", "/panel": "panel", "/panelx/": "files", "/%70anel/": "files",
		"/o/../panel/": "files", "//panel/": "files", "/panel/../o/": "panel", "/healthz": `{"status":"ok"}`, "/healthz/": "files", "/readyz": `{"status":"ready"}`,
	} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		conn.Close()
		if err != nil || res.StatusCode != 200 || !strings.HasPrefix(string(b), want) {
			t.Errorf("%s: got %d %s, want %s", path, res.StatusCode, b, want)
		}
	}
	if s := log.String(); strings.Contains(s, "secret") || strings.Count(s, `"group":"/panel/"`) != 4 {
		t.Errorf("the log holds an address, or not the four requests: %s", s)
	}
	if got, want := seen.String(), strings.Repeat("/panel/ GET 200\n", 4); got != want {
		t.Errorf("observed %q, want %q", got, want)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	broken := errors.New("dial tcp 10.0.0.5:5432: connection refused")
	var state error
	addr, _ := start(t, httpd.Routes{Files: says("files")}, httpd.Options{Ready: map[string]func(context.Context) error{
		"database": func(context.Context) error { return state }, "store": func(context.Context) error { return nil },
	}})
	if status, _, body := get(t, "http://"+addr+"/readyz"); status != 200 || body != "{\"status\":\"ready\"}\n" {
		t.Errorf("ready: %d %s", status, body)
	}
	state = broken
	status, header, body := get(t, "http://"+addr+"/readyz")
	if status != 503 || body != "{\"failing\":[\"database\"],\"status\":\"not ready\"}\n" || header.Get("Cache-Control") != "no-store" || header.Get("Server") != "" {
		t.Errorf("not ready: %d %v %s", status, header, body)
	}
	if status, _, _ := get(t, "http://"+addr+"/healthz"); status != 200 {
		t.Errorf("alive: %d", status)
	}
	res, err := http.Post("http://"+addr+"/healthz", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 405 || res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("post: %d %v", res.StatusCode, res.Header)
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	var log syncbuf.Buffer
	addr, _ := start(t, httpd.Routes{Files: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"x"`)
		switch r.URL.Path {
		case "/o/before":
			panic("secret detail")
		case "/o/within":
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, "half")
			panic("secret detail")
		case "/o/abort":
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, "fine")
	})}, httpd.Options{Log: slog.New(httpd.LogHandler(slog.NewJSONHandler(&log, nil)))})
	status, header, body := get(t, "http://"+addr+"/o/before")
	_, id, _ := strings.Cut(body, "urn:feedmill:request:")
	id, _, _ = strings.Cut(id, `"`)
	if status != 500 || header.Get("ETag") != "" || header.Get("Content-Type") != "application/problem+json" || len(id) != 16 || strings.Contains(body, "secret") {
		t.Errorf("a panic before the answer: %d %v %s", status, header, body)
	}
	if !strings.Contains(log.String(), `"request":"`+id+`"`) || !strings.Contains(log.String(), "secret detail") {
		t.Error("the log does not tell of the panic by its request")
	}
	for _, path := range []string{"/o/within", "/o/abort"} {
		res, err := http.Get("http://" + addr + path)
		body := []byte{}
		if err == nil {
			body, err = io.ReadAll(res.Body)
			res.Body.Close()
		}
		if err == nil || len(body) > len("half") {
			t.Errorf("%s: got %q, %v, want a broken answer", path, body, err)
		}
	}
	if _, _, body := get(t, "http://"+addr+"/o/x"); body != "fine" {
		t.Errorf("after panics: %s", body)
	}
}

// TestStop stops with one request running, which may end; one that does not is
// broken off.
func TestStop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, path string
		timeout    time.Duration
		ends       bool
	}{{"ends in time", "/o/x", time.Minute, true}, {"does not end", "/o/x", 50 * time.Millisecond, false},
		{"api does not end", "/api/x", 50 * time.Millisecond, false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			entered, leave := make(chan struct{}), make(chan struct{})
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "8")
				fmt.Fprint(w, "half")
				_ = http.NewResponseController(w).Flush()
				close(entered)
				select {
				case <-leave:
					fmt.Fprint(w, "done")
				case <-r.Context().Done():
				}
			})
			addr, stop := start(t, httpd.Routes{Files: handler, API: handler}, httpd.Options{StopTimeout: c.timeout})
			res, err := http.Get("http://" + addr + c.path)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			<-entered
			stopped := make(chan error, 1)
			go func() { stopped <- stop() }()
			// As soon as nobody listens any more, the stop has begun.
			for {
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					break
				}
				conn.Close()
			}
			if c.ends {
				close(leave)
			}
			body, err := io.ReadAll(res.Body)
			if c.ends != (err == nil && string(body) == "halfdone") {
				t.Errorf("got %q, %v", body, err)
			}
			if err := <-stopped; err != nil {
				t.Errorf("serve: %v", err)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	addr, _ := start(t, httpd.Routes{Files: says("files")}, httpd.Options{MaxConnsPerAddress: 2})
	ask := func(conn net.Conn) error {
		if _, err := io.WriteString(conn, "GET /o/x HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return err
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	var conns []net.Conn
	for i := range 3 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns = append(conns, conn)
		if err := ask(conn); (err == nil) != (i < 2) {
			t.Errorf("connection %d: %v", i, err)
		}
	}
	conns[0].Close()
	for { // the server notices the end in its own time
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		err = ask(conn)
		conn.Close()
		if err == nil {
			break
		}
		if t.Context().Err() != nil {
			t.Fatal("no place became free")
		}
	}
	// A total: the second waits until the first has gone.
	addr, _ = start(t, httpd.Routes{Files: says("files")}, httpd.Options{MaxConns: 1})
	first, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := ask(first); err != nil {
		t.Fatal(err)
	}
	second, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	answered := make(chan error, 1)
	go func() { answered <- ask(second) }()
	if err := ask(first); err != nil {
		t.Errorf("the first again: %v", err)
	}
	select {
	case err := <-answered:
		t.Errorf("the second was answered while the first was there: %v", err)
	default:
	}
	first.Close()
	if err := <-answered; err != nil {
		t.Errorf("the second: %v", err)
	}
}

func TestHeaderLimits(t *testing.T) {
	t.Parallel()
	addr, _ := start(t, httpd.Routes{Files: says("files")}, httpd.Options{})
	for _, request := range []string{
		"GET /o/x HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", 64<<10) + "\r\n\r\n",
		"GET /" + strings.Repeat("y", 64<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, request) // it may be refused before all is sent
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil && res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%.20q: got %d", request, res.StatusCode)
		}
		conn.Close()
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET /o/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != 200 || !res.Close {
		t.Errorf("a request with a body that nobody wants: %v, %v", res, err)
	}
}

// TestFilesAreSentBySystem asks that the connection which the server writes to
// can take a file: the wrappers around it must not hide that.
func TestFilesAreSentBySystem(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var conn net.Conn
	var once sync.Once
	addr, _ := start(t, httpd.Routes{Files: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		if _, ok := w.(io.ReaderFrom); !ok {
			t.Error("the writer cannot take a file")
		}
		if _, err := io.CopyN(w, f, int64(len(content))); err != nil {
			t.Error(err)
		}
	})}, httpd.Options{ConnContext: func(ctx context.Context, c net.Conn) context.Context {
		once.Do(func() { conn = c })
		return ctx
	}})
	if _, _, body := get(t, "http://"+addr+"/o/x"); body != string(content) {
		t.Errorf("got %d bytes", len(body))
	}
	if _, ok := conn.(io.ReaderFrom); !ok && runtime.GOOS != "plan9" {
		t.Errorf("%T cannot take a file", conn)
	}
	if _, ok := conn.(interface{ SetLinger(int) error }); !ok {
		t.Errorf("%T cannot be reset", conn)
	}
}

func TestListen(t *testing.T) {
	t.Parallel()
	if _, err := httpd.Listen(t.Context(), "256.0.0.1:x"); err == nil || !strings.Contains(err.Error(), "256.0.0.1:x") {
		t.Errorf("got %v", err)
	}
	if !strings.HasPrefix(httpd.DefaultAddress, "127.0.0.1:") {
		t.Errorf("the default address is %s", httpd.DefaultAddress)
	}
}
