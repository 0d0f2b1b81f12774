package auth_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/partner"
	"feedmill/internal/testclock"
	"feedmill/storage/sqlite"
	"feedmill/storage/sqlite/sqlitetest"
)

// world is a service over real records, with a clock that the test turns.
type world struct {
	*auth.Service
	*testclock.Clock
	db *sqlite.DB
}

func setup(t testing.TB) *world {
	t.Helper()
	w := &world{Clock: testclock.New(testclock.Noon(), 0)}
	w.db = sqlitetest.Open(t, sqlite.Options{Now: w.Now})
	sealer, err := auth.NewSealer(make([]byte, auth.SealKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	w.Service = auth.New(w.db, auth.Options{Sealer: sealer, Hasher: auth.NewHasher(auth.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}, 2), ZoneOffset: time.Hour, Now: w.Now, Log: slog.New(slog.DiscardHandler)})
	return w
}

const good = "four good words here"

var home = auth.Place{Address: netip.MustParseAddr("192.0.2.7"), Client: "Firefox", Request: "r-1"}

// owner sets the first owner up.
func (w *world) owner(t testing.TB) (auth.SessionID, auth.User) {
	t.Helper()
	code, err := w.SetupCode(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	id, err := w.SetUp(t.Context(), code, auth.FirstOwner{Merchant: "Hurtownia", Language: feed.MustLanguage("pol"), Currency: feed.MustCurrency("PLN"), Login: "Anna@Example.com", Password: good}, home)
	if err != nil {
		t.Fatal(err)
	}
	_, u, err := w.Session(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return id, u
}

func refused(err error) bool {
	var no *auth.RefusedError
	return errors.As(err, &no)
}

func waits(err error) time.Duration {
	var no *auth.RefusedError
	if errors.As(err, &no) {
		return no.Wait
	}
	return 0
}

func TestSetUp(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	if need, err := w.NeedsSetup(ctx); err != nil || !need {
		t.Fatalf("got %v, %v, want that set-up is needed", need, err)
	}
	first, err := w.SetupCode(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	o := auth.FirstOwner{Merchant: "Hurtownia", Language: feed.MustLanguage("pol"), Currency: feed.MustCurrency("PLN"), Login: "anna@example.com", Password: good}
	if _, err := w.SetUp(ctx, "abcdefghijklmnopqrstuvwxyz", o, home); !refused(err) {
		t.Errorf("a wrong code: got %v", err)
	}
	weak := o
	weak.Password = "password123"
	var why *auth.WeakError
	if _, err := w.SetUp(ctx, first, weak, home); !errors.As(err, &why) || why.Weakness != auth.TooCommon {
		t.Errorf("a common password: got %v", err)
	}
	w.Pass(auth.SetupLife)
	if _, err := w.SetUp(ctx, first, o, home); !refused(err) {
		t.Errorf("an old code: got %v", err)
	}
	// Two codes at once make one owner.
	one, err1 := w.SetupCode(ctx, "")
	two, err2 := w.SetupCode(ctx, "")
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	id, err := w.SetUp(ctx, one, o, home)
	if err != nil {
		t.Fatal(err)
	}
	s, u, err := w.Session(ctx, id)
	if err != nil || u.Role != auth.Owner || u.Login != "anna@example.com" || s.Stage != auth.StageIn || !s.Fresh(w.Now()) {
		t.Errorf("got %+v, %+v, %v", s, u, err)
	}
	if _, err := w.SetUp(ctx, one, o, home); !refused(err) {
		t.Errorf("a code twice: got %v", err)
	}
	if need, _ := w.NeedsSetup(ctx); need {
		t.Error("set-up is still needed")
	}
	if _, err := w.SetupCode(ctx, u.Merchant); feed.KindOf(err) != feed.KindConflict {
		t.Errorf("a code where there is an owner: got %v", err)
	}
	_ = two
	merchants, err := w.db.Merchants(ctx)
	if err != nil || len(merchants) != 1 || merchants[0].Name != "Hurtownia" || merchants[0].ZoneOffset != time.Hour {
		t.Errorf("got %+v, %v", merchants, err)
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	before, u := w.owner(t)
	for _, test := range []struct{ login, password string }{{"anna@example.com", "four good words her"}, {"otto@example.com", good}, {"", ""}, {"anna@example.com", ""}} {
		if _, _, err := w.SignIn(ctx, test.login, test.password, home, auth.SessionID{}); !refused(err) {
			t.Errorf("%+v: got %v", test, err)
		}
	}
	id, stage, err := w.SignIn(ctx, " ANNA@example.com", good, home, before)
	if err != nil || stage != auth.StageIn || id == before {
		t.Fatalf("got %v, %v", stage, err)
	}
	if _, _, err := w.Session(ctx, before); feed.KindOf(err) != feed.KindNotFound {
		t.Errorf("the session before: got %v", err)
	}
	if got, _ := w.User(ctx, u.Merchant, u.ID); !got.LastLogin.Equal(w.Now()) {
		t.Errorf("last login: got %v", got.LastLogin)
	}
	// Use keeps a session alive, up to its absolute end.
	for range 25 {
		w.Pass(29 * time.Minute)
		if _, _, err = w.Session(ctx, id); err != nil {
			break
		}
	}
	if feed.KindOf(err) != feed.KindNotFound {
		t.Errorf("after twelve hours: got %v", err)
	}
	id, _, err = w.SignIn(ctx, "anna@example.com", good, home, auth.SessionID{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.SignOut(ctx, id); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Session(ctx, id); feed.KindOf(err) != feed.KindNotFound {
		t.Errorf("after signing out: got %v", err)
	}
	if err := w.SignOut(ctx, id); err != nil {
		t.Errorf("signing out twice: %v", err)
	}
}

// Who fails while the clock is ahead, as everybody with a second factor does, is
// let in when it is right; nobody stays signed in until it was ahead.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	w.owner(t)
	w.Set(400 * 24 * time.Hour)
	try := func(password string) (auth.SessionID, error) {
		id, _, err := w.SignIn(ctx, "anna@example.com", password, home, auth.SessionID{})
		return id, err
	}
	id, err := try(good)
	if err != nil {
		t.Fatal(err)
	}
	for range 7 {
		_, err = try("wrong")
	}
	if waits(err) == 0 {
		t.Fatalf("got %v, want a wait", err)
	}
	w.Set(-400 * 24 * time.Hour)
	if _, _, err := w.Session(ctx, id); feed.KindOf(err) != feed.KindNotFound {
		t.Errorf("a session of the future: got %v", err)
	}
	// It is no way round the count, either.
	if _, err := try("wrong"); waits(err) != 0 {
		t.Errorf("after the clock was set right: got %v", err)
	}
	if _, err := try(good); waits(err) == 0 {
		t.Errorf("one failure later: got %v, want a wait", err)
	}
	w.Pass(time.Minute)
	if id, err = try(good); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	w.Set(-30 * time.Second)
	if _, _, err := w.Session(ctx, id); err != nil {
		t.Errorf("a clock that differs a little ends a session: %v", err)
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	w.owner(t)
	try := func(password string, from auth.Place) error {
		_, _, err := w.SignIn(ctx, "anna@example.com", password, from, auth.SessionID{})
		return err
	}
	for range 6 {
		if err := try("wrong", home); waits(err) != 0 {
			t.Fatalf("made to wait too early: %v", err)
		}
	}
	// Now also the right password has to wait, from there; not from elsewhere.
	if err := try(good, home); waits(err) != time.Second {
		t.Errorf("got %v, want a wait of a second", err)
	}
	elsewhere := auth.Place{Address: netip.MustParseAddr("198.51.100.9")}
	if err := try(good, elsewhere); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
	w.Pass(2 * time.Second)
	if err := try(good, home); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	if err := try("wrong", home); waits(err) != 0 {
		t.Errorf("a success has not cleared the count: %v", err)
	}
	// A hundred networks that all try one account slow it down a little, and never for long.
	for i := range 120 {
		_ = try("wrong", auth.Place{Address: netip.AddrFrom4([4]byte{203, byte(i), 0, 1})})
		w.Pass(21 * time.Second)
	}
	if err := try(good, auth.Place{Address: netip.MustParseAddr("8.8.8.8")}); err != nil {
		t.Errorf("the owner is locked out: %v", err)
	}
	// One network that tries many accounts.
	far := auth.Place{Address: netip.MustParseAddr("2001:db8::1")}
	var last error
	for i := range 40 {
		_, _, last = w.SignIn(ctx, fmt.Sprintf("user%d", i), "wrong", far, auth.SessionID{})
	}
	if waits(last) == 0 {
		t.Errorf("a network that tries many accounts: got %v, want a wait", last)
	}
}

func TestSecondFactor(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	id, _ := w.owner(t)
	key := auth.NewFactorKey()
	if _, _, err := w.EnrolFactor(ctx, id, key, "000000", home); !refused(err) && key.Code(w.Now()) != "000000" {
		t.Errorf("a wrong code: got %v", err)
	}
	other, _, err := w.SignIn(ctx, "anna@example.com", good, home, auth.SessionID{})
	if err != nil {
		t.Fatal(err)
	}
	codes, next, err := w.EnrolFactor(ctx, id, key, key.Code(w.Now()), home)
	if err != nil || len(codes) != auth.RecoveryCodes {
		t.Fatalf("got %d codes, %v", len(codes), err)
	}
	for _, old := range []auth.SessionID{id, other} {
		if _, _, err := w.Session(ctx, old); feed.KindOf(err) != feed.KindNotFound {
			t.Errorf("a session from before: got %v", err)
		}
	}
	if _, _, err := w.Session(ctx, next); err != nil {
		t.Errorf("the new session: %v", err)
	}
	signIn := func() auth.SessionID {
		t.Helper()
		waiting, stage, err := w.SignIn(ctx, "anna@example.com", good, home, auth.SessionID{})
		if err != nil || stage != auth.StageFactor {
			t.Fatalf("got %v, %v", stage, err)
		}
		return waiting
	}
	waiting := signIn()
	if _, err := w.SecondFactor(ctx, waiting, key.Code(w.Now()), home); !refused(err) {
		t.Errorf("the code of the set-up again: got %v", err)
	}
	if _, err := w.Prove(ctx, waiting, good, home); !refused(err) {
		t.Errorf("proving before the second factor: got %v", err)
	}
	w.Pass(30 * time.Second)
	in, err := w.SecondFactor(ctx, waiting, key.Code(w.Now()), home)
	if err != nil {
		t.Fatal(err)
	}
	if s, _, err := w.Session(ctx, in); err != nil || s.Stage != auth.StageIn {
		t.Errorf("got %+v, %v", s, err)
	}
	if _, _, err := w.Session(ctx, waiting); err == nil {
		t.Error("the waiting session still counts")
	}
	// A recovery code lets in once.
	waiting = signIn()
	if _, err := w.SecondFactor(ctx, waiting, codes[3], home); err != nil {
		t.Errorf("a recovery code: %v", err)
	}
	waiting = signIn()
	if _, err := w.SecondFactor(ctx, waiting, codes[3], home); !refused(err) {
		t.Errorf("a recovery code twice: got %v", err)
	}
	w.Pass(auth.FactorTime)
	if _, err := w.SecondFactor(ctx, waiting, codes[4], home); feed.KindOf(err) != feed.KindNotFound {
		t.Errorf("too late: got %v", err)
	}
	fresh, err := w.SecondFactor(ctx, signIn(), codes[5], home)
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.NewRecovery(ctx, fresh)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.SecondFactor(ctx, signIn(), codes[6], home); !refused(err) {
		t.Errorf("an old recovery code: got %v", err)
	}
	if _, err := w.SecondFactor(ctx, signIn(), again[0], home); err != nil {
		t.Errorf("a new recovery code: %v", err)
	}
	if err := w.DropFactor(ctx, fresh, home); err != nil {
		t.Fatal(err)
	}
	if _, stage, err := w.SignIn(ctx, "anna@example.com", good, home, auth.SessionID{}); stage != auth.StageIn || err != nil {
		t.Errorf("without a second factor: got %v, %v", stage, err)
	}
}

func TestPasswordsChange(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	id, u := w.owner(t)
	other, _, err := w.SignIn(ctx, "anna@example.com", good, home, auth.SessionID{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ChangePassword(ctx, id, "wrong", "five good words are here", home); !refused(err) {
		t.Errorf("the wrong password: got %v", err)
	}
	next, err := w.ChangePassword(ctx, id, good, "five good words are here", home)
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]auth.SessionID{"own": id, "other": other} {
		if _, _, err := w.Session(ctx, s); feed.KindOf(err) != feed.KindNotFound {
			t.Errorf("%s session from before: got %v", name, err)
		}
	}
	if _, _, err := w.Session(ctx, next); err != nil {
		t.Errorf("the new session: %v", err)
	}
	if _, _, err := w.SignIn(ctx, "anna@example.com", good, home, auth.SessionID{}); !refused(err) {
		t.Errorf("the old password: got %v", err)
	}

	// Proving lasts ten minutes.
	w.Pass(auth.ReauthTime)
	if s, _, _ := w.Session(ctx, next); s.Fresh(w.Now()) {
		t.Error("a session is fresh for too long")
	}
	proved, err := w.Prove(ctx, next, "five good words are here", home)
	if err != nil {
		t.Fatal(err)
	}
	if s, _, _ := w.Session(ctx, proved); !s.Fresh(w.Now()) {
		t.Error("a proved session is not fresh")
	}

	// A reset link works once, for half an hour, and ends all sessions.
	u, err = w.User(ctx, u.Merchant, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	code, err := w.Reset(ctx, partner.Actor{Name: "root", Role: "operator"}, u, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Session(ctx, proved); err == nil {
		t.Error("a session outlives the reset")
	}
	if err := w.ResetPassword(ctx, code, "tiny", home); err == nil {
		t.Error("a short password was accepted")
	}
	if err := w.ResetPassword(ctx, code, "six good words are here now", home); err != nil {
		t.Errorf("reset: %v", err)
	}
	if err := w.ResetPassword(ctx, code, "six good words are here now", home); !refused(err) {
		t.Errorf("reset twice: got %v", err)
	}
	late, err := w.Reset(ctx, partner.Actor{Name: "root"}, u, false)
	if err != nil {
		t.Fatal(err)
	}
	w.Pass(auth.ResetLife)
	if err := w.ResetPassword(ctx, late, "seven good words are here now", home); !refused(err) {
		t.Errorf("reset too late: got %v", err)
	}
	if _, _, err := w.SignIn(ctx, "anna@example.com", "six good words are here now", home, auth.SessionID{}); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	id, u := w.owner(t)
	boss := u.Actor("", "")
	otto, code, err := w.NewUser(ctx, boss, auth.User{Merchant: u.Merchant, Login: "otto", Role: auth.Manager})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.SignIn(ctx, "otto", "", home, auth.SessionID{}); !refused(err) {
		t.Errorf("an account without a password: got %v", err)
	}
	if who, err := w.ResetFor(ctx, code); err != nil || who.ID != otto.ID {
		t.Errorf("got %+v, %v", who, err)
	}
	if err := w.ResetPassword(ctx, code, good, home); err != nil {
		t.Fatal(err)
	}
	session, _, err := w.SignIn(ctx, "otto", good, home, auth.SessionID{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.NewUser(ctx, boss, auth.User{Merchant: u.Merchant, Login: "OTTO", Role: auth.Readonly}); feed.KindOf(err) != feed.KindConflict {
		t.Errorf("a login that is taken: got %v", err)
	}
	for _, bad := range []auth.User{{Login: "x y", Role: auth.Manager}, {Login: "", Role: auth.Manager}, {Login: "x", Role: "king"}, {Login: "x", Role: auth.Portal}, {Login: "x", Role: auth.Owner, Partner: partner.NewID()}} {
		bad.Merchant = u.Merchant
		if _, _, err := w.NewUser(ctx, boss, bad); feed.KindOf(err) != feed.KindInvalid {
			t.Errorf("%+v: got %v", bad, err)
		}
	}
	// Losing rights ends sessions; a change that touches none does not.
	otto, _ = w.User(ctx, u.Merchant, otto.ID)
	otto.Name = "Otto"
	if otto, err = w.Change(ctx, boss, otto); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Session(ctx, session); err != nil {
		t.Errorf("after a new name: %v", err)
	}
	otto.Role = auth.Readonly
	if otto, err = w.Change(ctx, boss, otto); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Session(ctx, session); feed.KindOf(err) != feed.KindNotFound {
		t.Errorf("after a new role: got %v", err)
	}
	if session, _, err = w.SignIn(ctx, "otto", good, home, auth.SessionID{}); err != nil {
		t.Fatal(err)
	}
	otto, _ = w.User(ctx, u.Merchant, otto.ID)
	otto.DisabledAt = w.Now()
	if _, err = w.Change(ctx, boss, otto); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Session(ctx, session); err == nil {
		t.Error("a disabled account goes on")
	}
	if _, _, err := w.SignIn(ctx, "otto", good, home, auth.SessionID{}); !refused(err) {
		t.Errorf("a disabled account signs in: %v", err)
	}
	// The last owner stays.
	last, _ := w.User(ctx, u.Merchant, u.ID)
	for _, change := range []func(*auth.User){func(x *auth.User) { x.Role = auth.Manager }, func(x *auth.User) { x.DisabledAt = w.Now() }} {
		x := last
		change(&x)
		if _, err := w.Change(ctx, boss, x); feed.KindOf(err) != feed.KindInvalid {
			t.Errorf("the last owner: got %v", err)
		}
	}
	// Own sessions, by number.
	second, _, err := w.SignIn(ctx, "anna@example.com", good, home, auth.SessionID{})
	if err != nil {
		t.Fatal(err)
	}
	list, err := w.Sessions(ctx, &last)
	if err != nil || len(list) != 2 {
		t.Fatalf("got %d sessions, %v, want 2", len(list), err)
	}
	mine, _, _ := w.Session(ctx, id)
	if err := w.EndOthers(ctx, &last, mine.Hash); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Session(ctx, second); err == nil {
		t.Error("another session goes on")
	}
	if err := w.EndSession(ctx, &last, "nonsense"); feed.KindOf(err) != feed.KindNotFound {
		t.Errorf("an unknown session: got %v", err)
	}
	if err := w.EndSession(ctx, &last, mine.Number()); err != nil {
		t.Error(err)
	}
}

// A password's stored form is made anew at sign-in when what it costs has changed.
func TestRehash(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	_, u := w.owner(t)
	before, _ := w.User(ctx, u.Merchant, u.ID)
	sealer, err := auth.NewSealer(make([]byte, auth.SealKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	dearer := auth.New(w.db, auth.Options{Sealer: sealer, Hasher: auth.NewHasher(auth.Cost{MemoryKiB: 128, Passes: 1, Lanes: 1}, 1), Now: w.Now, Log: slog.New(slog.DiscardHandler)})
	if _, _, err := dearer.SignIn(ctx, u.Login, good, home, auth.SessionID{}); err != nil {
		t.Fatal(err)
	}
	after, _ := w.User(ctx, u.Merchant, u.ID)
	if after.Password == before.Password || after.Version != before.Version {
		t.Errorf("got %s version %d, before %s version %d", after.Password, after.Version, before.Password, before.Version)
	}
	if _, _, err := dearer.SignIn(ctx, u.Login, good, home, auth.SessionID{}); err != nil {
		t.Errorf("after the new form: %v", err)
	}
}

// One one-time code sets one password, however many try at once.
func TestResetRace(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, u := w.owner(t)
	code, err := w.Reset(t.Context(), partner.Actor{Name: "root"}, u, true)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	results := make(chan error, 4)
	for i := range 4 {
		wg.Go(func() {
			results <- w.ResetPassword(context.Background(), code, fmt.Sprintf("four good words here %d", i), auth.Place{Address: netip.AddrFrom4([4]byte{198, 51, byte(i), 1})})
		})
	}
	wg.Wait()
	close(results)
	set := 0
	for err := range results {
		if err == nil {
			set++
		}
	}
	if set != 1 {
		t.Errorf("%d passwords were set by one code, want 1", set)
	}
}

func ExampleJudge() {
	for _, p := range []string{"four good words here", "password123", "short"} {
		fmt.Printf("%q\n", auth.Judge(p, "anna@example.com"))
	}
	// Output:
	// ""
	// "common"
	// "short"
}

func ExampleFactorKey_Address() {
	key, _ := auth.ParseFactorKey("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
	fmt.Println(key.Address("Shop", "anna"))
	fmt.Println(key.Code(time.Unix(1_800_000_000, 0)))
	// Output:
	// otpauth://totp/Shop:anna?algorithm=SHA1&digits=6&issuer=Shop&period=30&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP
	// 877905
}
