package manage

import (
	"slices"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// Role is what somebody is to a merchant.
type Role uint8

// The roles. RoleNone may do nothing; RoleKey may do what the scopes of his key
// say; RoleReadonly looks; RoleManager runs the business; RoleOwner also changes
// the merchant himself and gives keys out.
const (
	RoleNone Role = iota
	RoleKey
	RoleReadonly
	RoleManager
	RoleOwner
)

var roleNames = [...]string{"none", "key", "readonly", "manager", "owner"}

// String gives the role's name.
func (r Role) String() string {
	if int(r) >= len(roleNames) {
		return roleNames[RoleNone]
	}
	return roleNames[r]
}

// ParseRole reads what [Role.String] writes.
func ParseRole(s string) (Role, error) {
	if i := slices.Index(roleNames[:], s); i >= 0 {
		return Role(i), nil
	}
	return RoleNone, feed.Errorf(feed.KindInvalid, "%.40q is no role", s)
}

// Action is one sort of thing that somebody may want to do.
type Action uint8

// The actions.
const (
	// ReadAccounts is to see the merchant, shops, partners, offers and links.
	ReadAccounts Action = iota + 1
	// WriteAccounts is to change partners and offers, their switches included.
	WriteAccounts
	// WriteLinks is to make, rotate, bind, stop and revoke links.
	WriteLinks
	// WriteMerchant is to change the merchant himself, his shops and the switch
	// of all sharing.
	WriteMerchant
	// ManageKeys is to see, make and revoke keys of the API.
	ManageKeys
	ReadProducts
	WriteProducts
	// ReadPrices is to see exchange rates and price lists, WritePrices to change them.
	ReadPrices
	WritePrices
	// Publish is to have files made, and to decide about held ones.
	Publish
	// ReadLedger is to see who has downloaded what, and which runs there were.
	ReadLedger
	ReadAudit
)

// reading is what the readonly role may do.
var reading = [...]Action{ReadAccounts, ReadProducts, ReadPrices, ReadLedger, ReadAudit}

// scopeOf says which scope lets a key do what. Keys make no keys: a key that got
// out must not outlive its revocation.
func scopeOf(do Action) (partner.Scope, bool) {
	switch do {
	case ReadAccounts:
		return partner.ScopeAccountsRead, true
	case WriteAccounts:
		return partner.ScopeAccountsWrite, true
	case WriteLinks:
		return partner.ScopeLinksWrite, true
	case WriteMerchant:
		return partner.ScopeMerchantWrite, true
	case ReadProducts, ReadPrices:
		return partner.ScopeProductsRead, true
	case WriteProducts, WritePrices:
		return partner.ScopeProductsWrite, true
	case Publish:
		return partner.ScopePublish, true
	case ReadLedger:
		return partner.ScopeLedgerRead, true
	case ReadAudit:
		return partner.ScopeAuditRead, true
	}
	return 0, false
}

// Identity is who acts, and for which merchant. It is made by whoever has
// checked a credential, and by nobody else.
type Identity struct {
	Merchant partner.MerchantID
	Role     Role
	// Scopes count for [RoleKey] alone.
	Scopes partner.Scopes
	// Actor is what the audit is told.
	Actor partner.Actor
}

// Allow is the one rule of who may do what to a thing of a merchant. Whoever is
// of another merchant may do nothing, whatever he is there.
func Allow(who Identity, do Action, owner partner.MerchantID) bool {
	if who.Merchant == "" || who.Merchant != owner {
		return false
	}
	switch who.Role {
	case RoleOwner:
		return do >= ReadAccounts && do <= ReadAudit
	case RoleManager:
		return do >= ReadAccounts && do <= ReadAudit && do != WriteMerchant && do != ManageKeys
	case RoleReadonly:
		return slices.Contains(reading[:], do)
	case RoleKey:
		scope, ok := scopeOf(do)
		return ok && who.Scopes.Has(scope)
	}
	return false
}

// ScopeFor gives the scope that lets a key do something; ok is false for what no
// key may do.
func ScopeFor(do Action) (scope partner.Scope, ok bool) { return scopeOf(do) }

// allow is [Allow] for the caller's own merchant, with the error to answer.
func allow(who Identity, do Action) error {
	if Allow(who, do, who.Merchant) {
		return nil
	}
	e := &feed.Error{Kind: feed.KindForbidden, Message: "you may not do that"}
	if scope, ok := scopeOf(do); ok && who.Role == RoleKey {
		e.Hint = "the key lacks the scope " + scope.String()
	} else {
		e.Hint = "ask an owner of the account"
	}
	return e
}
