package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"feedmill/feed"
)

// Options adjusts a check. The zero value works.
type Options struct {
	// Now is the time of the check, for expiry, future and retention; zero
	// leaves these rules out.
	Now time.Time
	// Examples is how many findings of one rule are listed; all are counted.
	// Default 20, negative no limit.
	Examples int
	// Temp is the folder for fetched files, "" for that of the system.
	Temp string
	// MaxBytes bounds what is fetched of one offer over HTTP. Default 4 GiB.
	MaxBytes int64
	// OrphanAge is how old an object of the store must be to be called an
	// orphan; younger ones may belong to a run under way. Default 24 h.
	OrphanAge time.Duration
	// Progress is called before each file is read, if set.
	Progress func(Progress)
}

// Progress says how far a check is.
type Progress struct {
	// File is what is read next.
	File string
	// Files and Bytes were read so far; FilesOf is how many there will be, 0
	// while that is not known.
	Files, FilesOf int
	Bytes          int64
}

// Finding is one thing that does not hold.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	// Offer names the offer or feed, where a report covers several.
	Offer string `json:"offer,omitempty"`
	// File is the file's address below its offer: "12/full.xml".
	File string `json:"file,omitempty"`
	// Line counts from 1, 0 when the file as a whole is meant; Offset counts
	// bytes from 0.
	Line   int   `json:"line,omitempty"`
	Offset int64 `json:"offset,omitempty"`
	// Product is the id of the product that is meant, 0 for none.
	Product uint64 `json:"product,omitempty"`
	Message string `json:"message"`
	// Mend says what to do.
	Mend string `json:"mend"`
}

// String gives the finding in one line, without the advice, as a terminal may show it.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(f.Rule)
	for _, s := range []string{f.Offer, f.File} {
		if s != "" {
			b.WriteString("  " + feed.Visible(s))
		}
	}
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Line)
	}
	if f.Product > 0 {
		fmt.Fprintf(&b, "  product %d", f.Product)
	}
	return b.String() + "  " + feed.Visible(f.Message)
}

// Count says how often a rule found something.
type Count struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`
	Found    int64    `json:"found"` // in all
	Shown    int      `json:"shown"` // of these in Report.Findings
}

// Report is the outcome of a check.
type Report struct {
	// Subject is what was checked.
	Subject string `json:"subject"`
	// Offers, Generations, Files and Bytes count what was read; Products those
	// of the offers as they are now.
	Offers      int   `json:"offers"`
	Generations int   `json:"generations"`
	Files       int   `json:"files"`
	Bytes       int64 `json:"bytes"`
	Products    int64 `json:"products"`
	// Compared counts the pairs of full files that were proved to be linked by
	// the change files between them.
	Compared int       `json:"compared"`
	Findings []Finding `json:"findings"` // errors first, then by rule, in order of discovery
	Counts   []Count   `json:"counts"`   // likewise
	// Skipped tells what was not judged because of something found before.
	Skipped []string `json:"skipped"`
}

// Clean reports whether nothing found is an error.
func (r Report) Clean() bool { return r.Total(SeverityError) == 0 }

// Total counts what was found of a severity, listed or not.
func (r Report) Total(s Severity) int64 {
	var n int64
	for _, c := range r.Counts {
		if c.Severity == s {
			n += c.Found
		}
	}
	return n
}

// Has reports whether a rule found something.
func (r Report) Has(rule string) bool {
	return slices.ContainsFunc(r.Counts, func(c Count) bool { return c.Rule == rule })
}

// place is where something was found.
type place struct {
	file    string
	line    int
	offset  int64
	product uint64
}

// book collects what is found.
type book struct {
	rep   Report
	per   int
	rules map[string]Rule
	count map[string]int64
	offer string
}

func newBook(subject string, examples int) *book {
	b := &book{rep: Report{Subject: subject, Findings: []Finding{}, Counts: []Count{}, Skipped: []string{}},
		per: cmp.Or(examples, 20), rules: map[string]Rule{}, count: map[string]int64{}}
	for _, r := range All() {
		b.rules[r.ID] = r
	}
	return b
}

// add counts a finding and lists it while there is room.
func (b *book) add(rule string, at place, format string, args ...any) {
	b.count[rule]++
	if b.per >= 0 && b.count[rule] > int64(b.per) {
		return
	}
	r := b.rules[rule]
	b.rep.Findings = append(b.rep.Findings, Finding{Rule: rule, Severity: r.Severity, Offer: b.offer, File: at.file, Line: at.line,
		Offset: at.offset, Product: at.product, Message: fmt.Sprintf(format, args...), Mend: r.Mend})
}

// skip notes what was not judged.
func (b *book) skip(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	if b.offer != "" {
		s = b.offer + ": " + s
	}
	if len(b.rep.Skipped) < 100 && !slices.Contains(b.rep.Skipped, s) {
		b.rep.Skipped = append(b.rep.Skipped, s)
	}
}

// take moves everything of another book here.
func (b *book) take(o *book) {
	for _, f := range o.rep.Findings {
		b.count[f.Rule]++
		if b.per < 0 || b.count[f.Rule] <= int64(b.per) {
			b.rep.Findings = append(b.rep.Findings, f)
		}
		o.count[f.Rule]--
	}
	for rule, n := range o.count {
		if n > 0 {
			b.count[rule] += n
		}
	}
}

// close orders the findings.
func (b *book) close() Report {
	order := map[string]int{}
	for i, r := range All() {
		order[r.ID] = i
	}
	rank := func(rule string, s Severity) int {
		if s == SeverityError {
			return order[rule]
		}
		return order[rule] + len(order)
	}
	slices.SortStableFunc(b.rep.Findings, func(x, y Finding) int { return cmp.Compare(rank(x.Rule, x.Severity), rank(y.Rule, y.Severity)) })
	shown := map[string]int{}
	for _, f := range b.rep.Findings {
		shown[f.Rule]++
	}
	for rule, n := range b.count {
		r := b.rules[rule]
		b.rep.Counts = append(b.rep.Counts, Count{Rule: rule, Severity: r.Severity, Title: r.Title, Found: n, Shown: shown[rule]})
	}
	slices.SortFunc(b.rep.Counts, func(x, y Count) int { return cmp.Compare(rank(x.Rule, x.Severity), rank(y.Rule, y.Severity)) })
	return b.rep
}
