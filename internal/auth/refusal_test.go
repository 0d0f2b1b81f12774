package auth_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/partner"
)

// tally notes what the records are asked and told.
type tally struct {
	auth.Records
	asked []string
	// found is called when an account was looked for.
	found func()
}

func (t *tally) note(what string) { t.asked = append(t.asked, what) }

func (t *tally) FindUser(ctx context.Context, login string) (auth.User, error) {
	t.note("find user")
	u, err := t.Records.FindUser(ctx, login)
	if t.found != nil {
		t.found()
	}
	return u, err
}

func (t *tally) User(ctx context.Context, m partner.MerchantID, id auth.UserID) (auth.User, error) {
	t.note("user")
	return t.Records.User(ctx, m, id)
}

func (t *tally) UpdateUser(ctx context.Context, actor partner.Actor, action string, u auth.User) (auth.User, error) {
	t.note("update user")
	return t.Records.UpdateUser(ctx, actor, action, u)
}

func (t *tally) RenewPassword(ctx context.Context, m partner.MerchantID, id auth.UserID, before, after string) error {
	t.note("renew password")
	return t.Records.RenewPassword(ctx, m, id, before, after)
}

func (t *tally) NoteLogin(ctx context.Context, m partner.MerchantID, id auth.UserID, at time.Time) error {
	t.note("note login")
	return t.Records.NoteLogin(ctx, m, id, at)
}

func (t *tally) Failures(ctx context.Context, keys [][32]byte) ([]auth.Failures, error) {
	t.note(fmt.Sprint("failures ", len(keys)))
	return t.Records.Failures(ctx, keys)
}

func (t *tally) Fail(ctx context.Context, keys [][32]byte, at, forgotten time.Time) error {
	t.note(fmt.Sprint("fail ", len(keys)))
	return t.Records.Fail(ctx, keys, at, forgotten)
}

func (t *tally) Forget(ctx context.Context, keys [][32]byte) error {
	t.note("forget")
	return t.Records.Forget(ctx, keys)
}

func (t *tally) CreateSession(ctx context.Context, s auth.Session) error {
	t.note("create session")
	return t.Records.CreateSession(ctx, s)
}

func (t *tally) FindSession(ctx context.Context, hash [32]byte) (auth.Session, auth.User, error) {
	t.note("find session")
	return t.Records.FindSession(ctx, hash)
}

func (t *tally) TouchSession(ctx context.Context, m partner.MerchantID, hash [32]byte, seen, proved time.Time) error {
	t.note("touch session")
	return t.Records.TouchSession(ctx, m, hash, seen, proved)
}

func (t *tally) FindCode(ctx context.Context, hash [32]byte) (auth.Code, error) {
	t.note("find code")
	return t.Records.FindCode(ctx, hash)
}

func (t *tally) UseCode(ctx context.Context, hash [32]byte) (auth.Code, error) {
	t.note("use code")
	return t.Records.UseCode(ctx, hash)
}

// Whoever is refused is told the same, and costs the records and the processor
// the same, whether an account, a session or a code is there or not.
func TestRefusalsDoTheSameWork(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	_, u := w.owner(t)
	boss := u.Actor("", "")
	sealer, err := auth.NewSealer(make([]byte, auth.SealKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	hasher := auth.NewHasher(auth.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}, 1)
	db := &tally{Records: w.db}
	s := auth.New(db, auth.Options{Sealer: sealer, Hasher: hasher, Now: w.Now, Log: slog.New(slog.DiscardHandler)})
	account := func(login string) (auth.User, string, auth.SessionID) {
		t.Helper()
		made, code, err := w.NewUser(ctx, boss, auth.User{Merchant: u.Merchant, Login: login, Role: auth.Manager})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.ResetPassword(ctx, code, good, home); err != nil {
			t.Fatal(err)
		}
		id, _, err := w.SignIn(ctx, login, good, home, auth.SessionID{})
		if err != nil {
			t.Fatal(err)
		}
		made, err = w.User(ctx, u.Merchant, made.ID)
		if err != nil {
			t.Fatal(err)
		}
		return made, code, id
	}
	off, _, offSession := account("off")
	off.DisabledAt = w.Now()
	if _, err := w.Change(ctx, boss, off); err != nil {
		t.Fatal(err)
	}
	_, usedCode, goneSession := account("otto")
	if err := w.SignOut(ctx, goneSession); err != nil {
		t.Fatal(err)
	}
	_, oldCode, err := w.NewUser(ctx, boss, auth.User{Merchant: u.Merchant, Login: "new", Role: auth.Manager})
	if err != nil {
		t.Fatal(err)
	}
	w.Pass(auth.ResetLife + time.Minute)

	type try struct {
		why string
		do  func(ctx context.Context) error
	}
	signIn := func(login, password string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, _, err := s.SignIn(ctx, login, password, home, auth.SessionID{})
			return err
		}
	}
	signIns := []try{{"unknown", signIn("nobody", good)}, {"wrong password", signIn("otto", "four bad words here")}, {"disabled", signIn("off", good)},
		{"disabled, wrong password", signIn("off", "four bad words here")}, {"no password yet", signIn("new", good)}, {"no login", signIn("", good)}}
	session := func(id auth.SessionID) func(context.Context) error {
		return func(ctx context.Context) error { _, _, err := s.Session(ctx, id); return err }
	}
	reset := func(code string) func(context.Context) error {
		return func(ctx context.Context) error { return s.ResetPassword(ctx, code, "five good words are here", home) }
	}
	code := func(code string) func(context.Context) error {
		return func(ctx context.Context) error { _, err := s.ResetFor(ctx, code); return err }
	}
	codes := func(f func(string) func(context.Context) error) []try {
		return []try{{"unknown", f(strings.Repeat("a", 26))}, {"used", f(usedCode)}, {"expired", f(oldCode)}, {"malformed", f("x")}}
	}
	for what, list := range map[string][]try{
		"sign-in": signIns,
		"session": {{"unknown", session(auth.SessionID{1})}, {"ended", session(goneSession)}, {"disabled", session(offSession)}},
		"reset":   codes(reset),
		"code":    codes(code),
	} {
		var first []string
		var said error
		for i, try := range list {
			db.asked = nil
			err := try.do(ctx)
			switch {
			case err == nil:
				t.Errorf("%s, %s: was let in", what, try.why)
			case i == 0:
				first, said = db.asked, err
			case !slices.Equal(db.asked, first):
				t.Errorf("%s, %s: the records did %q, for one that is unknown %q", what, try.why, db.asked, first)
			case err.Error() != said.Error() || feed.KindOf(err) != feed.KindOf(said):
				t.Errorf("%s, %s: says %q, one that is unknown %q", what, try.why, err, said)
			}
		}
		if len(first) == 0 {
			t.Errorf("%s: nothing is counted", what)
		}
	}
	// Each sign-in waits for its turn to hash, so each hashes.
	release := hasher.Occupy()
	defer release()
	for _, try := range signIns {
		ctx, cancel := context.WithCancel(ctx)
		db.found = cancel
		if err := try.do(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("sign-in, %s: no password was hashed: %v", try.why, err)
		}
		cancel()
	}
}
