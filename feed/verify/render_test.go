package verify_test

import (
	"strings"
	"testing"

	"feedmill/feed/verify"
)

// What others have written tells a terminal nothing.
func TestTextShowsWhatOthersWrote(t *testing.T) {
	t.Parallel()
	const hostile = "\x1b[2J\u009b31m\nall clean"
	var b strings.Builder
	rep := verify.Report{
		Subject: "store", Findings: []verify.Finding{{Rule: "VER-KEY", File: "m/" + hostile, Message: "it says " + hostile}},
		Counts:  []verify.Count{{Rule: "VER-KEY", Severity: verify.SeverityWarning, Found: 1, Shown: 1}},
		Skipped: []string{"file " + hostile},
	}
	if err := verify.Text(&b, rep); err != nil {
		t.Fatal(err)
	}
	if err := verify.ScrubText(&b, verify.ScrubReport{Blobs: 1, Damaged: []verify.Damage{{Key: "m/x", Message: hostile}}}); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Count(got, `\x1b[2J\u009b31m\nall clean`) != 4 || strings.ContainsAny(got, "\x1b\u009b") {
		t.Errorf("got %q", got)
	}
}
