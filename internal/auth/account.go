package auth

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// hash judges a new password and gives its stored form.
func (s *Service) hash(ctx context.Context, u *User, password string) (string, error) {
	if w := Judge(password, u.Login); w != Strong {
		return "", &WeakError{w}
	}
	return s.opt.Hasher.Hash(ctx, password)
}

// Prove checks the password of somebody who is signed in once more: for what
// shows secrets a session alone is not enough. The session is a new one.
func (s *Service) Prove(ctx context.Context, id SessionID, password string, from Place) (SessionID, error) {
	sess, u, err := s.find(ctx, id.Hash())
	if err != nil {
		return SessionID{}, err
	}
	if sess.Stage != StageIn {
		return SessionID{}, &RefusedError{}
	}
	if err := s.check(ctx, &u, password, from); err != nil {
		return SessionID{}, err
	}
	return s.rotate(ctx, sess, from)
}

// check says whether a password is the account's own.
func (s *Service) check(ctx context.Context, u *User, password string, from Place) error {
	return s.throttled(ctx, "prove", u.Login, from, func() (bool, error) {
		right, _, err := s.opt.Hasher.Check(ctx, u.Password, password)
		return right, err
	})
}

// rotate gives a session a new id. Its life goes on from where it began.
func (s *Service) rotate(ctx context.Context, old Session, from Place) (SessionID, error) {
	id := newSessionID()
	next := old
	next.Hash, next.Proved, next.Seen = id.Hash(), s.opt.Now(), s.opt.Now()
	if err := s.db.CreateSession(ctx, next); err != nil {
		return SessionID{}, err
	}
	return id, s.db.EndSession(ctx, old.Merchant, old.Hash)
}

// ChangePassword puts a new password in the present one's place. All other
// sessions of the account end, and this one is a new one.
func (s *Service) ChangePassword(ctx context.Context, id SessionID, present, next string, from Place) (SessionID, error) {
	sess, u, err := s.find(ctx, id.Hash())
	if err != nil {
		return SessionID{}, err
	}
	if sess.Stage != StageIn {
		return SessionID{}, &RefusedError{}
	}
	if err := s.check(ctx, &u, present, from); err != nil {
		return SessionID{}, err
	}
	if u.Password, err = s.hash(ctx, &u, next); err != nil {
		return SessionID{}, err
	}
	if _, err := s.db.UpdateUser(ctx, from.actor(&u), "user.password", u); err != nil {
		return SessionID{}, err
	}
	if err := s.db.EndSessions(ctx, u.Merchant, u.ID, sess.Hash); err != nil {
		return SessionID{}, err
	}
	return s.rotate(ctx, sess, from)
}

// SetProfile changes the name and the language of somebody's own account.
func (s *Service) SetProfile(ctx context.Context, u User, name, language string, version int64, from Place) (User, error) {
	u.Name, u.Language, u.Version = name, language, version
	if err := u.Validate(); err != nil {
		return u, err
	}
	return s.db.UpdateUser(ctx, from.actor(&u), "user.update", u)
}

// EnrolFactor sets a second factor up once its owner has shown, by a code, that
// his program has the key. It gives the recovery codes, which are shown once,
// and a new session; all others of the account end.
func (s *Service) EnrolFactor(ctx context.Context, id SessionID, key FactorKey, code string, from Place) (codes []string, next SessionID, err error) {
	sess, u, err := s.find(ctx, id.Hash())
	if err != nil {
		return nil, next, err
	}
	if !sess.Fresh(s.opt.Now()) {
		return nil, next, &RefusedError{}
	}
	now := s.opt.Now()
	step, ok := key.Accept(code, now, 0)
	if !ok {
		return nil, next, &RefusedError{}
	}
	u.Factor = Factor{Sealed: s.opt.Sealer.seal(key.key, u.ID), Step: step, Since: now}
	if _, err := s.db.UpdateUser(ctx, from.actor(&u), "user.factor.on", u); err != nil {
		return nil, next, err
	}
	codes, hashes := newRecoveryCodes()
	if err := s.db.SetRecovery(ctx, u.Merchant, u.ID, hashes); err != nil {
		return nil, next, err
	}
	if err := s.db.EndSessions(ctx, u.Merchant, u.ID, sess.Hash); err != nil {
		return nil, next, err
	}
	next, err = s.rotate(ctx, sess, from)
	return codes, next, err
}

