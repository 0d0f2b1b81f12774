package patch

import (
	"errors"
	"testing"

	"feedmill/feed"
)

func TestCheckChain(t *testing.T) {
	t.Parallel()
	step := func(stamp string, base, target int64) Step { return Step{Stamp: stamp, Base: base, Target: target} }
	for name, c := range map[string]struct {
		full    Step
		changes []Step
		ok      bool
	}{
		"nothing known":      {step("", 0, 0), []Step{step("", 0, 0), step("", 0, 0)}, true},
		"contiguous":         {step("b", 0, 2), []Step{step("c", 2, 3), step("d", 3, 7)}, true},
		"from before":        {step("b", 0, 5), []Step{step("c", 3, 6)}, true},
		"there already":      {step("b", 0, 5), []Step{step("b", 3, 5), step("b", 3, 5)}, true},
		"gap":                {step("b", 0, 2), []Step{step("d", 3, 4)}, false},
		"gap in the middle":  {step("b", 0, 2), []Step{step("c", 2, 3), step("e", 4, 5)}, false},
		"gap behind unknown": {step("b", 0, 2), []Step{step("c", 0, 0), step("e", 4, 5)}, false},
		"older target":       {step("", 0, 5), []Step{step("", 3, 4)}, false},
		"older stamp":        {step("c", 0, 0), []Step{step("b", 0, 0)}, false},
		"wrong order":        {step("a", 0, 0), []Step{step("c", 0, 0), step("b", 0, 0)}, false},
		"order over unknown": {step("a", 0, 0), []Step{step("c", 0, 0), step("", 0, 0), step("b", 0, 0)}, false},
		"no changes":         {step("a", 0, 1), nil, true},
		"kinds":              {Step{Kind: feed.KindFull}, []Step{{Kind: feed.KindFullChange}, {}}, true},
		"a second full file": {Step{Kind: feed.KindFull}, []Step{{Kind: feed.KindFullChange}, {Kind: feed.KindFull}}, false},
		"a light file":       {Step{Kind: feed.KindLight}, []Step{{Kind: feed.KindLight}}, false},
		"a change first":     {Step{Kind: feed.KindFullChange}, []Step{{Kind: feed.KindFullChange}}, false},
	} {
		err := CheckChain(c.full, c.changes)
		var chain *ChainError
		if (err == nil) != c.ok || err != nil && !errors.As(err, &chain) {
			t.Errorf("%s: got %v, want ok %v", name, err, c.ok)
		}
	}
}

func TestNormalStamp(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"2026-11-21 20:30:00": "2026-11-21 20:30:00", "2026-11-21T20-30-00": "2026-11-21 20:30:00", "2026.11.21T20:30:00+01:00": "2026-11-21 20:30:00",
		"20261121203000": "2026-11-21 20:30:00", "2026|11|21 20:30:00Z": "2026-11-21 20:30:00", "": "", "yesterday": "", "2026-13-21 20:30:00": "", "2026-11-21": "",
	} {
		if got := NormalStamp(given); got != want {
			t.Errorf("NormalStamp(%q) = %q, want %q", given, got, want)
		}
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	s := Step{Document: memory("x", model{}.doc("2026-11-21 20:30:00"))}
	if err := s.Describe(); err != nil || s.Stamp != "2026-11-21 20:30:00" {
		t.Errorf("got %q, %v", s.Stamp, err)
	}
	for name, want := range map[string]feed.Kind{"now.xml": 0, "a/Full.xml.gz": feed.KindFull, "full_change2026-11-21T20-30-00.xml": feed.KindFullChange,
		`C:\change.xml`: feed.KindFullChange, "light.xml": feed.KindLight, "full/now.xml": 0} {
		s := Step{Document: memory(name, model{}.doc("2026-11-21 20:30:00"))}
		if err := s.Describe(); err != nil || s.Kind != want {
			t.Errorf("%s: got %v, %v, want %v", name, s.Kind, err, want)
		}
	}
	s = Step{Document: memory("full.xml", model{}.doc("")), Kind: feed.KindFullChange}
	if err := s.Describe(); err != nil || s.Kind != feed.KindFullChange {
		t.Errorf("a kind that was told: %v, %v", s.Kind, err)
	}
	s = Step{Document: memory("x", []byte("<html/>"))}
	has(t, s.Describe(), "x: line 1")
}
