package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// What a command leaves that is killed while it writes a result, or a backup,
// the next one of the same name removes.
func TestResultsOfKilledCommandsGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	feedmill := program(t)
	catalogs := []string{filepath.Join(dir, "a.jsonl"), filepath.Join(dir, "b.jsonl")}
	fulls := []string{filepath.Join(dir, "a.xml"), filepath.Join(dir, "b.xml")}
	change, data := filepath.Join(dir, "change.xml"), filepath.Join(dir, "data")
	run := func(args ...string) {
		t.Helper()
		if text, err := exec.Command(feedmill, args...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, text)
		}
	}
	for i := range catalogs {
		writeCatalog(t, catalogs[i], 4000, i+1)
		run("generate", "--catalog", catalogs[i], "--only", "full", "--out", fulls[i])
	}
	run("diff", fulls[0], fulls[1], "--change", change)
	run("import", "--data", data, "--catalog", catalogs[0])
	for _, c := range []struct {
		name string
		args []string
	}{
		{"apply", []string{"apply", fulls[0], change, "--out", "now.xml"}},
		{"apply-packed", []string{"apply", fulls[0], change, "--out", "now.xml.gz"}},
		{"diff", []string{"diff", fulls[0], fulls[1], "--change", "now.xml"}},
		{"backup", []string{"backup", "--data", data, "--to", "now.db"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out := t.TempDir()
			start := func() *exec.Cmd {
				if err := os.Remove(filepath.Join(out, c.args[len(c.args)-1])); err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Fatal(err) // a backup wants a name of its own
				}
				cmd := exec.Command(feedmill, c.args...)
				cmd.Dir = out
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				return cmd
			}
			// It is killed as soon as something of it can be seen. One that was faster
			// has left nothing, and another is begun.
			for try := 0; len(hidden(t, out)) == 0; try++ {
				if try == 100 {
					t.Fatal("no command was killed in time: the test proves nothing")
				}
				cmd := start()
				ended := make(chan struct{})
				go func() {
					_ = cmd.Wait() // killed, mostly
					close(ended)
				}()
				tick := time.NewTicker(time.Millisecond)
				for over := false; !over && len(hidden(t, out)) == 0; {
					select {
					case <-ended:
						over = true
					case <-tick.C:
					}
				}
				tick.Stop()
				_ = cmd.Process.Kill() // it may have ended
				<-ended
			}
			if err := start().Wait(); err != nil {
				t.Fatalf("the command after a kill: %v", err)
			}
			if got := hidden(t, out); len(got) != 0 {
				t.Errorf("after a kill and a whole command: got %q, want nothing left", got)
			}
		})
	}
}
