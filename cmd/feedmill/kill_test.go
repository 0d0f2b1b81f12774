package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program gives the path of the real command: this test binary under the
// command's name.
func program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "feedmill")
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// writeCatalog writes a catalog of n products whose prices tell the version.
func writeCatalog(t *testing.T, path string, n, version int) {
	t.Helper()
	var b strings.Builder
	b.WriteString(`{"record":"catalog","language":"pol","currency":"PLN","vat":"23"}` + "\n")
	for id := 1; id <= n; id++ {
		fmt.Fprintf(&b, `{"id":%d,"category":{"id":"1","name":"Rzeczy"},"name":"Produkt %d","price":"%d.00","code":"c%d","stock":[{"warehouse":1,"quantity":%d}]}`+"\n",
			id, id, version, id, id%7)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// runKilled runs a command, which is killed after a while unless kill is 0 or it
// has ended, and gives what it ended with.
func runKilled(t *testing.T, kill time.Duration, name string, args ...string) error {
	t.Helper()
	cmd := exec.Command(name, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if kill > 0 {
		timer := time.AfterFunc(kill, func() { _ = cmd.Process.Kill() }) // it may have ended
		defer timer.Stop()
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, &stderr)
	}
	return nil
}

// Killed at any moment, generate leaves the folder with a whole offer, older or
// newer, and the next run needs no help.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	const products, kills = 3000, 40
	dir := t.TempDir()
	feedmill := program(t)
	catalogs := []string{filepath.Join(dir, "a.jsonl"), filepath.Join(dir, "b.jsonl")}
	for i, c := range catalogs {
		writeCatalog(t, c, products, i+1)
	}
	out := filepath.Join(dir, "public", "offer")
	run := func(i int, kill time.Duration) error {
		// Each run may change everything: the guard is not at issue.
		return runKilled(t, kill, feedmill, "generate", "--catalog", catalogs[i%2], "--out", out, "--gzip", "--feeds.max_loss", "100", "--feeds.max_price_move=-1")
	}
	start := time.Now()
	if err := run(0, 0); err != nil {
		t.Fatal(err)
	}
	usual := time.Since(start)
	killed := 0
	for i := range kills {
		if err := run(i+1, time.Duration(rand.Int64N(int64(usual)+1)+1)); err != nil {
			killed++
		}
		if err := checkOffer(out); err != nil {
			t.Fatalf("after kill %d: %v", i, err)
		}
		data, err := os.ReadFile(filepath.Join(out, "light.xml"))
		if err != nil {
			t.Fatal(err)
		}
		one, two := strings.Count(string(data), `<price gross="1.00"`), strings.Count(string(data), `<price gross="2.00"`)
		if one != 0 && two != 0 || one+two != 2*products {
			t.Fatalf("after kill %d: light has %d prices of the first catalog and %d of the second", i, one, two)
		}
	}
	if killed == 0 {
		t.Fatal("no run was killed: the test proves nothing")
	}
	t.Logf("%d of %d runs were killed", killed, kills)
	for i := range 2 {
		if err := run(i, 0); err != nil {
			t.Fatalf("the run after the kills: %v", err)
		}
	}
	left, err := os.ReadDir(filepath.Dir(out))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		if e.Name() != "offer" && e.Name() != ".offer.lock" {
			t.Errorf("%s is left", e.Name())
		}
	}
	if _, err := os.Stat(filepath.Join(out, ".feedmill", "spool")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the spool folder is published")
	}
}