// DropFactor takes somebody's own second factor away; the session must be fresh.
func (s *Service) DropFactor(ctx context.Context, id SessionID, from Place) error {
	sess, u, err := s.find(ctx, id.Hash())
	if err != nil {
		return err
	}
	if !sess.Fresh(s.opt.Now()) {
		return &RefusedError{}
	}
	return s.dropFactor(ctx, from.actor(&u), u)
}

func (s *Service) dropFactor(ctx context.Context, actor partner.Actor, u User) error {
	u.Factor = Factor{}
	if _, err := s.db.UpdateUser(ctx, actor, "user.factor.off", u); err != nil {
		return err
	}
	return s.db.SetRecovery(ctx, u.Merchant, u.ID, nil)
}

// NewRecovery gives new recovery codes; the session must be fresh. The old ones
// are worth nothing from then on.
func (s *Service) NewRecovery(ctx context.Context, id SessionID) ([]string, error) {
	sess, u, err := s.find(ctx, id.Hash())
	if err != nil {
		return nil, err
	}
	if !sess.Fresh(s.opt.Now()) || !u.Factor.On() {
		return nil, &RefusedError{}
	}
	codes, hashes := newRecoveryCodes()
	return codes, s.db.SetRecovery(ctx, u.Merchant, u.ID, hashes)
}

// RecoveryLeft counts the recovery codes of an account.
func (s *Service) RecoveryLeft(ctx context.Context, u *User) (int, error) {
	return s.db.Recovery(ctx, u.Merchant, u.ID)
}

// Sessions gives the sessions of an account that count, the newest first.
func (s *Service) Sessions(ctx context.Context, u *User) ([]Session, error) {
	list, err := s.db.Sessions(ctx, u.Merchant, u.ID)
	now := s.opt.Now()
	list = slices.DeleteFunc(list, func(x Session) bool { return !x.Live(now) })
	slices.SortFunc(list, func(a, b Session) int { return b.Seen.Compare(a.Seen) })
	return list, err
}

// EndSession ends one of the account's sessions, by its number.
func (s *Service) EndSession(ctx context.Context, u *User, number string) error {
	list, err := s.db.Sessions(ctx, u.Merchant, u.ID)
	if err != nil {
		return err
	}
	for _, x := range list {
		if x.Number() == number {
			return s.db.EndSession(ctx, u.Merchant, x.Hash)
		}
	}
	return feed.Errorf(feed.KindNotFound, "there is no such session")
}

// EndOthers ends all sessions of an account but one.
func (s *Service) EndOthers(ctx context.Context, u *User, but [32]byte) error {
	return s.db.EndSessions(ctx, u.Merchant, u.ID, but)
}

// NewUser makes an account that has no password yet, and the one-time code by
// which its owner gives it one.
func (s *Service) NewUser(ctx context.Context, actor partner.Actor, u User) (User, string, error) {
	u.ID, u.Login, u.Password, u.Factor, u.CreatedAt = NewUserID(), CleanLogin(u.Login), "", Factor{}, s.opt.Now()
	u.DisabledAt, u.LastLogin, u.Version = time.Time{}, time.Time{}, 0
	if err := u.Validate(); err != nil {
		return u, "", err
	}
	u, err := s.db.CreateUser(ctx, actor, u)
	if err != nil {
		return u, "", err
	}
	text, err := s.resetCode(ctx, u)
	return u, text, err
}

// Users gives the accounts of a merchant, those of partners' people included.
func (s *Service) Users(ctx context.Context, merchant partner.MerchantID) ([]User, error) {
	return s.db.Users(ctx, merchant)
}

// User gives one account of a merchant.
func (s *Service) User(ctx context.Context, merchant partner.MerchantID, id UserID) (User, error) {
	return s.db.User(ctx, merchant, id)
}

// FindUser gives the account with a login.
func (s *Service) FindUser(ctx context.Context, login string) (User, error) {
	return s.db.FindUser(ctx, CleanLogin(login))
}

