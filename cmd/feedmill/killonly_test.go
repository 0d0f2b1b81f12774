package main

import (
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hidden lists what stands in a folder under hidden names.
func hidden(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			list = append(list, e.Name())
		}
	}
	return list
}

// What a killed run of generate --only leaves, the next run of the same file
// removes, and nothing of a run that lives.
func TestOnlyRemovesWhatAKilledRunLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	feedmill := program(t)
	catalog, out := filepath.Join(dir, "a.jsonl"), filepath.Join(dir, "public", "full.xml")
	writeCatalog(t, catalog, 3, 1)
	text, err := os.ReadFile(catalog)
	if err != nil {
		t.Fatal(err)
	}
	whole := func(what string) {
		t.Helper()
		cmd := exec.Command(feedmill, "generate", "--catalog", catalog, "--only", "full", "--out", out)
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", what, err, text)
		}
	}
	// begin starts a run that reads its catalog from a pipe, and waits until it has
	// put down the first half.
	type process struct {
		cmd    *exec.Cmd
		in     io.WriteCloser
		stderr strings.Builder
	}
	half := len(text) / 2
	begin := func() *process {
		t.Helper()
		p := &process{cmd: exec.Command(feedmill, "generate", "--catalog", "-", "--only", "full", "--out", out)}
		p.cmd.Stderr = &p.stderr
		var err error
		if p.in, err = p.cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		before := len(hidden(t, filepath.Dir(out)))
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // it may have ended
		if _, err := p.in.Write(text[:half]); err != nil {
			t.Fatal(err)
		}
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for len(hidden(t, filepath.Dir(out))) == before {
			select {
			case <-tick.C:
			case <-t.Context().Done():
				t.Fatalf("the run put down nothing: %s", &p.stderr)
			}
		}
		return p
	}
	whole("the first run")
	doomed := begin()
	if err := doomed.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = doomed.cmd.Wait() // killed
	if got := hidden(t, filepath.Dir(out)); len(got) == 0 {
		t.Fatal("the killed run has left nothing: the test proves nothing")
	}
	whole("the run after a kill")
	if got := hidden(t, filepath.Dir(out)); len(got) != 0 {
		t.Errorf("after a kill and a run: got %q, want nothing left", got)
	}

	living := begin()
	if got := hidden(t, filepath.Dir(out)); len(got) != 1 {
		t.Errorf("while one run waits: got %q, want one folder", got)
	}
	whole("a run beside one that lives")
	if got := hidden(t, filepath.Dir(out)); len(got) != 1 {
		t.Errorf("after a run beside one that lives: got %q, want one folder", got)
	}
	if _, err := living.in.Write(text[half:]); err != nil {
		t.Fatal(err)
	}
	if err := living.in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := living.cmd.Wait(); err != nil {
		t.Fatalf("the run that waited: %v: %s", err, &living.stderr)
	}
	if got := hidden(t, filepath.Dir(out)); len(got) != 0 {
		t.Errorf("when all have ended: got %q, want nothing left", got)
	}
}

// Killed at any moment, generate --only leaves the old file or the new one.
func TestOnlyKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	const products, kills = 3000, 15
	dir := t.TempDir()
	feedmill := program(t)
	catalogs := []string{filepath.Join(dir, "a.jsonl"), filepath.Join(dir, "b.jsonl")}
	for i, c := range catalogs {
		writeCatalog(t, c, products, i+1)
		// Out of order, so that products are sorted beside the file.
		text, err := os.ReadFile(c)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(string(text), "\n")
		lines[1], lines[products] = lines[products], lines[1]
		if err := os.WriteFile(c, []byte(strings.Join(lines, "")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "public", "full.xml")
	run := func(i int, kill time.Duration) error {
		return runKilled(t, kill, feedmill, "generate", "--catalog", catalogs[i%2], "--only", "full", "--out", out)
	}
	start := time.Now()
	if err := run(0, 0); err != nil {
		t.Fatal(err)
	}
	usual := time.Since(start)
	killed, littered := 0, 0
	for i := range kills {
		if err := run(i+1, time.Duration(rand.Int64N(int64(usual)+1)+1)); err != nil {
			killed++
		}
		left := len(hidden(t, filepath.Dir(out)))
		if left > 2 {
			t.Fatalf("after kill %d: got %q, want at most what one run makes", i, hidden(t, filepath.Dir(out)))
		}
		littered += left
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		one, two := strings.Count(string(data), `<price gross="1.00"`), strings.Count(string(data), `<price gross="2.00"`)
		if one != 0 && two != 0 || one+two != 2*products || !strings.HasSuffix(strings.TrimSpace(string(data)), "</offer>") {
			t.Fatalf("after kill %d: full has %d prices of the first catalog and %d of the second", i, one, two)
		}
	}
	if killed == 0 {
		t.Fatal("no run was killed: the test proves nothing")
	}
	t.Logf("%d of %d runs were killed, and left %d names", killed, kills, littered)
	if err := run(0, 0); err != nil {
		t.Fatalf("the run after the kills: %v", err)
	}
	if got := hidden(t, filepath.Dir(out)); len(got) != 0 {
		t.Errorf("got %q, want nothing left", got)
	}
}
