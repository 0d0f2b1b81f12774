package admin

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// partnerHead is who the pages of a partner are about.
type partnerHead struct {
	ID      partner.ID
	Name    string
	Tab     string
	Blocked bool
}

// partnerView is a partner's card.
type partnerView struct {
	partnerHead
	Email, Phone, Language, Currency, Notes string
	Wholesaler                              bool
	Tags                                    []string
	Feed, Orders, Block                     switchView
	// Because says which switch keeps him from receiving anything, "" for none.
	Because  string
	Offers   []offerCard
	Points   []pointLine
	Schedule *form
	Version  int64
	May      bool
	MayLinks bool
	// Asked says that he waits for an answer.
	Asked bool
	// MayPeople lets make accounts for the partner's people.
	MayPeople bool
}

// pointLine is a moment at which a switch moves by itself.
type pointLine struct {
	At time.Time
	On bool
}

// offerCard is one offer on the card.
type offerCard struct {
	ID              partner.OfferID
	Name, Shop      string
	Feed, Orders    switchView
	Languages       string
	Currency        string
	Base, Discounts string
	Assortment      string
	CSV             bool
	Points          []pointLine
	Links           []linkLine
	// Newest is the link that was made last, "" for none.
	Newest           partner.LinkID
	Gateway, Full    time.Time
	Light            time.Time
	Behind           int64
	BehindSince      time.Time
	Stale, MayDelete bool
	// Nothing says that whoever asks is answered 503, Held that a run holds what
	// would come next.
	Nothing, Held bool
	// Unmatched tells what it names that the catalog does not have.
	Unmatched *unmatchedView
}

// linkLine is one link of an offer.
type linkLine struct {
	ID                     partner.LinkID
	Name, State, CIDRs     string
	LastUsed, Ends, Alarm  time.Time
	Live, Suspended, Stops bool
}

func partnerPage() page {
	return page{name: "partner", routes: []route{
		get("/partners/{partner}", may(manage.ReadAccounts), showPartner),
		send("/partners/{partner}/schedule", may(manage.WriteAccounts), schedulePartner),
		send("/partners/{partner}/answered", may(manage.WriteAccounts), answerPartner),
		send("/partners/{partner}/delete", may(manage.WriteAccounts), deletePartner),
		post("/offers/{offer}/feed", may(manage.WriteAccounts), switchOffer("feed")),
		post("/offers/{offer}/orders", may(manage.WriteAccounts), switchOffer("orders")),
		send("/offers/{offer}/delete", may(manage.WriteAccounts), deleteOffer),
	}, stories: func(s *scene) []story {
		v := samplePartner(s)
		read := v
		read.May, read.MayLinks, read.MayPeople, read.Because = false, false, false, "partner-feed-off"
		read.Feed.On = false
		bad := v
		bad.Schedule = newForm("at", "yesterday", "to", "off")
		bad.Schedule.fail("at", "form.moment")
		idle := v
		idle.Offers = slices.Clone(v.Offers)
		idle.Offers[0].Links, idle.Offers[0].MayDelete = nil, true
		asked := v
		asked.Asked, asked.Tags = true, []string{askTag}
		unmatched := v
		unmatched.Offers = slices.Clone(v.Offers)
		unmatched.Offers[0].Unmatched = sampleUnmatched()
		held := v
		held.Offers = slices.Clone(v.Offers)
		held.Offers[0].Held = true
		waiting := v
		waiting.Offers = slices.Clone(held.Offers)
		waiting.Offers[0].Nothing = true
		first := v
		first.Offers = slices.Clone(v.Offers)
		first.Offers[0].Nothing = true
		long := v
		long.Name = strings.Repeat("Großhandelsgesellschaft", 8)
		long.Offers = slices.Clone(v.Offers)
		long.Offers[0].Name = long.Name
		empty := v
		empty.Offers, empty.Points, empty.Tags, empty.Notes = nil, nil, nil, ""
		return []story{{state: "plain", data: v}, {state: "asked", data: asked}, {state: "unmatched", data: unmatched}, {state: "readonly", role: auth.Readonly, data: read}, {state: "bad-time", data: bad}, {state: "no-links", data: idle}, {state: "no-offers", data: empty}, {state: "long-name", data: long, flash: []said{{"partner.created", []any{long.Name}}}},
			{state: "held", data: held}, {state: "waiting", data: waiting}, {state: "waiting-readonly", role: auth.Readonly, data: waiting}, {state: "first-run", data: first}}
	}}
}

