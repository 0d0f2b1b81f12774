package admin

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
)

// runLine is one run for people.
type runLine struct {
	ID, Outcome, Error                string
	Started, Ended                    time.Time
	Took                              time.Duration
	Products, Added, Changed, Removed int64
	Whole                             bool
	Feeds, Published                  int
}

// runLineOf reads a run and what was counted in it.
func runLineOf(r *publish.RunRecord, now time.Time) runLine {
	l := runLine{ID: r.ID, Outcome: r.Outcome, Error: r.Error, Started: r.Started, Ended: r.Ended}
	if l.Outcome == "" {
		l.Outcome = "running"
	}
	if l.Took = now.Sub(r.Started); !r.Ended.IsZero() {
		l.Took = r.Ended.Sub(r.Started)
	}
	var counts struct {
		Products int64 `json:"products"`
		Whole    bool  `json:"whole"`
		Feeds    []struct {
			Published               bool  `json:"published"`
			Added, Changed, Removed int64 `json:",omitempty"`
		} `json:"feeds"`
	}
	// What an older program has counted otherwise is left out.
	if len(r.Counts) > 0 && json.Unmarshal(r.Counts, &counts) == nil {
		l.Products, l.Whole, l.Feeds = counts.Products, counts.Whole, len(counts.Feeds)
		for _, f := range counts.Feeds {
			if f.Published {
				l.Published++
			}
			l.Added, l.Changed, l.Removed = max(l.Added, f.Added), max(l.Changed, f.Changed), max(l.Removed, f.Removed)
		}
	}
	return l
}

// runsView lists runs and jobs.
type runsView struct {
	Runs  []runLine
	Jobs  []jobLine
	Known bool
	Pager pager
}

// jobLine is one job for people.
type jobLine struct {
	ID               string
	Kind, State      string
	Attempt, Of      int
	Created, Due     time.Time
	Started, Stopped time.Time
	Error            string
}

func sampleRuns(s *scene) []runLine {
	return []runLine{
		{ID: "r1", Outcome: "running", Started: s.ago(4 * time.Second), Took: 4 * time.Second},
		{ID: "r2", Outcome: "published", Started: s.ago(time.Minute), Ended: s.ago(57 * time.Second), Took: 3 * time.Second, Products: 1_204, Changed: 311, Added: 2, Removed: 1, Feeds: 14, Published: 9},
		{ID: "r3", Outcome: "unchanged", Started: s.ago(2 * time.Minute), Ended: s.ago(2*time.Minute - 80*time.Millisecond), Took: 80 * time.Millisecond, Feeds: 14},
		{ID: "r4", Outcome: "held", Started: s.ago(3 * time.Minute), Ended: s.ago(2 * time.Minute), Took: time.Minute, Products: 104_217, Removed: 51_000, Whole: true, Feeds: 14, Published: 2},
		{ID: "r5", Outcome: "failed", Error: "the store does not answer: <timeout>", Started: s.ago(4 * time.Minute), Ended: s.ago(3 * time.Minute), Took: time.Minute},
	}
}

func runsPage() page {
	return page{name: "runs", routes: []route{get("/runs", may(manage.ReadLedger), showRuns)}, stories: func(s *scene) []story {
		return []story{
			{state: "plain", data: runsView{Runs: append(sampleRuns(s), runLine{ID: "r6", Outcome: "lost", Started: s.ago(time.Hour)}), Known: true, Pager: pager{Older: "/panel/runs?before=3"},
				Jobs: []jobLine{{"17", "publish", "running", 1, 5, s.ago(time.Minute), time.Time{}, s.ago(5 * time.Second), time.Time{}, ""},
					{"16", "sweep", "retrying", 2, 5, s.ago(time.Hour), s.now.Add(time.Minute), s.ago(time.Minute), time.Time{}, "the store does not answer"}}}},
			{state: "empty", role: auth.Readonly, data: runsView{}},
		}
	}}
}

func showRuns(c *call) (reply, error) {
	runs, err := c.panel.opt.Manage.Runs(c.ctx, c.who, c.before(), perPage+1)
	if err != nil {
		return reply{}, err
	}
	v := runsView{Known: c.panel.opt.Jobs != nil}
	runs, v.Pager = newestFirst(c, runs, perPage, func(r *publish.RunRecord) int64 { return r.Lease })
	for i := range runs {
		v.Runs = append(v.Runs, runLineOf(&runs[i], c.now()))
	}
	if v.Known && v.Pager.Newer == "" {
		jobs, err := c.panel.opt.Jobs.Jobs(c.ctx, c.who.Merchant, 0, 20)
		if err != nil {
			return reply{}, err
		}
		for _, j := range jobs {
			v.Jobs = append(v.Jobs, jobLine{strconv.FormatInt(j.ID, 10), j.Kind, j.State, j.Attempt, j.Attempts, j.Created, j.Due, j.Started, j.Ended, j.Error})
		}
	}
	return show("runs", v), nil
}

