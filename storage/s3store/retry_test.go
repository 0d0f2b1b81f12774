package s3store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"feedmill/storage"
	"feedmill/storage/s3store"
)

// throttled is a client of a store that refuses or breaks off about every other
// request, before or after it has taken effect.
func throttled(seed uint64) client {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0))
	return func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		fault := random.IntN(10)
		mu.Unlock()
		refusal := func(status int, code string) (*http.Response, error) {
			if r.Body != nil {
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					return nil, err
				}
			}
			body := "<Error><Code>" + code + "</Code></Error>"
			if r.Method == http.MethodHead {
				body = ""
			}
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		}
		switch fault {
		case 0:
			return refusal(http.StatusServiceUnavailable, "SlowDown")
		case 1:
			return refusal(http.StatusInternalServerError, "InternalError")
		case 2:
			return refusal(http.StatusTooManyRequests, "TooManyRequests")
		case 3:
			return nil, errLost
		}
		resp, err := http.DefaultClient.Do(r)
		switch {
		case err != nil:
		case fault == 4 && r.Method == http.MethodPost && resp.StatusCode == http.StatusOK:
			resp.Body.Close()
			return refusal(http.StatusOK, "InternalError")
		case fault == 4:
			resp.Body.Close()
			return nil, errLost
		case fault == 5 && resp.ContentLength > 0 && r.Method != http.MethodHead:
			resp.Body = brokenOff(resp.Body, resp.ContentLength/2)
		}
		return resp, err
	}
}

// brokenOff is the body of an answer whose connection breaks after n bytes.
func brokenOff(body io.ReadCloser, n int64) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(body, n), iotest.ErrReader(io.ErrUnexpectedEOF)), body}
}

// A store that refuses every other request for the time being, as providers do
// when they throttle, is one that can be worked with.
func TestEveryOtherRequestIsRefused(t *testing.T) {
	onKinds(t, func(t *testing.T, c s3store.Config) {
		c.Client, c.Patience, c.MaxBackoff = throttled(1), 0, time.Millisecond
		s := open(t, c)
		ctx := context.Background()
		want := map[string][]byte{}
		for i := range 100 {
			n := 1000 * i
			if i%40 == 39 {
				n += 3 * s3store.MinPartSize
			}
			key := fmt.Sprintf("key-%03d", i)
			want[key] = bytes.Repeat([]byte{byte(i)}, n)
			if _, err := s.Put(ctx, key, bytes.NewReader(want[key]), int64(n), storage.Attrs{Immutable: true}); err != nil {
				t.Fatalf("put %s: %v", key, err)
			}
		}
		listed := 0
		for info, err := range s.List(ctx, "") {
			if err != nil || info.Size != int64(len(want[info.Key])) {
				t.Fatalf("list: got %+v, error %v", info, err)
			}
			listed++
		}
		if listed != len(want) {
			t.Errorf("list: got %d objects, want %d", listed, len(want))
		}
		for key, b := range want {
			for _, r := range []storage.Range{{}, {Off: int64(len(b) / 3), Len: int64(len(b) / 2)}} {
				end := int64(len(b))
				if r.Len > 0 {
					end = r.Off + r.Len
				}
				body, _, err := s.Open(ctx, key, r)
				if err != nil {
					t.Fatalf("open %s: %v", key, err)
				}
				got, err := io.ReadAll(body)
				if err = errors.Join(err, body.Close()); err != nil || !bytes.Equal(got, b[r.Off:end]) {
					t.Fatalf("read %+v of %s: got %d bytes, error %v, want %d", r, key, len(got), err, end-r.Off)
				}
			}
			if err := s.Delete(ctx, key); err != nil {
				t.Fatalf("delete %s: %v", key, err)
			}
		}
	})
}

