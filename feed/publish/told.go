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
// before, should the merchant have moved his zone westwards. While the time runs
// ahead of the clock because he has done so already, it is told in the zone of the
// generation before: in another one further east it would run ahead twice, and
// further with each move to and fro.
func (p *plan) afterTold(zone *time.Location, now time.Time) {
	last := p.prev.ToldIn(zone)
	for i := range p.prev.Files {
		last = later(last, p.prev.Files[i].ToldIn(zone))
	}
	_, east := now.In(zone).Zone()
	if before := p.prev.ToldIn(zone).Sub(p.prev.Time); p.time.After(now) && time.Duration(east)*time.Second > before {
		zone = time.FixedZone("", int(before/time.Second))
	}
	p.zone = zone
	if told := asTold(p.time, zone); !told.After(last) {
		p.time = p.time.Add(last.Sub(told) + time.Second)
	}
}

// told gives what the run's files of the feed say of their time.
func (p *plan) told(req *Request) time.Time {
	zone := p.zone
	if zone == nil {
		zone = req.Settings.Zone // there is no generation before
	}
	return asTold(p.time, zone)
}
