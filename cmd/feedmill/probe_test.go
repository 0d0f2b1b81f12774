package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/internal/config"
)

// A bucket that does everything is told to; of one that refuses something the
// key, the bucket and the right are named, by the command and in the log of a
// process that begins to serve.
func TestProbeAndLook(t *testing.T) {
	t.Parallel()
	server := objects.Versitygw(t)
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	gate := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // which is signed
	}}
	var puts atomic.Int64
	strict := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			puts.Add(1)
		}
		if r.Method == http.MethodDelete || r.URL.Query().Has("uploads") {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "<Error><Code>AccessDenied</Code></Error>")
			return
		}
		gate.ServeHTTP(w, r)
	}))
	defer strict.Close()
	dir := t.TempDir()
	file := secretsIn(t, dir)
	bucket := server.Bucket(t)
	args := []string{"--store.kind", "s3", "--store.bucket", bucket, "--store.path_style", "--store.region", server.Region,
		"--store.access_key_file", file("access", server.AccessKey), "--store.secret_key_file", file("secret", server.SecretKey)}
	run := func(endpoint string, more ...string) (status int, stdout, stderr string) {
		var out, errs bytes.Buffer
		w := &world{stdout: &out, stderr: &errs, now: time.Now}
		status = w.run(append(append([]string{"probe", "--store.endpoint", endpoint}, args...), more...))
		return status, out.String(), errs.String()
	}
	if status, out, errs := run(server.Endpoint); status != exitOK || errs != "" || strings.Count(out, "  yes\n") != 9 {
		t.Errorf("a whole bucket: status %d, said %s%s", status, out, errs)
	}
	var found struct {
		Bucket string
		Steps  []struct{ Works bool }
	}
	if status, out, errs := run(server.Endpoint, "--read-only", "--json"); status != exitOK || json.Unmarshal([]byte(out), &found) != nil || found.Bucket != bucket || len(found.Steps) != 2 || !found.Steps[1].Works {
		t.Errorf("only reading: status %d, said %s%s", status, out, errs)
	}
	status, out, errs := run(strict.URL)
	for _, want := range []string{"bucket \"" + bucket + "\"", "delete an object with the key of store.access_key_file (s3:DeleteObject, for sweeps): no right to it", "(s3:ListBucketMultipartUploads", "hint: the key of the store has no right to it"} {
		if !strings.Contains(errs, want) {
			t.Errorf("a bucket that refuses: %q is missing in %s", want, errs)
		}
	}
	if status != exitFailed || puts.Load() != 0 || !strings.Contains(out, "not tried: what it puts could not be deleted") {
		t.Errorf("a bucket that refuses: status %d, %d objects put, said %s", status, puts.Load(), out)
	}
	if status, _, errs := run(server.Endpoint, "--store.bucket", "nosuchbucket"); status != exitProblem || !strings.Contains(errs, "no such bucket") {
		t.Errorf("no bucket: status %d, said %s", status, errs)
	}

	look := func(endpoint, name string, sweeps bool) string {
		var log bytes.Buffer
		b, err := openBucket(&config.Store{Kind: "s3", Endpoint: endpoint, Region: server.Region, Bucket: name, PathStyle: true,
			AccessFile: filepath.Join(dir, "access"), SecretFile: filepath.Join(dir, "secret")}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		b.look(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), sweeps)
		return log.String()
	}
	if log := look(server.Endpoint, bucket, true) + look(strict.URL, bucket, false); log != "" {
		t.Errorf("where nothing is amiss: logged %s", log)
	}
	if log := look(strict.URL, bucket, true); strings.Count(log, "\n") != 1 || !strings.Contains(log, "s3:ListBucketMultipartUploads") {
		t.Errorf("no right to list uploads: logged %s", log)
	}
	if log := look(server.Endpoint, "nosuchbucket", true); strings.Count(log, "\n") != 1 || !strings.Contains(log, "make the bucket") {
		t.Errorf("no bucket: logged %s", log)
	}
	if puts.Load() != 0 {
		t.Errorf("to look put %d objects", puts.Load())
	}
}
