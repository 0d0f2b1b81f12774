package auth_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/partner"
)

var errRecords = errors.New("the records cannot be reached")

// faulty fails at one call of the records, when at is not zero.
type faulty struct {
	auth.Records
	calls, at int
}

func (f *faulty) next() error {
	if f.calls++; f.calls == f.at {
		return errRecords
	}
	return nil
}

// or does a call unless this is the one that fails.
func or[T any](f *faulty, do func() (T, error)) (v T, err error) {
	if err := f.next(); err != nil {
		return v, err
	}
	return do()
}

func (f *faulty) do(do func() error) error {
	_, err := or(f, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

func (f *faulty) CreateUser(ctx context.Context, a partner.Actor, u auth.User) (auth.User, error) {
	return or(f, func() (auth.User, error) { return f.Records.CreateUser(ctx, a, u) })
}

func (f *faulty) UpdateUser(ctx context.Context, a partner.Actor, action string, u auth.User) (auth.User, error) {
	return or(f, func() (auth.User, error) { return f.Records.UpdateUser(ctx, a, action, u) })
}

func (f *faulty) User(ctx context.Context, m partner.MerchantID, id auth.UserID) (auth.User, error) {
	return or(f, func() (auth.User, error) { return f.Records.User(ctx, m, id) })
}

func (f *faulty) Users(ctx context.Context, m partner.MerchantID) ([]auth.User, error) {
	return or(f, func() ([]auth.User, error) { return f.Records.Users(ctx, m) })
}

func (f *faulty) FindUser(ctx context.Context, login string) (auth.User, error) {
	return or(f, func() (auth.User, error) { return f.Records.FindUser(ctx, login) })
}

func (f *faulty) Owners(ctx context.Context) (int, error) {
	return or(f, func() (int, error) { return f.Records.Owners(ctx) })
}

func (f *faulty) NoteLogin(ctx context.Context, m partner.MerchantID, id auth.UserID, at time.Time) error {
	return f.do(func() error { return f.Records.NoteLogin(ctx, m, id, at) })
}

func (f *faulty) RenewPassword(ctx context.Context, m partner.MerchantID, id auth.UserID, before, after string) error {
	return f.do(func() error { return f.Records.RenewPassword(ctx, m, id, before, after) })
}

func (f *faulty) UseStep(ctx context.Context, m partner.MerchantID, id auth.UserID, step int64) (bool, error) {
	return or(f, func() (bool, error) { return f.Records.UseStep(ctx, m, id, step) })
}

func (f *faulty) SetRecovery(ctx context.Context, m partner.MerchantID, id auth.UserID, hashes [][32]byte) error {
	return f.do(func() error { return f.Records.SetRecovery(ctx, m, id, hashes) })
}

func (f *faulty) UseRecovery(ctx context.Context, m partner.MerchantID, id auth.UserID, hash [32]byte) (bool, error) {
	return or(f, func() (bool, error) { return f.Records.UseRecovery(ctx, m, id, hash) })
}

func (f *faulty) CreateSession(ctx context.Context, s auth.Session) error {
	return f.do(func() error { return f.Records.CreateSession(ctx, s) })
}

// found is what FindSession gives.
type found struct {
	auth.Session
	auth.User
}

func (f *faulty) FindSession(ctx context.Context, hash [32]byte) (auth.Session, auth.User, error) {
	x, err := or(f, func() (found, error) {
		s, u, err := f.Records.FindSession(ctx, hash)
		return found{s, u}, err
	})
	return x.Session, x.User, err
}

func (f *faulty) TouchSession(ctx context.Context, m partner.MerchantID, hash [32]byte, seen, proved time.Time) error {
	return f.do(func() error { return f.Records.TouchSession(ctx, m, hash, seen, proved) })
}

func (f *faulty) Sessions(ctx context.Context, m partner.MerchantID, id auth.UserID) ([]auth.Session, error) {
	return or(f, func() ([]auth.Session, error) { return f.Records.Sessions(ctx, m, id) })
}

func (f *faulty) EndSession(ctx context.Context, m partner.MerchantID, hash [32]byte) error {
	return f.do(func() error { return f.Records.EndSession(ctx, m, hash) })
}

func (f *faulty) EndSessions(ctx context.Context, m partner.MerchantID, id auth.UserID, but [32]byte) error {
	return f.do(func() error { return f.Records.EndSessions(ctx, m, id, but) })
}

func (f *faulty) PruneSessions(ctx context.Context, now time.Time) error {
	return f.do(func() error { return f.Records.PruneSessions(ctx, now) })
}

func (f *faulty) CreateCode(ctx context.Context, c auth.Code) error {
	return f.do(func() error { return f.Records.CreateCode(ctx, c) })
}

func (f *faulty) FindCode(ctx context.Context, hash [32]byte) (auth.Code, error) {
	return or(f, func() (auth.Code, error) { return f.Records.FindCode(ctx, hash) })
}

func (f *faulty) UseCode(ctx context.Context, hash [32]byte) (auth.Code, error) {
	return or(f, func() (auth.Code, error) { return f.Records.UseCode(ctx, hash) })
}

func (f *faulty) Failures(ctx context.Context, keys [][32]byte) ([]auth.Failures, error) {
	return or(f, func() ([]auth.Failures, error) { return f.Records.Failures(ctx, keys) })
}

func (f *faulty) Fail(ctx context.Context, keys [][32]byte, at, forgotten time.Time) error {
	return f.do(func() error { return f.Records.Fail(ctx, keys, at, forgotten) })
}

func (f *faulty) Forget(ctx context.Context, keys [][32]byte) error {
	return f.do(func() error { return f.Records.Forget(ctx, keys) })
}

func (f *faulty) Merchants(ctx context.Context) ([]partner.Merchant, error) {
	return or(f, func() ([]partner.Merchant, error) { return f.Records.Merchants(ctx) })
}

func (f *faulty) CreateMerchant(ctx context.Context, a partner.Actor, m partner.Merchant) (partner.Merchant, error) {
	return or(f, func() (partner.Merchant, error) { return f.Records.CreateMerchant(ctx, a, m) })
}

func (f *faulty) CreateShop(ctx context.Context, a partner.Actor, s partner.Shop) error {
	return f.do(func() error { return f.Records.CreateShop(ctx, a, s) })
}

// TestEveryFaultIsTold lets each call of the records fail in each act: somebody
// who is told that sessions have ended, or that a password is new, relies on it.
func TestEveryFaultIsTold(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	const another = "five other good words here"
	// Each act prepares what it needs and gives what is to be tried.
	for name, act := range map[string]func(t *testing.T, w *world) func() error{
		"set up": func(t *testing.T, w *world) func() error {
			code, err := w.SetupCode(ctx, "")
			return func() error {
				if err == nil {
					_, err = w.SetUp(ctx, code, auth.FirstOwner{Merchant: "Hurtownia", Language: feed.MustLanguage("pol"), Currency: feed.MustCurrency("PLN"), Login: "anna", Password: good}, home)
				}
				return err
			}
		},
		"set-up code": func(t *testing.T, w *world) func() error {
			return func() error { _, err := w.SetupCode(ctx, ""); return err }
		},
		"needs set-up": func(t *testing.T, w *world) func() error {
			return func() error { _, err := w.NeedsSetup(ctx); return err }
		},
		"sign in": func(t *testing.T, w *world) func() error {
			before, _ := w.owner(t)
			return func() error { _, _, err := w.SignIn(ctx, "anna@example.com", good, home, before); return err }
		},
		"session": func(t *testing.T, w *world) func() error {
			id, _ := w.owner(t)
			w.Pass(10 * time.Minute)
			return func() error { _, _, err := w.Session(ctx, id); return err }
		},
		"peek": func(t *testing.T, w *world) func() error {
			id, _ := w.owner(t)
			return func() error { _, err := w.Peek(ctx, id.Hash()); return err }
		},
		"sessions": func(t *testing.T, w *world) func() error {
			_, u := w.owner(t)
			return func() error { _, err := w.Sessions(ctx, &u); return err }
		},
		"sign out": func(t *testing.T, w *world) func() error {
			id, _ := w.owner(t)
			return func() error { return w.SignOut(ctx, id) }
		},
		"end a session": func(t *testing.T, w *world) func() error {
			id, u := w.owner(t)
			s, _, _ := w.Session(ctx, id)
			return func() error { return w.EndSession(ctx, &u, s.Number()) }
		},
		"end others": func(t *testing.T, w *world) func() error {
			id, u := w.owner(t)
			return func() error { return w.EndOthers(ctx, &u, id.Hash()) }
		},
		"prune": func(t *testing.T, w *world) func() error { return func() error { return w.Prune(ctx) } },
		"set password": func(t *testing.T, w *world) func() error {
			id, _ := w.owner(t)
			return func() error { _, err := w.ChangePassword(ctx, id, good, another, home); return err }
		},
		"prove": func(t *testing.T, w *world) func() error {
			id, _ := w.owner(t)
			return func() error { _, err := w.Prove(ctx, id, good, home); return err }
		},
		"enrol, use and drop a factor": func(t *testing.T, w *world) func() error {
			id, u := w.owner(t)
			key := auth.NewFactorKey()
			return func() error {
				codes, next, err := w.EnrolFactor(ctx, id, key, key.Code(w.Now()), home)
				if err != nil {
					return err
				}
				w.Pass(time.Minute)
				for _, code := range []string{key.Code(w.Now()), codes[0]} {
					waiting, _, err := w.SignIn(ctx, u.Login, good, home, auth.SessionID{})
					if err != nil {
						return err
					}
					if next, err = w.SecondFactor(ctx, waiting, code, home); err != nil {
						return err
					}
				}
				if _, err := w.NewRecovery(ctx, next); err != nil {
					return err
				}
				return w.DropFactor(ctx, next, home)
			}
		},
		"people": func(t *testing.T, w *world) func() error {
			_, u := w.owner(t)
			boss := u.Actor("", "")
			return func() error {
				otto, code, err := w.NewUser(ctx, boss, auth.User{Merchant: u.Merchant, Login: "otto", Role: auth.Owner})
				if err != nil {
					return err
				}
				if _, err := w.ResetFor(ctx, code); err != nil {
					return err
				}
				if err := w.ResetPassword(ctx, code, good, home); err != nil {
					return err
				}
				if otto, err = w.User(ctx, u.Merchant, otto.ID); err != nil {
					return err
				}
				otto.Role = auth.Manager
				if otto, err = w.Change(ctx, boss, otto); err != nil {
					return err
				}
				if otto, err = w.SetProfile(ctx, otto, "Otto", "", otto.Version, home); err != nil {
					return err
				}
				_, err = w.Reset(ctx, boss, otto, true)
				return err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at := 0; ; at++ {
				w := setup(t)
				f := &faulty{Records: w.db}
				sealer, err := auth.NewSealer(make([]byte, auth.SealKeyBytes))
				if err != nil {
					t.Fatal(err)
				}
				w.Service = auth.New(f, auth.Options{Sealer: sealer, Hasher: auth.NewHasher(auth.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}, 2), Now: w.Now, Log: slog.New(slog.DiscardHandler)})
				try := act(t, w)
				f.calls, f.at = 0, at
				err = try()
				if at == 0 {
					if err != nil || f.calls == 0 {
						t.Fatalf("without a fault: %v, %d calls", err, f.calls)
					}
					continue
				}
				if f.calls < at {
					return
				}
				if !errors.Is(err, errRecords) {
					t.Errorf("call %d fails, and what is told is %v", at, err)
				}
			}
		})
	}
}

// TestLastOwner counts as owners those who are, and can sign in.
func TestLastOwner(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	_, anna := w.owner(t)
	boss := anna.Actor("", "")
	if _, _, err := w.NewUser(ctx, boss, auth.User{Merchant: anna.Merchant, Login: "otto", Role: auth.Manager}); err != nil {
		t.Fatal(err)
	}
	bert, _, err := w.NewUser(ctx, boss, auth.User{Merchant: anna.Merchant, Login: "bert", Role: auth.Owner})
	if err != nil {
		t.Fatal(err)
	}
	bert.DisabledAt = w.Now()
	if bert, err = w.Change(ctx, boss, bert); err != nil {
		t.Fatal(err)
	}
	less := func() error {
		x, err := w.User(ctx, anna.Merchant, anna.ID)
		if err != nil {
			t.Fatal(err)
		}
		x.Role = auth.Manager
		_, err = w.Change(ctx, boss, x)
		return err
	}
	if err := less(); feed.KindOf(err) != feed.KindInvalid {
		t.Errorf("beside a manager and a disabled owner: got %v", err)
	}
	bert.DisabledAt = time.Time{}
	if _, err := w.Change(ctx, boss, bert); err != nil {
		t.Fatal(err)
	}
	if err := less(); err != nil {
		t.Errorf("beside another owner: got %v", err)
	}
}

// TestChangeLeavesWhatIsTheirs changes somebody's name from a form that holds
// nothing else: his login, password and second factor stay.
func TestChangeLeavesWhatIsTheirs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	_, u := w.owner(t)
	_, err := w.Change(ctx, u.Actor("", ""), auth.User{ID: u.ID, Merchant: u.Merchant, Login: "otto", Name: "Anna", Role: auth.Owner, CreatedAt: w.Now(), Version: u.Version})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.SignIn(ctx, u.Login, good, home, auth.SessionID{}); err != nil {
		t.Errorf("with the login and password of before: %v", err)
	}
}

// TestSessionsThatCount lists the sessions of somebody who looks for one that is
// not his: those that have run out are not there, and the latest comes first.
func TestSessionsThatCount(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	_, u := w.owner(t)
	w.Pass(40 * 24 * time.Hour)
	var want [][32]byte
	for range 3 {
		w.Pass(10 * time.Minute)
		id, _, err := w.SignIn(ctx, u.Login, good, home, auth.SessionID{})
		if err != nil {
			t.Fatal(err)
		}
		want = slices.Insert(want, 0, id.Hash())
	}
	list, err := w.Sessions(ctx, &u)
	if err != nil {
		t.Fatal(err)
	}
	var got [][32]byte
	for _, s := range list {
		got = append(got, s.Hash)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %d sessions, the newest at %d of what was expected, want %d in order", len(got), slices.Index(want, got[0]), len(want))
	}
}
