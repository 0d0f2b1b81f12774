package main

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/storage/postgres"
)

// halfOpen stands before an S3 service: it lets so many files be stored, and then
// no more until the test ends. middle is closed when the first is not let through.
func halfOpen(t *testing.T, endpoint string, files int64) (address string, middle <-chan struct{}) {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	// It keeps the name that a request was signed for.
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // whoever asks may be killed
	var stored atomic.Int64
	reached, over := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			n := stored.Add(1)
			if n == files+1 {
				close(reached)
			}
			if n > files {
				<-over
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(over) })
	return server.URL, reached
}

// Two workers and two edges share one PostgreSQL and one S3. One of each is
// killed while fifty offers are published; the others finish the work, nothing
// is published twice, and every offer is whole. How long it took is logged:
// half a minute is meant, and a busy machine may take longer.
func TestWorkersShareTheWork(t *testing.T) {
	t.Parallel()
	const offers = 50
	dir := t.TempDir()
	records := database.Database(t)
	server := objects.Versitygw(t)
	file := secretsIn(t, dir)
	env := append(os.Environ(), "FEEDMILL_DATABASE_KIND=postgres", "FEEDMILL_DATABASE_URL_FILE="+file("url", records),
		"FEEDMILL_STORE_KIND=s3", "FEEDMILL_STORE_ENDPOINT="+server.Endpoint, "FEEDMILL_STORE_REGION="+server.Region, "FEEDMILL_STORE_BUCKET="+server.Bucket(t),
		"FEEDMILL_STORE_ACCESS_KEY_FILE="+file("access", server.AccessKey), "FEEDMILL_STORE_SECRET_KEY_FILE="+file("secret", server.SecretKey),
		"FEEDMILL_SERVER_LISTEN=127.0.0.1:0", "FEEDMILL_LOG_LEVEL=debug")
	feedmill := program(t)
	command := func(data string, args ...string) *exec.Cmd {
		cmd := exec.Command(feedmill, args...)
		cmd.Env = append(env, "FEEDMILL_DATA="+filepath.Join(dir, data))
		return cmd
	}
	run := func(args ...string) []byte {
		t.Helper()
		out, err := command("tools", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("feedmill %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return out
	}
	catalog := filepath.Join(dir, "catalog.jsonl")
	writeCatalog(t, catalog, 2000, 7)
	run("import", "--catalog", catalog)
	paths := make([]string, offers)
	for i := range paths {
		profile := file(fmt.Sprint("profile", i), fmt.Sprintf("[discount]\noverall = \"%d.%d\"", i/10, i%10))
		var a added
		if err := json.Unmarshal(run("partner", "add", fmt.Sprint("Partner ", i), "--profile", profile, "--json"), &a); err != nil {
			t.Fatal(err)
		}
		paths[i] = a.Gateway[strings.Index(a.Gateway, "/o/"):]
	}

	// start runs a process and gives its address.
	start := func(name, role string, flags ...string) (*exec.Cmd, string) {
		t.Helper()
		cmd := command(name, append([]string{"serve", "--role", role, "--jobs.publish_every", "1s"}, flags...)...)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		log, err := os.Create(filepath.Join(dir, name+".log"))
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill() // it may be gone
			_ = cmd.Wait()
			log.Close()
			if t.Failed() {
				data, _ := os.ReadFile(log.Name())
				t.Logf("%s:\n%.3000s", name, data)
			}
		})
		line := make([]byte, 256)
		n, err := stdout.Read(line)
		m := regexp.MustCompile(`(?:serving offers|health is told) on (\S+)`).FindSubmatch(line[:n])
		if m == nil {
			t.Fatalf("%s says %q, %v", name, line[:n], err)
		}
		return cmd, string(m[1])
	}
	deadEdge, _ := start("edge1", "edge")
	_, edge := start("edge2", "edge")
	door, middle := halfOpen(t, server.Endpoint, 30)
	deadWorker, _ := start("worker1", "worker", "--store.endpoint", door)
	select {
	case <-middle:
	case <-time.After(5 * time.Minute):
		t.Fatal("the first worker stores nothing")
	}
	_, _ = start("worker2", "worker")
	// In the middle of the run, which cannot end: the rest of its files hang at the door.
	if err := errors.Join(deadWorker.Process.Kill(), deadEdge.Process.Kill()); err != nil {
		t.Fatal(err)
	}
	if log, err := os.ReadFile(filepath.Join(dir, "worker1.log")); err != nil || strings.Contains(string(log), "msg=published") {
		t.Fatalf("the first worker was done before it was killed: the test proves nothing (%v)", err)
	}

	client := http.Client{Timeout: 10 * time.Second}
	get := func(address string) (int, []byte) {
		resp, err := client.Get(address)
		if err != nil {
			return 0, nil
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			return 0, nil
		}
		return resp.StatusCode, data
	}
	killed := time.Now()
	deadline := killed.Add(5 * time.Minute)
	for i, path := range paths {
		var gateway []byte
		for {
			status, data := get(edge + path)
			if status == http.StatusOK {
				gateway = data
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("offer %d answers %d long after a worker was killed", i, status)
			}
			<-time.After(50 * time.Millisecond)
		}
		for _, kind := range []string{"light", "full"} {
			m := regexp.MustCompile(`<` + kind + ` url="([^"]+)" hash="([^"]+)"`).FindSubmatch(gateway)
			if m == nil {
				t.Fatalf("the gateway of offer %d names no %s", i, kind)
			}
			status, data := get(string(m[1]))
			if sum := md5.Sum(data); status != http.StatusOK || hex.EncodeToString(sum[:]) != string(m[2]) {
				t.Fatalf("%s of offer %d answers %d with hash %x, the gateway says %s", kind, i, status, sum, m[2])
			}
		}
	}

	t.Logf("%d offers were whole %s after a worker was killed", offers, time.Since(killed).Round(time.Second))
	db, err := postgres.Open(t.Context(), records, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	gens, err := db.CurrentGenerations(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	// One full feed, because partners differ in discount alone, and a light one each.
	if len(gens) != offers+1 {
		t.Errorf("%d feeds have a generation, want %d", len(gens), offers+1)
	}
	for _, g := range gens {
		if g.Base != 0 {
			t.Errorf("generation %d of %v was made from %d: it was published twice", g.Number, g.Feed, g.Base)
		}
		if g.Products != 2000 {
			t.Errorf("generation %d of %v has %d products", g.Number, g.Feed, g.Products)
		}
	}
}
