package main

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// readme gives the text of the README and the root of the module.
func readme(t *testing.T) (text, root string) {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data), root
}

// block gives the first code block behind a heading.
func block(t *testing.T, text, heading string) []string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("the README has no section %q", heading)
	}
	_, rest, ok = strings.Cut(rest, "\n```\n")
	body, _, end := strings.Cut(rest, "\n```\n")
	if !ok || !end {
		t.Fatalf("section %q of the README has no code block", heading)
	}
	return strings.Split(body, "\n")
}

// The first command of the README does the main job; an address that it prints answers.
func TestReadmeDemo(t *testing.T) {
	t.Parallel()
	text, root := readme(t)
	lines := block(t, text, "Try it")
	if len(lines) != 1 {
		t.Fatalf("the demo is %q, want one command", lines)
	}
	args := append(strings.Fields(lines[0]), "--server.listen", "127.0.0.1:0")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = root
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	// A process group of its own, because go run does not pass signals on.
	inGroup(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gateway := ""
	printed := bufio.NewScanner(stdout)
	for printed.Scan() {
		if m := regexp.MustCompile(`gateway +(http://\S+)`).FindStringSubmatch(printed.Text()); m != nil {
			gateway = m[1]
		}
		if strings.HasPrefix(printed.Text(), "serving offers on ") {
			break
		}
	}
	if gateway == "" {
		interrupt(t, cmd)
		_ = cmd.Wait() // it has failed already
		t.Fatalf("the demo prints no gateway address\n%s", &stderr)
	}
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get(gateway)
	if err != nil {
		t.Error(err)
	} else {
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("the gateway answers %s", resp.Status)
		}
	}
	interrupt(t, cmd)
	for printed.Scan() {
		// until it has gone
	}
	_ = cmd.Wait() // go run tells of the interrupt
}

// The second command of the README is what CI runs.
func TestReadmeTestCommandIsWhatCIRuns(t *testing.T) {
	t.Parallel()
	text, root := readme(t)
	lines := block(t, text, "Test it")
	ci, err := os.ReadFile(filepath.Join(root, ".ci", "run"))
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 1 || !strings.Contains(string(ci), strings.TrimPrefix(lines[0], "./")) {
		t.Errorf("the test command is %q, .ci/run is\n%s", lines, ci)
	}
	if _, err := os.Stat(filepath.Join(root, lines[0])); err != nil {
		t.Error(err)
	}
}

// What the README names is there.
func TestReadmeLinks(t *testing.T) {
	t.Parallel()
	text, root := readme(t)
	n := 0
	for _, m := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(text, -1) {
		n++
		if _, err := os.Stat(filepath.Join(root, m[1])); err != nil && !strings.Contains(m[1], "://") {
			t.Error(err)
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z/]+)`(?:, `([a-z/]+)`)? \\|").FindAllStringSubmatch(text, -1) {
		for _, dir := range m[1:] {
			n++
			if _, err := os.Stat(filepath.Join(root, dir)); err != nil {
				t.Error(err)
			}
		}
	}
	if n < 15 {
		t.Errorf("only %d names found in the README", n)
	}
}

// The session of the README works and prints what the README shows.
func TestReadmeSession(t *testing.T) {
	t.Parallel()
	text, root := readme(t)
	out := filepath.Join(t.TempDir(), "retail")
	var args, want []string
	for _, line := range block(t, text, "A session") {
		line = strings.ReplaceAll(line, "~/public/retail", out)
		if cmd, ok := strings.CutPrefix(line, "$ feedmill "); ok {
			args = strings.Fields(cmd)
		} else if !strings.HasPrefix(line, "$ ") {
			want = append(want, line)
		}
	}
	cmd := exec.Command(program(t), args...)
	cmd.Dir = filepath.Join(root, "cmd", "feedmill", "sample")
	got, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(got)) != strings.Join(want, "\n") {
		t.Errorf("%v\n%s\nwant\n%s", err, got, strings.Join(want, "\n"))
	}
}
