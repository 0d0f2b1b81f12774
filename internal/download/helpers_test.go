package download_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/internal/download"
	"feedmill/storage/memstore"
	"feedmill/storage/sqlite"
)

func md5Sum(b []byte) [16]byte { return md5.Sum(b) }

func sha256Sum(b []byte) [32]byte { return sha256.Sum256(b) }

// same says whether two answers cannot be told apart.
func same(a, b answer) bool {
	return a.status == b.status && bytes.Equal(a.body, b.body) && maps.EqualFunc(a.header, b.header, slices.Equal)
}

// raw sends bytes as they are and reads one answer.
func (w *world) raw(t testing.TB, request string) answer {
	t.Helper()
	d := net.Dialer{}
	conn, err := d.DialContext(t.Context(), "tcp", w.url[len("http://"):])
	check(t, err)
	defer conn.Close()
	check(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	// A server that refuses before it has read everything breaks the writing off;
	// what it has said can be read all the same.
	_, _ = io.WriteString(conn, request)
	method, _, _ := strings.Cut(request, " ")
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	a.body, a.err = io.ReadAll(res.Body)
	a.header.Del("Date")
	return a
}

// hostBase gives what addresses begin with for a request that names a host, on
// a server without a public address.
func hostBase(t testing.TB, w *world, host string) string {
	t.Helper()
	srv := download.New(w.db, w.store, download.Options{Now: w.clock.Now, Log: slog.New(slog.DiscardHandler)})
	check(t, srv.Refresh(t.Context()))
	r := httptest.NewRequest(http.MethodGet, "/o/"+w.secret+"/manifest.json", nil)
	r.Host = host
	rec := httptest.NewRecorder()
	srv.ServeHTTP(rec, r)
	_, after, _ := strings.Cut(rec.Body.String(), `"url": "`)
	url, _, _ := strings.Cut(after, `"`)
	return url
}

// Example serves a database and a store.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "feedmill.db")
	if _, err := sqlite.Migrate(ctx, path, sqlite.Options{}); err != nil {
		panic(err)
	}
	db, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		panic(err)
	}
	defer db.Close()

	srv := download.New(db, memstore.New(memstore.Options{}), download.Options{Log: slog.New(slog.DiscardHandler)})
	defer db.Subscribe(srv.Changed)()
	if err := srv.Refresh(ctx); err != nil {
		panic(err)
	}
	go srv.Run(ctx)
	// http.Server{Handler: srv, ConnContext: download.ConnContext} would serve it.
	rec := httptest.NewRecorder()
	srv.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/o/unknown/gateway.xml", nil))
	fmt.Println(rec.Code, rec.Body)
	// Output: 404 {"type":"about:blank","title":"not found","status":404}
}

// TestSendfile asks that a file reaches the connection as one, in steps, so
// that the system can send it.
func TestSendfile(t *testing.T) {
	t.Parallel()
	w := setup(t, config{steps: true})
	rec := &fileRecorder{header: http.Header{}}
	w.srv.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, w.pathOf(&w.full.Files[0]), nil))
	want := []int64{1 << 20, 1 << 20, 12345}
	if !slices.Equal(rec.steps, want) || !bytes.Equal(rec.b.Bytes(), w.content[w.full.Files[0].Plain.Key]) {
		t.Errorf("steps %v, want %v; %d bytes", rec.steps, want, rec.b.Len())
	}
}

// fileRecorder notes each file that it is given as such.
type fileRecorder struct {
	header http.Header
	steps  []int64
	b      bytes.Buffer
}

func (f *fileRecorder) Header() http.Header              { return f.header }
func (f *fileRecorder) WriteHeader(int)                  {}
func (f *fileRecorder) Flush()                           {}
func (f *fileRecorder) SetWriteDeadline(time.Time) error { return nil }
func (f *fileRecorder) Write(b []byte) (int, error)      { return f.b.Write(b) }

func (f *fileRecorder) ReadFrom(r io.Reader) (int64, error) {
	if l, ok := r.(*io.LimitedReader); ok {
		if _, ok := l.R.(*os.File); ok {
			f.steps = append(f.steps, l.N)
		}
	}
	return f.b.ReadFrom(r)
}
