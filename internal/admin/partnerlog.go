package admin

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// ledgerView lists what a partner has downloaded.
type ledgerView struct {
	partnerHead
	Offers []tabView
	Lines  []ledgerLine
	Days   []dayLine
	Pager  pager
}

// ledgerLine is one download for people.
type ledgerLine struct {
	At                    time.Time
	Kind, Label           string
	Generation            string
	Bytes                 int64
	Outcome, Refusal      string
	Link, Address, Client string
	Took                  time.Duration
}

// dayLine is what was fetched on one day.
type dayLine struct {
	Day                                 time.Time
	Requests, Complete, Broken, Refused int64
	Bytes                               int64
}

func ledgerPage() page {
	return page{name: "ledger", routes: []route{get("/partners/{partner}/ledger", may(manage.ReadLedger), showLedger)}, stories: func(s *scene) []story {
		v := ledgerView{partnerHead: partnerHead{ID: "p-bbbbbbbbbbbbbbbb", Name: "Nord Shop", Tab: "ledger"},
			Offers: []tabView{{root + "/partners/p-bbbbbbbbbbbbbbbb/ledger?offer=o-a", "Main", true}, {root + "/partners/p-bbbbbbbbbbbbbbbb/ledger?offer=o-b", "Second", false}},
			Lines: []ledgerLine{
				{s.ago(time.Minute), "light", "", "812", 18_400_000, "complete", "", "shop software", "203.0.113.0", "curl/8.5 <b>", 900 * time.Millisecond},
				{s.ago(2 * time.Minute), "gateway", "", "812", 4_100, "unchanged", "", "shop software", "203.0.113.0", "curl/8.5", 2 * time.Millisecond},
				{s.ago(time.Hour), "full", "", "", 0, "refused", "partner-feed-off", "old", "2001:db8::", "", time.Millisecond},
				{s.ago(time.Hour), "full_change", "2026-11-21T12-00-00", "800", 900, "broken", "", "old", "2001:db8::", "Java/17", 31 * time.Second},
			}, Days: []dayLine{{s.today(), 812, 411, 1, 2, 91_000_000_000}, {s.today().AddDate(0, 0, -1), 1_440, 720, 0, 0, 120_000_000_000}}, Pager: pager{Older: "/panel/partners/p-bbbbbbbbbbbbbbbb/ledger?before=3"}}
		return []story{{state: "plain", data: v}, {state: "empty", role: auth.Readonly, data: ledgerView{partnerHead: v.partnerHead}}}
	}}
}

func showLedger(c *call) (reply, error) {
	p, err := c.partner()
	if err != nil {
		return reply{}, err
	}
	v := ledgerView{partnerHead: c.head(&p, "ledger")}
	offers, err := c.panel.opt.Manage.Offers(c.ctx, c.who, p.ID)
	if err != nil || len(offers) == 0 {
		return show("ledger", v), err
	}
	chosen := offers[0].ID
	for i := range offers {
		if string(offers[i].ID) == c.query("offer") {
			chosen = offers[i].ID
		}
	}
	at := root + "/partners/" + string(p.ID) + "/ledger?offer="
	for i := range offers {
		v.Offers = append(v.Offers, tabView{at + string(offers[i].ID), offers[i].Name, offers[i].ID == chosen})
	}
	if v.Lines, v.Pager, err = c.downloads(c.who, chosen); err != nil {
		return reply{}, err
	}
	days, err := c.panel.opt.Manage.DownloadDays(c.ctx, c.who, chosen, c.now().Add(-14*24*time.Hour))
	v.Days = dayLines(days)
	return show("ledger", v), err
}

// downloads gives a page of what was fetched of an offer, as who may know it.
func (c *call) downloads(who manage.Identity, offer partner.OfferID) (lines []ledgerLine, p pager, err error) {
	links, err := c.panel.opt.Manage.Links(c.ctx, who, offer)
	if err != nil {
		return nil, p, err
	}
	names := map[partner.LinkID]string{}
	for i := range links {
		names[links[i].ID] = links[i].Name
	}
	list, err := c.panel.opt.Manage.Downloads(c.ctx, who, partner.LedgerFilter{Offer: offer, Before: c.before()}, perPage+1)
	if err != nil {
		return nil, p, err
	}
	list, p = newestFirst(c, list, perPage, func(d *partner.LedgerEntry) int64 { return d.Number })
	for i := range list {
		d := &list[i]
		line := ledgerLine{At: d.Started, Kind: d.Kind.String(), Label: d.Label, Bytes: d.Bytes, Outcome: d.Outcome.String(), Refusal: d.Refusal.String(),
			Link: cmp.Or(names[d.Link], string(d.Link)), Client: d.Client, Took: d.Took}
		if d.Generation > 0 {
			line.Generation = strconv.FormatInt(d.Generation, 10)
		}
		if d.Address.IsValid() {
			line.Address = d.Address.String()
		}
		lines = append(lines, line)
	}
	return lines, p, nil
}

// dayLines adds the kinds of file of each day together, the newest day first.
func dayLines(days []partner.DownloadDay) (lines []dayLine) {
	by := map[int64]*dayLine{}
	for i := range days {
		d := &days[i]
		key := d.Day.Unix()
		if by[key] == nil {
			by[key] = &dayLine{Day: d.Day}
		}
		l := by[key]
		l.Requests += d.Requests
		l.Complete += d.Complete + d.Unchanged
		l.Broken += d.Broken
		l.Refused += d.Refused
		l.Bytes += d.Bytes
	}
	for _, l := range by {
		lines = append(lines, *l)
	}
	slices.SortFunc(lines, func(a, b dayLine) int { return b.Day.Compare(a.Day) })
	return lines
}

// partnerAuditView is what was done to a partner, his offers and links.
type partnerAuditView struct {
	partnerHead
	Lines []auditLine
}

func partnerAuditPage() page {
	return page{name: "partneraudit", routes: []route{get("/partners/{partner}/audit", may(manage.ReadAudit), showPartnerAudit)}, stories: func(s *scene) []story {
		head := partnerHead{ID: "p-bbbbbbbbbbbbbbbb", Name: "Nord Shop", Tab: "audit"}
		return []story{{state: "plain", data: partnerAuditView{head, sampleAudit(s)}}, {state: "empty", data: partnerAuditView{partnerHead: head}}}
	}}
}

func showPartnerAudit(c *call) (reply, error) {
	p, err := c.partner()
	if err != nil {
		return reply{}, err
	}
	objects := []string{string(p.ID)}
	offers, err := c.panel.opt.Manage.Offers(c.ctx, c.who, p.ID)
	if err != nil {
		return reply{}, err
	}
	for i := range offers {
		objects = append(objects, string(offers[i].ID))
		links, err := c.panel.opt.Manage.Links(c.ctx, c.who, offers[i].ID)
		if err != nil {
			return reply{}, err
		}
		for j := range links {
			objects = append(objects, string(links[j].ID))
		}
	}
	var all []partner.AuditEntry
	for _, o := range objects[:min(len(objects), 60)] {
		list, err := c.panel.opt.Journal.AuditBefore(c.ctx, c.who.Merchant, o, 0, perPage)
		if err != nil {
			return reply{}, err
		}
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b partner.AuditEntry) int { return int(b.Number - a.Number) })
	lines, err := c.auditLines(c.names(), all[:min(len(all), perPage)])
	return show("partneraudit", partnerAuditView{c.head(&p, "audit"), lines}), err
}