func samplePartner(s *scene) partnerView {
	id := partner.ID("p-bbbbbbbbbbbbbbbb")
	at := root + "/partners/" + string(id)
	sw := func(path, label string, on bool) switchView {
		return switchView{Action: at + path, Version: 7, On: on, Label: label, Name: "Nord Shop", Back: "/partners/" + string(id)}
	}
	offer := root + "/offers/o-bbbbbbbbbbbbbbbb"
	return partnerView{partnerHead: partnerHead{ID: id, Name: "Nord Shop", Tab: "card"}, Email: "it@nord.example", Phone: "+47 12 34", Language: "nor", Currency: "NOK", Tags: []string{"gold", "north"},
		Notes: "pays late\nbut pays <b>", Wholesaler: true, Feed: sw("/feed", "partner.feed", true), Orders: sw("/orders", "partner.orders", false), Block: sw("/block", "partner.block", false),
		Points: []pointLine{{s.now.Add(20 * time.Hour), false}, {s.now.Add(80 * time.Hour), true}}, Schedule: newForm(), Version: 7, May: true, MayLinks: true, MayPeople: true,
		Offers: []offerCard{{ID: "o-bbbbbbbbbbbbbbbb", Name: "Main", Shop: "1 · Main", Feed: switchView{Action: offer + "/feed", Version: 2, On: true, Label: "offer.feed", Name: "Main"},
			Orders: switchView{Action: offer + "/orders", Version: 2, Label: "offer.orders", Name: "Main"}, Languages: "nor, eng", Currency: "NOK", Base: "wholesale", Discounts: "partner", Assortment: "some", CSV: true,
			Gateway: s.ago(time.Minute), Full: s.ago(9 * time.Hour), Light: s.ago(time.Minute), Behind: 2, BehindSince: s.ago(time.Hour),
			Links: []linkLine{{ID: "l-bbbbbbbbbbbbbbbb", Name: "shop software", State: "live", CIDRs: "203.0.113.0/24", LastUsed: s.ago(time.Minute), Live: true},
				{ID: "l-cccccccccccccccc", Name: "old", State: "live", Ends: s.now.Add(24 * time.Hour), Live: true, Alarm: s.ago(time.Hour), Stops: true},
				{ID: "l-dddddddddddddddd", Name: "", State: "revoked"}}}}}
}

// head gives the part that all pages of a partner share.
func (c *call) head(p *partner.Partner, tab string) partnerHead {
	return partnerHead{p.ID, p.Name, tab, p.State == partner.StateBlocked}
}

func showPartner(c *call) (reply, error) {
	v, err := c.card(newForm())
	return show("partner", v), err
}

// card puts a partner's card together.
func (c *call) card(schedule *form) (v partnerView, err error) {
	p, err := c.partner()
	if err != nil {
		return v, err
	}
	now, write := c.now(), c.may(manage.WriteAccounts)
	at, back := root+"/partners/"+string(p.ID), "/partners/"+string(p.ID)
	sw := func(path, label string, on bool) switchView {
		return switchView{Action: at + path, Version: p.Version, On: on, Label: label, Name: p.Name, Back: back, Disabled: !write}
	}
	v = partnerView{partnerHead: c.head(&p, "card"), Email: p.Email, Phone: p.Phone, Language: p.Language.String(), Currency: p.Currency.String(), Notes: p.Notes, Wholesaler: p.Wholesaler, Tags: p.Tags,
		Feed: sw("/feed", "partner.feed", p.FeedOn(now)), Orders: sw("/orders", "partner.orders", p.OrdersEnabled), Block: sw("/block", "partner.block", p.State == partner.StateBlocked),
		Points: points(p.Schedule, now), Schedule: schedule, Version: p.Version, May: write, MayLinks: c.may(manage.WriteLinks), MayPeople: c.may(manage.WriteMerchant)}
	v.Asked = slices.Contains(p.Tags, askTag)
	switch {
	case !c.merchant.SharingEnabled:
		v.Because = partner.RefusedSharingOff.String()
	case v.Blocked:
		v.Because = partner.RefusedPartnerBlocked.String()
	case !v.Feed.On:
		v.Because = partner.RefusedPartnerFeedOff.String()
	}
	offers, err := c.panel.opt.Manage.Offers(c.ctx, c.who, p.ID)
	if err != nil {
		return v, err
	}
	shops, err := c.panel.opt.Manage.Shops(c.ctx, c.who)
	if err != nil {
		return v, err
	}
	fresh, err := c.freshnessOf(p.ID)
	if err != nil {
		return v, err
	}
	unmatched, err := c.unmatched(offers, false)
	if err != nil {
		return v, err
	}
	for i := range offers {
		card, err := c.offerCard(&offers[i], shops, fresh, write)
		if err != nil {
			return v, err
		}
		card.Unmatched = unmatched[offers[i].ID]
		v.Offers = append(v.Offers, card)
	}
	return v, nil
}

