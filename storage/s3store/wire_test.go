package s3store_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/storage"
	"feedmill/storage/s3store"
)

// onKinds runs a test on every server.
func onKinds(t *testing.T, test func(t *testing.T, c s3store.Config)) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			test(t, configFor(t, kind.start(&servers, t)))
		})
	}
}

// client is an HTTP client whose requests and answers can be tampered with.
type client func(*http.Request) (*http.Response, error)

func (c client) Do(r *http.Request) (*http.Response, error) { return c(r) }

var errLost = errors.New("connection lost")

// body returns n bytes without storing them all.
func bodyOf(n int) io.Reader { return io.LimitReader(pattern{}, int64(n)) }

type pattern struct{}

func (pattern) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// TestRequests checks what goes over the wire: what several providers refuse
// must not be there.
func TestRequests(t *testing.T) {
	onKinds(t, func(t *testing.T, c s3store.Config) {
		var mu sync.Mutex
		sent := map[string]int{}
		c.Client = client(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			what := r.Method
			for _, q := range []string{"uploads", "uploadId", "partNumber", "list-type"} {
				if r.URL.Query().Has(q) {
					what += " " + q
				}
			}
			sent[what]++
			for name, values := range r.Header {
				lower := strings.ToLower(name)
				if strings.HasPrefix(lower, "x-amz-checksum") || lower == "x-amz-sdk-checksum-algorithm" || lower == "x-amz-trailer" {
					t.Errorf("%s: got header %s: %q, want none", what, name, values)
				}
			}
			if r.Method == http.MethodPut {
				if enc := r.Header.Get("Content-Encoding"); strings.Contains(enc, "aws-chunked") || len(r.TransferEncoding) != 0 {
					t.Errorf("%s: got content encoding %q, transfer encoding %q", what, enc, r.TransferEncoding)
				}
				if r.ContentLength < 0 || r.ContentLength > s3store.MinPartSize {
					t.Errorf("%s: got content length %d", what, r.ContentLength)
				}
			}
			if b, err := hex.DecodeString(r.Header.Get("X-Amz-Content-Sha256")); err != nil || len(b) != 32 {
				t.Errorf("%s: got payload hash %q, want 64 hexadecimal digits", what, r.Header.Get("X-Amz-Content-Sha256"))
			}
			if auth := r.Header.Get("Authorization"); !strings.HasPrefix(auth, "AWS4-HMAC-SHA256 ") || !strings.Contains(auth, "content-length") && r.ContentLength > 0 {
				t.Errorf("%s: got authorization %q", what, auth)
			}
			return http.DefaultClient.Do(r)
		})
		s := open(t, c)
		ctx := context.Background()
		for i, n := range []int{0, 100, 2*s3store.MinPartSize + 1} {
			key := "size-" + strconv.Itoa(i)
			if _, err := s.Put(ctx, key, bodyOf(n), -1, storage.Attrs{}); err != nil {
				t.Fatalf("put: %v", err)
			}
			r, _, err := s.Open(ctx, key, storage.Range{})
			if err != nil {
				t.Fatalf("open: %v", err)
			}
			if got, err := io.Copy(io.Discard, r); got != int64(n) || err != nil {
				t.Errorf("read: got %d bytes, error %v, want %d", got, err, n)
			}
			r.Close()
		}
		for _, err := range s.List(ctx, "") {
			if err != nil {
				t.Errorf("list: %v", err)
			}
		}
		if err := s.Delete(ctx, "size-0"); err != nil {
			t.Errorf("delete: %v", err)
		}
		for what, want := range map[string]int{
			"PUT": 2, "PUT uploadId partNumber": 3, "POST uploads": 1, "POST uploadId": 1, "HEAD": 6, "GET": 3, "GET list-type": 1, "DELETE": 1,
		} {
			if sent[what] != want {
				t.Errorf("%s: got %d requests, want %d (all: %v)", what, sent[what], want, sent)
			}
		}
	})
}

