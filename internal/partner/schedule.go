package partner

import (
	"slices"
	"time"

	"feedmill/feed"
)

// SwitchPoint is a moment at which a feed switch moves by itself.
type SwitchPoint struct {
	// At is a point in time and no hour of the day, so no change of the clocks
	// moves it or makes it happen twice.
	At time.Time
	On bool
}

// Schedule is what a feed switch will do by itself, in ascending order of time.
// A point that has passed is in force from its moment on, whether or not
// somebody has written it down in the record yet: see [Schedule.Feed].
type Schedule []SwitchPoint

// ScheduleActor is who the audit names for a switch that moved by itself.
func ScheduleActor() Actor { return Actor{Name: "schedule", Role: "system"} }

// MaxSwitchPoints is how many moments one switch may have before it.
const MaxSwitchPoints = 64

// Feed gives the position of a switch at now: that of the last point that has
// passed, else base, the position in the record.
func (s Schedule) Feed(base bool, now time.Time) bool {
	for _, p := range s {
		if p.At.After(now) {
			break
		}
		base = p.On
	}
	return base
}

// Due says whether a point has passed.
func (s Schedule) Due(now time.Time) bool { return len(s) > 0 && !s[0].At.After(now) }

// Settle gives the position at now and the points still to come: what the
// record holds once what has passed is written down. For every later moment
// the settled record gives the same position as the one before.
func (s Schedule) Settle(base bool, now time.Time) (bool, Schedule) {
	i := 0
	for i < len(s) && !s[i].At.After(now) {
		base = s[i].On
		i++
	}
	if i == len(s) {
		return base, nil
	}
	return base, slices.Clone(s[i:])
}

// Next gives the first point after now that moves the switch; ok is false when
// none does.
func (s Schedule) Next(base bool, now time.Time) (next SwitchPoint, ok bool) {
	at, rest := s.Settle(base, now)
	for _, p := range rest {
		if p.On != at {
			return p, true
		}
	}
	return SwitchPoint{}, false
}

// Validate says what is wrong with a schedule.
func (s Schedule) Validate() error {
	if len(s) > MaxSwitchPoints {
		return feed.Errorf(feed.KindInvalid, "a switch has %d points in time before it, at most %d are kept", len(s), MaxSwitchPoints)
	}
	for i, p := range s {
		if p.At.IsZero() || p.At.Year() > 9999 {
			return feed.Errorf(feed.KindInvalid, "a switch has no point in time %s", p.At)
		}
		if i > 0 && !p.At.After(s[i-1].At) {
			return feed.Errorf(feed.KindInvalid, "the points in time of a switch ascend, and %s does not follow %s",
				p.At.UTC().Format(time.RFC3339), s[i-1].At.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// NewSchedule puts points in order, in UTC and whole microseconds as records
// keep them. Two points at one moment are refused.
func NewSchedule(points ...SwitchPoint) (Schedule, error) {
	if len(points) == 0 {
		return nil, nil
	}
	s := make(Schedule, len(points))
	for i, p := range points {
		s[i] = SwitchPoint{At: p.At.UTC().Truncate(time.Microsecond), On: p.On}
	}
	slices.SortStableFunc(s, func(a, b SwitchPoint) int { return a.At.Compare(b.At) })
	return s, s.Validate()
}

type pointDoc struct {
	At time.Time `json:"at"`
	On bool      `json:"on"`
}

// EncodeSchedule gives the stored form of a schedule, "" for none.
func EncodeSchedule(s Schedule) (string, error) {
	if len(s) == 0 {
		return "", nil
	}
	docs := make([]pointDoc, len(s))
	for i, p := range s {
		docs[i] = pointDoc{p.At.UTC(), p.On}
	}
	b, err := encode(docs)
	return string(b), err
}

// DecodeSchedule reads what [EncodeSchedule] writes.
func DecodeSchedule(text string) (Schedule, error) {
	if text == "" {
		return nil, nil
	}
	var docs []pointDoc
	if err := decode([]byte(text), &docs); err != nil {
		return nil, feed.Errorf(feed.KindInvalid, "read schedule: %v", err)
	}
	s := make(Schedule, len(docs))
	for i, d := range docs {
		s[i] = SwitchPoint{At: d.At.UTC(), On: d.On}
	}
	return s, s.Validate()
}
