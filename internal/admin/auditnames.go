package admin

import (
	"cmp"
	"encoding/json"
	"strings"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// called is what people call a thing that the audit knows by its id.
type called struct {
	// Name is the thing's name behind those of what it belongs to: "Nord Shop ›
	// Main", "" where nobody has given it any.
	Name string
	// Link leads to its page, "" where there is none.
	Link string
	// Gone says that it was removed; the name is the last that it had.
	Gone bool
}

// between stands between names of what belongs to another.
const between = " › "

// roster finds what people call things, each once. It is made for one page.
type roster struct {
	c     *call
	known map[string]called
	lists bool
}

func (c *call) names() *roster { return &roster{c: c, known: map[string]called{}} }

// of gives what a thing is called, as who asks may know it.
func (r *roster) of(id string) (v called, err error) {
	if v, ok := r.known[id]; ok {
		return v, nil
	}
	m, c := r.c.panel.opt.Manage, r.c
	switch {
	case partner.ID(id).Valid():
		var p partner.Partner
		if p, err = m.Partner(c.ctx, c.who, id); err == nil {
			v = called{Name: p.Name, Link: root + "/partners/" + id}
		}
	case partner.OfferID(id).Valid():
		var o partner.Offer
		if o, err = m.Offer(c.ctx, c.who, "", id); err == nil {
			v.Link = root + "/offers/" + id
			v.Name, err = r.within(string(o.Partner), o.Name)
		}
	case partner.LinkID(id).Valid():
		var l partner.Link
		if l, err = m.Link(c.ctx, c.who, partner.LinkID(id)); err == nil {
			v.Link = root + "/links/" + id
			v.Name, err = r.within(string(l.Offer), l.Name)
		}
	case id == string(c.merchant.ID):
		v.Name = c.merchant.Name
	case partner.ShopID(id).Valid(), partner.ValidPriceListID(feed.PriceListID(id)), partner.KeyID(id).Valid(), auth.UserID(id).Valid():
		if err = r.list(); err == nil {
			if v, ok := r.known[id]; ok {
				return v, nil
			}
			err = notFound("such thing")
		}
	}
	if err != nil && feed.KindOf(err) == feed.KindNotFound {
		v, err = r.last(id)
	}
	if err != nil {
		return v, err
	}
	r.known[id] = v
	return v, nil
}

// within puts a name behind that of what it belongs to.
func (r *roster) within(id, name string) (string, error) {
	whole, err := r.of(id)
	return strings.TrimPrefix(whole.Name+between+name, between), err
}

// list learns the names of what a merchant has few of.
func (r *roster) list() error {
	if r.lists {
		return nil
	}
	r.lists = true
	c, m := r.c, r.c.panel.opt.Manage
	shops, err := m.Shops(c.ctx, c.who)
	if err != nil {
		return err
	}
	for i := range shops {
		r.known[string(shops[i].ID)] = called{Name: shops[i].Name}
	}
	prices, err := m.PriceLists(c.ctx, c.who)
	if err != nil {
		return err
	}
	for i := range prices {
		r.known[string(prices[i].ID)] = called{Name: prices[i].Name, Link: root + "/price-lists/" + string(prices[i].ID)}
	}
	if c.may(manage.ManageKeys) {
		keys, err := m.Keys(c.ctx, c.who)
		if err != nil {
			return err
		}
		for i := range keys {
			r.known[string(keys[i].ID)] = called{Name: keys[i].Name}
		}
	}
	users, err := c.panel.opt.Auth.Users(c.ctx, c.who.Merchant)
	for i := range users {
		r.known[string(users[i].ID)] = called{Name: users[i].Login}
	}
	return err
}

// linesOfGone is how many lines of the audit are asked for the name of what is gone.
const linesOfGone = 50

// last gives the name that something had before it was removed, by itself or
// with what it belonged to: the audit's lines about it tell.
func (r *roster) last(id string) (called, error) {
	v := called{Gone: true}
	list, err := r.c.panel.opt.Journal.AuditBefore(r.c.ctx, r.c.who.Merchant, id, 0, linesOfGone)
	if err != nil || len(list) == 0 {
		return called{}, err
	}
	var had struct{ Name, Login, Partner, Offer string }
	for i := range list {
		for _, facts := range []string{list[i].After, list[i].Before} {
			then := had
			if json.Unmarshal([]byte(facts), &then) != nil {
				continue // nothing was noted on this side
			}
			had.Name, had.Login = cmp.Or(had.Name, then.Name), cmp.Or(had.Login, then.Login)
			had.Partner, had.Offer = cmp.Or(had.Partner, then.Partner), cmp.Or(had.Offer, then.Offer)
		}
	}
	switch {
	case had.Login != "":
		v.Name = had.Login
	case had.Offer != "" || had.Partner != "":
		r.known[id] = v // the last word, should what is noted lead back here
		v.Name, err = r.within(cmp.Or(had.Offer, had.Partner), had.Name)
	default:
		v.Name = had.Name
	}
	return v, err
}