// TestLostAnswers loses the answer to each kind of request that changes
// something, first once and then for ever. The store must find out what has
// become of it.
func TestLostAnswers(t *testing.T) {
	onKinds(t, func(t *testing.T, c s3store.Config) {
		big := s3store.MinPartSize + 1
		for _, q := range []struct {
			name  string
			size  int
			match func(*http.Request) bool
			// stays says that the object is there although no answer ever came.
			stays bool
		}{
			{"put", 100, func(r *http.Request) bool { return r.Method == http.MethodPut }, true},
			{"create upload", big, func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploads") }, false},
			{"part", big, func(r *http.Request) bool { return r.URL.Query().Get("partNumber") == "2" }, false},
			{"complete", big, func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") }, true},
		} {
			for _, forEver := range []bool{false, true} {
				for _, after := range []bool{false, true} {
					var fired, armed atomic.Int64
					c := c
					c.Prefix = strings.ReplaceAll(q.name, " ", "-") + strconv.FormatBool(forEver) + strconv.FormatBool(after) + "/"
					c.Client = client(func(r *http.Request) (*http.Response, error) {
						lose := armed.Load() > 0 && q.match(r) && (forEver || fired.Load() == 0)
						if lose {
							fired.Add(1)
							if !after {
								return nil, errLost
							}
						}
						resp, err := http.DefaultClient.Do(r)
						if lose && err == nil {
							_, err = io.Copy(io.Discard, resp.Body)
							return nil, errors.Join(errLost, err, resp.Body.Close())
						}
						return resp, err
					})
					what := c.Prefix
					s := open(t, c)
					ctx := context.Background()
					armed.Store(1)
					body, err := io.ReadAll(bodyOf(q.size))
					if err != nil {
						t.Fatal(err)
					}
					info, err := s.Put(ctx, "key", bytes.NewReader(body), int64(q.size), storage.Attrs{Immutable: true, SHA256: storage.Sum(body)})
					armed.Store(0)
					if fired.Load() == 0 {
						t.Errorf("%s: no request was lost", what)
					}
					// One loss is repeated by the SDK; a loss for ever is
					// a success only if the last request took effect.
					wantOK := !forEver || after && q.stays
					if (err == nil) != wantOK {
						t.Errorf("%s: got error %v, want success %v", what, err, wantOK)
					}
					if err != nil && (!errors.Is(err, errLost) || storage.IsPermanent(err)) {
						t.Errorf("%s: got error %v, want %v, not permanent", what, err, errLost)
					}
					stat, statErr := s.Stat(ctx, "key")
					switch {
					case err == nil && (statErr != nil || stat != info || stat.SHA256 != storage.Sum(body)):
						t.Errorf("%s: stat: got %+v, error %v, want %+v", what, stat, statErr, info)
					case err != nil && !errors.Is(statErr, storage.ErrNotExist):
						t.Errorf("%s: stat: got %+v, error %v, want %v", what, stat, statErr, storage.ErrNotExist)
					}
					// Only a creation nobody knows the outcome of may leave
					// an upload open; SweepUploads finds it.
					n, err := s.SweepUploads(ctx, -time.Hour)
					if err != nil || n != 0 && q.name != "create upload" {
						t.Errorf("%s: got %d open uploads, error %v, want none", what, n, err)
					}
				}
			}
		}
	})
}

// TestLostDelete does the same for Delete, whose outcome HEAD tells.
func TestLostDelete(t *testing.T) {
	onKinds(t, func(t *testing.T, c s3store.Config) {
		ctx := context.Background()
		var after, noHead atomic.Bool
		c.Client = client(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodHead && noHead.Load() {
				return nil, errLost
			}
			if r.Method != http.MethodDelete {
				return http.DefaultClient.Do(r)
			}
			if after.Load() {
				resp, err := http.DefaultClient.Do(r)
				if err == nil {
					resp.Body.Close()
				}
			}
			return nil, errLost
		})
		s := open(t, c)
		if _, err := s.Put(ctx, "key", bodyOf(1), 1, storage.Attrs{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(ctx, "key"); !errors.Is(err, errLost) || errors.Is(err, storage.ErrUnsettled) {
			t.Errorf("lost before: got error %v, want %v", err, errLost)
		}
		noHead.Store(true)
		if err := s.Delete(ctx, "key"); !errors.Is(err, storage.ErrUnsettled) || storage.IsPermanent(err) {
			t.Errorf("lost, and no way to find out: got error %v, want %v", err, storage.ErrUnsettled)
		}
		noHead.Store(false)
		after.Store(true)
		if err := s.Delete(ctx, "key"); err != nil {
			t.Errorf("lost after: got error %v, want none", err)
		}
		if _, err := s.Stat(ctx, "key"); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("stat: got error %v, want %v", err, storage.ErrNotExist)
		}
	})
}

// TestUnsettled: when HEAD fails too, the store says that it does not know.
func TestUnsettled(t *testing.T) {
	onKinds(t, func(t *testing.T, c s3store.Config) {
		var stored atomic.Bool
		c.Client = client(func(r *http.Request) (*http.Response, error) {
			if stored.Load() {
				return nil, errLost
			}
			if r.Method == http.MethodPut {
				stored.Store(true)
			}
			return http.DefaultClient.Do(r)
		})
		_, err := open(t, c).Put(context.Background(), "key", bodyOf(1), 1, storage.Attrs{})
		if !errors.Is(err, storage.ErrUnsettled) || storage.IsPermanent(err) {
			t.Errorf("put: got error %v, want %v", err, storage.ErrUnsettled)
		}
	})
}

// TestBoundedMemory counts the parts under way and what a long upload holds.
func TestBoundedMemory(t *testing.T) {
	onKinds(t, func(t *testing.T, c s3store.Config) {
		var now, most, acknowledged, held atomic.Int64
		c.Client = client(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Has("partNumber") {
				n := now.Add(1)
				raise(&most, n)
				defer func() {
					now.Add(-1)
					acknowledged.Add(r.ContentLength)
				}()
			}
			return http.DefaultClient.Do(r)
		})
		s := open(t, c)
		const parts = 12
		whole, taken := bodyOf(parts*s3store.MinPartSize), int64(0)
		body := readerFunc(func(p []byte) (int, error) {
			n, err := whole.Read(p)
			taken += int64(n)
			raise(&held, taken-acknowledged.Load())
			return n, err
		})
		if _, err := s.Put(context.Background(), "key", body, -1, storage.Attrs{}); err != nil {
			t.Fatal(err)
		}
		if most.Load() > s3store.DefaultConcurrency {
			t.Errorf("got %d parts at a time, want at most %d", most.Load(), s3store.DefaultConcurrency)
		}
		if limit := int64(s3store.DefaultConcurrency+1) * s3store.MinPartSize; held.Load() > limit {
			t.Errorf("got %d bytes read but not sent, want at most %d", held.Load(), limit)
		}
	})
}

// raise sets a to n if that is more.
func raise(a *atomic.Int64, n int64) {
	for m := a.Load(); n > m && !a.CompareAndSwap(m, n); m = a.Load() {
	}
}

func TestSweepUploads(t *testing.T) {
	onKinds(t, func(t *testing.T, c s3store.Config) {
		ctx := context.Background()
		aborts := errors.New("no aborting")
		broken := c
		broken.Prefix = "inside/"
		broken.Client = client(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodDelete {
				return nil, aborts
			}
			return http.DefaultClient.Do(r)
		})
		// An upload whose body fails and which cannot be aborted stays open.
		fails := errors.New("body fails")
		failing := io.MultiReader(bodyOf(s3store.MinPartSize+1), readerFunc(func([]byte) (int, error) { return 0, fails }))
		_, err := open(t, broken).Put(ctx, "key", failing, -1, storage.Attrs{})
		if !errors.Is(err, fails) || !errors.Is(err, aborts) {
			t.Errorf("put: got error %v, want %v and %v", err, fails, aborts)
		}
		outside, inside := c, c
		outside.Prefix, inside.Prefix = "outside/", "inside/"
		for _, step := range []struct {
			config    s3store.Config
			olderThan time.Duration
			want      int
		}{
			{outside, -time.Hour, 0}, {inside, time.Hour, 0}, {inside, -time.Hour, 1}, {inside, -time.Hour, 0},
		} {
			if n, err := open(t, step.config).CountStaleUploads(ctx, step.olderThan); n != step.want || err != nil {
				t.Errorf("count %s older than %v: got %d, error %v, want %d", step.config.Prefix, step.olderThan, n, err, step.want)
			}
			if n, err := open(t, step.config).SweepUploads(ctx, step.olderThan); n != step.want || err != nil {
				t.Errorf("sweep %s older than %v: got %d, error %v, want %d", step.config.Prefix, step.olderThan, n, err, step.want)
			}
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestPrefix: two stores in one bucket do not see each other.
func TestPrefix(t *testing.T) {
	onKinds(t, func(t *testing.T, c s3store.Config) {
		ctx := context.Background()
		a, b := c, c
		a.Prefix, b.Prefix = "some/prefix/", "some/prefix-b/"
		first, second := open(t, a), open(t, b)
		if _, err := first.Put(ctx, "key", bodyOf(5), 5, storage.Attrs{}); err != nil {
			t.Fatal(err)
		}
		if _, err := second.Stat(ctx, "key"); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("stat in the other prefix: got error %v, want %v", err, storage.ErrNotExist)
		}
		for info, err := range second.List(ctx, "") {
			t.Errorf("list in the other prefix: got %+v, error %v", info, err)
		}
		n := 0
		for info, err := range open(t, c).List(ctx, "") {
			if n++; err != nil || info.Key != "some/prefix/key" {
				t.Errorf("list of the bucket: got %+v, error %v", info, err)
			}
		}
		if n != 1 {
			t.Errorf("list of the bucket: got %d objects, want 1", n)
		}
		// S3 counts the prefix.
		long := strings.Repeat("kk/", storage.MaxKey/3-4)
		long += strings.Repeat("k", storage.MaxKey-len(a.Prefix)-len(long))
		if _, err := first.Put(ctx, long, bodyOf(1), 1, storage.Attrs{}); err != nil {
			t.Errorf("put a key of %d bytes: %v", len(long), err)
		}
		if _, err := first.Stat(ctx, long+"k"); !errors.Is(err, storage.ErrKey) {
			t.Errorf("stat a key of %d bytes: got error %v, want %v", len(long)+1, err, storage.ErrKey)
		}
	})
}

func TestNoPermission(t *testing.T) {
	onKinds(t, func(t *testing.T, c s3store.Config) {
		ctx := context.Background()
		wrongKey, noBucket, twice := c, c, c
		wrongKey.SecretKey = "wrong"
		noBucket.Bucket += "missing"
		// As who takes the bucket's address for the service's.
		twice.Endpoint += "/" + c.Bucket
		for _, err := range open(t, twice).List(ctx, "m/") {
			if !errors.Is(err, storage.ErrNoBucket) {
				t.Errorf("the bucket in the address too: got error %v, want %v", err, storage.ErrNoBucket)
			}
		}
		for name, c := range map[string]s3store.Config{"wrong secret": wrongKey, "no bucket": noBucket} {
			s := open(t, c)
			_, errPut := s.Put(ctx, "key", bodyOf(1), 1, storage.Attrs{})
			_, _, errOpen := s.Open(ctx, "key", storage.Range{})
			errDelete := s.Delete(ctx, "key")
			errLook := s.Look(ctx, false)[0].Err
			var errList error
			for _, err := range s.List(ctx, "") {
				errList = err
			}
			for op, err := range map[string]error{"put": errPut, "open": errOpen, "list": errList, "delete": errDelete, "look": errLook} {
				if !storage.IsPermanent(err) || errors.Is(err, storage.ErrNotExist) {
					t.Errorf("%s: %s: got error %v, want a permanent one", name, op, err)
				}
			}
		}
	})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	good := s3store.Config{Endpoint: "https://s3.example.com", Bucket: "b", AccessKey: "a", SecretKey: "s"}
	if _, err := s3store.New(good); err != nil {
		t.Errorf("good: %v", err)
	}
	for name, spoil := range map[string]func(*s3store.Config){
		"endpoint": func(c *s3store.Config) { c.Endpoint = "s3.example.com" }, "bucket": func(c *s3store.Config) { c.Bucket = "" },
		"credentials": func(c *s3store.Config) { c.SecretKey = "" }, "part size": func(c *s3store.Config) { c.PartSize = 1 << 20 },
		"concurrency": func(c *s3store.Config) { c.Concurrency = -1 }, "prefix": func(c *s3store.Config) { c.Prefix = "a" },
	} {
		c := good
		spoil(&c)
		if _, err := s3store.New(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got error %v, want one about it", name, err)
		}
	}
	for _, endpoint := range []string{"", "HTTP://h", "http://", "https://:443", "https://h?x=1", "https://h/#x", "https://user:secret@h", "https://user:secret@h:port", "https://h/%zz"} {
		c := good
		c.Endpoint = endpoint
		if _, err := s3store.New(c); err == nil || !strings.Contains(err.Error(), "s3 endpoint") || strings.Contains(err.Error(), "secret") {
			t.Errorf("endpoint %q: got error %v, want one about it", endpoint, err)
		}
	}
	for _, endpoint := range []string{"https://h/", "https://h/storage/v1/s3", "http://[::1]:9000"} {
		c := good
		c.Endpoint = endpoint
		if _, err := s3store.New(c); err != nil {
			t.Errorf("endpoint %q: %v", endpoint, err)
		}
	}
	for _, prefix := range []string{"/", "../", "a//", "A/"} {
		c := good
		c.Prefix = prefix
		if _, err := s3store.New(c); !errors.Is(err, storage.ErrKey) {
			t.Errorf("prefix %q: got error %v, want %v", prefix, err, storage.ErrKey)
		}
	}
}
