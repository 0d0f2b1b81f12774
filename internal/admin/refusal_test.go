package admin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"feedmill/internal/auth"
	"feedmill/internal/partner"
)

// Whoever is not let in reads the same page, whether there is an account with
// the login or not, whether a code was used, has expired or never was, and
// whether people of a partner or the merchant's own ask.
func TestRefusalsAreAlike(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.setUp("Hurtownia")
	m, ctx := s.merchant(""), t.Context()
	blocked, err := s.db.CreatePartner(ctx, partner.Actor{Name: "test"}, partner.Partner{ID: partner.NewID(), Merchant: m.ID, Name: "Nord", State: partner.StateBlocked})
	if err != nil {
		t.Fatal(err)
	}
	account := func(login string, role auth.Role, of partner.ID, password bool) (auth.User, string) {
		t.Helper()
		u, code, err := s.auth.NewUser(ctx, partner.Actor{Name: "test"}, auth.User{Merchant: m.ID, Partner: of, Login: login, Role: role})
		if err == nil && password {
			err = s.auth.ResetPassword(ctx, code, goodPassword, auth.Place{})
		}
		if err == nil {
			u, err = s.auth.User(ctx, m.ID, u.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		return u, code
	}
	off, used := account("off-off", auth.Manager, "", true)
	off.DisabledAt = s.Now()
	if _, err := s.auth.Change(ctx, partner.Actor{Name: "test"}, off); err != nil {
		t.Fatal(err)
	}
	account("portals", auth.Portal, blocked.ID, true)
	_, expired := account("passnot", auth.Manager, "", false)
	s.Pass(auth.ResetLife + time.Minute)

	ask := func(path, name, value string, rest ...string) string {
		b := s.browser()
		var a answer
		if len(rest) > 0 {
			a = b.post(path, append([]string{name, value}, rest...)...)
		} else {
			a = b.get(path + "?" + name + "=" + value)
		}
		if a.status < http.StatusBadRequest {
			t.Errorf("%s with %s %q: status %d to %q", path, name, value, a.status, a.to())
		}
		page := strings.ReplaceAll(a.body, value, "VALUE")
		for _, header := range []string{"Set-Cookie", "Cache-Control", "Content-Length", "Retry-After"} {
			page += "\n" + header + ": " + strings.Join(a.header[header], "; ")
		}
		return http.StatusText(a.status) + "\n" + page
	}
	const bad = "four bad words here"
	first := ask("/sign-in", "login", "nobody1", "password", bad)
	for login, password := range map[string]string{"off-off": goodPassword, "passnot": goodPassword, "portals": bad} {
		if got := ask("/sign-in", "login", login, "password", password); got != first {
			t.Errorf("signing in as %s reads\n%s\nas nobody\n%s", login, got, first)
		}
	}
	never := strings.Repeat("a", len(used))
	shown, set := ask("/reset", "code", never), ask("/reset", "code", never, "new-password", goodPassword+" 2")
	for why, code := range map[string]string{"used": used, "expired": expired} {
		if got := ask("/reset", "code", code); got != shown {
			t.Errorf("a code that was %s reads\n%s\none that never was\n%s", why, got, shown)
		}
		if got := ask("/reset", "code", code, "new-password", goodPassword+" 2"); got != set {
			t.Errorf("setting a password by a code that was %s reads\n%s\nby one that never was\n%s", why, got, set)
		}
	}
}
