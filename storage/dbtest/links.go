package dbtest

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"feedmill/feed"
	"feedmill/internal/partner"
)

func testLinkSettings(t *testing.T, e *env) {
	m, o := e.account(t)
	now := e.clock.Now()
	l, _ := partner.NewLink(m.ID, o.ID, "shop software", now, time.Time{})
	cidrs, err := partner.ParseCIDRs("203.0.113.0/24, 2001:db8::/48")
	ok(t, "networks", err)
	l.CIDRs = cidrs
	ok(t, "link", e.CreateLink(e.ctx, actor, l))
	if got := must[partner.Link](t, "link")(e.Link(e.ctx, m.ID, l.ID)); !reflect.DeepEqual(got, l) {
		t.Fatalf("got %+v, want %+v", got, l)
	}
	end := now.Add(48 * time.Hour)
	got := must[partner.Link](t, "update")(e.UpdateLink(e.ctx, actor, m.ID, l.ID, partner.LinkSettings{Name: "other", CIDRs: "198.51.100.7", ExpiresAt: end}, 1))
	if got.Name != "other" || partner.FormatCIDRs(got.CIDRs) != "198.51.100.7/32" || !got.ExpiresAt.Equal(end) || got.Version != 2 || got.SecretHash != l.SecretHash {
		t.Errorf("after an update: %+v", got)
	}
	if read := must[partner.Link](t, "link")(e.Link(e.ctx, m.ID, l.ID)); !reflect.DeepEqual(read, got) {
		t.Errorf("read %+v, want %+v", read, got)
	}
	_, err = e.UpdateLink(e.ctx, actor, m.ID, l.ID, partner.LinkSettings{Name: "x"}, 1)
	wantKind(t, "stale link", err, feed.KindConflict)
	_, err = e.UpdateLink(e.ctx, actor, m.ID, l.ID, partner.LinkSettings{Name: "x", CIDRs: "10.0.0.1/8"}, 2)
	wantKind(t, "bits behind a prefix", err, feed.KindInvalid)
	_, err = e.UpdateLink(e.ctx, actor, m.ID, l.ID, partner.LinkSettings{Name: ""}, 2)
	wantKind(t, "link without a name", err, feed.KindInvalid)
	// An end that is taken back must not make a third live link.
	e.clock.advance(72 * time.Hour)
	for range 2 {
		next, _ := partner.NewLink(m.ID, o.ID, "next", e.clock.Now(), time.Time{})
		ok(t, "link", e.CreateLink(e.ctx, actor, next))
	}
	_, err = e.UpdateLink(e.ctx, actor, m.ID, l.ID, partner.LinkSettings{Name: "x"}, 2)
	wantKind(t, "a third link brought to life", err, feed.KindConflict)
	ok(t, "revoke", e.RevokeLink(e.ctx, actor, m.ID, l.ID))
	_, err = e.UpdateLink(e.ctx, actor, m.ID, l.ID, partner.LinkSettings{Name: "x"}, 3)
	wantKind(t, "a revoked link", err, feed.KindConflict)
	wantKind(t, "a revoked link resumed", e.ResumeLink(e.ctx, actor, m.ID, l.ID), feed.KindConflict)
	ok(t, "a revoked link suspended", e.SuspendLink(e.ctx, actor, m.ID, l.ID))
	if got := must[partner.Link](t, "link")(e.Link(e.ctx, m.ID, l.ID)); !got.SuspendedAt.IsZero() {
		t.Errorf("a revoked link is noted as suspended too: %+v", got)
	}
	all := must[[]partner.Link](t, "links")(e.Links(e.ctx, m.ID, ""))
	if len(all) != 3 {
		t.Errorf("the merchant has %d links, want 3", len(all))
	}
	bad, _ := partner.NewLink(m.ID, o.ID, "orders", e.clock.Now(), time.Time{})
	bad.Scopes = partner.ScopeFeedRead | partner.ScopeOrdersWrite
	wantKind(t, "a link for orders", e.CreateLink(e.ctx, actor, bad), feed.KindInvalid)
}

