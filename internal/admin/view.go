package admin

import (
	"strings"

	"feedmill/internal/auth"
	"feedmill/internal/manage"
)

// screen is what the layout shows; Data is the page's own.
type screen struct {
	Page string
	Lang string
	// Address is the page's own, Query included.
	Address string
	// User is nil for somebody who is not signed in.
	User     *userView
	Merchant string
	// Sharing is the merchant's one switch: off, every page says so.
	Sharing bool
	Nav     []navView
	Tongues []tongue
	Flash   []said
	Data    any
	// Live is where the page hears of what happens, "" for nowhere.
	Live string
	// NeedsFactor says that an owner has no second factor yet.
	NeedsFactor bool
}

// userView is the person at the top of the page.
type userView struct {
	Login, Name string
	Role        auth.Role
	Staff       bool
	identity    manage.Identity
}

// May says whether the person may do something, by the name of the action.
func (u *userView) May(action string) bool {
	do, ok := actionNames()[action]
	return u != nil && ok && manage.Allow(u.identity, do, u.identity.Merchant)
}

// actionNames are the names that templates use.
func actionNames() map[string]manage.Action {
	return map[string]manage.Action{
		"read": manage.ReadAccounts, "write": manage.WriteAccounts, "links": manage.WriteLinks, "merchant": manage.WriteMerchant,
		"keys": manage.ManageKeys, "products": manage.ReadProducts, "import": manage.WriteProducts, "publish": manage.Publish,
		"ledger": manage.ReadLedger, "audit": manage.ReadAudit,
	}
}

// navView is one entry of the menu.
type navView struct {
	Address, Label string
	Current        bool
}

// entry is one entry of the menu before it is known who looks.
type entry struct {
	path, label string
	needs       need
}

// navOf gives the menu for somebody.
func navOf(who manage.Identity, role auth.Role, address string) (list []navView) {
	path, _, _ := strings.Cut(address, "?")
	for _, below := range []string{root + "/offers/", root + "/links/"} {
		if strings.HasPrefix(path, below) {
			path = root + "/partners" // what they belong to
		}
	}
	for _, e := range menu() {
		if !e.needs.met(who, role) {
			continue
		}
		full := root + e.path
		current := path == full || e.path != "/" && strings.HasPrefix(path, full+"/")
		list = append(list, navView{full, e.label, current})
	}
	return list
}
