package httpd_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"feedmill/internal/httpd"
)

// pipes is a listener whose connections are in memory, where time is the test's.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error { close(p.closed); return nil }

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// The time for an answer runs from its beginning: who had to work for long, or
// to wait for a large body on a slow line, is heard all the same.
func TestAnswersAfterLongWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var wrote error
		var took time.Duration
		routes := httpd.Routes{API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(10 * time.Minute)
			if r.URL.Path == "/api/none" {
				return
			}
			start := time.Now()
			_, wrote = w.Write(bytes.Repeat([]byte("x"), 1<<20))
			took = time.Since(start)
		})}
		ctx, stop := context.WithCancel(t.Context())
		l := pipes{make(chan net.Conn), make(chan struct{})}
		defer stop()
		served := make(chan error, 1)
		go func() { served <- httpd.New(routes, httpd.Options{Log: slog.New(slog.DiscardHandler)}).Serve(ctx, l) }()
		conn := l.dial()
		defer conn.Close()
		from := bufio.NewReader(conn)
		// The second answer of a connection does not have the deadline of the first.
		for _, path := range []string{"/api/long", "/api/none", "/api/long"} {
			if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(from, nil)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			body, err := io.ReadAll(res.Body)
			if res.StatusCode != http.StatusOK || err != nil || len(body) != 1<<20 && path != "/api/none" {
				t.Errorf("%s: %s, %d bytes, %v", path, res.Status, len(body), err)
			}
		}
		// One that takes nothing of its answer is given up.
		if _, err := io.WriteString(conn, "GET /api/long HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if wrote == nil || took != 30*time.Second {
			t.Errorf("a client that reads nothing: %v after %s, want an error after 30s", wrote, took)
		}
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}
