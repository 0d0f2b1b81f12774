package patch

import (
	"fmt"
	"path"
	"strings"

	"feedmill/feed"
)

// Step is a document of a chain: a full document or a change document, with
// what is known of its place.
type Step struct {
	Document
	// Kind is [feed.KindFull], [feed.KindFullChange] or [feed.KindLight], 0 where it
	// is not known: full and change documents look alike (IOF 6).
	Kind feed.Kind
	// Stamp is the document's time of generation as text that sorts, in one
	// spelling for the whole chain; "" when not known.
	Stamp string
	// Base and Target are the generations that a change leads from and to; a
	// full document has a Target alone. 0 means not known.
	Base, Target int64
}

// ChainError says that a change cannot be applied where it stands.
type ChainError struct {
	// Document cannot be applied upon After, or nothing to it where After is "".
	Document, After string
	Reason          string
}

// Error implements error.
func (e *ChainError) Error() string {
	if e.After == "" {
		return fmt.Sprintf("nothing can be applied to %s: %s", e.Document, e.Reason)
	}
	return fmt.Sprintf("%s cannot be applied upon %s: %s", e.Document, e.After, e.Reason)
}

// CheckChain says whether changes can be applied to a full document in their
// order, as far as kinds, stamps and generations tell: a full document comes
// first and changes alone after it, none is older than what it is applied to, and no change between two of them is missing (a change applies
// when its Base is not newer than what is there). One that is there already
// does no harm. The error is a [*ChainError].
func CheckChain(full Step, changes []Step) error {
	if full.Kind != 0 && full.Kind != feed.KindFull {
		return &ChainError{Document: full.Name, Reason: "it is a " + full.Kind.String() + " file, and a full one comes first"}
	}
	have := full
	for _, c := range changes {
		fail := func(format string, args ...any) error {
			return &ChainError{Document: c.Name, After: have.Name, Reason: fmt.Sprintf(format, args...)}
		}
		switch {
		case c.Kind != 0 && c.Kind != feed.KindFullChange:
			return fail("it is a %s file, and not a change file: what it does not name would stay", c.Kind)
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

// kindOfName tells what a document is by its name, as files are named that come
// from elsewhere: light*, *change*, full*.
func kindOfName(name string) feed.Kind {
	base := strings.ToLower(path.Base(strings.ReplaceAll(name, `\`, "/")))
	switch {
	case strings.HasPrefix(base, "light"):
		return feed.KindLight
	case strings.Contains(base, "change"):
		return feed.KindFullChange
	case strings.HasPrefix(base, "full"):
		return feed.KindFull
	}
	return 0
}

// Describe fills in a step's stamp from the head of its document, and its kind,
// where nobody has told it, from its name.
func (s *Step) Describe() error {
	if s.Kind == 0 {
		s.Kind = kindOfName(s.Name)
	}
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
