package consumer

import (
	"fmt"
)

// plan says how full.xml comes up to date: by change files, in the order given,
// or by the full file when there is a reason for it. With neither it is up to
// date.
//
// With a manifest only what is certain counts. A copy that is not behind the
// listed full file must be of a generation that the list knows: numbers are
// the merchant's, and an offer may have been moved to another feed. One that is
// behind must come through the listed full file, whose SHA-256 proves the way.
func plan(s *State, o *offer) (steps []listed, reason string) {
	switch {
	case s == nil:
		return nil, "there is no copy yet"
	case s.Files[fullName].SHA256 == "":
		return nil, "full.xml of the copy is missing"
	case !o.manifest:
		return planByTime(s, o)
	case s.Generation == 0:
		return nil, "the copy does not know its generation"
	case s.Epoch != o.epoch:
		return nil, fmt.Sprintf("the supplier has begun a new chain of change files (epoch %d)", o.epoch)
	}
	have, known := s.Generation, s.Generation == o.full.generation
	for i := range o.changes {
		c := &o.changes[i]
		known = known || c.target == s.Generation
		if c.target <= have {
			continue
		}
		if c.base > have {
			return nil, fmt.Sprintf("change files between generations %d and %d are missing", have, c.base)
		}
		steps, have = append(steps, *c), c.target
		known = known || c.target == o.full.generation
	}
	switch {
	case have < o.full.generation:
		return nil, fmt.Sprintf("the full file of generation %d is newer than all change files", o.full.generation)
	case !known:
		return nil, fmt.Sprintf("generation %d is not one of the listed ones", s.Generation)
	}
	return steps, ""
}

// planByTime does without a manifest: the full file is known by its hash, a
// change file by its time.
func planByTime(s *State, o *offer) (steps []listed, reason string) {
	if o.full.md5 == "" || s.FullHash != o.full.md5 {
		return nil, "the full file is new"
	}
	known := s.Stamp <= o.full.stamp
	for _, c := range o.changes {
		if known = known || c.stamp <= s.Stamp; c.stamp > s.Stamp {
			steps = append(steps, c)
		}
	}
	if !known && len(steps) > 0 {
		return nil, fmt.Sprintf("the listed change files do not reach back to %s", s.Stamp)
	}
	return steps, ""
}

// after gives the change files that follow upon the listed full file.
func after(o *offer) ([]listed, error) {
	var steps []listed
	have := o.full.generation
	for _, c := range o.changes {
		switch {
		case o.manifest && c.target <= have, !o.manifest && c.stamp <= o.full.stamp:
		case o.manifest && c.base > have:
			return nil, fault(FaultGap, c.name, "it leads from generation %d, and full file and change files before it lead to %d alone", c.base, have)
		default:
			steps, have = append(steps, c), c.target
		}
	}
	return steps, nil
}
