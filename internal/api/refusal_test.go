package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"feedmill/internal/api"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// asked are records that note what is done with keys, and what else.
type asked struct {
	manage.Records
	list   []string
	noNote error // why the use of a key cannot be noted
}

func (a *asked) FindKey(ctx context.Context, id partner.KeyID) (partner.Key, error) {
	a.list = append(a.list, "find key")
	return a.Records.FindKey(ctx, id)
}

func (a *asked) UseKey(ctx context.Context, m partner.MerchantID, id partner.KeyID, at time.Time) error {
	a.list = append(a.list, "use key")
	if a.noNote != nil {
		return a.noNote
	}
	return a.Records.UseKey(ctx, m, id, at)
}

// A key that is refused is answered the same whatever the reason, and costs the
// records the same: nobody learns whether a key was ever there.
func TestRefusedKeysAreAlike(t *testing.T) {
	t.Parallel()
	for _, database := range databases {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			db := &asked{}
			var keys *manage.Service
			w := setup(t, database, api.Options{})
			db.Records = w.db
			keys = manage.New(db, func(_ context.Context, m partner.MerchantID) (manage.Catalog, error) { return w.snapshot(m) }, w.store, w.Now)
			opt := api.Options{Now: w.Now, RequestID: func(context.Context) string { return "req-1" }, PerMinute: -1, RefusedPerMinute: -1,
				Authenticate: func(ctx context.Context, key string, from netip.Addr) (manage.Identity, error) {
					return keys.AuthenticateFrom(ctx, key, from)
				}}
			var err error
			w.api, err = api.New(w.manage, w.db, opt)
			check(t, err)

			stored := func(change func(*partner.Key)) string {
				t.Helper()
				k, secret := partner.NewKey(w.mine.ID, "key", partner.KeyScopes, w.Now(), time.Time{})
				change(&k)
				check(t, w.db.CreateKey(w.ctx, w.mine.owner.Actor, k))
				return secret.Reveal()
			}
			var revoked partner.KeyID
			tries := []struct{ why, secret string }{
				{"unknown", func() string {
					_, secret := partner.NewKey(w.mine.ID, "key", partner.KeyScopes, w.Now(), time.Time{})
					return secret.Reveal()
				}()},
				{"another secret", stored(func(k *partner.Key) { k.SecretHash[0] ^= 1 })},
				{"revoked", stored(func(k *partner.Key) { revoked = k.ID })},
				{"expired", stored(func(k *partner.Key) { k.ExpiresAt = w.Now().Add(time.Hour).Truncate(time.Second) })},
				{"from elsewhere", stored(func(k *partner.Key) { k.CIDRs = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")} })},
			}
			live := stored(func(*partner.Key) {})
			check(t, w.db.RevokeKey(w.ctx, w.mine.owner.Actor, w.mine.ID, revoked))
			w.Pass(2 * time.Hour)
			for _, r := range []request{{method: http.MethodGet, path: "/partners"}, {method: http.MethodGet, path: "/nothing"},
				{method: http.MethodPost, path: "/partners", body: `{"name":"x"}`}} {
				var first answer
				var did []string
				for i, try := range tries {
					db.list = nil
					r.key = try.secret
					a := w.send(r)
					if a.status != http.StatusUnauthorized {
						t.Errorf("%s %s, %s: status %d", r.method, r.path, try.why, a.status)
					}
					if i == 0 {
						first, did = a, db.list
						continue
					}
					if !bytes.Equal(a.body, first.body) || !reflect.DeepEqual(a.header, first.header) {
						t.Errorf("%s %s, %s: %v %s, for an unknown key %v %s", r.method, r.path, try.why, a.header, a.body, first.header, first.body)
					}
					if !slices.Equal(db.list, did) {
						t.Errorf("%s %s, %s: the records did %q, for an unknown key %q", r.method, r.path, try.why, db.list, did)
					}
				}
				if r.path == "/partners" && fmt.Sprint(did) != "[find key]" {
					t.Errorf("for an unknown key the records did %q", did)
				}
			}
			db.list = nil
			if a := w.send(request{method: http.MethodGet, path: "/partners", key: live}); a.status != http.StatusOK || fmt.Sprint(db.list) != "[find key use key]" {
				t.Errorf("a live key: status %d, the records did %q", a.status, db.list)
			}
			// A full disk, or a database that takes no changes, refuses the note and not the request.
			w.Pass(2 * time.Minute)
			db.noNote = errors.New("database or disk is full")
			if a := w.send(request{method: http.MethodGet, path: "/partners", key: live}); a.status != http.StatusOK {
				t.Errorf("a key whose use cannot be noted: status %d, want %d", a.status, http.StatusOK)
			}
		})
	}
}