func points(s partner.Schedule, now time.Time) (list []pointLine) {
	for _, p := range s {
		if p.At.After(now) {
			list = append(list, pointLine{p.At, p.On})
		}
	}
	return list
}

func shopLabel(shops []partner.Shop, id partner.ShopID) string {
	for i := range shops {
		if shops[i].ID == id {
			return strconv.Itoa(int(shops[i].Number)) + " · " + shops[i].Name
		}
	}
	return string(id)
}

// endedShown is how many links that are of no use any more the card shows.
const endedShown = 3

func (c *call) offerCard(o *partner.Offer, shops []partner.Shop, fresh []*partner.Freshness, write bool) (offerCard, error) {
	now := c.now()
	at, back := root+"/offers/"+string(o.ID), "/partners/"+string(o.Partner)
	v := offerCard{ID: o.ID, Name: o.Name, Shop: shopLabel(shops, o.Shop), Currency: o.Profile.Currency.String(), Base: "retail", Discounts: "own", Assortment: "all", CSV: o.Profile.CSV,
		Feed:   switchView{Action: at + "/feed", Version: o.Version, On: o.FeedOn(now), Label: "offer.feed", Name: o.Name, Back: back, Disabled: !write},
		Orders: switchView{Action: at + "/orders", Version: o.Version, On: o.OrdersEnabled, Label: "offer.orders", Name: o.Name, Back: back, Disabled: !write},
		Points: points(o.Schedule, now)}
	var langs []string
	for _, l := range o.Profile.Languages {
		langs = append(langs, l.String())
	}
	v.Languages = strings.Join(langs, ", ")
	d, a := &o.Profile.Discounts, &o.Profile.Assortment
	switch {
	case o.PartnerDiscounts:
		v.Discounts = "partner"
	case d.Overall.IsZero() && len(d.Categories)+len(d.Producers)+len(d.Products) == 0:
		v.Discounts = "none"
	}
	if o.Profile.Base == feed.BaseWholesale {
		v.Base = "wholesale"
	}
	switch {
	case len(a.Include)+len(a.Exclude) > 0:
		v.Assortment = "some"
	case a.InStockOnly:
		v.Assortment = "stock"
	}
	for _, f := range fresh {
		if f.Offer == o.ID {
			v.Gateway, v.Full, v.Light, v.Stale = f.Gateway.At, f.Full.At, f.Light.At, f.Stale
			v.Behind, v.BehindSince = max(f.BehindFull, f.BehindLight), f.BehindSince
			v.Nothing, v.Held = f.Nothing, f.Held != ""
		}
	}
	links, err := c.panel.opt.Manage.Links(c.ctx, c.who, o.ID)
	v.Newest = newestLink(links)
	v.Links = linkLines(links, now)
	v.MayDelete = write && !slices.ContainsFunc(v.Links, func(l linkLine) bool { return l.Live })
	return v, err
}

// newestLink names the link that was made last, "" for none.
func newestLink(links []partner.Link) (id partner.LinkID) {
	var at time.Time
	for i := range links {
		if l := &links[i]; id == "" || l.CreatedAt.After(at) || l.CreatedAt.Equal(at) && l.ID > id {
			id, at = l.ID, l.CreatedAt
		}
	}
	return id
}

