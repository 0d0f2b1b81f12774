package catalog

import (
	"strconv"
	"strings"

	"feedmill/feed"
)

// Level says how bad a [Problem] is.
type Level uint8

// The levels: an error makes the whole import void, a warning does not.
const (
	LevelError Level = iota
	LevelWarning
)

// String names the level.
func (l Level) String() string { return [...]string{"error", "warning"}[l] }

// Problem is something wrong with a catalog, at one place.
type Problem struct {
	// File is the name as it was given, Line counts from 1 (0 for the whole file).
	File string
	Line int64
	// Product is the product's id or key, "" when not known.
	Product string
	// Field is the path of the member or the name of the column, "" for the
	// whole line: sizes[0].stock[1].quantity.
	Field   string
	Message string
	// Hint says what to do, "" when the message does.
	Hint  string
	Level Level
}

// String gives the problem in one line:
// file:line: product 12: sizes[0].code: message (hint).
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		b.WriteByte(':')
		b.WriteString(strconv.FormatInt(p.Line, 10))
	}
	b.WriteString(": ")
	if p.Level == LevelWarning {
		b.WriteString("warning: ")
	}
	if p.Product != "" {
		b.WriteString("product ")
		b.WriteString(p.Product)
		b.WriteString(": ")
	}
	if p.Field != "" {
		b.WriteString(p.Field)
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString(" (")
		b.WriteString(p.Hint)
		b.WriteByte(')')
	}
	return b.String()
}

// maxWarnings is how many warnings are listed; further ones are only counted.
const maxWarnings = 1000

// maxKinds is how many kinds of warnings have a place beyond that for the first of each.
const maxKinds = 100

// journal keeps the problems of a stream. Those of one product are held back
// until its id is known.
type journal struct {
	file string
	// start is the line of the product, line that of the next problem: a format
	// whose products have several lines moves it, and each report moves it back.
	start, line int64
	listed      []Problem
	warnings    int64
	errors      int64
	shown       int // warnings listed
	// kinds are those of the warnings that are listed, more how many of them came after
	// the list was full.
	kinds map[string]bool
	more  int
	max   int // errors at which reading ends
	batch []Problem
	bad   bool // the batch holds an error
	told  map[string]bool
}

// begin starts the batch of another line.
func (j *journal) begin(line int64) {
	j.at(line)
	j.batch = j.batch[:0]
	j.bad = false
}

// at makes line the current one.
func (j *journal) at(line int64) { j.start, j.line = line, line }

// fail notes an error about a field of the current line.
func (j *journal) fail(field, message, hint string) {
	j.bad = true
	if int64(len(j.batch)) < int64(j.max)+maxWarnings {
		j.batch = append(j.batch, Problem{File: j.file, Line: j.line, Field: field, Message: message, Hint: hint})
	}
	j.line = j.start
}

// warn notes a warning about a field of the current line.
func (j *journal) warn(field, message, hint string) {
	if len(j.batch) < maxWarnings {
		j.batch = append(j.batch, Problem{File: j.file, Line: j.line, Field: field, Message: message, Hint: hint, Level: LevelWarning})
	} else {
		j.warnings++
	}
	j.line = j.start
}

// warnOnce is warn, once for each key in the whole stream.
func (j *journal) warnOnce(key, field, message, hint string) {
	if j.told[key] || len(j.told) > 100*maxWarnings || len(j.batch) >= maxWarnings {
		j.line = j.start
		return
	}
	if j.told == nil {
		j.told = make(map[string]bool)
	}
	j.told[strings.Clone(key)] = true
	j.warn(field, message, hint)
}

// commit lists the batch under the product's name and says whether it held no
// error. Its strings may alias the input and are copied.
func (j *journal) commit(product string) bool {
	for i := range j.batch {
		p := &j.batch[i]
		if p.Level == LevelWarning {
			j.warnings++
			if !j.place(p) {
				continue
			}
		} else {
			if j.errors >= int64(j.max) {
				break
			}
			j.errors++
		}
		p.Product, p.Field = strings.Clone(product), strings.Clone(p.Field)
		p.Message, p.Hint = strings.Clone(p.Message), strings.Clone(p.Hint)
		j.listed = append(j.listed, *p)
	}
	j.batch = j.batch[:0]
	return !j.bad
}

// place says whether a warning is listed: the first ones, and the first of each kind,
// which thousands of another kind must not hide.
func (j *journal) place(p *Problem) bool {
	kind := kindOf(p)
	known := j.kinds[string(kind)]
	switch {
	case j.shown < maxWarnings:
		j.shown++
	case known || j.more >= maxKinds:
		return false
	default:
		j.more++
	}
	if !known {
		if j.kinds == nil {
			j.kinds = make(map[string]bool)
		}
		j.kinds[string(kind)] = true
	}
	return true
}

// kindOf gives what a warning has in common with those that say the same of other
// values: its sentence without what it quotes, and without numbers.
func kindOf(p *Problem) []byte {
	kind := make([]byte, 0, 128)
	quoted := false
	for i := 0; i < len(p.Message); i++ {
		switch c := p.Message[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted || c >= '0' && c <= '9':
		default:
			kind = append(kind, c)
		}
	}
	return kind
}

// full gives the error that ends the stream when there are too many problems.
func (j *journal) full() error {
	if j.errors < int64(j.max) {
		return nil
	}
	return &feed.Error{
		Kind:    feed.KindInvalid,
		Message: plural(j.errors, "problem") + ", stopped at " + j.file + ":" + strconv.FormatInt(j.line, 10) + ", nothing imported",
		Hint:    "correct the listed lines and import the file again",
	}
}

// err gives the error of the whole import, nil when there were only warnings.
func (j *journal) err() error {
	if j.errors == 0 {
		return nil
	}
	return &feed.Error{Kind: feed.KindInvalid, Message: plural(j.errors, "problem") + ", nothing imported", Hint: "correct the listed lines and import the file again"}
}

func plural(n int64, word string) string {
	s := strconv.FormatInt(n, 10) + " " + word
	if n != 1 {
		s += "s"
	}
	return s
}

// Digest gives at most n of a list of problems in their order: the first of each
// kind, which many of another kind must not hide, and of the others the first.
func Digest(list []Problem, n int) []Problem {
	if len(list) <= n {
		return list
	}
	known := make(map[string]bool)
	first := make([]bool, len(list))
	left := n
	for i := range list {
		if kind := string(kindOf(&list[i])); left > 0 && !known[kind] {
			known[kind], first[i] = true, true
			left--
		}
	}
	short := make([]Problem, 0, n)
	for i := range list {
		switch {
		case first[i]:
			short = append(short, list[i])
		case left > 0:
			short = append(short, list[i])
			left--
		}
	}
	return short
}
