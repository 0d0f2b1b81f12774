package api

import (
	"strings"
	"time"

	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// linkDoc is the secret address of an offer, without its secret.
type linkDoc struct {
	ID        string         `json:"id" doc:"its public name"`
	Version   int64          `json:"version"`
	Offer     string         `json:"offer"`
	Name      string         `json:"name"`
	State     string         `json:"state" schema:"enum=live|suspended|expired|revoked"`
	CIDRs     []string       `json:"cidrs" doc:"the networks that it may be used from; none means all"`
	Created   time.Time      `json:"created"`
	Expires   opt[time.Time] `json:"expires,omitzero"`
	Revoked   opt[time.Time] `json:"revoked,omitzero"`
	Suspended opt[time.Time] `json:"suspended,omitzero"`
	LastUsed  opt[time.Time] `json:"last_used,omitzero"`
	Alarm     opt[time.Time] `json:"alarm,omitzero" doc:"when it was last used from too many networks"`
	Replaces  string         `json:"replaces,omitempty" doc:"the link that this one rotates out"`
}

func (d *linkDoc) version() int64 { return d.Version }

func (a *API) showLink(l *partner.Link) *linkDoc {
	return &linkDoc{ID: string(l.ID), Version: l.Version, Offer: string(l.Offer), Name: l.Name, State: l.State(a.opt.Now()), CIDRs: splitNames(partner.FormatCIDRs(l.CIDRs)),
		Created: l.CreatedAt.UTC(), Expires: moment(l.ExpiresAt), Revoked: moment(l.RevokedAt), Suspended: moment(l.SuspendedAt), LastUsed: moment(l.LastUsed),
		Alarm: moment(l.AlarmAt), Replaces: string(l.Replaces)}
}

// secretLinkDoc is a link with its secret, which is shown this once.
type secretLinkDoc struct {
	Link   *linkDoc `json:"link"`
	Secret string   `json:"secret" doc:"stands in addresses; shown this once and kept nowhere"`
	Path   string   `json:"path" doc:"of the gateway, on the host that serves partners"`
}

func (d *secretLinkDoc) location() string { return "/links/" + d.Link.ID }

func (a *API) showNewLink(l *partner.Link, s partner.Secret) *secretLinkDoc {
	return &secretLinkDoc{a.showLink(l), s.Reveal(), "/o/" + s.Reveal() + "/gateway.xml"}
}

// splitNames gives names that commas separate, never nil.
func splitNames(s string) []string {
	if s == "" {
		return []string{}
	}
	return strings.Split(s, ",")
}

func joinNames(list []string) string { return strings.Join(list, ",") }

type linkPath struct {
	Link partner.LinkID `path:"link"`
}

type linkFilter struct {
	paging
	Offer partner.OfferID `query:"offer" doc:"only this offer's"`
	State string          `query:"state" schema:"enum=live|suspended|expired|revoked"`
}

func (a *API) links(c *call, in *linkFilter) (*page[*linkDoc], error) {
	list, err := a.manage.Links(c.ctx, c.who, in.Offer)
	if err != nil {
		return nil, err
	}
	var chosen []partner.Link
	for _, l := range list {
		if in.State == "" || l.State(a.opt.Now()) == in.State {
			chosen = append(chosen, l)
		}
	}
	return pageOf(c, &in.paging, chosen, func(l *partner.Link) string { return string(l.ID) }, a.showLink)
}

func (a *API) link(c *call, in *linkPath) (*linkDoc, error) {
	l, err := a.manage.Link(c.ctx, c.who, in.Link)
	if err != nil {
		return nil, err
	}
	return a.showLink(&l), nil
}

type newLink struct {
	Name    string         `json:"name" doc:"what people call it, such as shop software" schema:"min=1,max=200"`
	CIDRs   []string       `json:"cidrs,omitempty" schema:"max=64,each,min=2,max=60"`
	Expires opt[time.Time] `json:"expires,omitzero"`
}

// cidrs reads networks.
func (r *reading) cidrs(pointer string, list []string) string {
	text := joinNames(list)
	_, err := partner.ParseCIDRs(text)
	r.fail(pointer, err)
	return text
}

func (a *API) createLink(c *call, in *struct {
	offerPath
	Body newLink `body:""`
}) (*secretLinkDoc, error) {
	var r reading
	cidrs := r.cidrs("/cidrs", in.Body.CIDRs)
	if err := r.err(); err != nil {
		return nil, err
	}
	l, secret, err := a.manage.CreateLink(c.ctx, c.who, in.Offer, manage.NewLink{Name: in.Body.Name, CIDRs: cidrs, Expires: in.Body.Expires.Value})
	if err != nil {
		return nil, err
	}
	return a.showNewLink(&l, secret), nil
}

type linkPatch struct {
	Version opt[int64]     `json:"version,omitzero"`
	Name    opt[string]    `json:"name,omitzero" schema:"min=1,max=200"`
	CIDRs   opt[[]string]  `json:"cidrs,omitzero" schema:"max=64,each,min=2,max=60"`
	Expires opt[time.Time] `json:"expires,omitzero" doc:"null means never" schema:"null"`
}

func (a *API) patchLink(c *call, in *struct {
	linkPath
	Body linkPatch `body:""`
}) (*linkDoc, error) {
	l, err := a.manage.Link(c.ctx, c.seeing(), in.Link)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	to := partner.LinkSettings{Name: l.Name, CIDRs: partner.FormatCIDRs(l.CIDRs), ExpiresAt: l.ExpiresAt}
	var r reading
	take(&to.Name, b.Name.pointer())
	if b.CIDRs.Set {
		to.CIDRs = r.cidrs("/cidrs", b.CIDRs.Value)
	}
	take(&to.ExpiresAt, b.Expires.pointer())
	if err := r.err(); err != nil {
		return nil, err
	}
	from, err := c.version(b.Version, l.Version)
	if err != nil {
		return nil, err
	}
	if l, err = a.manage.UpdateLink(c.ctx, c.who, in.Link, to, from); err != nil {
		return nil, err
	}
	return a.showLink(&l), nil
}

type rotation struct {
	Overlap int64 `json:"overlap_seconds" doc:"how long the old link answers beside the new one; 0 revokes it at once" schema:"min=0,max=7776000"`
}

func (a *API) rotateLink(c *call, in *struct {
	linkPath
	Body rotation `body:""`
}) (*secretLinkDoc, error) {
	l, secret, err := a.manage.RotateLink(c.ctx, c.who, in.Link, time.Duration(in.Body.Overlap)*time.Second)
	if err != nil {
		return nil, err
	}
	return a.showNewLink(&l, secret), nil
}

func (a *API) revokeLink(c *call, in *linkPath) (*linkDoc, error) {
	if err := a.manage.RevokeLink(c.ctx, c.who, in.Link); err != nil {
		return nil, err
	}
	return a.linkAfter(c, in)
}

func (a *API) suspendLink(c *call, in *linkPath) (*linkDoc, error) {
	if err := a.manage.SuspendLink(c.ctx, c.who, in.Link); err != nil {
		return nil, err
	}
	return a.linkAfter(c, in)
}

func (a *API) resumeLink(c *call, in *linkPath) (*linkDoc, error) {
	if err := a.manage.ResumeLink(c.ctx, c.who, in.Link); err != nil {
		return nil, err
	}
	return a.linkAfter(c, in)
}

// linkAfter shows a link after an act. Who may change a link may see how it
// stands then.
func (a *API) linkAfter(c *call, in *linkPath) (*linkDoc, error) {
	l, err := a.manage.Link(c.ctx, c.seeing(), in.Link)
	if err != nil {
		return nil, err
	}
	return a.showLink(&l), nil
}

func linkOperations(a *API) []*operation {
	return []*operation{
		op("links", "GET", "/links", "listLinks", manage.ReadAccounts, "List links, ended ones included, without their secrets", a.links),
		op("links", "GET", "/links/{link}", "getLink", manage.ReadAccounts, "One link, without its secret", a.link),
		op("links", "POST", "/offers/{offer}/links", "createLink", manage.WriteLinks, "Make a link of an offer; its secret is shown this once", a.createLink, status(201),
			detail("At most two links of an offer are live at a time. With an Idempotency-Key a lost answer can be asked for again.")),
		op("links", "PATCH", "/links/{link}", "updateLink", manage.WriteLinks, "Change a link's name, networks and end", a.patchLink, versioned()),
		op("links", "POST", "/links/{link}/rotate", "rotateLink", manage.WriteLinks, "Make a link in place of another; its secret is shown this once", a.rotateLink, status(201)),
		op("links", "POST", "/links/{link}/revoke", "revokeLink", manage.WriteLinks, "End a link for good, at once", a.revokeLink),
		op("links", "POST", "/links/{link}/suspend", "suspendLink", manage.WriteLinks, "Stop a link until it is resumed", a.suspendLink),
		op("links", "POST", "/links/{link}/resume", "resumeLink", manage.WriteLinks, "Let a stopped link answer again and take its alarm back", a.resumeLink),
	}
}
