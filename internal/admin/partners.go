package admin

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// partnersView lists partners.
type partnersView struct {
	Query, Tag, State string
	Tags              []option
	Rows              []partnerRow
	Pager             pager
	All               int
	May               bool
}

// partnerRow is one partner of the list; it is a piece of the page too.
type partnerRow struct {
	ID      partner.ID
	Name    string
	Tags    []string
	Blocked bool
	Offers  int
	// Receives says that switches let his offers be read, his own among them.
	Receives bool
	// Seen is his last download, Behind counts generations that he has not.
	Seen        time.Time
	Behind      int64
	BehindSince time.Time
	Stale       bool
	Switch      switchView
	// Next is when the switch will move by itself, zero for never.
	Next   time.Time
	NextOn bool
	// Done says in the row what has just been done.
	Done string
}

// rowID names a partner's row.
func rowID(id partner.ID) string { return "row-" + string(id) }

func partnersPage() page {
	return page{name: "partners", routes: []route{
		get("/partners", may(manage.ReadAccounts), showPartners),
		post("/partners/{partner}/feed", may(manage.WriteAccounts), switchPartner("feed")),
		post("/partners/{partner}/orders", may(manage.WriteAccounts), switchPartner("orders")),
		post("/partners/{partner}/block", may(manage.WriteAccounts), switchPartner("block")),
	}, stories: func(s *scene) []story {
		row := func(id partner.ID, name string, on bool) partnerRow {
			return partnerRow{ID: id, Name: name, Offers: 1, Receives: on, Seen: s.ago(3 * time.Minute), Switch: newSwitch(rowID(id), root+"/partners/"+string(id)+"/feed", 3, on, "partner.feed", name, true)}
		}
		a, b, d := row("p-aaaaaaaaaaaaaaaa", "Bike & Co <script>alert(1)</script>", true), row("p-bbbbbbbbbbbbbbbb", "Nord Shop", false), row("p-cccccccccccccccc", "Velo Süd", true)
		a.Tags, b.Stale, b.Behind, b.BehindSince, b.Seen, d.Blocked = []string{"gold", "eu"}, true, 14, s.ago(50*time.Hour), s.ago(51*time.Hour), true
		d.Next, d.NextOn, d.Seen = s.now.Add(20*time.Hour), false, time.Time{}
		v := partnersView{Rows: []partnerRow{a, b, d}, Tags: []option{{"eu", "eu (1)"}, {"gold", "gold (1)"}}, All: 3, May: true}
		e := row("p-dddddddddddddddd", "Without an offer", true)
		e.Offers, e.Seen = 0, time.Time{}
		v.Rows = append(v.Rows, e)
		done := b
		done.Done = "partners.done.off"
		read := v
		read.May, read.Rows = false, []partnerRow{a}
		read.Rows[0].Switch.Disabled = true
		return []story{
			{state: "plain", data: v}, {state: "readonly", role: auth.Readonly, data: read},
			{state: "none-found", data: partnersView{Query: "x\"y", All: 3, May: true}}, {state: "empty", data: partnersView{May: true}},
			{state: "row", part: "row", data: done},
		}
	}}
}

// offersAndNames gives all offers and the partners' names.
func (c *call) offersAndNames() ([]partner.Offer, map[partner.ID]string, error) {
	offers, err := c.panel.opt.Manage.Offers(c.ctx, c.who, "")
	if err != nil {
		return nil, nil, err
	}
	list, err := c.panel.opt.Manage.Partners(c.ctx, c.who)
	names := map[partner.ID]string{}
	for i := range list {
		names[list[i].ID] = list[i].Name
	}
	return offers, names, err
}

func showPartners(c *call) (reply, error) {
	v := partnersView{Query: c.query("q"), Tag: c.query("tag"), State: c.query("state"), May: c.may(manage.WriteAccounts)}
	list, err := c.panel.opt.Manage.Partners(c.ctx, c.who)
	if err != nil {
		return reply{}, err
	}
	v.All = len(list)
	fresh, err := c.panel.opt.Manage.Freshness(c.ctx, c.who)
	if err != nil {
		return reply{}, err
	}
	by := map[partner.ID][]*partner.Freshness{}
	for i := range fresh {
		by[fresh[i].Partner] = append(by[fresh[i].Partner], &fresh[i])
	}
	tags, sought := map[string]int{}, manage.NewSought(v.Query)
	var found []partner.Partner
	for i := range list {
		for _, t := range list[i].Tags {
			tags[t]++
		}
		if v.matches(sought, &list[i], by[list[i].ID], c.now()) {
			found = append(found, list[i])
		}
	}
	for _, t := range slices.Sorted(maps.Keys(tags)) {
		v.Tags = append(v.Tags, option{t, t + " (" + strconv.Itoa(tags[t]) + ")"})
	}
	found, v.Pager = pageOf(found, c.r.URL)
	for i := range found {
		v.Rows = append(v.Rows, c.partnerRow(&found[i], by[found[i].ID]))
	}
	return show("partners", v), nil
}

