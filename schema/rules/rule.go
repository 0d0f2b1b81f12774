package rules

import (
	"fmt"

	"strings"

	"feedmill/schema"
)

// Level is the weight of a rule.
type Level = schema.Level

// The levels. Only errors make a family invalid.
const (
	LevelError   = schema.LevelError   // contradicts the format or itself, or does harm at many importers
	LevelWarning = schema.LevelWarning // does harm at some importers
	LevelHint    = Level("hint")       // legal, and read in several ways, or could be better
)

// Rule says what a code means. Every text is one or more whole sentences.
type Rule struct {
	Code  string `json:"code"`  // stable: "IOF-…", or "XSD-…" and "XML-…" of package schema
	Level Level  `json:"level"` // of its findings
	Title string `json:"title"` // what was found, in a few words
	Means string `json:"means"` // what is judged, and what is not
	Hurts string `json:"hurts"` // who is hurt, and how
	Mend  string `json:"mend"`  // what to do
	Basis string `json:"basis"` // the clauses it rests on
}

// Lookup finds a rule by its code, in capitals or not.
func Lookup(code string) (Rule, bool) {
	for _, r := range All() {
		if strings.EqualFold(r.Code, code) {
			return r, true
		}
	}
	return Rule{}, false
}

// Explain gives everything that is known about a rule, in plain text.
func (r Rule) Explain() string {
	return fmt.Sprintf("%s (%s): %s\n\nWhat it means\n  %s\n\nWho is hurt\n  %s\n\nHow to mend it\n  %s\n\nIt rests on\n  %s\n",
		r.Code, r.Level, r.Title, r.Means, r.Hurts, r.Mend, r.Basis)
}

// index gives the rules by code.
func index() map[string]*Rule {
	all := All()
	m := make(map[string]*Rule, len(all))
	for i := range all {
		m[all[i].Code] = &all[i]
	}
	return m
}

// All gives the rules in the order of the documentation: XML, schema, then
// the offer.
func All() []Rule {
	var all []Rule
	for _, g := range groups() {
		all = append(all, g.rules...)
	}
	return all
}