// Change stores somebody's name, role and whether his account is in use. The
// last owner stays one. Whoever loses rights loses his sessions too.
func (s *Service) Change(ctx context.Context, actor partner.Actor, u User) (User, error) {
	if err := u.Validate(); err != nil {
		return u, err
	}
	before, err := s.db.User(ctx, u.Merchant, u.ID)
	if err != nil {
		return u, err
	}
	// What is not for others to change stays.
	u.Password, u.Factor, u.Login, u.CreatedAt, u.LastLogin = before.Password, before.Factor, before.Login, before.CreatedAt, before.LastLogin
	if before.Role == Owner && !before.Disabled() && (u.Role != Owner || u.Disabled()) {
		list, err := s.db.Users(ctx, u.Merchant)
		if err != nil {
			return u, err
		}
		if !slices.ContainsFunc(list, func(o User) bool { return o.ID != u.ID && o.Role == Owner && !o.Disabled() }) {
			return u, &feed.Error{Kind: feed.KindInvalid, Message: "this is the last owner", Hint: "make another one first"}
		}
	}
	action := "user.update"
	switch {
	case u.Disabled() && !before.Disabled():
		action = "user.disable"
	case !u.Disabled() && before.Disabled():
		action = "user.enable"
	case u.Role != before.Role:
		action = "user.role"
	}
	after, err := s.db.UpdateUser(ctx, actor, action, u)
	if err != nil {
		return u, err
	}
	if action != "user.update" {
		return after, s.db.EndSessions(ctx, u.Merchant, u.ID, [32]byte{})
	}
	return after, nil
}

// Reset makes a code by which somebody gives himself a new password, and ends
// all his sessions. With factor his second factor goes too.
func (s *Service) Reset(ctx context.Context, actor partner.Actor, u User, factor bool) (string, error) {
	if u.Disabled() {
		return "", &feed.Error{Kind: feed.KindConflict, Message: "the account is disabled", Hint: "enable it first"}
	}
	if factor && u.Factor.On() {
		if err := s.dropFactor(ctx, actor, u); err != nil {
			return "", err
		}
	}
	if err := s.db.EndSessions(ctx, u.Merchant, u.ID, [32]byte{}); err != nil {
		return "", err
	}
	return s.resetCode(ctx, u)
}

func (s *Service) resetCode(ctx context.Context, u User) (string, error) {
	c, text := newCode(Code{Purpose: Reset, Merchant: u.Merchant, User: u.ID, Expires: s.opt.Now().Add(ResetLife)})
	return text, s.db.CreateCode(ctx, c)
}

// ResetFor gives whose password a code sets.
func (s *Service) ResetFor(ctx context.Context, text string) (User, error) {
	c, err := s.code(ctx, text, Reset)
	if err != nil {
		return User{}, err
	}
	return s.db.User(ctx, c.Merchant, c.User)
}

func (s *Service) code(ctx context.Context, text string, purpose Purpose) (Code, error) {
	gone := &feed.Error{Kind: feed.KindNotFound, Message: "the code is not valid or has been used"}
	if len(text) > 100 {
		return Code{}, gone
	}
	c, err := s.db.FindCode(ctx, hashCode(text))
	switch {
	case err != nil && feed.KindOf(err) == feed.KindNotFound:
		return c, gone
	case err == nil && (c.Purpose != purpose || !c.Expires.After(s.opt.Now())):
		return c, gone
	}
	return c, err
}

// ResetPassword sets a password by a code, once. All sessions of the account end.
func (s *Service) ResetPassword(ctx context.Context, text, password string, from Place) error {
	return s.throttled(ctx, "code", "", from, func() (bool, error) {
		c, err := s.code(ctx, text, Reset)
		if err != nil {
			if feed.KindOf(err) == feed.KindNotFound {
				return false, nil
			}
			return false, err
		}
		u, err := s.db.User(ctx, c.Merchant, c.User)
		if err != nil {
			return false, err
		}
		if u.Disabled() {
			return false, nil
		}
		hash, err := s.hash(ctx, &u, password)
		if err != nil {
			return false, err // the code stays: a better password may follow
		}
		if _, err := s.db.UseCode(ctx, c.Hash); err != nil {
			if feed.KindOf(err) == feed.KindNotFound {
				return false, nil
			}
			return false, err
		}
		u.Password = hash
		if _, err := s.db.UpdateUser(ctx, from.actor(&u), "user.password", u); err != nil {
			return false, err
		}
		s.opt.Log.InfoContext(ctx, "password set by code", slog.String("user", string(u.ID)))
		return true, s.db.EndSessions(ctx, u.Merchant, u.ID, [32]byte{})
	})
}
