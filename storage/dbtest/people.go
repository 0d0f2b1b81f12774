package dbtest

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/partner"
)

// people is what the suite asks about people's accounts, and about what pages
// follow; see the interfaces of the package auth.
type people interface {
	auth.Users
	auth.Logins
	auth.Factors
	auth.Sessions
	auth.SessionEnds
	auth.Codes
	auth.Throttle
	Pulse(ctx context.Context, merchant partner.MerchantID) (partner.Pulse, error)
	AuditBefore(ctx context.Context, merchant partner.MerchantID, object string, before int64, limit int) ([]partner.AuditEntry, error)
	CatalogCount(ctx context.Context, merchant partner.MerchantID) (int64, error)
}

func (e *env) user(t *testing.T, m partner.MerchantID, login string, role auth.Role) auth.User {
	t.Helper()
	return must[auth.User](t, "create user")(e.CreateUser(e.ctx, actor, auth.User{
		ID: auth.NewUserID(), Merchant: m, Login: login, Name: "Anna Żółć", Role: role, Language: "pl", Password: "$argon2id$x", CreatedAt: e.clock.Now().Truncate(time.Microsecond).UTC(),
	}))
}

func testPeople(t *testing.T, e *env) {
	m, other := e.merchant(t), e.merchant(t)
	if n := must[int](t, "owners")(e.Owners(e.ctx)); n != 0 {
		t.Errorf("got %d owners, want none", n)
	}
	u := e.user(t, m.ID, "anna@example.com", auth.Owner)
	if got := must[auth.User](t, "user")(e.User(e.ctx, m.ID, u.ID)); !reflect.DeepEqual(got, u) {
		t.Errorf("got %+v, want %+v", got, u)
	}
	if got := must[auth.User](t, "find")(e.FindUser(e.ctx, "anna@example.com")); !reflect.DeepEqual(got, u) {
		t.Errorf("got %+v, want %+v", got, u)
	}
	_, err := e.FindUser(e.ctx, "Anna@example.com")
	wantKind(t, "another login", err, feed.KindNotFound)
	_, err = e.User(e.ctx, other.ID, u.ID)
	wantKind(t, "another merchant's user", err, feed.KindNotFound)
	twin := u
	twin.ID, twin.Merchant = auth.NewUserID(), other.ID
	_, err = e.CreateUser(e.ctx, actor, twin)
	wantKind(t, "a login that is taken", err, feed.KindConflict)
	if n := must[int](t, "owners")(e.Owners(e.ctx)); n != 1 {
		t.Errorf("got %d owners, want 1", n)
	}

	next := u
	next.Name, next.Role, next.Factor = "Anna", auth.Manager, auth.Factor{Sealed: []byte{1, 2}, Step: 7, Since: u.CreatedAt}
	next = must[auth.User](t, "update")(e.UpdateUser(e.ctx, actor, "user.role", next))
	if next.Version != 2 {
		t.Errorf("got version %d, want 2", next.Version)
	}
	if got := must[auth.User](t, "user")(e.User(e.ctx, m.ID, u.ID)); !reflect.DeepEqual(got, next) {
		t.Errorf("got %+v, want %+v", got, next)
	}
	_, err = e.UpdateUser(e.ctx, actor, "user.role", u)
	wantKind(t, "an old version", err, feed.KindConflict)
	foreign := next
	foreign.Merchant = other.ID
	_, err = e.UpdateUser(e.ctx, actor, "user.role", foreign)
	wantKind(t, "another merchant's user", err, feed.KindNotFound)

	ok(t, "note login", e.NoteLogin(e.ctx, m.ID, u.ID, u.CreatedAt.Add(time.Hour)))
	ok(t, "renew", e.RenewPassword(e.ctx, m.ID, u.ID, "$argon2id$x", "$argon2id$y"))
	ok(t, "renew what has changed", e.RenewPassword(e.ctx, m.ID, u.ID, "$argon2id$x", "$argon2id$z"))
	if got := must[auth.User](t, "user")(e.User(e.ctx, m.ID, u.ID)); got.Password != "$argon2id$y" || !got.LastLogin.Equal(u.CreatedAt.Add(time.Hour)) || got.Version != 2 {
		t.Errorf("got %+v", got)
	}
	for _, s := range []struct {
		step int64
		used bool
	}{{7, false}, {8, true}, {8, false}, {6, false}, {9, true}} {
		if got := must[bool](t, "use step")(e.UseStep(e.ctx, m.ID, u.ID, s.step)); got != s.used {
			t.Errorf("step %d: got %v, want %v", s.step, got, s.used)
		}
	}
	// The audit tells of accounts and names no secret.
	for _, line := range must[[]partner.AuditEntry](t, "audit")(e.AuditBefore(e.ctx, m.ID, string(u.ID), 0, 10)) {
		if line.Object != string(u.ID) {
			t.Errorf("line of %s among those of %s", line.Object, u.ID)
		}
		for _, text := range []string{line.Before, line.After} {
			if strings.Contains(text, "argon2id") {
				t.Errorf("the audit holds a password: %s", text)
			}
		}
	}
	if n := len(must[[]partner.AuditEntry](t, "audit")(e.AuditBefore(e.ctx, m.ID, string(u.ID), 0, 10))); n != 2 {
		t.Errorf("got %d lines, want 2", n)
	}
}

