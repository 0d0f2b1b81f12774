package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A change that another process commits can be downloaded soon after, in light
// and in a change file, on either set of parts. How soon is logged: two seconds
// are meant with intervals of zero, and a busy machine may take longer.
func TestFreshness(t *testing.T) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		testFreshness(t)
	})
	t.Run("shared", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "url")
		if err := os.WriteFile(file, []byte(database.Database(t)), 0o600); err != nil {
			t.Fatal(err)
		}
		testFreshness(t, "FEEDMILL_DATABASE_KIND=postgres", "FEEDMILL_DATABASE_URL_FILE="+file)
	})
}

func testFreshness(t *testing.T, env ...string) {
	const rounds, patience = 4, 5 * time.Minute // only a hang is to fail
	dir := t.TempDir()
	feedmill := program(t)
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(feedmill, args...)
		cmd.Env = append(os.Environ(), env...)
		cmd.Env = append(cmd.Env, "FEEDMILL_DATA="+filepath.Join(dir, "data"), "FEEDMILL_SERVER_LISTEN=127.0.0.1:0", "FEEDMILL_SERVER_METRICS_LISTEN=",
			"FEEDMILL_JOBS_PUBLISH_EVERY=0s", "FEEDMILL_FEEDS_CHANGE_EVERY=0s", "FEEDMILL_FEEDS_FULL_SHARE=100")
		return cmd
	}
	run := func(args ...string) []byte {
		t.Helper()
		out, err := command(args...).CombinedOutput()
		if err != nil {
			t.Fatalf("feedmill %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return out
	}
	catalog := filepath.Join(dir, "catalog.jsonl")
	write := func(price int) {
		t.Helper()
		var b strings.Builder
		for i := range 500 {
			p := 100
			if i == 7 {
				p = price
			}
			fmt.Fprintf(&b, `{"id":%d,"vat":"23","currency":"PLN","name":{"pol":"P %d"},"category":{"id":"1","name":"A"},"code":"c%d","price":"%d.00"}`+"\n", i+1, i+1, i+1, p)
		}
		if err := os.WriteFile(catalog, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(100)
	run("import", "--catalog", catalog)
	var a added
	if err := json.Unmarshal(run("partner", "add", "P", "--json"), &a); err != nil {
		t.Fatal(err)
	}
	path := strings.TrimSuffix(a.Gateway[strings.Index(a.Gateway, "/o/"):], "gateway.xml")

	serve := command("serve")
	stdout, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	serve.Stderr = &log
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = serve.Process.Kill() // it may be gone
		_ = serve.Wait()
		if t.Failed() {
			t.Logf("the server says:\n%.5000s", log.String())
		}
	})
	line := make([]byte, 256)
	n, err := stdout.Read(line)
	m := regexp.MustCompile(`serving offers on (\S+)`).FindSubmatch(line[:n])
	if m == nil {
		t.Fatalf("the server says %q, %v", line[:n], err)
	}
	base := string(m[1]) + path
	get := func(address string) (int, string) { return fetch(t, address) }
	// until asks again and again, and gives how long it took.
	until := func(what string, from time.Time, ok func() bool) time.Duration {
		t.Helper()
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for !ok() {
			if time.Since(from) > patience {
				t.Fatalf("%s: not there after %s", what, patience)
			}
			<-ticker.C
		}
		return time.Since(from)
	}
	first := until("the first publication", time.Now(), func() bool { status, _ := get(base + "light.xml"); return status == http.StatusOK })
	t.Logf("the first publication came %s after the start", first.Round(time.Millisecond))
	change := regexp.MustCompile(`url="([^"]*full_change[^"]*)"`)
	for round := range rounds {
		price := 200 + round
		write(price)
		run("import", "--catalog", catalog)
		from := time.Now() // the import is committed
		text := fmt.Sprintf(`gross="%d.00"`, price)
		light := until("light", from, func() bool { _, body := get(base + "light.xml"); return strings.Contains(body, text) })
		changed := until("change file", from, func() bool {
			_, gateway := get(base + "gateway.xml")
			for _, m := range change.FindAllStringSubmatch(gateway, 1) {
				_, body := get(m[1])
				return strings.Contains(body, text)
			}
			return false
		})
		t.Logf("round %d: in light after %s, in a change file after %s", round+1, light.Round(time.Millisecond), changed.Round(time.Millisecond))
	}
}

// fetch asks for an address.
func fetch(t *testing.T, address string) (status int, body string) {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}