func testLinkSuspension(t *testing.T, e *env) {
	m, o := e.account(t)
	l, _ := partner.NewLink(m.ID, o.ID, "l", e.clock.Now(), time.Time{})
	ok(t, "link", e.CreateLink(e.ctx, actor, l))
	told := 0
	defer e.Subscribe(func() { told++ })()
	ok(t, "suspend", e.SuspendLink(e.ctx, actor, m.ID, l.ID))
	ok(t, "suspend twice", e.SuspendLink(e.ctx, actor, m.ID, l.ID))
	if told != 1 {
		t.Errorf("the subscriber was told %d times, want once", told)
	}
	seen := must[partner.Accounts](t, "accounts")(e.Accounts(e.ctx)).Links
	if len(seen) != 1 || seen[0].SuspendedAt.IsZero() {
		t.Errorf("file servers see %+v", seen)
	}
	ok(t, "resume", e.ResumeLink(e.ctx, actor, m.ID, l.ID))
	ok(t, "resume twice", e.ResumeLink(e.ctx, actor, m.ID, l.ID))
	if got := must[partner.Link](t, "link")(e.Link(e.ctx, m.ID, l.ID)); !got.SuspendedAt.IsZero() || !got.RevokedAt.IsZero() {
		t.Errorf("resumed: %+v", got)
	}
	var actions []string
	for _, line := range e.lastAudit(t, m.ID, 2) {
		actions = append(actions, line.Action)
	}
	if !slices.Equal(actions, []string{"link.suspend", "link.resume"}) {
		t.Errorf("audited as %v", actions)
	}
}

// testLinksNeverMoreThanTwo makes, rotates, revokes, ends and lets links end at
// random, and counts after each act.
func testLinksNeverMoreThanTwo(t *testing.T, e *env) {
	m, o := e.account(t)
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(1, 4).Draw(r, "acts") {
			links, err := e.Links(e.ctx, m.ID, o.ID)
			if err != nil {
				r.Fatal(err)
			}
			fresh, _ := partner.NewLink(m.ID, o.ID, "l", e.clock.Now(), time.Time{})
			if rapid.Bool().Draw(r, "ends") {
				fresh.ExpiresAt = e.clock.Now().Add(time.Duration(rapid.IntRange(1, 5).Draw(r, "hours")) * time.Hour)
			}
			some, version := partner.NewLinkID(), int64(0)
			if len(links) > 0 {
				l := links[rapid.IntRange(max(len(links)-4, 0), len(links)-1).Draw(r, "which")]
				some, version = l.ID, l.Version
			}
			switch rapid.IntRange(0, 4).Draw(r, "act") {
			case 0:
				err = e.CreateLink(e.ctx, actor, fresh)
			case 1:
				err = e.RotateLink(e.ctx, actor, some, fresh, time.Duration(rapid.IntRange(0, 3).Draw(r, "overlap"))*time.Hour)
			case 2:
				err = e.RevokeLink(e.ctx, actor, m.ID, some)
			case 3:
				_, err = e.UpdateLink(e.ctx, actor, m.ID, some, partner.LinkSettings{Name: "l"}, version)
			case 4:
				e.clock.advance(time.Hour)
			}
			if k := feed.KindOf(err); err != nil && k != feed.KindConflict && k != feed.KindNotFound {
				r.Fatal(err)
			}
			now := e.clock.Now()
			if links, err = e.Links(e.ctx, m.ID, o.ID); err != nil {
				r.Fatal(err)
			}
			live := 0
			for i := range links {
				if links[i].Live(now) {
					live++
				}
			}
			if live > partner.MaxLiveLinks {
				r.Fatalf("%d links are live", live)
			}
		}
	})
}

