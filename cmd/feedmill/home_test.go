package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/storage"
)

// With a second key of the store, that one deletes and the other does the rest.
func TestStoreWithTwoKeys(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	keys := map[string]map[string]bool{} // by method
	key := regexp.MustCompile(`Credential=([^/]+)/`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		defer mu.Unlock()
		if keys[r.Method] == nil {
			keys[r.Method] = map[string]bool{}
		}
		if m := key.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
			keys[r.Method][m[1]] = true
		}
		switch r.Method {
		case http.MethodPut:
			w.Header().Set("ETag", `"x"`)
		case http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	file := secretsIn(t, t.TempDir())
	cfg := config.Store{Kind: "s3", Endpoint: server.URL, Region: "us-east-1", Bucket: "b", PathStyle: true,
		AccessFile: file("a", "PUTS"), SecretFile: file("s", "one"), DeleteAccessFile: file("da", "DELETES"), DeleteSecretFile: file("ds", "two")}
	b, err := openBucket(&cfg, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	store := b.asStore()
	// The server keeps nothing, which a Put notices; who signs is what matters here.
	if _, err := store.Put(t.Context(), "x/y", strings.NewReader("z"), 1, storage.Attrs{}); err == nil {
		t.Error("what the server does not keep was put")
	}
	if err := store.Delete(t.Context(), "x/y"); err != nil {
		t.Errorf("delete: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	for method, want := range map[string]string{http.MethodPut: "PUTS", http.MethodHead: "PUTS", http.MethodDelete: "DELETES"} {
		if !keys[method][want] || method != http.MethodHead && len(keys[method]) != 1 {
			t.Errorf("%s was signed with %v, want %s", method, keys[method], want)
		}
	}
	// Half a second key is none.
	cfg.DeleteSecretFile = ""
	if _, err := openBucket(&cfg, time.Now); feed.KindOf(err) != feed.KindInvalid || !strings.Contains(err.Error(), "store.delete_secret_key_file") {
		t.Errorf("half a key: %v", err)
	}
}

// secretsIn gives what writes a secret into a file of a folder, as settings name
// them, and gives its path.
func secretsIn(t *testing.T, dir string) func(name, text string) string {
	return func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
}
