package httpd_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"feedmill/internal/httpd"
)

// A client that closes its side of the connection when it has sent its request
// is answered, although net/http has told it for gone.
func TestHalfClosed(t *testing.T) {
	t.Parallel()
	const body = `{"a":1}`
	for _, path := range []string{"/api/v1/products", "/validate", "/schemas/full.xsd", "/panel", "/panel/sign-in", "/readyz"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			noticed := make(chan context.Context, 1)
			answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got, err := io.ReadAll(r.Body)
				<-(<-noticed).Done()
				if r.Context().Err() != nil || err != nil || string(got) != body {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				fmt.Fprint(w, "the answer")
			})
			ready := func(ctx context.Context) error {
				<-(<-noticed).Done()
				return ctx.Err()
			}
			inner := httpd.New(httpd.Routes{API: answer, Conformance: answer, Panel: answer},
				httpd.Options{Log: slog.New(slog.DiscardHandler), Ready: map[string]func(context.Context) error{"database": ready}})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				noticed <- r.Context()
				inner.ServeHTTP(w, r)
			}))
			defer server.Close()
			conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
			if path == "/readyz" {
				request = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
			}
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			if res.StatusCode != http.StatusOK || err != nil || path != "/readyz" && string(text) != "the answer" {
				t.Errorf("got %s %q, %v", res.Status, text, err)
			}
		})
	}
}

// Work for a client that has really gone ends all the same.
func TestGoneForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var took time.Duration
		work := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			start := time.Now()
			<-r.Context().Done()
			took = time.Since(start)
		})
		s := httpd.New(httpd.Routes{API: work, Panel: work}, httpd.Options{Log: slog.New(slog.DiscardHandler)})
		for _, tt := range []struct {
			path, accept string
			want         time.Duration
		}{
			{"/api/x", "", 90 * time.Second},
			{"/panel/x", "text/html,application/xhtml+xml,*/*;q=0.8", 90 * time.Second},
			// A page that was left must not count among those that listen.
			{"/panel/events", "text/event-stream", time.Minute},
		} {
			ctx, gone := context.WithCancel(t.Context())
			time.AfterFunc(time.Minute, gone)
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, tt.path, nil)
			r.Header.Set("Accept", tt.accept)
			s.ServeHTTP(httptest.NewRecorder(), r)
			if took != tt.want {
				t.Errorf("a request for %s was worked on for %s, want %s", tt.path, took, tt.want)
			}
		}
	})
}