func testKeys(t *testing.T, e *env) {
	m := e.merchant(t)
	now := e.clock.Now()
	k, secret := partner.NewKey(m.ID, "stock system", partner.ScopeProductsRead|partner.ScopeProductsWrite, now, now.Add(time.Hour))
	var err error
	k.CIDRs, err = partner.ParseCIDRs("203.0.113.0/24, 2001:db8::/48")
	ok(t, "networks", err)
	ok(t, "key", e.CreateKey(e.ctx, actor, k))
	wantKind(t, "key twice", e.CreateKey(e.ctx, actor, k), feed.KindConflict)
	list := must[[]partner.Key](t, "keys")(e.Keys(e.ctx, m.ID))
	if len(list) != 1 || !reflect.DeepEqual(list[0], k) {
		t.Errorf("keys = %+v, want %+v", list, k)
	}
	got := must[partner.Key](t, "find")(e.FindKey(e.ctx, secret.Key()))
	if !reflect.DeepEqual(got, k) || !secret.Matches(got.SecretHash) || !got.Live(now) || got.Live(now.Add(time.Hour)) {
		t.Errorf("found %+v, want %+v", got, k)
	}
	ok(t, "use", e.UseKey(e.ctx, m.ID, k.ID, now))
	ok(t, "use again at once", e.UseKey(e.ctx, m.ID, k.ID, now.Add(time.Second)))
	if got := must[partner.Key](t, "find")(e.FindKey(e.ctx, k.ID)); !got.LastUsed.Equal(now) {
		t.Errorf("last used at %v, want %v", got.LastUsed, now)
	}
	ok(t, "use later", e.UseKey(e.ctx, m.ID, k.ID, now.Add(2*time.Minute)))
	if got := must[partner.Key](t, "find")(e.FindKey(e.ctx, k.ID)); !got.LastUsed.Equal(now.Add(2 * time.Minute)) {
		t.Errorf("last used at %v", got.LastUsed)
	}
	ok(t, "revoke", e.RevokeKey(e.ctx, actor, m.ID, k.ID))
	ok(t, "revoke twice", e.RevokeKey(e.ctx, actor, m.ID, k.ID))
	if got := must[partner.Key](t, "find")(e.FindKey(e.ctx, k.ID)); got.Live(now) {
		t.Errorf("a revoked key is live: %+v", got)
	}
	_, err = e.FindKey(e.ctx, partner.NewKeyID())
	wantKind(t, "unknown key", err, feed.KindNotFound)
	bad, _ := partner.NewKey(m.ID, "orders", partner.ScopeOrdersRead, now, time.Time{})
	wantKind(t, "a key with a link's or a partner's scope", e.CreateKey(e.ctx, actor, bad), feed.KindInvalid)
	for _, line := range e.lastAudit(t, m.ID, 2) {
		if line.Object != string(k.ID) || line.Action != "key.create" && line.Action != "key.revoke" {
			t.Errorf("audit: %+v", line)
		}
	}
}

func testIdempotency(t *testing.T, e *env) {
	m := e.merchant(t)
	one, two := [32]byte{1}, [32]byte{2}
	begin := func(what string, print [32]byte) *partner.IdempotentAnswer {
		t.Helper()
		return must[*partner.IdempotentAnswer](t, what)(e.BeginIdempotent(e.ctx, m.ID, "key-1", print))
	}
	if a := begin("first", one); a != nil {
		t.Fatalf("a first request is answered %+v", a)
	}
	_, err := e.BeginIdempotent(e.ctx, m.ID, "key-1", one)
	wantKind(t, "twice at once", err, feed.KindConflict)
	_, err = e.BeginIdempotent(e.ctx, m.ID, "key-1", two)
	wantKind(t, "another request under its key", err, feed.KindInvalid)
	ok(t, "end", e.EndIdempotent(e.ctx, m.ID, "key-1", partner.IdempotentAnswer{Status: 201, Body: []byte(`{"id":1}`)}))
	for range 2 {
		if a := begin("again", one); a == nil || a.Status != 201 || string(a.Body) != `{"id":1}` {
			t.Errorf("sent again it is answered %+v", a)
		}
	}
	ok(t, "forget what has an answer", e.ForgetIdempotent(e.ctx, m.ID, "key-1"))
	if begin("still", one) == nil {
		t.Error("an answer was forgotten")
	}
	_, err = e.BeginIdempotent(e.ctx, m.ID, "key-1", two)
	wantKind(t, "another request under its key", err, feed.KindInvalid)
	e.clock.advance(partner.IdempotencyAge)
	if a := begin("after a week", two); a != nil {
		t.Errorf("after a week it is answered %+v", a)
	}
	ok(t, "forget", e.ForgetIdempotent(e.ctx, m.ID, "key-1"))
	if begin("after nothing came of it", one) != nil {
		t.Error("a request that came to nothing has an answer")
	}
	e.clock.advance(partner.IdempotencyTries)
	if begin("after it never ended", one) != nil {
		t.Error("a request that never ended has an answer")
	}
	_, err = e.BeginIdempotent(e.ctx, m.ID, "", one)
	wantKind(t, "no key", err, feed.KindInvalid)
	// Keys are each merchant's own.
	other := e.merchant(t)
	if a := must[*partner.IdempotentAnswer](t, "other")(e.BeginIdempotent(e.ctx, other.ID, "key-1", two)); a != nil {
		t.Errorf("another merchant's key is answered %+v", a)
	}
}