func testPortalPeople(t *testing.T, e *env) {
	m := e.merchant(t)
	p := e.partner(t, m.ID)
	u := auth.User{ID: auth.NewUserID(), Merchant: m.ID, Partner: p.ID, Login: "bike", Role: auth.Portal, CreatedAt: time.Unix(1_800_000_000, 0).UTC()}
	u = must[auth.User](t, "create")(e.CreateUser(e.ctx, actor, u))
	if got := must[auth.User](t, "user")(e.User(e.ctx, m.ID, u.ID)); !reflect.DeepEqual(got, u) {
		t.Errorf("got %+v, want %+v", got, u)
	}
	stray := u
	stray.ID, stray.Login, stray.Partner = auth.NewUserID(), "stray", partner.NewID()
	_, err := e.CreateUser(e.ctx, actor, stray)
	wantKind(t, "of a partner who is not there", err, feed.KindConflict)
	ok(t, "delete partner", e.DeletePartner(e.ctx, actor, m.ID, p.ID, p.Version))
	_, err = e.User(e.ctx, m.ID, u.ID)
	wantKind(t, "after the partner", err, feed.KindNotFound)
}

func testSessions(t *testing.T, e *env) {
	m, other := e.merchant(t), e.merchant(t)
	u, v := e.user(t, m.ID, "anna", auth.Owner), e.user(t, other.ID, "otto", auth.Owner)
	now := u.CreatedAt
	session := func(b byte, u auth.User) auth.Session {
		s := auth.Session{Hash: [32]byte{b}, Merchant: u.Merchant, User: u.ID, Stage: auth.StageIn, Address: "192.0.2.0", Client: "Firefox", CreatedAt: now, Seen: now, Proved: now}
		ok(t, "create session", e.CreateSession(e.ctx, s))
		return s
	}
	one, two, three, foreign := session(1, u), session(2, u), session(3, u), session(4, v)
	got, who, err := e.FindSession(e.ctx, one.Hash)
	ok(t, "find", err)
	if !reflect.DeepEqual(got, one) || who.ID != u.ID {
		t.Errorf("got %+v of %s, want %+v", got, who.ID, one)
	}
	_, _, err = e.FindSession(e.ctx, [32]byte{9})
	wantKind(t, "an unknown session", err, feed.KindNotFound)
	ok(t, "touch", e.TouchSession(e.ctx, m.ID, one.Hash, now.Add(time.Minute), time.Time{}))
	ok(t, "prove", e.TouchSession(e.ctx, m.ID, two.Hash, now.Add(time.Minute), now.Add(time.Minute)))
	ok(t, "touch another's", e.TouchSession(e.ctx, other.ID, three.Hash, now.Add(time.Hour), now.Add(time.Hour)))
	if s, _, _ := e.FindSession(e.ctx, one.Hash); !s.Seen.Equal(now.Add(time.Minute)) || !s.Proved.Equal(now) {
		t.Errorf("touched: got %+v", s)
	}
	if s, _, _ := e.FindSession(e.ctx, two.Hash); !s.Proved.Equal(now.Add(time.Minute)) {
		t.Errorf("proved: got %+v", s)
	}
	if s, _, _ := e.FindSession(e.ctx, three.Hash); !reflect.DeepEqual(s, three) {
		t.Errorf("touched by another merchant: got %+v", s)
	}
	ok(t, "end another's", e.EndSession(e.ctx, m.ID, foreign.Hash))
	ok(t, "end", e.EndSession(e.ctx, m.ID, three.Hash))
	ok(t, "end twice", e.EndSession(e.ctx, m.ID, three.Hash))
	ok(t, "end the others", e.EndSessions(e.ctx, m.ID, u.ID, one.Hash))
	if list := must[[]auth.Session](t, "list")(e.Sessions(e.ctx, m.ID, u.ID)); len(list) != 1 || list[0].Hash != one.Hash {
		t.Errorf("got %+v, want the first alone", list)
	}
	if list := must[[]auth.Session](t, "list")(e.Sessions(e.ctx, other.ID, v.ID)); len(list) != 1 {
		t.Errorf("another's: got %d sessions, want 1", len(list))
	}
	ok(t, "prune", e.PruneSessions(e.ctx, now.Add(auth.SessionIdle+30*time.Second)))
	if _, _, err := e.FindSession(e.ctx, one.Hash); err != nil {
		t.Errorf("pruned while it lives: %v", err)
	}
	ok(t, "prune", e.PruneSessions(e.ctx, now.Add(auth.SessionIdle+2*time.Minute)))
	_, _, err = e.FindSession(e.ctx, one.Hash)
	wantKind(t, "after its end", err, feed.KindNotFound)
}

