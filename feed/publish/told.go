package publish

import (
	"time"

	"feedmill/feed"
)

// Files tell no zone (IOF 2.4), and stay as they are when the merchant moves his.
// So what a file says of its time is noted with it: gateways repeat that, and what
// comes later says more, for readers who compare the texts.

// asTold gives what is told of a moment in a zone, as if it was UTC.
func asTold(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// ToldIn gives what the file says of its time, as if it was UTC; zone is the one
// of today.
func (f *File) ToldIn(zone *time.Location) time.Time {
	if t, err := feed.ParseLabel(f.Label); err == nil {
		return t
	}
	if !f.Told.IsZero() {
		return f.Told.UTC()
	}
	return asTold(f.Changed, zone)
}

// ToldIn gives what gateways say of the generation's time, as if it was UTC; zone
// is the one of today.
func (g *Generation) ToldIn(zone *time.Location) time.Time {
	if !g.Told.IsZero() {
		return g.Told.UTC()
	}
	return asTold(g.Time, zone)
}

// expires gives what gateways say of the end of its validity.
func (g *Generation) expires(zone *time.Location) time.Time {
	return g.ToldIn(zone).Add(g.Expires.Sub(g.Time))
}

// afterTold moves the plan's time on until more is told of it than was ever told
// before, should the merchant have moved his zone westwards.
func (p *plan) afterTold(zone *time.Location) {
	last := p.prev.ToldIn(zone)
	for i := range p.prev.Files {
		last = later(last, p.prev.Files[i].ToldIn(zone))
	}
	if told := asTold(p.time, zone); !told.After(last) {
		p.time = p.time.Add(last.Sub(told) + time.Second)
	}
}

// told gives what the run's files of the feed say of their time.
func (p *plan) told(req *Request) time.Time { return asTold(p.time, req.Settings.Zone) }
