package admin

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// picturesView is what has happened lately, drawn and as tables.
type picturesView struct {
	Hours    []hourLine
	Partners []useLine
	// The others are the same numbers for the script that draws, as JSON.
	Fresh, Cost, Changes, Downloads, Bytes, Names string
}

// hourLine is one hour.
type hourLine struct {
	At time.Time
	// Runs counts those that ended in the hour. Age is how old the offers had
	// become at most before one, Mean and Most how long they took.
	Runs            int
	Age, Mean, Most time.Duration
	Changes         int64
}

// useLine is what one partner has fetched in a fortnight.
type useLine struct {
	ID, Name         string
	Requests, Broken int64
	Bytes            int64
}

// Limits of the pictures.
const (
	pictureHours    = 24
	pictureRuns     = 200
	pictureDays     = 14
	picturePartners = 20
)

func picturesPage() page {
	return page{name: "pictures", routes: []route{get("/pictures", may(manage.ReadLedger), showPictures)}, stories: func(s *scene) []story {
		var v picturesView
		for i := range pictureHours {
			l := hourLine{At: s.now.Truncate(time.Hour).Add(time.Duration(i-pictureHours+1) * time.Hour), Runs: 50 + i%9, Age: time.Duration(60+i*i%97) * time.Second, Mean: time.Duration(900+i*37%400) * time.Millisecond,
				Most: time.Duration(1+i%5) * time.Second, Changes: int64(i * 131 % 977)}
			v.Hours = append(v.Hours, l)
		}
		v.Partners = []useLine{{"p-aaaaaaaaaaaaaaaa", "Nord Shop", 19_400, 3, 91_000_000_000}, {"p-bbbbbbbbbbbbbbbb", "Velo <Süd>", 1_440, 0, 12_000_000_000}, {"p-cccccccccccccccc", "Ostrów", 12, 1, 900_000}}
		v.draw(time.UTC)
		return []story{{state: "plain", data: v}, {state: "empty", role: auth.Readonly, data: picturesView{}}}
	}}
}

// draw puts the numbers into the form that the script reads. Hours are shifted
// into the zone, which the script then takes for UTC.
func (v *picturesView) draw(zone *time.Location) {
	var at, fresh, cost, changes, places, requests, bytes []float64
	var names []string
	for _, h := range v.Hours {
		_, offset := h.At.In(zone).Zone()
		at = append(at, float64(h.At.Unix()+int64(offset)))
		fresh, cost, changes = append(fresh, h.Age.Minutes()), append(cost, h.Mean.Seconds()), append(changes, float64(h.Changes))
	}
	for i, p := range v.Partners {
		places, requests, bytes = append(places, float64(i)), append(requests, float64(p.Requests)), append(bytes, float64(p.Bytes)/1e6)
		names = append(names, shorten(p.Name, 14))
	}
	text := func(v any) string {
		b, _ := json.Marshal(v) // numbers and texts
		return string(b)
	}
	v.Fresh, v.Cost, v.Changes = text([][]float64{at, fresh}), text([][]float64{at, cost}), text([][]float64{at, changes})
	v.Downloads, v.Bytes, v.Names = text([][]float64{places, requests}), text([][]float64{places, bytes}), text(names)
}

func showPictures(c *call) (reply, error) {
	var v picturesView
	if err := c.hours(&v); err != nil {
		return reply{}, err
	}
	if err := c.uses(&v); err != nil {
		return reply{}, err
	}
	v.draw(c.zone)
	return show("pictures", v), nil
}

// hours counts runs and changes by hour.
func (c *call) hours(v *picturesView) error {
	first := c.now().UTC().Truncate(time.Hour).Add(-(pictureHours - 1) * time.Hour)
	runs, err := c.panel.opt.Manage.Runs(c.ctx, c.who, 0, pictureRuns)
	if err != nil {
		return err
	}
	counts, err := c.panel.kept.hours(c.who.Merchant, first, c.now(), func() ([]partner.HourCount, error) { return c.panel.opt.Manage.ChangeHours(c.ctx, c.who, first) })
	if err != nil {
		return err
	}
	if len(runs) == 0 && len(counts) == 0 {
		return nil
	}
	v.Hours = make([]hourLine, pictureHours)
	for i := range v.Hours {
		v.Hours[i].At = first.Add(time.Duration(i) * time.Hour)
	}
	hour := func(t time.Time) *hourLine {
		if i := int(t.Sub(first) / time.Hour); !t.Before(first) && i < len(v.Hours) {
			return &v.Hours[i]
		}
		return nil
	}
	var before time.Time
	for i := range runs {
		r := &runs[len(runs)-1-i] // the oldest first
		if r.Outcome != "published" && r.Outcome != "unchanged" || r.Ended.IsZero() {
			continue
		}
		if h := hour(r.Ended); h != nil {
			took := r.Ended.Sub(r.Started)
			h.Mean = (h.Mean*time.Duration(h.Runs) + took) / time.Duration(h.Runs+1)
			h.Runs++
			h.Most = max(h.Most, took)
			if !before.IsZero() {
				h.Age = max(h.Age, r.Ended.Sub(before))
			}
		}
		before = r.Ended
	}
	for _, n := range counts {
		if h := hour(n.Hour); h != nil {
			h.Changes = n.Count
		}
	}
	return nil
}

// uses sums up what partners have fetched.
func (c *call) uses(v *picturesView) error {
	days, err := c.panel.opt.Manage.DownloadSums(c.ctx, c.who, c.now().Add(-(pictureDays-1)*24*time.Hour))
	if err != nil || len(days) == 0 {
		return err
	}
	offers, names, err := c.offersAndNames()
	if err != nil {
		return err
	}
	of := map[partner.OfferID]partner.ID{}
	for i := range offers {
		of[offers[i].ID] = offers[i].Partner
	}
	sums := map[partner.ID]*useLine{}
	for i := range days {
		d := &days[i]
		id := of[d.Offer]
		if id == "" {
			continue // an offer that is gone
		}
		l := sums[id]
		if l == nil {
			l = &useLine{ID: string(id), Name: names[id]}
			sums[id] = l
		}
		l.Requests, l.Broken, l.Bytes = l.Requests+d.Requests, l.Broken+d.Broken, l.Bytes+d.Bytes
	}
	for _, l := range sums {
		v.Partners = append(v.Partners, *l)
	}
	slices.SortFunc(v.Partners, func(a, b useLine) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	v.Partners = v.Partners[:min(len(v.Partners), picturePartners)]
	return nil
}
