package api

import (
	"strconv"

	"feedmill/feed"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// offerDoc is what one partner receives from one shop.
type offerDoc struct {
	ID               string      `json:"id"`
	Version          int64       `json:"version" doc:"counts the changes"`
	Partner          string      `json:"partner"`
	Shop             string      `json:"shop"`
	Name             string      `json:"name"`
	Profile          *profileDoc `json:"profile"`
	PartnerDiscounts bool        `json:"partner_discounts" doc:"the discounts are always those of the partner"`
	Files            []string    `json:"files" doc:"the kinds of files that are served; none means all"`
	Feed             bool        `json:"feed" doc:"the feed switch as it stands now"`
	Orders           bool        `json:"orders"`
	Schedule         []pointDoc  `json:"schedule" doc:"what the feed switch will do by itself"`
}

func (d *offerDoc) version() int64   { return d.Version }
func (d *offerDoc) location() string { return "/offers/" + d.ID }

func (a *API) showOffer(o *partner.Offer) (*offerDoc, error) {
	profile, err := showProfile(&o.Profile)
	if err != nil {
		return nil, err
	}
	_, rest := o.Schedule.Settle(o.FeedEnabled, a.opt.Now())
	return &offerDoc{ID: string(o.ID), Version: o.Version, Partner: string(o.Partner), Shop: string(o.Shop), Name: o.Name, Profile: profile,
		PartnerDiscounts: o.PartnerDiscounts, Files: splitNames(o.Files.String()), Feed: o.FeedOn(a.opt.Now()), Orders: o.OrdersEnabled, Schedule: showSchedule(rest)}, nil
}

type offerPath struct {
	Offer partner.OfferID `path:"offer"`
}

type offerFilter struct {
	paging
	Partner partner.ID `query:"partner" doc:"only this partner's"`
}

func (a *API) offers(c *call, in *offerFilter) (*page[*offerDoc], error) {
	list, err := a.manage.Offers(c.ctx, c.who, in.Partner)
	if err != nil {
		return nil, err
	}
	return shownPage(c, &in.paging, list, func(o *partner.Offer) string { return string(o.ID) }, a.showOffer)
}

func (a *API) offer(c *call, in *offerPath) (*offerDoc, error) {
	o, err := a.manage.Offer(c.ctx, c.who, "", string(in.Offer))
	if err != nil {
		return nil, err
	}
	return a.showOffer(&o)
}

type newOffer struct {
	Partner          string          `json:"partner" schema:"min=1,max=40"`
	Shop             string          `json:"shop" schema:"min=1,max=40"`
	Name             string          `json:"name" schema:"min=1,max=200"`
	Profile          *profileDoc     `json:"profile,omitempty" doc:"language and currency that it leaves out are the partner's, else the merchant's"`
	PartnerDiscounts bool            `json:"partner_discounts,omitempty"`
	Files            []string        `json:"files,omitempty" schema:"max=30,each,min=1,max=40"`
	Feed             opt[bool]       `json:"feed,omitzero" doc:"default true"`
	Orders           bool            `json:"orders,omitempty"`
	Schedule         opt[[]pointDoc] `json:"schedule,omitzero" schema:"max=64"`
}

func (a *API) createOffer(c *call, in *struct {
	Body newOffer `body:""`
}) (*offerDoc, error) {
	var r reading
	b := &in.Body
	o := partner.Offer{Partner: partner.ID(b.Partner), Shop: partner.ShopID(b.Shop), Name: b.Name, PartnerDiscounts: b.PartnerDiscounts, FeedEnabled: true, OrdersEnabled: b.Orders,
		Files: parsed(&r, "/files", joinNames(b.Files), partner.ParseKindSet)}
	if b.Profile != nil {
		o.Profile = r.profile("/profile", b.Profile)
	}
	take(&o.FeedEnabled, b.Feed.pointer())
	take(&o.Schedule, r.scheduleOpt("/schedule", b.Schedule, a.opt.Now()))
	if err := r.err(); err != nil {
		return nil, err
	}
	// What is named in the body and is not there is a mistake of the body, the
	// same for what is somebody else's.
	if !o.Partner.Valid() {
		return nil, invalid(fieldError{"/partner", "there is no such partner"})
	}
	if _, err := a.manage.Partner(c.ctx, c.who, string(o.Partner)); err != nil {
		return nil, missingAs(err, "/partner", "there is no such partner")
	}
	if _, err := a.findShop(c, o.Shop); err != nil {
		return nil, missingAs(err, "/shop", "there is no such shop")
	}
	if err := a.knownList(c, o.Profile.PriceList, "/profile/price_list"); err != nil {
		return nil, err
	}
	if o.PartnerDiscounts && b.Profile != nil && b.Profile.Discounts != nil {
		return nil, invalid(fieldError{"/profile/discounts", "partner_discounts says that they are the partner's"})
	}
	o, err := a.manage.CreateOffer(c.ctx, c.who, o)
	if err != nil {
		return nil, err
	}
	return a.showOffer(&o)
}

// knownList refuses a price list that is not there at a place of the body.
func (a *API) knownList(c *call, id feed.PriceListID, pointer string) error {
	if id == "" {
		return nil
	}
	if !partner.ValidPriceListID(id) {
		return invalid(fieldError{pointer, "is no id of a price list"})
	}
	who := c.who
	who.Scopes |= partner.ScopeProductsRead // whether it is there is no secret of the catalog
	_, err := a.manage.PriceList(c.ctx, who, string(id))
	return missingAs(err, pointer, "there is no such price list")
}

// knownLists is knownList for the two places of a change; at begins pointers.
func (a *API) knownLists(c *call, do *manage.OfferChange, at string) error {
	if do.Profile != nil {
		if err := a.knownList(c, do.Profile.PriceList, at+"/profile/price_list"); err != nil {
			return err
		}
	}
	if do.PriceList != nil {
		return a.knownList(c, *do.PriceList, at+"/price_list")
	}
	return nil
}

// missingAs turns what is not there into a mistake at a place of the body.
func missingAs(err error, pointer, text string) error {
	doc, _, _ := problemOf(err)
	if doc.Status == problemNotFound.status {
		return invalid(fieldError{pointer, text})
	}
	return err
}

// offerChange is what may be changed of an offer; what is left out stays.
type offerChange struct {
	Name             opt[string]        `json:"name,omitzero" schema:"min=1,max=200"`
	Shop             opt[string]        `json:"shop,omitzero" schema:"min=1,max=40"`
	Files            opt[[]string]      `json:"files,omitzero" schema:"max=30,each,min=1,max=40"`
	PartnerDiscounts opt[bool]          `json:"partner_discounts,omitzero"`
	Profile          opt[profileDoc]    `json:"profile,omitzero" doc:"replaces all of it; with partner_discounts the partner's discounts stay"`
	Languages        opt[[]string]      `json:"languages,omitzero" doc:"this part of the profile alone, as have the following" schema:"max=50,each,min=2,max=3"`
	Currency         opt[string]        `json:"currency,omitzero" schema:"max=3"`
	Rates            opt[[]rateDoc]     `json:"rates,omitzero" schema:"max=200"`
	Base             opt[accountText]   `json:"base,omitzero" schema:"enum=retail|wholesale"`
	Lead             opt[accountText]   `json:"lead,omitzero" schema:"enum=net|gross"`
	PriceList        opt[string]        `json:"price_list,omitzero" doc:"empty for none" schema:"max=40"`
	OnlyListed       opt[bool]          `json:"only_listed,omitzero"`
	Discounts        opt[discountsDoc]  `json:"discounts,omitzero" doc:"of its own, instead of the partner's"`
	Assortment       opt[assortmentDoc] `json:"assortment,omitzero"`
	Stock            opt[stockDoc]      `json:"stock,omitzero"`
	Dialect          opt[dialectDoc]    `json:"dialect,omitzero"`
	CSV              opt[bool]          `json:"csv,omitzero"`
	Feed             opt[bool]          `json:"feed,omitzero"`
	Orders           opt[bool]          `json:"orders,omitzero"`
	Schedule         opt[[]pointDoc]    `json:"schedule,omitzero" schema:"max=64"`
}

// read gives the change as operations take it; at begins pointers.
func (b *offerChange) read(a *API, r *reading, at string) manage.OfferChange {
	do := manage.OfferChange{Name: b.Name.pointer(), PartnerDiscounts: b.PartnerDiscounts.pointer(), Feed: b.Feed.pointer(), Orders: b.Orders.pointer(),
		CSV: b.CSV.pointer(), OnlyListed: b.OnlyListed.pointer(), Schedule: r.scheduleOpt(at+"/schedule", b.Schedule, a.opt.Now())}
	if b.Shop.Set {
		shop := partner.ShopID(b.Shop.Value)
		do.Shop = &shop
	}
	if b.Files.Set {
		files := parsed(r, at+"/files", joinNames(b.Files.Value), partner.ParseKindSet)
		do.Files = &files
	}
	if b.Profile.Set {
		p := r.profile(at+"/profile", &b.Profile.Value)
		do.Profile = &p
	}
	// Each part is read as the profile that it is part of.
	part := func(member string, d *profileDoc) *feed.Profile {
		p := r.profile(at+"/"+member, d)
		return &p
	}
	if b.Languages.Set {
		do.Languages = &part("languages", &profileDoc{Languages: b.Languages.Value}).Languages
	}
	do.Currency = parsedOpt(r, at+"/currency", b.Currency, feed.ParseCurrency)
	if b.Rates.Set {
		rates := []feed.ExchangeRate{}
		for i, d := range b.Rates.Value {
			place := at + "/rates/" + strconv.Itoa(i)
			rates = append(rates, feed.ExchangeRate{From: parsed(r, place+"/from", d.From, feed.ParseCurrency), Rate: parsed(r, place+"/rate", string(d.Rate), feed.ParseRate)})
		}
		do.Rates = &rates
	}
	if b.Base.Set {
		do.Base = &part("base", &profileDoc{Base: string(b.Base.Value)}).Base
	}
	if b.Lead.Set {
		do.Lead = &part("lead", &profileDoc{Lead: string(b.Lead.Value)}).Lead
	}
	if b.PriceList.Set {
		list := feed.PriceListID(b.PriceList.Value)
		do.PriceList = &list
	}
	if b.Discounts.Set {
		do.Discounts = &part("discounts", &profileDoc{Discounts: &b.Discounts.Value}).Discounts
	}
	if b.Assortment.Set {
		do.Assortment = &part("assortment", &profileDoc{Assortment: &b.Assortment.Value}).Assortment
	}
	if b.Stock.Set {
		do.Stock = &part("stock", &profileDoc{Stock: &b.Stock.Value}).Stock
	}
	if b.Dialect.Set {
		do.Dialect = &part("dialect", &profileDoc{Dialect: &b.Dialect.Value}).Dialect
	}
	return do
}

type offerPatch struct {
	Version opt[int64] `json:"version,omitzero"`
	offerChange
}

func (a *API) patchOffer(c *call, in *struct {
	offerPath
	Body offerPatch `body:""`
}) (*offerDoc, error) {
	var r reading
	do := in.Body.read(a, &r, "")
	if err := r.err(); err != nil {
		return nil, err
	}
	if do.Shop != nil {
		if _, err := a.findShop(c, *do.Shop); err != nil {
			return nil, missingAs(err, "/shop", "there is no such shop")
		}
	}
	if err := a.knownLists(c, &do, ""); err != nil {
		return nil, err
	}
	o, err := a.changeOffer(c, in.Offer, do, func(current int64) (int64, error) { return c.version(in.Body.Version, current) })
	if err != nil {
		return nil, err
	}
	return a.showOffer(&o)
}

// changeOffer changes one offer. A change that makes no difference is none, but
// the version must be right all the same.
func (a *API) changeOffer(c *call, id partner.OfferID, do manage.OfferChange, version func(current int64) (int64, error)) (partner.Offer, error) {
	before, err := a.manage.Offer(c.ctx, c.who, "", string(id))
	if err != nil {
		return before, err
	}
	from, err := version(before.Version)
	if err != nil {
		return before, err
	}
	set, err := a.manage.PlanOffers(c.ctx, c.who, []partner.OfferID{id}, manage.Selection{}, do)
	if err != nil {
		return before, err
	}
	to := before
	if len(set.Offers) > 0 {
		to = set.Offers[0]
	} else if from == before.Version {
		return before, nil
	}
	to.Version = from
	return a.manage.UpdateOffer(c.ctx, c.who, to)
}

func (a *API) switchOffer(c *call, in *struct {
	offerPath
	Body switchesDoc `body:""`
}) (*offerDoc, error) {
	var r reading
	b := &in.Body
	do := manage.OfferChange{Feed: b.Feed.pointer(), Orders: b.Orders.pointer(), Schedule: r.scheduleOpt("/schedule", b.Schedule, a.opt.Now())}
	if err := r.err(); err != nil {
		return nil, err
	}
	o, err := retried(c, b.Version, func() (partner.Offer, int64, error) {
		o, err := a.manage.Offer(c.ctx, c.who, "", string(in.Offer))
		return o, o.Version, err
	}, func(_ partner.Offer, from int64) (partner.Offer, error) {
		return a.changeOffer(c, in.Offer, do, func(int64) (int64, error) { return from, nil })
	})
	if err != nil {
		return nil, err
	}
	return a.showOffer(&o)
}

func (a *API) deleteOffer(c *call, in *struct {
	offerPath
	deletePath
}) (*none, error) {
	o, err := a.manage.Offer(c.ctx, c.who, "", string(in.Offer))
	if err != nil {
		return nil, err
	}
	from, err := c.version(in.Version, o.Version)
	if err != nil {
		return nil, err
	}
	return nil, a.manage.DeleteOffer(c.ctx, c.who, in.Offer, from)
}

func offerOperations(a *API) []*operation {
	return []*operation{
		op("offers", "GET", "/offers", "listOffers", manage.ReadAccounts, "List the offers", a.offers),
		op("offers", "POST", "/offers", "createOffer", manage.WriteAccounts, "Add an offer of a shop for a partner", a.createOffer, status(201)),
		op("offers", "GET", "/offers/{offer}", "getOffer", manage.ReadAccounts, "One offer", a.offer),
		op("offers", "PATCH", "/offers/{offer}", "updateOffer", manage.WriteAccounts, "Change an offer", a.patchOffer, versioned(),
			detail("A changed profile moves the offer to the feeds of the new one at once. To see beforehand what the recipient gains and loses, ask previewOffers.")),
		op("offers", "PUT", "/offers/{offer}/switches", "switchOffer", manage.WriteAccounts, "Move an offer's switches", a.switchOffer, versioned()),
		op("offers", "DELETE", "/offers/{offer}", "deleteOffer", manage.WriteAccounts, "Remove an offer none of whose links is live", a.deleteOffer, versioned()),
	}
}
