package auth

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// Options are settings of a [Service].
type Options struct {
	// Sealer keeps the keys of second factors; needed.
	Sealer *Sealer
	// Hasher is for passwords; nil is one of 46 MiB and one pass, two at a time.
	Hasher *Hasher
	// ZoneOffset is that of a merchant who is made with his first owner. Default
	// UTC.
	ZoneOffset time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// Service lets people in. It is safe for concurrent use.
type Service struct {
	db  Records
	opt Options
}

// New makes a service over records.
func New(db Records, opt Options) *Service {
	if opt.Hasher == nil {
		opt.Hasher = NewHasher(defaultCost(), 2)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	return &Service{db: db, opt: opt}
}

// Place is where somebody comes from.
type Place struct {
	Address netip.Addr
	// Client is what the browser calls itself, Request the id of the request.
	Client, Request string
}

// actor names somebody for the audit.
func (p Place) actor(u *User) partner.Actor {
	address := ""
	if p.Address.IsValid() {
		address = p.Address.String()
	}
	return u.Actor(address, p.Request)
}

// RefusedError says why somebody was not let in. It tells nothing of accounts.
type RefusedError struct {
	// Wait is how long to wait before the next attempt, 0 when what was given is
	// wrong.
	Wait time.Duration
}

// Error implements error.
func (e *RefusedError) Error() string {
	if e.Wait > 0 {
		return fmt.Sprintf("too many attempts: wait %s", e.Wait.Round(time.Second))
	}
	return "what was given does not let anybody in"
}

// WeakError says what is wrong with a new password.
type WeakError struct{ Weakness Weakness }

// Error implements error.
func (e *WeakError) Error() string {
	switch e.Weakness {
	case TooShort:
		return fmt.Sprintf("the password has fewer than %d characters", minPassword)
	case TooLong:
		return fmt.Sprintf("the password has more than %d characters", maxPassword)
	case TooCommon:
		return "the password is one of those that are guessed first"
	}
	return "the password can be guessed from the login"
}

// throttled runs check unless too much has gone wrong before, and counts what
// goes wrong in it.
func (s *Service) throttled(ctx context.Context, what, login string, from Place, check func() (bool, error)) error {
	list := counters(what, login, from.Address)
	keys := make([][32]byte, len(list))
	for i, c := range list {
		keys[i] = c.key
	}
	failed, err := s.db.Failures(ctx, keys)
	if err != nil {
		return err
	}
	now := s.opt.Now()
	var wait time.Duration
	for i, c := range list {
		if within(forgiveAfter, failed[i].Last, now) {
			wait = max(wait, c.until(failed[i]).Sub(now))
		}
	}
	if wait > 0 {
		s.opt.Log.WarnContext(ctx, "attempt refused for too many failures", slog.String("what", what), slog.String("remote", from.Address.String()))
		return &RefusedError{Wait: wait}
	}
	right, err := check()
	if err != nil {
		return err
	}
	if !right {
		s.opt.Log.WarnContext(ctx, "attempt failed", slog.String("what", what), slog.String("remote", from.Address.String()))
		if err := s.db.Fail(ctx, keys, now, now.Add(-forgiveAfter)); err != nil {
			return err
		}
		return &RefusedError{}
	}
	// Only the count of this person at this place: else whoever knows one
	// password could guess others for ever.
	return s.db.Forget(ctx, keys[:1])
}

// SignIn checks a login and a password. The session is new, and needs
// [Service.SecondFactor] when its stage is [StageFactor]; before is the
// browser's old one, which ends.
func (s *Service) SignIn(ctx context.Context, login, password string, from Place, before SessionID) (id SessionID, stage Stage, err error) {
	login = CleanLogin(login)
	if len(login) > 4*MaxLogin || len(password) > 4*maxPassword {
		return id, "", &RefusedError{}
	}
	var u User
	err = s.throttled(ctx, "sign-in", login, from, func() (bool, error) {
		found, err := s.db.FindUser(ctx, login)
		if err != nil && feed.KindOf(err) != feed.KindNotFound {
			return false, err
		}
		// An account that is not there takes as long as one that is.
		right, renew, err := s.opt.Hasher.Check(ctx, found.Password, password)
		if err != nil || !right || found.Disabled() {
			return false, err
		}
		u = found
		if renew {
			return true, s.renew(ctx, &u, password)
		}
		return true, nil
	})
	if err != nil {
		return id, "", err
	}
	stage = StageIn
	if u.Factor.On() {
		stage = StageFactor
	}
	id, err = s.begin(ctx, &u, stage, from, before)
	return id, stage, err
}

// renew hashes a password at the present cost.
func (s *Service) renew(ctx context.Context, u *User, password string) error {
	hash, err := s.opt.Hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	return s.db.RenewPassword(ctx, u.Merchant, u.ID, u.Password, hash)
}

// begin makes a session and ends the one before.
func (s *Service) begin(ctx context.Context, u *User, stage Stage, from Place, before SessionID) (SessionID, error) {
	id, now := newSessionID(), s.opt.Now()
	address := ""
	if a := partner.TruncateAddress(from.Address); a.IsValid() {
		address = a.String()
	}
	next := Session{Hash: id.Hash(), Merchant: u.Merchant, User: u.ID, Stage: stage, Address: address, Client: partner.CleanClient(from.Client), CreatedAt: now, Seen: now, Proved: now}
	if err := s.db.CreateSession(ctx, next); err != nil {
		return SessionID{}, err
	}
	if before != (SessionID{}) {
		if err := s.end(ctx, before.Hash()); err != nil {
			return SessionID{}, err
		}
	}
	if stage == StageIn {
		s.opt.Log.InfoContext(ctx, "signed in", slog.String("user", string(u.ID)), slog.String("role", string(u.Role)), slog.String("remote", from.Address.String()))
		return id, s.db.NoteLogin(ctx, u.Merchant, u.ID, now)
	}
	return id, nil
}

// end ends a session, if there is one.
func (s *Service) end(ctx context.Context, hash [32]byte) error {
	old, _, err := s.db.FindSession(ctx, hash)
	if err != nil {
		if feed.KindOf(err) == feed.KindNotFound {
			return nil
		}
		return err
	}
	return s.db.EndSession(ctx, old.Merchant, hash)
}

// SecondFactor checks a code of the authenticator program, or a recovery code,
// and gives a new session for the one that waits for it.
func (s *Service) SecondFactor(ctx context.Context, waiting SessionID, code string, from Place) (SessionID, error) {
	sess, u, err := s.find(ctx, waiting.Hash())
	if err != nil {
		return SessionID{}, err
	}
	if sess.Stage != StageFactor {
		return SessionID{}, &RefusedError{}
	}
	err = s.throttled(ctx, "second-factor", u.Login, from, func() (bool, error) { return s.factor(ctx, &u, code) })
	if err != nil {
		return SessionID{}, err
	}
	return s.begin(ctx, &u, StageIn, from, waiting)
}

// factor says whether a code is one of the second factor's, and uses it up.
func (s *Service) factor(ctx context.Context, u *User, code string) (bool, error) {
	if len(code) > 100 || !u.Factor.On() {
		return false, nil
	}
	key, err := s.opt.Sealer.open(u.Factor.Sealed, u.ID)
	if err != nil {
		return false, err
	}
	if step, ok := (FactorKey{key}).Accept(code, s.opt.Now(), u.Factor.Step); ok {
		return s.db.UseStep(ctx, u.Merchant, u.ID, step)
	}
	ok, err := s.db.UseRecovery(ctx, u.Merchant, u.ID, hashRecovery(code))
	if ok {
		s.opt.Log.WarnContext(ctx, "a recovery code was used", slog.String("user", string(u.ID)))
	}
	return ok, err
}

func (s *Service) find(ctx context.Context, hash [32]byte) (Session, User, error) {
	gone := &feed.Error{Kind: feed.KindNotFound, Message: "there is no such session"}
	sess, u, err := s.db.FindSession(ctx, hash)
	switch {
	case err != nil && feed.KindOf(err) == feed.KindNotFound, err == nil && (u.Disabled() || !sess.Live(s.opt.Now())):
		return Session{}, User{}, gone
	}
	return sess, u, err
}

// Session gives the session that a browser holds and whose it is, and notes
// that it was used. One that does not count any more is KindNotFound.
func (s *Service) Session(ctx context.Context, id SessionID) (Session, User, error) {
	sess, u, err := s.find(ctx, id.Hash())
	if err != nil {
		return Session{}, User{}, err
	}
	if now := s.opt.Now(); sess.Stage == StageIn && now.Sub(sess.Seen) >= touchEvery {
		if err := s.db.TouchSession(ctx, sess.Merchant, sess.Hash, now, time.Time{}); err != nil {
			return Session{}, User{}, err
		}
		sess.Seen = now
	}
	return sess, u, nil
}

// Peek gives whose a session is, without counting as use.
func (s *Service) Peek(ctx context.Context, hash [32]byte) (User, error) {
	_, u, err := s.find(ctx, hash)
	return u, err
}

// SignOut ends a session.
func (s *Service) SignOut(ctx context.Context, id SessionID) error { return s.end(ctx, id.Hash()) }

// Prune forgets what counts for nothing any more.
func (s *Service) Prune(ctx context.Context) error { return s.db.PruneSessions(ctx, s.opt.Now()) }