// heldView lists what the guard has stopped.
type heldView struct{ Runs []heldRun }

// heldRun is what one run has held: it is decided about together.
type heldRun struct {
	ID    string
	Since time.Time
	Feeds []heldFeed
}

// heldFeed is one held generation.
type heldFeed struct {
	Kind                 feed.Kind
	Generation, Products int64
	Because              string
	Before, Now, Removed int64
	Allowed              int
	MeanBefore, MeanNow  string
	// Offers are those that would show it.
	Offers []string
}

func heldPage() page {
	return page{name: "held", routes: []route{
		get("/held", may(manage.ReadLedger), showHeld),
		send("/held/{run}/release", may(manage.Publish), decideHeld(true)),
		send("/held/{run}/discard", may(manage.Publish), decideHeld(false)),
	}, stories: func(s *scene) []story {
		v := heldView{[]heldRun{{"r-1", s.ago(20 * time.Minute), []heldFeed{
			{feed.KindFull, 812, 53_000, "loss", 104_217, 53_000, 51_217, 20, "", "", []string{"Nord Shop · Main", "Velo Süd · Main"}},
			{feed.KindLight, 813, 53_000, "price", 0, 0, 0, 50, "1 204,10", "12,04", []string{"Nord Shop · Main"}},
			{feed.KindLight, 814, 53_000, "companion", 0, 0, 0, 0, "", "", nil},
		}}}}
		return []story{{state: "plain", data: v}, {state: "empty", data: heldView{}}, {state: "readonly", role: auth.Readonly, data: v}}
	}}
}

func showHeld(c *call) (reply, error) {
	list, err := c.panel.opt.Manage.Held(c.ctx, c.who)
	if err != nil || len(list) == 0 {
		return show("held", heldView{}), err
	}
	offers, names, err := c.offersAndNames()
	if err != nil {
		return reply{}, err
	}
	users := map[string][]string{}
	for i := range offers {
		o := &offers[i]
		label := names[o.Partner] + " · " + o.Name
		users["full "+o.Profile.FullKey()] = append(users["full "+o.Profile.FullKey()], label)
		users["light "+o.Profile.LightKey()] = append(users["light "+o.Profile.LightKey()], label)
	}
	var v heldView
	for i := range list {
		h := &list[i]
		if len(v.Runs) == 0 || v.Runs[len(v.Runs)-1].ID != h.Run {
			v.Runs = append(v.Runs, heldRun{ID: h.Run, Since: h.Since})
		}
		e, g := &h.Reason, &h.Generation
		f := heldFeed{Kind: g.Feed.Kind, Generation: g.Number, Products: g.Products, Because: string(e.Because), Before: e.Before, Now: e.Now, Removed: e.Removed,
			Allowed: e.AllowedPercent, Offers: users[g.Feed.Kind.String()+" "+g.Feed.Key]}
		if e.Because == publish.HeldPrice {
			s := c.speaker()
			exp := 2
			if !e.Currency.IsZero() {
				exp = e.Currency.Exponent()
			}
			f.Allowed = e.AllowedPriceMove
			f.MeanBefore, f.MeanNow = s.decimal(minorUnits(e.MeanBefore, exp)), s.decimal(minorUnits(e.MeanNow, exp))
			if b := e.CurrencyBefore; !b.IsZero() {
				f.MeanBefore, f.MeanNow = s.decimal(minorUnits(e.MeanBefore, b.Exponent()))+" "+b.String(), f.MeanNow+" "+e.Currency.String()
			}
		}
		run := &v.Runs[len(v.Runs)-1]
		run.Feeds = append(run.Feeds, f)
	}
	return show("held", v), nil
}

func decideHeld(release bool) func(c *call, f *form) (reply, error) {
	return func(c *call, f *form) (reply, error) {
		ask := "held.discard.ask"
		if release {
			ask = "held.release.ask"
		}
		list, err := c.panel.opt.Manage.Held(c.ctx, c.who)
		if err != nil {
			return reply{}, err
		}
		if slices.ContainsFunc(list, func(h publish.HeldRecord) bool { return h.Run == c.path("run") }) {
			if rep, ok := c.sure(f, "/held", ask); !ok {
				return rep, nil
			}
		}
		if release {
			list, err = c.panel.opt.Manage.ReleaseHeld(c.ctx, c.who, c.path("run"))
			return move("/held").saying("held.released", len(list)), err
		}
		list, err = c.panel.opt.Manage.DiscardHeld(c.ctx, c.who, c.path("run"))
		return move("/held").saying("held.discarded", len(list)), err
	}
}
