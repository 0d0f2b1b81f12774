// Package schematest passes files that tests generate through the validator.
//
// It owns how a test fails on an invalid file. It refuses to know what the file
// is for.
package schematest

import (
	"bytes"
	"context"

	"feedmill/schema"
)

// TB is what is asked of a test; *testing.T and *rapid.T have it.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
}

// Valid fails the test when data is not a valid file of the kind that its name
// and root tell. Findings of the rules named are allowed.
func Valid(t TB, name string, data []byte, allowed ...string) {
	t.Helper()
	report, err := schema.Validate(context.Background(), bytes.NewReader(data), name, schema.Options{MaxErrors: 20})
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if report.Kind == "" {
		t.Errorf("%s is no IOF file", name)
	}
	for _, f := range report.Findings {
		if f.Level == schema.LevelError && !contains(allowed, f.Rule) {
			t.Errorf("%s: %s", name, f)
		}
	}
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}
