package patch

import (
	"fmt"
	"strings"

	"feedmill/feed"
)

// Step is a document of a chain: a full document or a change document, with
// what is known of its place.
type Step struct {
	Document
	// Stamp is the document's time of generation as text that sorts, in one
	// spelling for the whole chain; "" when not known.
	Stamp string
	// Base and Target are the generations that a change leads from and to; a
	// full document has a Target alone. 0 means not known.
	Base, Target int64
}

// ChainError says that a change cannot be applied where it stands.
type ChainError struct {
	// Document cannot be applied upon After.
	Document, After string
	Reason          string
}

// Error implements error.
func (e *ChainError) Error() string {
	return fmt.Sprintf("%s cannot be applied upon %s: %s", e.Document, e.After, e.Reason)
}

// CheckChain says whether changes can be applied to a full document in their
// order, as far as stamps and generations tell: none is older than what it is
// applied to, and no change between two of them is missing (a change applies
// when its Base is not newer than what is there). One that is there already
// does no harm. The error is a [*ChainError].
func CheckChain(full Step, changes []Step) error {
	have := full
	for _, c := range changes {
		fail := func(format string, args ...any) error {
			return &ChainError{Document: c.Name, After: have.Name, Reason: fmt.Sprintf(format, args...)}
		}
		switch {
		case c.Target != 0 && have.Target != 0 && c.Target < have.Target:
			return fail("it leads to generation %d, and generation %d is there already", c.Target, have.Target)
		case c.Base != 0 && have.Target != 0 && c.Base > have.Target:
			return fail("it leads from generation %d, and only generation %d is there: changes between them are missing", c.Base, have.Target)
		case c.Stamp != "" && have.Stamp != "" && c.Stamp < have.Stamp:
			return fail("it is of %s, older than %s", c.Stamp, have.Stamp)
		}
		// What is not known of one is what was known before.
		if c.Target == 0 {
			c.Target = have.Target
		}
		if c.Stamp == "" {
			c.Stamp = have.Stamp
		}
		have = c
	}
	return nil
}

// Describe fills in a step's stamp from the head of its document.
func (s *Step) Describe() error {
	body, err := openDocument(s.Document)
	if err != nil {
		return named(s.Name, err)
	}
	defer body.Close() // only read
	h, err := NewReader(body).Head()
	if err != nil {
		return named(s.Name, err)
	}
	s.Stamp = NormalStamp(h.Generated)
	return nil
}

// NormalStamp brings a time as documents, gateways (IOF 2.4) and names of change
// files write it into one spelling that sorts: "2026-11-21 20:30:00". Text that
// is none gives "".
func NormalStamp(s string) string {
	s = strings.TrimSpace(s)
	digits := make([]byte, 0, 14)
	for i := 0; i < len(s) && len(digits) < 14; i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits = append(digits, c)
		case c == 'T' || strings.IndexByte("-.| :", c) >= 0:
		default:
			return ""
		}
	}
	if len(digits) < 14 {
		return ""
	}
	d := string(digits)
	out := d[:4] + "-" + d[4:6] + "-" + d[6:8] + " " + d[8:10] + ":" + d[10:12] + ":" + d[12:]
	if _, err := feed.ParseTime(out); err != nil {
		return ""
	}
	return out
}
