package api

import (
	"time"

	"feedmill/feed"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// callerDoc says whose key a request has come with.
type callerDoc struct {
	Merchant string   `json:"merchant"`
	Key      string   `json:"key" doc:"public id of the key"`
	Role     string   `json:"role" schema:"enum=none|key|readonly|manager|owner"`
	Scopes   []string `json:"scopes"`
}

func (a *API) caller(c *call, _ *struct{}) (*callerDoc, error) {
	scopes := c.who.Scopes.Names()
	if scopes == nil {
		scopes = []string{}
	}
	return &callerDoc{string(c.who.Merchant), c.who.Actor.Name, c.who.Role.String(), scopes}, nil
}

// merchantDoc is the merchant as he is.
type merchantDoc struct {
	ID             string       `json:"id"`
	Version        int64        `json:"version" doc:"counts the changes"`
	Name           string       `json:"name"`
	Sharing        bool         `json:"sharing" doc:"the switch of all sharing; off, nobody receives anything"`
	RevealDisabled bool         `json:"reveal_disabled" doc:"whether the holder of a live link may learn that a feed is switched off"`
	Supplier       *supplierDoc `json:"supplier" doc:"what offers say of the merchant"`
	Language       string       `json:"language"`
	Currency       string       `json:"currency"`
	VAT            opt[decimal] `json:"vat" doc:"percent, where a product says none; null is no rate, so that products have to say theirs" schema:"null"`
	BaseURL        string       `json:"base_url" doc:"begins the addresses that partners are given; empty means the server's own"`
	ZoneMinutes    int64        `json:"zone_minutes" doc:"the zone of times in files, in minutes east of UTC"`
	Alarm          alarmDoc     `json:"alarm"`
	StaleAfter     int64        `json:"stale_after_seconds" doc:"when a partner who fetches nothing counts as stale; 0 is a day"`
}

func (d *merchantDoc) version() int64 { return d.Version }

type alarmDoc struct {
	Addresses int  `json:"addresses" doc:"from how many networks a link may be used on one day; 0 is 25, -1 never raises an alarm" schema:"min=-1,max=1000"`
	Suspend   bool `json:"suspend" doc:"an alarm also stops the link"`
}

type supplierDoc struct {
	Name      string `json:"name,omitempty" schema:"max=500"`
	ShortName string `json:"short_name,omitempty" schema:"max=500"`
	LogoURL   string `json:"logo_url,omitempty" schema:"max=2000"`
	Email     string `json:"email,omitempty" schema:"max=500"`
	Phone     string `json:"phone,omitempty" schema:"max=100"`
	Fax       string `json:"fax,omitempty" schema:"max=100"`
	Website   string `json:"website,omitempty" schema:"max=2000"`
	Street    string `json:"street,omitempty" schema:"max=500"`
	Zipcode   string `json:"zipcode,omitempty" schema:"max=50"`
	City      string `json:"city,omitempty" schema:"max=200"`
	Country   string `json:"country,omitempty" schema:"max=200"`
	Province  string `json:"province,omitempty" schema:"max=200"`
}

func showMerchant(m *partner.Merchant) *merchantDoc {
	s := supplierDoc(m.Supplier)
	return &merchantDoc{ID: string(m.ID), Version: m.Version, Name: m.Name, Sharing: m.SharingEnabled, RevealDisabled: m.RevealDisabled, Supplier: &s,
		Language: m.Language.String(), Currency: m.Currency.String(), VAT: showVAT(m), BaseURL: m.BaseURL, ZoneMinutes: int64(m.ZoneOffset / time.Minute),
		Alarm: alarmDoc{m.Alarm.Addresses, m.Alarm.Suspend}, StaleAfter: int64(m.StaleAfter / time.Second)}
}

func showVAT(m *partner.Merchant) opt[decimal] {
	rate, said := m.RateVAT()
	return opt[decimal]{Set: said, Value: decimal(rate.String())}
}

func (a *API) merchant(c *call, _ *struct{}) (*merchantDoc, error) {
	m, err := a.manage.Merchant(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	return showMerchant(&m), nil
}

type merchantPatch struct {
	Version        opt[int64]       `json:"version,omitzero"`
	Name           opt[string]      `json:"name,omitzero" schema:"min=1,max=200"`
	RevealDisabled opt[bool]        `json:"reveal_disabled,omitzero"`
	Supplier       opt[supplierDoc] `json:"supplier,omitzero" doc:"replaces all of it"`
	Language       opt[string]      `json:"language,omitzero" schema:"max=3"`
	Currency       opt[string]      `json:"currency,omitzero" schema:"max=3"`
	VAT            opt[decimal]     `json:"vat,omitzero" doc:"null takes it away, 0 is a rate" schema:"null"`
	BaseURL        opt[string]      `json:"base_url,omitzero" schema:"max=500"`
	ZoneMinutes    opt[int64]       `json:"zone_minutes,omitzero" schema:"min=-840,max=840"`
	Alarm          opt[alarmDoc]    `json:"alarm,omitzero"`
	StaleAfter     opt[int64]       `json:"stale_after_seconds,omitzero" schema:"min=0,max=31536000"`
}

func (a *API) patchMerchant(c *call, in *struct {
	Body merchantPatch `body:""`
}) (*merchantDoc, error) {
	m, err := a.manage.Merchant(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	var r reading
	b := &in.Body
	take(&m.Name, b.Name.pointer())
	take(&m.RevealDisabled, b.RevealDisabled.pointer())
	if b.Supplier.Set {
		m.Supplier = feed.Supplier(b.Supplier.Value)
	}
	take(&m.Language, parsedOpt(&r, "/language", b.Language, feed.ParseLanguage))
	take(&m.Currency, parsedOpt(&r, "/currency", b.Currency, feed.ParseCurrency))
	if b.VAT.Null {
		m.SayVAT(feed.Percent{}, false)
	} else if v := parsedOpt(&r, "/vat", b.VAT, feed.ParsePercent); v != nil {
		m.SayVAT(*v, true)
	}
	take(&m.BaseURL, b.BaseURL.pointer())
	if b.ZoneMinutes.Set {
		m.ZoneOffset = time.Duration(b.ZoneMinutes.Value) * time.Minute
	}
	if b.Alarm.Set {
		m.Alarm = partner.LinkAlarm{Addresses: b.Alarm.Value.Addresses, Suspend: b.Alarm.Value.Suspend}
	}
	if b.StaleAfter.Set {
		m.StaleAfter = time.Duration(b.StaleAfter.Value) * time.Second
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	if m.Version, err = c.version(b.Version, m.Version); err != nil {
		return nil, err
	}
	if m, err = a.manage.UpdateMerchant(c.ctx, c.who, m); err != nil {
		return nil, err
	}
	return showMerchant(&m), nil
}

// take sets a value that was given.
func take[T any](to *T, v *T) {
	if v != nil {
		*to = *v
	}
}

type sharingDoc struct {
	On      bool       `json:"on"`
	Version opt[int64] `json:"version,omitzero" doc:"the merchant's; without it the switch moves whatever has changed beside it"`
}

func (a *API) putSharing(c *call, in *struct {
	Body sharingDoc `body:""`
}) (*merchantDoc, error) {
	m, err := retried(c, in.Body.Version, func() (partner.Merchant, int64, error) {
		m, err := a.manage.Merchant(c.ctx, c.who)
		return m, m.Version, err
	}, func(_ partner.Merchant, version int64) (partner.Merchant, error) {
		return a.manage.SetSharing(c.ctx, c.who, in.Body.On, version)
	})
	if err != nil {
		return nil, err
	}
	return showMerchant(&m), nil
}

// retried moves a switch. With a version it is a change like any other; without
// one it must go through whatever else changes at the time, so it is tried again
// from what stands there now.
func retried[T any](c *call, version opt[int64], read func() (T, int64, error), do func(now T, version int64) (T, error)) (T, error) {
	for try := 1; ; try++ {
		now, current, err := read()
		if err != nil {
			return now, err
		}
		free := !version.Set && c.ifMatch == ""
		from := current
		if !free {
			if from, err = c.version(version, current); err != nil {
				return now, err
			}
		}
		done, err := do(now, from)
		if err == nil || !free || try == 5 || !isConflict(err) {
			return done, err
		}
	}
}

func isConflict(err error) bool { return err != nil && feed.KindOf(err) == feed.KindConflict }

// shopDoc is a storefront.
type shopDoc struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
	Number  int32  `json:"number" doc:"what files call site"`
	Name    string `json:"name"`
}

func (d *shopDoc) version() int64   { return d.Version }
func (d *shopDoc) location() string { return "/shops/" + d.ID }

func showShop(s *partner.Shop) *shopDoc {
	return &shopDoc{string(s.ID), s.Version, s.Number, s.Name}
}

func (a *API) shops(c *call, in *struct{ paging }) (*page[*shopDoc], error) {
	list, err := a.manage.Shops(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	return pageOf(c, &in.paging, list, func(s *partner.Shop) string { return string(s.ID) }, showShop)
}

type shopPath struct {
	Shop partner.ShopID `path:"shop"`
}

func (a *API) findShop(c *call, id partner.ShopID) (partner.Shop, error) {
	list, err := a.manage.Shops(c.ctx, c.who)
	if err != nil {
		return partner.Shop{}, err
	}
	for _, s := range list {
		if s.ID == id {
			return s, nil
		}
	}
	return partner.Shop{}, refuse(problemNotFound, "")
}

func (a *API) shop(c *call, in *shopPath) (*shopDoc, error) {
	s, err := a.findShop(c, in.Shop)
	if err != nil {
		return nil, err
	}
	return showShop(&s), nil
}

type newShop struct {
	Number int32  `json:"number" schema:"min=0,max=2147483647"`
	Name   string `json:"name" schema:"min=1,max=200"`
}

func (a *API) createShop(c *call, in *struct {
	Body newShop `body:""`
}) (*shopDoc, error) {
	s, err := a.manage.CreateShop(c.ctx, c.who, partner.Shop{Number: in.Body.Number, Name: in.Body.Name})
	if err != nil {
		return nil, err
	}
	return showShop(&s), nil
}

type shopPatch struct {
	Version opt[int64]  `json:"version,omitzero"`
	Number  opt[int32]  `json:"number,omitzero" schema:"min=0,max=2147483647"`
	Name    opt[string] `json:"name,omitzero" schema:"min=1,max=200"`
}

func (a *API) patchShop(c *call, in *struct {
	shopPath
	Body shopPatch `body:""`
}) (*shopDoc, error) {
	s, err := a.findShop(c, in.Shop)
	if err != nil {
		return nil, err
	}
	take(&s.Number, in.Body.Number.pointer())
	take(&s.Name, in.Body.Name.pointer())
	if s.Version, err = c.version(in.Body.Version, s.Version); err != nil {
		return nil, err
	}
	if s, err = a.manage.UpdateShop(c.ctx, c.who, s); err != nil {
		return nil, err
	}
	return showShop(&s), nil
}

func (a *API) deleteShop(c *call, in *shopPath) (*none, error) {
	return nil, a.manage.DeleteShop(c.ctx, c.who, in.Shop)
}

func merchantOperations(a *API) []*operation {
	return []*operation{
		op("key", "GET", "/key", "getKey", 0, "Tell whose key this is and what it may do", a.caller),
		op("merchant", "GET", "/merchant", "getMerchant", manage.ReadAccounts, "The merchant's settings", a.merchant),
		op("merchant", "PATCH", "/merchant", "updateMerchant", manage.WriteMerchant, "Change the merchant's settings", a.patchMerchant, versioned()),
		op("merchant", "PUT", "/merchant/sharing", "setSharing", manage.WriteMerchant, "Move the switch of all sharing", a.putSharing, versioned()),
		op("shops", "GET", "/shops", "listShops", manage.ReadAccounts, "List the shops", a.shops),
		op("shops", "POST", "/shops", "createShop", manage.WriteMerchant, "Add a shop", a.createShop, status(201)),
		op("shops", "GET", "/shops/{shop}", "getShop", manage.ReadAccounts, "One shop", a.shop),
		op("shops", "PATCH", "/shops/{shop}", "updateShop", manage.WriteMerchant, "Change a shop", a.patchShop, versioned()),
		op("shops", "DELETE", "/shops/{shop}", "deleteShop", manage.WriteMerchant, "Remove a shop that no offer is for", a.deleteShop),
	}
}
