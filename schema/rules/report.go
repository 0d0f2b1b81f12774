package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"feedmill/schema"
	"feedmill/schema/xmltok"
)

// Finding is one thing that a rule has to say about a place in a file.
type Finding struct {
	File    string `json:"file"`           // as the family names it
	Line    int    `json:"line"`           // from 1; 0 when the whole file is meant
	Column  int    `json:"column"`         // from 1, in characters; 0 when the whole file is meant
	Path    string `json:"path"`           // of the element: "/offer/products/product[3]/sizes/size[2]"
	Code    string `json:"code"`           // of the rule: see [Lookup]
	Level   Level  `json:"level"`          // of the rule
	Message string `json:"message"`        // what is wrong here
	Hint    string `json:"hint,omitempty"` // what to do
}

// String gives the finding in one line: place, path, code, message and hint,
// two blanks between them.
func (f Finding) String() string {
	s := fmt.Sprintf("%s:%d:%d  %s  %s  %s", f.File, f.Line, f.Column, f.Path, f.Code, f.Message)
	if f.Hint != "" {
		s += "  " + f.Hint
	}
	return s
}

// Count says how often a rule had something to say in a family.
type Count struct {
	Code  string `json:"code"`
	Level Level  `json:"level"`
	Title string `json:"title"`
	Found int64  `json:"found"` // in all
	Shown int    `json:"shown"` // of these in Report.Findings
}

// FileReport says what one file is.
type FileReport struct {
	Name     string      `json:"name"`
	Kind     schema.Kind `json:"kind"`            // "" when the root is that of no kind
	Bytes    int64       `json:"bytes"`           // read, after decompression
	Elements int64       `json:"elements"`        // read
	Products int64       `json:"products"`        // of full, light and change files
	Found    int64       `json:"found"`           // findings about it, of any level
	Cut      bool        `json:"cut,omitempty"`   // it could not be read to its end, or its schema has too many faults to list
	MD5      string      `json:"md5,omitempty"`   // of its bytes after decompression, where something names a digest
	Label    string      `json:"label,omitempty"` // stamp of a change file
}

// Report is the outcome of a check.
type Report struct {
	Files    []FileReport `json:"files"`    // in the order of checking
	Findings []Finding    `json:"findings"` // errors of transfers first, then by file, line, column and code
	Counts   []Count      `json:"counts"`   // errors first, of these what befell transfers, then by code
}

// Valid reports whether nothing found is an error.
func (r Report) Valid() bool { return r.Total(LevelError) == 0 }

// Total counts what was found at a level, listed or not.
func (r Report) Total(level Level) int64 {
	var n int64
	for _, c := range r.Counts {
		if c.Level == level {
			n += c.Found
		}
	}
	return n
}

// Hidden counts what was found and is not listed.
func (r Report) Hidden() int64 {
	var n int64
	for _, c := range r.Counts {
		n += c.Found - int64(c.Shown)
	}
	return n
}

// sheet collects what is found in one file.
type sheet struct {
	name    string
	perRule int
	kept    []Finding
	counts  map[string]int64
}

func newSheet(name string, perRule int) *sheet {
	return &sheet{name: name, perRule: perRule, counts: map[string]int64{}}
}

// want counts a finding and reports whether it is to be listed.
func (s *sheet) want(code string) bool {
	n := s.counts[code] + 1
	s.counts[code] = n
	return s.perRule < 0 || n <= int64(s.perRule)
}

// add lists a finding that want asked for.
func (s *sheet) add(r *Rule, pos xmltok.Pos, path, message string) {
	s.kept = append(s.kept, Finding{File: s.name, Line: pos.Line, Column: pos.Column, Path: path,
		Code: r.Code, Level: r.Level, Message: message, Hint: r.Mend})
}

// take moves everything of another sheet here.
func (s *sheet) take(o *sheet) {
	s.kept = append(s.kept, o.kept...)
	for code, n := range o.counts {
		s.counts[code] += n
	}
}

func (s *sheet) total() int64 {
	var n int64
	for _, c := range s.counts {
		n += c
	}
	return n
}

var levelOrder = map[Level]int{LevelError: 0, LevelWarning: 1, LevelHint: 2}

// origin is 0 for errors of a transfer, which others follow from, and 1 for all else.
func origin(code string, level Level) int {
	if level == LevelError && strings.HasPrefix(code, "IOF-HTTP-") {
		return 0
	}
	return 1
}

// assemble makes the report of the sheets, which are in the order of checking.
func assemble(files []FileReport, sheets []*sheet, rules map[string]*Rule, most int) Report {
	rep := Report{Files: files, Findings: []Finding{}, Counts: []Count{}}
	found := map[string]int64{}
	for i, s := range sheets {
		if i < len(files) {
			rep.Files[i].Found = s.total()
		}
		for code, n := range s.counts {
			found[code] += n
		}
		slices.SortStableFunc(s.kept, func(a, b Finding) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
		})
		rep.Findings = append(rep.Findings, s.kept...)
	}
	// What befell a transfer stands before what follows from it: the hash in gateway of a
	// file that was cut off.
	slices.SortStableFunc(rep.Findings, func(a, b Finding) int { return cmp.Compare(origin(a.Code, a.Level), origin(b.Code, b.Level)) })
	rep.Findings = atMost(rep.Findings, most)
	shown := map[string]int{}
	for _, f := range rep.Findings {
		shown[f.Code]++
	}
	for code, n := range found {
		c := Count{Code: code, Level: LevelError, Found: n, Shown: shown[code]}
		if r := rules[code]; r != nil {
			c.Level, c.Title = r.Level, r.Title
		}
		rep.Counts = append(rep.Counts, c)
	}
	slices.SortFunc(rep.Counts, func(a, b Count) int {
		return cmp.Or(cmp.Compare(levelOrder[a.Level], levelOrder[b.Level]), cmp.Compare(origin(a.Code, a.Level), origin(b.Code, b.Level)), cmp.Compare(a.Code, b.Code))
	})
	return rep
}

// atMost keeps at most n findings, errors before warnings before hints, in
// their order.
func atMost(all []Finding, n int) []Finding {
	if n < 0 || len(all) <= n {
		return all
	}
	kept := make([]bool, len(all))
	left := n
	for _, level := range []Level{LevelError, LevelWarning, LevelHint} {
		for i := range all {
			if left > 0 && all[i].Level == level {
				kept[i] = true
				left--
			}
		}
	}
	out := make([]Finding, 0, n)
	for i := range all {
		if kept[i] {
			out = append(out, all[i])
		}
	}
	return out
}
