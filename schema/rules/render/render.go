// Package render turns a report of package rules into something for people: a
// plain text that can be mailed, and a page that stands alone.
//
// It owns wording and layout. It refuses to know where files came from, and
// to judge anything.
package render

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"feedmill/schema/rules"
)

// Subject says what was checked, and when.
type Subject struct {
	Name string    // of the file, folder or supplier
	When time.Time // zero leaves it out
}

// examples is how many places are named of each rule.
const examples = 3

// Text writes a summary by rule: what was found how often, who is hurt, how
// to mend it, and some places.
func Text(to io.Writer, s Subject, rep rules.Report) error {
	w := bufio.NewWriter(to)
	fmt.Fprintf(w, "Check of %s by the rules of the Internet Offer Format 3.0", s.Name)
	if !s.When.IsZero() {
		fmt.Fprintf(w, ", %s UTC", s.When.UTC().Format("2006-01-02 15:04"))
	}
	fmt.Fprintf(w, "\n%s\n\n", Verdict(rep))
	fmt.Fprintf(w, "Files\n")
	for _, f := range rep.Files {
		fmt.Fprintf(w, "  %s\n", fileLine(f))
	}
	for _, g := range byRule(rep) {
		fmt.Fprintf(w, "\n%s (%s), %s: %s\n", g.Code, g.Level, times(g.Found), g.Title)
		fmt.Fprint(w, wrap("Who is hurt: "+g.Rule.Hurts), wrap("How to mend it: "+g.Rule.Mend))
		for _, f := range g.Places {
			fmt.Fprintf(w, "  - %s\n    %s\n", place(f), f.Message)
		}
		if more := g.Found - int64(len(g.Places)); more > 0 {
			fmt.Fprintf(w, "  - and %s more\n", number(more))
		}
	}
	return w.Flush()
}

// Verdict says in one sentence how a check ended.
func Verdict(rep rules.Report) string {
	word := "Valid"
	if !rep.Valid() {
		word = "Invalid"
	}
	var products, files int64
	for _, f := range rep.Files {
		files++
		if f.Kind == "full" || f.Kind == "light" {
			products = max(products, f.Products)
		}
	}
	what := count(files, "file")
	if products > 0 {
		what += ", " + count(products, "product")
	}
	return fmt.Sprintf("%s: %s; %s, %s, %s.", word, what,
		count(rep.Total(rules.LevelError), "error"), count(rep.Total(rules.LevelWarning), "warning"), count(rep.Total(rules.LevelHint), "hint"))
}

// ruleGroup is what was found of one rule.
type ruleGroup struct {
	rules.Count
	Rule   rules.Rule
	Places []rules.Finding
}

func byRule(rep rules.Report) []ruleGroup {
	groups := make([]ruleGroup, len(rep.Counts))
	for i, c := range rep.Counts {
		groups[i].Count = c
		groups[i].Rule, _ = rules.Lookup(c.Code)
		for _, f := range rep.Findings {
			if f.Code == c.Code && len(groups[i].Places) < examples {
				groups[i].Places = append(groups[i].Places, f)
			}
		}
	}
	return groups
}

func place(f rules.Finding) string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s, line %d, column %d, %s", f.File, f.Line, f.Column, f.Path)
}

func fileLine(f rules.FileReport) string {
	s := fmt.Sprintf("%s: %s, %s", f.Name, cmp.Or(string(f.Kind), "no kind of offer file"), size(f.Bytes))
	if f.Products > 0 {
		s += ", " + count(f.Products, "product")
	}
	if f.Found > 0 {
		s += ", " + count(f.Found, "finding")
	}
	if f.Cut {
		s += ", not read to its end"
	}
	return s
}

func size(bytes int64) string {
	switch {
	case bytes < 10_000:
		return count(bytes, "byte")
	case bytes < 10_000_000:
		return fmt.Sprintf("%s kB", number(bytes/1000))
	}
	return fmt.Sprintf("%s MB", number(bytes/1_000_000))
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return number(n) + " " + what + "s"
}

func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return number(n) + " times"
}

// number writes thousands apart.
func number(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// wrap breaks a paragraph into lines of at most 76 characters, indented by two.
func wrap(text string) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		n := len([]rune(word))
		switch {
		case column == 0:
			b.WriteString("  ")
			column = 2
		case column+1+n > 78:
			b.WriteString("\n  ")
			column = 2
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	b.WriteByte('\n')
	return b.String()
}

// files gives the files that findings name, in the order of the report.
func files(rep rules.Report) []string {
	var names []string
	for _, f := range rep.Findings {
		if !slices.Contains(names, f.File) {
			names = append(names, f.File)
		}
	}
	return names
}
