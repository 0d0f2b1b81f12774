package s3store_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"feedmill/storage"
	"feedmill/storage/s3store"
)

// guard stands before a store and takes requests of one key alone. An answer to
// HEAD has no body that says why.
func guard(asked *atomic.Int64, status int, code string, is s3store.Key) http.Handler {
	inner := &stub{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), "Credential="+is.Access+"/") && r.Header.Get("X-Amz-Security-Token") == is.Session {
			inner.ServeHTTP(w, r)
			return
		}
		asked.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
		}
	})
}

// A temporary key that is over is replaced by the one that has come in its place,
// in the middle of whatever is asked for.
func TestKeyIsReplaced(t *testing.T) {
	t.Parallel()
	first, second := s3store.Key{Access: "first", Secret: "s", Session: "t1"}, s3store.Key{Access: "second", Secret: "s", Session: "t2"}
	for _, c := range []struct {
		status int
		code   string
	}{{400, "ExpiredToken"}, {400, "InvalidToken"}, {403, "InvalidAccessKeyId"}, {403, "SignatureDoesNotMatch"}} {
		for name, do := range map[string]func(*s3store.Store) error{
			"put": func(s *s3store.Store) error {
				_, err := s.Put(t.Context(), "key", strings.NewReader("bytes"), 5, storage.Attrs{Immutable: true})
				return err
			},
			"stat": func(s *s3store.Store) error { _, err := s.Stat(t.Context(), "key"); return missing(err) },
			"open": func(s *s3store.Store) error {
				_, _, err := s.Open(t.Context(), "key", storage.Range{})
				return missing(err)
			},
			"delete": func(s *s3store.Store) error { return s.Delete(t.Context(), "key") },
			"list": func(s *s3store.Store) error {
				for _, err := range s.List(t.Context(), "") {
					return err
				}
				return nil
			},
		} {
			var refused atomic.Int64
			reads := 0
			s := onStubAs(t, guard(&refused, c.status, c.code, second), first, func() (s3store.Key, error) {
				reads++
				return second, nil
			})
			if err := do(s.Store); err != nil || reads != 1 {
				t.Errorf("%s after %s: got %v, the key was read %d times, want once", name, c.code, err, reads)
			}
			if n := refused.Load(); n > 2 {
				t.Errorf("%s after %s: %d requests were refused, want the first, and the one that asks why", name, c.code, n)
			}
		}
	}
}

func missing(err error) error {
	if errors.Is(err, storage.ErrNotExist) {
		return nil
	}
	return err
}

// Where no other key has come the refusal is told at once, as what it is.
func TestKeyIsOver(t *testing.T) {
	t.Parallel()
	first := s3store.Key{Access: "first", Secret: "s", Session: "t1"}
	for _, c := range []struct {
		fresh func() (s3store.Key, error)
		says  string
	}{
		{nil, "ExpiredToken"},
		{func() (s3store.Key, error) { return first, nil }, "the key is the same when it is read again"},
		{func() (s3store.Key, error) { return s3store.Key{}, errors.New("no such file") }, "the key could not be read again: no such file"},
	} {
		var refused atomic.Int64
		s := onStubAs(t, guard(&refused, 400, "ExpiredToken", s3store.Key{Access: "second"}), first, c.fresh)
		_, err := s.Put(t.Context(), "key", strings.NewReader("bytes"), 5, storage.Attrs{})
		if !errors.Is(err, storage.ErrExpired) || storage.IsPermanent(err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("got %v, want %v and %q", err, storage.ErrExpired, c.says)
		}
		if n := refused.Load(); n != 2 {
			t.Errorf("%d requests, want one, and one that asks why", n)
		}
	}
	// Keys that come and go one after the other are not tried for ever.
	var refused atomic.Int64
	n := 0
	s := onStubAs(t, guard(&refused, 403, "InvalidAccessKeyId", s3store.Key{Access: "none"}), first, func() (s3store.Key, error) {
		n++
		return s3store.Key{Access: fmt.Sprint("key", n), Secret: "s"}, nil
	})
	if _, _, err := s.Open(t.Context(), "key", storage.Range{}); !errors.Is(err, storage.ErrWrongKey) || refused.Load() > 5 {
		t.Errorf("got %v after %d requests, want %v after a few", err, refused.Load(), storage.ErrWrongKey)
	}
}

// The same key with another secret is another key: what was signed with the one that
// is wrong says nothing of the other.
func TestSecretIsReplaced(t *testing.T) {
	onKinds(t, func(t *testing.T, c s3store.Config) {
		right := s3store.Key{Access: c.AccessKey, Secret: c.SecretKey}
		wrong := right
		wrong.Secret += "x"
		c.SecretKey = wrong.Secret
		file := wrong
		c.Fresh = func() (s3store.Key, error) { return file, nil }
		s := open(t, c)
		if _, err := s.Stat(t.Context(), "key"); !errors.Is(err, storage.ErrWrongKey) {
			t.Errorf("with another secret: got %v, want %v", err, storage.ErrWrongKey)
		}
		file = right
		if _, err := s.Put(t.Context(), "key", strings.NewReader("bytes"), 5, storage.Attrs{}); err != nil {
			t.Errorf("with the right one: %v", err)
		}
	})
}
