package api

import (
	"slices"

	"feedmill/feed"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// partnerDoc is a partner as he is.
type partnerDoc struct {
	ID         string        `json:"id"`
	Version    int64         `json:"version" doc:"counts the changes"`
	Name       string        `json:"name"`
	Email      string        `json:"email"`
	Phone      string        `json:"phone"`
	Language   string        `json:"language" doc:"empty means the merchant's"`
	Currency   string        `json:"currency" doc:"empty means the merchant's"`
	Wholesaler bool          `json:"wholesaler" doc:"prices start from the wholesale price"`
	Discounts  *discountsDoc `json:"discounts" doc:"his, and those of his offers that have none of their own"`
	Tags       []string      `json:"tags"`
	Notes      string        `json:"notes" doc:"no partner sees them"`
	State      string        `json:"state" schema:"enum=active|blocked"`
	Feed       bool          `json:"feed" doc:"the feed switch as it stands now"`
	Orders     bool          `json:"orders" doc:"the switch of order access"`
	Schedule   []pointDoc    `json:"schedule" doc:"what the feed switch will do by itself"`
}

func (d *partnerDoc) version() int64   { return d.Version }
func (d *partnerDoc) location() string { return "/partners/" + d.ID }

func (a *API) showPartner(p *partner.Partner) (*partnerDoc, error) {
	d, err := showDiscounts(&p.Discounts)
	if err != nil {
		return nil, err
	}
	tags := p.Tags
	if tags == nil {
		tags = []string{}
	}
	_, rest := p.Schedule.Settle(p.FeedEnabled, a.opt.Now())
	return &partnerDoc{ID: string(p.ID), Version: p.Version, Name: p.Name, Email: p.Email, Phone: p.Phone, Language: p.Language.String(), Currency: p.Currency.String(),
		Wholesaler: p.Wholesaler, Discounts: d, Tags: tags, Notes: p.Notes, State: p.State.String(), Feed: p.FeedOn(a.opt.Now()), Orders: p.OrdersEnabled, Schedule: showSchedule(rest)}, nil
}

type partnerPath struct {
	Partner partner.ID `path:"partner"`
}

type partnerFilter struct {
	paging
	Q     string `query:"q" doc:"part of the name or e-mail, in whatever case and without regard to accents" schema:"max=200"`
	Tag   string `query:"tag" schema:"max=60"`
	State string `query:"state" schema:"enum=active|blocked"`
}

func (a *API) partners(c *call, in *partnerFilter) (*page[*partnerDoc], error) {
	list, err := a.manage.Partners(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	sought := manage.NewSought(in.Q)
	list = slices.DeleteFunc(list, func(p partner.Partner) bool {
		return in.Tag != "" && !slices.Contains(p.Tags, in.Tag) || in.State != "" && p.State.String() != in.State ||
			!sought.In(p.Name+"\n"+p.Email)
	})
	return shownPage(c, &in.paging, list, func(p *partner.Partner) string { return string(p.ID) }, a.showPartner)
}

// shownPage is [pageOf] for what may fail to be shown.
func shownPage[T, D any](c *call, p *paging, list []T, key func(*T) string, show func(*T) (D, error)) (*page[D], error) {
	var failed error
	out, err := pageOf(c, p, list, key, func(v *T) D {
		d, err := show(v)
		if err != nil {
			failed = err
		}
		return d
	})
	if failed != nil {
		return nil, failed
	}
	return out, err
}

func (a *API) partner(c *call, in *partnerPath) (*partnerDoc, error) {
	p, err := a.manage.Partner(c.ctx, c.who, string(in.Partner))
	if err != nil {
		return nil, err
	}
	return a.showPartner(&p)
}

type newPartner struct {
	Name       string           `json:"name" schema:"min=1,max=200"`
	Email      string           `json:"email,omitempty" schema:"max=320"`
	Phone      string           `json:"phone,omitempty" schema:"max=100"`
	Language   string           `json:"language,omitempty" schema:"max=3"`
	Currency   string           `json:"currency,omitempty" schema:"max=3"`
	Wholesaler bool             `json:"wholesaler,omitempty"`
	Discounts  *discountsDoc    `json:"discounts,omitempty"`
	Tags       []string         `json:"tags,omitempty" schema:"max=100,each,min=1,max=60"`
	Notes      string           `json:"notes,omitempty" schema:"max=20000"`
	Feed       opt[bool]        `json:"feed,omitzero" doc:"default true"`
	Orders     bool             `json:"orders,omitempty"`
	Schedule   opt[[]pointDoc]  `json:"schedule,omitzero" schema:"max=64"`
	State      opt[accountText] `json:"state,omitzero" schema:"enum=active|blocked"`
}

// accountText is a text whose values are listed.
type accountText string

func (a *API) createPartner(c *call, in *struct {
	Body newPartner `body:""`
}) (*partnerDoc, error) {
	var r reading
	b := &in.Body
	p := partner.Partner{Name: b.Name, Email: b.Email, Phone: b.Phone, Wholesaler: b.Wholesaler, Tags: b.Tags, Notes: b.Notes, FeedEnabled: true, OrdersEnabled: b.Orders,
		Language: parsed(&r, "/language", b.Language, feed.ParseLanguage), Currency: parsed(&r, "/currency", b.Currency, feed.ParseCurrency)}
	if b.Discounts != nil {
		p.Discounts = r.discounts("/discounts", b.Discounts)
	}
	take(&p.FeedEnabled, b.Feed.pointer())
	take(&p.Schedule, r.scheduleOpt("/schedule", b.Schedule, a.opt.Now()))
	take(&p.State, parsedOpt(&r, "/state", b.State, partner.ParseState))
	if err := r.err(); err != nil {
		return nil, err
	}
	p, err := a.manage.CreatePartner(c.ctx, c.who, p)
	if err != nil {
		return nil, err
	}
	return a.showPartner(&p)
}

// partnerChange is what may be changed of a partner; what is left out stays.
type partnerChange struct {
	Name       opt[string]       `json:"name,omitzero" schema:"min=1,max=200"`
	Email      opt[string]       `json:"email,omitzero" schema:"max=320"`
	Phone      opt[string]       `json:"phone,omitzero" schema:"max=100"`
	Language   opt[string]       `json:"language,omitzero" schema:"max=3"`
	Currency   opt[string]       `json:"currency,omitzero" schema:"max=3"`
	Wholesaler opt[bool]         `json:"wholesaler,omitzero"`
	Discounts  opt[discountsDoc] `json:"discounts,omitzero" doc:"replaces all of them"`
	Notes      opt[string]       `json:"notes,omitzero" schema:"max=20000"`
	State      opt[accountText]  `json:"state,omitzero" schema:"enum=active|blocked"`
	Feed       opt[bool]         `json:"feed,omitzero"`
	Orders     opt[bool]         `json:"orders,omitzero"`
	Schedule   opt[[]pointDoc]   `json:"schedule,omitzero" doc:"replaces all points" schema:"max=64"`
	AddTags    []string          `json:"add_tags,omitempty" schema:"max=100,each,min=1,max=60"`
	DropTags   []string          `json:"drop_tags,omitempty" schema:"max=100,each,min=1,max=60"`
}

// read gives the change as operations take it; at begins pointers.
func (b *partnerChange) read(a *API, r *reading, at string) manage.PartnerChange {
	do := manage.PartnerChange{Name: b.Name.pointer(), Email: b.Email.pointer(), Phone: b.Phone.pointer(), Notes: b.Notes.pointer(), Wholesaler: b.Wholesaler.pointer(),
		Feed: b.Feed.pointer(), Orders: b.Orders.pointer(), AddTags: b.AddTags, DropTags: b.DropTags,
		Language: parsedOpt(r, at+"/language", b.Language, feed.ParseLanguage), Currency: parsedOpt(r, at+"/currency", b.Currency, feed.ParseCurrency),
		State: parsedOpt(r, at+"/state", b.State, partner.ParseState), Schedule: r.scheduleOpt(at+"/schedule", b.Schedule, a.opt.Now())}
	if b.Discounts.Set {
		d := r.discounts(at+"/discounts", &b.Discounts.Value)
		do.Discounts = &d
	}
	return do
}

type partnerPatch struct {
	Version opt[int64] `json:"version,omitzero"`
	partnerChange
}

func (a *API) patchPartner(c *call, in *struct {
	partnerPath
	Body partnerPatch `body:""`
}) (*partnerDoc, error) {
	var r reading
	do := in.Body.read(a, &r, "")
	if err := r.err(); err != nil {
		return nil, err
	}
	p, err := a.changePartner(c, in.Partner, do, func(current int64) (int64, error) { return c.version(in.Body.Version, current) })
	if err != nil {
		return nil, err
	}
	return a.showPartner(&p)
}

// changePartner changes one partner. A change that makes no difference is none,
// but the version must be right all the same.
func (a *API) changePartner(c *call, id partner.ID, do manage.PartnerChange, version func(current int64) (int64, error)) (partner.Partner, error) {
	before, err := a.manage.Partner(c.ctx, c.who, string(id))
	if err != nil {
		return before, err
	}
	from, err := version(before.Version)
	if err != nil {
		return before, err
	}
	set, err := a.manage.PlanPartners(c.ctx, c.who, manage.Selection{Partners: []partner.ID{id}}, do)
	if err != nil {
		return before, err
	}
	to := before
	if len(set.Partners) > 0 {
		to = set.Partners[0]
	} else if from == before.Version {
		return before, nil
	}
	to.Version = from
	return a.manage.UpdatePartner(c.ctx, c.who, to)
}

// switchesDoc moves switches; what is left out stays as it is.
type switchesDoc struct {
	Feed     opt[bool]       `json:"feed,omitzero"`
	Orders   opt[bool]       `json:"orders,omitzero"`
	Schedule opt[[]pointDoc] `json:"schedule,omitzero" doc:"what the feed switch is to do by itself; replaces all points" schema:"max=64"`
	Version  opt[int64]      `json:"version,omitzero" doc:"without it the switches move whatever has changed beside them"`
}

func (a *API) switchPartner(c *call, in *struct {
	partnerPath
	Body switchesDoc `body:""`
}) (*partnerDoc, error) {
	var r reading
	b := &in.Body
	do := manage.PartnerChange{Feed: b.Feed.pointer(), Orders: b.Orders.pointer(), Schedule: r.scheduleOpt("/schedule", b.Schedule, a.opt.Now())}
	if err := r.err(); err != nil {
		return nil, err
	}
	p, err := retried(c, b.Version, func() (partner.Partner, int64, error) {
		p, err := a.manage.Partner(c.ctx, c.who, string(in.Partner))
		return p, p.Version, err
	}, func(_ partner.Partner, from int64) (partner.Partner, error) {
		return a.changePartner(c, in.Partner, do, func(int64) (int64, error) { return from, nil })
	})
	if err != nil {
		return nil, err
	}
	return a.showPartner(&p)
}

type deletePath struct {
	Version opt[int64] `query:"version" doc:"the version that was looked at; or If-Match"`
}

func (a *API) deletePartner(c *call, in *struct {
	partnerPath
	deletePath
}) (*none, error) {
	p, err := a.manage.Partner(c.ctx, c.who, string(in.Partner))
	if err != nil {
		return nil, err
	}
	from, err := c.version(in.Version, p.Version)
	if err != nil {
		return nil, err
	}
	return nil, a.manage.DeletePartner(c.ctx, c.who, in.Partner, from)
}

type tagDoc struct {
	Tag      string `json:"tag"`
	Partners int    `json:"partners"`
}

func (a *API) tags(c *call, in *struct{ paging }) (*page[tagDoc], error) {
	tags, err := a.manage.Tags(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	var list []tagDoc
	for tag, n := range tags {
		list = append(list, tagDoc{tag, n})
	}
	return pageOf(c, &in.paging, list, func(t *tagDoc) string { return t.Tag }, func(t *tagDoc) tagDoc { return *t })
}

func partnerOperations(a *API) []*operation {
	return []*operation{
		op("partners", "GET", "/partners", "listPartners", manage.ReadAccounts, "List the partners", a.partners),
		op("partners", "POST", "/partners", "createPartner", manage.WriteAccounts, "Add a partner", a.createPartner, status(201)),
		op("partners", "GET", "/partners/{partner}", "getPartner", manage.ReadAccounts, "One partner", a.partner),
		op("partners", "PATCH", "/partners/{partner}", "updatePartner", manage.WriteAccounts, "Change a partner", a.patchPartner, versioned(),
			detail("Offers that have the partner's discounts get them in the same act. To see beforehand what it changes for whom, ask previewPartners.")),
		op("partners", "PUT", "/partners/{partner}/switches", "switchPartner", manage.WriteAccounts, "Move a partner's switches", a.switchPartner, versioned(),
			detail("Once the answer is there, nothing more is read of what was switched off.")),
		op("partners", "DELETE", "/partners/{partner}", "deletePartner", manage.WriteAccounts, "Remove a partner who has no offers", a.deletePartner, versioned()),
		op("partners", "GET", "/tags", "listTags", manage.ReadAccounts, "List the words that partners are tagged with", a.tags),
	}
}
