package testserver

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func TestStart(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*Servers, testing.TB) S3{
		"versitygw": (*Servers).Versitygw, "rclone": (*Servers).Rclone,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s Servers
			var first S3
			var dir string
			t.Run("running", func(t *testing.T) {
				first = start(&s, t)
				if first.Name != name {
					t.Errorf("got name %q, want %q", first.Name, name)
				}
				dir = s.running[name].dir
				// Who comes while it runs shares it.
				t.Run("shared", func(t *testing.T) {
					if second := start(&s, t); second != first {
						t.Errorf("got another server %+v, want %+v", second, first)
					}
				})
				if a, b := first.Bucket(t), first.Bucket(t); a == b {
					t.Errorf("got bucket %q twice", a)
				}
				// Nobody gets in without the keys.
				resp, err := http.Get(first.Endpoint + "/")
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if resp.StatusCode != http.StatusForbidden {
					t.Errorf("without keys: got status %d, want %d", resp.StatusCode, http.StatusForbidden)
				}
			})
			// The last user is gone, and so is everything.
			if c, err := net.DialTimeout("tcp", strings.TrimPrefix(first.Endpoint, "http://"), time.Second); err == nil {
				c.Close()
				t.Errorf("after the last test: the server still answers")
			}
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("after the last test: got error %v for its folder, want it gone", err)
			}
			if again := start(&s, t); again.Endpoint == "" {
				t.Errorf("started again: got no endpoint")
			}
		})
	}
}

// A copy of a bucket has its objects with what is known of them, its uploads under
// way, and a life of its own.
func TestCopyBucket(t *testing.T) {
	t.Parallel()
	var s Servers
	server := s.Versitygw(t)
	client, from := server.client(), server.Bucket(t)
	key, begun := aws.String("a/b"), aws.String("a/c")
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &from, Key: key, Body: strings.NewReader("bytes"), Metadata: map[string]string{"token": "x"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &from, Key: begun}); err != nil {
		t.Fatal(err)
	}
	to := server.CopyBucket(t, from)
	if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &from, Key: key}); err != nil {
		t.Fatal(err)
	}
	got, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &to, Key: key})
	if err != nil || got.Metadata["token"] != "x" || aws.ToInt64(got.ContentLength) != 5 {
		t.Errorf("got %+v, error %v", got, err)
	}
	uploads, err := client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &to})
	if err != nil || len(uploads.Uploads) != 1 || aws.ToString(uploads.Uploads[0].Key) != *begun {
		t.Errorf("got uploads %+v, error %v", uploads, err)
	}
}

func TestLaunchSaysWhy(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "server")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho out of order\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	none := func(addr, dir string) ([]string, []string) { return nil, nil }
	if _, err := launch("script", script, none); err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Errorf("got error %v, want one with the output", err)
	}
	if _, err := launch("script", script+"-missing", none); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing program: got error %v, want %v", err, os.ErrNotExist)
	}
}

// TestCached uses an environment variable, so it does not run in parallel.
func TestCached(t *testing.T) {
	cache := t.TempDir()
	t.Setenv(CacheEnv, cache)
	var mu sync.Mutex
	builds := 0
	build := func(out string) *exec.Cmd {
		mu.Lock()
		defer mu.Unlock()
		builds++
		return exec.Command("sh", "-c", `echo built > "$0"`, out)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			program, err := cached(context.Background(), "tool-v1", "tool", build)
			if want := filepath.Join(cache, "tool-v1", "tool"); err != nil || program != want {
				t.Errorf("got %q, error %v, want %q", program, err, want)
			}
			if b, err := os.ReadFile(program); err != nil || string(b) != "built\n" {
				t.Errorf("program: got %q, error %v", b, err)
			}
		})
	}
	wg.Wait()
	if builds != 1 {
		t.Errorf("got %d builds, want 1", builds)
	}
	_, err := cached(context.Background(), "bad-v1", "bad", func(string) *exec.Cmd {
		return exec.Command("sh", "-c", "echo no such module; exit 3")
	})
	if err == nil || !strings.Contains(err.Error(), "no such module") {
		t.Errorf("failing build: got error %v, want one with the output", err)
	}
	entries, err := filepath.Glob(filepath.Join(cache, "b*"))
	if err != nil || len(entries) != 1 || filepath.Base(entries[0]) != "bad-v1.lock" {
		t.Errorf("after a failing build: got %q, error %v, want only its lock", entries, err)
	}
	lock, err := waitLock(context.Background(), filepath.Join(cache, "held"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := waitLock(ctx, filepath.Join(cache, "held")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for a held lock: got error %v, want %v", err, context.DeadlineExceeded)
	}
}

func TestModuleDir(t *testing.T) {
	t.Parallel()
	dir, err := moduleDir()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "tools", "rclone-s3", "main.go")); err != nil {
		t.Error(err)
	}
}