// An answer that breaks off is gone on with only where the object is still the same.
func TestRestOfAnotherObject(t *testing.T) {
	onKinds(t, func(t *testing.T, c s3store.Config) {
		var other func()
		c.Client = client(func(r *http.Request) (*http.Response, error) {
			resp, err := http.DefaultClient.Do(r)
			if err == nil && r.Method == http.MethodGet && other != nil {
				resp.Body = brokenOff(resp.Body, 3)
				replace := other
				other = nil
				replace()
			}
			return resp, err
		})
		s := open(t, c)
		ctx := context.Background()
		put := func(text string) {
			if _, err := s.Put(ctx, "key", strings.NewReader(text), int64(len(text)), storage.Attrs{}); err != nil {
				t.Error(err)
			}
		}
		put("first")
		other = func() { put("other") }
		body, _, err := s.Open(ctx, "key", storage.Range{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if string(got) != "fir" || !errors.Is(err, storage.ErrBusy) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %q, error %v, want the beginning and %v", got, err, storage.ErrBusy)
		}
		if err := body.Close(); err != nil {
			t.Error(err)
		}
	})
}

// errLate is what an http.Transport says of an answer that does not begin.
type errLate struct{}

func (errLate) Error() string        { return "timeout awaiting response headers" }
func (errLate) Timeout() bool        { return true }
func (errLate) Is(target error) bool { return target == context.DeadlineExceeded }

// How long a request is tried depends on how it fails.
func TestPatience(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	answer := func(status int, code string) func(*http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{}, Request: r,
				Body: io.NopCloser(strings.NewReader("<Error><Code>" + code + "</Code></Error>"))}, nil
		}
	}
	for _, test := range []struct {
		name        string
		do          client
		tries, most int
		least, long time.Duration
		err         error
	}{
		{"throttles", answer(503, "SlowDown"), 10, 100, 55 * time.Second, 65 * time.Second, storage.ErrBusy},
		{"breaks off", func(*http.Request) (*http.Response, error) { return nil, errLost }, 10, 100, 55 * time.Second, 65 * time.Second, errLost},
		{"is not there", func(*http.Request) (*http.Response, error) { return nil, refused }, 3, 3, 0, 5 * time.Second, storage.ErrBusy},
		{"refuses", answer(403, "AccessDenied"), 1, 1, 0, 0, storage.ErrDenied},
		{"stands still", func(r *http.Request) (*http.Response, error) {
			if _, err := r.Body.Read(make([]byte, 1)); err != nil {
				return nil, err
			}
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, 1, 1, time.Minute, time.Minute, storage.ErrBusy},
		{"does not begin", func(r *http.Request) (*http.Response, error) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return nil, err
			}
			time.Sleep(time.Minute)
			return nil, errLate{}
		}, 1, 1, time.Minute, time.Minute, storage.ErrBusy},
		// Parts may take their time.
		{"refuses slowly", func(r *http.Request) (*http.Response, error) {
			time.Sleep(10 * time.Minute)
			return answer(503, "SlowDown")(r)
		}, 3, 3, 30 * time.Minute, 31 * time.Minute, storage.ErrBusy},
	} {
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			s := open(t, s3store.Config{Endpoint: "http://store.example.com", Bucket: "bucket", AccessKey: "a", SecretKey: "s", PathStyle: true,
				Client: client(func(r *http.Request) (*http.Response, error) {
					if r.Method == http.MethodHead {
						return &http.Response{StatusCode: http.StatusNotFound, Header: http.Header{}, Request: r, Body: http.NoBody}, nil
					}
					tries++
					return test.do(r)
				})})
			begun := time.Now()
			_, err := s.Put(t.Context(), "key", strings.NewReader("body"), 4, storage.Attrs{})
			took := time.Since(begun)
			if !errors.Is(err, test.err) || tries < test.tries || tries > test.most || took < test.least || took > test.long {
				t.Errorf("a store that %s: got %v after %d tries in %s, want %v after %d to %d in %s to %s",
					test.name, err, tries, took, test.err, test.tries, test.most, test.least, test.long)
			}
		})
	}
}

// Who waits for less than the store's minute is not kept.
func TestPatienceEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, s3store.Config{Endpoint: "http://store.example.com", Bucket: "bucket", AccessKey: "a", SecretKey: "s", PathStyle: true,
			Client: client(func(*http.Request) (*http.Response, error) { return nil, errLost })})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		begun := time.Now()
		_, _, err := s.Open(ctx, "key", storage.Range{})
		if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took != 20*time.Second {
			t.Errorf("got %v after %s, want %v after 20 s", err, took, context.DeadlineExceeded)
		}
	})
}
