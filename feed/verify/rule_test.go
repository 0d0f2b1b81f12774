package verify_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"feedmill/feed/verify"
)

// The documentation lists the rules as they are.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "verify.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(doc), "<!-- rules -->\n")
	got, _, end := strings.Cut(rest, "<!-- end of rules -->")
	if !ok || !end {
		t.Fatal("docs/verify.md has no place for the rules")
	}
	if want := "\n" + verify.Markdown() + "\n"; got != want {
		t.Errorf("the rules of docs/verify.md are not those of the table; it should have\n%s", want)
	}
}

// Every rule has all its texts, and some planted damage that finds it.
func TestEveryRuleIsPlanted(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	for _, name := range []string{"planted_test.go", "records_test.go", "gateway_test.go"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(data)
	}
	form := regexp.MustCompile(`^VER(-[A-Z0-9]+)+$`)
	seen := map[string]bool{}
	for _, r := range verify.All() {
		if !form.MatchString(r.ID) || seen[r.ID] {
			t.Errorf("id %q is malformed or stands there twice", r.ID)
		}
		seen[r.ID] = true
		if r.Title == "" || !strings.HasSuffix(r.Means, ".") || !strings.HasSuffix(r.Mend, ".") || strings.ContainsAny(r.Means+r.Mend+r.Title, "|\n") {
			t.Errorf("%s: its texts are no sentences that fit into a table", r.ID)
		}
		if r.Severity != verify.SeverityError && r.Severity != verify.SeverityWarning {
			t.Errorf("%s: severity %q", r.ID, r.Severity)
		}
		if !regexp.MustCompile(`"[^"]*` + r.ID + `\b[^"-]*"`).MatchString(source.String()) {
			t.Errorf("%s: no planted damage finds it", r.ID)
		}
	}
}

func ExampleLookup() {
	r, ok := verify.Lookup("ver-chain-gone")
	fmt.Println(r.ID, r.Severity, ok)
	fmt.Println(r.Title)
	// Output:
	// VER-CHAIN-GONE error true
	// change file lacks a tombstone
}

func ExampleAll() {
	n := 0
	for _, r := range verify.All() {
		if r.Severity == verify.SeverityError {
			n++
		}
	}
	fmt.Println(n > 40)
	// Output: true
}

func ExampleMarkdown() {
	fmt.Println(strings.Contains(verify.Markdown(), "| VER-FILE-DIGEST | error | file damaged |"))
	// Output: true
}
