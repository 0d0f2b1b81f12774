package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A partner who was blocked for days, and whose new files the guard holds when he
// comes back, shows nothing until somebody decides. The merchant is told.
func TestComingBackToWhatIsHeld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var out, errs bytes.Buffer
	now := time.Date(2026, 11, 21, 19, 0, 0, 0, time.UTC)
	w := &world{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, now: func() time.Time { return now }, log: slog.New(slog.DiscardHandler)}
	try := func(args ...string) (string, int) {
		t.Helper()
		out.Reset()
		errs.Reset()
		status := w.run(append(args, "--data", filepath.Join(dir, "data"), "--jobs.publish_every=-1s", "--feeds.change_every=0s"))
		return out.String(), status
	}
	run := func(args ...string) string {
		t.Helper()
		said, status := try(args...)
		if status != exitOK {
			t.Fatalf("%q: exit status %d\n%s%s", args, status, said, &errs)
		}
		return said
	}
	// says fails where what partner show says of the only offer has, or lacks, a text.
	says := func(when string, nothing, held bool, text string) {
		t.Helper()
		if said := run("partner", "show", "Nord Shop"); text != "" && !strings.Contains(said, text) || text == "" && (strings.Contains(said, "503") || strings.Contains(said, "held")) {
			t.Errorf("%s: partner show says\n%s\nwant %q", when, said, text)
		}
		var got struct {
			Received []struct {
				Nothing bool   `json:"nothing"`
				Held    string `json:"held"`
			} `json:"received"`
		}
		if err := json.Unmarshal([]byte(run("partner", "show", "Nord Shop", "--json")), &got); err != nil || len(got.Received) != 1 {
			t.Fatalf("%s: %v, %+v", when, err, got)
		}
		if o := got.Received[0]; o.Nothing != nothing || (o.Held != "") != held {
			t.Errorf("%s: got %+v, want nothing %v and held %v", when, o, nothing, held)
		}
	}
	catalog := func(n, version int) string {
		path := filepath.Join(dir, "catalog.jsonl")
		writeCatalog(t, path, n, version)
		return path
	}
	run("import", "--catalog", catalog(500, 1))
	run("partner", "add", "Nord Shop", "--profile", filepath.Join("sample", "retail.toml"))
	run("partner", "add", "Sud Shop", "--profile", filepath.Join("sample", "wholesale.toml"))
	says("before the first run", true, false, "nothing to show yet (503)")
	run("publish")
	says("published", false, false, "")

	// Runs go on without him for days.
	run("partner", "block", "Nord Shop")
	for range 2 {
		now = now.Add(26 * time.Hour)
		run("import", "--catalog", catalog(100, 1))
		run("publish", "--feeds.max_loss", "100")
	}
	now = now.Add(26 * time.Hour)
	run("partner", "unblock", "Nord Shop")
	says("back", true, false, "nothing to show yet (503)")
	if said, status := try("publish"); status == exitOK {
		t.Fatalf("nothing is held:\n%s", said)
	}
	says("held", true, true, "waits for a decision")
	list := run("held", "list")
	if !strings.Contains(list, "of Nord Shop) shows nothing, and answers 503, until run") || strings.Contains(list, "Sud Shop") {
		t.Errorf("held list says\n%s", list)
	}
	var held []heldGenerationJSON
	if err := json.Unmarshal([]byte(run("held", "list", "--json")), &held); err != nil || len(held) == 0 || len(held[0].Waiting) != 1 || held[0].Waiting[0].Partner != "Nord Shop" {
		t.Fatalf("held list: %v, %+v", err, held)
	}
	if said := run("held", "show", held[0].Run); strings.Count(said, "answers 503") != 1 {
		t.Errorf("held show says\n%s", said)
	}
	run("held", "release", held[0].Run)
	says("released", false, false, "")

	// Held again while he reads on: he is not down, and the merchant is told that too.
	run("import", "--catalog", catalog(10, 1))
	if said, status := try("publish"); status == exitOK {
		t.Fatalf("nothing is held:\n%s", said)
	}
	says("held while there is something to show", false, true, "the one before is shown")
	if list := run("held", "list"); strings.Contains(list, "503") {
		t.Errorf("held list says\n%s", list)
	}
}
