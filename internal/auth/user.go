package auth

import (
	"crypto/rand"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// UserID names a person's account ("u-…").
type UserID string

const (
	idDigits = "abcdefghijklmnopqrstuvwxyz234567"
	idRandom = 16
)

// NewUserID makes an id that nobody has.
func NewUserID() UserID { return UserID("u-" + randomText(idRandom)) }

// Valid says whether the id has the form of one that this package makes.
func (id UserID) Valid() bool {
	rest, ok := strings.CutPrefix(string(id), "u-")
	return ok && len(rest) == idRandom && onlyOf(rest, idDigits)
}

// randomText gives n random characters of base32 in lower case, five bits each.
// Randomness is the system's on purpose and cannot be injected.
func randomText(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	for i := range b {
		b[i] = idDigits[b[i]%32]
	}
	return string(b)
}

func onlyOf(s, digits string) bool {
	for i := range len(s) {
		if strings.IndexByte(digits, s[i]) < 0 {
			return false
		}
	}
	return true
}

// Role is what a person is: one of a merchant's staff, or one of a partner's
// people, who sees the portal and nothing else.
type Role string

// The roles.
const (
	Owner    Role = "owner"
	Manager  Role = "manager"
	Readonly Role = "readonly"
	Portal   Role = "partner"
)

// Roles lists the roles, the mightiest first.
func Roles() []Role { return []Role{Owner, Manager, Readonly, Portal} }

// Staff says whether the role is one of a merchant's own people.
func (r Role) Staff() bool { return r == Owner || r == Manager || r == Readonly }

// Factor is a person's second factor (RFC 6238).
type Factor struct {
	// Sealed is the key, sealed by [Sealer]; none means that there is no second factor.
	Sealed []byte
	// Step is the last time step whose code was used: none is taken twice.
	Step int64
	// Since is when it was set up.
	Since time.Time
}

// On says whether there is a second factor.
func (f *Factor) On() bool { return len(f.Sealed) > 0 }

// User is a person's account.
type User struct {
	ID       UserID
	Merchant partner.MerchantID
	// Partner is whose people he is one of, "" for the merchant's own staff.
	Partner partner.ID
	// Login is what he signs in with, in lower case; nobody else of any merchant
	// has it.
	Login string
	Name  string
	Role  Role
	// Language is a tag such as "pl"; "" leaves it to the browser.
	Language string
	// Password is the hash of [Hasher], "" for none: then only a one-time code lets him in.
	Password string
	Factor   Factor
	// CreatedAt is never zero; DisabledAt is zero for an account in use, LastLogin
	// for one that never was.
	CreatedAt, DisabledAt, LastLogin time.Time
	// Version counts the changes; a change names the one it was made from.
	Version int64
}

// Limits of a user's texts, in characters.
const (
	MaxLogin = 120
	MaxName  = 120
)

// CleanLogin gives a login as it is kept and looked for.
func CleanLogin(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// Disabled says whether the account is out of use.
func (u *User) Disabled() bool { return !u.DisabledAt.IsZero() }

// Validate says what is wrong with a user.
func (u *User) Validate() error {
	wrong := func(format string, args ...any) error { return feed.Errorf(feed.KindInvalid, format, args...) }
	switch {
	case !u.ID.Valid():
		return wrong("user id %.40q is not valid", string(u.ID))
	case !u.Merchant.Valid():
		return wrong("user %s: merchant id %.40q is not valid", u.ID, string(u.Merchant))
	case u.Login == "" || u.Login != CleanLogin(u.Login) || utf8.RuneCountInString(u.Login) > MaxLogin || strings.ContainsFunc(u.Login, notLogin):
		return wrong("a login has 1 to %d characters and no blanks", MaxLogin)
	case !utf8.ValidString(u.Name) || utf8.RuneCountInString(u.Name) > MaxName || strings.ContainsFunc(u.Name, unicode.IsControl):
		return wrong("a name is one line of at most %d characters", MaxName)
	case !slices.Contains(Roles(), u.Role):
		return wrong("%.40q is no role", string(u.Role))
	case u.Role.Staff() != (u.Partner == ""), u.Partner != "" && !u.Partner.Valid():
		return wrong("the role partner goes with a partner, and no other does")
	case u.CreatedAt.IsZero():
		return wrong("user %s: no time of creation", u.ID)
	}
	if u.Language != "" {
		if _, err := language.Parse(u.Language); err != nil {
			return wrong("%.40q is no language", u.Language)
		}
	}
	return nil
}

func notLogin(r rune) bool { return r == utf8.RuneError || unicode.IsSpace(r) || unicode.IsControl(r) }

// Facts are what the audit tells of a user. No secret and no hash is among them.
func (u *User) Facts() partner.Facts {
	return partner.Facts{
		"login": u.Login, "name": u.Name, "role": string(u.Role), "partner": string(u.Partner), "language": u.Language,
		"password": u.Password != "", "second_factor": u.Factor.On(), "disabled": u.Disabled(),
	}
}

// Actor is who the audit names for what the user does.
func (u *User) Actor(address, request string) partner.Actor {
	return partner.Actor{Name: u.Login, Role: string(u.Role), Address: address, Request: request}
}
