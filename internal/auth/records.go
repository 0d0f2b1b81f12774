package auth

import (
	"context"
	"time"

	"feedmill/internal/partner"
)

// Users are people's accounts in the records.
type Users interface {
	// CreateUser adds an account; a login that somebody has is KindConflict.
	CreateUser(ctx context.Context, actor partner.Actor, u User) (User, error)
	// UpdateUser stores an account as it is to be. u.Version names what it was
	// made from; another one is KindConflict.
	UpdateUser(ctx context.Context, actor partner.Actor, action string, u User) (User, error)
	User(ctx context.Context, merchant partner.MerchantID, id UserID) (User, error)
	Users(ctx context.Context, merchant partner.MerchantID) ([]User, error)
}

// Logins find people whosever they are: it is how somebody comes to be one of a
// merchant's.
type Logins interface {
	// FindUser gives the account with a login; none is KindNotFound.
	FindUser(ctx context.Context, login string) (User, error)
	// Owners counts the owners whose accounts are in use, of all merchants.
	Owners(ctx context.Context) (int, error)
	// NoteLogin notes that somebody has signed in. It is no change of the account.
	NoteLogin(ctx context.Context, merchant partner.MerchantID, id UserID, at time.Time) error
	// RenewPassword puts the same password's new form in the old one's place,
	// where that still stands.
	RenewPassword(ctx context.Context, merchant partner.MerchantID, id UserID, before, after string) error
}

// Factors keep what a second factor has used up.
type Factors interface {
	// UseStep notes that a code of a step was used; false when one as late was
	// used before.
	UseStep(ctx context.Context, merchant partner.MerchantID, id UserID, step int64) (bool, error)
	// SetRecovery puts new recovery codes in the place of all old ones; none takes
	// them away.
	SetRecovery(ctx context.Context, merchant partner.MerchantID, id UserID, hashes [][32]byte) error
	// UseRecovery uses a recovery code up; false when there is none.
	UseRecovery(ctx context.Context, merchant partner.MerchantID, id UserID, hash [32]byte) (bool, error)
	// Recovery counts the codes that are left.
	Recovery(ctx context.Context, merchant partner.MerchantID, id UserID) (int, error)
}

// Sessions are the browsers that are signed in.
type Sessions interface {
	CreateSession(ctx context.Context, s Session) error
	// FindSession gives a session and its user, whosever they are; none is KindNotFound.
	FindSession(ctx context.Context, hash [32]byte) (Session, User, error)
	// TouchSession notes a session's use and, where proved is not zero, that its
	// password was given again.
	TouchSession(ctx context.Context, merchant partner.MerchantID, hash [32]byte, seen, proved time.Time) error
	Sessions(ctx context.Context, merchant partner.MerchantID, id UserID) ([]Session, error)
}

// SessionEnds end sessions.
type SessionEnds interface {
	EndSession(ctx context.Context, merchant partner.MerchantID, hash [32]byte) error
	// EndSessions ends all sessions of somebody but one.
	EndSessions(ctx context.Context, merchant partner.MerchantID, id UserID, but [32]byte) error
	// PruneSessions forgets sessions, codes and counts of failures that count for
	// nothing any more, of all merchants.
	PruneSessions(ctx context.Context, now time.Time) error
}

// Codes are one-time codes.
type Codes interface {
	CreateCode(ctx context.Context, c Code) error
	// FindCode gives a code that has not expired; none is KindNotFound.
	FindCode(ctx context.Context, hash [32]byte) (Code, error)
	// UseCode takes a code away; of two that do so at once one gets KindNotFound.
	UseCode(ctx context.Context, hash [32]byte) (Code, error)
}

// Throttle counts failures.
type Throttle interface {
	// Failures gives the counts of keys, in their order.
	Failures(ctx context.Context, keys [][32]byte) ([]Failures, error)
	// Fail counts a failure for each key. Counts that had none since forgotten
	// begin anew.
	Fail(ctx context.Context, keys [][32]byte, at, forgotten time.Time) error
	Forget(ctx context.Context, keys [][32]byte) error
}

// Merchants are found and, by the first owner, made.
type Merchants interface {
	Merchants(ctx context.Context) ([]partner.Merchant, error)
	CreateMerchant(ctx context.Context, actor partner.Actor, m partner.Merchant) (partner.Merchant, error)
	CreateShop(ctx context.Context, actor partner.Actor, s partner.Shop) error
}

// Records are all of them. Both databases are.
type Records interface {
	Users
	Logins
	Factors
	Sessions
	SessionEnds
	Codes
	Throttle
	Merchants
}
