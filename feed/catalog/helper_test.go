package catalog_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/feed/catalog"
)

var update = flag.Bool("update", false, "write golden files anew")

// outcome is everything that reading a catalog gives, as text.
type outcome struct {
	lines    []string // products in the native format
	problems []string
	err      error
	stats    catalog.Stats
	removed  []feed.ProductID
	dict     *feed.Dictionaries
	head     *feed.Dictionaries
	defaults catalog.Defaults
	format   catalog.Format
	// unstocked says that the catalog was told to have no stock, as that of most
	// tests: it is no part of problems and stats.
	unstocked bool
}

const unstocked = "no product has a stock"

// polish are options for catalogs that say nothing about themselves.
func polish() catalog.Options {
	return catalog.Options{
		DefaultLanguage: feed.MustLanguage("pol"), DefaultCurrency: feed.MustCurrency("PLN"),
		DefaultVAT: percent("23"), HasDefaultVAT: true,
	}
}

func percent(s string) feed.Percent {
	p, err := feed.ParsePercent(s)
	if err != nil {
		panic(err)
	}
	return p
}

// file writes a file into a fresh folder and gives its path.
func file(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// read reads files to the end. Errors of Open are the outcome's error.
func read(t testing.TB, opt catalog.Options, files ...string) (out outcome) {
	t.Helper()
	s, err := catalog.Open(files, opt)
	if err != nil {
		return outcome{err: err}
	}
	defer s.Close()
	out.head, out.format = s.Head(), s.Format()
	for p, err := range s.Products(t.Context()) {
		if err != nil {
			out.err = err
			break
		}
		out.lines = append(out.lines, strings.TrimSuffix(string(catalog.AppendJSON(nil, p)), "\n"))
	}
	if out.err == nil {
		out.err = s.Err()
	}
	for _, p := range s.Problems() {
		if p.Message == unstocked {
			out.unstocked = true
			continue
		}
		text := p.String()
		for _, f := range files {
			text = strings.Replace(text, f, filepath.Base(f), 1)
		}
		out.problems = append(out.problems, text)
	}
	out.stats, out.removed, out.dict, out.defaults = s.Stats(), s.Removed(), s.Dictionaries(), s.Defaults()
	if out.unstocked {
		out.stats.Warnings--
	}
	return out
}

// readText reads one file of the given content.
func readText(t testing.TB, opt catalog.Options, name, content string) outcome {
	t.Helper()
	return read(t, opt, file(t, name, content))
}

// golden compares text with a file in testdata, or writes it under -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run the test with -update to write it)", err)
	}
	if got != string(want) {
		gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		for i := range min(len(gotLines), len(wantLines)) {
			if gotLines[i] != wantLines[i] {
				t.Fatalf("%s differs in line %d:\ngot  %s\nwant %s", path, i+1, gotLines[i], wantLines[i])
			}
		}
		t.Fatalf("%s: got %d lines, want %d", path, len(gotLines), len(wantLines))
	}
}

// text is the outcome as a golden file holds it.
func (o outcome) text() string {
	var b strings.Builder
	for _, l := range o.lines {
		b.WriteString(l + "\n")
	}
	b.Write(catalog.AppendDictionaries(nil, o.dict))
	for _, p := range o.problems {
		b.WriteString(p + "\n")
	}
	return b.String()
}

// shared gives a folder of the samples beside the checkout, or skips the test.
func shared(t *testing.T, parts ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
	path := filepath.Join(append([]string{dir, "..", "shared"}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no samples beside the checkout: %v", err)
	}
	return path
}
