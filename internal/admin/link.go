package admin

import (
	"errors"
	"strconv"
	"time"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// linkView is one link.
type linkView struct {
	partnerHead
	Link  linkLine
	Offer string
	Form  *form
	// Fresh is the address that was just made; it is shown this once.
	Fresh *copyView
	// Until is how long the link before goes on, zero for not at all.
	Until    time.Time
	Days     []linkDayLine
	Overlaps []option
	May      bool
}

type linkDayLine struct {
	Day                time.Time
	Requests           int64
	Addresses, Clients int
	Alarm              bool
}

func linkPage() page {
	return page{name: "link", routes: []route{
		send("/offers/{offer}/links", may(manage.WriteLinks), createLink),
		get("/links/{link}", may(manage.ReadAccounts), showLink),
		send("/links/{link}", may(manage.WriteLinks), saveLink),
		send("/links/{link}/rotate", may(manage.WriteLinks), rotateLink),
		send("/links/{link}/revoke", may(manage.WriteLinks), revokeLink),
		post("/links/{link}/suspend", may(manage.WriteLinks), stopLink("suspend")),
		post("/links/{link}/resume", may(manage.WriteLinks), stopLink("resume")),
	}, stories: func(s *scene) []story {
		v := linkView{partnerHead: partnerHead{ID: "p-bbbbbbbbbbbbbbbb", Name: "Nord Shop", Tab: "link"}, Offer: "Main", May: true, Form: newForm("name", "shop software", "version", "1"),
			Link: linkLine{ID: "l-bbbbbbbbbbbbbbbb", Name: "shop software", State: "live", LastUsed: s.ago(time.Minute), Live: true}, Overlaps: overlapOptions(func(h int) string { return strconv.Itoa(h) + " h" }),
			Days: []linkDayLine{{s.today(), 812, 2, 1, false}, {s.today().AddDate(0, 0, -1), 19_400, 31, 4, true}}}
		fresh := v
		fresh.Fresh, fresh.Until = &copyView{"fresh-link", "link.address", "https://feeds.example.com/o/fml_abcdefghijklmnop_ExampleOnlyExampleOnlyExampleOnly/gateway.xml"}, s.now.Add(24*time.Hour)
		bad := v
		bad.Form = newForm("name", "x", "cidrs", "203.0.113.1/24", "version", "1")
		bad.Form.fail("cidrs", "form.said", "203.0.113.1/24 has bits behind its prefix")
		read := v
		read.May = false
		stopped := v
		stopped.Link.State, stopped.Link.Suspended, stopped.Link.Alarm = "suspended", true, s.ago(time.Hour)
		gone := v
		gone.Link.State, gone.Link.Live, gone.Days = "revoked", false, nil
		return []story{{state: "plain", data: v}, {state: "new", data: fresh}, {state: "wrong", data: bad}, {state: "readonly", role: auth.Readonly, data: read}, {state: "stopped", data: stopped}, {state: "revoked", data: gone}}
	}}
}

// overlaps are the hours that an old link may go on beside the new one.
func overlaps() []int { return []int{24, 0, 1, 72, 168} }

func overlapOptions(say func(hours int) string) (list []option) {
	for _, h := range overlaps() {
		list = append(list, option{strconv.Itoa(h), say(h)})
	}
	return list
}

// address gives the gateway's address with a link's secret in it. The reply that
// shows it must be hidden.
func (c *call) gateway(s partner.Secret) *copyView {
	base := c.panel.opt.FeedURL
	if c.merchant.BaseURL != "" {
		base = c.merchant.BaseURL
	}
	return &copyView{"fresh-link", "link.address", base + "/o/" + s.Reveal() + "/gateway.xml"}
}

// linkView puts the page together.
func (c *call) linkView(l *partner.Link, f *form) (v linkView, err error) {
	o, err := c.panel.opt.Manage.Offer(c.ctx, c.who, "", string(l.Offer))
	if err != nil {
		return v, err
	}
	p, err := c.panel.opt.Manage.Partner(c.ctx, c.who, string(o.Partner))
	if err != nil {
		return v, err
	}
	if f == nil {
		f = newForm("name", l.Name, "cidrs", partner.FormatCIDRs(l.CIDRs), "version", strconv.FormatInt(l.Version, 10))
		if !l.ExpiresAt.IsZero() {
			f.set("ends", l.ExpiresAt.In(c.zone).Format(localForm))
		}
	}
	v = linkView{partnerHead: c.head(&p, "link"), Offer: o.Name, Form: f, May: c.may(manage.WriteLinks), Overlaps: overlapOptions(func(h int) string {
		if h == 0 {
			return c.say("link.overlap.none")
		}
		return c.speaker().span(time.Duration(h) * time.Hour)
	})}
	v.Link = linkLines([]partner.Link{*l}, c.now())[0]
	if c.may(manage.ReadLedger) {
		days, err := c.panel.opt.Manage.LinkDays(c.ctx, c.who, l.ID, c.now().Add(-14*24*time.Hour))
		if err != nil {
			return v, err
		}
		for _, d := range days {
			v.Days = append(v.Days, linkDayLine{d.Day, d.Requests, d.Addresses, d.Clients, !d.AlarmAt.IsZero()})
		}
	}
	return v, nil
}

// createLink makes a link of an offer and shows its address, once. The form says
// which link was the newest, so that a page that is loaded anew, or a second
// click, makes no second one.
func createLink(c *call, f *form) (reply, error) {
	o, err := c.offer()
	if err != nil {
		return reply{}, err
	}
	if f.Has("after", f.Value("after")) {
		links, err := c.panel.opt.Manage.Links(c.ctx, c.who, o.ID)
		if err != nil {
			return reply{}, err
		}
		if f.Value("after") != string(newestLink(links)) {
			return move("/partners/" + string(o.Partner)).saying("link.again"), nil
		}
	}
	if rep, ok := c.proved("/partners/" + string(o.Partner)); !ok {
		return rep, nil
	}
	l, secret, err := c.panel.opt.Manage.CreateLink(c.ctx, c.who, o.ID, manage.NewLink{Name: shorten(o.Name, 100)})
	if err != nil {
		return c.tooMany("/partners/"+string(o.Partner), err)
	}
	v, err := c.linkView(&l, nil)
	v.Fresh = c.gateway(secret)
	return show("link", v).hidden(), err
}

// tooMany tells on a page that two links are live already.
func (c *call) tooMany(back string, err error) (reply, error) {
	var stale *partner.ConflictError
	if feed.KindOf(err) == feed.KindConflict && !errors.As(err, &stale) {
		return move(back).saying("link.toomany"), nil
	}
	return reply{}, err
}

// link gives the link that the path names.
func (c *call) link() (partner.Link, error) {
	id := partner.LinkID(c.path("link"))
	if !id.Valid() {
		return partner.Link{}, notFound("such link")
	}
	return c.panel.opt.Manage.Link(c.ctx, c.who, id)
}

func showLink(c *call) (reply, error) {
	l, err := c.link()
	if err != nil {
		return reply{}, err
	}
	v, err := c.linkView(&l, nil)
	return show("link", v), err
}

func saveLink(c *call, f *form) (reply, error) {
	l, err := c.link()
	if err != nil {
		return reply{}, err
	}
	to := partner.LinkSettings{Name: f.line("name", 1, 100), CIDRs: f.text("cidrs", 4000), ExpiresAt: f.moment("ends", c.zone)}
	version := f.version()
	if !f.Failed() {
		_, err := c.panel.opt.Manage.UpdateLink(c.ctx, c.who, l.ID, to, version)
		if err := f.take("cidrs", err); err != nil {
			return reply{}, err
		}
	}
	if f.Failed() {
		v, err := c.linkView(&l, f)
		return wrong("link", v), err
	}
	return move("/links/" + string(l.ID)).saying("account.saved"), nil
}

// rotateLink makes a link in place of another.
func rotateLink(c *call, f *form) (reply, error) {
	old, err := c.link()
	if err != nil {
		return reply{}, err
	}
	back := "/links/" + string(old.ID)
	if !old.Live(c.now()) {
		return move(back).saying("link.over"), nil
	}
	if rep, ok := c.proved(back); !ok {
		return rep, nil
	}
	var hours []string
	for _, h := range overlaps() {
		hours = append(hours, strconv.Itoa(h))
	}
	h, _ := strconv.Atoi(f.choice("overlap", hours...))
	if f.Failed() {
		return reply{}, c.badForm()
	}
	overlap := time.Duration(h) * time.Hour
	l, secret, err := c.panel.opt.Manage.RotateLink(c.ctx, c.who, old.ID, overlap)
	if err != nil {
		return c.tooMany(back, err)
	}
	v, err := c.linkView(&l, nil)
	v.Fresh = c.gateway(secret)
	if overlap > 0 {
		v.Until = c.now().Add(overlap)
	}
	return show("link", v).hidden(), err
}

// revokeLink ends a link for good.
func revokeLink(c *call, f *form) (reply, error) {
	l, err := c.link()
	if err != nil {
		return reply{}, err
	}
	back := "/links/" + string(l.ID)
	if rep, ok := c.sure(f, back, "link.revoke.ask"); !ok {
		return rep, nil
	}
	return move(back).saying("link.done.revoke"), c.panel.opt.Manage.RevokeLink(c.ctx, c.who, l.ID)
}

// stopLink stops a link, or has it answer again.
func stopLink(how string) handler {
	return func(c *call) (reply, error) {
		l, err := c.link()
		if err != nil {
			return reply{}, err
		}
		m := c.panel.opt.Manage
		if how == "suspend" {
			err = m.SuspendLink(c.ctx, c.who, l.ID)
		} else {
			err = m.ResumeLink(c.ctx, c.who, l.ID)
		}
		return move("/links/" + string(l.ID)).saying("link.done." + how), err
	}
}