// linkLines writes links for people: those in use, and the last few others.
func linkLines(links []partner.Link, now time.Time) (lines []linkLine) {
	slices.SortStableFunc(links, func(a, b partner.Link) int {
		if x, y := a.Live(now), b.Live(now); x != y {
			if x {
				return -1
			}
			return 1
		}
		return b.CreatedAt.Compare(a.CreatedAt)
	})
	ended := 0
	for i := range links {
		l := &links[i]
		line := linkLine{ID: l.ID, Name: l.Name, State: l.State(now), CIDRs: partner.FormatCIDRs(l.CIDRs), LastUsed: l.LastUsed, Ends: l.ExpiresAt, Alarm: l.AlarmAt, Live: l.Live(now), Suspended: !l.SuspendedAt.IsZero()}
		line.Stops = line.Live && !l.ExpiresAt.IsZero()
		if !line.Live {
			if ended++; ended > endedShown {
				continue
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// schedulePartner adds a moment at which the switch moves, or forgets all.
func schedulePartner(c *call, f *form) (reply, error) {
	p, err := c.partner()
	if err != nil {
		return reply{}, err
	}
	p.Version = f.version()
	word := "schedule.cleared"
	if f.Value("clear") != "" {
		p.Schedule = nil
	} else {
		word = "schedule.added"
		at, on := f.moment("at", c.zone), f.choice("to", "on", "off") == "on"
		switch {
		case f.Value("at") == "":
			f.fail("at", "form.needed")
		case !at.IsZero() && !at.After(c.now()):
			f.fail("at", "schedule.past")
		}
		if !f.Failed() {
			var err error
			if p.Schedule, err = partner.NewSchedule(append(slices.Clone(p.Schedule), partner.SwitchPoint{At: at, On: on})...); err != nil {
				if err := f.take("at", err); err != nil {
					return reply{}, err
				}
			}
		}
	}
	if f.Failed() {
		v, err := c.card(f)
		return wrong("partner", v), err
	}
	if _, err := c.panel.opt.Manage.UpdatePartner(c.ctx, c.who, p); err != nil {
		return reply{}, err
	}
	return move("/partners/" + string(p.ID)).saying(word), nil
}

func deletePartner(c *call, f *form) (reply, error) {
	p, err := c.partner()
	if err != nil {
		return reply{}, err
	}
	version := f.version()
	if rep, ok := c.sure(f, "/partners/"+string(p.ID), "partner.delete.ask", p.Name); !ok {
		return rep, nil
	}
	if err := c.panel.opt.Manage.DeletePartner(c.ctx, c.who, p.ID, version); err != nil {
		return reply{}, err
	}
	return move("/partners").saying("partner.deleted", p.Name), nil
}

// offer gives the offer that the path names by its id.
func (c *call) offer() (partner.Offer, error) {
	id := partner.OfferID(c.path("offer"))
	if !id.Valid() {
		return partner.Offer{}, notFound("such offer")
	}
	return c.panel.opt.Manage.Offer(c.ctx, c.who, "", string(id))
}

func switchOffer(which string) handler {
	return func(c *call) (reply, error) {
		f, on, version, err := c.switched()
		if err != nil {
			return reply{}, err
		}
		var o partner.Offer
		err = closing(!on, func(stale bool) error {
			if o, err = c.offer(); err != nil {
				return err
			}
			if !stale {
				o.Version = version
			}
			if which == "feed" {
				o.SwitchFeed(on, c.now())
			} else {
				o.OrdersEnabled = on
			}
			o, err = c.panel.opt.Manage.UpdateOffer(c.ctx, c.who, o)
			return err
		})
		if err != nil {
			return reply{}, err
		}
		word := "offer.done.off"
		if on {
			word = "offer.done.on"
		}
		return c.turned(f, "/partners/"+string(o.Partner)).saying(word, o.Name), nil
	}
}

func deleteOffer(c *call, f *form) (reply, error) {
	o, err := c.offer()
	if err != nil {
		return reply{}, err
	}
	version := f.version()
	if rep, ok := c.sure(f, "/partners/"+string(o.Partner), "offer.delete.ask", o.Name); !ok {
		return rep, nil
	}
	if err := c.panel.opt.Manage.DeleteOffer(c.ctx, c.who, o.ID, version); err != nil {
		return reply{}, err
	}
	return move("/partners/"+string(o.Partner)).saying("offer.deleted", o.Name), nil
}
