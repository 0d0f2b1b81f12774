package s3store_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"feedmill/storage"
	"feedmill/storage/s3store"
)

// What an answer leads to is told, and sent nothing: neither a token nor prices.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Location", other.URL+r.URL.RequestURI())
			w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
			w.WriteHeader(status)
		}))
		s := open(t, s3store.Config{Endpoint: server.URL, Bucket: "bucket", AccessKey: "a", SecretKey: "s", SessionToken: "t", PathStyle: true, Attempts: 1, Patience: -1})
		_, putErr := s.Put(t.Context(), "key", strings.NewReader("wholesale"), 9, storage.Attrs{})
		_, _, openErr := s.Open(t.Context(), "key", storage.Range{})
		var listErr error
		for _, listErr = range s.List(t.Context(), "") {
		}
		for what, err := range map[string]error{"put": putErr, "open": openErr, "list": listErr, "delete": s.Delete(t.Context(), "key")} {
			if !errors.Is(err, storage.ErrElsewhere) || !storage.IsPermanent(err) || !strings.Contains(err.Error(), `in the region "eu-west-1", by way of "127.0.0.1:`) {
				t.Errorf("%s, answered %d: got %v, want %v", what, status, err, storage.ErrElsewhere)
			}
		}
		server.Close()
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests went where answers lead, want none", n)
	}
}

// A proxy that wants a password is told as such at once. It used to be asked for a
// minute.
func TestProxyRefuses(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"https://s3.example.com", "http://s3.example.com"} {
		var asked atomic.Int64
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.WriteHeader(http.StatusProxyAuthRequired)
		}))
		address, err := url.Parse(proxy.URL)
		if err != nil {
			t.Fatal(err)
		}
		c := s3store.NewClient()
		c.Transport.(*http.Transport).Proxy = http.ProxyURL(address)
		s := open(t, s3store.Config{Endpoint: endpoint, Bucket: "bucket", AccessKey: "a", SecretKey: "s", PathStyle: true, Client: c})
		_, _, err = s.Open(t.Context(), "key", storage.Range{})
		if !errors.Is(err, storage.ErrProxy) || !storage.IsPermanent(err) || !strings.Contains(err.Error(), "407") || asked.Load() != 1 {
			t.Errorf("%s: got %v after %d requests, want %v after one", endpoint, err, asked.Load(), storage.ErrProxy)
		}
		proxy.Close()
	}
}

// A page that is shown in place of every answer is no empty bucket.
func TestPageIsNoListing(t *testing.T) {
	t.Parallel()
	s := onStub(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html><body>We are back soon</body></html>")
	}))
	var err error
	for _, err = range s.List(t.Context(), "") {
	}
	if err == nil || storage.IsPermanent(err) || !strings.Contains(err.Error(), "the answer is no listing") {
		t.Errorf("list: got %v, want it told that this is no listing", err)
	}
	if f := s.Probe(t.Context(), s.Store); f.Steps[0].Err == nil {
		t.Error("probe: a page passed for a listing")
	}
}
