package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var shots = flag.String("shots", "", "folder for pictures of all pages; a temporary one where it is empty")

// ground is what the tests share: the program, a browser and a place for pictures.
type ground struct{ program, browser, shots string }

func prepare(t *testing.T) ground {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes minutes")
	}
	g := ground{program: filepath.Join(t.TempDir(), "feedmill"), browser: browser(t), shots: *shots}
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatalf("%v: the panel is driven by Node, which scripts/test installs", err)
	}
	for _, name := range []string{"playwright-core", "axe-core"} {
		if _, err := os.Stat(filepath.Join("node_modules", name)); err != nil {
			t.Fatalf("%v: scripts/test installs it, or 'npm ci' in internal/admin/e2e", err)
		}
	}
	if g.shots == "" {
		g.shots = t.ArtifactDir()
	}
	var err error
	if g.shots, err = filepath.Abs(g.shots); err != nil {
		t.Fatal(err)
	}
	run(t, nil, "go", "build", "-o", g.program, "feedmill/cmd/feedmill")
	return g
}

// browser finds Chromium: the one that CHROMIUM names, or the machine's own.
func browser(t *testing.T) string {
	t.Helper()
	names := []string{"chromium", "chromium-browser", "google-chrome"}
	if name := os.Getenv("CHROMIUM"); name != "" {
		names = []string{name}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("none of %v is there: scripts/test installs Chromium, and CHROMIUM names another", names)
	return ""
}

// run runs a command to its end and gives what it printed.
func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String()
}

// start runs the program until the test ends and waits for a line that it
// prints. What it complains of is shown when the test fails.
func (g ground) start(t *testing.T, line *regexp.Regexp, args ...string) []string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, g.program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found, drained := make(chan []string, 1), make(chan struct{})
	go func() {
		defer close(drained)
		defer close(found)
		sent := false
		for scan := bufio.NewScanner(out); scan.Scan(); {
			if m := line.FindStringSubmatch(scan.Text()); m != nil && !sent {
				found <- m
				sent = true
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		<-drained
		_ = cmd.Wait() // it ends by the signal
		if t.Failed() {
			text := log.String()
			t.Logf("the end of the log of feedmill %s:\n%s", args[0], text[max(0, len(text)-4000):])
		}
	})
	m, ok := <-found
	if !ok {
		t.Fatalf("the program ended without saying %v", line)
	}
	return m
}

// report is what the scripts print at last.
type report struct {
	Pages, Heaviest                                  int
	Violations, Wide, Broken, Heavy, Foreign, Faults []string
}

// judge tells everything that is wrong with pages.
func (r *report) judge(t *testing.T) {
	t.Helper()
	for what, list := range map[string][]string{"violates WCAG": r.Violations, "is wider than the window": r.Wide, "breaks words in the middle": r.Broken, "is heavier than 150 KB": r.Heavy, "comes from another host": r.Foreign, "fails": r.Faults} {
		for _, one := range list {
			t.Errorf("%s: %s", what, one)
		}
	}
}

func reportOf(t *testing.T, out string) (r report) {
	t.Helper()
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v in %.500s", err, out)
	}
	return r
}

// TestMerchantsDay goes through a merchant's day with scripts and without, and
// looks at every page on the way.
func TestMerchantsDay(t *testing.T) {
	g := prepare(t)
	for _, mode := range []string{"scripts", "plain"} {
		t.Run(mode, func(t *testing.T) {
			found := g.start(t, regexp.MustCompile(`open (http://\S+)/panel/setup and give the code (\w+)`), "serve", "--data", t.TempDir(), "--server.listen", "127.0.0.1:0", "--server.metrics_listen", "",
				"--jobs.publish_every", "1s", "--feeds.light_every", "1s", "--feeds.change_every", "1s")
			out := run(t, []string{"CHROMIUM=" + g.browser}, "node", "flow.mjs", found[1], found[2], filepath.Join(g.shots, "day-"+mode), mode)
			said, last, _ := strings.Cut(out, "\n{")
			r := reportOf(t, "{"+last)
			if r.Pages < 30 {
				t.Errorf("only %d pages were seen", r.Pages)
			}
			t.Logf("%s\n%d pages, the heaviest of %d bytes", said, r.Pages, r.Heaviest)
			r.judge(t)
		})
	}
}

// TestStorybook looks at every page in every state.
func TestStorybook(t *testing.T) {
	g := prepare(t)
	base := g.start(t, regexp.MustCompile(`storybook at (http://[^/\s]+)`), "storybook", "--listen", "127.0.0.1:0")[1]
	r := reportOf(t, run(t, []string{"CHROMIUM=" + g.browser}, "node", "shots.mjs", base, filepath.Join(g.shots, "pages")))
	if r.Pages < 200 {
		t.Errorf("only %d pages were seen", r.Pages)
	}
	t.Logf("%d pages, the heaviest of %d bytes", r.Pages, r.Heaviest)
	r.judge(t)
}
