package admin

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// auditLine is one line of the audit for people.
type auditLine struct {
	Number              string
	Time                time.Time
	Name, Role, Address string
	Action, Object      string
	// What is what Object is called.
	What    called
	Changes []auditChange
}

// auditChange is one fact before and after.
type auditChange factPair

// auditView lists the audit, the newest first.
type auditView struct {
	Lines []auditLine
	// Object is the id of the one thing that is asked about, "" for all; What is
	// what it is called.
	Object string
	What   called
	Pager  pager
	// Verified is nil until somebody asks.
	Verified *verifiedView
}

// verifiedView says whether the audit's chain holds.
type verifiedView struct {
	Lines, Unchained int64
	Head             string
	// Broken is the number of the first line that does not fit, Why in words.
	Broken, Why string
}

func auditPage() page {
	return page{name: "audit", routes: []route{
		get("/audit", may(manage.ReadAudit), showAudit),
		post("/audit/verify", may(manage.ReadAudit), verifyAudit),
	}, stories: func(s *scene) []story {
		lines := sampleAudit(s)
		return []story{
			{state: "plain", data: auditView{Lines: lines, Pager: pager{Older: "/panel/audit?before=2"}}},
			{state: "one-object", role: auth.Readonly, data: auditView{Lines: lines[:1], Object: "p-bbbbbbbbbbbbbbbb", What: lines[0].What}},
			{state: "verified", data: auditView{Lines: lines, Verified: &verifiedView{Lines: 412, Unchained: 3, Head: "412:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}}},
			{state: "broken", data: auditView{Lines: lines, Verified: &verifiedView{Lines: 17, Broken: "18", Why: "the line was changed"}}},
			{state: "empty", data: auditView{}},
		}
	}}
}

func sampleAudit(s *scene) []auditLine {
	shop := called{Name: "Nord Shop", Link: root + "/partners/p-bbbbbbbbbbbbbbbb"}
	return []auditLine{
		{"412", s.ago(time.Minute), "anna@example.com", "owner", "192.0.2.7", "partner.feed.off", "p-bbbbbbbbbbbbbbbb", shop, []auditChange{{"feed", "true", "false"}}},
		{"411", s.ago(time.Hour), "schedule", "system", "", "offer.update", "o-bbbbbbbbbbbbbbbb", called{Name: "Nord Shop › Main & more", Link: root + "/offers/o-bbbbbbbbbbbbbbbb"}, []auditChange{{"name", "Main <b>", "Main & more"}, {"categories", "Bikes = 20", "Bikes = 20\nParts = 5"}}},
		{"410", s.ago(48 * time.Hour), "import", "operator", "", "catalog.write", "i-bbbbbbbbbbbbbbbb", called{}, nil},
		{"409", s.ago(49 * time.Hour), "anna@example.com", "owner", "192.0.2.7", "partner.delete", "p-cccccccccccccccc", called{Name: "Velo <b> " + strings.Repeat("Süd", 60), Gone: true}, []auditChange{{"partner", "Nord Shop", ""}}},
	}
}

// auditLines writes lines for people.
func (c *call) auditLines(names *roster, list []partner.AuditEntry) (lines []auditLine, err error) {
	for i := range list {
		e := &list[i]
		l := auditLine{Number: strconv.FormatInt(e.Number, 10), Time: e.Time, Name: e.Actor.Name, Role: e.Actor.Role, Address: e.Actor.Address, Action: e.Action, Object: e.Object}
		if l.Changes, err = c.changesOf(names, e.Before, e.After); err != nil {
			return nil, err
		}
		if l.What, err = names.of(e.Object); err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// changesOf lists facts before and after by name, those that differ.
func (c *call) changesOf(names *roster, before, after string) (list []auditChange, err error) {
	var b, a map[string]json.RawMessage
	// "" is nothing: then all facts stand on the other side.
	_ = json.Unmarshal([]byte(before), &b)
	_ = json.Unmarshal([]byte(after), &a)
	facts := map[string]bool{}
	for name := range b {
		facts[name] = true
	}
	for name := range a {
		facts[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		pairs, err := c.factPairs(names, name, string(b[name]), string(a[name]))
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			if p.A != p.B {
				list = append(list, auditChange(p))
			}
		}
	}
	return list, nil
}

func (c *call) audit() (v auditView, err error) {
	v.Object = c.query("object")
	list, err := c.panel.opt.Journal.AuditBefore(c.ctx, c.who.Merchant, v.Object, c.before(), perPage+1)
	if err != nil {
		return v, err
	}
	list, v.Pager = newestFirst(c, list, perPage, func(e *partner.AuditEntry) int64 { return e.Number })
	names := c.names()
	if v.What, err = names.of(v.Object); err != nil {
		return v, err
	}
	v.Lines, err = c.auditLines(names, list)
	return v, err
}

func showAudit(c *call) (reply, error) {
	v, err := c.audit()
	return show("audit", v), err
}

func verifyAudit(c *call) (reply, error) {
	v, err := c.audit()
	if err != nil {
		return reply{}, err
	}
	v.Pager = pager{}
	rep, err := c.panel.opt.Manage.VerifyAudit(c.ctx, c.who)
	if err != nil {
		return reply{}, err
	}
	v.Verified = &verifiedView{Lines: rep.Lines, Unchained: rep.Unchained, Head: rep.Head.String()}
	if rep.Broken != nil {
		v.Verified.Broken, v.Verified.Why = strconv.FormatInt(rep.Broken.Number, 10), rep.Broken.Why
	}
	return show("audit", v), nil
}