// matches says whether a partner is among those that are asked for.
func (v *partnersView) matches(sought *manage.Sought, p *partner.Partner, fresh []*partner.Freshness, now time.Time) bool {
	if v.Tag != "" && !slices.Contains(p.Tags, v.Tag) {
		return false
	}
	stale := slices.ContainsFunc(fresh, func(f *partner.Freshness) bool { return f.Stale })
	switch v.State {
	case "on", "none":
		if p.State == partner.StateBlocked || !p.FeedOn(now) || (len(fresh) == 0) != (v.State == "none") {
			return false
		}
	case "off":
		if p.State == partner.StateBlocked || p.FeedOn(now) {
			return false
		}
	case "blocked":
		if p.State != partner.StateBlocked {
			return false
		}
	case "stale":
		if !stale {
			return false
		}
	}
	return sought.In(strings.Join(append([]string{p.Name, p.Email, p.Phone, string(p.ID)}, p.Tags...), "\n"))
}

// partnerRow puts a row together.
func (c *call) partnerRow(p *partner.Partner, fresh []*partner.Freshness) partnerRow {
	now := c.now()
	r := partnerRow{ID: p.ID, Name: p.Name, Tags: p.Tags, Blocked: p.State == partner.StateBlocked, Offers: len(fresh),
		Switch: newSwitch(rowID(p.ID), root+"/partners/"+string(p.ID)+"/feed", p.Version, p.FeedOn(now), "partner.feed", p.Name, c.may(manage.WriteAccounts))}
	r.Receives = r.Switch.On && c.merchant.SharingEnabled
	r.Switch.Back = strings.TrimPrefix(c.r.URL.RequestURI(), root)
	if next, ok := p.Schedule.Next(p.FeedEnabled, now); ok {
		r.Next, r.NextOn = next.At, next.On
	}
	for _, f := range fresh {
		if f.Seen.After(r.Seen) {
			r.Seen = f.Seen
		}
		r.Stale = r.Stale || f.Stale
		r.Behind = max(r.Behind, f.BehindLight, f.BehindFull)
		if !f.BehindSince.IsZero() && (r.BehindSince.IsZero() || f.BehindSince.Before(r.BehindSince)) {
			r.BehindSince = f.BehindSince
		}
	}
	return r
}

// badForm is the error for a form that no page of ours has sent.
func (c *call) badForm() error { return feed.Errorf(feed.KindInvalid, "the form is damaged") }

// switched reads the form of a switch: where it is to stand, and which version of
// the thing it belongs to was shown.
func (c *call) switched() (f *form, on bool, version int64, err error) {
	if f, err = c.form(); err != nil {
		return nil, false, 0, err
	}
	on, version = f.choice("on", "on", "off") == "on", f.version()
	if f.Failed() {
		err = c.badForm()
	}
	return f, on, version, err
}

// closing carries out a switch, told whether the page that was pressed may be
// stale. What only takes something away does not wait for somebody to compare
// what a colleague has changed meanwhile: it counts from whatever stands.
func closing(closes bool, do func(stale bool) error) error {
	err := do(closes)
	for tries := 3; closes && tries > 0 && feed.KindOf(err) == feed.KindConflict; tries-- {
		err = do(true)
	}
	return err
}

// partner gives the partner that the path names by his id.
func (c *call) partner() (partner.Partner, error) {
	id := partner.ID(c.path("partner"))
	if !id.Valid() {
		return partner.Partner{}, notFound("such partner")
	}
	return c.panel.opt.Manage.Partner(c.ctx, c.who, string(id))
}

// switchPartner moves one of a partner's switches: in the row of the list, or on
// his card.
func switchPartner(which string) handler {
	return func(c *call) (reply, error) {
		f, on, version, err := c.switched()
		if err != nil {
			return reply{}, err
		}
		var p partner.Partner
		err = closing(on == (which == "block"), func(stale bool) error {
			if p, err = c.partner(); err != nil {
				return err
			}
			if !stale {
				p.Version = version
			}
			switch which {
			case "feed":
				p.SwitchFeed(on, c.now())
			case "orders":
				p.OrdersEnabled = on
			case "block":
				p.State = partner.StateActive
				if on {
					p.State = partner.StateBlocked
				}
			}
			p, err = c.panel.opt.Manage.UpdatePartner(c.ctx, c.who, p)
			return err
		})
		if err != nil {
			return reply{}, err
		}
		word := "partners.done.off"
		switch {
		case which == "block" && on:
			word = "partners.done.blocked"
		case which == "block":
			word = "partners.done.unblocked"
		case which == "orders" && on:
			word = "partners.done.orders.on"
		case which == "orders":
			word = "partners.done.orders.off"
		case on:
			word = "partners.done.on"
		}
		if c.scripted() {
			fresh, err := c.freshnessOf(p.ID)
			if err != nil {
				return reply{}, err
			}
			row := c.partnerRow(&p, fresh)
			row.Switch.Back, row.Done = safeBack(cmp.Or(f.Value("back"), "/partners")), word
			return piece("partners", "row", row), nil
		}
		return c.turned(f, "/partners").saying(word+".of", p.Name), nil
	}
}

// freshnessOf tells how far one partner is behind.
func (c *call) freshnessOf(id partner.ID) (list []*partner.Freshness, err error) {
	all, err := c.panel.opt.Manage.Freshness(c.ctx, c.who)
	for i := range all {
		if all[i].Partner == id {
			list = append(list, &all[i])
		}
	}
	return list, err
}
