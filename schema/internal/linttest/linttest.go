// Package linttest runs xmllint, the oracle of the tests of package schema
// and its parts. It owns the batches, one process for many documents, and the
// reading of xmllint's messages. It refuses to know what the documents mean.
package linttest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Verdict is what xmllint says about one document.
type Verdict struct {
	WellFormed bool         // XML and namespaces are in order
	Valid      bool         // well-formed and, with a schema, valid against it
	Lines      map[int]bool // lines that an error message names
	Messages   []string
}

// Need skips the test in short mode and fails it when xmllint is missing.
func Need(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("compares with xmllint; skipped with -short")
	}
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Fatal("xmllint is not installed: install it (Debian: apt-get install libxml2-utils) or test with -short")
	}
}

// Compiles reports whether xmllint accepts a schema document, and what it says
// otherwise.
func Compiles(t testing.TB, schema string) (ok bool, said string) {
	t.Helper()
	Need(t)
	doc := filepath.Join(t.TempDir(), "d.xml")
	if err := os.WriteFile(doc, []byte("<d/>"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("xmllint", "--nonet", "--noout", "--schema", schema, doc).CombinedOutput()
	if err == nil {
		return true, ""
	}
	return !strings.Contains(string(out), "Schemas parser error"), firstLines(out)
}

// batch bounds the command line.
const batch = 500

// Check gives a verdict on every document. schema may be empty: then only
// well-formedness counts. catalog is an XML catalog for schema locations, or
// empty.
func Check(t testing.TB, schema, catalog string, docs [][]byte) []Verdict {
	t.Helper()
	Need(t)
	out := make([]Verdict, 0, len(docs))
	for len(docs) > 0 {
		n := min(batch, len(docs))
		out = append(out, check(t, schema, catalog, docs[:n])...)
		docs = docs[n:]
	}
	return out
}

var message = regexp.MustCompile(`^(d\d{6}\.xml):(\d+): (.*)$`)

func check(t testing.TB, schema, catalog string, docs [][]byte) []Verdict {
	t.Helper()
	dir := t.TempDir()
	args := []string{"--nonet", "--noout", "--huge"}
	if schema != "" {
		args = append(args, "--schema", schema)
	}
	verdicts := make([]Verdict, len(docs))
	for i, d := range docs {
		name := fmt.Sprintf("d%06d.xml", i)
		if err := os.WriteFile(filepath.Join(dir, name), d, 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
		verdicts[i] = Verdict{WellFormed: true, Valid: true, Lines: map[int]bool{}}
	}
	cmd := exec.Command("xmllint", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "XML_CATALOG_FILES="+catalog, "LC_ALL=C")
	said, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatalf("run xmllint: %v", err)
	}
	if strings.Contains(string(said), "Schemas parser error") {
		t.Fatalf("xmllint refuses schema %s:\n%s", schema, firstLines(said))
	}
	validated := 0
	for line := range strings.SplitSeq(string(said), "\n") {
		if name, ok := strings.CutSuffix(line, " validates"); ok && index(name) >= 0 {
			validated++
			continue
		}
		if name, ok := strings.CutSuffix(line, " fails to validate"); ok && index(name) >= 0 {
			verdicts[index(name)].Valid = false
			validated++
			continue
		}
		m := message.FindStringSubmatch(line)
		if m == nil || strings.Contains(m[3], "warning :") || !strings.Contains(m[3], "error") {
			continue
		}
		v := &verdicts[index(m[1])]
		v.Valid = false
		v.Messages = append(v.Messages, m[3])
		if n, err := strconv.Atoi(m[2]); err == nil {
			v.Lines[n] = true
		}
		if !strings.Contains(m[3], "Schemas validity error") {
			v.WellFormed = false
		}
	}
	for i := range verdicts {
		if verdicts[i].WellFormed {
			validated--
		}
	}
	// Every well-formed document must have been judged, or the comparison
	// would pass by silence.
	if schema != "" && validated < 0 {
		t.Fatalf("xmllint left documents unjudged:\n%s", firstLines(said))
	}
	return verdicts
}

// index is the number in the name of a document of the batch, or -1.
func index(name string) int {
	digits := strings.TrimSuffix(strings.TrimPrefix(name, "d"), ".xml")
	n, err := strconv.Atoi(digits)
	if err != nil || len(digits) != 6 {
		return -1
	}
	return n
}

func firstLines(said []byte) string {
	lines := strings.SplitN(string(said), "\n", 21)
	return strings.Join(lines[:min(20, len(lines))], "\n")
}