func testCodes(t *testing.T, e *env) {
	m := e.merchant(t)
	u := e.user(t, m.ID, "anna", auth.Owner)
	now := e.clock.Now().UTC().Truncate(time.Microsecond)
	c := auth.Code{Hash: [32]byte{7}, Purpose: auth.Reset, Merchant: m.ID, User: u.ID, Expires: now.Add(time.Hour)}
	ok(t, "create", e.CreateCode(e.ctx, c))
	ok(t, "create", e.CreateCode(e.ctx, auth.Code{Hash: [32]byte{8}, Purpose: auth.Setup, Expires: now.Add(-time.Second)}))
	if got := must[auth.Code](t, "find")(e.FindCode(e.ctx, c.Hash)); !reflect.DeepEqual(got, c) {
		t.Errorf("got %+v, want %+v", got, c)
	}
	_, err := e.FindCode(e.ctx, [32]byte{8})
	wantKind(t, "an expired code", err, feed.KindNotFound)
	var wg sync.WaitGroup
	used := make(chan error, 4)
	for range 4 {
		wg.Go(func() {
			_, err := e.UseCode(e.ctx, c.Hash)
			used <- err
		})
	}
	wg.Wait()
	close(used)
	times := 0
	for err := range used {
		if err == nil {
			times++
		} else if feed.KindOf(err) != feed.KindNotFound {
			t.Errorf("use: %v", err)
		}
	}
	if times != 1 {
		t.Errorf("the code was used %d times, want once", times)
	}

	hashes := [][32]byte{{1}, {2}, {3}}
	ok(t, "set recovery", e.SetRecovery(e.ctx, m.ID, u.ID, hashes))
	for _, s := range []struct {
		m    partner.MerchantID
		hash byte
		want bool
	}{{m.ID, 1, true}, {m.ID, 1, false}, {m.ID, 9, false}, {e.merchant(t).ID, 2, false}} {
		if got := must[bool](t, "use")(e.UseRecovery(e.ctx, s.m, u.ID, [32]byte{s.hash})); got != s.want {
			t.Errorf("recovery code %d: got %v, want %v", s.hash, got, s.want)
		}
	}
	if n := must[int](t, "left")(e.Recovery(e.ctx, m.ID, u.ID)); n != 2 {
		t.Errorf("%d left, want 2", n)
	}
	ok(t, "take away", e.SetRecovery(e.ctx, m.ID, u.ID, nil))
	if n := must[int](t, "left")(e.Recovery(e.ctx, m.ID, u.ID)); n != 0 {
		t.Errorf("%d left, want none", n)
	}
}

func testFailures(t *testing.T, e *env) {
	a, b := [32]byte{1}, [32]byte{2}
	at := time.Unix(1_800_000_000, 0).UTC()
	for i := range 3 {
		ok(t, "fail", e.Fail(e.ctx, [][32]byte{a, b}, at.Add(time.Duration(i)*time.Second), at.Add(-time.Hour)))
	}
	ok(t, "forget", e.Forget(e.ctx, [][32]byte{b}))
	want := []auth.Failures{{}, {Count: 3, Last: at.Add(2 * time.Second)}}
	if got := must[[]auth.Failures](t, "failures")(e.Failures(e.ctx, [][32]byte{b, a})); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	ok(t, "fail later", e.Fail(e.ctx, [][32]byte{a}, at.Add(time.Hour), at.Add(time.Minute)))
	if got := must[[]auth.Failures](t, "failures")(e.Failures(e.ctx, [][32]byte{a})); got[0].Count != 1 {
		t.Errorf("after a long time: got %d, want 1", got[0].Count)
	}
}

func testPulse(t *testing.T, e *env) {
	m, other := e.merchant(t), e.merchant(t)
	before := must[partner.Pulse](t, "pulse")(e.Pulse(e.ctx, m.ID))
	e.shop(t, m.ID)
	after := must[partner.Pulse](t, "pulse")(e.Pulse(e.ctx, m.ID))
	if before.Audit == after.Audit || before.Runs != after.Runs {
		t.Errorf("after a change: got %+v, before %+v", after, before)
	}
	e.shop(t, other.ID)
	if again := must[partner.Pulse](t, "pulse")(e.Pulse(e.ctx, m.ID)); again != after {
		t.Errorf("after another's change: got %+v, want %+v", again, after)
	}
	if n := must[int64](t, "count")(e.CatalogCount(e.ctx, m.ID)); n != 0 {
		t.Errorf("got %d products, want none", n)
	}
	all := must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, m.ID, 0, 100))
	back := must[[]partner.AuditEntry](t, "audit")(e.AuditBefore(e.ctx, m.ID, "", 0, 100))
	if len(all) != len(back) || len(all) < 2 || !reflect.DeepEqual(all[0], back[len(back)-1]) {
		t.Errorf("backwards: got %+v, forwards %+v", back, all)
	}
	if rest := must[[]partner.AuditEntry](t, "audit")(e.AuditBefore(e.ctx, m.ID, "", back[0].Number, 1)); len(rest) != 1 || rest[0].Number != back[1].Number {
		t.Errorf("below the newest: got %+v, want %+v", rest, back[1])
	}
}
