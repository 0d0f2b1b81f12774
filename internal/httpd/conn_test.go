package httpd_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"feedmill/internal/httpd"
)

// TestEmptyLinesAfterTheRequest has a client send more than its request, on a
// connection that ends with the answer, before and after the server is done with
// it: it is given the whole answer all the same.
func TestEmptyLinesAfterTheRequest(t *testing.T) {
	t.Parallel()
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<15)
	const rest = 128 << 10 // fits the server's side of a connection, and not the client's
	for _, head := range []string{"GET /o/x HTTP/1.0\r\n\r\n", "GET /o/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"} {
		for _, early := range []bool{true, false} {
			t.Run(fmt.Sprintf("%.17s early %v", head, early), func(t *testing.T) {
				t.Parallel()
				written := make(chan struct{})
				addr, _ := start(t, httpd.Routes{Files: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					defer close(written)
					w.Header().Set("Content-Length", fmt.Sprint(len(want)))
					_, _ = w.Write(want)
				})}, httpd.Options{})
				dialer := net.Dialer{}
				conn, err := dialer.DialContext(t.Context(), "tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
					t.Fatal(err)
				}
				if err := conn.(*net.TCPConn).SetReadBuffer(32 << 10); err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(conn, head); err != nil {
					t.Fatal(err)
				}
				r := bufio.NewReaderSize(conn, 1<<10)
				res, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatal(err)
				}
				more := func() {
					tick := time.NewTicker(time.Millisecond)
					defer tick.Stop()
					for range 10 { // the server ends the connection meanwhile
						_, _ = io.WriteString(conn, "\r\n") // it fails where a reset has come
						<-tick.C
					}
				}
				if early {
					more()
				}
				got := make([]byte, len(want)-rest)
				if _, err := io.ReadFull(res.Body, got); err != nil {
					t.Fatal(err)
				}
				<-written
				more()
				tail, err := io.ReadAll(res.Body)
				if err != nil || !bytes.Equal(append(got, tail...), want) {
					t.Errorf("got %d of %d bytes, %v", len(got)+len(tail), len(want), err)
				}
			})
		}
	}
}
