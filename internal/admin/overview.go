package admin

import (
	"slices"
	"time"

	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// overviewView is how things stand with a merchant.
type overviewView struct {
	Products int64
	Partners partnerCounts
	Runs     []runLine
	Stale    []staleLine
	Alarms   []alarmLine
	// Asked are partners whose people wait for an answer.
	Asked []askedLine
	// Held counts runs with something held.
	Held int
	// Failed says that the last run that has ended did not succeed.
	Failed bool
	// LastPublished is when a run last published something, zero for never.
	LastPublished time.Time
	Sharing       switchView
	// Steps are what a merchant does first, none once he has done all of it.
	Steps []step
}

// step is one thing to do before a first partner can read anything.
type step struct {
	Name, Address string
	Done          bool
}

// stepsOf tells what is to be done first. The last step leads to the partner
// where there is one alone.
func stepsOf(products int64, partners []partner.Partner, links int) []step {
	if products > 0 && len(partners) > 0 && links > 0 {
		return nil
	}
	at := root + "/partners"
	if len(partners) == 1 {
		at += "/" + string(partners[0].ID)
	}
	return []step{{"catalog", root + "/import", products > 0}, {"partner", root + "/partners/new", len(partners) > 0}, {"link", at, links > 0}}
}

// partnerCounts are of partners by state; None have everything but an offer.
type partnerCounts struct{ All, On, Off, Blocked, Stale, None int }

// staleLine is a partner who has not fetched what is new.
type staleLine struct {
	ID          partner.ID
	Name, Offer string
	Seen, Since time.Time
}

// alarmLine is a link that was used from many places, or stopped for it.
type alarmLine struct {
	Link      partner.LinkID
	Name      string
	Partner   partner.ID
	At        time.Time
	Suspended bool
}

func overviewPage() page {
	return page{name: "overview", routes: []route{
		get("/", may(manage.ReadLedger), showOverview),
		post("/sharing", may(manage.WriteMerchant), setSharing),
	}, stories: func(s *scene) []story {
		full := overviewView{Products: 104_217, Partners: partnerCounts{512, 498, 9, 5, 2, 0}, Held: 1, LastPublished: s.ago(time.Minute), Runs: sampleRuns(s),
			Stale:   []staleLine{{"p-bbbbbbbbbbbbbbbb", "Nord Shop", "Main", s.ago(50 * time.Hour), s.ago(49 * time.Hour)}},
			Asked:   []askedLine{{"p-bbbbbbbbbbbbbbbb", "Nord Shop"}},
			Alarms:  []alarmLine{{"l-cccccccccccccccc", "shop software", "p-cccccccccccccccc", s.ago(3 * time.Hour), true}},
			Sharing: sharingSwitch(true, 4, true)}
		failed := full
		failed.Failed, failed.Held, failed.Runs = true, 0, sampleRuns(s)[4:]
		return []story{
			{state: "busy", data: full}, {state: "failed", data: failed},
			{state: "fresh", data: overviewView{Sharing: sharingSwitch(true, 1, true), Steps: stepsOf(0, nil, 0)}, flash: []said{{"setup.done", nil}}, needsFactor: true},
			{state: "begun", data: overviewView{Products: 12, Partners: partnerCounts{1, 0, 0, 0, 0, 1}, Sharing: sharingSwitch(true, 1, true), Steps: stepsOf(12, []partner.Partner{{ID: "p-bbbbbbbbbbbbbbbb"}}, 0)}},
			{state: "sharing-off", sharingOff: true, data: overviewView{Products: 12, Partners: partnerCounts{1, 1, 0, 0, 0, 0}, Sharing: sharingSwitch(false, 5, true)}},
			{state: "readonly", role: auth.Readonly, data: overviewView{Products: 104_217, Partners: partnerCounts{512, 498, 9, 5, 2, 0}, Runs: sampleRuns(s), Sharing: sharingSwitch(true, 4, false)}},
		}
	}}
}

func sharingSwitch(on bool, version int64, may bool) switchView {
	return switchView{Action: root + "/sharing", Version: version, On: on, Label: "overview.sharing", Disabled: !may}
}

// overviewRuns, staleShown and alarmsShown bound what the first page lists.
const (
	overviewRuns = 5
	staleShown   = 10
)

func showOverview(c *call) (reply, error) {
	v := overviewView{Sharing: sharingSwitch(c.merchant.SharingEnabled, c.merchant.Version, c.may(manage.WriteMerchant))}
	m := c.panel.opt.Manage
	var err error
	if v.Products, err = c.panel.kept.products(c.ctx, c.panel.opt.Journal, c.who.Merchant); err != nil {
		return reply{}, err
	}
	list, err := m.Partners(c.ctx, c.who)
	if err != nil {
		return reply{}, err
	}
	names, on := map[partner.ID]string{}, map[partner.ID]bool{}
	now := c.now()
	for i := range list {
		p := &list[i]
		names[p.ID] = p.Name
		v.Partners.All++
		switch {
		case p.State == partner.StateBlocked:
			v.Partners.Blocked++
		case p.FeedOn(now):
			v.Partners.None++ // until his first offer is seen
			on[p.ID] = true
		default:
			v.Partners.Off++
		}
	}
	v.Asked = askedOf(list)
	if err := c.overviewStale(&v, names, on); err != nil {
		return reply{}, err
	}
	links, err := c.overviewAlarms(&v)
	if err != nil {
		return reply{}, err
	}
	if c.may(manage.WriteLinks) && c.may(manage.WriteProducts) && c.may(manage.WriteAccounts) {
		v.Steps = stepsOf(v.Products, list, links)
	}
	runs, err := m.Runs(c.ctx, c.who, 0, 50)
	if err != nil {
		return reply{}, err
	}
	ended := false
	for i := range runs {
		line := runLineOf(&runs[i], now)
		if line.Outcome == "published" && v.LastPublished.IsZero() {
			v.LastPublished = line.Ended
		}
		if !ended && line.Outcome != "running" {
			ended, v.Failed = true, line.Outcome == "failed"
		}
		if i < overviewRuns {
			v.Runs = append(v.Runs, line)
		}
	}
	held, err := m.Held(c.ctx, c.who)
	var heldRuns []string
	for i := range held {
		if !slices.Contains(heldRuns, held[i].Run) {
			heldRuns = append(heldRuns, held[i].Run)
		}
	}
	v.Held = len(heldRuns)
	return show("overview", v), err
}

// overviewStale finds the partners who have not fetched what is new, the longest
// first, and which of those who are switched on have an offer.
func (c *call) overviewStale(v *overviewView, names map[partner.ID]string, on map[partner.ID]bool) error {
	fresh, err := c.panel.opt.Manage.Freshness(c.ctx, c.who)
	if err != nil {
		return err
	}
	seen := map[partner.ID]bool{}
	for i := range fresh {
		f := &fresh[i]
		if on[f.Partner] {
			delete(on, f.Partner)
			v.Partners.On++
			v.Partners.None--
		}
		if !f.Stale {
			continue
		}
		if !seen[f.Partner] {
			v.Partners.Stale++
			seen[f.Partner] = true
		}
		v.Stale = append(v.Stale, staleLine{ID: f.Partner, Name: names[f.Partner], Seen: f.Seen, Since: f.BehindSince})
	}
	slices.SortStableFunc(v.Stale, func(a, b staleLine) int { return a.Since.Compare(b.Since) })
	v.Stale = v.Stale[:min(len(v.Stale), staleShown)]
	return nil
}

// overviewAlarms finds the links that need to be looked at, among how many.
func (c *call) overviewAlarms(v *overviewView) (int, error) {
	links, err := c.panel.opt.Manage.Links(c.ctx, c.who, "")
	if err != nil {
		return 0, err
	}
	var offers map[partner.OfferID]partner.ID
	for i := range links {
		l := &links[i]
		if l.AlarmAt.IsZero() && l.SuspendedAt.IsZero() || !l.Live(c.now()) {
			continue
		}
		if offers == nil {
			list, err := c.panel.opt.Manage.Offers(c.ctx, c.who, "")
			if err != nil {
				return 0, err
			}
			offers = map[partner.OfferID]partner.ID{}
			for j := range list {
				offers[list[j].ID] = list[j].Partner
			}
		}
		at := l.AlarmAt
		if at.IsZero() {
			at = l.SuspendedAt
		}
		v.Alarms = append(v.Alarms, alarmLine{l.ID, l.Name, offers[l.Offer], at, !l.SuspendedAt.IsZero()})
	}
	return len(links), nil
}

// setSharing moves the merchant's one switch.
func setSharing(c *call) (reply, error) {
	_, on, version, err := c.switched()
	if err != nil {
		return reply{}, err
	}
	err = closing(!on, func(stale bool) error {
		if stale {
			m, err := c.panel.opt.Manage.Merchant(c.ctx, c.who)
			if err != nil {
				return err
			}
			version = m.Version
		}
		_, err := c.panel.opt.Manage.SetSharing(c.ctx, c.who, on, version)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	if on {
		return move("/").saying("overview.sharing.on"), nil
	}
	return move("/").saying("overview.sharing.off"), nil
}
