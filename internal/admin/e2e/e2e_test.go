package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// ground is what the tests share: the program, a browser and a place for pictures.
type ground struct{ program, browser, shots string }

func prepare(t *testing.T) ground {
	t.Helper()
	if os.Getenv("FEEDMILL_BROWSER") == "" {
		t.Skip("FEEDMILL_BROWSER=1 runs the tests in a browser")
	}
	g := ground{program: filepath.Join(t.TempDir(), "feedmill"), shots: os.Getenv("FEEDMILL_SHOTS")}
	if g.shots == "" {
		g.shots = "shots"
	}
	run(t, nil, "go", "build", "-o", g.program, "feedmill/cmd/feedmill")
	if _, err := os.Stat("node_modules/playwright-core"); err != nil {
		run(t, []string{"PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1"}, "npm", "ci", "--no-audit", "--no-fund")
	}
	if g.browser = os.Getenv("CHROMIUM"); g.browser == "" {
		for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
			if path, err := exec.LookPath(name); err == nil {
				g.browser = path
				break
			}
		}
	}
	if g.browser == "" {
		run(t, nil, "npx", "playwright-core", "install", "chromium")
	}
	return g
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

// start runs the program until the test ends and waits for a line that it prints.
func (g ground) start(t *testing.T, line *regexp.Regexp, args ...string) []string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, g.program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	cmd.Stderr = io.Discard
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found := make(chan []string, 1)
	go func() {
		scan := bufio.NewScanner(out)
		for scan.Scan() {
			if m := line.FindStringSubmatch(scan.Text()); m != nil {
				found <- m
			}
		}
		close(found)
	}()
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait() // it ends by the signal
	})
	m, ok := <-found
	if !ok {
		t.Fatalf("the program ended without saying %v", line)
	}
	return m
}

// freeAddress gives an address of this machine that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestMerchantsDay goes through a merchant's day with scripts and without.
func TestMerchantsDay(t *testing.T) {
	g := prepare(t)
	for _, mode := range []string{"scripts", "plain"} {
		t.Run(mode, func(t *testing.T) {
			address := freeAddress(t)
			code := g.start(t, regexp.MustCompile(`give the code (\w+)`), "serve", "--data", t.TempDir(), "--server.listen", address,
				"--jobs.publish_every", "1s", "--feeds.light_every", "1s", "--feeds.change_every", "1s", "--metrics.listen", "")[1]
			t.Log(run(t, []string{"CHROMIUM=" + g.browser}, "node", "flow.mjs", "http://"+address, code, filepath.Join(g.shots, "flow"), mode))
		})
	}
}

// TestStorybook looks at every page in every state.
func TestStorybook(t *testing.T) {
	g := prepare(t)
	address := freeAddress(t)
	g.start(t, regexp.MustCompile(`storybook at`), "storybook", "--listen", address)
	out := run(t, []string{"CHROMIUM=" + g.browser}, "node", "shots.mjs", "http://"+address, filepath.Join(g.shots, "pages"))
	var seen struct {
		Pages, Heaviest                          int
		Violations, Wide, Heavy, Foreign, Faults []string
	}
	if err := json.Unmarshal([]byte(out), &seen); err != nil {
		t.Fatalf("%v in %.500s", err, out)
	}
	if seen.Pages < 300 {
		t.Errorf("only %d pages were seen", seen.Pages)
	}
	t.Logf("%d pages, the heaviest of %d bytes", seen.Pages, seen.Heaviest)
	for what, list := range map[string][]string{"violates WCAG": seen.Violations, "is wider than the window": seen.Wide, "is heavier than 150 KB": seen.Heavy, "comes from another host": seen.Foreign, "fails": seen.Faults} {
		for _, one := range list {
			t.Errorf("%s: %s", what, one)
		}
	}
}
