package s3store_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"feedmill/storage"
	"feedmill/storage/s3store"
)

// pausing gives a byte after each of the pauses, or ends with its request.
type pausing struct {
	ctx    context.Context
	pauses []time.Duration
}

func (p *pausing) Read(b []byte) (int, error) {
	if len(p.pauses) == 0 {
		return 0, io.EOF
	}
	select {
	case <-time.After(p.pauses[0]):
	case <-p.ctx.Done():
		return 0, p.ctx.Err()
	}
	b[0], p.pauses = 'x', p.pauses[1:]
	return 1, nil
}

func (p *pausing) Close() error { return nil }

// A server that stops in the middle, and keeps the connection, counts after a
// minute as one that does not answer: for who reads, who lists and who sends.
func TestServerStandsStill(t *testing.T) {
	t.Parallel()
	const almost, ever = 59 * time.Second, 24 * time.Hour
	for _, test := range []struct {
		name   string
		pauses []time.Duration
		busy   bool
	}{
		{"slow", []time.Duration{almost, almost, almost, almost}, false},
		{"still", []time.Duration{almost, almost, ever, almost}, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := open(t, s3store.Config{Endpoint: "http://store.example.com", Bucket: "bucket", AccessKey: "a", SecretKey: "s", PathStyle: true, Attempts: 1,
				Client: client(func(r *http.Request) (*http.Response, error) {
					answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, Body: http.NoBody}
					switch r.Method {
					case http.MethodHead:
						answer.StatusCode = http.StatusNotFound
					case http.MethodPut:
						for range test.pauses {
							if _, err := r.Body.Read(make([]byte, 1)); err != nil {
								return nil, err
							}
							// A connection that takes this long to pass it on.
							p := pausing{r.Context(), test.pauses[:1]}
							if test.busy {
								p.pauses = []time.Duration{ever}
							}
							if _, err := p.Read(make([]byte, 1)); err != nil {
								return nil, err
							}
						}
						answer.StatusCode = http.StatusForbidden // told apart from what is looked for
					default:
						answer.Header.Set("Content-Length", strconv.Itoa(len(test.pauses)))
						answer.Body = &pausing{r.Context(), test.pauses}
					}
					return answer, nil
				})})
			check := func(call string, err error) {
				if errors.Is(err, storage.ErrBusy) != test.busy || test.busy && (errors.Is(err, context.Canceled) || storage.IsPermanent(err)) {
					t.Errorf("%s, %s: got %v", test.name, call, err)
				}
			}
			body, _, err := s.Open(t.Context(), "key", storage.Range{})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(ever) // the reader's own pauses are his
			_, err = io.Copy(io.Discard, body)
			check("read", errors.Join(err, body.Close()))
			err = nil
			for _, err = range s.List(t.Context(), "") {
			}
			check("list", err)
			_, err = s.Put(t.Context(), "key", strings.NewReader("body"), 4, storage.Attrs{})
			check("put", err)
		})
	}
}
